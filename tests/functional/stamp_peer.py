#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""STAMP a second time, from RFC 8762, RFC 8972 and RFC 9503 alone, so that lib/stamp is not its own judge.

With a program as its argument (unit/stamp_cross.c) it asks lib/stamp for packets and verdicts and compares them
with its own: EL_TEST_SEED repeats a run.
"""
import hashlib
import hmac
import os
import random
import struct
import subprocess
import sys
import time
from fractions import Fraction

U, M, I = 0x80, 0x40, 0x20
PADDING, LOCATION, TIMESTAMP, COS, DIRECT, ACCESS, FOLLOW_UP, HMAC_TLV, RETURN_PATH = 1, 2, 3, 4, 5, 6, 7, 8, 10
FIXED_LENGTH = {TIMESTAMP: 4, COS: 4, DIRECT: 12, FOLLOW_UP: 16, HMAC_TLV: 16}
TAI_OFFSET = 37


def digest(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()[:16]


def encode_time(ns, ptp):
    """RFC 5905 section 6 and RFC 8186 section 2.1; the nearest 2^-32 of a second."""
    if ptp:
        seconds, fraction = divmod(ns + TAI_OFFSET * 10**9, 10**9)
    else:
        seconds, fraction = divmod(int(Fraction(ns * 2**32, 10**9) + Fraction(1, 2)), 2**32)
        seconds += 2208988800
    return struct.pack("!II", seconds % 2**32, fraction)


def decode_time(data, ptp, near):
    seconds, fraction = struct.unpack("!II", data)
    ns = fraction if ptp else int(Fraction(fraction * 10**9, 2**32) + Fraction(1, 2))
    seconds -= TAI_OFFSET if ptp else 2208988800
    around = near // 10**9
    seconds += round((around - seconds) / 2**32) * 2**32
    return seconds * 10**9 + ns


def error_ns(estimate):
    """RFC 4656 section 4.1.2, rounded up to a nanosecond."""
    scale, multiplier = estimate >> 8 & 63, estimate & 255
    return -(-multiplier * 2**scale * 10**9 // 2**32)


def tlv(kind, value, flags=U):
    return struct.pack("!BBH", flags, kind, len(value)) + value


def build_request(sequence, t1, estimate, ssid=0, key=None, tlvs=b""):
    """A base packet and TLVs; authenticated with a key."""
    if key is None:
        return struct.pack("!IQHH28x", sequence, t1, estimate, ssid) + tlvs
    packet = struct.pack("!I12xQHH68x", sequence, t1, estimate, ssid)
    return packet + digest(key, packet) + tlvs


def signed_tlvs(key, sequence, tlvs):
    return tlvs + tlv(HMAC_TLV, digest(key, struct.pack("!I", sequence) + tlvs))


def split_tlvs(data):
    """[(flags, type, value)], and what is left: padding of zeros, or something malformed."""
    tlvs = []
    while data and any(data[:4]):
        if len(data) < 4:
            break
        flags, kind, length = struct.unpack("!BBH", data[:4])
        if length > len(data) - 4 or FIXED_LENGTH.get(kind, length) != length:
            break
        tlvs.append((flags, kind, data[4:4 + length]))
        data = data[4 + length:]
    return tlvs, data


def answer_tlv(kind, value, ttl_tos, count, follow_up):
    """(flags, value): of a reflector on 192.0.2.2 that follows the constants of unit/stamp_cross.c."""
    _, tos = ttl_tos
    if kind in (PADDING, HMAC_TLV):
        return 0, value
    if kind == LOCATION and len(value) == 4:
        return 0, struct.pack("!HH", 862, 4000)
    if kind == TIMESTAMP:
        return 0, bytes((2, 1, 2, 2))
    if kind == COS:
        wanted = value[0] >> 2
        word = wanted << 10 | (tos >> 2) << 4 | (tos & 3) << 2 | (0 if wanted == 0 else 1)
        return 0, struct.pack("!HH", word, 0)
    if kind == DIRECT:
        if count < 0:
            return U, value[:4] + bytes(8)
        return 0, value[:4] + struct.pack("!II", count + 1, count + 1)
    if kind == FOLLOW_UP:
        return 0, follow_up
    return U, value


def reflect(request, ttl_tos, t2, t3, ptp=False, key=None, auth=False, count=-1):
    """The reply, or None."""
    base = 112 if auth else 44
    if len(request) < base or auth and digest(key, request[:96]) != request[96:112]:
        return None
    if auth:
        sequence, sender, ssid = request[:4], request[16:26], request[26:28]
    else:
        sequence, sender, ssid = request[:4], request[4:14], request[14:16]
    own = sequence if count < 0 else struct.pack("!I", count)
    estimate = struct.pack("!H", 0x8510 | ptp << 14)
    t2, t3 = encode_time(t2, ptp), encode_time(t3, ptp)
    ttl = bytes(ttl_tos[:1])
    if auth:
        reply = own + bytes(12) + t3 + estimate + ssid + bytes(4) + t2 + bytes(8) + sequence + bytes(12) + sender \
            + bytes(6) + ttl + bytes(15)
        reply += digest(key, reply)
    else:
        reply = own + t3 + estimate + ssid + t2 + sequence + sender + bytes(2) + ttl + bytes(3)
    return reply + reflect_extensions(request[base:], sequence, own, ttl_tos, key, auth, count)


def reflect_extensions(data, sequence, own, ttl_tos, key, auth, count):
    tlvs, rest = split_tlvs(data)
    malformed = any(rest[:4])
    kinds = [kind for _, kind, _ in tlvs]
    right = not auth or not malformed and all(kind == PADDING for kind in kinds)
    if HMAC_TLV in kinds:
        at = kinds.index(HMAC_TLV)
        before = b"".join(tlv(kind, value, flags) for flags, kind, value in tlvs[:at])
        right = key is not None and not malformed and all(kind == PADDING for kind in kinds[at + 1:]) \
            and digest(key, sequence + before) == tlvs[at][2]
    out = b""
    for _, kind, value in tlvs:
        if not right:
            out += tlv(kind, value, I)
        elif kind == HMAC_TLV:
            out += tlv(kind, digest(key, own + out), 0)
        else:
            flags, value = answer_tlv(kind, value, ttl_tos, count, bytes(16))
            out += tlv(kind, value, flags)
    if malformed:
        rest = bytes((M if right else M | I,)) + rest[1:]
        length = struct.unpack("!H", rest[2:4])[0] if len(rest) >= 4 else 0
        if rest[1:2] == bytes((FOLLOW_UP,)) and length <= len(rest) - 4:
            zeros = min(12, length)
            rest = rest[:4] + bytes(zeros) + rest[4 + zeros:]
    return out + rest


class Cross:
    """lib/stamp, asked line by line."""

    def __init__(self, program):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.asked = 0

    def ask(self, *words):
        line = " ".join("-" if word is None else word.hex() or "-" if isinstance(word, bytes) else str(int(word))
                        if not isinstance(word, str) else word for word in words)
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        self.asked += 1
        answer = self.child.stdout.readline()
        assert answer, f"no answer to {line}"
        return line, answer.split()

    def close(self):
        self.child.stdin.close()
        assert self.child.wait(10) == 0


def expect(line, got, expected):
    assert got == expected, f"{line}\n  lib/stamp: {got}\n  the peer:  {expected}"


def random_tlvs(rng, key, sequence):
    """Mostly good ones, some of them signed, some of them spoilt."""
    data = b""
    for _ in range(rng.randrange(4)):
        kind = rng.choice((PADDING, LOCATION, TIMESTAMP, COS, DIRECT, ACCESS, FOLLOW_UP, 9, 12, 200))
        length = FIXED_LENGTH.get(kind, 4 if kind == LOCATION else rng.randrange(20))
        data += tlv(kind, rng.randbytes(length))
    if key and rng.random() < 0.6:
        data = signed_tlvs(key, sequence, data)
        if rng.random() < 0.3:
            data += tlv(rng.choice((PADDING, PADDING, 99)), rng.randbytes(7))
    if data and rng.random() < 0.4:
        data = bytearray(data)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        data = bytes(data)[:rng.randrange(len(data)) + 1] if rng.random() < 0.5 else bytes(data)
    if rng.random() < 0.2:
        data += bytes(rng.randrange(9))
    return data


def has_subtlvs(data):
    """What answer_tlv leaves out: it knows neither sub-TLVs nor Return Path."""
    tlvs, rest = split_tlvs(data)
    return any(kind == RETURN_PATH or kind == LOCATION and len(value) != 4 for _, kind, value in tlvs) \
        or rest[1:2] in (bytes((LOCATION,)), bytes((RETURN_PATH,)))


def check_reflector(cross, rng):
    key = rng.choice((None, b"k", rng.randbytes(40)))
    auth = key is not None and rng.random() < 0.5
    sequence, t1 = rng.getrandbits(32), rng.getrandbits(64)
    tlvs = random_tlvs(rng, key, sequence)
    while has_subtlvs(tlvs):
        tlvs = random_tlvs(rng, key, sequence)
    request = build_request(sequence, t1, rng.getrandbits(16), rng.getrandbits(16), key if auth else None, tlvs)
    if rng.random() < 0.1:
        request = request[:rng.randrange(1, len(request) + 1)]
        if has_subtlvs(request[112 if auth else 44:]):
            return
    ttl_tos = (rng.randrange(256), rng.randrange(256))
    t2 = rng.randrange(1, 2**62)
    t3 = t2 + rng.randrange(10**6)
    ptp, count = rng.random() < 0.5, rng.choice((-1, 0, 2**31))
    line, words = cross.ask("reflect", key, auth, ptp, count, *ttl_tos, t2, t3, request)
    expected = reflect(request, ttl_tos, t2, t3, ptp, key, auth, count)
    expect(line, words[1:], [expected.hex()] if expected else [])
    if expected:
        check_sender(cross, rng, expected, key if auth else None, ptp, sequence, t1, (t2, t3), ttl_tos[0])


def check_sender(cross, rng, reply, key, ptp, sequence, t1, times, ttl):
    """A reply is read as what it says; not as one to another request."""
    near = times[0] + rng.randrange(-10**18, 10**18)
    line, words = cross.ask("parse", key, key is not None, 0, sequence, t1, near, reply)
    own = struct.unpack("!I", reply[:4])[0]
    at = (32, 16) if key else (16, 4)
    decoded = [decode_time(reply[a:a + 8], ptp, near) for a in at]
    assert decoded == list(times), "the peer's own round trip"
    expect(line, words[:6], [str(value) for value in (0, *decoded, error_ns(0x0510), own, ttl)])
    line, words = cross.ask("parse", key, key is not None, 0, (sequence + 1) % 2**32, t1, near, reply)
    expect(line, words[0], "4")


def check_request(cross, rng):
    key = rng.choice((None, rng.randbytes(rng.randrange(1, 100))))
    auth = key is not None and rng.random() < 0.5
    kinds = [kind for kind in (LOCATION, TIMESTAMP, COS, FOLLOW_UP, DIRECT) if rng.random() < 0.5]
    sequence, t1, sent = rng.getrandbits(32), rng.getrandbits(64), rng.getrandbits(32)
    estimate, ssid, length = rng.getrandbits(16), rng.getrandbits(16), rng.randrange(400)
    line, words = cross.ask("request", key, auth, sum(1 << kind for kind in kinds), length, ssid, estimate, sequence,
                            t1, sent)
    tlvs = b""
    for kind in kinds:
        value = bytes(FIXED_LENGTH.get(kind, 4))
        tlvs += tlv(kind, struct.pack("!I", sent) + value[4:] if kind == DIRECT else value)
    if tlvs and key:
        tlvs = signed_tlvs(key, sequence, tlvs)
    missing = length - (112 if auth else 44) - len(tlvs)
    if missing > 0:
        tlvs += tlv(PADDING, bytes(max(missing - 4, 0)))
    expect(line, words, [build_request(sequence, t1, estimate, ssid, key if auth else None, tlvs).hex()])


def main():
    seed = int(os.environ.get("EL_TEST_SEED", time.time()))
    print(f"EL_TEST_SEED={seed}")
    rng = random.Random(seed)
    cross = Cross(sys.argv[1])
    for _ in range(4000):
        check_reflector(cross, rng)
        check_request(cross, rng)
    cross.close()
    print(f"{cross.asked} orders, all as the peer has it")


if __name__ == "__main__":
    main()
