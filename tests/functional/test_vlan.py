# SPDX-License-Identifier: BSD-3-Clause
"""Ports on VLANs: what they send is tagged, ARP and neighbour discovery too, and only what is on their VLAN is an
answer."""
from harness import GATEWAY, HOST1, PROBER, assert_equal, assert_loss, config, icmp, lab_options, tcp, udp
from hosts import Hosts
from test_simpeer import TARGET, Peer

TAGGED = f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY},vlan=100"
MAC = "02:00:00:00:01:0"


def check_tags(capture, lab, vlan):
    """All that the prober has sent is on its VLAN."""
    own = lab.mac("prober", "probe0")
    sent = [p for p in capture.packets if p.eth_src == own]
    assert len(sent) > 300, f"{len(sent)} frames"
    assert_equal({p.vlan for p in sent}, {vlan}, "VLANs of what the prober sent")


def test_all_probes(lab):
    """The peer answers on the VLAN that it is asked on."""
    peer = Peer(lab, [])
    targets = {"tcp": tcp(TARGET, 80), "icmp": icmp(TARGET), "udp": udp(TARGET)}
    with lab.capture("router", "p0") as capture:
        metrics = lab.rounds(config(targets), 2, port=TAGGED)
    for name in targets:
        assert_loss(metrics, name, 200)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 0, "frames on other VLANs")
    check_tags(capture, lab, (100,))
    peer.stop()


def one_round(lab, hosts, targets, port):
    metrics = lab.rounds(config(targets), 1, port=port)
    hosts.child.assert_runs()
    return metrics


def test_other_vlans(lab):
    """An answer with another tag, or with none, is nobody's; and a host on another VLAN is not there."""
    hosts = Hosts(lab)
    hosts.add("gateway", MAC + "1", GATEWAY, vlan=[100], networks=["198.51.100.0/24"])
    hosts.add("other", MAC + "2", "192.0.2.2", vlan=[100], answers_on=[200])
    hosts.add("none", MAC + "3", "192.0.2.3", vlan=[100], answers_on=[])
    hosts.add("twice", MAC + "4", "192.0.2.4", vlan=[100], answers_on=[100, 100])
    hosts.add("untagged", MAC + "5", "192.0.2.5")
    hosts.add("elsewhere", MAC + "6", "192.0.2.6", vlan=[101])
    wrong = {name: icmp(f"192.0.2.{i}") for i, name in enumerate(("other", "none", "twice", "untagged", "elsewhere"), 2)}
    metrics = one_round(lab, hosts, {"right": icmp(HOST1), **wrong}, TAGGED)
    assert_loss(metrics, "right", 100)
    for name in wrong:
        assert_loss(metrics, name, 100, 100)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 300, "answers on other VLANs")
    # a port without a VLAN is not one on all of them
    hosts.add("gateway", MAC + "1", GATEWAY, networks=["198.51.100.0/24"], answers_on=[100])
    hosts.add("untagged", MAC + "5", "192.0.2.5", answers_on=[])
    metrics = one_round(lab, hosts, {"other": icmp(HOST1), "untagged": icmp("192.0.2.5")}, TAGGED.replace(",vlan=100", ""))
    assert_loss(metrics, "other", 100, 100)
    assert_loss(metrics, "untagged", 100)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 100, "answers on VLANs")


@lab_options(ipv6=True)
def test_ipv6(lab):
    """Neighbour discovery on a VLAN."""
    hosts = Hosts(lab)
    hosts.add("right", MAC + "1", "2001:db8::1", vlan=[100])
    hosts.add("other", MAC + "2", "2001:db8::2", vlan=[101])
    with lab.capture("router", "p0") as capture:
        metrics = one_round(lab, hosts, {"right": icmp("2001:db8::1"), "other": icmp("2001:db8::2")},
                            "af_packet:probe0,address=2001:db8::10/64,vlan=100")
    assert_loss(metrics, "right", 100)
    assert_loss(metrics, "other", 100, 100)
    own = lab.mac("prober", "probe0")
    sent = [p for p in capture.packets if p.eth_src == own and p.icmp_type in (128, 135)]
    assert_equal({p.vlan for p in sent}, {(100,)}, "VLANs of what the prober sent")
