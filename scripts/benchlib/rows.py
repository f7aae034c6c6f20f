# SPDX-License-Identifier: BSD-3-Clause
"""The rows of the table: what is measured, beside what, and the bar.

Both programs of a link have one core: echolane's worker has the first for itself, its control and statistics
threads share the second with the other end. Frames have 64 bytes with the FCS that a wire would add, where
the size matters.
"""
import contextlib
import json
import os
import pathlib
import re
import subprocess

from . import scanners
from .ground import EAL, METRICS_PORT, OWN, ROUTER, Failure, wait_until
from .programs import (ROUTER_MAC, STAMP_PORT, Cores, Peer, Prober, Testpmd, configuration, growth, total,
                       with_faults)
from .table import Line, Row

FRAME_BYTES = 60
PING_PAYLOAD = FRAME_BYTES - 14 - 20  # `ip_payload_size`
NULL = "net_null0,no-rx=1"
VETH = {
    "af_packet": "net_af_packet0,iface=probe0,qpairs=1,qdisc_bypass=1,blocksz=65536,framesz=2048,framecnt=8192",
    "af_xdp": "net_af_xdp0,iface=probe0,start_queue=0,queue_count=1",
}
# as drivers-cfg/ has it
VETH_ECHOLANE = {**VETH, "af_xdp": f"{VETH['af_xdp']},busy_budget=0"}
NO_CAP_PPS = 10**9
TX_FIRST = 16  # bursts of 32 on their way: half of what a ring holds is the fastest
BY_PROCESSOR = "packets a second of the core's time that the program had, and the kernel's ksoftirqd"
NOBODY_ANSWERS = "nobody answers, so all probes count as lost and there is no false loss to look for"


def pings(bench, **keys):
    return {"type": "ICMPping", "destination": "10.0.0.0/22", "nb_packets": bench.options.packets,
            "ip_payload_size": PING_PAYLOAD, **keys}


def unanswered(result):
    """A result of probes that nobody answers."""
    faults = [] if result["sent"] and not result["answers"] else [
        f"{result['answers']} answers to {result['sent']} probes"]
    return {"value": result["rate"], "probes": result["sent"], "rounds_skipped": result["rounds_skipped"],
            "poll_gap_s": result["poll_gap_s"], "faults": faults}


# ---- sending alone, to a device that swallows all ----

def null_testpmd(bench):
    txonly = Testpmd(bench, [bench.first], NULL, f"--txpkts={FRAME_BYTES}")
    txonly.start("txonly")
    rate = growth(bench, lambda: txonly.packets("TX"))
    txonly.stop()
    txonly.end()
    return {"testpmd txonly": {"value": rate}}


def null_echolane(bench):
    # A short timeout, as a round of lost probes is only finished after it.
    prober = Prober(bench, configuration(
        bench, pings(bench, timeout=0.01), max_rate_pps=NO_CAP_PPS,
        port={"device": NULL, "neighbours": [{"address": ROUTER, "mac": ROUTER_MAC}]}))
    rate = prober.rate("echolane_worker_tx_probes_total")
    return {"echolane ICMPping": unanswered({"rate": rate, **prober.end()})}


# ---- both ways, over shared memory ----

def memif_testpmd(mode, first="", line=None):
    def measure(bench):
        peer = Testpmd(bench, [bench.second], bench.memif("server"))
        near = Testpmd(bench, [bench.first], bench.memif("client"), f"--txpkts={FRAME_BYTES}")
        peer.start("macswap retry")
        near.start(mode, first)
        rate = growth(bench, lambda: near.packets("RX"))
        # The driver does not bear that the other end goes while it receives.
        near.stop()
        peer.stop()
        near.end()
        peer.end()
        return {line: {"value": rate}}
    return measure


def bare_loop(bench):
    """Requests that are always the same, and a count of what comes back: what the peer can answer, a second."""
    near = bench.start([bench.options.build / "tests/bench/bench_echo", *EAL, "--file-prefix={prefix}",
                        f"--lcores=0@{bench.first}", f"--vdev={bench.memif('client')}", "--",
                        bench.options.settle, bench.options.seconds],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    out = near.stdout.read()
    if bench.end(near, with_signal=None) != 0:
        raise Failure(f"bench_echo: {near.log.read_text()[-1000:]}")
    return json.loads(out)["answers_per_second"]


def memif_bare(bench):
    peer = Testpmd(bench, [bench.second], bench.memif("server"))
    peer.start("icmpecho retry", wait_for_link=False)
    rate = bare_loop(bench)
    peer.stop()
    peer.end()
    return {BARE: {"value": rate}}


def memif_responder(bench):
    """echolane in the place of that peer: its worker has the second core, and the first is the loop's."""
    prober = Prober(bench, configuration(
        bench, {"type": "ICMPping", "destination": "10.0.0.2/32", "nb_packets": 1},
        Cores([bench.second], bench.first, []), glob={"interval": 60},
        port={"device": f"{bench.memif('server')},mac={ROUTER_MAC}", "addresses": ["10.0.0.1/8"], "gateways": []},
        responder={"icmp": True, "allow": [f"{OWN}/32"], "max_pps": 0}))
    wait_until((bench.directory / "memif.sock").exists, 20, "the memif's server")
    rate = bare_loop(bench)
    prober.end()
    return {RESPONDER: {"value": rate}}


def memif_icmpecho(bench):
    peer = Testpmd(bench, [bench.second], bench.memif("server"))
    peer.start("icmpecho retry", wait_for_link=False)
    prober = Prober(bench, configuration(bench, pings(bench), port={"device": bench.memif("client")},
                                         max_rate_pps=NO_CAP_PPS))
    rate = prober.rate("echolane_worker_answers_total")
    result = with_faults({"value": rate, **prober.end()})
    peer.stop()
    peer.end()
    return {"echolane ICMPping, testpmd icmpecho": result}


def memif_simpeer(kind):
    def measure(bench):
        peer = Peer(bench)
        port = {} if kind == "ICMPping" else {"dst_port": 81}
        target = {"type": kind, "destination": "10.0.0.0/22", "nb_packets": bench.options.packets, **port}
        prober = Prober(bench, configuration(bench, target, port={"device": bench.memif("client")},
                                             max_rate_pps=NO_CAP_PPS))
        rate = prober.rate("echolane_worker_answers_total")
        result = prober.end()
        return {f"echolane {kind}, simpeer": with_faults({"value": rate, **result}, peer.end())}
    return measure


# ---- two echolanes ----

BETWEEN = ("ICMPping", "TCPsyn", "UDPunreachable", "STAMP")


def between_target(bench, kind):
    """One address, for the other end has no more, and as many probes as of 1,024."""
    port = {"ICMPping": {}, "STAMP": {"dst_port": STAMP_PORT}}.get(kind, {"dst_port": 81})
    return {"type": kind, "destination": "10.0.0.1/32", "nb_packets": 1024 * bench.options.packets, **port}


def between(bench, kind, peer, line):
    prober = Prober(bench, configuration(bench, between_target(bench, kind), port={"device": bench.memif("client")},
                                         max_rate_pps=NO_CAP_PPS))
    rate = prober.rate("echolane_worker_answers_total")
    result = prober.end()
    return {line: with_faults({"value": rate, **result}, peer.end())}


def between_simpeer(kind):
    return lambda bench: between(bench, kind, Peer(bench), "echolane and simpeer")


class FarProber(Prober):
    """An echolane that answers; its worker has the second core, where the other one's control is, and the reverse."""

    def __init__(self, bench):
        super().__init__(bench, configuration(
            bench, {"type": "ICMPping", "destination": "10.0.0.2/32", "nb_packets": 1},
            Cores([bench.second], bench.first, []), glob={"interval": 60, "prometheus_port": METRICS_PORT + 1},
            port={"device": f"{bench.memif('server')},mac={ROUTER_MAC}",
                  "addresses": [f"{ROUTER}/24", "10.0.0.1/8"], "gateways": []},
            responder={"icmp": True, "tcp_ports": [80], "udp": True, "stamp": {"port": STAMP_PORT},
                       "allow": [f"{OWN}/32"], "max_pps": 0}), name="far")
        wait_until((bench.directory / "memif.sock").exists, 20, "the memif's server")

    def end(self):
        """How many probes it answered."""
        super().end()
        return int(total(self.page, "echolane_responder_answers_total"))


def between_echolanes(kind):
    return lambda bench: between(bench, kind, FarProber(bench), "echolane and echolane")


# ---- the worker's loop alone ----

FEW_SLICES = 4000
RING = [*((kind, family, FEW_SLICES) for kind in ("ICMPping", "TCPsyn", "UDPunreachable") for family in (4, 6)),
        ("STAMP", 4, FEW_SLICES), ("STAMP", 6, FEW_SLICES),
        ("ICMPping", 4, 100000), ("ICMPping", 4, 1000000), ("TCPsyn", 4, 100000)]


def ring_line(kind, family, slices):
    targets = f", {slices:,} targets" if slices > FEW_SLICES else ""
    return f"echolane {kind}, IPv{family}{targets}"


def ring(bench):
    process = bench.start(["taskset", "-c", bench.first, bench.measured_program("tests/bench/bench_worker"), "--json",
                           *(["--packets", "50"] if bench.options.quick else [])],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    out = process.stdout.read().decode()
    if bench.end(process, with_signal=None, timeout_s=120) != 0:
        raise Failure(f"bench_worker: {process.log.read_text()[-1000:]}")
    rows = [json.loads(line) for line in out.splitlines()]
    return {ring_line(row["type"], row["family"], row["slices"]): {"value": row["cycles"], **row} for row in rows}


RESPOND = [("echo", 4, None), ("echo", 6, None), ("SYN", 4, None), ("SYN", 6, None), ("closed port", 4, None),
           ("STAMP", 4, 150), ("STAMP", 6, 150), ("STAMP, authenticated", 4, 900)]


def respond_line(request, family):
    return f"answer to {request}, IPv{family}"


def ring_respond(bench):
    process = bench.start(["taskset", "-c", bench.first, bench.options.build / "tests/bench/bench_respond", "--json"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    out = process.stdout.read().decode()
    if bench.end(process, with_signal=None, timeout_s=120) != 0:
        raise Failure(f"bench_respond: {process.log.read_text()[-1000:]}")
    rows = [json.loads(line) for line in out.splitlines()]
    lines = [respond_line(request, family) for request, family, _ in RESPOND]
    return {line: {"value": row["cycles"], **row} for row in rows
            if (line := respond_line(row["request"], row["family"])) in lines}


# ---- sending alone, through the kernel ----

@contextlib.contextmanager
def dropping(bench):
    """The router drops all IPv4 where it comes in; ARP goes on."""
    bench.nft("router", """table netdev bench {
        chain all_ip {
            type filter hook ingress device p0 priority 0; policy accept
            meta protocol ip drop
        }
    }""")
    try:
        yield
    finally:
        bench.nft("router", "delete table netdev bench")


class Arrivals:
    """What the router's end of the veth has received from a program, by the time that it had the first core for
    itself: what others do there meanwhile makes it slower, but no worse."""

    def __init__(self, bench, process):
        self.file = bench.router_file("dev")
        threads = [int(path.name) for path in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]
        self.threads = [thread for thread in threads if os.sched_getaffinity(thread) == {bench.first}]
        # what the kernel does with the packets after the system call that sends them
        kernel = subprocess.run(["pgrep", "-x", f"ksoftirqd/{bench.first}"], capture_output=True, check=False)
        self.threads += map(int, kernel.stdout.split())

    def processor_s(self):
        return sum(int(pathlib.Path(f"/proc/{thread}/schedstat").read_text().split()[0])
                   for thread in self.threads) / 1e9

    def count(self):
        before = self.processor_s()
        self.file.seek(0)
        packets = int(re.search(r"\bp0:\s*\d+\s+(\d+)", self.file.read())[1])
        return (before + self.processor_s()) / 2, packets

    def rate(self, bench):
        with self.file:
            _, before = self.count()
            wait_until(lambda: self.count()[1] > before, 10, "the first packets")
            return growth(bench, self.count)


def veth_testpmd(driver):
    def measure(bench):
        txonly = Testpmd(bench, [bench.first], VETH[driver], f"--txpkts={FRAME_BYTES}",
                         f"--eth-peer=0,{bench.router_mac}")
        txonly.start("txonly")
        rate = Arrivals(bench, txonly.process).rate(bench)
        txonly.stop()
        txonly.end()
        return {"testpmd txonly": {"value": rate}}
    return measure


def veth_echolane(driver):
    def measure(bench):
        prober = Prober(bench, configuration(
            bench, pings(bench, nb_packets=max(1, bench.options.packets // 10), timeout=0.1),
            port={"device": VETH_ECHOLANE[driver]}, max_rate_pps=NO_CAP_PPS))
        prober.wait_for("echolane_worker_tx_probes_total")
        rate = Arrivals(bench, prober.process).rate(bench)
        return {"echolane ICMPping": unanswered({"rate": rate, **prober.end()})}
    return measure


# ---- a kernel that answers ----

@contextlib.contextmanager
def address_on_veth(bench):
    """The prober's kernel has the address, for all programs alike: fping can't do without."""
    bench.ip("prober", "address", "add", f"{OWN}/24", "dev", "probe0")
    bench.ip("prober", "route", "add", "default", "via", ROUTER)
    try:
        yield
    finally:
        bench.ip("prober", "address", "flush", "dev", "probe0")


def kernel_echolane(what, **dataplane):
    def measure(bench):
        # A round is to take about a second here as well, not ten.
        prober = Prober(bench, configuration(bench, pings(bench, nb_packets=max(1, bench.options.packets // 10)),
                                             port={"device": "af_packet:probe0"}, **dataplane))
        rate = prober.rate("echolane_worker_answers_total")
        return {what: with_faults({"value": rate, **prober.end()})}
    return measure


# ---- two workers ----

def too_few_cores(bench):
    return None if len(bench.cores) >= 4 else f"{len(bench.cores)} cores, needs 4"


def workers(n):
    """n workers, each against a core of testpmd icmpecho; an address always goes to the same worker, whose queue
    the answer comes back by. Control and statistics have the fifth core, or share the peer's last."""
    def measure(bench):
        cores = Cores(bench.cores[:n], bench.cores[min(4, len(bench.cores) - 1)], bench.cores[2:2 + n])
        peer = Testpmd(bench, cores.peer, bench.memif("server"))
        peer.start("icmpecho retry", wait_for_link=False)
        prober = Prober(bench, configuration(bench, pings(bench), cores, port={"device": bench.memif("client")},
                                             max_rate_pps=NO_CAP_PPS))
        rate = prober.rate("echolane_worker_answers_total")
        result = with_faults({"value": rate, **prober.end()})
        peer.stop()
        peer.end()
        return {"two workers" if n == 2 else "one worker": result}
    return measure


# ---- round-trip times ----

RTT_DELAY_US = 100
RTT_NOTE = ("measured minus simpeer's delay and lateness, at the same percentile: what is left is echolane's error, "
            "two copies of the memif and simpeer's polling")
# An answer that simpeer itself may have delayed longer is not sent, where its stalls are left out.
RTT_PEER_LATE_NS = 2000
STALLS_NOTE = (f"of a round in which simpeer does not send what it would send over {RTT_PEER_LATE_NS / 1000:g} us late, or "
               "what may have waited so long for it; measured minus its delay, so its lateness below that is still in it")


def one_round(bench, n_targets, n_probes, rate_pps, drop_late_ns=0):
    """Runs one round against simpeer; its result, the round's page and simpeer's counters."""
    peer = Peer(bench, delay_us=RTT_DELAY_US, drop_late_ns=drop_late_ns)
    target = {"type": "ICMPping", "destination": f"10.0.0.0/{33 - n_targets.bit_length()}", "timeout": 1,
              "nb_packets": max(1, round(n_probes / n_targets)), "ip_payload_size": PING_PAYLOAD}
    config = configuration(bench, target, port={"device": bench.memif("client")}, max_rate_pps=rate_pps,
                           glob={"percentile": [50, 99], "interval": 60})
    prober = Prober(bench, config, "--rounds", "1")
    result, received = prober.wait(60), peer.end()
    return with_faults(result, received, peer.summary["late_dropped"]), prober.page, peer.summary


def rtt_s(page, percentile):
    pattern = rf'^icmp_round_trip_seconds{{[^}}]*percentile="{percentile}"[^}}]*}} (\S+)$'
    return float(re.search(pattern, page, re.M)[1])


def rtt_error(bench, n_targets, n_probes, rate_pps):
    """Errors of a round's p50 and p99, in seconds. One round alone: its statistics are made when it is over."""
    result, page, summary = one_round(bench, n_targets, n_probes, rate_pps)
    errors = {p: rtt_s(page, p) - RTT_DELAY_US / 1e6 - summary[f"late_p{p}_ns"] / 1e9 for p in (50, 99)}
    return {**result, "targets": n_targets, "rate_pps": rate_pps, "error_s": errors,
            "rtt_s": {p: rtt_s(page, p) for p in (50, 99)},
            "late_ns": [summary["late_p50_ns"], summary["late_p99_ns"]]}


def rtt_own_error(bench, n_targets, n_probes, rate_pps):
    """The same without the peer's stalls."""
    result, page, summary = one_round(bench, n_targets, n_probes, rate_pps, RTT_PEER_LATE_NS)
    errors = {p: rtt_s(page, p) - RTT_DELAY_US / 1e6 for p in (50, 99)}
    return {**result, "targets": n_targets, "rate_pps": rate_pps, "error_s": errors, "late_sent": summary["late_sent"]}


def empty_loops(bench):
    """What the machine alone does: two loops that only look, on the two cores. Half a percent of what arrives at
    each waits longer than the lesser of their p99.5, so a percent of what passes both waits at least so long."""
    loops = [bench.start([bench.options.build / "tests/bench/bench_gaps", core, bench.options.seconds],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for core in (bench.first, bench.second)]
    waits = [json.loads(loop.stdout.read()) for loop in loops]
    for loop in loops:
        bench.end(loop, with_signal=None)
    return {EMPTY_LOOP: {"value": min(wait["wait_p995_us"] for wait in waits) / 1e6, "cores": waits}}


def rtt_load(bench):
    """Of the rounds of this row: most targets, probes, and half of the highest rate, which is found out once."""
    many = 1 << (16 if bench.options.quick else 20)
    if "rtt_pps" not in bench.remembered:
        _, page, _ = one_round(bench, 1 << 10, 1000000, NO_CAP_PPS)
        most = float(re.search(r"^echolane_achieved_probes_per_second{[^}]*} (\S+)$", page, re.M)[1])
        bench.remembered["rtt_pps"] = int(most / 2)
    rate_pps = bench.remembered["rtt_pps"]
    return many, max(many, rate_pps * bench.options.seconds), rate_pps


def rtt(bench):
    many, *load = rtt_load(bench)
    all_of_them, one = rtt_error(bench, many, *load), rtt_error(bench, 1, *load)
    difference = all_of_them["rtt_s"][50] - one["rtt_s"][50]
    difference -= (all_of_them["late_ns"][0] - one["late_ns"][0]) / 1e9
    return {"echolane p50, 1,048,576 targets": {**all_of_them, "value": abs(all_of_them["error_s"][50])},
            "echolane p99, 1,048,576 targets": {**all_of_them, "value": abs(all_of_them["error_s"][99])},
            "echolane p50, 1 target": {**one, "value": abs(one["error_s"][50])},
            "echolane p99, 1 target": {**one, "value": abs(one["error_s"][99])},
            "p50, difference of the two": {"value": abs(difference), "difference_s": difference}}


def rtt_in_time(bench):
    many, *load = rtt_load(bench)
    own = {"1,048,576 targets": rtt_own_error(bench, many, *load), "1 target": rtt_own_error(bench, 1, *load)}
    return {f"echolane p99, {what}{IN_TIME}": {**result, "value": abs(result["error_s"][99])}
            for what, result in own.items()}


# ---- the table ----

IN_TIME = ", simpeer in time"
EMPTY_LOOP = "p99 of what passes two empty loops, at least"
FLOWGEN, IO = "testpmd flowgen, macswap", "testpmd io, macswap"
BARE, RESPONDER = "bare loop, testpmd icmpecho", "bare loop, echolane's responder"
ROWS = [
    Row("TX only, net_null", "M/s",
        [Line("testpmd txonly", beside=True), Line("echolane ICMPping", least=0.9, note=NOBODY_ANSWERS)],
        [null_testpmd, null_echolane], needs=("dpdk-testpmd",)),
    Row("TX and RX, memif", "M/s",
        [Line(FLOWGEN, beside=True, note="icmpecho is no peer for flowgen: it answers none of its UDP packets"),
         Line(IO),
         Line(BARE, note="the bare loop sends one request again and again and counts what comes back"),
         Line("echolane ICMPping, testpmd icmpecho", least=0.88),
         *(Line(f"echolane {kind}, simpeer") for kind in ("ICMPping", "TCPsyn", "UDPunreachable"))],
        [memif_testpmd("flowgen", line=FLOWGEN), memif_icmpecho, memif_bare,
         memif_testpmd("io retry", f"tx_first {TX_FIRST}", IO),
         *(memif_simpeer(kind) for kind in ("ICMPping", "TCPsyn", "UDPunreachable"))], needs=("dpdk-testpmd",),
        two_speeds=True),
    *(Row(f"{kind} between two programs, memif", "M/s",
          [Line("echolane and simpeer", beside=True), Line("echolane and echolane", least=0.9)],
          [between_simpeer(kind), between_echolanes(kind)], two_speeds=True) for kind in BETWEEN),
    Row("TX and RX, ring in one process", "cycles",
        [Line(ring_line(*line), most=150) for line in RING], [ring]),
    Row("answers to echo requests, memif", "M/s",
        [Line(BARE, beside=True), Line(RESPONDER, least=1.0)], [memif_bare, memif_responder], needs=("dpdk-testpmd",),
        two_speeds=True),
    Row("answers, ring in one process", "cycles",
        [Line(respond_line(request, family), most=most) for request, family, most in RESPOND], [ring_respond]),
    *(Row(f"TX only, {driver} over veth", "M/s",
          [Line("testpmd txonly", beside=True, note=BY_PROCESSOR),
           Line("echolane ICMPping", least=least, note=NOBODY_ANSWERS)],
          [veth_testpmd(driver), veth_echolane(driver)], around=dropping, needs=("dpdk-testpmd", "nft"))
      for driver, least in {"af_packet": 0.95, "af_xdp": 0.97}.items()),
    Row("ICMPping, af_packet over veth to a kernel", "M/s",
        [*(Line(name, beside=True) for name in ("zmap", "masscan", "fping")),
         Line("echolane, no cap", above=1), Line("echolane, default cap"),
         *(Line(f"{name}, whatever it loses") for name in ("zmap", "masscan", "fping"))],
        [scanners.measure(scanners.zmap), kernel_echolane("echolane, no cap", max_rate_pps=NO_CAP_PPS),
         scanners.measure(scanners.masscan), kernel_echolane("echolane, default cap"),
         scanners.measure(scanners.fping)], around=address_on_veth, needs=("zmap", "masscan", "fping")),
    Row("two workers, memif", "M/s", [Line("one worker", beside=True), Line("two workers", least=1.8)],
        [workers(1), workers(2)], needs=("dpdk-testpmd",), skip=too_few_cores, two_speeds=True),
    Row("RTT error at half the maximum rate, memif", "us",
        [Line("echolane p50, 1,048,576 targets", most=0.5, note=RTT_NOTE),
         Line("echolane p99, 1,048,576 targets", most=2),
         Line(f"echolane p99, 1,048,576 targets{IN_TIME}", note=STALLS_NOTE),
         Line("echolane p50, 1 target"), Line("echolane p99, 1 target"),
         Line(f"echolane p99, 1 target{IN_TIME}"), Line("p50, difference of the two", most=0.5),
         Line(EMPTY_LOOP, note="an empty loop shows what interrupts this machine's cores; an answer passes one on each")],
        [rtt, rtt_in_time, empty_loops]),
]
