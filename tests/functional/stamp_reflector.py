#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A STAMP reflector on a kernel's socket, which answers as stamp_peer.py does: from the RFCs alone.

Ends by SIGTERM. Says "ready" once it listens, and at its end how many requests it had of each
session.
"""
import argparse
import selectors
import signal
import socket
import struct
import time

import stamp_peer

IP_RECVTTL = 12  # in(7); not in the module socket


def open_socket(family, port):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    sock.bind(("", port))
    return sock


def ttl_tos_of(ancillary):
    """The TTL or hop limit, and the TOS or traffic class, that a request came with."""
    values = {}
    for level, kind, data in ancillary:
        values[level, kind] = struct.unpack("=i", data)[0] if len(data) == 4 else data[0]
    return (values.get((socket.IPPROTO_IP, socket.IP_TTL),
                       values.get((socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT), 0)),
            values.get((socket.IPPROTO_IP, socket.IP_TOS), values.get((socket.IPPROTO_IPV6, socket.IPV6_TCLASS), 0)))


class Reflector:
    """Sessions are told apart by the sender's address and the SSID."""

    def __init__(self, options):
        self.options = options
        self.key = bytes.fromhex(options.key) if options.key else None
        self.counts = {}
        self.requests = 0
        self.stopping = False

    def now(self):
        ahead = self.options.ahead
        if self.options.set and self.requests >= self.options.set[0]:
            ahead += self.options.set[1]
        return time.time_ns() + round(ahead * 1e9)

    def answer(self, sock):
        request, ancillary, _, sender = sock.recvmsg(9216, 256)
        self.requests += 1
        time.sleep(self.options.late)
        t2 = self.now()
        if self.options.wait:
            time.sleep(self.options.wait)
        auth = self.key is not None
        at = 26 if auth else 14
        session = sender[0], int.from_bytes(request[at:at + 2], "big")
        count = self.counts.get(session, 0)
        reply = stamp_peer.reflect(request, ttl_tos_of(ancillary), t2, self.now(), self.options.ptp, self.key, auth,
                                   -1 if self.options.stateless else count)
        self.log(request)
        if reply is None:
            return
        self.counts[session] = count + 1
        if self.options.forge and self.requests % self.options.forge == 0:
            reply = reply[:96] + stamp_peer.digest(b"another key", reply[:96]) + reply[112:]
        sock.sendto(reply, sender)

    def log(self, request):
        if self.options.log:
            print(time.time_ns(), request.hex(), file=self.options.log, flush=True)

    def run(self):
        selector = selectors.DefaultSelector()
        for family in (socket.AF_INET, *((socket.AF_INET6,) if self.options.ipv6 else ())):
            selector.register(open_socket(family, self.options.port), selectors.EVENT_READ)
        print("ready", flush=True)
        while not self.stopping:
            for key, _ in selector.select(0.1):
                self.answer(key.fileobj)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=862)
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("--stateless", action="store_true")
    parser.add_argument("--ptp", action="store_true")
    parser.add_argument("--key", help="hexadecimal: authenticated mode")
    parser.add_argument("--forge", type=int, help="of so many replies one is signed with another key")
    parser.add_argument("--log", type=argparse.FileType("w"), help="file for the requests, each with its time")
    parser.add_argument("--wait", type=float, default=0, help="seconds between request and reply")
    parser.add_argument("--late", type=float, default=0, help="seconds until a request is stamped, as on its way")
    parser.add_argument("--ahead", type=float, default=0, help="seconds that the clock is ahead")
    parser.add_argument("--set", type=float, nargs=2, help="from which request on it is ahead by how much more")
    reflector = Reflector(parser.parse_args())

    def stop(_signal, _frame):
        reflector.stopping = True
    signal.signal(signal.SIGTERM, stop)
    reflector.run()
    for (address, ssid), count in sorted(reflector.counts.items()):
        print(address, ssid, count)


if __name__ == "__main__":
    main()
