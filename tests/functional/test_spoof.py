# SPDX-License-Identifier: BSD-3-Clause
"""Frames on the link that name a wrong MAC address for the gateway, or use an address of the prober."""
import socket
import struct

from harness import GATEWAY, HOST1, PROBER, assert_equal, config, icmp, lab_options

NOBODY = "02:00:00:00:00:66"
BROADCAST = "ff:ff:ff:ff:ff:ff"
PROBER6, ROUTER6, HOST1_6 = "2001:db8::10", "2001:db8::1", "2001:db8:1::10"
PORT6 = f"af_packet:probe0,address={PROBER6}/64,gateway={ROUTER6}"
SOLICITED, OVERRIDE = 0x40, 0x20


def raw(mac):
    return bytes.fromhex(mac.replace(":", ""))


def arp(operation, to, source, sender_mac, sender, target_mac, target):
    return (raw(to) + raw(source) + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, operation) +
            raw(sender_mac) + socket.inet_aton(sender) + raw(target_mac) + socket.inet_aton(target)).ljust(60, b"\0")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def advertisement(to, source, target_mac, target, destination, flags):
    src, dst = socket.inet_pton(socket.AF_INET6, target), socket.inet_pton(socket.AF_INET6, destination)
    body = struct.pack("!BBHB3x", 136, 0, 0, flags) + src + b"\2\1" + raw(target_mac)
    pseudo = src + dst + struct.pack("!I3xB", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return raw(to) + raw(source) + struct.pack("!HIHBB", 0x86dd, 6 << 28, len(body), 58, 255) + src + dst + body


def send(lab, frame):
    """Onto the prober's link, from its other end."""
    lab.run("router", ["python3", "-c", f"""
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("p0", 0))
    s.send(bytes.fromhex("{frame.hex()}"))
"""])


def mac_of(lab, role, interface):
    return lab.run(role, ["cat", f"/sys/class/net/{interface}/address"]).stdout.strip()


def conflicts(metrics):
    return metrics.one("echolane_port_neighbour_conflicts_total", probe_name="lab", port="probe0")


def spoof(lab, prober, frames):
    """Each frame by itself, rounds going on: nothing is lost, and each is counted."""
    page = prober.wait_for(lambda m: m.all("icmp_sent_total") and m.probes("icmp")[0] >= 200, "two rounds")
    for frame in frames:
        before, count = page.probes("icmp")[0], conflicts(page)
        send(lab, frame)
        page = prober.wait_for(lambda m: conflicts(m) > count and m.probes("icmp")[0] >= before + 200,
                               "the conflict to be counted and two rounds")
    prober.stop()
    assert_equal(page.probes("icmp")[1], 0, "lost")
    assert_equal(page.one("echolane_port_neighbour_moves_total"), 0, "moves")
    assert prober.logged(f"{NOBODY} claims to be", "WARNING") == len(frames), prober.stderr


def test_arp(lab):
    """Requests for others, gratuitous ones, replies, some of them with another source than they name: all name
    a MAC address that nobody has for the gateway."""
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    ours, router = mac_of(lab, "prober", "probe0"), mac_of(lab, "router", "p0")
    none = "00:00:00:00:00:00"
    spoof(lab, prober, [
        arp(1, BROADCAST, NOBODY, NOBODY, GATEWAY, none, "192.0.2.77"),
        arp(1, BROADCAST, NOBODY, NOBODY, GATEWAY, none, PROBER),
        arp(1, BROADCAST, NOBODY, NOBODY, GATEWAY, none, GATEWAY),
        arp(2, BROADCAST, NOBODY, NOBODY, GATEWAY, BROADCAST, GATEWAY),
        arp(2, ours, NOBODY, NOBODY, GATEWAY, ours, PROBER),
        arp(2, ours, router, NOBODY, GATEWAY, ours, PROBER),
    ])


@lab_options(ipv6=True)
def test_ndp(lab):
    """Advertisements that nobody asked for, with all flags."""
    prober = lab.start(config({"icmp": icmp(HOST1_6)}), port=PORT6)
    ours = mac_of(lab, "prober", "probe0")
    spoof(lab, prober, [advertisement(ours, NOBODY, NOBODY, ROUTER6, PROBER6, flags)
                        for flags in (0, OVERRIDE, SOLICITED, SOLICITED | OVERRIDE)])


def test_own_address(lab):
    """Somebody else uses the prober's address: told and counted."""
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")
    send(lab, arp(1, BROADCAST, NOBODY, NOBODY, PROBER, "00:00:00:00:00:00", PROBER))
    prober.wait_for(lambda m: m.one("echolane_port_address_conflicts_total", probe_name="lab",
                                    port="probe0") == 1, "the conflict to be counted")
    assert_equal(prober.logged(f"{PROBER}, which is ours", "WARNING"), 1, "lines on the conflict")
    # a flood of them is no flood of lines
    lab.run("router", ["python3", "-c", f"""
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("p0", 0))
    for i in range(200):
        s.send(bytes.fromhex("{arp(1, BROADCAST, NOBODY, NOBODY, PROBER, BROADCAST, PROBER).hex()}"))
"""])
    prober.wait_for(lambda m: m.sum("echolane_port_address_conflicts_total") > 100, "the flood to be counted")
    prober.stop()
    assert prober.logged("address conflict") <= 10, prober.stderr
