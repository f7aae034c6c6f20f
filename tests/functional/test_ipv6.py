# SPDX-License-Identifier: BSD-3-Clause
"""Probes over IPv6 against real kernels, through a router and on the link, and neighbour discovery."""
import packets
from harness import (PORT, assert_equal, assert_loss, config, icmp, lab_options, tcp, udp, wait_until)

PROBER = "2001:db8::10"
ROUTER = "2001:db8::1"
HOST1, HOST2, HOST3 = "2001:db8:1::10", "2001:db8:2::10", "2001:db8:3::10"
PORT6 = f"af_packet:probe0,address={PROBER}/64,gateway={ROUTER}"
PORT_BOTH = f"{PORT},address={PROBER}/64,gateway={ROUTER}"


def assert_rtt(metrics, target):
    assert 0 < metrics.rtt(target, 50) <= metrics.rtt(target, 95) < 0.2, metrics.text


@lab_options(ipv6=True)
def test_all_types(lab):
    """RST, SYN/ACK, echo reply and port unreachable, with and without payload; no half-open connection."""
    conf = config({"closed": tcp(HOST1, 81), "open": tcp(HOST1, 443),
                   "closed_data": tcp(HOST2, 81, ip_payload_size=60),
                   "open_data": tcp(HOST2, 443, ip_payload_size=60),
                   "ping": icmp(HOST2), "ping_short": icmp(HOST2, ip_payload_size=8),
                   "udp": udp(HOST3), "udp_short": udp(HOST3, 33435, ip_payload_size=12),
                   "udp_long": udp(HOST3, 33436, ip_payload_size=1400), "router": icmp(ROUTER)})
    metrics = lab.rounds(conf, 2, port=PORT6)
    for host in ("host1", "host2"):
        assert_equal(lab.half_open(host), "", f"half-open connections of {host}")
    for target in conf["targets"]:
        assert_loss(metrics, target, 200)
        assert_rtt(metrics, target)
    for name in ("tcpsyn", "icmp", "udp"):
        for labels, _ in metrics.all(f"{name}_sent_total"):
            assert_equal(labels["address_family"], "ipv6", "address_family")
    assert_equal(metrics.sum("tcpsyn_match_ack_fail_count"), 0, "wrong acknowledgements")


@lab_options(ipv6=True)
def test_both_families(lab):
    """Targets of both families on one port, one of a kind each."""
    metrics = lab.rounds(config({"four": tcp("198.51.100.10", 81), "six": tcp(HOST1, 81),
                                 "ping4": icmp("198.51.100.10"), "ping6": icmp(HOST1),
                                 "udp4": udp("198.51.100.10"), "udp6": udp(HOST1)}), 2, port=PORT_BOTH)
    for target in ("four", "six", "ping4", "ping6", "udp4", "udp6"):
        assert_loss(metrics, target, 200)


@lab_options(ipv6=True)
def test_wire(lab):
    """Hop limit, traffic class and sizes as configured; one flow label for all probes of a path, and others
    for other paths."""
    groups = {"g": {"src_port_a": 65000, "src_port_z": 65003, "dscp": 8}}
    with lab.capture("router", "p0", "ip6") as capture:
        metrics = lab.rounds(config({"tcp": tcp(HOST1, 81, 40), "udp": udp(HOST1, 33434, 40, ip_payload_size=100),
                                     "ping": icmp(HOST1, 40)}, groups), port=PORT6)
    for target in ("tcp", "udp", "ping"):
        assert_loss(metrics, target, 40)
    probes = [p for p in capture.packets if p.src == PROBER and p.dst == HOST1]
    assert_equal({p.hop_limit for p in probes}, {64}, "hop limits")
    assert_equal({p.tos for p in probes}, {8 << 2}, "traffic classes")
    assert_equal({p.size for p in probes if p.protocol == packets.UDP}, {100}, "sizes of UDP")
    paths = {}
    for probe in probes:
        paths.setdefault((probe.protocol, probe.sport), set()).add(probe.flow_label)
    assert_equal(len(paths), 9, "paths")
    assert all(len(labels) == 1 for labels in paths.values()), f"flow labels of paths: {paths}"
    assert_equal(len(set.union(*paths.values())), 9, "different flow labels")


@lab_options(ipv6=True)
def test_link_local_gateway(lab):
    """A router is known by its link-local address; probes leave from the global one."""
    lab.ip("router", "address", "add", "fe80::1/64", "dev", "p0", "nodad")
    metrics = lab.rounds(config({"ping": icmp(HOST1), "udp": udp(HOST2)}),
                         port=f"af_packet:probe0,address={PROBER}/64,gateway=fe80::1")
    assert_loss(metrics, "ping", 100)
    assert_loss(metrics, "udp", 100)


@lab_options(ipv6=True)
def test_kernel_addresses(lab):
    """Address and gateway are found where the kernel has them; it answers for its address itself."""
    lab.run("prober", ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0",
                       "net.ipv6.conf.probe0.disable_ipv6=0"])
    lab.ip("prober", "address", "add", "2001:db8::20/64", "dev", "probe0", "nodad")
    lab.ip("prober", "route", "add", "default", "via", ROUTER)
    metrics = lab.rounds(config({"ping": icmp(HOST1), "closed": tcp(HOST2, 81)}), port="af_packet:probe0")
    assert_loss(metrics, "ping", 100)
    assert_loss(metrics, "closed", 100)


@lab_options(ipv6=True)
def test_neighbour_discovery(lab):
    """The prober's address is answered for, and defended against one who wants to take it."""
    prober = lab.start(config({"ping": icmp(HOST1, 10)}, interval=1), port=PORT6)
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    with lab.capture("router", "p0", "icmp6") as capture:
        lab.ip("router", "neigh", "flush", "all")
        wait_until(lambda: lab.run("router", ["ping", "-6", "-c", "1", "-W", "1", PROBER], check=False) and
                   PROBER in lab.ip("router", "-6", "neigh", "show", "dev", "p0", "nud", "reachable"),
                   10, "the router to learn the prober's address")
        lab.run("router", ["sysctl", "-qw", "net.ipv6.conf.p0.accept_dad=1"])
        lab.ip("router", "address", "add", f"{PROBER}/64", "dev", "p0")
        wait_until(lambda: "dadfailed" in lab.ip("router", "address", "show", "dev", "p0"), 10,
                   "duplicate address detection to fail")
    prober.stop()
    advertisements = [p for p in capture.packets if p.icmp_type == 136 and p.src == PROBER]
    assert all(p.hop_limit == 255 for p in advertisements)
    assert "ff02::1" in {p.dst for p in advertisements}, "no advertisement to all nodes"


@lab_options(ipv6=True)
def test_unreachable(lab):
    """Nobody at the address: lost, and what the router says of it is counted; others are not disturbed."""
    metrics = lab.rounds(config({"behind": udp("2001:db8:1::99", nb_packets=20), "there": udp(HOST1),
                                 "on_link": icmp("2001:db8::77")}, interval=4, timeout=3.5), port=PORT6)
    assert_loss(metrics, "behind", 20, 20)
    assert_loss(metrics, "on_link", 100, 100)
    assert_loss(metrics, "there", 100)
    assert metrics.one("echolane_icmp_errors_total", destination="behind", group="g") > 0


@lab_options(ipv6=True)
def test_every_tenth_dropped(lab):
    lab.nft("host1", """
        table ip6 t {
            chain input {
                type filter hook input priority 0;
                tcp dport 81 tcp flags syn numgen inc mod 10 == 3 drop
                icmpv6 type echo-request numgen inc mod 10 == 3 drop
                udp dport 33434 numgen inc mod 10 == 3 drop
            }
        }
        """)
    metrics = lab.rounds(config({"tcp": tcp(HOST1, 81), "icmp": icmp(HOST1), "udp": udp(HOST1)}), port=PORT6)
    for target in ("tcp", "icmp", "udp"):
        assert_loss(metrics, target, 100, 10)


@lab_options(ipv6=True, queues=2)
def test_two_queues(lab):
    """Answers on any queue find their worker."""
    metrics = lab.rounds(config({f"t{i}": tcp(host, 81) for i, host in enumerate((HOST1, HOST2, HOST3))},
                                nb_proc=2), 2, port=PORT6)
    for i in range(3):
        assert_loss(metrics, f"t{i}", 200)
