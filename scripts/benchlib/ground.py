# SPDX-License-Identifier: BSD-3-Clause
"""The ground of a benchmark: its namespaces, directory, cores and processes, and the machine."""
import ctypes
import functools
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

TOP = pathlib.Path(__file__).resolve().parents[2]
CLONE_NEWNET = 0x40000000
METRICS_PORT = 8000
EAL = ["--no-huge", "-m", "256", "--no-pci", "--no-telemetry"]
PROGRAMS = ["app/echolane/echolane", "app/simpeer/simpeer",
            *(f"tests/bench/bench_{name}" for name in ("echo", "gaps", "plan", "respond", "stats", "worker"))]
MEASURED = ["app/echolane/echolane", "tests/bench/bench_worker"]  # beside an earlier revision's
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
        self.measured = options.build  # or the build of the revision that it is compared with
        self.has_measured = False  # a program of it has been started
        self.name = f"bench.{os.getpid()}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="echolane-bench."))
        self.processes = []
        self.started = 0
        self.commands = []  # command lines of the programs that were started
        self.remembered = {}  # what a run has found out for those after it
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.cores = sorted(os.sched_getaffinity(0))
        if len(self.cores) < 2:
            raise Failure("two cores are needed, one for each end of a link")
        self.first, self.second = self.cores[:2]
        # This program keeps off the worker's core; those that it starts may use all.
        os.sched_setaffinity(0, self.cores[1:])

    def open(self):
        self.lab("sweep", "bench")
        self.lab("up", self.name)
        namespace = os.open(f"/run/netns/el-{self.name}-prober", os.O_RDONLY | os.O_CLOEXEC)
        self.enter(namespace)
        os.close(namespace)
        # Many addresses behind the gateway that the router itself answers for.
        self.ip("router", "route", "add", "local", "10.0.0.0/8", "dev", "lo")
        self.ip("prober", "link", "set", "lo", "up")

    @functools.cached_property
    def router_mac(self):
        return json.loads(self.ip("router", "-j", "link", "show", "p0"))[0]["address"]

    def router_file(self, path):
        """A file of /proc/net, open, as the router's namespace has it."""
        with open(f"/run/netns/el-{self.name}-router", "rb") as router, \
                open(f"/run/netns/el-{self.name}-prober", "rb") as prober:
            self.enter(router.fileno())
            try:
                return open(f"/proc/thread-self/net/{path}", encoding="ascii")
            finally:
                self.enter(prober.fileno())

    def enter(self, namespace):
        """Goes to a network namespace: that of the prober is where the metrics are."""
        if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) < 0:
            raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")

    def end_all(self):
        for process in list(self.processes):
            self.end(process)
        (self.directory / "memif.sock").unlink(missing_ok=True)

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

    def nft(self, role, rules):
        subprocess.run(["ip", "netns", "exec", f"el-{self.name}-{role}", "nft", "-f", "-"], input=rules,
                       text=True, check=True, timeout=10)

    def measured_program(self, path):
        """The program of this name of the build that is measured; others are those of `options.build`."""
        self.has_measured = True
        return self.measured / path

    def start(self, argv, **options):
        """A program in the prober's namespace; its EAL files, if it takes a prefix, are {prefix}."""
        self.started += 1
        prefix = f"{self.name}.{self.started}"
        argv = [str(a).replace("{prefix}", prefix) for a in argv]
        self.commands.append(" ".join(argv).replace(str(self.directory), "DIR").replace(str(TOP), "."))
        log = self.directory / f"{self.started}.log"
        with open(log, "wb") as err:
            # No session of its own: the kernel shares a core out between sessions first (autogroup), and may leave a
            # program of one without any of it for seconds, if those of the other have threads on several cores.
            process = subprocess.Popen(["ip", "netns", "exec", f"el-{self.name}-prober", *argv],
                                       stderr=err, process_group=0, cwd=self.directory,
                                       preexec_fn=lambda: os.sched_setaffinity(0, self.cores), **options)
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


def dpdk_version():
    done = subprocess.run(["pkg-config", "--modversion", "libdpdk"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else platform.machine(), "kernel": platform.release(),
            "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "dpdk": dpdk_version()}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: {(done.stdout + done.stderr)[-1000:].decode(errors='replace')}")
    return done.stdout


def build(directory, source, programs):
    """Builds what is measured."""
    print(f"building in {directory.relative_to(TOP)}/", file=sys.stderr)
    if not (directory / "build.ninja").exists():
        run("meson", "setup", directory, source, "-Dtests=true", "-Dbuildtype=release")
    run("ninja", "-C", directory, *programs)
    return directory


def build_revision(revision):
    """Builds what is measured of an earlier revision, from its files in a directory of its own, which is kept."""
    commit = run("git", "-C", TOP, "rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    directory = TOP / "build-against" / commit
    if not (directory / "source").exists():
        unfinished = directory / "unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        run("tar", "-x", "-C", unfinished, input=run("git", "-C", TOP, "archive", commit))
        unfinished.rename(directory / "source")
    return build(directory / "release", directory / "source", MEASURED)


def prepare(options, has_programs=True):
    """Signals end the program as an error does, and what every benchmark needs is there; has_programs: ours, too."""
    def interrupted(number, _):
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    if os.geteuid() != 0:
        raise Failure("root is needed, for network namespaces")
    if not has_programs:
        return
    if options.build is None:
        options.build = build(TOP / "build-release", TOP, PROGRAMS)
    options.build = options.build.resolve()
    for program in PROGRAMS:
        if not (options.build / program).exists():
            raise Failure(f"{options.build}: no {program} is built there")
