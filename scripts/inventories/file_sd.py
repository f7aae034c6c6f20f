#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Feeds echolane with the targets of Prometheus' file_sd files, and follows them as they change.

Put a program into the directory that `dataplane.inventories.directory` names. Its name is the
inventory's: that of a target becomes NAME_HOST. With this as /etc/echolane/inventories/racks

    #!/bin/sh
    exec /opt/echolane/scripts/inventories/file_sd.py \\
        --set nb_packets=10 --set 'groups=["standard"]' '/etc/prometheus/racks/*.json'

each address of the files is pinged by the group `standard`. With --type TCPsyn it is the port of
the address that is probed, and HOST is ADDRESS_PORT.

A label `echolane_KEY` of a group in a file sets KEY for its addresses and wins over --set; its
value is JSON, or else a string. A file that is not (yet) valid is reported and what it held last
stays; the targets of one that is gone go with it."""
import argparse
import glob
import json
import os
import re
import sys
import time

LABEL = "echolane_"


def split_address(address):
    """Host and port (None: there is none) of HOST, HOST:PORT, [IPV6]:PORT or an IPv6 address."""
    match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([^:]+)(?::(\d+))?", address)
    if match:
        return match[1] or match[3], int(match[2] or match[4] or 0) or None
    if re.fullmatch(r"[0-9A-Fa-f:.]+", address):
        return address, None
    raise ValueError(f"{address!r} is no address")


def value_of(text):
    """A value of --set or of a label."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def make_target(address, keys):
    """The target of one address."""
    host, port = split_address(address)
    target = {"destination": host, **keys}
    name = host
    if target["type"] == "ICMPping":
        target.pop("dst_port", None)
    else:
        target.setdefault("dst_port", port)
        if target["dst_port"] is None:
            raise ValueError(f"{address!r} has no port: give one with --set dst_port=PORT")
        name = f"{host}_{target['dst_port']}"
    if ":" in host:
        target.setdefault("address_family", "ipv6")
    target.setdefault("hostname", re.sub(r"[^a-z0-9_.-]", "-", name.lower()))
    return target


def read_targets(text, keys):
    """The targets of a file's text. Raises ValueError, with a sentence, for what is wrong."""
    groups = json.loads(text)
    if not isinstance(groups, list):
        raise ValueError("expected a list of target groups")
    targets = []
    for group in groups:
        if not isinstance(group, dict) or not isinstance(group.get("targets"), list):
            raise ValueError('expected a map with "targets" for each group')
        labels = group.get("labels") or {}
        texts = [*labels.values(), *group["targets"]] if isinstance(labels, dict) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError('expected strings in "targets", and a map of strings in "labels"')
        own = {k[len(LABEL):]: value_of(v) for k, v in labels.items() if k.startswith(LABEL)}
        targets += [make_target(address, {**keys, **own}) for address in group["targets"]]
    return targets


class Follower:
    """What the files hold, as far as it could be read."""

    def __init__(self, patterns, keys):
        self.patterns, self.keys = patterns, keys
        self.files = {}  # path: (text, targets)

    def look(self):
        """Reads all files again."""
        paths = {path for pattern in self.patterns for path in glob.glob(pattern)}
        self.files = {path: kept for path, kept in self.files.items() if path in paths}
        for path in sorted(paths):
            text, targets = self.files.get(path, (None, []))
            try:
                with open(path, encoding="utf-8") as file:
                    new = file.read()
                if new != text:
                    text = new
                    targets = read_targets(text, self.keys)
            except (OSError, ValueError, RecursionError) as error:
                print(f"{path}: {error}", file=sys.stderr, flush=True)
            self.files[path] = (text, targets)

    def targets(self):
        """All targets, each name once."""
        return list({t["hostname"]: t for _, ts in sorted(self.files.items()) for t in ts[1]}.values())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--type", default="ICMPping",
                        choices=["ICMPping", "TCPsyn", "UDPunreachable", "STAMP"], help="kind of probe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a key of all targets; VALUE is JSON, or else a string")
    parser.add_argument("--interval", type=float, default=5, metavar="SECONDS",
                        help="how often to look at the files (5)")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file or a pattern (*.json)")
    arguments = parser.parse_args()
    keys = {"type": arguments.type}
    for item in arguments.set:
        key, equals, value = item.partition("=")
        if not equals:
            parser.error(f"--set {item}: expected KEY=VALUE")
        keys[key] = value_of(value)
    follower, printed = Follower(arguments.files, keys), None
    while True:
        follower.look()
        targets = follower.targets()
        if targets != printed:
            print(json.dumps(targets), flush=True)  # JSON needs no line "---" behind it
            printed = targets
        time.sleep(arguments.interval)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # nobody listens any more
        os._exit(0)
