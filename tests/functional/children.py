# SPDX-License-Identifier: BSD-3-Clause
"""The programs that a test runs beside itself, and waiting, which ends at once where one of them has died."""
import signal
import subprocess
import time

LAST_WORDS_MAX = 2000  # characters shown of a log
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Child(subprocess.Popen):
    """A program that goes on until the test ends it, or waits for its end."""

    def __init__(self, command, name, ends=False, **options):
        """ends: it ends by itself when it is done, with status 0."""
        self.name, self.ends, self.asked = name, ends, False
        self.logs = [stream.name for stream in (options.get("stderr"), options.get("stdout"))
                     if isinstance(getattr(stream, "name", None), str)]
        super().__init__(command, **{"stdin": subprocess.DEVNULL, **options})

    def send_signal(self, sig):
        self.asked |= sig in STOPS
        super().send_signal(sig)

    def wait(self, timeout=None):
        """Whoever waits for the end looks at the status."""
        status = super().wait(timeout)
        self.asked = True
        return status

    def last_words(self):
        for path in self.logs:
            try:
                with open(path, errors="replace") as log:
                    text = log.read().strip()
            except OSError:
                continue
            if text:
                return text[-LAST_WORDS_MAX:]
        return "nothing in its log"

    def how_it_ended(self):
        status = self.returncode
        how = f"status {status}" if status >= 0 else f"signal {-status} ({signal.Signals(-status).name})"
        return f"{self.name} ended with {how}: {self.last_words()}"

    def has_died(self):
        return self.poll() is not None and not self.asked and not (self.ends and self.returncode == 0)

    def assert_runs(self):
        assert self.poll() is None, self.how_it_ended()

    def assert_success(self, timeout_s):
        """Waits for its end with status 0."""
        try:
            self.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout_s} s") from None
        assert self.returncode == 0, self.how_it_ended()


children = []  # of the test that is being run


def assert_none_died():
    for child in children:
        assert not child.has_died(), child.how_it_ended()


def wait_until(condition, timeout_s, what):
    """Calls condition until it returns something true, and returns that; fails when the time is over, or a
    program that it may be about has died."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert_none_died()
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for {what}"
        time.sleep(0.02)
