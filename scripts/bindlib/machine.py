# SPDX-License-Identifier: BSD-3-Clause
"""The machine as scripts/bind reads and changes it."""
import json
import os
import pathlib
import shutil
import subprocess


class Refused(Exception):
    """What is asked for would do harm, or can't be."""


class Machine:
    """All that is read, written and run. Tests put a kernel of their own in its place."""

    def __init__(self, root="", dry_run=False):
        self.root, self.dry_run = root.rstrip("/"), dry_run

    def path(self, name):
        return pathlib.Path(self.root + name)

    def read(self, name, otherwise=""):
        try:
            return self.path(name).read_text(errors="replace").strip()
        except OSError:
            return otherwise

    def recall(self, name, is_sound):
        """What was remembered in a file, in JSON; None where nothing is. is_sound: whether it can have been that."""
        text = self.read(name)
        try:
            value = json.loads(text) if text else None
            if value is None or is_sound(value):
                return value
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise Refused(f"{name}: what is remembered can't be read")

    def target(self, name):
        """The last word of what a symbolic link leads to, "" where there is none."""
        try:
            return os.path.basename(os.readlink(self.path(name)))
        except OSError:
            return ""

    def list(self, name):
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def say(self, text):
        try:
            print(text, flush=True)
        except OSError:  # nobody reads it any more, and what is under way is brought to its end
            pass

    def write(self, name, text):
        """An attribute of the kernel."""
        if self.dry_run:
            self.say(f"would write {text!r} to {name}")
            return
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text + "\n")

    def save(self, name, text, mode=0o644):
        """A file, whole or not at all."""
        if self.dry_run:
            self.say(f"would make {name}: {text.strip()}")
            return
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        with open(new, "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), mode)
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        os.replace(new, path)

    def remove(self, name):
        if self.dry_run:
            self.say(f"would remove {name}")
        else:
            self.path(name).unlink(missing_ok=True)

    def has(self, tool):
        return shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None

    def ask(self, *argv):
        """The standard output of a program that changes nothing; None where it can't be had."""
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    def do(self, *argv):
        """Runs a program that changes something; whether it could, and what it says."""
        if self.dry_run:
            self.say(f"would run {' '.join(argv)}")
            return True, ""
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return False, str(error)
        return done.returncode == 0, (done.stderr or done.stdout).strip()
