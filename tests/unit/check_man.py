#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Manual pages ($2: section 8, $3: section 5) are without fault to mandoc, and have all commands and options of the
program's ($1) --help and all keys of its reference, with what these say of each. Other pages ($4...) are without
fault, too."""
import re
import shutil
import subprocess
import sys

# Pages of other packages, or of this one before it is installed.
NO_FAULT = ("referenced manual not found", "outdated mandoc.db")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def lint(page):
    result = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, check=False)
    return [line for line in (result.stdout + result.stderr).splitlines() if not any(text in line for text in NO_FAULT)]


def bare(text):
    """Text as far as it is independent of lines, quotation marks, and how a sentence begins."""
    return re.sub(r"[\s`‘’']", "", text).lower()


def entries(page):
    """What the page explains: {(heading, term): text}."""
    text = re.sub(".\b", "", run("mandoc", "-T", "utf8", "-O", "width=200,indent=5", page))
    found, heading, term = {}, "", None
    for line in text.splitlines():
        if re.match(r" {0,3}\S", line):
            heading, term = line.strip(), None
        elif match := re.match(r" {5}(\S.*?)(?:  +(.*))?$", line):
            term = heading, match[1]
            found[term] = match[2] or ""
        elif term:
            found[term] += " " + line
    return found


def help_rows(program):
    """(term, meaning) of --help's commands and options."""
    term = None
    for line in run(program, "--help").splitlines():
        if match := re.match(r"  (\S.*?)(?:  +(\S.*))?$", line):
            if term:
                yield term, meaning
            term, meaning = match[1], match[2] or ""
        elif term and line.startswith("    "):
            meaning += " " + line
        elif term:
            yield term, meaning
            term = None


def reference_rows(program):
    """(section, key, other cells) of the reference."""
    section = ""
    for line in run(program, "reference").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| `"):
            key, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield section, key.strip("`"), cells


def faults(program, commands_page, keys_page, *other_pages):
    for page in (commands_page, keys_page, *other_pages):
        yield from lint(page)
    explained, n = entries(commands_page), 0
    for n, (term, meaning) in enumerate(help_rows(program), 1):
        text = explained.get(("DESCRIPTION", term))
        if text is None or bare(meaning) not in bare(text):
            yield f"{commands_page}: {term}: expected \"{meaning}\", got {text!r}"
    explained, keys = entries(keys_page), 0
    for keys, (section, key, cells) in enumerate(reference_rows(program), 1):
        text = explained.get((section, key))
        missing = [cell for cell in cells if text is None or bare(cell) not in bare(text)]
        if missing:
            yield f"{keys_page}: {section}, {key}: {missing} not in {text!r}"
    if n < 11 or keys < 70:
        yield f"only {n} commands and options and {keys} keys were found"


def main():
    if not shutil.which("mandoc"):
        print("mandoc is not installed")
        sys.exit(77)
    found = list(faults(*sys.argv[1:]))
    print("\n".join(found) or "no faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
