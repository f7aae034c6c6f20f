# SPDX-License-Identifier: BSD-3-Clause
"""Frames that somebody sends who wants to disturb a prober, its host, or others by means of it."""
import random
import struct

import packets
from harness import GATEWAY, HOST1, PROBER
from packets import ACK, RST, SYN

NOBODY = "02:00:00:00:00:66"  # a MAC address that no station has
BROADCAST, GROUP, ZERO = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"
PROBER6, ROUTER6, HOST1_6 = "2001:db8::10", "2001:db8::1", "2001:db8:1::10"
MANY = 200  # frames of an attack that wants different ones
UNREACHABLE = {"4": (3, 3), "6": (1, 4)}  # type and code: the port


class Attacks:
    """The attacks onto the prober's link; ports: of the host's own connections and of probes."""

    def __init__(self, lab, ports, open_ports):
        self.own, self.router = lab.mac("prober", "probe0"), lab.mac("router", "p0")
        self.ports, self.open_ports = ports, open_ports
        self.random = random.Random(1)  # the same each time
        self.all = []
        for build in (self.neighbours, self.advertisements, self.floods, self.syn_acks, self.blind, self.quotes,
                      self.damaged, self.fragments, self.connections):
            build()

    def add(self, name, frames, burst=1):
        self.all.append({"name": name, "burst": burst, "frames": [frame.hex() for frame in frames]})

    def word(self):
        return self.random.getrandbits(32)

    def port(self):
        return self.random.choice(self.ports)

    def families(self):
        return ((PROBER, HOST1, ""), (PROBER6, HOST1_6, " (IPv6)"))

    def neighbours(self):
        arp = packets.arp
        self.add("ARP request for another, in the gateway's name",
                 [packets.arp_request(NOBODY, GATEWAY, "192.0.2.77")])
        self.add("gratuitous ARP of the gateway's address", [packets.arp_request(NOBODY, GATEWAY, GATEWAY),
                 arp(2, BROADCAST, NOBODY, NOBODY, GATEWAY, BROADCAST, GATEWAY)])
        self.add("ARP reply whose sender is not the frame's",
                 [arp(2, self.own, self.router, NOBODY, GATEWAY, self.own, PROBER)])
        self.add("ARP in the prober's name", [packets.arp_request(NOBODY, PROBER, PROBER)])

    def advertisements(self):
        def advertise(flags, target):
            option = struct.pack("!BB6s", 2, 1, packets.raw_mac(NOBODY))
            return packets.icmp_frame(self.own, NOBODY, ROUTER6, PROBER6, 136, 0, struct.pack("!B3x", flags),
                                      packets.address(target) + option, 255)
        self.add("solicited advertisement", [advertise(flags, ROUTER6) for flags in (0x40, 0x60, 0xe0)])
        self.add("advertisement of the prober's address", [advertise(0x20, PROBER6)])
        self.add("router advertisements and redirects", [
            packets.icmp_frame(self.own, NOBODY, "fe80::66", PROBER6, 134, 0, struct.pack("!BBH", 64, 0, 9000),
                               bytes(8), 255),
            packets.icmp_frame(self.own, NOBODY, "fe80::1", PROBER6, 137, 0, bytes(4),
                               packets.address("fe80::66") + packets.address(HOST1_6), 255)])

    def floods(self):
        self.add("solicitations from afar", [packets.solicitation(self.own, self.router, f"2001:db8:99::{n:x}", PROBER6,
                                                                  PROBER6, 64) for n in range(1, MANY)], 10)
        self.add("ARP requests of others for others", [
            packets.arp_request(NOBODY, f"192.0.2.{100 + n}", f"192.0.2.{200 + n}") for n in range(50)], 10)

    def syn_acks(self):
        def syn_ack(**fields):
            dst = PROBER6 if ":" in fields.get("src", "") else PROBER
            good = {"eth_dst": self.own, "eth_src": self.router, "src": HOST1, "dst": dst, "sport": 443, "dport": 39000}
            return packets.tcp_frame(**{**good, **fields}, flags=SYN | ACK, seq=self.word(), ack=self.word())
        self.add("SYN/ACKs of sources that are none", [syn_ack(src=source) for source in (
            "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0", "240.0.0.1", "192.0.2.255", PROBER)])
        self.add("SYN/ACKs of sources that are none (IPv6)", [syn_ack(src=source) for source in (
            "::", "::1", "ff02::1", "::ffff:192.0.2.1", PROBER6)])
        self.add("SYN/ACKs of stations that are none", [syn_ack(eth_src=mac) for mac in (
            BROADCAST, GROUP, self.own, ZERO)])
        self.add("SYN/ACKs to all, and to another station", [syn_ack(eth_dst=mac) for mac in (
            BROADCAST, GROUP, NOBODY)])
        self.add("SYN/ACKs that nobody asked for", [syn_ack(src=source) for source in (HOST1, HOST1_6)])

    def blind(self):
        for prober, host, family in self.families():
            self.add("blind SYN/ACKs" + family, [packets.tcp_frame(
                self.own, self.router, host, prober, port, self.port(), SYN | ACK, self.word(), self.word())
                for _ in range(MANY) for port in self.open_ports])
            self.add("blind RSTs" + family, [packets.tcp_frame(
                self.own, self.router, host, prober, port, self.port(), flags, self.word(), self.word())
                for _ in range(MANY) for port in self.open_ports for flags in (RST, RST | ACK)])
            self.add("blind echo replies" + family, [packets.icmp_frame(
                self.own, self.router, host, prober, 129 if family else 0, 0, struct.pack("!I", self.word()),
                self.random.randbytes(16)) for _ in range(MANY)])

    def quotes(self):
        """ICMP errors that quote what was not sent: UDP probes, and segments of the host's connections."""
        for prober, host, family in self.families():
            def error(protocol, l4, at):
                quoted = packets.frame(self.own, self.own, prober, host, protocol, l4, checksum_at=at)[14:]
                kind, code = UNREACHABLE["6" if family else "4"]
                return packets.icmp_frame(self.own, self.router, host, prober, kind, code, bytes(4), quoted)
            self.add("blind ICMP errors" + family, [error(packets.UDP, struct.pack(
                "!HHHH", self.port(), 33434, 24, 0) + self.random.randbytes(16), 6) for _ in range(MANY)] + [
                error(packets.TCP, struct.pack("!HHIIHHHH", self.port(), self.open_ports[0], self.word(), self.word(),
                                               0x5010, 8192, 0, 0), 16) for _ in range(MANY)])

    def damaged(self):
        for prober, host, family in self.families():
            whole = [packets.tcp_frame(self.own, self.router, host, prober, 443, self.port(), RST | ACK, 0,
                                       self.word()),
                     packets.icmp_frame(self.own, self.router, host, prober, 129 if family else 0, 0, bytes(4),
                                        bytes(24))]
            self.add("truncated" + family, [f[:n] for f in whole for n in range(14, len(f))])
            self.add("damaged" + family, [f[:14 + at] + self.random.randbytes(n) + f[14 + at + n:]
                     for f in whole for at in range(len(f) - 18) for n in (1, 4)])
            self.add("wrong checksums" + family, [packets.tcp_frame(
                self.own, self.router, host, prober, port, self.port(), RST | ACK, self.word(), self.word(), 0x0101)
                for _ in range(MANY) for port in self.open_ports])
        # what is tagged is IP: of other protocols on a VLAN that it has not the kernel says that it dropped them
        kinds = (b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00\x00\x4d\x08\x00")
        self.add("noise", [packets.raw_mac(self.own) + packets.raw_mac(self.router) + kind +
                           self.random.randbytes(self.random.randrange(1, 200)) for _ in range(MANY) for kind in kinds])

    def fragments(self):
        whole = packets.icmp_frame(self.own, self.router, HOST1, PROBER, 0, 0, bytes(4), bytes(64))
        def part(field):
            header = whole[14:20] + struct.pack("!H", field) + whole[22:24] + b"\0\0" + whole[26:34]
            header = header[:10] + struct.pack("!H", packets.checksum(header)) + header[12:]
            return whole[:14] + header + whole[34:]
        six = packets.frame(self.own, self.router, HOST1_6, PROBER6, 44, struct.pack("!BBHI", 58, 0, 1, 7) + bytes(24))
        self.add("fragments", [part(0x2000 | n) for n in (0, 1, 5, 100)] + [part(n) for n in (1, 8, 8191)] + [six])

    def connections(self):
        """Half-open connections to what the prober serves."""
        self.add("SYNs that nobody goes on with", [packets.tcp_frame(
            self.own, self.router, f"203.0.113.{100 + n % 100}", PROBER, 1024 + n, 8000, SYN, self.word(), 0)
            for n in range(MANY)])
