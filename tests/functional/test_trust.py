# SPDX-License-Identifier: BSD-3-Clause
"""Files that others can change do not give them the rights of who runs the program."""
import json
import os
import shutil

from harness import HOST1, PORT, TOP, assert_equal, config, icmp, wait_until

OTHER = 65533
WRONG = 65
TARGETS = {"there": icmp(HOST1, 10)}
GIVING = {"dataplane.eal_args": {"eal_args": ["-d", "/tmp/x.so"]},
          "dataplane.inventories": {"inventories": {"directory": "/usr/bin"}},
          "dataplane.ports[0].device": {"ports": [{"device": "net_pcap0,tx_pcap=/tmp/x", "addresses": ["192.0.2.10/24"]}]}}


def test_configuration(lab):
    """What gives something away is refused in a file of another user, by every command; the rest is taken with a
    warning."""
    for command in (["check"], ["run", "--port", PORT, "--rounds", "1"]):
        for place, dataplane in GIVING.items():
            path = lab.write_config(config(TARGETS, dataplane=dataplane))
            os.chown(path, OTHER, OTHER)
            done = lab.invoke(*command, path)
            assert_equal(done.process.returncode, WRONG, f"exit status ({done.stderr})")
            assert_equal(len(done.stderr.splitlines()), 1, f"lines of {done.stderr}")
            assert f"{place}: others can change this file" in done.stderr, done.stderr
            assert f"belongs to user {OTHER}" in done.stderr, done.stderr
        path = lab.write_config(config(TARGETS, logging_level="WARNING"))
        os.chown(path, OTHER, OTHER)
        done = lab.invoke(*command, path)
        assert_equal(done.process.returncode, 0, f"exit status ({done.stderr})")
        assert_equal(done.stderr.count("others can change this file"), 1, f"warnings in {done.stderr}")


def test_default_configuration(lab):
    """config.yaml of a working directory that others can write to."""
    (lab.directory / "config.yaml").write_text(json.dumps(config(TARGETS, dataplane=GIVING["dataplane.eal_args"])))
    lab.directory.chmod(0o777)
    done = lab.invoke("check")
    assert_equal(done.process.returncode, WRONG, f"exit status ({done.stderr})")
    assert f"{lab.directory} can be written to by others" in done.stderr, done.stderr


def test_reload(lab):
    """The same rule: one that is refused changes nothing, no program of it is started."""
    programs = lab.directory / "programs"
    programs.mkdir()
    (programs / "one").write_text("#!/bin/sh\ntouch ../was_run\nexec sleep 1000\n")
    (programs / "one").chmod(0o755)
    prober = lab.start(config(TARGETS))
    prober.wait_for(lambda page: page.all("icmp_sent_total"), "the first round")

    def taken(conf):
        prober.write_config(conf)
        os.chown(prober.config, OTHER, OTHER)
        return prober.reload()

    giving = config(TARGETS, dataplane={"inventories": {"directory": str(programs)}})
    assert not taken(giving), prober.stderr
    assert prober.logged("dataplane.inventories: others can change this file", "ERROR"), prober.stderr
    assert taken(config({**TARGETS, "more": icmp(HOST1, 10)})), prober.stderr
    assert_equal(prober.logged("others can change this file, so", "WARNING"), 1, "warnings")
    page = prober.wait_for(lambda page: page.all("icmp_sent_total", destination="more"), "the new target")
    assert_equal(page.sum("icmp_loss_total"), 0, "lost")
    assert not (lab.directory / "was_run").exists(), "a program was started"
    assert prober.reload(giving), prober.stderr  # written anew, it is root's
    wait_until((lab.directory / "was_run").exists, 10, "the program of a file that is root's")
    prober.stop()


def test_profiles(lab):
    """Those that are named, and those beside a program that only root can change."""
    conf = lab.write_config(config(TARGETS))
    profiles = lab.directory / "drivers-cfg"
    shutil.copytree(TOP / "drivers-cfg", profiles)
    program = lab.directory / "a/b/c/echolane"
    program.parent.mkdir(parents=True)
    shutil.copy(lab.echolane, program)
    original, one = lab.echolane, profiles / "generic.yaml"

    def is_refused(why):
        for lab.echolane, arguments in ((original, ["--profiles", profiles]), (program, [])):
            for command in (["check"], ["run", "--rounds", "1"]):
                done = lab.invoke(*command, *arguments, "--port", PORT, conf)
                assert_equal(done.process.returncode, WRONG, f"exit status ({done.stderr})")
                assert_equal(len(done.stderr.splitlines()), 1, f"lines of {done.stderr}")
                assert f"driver profiles: {why}" in done.stderr, done.stderr

    def is_taken(*arguments):
        done = lab.invoke("check", *arguments, "--port", PORT, conf)
        assert_equal((done.process.returncode, done.stderr), (0, ""), "status and standard error")

    os.chown(one, OTHER, OTHER)
    is_refused(f"{one} belongs to user {OTHER}")
    os.chown(one, 0, 0)
    profiles.chmod(0o777)
    is_refused(f"{profiles} can be written to by others")
    lab.echolane = program
    os.chown(program, OTHER, OTHER)  # a working copy of that user's
    is_taken()
    os.chown(program, 0, 0)
    profiles.chmod(0o755)
    is_taken()
    is_taken("--profiles", profiles)
