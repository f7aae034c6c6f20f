#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bash's completion ($1) offers what the program's ($2) --help has: commands, options, their values, files.
set -u
# shellcheck source=/dev/null
. "$1"
program=$(realpath "$2") failed=0 checked=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir profiles && touch lane.yaml "two words.yaml"

# expect OFFERED... -- WORD...: what is offered (sorted) for the last of the words behind echolane.
expect() {
	local expected=() got
	while [[ $1 != -- ]]; do
		expected+=("$1") && shift
	done
	shift
	COMP_WORDS=(echolane "$@") COMP_CWORD=$#
	COMPREPLY=(stale)
	_echolane
	mapfile -t got < <(((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort)
	checked=$((checked + 1))
	[[ "${got[*]@Q}" == "${expected[*]@Q}" ]] || {
		echo "echolane $*: expected ${expected[*]@Q}, got ${got[*]@Q}" && failed=1
	}
}

mapfile -t options < <("$program" --help | sed -nE 's/^  (--[a-z-]+).*/\1/p' | LC_ALL=C sort)
mapfile -t commands < <("$program" --help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p' | LC_ALL=C sort)
((${#options[@]} >= 8 && ${#commands[@]} >= 3)) || { echo "--help is not understood" && exit 1; }

[[ "$(complete -p echolane)" == *_echolane* ]] || { echo "nothing completes echolane" && exit 1; }
for option in "${options[@]}"; do
	expect "$option" -- "$option"
done
for command in "${commands[@]}"; do
	expect "$command" -- "$command"
done
expect "${options[@]}" -- --
expect "${options[@]}" -- run --
mapfile -t first < <(printf '%s\n' "${commands[@]}" profiles lane.yaml "two words.yaml" | LC_ALL=C sort)
expect "${first[@]}" -- ''
expect "${first[@]}" -- --print-metrics ''
expect lane.yaml profiles "two words.yaml" -- check ''
expect lane.yaml -- check --print-config l
expect -- reference ''
expect profiles -- --profiles ''
expect profiles -- run --profiles p
expect -- --port ''
expect -- run --rounds ''
expect plain -- --table =
expect plain -- run --table = pl
expect -- run -- ''
expect -- top ''
expect csv json table -- top --format ''
expect late local loss lost -- top --once --sort l
expect lane.yaml -- top --socket l
expect -- top --filter ''
echo "$checked checked"
exit "$failed"
