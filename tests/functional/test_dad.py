# SPDX-License-Identifier: BSD-3-Clause
"""Duplicate address detection: addresses are asked for before they are used, and what another host has is not used."""
import packets
from harness import GATEWAY, HOST1, PROBER, assert_equal, assert_loss, config, icmp, lab_options, time_limit, wait_until
from hosts import Hosts

PROBER6, GATEWAY6 = "2001:db8::10", "2001:db8::1"
OTHER = "192.0.2.11"
PORT = f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY}"
THIEF = "02:00:00:00:0d:ad"


def gateway(lab):
    hosts = Hosts(lab)
    hosts.add("gateway", "02:00:00:00:00:01", GATEWAY, GATEWAY6, networks=["198.51.100.0/24", "2001:db8:1::/64"])
    return hosts


def first(sent, what):
    return min(i for i, p in enumerate(sent) if what(p))


def probed(metrics):
    return metrics.all("icmp_sent_total") and metrics.probes("icmp")[0] >= 200


@lab_options(ipv6=True)
def test_asked_before_used(lab):
    """Three ARP probes and a solicitation from nobody come before anything from the addresses."""
    gateway(lab)
    with lab.capture("router", "p0") as capture:
        metrics = lab.rounds(config({"v4": icmp(HOST1), "v6": icmp("2001:db8:1::10")}),
                             port=f"{PORT},address={PROBER6}/64,gateway={GATEWAY6}")
    for name in ("v4", "v6"):
        assert_loss(metrics, name, 100)
    own = lab.mac("prober", "probe0")
    sent = [p for p in capture.packets if p.eth_src == own]
    probes = [i for i, p in enumerate(sent) if p.arp_op == 1 and p.src == "0.0.0.0" and p.dst == PROBER]
    assert_equal(len(probes), 3, "ARP probes")
    assert probes[-1] < first(sent, lambda p: p.src == PROBER), "an ARP probe after the address was used"
    solicitation = first(sent, lambda p: p.icmp_type == 135 and p.src == "::")
    assert solicitation < first(sent, lambda p: p.src == PROBER6), "the address was used before it was asked for"
    assert_equal(len([p for p in sent if p.arp_op == 1 and p.src == p.dst == PROBER]) in (1, 2), True, "announcements")


@lab_options(ipv6=True)
@time_limit(150)
def test_another_host_has_it(lab):
    """Nothing is sent from the addresses, and that is said; until the other host is gone."""
    hosts = gateway(lab)
    hosts.add("thief", THIEF, PROBER, PROBER6)
    with lab.capture("router", "p0", "icmp or icmp6") as capture:
        prober = lab.start(config({"v4": icmp(HOST1), "v6": icmp("2001:db8:1::10")}),
                           port=f"{PORT},address={PROBER6}/64,gateway={GATEWAY6}")
        page = prober.wait_for(lambda m: m.one("echolane_port_duplicate_addresses") == 2, "both to be refused")
        page = prober.wait_for(lambda m: m.one("echolane_targets_not_probed", reason="duplicate_address") == 2,
                               "what is not probed for it")
        status, text = prober.get("/-/ready")
        assert_equal((status, "duplicate_address" in text), (503, True), f"/-/ready: {text}")
    for address in (PROBER, PROBER6):
        assert_equal(prober.logged(f"duplicate address: {address} is not used, for {THIEF} has it", "ERROR"), 1, "lines")
    own = lab.mac("prober", "probe0")
    assert_equal([p for p in capture.packets if p.eth_src == own and p.icmp_type in (8, 128)], [], "probes")
    hosts.remove("thief")
    prober.wait_for(lambda m: m.one("echolane_port_duplicate_addresses") == 0, "both to be used", 90)
    page = prober.wait_for(lambda m: m.one("echolane_targets_not_probed", reason="duplicate_address") == 0 and
                           all(m.all("icmp_sent_total", destination=name) and m.probes(name)[0] >= 200
                               for name in ("v4", "v6")), "rounds", 30)
    for name in ("v4", "v6"):
        assert_equal(page.probes(name)[1], 0, f"lost of {name}")
    assert_equal(prober.logged(f"address {PROBER} is used again", "WARNING"), 1, "lines")
    prober.stop()


def test_another_address_stands_in(lab):
    """The port's other address is used, and a group whose own source is another host's is not probed from."""
    hosts = gateway(lab)
    hosts.add("thief", THIEF, PROBER, "192.0.2.40")
    groups = {"g": {}, "own": {"src_ipv4": "192.0.2.40"}}
    with lab.capture("router", "p0", "icmp") as capture:
        prober = lab.start(config({"icmp": icmp(HOST1)}, groups), port=f"{PORT},address={OTHER}/24")
        page = prober.wait_for(lambda m: m.all("icmp_sent_total", group="g") and m.probes("icmp")[0] >= 200 and
                               m.one("echolane_port_duplicate_addresses") == 2, "two rounds")
    assert_equal(page.probes("icmp")[1], 0, "lost")
    wait_until(lambda: prober.metrics().one("echolane_target_probed", destination="icmp", group="own") == 0, 10,
               "the group not to be probed from")
    assert_equal({p.src for p in capture.packets if p.icmp_type == 8}, {OTHER}, "sources of probes")
    prober.stop()


def test_taken_later(lab):
    """Another host that begins to use the address, and keeps it though it is told whose it is, has it."""
    hosts = gateway(lab)
    prober = lab.start(config({"icmp": icmp(HOST1)}), port=PORT)
    prober.wait_for(probed, "two rounds")
    claim = packets.arp_request(THIEF, PROBER, PROBER)
    with lab.capture("router", "p0", "arp") as capture:
        hosts.send(claim)  # and nobody has it then
        page = prober.wait_for(lambda m: m.one("echolane_port_address_conflicts_total") == 1, "the conflict")
        rounds = page.probes("icmp")[0]
        page = prober.wait_for(lambda m: m.probes("icmp")[0] >= rounds + 300, "three rounds")
    own = lab.mac("prober", "probe0")
    asked = [p for p in capture.packets if p.eth_src == own and p.arp_op == 1 and p.dst == PROBER]
    assert_equal([p.src for p in asked], [PROBER] + ["0.0.0.0"] * 3, "it is announced, then asked for")
    assert_equal((page.probes("icmp")[1], page.one("echolane_port_duplicate_addresses")), (0, 0), "lost, refused")
    hosts.add("thief", THIEF, PROBER)
    wait_until(lambda: hosts.send(claim) or
               prober.metrics().one("echolane_port_duplicate_addresses") == 1, 20, "it to be given up")
    page = prober.wait_for(lambda m: m.one("echolane_targets_not_probed", reason="duplicate_address") == 1,
                           "what is not probed for it")
    assert_equal(prober.logged(f"duplicate address: {PROBER} is not used, for {THIEF} has it", "ERROR"), 1, "lines")
    prober.stop()


def test_taken_while_the_link_was_down(lab):
    """After that the address is asked for again, before anything is sent from it."""
    hosts = gateway(lab)
    prober = lab.start(config({"icmp": icmp(HOST1)}), port=PORT)
    prober.wait_for(probed, "two rounds")
    for thief in (False, True):
        lab.ip("prober", "link", "set", "probe0", "down")
        prober.wait_for(lambda m: m.one("echolane_port_up") == 0, "the port to be down")
        if thief:
            hosts.add("thief", THIEF, PROBER)
        with lab.capture("router", "p0", "arp or icmp") as capture:
            lab.ip("prober", "link", "set", "probe0", "up")
            if thief:
                prober.wait_for(lambda m: m.one("echolane_port_duplicate_addresses") == 1, "it to be given up")
            else:
                sent = prober.metrics().probes("icmp")[0]
                page = prober.wait_for(lambda m: m.probes("icmp")[0] >= sent + 300, "three rounds")
                assert page.probes("icmp")[1] <= 10, f"{page.probes('icmp')[1]} lost: 10 ms before it was seen at most"
        own = lab.mac("prober", "probe0")
        sent = [p for p in capture.packets if p.eth_src == own]
        asked = [i for i, p in enumerate(sent) if p.arp_op == 1 and p.src == "0.0.0.0" and p.dst == PROBER]
        assert asked, "it is asked for"
        # what the driver had when the link went down goes out first
        assert asked[0] <= 5, f"{asked[0]} frames before it is asked for"
        used = [i for i, p in enumerate(sent) if p.src == PROBER and i > asked[0]]
        assert (not used) if thief else asked[-1] < used[0], "it was used before it was asked for"
    prober.stop()
