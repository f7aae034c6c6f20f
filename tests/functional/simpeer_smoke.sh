#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The simulated peer on one end of a veth pair against the kernel's own ping and raw sockets on the other: what
# the script says is exactly what the kernel sees. usage: simpeer_smoke.sh [SIMPEER]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
simpeer=${1:-${SIMPEER:-$here/../../build/app/simpeer/simpeer}}
script=$here/../data/simpeer/smoke.yaml
tag=sp$$
near=$tag-a far=$tag-b pid=
tmp=$(mktemp -d)

skip() {
	echo "skipped: $1"
	exit 77
}

fail() {
	echo "FAILED: $1" >&2
	find "$tmp" -maxdepth 1 -type f -exec cat {} + >&2 # not of the pipe, which has no end
	exit 1
}

cleanup() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	ip netns del "$near" 2>/dev/null || true
	ip netns del "$far" 2>/dev/null || true
	rm -rf "$tmp" "/var/run/dpdk/$tag"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

[ "$(id -u)" = 0 ] || skip "needs root"
for tool in ip ping ethtool python3; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
ip netns add "$near" 2>/dev/null || skip "can't make network namespaces"
ip netns add "$far"

ip -n "$near" link add "$tag" type veth peer name peer0 netns "$far"
ip netns exec "$near" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$tag/disable_ipv6"
ip netns exec "$far" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/peer0/disable_ipv6'
ip netns exec "$near" ethtool -K "$tag" tx off >/dev/null # checksums are really written
ip -n "$near" addr add 192.0.2.10/24 dev "$tag"
ip -n "$near" link set lo up
ip -n "$near" link set "$tag" up
ip -n "$far" link set peer0 up
ip -n "$near" route add 198.51.100.0/24 via 192.0.2.1

mkfifo "$tmp/out"
RUNTIME_DIRECTORY=$tmp ip netns exec "$far" "$simpeer" --no-huge -m 128 --no-pci --no-telemetry "--file-prefix=$tag" \
	--vdev net_af_packet0,iface=peer0 -- --script "$script" --stats "$tmp/stats" --yield \
	>"$tmp/out" 2>"$tmp/log" &
pid=$!
read -t 30 -r line <"$tmp/out" || fail "it did not get ready"
[ "$line" = ready ] || fail "got \"$line\", expected \"ready\""

in_near() { ip netns exec "$near" "$@"; }

# Exactly every tenth, the fourth of ten.
in_near ping -n -q -i 0.02 -c 20 -W 1 198.51.100.1 >"$tmp/ping" || true
grep -q '20 packets transmitted, 18 received, 10% packet loss' "$tmp/ping" || fail "loss"

# Never earlier than scripted.
in_near ping -n -q -i 0.05 -c 5 -W 2 198.51.100.2 >"$tmp/slow"
awk -F'[/= ]+' '/^rtt/ { found = 1; if ($6 < 20 || $6 > 200) exit 1 } END { if (!found) exit 1 }' "$tmp/slow" ||
	fail "delay"

in_near ping -n -i 0.02 -c 11 -W 1 198.51.100.3 >"$tmp/twice"
grep -q '+2 duplicates' "$tmp/twice" || fail "duplicates"

in_near python3 "$here/simpeer_client.py" 192.0.2.10 >"$tmp/client" 2>&1 || fail "raw-socket probes"

# SIGUSR1: the counters so far, written whole.
kill -USR1 "$pid"
for _ in $(seq 1000); do
	[ ! -e "$tmp/stats" ] || break
	sleep 0.01
done
[ -e "$tmp/stats" ] || fail "no counters on SIGUSR1"
python3 -m json.tool "$tmp/stats" >"$tmp/check" 2>&1 || fail "counters are no JSON"
rm "$tmp/stats"

kill "$pid"
wait "$pid" || fail "exit status $?"
pid=
python3 - "$tmp/stats" >"$tmp/check" 2>&1 <<'EOF' || fail "counters"
import json
import sys

stats = json.load(open(sys.argv[1], encoding="utf-8"))
rules = {rule["name"]: rule for rule in stats["rules"]}
wanted = {
    ("ping", "icmp"): 20, ("ping", "answered"): 18, ("ping", "dropped"): 2,
    ("slow", "answered"): 5, ("slow", "delayed"): 5,
    ("twice", "answered"): 11, ("twice", "duplicated"): 2, ("twice", "copies"): 2,
    ("listener", "tcp"): 2, ("listener", "answered"): 2, ("listener", "rst"): 2,
    ("closed", "tcp"): 2, ("closed", "answered"): 2, ("closed", "rst"): 0,
    ("filtered", "udp"): 1, ("plain", "udp"): 1, ("plain", "answered"): 1,
}
for (rule, counter), value in wanted.items():
    assert rules[rule][counter] == value, (rule, counter, rules[rule][counter], value)
for rule in stats["rules"]:
    assert rule["received"] == rule["answered"] + rule["dropped"] + rule["silent"] + rule["delay_overflow"], rule
for counter, value in (("half_open_opened", 2), ("half_open_closed", 2), ("half_open_left", 0),
                       ("bad_checksum", 0), ("malformed", 0), ("unsent", 0), ("no_mbuf", 0)):
    assert stats[counter] == value, (counter, stats[counter], value)
EOF
echo "passed: simpeer"
