# SPDX-License-Identifier: BSD-3-Clause
"""accept_ra: default routers, a prefix on the link, an address and the MTU from a router's advertisements."""
import ipaddress
import struct

import packets
from harness import assert_equal, config, icmp, lab_options, time_limit, udp, wait_until
from hosts import Hosts

PREFIX, NEAR = "2001:db8:aa::", "2001:db8:aa::1"
FAR = "2001:db8:1::10"
PORT = "af_packet:probe0,address=fe80::10/64,accept_ra=true"
ALL_NODES = "ff02::1"
ON_LINK, AUTONOMOUS = 0x80, 0x40
HIGH = 0x08  # of two bits of flags (RFC 4191 section 2.2)


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def prefix_option(prefix, valid=9000, preferred=9000, flags=ON_LINK | AUTONOMOUS):
    return struct.pack("!BBBBII4x16s", 3, 4, 64, flags, valid, preferred, packed(prefix))


def mtu_option(mtu):
    return struct.pack("!BBHI", 5, 1, 0, mtu)


def advertisement(lab, source, *options, lifetime=1800, flags=0, hop_limit=255, mac=None):
    """A frame of the router's, or of one with another MAC address; RFC 4861 section 4.2."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, flags, lifetime, 0, 0) + b"".join(options)
    pseudo = packed(source) + packed(ALL_NODES) + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return (bytes.fromhex("333300000001") + packets.raw_mac(mac or lab.mac("router", "p0")) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, hop_limit) +
            packed(source) + packed(ALL_NODES) + body)


def made_from(prefix, mac):
    """RFC 4291, appendix A."""
    b = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.ip_address(packed(prefix)[:8] + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:]))


def probed(page, target):
    return page.one("echolane_target_probed", destination=target, group="g")


@lab_options(ipv6=True)
def test_router_prefix_and_address(lab):
    own = made_from(PREFIX, lab.mac("prober", "probe0"))
    for address in ("fe80::1/64", f"{NEAR}/64"):
        lab.ip("router", "address", "add", address, "dev", "p0", "nodad")
    targets = {"near": icmp(NEAR, 5), "far": icmp(FAR, 5), "long": udp(FAR, nb_packets=5, ip_payload_size=1380)}
    with lab.capture("router", "p0", "ip6") as capture:
        prober = lab.start(config(targets), port=PORT)
        asked = wait_until(lambda: [p for p in capture.read() if p.icmp_type == 133], 15, "a solicitation")[0]
        assert_equal((asked.dst, asked.hop_limit), ("ff02::2", 255), "to all routers")
        # one that a router has forwarded is none
        lab.send_frames("router", "p0", [advertisement(lab, "fe80::1", prefix_option(PREFIX), hop_limit=254)])
        lab.send_frames("router", "p0", [advertisement(lab, "fe80::1", prefix_option(PREFIX), mtu_option(1400))])
        page = prober.wait_for(lambda m: m.all("icmp_sent_total", destination="near") and
                               m.all("icmp_sent_total", destination="far") and
                               m.ratio("near") == 0 and m.ratio("far") == 0, "rounds without loss")
        assert_equal(probed(page, "long"), 0, "that longer packets than the MTU are probed")
        assert prober.logged(f"router fe80::1, prefix {PREFIX}/64 (address {own}), MTU 1400"), prober.stderr
        said = lab.run("router", ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", own], check=False).stdout
        assert "2 received" in said, said
        # a lifetime of 0: no default router any more, but the link stays
        lab.send_frames("router", "p0", [advertisement(lab, "fe80::1", lifetime=0)])
        page = prober.wait_for(lambda m: not probed(m, "far"), "no way beyond the link")
        assert_equal(probed(page, "near"), 1, "that the link is probed")
        assert prober.logged(f"no route to {FAR}"), prober.stderr
        lab.send_frames("router", "p0", [advertisement(lab, "fe80::1", prefix_option(PREFIX), lifetime=3)])
        prober.wait_for(lambda m: probed(m, "far"), "the router again")
        prober.wait_for(lambda m: not probed(m, "far"), "its lifetime to run out")
        prober.stop()
    sent = [p for p in capture.packets if packets.is_probe(p, p.src) and p.dst in (NEAR, FAR)]
    assert_equal({p.src for p in sent}, {own}, "sources of probes")
    solicitations = [p for p in capture.packets if p.icmp_type == 133 and p.src == "::"]
    assert 1 <= len(solicitations) <= 3, f"{len(solicitations)} solicitations"
    # the address was looked for before it was used
    assert [p for p in capture.packets if p.icmp_type == 135 and p.src == "::"], "no duplicate address detection"


@time_limit(150)
@lab_options(ipv6=True)
def test_two_routers(lab):
    """The preferred one is used while it answers and advertises itself (RFC 4191), else the other, by which
    nothing is lost then."""
    lab.run("router", ["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/p0/disable_ipv6"])
    routers = {"plain": ("02:00:00:00:00:01", "fe80::1", 0), "preferred": ("02:00:00:00:00:02", "fe80::2", HIGH)}
    hosts = Hosts(lab)

    def add(name):
        hosts.add(name, *routers[name][:2], networks=["2001:db8:1::/64"])

    def advertise(name, **keys):
        mac, address, flags = routers[name]
        lab.send_frames("router", "p0", [advertisement(lab, address, prefix_option(PREFIX), mac=mac, flags=flags, **keys)])

    with lab.capture("router", "p0", "ip6") as capture:
        def used(name):
            sent = [p.eth_dst for p in capture.read() if packets.is_probe(p, p.src) and p.dst == FAR]
            return sent and sent[-1] == routers[name][0]

        def assert_goes_by(name):
            wait_until(lambda: used(name), 30, f"probes by the {name} router")
            rounds = prober.metrics().one("echolane_rounds_completed_total")
            prober.wait_for(lambda m: m.one("echolane_rounds_completed_total") >= rounds + 2 and m.all("icmp_sent_total") and
                            m.ratio("far") == 0, f"no loss by the {name} router")
        for name in routers:
            add(name)
        prober = lab.start(config({"far": icmp(FAR, 20)}), port=PORT)
        wait_until(lambda: [p for p in capture.read() if p.icmp_type == 133], 15, "a solicitation")
        advertise("plain")
        assert_goes_by("plain")
        advertise("preferred")
        assert_goes_by("preferred")
        hosts.remove("preferred")
        assert_goes_by("plain")
        add("preferred")
        assert_goes_by("preferred")
        advertise("preferred", lifetime=0)
        assert_goes_by("plain")
        prober.stop()
    hosts.child.assert_runs()


@lab_options(ipv6=True)
def test_duplicate_address(lab):
    """What another host has is not used, whoever advertised its prefix."""
    own = made_from(PREFIX, lab.mac("prober", "probe0"))
    for address in ("fe80::1/64", f"{NEAR}/64", f"{own}/64"):
        lab.ip("router", "address", "add", address, "dev", "p0", "nodad")
    prober = lab.start(config({"far": icmp(FAR, 5)}), port=PORT)
    wait_until(lambda: lab.send_frames("router", "p0", [advertisement(lab, "fe80::1", prefix_option(PREFIX))]) or
               prober.logged(f"duplicate address: {own} is not used"), 20, "the duplicate to be found")
    prober.wait_for(lambda m: m.sum("echolane_port_duplicate_addresses") == 1, "it to be counted")
    prober.stop()


def test_kernel_interface(lab):
    """A kernel that has the interface hears its routers itself."""
    done = lab.invoke("check", "--port", "af_packet:probe0,accept_ra=true", lab.write_config(config({"far": icmp(FAR, 5)})))
    assert_equal(done.process.returncode, 64, "exit status")
    assert "accept_ra: the addresses and routes of interface probe0 are the kernel's" in done.stderr, done.stderr


def test_check(lab):
    """A port that waits for routers lacks no address."""
    for accept_ra, said in ((False, "it has no address"), (True, "")):
        conf = config({"far": icmp(FAR, 5)}, dataplane={"ports": [{"device": "net_ring0", "accept_ra": accept_ra}]})
        done = lab.invoke("check", lab.write_config(conf))
        assert_equal(done.process.returncode, 0, "exit status")
        assert said in done.stderr and (said or not done.stderr), done.stderr
