#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the functional tests: every function test_* of the files test_*.py beside this one.

A test gets a fresh network (harness.Lab) and fails by an exception. What it wrote (logs, captures,
configurations) is kept where it failed. Status 0, 1 if a test failed, 77 if none could be run."""
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
import harness

HERE = pathlib.Path(__file__).resolve().parent
TIME_LIMIT_S = 60
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
    raise TimeoutError("took too long")


def on_term(_signal, _frame):
    raise KeyboardInterrupt


def run_test(name, function, options):
    """None if the test passed, the reason if it was skipped; raises what the test raises."""
    directory = options.build / "functional" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    lab = harness.Lab(options.run, directory, options.build, **getattr(function, "lab_options", {}))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build-test")
    parser.add_argument("--run", default=f"test.{os.getpid()}", help="name of the network")
    parser.add_argument("--counts", type=pathlib.Path, help="write passed, failed, skipped to this file")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*", help="parts of names of tests")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, on_term)

    passed, failed, skipped = 0, 0, 0
    reason = why_not()
    tests = list(find_tests(options.names))
    if not tests:
        sys.exit("no test has such a name")
    for name, function in tests:
        began = time.monotonic()
        try:
            skip = reason or run_test(name, function, options)
        except KeyboardInterrupt:
            print(f"  interrupted in {name}", flush=True)
            sys.exit(130)
        except Exception as error:  # whatever a test raises is its failure
            failed += 1
            reason_given = str(error) or type(error).__name__
            if not options.verbose and len(reason_given) > REASON_MAX:
                reason_given = reason_given[:REASON_MAX] + " ..."
            print(f"  FAIL  {name} ({time.monotonic() - began:.1f} s): {reason_given}")
            if options.verbose or not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            else:
                where = traceback.extract_tb(error.__traceback__)
                print("\n".join(f"        {f.filename}:{f.lineno}: {f.line}" for f in where[1:]))
            print(f"        log and captures: {options.build / 'functional' / name}", flush=True)
            continue
        if skip:
            skipped += 1
            print(f"  skip  {name}: {skip}", flush=True)
        else:
            passed += 1
            print(f"  ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if options.counts:
        options.counts.write_text(f"{passed} {failed} {skipped}\n")
    sys.exit(1 if failed else 77 if not passed else 0)


if __name__ == "__main__":
    main()
