# SPDX-License-Identifier: BSD-3-Clause
"""Beside a target that does not answer for minutes: changes of plan wait for no timeout, and counters say what was
closed."""
import os
import signal
import time

import packets
from harness import HOST1, HOST2, alone, assert_equal, config, icmp, wait_until
from metrics import Metrics
from test_names import NameServer
from test_reload import count_requests, has, received

ABSENT = "203.0.113.99"
SOON_S = 0.5  # 0.1 s is what an optimized build needs at most; with sanitizers, beside other programs, more


def silent(timeout_s=600):
    return icmp(ABSENT, 10, timeout=timeout_s)


def probes(capture, host, **has_also):
    """Those to a host that have these fields, so far."""
    return [p for p in capture.read() if p.dst == host and packets.is_probe(p) and
            all(getattr(p, key) == value for key, value in has_also.items())]


def first_probe(capture, began, host=HOST1, **has_also):
    """Waits for it; how long after `began` it was on the wire, s."""
    found = wait_until(lambda: probes(capture, host, **has_also), 15, f"a probe to {host}, {has_also}")
    return found[0].time - began


@alone
def test_reloads(lab):
    """Each of ten is on the wire at once."""
    conf = config({"answers": icmp(HOST1, 200), "silent": silent()})
    with lab.capture("router", "p0", "icmp") as capture:
        prober = lab.start(conf)
        wait_until(lambda: probes(capture, ABSENT), 15, "the first probe that is not answered")
        delays = []
        for dscp in range(1, 11):
            conf["groups"] = {"g": {"dscp": dscp}}
            prober.write_config(conf)
            began = time.time()
            prober.process.send_signal(signal.SIGHUP)
            delays.append(first_probe(capture, began, tos=dscp << 2))
        prober.stop()
    assert max(delays) < SOON_S, f"seconds from the signal to the plan's first probe: {delays}"


def without_last_plans(sent):
    """The probes but those of the eight last runs of one DSCP, which are of the eight last plans or more."""
    changes = [n for n in range(1, len(sent)) if sent[n].tos != sent[n - 1].tos]
    return sent[:changes[-8]]


@alone
def test_a_storm_of_reloads(lab):
    """A hundred a second for ten seconds: probes go on, the last plan is there at once, memory stays what it was.
    Of all plans but those that are open when it ends each probe is accounted for."""
    conf = config({"answers": icmp(HOST1, 200), "silent": silent()})
    resident_kib = []
    # AddressSanitizer keeps what is freed, up to so much
    env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}
    with lab.capture("router", "p0", "icmp[0] == 8") as capture:
        prober = lab.start(conf, "--print-metrics", env=env)
        wait_until(lambda: probes(capture, ABSENT), 15, "the first probe that is not answered")
        for number in range(1000):
            conf["groups"] = {"g": {"dscp": 63 if number == 999 else number % 62}}
            prober.write_config(conf)
            if number % 100 == 0:
                resident_kib.append(prober.resident_kib())
            began = time.time()
            prober.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        delay = first_probe(capture, began, tos=63 << 2)
        resident_kib.append(prober.resident_kib())
        prober.stop()
    times = [p.time for p in capture.packets]
    assert max(b - a for a, b in zip(times, times[1:])) < SOON_S, "probes stopped"
    assert delay < SOON_S, f"the last plan's first probe came {delay} s after the signal"
    growth_kib = resident_kib[-1] - resident_kib[3]
    assert growth_kib < 16384, f"resident memory grew by {growth_kib} KiB: {resident_kib}"
    page = Metrics(prober.stdout).check()
    sent, closed = ({host: sum(p.dst == host for p in those) for host in (HOST1, ABSENT)}
                    for those in (capture.packets, without_last_plans(capture.packets)))
    answered, lost = page.probes("answers")
    abandoned = page.one("echolane_probes_abandoned_total", destination="silent")
    assert_equal(lost + page.sum("echolane_probes_local_total"), 0, "lost")
    assert closed[HOST1] <= answered <= sent[HOST1], f"{answered} answered, {closed} closed, {sent} sent"
    assert closed[ABSENT] <= abandoned <= sent[ABSENT], f"{abandoned} abandoned, {closed} closed, {sent} sent"


@alone
def test_a_name(lab):
    """Its new address is probed after the refresh, from the next round on."""
    server = NameServer(lab, [(HOST1, "web.test")])
    with lab.capture("router", "p0", "icmp[0] == 8") as capture:
        prober = lab.start(config({"named": icmp("web.test", 100), "silent": silent()}, dns_update_interval=1))
        wait_until(lambda: probes(capture, ABSENT) and probes(capture, HOST1), 15, "the first probes")
        delays = []
        for host in (HOST2, HOST1, HOST2):
            count = len(probes(capture, host))
            began = time.time()
            server.set((host, "web.test"))
            wait_until(lambda h=host, n=count: len(probes(capture, h)) > n, 10, "the new address")
            delays.append(probes(capture, host)[count].time - began)
        prober.stop()
    assert max(delays) < 2 + SOON_S, f"seconds until the new address was probed: {delays}"


def test_figures_do_not_wait(lab):
    """Those of the new plan are published while rounds of the one before are open for minutes."""
    conf = config({"answers": icmp(HOST1, 10), "silent": silent()})
    prober = lab.start(conf)
    wait_until(lambda: prober.get("/-/healthy")[0] == 200, 15, "the server")
    prober.wait_for(lambda m: m.one("echolane_worker_tx_probes_total") > 0, "a probe")
    del conf["targets"]["silent"]
    assert prober.reload(conf), prober.stderr
    prober.wait_for(lambda m: has("answers")(m) and m.probes("answers")[0] >= 50, "five rounds")
    prober.stop()


def test_figures_of_an_older_plan_are_added(lab):
    """When its rounds end: none is counted twice or not at all, and no number of a round goes back."""
    conf = config({"answers": icmp(HOST1, 10), "silent": silent(4)})
    count_requests(lab, "host1")
    with lab.capture("router", "p0", "icmp[0] == 8") as capture:
        prober = lab.start(conf, "--print-metrics")
        wait_until(lambda: len(probes(capture, ABSENT)) > 3, 15, "the first probes")
        conf["targets"]["silent"] = silent(0.2)
        assert prober.reload(conf), prober.stderr
        numbers = []

        def is_all(page):
            numbers.extend(value for _, value in page.all("echolane_round_number"))
            return has("silent")(page) and page.probes("silent")[0] > 60
        prober.wait_for(is_all, "rounds of both plans")
        prober.stop()
    page = Metrics(prober.stdout).check()
    assert_equal(numbers, sorted(numbers), "numbers of rounds")
    assert_equal(page.probes("answers"), (received(lab, "host1"), 0), "sent and lost")
    sent, lost = page.probes("silent")
    assert_equal(sent, lost, "lost of the silent target")
    assert_equal(sent, len(probes(capture, ABSENT)), "probes to the silent target")
