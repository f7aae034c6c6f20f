# SPDX-License-Identifier: BSD-3-Clause
"""Next hops: ARP, gateways that change or come late, interfaces that the kernel also uses."""
import json

import packets
from harness import (GATEWAY, HOST1, HOST2, PROBER, assert_equal, assert_loss, config, icmp, tcp, udp,
                     wait_until)
from metrics import Metrics

NEW_MAC = "02:00:00:00:00:99"


def test_gateway_changes_its_mac(lab):
    """In the middle of a round. What is sent to the old address until that has been silent for a second is
    lost in truth; nothing else may be. The change is told."""
    lab.run("router", ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/p0/arp_notify"])
    with lab.capture("router", "p0", "icmp or arp") as capture:
        prober = lab.start(config({"icmp": icmp(HOST1, 1000)}, interval=6), "--rounds", "1",
                           "--print-metrics")
        wait_until(lambda: len(capture.read()) > 400, 15, "the middle of the round")
        lab.ip("router", "link", "set", "p0", "address", NEW_MAC)
        prober.ends_well()
    metrics = Metrics(prober.stdout).check()
    sent = [p for p in capture.packets if packets.is_probe(p)]
    answered = {(p.icmp_id, p.icmp_seq) for p in capture.packets if p.icmp_type == 0}
    unanswered = [p for p in sent if (p.icmp_id, p.icmp_seq) not in answered]
    assert_equal({p.eth_dst for p in unanswered} - {sent[0].eth_dst}, set(), "MACs that did not answer")
    assert sum(p.eth_dst == NEW_MAC for p in sent) > 100, "the new MAC was not used"
    took = unanswered[-1].time - unanswered[0].time
    assert took < 2.5, f"probes went to the old MAC for {took} s after the change"
    assert_loss(metrics, "icmp", 1000, len(unanswered))
    assert_equal(metrics.one("echolane_port_neighbour_moves_total", probe_name="lab"), 1,
                 "moves")
    assert_equal(prober.logged(f"{GATEWAY} answers at {NEW_MAC} now", "WARNING"), 1, "lines on the move")


def test_gateway_moves(lab):
    """An announcement takes the gateway's address to another MAC; the old one still forwards, but does not
    answer for the address any more: nothing is lost."""
    lab.ip("router", "link", "add", "link", "p0", "name", "p1", "address", NEW_MAC, "type", "macvlan",
           "mode", "bridge")
    lab.ip("router", "link", "set", "p1", "up")
    with lab.capture("router", "p0", "icmp or arp") as capture:
        prober = lab.start(config({"icmp": icmp(HOST1, 1000), "tcp": tcp(HOST1, 81, 1000)}, interval=6),
                           "--rounds", "1", "--print-metrics")
        wait_until(lambda: len(capture.read()) > 400, 15, "the middle of the round")
        lab.run("router", ["sh", "-c", "echo 8 >/proc/sys/net/ipv4/conf/p0/arp_ignore"])
        lab.run("router", ["python3", "-c", f"""
import socket
mac = bytes.fromhex("{NEW_MAC.replace(':', '')}")
address = socket.inet_aton("{GATEWAY}")
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("p0", 0))
    s.send(b"\\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + address + bytes(6) + address)
"""])
        prober.ends_well()
    metrics = Metrics(prober.stdout).check()
    assert_loss(metrics, "icmp", 1000)
    assert_loss(metrics, "tcp", 1000)
    macs = [p.eth_dst for p in capture.packets if packets.is_probe(p)]
    assert macs.count(NEW_MAC) > 100, "the new MAC was not used"


def test_gateway_comes_late(lab):
    """The gateway answers ARP only after some requests: the first round waits for it."""
    lab.ip("router", "link", "set", "p0", "arp", "off")
    with lab.capture("router", "p0", f"arp and dst host {GATEWAY}") as capture:
        prober = lab.start(config({"icmp": icmp(HOST1), "udp": udp(HOST2)}), "--rounds", "1",
                           "--print-metrics")
        wait_until(lambda: len(capture.read()) >= 2, 15, "two ARP requests")
        lab.ip("router", "link", "set", "p0", "arp", "on")
        prober.ends_well()
    metrics = Metrics(prober.stdout).check()
    assert_loss(metrics, "icmp", 100)
    assert_loss(metrics, "udp", 100)


def test_requests_are_answered(lab):
    """ARP requests for the prober's address are answered with its MAC; those for others are not."""
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    mac = lab.run("prober", ["cat", "/sys/class/net/probe0/address"]).stdout.strip()
    lab.ip("router", "neigh", "flush", "all")
    lab.run("router", ["ping", "-c", "1", "-W", "1", PROBER], check=False)
    lab.run("router", ["ping", "-c", "1", "-W", "1", "192.0.2.12"], check=False)
    assert mac in lab.ip("router", "neigh", "show", PROBER), lab.ip("router", "neigh")
    assert mac not in lab.ip("router", "neigh", "show", "192.0.2.12"), lab.ip("router", "neigh")
    prober.stop()


def test_on_link_and_gateway(lab):
    """A target on the prober's link is reached directly, another through the gateway."""
    with lab.capture("router", "p0", "icmp or arp") as capture:
        metrics = lab.rounds(config({"direct": icmp(GATEWAY), "through": icmp(HOST1)}))
    assert_loss(metrics, "direct", 100)
    assert_loss(metrics, "through", 100)
    asked = {p.dst for p in capture.packets if p.arp_op == 1 and p.src == PROBER and p.dst != PROBER}  # it announces itself
    assert asked <= {GATEWAY}, f"ARP requests for {asked}"


def test_routes(lab):
    """A route takes precedence over the gateway: the only way to the hosts is by the route's next hop."""
    metrics = lab.rounds(config({"icmp": icmp(HOST1), "absent": icmp(HOST2)}),
                         port=f"af_packet:probe0,address={PROBER}/24,gateway=192.0.2.66,"
                         f"route=198.51.100.0/25>{GATEWAY}")
    assert_loss(metrics, "icmp", 100)
    assert_loss(metrics, "absent", 100, 100)


def test_neighbour_is_not_asked(lab):
    """A neighbour whose MAC address is configured: no ARP is needed, and none is sent to it."""
    mac = json.loads(lab.ip("router", "-j", "link", "show", "p0"))[0]["address"]
    own = json.loads(lab.ip("prober", "-j", "link", "show", "probe0"))[0]["address"]
    lab.ip("router", "neigh", "add", PROBER, "lladdr", own, "dev", "p0")
    port = {"device": "af_packet:probe0", "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY],
            "neighbours": [{"address": GATEWAY, "mac": mac}]}
    with lab.capture("router", "p0", "icmp or arp") as capture:
        metrics = lab.rounds(config({"icmp": icmp(HOST1)}, dataplane={"ports": [port]}), port=None)
    assert_loss(metrics, "icmp", 100)
    # but those for its own address: duplicate address detection
    assert_equal([p for p in capture.packets if p.arp_op == 1 and p.dst != PROBER], [], "ARP requests")


def test_interface_of_the_kernel(lab):
    """On an interface that the kernel also uses, address and gateway are found."""
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.ip("prober", "route", "add", "default", "via", GATEWAY)
    metrics = lab.rounds(config({"open": tcp(HOST1, 443), "closed": tcp(HOST1, 81), "icmp": icmp(HOST2),
                                 "udp": udp(HOST2), "direct": icmp(GATEWAY)}))
    for target in ("open", "closed", "icmp", "udp", "direct"):
        assert_loss(metrics, target, 100)
