# SPDX-License-Identifier: BSD-3-Clause
"""An appliance's configuration: a row for each target and for each peer that is answered.

A row tells of one peer alone, and where it stands among the others does not depend on how many there are. So another
appliance is another row, or some, in those that it is a peer of.

That probers do not beat together:
- Each begins its rounds at a place of the interval that is a hash of its name (`dataplane.phase`), by the clock of
  the day, whenever it was started.
- Peers lie on a ring, each at a hash of its name. A prober goes round from its own place on. So those that begin
  together probe different peers at any moment.
- All peers have their turn with one type and family before the first has it with the next."""
import functools
import hashlib
import ipaddress
import itertools
import json

from .inventory import TYPES

HEADER = "# Made by echolane-mesh from the mesh's inventory: change that, for this is written over."
ROUND = 2**64


@functools.lru_cache(maxsize=None)
def hashed(what, name):
    """0 to 2^64, the same everywhere and always."""
    return int.from_bytes(hashlib.sha256(f"{what}:{name}".encode()).digest()[:8], "big")


def phase(name):
    """Where in an interval the rounds of this appliance begin: 0 to 1."""
    return hashed("phase", name) / ROUND


def in_turn(appliance, peers):
    """The peers from this appliance's place of the ring on."""
    own = hashed("target", appliance.name)
    return sorted(peers, key=lambda peer: ((hashed("target", peer.name) - own) % ROUND, peer.name))


def targets(inventory, appliance):
    """(name, type, peer, its address) of all targets, in the order of a pass."""
    peers = in_turn(appliance, inventory.peers[appliance.name])
    for kind, version in itertools.product(inventory.types, (4, 6)):
        for peer in peers:
            # no kernel answers STAMP
            if appliance.address(version) and peer.address(version) and not (kind == "STAMP" and peer.kernel):
                yield f"{peer.site}.{peer.name}.{TYPES[kind][0]}.v{version}", kind, peer, peer.address(version)


def quoted(address):
    """An address or prefix; in a line of YAML, a colon could be read otherwise."""
    return f'"{address}"' if address.version == 6 else str(address)


def flow_map(keys):
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def port(appliance):
    """The port's keys; on an interface of the kernel, addresses and routes are the kernel's."""
    keys = {"device": appliance.port["device"]}
    if not appliance.kernel:
        keys["addresses"] = "[" + ", ".join(quoted(a) for a in appliance.addresses) + "]"
    return flow_map({**keys, **appliance.port})


def responder(inventory, appliance):
    """What answers the peers, and nobody else; nothing where the kernel does."""
    if inventory.responder is None or appliance.kernel:
        return
    yield "  responder:"
    yield f"    icmp: {json.dumps('ICMPping' in inventory.types)}"
    yield f"    tcp_ports: [{inventory.types['TCPsyn']['dst_port'] if 'TCPsyn' in inventory.types else ''}]"
    yield f"    udp: {json.dumps('UDPunreachable' in inventory.types)}"
    if "STAMP" in inventory.types:
        yield f"    stamp: {{port: {inventory.types['STAMP']['dst_port']}}}"
    yield from (f"    {key}: {value}" for key, value in inventory.responder.items())
    yield "    allow:"
    for peer in in_turn(appliance, inventory.peers[appliance.name]):
        for version in appliance.families:
            if peer.address(version):
                yield f"      - {quoted(ipaddress.ip_network(peer.address(version)))}"


def lines(inventory, appliance):
    yield HEADER
    yield "global:"
    yield f"  probe_name: {json.dumps(appliance.name)}"
    yield from (f"  {key}: {value}" for key, value in inventory.globals.items())
    yield "groups:"
    yield from (f"  {name}: {flow_map(keys)}" for name, keys in inventory.groups.items())
    yield "targets:"
    for name, kind, _, address in targets(inventory, appliance):
        yield f"  {name}: {flow_map({'type': kind, 'destination': quoted(address), **inventory.types[kind]})}"
    yield "dataplane:"
    yield f"  phase: {phase(appliance.name):.9f}"
    yield from (f"  {key}: {value}" for key, value in inventory.dataplane.items())
    yield "  ports:"
    yield f"    - {port(appliance)}"
    yield from responder(inventory, appliance)


def text(inventory, appliance):
    return "\n".join(lines(inventory, appliance)) + "\n"
