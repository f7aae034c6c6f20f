# SPDX-License-Identifier: BSD-3-Clause
"""Reads tcpdump's captures: Ethernet, ARP, IP, TCP, UDP and ICMP, as far as the tests look; writes frames."""
import dataclasses
import socket
import struct

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58


@dataclasses.dataclass
class Packet:
    time: float
    eth_dst: str
    eth_src: str
    ethertype: int  # behind the tags
    vlan: tuple = ()  # the tags' VLANs, the outer first
    arp_op: int = 0
    src: str = ""
    dst: str = ""
    protocol: int = 0
    tos: int = 0  # IPv6: traffic class
    flow_label: int = 0
    hop_limit: int = 0
    ident: int = 0
    dont_fragment: bool = False
    size: int = 0  # bytes that follow the IP header
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    icmp_type: int = -1
    icmp_code: int = 0
    icmp_id: int = 0
    icmp_seq: int = 0


def mac(raw):
    return ":".join(f"{byte:02x}" for byte in raw)


def parse(time, frame):
    dst, src, ethertype = struct.unpack_from("!6s6sH", frame)
    vlan = ()
    while ethertype in (0x8100, 0x88a8) and len(frame) >= 18:
        vlan += (struct.unpack_from("!H", frame, 14)[0] & 0xfff,)
        frame = frame[:12] + frame[16:]
        ethertype = struct.unpack_from("!H", frame, 12)[0]
    packet = Packet(time, mac(dst), mac(src), ethertype, vlan)
    body = frame[14:]
    if ethertype == 0x0806 and len(body) >= 28:
        packet.arp_op = struct.unpack_from("!H", body, 6)[0]
        packet.src, packet.dst = socket.inet_ntoa(body[14:18]), socket.inet_ntoa(body[24:28])
    elif ethertype == 0x0800 and len(body) >= 20:
        parse_ipv4(packet, body)
    elif ethertype == 0x86dd and len(body) >= 40:
        parse_ipv6(packet, body)
    return packet


def parse_ipv4(packet, body):
    (version_ihl, packet.tos, length, packet.ident, fragment, _, packet.protocol, _, src, dst) = \
        struct.unpack_from("!BBHHHBBH4s4s", body)
    packet.dont_fragment = bool(fragment & 0x4000)
    packet.src, packet.dst = socket.inet_ntoa(src), socket.inet_ntoa(dst)
    l4 = body[(version_ihl & 15) * 4:length]
    packet.size = length - (version_ihl & 15) * 4
    parse_l4(packet, l4)


def parse_ipv6(packet, body):
    word, packet.size, packet.protocol, packet.hop_limit, src, dst = \
        struct.unpack_from("!IHBB16s16s", body)
    packet.tos, packet.flow_label = word >> 20 & 0xff, word & 0xfffff
    packet.src, packet.dst = (socket.inet_ntop(socket.AF_INET6, a) for a in (src, dst))
    parse_l4(packet, body[40:40 + packet.size])


def parse_l4(packet, l4):
    if packet.protocol == TCP and len(l4) >= 20:
        packet.sport, packet.dport, packet.seq, packet.ack, _, packet.flags = \
            struct.unpack_from("!HHIIBB", l4)
    elif packet.protocol == UDP and len(l4) >= 8:
        packet.sport, packet.dport = struct.unpack_from("!HH", l4)
    elif packet.protocol in (ICMP, ICMPV6) and len(l4) >= 8:
        packet.icmp_type, packet.icmp_code, _, packet.icmp_id, packet.icmp_seq = \
            struct.unpack_from("!BBHHH", l4)


def read(path):
    """The packets of a capture file, as far as it is written."""
    data = path.read_bytes()
    packets = []
    if len(data) < 24:
        return packets
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}[data[:4]]
    at = 24
    while at + 16 <= len(data):
        seconds, micros, captured, _ = struct.unpack_from(order + "IIII", data, at)
        if at + 16 + captured > len(data):
            break
        packets.append(parse(seconds + micros / 1e6, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return packets


def is_probe(packet, prober="192.0.2.10"):
    """A SYN, an echo request or a UDP datagram of the prober's."""
    if packet.src != prober or packet.ethertype not in (0x0800, 0x86dd):
        return False
    return (packet.protocol == UDP or (packet.protocol == TCP and packet.flags & (SYN | RST) == SYN)
            or packet.icmp_type == (8 if packet.ethertype == 0x0800 else 128))


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def raw_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def frame(eth_dst, eth_src, src, dst, protocol, l4, hop_limit=64, checksum_at=None, damage=0):
    """An Ethernet frame around an L4 packet whose checksum belongs at checksum_at; damage: XORed into that."""
    source, destination = address(src), address(dst)
    v4 = len(source) == 4
    if checksum_at is not None:
        pseudo = b"" if protocol == ICMP else source + destination + struct.pack("!HH", protocol, len(l4))
        right = checksum(pseudo + l4[:checksum_at] + b"\0\0" + l4[checksum_at + 2:])
        l4 = l4[:checksum_at] + struct.pack("!H", right ^ damage) + l4[checksum_at + 2:]
    if v4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(l4), 0, 0, hop_limit, protocol, 0, source, destination)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        header = struct.pack("!IHBB16s16s", 6 << 28, len(l4), protocol, hop_limit, source, destination)
    ethertype = 0x0800 if v4 else 0x86dd
    return raw_mac(eth_dst) + raw_mac(eth_src) + struct.pack("!H", ethertype) + header + l4


def tcp_frame(eth_dst, eth_src, src, dst, sport, dport, flags, seq=1, ack=1, damage=0):
    l4 = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0)
    return frame(eth_dst, eth_src, src, dst, TCP, l4, checksum_at=16, damage=damage)


def solicitation(eth_dst, eth_src, src, dst, target, hop_limit=255):
    return frame(eth_dst, eth_src, src, dst, ICMPV6, struct.pack("!BBHI", 135, 0, 0, 0) + address(target), hop_limit, 2)


def arp_request(eth_src, src, target):
    return arp(1, "ff:ff:ff:ff:ff:ff", eth_src, eth_src, src, "00:00:00:00:00:00", target)


def icmp_frame(eth_dst, eth_src, src, dst, kind, code=0, rest=bytes(4), body=b"", hop_limit=64, damage=0):
    """ICMP or ICMPv6, as the addresses say; rest: bytes 4 to 7 of its header."""
    return frame(eth_dst, eth_src, src, dst, ICMPV6 if ":" in src else ICMP,
                 struct.pack("!BBH", kind, code, 0) + rest + body, hop_limit, 2, damage)


def arp(operation, eth_dst, eth_src, sender_mac, sender, target_mac, target):
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, raw_mac(sender_mac), address(sender),
                       raw_mac(target_mac), address(target))
    return raw_mac(eth_dst) + raw_mac(eth_src) + struct.pack("!H", 0x0806) + body + bytes(18)
