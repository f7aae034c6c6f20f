#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the guest tests: every function test_* of the files test_*.py beside this one, in one emulated machine, one after
another. scripts/guest makes what they need.

A test gets the running guest (guest.Guest) and fails by an exception. What it wrote is kept where it failed. Status 0, 1 if
a test failed, 77 if none could be run."""
import argparse
import importlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]
import children
import debian_guest
import guest as guests
from harness import Skip

TIME_LIMIT_S = 200
REASON_MAX = 2000  # characters shown of a failure's reason


def find_tests(options):
    """The tests that are asked for: by name, else all that the machine has what it takes for."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, function in vars(module).items():
            full = f"{path.stem.removeprefix('test_')}.{name.removeprefix('test_')}"
            if not name.startswith("test_") or options.machine not in getattr(function, "machines", ("iommu",)):
                continue
            if options.names:
                wanted = any(part in full for part in options.names)
            else:
                wanted = getattr(function, "quick" if options.quick else "pending", False) == options.quick
            if wanted:
                yield full, function


def why_not():
    """Why the tests can't be run here, or None."""
    if os.geteuid() != 0:
        return "root is needed for network namespaces"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return "network namespaces can't be made here"
    if not os.path.exists("/dev/net/tun"):
        return "this kernel has no /dev/net/tun, so the guest can't have a network"
    return None


def on_alarm(_signal, _frame):
    children.assert_none_died()
    raise TimeoutError("took too long")


def on_stop(_signal, _frame):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # what follows is cleaning up
    raise KeyboardInterrupt


def explain(error, verbose):
    reason = str(error) or type(error).__name__
    if verbose:
        return "".join(traceback.format_exception(error)).rstrip()
    where = "\n".join(f"        {frame.filename}:{frame.lineno}: {frame.line}"
                      for frame in traceback.extract_tb(error.__traceback__)[1:])
    return f"{reason[:REASON_MAX]}\n{where}"


class Report:
    def __init__(self, options):
        self.options, self.counts = options, {"ok": 0, "FAIL": 0, "skip": 0}

    def add(self, verdict, name, seconds, text=""):
        self.counts[verdict] += 1
        print(f"  {verdict:4}  {name} ({seconds:.1f} s){': ' if text else ''}{text}", flush=True)

    def run(self, name, function, *arguments, time_limit_s=TIME_LIMIT_S):
        """What the function returns; None if it failed, which is then told."""
        began = time.monotonic()
        signal.alarm(time_limit_s)
        verdict, text, result = "ok", "", None
        try:
            result = function(*arguments)
        except Skip as skip:
            verdict, text = "skip", str(skip)
        except Exception as error:  # whatever a test raises is its failure
            verdict, text = "FAIL", explain(error, self.options.verbose)
        finally:
            signal.alarm(0)
        self.add(verdict, name, time.monotonic() - began, text)
        return result


def boot(options, directory, host):
    if options.machine == "debian":
        machine = debian_guest.Debian(directory, host, options.image, (options.package, options.newer))
        machine.wait_until_up()
        machine.wait_until_booted()
        return machine
    initramfs = directory / "initramfs"
    guests.make_image(options.build / "app/echolane/echolane", options.kernel, initramfs)
    machine = guests.Guest(directory, host, options.kernel, initramfs, options.machine == "iommu")
    machine.wait_until_up()
    return machine


def run_test(function, machine):
    machine.process.assert_runs()
    try:
        function(machine)
    finally:
        machine.clean_up()


def run_tests(tests, options, report, directory):
    with guests.Host(options.run) as host:
        machine = report.run("boot", boot, options, directory, host, time_limit_s=900)
        try:
            for name, function in tests if machine else []:
                report.run(name, run_test, function, machine, time_limit_s=getattr(function, "time_limit_s", TIME_LIMIT_S))
        finally:
            for child in reversed(children.children):
                if child.poll() is None:
                    child.terminate()
                    try:
                        child.wait(10)
                    except subprocess.TimeoutExpired:
                        child.kill()
                        child.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--kernel", type=pathlib.Path, help="where Debian's kernel package is unpacked")
    parser.add_argument("--image", type=pathlib.Path, help="of machine debian: the directory of its disk, kernel and initramfs")
    parser.add_argument("--package", type=pathlib.Path, help="of machine debian: echolane's")
    parser.add_argument("--newer", type=pathlib.Path, help="of machine debian: echolane's, of a newer version")
    parser.add_argument("--run", default=f"guest.{os.getpid()}", help="first part of the network's name")
    parser.add_argument("--machine", choices=("iommu", "uio", "debian"), default="iommu",
                        help="with an IOMMU, without one, or a Debian with systemd")
    parser.add_argument("--quick", action="store_true", help="only tests that are marked so")
    parser.add_argument("--counts", type=pathlib.Path, help="write passed, failed, skipped to this file")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true", help="show the names of the tests, run none")
    parser.add_argument("names", nargs="*", help="parts of names of tests")
    options = parser.parse_args()
    tests = list(find_tests(options))
    if options.list:
        print("\n".join(name for name, _ in tests))
        return
    report, reason = Report(options), why_not()
    directory = options.build / "guest" / options.machine
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    signal.signal(signal.SIGALRM, on_alarm)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_stop)
    try:
        if reason:
            for name, _ in tests:
                report.add("skip", name, 0, reason)
        elif tests:
            print(f"guest, machine {options.machine}", flush=True)
            run_tests(tests, options, report, directory)
    except KeyboardInterrupt:
        print("  interrupted", flush=True)
        sys.exit(130)
    counts = report.counts
    if options.counts:
        options.counts.write_text(f"{counts['ok']} {counts['FAIL']} {counts['skip']}\n")
    if counts["FAIL"]:
        print(f"  logs: {directory}")
    else:
        shutil.rmtree(directory)
    sys.exit(1 if counts["FAIL"] else 77 if not counts["ok"] else 0)


if __name__ == "__main__":
    main()
