# SPDX-License-Identifier: BSD-3-Clause
"""The programs of a run that are driven while it lasts: echolane, simpeer, testpmd."""
import json
import os
import re
import select
import subprocess
import time
import urllib.error
import urllib.request

from .ground import EAL, METRICS_PORT, OWN, ROUTER, Failure, wait_until

ROUTER_MAC = "02:00:00:00:00:01"
STAMP_PORT = 862


def total(page, name):
    """The sum over all series of a metric; None if there is none."""
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    return sum(map(float, values)) if values else None


def growth(bench, count):
    """A second's growth of what count() says; count() returns the time of its number with it."""
    time.sleep(bench.options.settle)
    before, n_before = count()
    time.sleep(bench.options.seconds)
    after, n_after = count()
    return (n_after - n_before) / (after - before)


# ---- echolane ----

class Cores:
    """Where the threads of a run are: workers, control and statistics, the other end."""

    def __init__(self, workers, control, peer):
        self.workers, self.control, self.peer = workers, control, peer


def two_cores(bench):
    """A worker has the first core for itself; control and statistics share the second with the peer."""
    return Cores([bench.first], bench.second, [bench.second])


def configuration(bench, target, cores=None, port=None, glob=None, **dataplane):
    """A configuration of one target; its addresses are behind the gateway. Some of the programs at the other end answer
    ARP for every address: that is no conflict."""
    cores = cores or two_cores(bench)
    return {
        "global": {"probe_name": "bench", "interval": 0, "nb_proc": len(cores.workers),
                   "logging_level": "WARNING", "prometheus_port": METRICS_PORT,
                   "prometheus_address": "127.0.0.1", "dns_update_interval": 300, **(glob or {})},
        "groups": {"g": {"src_port_a": 60000, "src_port_z": 60999}},
        "targets": {"t": {"is_subnet": True, **target}},
        "dataplane": {"lcores": {"control": cores.control, "workers": cores.workers, "stats": [cores.control]},
                      "huge_pages": "no", "pacing": "asap", "max_addresses_per_target": 1 << 20, **dataplane,
                      "ports": [{"name": "bench", "addresses": [f"{OWN}/24"], "gateways": [ROUTER], "dad": False,
                                 **(port or {})}]},
    }


class Prober:
    """A running echolane."""

    def __init__(self, bench, config, *arguments, name="prober"):
        self.bench = bench
        self.url = f"http://127.0.0.1:{config['global']['prometheus_port']}/metrics"
        path = bench.directory / f"{name}.yaml"
        path.write_text(json.dumps(config))
        self.out = bench.directory / f"{name}.metrics"
        with open(self.out, "wb") as out:
            self.process = bench.start([bench.measured_program("app/echolane/echolane"), "run",
                                        "--print-metrics", *arguments, path],
                                       stdin=subprocess.DEVNULL, stdout=out)

    def counter(self, name):
        """A live counter's sum, with its time; None before it is there."""
        if self.process.poll() is not None:
            raise Failure(f"echolane: {self.process.log.read_text()[-1000:]}")
        before = time.monotonic()
        try:
            with urllib.request.urlopen(self.url, timeout=10) as reply:
                page = reply.read().decode()
        except (urllib.error.URLError, OSError):
            return None
        value = total(page, name)
        return None if value is None else ((before + time.monotonic()) / 2, value)

    def wait_for(self, name):
        wait_until(lambda: (self.counter(name) or (0, 0))[1] > 0, 30, name)

    def rate(self, name):
        self.wait_for(name)
        return growth(self.bench, lambda: self.counter(name))

    def end(self):
        """Stops it, which waits for what is on its way; the totals of all rounds."""
        return self.results(self.bench.end(self.process, timeout_s=60))

    def wait(self, timeout_s):
        """The same for one that ends by itself."""
        return self.results(self.bench.end(self.process, with_signal=None, timeout_s=timeout_s))

    def results(self, status):
        if status != 0:
            raise Failure(f"echolane: exit status {status}: {self.process.log.read_text()[-1000:]}")
        page = self.page = self.out.read_text()

        def probes(what):
            return sum(int(total(page, f"{kind}_{what}_total") or 0)
                       for kind in ("tcpsyn", "icmp", "udp_unreachable", "stamp"))
        return {
            "sent": probes("sent"), "lost": probes("loss"),
            "answers": int(total(page, "echolane_worker_answers_total")),
            "local_drops": int(sum(total(page, f"echolane_port_{drop}_total")
                                   for drop in ("imissed", "ierrors", "rx_nombuf", "socket_drops"))),
            "late": int(total(page, "echolane_probes_late_total") or 0),
            "forwarded": int(total(page, "echolane_worker_forwarded_total") or 0),
            "rounds_skipped": int(total(page, "echolane_rounds_skipped_total") or 0),
            "poll_gap_s": total(page, "echolane_worker_poll_gap_max_seconds"),
        }


def with_faults(result, received=None, left_out=0):
    """Adds to a result what makes it invalid. `received`: what the other end has, where it is known; `left_out`: how
    many of it the other end says that it did not answer, which are to be lost to the last one and no fault."""
    faults = []
    answered = result["sent"] - result["lost"] + result["late"]
    result = {**result, "lost": result["lost"] - left_out, "left_out": left_out}
    if result["lost"]:
        faults.append(f"{result['lost']} of {result['sent']} probes lost, {result['late']} of them answered late; "
                      f"{result['local_drops']} own drops, longest poll gap {result['poll_gap_s']:.3f} s")
    if result["sent"] == 0 or result["answers"] != answered:
        faults.append(f"{result['answers']} answers to {result['sent']} probes")
    if received is not None and received != result["sent"]:
        faults.append(f"the peer received {received} of {result['sent']} probes")
    return {**result, "faults": faults}


# ---- simpeer ----

class Peer:
    """simpeer at the server's end of the memif."""

    def __init__(self, bench, *options, delay_us=0, drop_late_ns=0):
        self.bench = bench
        script = bench.directory / "peer.yaml"
        rules = [{"name": "tcp", "match": {"protocol": "tcp"}, "reply": "rstack"},
                 {"name": "stamp", "match": {"protocol": "udp", "dst_port": STAMP_PORT}, "reply": "stamp"}]
        if delay_us:
            rules.append({"name": "delayed", "delay": {"us": delay_us}})
        script.write_text(json.dumps({"prefixes": ["10.0.0.0/8"], "arp": [f"{ROUTER}/32"], "max_delayed": 32768,
                                      "drop_late_ns": drop_late_ns, "rules": rules}))
        self.stats = bench.directory / "peer.json"
        self.out = bench.directory / "peer.out"
        with open(self.out, "wb") as out:
            self.process = bench.start(
                [bench.options.build / "app/simpeer/simpeer", *EAL, "--file-prefix={prefix}",
                 f"--lcores=0@{bench.second}", "--main-lcore=0", f"--vdev={bench.memif('server')}", "--",
                 "--script", script, "--stats", self.stats, *options], stdin=subprocess.DEVNULL, stdout=out)
        wait_until(self.ready, 20, "simpeer")

    def ready(self):
        if self.process.poll() is not None:
            raise Failure(f"simpeer: {self.process.log.read_text()[-1000:]}")
        return "ready\n" in self.out.read_text()

    def end(self):
        """How many probes it received; self.summary has all its counters."""
        if self.bench.end(self.process) != 0:
            raise Failure(f"simpeer: {self.process.log.read_text()[-1000:]}")
        self.summary = json.loads(self.stats.read_text())
        return sum(rule["received"] for rule in self.summary["rules"])


# ---- testpmd ----

class Testpmd:
    """An interactive testpmd that forwards on `cores`, with a queue for each; its main thread, which sleeps, is
    on another."""

    def __init__(self, bench, cores, device, *options):
        other = next(core for core in reversed(bench.cores) if core not in cores)
        forwarding = ",".join(f"{i + 1}@{core}" for i, core in enumerate(cores))
        queues = [f"--rxq={len(cores)}", f"--txq={len(cores)}", f"--nb-cores={len(cores)}"] if len(cores) > 1 else []
        self.bench = bench
        self.process = bench.start(
            ["stdbuf", "-oL", "dpdk-testpmd", *EAL, "--file-prefix={prefix}", f"--lcores=100@{other},{forwarding}",
             "--main-lcore=100", f"--vdev={device}", "--", "-i", "--no-mlockall",
             "--total-num-mbufs=16384", *queues, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.read_until("testpmd> ", 20)

    def read_until(self, expected, timeout_s=10):
        """Reads its output until there is a match, and returns that."""
        text, deadline = "", time.monotonic() + timeout_s
        descriptor = self.process.stdout.fileno()
        while not (match := re.search(expected, text)):
            ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            data = os.read(descriptor, 65536) if ready else b""
            if not data:
                raise Failure(f"testpmd: {(text + self.process.log.read_text())[-1000:] or 'no answer'}")
            text += data.decode(errors="replace")
        return match

    def command(self, text, expected):
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it is gone: what it said is read
        return self.read_until(expected)

    def start(self, mode, first="", wait_for_link=True):
        self.bench.commands.append(f"testpmd> set fwd {mode}; start {first}".rstrip())
        self.command(f"set fwd {mode}", r"Set \w+ packet forwarding")
        if mode == "icmpecho retry":
            # A prober that is kept off its core for a while must not lose answers by that.
            self.command("set burst tx delay 1 retry 2000000", "testpmd> ")
        if wait_for_link:
            wait_until(lambda: self.command("show port info 0", r"Link status: (\w+)")[1] == "up", 10,
                       "testpmd's link")
        self.command(f"start {first}", r"nb forwarding ports=1")

    def packets(self, direction):
        """RX or TX packets so far, with their time."""
        before = time.monotonic()
        packets = int(self.command("show port stats 0", rf"{direction}-packets: (\d+)\D")[1])
        return (before + time.monotonic()) / 2, packets

    def stop(self):
        self.command("stop", r"Done\.")

    def end(self):
        self.process.stdin.write(b"quit\n")
        self.process.stdin.close()
        self.bench.end(self.process, with_signal=None)
