# SPDX-License-Identifier: BSD-3-Clause
"""What a running prober shows of itself: over DPDK's telemetry socket, and in `echolane top`."""
import contextlib
import pathlib
import shutil
import tempfile
import time

from harness import GATEWAY, HOST1, HOST2, HOST3, PROBER, assert_equal, config, icmp, tcp, udp, wait_until
from telemetry import Telemetry

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
            assert_equal([row["target"] for row in answer.values()], ["big.one"] * 2, "a target")
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
