# SPDX-License-Identifier: BSD-3-Clause
"""Prometheus and a store behind it with the pages of many appliances. `scripts/bench-scale --mesh` has 200 of them."""
import shutil
import sys

from harness import TOP, Skip, assert_equal, time_limit, wait_until

sys.path.insert(0, str(TOP / "scripts"))
from benchlib.mesh import Mock  # noqa: E402

N = 40
INTERVAL_S = 2


@time_limit(120)
def test_remote_write(lab):
    """The store has each cell of the matrix as the pages have it, and, when these change, as they are now."""
    if not shutil.which("victoria-metrics"):
        raise Skip("victoria-metrics is not installed")
    lab.ip("prober", "link", "set", "lo", "up")

    def spawn(command, name):
        with open(lab.directory / f"{name}.log", "wb") as log:
            lab.popen("prober", command, name=name, stdout=log, stderr=log)

    def get(url):
        done = lab.run("prober", ["curl", "-s", "-m", "10", url], check=False)
        return done.stdout if done.returncode == 0 else None
    mock = Mock(spawn, get, lab.directory, N, INTERVAL_S)
    for generation in range(2):
        mock.set_generation(generation)
        wait_until(lambda: mock.wrong_cells() == 0, 40, f"all {N * (N - 1)} cells")
        wait_until(lambda: mock.wrong_sites() == 0, 10, "all sites")
    assert_equal(mock.number("count(mesh:loss:ratio)"), N * (N - 1), "cells")
    figures = mock.figures()
    assert_equal(figures["appliances that are up"], N, "appliances that are up")
    assert_equal(figures["samples not written remotely"], 0, "samples not written remotely")
