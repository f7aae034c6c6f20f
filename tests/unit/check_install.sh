#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What `meson install` puts into a folder is whole, and the program there runs with what lies beside it.
# $1: the build folder; $2: the prefix.
set -eu
build=$1 prefix=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
	echo "$*" && exit 1
}

DESTDIR=$folder meson install -C "$build" --no-rebuild --quiet
program=$folder$prefix/bin/echolane bind=$folder$prefix/sbin/echolane-bind share=$folder$prefix/share
for file in "$program" "$bind" "$share/man/man8/echolane.8" "$share/man/man8/echolane-bind.8" "$share/man/man5/echolane.yaml.5" \
	"$share/man/man8/echolane-mesh.8" \
	"$share/bash-completion/completions/echolane" "$share/echolane/drivers-cfg/generic.yaml" \
	"$folder$prefix/lib/systemd/system/echolane.service" "$folder$prefix/bin/echolane-mesh" "$share/echolane/mesh.yaml"; do
	[ -s "$file" ] || fail "$file is missing: $(find "$folder" -type f)"
done
programs="$program"$'\n'"$program-mesh"$'\n'"$bind"
[ "$(find "$folder" -type f -perm /111 | LC_ALL=C sort)" = "$programs" ] || fail "not only the programs may be run"
[ -z "$(find "$folder" -mindepth 1 ! -type l -perm /022)" ] || fail "others may write: $(find "$folder" -perm /022)"

cat >"$folder/config.yaml" <<'END'
global: {probe_name: p, interval: 10, nb_proc: 1, logging_level: INFO, prometheus_port: 8000, dns_update_interval: 300}
groups: {g: {}}
targets: {t: {type: ICMPping, destination: 192.0.2.1}}
dataplane:
  ports: [{device: "af_packet:nowhere0", profile: installed, addresses: [192.0.2.10/24]}]
END
cd "$folder"
[[ "$("$program" --version)" == echolane\ [0-9]* ]] || fail "--version: $("$program" --version)"
"$bind" status >bound || fail "echolane-bind: $(cat bound)"
! find "$folder" -name '*.pyc' | grep . || fail "echolane-bind leaves files behind"
# only a profile of this place has the name
! "$program" check config.yaml 2>err || fail "the profile is somewhere else"
grep -q 'installed' err || fail "check: $(cat err)"
cp "$share/echolane/drivers-cfg/af_packet.yaml" "$share/echolane/drivers-cfg/installed.yaml"
"$program" check config.yaml 2>err || fail "check: $(cat err)"
# it has its own parts from this place, and leaves nothing there
"$program-mesh" "$share/echolane/mesh.yaml" --out mesh >out || fail "echolane-mesh: $(cat out)"
grep -q '^5 appliances, 20 directions, 8 files changed$' out || fail "echolane-mesh: $(cat out)"
[ -z "$(find "$folder$prefix" -name '__pycache__')" ] || fail "echolane-mesh has left something in its place"
