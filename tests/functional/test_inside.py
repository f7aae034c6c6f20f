# SPDX-License-Identifier: BSD-3-Clause
"""What a running prober shows of itself: over DPDK's telemetry socket, and in `echolane top`."""
import contextlib
import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import GATEWAY, HOST1, HOST2, HOST3, PROBER, assert_equal, config, icmp, tcp, udp, wait_until
from telemetry import Telemetry
from terminal import Terminal

V6 = {"address_family": "ipv6"}
PROBED = {"icmp": icmp(HOST1, 10), "tcp": tcp(HOST2, 443, 10), "udp": udp(HOST3, 33434, 10),
          "gone": icmp("198.51.100.77", 10), "big.one": icmp(HOST1, 10)}
NOT_PROBED = {"unrouted": icmp("2001:db8:1::10", 10, **V6), "own": icmp(PROBER, 10),
              "alone": icmp(HOST1, 10, auto_register_to_groups=False)}


@contextlib.contextmanager
def runtime_directory():
    """A directory for DPDK's files, whose path is short enough for a socket's address."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="el", dir="/run"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def socket_of(directory):
    return directory / "dpdk/echolane/dpdk_telemetry.v2"


def start(lab, directory, conf, *arguments, **options):
    """A prober with its files there, once it has figures of two rounds."""
    prober = lab.start(conf, *arguments, env={"RUNTIME_DIRECTORY": str(directory)}, **options)
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 2, "two rounds")
    return prober


def test_figures(lab):
    """Every series is there with what is known of it, and why it is not probed."""
    with runtime_directory() as directory:
        prober = start(lab, directory, config(PROBED | NOT_PROBED, {"g": {}, "h": {"src_port_a": 50000}}))
        with Telemetry(socket_of(directory)) as telemetry:
            assert_equal(telemetry.greeting["pid"], prober.process.pid, "the process")
            info = telemetry.ask("/echolane/info")
            assert_equal((info["probe_name"], info["targets"], info["probed"], info["not_probed_no_route"],
                          info["not_probed_own_address"], info["not_probed_no_group"]), ("lab", 8, 10, 1, 1, 1), "info")
            rows = telemetry.pages("/echolane/top,loss,0")
            names = sorted((row["target"], row["group"]) for row in rows.values())
            assert_equal(names, sorted([(name, group) for name in [*PROBED, "unrouted", "own"] for group in "gh"] +
                                       [("alone", "")]), "series")
            states = [row["state"] for row in rows.values()]
            # lost, not known, good
            assert_equal(states[:7], ["probed"] * 2 + ["no_route"] * 2 + ["own_address"] * 2 + ["no_group"], "states")
            assert_equal({(row["sent"], row["lost"]) for row in list(rows.values())[:2]}, {(10, 10)}, "of the worst")
            assert "rtt_max_ns" not in rows[0] and "sent" not in rows[2], rows
            good = next(row for row in rows.values() if row["target"] == "tcp")
            assert (good["sent"], good["lost"], good["type"], good["address"]) == (10, 0, "TCPsyn", HOST2), good
            assert 0 < good["rtt_min_ns"] <= good["rtt_p95_ns"] <= good["rtt_max_ns"], good
            answer = telemetry.ask("/echolane/target,big.one")
            assert_equal([row["target"] for key, row in answer.items() if key.isdecimal()], ["big.one"] * 2, "a target")
            assert_equal(telemetry.ask("/echolane/target,nobody"), {"error": 'there is no target "nobody"'}, "no target")
            assert "error" in telemetry.ask("/echolane/top,worst,1")
            assert_equal(len(telemetry.pages("/echolane/top,loss,0", ",bIG.")), 2, "another case")
            assert_equal(len(telemetry.pages("/echolane/top,loss,0", ",big.one")), 2, "a filter")
        prober.stop()
        assert not socket_of(directory).exists()


def test_control(lab):
    """Next hops, routes, plan, rounds, clocks and reloads, as they are now."""
    with runtime_directory() as directory:
        conf = config(dict(list(PROBED.items())[:3]), dataplane={"certain_below": 0.000002})
        prober = start(lab, directory, conf)
        with Telemetry(socket_of(directory)) as telemetry:
            hops = telemetry.ask("/echolane/neighbours")
            assert_equal((hops["total"], hops["0"]["address"], hops["0"]["state"]), (1, GATEWAY, "ready"), "next hops")
            assert_equal(hops["0"]["mac"], lab.mac("router", "p0"), "its MAC address")
            routes = telemetry.ask("/echolane/routes")
            assert_equal({(row["to"], row["via"]) for key, row in routes.items() if key != "total"},
                         {("192.0.2.0/24", ""), ("0.0.0.0/0", GATEWAY)}, "routes")
            plan = telemetry.ask("/echolane/plan")
            assert_equal((plan["probes"], plan["worker_0_probes"], plan["period_ns"]), (30, 30, 1000000000), "plan")
            assert_equal(plan["id_worker_bits"] + plan["id_round_bits"] + plan["id_index_bits"], 32, "bits of ids")
            rounds = telemetry.ask("/echolane/rounds")
            assert rounds["state"] == "running" and rounds["sent"] == 30 and rounds["completed"] >= 2, rounds
            wait_until(lambda: telemetry.ask("/echolane/rounds")["worker_0_begun"] > rounds["worker_0_begun"], 10,
                       "another round")
            clock = telemetry.ask("/echolane/clock")
            assert clock["source"] in ("tsc", "monotonic") and "worker_0_steps" in clock, clock
            assert_equal(telemetry.ask("/echolane/reload")["result"], "none", "reload")
            before = int(time.time())
            assert not prober.reload({**conf, "targets": {"icmp": {"type": "ICMPping"}}})
            refused = wait_until(lambda: (r := telemetry.ask("/echolane/reload"))["result"] == "refused" and r, 5,
                                 "the refusal")
            assert "destination" in refused["error"] and before <= refused["time"] <= time.time(), refused
            conf["targets"]["more"] = icmp(HOST1, 10)
            assert prober.reload(conf), prober.stderr
            wait_until(lambda: telemetry.ask("/echolane/reload")["result"] == "taken", 5, "the reload")
            wait_until(lambda: telemetry.ask("/echolane/plan")["probes"] == 40, 10, "the new plan")
            assert_equal(telemetry.ask("/echolane/plan,1"), {"error": 'expected no parameter, got "1"'}, "a parameter")
        prober.stop()


def test_second_prober(lab):
    """It runs beside the first, whose socket stays where it is."""
    with runtime_directory() as directory:
        conf = config({"icmp": icmp(HOST1, 10)})
        first = start(lab, directory, conf)
        conf["global"]["prometheus_port"] = 8001
        second = lab.start(conf, port="af_packet:probe0,address=192.0.2.11/24,gateway=192.0.2.1",
                           env={"RUNTIME_DIRECTORY": str(directory)})
        place = directory / f"dpdk/echolane-{second.process.pid}/dpdk_telemetry.v2"
        wait_until(lambda: place.exists() and second.logged("targets"), 20, "the second one's socket")
        assert second.logged(f"telemetry socket: {place}"), second.stderr
        for path, prober in ((socket_of(directory), first), (place, second)):
            with Telemetry(path) as telemetry:
                assert_equal(telemetry.greeting["pid"], prober.process.pid, "the process")
        second.stop()
        first.stop()
        assert_equal(list((directory / "dpdk").iterdir()), [], "what is left")


def top(lab, directory, *arguments, **options):
    """Runs `echolane top` to its end; the result."""
    return subprocess.run([lab.echolane, "top", *arguments], check=False, text=True, capture_output=True, timeout=60,
                          env={**os.environ, "RUNTIME_DIRECTORY": str(directory)}, **options)


def test_top_once(lab):
    """What scripts read is what the prober says, the worst first."""
    with runtime_directory() as directory:
        prober = start(lab, directory, config(PROBED | NOT_PROBED))
        done = top(lab, directory, "--once", "--format", "json")
        assert_equal((done.returncode, done.stderr), (0, ""), "json")
        page = json.loads(done.stdout)
        assert_equal((page["probe_name"], page["pid"], page["rows"], page["matching"], page["probed"]),
                     ("lab", prober.process.pid, 8, 8, 5), "of all")
        assert_equal([row["state"] for row in page["series"]][:4], ["probed", "no_route", "own_address", "no_group"],
                     "the first rows")
        assert_equal((page["series"][0]["target"], page["series"][0]["lost"]), ("gone", 10), "the worst")
        rows = list(csv.DictReader(io.StringIO(top(lab, directory, "--once", "--format", "csv", "--rows", "0",
                                                   "--sort", "number").stdout)))
        assert_equal([row["target"] for row in rows], [*PROBED, "unrouted", "own", "alone"], "in the order of the file")
        by_name = {row["target"]: row for row in rows}
        assert_equal((by_name["gone"]["lost"], by_name["gone"]["rtt_p95_ns"]), ("10", ""), "what is not known")
        assert_equal((by_name["own"]["state"], by_name["own"]["sent"]), ("own_address", ""), "what is not probed")
        assert int(by_name["icmp"]["rtt_p50_ns"]) > 0, by_name
        table = top(lab, directory, "--once", "--filter", "O", "--rows", "5").stdout.splitlines()
        assert table[0].split() == "TARGET GROUP LOSS% LOST/SENT LOCAL UNKN UNCRT P50 P95".split(), table
        assert len(table) == 6 and all(len(line) <= 80 for line in table), table
        assert re.match(r"gone +g +100\.00 +10/10 +0 +0 +0 +- +-$", table[1]), table
        assert table[2].endswith("not probed: no_route"), table
        prober.stop()


def test_top_without_a_prober(lab):
    """Says where it has looked, and what was there."""
    with runtime_directory() as directory:
        done = top(lab, directory, "--socket", str(socket_of(directory)))
        assert_equal((done.returncode, done.stdout), (69, ""), "nobody")
        assert f"{socket_of(directory)}: No such file or directory" in done.stderr, done.stderr
        prober = start(lab, directory, config({"icmp": icmp(HOST1, 10)}))
        nobody = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", lab.echolane, "top", "--once"],
                                check=False, text=True, capture_output=True,
                                env={**os.environ, "RUNTIME_DIRECTORY": str(directory), "XDG_RUNTIME_DIR": ""})
        assert_equal(nobody.returncode, 69, "another user")
        assert "no prober that this user may ask: looked at " in nobody.stderr, nobody.stderr
        assert f"{socket_of(directory)} (Permission denied)" in nobody.stderr, nobody.stderr
        done = top(lab, directory, stdin=subprocess.DEVNULL)
        assert_equal((done.returncode, done.stderr),
                     (64, "echolane: top needs a terminal; for scripts there is --once\n"), "no terminal")
        prober.stop()


def start_top(lab, directory, terminal, *arguments):
    """`echolane top` on a terminal, once it shows something."""
    child = lab.spawn([lab.echolane, "top", *arguments], "top", stdin=terminal.slave, stdout=terminal.slave,
                      env={**os.environ, "RUNTIME_DIRECTORY": str(directory), "TERM": "xterm"})
    wait_until(lambda: terminal.has("echolane lab"), 20, "the screen")
    return child


def test_top_screen(lab):
    """A screen of 80 columns that is never cleared, keys, another size; the terminal is as before at the end."""
    with runtime_directory() as directory, Terminal() as terminal:
        prober = start(lab, directory, config(PROBED | NOT_PROBED | {f"more{i}": icmp(HOST1, 1) for i in range(40)}))
        child = start_top(lab, directory, terminal)
        assert terminal.is_alternate and not terminal.shows_cursor
        assert re.match(r"TARGET +GROUP +LOSS% +LOST/SENT LOCAL +UNKN UNCRT +P50 +P95$", terminal.lines[2]), terminal.lines
        assert re.match(r"gone +g +100\.00 +10/10 ", terminal.lines[3]), terminal.lines
        assert "not probed: no_route" in terminal.lines[4], terminal.lines
        assert terminal.lines[23].startswith("q quit  Tab ports  s/S by loss  / filter"), terminal.lines
        # one write a frame, and what has not changed is not written again
        count = len(terminal.writes)
        wait_until(lambda: terminal.read() or len(terminal.writes) > count + 2, 10, "some frames")
        assert all(piece.startswith("\x1b[") for piece in terminal.writes[count:]), terminal.writes[count:]
        assert_equal(terminal.clears, 1, "clears")
        terminal.press("/moRE3\r")
        wait_until(lambda: terminal.has("11 shown") and terminal.has("filter: moRE3") and not terminal.has("gone"), 5,
                   "the filter")
        terminal.press("/\x15\r")
        wait_until(lambda: terminal.has("gone"), 5, "no filter")
        terminal.press("\x1b[6~")
        wait_until(lambda: not terminal.has("gone") and terminal.has("more"), 5, "the second page")
        terminal.press("g" + "S" * 1)
        wait_until(lambda: terminal.has("by number") and terminal.lines[3].startswith("icmp "), 5, "another key")
        terminal.press("\t")
        wait_until(lambda: terminal.has("WORKER") and terminal.has("clock ") and terminal.has("reload  none"), 5, "ports")
        assert re.match(r"PORT +LINK +RX +TX ", terminal.lines[2]), terminal.lines
        assert re.match(r"af_packet:probe0|probe0|port0", terminal.lines[3]) and " up " in terminal.lines[3], terminal.lines
        terminal.resize(30, 100)
        child.send_signal(signal.SIGWINCH)
        terminal.press("\t")
        wait_until(lambda: terminal.has("TARGET") and terminal.lines[29].startswith("q quit"), 5, "the larger screen")
        assert len(terminal.lines[2].rstrip()) == 100, terminal.lines
        terminal.resize(10, 40)
        child.send_signal(signal.SIGWINCH)
        wait_until(lambda: terminal.lines[9].startswith("q quit") or terminal.read(), 5, "the smaller screen")
        terminal.press("q")
        assert_equal(child.wait(10), 0, "exit status")
        terminal.read()
        assert terminal.is_as_before(), terminal.writes[-1:]
        child = start_top(lab, directory, terminal)
        child.send_signal(signal.SIGTERM)
        assert_equal(child.wait(10), 0, "exit status")
        terminal.read()
        assert terminal.is_as_before(), terminal.writes[-1:]
        prober.stop()


def test_top_restart(lab):
    """The prober ends and is started again: it says so, and goes on."""
    with runtime_directory() as directory, Terminal() as terminal:
        conf = config({"icmp": icmp(HOST1, 10)})
        first = start(lab, directory, conf)
        child = start_top(lab, directory, terminal)
        first.stop()
        wait_until(lambda: terminal.has("no prober can be asked at"), 10, "what it says")
        assert terminal.has("icmp "), terminal.lines
        second = lab.start(conf, env={"RUNTIME_DIRECTORY": str(directory)})
        wait_until(lambda: terminal.has(f"the prober was started again (process {second.process.pid}, it was "
                                        f"{first.process.pid})"), 20, "the new one")
        wait_until(lambda: not terminal.has("started again"), 10, "the news to go")
        terminal.press("q")
        assert_equal(child.wait(10), 0, "exit status")
        second.stop()


def test_paths(lab):
    """Of a target that loses on one of its paths, that path is the one that does."""
    lab.nft("router", """
        table inet paths {
          chain forward {
            type filter hook forward priority 0;
            tcp sport 50002 drop
          }
        }""")
    with runtime_directory() as directory:
        groups = {"g": {"src_port_a": 50000, "src_port_z": 50003}}
        prober = start(lab, directory, config({"tcp": tcp(HOST2, 443, 20), "icmp": icmp(HOST1, 10)}, groups))
        with Telemetry(socket_of(directory)) as telemetry:
            first = telemetry.ask("/echolane/target,tcp")
            assert first["paths_state"].startswith("not known yet"), first
            answer = wait_until(lambda: (a := telemetry.ask("/echolane/target,tcp")).get("paths") and a, 10, "the paths")
            paths = {answer[f"path_{i}"]["port"]: answer[f"path_{i}"] for i in range(answer["paths"])}
            assert_equal(sorted(paths), [50000, 50001, 50002, 50003], "source ports")
            assert_equal({(path["source"], path["address"], path["group"], path["sent"]) for path in paths.values()},
                         {(PROBER, HOST2, "g", 5)}, "paths")
            assert_equal({port: path["lost"] for port, path in paths.items()},
                         {50000: 0, 50001: 0, 50002: 5, 50003: 0}, "lost")
            assert "rtt_max_ns" not in paths[50002] and paths[50000]["rtt_mean_ns"] > 0, paths
            page = telemetry.ask("/echolane/target,tcp,3")
            assert_equal(sorted(key for key in page if key.startswith("path_")), ["path_2", "path_3"], "from entry 3")
        prober.stop()
