# SPDX-License-Identifier: BSD-3-Clause
"""Addresses and routes are the kernel's, and change while the prober runs: it follows, and what it sent the wrong
way meanwhile is its own doing, not the network's."""
import time

from harness import GATEWAY, HOST1, HOST2, PROBER, assert_equal, config, icmp, lab_options, tcp, udp, wait_until

PORT = "af_packet:probe0"
OTHER = "192.0.2.2"  # the router's second address on the prober's link, at another MAC address
HOST1_V6, PROBER_V6, GATEWAY_V6 = "2001:db8:1::10", "2001:db8::10", "2001:db8::1"
TARGETS = {"icmp": icmp(HOST1, 20), "tcp": tcp(HOST1, 80, 20), "udp": udp(HOST1, nb_packets=20)}
NOT_PROBED = "echolane_targets_not_probed"
LOCAL = "echolane_probes_local_total"


def address(lab, verb="add", prober=f"{PROBER}/24"):
    lab.ip("prober", "address", verb, prober, "dev", "probe0")


def default(lab, gateway=GATEWAY):
    lab.ip("prober", "route", "replace", "default", "via", gateway, "dev", "probe0")


def enable_ipv6(lab):
    """In the prober's kernel, which the lab leaves without; no duplicate address detection."""
    lab.run("prober", ["sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                       "net.ipv6.conf.probe0.accept_dad=0", "net.ipv6.conf.all.disable_ipv6=0",
                       "net.ipv6.conf.default.disable_ipv6=0", "net.ipv6.conf.probe0.disable_ipv6=0"])


def second_router(lab):
    """What comes in by it can be told from what comes in by the first."""
    lab.run("router", ["sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"])
    lab.ip("router", "link", "add", "b0", "link", "p0", "type", "macvlan", "mode", "bridge")
    lab.ip("router", "link", "set", "b0", "up")
    lab.ip("router", "address", "add", f"{OTHER}/24", "dev", "b0")


def first_router_is_gone(lab):
    lab.nft("router", """table ip gone {
        chain in {
            type filter hook prerouting priority 0;
            iifname "p0" drop;
        }
    }""")


def start(lab, targets=None, port=PORT, **conf):
    return lab.start(config(targets or TARGETS, **conf), port=port)


def sent(page, name="icmp"):
    return page.probes(name)[0] if page.all("icmp_sent_total", destination=name) else 0


def wait_for_rounds(prober, number=3, names=("icmp",)):
    """Until so many more rounds have been sent to these; the page."""
    began = {name: sent(prober.metrics(), name) for name in names}
    return prober.wait_for(lambda m: all(sent(m, name) >= began[name] + number * 20 for name in names),
                           f"{number} rounds")


def assert_none_lost(page):
    for name in ("icmp", "tcpsyn", "udp_unreachable"):
        assert_equal(page.sum(f"{name}_loss_total"), 0, f"{name} lost")


def first_probe_within(lab, event, seconds=1.0, interface="p0", role="router",
                       expression="icmp[0] == 8 and dst host " + HOST1):
    """Has something happen, and waits for the first right probe."""
    with lab.capture(role, interface, expression) as seen:
        event()
        began = time.monotonic()
        wait_until(seen.read, 10, "a probe")
        took = time.monotonic() - began
    assert took < seconds, f"the first right probe came {took:.2f} s after the event"


def test_an_address_that_comes_later(lab):
    prober = start(lab)
    page = prober.wait_for(lambda m: m.sum(NOT_PROBED) == 3, "three targets that are not probed")
    assert_equal(page.sum(NOT_PROBED, reason="no_route"), 3, "targets without a route")
    assert_equal(prober.get("/-/ready")[0], 503, "status of /-/ready")

    def comes():
        address(lab)
        default(lab)
    first_probe_within(lab, comes)
    page = wait_for_rounds(prober)
    assert_none_lost(page)
    assert_equal(page.sum(NOT_PROBED), 0, "targets that are not probed")
    assert_equal(prober.get("/-/ready")[0], 200, "status of /-/ready")
    prober.stop()


def test_another_address(lab):
    """As from a DHCP server with another lease."""
    address(lab)
    default(lab)
    prober = start(lab)
    prober.wait_for(lambda m: sent(m) >= 40, "two rounds")

    def changes():
        address(lab, "del")
        address(lab, prober="192.0.2.77/24")
        default(lab)
    first_probe_within(lab, changes, expression="icmp[0] == 8 and src host 192.0.2.77")
    page = wait_for_rounds(prober)
    assert_none_lost(page)
    prober.stop()


def test_another_gateway(lab):
    """The default route goes from router A to B, and A is gone."""
    second_router(lab)
    address(lab)
    default(lab)
    prober = start(lab)
    prober.wait_for(lambda m: sent(m) >= 40, "two rounds")

    def fails_over():
        default(lab, OTHER)
        first_router_is_gone(lab)
    first_probe_within(lab, fails_over, interface="b0")
    page = wait_for_rounds(prober)
    assert_none_lost(page)
    prober.stop()


def test_a_route_goes_and_comes(lab):
    address(lab)
    default(lab)
    prober = start(lab)
    prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    lab.ip("prober", "route", "del", "default")
    page = prober.wait_for(lambda m: m.sum(NOT_PROBED, reason="no_route") == 3, "no routes")
    assert_equal(page.sum("echolane_target_probed", destination="icmp"), 0, "that it is probed")
    first_probe_within(lab, lambda: default(lab))
    assert_none_lost(wait_for_rounds(prober))
    prober.stop()


def test_what_does_not_matter(lab):
    """Routes that nothing is probed by and addresses that nothing is sent from change no plan: rounds go on as they
    were."""
    address(lab)
    default(lab)
    prober = start(lab, logging_level="DEBUG")
    prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    for number in range(50):
        lab.ip("prober", "route", "replace", f"10.{number}.0.0/16", "via", GATEWAY)
    address(lab, prober="10.200.0.1/24")  # of which nothing is sent
    page = wait_for_rounds(prober)
    assert_none_lost(page)
    assert_equal(page.sum(LOCAL), 0, "local")
    assert_equal(prober.logged("a new plan of"), 0, "new plans")
    prober.stop()


def test_mtu(lab):
    """Probes that are longer than the interface takes are not sent, and that is seen."""
    address(lab)
    default(lab)
    prober = start(lab, {"icmp": icmp(HOST1, 20), "long": icmp(HOST1, 20, ip_payload_size=1200)})
    prober.wait_for(lambda m: sent(m) >= 40 and sent(m, "long") >= 40, "two rounds")
    lab.ip("prober", "link", "set", "probe0", "mtu", "1000")
    page = prober.wait_for(lambda m: m.sum(NOT_PROBED, reason="too_long") == 1, "a target that is too long")
    page = wait_for_rounds(prober)
    assert_none_lost(page)
    lab.ip("prober", "link", "set", "probe0", "mtu", "1500")
    page = wait_for_rounds(prober, names=("icmp", "long"))
    assert_none_lost(page)
    prober.stop()


def test_by_a_rule(lab):
    """Two tables, a source for each: the route is that of the source."""
    second_router(lab)
    address(lab)
    address(lab, prober="192.0.2.20/24")
    default(lab)
    lab.ip("prober", "rule", "add", "from", "192.0.2.20", "lookup", "101")
    lab.ip("prober", "route", "add", "default", "via", OTHER, "dev", "probe0", "table", "101")
    prober = lab.start(config(TARGETS, {"a": {}, "b": {"src_ipv4": "192.0.2.20"}}), port=PORT)
    with lab.capture("router", "p0", f"icmp[0] == 8 and ether dst {lab.mac('router', 'p0')}") as by_first, \
            lab.capture("router", "b0", "icmp[0] == 8") as by_second:
        prober.wait_for(lambda m: m.all("icmp_sent_total") and m.sum("icmp_sent_total") >= 80, "two rounds")
        assert_none_lost(prober.metrics())
    assert_equal({packet.src for packet in by_first.packets}, {PROBER}, "sources by the first router")
    assert_equal({packet.src for packet in by_second.packets}, {"192.0.2.20"}, "sources by the second router")
    prober.stop()


def test_unreachable_by_a_route(lab):
    """What the kernel would not send is not probed."""
    address(lab)
    default(lab)
    lab.ip("prober", "route", "add", "unreachable", HOST2)
    prober = start(lab, {"icmp": icmp(HOST1, 20), "never": icmp(HOST2, 20)})
    page = prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    assert_equal(page.sum(NOT_PROBED, reason="no_route"), 1, "targets without a route")
    prober.stop()


@lab_options(ipv6=True)
def test_ipv4_by_an_ipv6_gateway(lab):
    """As between routers without IPv4 addresses (RFC 5549)."""
    enable_ipv6(lab)
    address(lab, prober=f"{PROBER}/32")
    lab.ip("prober", "address", "add", "fe80::10/64", "dev", "probe0")
    lab.ip("router", "address", "add", "fe80::1/64", "dev", "p0")
    lab.ip("router", "route", "add", f"{PROBER}/32", "dev", "p0")
    lab.ip("prober", "-4", "route", "add", "default", "via", "inet6", "fe80::1", "dev", "probe0")
    prober = start(lab)
    page = prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    assert_none_lost(page)
    prober.stop()


@lab_options(ipv6=True)
def test_ipv6_addresses(lab):
    """A deprecated one is taken while there is no other; one that comes later as soon as it is usable."""
    enable_ipv6(lab)
    lab.ip("prober", "address", "add", "2001:db8::dead/64", "dev", "probe0", "preferred_lft", "0")
    lab.ip("prober", "route", "add", "default", "via", GATEWAY_V6, "dev", "probe0")
    prober = start(lab, {"icmp": icmp(HOST1_V6, 20)})
    with lab.capture("router", "p0", "icmp6[0] == 128") as deprecated:
        prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    assert_equal({packet.src for packet in deprecated.packets}, {"2001:db8::dead"}, "sources")
    first_probe_within(lab, lambda: lab.ip("prober", "address", "add", f"{PROBER_V6}/64", "dev", "probe0"),
                       expression=f"icmp6[0] == 128 and src host {PROBER_V6}")
    assert_none_lost(wait_for_rounds(prober))
    prober.stop()


def test_two_gateways(lab):
    """Configured ones, the first of which does not answer."""
    second_router(lab)
    lab.ip("router", "address", "del", f"{GATEWAY}/24", "dev", "p0")
    prober = start(lab, port=f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY},gateway={OTHER}")
    prober.wait_for(lambda m: sent(m) >= 40, "two rounds")
    assert_none_lost(wait_for_rounds(prober))
    prober.stop()


def test_af_xdp(lab):
    """The same where the kernel gets none of the frames: an address and a route that come later, another gateway."""
    second_router(lab)
    prober = start(lab, port=PORT.replace("af_packet", "af_xdp"))
    prober.wait_for(lambda m: m.sum(NOT_PROBED) == 3, "three targets that are not probed")

    def comes():
        address(lab)
        default(lab)
    first_probe_within(lab, comes)
    assert_none_lost(wait_for_rounds(prober, 2))

    def fails_over():
        default(lab, OTHER)
        first_router_is_gone(lab)
    first_probe_within(lab, fails_over, interface="b0")
    assert_none_lost(wait_for_rounds(prober))
    prober.stop()
