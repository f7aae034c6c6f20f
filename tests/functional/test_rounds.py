# SPDX-License-Identifier: BSD-3-Clause
"""When probes are sent, and how long a round took."""
import signal
import statistics
import time

import packets
from harness import HOST1, HOST2, assert_equal, assert_loss, config, icmp, wait_until
from stopped_thread import StoppedThread, threads


def gaps(capture, host, number):
    """Times between the echo requests to a host, s."""
    times = [p.time for p in capture.packets if p.dst == host and packets.is_probe(p)]
    assert_equal(len(times), number, f"echo requests to {host}")
    return [b - a for a, b in zip(times, times[1:])]


def assert_median(seconds, expected, what):
    """The median, for a busy machine is late now and then."""
    median = statistics.median(seconds)
    assert abs(median - expected) < 0.2 * expected, f"{what}: {seconds}, expected {expected} s each"


def test_interval(lab):
    """Rounds start an interval apart, with the packets of a target spread over it."""
    with lab.capture("router", "p0", "icmp") as capture:
        metrics = lab.rounds(config({"one": icmp(HOST1, 1), "four": icmp(HOST2, 4)}, interval=2), 3)
    assert_loss(metrics, "one", 3)
    assert_median(gaps(capture, HOST1, 3), 2, "rounds")
    assert_median(gaps(capture, HOST2, 12), 0.5, "packets")


def test_phase(lab):
    """Rounds begin where the phase says, by the clock of the day, whenever the program is started; in a round, targets
    have their turn in the order of the configuration."""
    targets = {name: icmp(host, 2) for name, host in (("b", HOST2), ("a", HOST1))}
    with lab.capture("router", "p0", "icmp") as capture:
        lab.rounds(config(targets, dataplane={"phase": 0.3}, interval=2), 2)
    probes = [p for p in capture.packets if packets.is_probe(p)]
    assert_equal([p.dst for p in probes], [HOST2, HOST1] * 4, "order of the probes")
    late = [(p.time - 2 * 0.3) % 2 for p in probes[::4]]
    assert min(late) < 0.1 and max(late) < 0.5, f"rounds began {late} s after their phase"


def test_interval_packets(lab):
    """Packets of a target are so far apart, whatever the interval is."""
    with lab.capture("router", "p0", "icmp") as capture:
        metrics = lab.rounds(config({"five": icmp(HOST1, 5)}, interval=3, interval_packets=0.1))
    assert_loss(metrics, "five", 5)
    assert_median(gaps(capture, HOST1, 5), 0.1, "packets")


def test_round_longer_than_the_interval(lab):
    """The next one follows at once."""
    with lab.capture("router", "p0", "icmp") as capture:
        metrics = lab.rounds(config({"four": icmp(HOST1, 4)}, interval=1, interval_packets=0.5), 2)
    assert_loss(metrics, "four", 8)
    assert_median(gaps(capture, HOST1, 8), 0.5, "packets")
    assert max(gaps(capture, HOST1, 8)) < 1.5, gaps(capture, HOST1, 8)
    assert_equal(metrics.one("app_process_timed_out_total"), 0, "rounds that took too long")


def test_iteration_time(lab):
    """The time that a round needed, not the one it was spread over; what interval_packets asks for is needed."""
    for keys, least_s in (({}, 0.5), ({"interval_packets": 0.1}, 1.5)):
        metrics = lab.rounds(config({"icmp": icmp(HOST1, 10, timeout=0.5)}, interval=5, **keys))
        took_s = metrics.one("app_iteration_time_seconds")
        assert least_s <= took_s < least_s + 0.5, f"{took_s} s with {keys}"


def test_global_timeout(lab):
    """A round that takes longer is counted; what was not sent is neither sent nor lost."""
    prober = lab.start(config({"icmp": icmp(HOST1, 100, timeout=0.2)}, interval=1, interval_packets=0.1,
                              timeout=1.5))
    page = prober.wait_for(lambda m: m.one("app_process_timed_out_total") >= 3, "the count")
    assert_equal(page.one("echolane_rounds_skipped_total"), 0, "rounds that were skipped")
    sent, lost = page.probes("icmp")
    assert_equal(lost, 0, "lost")
    assert sent > 0
    prober.stop()


def test_figures_that_take_long(lab):
    """They are waited for: what was sent before a stop is on the last page. Who does not want to wait says so
    again, and is told what that costs."""
    for impatient in (False, True):
        prober = lab.start(config({"icmp": icmp(HOST1, 10)}), "--print-metrics")
        before = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 1, "the first round")
        maker = next(thread for thread, name in threads(prober.process.pid).items() if name == "statistics")
        with StoppedThread(maker):
            prober.wait_for(lambda m, sent=before.one("echolane_worker_tx_probes_total"):
                            m.one("echolane_worker_tx_probes_total") > sent + 10, "probes of a round without figures")
            prober.process.send_signal(signal.SIGTERM)
            time.sleep(4)  # longer than it waits for anything else
            assert prober.process.poll() is None, "it did not wait"
            if impatient:
                prober.process.send_signal(signal.SIGTERM)
                wait_until(lambda p=prober: p.logged("without the figures"), 5, "a warning")
        page = prober.final_metrics()
        sent, lost = page.probes("icmp")
        left_out = page.one("echolane_worker_tx_probes_total") - sent
        assert_equal(lost, 0, "lost")
        assert left_out >= 10 if impatient else left_out == 0, f"{left_out} probes are not on the page"
        assert_equal(prober.logged("without the figures") > 0, impatient, "a warning")


def test_told_twice_to_stop(lab):
    """It then does not wait for the answers that are still out."""
    prober = lab.start(config({"absent": icmp("198.51.100.77", 10, timeout=30)}, interval=0))
    prober.wait_for(lambda m: m.one("echolane_worker_tx_probes_total") > 0, "a probe")
    prober.process.send_signal(signal.SIGTERM)
    wait_until(lambda: prober.logged("stopping"), 5, "the first signal's message")
    prober.process.send_signal(signal.SIGTERM)
    assert_equal(prober.process.wait(10), 0, "exit status")
