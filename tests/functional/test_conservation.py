# SPDX-License-Identifier: BSD-3-Clause
"""What workers sent, the port has sent or says that it has not; what the port has received, workers received: on
every kind of port that needs no hardware nothing is missing, and on a NIC (tests/functional/rss_nic.c) that loses
packets without a word that is seen, and the round says so."""

from harness import (GATEWAY, HOST1, HOST2, HOST3, PORT, PROBER, assert_equal, config, icmp, lab_options, tcp, time_limit,
                     udp, wait_until)
from test_drops import DROPS
from test_simpeer import TARGET, Peer
from test_workers import TWO_WORKERS

UNACCOUNTED = "echolane_port_unaccounted_packets_total"
BELIEVED = "echolane_port_counters_believed"
KERNEL_TARGETS = {"tcp": tcp(HOST1, 443), "closed": tcp(HOST2, 81), "icmp": icmp(HOST2), "udp": udp(HOST3)}
PEER_TARGETS = {"tcp": tcp(TARGET, 80), "icmp": icmp(TARGET), "udp": udp(TARGET)}
ADDRESSES = {"addresses": [f"{PROBER}/24"], "gateways": [GATEWAY]}


def check_nothing_missing(metrics, received=True):
    """The port's counters are the workers', and are believed."""
    for direction, port in (("tx", "echolane_port_tx_packets_total"), ("rx", "echolane_port_rx_packets_total")):
        assert_equal(metrics.one(BELIEVED, direction=direction), 1, f"{direction}: counters believed")
        assert_equal(metrics.one(UNACCOUNTED, direction=direction), 0, f"{direction}: unaccounted")
        workers = metrics.one("echolane_port_worker_packets_total", direction=direction)
        assert workers > 0 or direction == "rx" and not received, metrics.text
        # they are read one after the other
        if direction == "tx" or received:
            assert_equal(metrics.one(port), workers, f"{direction}: packets of the port, of the workers")
    assert_equal(metrics.sum(DROPS), 0, "drops of the round")


def rounds(lab, targets, port, workers=1):
    dataplane = {**(TWO_WORKERS if workers == 2 else {}), **({"ports": [port]} if isinstance(port, dict) else {})}
    return lab.rounds(config(targets, nb_proc=workers, dataplane=dataplane), 3,
                      port=None if isinstance(port, dict) else port)


def test_af_packet(lab):
    check_nothing_missing(rounds(lab, KERNEL_TARGETS, PORT))
    check_nothing_missing(rounds(lab, KERNEL_TARGETS, PORT, 2))


@lab_options(queues=2)
def test_af_xdp(lab):
    check_nothing_missing(rounds(lab, KERNEL_TARGETS, PORT.replace("af_packet", "af_xdp"), 2))


def test_memif(lab):
    socket = f"socket={lab.directory}/memif,socket-abstract=no,id=0"
    peer = Peer(lab, [], f"net_memif0,role=server,{socket}")
    check_nothing_missing(rounds(lab, PEER_TARGETS, {"name": "m", "device": f"net_memif0,role=client,{socket}", **ADDRESSES}))
    peer.stop()


def test_tap(lab):
    conf = config({"host": icmp("10.99.0.1"), "closed": tcp("10.99.0.1", 81)},
                  dataplane={"ports": [{"name": "t", "device": "tap:probe9", "addresses": ["10.99.0.2/24"]}]})
    prober = lab.start(conf, port=None)
    prober.wait_for(lambda m: True, "a page")
    wait_until(lambda: lab.run("prober", ["ip", "address", "add", "10.99.0.1/24", "dev", "probe9"], check=False)
               .returncode == 0, 20, "the interface")
    metrics = prober.wait_for(lambda m: m.sum("icmp_sent_total") > m.sum("icmp_loss_total") and
                              m.sum("echolane_rounds_completed_total") > 2, "rounds with answers")
    for direction in ("rx", "tx"):
        assert_equal(metrics.one(BELIEVED, direction=direction), 1, f"{direction}: counters believed")
        assert_equal(metrics.one(UNACCOUNTED, direction=direction), 0, f"{direction}: unaccounted")
    prober.stop()


def test_ring_and_null(lab):
    """A port that hears itself, one that swallows everything, and one that receives without end."""
    neighbours = [{"address": GATEWAY, "mac": "02:00:00:00:00:01"}]
    check_nothing_missing(rounds(lab, PEER_TARGETS, {"name": "r", "device": "net_ring0", "neighbours": neighbours, **ADDRESSES}))
    for device, received in (("net_null0,no-rx=1", False), ("net_null0", True)):
        port = {"name": "n", "device": device, "neighbours": neighbours, **ADDRESSES}
        metrics = rounds(lab, PEER_TARGETS, port)
        for direction in ("rx", "tx"):
            assert_equal(metrics.one(BELIEVED, direction=direction), 1, f"{device}, {direction}: counters believed")
            assert_equal(metrics.one(UNACCOUNTED, direction=direction), 0, f"{device}, {direction}: unaccounted")


# ---- a NIC with faults ----

PROBES = 200
NIC_TARGETS = {"icmp": icmp("198.51.100.0/30", PROBES, is_subnet=True, timeout=1), "tcp": tcp(HOST1, 443, PROBES, timeout=1)}
NIC = {"name": "nic", "device": "net_null0,no-rx=1", "profile": "generic", **ADDRESSES}


def start_nic(lab, fault, workers=1, rounds=3):
    conf = config(NIC_TARGETS, nb_proc=workers, interval=3, dataplane={**TWO_WORKERS, "ports": [NIC]} if workers == 2
                  else {"ports": [NIC]})
    return lab.start(conf, "--rounds", str(rounds), "--print-metrics", port=None,
                     preload=lab.build / "tests/functional/rss_nic.so", env={"RSS_NIC_FAULT": fault})


def sent_and_lost(metrics):
    both = [metrics.probes(target) for target in NIC_TARGETS]
    return sum(sent for sent, _ in both), sum(lost for _, lost in both)


@time_limit(120)
def test_what_is_right(lab):
    """Two workers and queues; then with counters of 32 bits that pass their end, and that are set back."""
    for fault in ("none", "counts_32_bits", "is_reset"):
        prober = start_nic(lab, fault, 2)
        metrics = prober.final_metrics()
        assert_equal(sent_and_lost(metrics)[1], 0, f"{fault}: lost")
        if fault == "none":
            check_nothing_missing(metrics)
        for direction in ("rx", "tx"):
            assert_equal(metrics.one(UNACCOUNTED, direction=direction), 0, f"{fault}, {direction}: unaccounted")
        assert_equal(metrics.sum(DROPS), 0, f"{fault}: drops of the round")


def check_missing(lab, fault, direction, other):
    prober = start_nic(lab, fault)
    metrics = prober.final_metrics()
    sent, lost = sent_and_lost(metrics)
    assert sent / 8 < lost < sent / 2, f"{lost} of {sent} lost"
    # resets and ARP are lost, too; a part of them may not be told yet
    missing = metrics.one(UNACCOUNTED, direction=direction)
    assert lost <= missing <= 2 * lost, f"{missing} unaccounted, {lost} lost"
    assert_equal(metrics.one(UNACCOUNTED, direction=other), 0, f"{other}: unaccounted")
    assert_equal(metrics.one(BELIEVED, direction=direction), 1, "counters believed")
    assert metrics.sum(DROPS) >= lost / 6, f"{metrics.sum(DROPS)} drops of the round, {lost} lost"
    assert_equal(prober.logged("it says nothing of them", "WARNING"), 1, "log lines")


def test_probes_that_are_not_sent(lab):
    check_missing(lab, "loses_probes", "tx", "rx")


def test_answers_that_get_lost(lab):
    check_missing(lab, "loses_answers", "rx", "tx")


def test_counters_that_are_not_believed(lab):
    for fault, directions in (("counts_nothing", ("rx", "tx")), ("counts_half", ("tx",))):
        prober = start_nic(lab, fault)
        metrics = prober.final_metrics()
        assert_equal(sent_and_lost(metrics)[1], 0, f"{fault}: lost")
        for direction in directions:
            assert_equal(metrics.one(BELIEVED, direction=direction), 0, f"{fault}, {direction}: counters believed")
        # while nothing is answered yet, those ARP requests that half a count leaves out are missing: of six, three of
        # which ask whether another has our address, and two of which say that it is ours
        assert metrics.sum(UNACCOUNTED) <= 3, f"{fault}: {metrics.sum(UNACCOUNTED)} unaccounted"
        assert_equal(metrics.sum(DROPS), 0, f"{fault}: drops of the round")
        assert_equal(prober.logged("what it may lose can't be told", "WARNING"), 1, f"{fault}: log lines")


def test_a_queue_that_carries_nothing(lab):
    """The driver claims a queue for each of two workers, and the NIC has one: one worker is used, nothing is lost."""
    prober = start_nic(lab, "dead_queue", 2)
    metrics = prober.final_metrics()
    assert_equal(sent_and_lost(metrics)[1], 0, "lost")
    assert_equal(metrics.sum(UNACCOUNTED), 0, "unaccounted")
    assert_equal(metrics.sum(DROPS), 0, "drops of the round")
    assert_equal(len(metrics.all("echolane_worker_tx_packets_total")), 1, "workers")
    assert_equal(prober.logged("what is sent by queue 1 does not go out", "WARNING"), 1, "log lines")
