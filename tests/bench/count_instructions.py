#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions a probe in the worker's loop, counted by callgrind, beside their limits.

Time depends on the machine and on what else it does; this does not. What is counted is what tx_poll, rx_poll
with rx_forwarded, and the whole loop execute while bench_worker's samples are taken, the driver of the rings
included. Fails where a count is more than TOLERANCE above its limit; says so where one is below it by as much. The
same on a VLAN may take TAGGED instructions more of the loop than without: some 12 are needed, others are where the
compiler has no registers left.
Counts are those of one compiler: with another the status is 77, skipped.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.05
TAGGED = 16
COLUMNS = ("tx", "rx", "loop")
PACKETS = 25  # of each slice: 100,000 probes a row
SKIP = 77


def read_limits(path):
    """What they hold for, and the limits of each type and family."""
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return lines[0][1:], {(row[0], int(row[1])): dict(zip(COLUMNS, map(float, row[2:]))) for row in lines[2:]}


def run(program, directory, *options):
    """The rows that the program prints, and a file of counts for each of them."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/counts", "--collect-atstart=no",
         "--toggle-collect=sample", "--dump-after=measure", program, "--json", "--no-large", "--packets",
         str(PACKETS), *options],
        capture_output=True, text=True, check=False, timeout=300)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    files = [directory / f"counts.{i + 1}" for i in range(len(rows))]
    if done.returncode != 0 or not rows or not all(file.exists() for file in files):
        sys.exit(f"{program} under callgrind, status {done.returncode}:\n{done.stderr}")
    return zip(rows, files)


def count(file, probes, answers):
    """Instructions a probe and an answer, and of the loop a probe, of one of callgrind's files."""
    page = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", file],
                          capture_output=True, text=True, check=True).stdout

    def of(function, n, least):
        found = re.search(rf"^\s*([\d,]+) .*:{function} \[", page, re.MULTILINE)
        each = int(found[1].replace(",", "")) / n if found else 0
        if each < least:
            sys.exit(f"{each} instructions in {function}: it is not what it was, or inlined:\n{page}")
        return each
    return {"tx": of("tx_poll", probes, 10), "rx": of("rx_poll", answers, 10) + of("rx_forwarded", answers, 0.01),
            "loop": of("el_worker_poll", probes, 20)}


def compare(key, counts, limits):
    """Prints a row; whether it is within its limits."""
    above = [c for c in COLUMNS if counts[c] > limits[c] * (1 + TOLERANCE)]
    below = [c for c in COLUMNS if counts[c] < limits[c] * (1 - TOLERANCE)]
    notes = [f"FAILED: more than the limit of {limits[c]:.1f} for {c}" for c in above]
    notes += [f"less than the limit of {limits[c]:.1f} for {c}: lower it" for c in below]
    figures = " ".join(f"{counts[c]:7.1f}" for c in COLUMNS)
    print(f"{key[0]:14} {key[1]:6}  {figures}  {'; '.join(notes)}".rstrip())
    return not above


def main():
    program, limits_file, *built_with = sys.argv[1:]
    built_for, limits = read_limits(pathlib.Path(limits_file))
    if not shutil.which("valgrind"):
        print("skipped: no valgrind")
        return SKIP
    if built_with != built_for:
        print(f"skipped: the limits are those of {' '.join(built_for)}, this is {' '.join(built_with)}")
        return SKIP
    good = True
    print(f"{'type':14} {'family':>6}  " + " ".join(f"{c:>7}" for c in COLUMNS))
    with tempfile.TemporaryDirectory() as directory:
        loops = {}
        for row, file in run(program, pathlib.Path(directory)):
            key = row["type"], row["family"]
            counts = count(file, row["slices"] * row["packets"], row["answers"])
            loops[key] = counts["loop"]
            good &= compare(key, counts, limits.pop(key))
    with tempfile.TemporaryDirectory() as directory:
        for row, file in run(program, pathlib.Path(directory), "--vlan", "100"):
            counts = count(file, row["slices"] * row["packets"], row["answers"])
            more = counts["loop"] - loops[row["type"], row["family"]]
            good &= more <= TAGGED
            print(f"{row['type']:14} {row['family']:6}  " + " ".join(f"{counts[c]:7.1f}" for c in COLUMNS) +
                  f"  tagged: {more:+.1f}{'' if more <= TAGGED else ', FAILED'}")
    if limits:
        sys.exit(f"not measured: {limits}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
