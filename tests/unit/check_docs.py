#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The files that the pages for developers ($2...) name are there, below the tree's top ($1), and lib/README.md
shows all of lib's folders."""
import pathlib
import re
import sys

NAME = re.compile(r"`([\w.*/-]+)`")
FILE = re.compile(r".*/.*|.*\.(c|h|py|yaml|md|txt|supp)$")
PLACEHOLDER = re.compile(r"(?<![A-Z])(CASE|DRIVER|FILE|KEY|N|NAME|ROLE|WAY)(?![A-Z])|^build|^/")
FOLDERS = ("app", "drivers-cfg", "lib", "scripts", "tests")


def is_there(top, page, name):
    """A name is relative to the page, the top, lib/ or tests/; one without a folder may be in any."""
    if "/" not in name:
        return any(any((top / folder).glob(f"**/{name}")) for folder in FOLDERS)
    return any(any(place.glob(name)) for place in (page.parent, top, top / "lib", top / "tests"))


def faults_of(top, page):
    text = page.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        for name in NAME.findall(line):
            name = name.rstrip("/")
            if FILE.fullmatch(name) and not PLACEHOLDER.search(name) and not is_there(top, page, name):
                yield f"{page}:{number}: there is no {name}"
    if page == top / "lib/README.md":
        picture = text[text.index("## Folders"):text.index("## Where to add")]
        for folder in sorted(path.name for path in (top / "lib").iterdir() if path.is_dir()):
            if not re.search(rf"\b{folder}\b", picture):
                yield f"{page}: no folder {folder}"


def main():
    top = pathlib.Path(sys.argv[1])
    faults = [fault for page in sys.argv[2:] for fault in faults_of(top, pathlib.Path(page))]
    print("\n".join(faults) or "no faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
