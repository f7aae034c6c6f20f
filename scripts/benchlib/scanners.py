# SPDX-License-Identifier: BSD-3-Clause
"""Other probers of the kernel's hosts: zmap, masscan, fping (Debian's packages of these names).

All are told to ping as many addresses as fit the time, over the same veth, on the same two cores, from the
same address. Each is tried at its highest rate, then at less and less of it until it reports no loss: that
rate counts. As zmap misses some ten answers of 100,000 at any rate (it is not the network: the kernel at its
end counts all of them), one of a thousand is allowed to these; and one that loses more at any rate, as masscan
does on a busy machine, is taken at its best rate all the same, "lossless" being false in its figures. Answers
are what the program reports; the time is that from the first to the last probe at the other end of the link,
without start and end of the program.
"""
import json
import re
import subprocess
import threading
import time

from .ground import OWN, Failure, wait_until

LOSS_ALLOWED = 0.001
FRACTIONS = [0.9, 0.75, 0.6, 0.45, 0.3, 0.15]


class Sending:
    """When probes arrived at the router, from its interface's counter."""

    PERIOD_S = 0.005

    def __init__(self, bench):
        self.file = bench.router_file("dev")
        self.first = self.last = None
        self.n = 0
        self.before = self.start = self.count()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def count(self):
        self.file.seek(0)
        return int(re.search(r"\bp0:\s*\d+\s+(\d+)", self.file.read())[1])

    def watch(self):
        while not self.stopping.wait(self.PERIOD_S):
            n, now = self.count(), time.monotonic()
            # ARP and what else a kernel says is no probing
            if n - self.before > 5:
                self.first = self.first or now - self.PERIOD_S
                self.last = now
            self.before = n

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.n = self.count() - self.start
        self.file.close()

    def idle_s(self):
        """Seconds since the last probe; 0 before the first."""
        return time.monotonic() - self.last if self.last else 0

    def seconds(self):
        return self.last - self.first if self.last else 0


def addresses(bench, at_most=1 << 20):
    """A power of two that takes some seconds of the bench's, at their usual 100,000 a second."""
    n = 1 << (int(bench.options.seconds * 50000)).bit_length()
    return min(n, at_most)


def prefix(n):
    return f"10.0.0.0/{33 - n.bit_length()}"


def run(bench, argv, stdout=subprocess.DEVNULL):
    return bench.start(["taskset", "-c", f"{bench.first},{bench.second}", *argv],
                       stdin=subprocess.DEVNULL, stdout=stdout)


def finish(bench, process, name):
    if bench.end(process, with_signal=None, timeout_s=60) != 0:
        raise Failure(f"{name}: {process.log.read_text()[-1000:]}")


def zmap(bench, rate):
    """Sent, answered. One sender: a second one takes turns with the receiver on two cores, and is slower."""
    n = addresses(bench)
    metadata, empty = bench.directory / "zmap.json", bench.directory / "empty"
    empty.write_text("")
    process = run(bench, ["zmap", "-i", "probe0", "-M", "icmp_echoscan", "-r", int(rate or 10000000), "-T", "1",
                          "-c", "1", "-q", "--disable-syslog", "-b", empty, "-S", OWN, "-G",
                          bench.router_mac, "-m", metadata, "-o", bench.directory / "zmap.csv", prefix(n)])
    finish(bench, process, "zmap")
    done = json.loads(metadata.read_text())
    return done["total_sent"], done["success_unique"]


def masscan(bench, rate):
    """It does not always see that it is done, so it is ended a second after its last probe; what it has found
    until then is in lines."""
    n, found = addresses(bench), bench.directory / "masscan.list"
    with open(found, "wb") as out, Sending(bench) as sending:
        process = run(bench, ["stdbuf", "-oL", "masscan", prefix(n), "--ping", "--rate", int(rate or 10000000),
                              "--wait", "1", "--adapter", "probe0", "--adapter-ip", OWN, "--router-mac",
                              bench.router_mac, "--output-format", "list", "--output-filename", "-"], stdout=out)
        wait_until(lambda: process.poll() is not None or sending.idle_s() > 1.5, 60, "masscan's last probe")
        bench.end(process, with_signal=9)
    return n, sum(line.startswith(b"open icmp") for line in found.read_bytes().splitlines())


def fping(bench, rate):
    """One ping to each, as fast as it can: its interval, in steps of 10 us, does not make it any faster."""
    interval_ms = max(0.01, round(1000 / rate, 2)) if rate else 0
    process = run(bench, ["fping", "-q", "-s", "-r", "0", "-t", "500", "-i", interval_ms, "-g",
                          prefix(addresses(bench, 1 << 16))])
    bench.end(process, with_signal=None, timeout_s=60)
    text = process.log.read_text()
    sent, answered = (re.search(rf"(\d+) ICMP {what}", text) for what in ("Echos sent", "Echo Replies received"))
    if not sent or not answered:
        raise Failure(f"fping: {text[-1000:]}")
    return int(sent[1]), int(answered[1])


def attempt(bench, scanner, rate):
    with Sending(bench) as sending:
        sent, answered = scanner(bench, rate)
    if sent == 0 or sending.seconds() == 0:
        raise Failure(f"{scanner.__name__}: it sent nothing")
    return {"value": answered / sending.seconds(), "asked": rate, "sent": sent, "answered": answered,
            "missing": sent - answered, "lossless": sent - answered <= LOSS_ALLOWED * sent,
            "sending_pps": sent / sending.seconds()}


def measure(scanner):
    """Its highest rate without loss, and its highest rate whatever it loses."""
    def search(bench):
        most = attempt(bench, scanner, None)
        best, tried = most, [most]
        # where the last run found it
        fractions = FRACTIONS[bench.remembered.get(scanner.__name__, 0):]
        while not best["lossless"] and fractions:
            best = attempt(bench, scanner, fractions[0] * most["sending_pps"])
            tried.append(best)
            if not best["lossless"]:
                fractions.pop(0)
        fastest = max(tried, key=lambda t: t["value"])
        if best["lossless"] and best is not most:
            bench.remembered[scanner.__name__] = FRACTIONS.index(fractions[0])
        return {scanner.__name__: {**(best if best["lossless"] else fastest), "tried": tried},
                f"{scanner.__name__}, whatever it loses": fastest}
    return search
