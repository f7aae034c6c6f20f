# SPDX-License-Identifier: BSD-3-Clause
"""Each kind of probe against real kernels, and loss that is known exactly."""
import packets
from harness import (GATEWAY, HOST1, HOST2, HOST3, assert_equal, assert_loss, config, icmp, tcp, udp)


def assert_rtt(metrics, target):
    assert 0 < metrics.rtt(target, 50) <= metrics.rtt(target, 95) < 0.2, metrics.text


def test_closed_port(lab):
    """The kernel answers with RST/ACK."""
    metrics = lab.rounds(config({"closed": tcp(HOST1, 81)}), 2)
    assert_loss(metrics, "closed", 200)
    assert_rtt(metrics, "closed")
    assert_equal(metrics.sum("tcpsyn_match_ack_fail_count"), 0, "wrong acknowledgements")


def test_open_port(lab):
    """SYN/ACK, answered by one RST each, so that the peer is left with no half-open connection."""
    with lab.capture("router", "p0", "tcp") as capture:
        metrics = lab.rounds(config({"open": tcp(HOST1, 443)}), 2)
        assert_equal(lab.half_open("host1"), "", "half-open connections")
    assert_loss(metrics, "open", 200)
    assert_rtt(metrics, "open")
    syn_acks = {(p.sport, p.dport, p.ack) for p in capture.packets
                if p.src == HOST1 and p.flags == packets.SYN | packets.ACK}
    resets = {(p.dport, p.sport, p.seq) for p in capture.packets
              if p.dst == HOST1 and p.flags & packets.RST}
    assert_equal(len(syn_acks), 200, "SYN/ACKs on the wire")
    assert syn_acks <= resets, "not every SYN/ACK has its RST"


def test_syn_with_data(lab):
    """Linux's RST/ACK acknowledges the data of a SYN, its SYN/ACK doesn't; both are answers."""
    with lab.capture("router", "p0", "tcp") as capture:
        metrics = lab.rounds(config({"closed": tcp(HOST1, 81, ip_payload_size=60),
                                     "open": tcp(HOST1, 443, ip_payload_size=60)}))
    assert_loss(metrics, "closed", 100)
    assert_loss(metrics, "open", 100)
    assert_equal(lab.half_open("host1"), "", "half-open connections")
    syns = [p for p in capture.packets if packets.is_probe(p)]
    assert_equal({p.size for p in syns}, {60}, "IP payload sizes of the SYNs")
    acknowledged = {p.seq + 41 & 0xffffffff for p in syns if p.dport == 81}
    answers = {p.ack for p in capture.packets if p.src == HOST1 and p.sport == 81}
    assert_equal(answers, acknowledged, "acknowledgements by RST")


def test_icmp(lab):
    metrics = lab.rounds(config({"host": icmp(HOST2), "gateway": icmp(GATEWAY)}), 2)
    for target in ("host", "gateway"):
        assert_loss(metrics, target, 200)
        assert_rtt(metrics, target)


def test_udp(lab):
    metrics = lab.rounds(config({"udp": udp(HOST3)}), 2)
    assert_loss(metrics, "udp", 200)
    assert_rtt(metrics, "udp")


def test_every_tenth_dropped(lab):
    """A host that drops exactly every tenth probe: the ratio is 0.1, not about 0.1, in each round."""
    lab.nft("host1", """
        table ip t {
            chain input {
                type filter hook input priority 0;
                tcp dport 81 tcp flags syn numgen inc mod 10 == 3 drop
                icmp type echo-request numgen inc mod 10 == 3 drop
                udp dport 33434 numgen inc mod 10 == 3 drop
            }
        }
        """)
    prober = lab.start(config({"tcp": tcp(HOST1, 81), "icmp": icmp(HOST1), "udp": udp(HOST1),
                               "other": icmp(HOST2)}), "--rounds", "2", "--print-metrics")
    first = prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the first round")
    assert_equal(first.ratio("tcp"), 0.1, "loss ratio of the first round")
    prober.ends_well()
    metrics = type(first)(prober.stdout).check()
    for target in ("tcp", "icmp", "udp"):
        assert_loss(metrics, target, 200, 20)
        assert_equal(metrics.ratio(target), 0.1, f"loss ratio of {target}")
    assert_loss(metrics, "other", 200)


def test_absent_hosts(lab):
    """Hosts that don't exist, on the prober's link and behind the router: all lost; others undisturbed."""
    metrics = lab.rounds(config({"on_link": icmp("192.0.2.77"), "behind": tcp("203.0.113.99", 80),
                                 "behind_udp": udp("203.0.113.99"), "there": tcp(HOST3, 80),
                                 "there_icmp": icmp(HOST3)}), 2)
    for target in ("on_link", "behind", "behind_udp"):
        assert_loss(metrics, target, 200, 200)
        assert_equal(metrics.ratio(target), 1.0, f"loss ratio of {target}")
        assert_equal(metrics.rtt(target, 50), 0, f"round-trip time of {target}")
    assert_loss(metrics, "there", 200)
    assert_loss(metrics, "there_icmp", 200)


def test_errors_from_routers_are_no_answers(lab):
    """An ICMP error from another address than the target's is counted, and the probe stays lost."""
    lab.nft("router", """
        table ip t {
            chain forward {
                type filter hook forward priority 0;
                ip daddr 198.51.100.138 reject with icmp type admin-prohibited
            }
        }
        """)
    metrics = lab.rounds(config({"udp": udp(HOST2), "tcp": tcp(HOST2, 80), "icmp": icmp(HOST2),
                                 "other": udp(HOST1)}))
    for target in ("udp", "tcp", "icmp"):
        assert_loss(metrics, target, 100, 100)
        assert_equal(metrics.one("echolane_icmp_errors_total", destination=target, group="g"), 100,
                     f"ICMP errors of {target}")
    assert_loss(metrics, "other", 100)
    assert_equal(metrics.sum("echolane_icmp_errors_total", destination="other"), 0, "errors of other")


def test_errors_from_the_target_answer_syns(lab):
    """A host that rejects SYNs with port unreachable has answered."""
    lab.nft("host2", """
        table ip t {
            chain input {
                type filter hook input priority 0;
                tcp dport 80 reject with icmp type port-unreachable
            }
        }
        """)
    metrics = lab.rounds(config({"tcp": tcp(HOST2, 80)}))
    assert_loss(metrics, "tcp", 100)
    assert_rtt(metrics, "tcp")


def test_late_answers_are_lost(lab):
    """A host that becomes known only after the target's timeout: lost, and counted late."""
    lab.ip("host1", "link", "set", "eth0", "arp", "off")
    lab.ip("router", "neigh", "flush", "all")
    prober = lab.start(config({"late": icmp(HOST1, 3, timeout=0.3), "other": icmp(HOST2, 3)},
                              interval=1), "--rounds", "3", "--print-metrics")
    prober.wait_for(lambda m: m.all("icmp_sent_total", destination="late"), "the first round")
    lab.ip("host1", "link", "set", "eth0", "arp", "on")
    prober.ends_well()
    from metrics import Metrics
    metrics = Metrics(prober.stdout).check()
    sent, lost = metrics.probes("late")
    late = metrics.sum("echolane_probes_late_total", destination="late")
    assert_equal(sent, 9, "probes sent")
    assert lost >= 3, f"only {lost} lost"
    assert late <= lost, f"{late} late of {lost} lost"
    assert_loss(metrics, "other", 9)
