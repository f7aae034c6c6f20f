# SPDX-License-Identifier: BSD-3-Clause
"""A machine emulated by QEMU: its monitor, and commands that are run in it.

Nothing of it uses the processor's virtualisation (KVM), so it runs wherever processes do, some ten times slower."""
import base64
import json
import pathlib
import re
import socket
import subprocess
import time

from children import Child, assert_none_died, children

BOOT_S = 240  # some 15 s on a quiet machine
COMMAND_S = 60
SPARE_S = 30  # what a command may take longer than the guest's own clock says
CORES = 2
# Runs the commands that come in by the second serial line: a number, a time limit in seconds, the command.
AGENT = """#!/bin/sh
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo "@@UP $(cat /proc/sys/kernel/random/boot_id)"
while read -r number seconds command; do
	timeout -s KILL "$seconds" sh -c "$command" </dev/null 2>&1
	echo "@@END $number $?"
done
"""


class Line:
    """What comes in by a socket, and a deadline for what is waited for."""

    def __init__(self, path, process, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                process.assert_runs()
                assert time.monotonic() < deadline, f"{path} can't be connected to"
                time.sleep(0.02)
        self.socket.settimeout(0.2)
        self.text = b""

    def send(self, text):
        self.socket.sendall(text)

    def until(self, pattern, timeout_s, what):
        """Reads until the pattern comes; (what was before it, the match). What comes behind it is kept."""
        deadline = time.monotonic() + timeout_s
        while not (match := re.search(pattern, self.text)):
            try:
                more = self.socket.recv(65536)
                assert more, f"the emulator closed its line; waited for {what}"
                self.text += more
            except TimeoutError:
                assert_none_died()
                assert time.monotonic() < deadline, (
                    f"waited {timeout_s} s in vain for {what}; last came {self.text[-500:].decode(errors='replace')!r}")
        before, self.text = self.text[:match.start()], self.text[match.end():]
        return before, match


class Emulator:
    """A running guest."""
    boot_s = BOOT_S

    def __init__(self, directory, namespace, arguments):
        """directory: for its sockets and logs; namespace: the network that it runs in; arguments: all but these."""
        self.directory, self.number, self.stuck = pathlib.Path(directory), 0, None
        self.console = self.directory / "console"
        self.console.write_text("")
        command = ["ip", "netns", "exec", namespace, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                   "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CORES),
                   "-serial", f"file:{self.console}",
                   "-chardev", f"socket,id=agent,path={self.directory}/agent,server=on,wait=on", "-serial", "chardev:agent",
                   "-qmp", f"unix:{self.directory}/monitor,server=on,wait=off", *arguments]
        for name in ("agent", "monitor"):
            (self.directory / name).unlink(missing_ok=True)
        with open(self.directory / "qemu.log", "wb") as log:
            self.process = Child(command, "qemu", stdout=log, stderr=log)
        children.append(self.process)
        self.agent = Line(self.directory / "agent", self.process)
        self.monitor = Line(self.directory / "monitor", self.process)
        self.monitor.until(rb'"QMP".*\r\n', 20, "the monitor")
        self.ask("qmp_capabilities")
        self.boot_id = None

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    # ---- its monitor ----

    def ask(self, command, **arguments):
        """A command of the monitor (QEMU, docs/interop/qemu-qmp-ref.rst); what it returns."""
        self.monitor.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        _, match = self.monitor.until(rb'(\{"(?:return|error)":.*)\r\n', 20, f"the monitor's answer to {command}")
        answer = json.loads(match[1])
        assert "return" in answer, f"{command}: {answer['error']['desc']}"
        return answer["return"]

    def tell(self, line):
        """A command of the monitor for people; what it prints."""
        return self.ask("human-monitor-command", **{"command-line": line})

    def wait_for_event(self, event, timeout_s=60):
        """An event that comes after the last command's answer."""
        self.monitor.until(rb'.*"event": "%s".*\r\n' % event.encode(), timeout_s, f"the event {event}")

    def rss_kib(self):
        """The most memory that the emulator had."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)[1])

    # ---- what runs in it ----

    def wait_until_up(self, timeout_s=None):
        """Waits until it takes commands, after its start or a reboot."""
        timeout_s = timeout_s or self.boot_s
        try:
            _, match = self.agent.until(rb"@@UP (\S+)\r?\n", timeout_s, "the guest to be up")
        except AssertionError as error:
            raise AssertionError(f"{error}; the end of its console: {self.console.read_text(errors='replace')[-2000:]}") from None
        assert match[1] != self.boot_id, "the guest did not reboot"
        self.boot_id = match[1]

    def run(self, command, timeout_s=COMMAND_S, check=True):
        """Runs a shell's command, one line, in the guest; its output. Status 0 is asked for, unless check is False: then
        (status, output)."""
        self.number += 1
        assert "\n" not in command and len(command) < 3500, "one line, that a terminal has room for"
        assert not self.stuck, f"the guest still does `{self.stuck}`"
        self.stuck = command
        self.agent.send(b"%d %d %s\n" % (self.number, timeout_s, command.encode()))
        output, match = self.agent.until(rb"@@END %d (\d+)\r?\n" % self.number, timeout_s + SPARE_S, f"the end of `{command}`")
        self.stuck = None
        status, text = int(match[1]), output.decode(errors="replace")
        if not check:
            return status, text
        assert status == 0, f"`{command}` ended with status {status}: {text[-2000:]}"
        return text

    def write(self, path, text):
        """A file of the guest, a piece a command."""
        data = base64.b64encode(text.encode()).decode()
        for at in range(0, len(data), 2048):
            self.run(f"echo {data[at:at + 2048]} {'>>' if at else '>'}{path}.b64")
        self.run(f"base64 -d {path}.b64 >{path} && rm {path}.b64")

    def driver_of(self, address):
        return self.run(f"basename $(readlink /sys/bus/pci/devices/{address}/driver) || echo none").strip()
