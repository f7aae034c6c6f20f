# SPDX-License-Identifier: BSD-3-Clause
"""Dynamic inventories: programs in shell and Python that appear, change, hang, flood and die."""
import json
import os
import signal
import subprocess

from harness import (HOST1, HOST2, HOST3, PORT, TOP, assert_equal, config, icmp, wait_until, write_whole)

# Every program here ends with its parent at the latest; this one lives on as long as that.
FOREVER = "exec sleep 100000"
PING = "type: ICMPping, destination: {}, nb_packets: 10, timeout: 0.5"


class Directory:
    """The directory of programs."""

    def __init__(self, lab):
        self.path = lab.directory / "inventories"
        self.path.mkdir(mode=0o755)
        os.chmod(self.path, 0o755)

    def add(self, name, text):
        """A program, put there at once; text without a first line is a shell's."""
        path = self.path / f".{name}.new"
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        path.rename(self.path / name)
        return self.path / name

    def conf(self, targets=None, groups=None, **global_keys):
        return config({"fixed": icmp(HOST3, 10)} if targets is None else targets, groups,
                      {"inventories": {"directory": str(self.path)}}, **global_keys)


def measured(page):
    """Names of the targets that are measured."""
    return {labels["destination"] for labels, _ in page.all("icmp_sent_total")}


def shown(*names):
    return lambda page: measured(page) == set(names)


def assert_undisturbed(page):
    assert_equal(page.sum("icmp_loss_total"), 0, "lost")
    assert page.probes("fixed")[0] > 0


def processes(lab):
    done = subprocess.run(["ip", "netns", "pids", f"el-{lab.name}-prober"], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()


def rounds(page):
    return page.one("echolane_rounds_completed_total")


def test_yaml_and_json(lab):
    """A shell's YAML and Python's JSON: each document replaces its own inventory's list."""
    directory = Directory(lab)
    directory.add("rack", f"""
        echo '- {{hostname: one, {PING.format(HOST1)}, groups: [g]}}'
        echo '- {{hostname: two, {PING.format(HOST2)}}}'
        echo '...'
        while [ ! -e ../go ]; do sleep 0.1; done
        echo '---'
        echo '- {{hostname: two, {PING.format(HOST2)}}}'
        echo '- {{hostname: three, {PING.format(HOST2)}}}'
        echo '---'
        {FOREVER}""")
    directory.add("mesh", f"""#!/usr/bin/python3
import json, os, time
target = {{"type": "ICMPping", "destination": "{HOST1}", "nb_packets": 10, "timeout": 0.5, "hostname": "a",
          "explicit_groups": {{"exclude_from": ["h"]}}, "threshold": {{"loss": 0.5}}, "state": "validation"}}
print(json.dumps([target], indent=1), flush=True)
while not os.path.exists("../go"):
    time.sleep(0.1)
print(json.dumps([]), flush=True)
time.sleep(100000)
""")
    prober = lab.start(directory.conf(groups={"g": {}, "h": {}}))
    page = prober.wait_for(shown("fixed", "rack_one", "rack_two", "mesh_a"), "the first lists")
    groups = {t: {labels["group"] for labels, _ in page.all("icmp_sent_total", destination=t)} for t in measured(page)}
    assert_equal(groups, {"fixed": {"g", "h"}, "rack_one": {"g"}, "rack_two": {"g", "h"}, "mesh_a": {"g"}}, "groups")
    assert_equal(page.one("threshold", destination="mesh_a", state="validation", group="g"), 0.5, "threshold")
    two, fixed = page.probes("rack_two")[0], page.probes("fixed")[0]
    (lab.directory / "go").touch()
    page = prober.wait_for(shown("fixed", "rack_two", "rack_three"), "the second lists")
    assert page.probes("rack_two")[0] >= two and page.probes("fixed")[0] >= fixed, "counters went back"
    for gone in ("rack_one", "mesh_a"):
        assert gone not in page.text, f"{gone} is on the page still"
    assert_undisturbed(page)
    prober.stop()
    assert_equal(processes(lab), [], "processes that are left")


def test_programs_that_misbehave(lab):
    """One that prints rubbish, one that hangs, one that ignores being asked to end, floods on both outputs and
    one that dies: the rounds go on without loss, each fault is told, what was good stays."""
    directory = Directory(lab)
    good = f"- {{hostname: host, {PING.format(HOST1)}}}"
    directory.add("rubbish", f"""
        printf '%s\\n...\\n' '{good}'
        sleep 1.5
        printf -- '- hostname: host\\n  type: Unheard\\n...\\n'
        {FOREVER}""")
    directory.add("hangs", FOREVER)
    directory.add("stays", "trap '' TERM INT HUP\nwhile :; do sleep 1000; done")
    directory.add("floods", "exec yes -- '- {hostname: host, destination: y'")
    directory.add("shouts", "yes shouting >&2")
    directory.add("dies", f"echo '{good}'; echo ...; [ -e ../died ] || sleep 1; touch ../died; exit 3")
    directory.add("killed", f"echo '{good}'; echo ...; sleep 1; kill -9 $$")
    prober = lab.start(directory.conf())
    everything = shown("fixed", "rubbish_host", "dies_host", "killed_host")
    prober.wait_for(everything, "the lists")
    for what in ("rubbish:2:", "floods: a document is larger than 16 MiB", "floods: ended by signal 9",
                 "shouts: shouting", "lines more on its standard error",
                 "dies: exited with status 3, starts again in 1 s; its list of 1 targets stays",
                 "dies: exited with status 3, starts again in 2 s", "killed: ended by signal 9"):
        wait_until(lambda what=what: prober.logged(what), 30, f"{what!r} in the log")
    lines = prober.logged("shouting")
    assert lines < 100, f"{lines} lines of a program that shouts"
    page = prober.metrics()
    assert everything(page), measured(page)
    number = rounds(page)
    page = prober.wait_for(lambda m: rounds(m) >= number + 2, "more rounds")
    assert_undisturbed(page)
    prober.stop()
    assert_equal(processes(lab), [], "processes that are left")


def test_programs_that_appear_and_change(lab):
    """A reload looks for programs: new ones start, another file is started anew, the targets of one that is gone
    go; the disable list is followed."""
    directory = Directory(lab)
    one = f"echo '- {{hostname: one, {PING.format(HOST1)}}}'; echo ...; {FOREVER}"
    directory.add("early", one)
    directory.add("off", one)
    directory.add("data.txt", "not a program")
    os.chmod(directory.path / "data.txt", 0o644)
    directory.add("UPPER", one)
    prober = lab.start(directory.conf(disable_dynamic_inventories=["off"]))
    prober.wait_for(shown("fixed", "early_one"), "the first list")
    assert prober.logged("off is disabled") and prober.logged("UPPER is left out"), prober.stderr

    directory.add("late", one)
    directory.add("early", one.replace("one", "other"))
    assert prober.reload(), prober.stderr
    prober.wait_for(shown("fixed", "early_other", "late_one"), "the new lists")

    (directory.path / "early").unlink()
    assert prober.reload(directory.conf(disable_dynamic_inventories=["late"])), prober.stderr
    page = prober.wait_for(shown("fixed", "off_one"), "the lists of those that are enabled")
    assert "late_one" not in page.text and "early_" not in page.text, page.text
    assert_undisturbed(page)

    os.chmod(directory.path, 0o777)
    assert not prober.reload(directory.conf()), "a directory that all may write to was accepted"
    os.chmod(directory.path, 0o755)
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 1, "the status")
    assert shown("fixed", "off_one")(page), measured(page)
    prober.stop()
    assert_equal(processes(lab), [], "processes that are left")


def test_lifetimes(lab):
    """A target is dropped when its lifetime is over."""
    directory = Directory(lab)
    directory.add("guests", f"""
        now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
        echo "- {{hostname: short, {PING.format(HOST1)}, creation_date: '$now', lifetime: 6}}"
        echo "- {{hostname: long, {PING.format(HOST1)}, creation_date: '$now', lifetime: 1d 3h 2m}}"
        echo "- {{hostname: over, {PING.format(HOST1)}, creation_date: '2020-01-01T00:00:00+02:00', lifetime: 1d}}"
        echo ...
        {FOREVER}""")
    prober = lab.start(directory.conf())
    prober.wait_for(shown("fixed", "guests_short", "guests_long"), "the list")
    page = prober.wait_for(shown("fixed", "guests_long"), "the end of a lifetime")
    assert "guests_short" not in page.text and "guests_over" not in page.text, page.text
    assert_undisturbed(page)
    prober.stop()


def test_writable_by_others(lab):
    """What others could put programs into is refused, by check too."""
    directory = Directory(lab)
    program = directory.add("list", FOREVER)
    conf = lab.write_config(directory.conf())

    def refused(path):
        for command in (["check", conf], ["run", "--port", PORT, "--rounds", "1", conf]):
            done = lab.invoke(*command)
            assert_equal(done.process.returncode, 65, f"exit status of {command[0]}")
            assert f"{path} can be written to by others than its owner" in done.stderr, done.stderr

    assert_equal(lab.invoke("check", conf).process.returncode, 0, "exit status")
    os.chmod(directory.path, 0o757)
    refused(directory.path)
    os.chmod(directory.path, 0o755)
    os.chmod(program, 0o775)
    refused(program)


def test_parent_that_is_killed(lab):
    """The programs go with a prober that had no time to say so."""
    directory = Directory(lab)
    directory.add("list", f"echo '- {{hostname: one, {PING.format(HOST1)}}}'; echo ...; {FOREVER}")
    prober = lab.start(directory.conf())
    prober.wait_for(shown("fixed", "list_one"), "the list")
    assert len(processes(lab)) >= 2, "no program runs"
    prober.process.send_signal(signal.SIGKILL)
    prober.wait()
    wait_until(lambda: not processes(lab), 10, "the programs to end")


def test_file_sd(lab):
    """The program that comes with echolane follows a file_sd file of Prometheus."""
    directory = Directory(lab)
    file = lab.directory / "racks.json"
    directory.add("racks", f"exec {TOP}/scripts/inventories/file_sd.py --interval 0.2 --set nb_packets=10 "
                           f"--set timeout=0.5 --set 'groups=[\"g\"]' '{file}'")

    def write(*addresses, **labels):
        write_whole(file, json.dumps([{"targets": list(addresses), "labels": labels}]))

    write(HOST1)
    prober = lab.start(directory.conf(groups={"g": {}, "h": {}}))
    page = prober.wait_for(shown("fixed", f"racks_{HOST1}"), "the file's target")
    assert_equal([labels["group"] for labels, _ in page.all("icmp_sent_total", destination=f"racks_{HOST1}")], ["g"],
                 "groups")
    write(HOST1, HOST2)
    prober.wait_for(shown("fixed", f"racks_{HOST1}", f"racks_{HOST2}"), "the second target")
    write_whole(file, "[{")
    wait_until(lambda: prober.logged("racks.json"), 10, "the complaint")
    write(f"{HOST2}:443", echolane_type="TCPsyn")
    page = prober.wait_for(lambda m: m.all("tcpsyn_sent_total"), "the TCP target")
    assert_equal(measured(page), {"fixed"}, "ICMP targets")
    assert_equal(page.all("tcpsyn_sent_total")[0][0]["destination"], f"racks_{HOST2}_443", "name")
    file.unlink()
    page = prober.wait_for(lambda m: not m.all("tcpsyn_sent_total"), "the end of the file")
    assert_undisturbed(page)
    prober.stop()
    assert_equal(processes(lab), [], "processes that are left")


def test_impossible_targets(lab):
    """One that can't be probed, of an inventory and of the file, is left out alone and seen; changes go on."""
    directory = Directory(lab)
    directory.add("rack", f"""
        echo '- {{hostname: good, {PING.format(HOST1)}}}'
        echo '- {{hostname: long, {PING.format(HOST1)}, ip_payload_size: 3000}}'
        echo '- {{hostname: slow, type: ICMPping, destination: {HOST1}, timeout: 3600}}'
        echo '- {{hostname: many, type: ICMPping, destination: {HOST1}, nb_packets: 100000000}}'
        echo '...'
        while [ ! -e ../go ]; do sleep 0.1; done
        echo '- {{hostname: good, {PING.format(HOST2)}}}'
        echo '...'
        {FOREVER}""")
    conf = directory.conf({"fixed": icmp(HOST3, 10), "large": icmp(HOST3, 10, ip_payload_size=3000)})
    checked = lab.invoke("check", lab.write_config(conf))
    assert_equal((checked.process.returncode, "target large is not probed" in checked.stderr), (0, True), "check")
    prober = lab.start(conf)
    page = prober.wait_for(shown("fixed", "rack_good"), "what can be probed")

    def not_probed(page):
        return {labels["reason"]: value for labels, value in page.all("echolane_targets_not_probed") if value}
    assert_equal(not_probed(page), {"too_long": 2, "too_slow": 1, "too_many_probes": 1}, "targets not probed")
    assert_equal({labels["destination"]: value for labels, value in page.all("echolane_target_probed")},
                 {"fixed": 1, "large": 0, "rack_good": 1, "rack_long": 0, "rack_slow": 0, "rack_many": 0},
                 "targets probed")
    conf["targets"]["added"] = icmp(HOST2, 10)
    assert prober.reload(conf), prober.stderr
    page = prober.wait_for(shown("fixed", "rack_good", "added"), "the target that a reload added")
    assert_equal(page.one("app_reload_conf_failed_status"), 0, "status")
    said = prober.logged("is not probed", "WARNING")
    (lab.directory / "go").touch()
    page = prober.wait_for(lambda m: not_probed(m) == {"too_long": 1}, "the inventory's new list")
    assert_equal(prober.logged("is not probed", "WARNING"), said, "what was said before")
    assert_equal({prober.logged(f"target {name} is not probed") for name in ("large", "rack_long", "rack_slow")}, {2},
                 "once by the start and once by the reload")
    assert_undisturbed(page)
    # what is wrong with the file itself is an error
    conf["targets"]["large"]["ip_payload_size"] = 9300
    assert not prober.reload(conf), "taken"
    page = prober.wait_for(lambda m: m.one("app_reload_conf_failed_status") == 1, "the status")
    conf["targets"]["large"]["ip_payload_size"] = 100
    assert prober.reload(conf), prober.stderr
    page = prober.wait_for(shown("fixed", "rack_good", "added", "large"), "the target that fits now")
    assert_equal((not_probed(page), page.one("app_reload_conf_failed_status")), ({}, 0), "left out, status")
    prober.stop()
