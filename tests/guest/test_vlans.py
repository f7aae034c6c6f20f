# SPDX-License-Identifier: BSD-3-Clause
"""A port on a VLAN, of each NIC that the emulator has: the tags are the prober's own, whatever the NIC could do with
them. The host's kernel knows no VLANs, so its end of the link is a program (tests/functional/hosts.py)."""
import ipaddress

from guest import FAR, MODELS, TIMEOUT_S
from harness import assert_loss, config, icmp
from hosts import Peers

ROUNDS, PACKETS = 5, 20
VLAN, OTHER_VLAN = 100, 200
MACS = [f"02:00:00:00:01:0{n}" for n in range(3)]


def one_nic(guest, model):
    """A gateway on the VLAN answers for all behind it; what is answered on another one, or without a tag, is lost."""
    guest.bind(guest.driver, model.address)
    peers = Peers(guest.directory, guest.host.popen, model.tap)
    peers.add("gateway", MACS[0], *(str(ipaddress.ip_address(f"{model.subnet(family)}1")) for family in FAR), vlan=[VLAN],
              networks=["203.0.113.0/24", "2001:db8:ffff::/64"])
    peers.add("other", MACS[1], f"{model.subnet('ipv4')}2", vlan=[VLAN], answers_on=[OTHER_VLAN])
    peers.add("none", MACS[2], f"{model.subnet('ipv4')}3", vlan=[VLAN], answers_on=[])
    destinations = {**FAR, "other": f"{model.subnet('ipv4')}2", "none": f"{model.subnet('ipv4')}3"}
    targets = {name: icmp(address, PACKETS, timeout=TIMEOUT_S) for name, address in destinations.items()}
    page, log = guest.prober(config(targets), [f"{model.port()},vlan={VLAN}"]).rounds(ROUNDS)
    peers.stop()
    for name in targets:
        assert_loss(page, name, ROUNDS * PACKETS, 0 if name in FAR else ROUNDS * PACKETS)
    # virtio's host passes no other VLAN than that which it is told
    dropped = page.sum("echolane_worker_drops_total", reason="rx_vlan")
    assert dropped >= ROUNDS * PACKETS * (1 if model.name == "virtio" else 2), f"{dropped} dropped: {log[-500:]}"


def test_e1000(guest):
    one_nic(guest, MODELS["e1000"])


def test_e1000e(guest):
    one_nic(guest, MODELS["e1000e"])


def test_virtio(guest):
    one_nic(guest, MODELS["virtio"])


def test_vmxnet3(guest):
    one_nic(guest, MODELS["vmxnet3"])
