# SPDX-License-Identifier: BSD-3-Clause
"""Several workers on one port with several queues; the packet fanout brings answers to any of them."""
from harness import (GATEWAY, HOST1, HOST2, HOST3, PROBER, assert_equal, assert_loss, config, icmp,
                     lab_options, tcp, udp)

TARGETS = {"open": tcp(HOST1, 443), "closed": tcp(HOST2, 81), "icmp1": icmp(HOST1), "icmp2": icmp(HOST2),
           "icmp3": icmp(HOST3), "udp": udp(HOST3), "gateway": icmp(GATEWAY)}
TWO_WORKERS = {"lcores": {"control": 0, "workers": [0, 1], "stats": [0]}}


def check(lab, port):
    metrics = lab.rounds(config(TARGETS, nb_proc=2, dataplane=TWO_WORKERS), 2, port=port)
    for target in TARGETS:
        assert_loss(metrics, target, 200)
    assert_equal(lab.half_open("host1"), "", "half-open connections")
    return metrics


def test_af_packet(lab):
    check(lab, f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY}")


@lab_options(queues=2)
def test_af_xdp(lab):
    check(lab, f"af_xdp:probe0,address={PROBER}/24,gateway={GATEWAY}")


def test_af_xdp_one_worker(lab):
    """Probes go out in buffers that answers came in by: their payload is what it should be all the same."""
    targets = {**TARGETS, "long": icmp(HOST1, 300, ip_payload_size=1400), "short": icmp(HOST2, 300, ip_payload_size=200)}
    metrics = lab.rounds(config(targets), 3, port=f"af_xdp:probe0,address={PROBER}/24,gateway={GATEWAY}")
    for target in targets:
        assert_loss(metrics, target, 3 * targets[target]["nb_packets"])
