# SPDX-License-Identifier: BSD-3-Clause
"""The page of a configuration, compared with the one that was recorded of netprobify."""
import re

from harness import PORT, TOP, assert_equal, assert_loss, lab_options
from metrics import Metrics

DATA = TOP / "tests/data/netprobify"
ROUNDS = 3  # as many as were recorded
HOSTS = "2001:db8:1::10 host1.example.net\n198.51.100.10 host1.example.net\n"

# All that may differ. Families that only one of the two has:
OURS = re.compile(r"(echolane|stamp)_")  # what netprobify can't tell
THEIRS = re.compile(r"\w+_created")  # times at which the client library made its objects; no measurements
# Labels whose values differ: the programs' versions, and scapy has no part in ours.
VERSIONS = {"netprobify_info": {"version", "scapy_version"}}
# Counters that netprobify only shows from the first event on: at 0, increase() sees that one too.
COUNTED_FROM_ZERO = {"app_process_timed_out_total", "app_host_resolution_change_total"}

# What is measured, and differs from run to run; all other values are the same.
MEASURED = re.compile(r"\w+_(round_trip_seconds|iteration_time_seconds)")


def read_page(text, foreign):
    """{family: type} and {(metric, labels): value} of a page without the families that are foreign."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    samples = {}
    for metric, labels, value in Metrics(text).samples:
        labels = {name: "" if name in VERSIONS.get(metric, ()) else have for name, have in labels.items()}
        key = (metric, tuple(sorted(labels.items())))
        assert key not in samples, f"twice on one page: {key}"
        samples[key] = value
    return ({name: kind for name, kind in types.items() if not foreign.match(name)},
            {key: value for key, value in samples.items() if not foreign.match(key[0])})


def not_measured(samples):
    """The values that must be equal. A round-trip time is one of them where nothing has answered: it is 0."""
    silent = {labels for (metric, labels), value in samples.items()
              if metric.endswith("_loss_ratio") and value == 1}
    return {(metric, labels): value for (metric, labels), value in samples.items()
            if not MEASURED.fullmatch(metric)
            or tuple(label for label in labels if label[0] != "percentile") in silent}


@lab_options(ipv6=True)
def test_page(lab):
    """The same families and types, the same series, and of what is not measured the same values."""
    lab.etc("prober", "hosts", HOSTS)
    lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
    prober = lab.start((DATA / "config.yaml").read_text(), "--rounds", str(ROUNDS), "--print-metrics",
                       port=f"{PORT},address=2001:db8::10/64,gateway=2001:db8::1")
    prober.ends_well()
    Metrics(prober.stdout).check()
    types, samples = read_page(prober.stdout, OURS)
    recorded_types, recorded = read_page((DATA / "metrics.txt").read_text(), THEIRS)
    assert_equal(types, recorded_types, "families and their types")
    assert_equal(sorted(recorded.keys() - samples.keys()), [], "series that are missing")
    assert_equal([key for key in sorted(samples.keys() - recorded.keys())
                  if key[0] not in COUNTED_FROM_ZERO or samples[key] != 0], [], "series that netprobify has not")
    values, expected = not_measured(samples), not_measured(recorded)
    assert_equal({key: values.get(key) for key in expected if values.get(key) != expected[key]},
                 {}, "other values than were recorded")
    assert_equal({labels: value for (metric, labels), value in samples.items()
                  if MEASURED.fullmatch(metric) and (metric, labels) not in expected and value <= 0},
                 {}, "measured values that are 0")


def test_repeated_target(lab):
    """A target's name that is used twice is counted; the last one is taken."""
    text = (DATA / "config.yaml").read_text() + \
        "  ping:\n    type: ICMPping\n    destination: 198.51.100.10\n    nb_packets: 3\n"
    text = re.sub(r"  \w+6:\n(    .*\n)+|  tcp_(closed|named):\n(    .*\n)+", "", text)
    prober = lab.start(text, "--rounds", "1", "--print-metrics")
    prober.ends_well()
    page = Metrics(prober.stdout).check()
    assert_equal(page.all("app_target_name_dup_total"), [({"target_name": "ping"}, 1)], "repeated names")
    assert_loss(page, "ping", 3, group="standard")
