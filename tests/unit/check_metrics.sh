#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# promtool accepts the golden page ($1), save for names that compatibility with netprobify fixes.
command -v promtool >/dev/null || { echo "promtool is not installed"; exit 77; }
allowed=$(cat <<'LINES'
tcpsyn_match_ack_fail_count non-histogram and non-summary metrics should not have "_count" suffix
tcpsyn_port_mismatch_count non-histogram and non-summary metrics should not have "_count" suffix
udp_unreachable_port_mismatch_count non-histogram and non-summary metrics should not have "_count" suffix
LINES
)
got=$(promtool check metrics <"$1" 2>&1)
if [ "$got" != "$allowed" ]; then
	printf 'promtool says:\n%s\nallowed is:\n%s\n' "$got" "$allowed"
	exit 1
fi
