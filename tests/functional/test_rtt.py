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


