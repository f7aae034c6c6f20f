# SPDX-License-Identifier: BSD-3-Clause
"""A terminal for a program that draws a screen: its other end, as much of it as such a program needs."""
import fcntl
import os
import pty
import re
import select
import struct
import termios

SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")


class Terminal:
    """What is shown on it, and what was written to it piece by piece."""

    def __init__(self, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.is_alternate, self.shows_cursor = False, True
        self.writes, self.written, self.clears = [], "", 0
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        """The kernel tells the programs of its session; whoever is in another is to be told by a signal."""
        self.rows, self.columns = rows, columns
        self.lines = [" " * columns] * rows
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def is_as_before(self):
        """Whether its settings are those that it had at first, and its usual screen is shown."""
        return termios.tcgetattr(self.slave) == self.before and not self.is_alternate and self.shows_cursor

    def press(self, keys):
        os.write(self.master, keys.encode())

    def read(self, timeout_s=0.05):
        """Takes what there is to be shown."""
        while select.select([self.master], [], [], timeout_s)[0]:
            piece = os.read(self.master, 1 << 16).decode()
            self.writes.append(piece)
            self.show(piece)

    def show(self, piece):
        text, self.written = self.written + piece, ""
        row, column, at = 0, 0, 0
        while at < len(text):
            if text[at] != "\x1b":
                assert column < self.columns, f"column {column} is past {self.columns}: {text[at:at + 40]!r}"
                line = self.lines[row]
                self.lines[row] = line[:column] + text[at] + line[column + 1:]
                column, at = column + 1, at + 1
                continue
            match = SEQUENCE.match(text, at)
            if not match:
                self.written = text[at:]
                return
            arguments, letter = match.groups()
            if letter == "H":
                row, column = [int(n) - 1 for n in arguments.split(";")] if arguments else (0, 0)
                assert row < self.rows, f"row {row} of {self.rows}"
            elif letter == "J":
                self.clears += 1
                self.lines = [" " * self.columns] * self.rows
            elif arguments == "?1049":
                self.is_alternate = letter == "h"
                self.lines = [" " * self.columns] * self.rows
            elif arguments == "?25":
                self.shows_cursor = letter == "h"
            else:
                assert letter == "m" or arguments == "?7", f"an unknown sequence: {match[0]!r}"
            at = match.end()

    def has(self, text):
        """Whether a text is shown now."""
        self.read()
        return any(text in line for line in self.lines)
