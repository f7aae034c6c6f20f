# SPDX-License-Identifier: BSD-3-Clause
"""Prometheus' data model in Protocol Buffers, read from its wire format alone."""
import struct

COUNTER, GAUGE, UNTYPED, HISTOGRAM = 0, 1, 3, 4


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def zigzag(value):
    return value >> 1 ^ -(value & 1)


def fields(data):
    """{number: [value]} of a message: integers, doubles, bytes."""
    at, have = 0, {}
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        else:
            assert tag & 7 == 2, f"wire type {tag & 7}"
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length, "a field that is cut"
        have.setdefault(tag >> 3, []).append(value)
    return have


def delimited(data):
    at = 0
    while at < len(data):
        length, at = varint(data, at)
        assert at + length <= len(data), "a message that is cut"
        yield fields(data[at:at + length])
        at += length


def native(histogram):
    """{bucket: count} of a native histogram that is not empty; None: there is none."""
    if 5 not in histogram:
        return None
    assert zigzag(histogram[5][0]) == 5, "schema"
    deltas, packed, at = [], b"".join(histogram.get(13, [])), 0
    while at < len(packed):
        value, at = varint(packed, at)
        deltas.append(zigzag(value))
    buckets, bucket, count = {}, 0, 0
    for span in map(fields, histogram.get(12, [])):
        bucket += zigzag(span[1][0])
        for _ in range(span[2][0]):
            count += deltas.pop(0)
            if count:
                buckets[bucket] = count
            bucket += 1
    assert not deltas, "more deltas than buckets"
    return buckets


class Messages:
    """A page: samples as metrics.Metrics has them, and the native histograms."""

    def __init__(self, data):
        self.samples, self.native = [], []
        names = set()
        for family in delimited(data):
            name = family[1][0].decode()
            assert name not in names, f"{name} twice"
            names.add(name)
            for metric in map(fields, family[4]):
                self.read(name, family[3][0], metric)

    def read(self, name, kind, metric):
        labels = {label[1][0].decode(): label[2][0].decode() for label in map(fields, metric.get(1, []))}
        if kind != HISTOGRAM:
            field = {COUNTER: 3, GAUGE: 2, UNTYPED: 5}[kind]
            self.samples.append((name, labels, fields(metric[field][0])[1][0]))
            return
        histogram = fields(metric[7][0])
        count = histogram[1][0]
        buckets = native(histogram)
        if buckets is not None:
            assert sum(buckets.values()) + histogram[7][0] == count, f"{labels}: {buckets}, count {count}"
            self.native.append((name, labels, buckets))
        for bucket in map(fields, histogram.get(3, [])):
            self.samples.append((f"{name}_bucket", {**labels, "le": bucket[2][0]}, bucket[1][0]))
        if 3 in histogram:
            self.samples.append((f"{name}_bucket", {**labels, "le": float("inf")}, count))
        self.samples += [(f"{name}_sum", labels, histogram[2][0]), (f"{name}_count", labels, count)]
