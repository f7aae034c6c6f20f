# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmarks share: the namespaces and processes of a run, the simulated peer, metrics."""
import ctypes
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
CLONE_NEWNET = 0x40000000
METRICS_PORT = 8000
EAL = ["--no-huge", "-m", "256", "--no-pci", "--no-telemetry"]
OWN, ROUTER = "192.0.2.10", "192.0.2.1"


class Failure(Exception):
    """What can't be measured, and why."""


def wait_until(condition, timeout_s, what):
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.02)
    return value


class Bench:
    """The namespaces, the directory and the processes of a run; close() removes all of them."""

    def __init__(self, options):
        self.options = options
        self.name = f"bench.{os.getpid()}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="echolane-bench."))
        self.processes = []
        self.started = 0
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Failure("two cores are needed, one for each end of a link")
        self.first, self.second = cores[:2]

    def open(self):
        self.lab("sweep", "bench")
        self.lab("up", self.name)
        namespace = os.open(f"/run/netns/el-{self.name}-prober", os.O_RDONLY | os.O_CLOEXEC)
        self.enter(namespace)
        os.close(namespace)
        # Many addresses behind the gateway that the router itself answers for.
        self.ip("router", "route", "add", "local", "10.0.0.0/16", "dev", "lo")
        self.ip("prober", "link", "set", "lo", "up")

    def enter(self, namespace):
        """Goes to a network namespace: that of the prober is where the metrics are."""
        if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) < 0:
            raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")

    def end_all(self):
        for process in list(self.processes):
            self.end(process)

    def close(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.end_all()
        self.enter(self.home)  # before all that is in the prober's is ended
        self.lab("down", self.name, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def lab(self, command, name, check=True):
        done = subprocess.run([TOP / "scripts/lab", command, name], capture_output=True, text=True,
                              check=False, timeout=60)
        if check and done.returncode != 0:
            raise Failure(f"lab {command}: {done.stderr.strip()}")

    def ip(self, role, *arguments):
        return subprocess.run(["ip", "-n", f"el-{self.name}-{role}", *arguments], capture_output=True,
                              text=True, check=True, timeout=10).stdout

    def start(self, argv, **options):
        """A program in the prober's namespace; its EAL files, if it takes a prefix, are {prefix}."""
        self.started += 1
        prefix = f"{self.name}.{self.started}"
        argv = [str(a).replace("{prefix}", prefix) for a in argv]
        log = self.directory / f"{self.started}.log"
        with open(log, "wb") as err:
            process = subprocess.Popen(["ip", "netns", "exec", f"el-{self.name}-prober", *argv],
                                       stderr=err, start_new_session=True, cwd=self.directory, **options)
        process.log, process.prefix = log, prefix
        self.processes.append(process)
        return process

    def end(self, process, with_signal=signal.SIGTERM, timeout_s=20):
        """Ends it, removes what it leaves, and returns its status."""
        if process.poll() is None and with_signal:
            process.send_signal(with_signal)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait(10)
        self.processes.remove(process)
        for prefix in (process.prefix, f"echolane-{process.pid}"):
            shutil.rmtree(f"/var/run/dpdk/{prefix}", ignore_errors=True)
        return status

    def memif(self, role):
        return f"net_memif0,role={role},id=0,socket-abstract=no,socket={self.directory}/memif.sock"


def total(page, name):
    """The sum over all series of a metric; None if there is none."""
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    return sum(map(float, values)) if values else None


class Peer:
    def __init__(self, bench, *options):
        self.bench = bench
        script = bench.directory / "peer.yaml"
        script.write_text(json.dumps({"prefixes": ["10.0.0.0/8"], "arp": [f"{ROUTER}/32"], "rules": [
            {"name": "tcp", "match": {"protocol": "tcp"}, "reply": "rstack"}]}))
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
        """How many probes it received."""
        if self.bench.end(self.process) != 0:
            raise Failure(f"simpeer: {self.process.log.read_text()[-1000:]}")
        return sum(rule["received"] for rule in json.loads(self.stats.read_text())["rules"])


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else platform.machine(), "kernel": platform.release(),
            "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}


def prepare(options):
    """Signals end the program as an error does, and what every benchmark needs is there."""
    def interrupted(number, _):
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    if os.geteuid() != 0:
        raise Failure("root is needed, for network namespaces")
    for program in ("echolane", "simpeer"):
        if not (options.build / "app" / program / program).exists():
            raise Failure(f"{options.build}: no {program} is built there: meson setup build && ninja -C build")
