# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
# What the scripts share: messages, steps that say what they are doing, and Debian's packages. Sourced.

set -euo pipefail
# Debian's own tools go before anything else of these names that a user has installed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
CHILD=

PACKAGES_BUILD=(gcc libc6-dev meson ninja-build pkgconf libdpdk-dev libyaml-dev libmicrohttpd-dev
	libc-ares-dev libmnl-dev nettle-dev libjansson-dev zlib1g-dev)
PACKAGES_LAB=(iproute2 ethtool python3)
PACKAGES_TEST=(libcmocka-dev libprotobuf-c-dev protobuf-c-compiler python3-scapy tshark dnsmasq-base nftables
	tcpdump procps iputils-ping curl valgrind clang-format-14 shellcheck codespell mandoc systemd
	python3-yaml)
PACKAGES_DEB=(dpkg-dev binutils git)
PACKAGES_GUEST=(qemu-system-x86 busybox-static kmod)
PACKAGES_GUEST_DEBIAN=(mmdebstrap e2fsprogs lintian)

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Runs a command in the background, in a process group of its own, and waits for it: so traps run at once when
# a signal comes, and end all of it.
run_child() {
	local status=0
	start_child "$@"
	wait "$CHILD" || status=$?
	CHILD=
	return "$status"
}

start_child() {
	set -m
	"$@" </dev/null &
	CHILD=$!
	set +m
}

# Ends what run_child or step runs; for traps. TERM first, KILL after ten seconds.
end_child() {
	local deadline=$((SECONDS + 10))
	[ -n "$CHILD" ] || return 0
	kill -TERM -- "-$CHILD" 2>/dev/null || true
	while kill -0 -- "-$CHILD" 2>/dev/null; do
		((SECONDS < deadline)) || kill -KILL -- "-$CHILD" 2>/dev/null || true
		sleep 0.05
	done
	CHILD=
}

# step TEXT LOGFILE COMMAND...: runs a command with its output in LOGFILE and shows that it is going on; the
# end of the log where it fails.
step() {
	local text=$1 log=$2 began=$SECONDS status=0 last
	shift 2
	start_child "$@" >"$log" 2>&1
	[ -t 1 ] || say "$text ..."
	while kill -0 "$CHILD" 2>/dev/null; do
		if [ -t 1 ]; then
			last=$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c 1-60)
			printf '\r\033[K%s ... %d s  %s' "$text" $((SECONDS - began)) "$last"
		elif ((SECONDS > began && (SECONDS - began) % 15 == 0)); then
			say "  ... $((SECONDS - began)) s"
		fi
		sleep 1
	done
	wait "$CHILD" || status=$?
	CHILD=
	[ ! -t 1 ] || printf '\r\033[K'
	if ((status != 0)); then
		say "$text: failed after $((SECONDS - began)) s, the end of the log:"
		tail -n 30 "$log"
		return "$status"
	fi
	say "$text: done in $((SECONDS - began)) s"
}

# Which of these Debian packages are not installed, one a line.
packages_missing() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$package"
	done
}

# packages_install LOGFILE PACKAGE...: installs those that are missing, touches nothing else.
packages_install() {
	local log=$1 missing
	shift
	command -v dpkg-query >/dev/null ||
		die "this is no Debian; what is needed has these names there: $*"
	mapfile -t missing < <(packages_missing "$@")
	((${#missing[@]} > 0)) || return 0
	((EUID == 0)) || die "root is needed to install packages: ${missing[*]}"
	say "missing packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	step "updating the package lists" "$log" apt-get update
	step "installing ${#missing[@]} packages with what they need" "$log" \
		apt-get install -y --no-install-recommends "${missing[@]}"
}

# build_setup DIR OPTION...: configures a build directory that isn't one yet.
build_setup() {
	local dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$dir" "$TOP" "$@"
}
