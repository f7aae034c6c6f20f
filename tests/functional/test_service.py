# SPDX-License-Identifier: BSD-3-Clause
"""What a service manager is told (sd_notify(3)), by one that is ours."""
import socket
import time

from harness import HOST1, assert_equal, config, icmp, wait_until
from stopped_thread import StoppedThread, threads

WATCHDOG_S = 1.0
# Abstract names are those of a network namespace.
LISTEN = """
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0echolane-test")
print("bound", flush=True)
while (message := s.recv(4096)) != b"READY=1":
    pass
print("ready", flush=True)
"""


class Manager:
    """Receives what it is told, message by message."""

    def __init__(self, lab):
        self.name = str(lab.directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name)
        self.socket.setblocking(False)
        self.messages = []  # (when it was read, the message's lines)

    @property
    def environment(self):
        return {"NOTIFY_SOCKET": self.name}

    def read(self):
        try:
            while True:
                self.messages.append((time.monotonic(), self.socket.recv(4096).decode().split("\n")))
        except BlockingIOError:
            return self.messages

    def lines(self, start=0):
        return [line for _, message in self.read()[start:] for line in message]

    def wait_for(self, line, start=0, timeout_s=20):
        """Waits for a line; the number of the message behind its."""
        wait_until(lambda: line in self.lines(start), timeout_s, f"{line} in {self.messages[start:]}")
        return 1 + next(n for n, (_, message) in enumerate(self.messages) if n >= start and line in message)


def test_states(lab):
    """Ready with a first round, by /-/ready; a reload begins and ends, also one that fails; it stops."""
    manager = Manager(lab)
    conf = config({"icmp": icmp(HOST1, 10)})
    prober = lab.start(conf, env=manager.environment)
    at = manager.wait_for("READY=1")
    assert_equal(prober.get("/-/ready")[0], 200, "/-/ready")
    assert "STATUS=Not ready: waiting for the first round" in manager.lines(), manager.messages
    wait_until(lambda: any(line.startswith("STATUS=1 targets, 1 series, round ") and line.endswith("in it 0")
                           for line in manager.lines()), 10, "how it is")
    assert not any("RELOADING=1" in line for line in manager.lines()), manager.messages

    for good in (True, False):
        began_us = time.monotonic_ns() // 1000
        assert_equal(prober.reload(conf if good else "nothing: {}"), good, "the reload")
        manager.wait_for("READY=1", manager.wait_for("RELOADING=1", at))
        (message,) = (message for _, message in manager.messages[at:] if "RELOADING=1" in message)
        times = dict(line.split("=") for line in message)
        assert began_us <= int(times["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, message
        at = len(manager.read())
    wait_until(lambda: any("could not be read again" in line for line in manager.lines(at)), 10, "the fault")

    prober.stop()
    manager.wait_for("STOPPING=1", at)
    assert_equal([line for line in manager.lines() if not line.startswith(("STATUS=", "MONOTONIC_USEC="))],
                 ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"], "what was said")


def test_signs_of_life(lab):
    """Twice in the time that is allowed, and none while a worker stands still."""
    manager = Manager(lab)
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}), env={
        **manager.environment, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))})
    manager.wait_for("READY=1")

    def signs():
        return [when for when, message in manager.read() if "WATCHDOG=1" in message]
    count = len(signs())
    wait_until(lambda: len(signs()) >= count + 5, 20, "signs of life")
    gaps = [after - before for before, after in zip(signs()[count:], signs()[count + 1:])]
    assert min(gaps) > WATCHDOG_S / 2 - 0.1, f"more often than need be: {gaps}"
    assert sorted(gaps)[len(gaps) // 2] < WATCHDOG_S, f"too seldom: {gaps}"

    worker = next(thread for thread, name in threads(prober.process.pid).items() if "worker" in name)
    with StoppedThread(worker):
        time.sleep(WATCHDOG_S)  # one may have been on its way
        count = len(signs())
        time.sleep(2 * WATCHDOG_S)
        assert_equal(len(signs()), count, "signs of life of a worker that stands still")
        assert_equal(prober.get("/metrics")[0], 200, "control, which does not")
    wait_until(lambda: len(signs()) > count, 10, "a sign of life of the worker that goes on")
    prober.stop()


def test_a_manager_that_does_not_read(lab):
    """It holds nothing up; what was to be said is said when there is room again."""
    manager = Manager(lab)
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}), env={**manager.environment, "WATCHDOG_USEC": "2000"})
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= 3, "rounds")
    assert_equal(prober.get("/-/healthy"), (200, "healthy\n"), "/-/healthy")
    manager.wait_for("READY=1")
    prober.stop()


def test_other_environments(lab):
    """The watchdog of another process is not fed; an address that can't be meant is refused; a manager that is gone
    is no fault."""
    manager = Manager(lab)
    conf = config({"icmp": icmp(HOST1, 10)})
    prober = lab.start(conf, env={**manager.environment, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    manager.wait_for("READY=1")
    manager.socket.close()
    assert prober.reload(), prober.stderr
    prober.stop()
    assert not any("WATCHDOG=1" in message for _, message in manager.messages), manager.messages
    prober = lab.start(conf, "--rounds", "1", env={"NOTIFY_SOCKET": "notify"})
    assert_equal(prober.wait(), 64, "exit status")
    assert 'NOTIFY_SOCKET: expected a path from / or a name behind @' in prober.stderr, prober.stderr


def test_abstract_address(lab):
    path = lab.directory / "listener.out"
    with open(path, "wb") as out:
        listener = lab.popen("prober", ["python3", "-c", LISTEN], name="listener", ends=True, stdout=out)
    wait_until(lambda: path.read_text() == "bound\n", 10, "the listener")
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}), env={"NOTIFY_SOCKET": "@echolane-test"})
    listener.assert_success(30)
    assert_equal(path.read_text(), "bound\nready\n", "what the listener heard")
    prober.stop()
