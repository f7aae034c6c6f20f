#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Serves the metrics of a page by Python's prometheus_client, for a comparison: same families, labels, values.

    prometheus_client_page.py PAGE PORT

The samples are ready when a scrape comes: what a program's own metrics would cost to collect is left out.
"""
import pathlib
import re
import sys
import threading

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric

LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(path):
    families, labels = [], {}
    with open(path, encoding="utf-8") as page:
        for line in page:
            if line.startswith("# HELP "):
                _, _, name, text = line.rstrip("\n").split(" ", 3)
            elif line.startswith("# TYPE "):
                kind = line.split()[3]
                # Its counters get "_total" behind their names.
                families.append(Metric(name.removesuffix("_total") if kind == "counter" else name, text, kind))
            else:
                sample, label, value = LINE.fullmatch(line.rstrip("\n")).groups()
                if label not in labels:
                    labels[label] = dict(LABEL.findall(label or ""))
                families[-1].add_sample(sample, labels[label], float(value))
    return families


class Collector:
    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families


def main():
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(parse(pathlib.Path(sys.argv[1]))))
    start_http_server(int(sys.argv[2]), addr="127.0.0.1", registry=registry)
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
