# SPDX-License-Identifier: BSD-3-Clause
"""Hosts on the prober's own link, very many of them, and addresses of its own, as reloads change both."""
from harness import HOST1, PROBER, assert_equal, config, icmp, time_limit, wait_until

FLAT = "af_packet:probe0,address=10.0.0.10/8"
HOSTS = 2048  # of a /21: all its addresses are probed


def flat_network(lab):
    """The router answers for 10.8.0.0/13, on the prober's link."""
    lab.ip("router", "address", "add", "10.0.0.1/8", "dev", "p0")
    lab.ip("router", "route", "add", "local", "10.8.0.0/13", "dev", "lo")


@time_limit(120)
def test_flat_network(lab):
    """A /21 is probed, then others by reload: nothing is lost, and nothing waits for its next hop once rounds
    have begun."""
    flat_network(lab)
    prober = lab.start(config({"t0": icmp("10.8.0.0/21", 1, is_subnet=True)}, interval=2), port=FLAT)
    for i in range(5):
        name = f"t{i}"
        page = prober.wait_for(lambda m: m.all("icmp_sent_total", destination=name) and
                               m.probes(name)[0] >= 2 * HOSTS, f"two rounds of {name}", 30)
        sent, lost = page.probes(name)
        assert_equal((sent % HOSTS, lost), (0, 0), f"incomplete rounds and losses of {name}")
        assert_equal(page.one("echolane_probes_local_total", destination=name), 0, f"local of {name}")
        if i < 4:
            assert prober.reload(config({f"t{i + 1}": icmp(f"10.8.{8 * (i + 1)}.0/21", 1, is_subnet=True)}, interval=2))
    prober.stop()


def test_requests_are_paced(lab):
    """Two thousand next hops at once are no burst of broadcasts."""
    flat_network(lab)
    with lab.capture("router", "p0", "arp[6:2] = 1") as capture:
        prober = lab.start(config({"t": icmp("10.8.0.0/21", 1, is_subnet=True)}, interval=2), port=FLAT)
        prober.wait_for(lambda m: m.all("icmp_sent_total"), "a round", 30)
    prober.stop()
    times = sorted(p.time for p in capture.packets if p.src == "10.0.0.10")
    assert len(times) >= HOSTS, f"{len(times)} requests"
    most = max(sum(start <= t < start + 1 for t in times) for start in times[::50])
    assert most <= 1400, f"{most} requests within a second, 64 and 1,000 are allowed, and what a busy machine delays"


def test_next_hops_are_released(lab):
    """Who is not probed any more is not asked for any more."""
    dead = "192.0.2.77"
    prober = lab.start(config({"dead": icmp(dead, 10)}))
    prober.wait_for(lambda m: m.all("icmp_loss_total", destination="dead") and m.probes("dead")[1] > 0, "a loss")
    for name in ("next", "icmp"):  # a plan is kept for its late answers until the next but one comes
        assert prober.reload(config({name: icmp(HOST1, 10)}))
        page = prober.wait_for(lambda m: m.all("icmp_sent_total", destination=name) and m.probes(name)[0] >= 20,
                               f"rounds of {name}")
    count = page.probes("icmp")[0]
    with lab.capture("router", "p0", "arp") as capture:
        prober.wait_for(lambda m: m.probes("icmp")[0] >= count + 80, "eight rounds")
    prober.stop()
    assert_equal([p for p in capture.packets if p.dst == dead], [], "requests for who is not probed")


@time_limit(120)
def test_room_for_next_hops(lab):
    """There are 65,536 next hops at most. What finds no room beside those of plans that are not over is probed once
    they are."""
    flat_network(lab)

    def conf(**networks):
        return config({name: icmp(network, 1, is_subnet=True) for name, network in networks.items()}, interval=2)
    prober = lab.start(conf(a="10.8.0.0/17", b="10.8.128.0/17"), port=FLAT)
    prober.wait_for(lambda m: m.all("icmp_sent_total", destination="a"), "a round", 30)
    assert prober.reload(conf(c="10.9.0.0/17"))
    wait_until(lambda: prober.logged("there is no room for their next hops") == 1, 20, "too many next hops")
    prober.wait_for(lambda m: m.one("echolane_targets_not_probed", reason="no_next_hop") == 1, "what is left out", 20)
    assert prober.reload(conf(d="10.9.0.0/17"))  # the first plan is kept for its late answers until then
    # its next hops come after those that were asked for before, and what is to go there is not sent until then
    prober.wait_for(lambda m: m.all("echolane_probes_local_total", destination="d") and
                    m.one("echolane_probes_local_total", destination="d") > 0, "probes of d", 30)
    assert_equal(prober.metrics().one("echolane_targets_not_probed", reason="no_next_hop"), 0, "without a next hop")
    prober.stop()


def test_reload_adds_and_removes_sources(lab):
    """Groups with source addresses on the link come and go by reload: they are asked for and answered for as
    long as they are there."""
    groups = {"g": {}, "b": {"src_ipv4": "192.0.2.40"}, "c": {"src_subnet_ipv4": "192.0.2.64/29"}}
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    prober.wait_for(lambda m: m.all("icmp_sent_total"), "the first round")

    def sent(page, group):
        return page.all("icmp_sent_total", group=group) and page.probes("icmp", group)[0] >= 200
    assert prober.reload(config({"icmp": icmp(HOST1)}, groups))
    page = prober.wait_for(lambda m: sent(m, "b") and sent(m, "c"), "two rounds of the new groups")
    for group in groups:
        assert_equal(page.probes("icmp", group)[1], 0, f"lost of {group}")
    for name in ("next", "icmp"):  # a plan is kept for its late answers until the next but one comes
        assert prober.reload(config({name: icmp(HOST1)}))
    own = lab.run("prober", ["cat", "/sys/class/net/probe0/address"]).stdout.strip()

    def known(address):
        lab.ip("router", "neigh", "flush", "all")
        lab.run("router", ["ping", "-c", "1", "-W", "1", address], check=False)
        return own in lab.ip("router", "neigh", "show", address)
    wait_until(lambda: not known("192.0.2.40"), 15, "192.0.2.40 to be ours no more")
    assert known(PROBER), "the port's own address is answered for no more"
    prober.stop()
