# SPDX-License-Identifier: BSD-3-Clause
"""Kernels ping the prober, which has no responder, at the addresses of its port."""
import re
import time

from harness import GATEWAY, HOST1, PORT, PROBER, assert_equal, config, icmp, lab_options, wait_until

ANSWERS, REFUSED = "echolane_responder_answers_total", "echolane_responder_refused_total"
PROBER6 = "2001:db8::10"
PORT6 = f"{PORT},address={PROBER6}/64,gateway=2001:db8::1"
GROUPS = {"g": {}, "own": {"src_ipv4": "192.0.2.77"}}
TARGETS = {"peer": icmp(HOST1, 1)}


def ping(lab, role, address, count, *options):
    """How many came back, and whether any did twice."""
    said = lab.run(role, ["ping", "-n", "-c", str(count), "-W", "1", *options, address], check=False).stdout
    return int(re.search(r"(\d+) received", said).group(1)), "DUP!" in said


def start(lab, conf=None, port=PORT):
    prober = lab.start(conf or config(TARGETS, GROUPS), port=port)
    prober.wait_for(lambda page: page.all("icmp_sent_total", destination="peer", group="g"), "the first round")
    return prober


@lab_options(ipv6=True)
def test_both_families(lab):
    """From the link and from behind the router, short and long; but not at a group's address, or all hosts'."""
    prober = start(lab, port=PORT6)
    asked = 0
    for role, addresses in (("router", (PROBER, PROBER6)), ("host1", (PROBER, PROBER6))):
        for address in addresses:
            for size in ("0", "56", "1400"):
                assert_equal(ping(lab, role, address, 5, "-i", "0.05", "-s", size), (5, False), f"{address} from {role}")
                asked += 5
    assert_equal(ping(lab, "router", "192.0.2.77", 2), (0, False), "a group's address")
    assert_equal(ping(lab, "router", "192.0.2.255", 2, "-b"), (0, False), "the broadcast address")
    ping(lab, "router", "ff02::1%p0", 2)  # which the router itself answers
    page = prober.metrics()
    assert_equal(page.one(ANSWERS, type="ping"), asked, "answers")
    assert_equal(page.one(ANSWERS, type="icmp"), 0, "the responder's")
    prober.stop()


def test_rate(lab):
    """A hundred a second of a source, after a hundred at once; another source has its own."""
    prober = start(lab)
    begin = time.monotonic()
    answered, _ = ping(lab, "host1", PROBER, 600, "-f", "-q")
    took = time.monotonic() - begin
    assert 100 <= answered <= 105 + 100 * took, f"{answered} answers in {took:.2f} s"
    assert_equal(ping(lab, "router", PROBER, 3, "-i", "0.05"), (3, False), "another source")
    page = prober.metrics()
    assert_equal(page.one(REFUSED, reason="limited"), 600 - answered, "refused")
    assert_equal(page.one(ANSWERS, type="ping"), answered + 3, "answers")
    prober.stop()


def test_off(lab):
    prober = start(lab, port=f"{PORT},ping=false")
    assert_equal(ping(lab, "router", PROBER, 3, "-i", "0.1"), (0, False), "answers")
    assert_equal(prober.metrics().one(ANSWERS, type="ping"), 0, "answers")
    prober.stop()


def test_kernel_answers_once(lab):
    """Where a kernel has the address it answers, whether the port has it from there or from the configuration."""
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.ip("prober", "route", "add", "default", "via", GATEWAY)
    for port in ("af_packet:probe0", PORT):
        prober = start(lab, config(TARGETS), port)
        assert_equal(ping(lab, "router", PROBER, 10, "-i", "0.05"), (10, False), f"answers at {port}")
        assert_equal(prober.metrics().one(ANSWERS, type="ping"), 0, "echolane's")
        prober.stop()


def test_tap(lab):
    """A tap on a bridge of the kernel, on whose other ports others are."""
    prober = lab.start(config({"peer": icmp(GATEWAY, 1)}), port=f"tap:probe9,address={PROBER}/24")
    wait_until(lambda: "probe9" in lab.ip("prober", "link"), 10, "the tap")
    lab.ip("prober", "link", "add", "br0", "type", "bridge")
    for interface in ("probe0", "probe9"):
        lab.ip("prober", "link", "set", interface, "master", "br0")
    for interface in ("probe9", "br0"):
        lab.ip("prober", "link", "set", interface, "up")
    wait_until(lambda: ping(lab, "router", PROBER, 1)[0], 20, "an answer")
    assert_equal(ping(lab, "router", PROBER, 5, "-i", "0.05", "-s", "1400"), (5, False), "answers")
    prober.stop()
