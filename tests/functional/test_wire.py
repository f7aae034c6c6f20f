# SPDX-License-Identifier: BSD-3-Clause
"""What the probes look like on the wire."""
import packets
from harness import HOST1, HOST2, HOST3, assert_equal, assert_loss, config, icmp, tcp, udp


def probes_of(capture, **fields):
    return [p for p in capture.packets if packets.is_probe(p)
            and all(getattr(p, k) == v for k, v in fields.items())]


def assert_cycle(ports, first, count):
    """Consecutive ports of the range, round and round, beginning anywhere."""
    assert ports, "no probes"
    expected = [first + (ports[0] - first + n) % count for n in range(len(ports))]
    assert_equal(ports, expected, "source ports in the order sent")


def test_source_ports_go_round(lab):
    with lab.capture("router", "p0", "ip") as capture:
        metrics = lab.rounds(config(
            {"tcp": tcp(HOST1, 81, 40), "udp": udp(HOST2, nb_packets=40), "one": tcp(HOST3, 82, 7)},
            {"g": {"src_port_a": 61000, "src_port_z": 61009}}))
    for target, sent in (("tcp", 40), ("udp", 40), ("one", 7)):
        assert_loss(metrics, target, sent)
    assert_cycle([p.sport for p in probes_of(capture, dport=81)], 61000, 10)
    assert_cycle([p.sport for p in probes_of(capture, dport=33434)], 61000, 10)
    assert_cycle([p.sport for p in probes_of(capture, dport=82)], 61000, 10)


def test_default_source_ports(lab):
    with lab.capture("router", "p0", "udp") as capture:
        lab.rounds(config({"udp": udp(HOST2, nb_packets=10)}))
    assert_equal({p.sport for p in probes_of(capture)}, {65000, 65001}, "source ports")


def test_dscp_df_and_size(lab):
    groups = {"plain": {}, "ef": {"dscp": 46}}
    targets = {
        "tcp": tcp(HOST1, 81, 10),
        "big": icmp(HOST1, 10, ip_payload_size=1000),
        "fragmentable": udp(HOST2, nb_packets=10, ip_payload_size=200, dont_fragment=False),
        "small": icmp(HOST3, 10, ip_payload_size=8),
    }
    with lab.capture("router", "p0", "ip") as capture:
        metrics = lab.rounds(config(targets, groups))
    expected = {"tcp": (HOST1, packets.TCP, True, 20), "big": (HOST1, packets.ICMP, True, 1000),
                "fragmentable": (HOST2, packets.UDP, False, 200), "small": (HOST3, packets.ICMP, True, 8)}
    for target, (address, protocol, dont_fragment, size) in expected.items():
        for group, tos in (("plain", 0), ("ef", 46 << 2)):
            assert_loss(metrics, target, 10, group=group)
            sent = probes_of(capture, dst=address, protocol=protocol, tos=tos)
            assert_equal(len(sent), 10, f"probes of {target} with TOS {tos}")
            assert_equal({(p.dont_fragment, p.size) for p in sent}, {(dont_fragment, size)},
                         f"DF and IP payload size of {target}")


def test_group_payload_size_is_for_icmp(lab):
    """A group's ip_payload_size is ICMP's alone; a target's own goes first."""
    with lab.capture("router", "p0", "ip") as capture:
        lab.rounds(config({"icmp": icmp(HOST1, 5), "own": icmp(HOST2, 5, ip_payload_size=64),
                           "tcp": tcp(HOST3, 81, 5)}, {"g": {"ip_payload_size": 300}}))
    for address, size in ((HOST1, 300), (HOST2, 64), (HOST3, 20)):
        assert_equal({p.size for p in probes_of(capture, dst=address)}, {size}, f"sizes to {address}")


def test_icmp_keeps_its_identifier(lab):
    """One identifier a path and a sequence number that counts, as firewalls and routers like it."""
    with lab.capture("router", "p0", "icmp") as capture:
        lab.rounds(config({"icmp": icmp(HOST1, 20)}, {"g": {"src_port_a": 62000, "src_port_z": 62000}}))
    sent = probes_of(capture)
    assert_equal(len({p.icmp_id for p in sent}), 1, "identifiers")
    numbers = [p.icmp_seq for p in sent]
    assert_equal(numbers, [numbers[0] + n & 0xffff for n in range(20)], "sequence numbers")


def test_source_address_of_a_group(lab):
    with lab.capture("router", "p0", "ip") as capture:
        metrics = lab.rounds(config({"icmp": icmp(HOST1, 5), "tcp": tcp(HOST1, 443, 5)},
                                    {"g": {}, "other": {"src_ipv4": "192.0.2.11"}}),
                             port="af_packet:probe0,address=192.0.2.10/24,address=192.0.2.11/24,"
                             "gateway=192.0.2.1")
    for group, address in (("g", "192.0.2.10"), ("other", "192.0.2.11")):
        assert_loss(metrics, "icmp", 5, group=group)
        assert_loss(metrics, "tcp", 5, group=group)
        sent = [p for p in capture.packets if packets.is_probe(p, address)]
        assert_equal(len(sent), 10, f"probes from {address}")
