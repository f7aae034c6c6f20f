# SPDX-License-Identifier: BSD-3-Clause
"""When the probes of a mesh leave, as echolane's workers pace them, and how evenly.

A round's probes with equal nb_packets are a class: n series with m packets are m * n probes, pass by pass, in the
configuration's order. Probe k is due k * 0.98 * interval / (m * n) after the round's start (lib/worker/pacing.h)."""
import math

from . import appliance as appliances

SPREAD = 0.98    # of an interval, over which a round's probes leave


def classes(inventory, appliance):
    """By packet count, whom each series of a pass goes to."""
    found = {}
    for _, kind, peer, _ in appliances.targets(inventory, appliance):
        packets = int(inventory.types[kind].get("nb_packets", 1))
        found.setdefault(packets, []).extend([peer.name] * len(inventory.groups))
    return found


def places(inventory, appliance):
    """(when the first is due, seconds from one to the next, whom they go to) of each class; the order of a pass is
    repeated so often as there are packets."""
    start = appliances.phase(appliance.name) * inventory.interval_s
    for packets, order in classes(inventory, appliance).items():
        yield start, SPREAD * inventory.interval_s / (packets * len(order)), order * packets


def count_all(inventory, width_s, told=lambda done: None):
    """How many probes leave in each bin of the interval."""
    n = round(inventory.interval_s / width_s)
    counts = [0] * n
    for done, appliance in enumerate(inventory.appliances):
        told(done)
        for start, step, order in places(inventory, appliance):
            before = 0
            for edge in range(int(start / width_s), 2 * n):
                due = min(len(order), math.ceil(((edge + 1) * width_s - start) / step))
                counts[edge % n] += due - before
                before = due
                if due == len(order):
                    break
    return counts


def count_to(inventory, name, width_s):
    """The same of those to one appliance."""
    n = round(inventory.interval_s / width_s)
    counts = [0] * n
    for peer in inventory.peers[name]:    # pairs go both ways
        for start, step, order in places(inventory, peer):
            for place, to in enumerate(order):
                if to == name:
                    counts[int((start + place * step) / width_s) % n] += 1
    return counts


def evenness(counts):
    """(largest, mean) of the bins."""
    return max(counts), sum(counts) / len(counts)
