#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# systemd understands the unit ($1), and what it finds left open in it is at most so many tenths ($2) of 10.
set -eu
command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not installed" && exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
	echo "$*" && exit 1
}

# it is not installed yet
sed -E 's|/\S*/echolane (run\|check)|/bin/true \1|' "$1" >"$folder/echolane.service"
said=$(systemd-analyze verify --man=no "$folder/echolane.service" 2>&1) || fail "$said"
[ -z "$said" ] || fail "$said"
systemd-analyze security --offline=true --no-pager --threshold="$2" "$folder/echolane.service" >"$folder/security" ||
	fail "$(grep -v '^✓' "$folder/security")"
grep -q 'exposure level for echolane.service: [0-9]' "$folder/security" || fail "nothing was looked at: $(cat "$folder/security")"
grep -qE '^ExecStart=/.*/echolane run ' "$1" || fail "run is not started"
grep -qE '^ExecReload=/.*/echolane check ' "$1" || fail "a reload does not check"
