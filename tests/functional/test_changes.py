# SPDX-License-Identifier: BSD-3-Clause
"""Changes of plan that come close together, or at a bad time: none is held up, none costs a probe."""
import json
import os
import signal
import time

from harness import (GATEWAY, HOST1, HOST2, HOST3, NOT_RELOADED, PORT, RELOADED, Prober, alone, assert_equal,
                     assert_loss, config, icmp, tcp, time_limit, wait_until, write_whole)
from metrics import Metrics
from test_inventory import PING, Directory
from test_reload import assert_lossless, count_requests, destinations, has, received
from test_simpeer import TARGET, Peer
from test_workers import TWO_WORKERS

ABSENT = "203.0.113.99"
INTERVAL_S = 60  # nothing here may wait for that
NEW_PLAN = "a new plan of"


def assert_accounted(lab, prober, host, targets):
    """After its end: what it counted is what the host got, and nothing is lost."""
    page = Metrics(prober.stdout).check()
    assert_lossless(page)
    assert_equal(sum(page.probes(target)[0] for target in targets), received(lab, host),
                 "probes counted and echo requests that the host got")
    return page


@alone
@time_limit(120)
def test_half_open_connections_are_not_forgotten(lab):
    """Reloads while SYNs are under way for 0.3 s and every tenth SYN/ACK is lost: the next plan resets what
    the one before left open, so that no more is lost than that."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "tcp"}, "half_open": True, "drop_every": 10,
                       "delay": {"us": 300000}, "half_open_reuse": "challenge_ack"}])
    conf = config({"open": tcp(TARGET, 80, 100, timeout=2)})
    prober = lab.start(conf, "--print-metrics")
    prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the first round")
    for number in range(3):
        conf["targets"] = {"open": conf["targets"]["open"], f"guest{number}": icmp("198.51.100.5", 10 + number)}
        assert prober.reload(conf), prober.stderr
        prober.wait_for(has(f"guest{number}"), "the new plan")
    prober.stop()
    stats, rules = peer.stop()
    page = Metrics(prober.stdout).check()
    assert_equal(stats["half_open_reused"], 0, "SYNs on half-open connections")
    assert_loss(page, "open", rules["case"]["received"], rules["case"]["dropped"])


def test_reloads_wait_for_no_interval(lab):
    """Each is in effect at once, also right after another: the first probes of its target are there."""
    conf = config({"stays": icmp(HOST1, 200)}, interval=INTERVAL_S)
    count_requests(lab, "host1")
    with lab.capture("host2", "eth0", "icmp[0] == 8") as at_host2:
        prober = lab.start(conf, "--print-metrics")
        wait_until(lambda: received(lab, "host1"), 20, "the first probe")
        for number in range(1, 6):
            began = time.monotonic()
            conf["targets"][f"comes{number}"] = icmp(HOST2, 100 * number)
            for _ in range(2):  # the second finds the first one's plan taken just now
                assert prober.reload(conf), prober.stderr
            count = len(at_host2.read())
            wait_until(lambda: len(at_host2.read()) > count, 5, "the new target's first probe")
            assert time.monotonic() - began < 10, "a reload waited"
        prober.stop()
    assert_accounted(lab, prober, "host1", ["stays"])


def inventory(lab, fixed, **global_keys):
    """A configuration with an inventory, and what gives that its list: names and destinations."""
    directory, file = Directory(lab), lab.directory / "targets.yaml"

    def write(**targets):
        write_whole(file, "".join(f"- {{hostname: {name}, {PING.format(destination)}}}\n"
                                  for name, destination in targets.items()) or "[]\n")
    write()
    directory.add("inv", f"""
        while :; do
            new=$(cat '{file}')
            [ "$new" = "$old" ] || printf '%s\\n' --- "$new" ...
            old=$new
            sleep 0.05
        done""")
    return directory.conf(fixed, **global_keys), write


def test_inventories_wait_for_the_round_only(lab):
    """A list that changes while a round is sent is probed from the next round on."""
    conf, write = inventory(lab, {"stays": icmp(HOST1, 100)}, interval=2)
    count_requests(lab, "host1")
    with lab.capture("host2", "eth0", "icmp[0] == 8") as at_host2:
        prober = lab.start(conf, "--print-metrics")
        page = prober.wait_for(has("stays"), "the first round")
        for number in range(1, 3):
            rounds = page.one("echolane_rounds_completed_total")
            page = prober.wait_for(lambda m, n=rounds: m.one("echolane_rounds_completed_total") > n,
                                   "a round's end")
            began, count = time.monotonic(), len(at_host2.read())
            write(**{f"comes{n}": HOST2 for n in range(number)})
            wait_until(lambda n=count: len(at_host2.read()) > n, 9, "the new target")
            if number == 1:  # some of the round is gone: it ends in less than 2 s, the next one in more
                assert time.monotonic() - began < 3, "the change waited for a round more"
            page = prober.wait_for(has(f"inv_comes{number - 1}"), "its round's end")
        prober.stop()
    assert_accounted(lab, prober, "host1", ["stays"])


def test_reload_during_another_change(lab):
    """A plan that waits for the end of a round is dropped for the reload's, which does not wait."""
    conf, write = inventory(lab, {"stays": icmp(HOST1, 200)}, interval=INTERVAL_S, logging_level="DEBUG")
    count_requests(lab, "host1")
    prober = lab.start(conf, "--print-metrics")
    wait_until(lambda: received(lab, "host1"), 20, "the first probe")
    for number in range(1, 4):
        plans = prober.logged(NEW_PLAN)
        write(**{f"comes{n}": HOST2 for n in range(number)})
        wait_until(lambda n=plans: prober.logged(NEW_PLAN) > n, 10, "the inventory's plan")
        count = received(lab, "host1")
        conf["targets"][f"other{number}"] = icmp(HOST2, 10)
        assert prober.reload(conf), prober.stderr
        wait_until(lambda n=plans: prober.logged(NEW_PLAN) > n + 1, 5, "the reload's plan")
        wait_until(lambda n=count: received(lab, "host1") > n, 5, "its first probe")
    prober.stop()
    page = assert_accounted(lab, prober, "host1", ["stays"])
    assert {"inv_comes2", "other3"} <= destinations(page), "targets"


def test_a_thousand_signals(lab):
    """In a second, under load, with two workers: the last content counts, pages stay whole and every probe
    is accounted for."""
    more = {f"more{n}": icmp(host, 50) for n, host in enumerate((HOST2, HOST3, GATEWAY))}
    conf = config({"stays": icmp(HOST1, 500), **more}, nb_proc=2, dataplane=TWO_WORKERS)
    count_requests(lab, "host1")
    prober = lab.start(conf, "--print-metrics")
    prober.wait_for(has("stays"), "the first round")
    sent = 0
    for number in range(1000):
        if number % 100 == 0:
            conf["targets"][f"comes{number}"] = icmp(HOST2, 1)
            prober.write_config(conf)
            page = prober.metrics()
            assert page.probes("stays")[0] >= sent, "a counter went back"
            sent = page.probes("stays")[0]
        prober.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)
    prober.wait_for(has("comes900"), "the last target")
    prober.stop()
    assert_accounted(lab, prober, "host1", ["stays"])


def test_signals_before_the_first_round(lab):
    """While a next hop is not known: reloads, then the end."""
    conf = config({"stays": icmp(HOST1, 10)})
    lab.ip("router", "link", "set", "p0", "arp", "off")
    prober = lab.start(conf, "--print-metrics")
    wait_until(lambda: prober.get("/-/healthy")[0] == 200, 15, "the server")
    prober.process.send_signal(signal.SIGHUP)
    began = time.monotonic()
    prober.stop()
    assert time.monotonic() - began < 3, "the end waited for the next hop"
    assert_equal(Metrics(prober.stdout).check().sum("icmp_sent_total"), 0, "probes")
    prober = lab.start(conf, "--print-metrics")
    wait_until(lambda: prober.get("/-/healthy")[0] == 200, 15, "the server")
    conf["targets"]["comes"] = icmp(HOST2, 10)
    prober.write_config(conf)
    prober.process.send_signal(signal.SIGHUP)
    lab.ip("router", "link", "set", "p0", "arp", "on")
    prober.wait_for(lambda m: has("comes")(m) and has("stays")(m), "both targets")
    prober.stop()
    assert_equal(prober.logged(RELOADED), 1, "reloads")


def test_end_during_a_reload(lab):
    """At any time after the signal: it ends at once, no probe is sent after that, all are accounted for."""
    conf = config({"stays": icmp(HOST1, 500, timeout=0.3)})
    for number in range(5):
        count_requests(lab, "host1")
        prober = lab.start(conf, "--print-metrics")
        prober.wait_for(has("stays"), "the first round")
        prober.process.send_signal(signal.SIGHUP)
        time.sleep(0.005 * number)
        began = time.monotonic()
        prober.stop()
        assert time.monotonic() - began < 2, "the end waited"
        assert_accounted(lab, prober, "host1", ["stays"])
        lab.run("host1", ["nft", "delete", "table", "ip", "t"])


def test_second_signal_to_end(lab):
    """It does not even wait for the answers that are still out."""
    prober = lab.start(config({"absent": icmp(ABSENT, 100, timeout=4)}))
    with lab.capture("router", "p0", "icmp[0] == 8") as probes:
        wait_until(probes.read, 15, "the first probe")
    prober.process.send_signal(signal.SIGTERM)
    wait_until(lambda: prober.logged("stopping"), 5, "the first signal")
    began = time.monotonic()
    prober.stop()
    assert time.monotonic() - began < 2, "the end waited"


def test_file_that_is_no_file(lab):
    """A FIFO without a writer, a directory, nothing at all: not reloaded, and nothing waits for it."""
    conf = config({"stays": icmp(HOST1, 10)})
    prober = lab.start(conf)
    prober.wait_for(has("stays"), "the first round")
    for make in (os.mkfifo, os.mkdir, lambda path: None):
        prober.config.unlink()
        make(prober.config)
        assert not prober.reload(), "taken"
        if prober.config.exists():
            (os.rmdir if prober.config.is_dir() else os.unlink)(prober.config)
        prober.write_config(conf)
        assert prober.reload(), prober.stderr
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 0, "the status")
    assert_lossless(page)
    prober.stop()


def test_configuration_from_a_pipe(lab):
    """It can be read once: to start with."""
    pipe = lab.directory / "pipe"
    os.mkfifo(pipe)
    prober = Prober(lab, ["run", "--port", PORT, str(pipe)])
    pipe.write_text(json.dumps(config({"stays": icmp(HOST1, 10)}, reload_conf_interval=1)))
    page = prober.wait_for(has("stays"), "the first round")
    assert not prober.reload(), "taken"
    rounds = page.one("echolane_rounds_completed_total")
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") > rounds + 3, "rounds to go on")
    assert_equal(prober.logged(NOT_RELOADED), 1, "reloads that failed")
    prober.stop()
