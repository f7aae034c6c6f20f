# SPDX-License-Identifier: BSD-3-Clause
"""The page of one of netprobify's configurations, compared with what netprobify prints for it."""
import re

from harness import PORT, TOP, assert_equal, assert_loss, lab_options
from metrics import LABEL, Metrics

DATA = TOP / "tests/data/netprobify"
LINE = re.compile(r"^(\w+)\{(.*?)\}(?: \S+)?$")


def read_page(text):
    """Of all but our own metrics: types by name, and the label sets, each as often as it is there."""
    types, series = {}, []
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["#", "TYPE"]:
            types[words[2]] = words[3]
        if not line or line.startswith("#") or line.startswith("echolane_"):
            continue
        name, labels = LINE.match(line).groups()
        labels = dict(LABEL.findall(labels))
        if name == "netprobify_info":
            labels["version"] = ""
        series.append((name, tuple(sorted(labels.items()))))
    return {name: kind for name, kind in types.items() if not name.startswith("echolane_")}, sorted(series)


def difference(have, expected):
    """What is on one side only."""
    return ([f"not expected: {s}" for s in have if s not in expected] +
            [f"missing: {s}" for s in expected if s not in have])


@lab_options(ipv6=True)
def test_page(lab):
    """The same names, types and label sets, over IPv4 and IPv6."""
    prober = lab.start((DATA / "config.yaml").read_text(), "--rounds", "2", "--print-metrics",
                       port=f"{PORT},address=2001:db8::10/64,gateway=2001:db8::1")
    assert_equal(prober.wait(), 0, f"exit status ({prober.stderr[-2000:]})")
    types, series = read_page(prober.stdout)
    expected_types, expected_series = read_page((DATA / "metrics.txt").read_text())
    assert_equal(difference(types.items(), expected_types.items()), [], "names and types")
    assert_equal(difference(series, expected_series), [], "label sets")
    assert_equal(series, expected_series, "label sets")
    page = Metrics(prober.stdout).check()
    for target, group in (("tcp_open", "standard"), ("tcp_open", "express"), ("tcp_closed", "standard"),
                          ("ping", "standard"), ("ping6", "express"), ("udp", "standard"), ("udp6", "standard")):
        assert_loss(page, target, 20, group=group)
    for type_, value in (("latency", 0.1), ("loss", 0.05)):
        assert_equal(page.one("threshold", destination="tcp_open", group="standard", type=type_), value, type_)
    assert_equal(page.one("app_host_resolution_status", destination="nowhere"), 0, "status of an unknown name")
    assert_equal(page.one("app_host_resolution_change_total", destination="nowhere"), 0, "its changes")
    assert_equal(page.one("app_host_resolution_change_total", destination="ping"), 1, "changes of an address")


def test_repeated_target(lab):
    """A target's name that is used twice is counted; the last one is taken."""
    text = (DATA / "config.yaml").read_text() + \
        "  ping:\n    type: ICMPping\n    destination: 198.51.100.10\n    nb_packets: 3\n"
    text = re.sub(r"  \w+6:\n(    .*\n)+|  tcp_closed:\n(    .*\n)+", "", text)
    prober = lab.start(text, "--rounds", "1", "--print-metrics")
    assert_equal(prober.wait(), 0, f"exit status ({prober.stderr[-2000:]})")
    page = Metrics(prober.stdout).check()
    assert_equal(page.all("app_target_name_dup_total"), [({"target_name": "ping"}, 1)], "repeated names")
    assert_loss(page, "ping", 3, group="standard")
