#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every test that tests/COVERAGE.md ($1) names exists, and every row names one."""
import pathlib
import re
import sys

REFERENCE = re.compile(r"`(test_\w+\.(?:py|c)): (\w+)`")


def exists(tests, file, name):
    path = tests / ("functional" if file.endswith(".py") else "unit") / file
    # some of the functional ones are made from a table
    pattern = rf"^def test_{name}\(|^    \"{name}\": \(" if file.endswith(".py") else rf"^\s*static void {name}\("
    return path.exists() and re.search(pattern, path.read_text(), re.MULTILINE)


def main():
    coverage = pathlib.Path(sys.argv[1])
    rows, faults = 0, []
    for number, line in enumerate(coverage.read_text().splitlines(), 1):
        if not line.startswith("| ") or line.startswith("| ---") or line.endswith("| tests |"):
            continue
        rows += 1
        references = REFERENCE.findall(line)
        if not references and not line.endswith("| not yet |"):
            faults.append(f"{number}: no test: {line}")
        faults += [f"{number}: there is no test {name} in {file}" for file, name in references
                   if not exists(coverage.parent, file, name)]
    print("\n".join(f"{coverage}:{fault}" for fault in faults))
    print(f"{rows} rows, {len(faults)} faults")
    sys.exit(1 if faults or not rows else 0)


if __name__ == "__main__":
    main()
