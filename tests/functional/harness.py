# SPDX-License-Identifier: BSD-3-Clause
"""A network for a test (scripts/lab), the prober in it, and what looks at both."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import packets
from children import Child, children, wait_until
from metrics import Metrics

TOP = pathlib.Path(__file__).resolve().parents[2]
PROBER = "192.0.2.10"
GATEWAY = "192.0.2.1"
HOST1, HOST2, HOST3 = "198.51.100.10", "198.51.100.138", "203.0.113.10"
PORT = f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY}"
METRICS_URL = "http://127.0.0.1:8000"
RELOADED = "configuration reloaded"
NOT_RELOADED = "the configuration is not reloaded"


class Skip(Exception):
    """Raised by a test that can't be run here; says why."""


def lab_options(**options):
    """Decorator: options of the test's network (queues, ipv6)."""
    def set_options(function):
        function.lab_options = options
        return function
    return set_options


def time_limit(seconds):
    """Decorator: a test that may take longer than the others."""
    def set_limit(function):
        function.time_limit_s = seconds
        return function
    return set_limit


def alone(function):
    """Decorator: no other test is run beside it, for it measures times."""
    function.alone = True
    return function


def write_whole(path, text):
    """Replaces a file at once, so that nobody reads half of it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.rename(path)


def config(targets, groups=None, dataplane=None, **global_keys):
    """A configuration: targets and groups by name, global keys by keyword."""
    conf = {
        "global": {"probe_name": "lab", "interval": 1, "nb_proc": 1, "logging_level": "INFO",
                   "prometheus_port": 8000, "prometheus_address": "127.0.0.1",
                   "dns_update_interval": 300, **global_keys},
        "groups": groups or {"g": {}},
        "targets": targets,
        "dataplane": {"huge_pages": "no", **(dataplane or {})},
    }
    return conf


def target(kind, destination, nb_packets, **keys):
    """Every host here answers at once: waiting shorter than the default keeps the tests short."""
    return {"type": kind, "destination": destination, "nb_packets": nb_packets, "timeout": 0.5, **keys}


def tcp(destination, port, nb_packets=100, **keys):
    return target("TCPsyn", destination, nb_packets, dst_port=port, **keys)


def icmp(destination, nb_packets=100, **keys):
    return target("ICMPping", destination, nb_packets, **keys)


def udp(destination, port=33434, nb_packets=100, **keys):
    return target("UDPunreachable", destination, nb_packets, dst_port=port, **keys)


def times_of(line):
    """How many lines one of the log stands for."""
    again = re.search(r' \((\d+) times more\)"$', line)
    return int(again.group(1)) if again else 1


class Prober:
    """A running echolane; its output goes to files in the test's directory."""

    def __init__(self, lab, arguments, env=None, preload=None, ends=False, wrapper=(), **streams):
        """ends: it ends by itself when it is done; wrapper: runs it; streams: stdout, stderr: other places for its output."""
        self.lab = lab
        self.last_scrape = (0, "")
        self.metrics_url = METRICS_URL
        number = lab.next_number()
        self.stdout_path = lab.directory / f"echolane.{number}.out"
        self.stderr_path = lab.directory / f"echolane.{number}.log"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            # a library with sanitizers comes before theirs then
            program = ["env", f"LD_PRELOAD={preload}",
                       f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0",
                       lab.echolane] if preload else [lab.echolane]
            self.process = lab.popen("prober", [*wrapper, *program, *arguments], name="echolane", ends=ends,
                                     env={**os.environ, **(env or {})}, cwd=lab.directory,
                                     **{"stdout": out, "stderr": err, **streams})

    @property
    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def write_config(self, conf):
        """Another content for its configuration; it does not know yet."""
        write_whole(self.config, conf if isinstance(conf, str) else json.dumps(conf, indent=1))

    def logged(self, text, level=None):
        """How often its log has lines with this text: as often as it says that one came again, too."""
        return sum(times_of(line) for line in self.stderr.splitlines()
                   if text in line and (level is None or f'level="{level}"' in line))

    def telemetry_socket(self):
        """Where it says that its telemetry socket is."""
        return pathlib.Path(re.search(r'message="telemetry socket: ([^"]*)"', self.stderr).group(1))

    def reload(self, conf=None, timeout_s=20):
        """Reloads by SIGHUP, with another configuration if one is given; whether that was taken."""
        good, bad = self.logged(RELOADED), self.logged(NOT_RELOADED)
        if conf is not None:
            self.write_config(conf)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.logged(RELOADED) > good or self.logged(NOT_RELOADED) > bad, timeout_s,
                   "the reload")
        return self.logged(NOT_RELOADED) == bad

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def wait(self, timeout_s=45):
        """Waits for its end; its exit status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"echolane did not end within {timeout_s} s") from None

    def ends_well(self, timeout_s=45):
        """Waits for its end with status 0."""
        self.process.assert_success(timeout_s)

    def final_metrics(self):
        """Waits for its clean end; the metrics that it printed (--print-metrics)."""
        self.ends_well()
        return Metrics(self.stdout).check()

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        self.ends_well(15)

    def get(self, path, *curl_options):
        """GET; (HTTP status, body), status 0 while it can't be reached."""
        self.process.assert_runs()
        done = self.lab.run("prober", ["curl", "-s", "-m", "5", "-w", "\n%{http_code}", *curl_options,
                                       self.metrics_url + path], check=False)
        body, _, code = done.stdout.rpartition("\n")
        return int(code), body

    def metrics(self):
        """A scrape, or None while there is nothing to scrape."""
        status, body = self.last_scrape = self.get("/metrics")
        return Metrics(body).check() if status == 200 else None

    def wait_for(self, condition, what, timeout_s=20):
        """Scrapes until condition(metrics) holds; that scrape. The last one is kept where it never does."""
        def look():
            page = self.metrics()
            return page if page and condition(page) else None
        try:
            return wait_until(look, timeout_s, what)
        except AssertionError:
            self.stdout_path.with_suffix(".page").write_text("HTTP status %d\n%s" % self.last_scrape)
            raise


class Capture:
    """tcpdump on an interface; on exit `packets` holds what it saw. Of the prober's link look at the router's
    end: what DPDK's packet sockets send does not pass tcpdump on its way out."""

    def __init__(self, lab, role, interface, expression):
        self.path = lab.directory / f"{role}.{lab.next_number()}.pcap"
        self.log_path = self.path.with_suffix(".tcpdump")
        self.packets = []
        self.early = 0  # packets that may have come before it had its filter: it never reads them
        self.last_read = -1, time.monotonic()
        with open(self.log_path, "wb") as log:
            self.process = lab.popen(role, ["tcpdump", "-i", interface, "-n", "-U", "-Z", "root",
                                            "--immediate-mode", "-B", "16384", "-s", "256", "-w",
                                            str(self.path), expression], stderr=log)

    def __enter__(self):
        wait_until(lambda: "listening on" in self.log_path.read_text(), 5, "tcpdump")
        read, had = wait_until(self.counts, 5, "tcpdump to say how many packets there are")[0]
        self.early = had - read
        return self

    def counts(self):
        """How many packets it has read, and how many the kernel had for it, each time that it said so."""
        self.process.send_signal(signal.SIGUSR1)
        said = re.findall(r"(\d+) packets? captured, (\d+) packets? received by filter", self.log_path.read_text())
        return [(int(read), int(had)) for read, had in said]

    def has_read(self, had):
        """Whether it has read so many packets; or all but the early ones, which the kernel counts, and none for two
        seconds."""
        read = self.counts()[-1][0]
        if read != self.last_read[0]:
            self.last_read = read, time.monotonic()
        return read >= had or (read >= had - self.early and time.monotonic() - self.last_read[1] > 2)

    def __exit__(self, *_):
        # all that the kernel had by now, which would be lost with its end; more may go on coming
        before = len(self.counts())
        had = wait_until(lambda: self.counts()[before:], 5, "tcpdump to say how many packets there are")[0][1]
        wait_until(lambda: self.has_read(had), 60, "tcpdump to have read all packets")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        assert "\n0 packets dropped by kernel" in self.log_path.read_text(), "tcpdump missed packets"
        self.packets = self.read()

    def read(self):
        """What it has seen so far."""
        return packets.read(self.path)


class Lab:
    """The network of one test; see scripts/lab for its shape."""

    def __init__(self, name, directory, build, queues=1, ipv6=False):
        self.name, self.directory, self.queues, self.ipv6 = name, directory, queues, ipv6
        self.build = build
        self.echolane = build / "app/echolane/echolane"
        self.simpeer = build / "app/simpeer/simpeer"
        self.peer_prefix = f"simpeer-{name}"  # of simpeer's runtime directory, which DPDK leaves behind
        self.processes = children
        self.numbers = 0

    def __enter__(self):
        self.processes.clear()
        try:
            self.script("up", "--queues", str(self.queues), *(["--ipv6"] if self.ipv6 else []))
        except BaseException:  # interrupted, too: what there is of it goes
            self.script("down")
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.script("down")
        shutil.rmtree(f"/var/run/dpdk/{self.peer_prefix}", ignore_errors=True)

    def script(self, command, *options):
        subprocess.run([str(TOP / "scripts/lab"), command, self.name, *options], check=True)

    def next_number(self):
        self.numbers += 1
        return self.numbers

    def in_ns(self, role, command):
        return ["ip", "netns", "exec", f"el-{self.name}-{role}", *command]

    def run(self, role, command, check=True, **options):
        """Runs a command in a namespace to its end; text mode, output captured."""
        done = subprocess.run(self.in_ns(role, command), check=False, text=True, capture_output=True,
                              **options)
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done

    def popen(self, role, command, name=None, **options):
        """Starts a program beside the test; options as of Child."""
        return self.spawn(self.in_ns(role, command), name or str(command[0]), **options)

    def spawn(self, command, name, **options):
        """The same outside of the test's network."""
        child = Child(command, name, **options)
        self.processes.append(child)
        return child

    def ip(self, role, *arguments):
        return self.run(role, ["ip", *arguments]).stdout

    def nft(self, role, ruleset):
        self.run(role, ["nft", "-f", "-"], input=ruleset)

    def capture(self, role, interface, expression=""):
        return Capture(self, role, interface, expression)

    def etc(self, role, name, text):
        """What the programs of a namespace that are started from now on see as /etc/NAME; scripts/lab
        removes it with the namespace."""
        directory = pathlib.Path("/etc/netns") / f"el-{self.name}-{role}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)

    def mac(self, role, interface):
        return json.loads(self.ip(role, "-j", "link", "show", interface))[0]["address"]

    def send_frames(self, role, interface, frames, times=1):
        """Sends Ethernet frames as they are, all of them so many times."""
        code = """if True:
            import socket, sys
            frames = [bytes.fromhex(line) for line in sys.stdin.read().split()]
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
                s.bind((sys.argv[1], 0))
                for _ in range(int(sys.argv[2])):
                    for frame in frames:
                        s.send(frame)
            """
        self.run(role, [sys.executable, "-c", code, interface, str(times)],
                 input="\n".join(frame.hex() for frame in frames))

    def half_open(self, role):
        """Half-open TCP connections of a host, one line each."""
        return self.run(role, ["ss", "-Htn", "state", "syn-recv"]).stdout

    def write_config(self, conf):
        """Writes a configuration (JSON is YAML) and returns its path."""
        path = self.directory / f"config.{self.next_number()}.yaml"
        path.write_text(conf if isinstance(conf, str) else json.dumps(conf, indent=1))
        return path

    def start(self, conf, *arguments, port=PORT, env=None, preload=None, **streams):
        ports = ["--port", port] if port else []
        path = self.write_config(conf)
        prober = Prober(self, ["run", *ports, *arguments, str(path)], env, preload, "--rounds" in arguments,
                        **streams)
        prober.config = path
        return prober

    def rounds(self, conf, number=1, port=PORT):
        """Runs so many rounds to a clean end; the final metrics."""
        return self.start(conf, "--rounds", str(number), "--print-metrics", port=port).final_metrics()

    def invoke(self, *arguments, env=None):
        """Runs echolane with these arguments to its end."""
        prober = Prober(self, [str(argument) for argument in arguments], env, ends=True)
        prober.wait()
        return prober


def assert_loss(metrics, target, sent, lost=0, group="g"):
    have = metrics.probes(target, group)
    assert have == (sent, lost), f"{target} in {group}: sent, lost = {have}, expected {(sent, lost)}"


def assert_equal(have, expected, what):
    assert have == expected, f"{what}: {have!r}, expected {expected!r}"
