# SPDX-License-Identifier: BSD-3-Clause
"""Round-trip times against those of ping."""
import re
import statistics

from harness import GATEWAY, HOST1, PROBER, alone, config, icmp

# The figures of both are tens of microseconds here; what is left is the kernel waking ping, the sanitizers'
# build and other work on the machine. A unit or clock error, or a stamp at the wrong place, is far outside.
TOLERANCE_S = 200e-6


@alone
def test_agrees_with_ping(lab):
    metrics = lab.rounds(config({"icmp": icmp(HOST1, 200, ip_payload_size=64)}))
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.ip("prober", "route", "add", "default", "via", GATEWAY)
    output = lab.run("prober", ["ping", "-c", "200", "-i", "0.005", "-s", "56", HOST1]).stdout
    times = [float(t) / 1e3 for t in re.findall(r"time=([0-9.]+) ms", output)]
    ping, own = statistics.median(times), metrics.rtt("icmp", 50)
    assert own > 0 and abs(own - ping) < TOLERANCE_S, f"median {own * 1e6:.0f} us, ping's {ping * 1e6:.0f} us"


def test_times_are_certain_or_not(lab):
    """Each answer is one or the other, by the configured limit; what is published of them fits together."""
    for below, ratio in ((1, 1), (0, 0), (0.0002, None)):
        dataplane = {"certain_below": below, "certain_percentiles": True}
        metrics = lab.rounds(config({"icmp": icmp(HOST1, 200)}, dataplane=dataplane))
        sent, lost = metrics.probes("icmp")
        uncertain = metrics.one("echolane_uncertain_answers_total", destination="icmp")
        assert 0 <= uncertain <= sent - lost, f"{uncertain} of {sent - lost} answers are uncertain"
        share = metrics.one("echolane_round_certain_ratio")
        assert 0 <= share <= 1 and ratio in (None, share), f"{share} of the answers are certain below {below} s"
        assert ratio is None or uncertain == (0 if ratio else sent - lost), f"{uncertain} of {sent - lost}"
        bounds = [metrics.one("echolane_round_stamp_bound_seconds", quantile=q) for q in ("0.5", "0.9", "0.99", "1")]
        assert bounds == sorted(bounds) and bounds[0] > 0, f"bounds {bounds}"
        certain = [rtt for _, rtt in metrics.all("echolane_round_trip_certain_seconds", percentile="50")]
        assert len(certain) == (share > 0), f"percentiles of {share} of the answers: {certain}"
        assert ratio != 1 or certain == [metrics.rtt("icmp", 50)], f"all are certain: {certain}"
