# SPDX-License-Identifier: BSD-3-Clause
"""Targets and groups that share addresses and ports don't take each other's answers or connections."""
from harness import HOST1, HOST2, assert_equal, assert_loss, config, icmp, tcp


def test_four_icmp_targets_on_one_address(lab):
    """netprobify shows up to 0.93 loss here."""
    metrics = lab.rounds(config({f"t{n}": icmp(HOST1, 2000) for n in range(4)}, interval=2))
    for n in range(4):
        assert_loss(metrics, f"t{n}", 2000)


def test_two_groups_with_the_same_ports(lab):
    """Two targets on one open port of one host, in two groups with the same source ports."""
    groups = {name: {"src_port_a": 65000, "src_port_z": 65099} for name in ("a", "b")}
    metrics = lab.rounds(config({"one": tcp(HOST1, 443), "two": tcp(HOST1, 443)}, groups))
    for target in ("one", "two"):
        for group in ("a", "b"):
            assert_loss(metrics, target, 100, group=group)
    assert_equal(lab.half_open("host1"), "", "half-open connections")


def test_netprobifys_own_example(lab):
    """The same with the two default ports: each is reused all the time."""
    metrics = lab.rounds(config({"one": tcp(HOST1, 443), "two": tcp(HOST1, 443)}, {"a": {}, "b": {}}))
    for target in ("one", "two"):
        for group in ("a", "b"):
            assert_loss(metrics, target, 100, group=group)
    assert_equal(lab.half_open("host1"), "", "half-open connections")


def test_many_packets_over_two_ports(lab):
    metrics = lab.rounds(config({"open": tcp(HOST1, 443, 2000)}, interval=2))
    assert_loss(metrics, "open", 2000)
    assert_equal(lab.half_open("host1"), "", "half-open connections")


def test_reuse_after_loss(lab):
    """Where the peer's SYN/ACKs are lost its connections stay half-open; the next SYN on the same ports
    must all the same be answered: an RST goes out before it."""
    lab.nft("router", """
        table ip t {
            chain forward {
                type filter hook forward priority 0;
                ip saddr 198.51.100.138 tcp flags & (syn | ack) == syn | ack numgen inc mod 10 == 3 drop
            }
        }
        """)
    metrics = lab.rounds(config({"open": tcp(HOST2, 443, 100)}))
    assert_loss(metrics, "open", 100, 10)
