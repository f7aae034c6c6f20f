# SPDX-License-Identifier: BSD-3-Clause
"""A port on a VLAN, of each NIC that the emulator has, by each driver of the kernel's that gives NICs to programs: the tags
are the prober's own, whatever the NIC could do with them. The host's kernel knows no VLANs, so its end of the link is a
program (tests/functional/hosts.py)."""
import ipaddress

from guest import DRIVERS, FAR, MODELS, OPEN_PORT, TIMEOUT_S, all_types, for_machine
from harness import config, icmp
from hosts import Peers
from test_nics import PACKETS, PORTS, ROUNDS, assert_all_answered

VLAN, OTHER_VLAN = 100, 200
MACS = [f"02:00:00:00:01:0{n}" for n in range(3)]


def one_nic(guest, model):
    """A gateway on the VLAN answers for all behind it; what is answered on another one, or without a tag, is lost."""
    guest.bind(guest.driver, model.address)
    peers = Peers(guest.directory, guest.host.popen, model.tap)
    peers.add("gateway", MACS[0], *(str(ipaddress.ip_address(f"{model.subnet(family)}1")) for family in FAR), vlan=[VLAN],
              networks=["203.0.113.0/24", "2001:db8:ffff::/64"], open_ports=[OPEN_PORT])
    astray = {"other": f"{model.subnet('ipv4')}2", "none": f"{model.subnet('ipv4')}3"}
    peers.add("other", MACS[1], astray["other"], vlan=[VLAN], answers_on=[OTHER_VLAN])
    peers.add("none", MACS[2], astray["none"], vlan=[VLAN], answers_on=[])
    targets = {**all_types(PACKETS), **{name: icmp(address, PACKETS, timeout=TIMEOUT_S) for name, address in astray.items()}}
    page, log = guest.prober(config(targets, {"g": PORTS}), [f"{model.port()},vlan={VLAN}"]).rounds(ROUNDS)
    peers.stop()
    assert_all_answered(page, log)
    for name in astray:
        sent, lost = page.probes(name)
        unknown = page.one("echolane_probes_unknown_total", destination=name)
        assert sent == lost > 0 and sent + unknown == ROUNDS * PACKETS, f"{name}: sent, lost, unknown = {(sent, lost, unknown)}"
    # virtio's host passes no other VLAN than that which it is told
    dropped = page.sum("echolane_worker_drops_total", reason="rx_vlan")
    assert dropped >= ROUNDS * PACKETS * (1 if model.name == "virtio" else 2), f"{dropped} dropped: {log[-500:]}"


for machine in DRIVERS:
    for model in MODELS.values():
        globals()[f"test_{machine}_{model.name}"] = for_machine(machine, one_nic, model)
