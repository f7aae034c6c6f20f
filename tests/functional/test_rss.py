# SPDX-License-Identifier: BSD-3-Clause
"""Streams go to the worker whose queue the answers come in on: as a NIC's hash foretells, or as they are seen to
land. The NIC is tests/functional/rss_nic.c: net_null's ethdev with its key and table, and packets. One is one
queue a worker; the peer behind it answers all of IPv4."""
from harness import GATEWAY, PROBER, assert_equal, config, icmp, tcp, time_limit, udp
from test_workers import TWO_WORKERS

NETWORK = "198.51.100.0/27"
PACKETS = 16  # over as many ports: whatever bit of a port the hash shows, half of them differ in it
MANY = {"is_subnet": True, "timeout": 2}  # two workers poll on cores that others use too
TARGETS = {"tcp": tcp(NETWORK, 443, PACKETS, **MANY), "icmp": icmp(NETWORK, PACKETS, **MANY),
           "udp": udp(NETWORK, nb_packets=PACKETS, **MANY)}
GROUPS = {"one": {"src_port_a": 65000, "src_port_z": 65000},
          "sources": {"src_subnet_ipv4": "192.0.2.16/28", "src_port_a": 65001, "src_port_z": 65001},
          "ports": {"src_port_a": 64000, "src_port_z": 64000 + PACKETS - 1}}
LONG_S = 60
PROBES = 32 * PACKETS  # of a target in a group and round


def start(lab, wire, *arguments, profile="generic"):
    port = {"name": "nic", "device": "net_null0,no-rx=1", "profile": profile,
            "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY]}
    conf = config(TARGETS, GROUPS, nb_proc=2, dataplane={**TWO_WORKERS, "ports": [port]})
    return lab.start(conf, *arguments, port=None, preload=lab.build / "tests/functional/rss_nic.so",
                     env={"RSS_NIC": wire})


def check_round(metrics, source):
    """Nothing is lost, whoever gets an answer; streams are placed by `source` and over both workers."""
    counts = [metrics.probes(target, group) for target in TARGETS for group in GROUPS]
    # a worker whose core is taken away for long gets answers late; of a plan that is gone only it knows
    late = metrics.sum("echolane_probes_late_total") + metrics.sum("echolane_unmatched_answers_total", reason="late")
    assert all(sent > 0 for sent, _ in counts) and sum(lost for _, lost in counts) <= late, f"{counts}, {late} late"
    assert_equal(metrics.all("echolane_port_placement"),
                 [({"port": "nic", "probe_name": "lab", "source": source}, 1)], "placement")
    skew = metrics.one("echolane_worker_skew_ratio")
    assert 1 <= skew < 1.4, f"one worker has {skew} times its share"


def forwarded(metrics):
    """Answers of the last round that had to be forwarded; None before the first."""
    found = metrics.all("echolane_round_forwarded_answers")
    return found[0][1] if found else None


def test_as_the_device_says(lab):
    prober = start(lab, "addresses", "--rounds", "2", "--print-metrics")
    metrics = prober.final_metrics()
    check_round(metrics, "computed")
    assert_equal(metrics.sum("echolane_worker_forwarded_total"), 0, "forwarded answers")


@time_limit(150)
def test_another_hash_is_learnt(lab):
    prober = start(lab, "other_key")
    prober.wait_for(lambda m: m.sum("echolane_worker_forwarded_total") > PROBES, "answers that are forwarded", LONG_S)
    metrics = prober.wait_for(lambda m: forwarded(m) == 0, "answers that come in at home", LONG_S)
    check_round(metrics, "learnt")
    assert_equal(prober.logged("are moved to where they come in"), 1, "plans made for it")
    # it is remembered when the configuration is read again
    before = metrics.one("echolane_rounds_completed_total")
    assert prober.reload()
    metrics = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= before + 3, "rounds after it", LONG_S)
    assert_equal(forwarded(metrics), 0, "forwarded answers")
    check_round(metrics, "learnt")
    prober.stop()


@time_limit(150)
def test_ports_in_the_hash(lab):
    """The TCP answers to a range of ports come in everywhere: they are forwarded, and that is put up with after
    some tries."""
    prober = start(lab, "ports")
    prober.wait_for(lambda m: prober.logged("are moved to where they come in") == 3, "three tries", LONG_S)
    before = prober.metrics().one("echolane_rounds_completed_total")
    metrics = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= before + 4, "rounds after them", LONG_S)
    assert_equal(prober.logged("are moved to where they come in"), 3, "plans made for it")
    check_round(metrics, "learnt")
    # answers without ports, and to one port, are at home
    assert 0 < forwarded(metrics) < 2 * PROBES, f"{forwarded(metrics)} answers forwarded"
    prober.stop()


@time_limit(150)
def test_one_queue(lab):
    """A device that spreads nothing, and one that says it does: half of all is forwarded, for ever."""
    for wire, profile, source in (("one_queue", "null", "none"), ("one_queue", "generic", "computed")):
        metrics = start(lab, wire, "--rounds", "3", "--print-metrics", profile=profile).final_metrics()
        check_round(metrics, source)
        assert PROBES < forwarded(metrics) < 8 * PROBES, f"{forwarded(metrics)} answers forwarded"
