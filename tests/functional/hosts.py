# SPDX-License-Identifier: BSD-3-Clause
"""Hosts at the other end of the prober's link, on VLANs or none, in one program: they answer ARP, neighbour
solicitations, echo requests, SYNs and datagrams, as they are told line by line. The test machines' kernel knows no VLANs.

Each line on standard input is a JSON object, and is answered by "ok": {"name", "mac", "ips", ...} makes a host, or
another of it; {"name", "gone": true} ends one; {"send": HEX} sends a frame as it is. Of a host:
vlan: its tags, [] for none, [100], or [service, customer]; answers_on: of its answers to probes, if others; open_ports:
TCP's; networks: it answers for all their addresses too, as what is behind a gateway; answers_arp: false: it does not."""
import functools
import ipaddress
import json
import pathlib
import selectors
import socket
import struct
import subprocess
import sys

import packets

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, VLAN_VALID, TPID_VALID = 3, 263, 8, 0x10, 0x40
SERVICE, CUSTOMER = 0x88a8, 0x8100
ALL = "ff:ff:ff:ff:ff:ff"


def tags(vlan):
    """The tags of a VLAN as bytes: [] is none."""
    tpids = [CUSTOMER] if len(vlan) < 2 else [SERVICE, CUSTOMER]
    return b"".join(struct.pack("!HH", tpid, vid) for tpid, vid in zip(tpids, vlan))


def tagged(frame, vlan):
    return frame[:12] + tags(vlan) + frame[12:]


def untag(frame):
    """The VLAN of a frame, and the frame without its tags."""
    vlan = []
    while struct.unpack_from("!H", frame, 12)[0] in (SERVICE, CUSTOMER):
        vlan.append(struct.unpack_from("!H", frame, 14)[0] & 0xfff)
        frame = frame[:12] + frame[16:]
    return vlan, frame


def advertisement(eth_dst, host_mac, source, destination, target, flags=0x60):
    rest = struct.pack("!BBHI", 136, 0, 0, flags << 24) + packets.address(target) + b"\x02\x01" + packets.raw_mac(host_mac)
    return packets.frame(eth_dst, host_mac, source, destination, packets.ICMPV6, rest, 255, 2)


class Host:
    def __init__(self, mac, ips=(), vlan=(), answers_on=None, networks=(), answers_arp=True, open_ports=(), **_):
        self.mac, self.ips, self.vlan, self.answers_arp = mac, list(ips), list(vlan), answers_arp
        self.open_ports = open_ports
        self.answers_on = self.vlan if answers_on is None else answers_on
        self.networks = [ipaddress.ip_network(network) for network in networks]

    def has(self, ip):
        return ip in self.ips or any(ipaddress.ip_address(ip) in network for network in self.networks)

    def answer(self, frame):
        """What it answers to a frame on its VLAN, tagged; None: nothing."""
        ethertype, body = struct.unpack_from("!H", frame, 12)[0], frame[14:]
        if ethertype == 0x0806:
            return self.answer_arp(body)
        if ethertype == 0x86dd and body[6] == packets.ICMPV6 and body[40] == 135:
            return self.answer_solicitation(frame, body)
        if packets.mac(frame[:6]) != self.mac:
            return None
        return self.answer_probe(frame, body, ethertype)

    def answer_arp(self, body):
        operation, sender_mac, sender, target = struct.unpack_from("!6xH6s4s6x4s", body)
        target = socket.inet_ntoa(target)
        if operation != 1 or target not in self.ips or not self.answers_arp:
            return None
        return tagged(packets.arp(2, packets.mac(sender_mac), self.mac, self.mac, target, packets.mac(sender_mac),
                                  socket.inet_ntoa(sender)), self.vlan)

    def answer_solicitation(self, frame, body):
        target, source = (socket.inet_ntop(socket.AF_INET6, part) for part in (body[48:64], body[8:24]))
        if target not in self.ips or not self.answers_arp:
            return None
        if source == "::":
            return tagged(advertisement("33:33:00:00:00:01", self.mac, target, "ff02::1", target, 0x20), self.vlan)
        return tagged(advertisement(packets.mac(frame[6:12]), self.mac, target, source, target), self.vlan)

    def answer_probe(self, frame, body, ethertype):
        """To an echo request, a SYN or a datagram."""
        if ethertype == 0x0800:
            src, dst = (socket.inet_ntoa(part) for part in (body[12:16], body[16:20]))
            packet, protocol, at = body[:struct.unpack_from("!H", body, 2)[0]], body[9], 20
        elif ethertype == 0x86dd:
            src, dst = (socket.inet_ntop(socket.AF_INET6, part) for part in (body[8:24], body[24:40]))
            packet, protocol, at = body[:40 + struct.unpack_from("!H", body, 4)[0]], body[6], 40
        else:
            return None
        ends = packets.mac(frame[6:12]), self.mac, dst, src
        reply = self.has(dst) and {
            packets.ICMP: echo_reply, packets.ICMPV6: echo_reply, packets.TCP: self.handshake, packets.UDP: unreachable,
        }.get(protocol, lambda *_: None)(ends, packet, packet[at:])
        return tagged(reply, self.answers_on) if reply else None

    def handshake(self, ends, _, segment):
        """The answer to a SYN: that its port is open, or that it is not."""
        source, port, sequence, _, _, flags = struct.unpack_from("!HHIIBB", segment)
        if flags & (packets.SYN | packets.RST | packets.ACK) != packets.SYN:
            return None
        flags = packets.ACK | (packets.SYN if port in self.open_ports else packets.RST)
        return packets.tcp_frame(*ends, port, source, flags, ack=sequence + 1 & 0xffffffff)


def echo_reply(ends, _, message):
    v6 = ":" in ends[2]
    if message[0] != (128 if v6 else 8):
        return None
    return packets.icmp_frame(*ends, 129 if v6 else 0, rest=message[4:8], body=message[8:])


def unreachable(ends, packet, _):
    kind, code = (1, 4) if ":" in ends[2] else (3, 3)
    return packets.icmp_frame(*ends, kind, code, body=packet[:500])


class Wire:
    """The interface: frames with their tags, which the kernel puts beside them."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((interface, 0))

    def receive(self):
        frame, extra, _, address = self.socket.recvmsg(2048, 128)
        if address[2] == socket.PACKET_OUTGOING or len(frame) < 14:
            return None
        for level, kind, data in extra:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack_from("IIIHHHH", data)
                if status & VLAN_VALID:
                    frame = frame[:12] + struct.pack("!HH", tpid if status & TPID_VALID else CUSTOMER, tci) + frame[12:]
        return frame

    def send(self, frame):
        self.socket.send(frame)


class Peers:
    """The program, run by popen at this interface."""

    def __init__(self, directory, popen, interface):
        with open(directory / "hosts.log", "wb") as log:
            self.child = popen([sys.executable, str(pathlib.Path(__file__).resolve()), interface], name="hosts",
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.child.stdout.readline() == "ready\n", self.child.last_words()

    def order(self, **order):
        self.child.stdin.write(json.dumps(order) + "\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline() == "ok\n", self.child.last_words()

    def add(self, name, mac, *ips, **options):
        self.order(name=name, mac=mac, ips=ips, **options)

    def remove(self, name):
        self.order(name=name, gone=True)

    def send(self, frame):
        self.order(send=frame.hex())

    def stop(self):
        self.child.assert_runs()
        self.child.terminate()
        self.child.wait(10)


class Hosts(Peers):
    """The same for a test: at the router's end of the prober's link, in place of the router's kernel."""

    def __init__(self, lab):
        lab.ip("router", "address", "flush", "dev", "p0")
        super().__init__(lab.directory, functools.partial(lab.popen, "router"), "p0")


def obey(line, hosts, wire):
    order = json.loads(line)
    if "send" in order:
        wire.send(bytes.fromhex(order["send"]))
    elif order.get("gone"):
        hosts.pop(order["name"], None)
    else:
        hosts[order["name"]] = Host(**order)
    print("ok", flush=True)


def main():
    wire, hosts = Wire(sys.argv[1]), {}
    selector = selectors.DefaultSelector()
    selector.register(wire.socket, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                obey(line, hosts, wire)
                continue
            frame = wire.receive()
            if frame is None:
                continue
            vlan, plain = untag(frame)
            for host in list(hosts.values()):
                answer = host.answer(plain) if vlan == host.vlan else None
                if answer:
                    wire.send(answer)


if __name__ == "__main__":
    main()
