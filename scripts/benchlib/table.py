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
            return ratio >= self.least
        if self.above is not None:
            return ratio > self.above
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


def summarise(row, runs):
    """`runs`: what the measures returned, a dict by line each."""
    medians, summary = {}, []
    for line in row.lines:
        results = [run[line.what] for run in runs if line.what in run]
        medians[line.what] = (statistics.median(r["value"] for r in results), results)
    besides = [medians[line.what][0] for line in row.lines if line.beside]
    for line in row.lines:
        median, results = medians[line.what]
        values = [r["value"] for r in results]
        ratio = median / max(besides) if besides and max(besides) > 0 else None
        scaled = median * UNITS[row.unit]
        faults = [fault for r in results for fault in r.get("faults", [])]
        met = line.is_met(scaled, ratio) if line.bar() else None
        summary.append({
            "row": row.name, "what": line.what, "unit": row.unit, "median": median, "min": min(values),
            "max": max(values), "ratio": ratio, "beside": line.beside, "bar": line.bar(), "note": line.note,
            "sent": sum(r.get("sent", 0) for r in results),
            "lost": sum(r["lost"] for r in results) if "lost" in results[0] else None,
            "faults": faults, "verdict": "FAIL" if faults or met is False else "PASS" if met else "",
            "runs": results})
    return summary


def number(value, unit):
    scaled = value * UNITS[unit]
    return f"{scaled:9.3f}" if unit != "cycles" else f"{scaled:9.1f}"


def print_summary(summary, skipped, bars_count):
    """All lines, rows apart; what is wrong with them below."""
    print(f"{'':50} {'unit':6} {'median':>9} {'min':>9} {'max':>9} {'ratio':>6} {'lost':>5}  bar")
    row = None
    for s in summary:
        if s["row"] != row:
            print(s["row"])
            row = s["row"]
        values = " ".join(number(s[key], s["unit"]) for key in ("median", "min", "max"))
        ratio = f"{s['ratio']:6.2f}" if s["ratio"] is not None else f"{'':6}"
        lost = "" if s["lost"] is None else str(s["lost"])
        verdict = s["verdict"] if bars_count or s["faults"] else ""
        print(f"  {s['what']:48} {s['unit']:6} {values} {ratio} {lost:>5}  {s['bar']:8} {verdict}".rstrip())
    for name, why in skipped:
        print(f"{name}\n  skipped: {why}")
    notes = dict.fromkeys(f"{s['row']}: {s['note']}" for s in summary if s["note"])
    for note in notes:
        print(f"note: {note}")
    for s in summary:
        for fault in dict.fromkeys(s["faults"]):
            print(f"failed: {s['row']}, {s['what']}: {fault}")
