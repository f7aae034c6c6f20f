# SPDX-License-Identifier: BSD-3-Clause
"""Lines of the table: medians, ratios, bars."""
import dataclasses
import statistics

UNITS = {"M/s": 1e-6, "cycles": 1, "us": 1e6}


@dataclasses.dataclass
class Line:
    """One line of the table. `beside`: it is what others of its row are compared with, its best one. Bars:
    `least` of the ratio to that, `above` it, or `most` of the value itself. Without one it is information."""
    what: str
    beside: bool = False
    least: float = None
    above: float = None
    most: float = None
    note: str = ""

    def bar(self):
        if self.least is not None:
            return f">= {self.least}"
        if self.above is not None:
            return f"> {self.above}"
        return f"<= {self.most}" if self.most is not None else ""

    def is_met(self, value, ratio):
        if self.least is not None:
            return ratio is not None and ratio >= self.least
        if self.above is not None:
            return ratio is not None and ratio > self.above
        return value <= self.most


@dataclasses.dataclass
class Row:
    """A row of the table: its lines, and functions that each measure some of them once."""
    name: str
    unit: str
    lines: list
    measures: list
    needs: tuple = ()  # programs
    # a context manager around all of its runs
    around: object = None
    # says why it can't be measured on this machine, else None
    skip: object = None
    # each program runs at one of two speeds, the one twice the other, for seconds at a time
    two_speeds: bool = False


@dataclasses.dataclass
class Run:
    """What a measure returned, by line, in the `number`-th run of its row; `against`: of the earlier revision."""
    number: int
    lines: dict
    against: bool = False


def ratio_of_neighbours(values, others, two_speeds):
    """The median of the ratios of runs that were made one after the other, `values` and `others` being the runs'
    by number, and how many those are. Where there are two speeds only of those at the same, which shows in the
    line's own highest value."""
    def fast(value, all_of_them):
        return not two_speeds or value > max(all_of_them.values()) / 2 ** 0.5
    ratios = [values[n] / others[n] for n in values.keys() & others.keys()
              if others[n] > 0 and fast(values[n], values) == fast(others[n], others)]
    return (statistics.median(ratios), len(ratios)) if ratios else (None, 0)


def by_number(runs, what, against):
    return {run.number: run.lines[what]["value"] for run in runs if run.against == against and what in run.lines}


def beside_ratio(row, runs, line, medians):
    """The ratio to the best of the lines that others are compared with."""
    best = max((other.what for other in row.lines if other.beside), key=medians.get, default=None)
    if best is None or medians[best] <= 0:
        return None
    if not row.two_speeds:
        return medians[line.what] / medians[best]
    return ratio_of_neighbours(by_number(runs, line.what, False), by_number(runs, best, False), True)[0]


def compare(row, runs, line):
    """The line beside the same of the earlier revision; None: it was not measured of that."""
    others = by_number(runs, line.what, True)
    if not others:
        return None
    ratio, pairs = ratio_of_neighbours(by_number(runs, line.what, False), others, row.two_speeds)
    return {"median": statistics.median(others.values()), "ratio": ratio, "pairs": pairs,
            "runs": [run.lines[line.what] for run in runs if run.against and line.what in run.lines]}


def summarise(row, runs):
    results = {line.what: [run.lines[line.what] for run in runs if not run.against and line.what in run.lines]
               for line in row.lines}
    medians = {what: statistics.median(r["value"] for r in rs) for what, rs in results.items()}
    summary = []
    for line in row.lines:
        mine, median = results[line.what], medians[line.what]
        values = [r["value"] for r in mine]
        ratio = beside_ratio(row, runs, line, medians)
        scaled = median * UNITS[row.unit]
        faults = [fault for r in mine for fault in r.get("faults", [])]
        met = line.is_met(scaled, ratio) if line.bar() else None
        summary.append({
            "row": row.name, "what": line.what, "unit": row.unit, "median": median, "min": min(values),
            "max": max(values), "ratio": ratio, "beside": line.beside, "bar": line.bar(), "note": line.note,
            "sent": sum(r.get("sent", 0) for r in mine),
            "lost": sum(r["lost"] for r in mine) if "lost" in mine[0] else None,
            "against": compare(row, runs, line),
            "faults": faults, "verdict": "FAIL" if faults or met is False else "PASS" if met else "",
            "runs": mine})
    return summary


def number(value, unit):
    scaled = value * UNITS[unit]
    return f"{scaled:9.3f}" if unit != "cycles" else f"{scaled:9.1f}"


def ratio_text(ratio):
    return f"{ratio:6.2f}" if ratio is not None else f"{'':6}"


def print_summary(summary, skipped, bars_count, against=None):
    """All lines, rows apart; what is wrong with them below. against: the earlier revision, if there is one."""
    before = f" {'before':>9} {'of it':>6}" if against else ""
    print(f"{'':50} {'unit':6} {'median':>9} {'min':>9} {'max':>9} {'ratio':>6} {'lost':>5}{before}  bar")
    row = None
    for s in summary:
        if s["row"] != row:
            print(s["row"])
            row = s["row"]
        values = " ".join(number(s[key], s["unit"]) for key in ("median", "min", "max"))
        lost = "" if s["lost"] is None else str(s["lost"])
        verdict = s["verdict"] if bars_count or s["faults"] else ""
        if against:
            old = s["against"]
            before = f" {number(old['median'], s['unit'])} {ratio_text(old['ratio'])}" if old else f"{'':17}"
        print(f"  {s['what']:48} {s['unit']:6} {values} {ratio_text(s['ratio'])} {lost:>5}{before}  "
              f"{s['bar']:8} {verdict}".rstrip())
    if against:
        print(f"note: before: {against}; the ratios to it are medians of those of runs made one after the other")
    for name, why in skipped:
        print(f"{name}\n  skipped: {why}")
    notes = dict.fromkeys(f"{s['row']}: {s['note']}" for s in summary if s["note"])
    for note in notes:
        print(f"note: {note}")
    for s in summary:
        for fault in dict.fromkeys(s["faults"]):
            print(f"failed: {s['row']}, {s['what']}: {fault}")
