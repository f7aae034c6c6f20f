# SPDX-License-Identifier: BSD-3-Clause
"""Prometheus' text format, and what must hold for every page of ours."""
import re

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
FAMILIES = {"TCPsyn": "tcpsyn", "ICMPping": "icmp", "UDPunreachable": "udp_unreachable", "STAMP": "stamp"}


class Metrics:
    """The samples of one page."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            name, labels, value = match.groups()
            self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def all(self, metric, **labels):
        """[(labels, value)] of the samples that have these labels."""
        return [(have, value) for name, have, value in self.samples
                if name == metric and all(have.get(k) == v for k, v in labels.items())]

    def sum(self, metric, **labels):
        return sum(value for _, value in self.all(metric, **labels))

    def one(self, metric, **labels):
        found = self.all(metric, **labels)
        assert len(found) == 1, f"{metric}{labels}: {len(found)} samples where one was expected"
        return found[0][1]

    def probes(self, target, group="g"):
        """(sent, lost) since the start."""
        for family in FAMILIES.values():
            sent = self.all(f"{family}_sent_total", destination=target, group=group)
            if sent:
                return sent[0][1], self.one(f"{family}_loss_total", destination=target, group=group)
        raise AssertionError(f"no results of target {target} in group {group}")

    def ratio(self, target, group="g"):
        """The last round's loss ratio."""
        for family in FAMILIES.values():
            found = self.all(f"{family}_loss_ratio", destination=target, group=group)
            if found:
                return found[0][1]
        raise AssertionError(f"no loss ratio of target {target} in group {group}")

    def rtt(self, target, percentile, group="g"):
        for family in FAMILIES.values():
            found = self.all(f"{family}_round_trip_seconds", destination=target, group=group,
                             percentile=str(percentile))
            if found:
                return found[0][1]
        raise AssertionError(f"no round-trip time of target {target} in group {group}")

    def check(self):
        """What holds on every page: sent = answered + lost as far as a page shows it, percentiles in order, our own
        metrics tell which probe they are of."""
        seen = set()
        for name, labels, _ in self.samples:
            assert "probe_name" in labels or not name.startswith("echolane_") or name == "echolane_build_info", \
                f"{name}{labels} without probe_name"
            key = (name, tuple(sorted(labels.items())))
            assert key not in seen, f"twice on one page: {key}"
            seen.add(key)
        for family in FAMILIES.values():
            for labels, sent in self.all(f"{family}_sent_total"):
                series = {k: labels[k] for k in ("destination", "group")}
                lost = self.one(f"{family}_loss_total", **series)
                ratio = self.one(f"{family}_loss_ratio", **series)
                assert 0 <= lost <= sent, f"{series}: {lost} of {sent} lost"
                assert 0 <= ratio <= 1, f"{series}: loss ratio {ratio}"
                assert (lost > 0) or ratio == 0, f"{series}: loss ratio {ratio}, but none lost"
                rtts = sorted((int(have["percentile"]), value) for have, value
                              in self.all(f"{family}_round_trip_seconds", **series))
                if not rtts and self.sum("echolane_clock_steps_total"):
                    continue  # of a round in which the clock stepped
                assert rtts, f"{series}: no round-trip time"
                values = [value for _, value in rtts]
                assert values == sorted(values) and values[0] >= 0, f"{series}: percentiles {rtts}"
        return self
