#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the functional tests: every function test_* of the files test_*.py beside this one.

A test gets a fresh network (harness.Lab) and fails by an exception. What it wrote (logs, captures,
configurations) is kept where it failed. As they wait most of the time, three are run at once; those that
measure times are run alone (harness.alone). Status 0, 1 if a test failed, 77 if none could be run."""
import argparse
import importlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
import children
import harness

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT_S = 60
JOBS = 3
REASON_MAX = 600  # characters shown of a failure's reason


def find_tests(names):
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, function in vars(module).items():
            full = f"{path.stem.removeprefix('test_')}.{name.removeprefix('test_')}"
            if name.startswith("test_") and (not names or any(n in full for n in names)):
                yield full, function


def why_not():
    """Why the tests can't be run here, or None."""
    if os.geteuid() != 0:
        return "root is needed for network namespaces"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return "network namespaces can't be made here"
    return None


def on_alarm(_signal, _frame):
    children.assert_none_died()
    raise TimeoutError("took too long")


class Stop:
    """Whether a signal has asked to stop. Its exception may be lost, as where an object's end raises it: then there
    is no test after the one that is run."""
    asked = False


def on_stop(_signal, _frame):
    Stop.asked = True
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # what follows is cleaning up
    raise KeyboardInterrupt


def run_test(name, function, options, run):
    """None if the test passed, the reason if it was skipped; raises what the test raises."""
    directory = options.build / "functional" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    lab = harness.Lab(run, directory, options.build, **getattr(function, "lab_options", {}))
    signal.alarm(getattr(function, "time_limit_s", TIME_LIMIT_S))
    try:
        with lab:
            function(lab)
    except harness.Skip as skip:
        return str(skip)
    finally:
        signal.alarm(0)
    shutil.rmtree(directory)
    return None


def explain(error, name, options):
    """A failure in words: what went wrong, where, and where to look."""
    reason = str(error) or type(error).__name__
    if not options.verbose and len(reason) > REASON_MAX:
        reason = reason[:REASON_MAX] + " ..."
    if options.verbose or not isinstance(error, AssertionError):
        where = "".join(traceback.format_exception(error)).rstrip()
    else:
        where = "\n".join(f"        {frame.filename}:{frame.lineno}: {frame.line}"
                          for frame in traceback.extract_tb(error.__traceback__)[1:])
    return f"{reason}\n{where}\n        log and captures: {options.build / 'functional' / name}"


def work(number, tests, options, todo, done):
    """A process that runs tests, which come by their index, until None comes."""
    signal.signal(signal.SIGALRM, on_alarm)
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, on_stop)
    try:
        while not Stop.asked and (index := todo.get()) is not None:
            name, function = tests[index]
            began = time.monotonic()
            try:
                skip = run_test(name, function, options, f"{options.run}.{number}")
                verdict, text = ("skip", skip) if skip else ("ok", "")
            except Exception as error:  # whatever a test raises is its failure
                verdict, text = "FAIL", explain(error, name, options)
            done.put((verdict, name, time.monotonic() - began, text))
    except KeyboardInterrupt:
        pass
    if Stop.asked:
        sys.exit(130)


def report(counts, verdict, name, seconds, text):
    counts[verdict] += 1
    print(f"  {verdict:4}  {name} ({seconds:.1f} s){': ' if text else ''}{text}", flush=True)


def run_all(tests, jobs, options, counts):
    """Runs tests in so many processes."""
    fork = multiprocessing.get_context("fork")
    todo, done = fork.SimpleQueue(), fork.SimpleQueue()
    for index in (*range(len(tests)), *[None] * jobs):
        todo.put(index)
    workers = [fork.Process(target=work, args=(number + 1, tests, options, todo, done))
               for number in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        left = len(tests)
        while left > 0 and any(worker.is_alive() for worker in workers):
            multiprocessing.connection.wait([done._reader, *(w.sentinel for w in workers if w.is_alive())])
            while not done.empty():
                report(counts, *done.get())
                left -= 1
        if left > 0:
            report(counts, "FAIL", "the runner", 0, f"{left} tests have no result")
    finally:
        for worker in workers:
            if sys.exc_info()[0]:
                worker.terminate()
            worker.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build-test")
    parser.add_argument("--run", default=f"test.{os.getpid()}", help="first part of the networks' names")
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many tests to run at once")
    parser.add_argument("--counts", type=pathlib.Path, help="write passed, failed, skipped to this file")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true", help="show the names of the tests, run none")
    parser.add_argument("names", nargs="*", help="parts of names of tests")
    options = parser.parse_args()
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    tests = list(find_tests(options.names))
    if not tests:
        sys.exit("no test has such a name")
    if options.list:
        print("\n".join(name for name, _ in tests))
        return
    reason = why_not()
    if reason:
        for name, _ in tests:
            report(counts, "skip", name, 0, reason)
    else:
        alone = [test for test in tests if getattr(test[1], "alone", False)]
        together = [test for test in tests if test not in alone]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, on_stop)
        try:
            run_all(together, options.jobs, options, counts)
            run_all(alone, 1, options, counts)
        except KeyboardInterrupt:
            print("  interrupted", flush=True)
            sys.exit(130)
    if options.counts:
        options.counts.write_text(f"{counts['ok']} {counts['FAIL']} {counts['skip']}\n")
    sys.exit(1 if counts["FAIL"] else 77 if not counts["ok"] else 0)


if __name__ == "__main__":
    main()
