# SPDX-License-Identifier: BSD-3-Clause
"""The rate as configured and as sent: the same but for what the machine took away, which is told too."""
from harness import HOST1, alone, config, icmp


def check(lab, packets, interval):
    metrics = lab.rounds(config({"icmp": icmp(HOST1, packets)}, interval=interval))
    window_s = 0.98 * interval  # the rest is for what a stall has put off
    requested = metrics.one("echolane_requested_probes_per_second")
    achieved = metrics.one("echolane_achieved_probes_per_second")
    away_s = (metrics.one("echolane_round_skipped_seconds") + metrics.one("echolane_round_poll_gap_seconds"))
    sent, _ = metrics.probes("icmp")
    assert abs(requested * window_s / packets - 1) < 1e-6, f"{requested} a second requested"
    assert sent + metrics.one("echolane_round_unsent_probes") == packets, f"{sent} sent"
    assert sent / (window_s + away_s) <= achieved * 1.001 and achieved <= requested * 1.001, \
        f"{achieved} of {requested} a second, away for {away_s} s"


def test_a_probe_a_second(lab):
    check(lab, 2, 2)


def test_ten_a_second(lab):
    check(lab, 10, 1)


def test_a_thousand_a_second(lab):
    check(lab, 1000, 1)


@alone
def test_twenty_thousand_a_second(lab):
    check(lab, 20000, 1)
