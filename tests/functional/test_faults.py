# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong around a prober that runs: a storm of ARP requests, a full disk, control that gets no processor, all
ports gone. Its figures stay right: what this machine did is not taken for the network's loss, and nothing is invented."""
import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import packets
from harness import (GATEWAY, HOST1, HOST2, PORT, PROBER, alone, assert_equal, config, icmp, tcp, time_limit, udp, wait_until)
from stopped_thread import StoppedThread, threads
from telemetry import Telemetry
from test_undisturbed import SMALL_QUARANTINE

PACKETS = 50
TARGETS = {"icmp": icmp(HOST1, PACKETS), "open": tcp(HOST1, 443, PACKETS), "closed": tcp(HOST2, 81, PACKETS),
           "udp": udp(HOST2, nb_packets=PACKETS)}
DROPS = "echolane_round_local_drops"
COMPLETED = "echolane_rounds_completed_total"

STORM_S, STORM_PPS, STORM_SENDERS = 2, 100000, 1000
# Sends the frames of standard input, a hexadecimal line each, in turn: argv: interface, seconds, frames a second. Prints
# how many it was.
STORM = """
import itertools, socket, sys, time
frames = itertools.cycle([bytes.fromhex(line) for line in sys.stdin])
seconds, rate, sent = float(sys.argv[2]), int(sys.argv[3]), 0
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind((sys.argv[1], 0))
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        for _ in range(min(2000, int(now * rate) - sent)):
            try:
                s.send(next(frames))
            except OSError: # no room for it
                continue
            sent += 1
print(sent)
"""
CONTROL_STARVED_S = 6
WORKER_STARVED_S = 8  # longer than its own address and its gateway are asked for
DISK_KIB = 16384


def completed(page):
    return page.one(COMPLETED)


def sent(page, target="icmp"):
    return page.probes(target)[0] if page.all("icmp_sent_total") else 0


def start(lab, *arguments, targets=None, **options):
    """A prober, and its first page."""
    prober = lab.start(config(targets or TARGETS), *arguments, **options)
    return prober, prober.wait_for(lambda m: completed(m) >= 2 and m.all("icmp_sent_total"), "two rounds")


def assert_goes_on(prober, targets=None, rounds=3):
    """So many more rounds, the last ones without loss."""
    began = completed(wait_until(prober.metrics, 10, "a page"))
    page = prober.wait_for(lambda m: completed(m) >= began + rounds and m.sum(DROPS) == 0, f"{rounds} rounds without drops")
    for target in targets or TARGETS:
        assert_equal(page.ratio(target), 0, f"loss of {target}")
    assert_equal(prober.get("/-/ready")[0], 200, "status of /-/ready")
    return page


def assert_none_lost(page, targets=None):
    for target in targets or TARGETS:
        assert_equal(page.probes(target)[1], 0, f"lost of {target}")


# ---- a storm ----


def storm(lab, target):
    """ARP requests of many stations for an address; how many were sent."""
    frames = [packets.arp_request(f"02:00:00:01:{n >> 8:02x}:{n & 255:02x}", f"192.0.2.{20 + n % 200}", target)
              for n in range(STORM_SENDERS)]
    done = lab.run("router", [sys.executable, "-c", STORM, "p0", str(STORM_S), str(STORM_PPS)],
                   input="\n".join(frame.hex() for frame in frames), timeout=60)
    return int(done.stdout)


def neighbours(prober):
    with Telemetry(prober.telemetry_socket()) as telemetry:
        return {(row["address"], row["state"], row["mac"]) for row in telemetry.pages("/echolane/neighbours").values()}


def arp_storm(lab, target):
    prober, first = start(lab, env=SMALL_QUARANTINE)
    before, resident_kib, lines = neighbours(prober), prober.resident_kib(), len(prober.stderr.splitlines())
    pages, sending = [], threading.Event()

    def scrape():
        while not sending.is_set():
            if page := prober.metrics():
                pages.append(page)
    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        frames = storm(lab, target)
    finally:
        sending.set()
        scraper.join()
    assert frames >= STORM_S * STORM_PPS / 2, f"{frames} requests in {STORM_S} s: this machine is too slow"
    last = assert_goes_on(prober)
    for page in (*pages, last):
        for name in TARGETS:
            assert page.ratio(name) == 0 or page.sum(DROPS) > 0, f"{page.ratio(name)} of {name} lost, and no local drops"
    assert completed(pages[-1]) > completed(first), "no round was completed meanwhile"
    assert_equal(neighbours(prober), before, "neighbours")
    assert before == {(GATEWAY, "ready", lab.mac("router", "p0"))}, before
    assert prober.resident_kib() - resident_kib < 16384, f"{prober.resident_kib() - resident_kib} KiB more memory"
    assert len(prober.stderr.splitlines()) - lines < 20, prober.stderr
    prober.stop()


@alone
def test_arp_storm(lab):
    """Of requests that are to be answered."""
    arp_storm(lab, PROBER)


@alone
def test_arp_storm_for_others(lab):
    arp_storm(lab, "192.0.2.77")


# ---- a full disk ----


@contextlib.contextmanager
def small_disk(kib=DISK_KIB):
    place = pathlib.Path(tempfile.mkdtemp(prefix="el"))  # a socket's address has to be short
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=700", "small", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()


def fill(place):
    with open(place / "filling", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        assert file.tell() > 0, "it was full already"
    for name in ("log", "out"):  # up to the end of their last pages
        with contextlib.suppress(OSError), open(place / name, "ab", buffering=0) as file:
            while True:
                file.write(b"\n")


def run_on(lab, place):
    """Its log, its table and its run-time directory are there."""
    (place / "run").mkdir(mode=0o700)
    with open(place / "log", "ab") as log, open(place / "out", "ab") as out:
        prober = lab.start(config(TARGETS), "--table=plain", env={"RUNTIME_DIRECTORY": str(place / "run")}, stderr=log, stdout=out)
    prober.stderr_path, prober.stdout_path = place / "log", place / "out"
    return prober


def test_disk_becomes_full(lab):
    """Rounds go on, and so do reloads and telemetry; where it can be, it is said once."""
    with small_disk() as place:
        prober = run_on(lab, place)
        prober.wait_for(lambda m: completed(m) >= 2 and m.all("icmp_sent_total"), "two rounds")
        socket = prober.telemetry_socket()
        fill(place)
        assert_goes_on(prober)
        prober.write_config(config({**TARGETS, "more": icmp(HOST2, PACKETS)}))
        prober.process.send_signal(signal.SIGHUP)
        prober.wait_for(lambda m: m.all("icmp_sent_total", destination="more"), "figures of a new target")
        with Telemetry(socket) as telemetry:
            assert telemetry.ask("/echolane/neighbours")["total"] == 1
        assert_none_lost(assert_goes_on(prober))
        (place / "filling").unlink()
        assert prober.reload(config(TARGETS)), prober.stderr
        assert_goes_on(prober)
        lines = prober.stderr.splitlines()
        odd = [line for line in lines if line and not re.fullmatch(r'time="[^"]*" module="\w+" level="[A-Z]+" message=".*"', line)]
        assert_equal(odd, [], "lines of the log that are not whole")
        assert_equal(prober.logged("messages are missing here"), 1, f"notes on what is missing: {prober.stderr}")
        assert prober.logged("a table could not be written: No space left on device") <= 1, prober.stderr
        prober.process.terminate()
        prober.wait()


@time_limit(150)
def test_disk_is_full(lab):
    """At the start: whatever room there is, it runs or ends with a sentence."""
    ends = {}
    for free_kib in (0, 4, 16, 64, 256, 1024, 4096, 16384):
        with small_disk(max(free_kib, 4) + 64) as place:
            (place / "run").mkdir(mode=0o700)
            with open(place / "filling", "wb") as file:
                file.write(bytes(1024 * (64 if free_kib else 68) - 4096))
            done = lab.start(config({"icmp": icmp(HOST1, 10)}), "--rounds", "1", env={"RUNTIME_DIRECTORY": str(place / "run")})
            done.process.ends = False
            status = done.process.wait(30)
            ends[free_kib] = (status, done.stderr.splitlines()[-1:])
            assert status in (0, 69), f"{free_kib} KiB: status {status}, {done.stderr[-1000:]}"
            assert status == 0 or "No space left" in done.stderr, f"{free_kib} KiB: {done.stderr[-1000:]}"
    assert_equal(ends[16384][0], 0, f"exit status with 16 MiB: {ends}")


# ---- control gets no processor ----


@time_limit(120)
def test_control_starved(lab):
    """For as long as several rounds take: workers go on with what they have, what they could not begin is skipped, and
    nothing is lost that was not."""
    prober, before = start(lab)
    with StoppedThread(prober.process.pid):
        time.sleep(CONTROL_STARVED_S)
    after = prober.wait_for(lambda m: completed(m) > completed(before), "a round")
    page = assert_goes_on(prober)
    assert_none_lost(page)
    skipped = page.one("echolane_rounds_skipped_total")
    # those that a round had no time for stay unsent
    for name in TARGETS:
        assert 0 <= completed(page) * PACKETS - page.probes(name)[0] <= 2 * PACKETS, \
            f"{page.probes(name)[0]} sent to {name} in {completed(page)} rounds"
    assert 0 < skipped <= CONTROL_STARVED_S + 1, f"{skipped} rounds skipped"
    assert_equal(prober.get("/-/healthy"), (200, "healthy\n"), "/-/healthy")
    assert after.sum("echolane_clock_steps_total") == 0, "a step of the clock was invented"
    prober.stop()


# ---- a worker gets no processor ----


@time_limit(120)
def test_worker_starved(lab):
    """While it is told of its next hop: what it did not send nobody could answer, so nobody is taken for unreachable."""
    lab.ip("router", "link", "set", "p0", "arp", "off")  # else its gateway may be known by then
    with lab.capture("router", "p0", "arp") as capture:
        prober = lab.start(config(TARGETS))
        wait_until(lambda: len(capture.read()) >= 2, 20, "the prober to ask for its address")
        workers = [thread for thread, name in threads(prober.process.pid).items() if "worker" in name]
        assert_equal(len(workers), 1, "workers")
        with StoppedThread(workers[0]):
            time.sleep(WORKER_STARVED_S)
            lab.ip("router", "link", "set", "p0", "arp", "on")
        before = prober.wait_for(lambda m: completed(m) >= 2 and m.all("icmp_sent_total"), "two rounds")
        assert_none_lost(before)
        assert_none_lost(assert_goes_on(prober))
        prober.stop()


# ---- a prober was killed ----

HALF_OPEN_S = 8  # the host repeats its SYN/ACKs after 1, 3, 7 and 15 s: the new prober is to see none of them soon


def test_killed_in_a_round(lab):
    """What it opened stays half-open at the host, which answers a SYN of the next prober, from the same ports, with an ACK
    of the old one. That is reset at once, and what is lost is the first round's."""
    port, own, router = 50000, lab.mac("prober", "probe0"), lab.mac("router", "p0")
    lab.ip("router", "neigh", "add", PROBER, "lladdr", own, "dev", "p0")
    lab.send_frames("prober", "probe0", [packets.tcp_frame(router, own, PROBER, HOST1, port + n, 443, packets.SYN, 1000 + n, 0)
                                         for n in range(10)])
    time.sleep(HALF_OPEN_S)
    assert_equal(len(lab.half_open("host1").splitlines()), 10, "half-open connections")
    page = lab.rounds(config({"open": tcp(HOST1, 443, 10)}, {"g": {"src_port_a": port, "src_port_z": port + 9}}), 4)
    sent, lost = page.probes("open")
    assert_equal((sent, lab.half_open("host1")), (40, ""), "sent, half-open connections")
    assert 5 <= lost <= 10, f"{lost} of {sent} lost"


# ---- every port is gone ----

SECOND = {"own": "192.0.3.10", "gateway": "192.0.3.1"}
PORTS = [{"device": "af_packet:probe0", "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY]},
         {"device": "af_packet:probe1", "addresses": [f"{SECOND['own']}/24"], "gateways": [SECOND["gateway"]]}]
GROUPS = {"a": {"src_ipv4": PROBER}, "b": {"src_ipv4": SECOND["own"]}}


def add_link(lab, number):
    """A link between prober and router, up at both ends."""
    if number == 0:
        lab.ip("prober", "link", "add", "probe0", "index", "100", "type", "veth", "peer", "name", "p0")
    else:
        lab.ip("prober", "link", "add", "probe1", "index", "101", "type", "veth", "peer", "name", "p1")
    lab.ip("prober", "link", "set", f"p{number}", "netns", f"el-{lab.name}-router")
    lab.run("router", ["ethtool", "-K", f"p{number}", "tx", "off"])
    lab.ip("router", "address", "add", f"{GATEWAY if number == 0 else SECOND['gateway']}/24", "dev", f"p{number}")
    lab.ip("router", "link", "set", f"p{number}", "up")
    lab.ip("prober", "link", "set", f"probe{number}", "up")
    wait_until(lambda: lab.run("prober", ["cat", f"/sys/class/net/probe{number}/operstate"]).stdout == "up\n", 10, "the link")


def two_ports(lab):
    add_link(lab, 1)
    prober = lab.start(config({"icmp": icmp(HOST1, PACKETS)}, GROUPS, {"ports": PORTS}), port=None)
    return prober, prober.wait_for(lambda m: both_probed(m, 2), "two rounds by both")


def both_probed(page, rounds, since=None):
    return len(page.all("icmp_sent_total")) == 2 and all(
        page.probes("icmp", group)[0] >= (since.probes("icmp", group)[0] if since else 0) + rounds * PACKETS for group in GROUPS)


def ups(page):
    return [value for _, value in page.all("echolane_port_up")]


def local(page):
    return {group: page.one("echolane_probes_local_total", destination="icmp", group=group) for group in GROUPS}


def assert_local(prober, before):
    """All is local for three rounds and nothing more is sent, but what was under way when the ports went."""
    down = prober.wait_for(lambda m: ups(m) == [0, 0], "both ports to be down")
    began = local(down)
    page = prober.wait_for(lambda m: all(n >= began[group] + 3 * PACKETS for group, n in local(m).items()), "local probes")
    for group in GROUPS:
        lost = page.probes("icmp", group)[1] - before.probes("icmp", group)[1]
        assert lost <= PACKETS / 10, f"{lost} lost in {group}"
    assert_equal(prober.get("/-/ready")[0], 503, "status of /-/ready")
    return page


def assert_back(prober, page):
    page = prober.wait_for(lambda m: ups(m) == [1, 1] and both_probed(m, 1, page), "both ports to be up")
    page = prober.wait_for(lambda m, since=page: both_probed(m, 3, since), "three rounds by both")
    for group in GROUPS:
        assert_equal(page.ratio("icmp", group), 0, f"loss in {group}")
    assert_equal(prober.get("/-/ready")[0], 200, "status of /-/ready")


@time_limit(120)
def test_all_ports_down_and_up(lab):
    """Both ends' way: by the prober's own interfaces and by the other ends."""
    prober, before = two_ports(lab)
    for role, names in (("prober", ("probe0", "probe1")), ("router", ("p0", "p1"))):
        for name in names:
            lab.ip(role, "link", "set", name, "down")
        page = assert_local(prober, before)
        for name in names:
            lab.ip(role, "link", "set", name, "up")
        assert_back(prober, page)
        before = wait_until(prober.metrics, 10, "a page")
    prober.stop()


@time_limit(120)
def test_all_ports_deleted_and_made_again(lab):
    """Their sockets can't follow: it ends with its status for that, and whoever started it starts it again, as
    systemd does."""
    prober, before = two_ports(lab)
    for name in ("probe0", "probe1"):
        lab.ip("prober", "link", "del", name)
    assert_local(prober, before)
    for number in (0, 1):
        add_link(lab, number)
    assert_equal(prober.process.wait(20), 69, "exit status")
    again = lab.start(config({"icmp": icmp(HOST1, PACKETS)}, GROUPS, {"ports": PORTS}), port=None)
    page = again.wait_for(lambda m: both_probed(m, 3), "three rounds by both")
    for group in GROUPS:
        assert_equal(page.probes("icmp", group)[1], 0, f"lost in {group}")
    again.stop()
