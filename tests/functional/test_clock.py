# SPDX-License-Identifier: BSD-3-Clause
"""What times are read from, and what is published of it. tests/functional/odd_clock.c is the kernel's clock of a
machine that is not well."""
from harness import GATEWAY, HOST1, PROBER, assert_equal, assert_loss, config, icmp, tcp
from test_workers import TWO_WORKERS

TARGETS = {"ping": icmp(GATEWAY), "open": tcp(HOST1, 443)}
PORTS = {"af_packet": f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY}",
         "af_xdp": f"af_xdp:probe0,address={PROBER}/24,gateway={GATEWAY}"}


def info(metrics):
    (labels, value), = metrics.all("echolane_clock_info")
    assert_equal(value, 1, "value of the clock's info")
    return labels["source"], labels["reason"]


def check_times(metrics):
    for target in TARGETS:
        rtt = metrics.rtt(target, 50)
        assert 0 < rtt < 0.2, f"{target}: a median of {rtt} s"


def odd(lab, conf, clock, *arguments):
    return lab.start(conf, *arguments, preload=lab.build / "tests/functional/odd_clock.so", env={"ODD_CLOCK": clock})


def test_source_is_measured(lab):
    metrics = lab.rounds(config(TARGETS), 2)
    assert info(metrics)[1] != "configured", "nobody has asked for a source"
    assert metrics.one("echolane_tsc_error_ratio") < 1e-4
    check_times(metrics)


def test_source_is_configured(lab):
    for source in ("monotonic", "tsc"):
        for port in PORTS.values():
            metrics = lab.rounds(config(TARGETS, dataplane={"clock": source}), port=port)
            assert_equal(info(metrics), (source, "configured"), "source of time")
            for target in TARGETS:
                assert_loss(metrics, target, 100)
            check_times(metrics)


def test_cores_that_differ(lab):
    """Their counters are not used, and nothing is refused because of them."""
    prober = odd(lab, config(TARGETS, nb_proc=1, dataplane=TWO_WORKERS | {"lcores": {"control": 0, "workers": [1]}}),
                 "cores", "--rounds", "2", "--print-metrics")
    metrics = prober.final_metrics()
    assert_equal(info(metrics), ("monotonic", "skew"), "source of time")
    assert 0.5e-3 < metrics.one("echolane_clock_skew_seconds") < 1.5e-3
    for target in TARGETS:
        assert_loss(metrics, target, 200)
    assert_equal(prober.logged("the time stamp counter is no good"), 1, "lines about it")


def steps(lab, step_ns):
    """The clock steps in the third second. That is found, nothing is lost, and rounds go on with times."""
    prober = odd(lab, config(TARGETS), f"2.5 {step_ns}")
    found = prober.wait_for(lambda m: m.one("echolane_clock_steps_total") > 0, "the step")
    number = found.one("echolane_round_number")
    later = prober.wait_for(lambda m: m.one("echolane_round_number") >= number + 3, "the next rounds")
    check_times(later)
    assert_equal(info(later)[0], "tsc", "source of time")
    assert_equal(later.one("echolane_clock_steps_total"), 1, "steps")
    assert prober.logged("has stepped") == 1
    for target in TARGETS:
        sent, lost = later.probes(target)
        assert sent > 200 and lost == 0, f"{target}: {lost} of {sent} lost"
    prober.stop()


def test_a_step_forth(lab):
    steps(lab, 5_000_000)


def test_a_step_back(lab):
    steps(lab, -5_000_000)


def test_an_hour(lab):
    steps(lab, 3_600_000_000_000)
