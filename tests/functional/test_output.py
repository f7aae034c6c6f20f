# SPDX-License-Identifier: BSD-3-Clause
"""Output that nobody reads holds nothing up, and what is read is whole."""
import fcntl
import os
import pty
import signal
import termios
import time

from harness import HOST1, assert_equal, config, icmp, wait_until
from metrics import Metrics
from test_reload import assert_lossless

TARGETS = {f"target{n}": icmp(HOST1, 1) for n in range(100)}


def rounds_go_on(prober):
    """Four more of them."""
    rounds = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") > 3,
                             "rounds").one("echolane_rounds_completed_total")
    page = prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= rounds + 4, "four rounds more")
    assert_lossless(page)


def ends_soon(prober):
    began = time.monotonic()
    prober.stop()
    assert time.monotonic() - began < 3, "the end waited for the reader"


def small_pipe():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    return reading, writing


def read_all(fd):
    """All that is in a pipe whose writers are gone."""
    text = b""
    while chunk := os.read(fd, 65536):
        text += chunk
    os.close(fd)
    return text.decode()


def test_table_into_a_pipe(lab):
    reading, writing = small_pipe()
    prober = lab.start(config(TARGETS), "--table=plain", stdout=writing)
    os.close(writing)
    rounds_go_on(prober)
    ends_soon(prober)
    os.close(reading)


def test_table_on_a_full_disk(lab):
    """The log says so, once, and at the end the exit status does: rounds go on."""
    with open("/dev/full", "wb") as full:
        prober = lab.start(config(TARGETS), "--table=plain", stdout=full)
    rounds_go_on(prober)
    prober.process.send_signal(signal.SIGTERM)
    assert_equal(prober.wait(), 74, "exit status")
    assert_equal(prober.logged("a table could not be written: No space left on device", "WARNING"), 1, "warnings")


def test_tables_are_whole(lab):
    """The reader wakes up late: it gets the first tables and the last, each whole, and the metrics."""
    reading, writing = small_pipe()
    prober = lab.start(config(TARGETS), "--table=plain", "--print-metrics", "--rounds", "12",
                       stdout=writing)
    os.close(writing)
    rounds_go_on(prober)
    text = read_all(reading)
    prober.ends_well()
    tables, page = text[:text.index("# HELP")], text[text.index("# HELP"):]
    assert_equal(Metrics(page).check().one("echolane_rounds_completed_total"), 12, "rounds on the page")
    tables = tables.split("echolane  round ")[1:]
    numbers = [int(table.split()[0]) for table in tables]
    assert 2 <= len(tables) < 12, f"tables of rounds {numbers}"
    assert_equal(numbers[-1], 12, "the last table's round")
    for table in tables:
        rows = [line.split()[0] for line in table.splitlines() if line.startswith("target") and " g " in line]
        assert_equal(rows, list(TARGETS), "rows of a table")


def test_table_on_a_stopped_terminal(lab):
    """As after Ctrl-S: what is on its way waits, everything else goes on; then it refreshes again."""
    terminal, writing = pty.openpty()
    prober = lab.start(config(TARGETS), "--table", stdout=writing)
    wait_until(lambda: b"echolane  round" in os.read(terminal, 65536), 15, "a table")
    termios.tcflow(writing, termios.TCOOFF)
    rounds_go_on(prober)
    termios.tcflow(writing, termios.TCOON)
    wait_until(lambda: b"echolane  round" in os.read(terminal, 65536), 15, "a table")
    termios.tcflow(writing, termios.TCOOFF)
    os.close(writing)
    rounds_go_on(prober)
    ends_soon(prober)
    os.close(terminal)


def test_log_into_a_pipe(lab):
    """Reloads say more than fits; what is missing is said when there is room again."""
    reading, writing = small_pipe()
    prober = lab.start(config(TARGETS, interval=0, logging_level="DEBUG"), stderr=writing)
    os.close(writing)
    prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") > 0, "a round")
    began = time.monotonic()
    for _ in range(60):
        prober.process.send_signal(signal.SIGHUP)
        rounds = prober.metrics().one("echolane_rounds_completed_total")
        prober.wait_for(lambda m, n=rounds: m.one("echolane_rounds_completed_total") > n, "a round")
        if time.monotonic() - began > 15:
            break
    rounds_go_on(prober)
    first = os.read(reading, 65536).decode()
    assert first.startswith("time="), first[:80]
    assert first.endswith('"\n'), first[-80:]
    prober.stop()
    text = read_all(reading)
    assert "messages are missing here" in text, text
    assert "stopping" in text, text
