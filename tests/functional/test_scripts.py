# SPDX-License-Identifier: BSD-3-Clause
"""The scripts that users run: what they show, and that they leave nothing behind."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from harness import TOP, assert_equal, wait_until

SCRIPTS = TOP / "scripts"


def namespaces():
    path = pathlib.Path("/run/netns")
    return {p.name for p in path.iterdir()} if path.is_dir() else set()


def namespaces_of(name):
    return {ns for ns in namespaces() if ns.startswith(f"el-{name}-")}


def is_running(pid):
    """False for a process that is gone, and for one that only waits to be collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def measured_by(pid):
    """The programs that a bench is measuring."""
    listed = subprocess.run(["pgrep", "-P", str(pid), "-f", "bench_worker"], capture_output=True, text=True,
                            check=False)
    return [int(child) for child in listed.stdout.split()]


def start(lab, *command, **options):
    """A script in a session of its own, its output in files; it builds where the tests' program is."""
    with open(lab.directory / "script.out", "wb") as out:
        return lab.spawn(command, str(command[0]), stdout=out, stderr=out, start_new_session=True, **options,
                         env={**os.environ, "ECHOLANE_BUILD": str(lab.echolane.parents[2])})


def output(lab):
    return (lab.directory / "script.out").read_text()


def test_lab_is_made_anew_and_removed(lab):
    name = f"{lab.name}.again"
    for _ in range(2):
        subprocess.run([SCRIPTS / "lab", "up", name], check=True)
        assert_equal(len(namespaces_of(name)), 5, "namespaces")
    status = subprocess.run([SCRIPTS / "lab", "status", name], check=True, text=True, capture_output=True)
    assert "192.0.2.1/24" in status.stdout and "listens on TCP 0.0.0.0:443" in status.stdout, status.stdout
    processes = [int(pid) for ns in namespaces_of(name) for pid in subprocess.run(
        ["ip", "netns", "pids", ns], check=True, text=True, capture_output=True).stdout.split()]
    assert_equal(len(processes), 3, "processes: a listener on each host")
    for _ in range(2):
        subprocess.run([SCRIPTS / "lab", "down", name], check=True)
        assert_equal(namespaces_of(name), set(), "namespaces")
    assert not any(is_running(pid) for pid in processes), "a listener is left"
    assert_equal(len(namespaces_of(lab.name)), 5, "namespaces of another network")


def test_lab_interrupted(lab):
    name = f"{lab.name}.cut"
    process = start(lab, SCRIPTS / "lab", "up", name)
    wait_until(lambda: namespaces_of(name), 5, "the first namespace")
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert_equal(namespaces_of(name), set(), "namespaces")


def test_tests_interrupted(lab):
    """Tests that are stopped while their network is being made leave none of it."""
    name = f"{lab.name}.cut"
    process = start(lab, sys.executable, TOP / "tests/functional/run.py", "--build", lab.build, "--run", name,
                    "--jobs", "1", "harness.a_program_that_fails")
    for number in range(2):
        wait_until(lambda n=number: len(namespaces_of(f"{name}.1")) > n, 10, "the first namespaces")
    process.send_signal(signal.SIGTERM)
    assert_equal(process.wait(20), 130, "exit status")
    assert_equal(namespaces_of(f"{name}.1"), set(), "namespaces")


def test_lab_sweeps_what_is_left(lab):
    """Networks of processes that are gone are removed, those of living ones stay."""
    prefix = lab.name.replace(".", "") + "sweep"
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        subprocess.run([SCRIPTS / "lab", "up", f"{prefix}.{pid}"], check=True)
    try:
        subprocess.run([SCRIPTS / "lab", "sweep", prefix], check=True)
        assert_equal(namespaces_of(f"{prefix}.{gone.pid}"), set(), "namespaces left")
        assert_equal(len(namespaces_of(f"{prefix}.{os.getpid()}")), 5, "namespaces of a living process")
    finally:
        for pid in (gone.pid, os.getpid()):
            subprocess.run([SCRIPTS / "lab", "down", f"{prefix}.{pid}"], check=True)


def test_bench_row(lab):
    """A short run of one row: the table, its figures in a file, nothing left behind."""
    figures = lab.directory / "bench.json"
    process = start(lab, SCRIPTS / "bench", "--quick", "--only", "TX and RX, ring", "--json", figures, "--build",
                    lab.echolane.parents[2])
    assert_equal(process.wait(120), 0, f"exit status ({output(lab)})")
    found = json.loads(figures.read_text())
    assert_equal({line["what"] for line in found["lines"]},
                 {*(f"echolane {kind}, IPv{family}" for kind in ("ICMPping", "TCPsyn", "UDPunreachable")
                    for family in (4, 6)),
                  "echolane ICMPping, IPv4, 100,000 targets", "echolane ICMPping, IPv4, 1,000,000 targets",
                  "echolane TCPsyn, IPv4, 100,000 targets", "echolane STAMP, IPv4", "echolane STAMP, IPv6"}, "lines")
    for line in found["lines"]:
        assert line["median"] > 0 and line["bar"] == "<= 150", line
        assert line["what"] in output(lab), output(lab)
    assert found["commands"] and found["machine"]["kernel"] == os.uname().release, found
    assert_equal(namespaces_of(f"bench.{process.pid}"), set(), "namespaces")


def test_bench_ratios(_):
    """Each run beside the one next to it; where programs have two speeds, only if both had the same."""
    sys.path.insert(0, str(SCRIPTS))
    from benchlib.table import Line, Row, Run, summarise
    row = Row("row", "M/s", [Line("peer", beside=True), Line("mine", least=0.8)], [], two_speeds=True)
    runs = [Run(0, {"peer": {"value": 20e6}}), Run(0, {"mine": {"value": 9e6}}), Run(0, {"mine": {"value": 20e6}}, True),
            Run(1, {"peer": {"value": 20e6}}), Run(1, {"mine": {"value": 18e6}}), Run(1, {"mine": {"value": 20e6}}, True),
            Run(2, {"peer": {"value": 10e6}}), Run(2, {"mine": {"value": 8e6}}), Run(2, {"mine": {"value": 10e6}}, True)]
    peer, mine = summarise(row, runs)
    assert peer["against"] is None and peer["ratio"] == 1, peer
    assert abs(mine["ratio"] - 0.85) < 1e-9 and mine["verdict"] == "PASS", mine
    assert abs(mine["against"]["ratio"] - 0.85) < 1e-9 and mine["against"]["pairs"] == 2, mine
    row.two_speeds = False
    assert_equal([line["ratio"] for line in summarise(row, runs)], [1, 0.45], "ratios of medians")


def test_bench_interrupted(lab):
    process = start(lab, SCRIPTS / "bench", "--only", "ring", "--build", lab.echolane.parents[2])
    programs = wait_until(lambda: measured_by(process.pid), 30, "the program that is measured")
    process.send_signal(signal.SIGINT)
    assert_equal(process.wait(30), 128 + signal.SIGINT, "exit status")
    assert not any(is_running(pid) for pid in programs), "a program is left"
    assert_equal(namespaces_of(f"bench.{process.pid}"), set(), "namespaces")


def test_bench_without_a_row(lab):
    done = subprocess.run([SCRIPTS / "bench", "--only", "no such row", "--build", lab.echolane.parents[2]],
                          capture_output=True, text=True, check=False)
    assert_equal((done.returncode, done.stdout), (1, ""), "exit status and output")
    assert_equal(len(done.stderr.splitlines()), 1, "lines of standard error")


def test_quickstart_rounds(lab):
    others = namespaces_of(lab.name)  # the test's own, which the script has no business with
    assert others, "the network of the test"
    process = start(lab, SCRIPTS / "quickstart", "--rounds", "2")
    assert_equal(process.wait(50), 0, f"exit status ({output(lab)})")
    for word in ("target", "group", "sent", "loss", "p50", "p95", "http://127.0.0.1:", " 0 lost"):
        assert word in output(lab), f"{word!r} is not in {output(lab)}"
    assert_equal(namespaces_of(f"quickstart.{process.pid}"), set(), "namespaces")
    assert_equal(namespaces_of(lab.name), others, "namespaces of others")


def test_quickstart_interrupted(lab):
    """Ctrl-C while the table is shown; the metrics are at the address that is printed."""
    process = start(lab, SCRIPTS / "quickstart")
    wait_until(lambda: " metrics: http" in output(lab).replace("\n", " "), 40, "the address")
    url = next(line.split()[1] for line in output(lab).splitlines() if line.startswith("metrics: "))
    wait_until(lambda: "tcpsyn_sent_total" in subprocess.run(
        ["curl", "-s", "-m", "2", url], capture_output=True, text=True, check=False).stdout, 20, "metrics")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) in (130, -signal.SIGINT), "exit status"
    assert_equal(namespaces_of(f"quickstart.{process.pid}"), set(), "namespaces")


def test_quickstart_needs_root(lab):
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", SCRIPTS / "quickstart"],
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0, "exit status"
    assert_equal(len(done.stderr.splitlines()), 1, "lines of standard error")
    assert "root" in done.stderr, done.stderr


def test_one_test_by_its_name(lab):
    """A unit test by its whole name, functional ones by a part of theirs, within seconds of a built tree."""
    process = start(lab, SCRIPTS / "test", "base", "harness.a_program_that_fails")
    process.assert_success(50)
    lines = output(lab).splitlines()
    assert_equal(lines[-1], "2 passed, 0 failed, 0 skipped", "the last line")
    assert not [line for line in lines if "style" in line or "release" in line], output(lab)
    process = start(lab, SCRIPTS / "test", "no.such.test")
    assert_equal(process.wait(50), 1, "exit status")
    assert "no test has the name no.such.test" in output(lab), output(lab)


def test_the_unit(lab):
    """It waits for the network, is started again for ever, and has no password that everybody can read."""
    text = (TOP / "app/echolane/echolane.service.in").read_text()
    section, settings = None, set()
    for line in filter(None, text.splitlines()):
        if line.startswith("["):
            section = line
        else:
            settings.add((section, line))
    for wanted in (("[Unit]", "Wants=network-online.target"), ("[Unit]", "After=network-online.target"),
                   ("[Unit]", "StartLimitIntervalSec=0"), ("[Service]", "Restart=always"), ("[Service]", "RestartSec=5"),
                   ("[Service]", "LoadCredential=PROM_USER"),
                   ("[Service]", "LoadCredential=PROM_PASSWORD"),
                   ("[Install]", "WantedBy=multi-user.target")):
        assert wanted in settings, f"{wanted} is not in {settings}"
    assert not re.search(r"^Environment=.*PASSWORD", text, re.MULTILINE), text
    if shutil.which("systemd-analyze"):
        unit = lab.directory / "echolane.service"
        unit.write_text(text.replace("@bindir@/echolane", str(lab.echolane)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        assert_equal((done.returncode, done.stdout + done.stderr), (0, ""), "what systemd says of it")
