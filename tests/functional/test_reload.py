# SPDX-License-Identifier: BSD-3-Clause
"""Reload: what stays goes on, what is gone vanishes, what is wrong changes nothing."""
import copy
import json
import os
import pathlib
import random
import signal
import time

from harness import (GATEWAY, HOST1, HOST2, HOST3, NOT_RELOADED, PORT, PROBER, RELOADED, Prober, assert_equal, config,
                     icmp, tcp, time_limit, wait_until)

RELOADS = 100


def destinations(page):
    """Names of the targets that anything on the page is about."""
    return {labels["destination"] for _, labels, _ in page.samples if "destination" in labels}


def assert_lossless(page):
    for family in ("tcpsyn", "icmp", "udp_unreachable"):
        assert_equal(page.sum(f"{family}_loss_total"), 0, f"lost of {family}")


def has(target, group="g"):
    return lambda page: page.all("icmp_sent_total", destination=target, group=group)


def test_targets_and_groups(lab):
    """Added, removed and renamed ones; counters of what stays go on."""
    threshold = {"threshold": {"latency": 0.1}}
    conf = config({"stays": icmp(HOST1, 10, **threshold), "goes": icmp(HOST2, 10, **threshold),
                   "was_called": icmp(HOST3, 10), "changes": icmp(HOST1, 10)},
                  {"g": {}, "gone_group": {}})
    prober = lab.start(conf)
    before = prober.wait_for(lambda m: has("stays")(m) and m.probes("stays")[0] >= 30, "three rounds")
    after = copy.deepcopy(conf)
    after["groups"] = {"g": {}, "new_group": {}}
    after["global"]["percentile"] = [99]
    after["targets"] = {"comes": icmp(HOST3, 10), "is_called": icmp(HOST3, 10),
                        "stays": icmp(HOST1, 10, **threshold), "changes": tcp(HOST2, 443, 20)}
    assert prober.reload(after), prober.stderr

    def is_new(page):
        # meanwhile no page may ever go back
        assert page.probes("stays")[0] >= before.probes("stays")[0], "a counter went back"
        return has("comes")(page)
    page = prober.wait_for(is_new, "the first round of the new configuration")
    assert_equal(destinations(page), {"comes", "is_called", "stays", "changes"}, "targets")
    assert_equal({labels["group"] for _, labels, _ in page.samples if "group" in labels},
                 {"g", "new_group"}, "groups")
    assert_equal({labels["percentile"] for labels, _ in page.all("icmp_round_trip_seconds")}, {"99"},
                 "percentiles")
    assert_equal(len(page.all("threshold")), 2, "thresholds")
    assert_equal(page.all("icmp_sent_total", destination="changes"), [], "echo requests of a TCP target")
    # ten probes for each round from the start on, whatever plan it was of, and for a part of the one cut short
    assert page.probes("stays")[0] > before.probes("stays")[0]
    assert page.probes("comes")[0] < before.probes("stays")[0], "a new target has counters of its own"
    assert_equal({t: page.one("app_host_resolution_change_total", destination=t)
                  for t in ("comes", "is_called", "stays", "changes")},
                 {"comes": 1, "is_called": 1, "stays": 1, "changes": 2}, "changes of addresses")
    assert_lossless(page)
    prober.stop()


def test_probe_name(lab):
    """Another probe_name clears everything."""
    conf = config({"ping": icmp(HOST1, 10)})
    prober = lab.start(conf)
    before = prober.wait_for(lambda m: has("ping")(m) and m.probes("ping")[0] >= 50, "five rounds")
    conf["global"]["probe_name"] = "other"
    assert prober.reload(conf), prober.stderr
    page = prober.wait_for(lambda m: m.all("icmp_sent_total", probe_name="other"), "the other name")
    assert_equal({labels["probe_name"] for _, labels, _ in page.samples if "probe_name" in labels}, {"other"},
                 "probe names")
    assert page.probes("ping")[0] < before.probes("ping")[0], "the counters went on"
    assert_lossless(page)
    prober.stop()


def test_bad_files(lab):
    """A file that does not load changes nothing and is a metric; the next good one ends that."""
    conf = config({"ping": icmp(HOST1, 10)})
    prober = lab.start(conf)
    prober.wait_for(has("ping"), "the first round")
    wrong_key, wrong_value, too_many, no_directory = (copy.deepcopy(conf) for _ in range(4))
    wrong_key["targets"]["ping"]["nb_packet"] = 3
    wrong_value["targets"]["other"] = tcp(HOST1, "htps")
    too_many["targets"]["other"] = icmp(HOST2, 10)
    too_many["dataplane"]["max_probes_per_round"] = 15
    no_directory["dataplane"]["inventories"] = {"directory": "/nonexistent"}
    for bad, said in ((wrong_key, 'targets.ping: unknown key \\"nb_packet\\"'), (wrong_value, "targets.other.dst_port"),
                      ("global: [", "config."), ("", "config."), (too_many, "15"),
                      (no_directory, "/nonexistent")):
        assert not prober.reload(bad), f"taken: {bad}"
        assert prober.logged(said, "ERROR"), f"{said} is not in {prober.stderr}"
        page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 1, "the status")
        sent = page.probes("ping")[0]
        page = prober.wait_for(lambda m: m.probes("ping")[0] >= sent + 10, "the rounds to go on")
        assert_equal(destinations(page), {"ping"}, "targets")
        assert_equal(page.one("app_reload_conf_failed_status"), 1, "status")
    prober.config.unlink()
    assert not prober.reload(), "a file that is not there was loaded"
    assert prober.reload(conf), prober.stderr
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 0, "the status")
    assert_lossless(page)
    prober.stop()


def test_by_interval(lab):
    """The file is looked at; only another content is a reload."""
    conf = config({"ping": icmp(HOST1, 10)}, reload_conf_interval=1)
    prober = lab.start(conf)
    page = prober.wait_for(has("ping"), "the first round")
    prober.write_config(conf)  # another file with the same content
    rounds = page.one("echolane_rounds_completed_total")
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= rounds + 4, "four rounds")
    assert_equal(prober.logged(RELOADED), 0, "reloads of the same content")
    conf["targets"]["other"] = icmp(HOST2, 10)
    prober.write_config(conf)
    prober.wait_for(has("other"), "the other target")
    prober.write_config("targets: {")
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 1, "the status")
    rounds = page.one("echolane_rounds_completed_total")
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= rounds + 3, "three rounds")
    assert_equal(prober.logged(NOT_RELOADED), 1, "attempts at the same bad content")
    conf["global"]["reload_conf_interval"] = 0
    prober.write_config(conf)
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 0, "the status")
    assert_equal(prober.logged(RELOADED), 2, "reloads")
    del conf["targets"]["other"]
    prober.write_config(conf)
    rounds = page.one("echolane_rounds_completed_total")
    page = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= rounds + 3, "three rounds")
    assert_equal(destinations(page), {"ping", "other"}, "targets, once there are no more reloads by interval")
    assert_lossless(page)
    prober.stop()


def test_what_needs_a_restart(lab):
    """It is named in the log and stays as it was; the rest of the file is taken."""
    conf = config({"ping": icmp(HOST1, 10)},
                  dataplane={"ports": [{"device": "af_packet:probe0", "addresses": [f"{PROBER}/24"],
                                        "gateways": [GATEWAY]}]})
    prober = lab.start(conf, port=None)
    prober.wait_for(has("ping"), "the first round")
    assert prober.reload(conf), prober.stderr
    assert_equal(prober.logged("needs a restart"), 0, "warnings about nothing")
    conf["targets"]["other"] = icmp(HOST2, 10)
    conf["global"] |= {"nb_proc": 2, "prometheus_port": 8001, "prometheus_address": "127.0.0.2"}
    conf["dataplane"] |= {"huge_pages": "yes", "eal_args": ["-m", "300"], "lcores": {"control": 0}}
    conf["dataplane"]["ports"][0]["neighbours"] = [{"address": GATEWAY, "mac": "02:00:00:00:00:01"}]
    assert prober.reload(conf), prober.stderr
    for key in ("global.nb_proc", "global.prometheus_port", "global.prometheus_address", "dataplane.huge_pages",
                "dataplane.eal_args", "dataplane.lcores", "dataplane.ports"):
        assert_equal(prober.logged(f"{key} has changed: that needs a restart", "WARNING"), 1, key)
    # compared with what runs, whatever has been said before
    conf["global"]["prometheus_port"] = 8009
    conf["dataplane"]["eal_args"] = ["-m", "400"]
    assert prober.reload(conf), prober.stderr
    conf["global"]["prometheus_port"] = 8000
    del conf["dataplane"]["eal_args"]
    assert prober.reload(conf), prober.stderr
    for key, times in (("global.prometheus_port", 2), ("dataplane.eal_args", 2), ("global.nb_proc", 3)):
        assert_equal(prober.logged(f"{key} has changed: that needs a restart", "WARNING"), times, key)
    assert_lossless(prober.wait_for(has("other"), "the other target"))
    prober.stop()


def test_another_file_of_the_same_time(lab):
    """A symbolic link that is swapped, as volumes of Kubernetes do, to a file of the same size and time."""
    conf = config({"one": icmp(HOST1, 10)}, reload_conf_interval=1)
    here, there = (lab.write_config(text) for text in (conf, json.dumps(conf, indent=1).replace("one", "two")))
    for path in (here, there):
        os.utime(path, (1700000000, 1700000000))
    assert_equal(here.stat().st_size, there.stat().st_size, "size")
    link = lab.directory / "link.yaml"
    link.symlink_to(here.name)
    prober = Prober(lab, ["run", "--port", PORT, str(link)])
    prober.wait_for(has("one"), "the first round")
    swapped = lab.directory / "swapped.yaml"
    swapped.symlink_to(there.name)
    swapped.rename(link)
    assert_equal(destinations(prober.wait_for(has("two"), "the other file")), {"two"}, "targets")
    # and written in place, its time put back
    text = there.read_text()
    there.write_text(text.replace("two", "six"))
    os.utime(there, (1700000000, 1700000000))
    prober.wait_for(has("six"), "the other content")
    prober.stop()


def holds_signals(prober):
    """Whether main has begun: it holds SIGHUP from then on."""
    status = pathlib.Path(f"/proc/{prober.process.pid}/status").read_text()
    blocked = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk"))
    return blocked >> (signal.SIGHUP - 1) & 1


def test_signals_while_it_reads_its_configuration(lab):
    """It waits for the rest of it when the signal comes: SIGHUP is a reload once it is up, SIGTERM a clean end."""
    conf = config({"ping": icmp(HOST1, 10)})
    for number in (signal.SIGHUP, signal.SIGTERM):
        path = lab.directory / f"fifo.{number}.yaml"
        os.mkfifo(path)
        prober = Prober(lab, ["run", "--port", PORT, str(path)])
        with open(path, "w", encoding="ascii") as fifo:  # which waits for a reader
            prober.process.send_signal(number)
            path.unlink()
            path.write_text(json.dumps(conf))
            fifo.write(json.dumps(conf))
        if number == signal.SIGHUP:
            wait_until(lambda: prober.logged(RELOADED) or prober.process.poll() is not None, 20, "the reload")
            assert_equal(prober.process.poll(), None, "end by SIGHUP")
            prober.stop()
        assert_equal(prober.wait(), 0, f"status: {prober.stderr[-500:]}")


@time_limit(180)
def test_signals_while_it_starts(lab):
    """At any moment from the first line on."""
    # a file that takes a while to read
    targets = {f"t{n}": icmp(HOST1, 1) for n in range(3000)}
    conf = config(targets)
    moment = random.Random(1)
    for after_s in [0, 0, 0.01, 0.03] + [moment.uniform(0, 0.8) for _ in range(6)]:
        for number in (signal.SIGHUP, signal.SIGTERM):
            prober = lab.start(conf)
            wait_until(lambda: holds_signals(prober), 10, "its first line")
            time.sleep(after_s)
            prober.process.send_signal(number)
            if number == signal.SIGHUP:
                wait_until(lambda: prober.logged(RELOADED) or prober.process.poll() is not None, 20, "the reload")
                assert_equal(prober.process.poll(), None, f"end by SIGHUP after {after_s} s")
                prober.stop()
            assert_equal(prober.wait(), 0, f"status after a signal at {after_s} s: {prober.stderr[-500:]}")


def test_logging_level(lab):
    conf = config({"ping": icmp(HOST1, 10)}, logging_level="ERROR")
    prober = lab.start(conf)
    prober.wait_for(has("ping"), "the first round")
    assert_equal(prober.stderr, "", "messages")
    conf["global"]["logging_level"] = "INFO"
    conf["targets"]["other"] = icmp(HOST2, 10)
    prober.write_config(conf)
    prober.process.send_signal(signal.SIGHUP)
    prober.wait_for(has("other"), "the other target")
    prober.stop()
    assert prober.logged("stopping", "INFO"), prober.stderr


def received(lab, host):
    """Echo requests that a host got since count_requests."""
    return int(lab.run(host, ["nft", "list", "chain", "ip", "t", "input"]).stdout.split("packets ")[1].split()[0])


def count_requests(lab, host):
    lab.nft(host, """
        table ip t {
            chain input {
                type filter hook input priority 0;
                icmp type echo-request counter
            }
        }
        """)


@time_limit(120)
def test_hundred_reloads_under_load(lab):
    """2,000 probes a second: each that the host got is accounted for, none is called lost, nothing is left."""
    # rounds of 0.1 s: a reload takes the next plan once a round of the last one is over
    targets = {f"t{n}": icmp(HOST1, 20, timeout=0.3) for n in range(10)}
    conf = config(targets, interval=0, interval_packets=0.005)
    count_requests(lab, "host1")
    # what is freed is held back by AddressSanitizer, which would look like a leak
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    prober = lab.start(conf, "--print-metrics", env={"ASAN_OPTIONS": sanitizer})
    prober.wait_for(has("t0"), "the first round")
    sent, resident_kib = 0, {}
    for number in range(1, RELOADS + 1):
        conf["targets"] = dict(targets)
        conf["targets"][f"guest{number % 3}"] = icmp(HOST2, 1, timeout=0.3)
        conf["groups"] = {"g": {"src_port_a": 50000 + number}}
        assert prober.reload(conf), prober.stderr
        page = prober.metrics()
        assert_lossless(page)
        assert page.sum("icmp_sent_total", group="g") > 0
        total = sum(page.probes(target)[0] for target in targets)
        assert total >= sent, "a counter went back"
        sent = total
        resident_kib[number] = prober.resident_kib()
    growth_kib = resident_kib[RELOADS] - resident_kib[10]
    assert growth_kib < 16384, f"resident memory grew by {growth_kib} KiB: {resident_kib}"
    # signals in a row without a pause: the last content counts
    conf["targets"]["last"] = icmp(HOST2, 10, timeout=0.3)
    prober.write_config(conf)
    for _ in range(50):
        prober.process.send_signal(signal.SIGHUP)
    assert_lossless(prober.wait_for(has("last"), "the last target"))
    prober.stop()
    page = type(page)(prober.stdout).check()
    assert_lossless(page)
    assert_equal(sum(page.probes(target)[0] for target in targets), received(lab, "host1"),
                 "probes counted and echo requests that the host got")
    wait_until(lambda: prober.process.poll() == 0, 1, "its end without a leak")
