#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Raw-socket probes at the simulated peer: what comes back is checked field by field. Exit status 1 on the
first difference."""
import random
import select
import socket
import struct
import sys
import time

SYN, RST, ACK = 2, 4, 16


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(source, destination, protocol, length):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, length)


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: got {got!r}, expected {wanted!r}")


def tcp_probe(source, destination, source_port, port, seq, flags=SYN, payload=b""):
    def header(check):
        return struct.pack("!HHIIBBHHH", source_port, port, seq, 0, 5 << 4, flags, 8192, check, 0)

    length = 20 + len(payload)
    check = checksum(pseudo(source, destination, 6, length) + header(0) + payload)
    return header(check) + payload


def receive(sock, wanted, timeout=5.0):
    """The first packet that `wanted` takes, as (source, L4 bytes)."""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            break
        packet, _ = sock.recvfrom(65535)
        expect("IPv4 checksum", checksum(packet[:20]), 0)
        source, l4 = socket.inet_ntoa(packet[12:16]), packet[20:]
        if wanted(source, l4):
            return source, l4
    sys.exit("no answer")


def tcp_exchange(sock, source, destination, port, payload=b""):
    source_port, seq = random.randrange(20000, 30000), random.randrange(1 << 32)
    sock.sendto(tcp_probe(source, destination, source_port, port, seq, payload=payload), (destination, 0))
    address, l4 = receive(sock, lambda s, p: s == destination and p[:4] == struct.pack("!HH", port, source_port))
    expect("TCP checksum", checksum(pseudo(address, source, 6, len(l4)) + l4), 0)
    _, ack = struct.unpack("!II", l4[4:12])
    return l4[13], (ack - seq) % (1 << 32), source_port, seq


def udp_exchange(source, destination, port):
    errors = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((source, 0))
    udp.sendto(b"payload", (destination, port))
    address, l4 = receive(errors, lambda s, p: p[0] == 3)
    expect("ICMP checksum", checksum(l4), 0)
    quote = l4[8:]
    expect("quoted address", socket.inet_ntoa(quote[16:20]), destination)
    expect("quoted ports", struct.unpack("!HH", quote[20:24]), (udp.getsockname()[1], port))
    expect("quoted payload", quote[28:], b"payload")
    return address, l4[1]


def main():
    source = sys.argv[1]
    tcp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    for payload in (b"", b"12345"):
        # The kernel closes what it didn't open: its RST is the peer's half_open_closed.
        flags, ahead, _, _ = tcp_exchange(tcp, source, "198.51.100.4", 80, payload)
        expect("SYN/ACK", (flags, ahead), (SYN | ACK, 1))
        flags, ahead, _, _ = tcp_exchange(tcp, source, "198.51.100.4", 81, payload)
        expect("RST/ACK", (flags, ahead), (RST | ACK, 1 + len(payload)))
    expect("UDP, plain", udp_exchange(source, "198.51.100.6", 33434), ("198.51.100.6", 3))
    expect("UDP, filtered", udp_exchange(source, "198.51.100.5", 33434), ("192.0.2.1", 13))


main()
