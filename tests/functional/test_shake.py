# SPDX-License-Identifier: BSD-3-Clause
"""The network under the prober is shaken at random, while the router counts what arrives there and what is answered:
every probe is accounted for, no loss is invented, none is left out, and nothing that is configured is missing.

By hand: EL_SHAKE_SEED=77 EL_SHAKE_SECONDS=120 scripts/test shake"""
import json
import math
import os
import re
import time

from harness import HOST1, config, icmp, lab_options, tcp, time_limit, udp, wait_until
from metrics import Metrics
from shaker import HOSTS, HOSTS_V6, NAME, Shaker, make_room
from test_names import NameServer

SECONDS = float(os.environ.get("EL_SHAKE_SECONDS", "8"))
SEEDS = [int(os.environ["EL_SHAKE_SEED"])] if "EL_SHAKE_SEED" in os.environ else range(1, 11)
DRIVERS = ("af_xdp", "af_packet")  # of even seeds, of odd ones
NUMBER = 20  # probes of a series in a round of a second
V6 = {"address_family": "ipv6"}
TARGETS = {
    "icmp_ipv4": icmp(HOST1, NUMBER), "icmp_ipv6": icmp(HOSTS_V6[0], NUMBER, **V6),
    "tcp_ipv4": tcp(HOSTS[1], 80, NUMBER), "tcp_ipv6": tcp(HOSTS_V6[1], 81, NUMBER, **V6),
    "udp_ipv4": udp(HOSTS[2], nb_packets=NUMBER), "udp_ipv6": udp(HOSTS_V6[2], nb_packets=NUMBER, **V6),
    "named": icmp(NAME, NUMBER), "long": icmp(HOSTS[1], NUMBER, ip_payload_size=1400),
}
GROUPS = {"g": {"src_port_a": 64000, "src_port_z": 64099}}
# What is counted, each kind by its own counters: probes, and what answers them. Those of IPv6 by the place of their
# bytes: not all of them have a transport header for nft where they come in.
KINDS = {
    ("icmp", "ipv4"): ("icmp type echo-request", "icmp type echo-reply"),
    ("icmp", "ipv6"): ("ip6 nexthdr ipv6-icmp @nh,320,8 128", "icmpv6 type echo-reply"),
    ("tcpsyn", "ipv4"): ("tcp flags & (syn | rst) == syn ip version 4", "tcp flags & (syn | rst) != 0 ip version 4"),
    ("tcpsyn", "ipv6"): ("ip6 nexthdr tcp @nh,424,8 & 6 == 2", "ip6 nexthdr tcp tcp flags & (syn | rst) != 0"),
    ("udp_unreachable", "ipv4"): ("udp dport 33434 ip version 4", "icmp type destination-unreachable"),
    ("udp_unreachable", "ipv6"): ("ip6 nexthdr udp @nh,336,16 33434", "icmpv6 type destination-unreachable"),
}
# on the wire at the router, whoever it was for; taken by the router; lost by it; answers that left it
COUNTERS = ("wire", "arrived", "lost", "answered")
LINK_SEEN_S = 0.05  # until a link is seen to be down, which is looked at every 10 ms, if nothing holds that up
RIGHT_S = 1.5  # until all is answered again, on an idle machine


def series_of(kind):
    return 3 if kind == ("icmp", "ipv4") else 1


def counter(what, kind):
    return f"{what}_{'_'.join(kind)}"


def rules(what, which):
    return "\n".join(f"{match[which]} counter name {counter(what, kind)}" for kind, match in KINDS.items())


class Truth:
    """What the router counts, on the prober's link, of each kind."""

    def __init__(self, lab):
        self.lab = lab
        counters = {what: "\n".join(f"counter {counter(what, kind)} {{ }}" for kind in KINDS) for what in COUNTERS}
        lab.nft("router", f"""
            table netdev shake {{
                {counters["wire"]}
                {counters["answered"]}
                chain in {{
                    type filter hook ingress device p0 priority 0;
                    {rules("wire", 0)}
                }}
                chain out {{
                    type filter hook egress device p0 priority 0;
                    {rules("answered", 1)}
                }}
            }}
            table inet shake {{
                {counters["arrived"]}
                {counters["lost"]}
                chain in {{
                    type filter hook prerouting priority -300;
                    iifname != {{ "p0", "b0" }} accept
                    {rules("arrived", 0)}
                    jump gone
                    jump loses
                }}
                chain gone {{
                }}
                chain loses {{
                }}
            }}""")

    @staticmethod
    def losing():
        return [f"add rule inet shake loses {match[0]} numgen inc mod 5 == 1 counter name {counter('lost', kind)} drop"
                for kind, match in KINDS.items()]

    def read(self):
        """By (what, kind)."""
        found = {}
        for family in ("netdev", "inet"):
            text = self.lab.run("router", ["nft", "-j", "list", "counters", "table", family, "shake"]).stdout
            found.update({item["counter"]["name"]: item["counter"]["packets"]
                          for item in json.loads(text)["nftables"] if "counter" in item})
        return {(what, kind): found[counter(what, kind)] for what in COUNTERS for kind in KINDS}


def on_page(page):
    """By (what, kind), as Truth.read."""
    found = {}
    for kind in KINDS:
        labels = {"address_family": kind[1]}
        names = [have["destination"] for have, _ in page.all(f"{kind[0]}_sent_total", **labels)]
        found["sent", kind] = page.sum(f"{kind[0]}_sent_total", **labels)
        found["lost", kind] = page.sum(f"{kind[0]}_loss_total", **labels)
        for what in ("local", "unknown", "late"):
            found[what, kind] = sum(page.sum(f"echolane_probes_{what}_total", destination=name) for name in names)
    return found


def since(now, before):
    return {key: now[key] - before[key] for key in now}


def assert_all_there(page):
    there = {labels["destination"] for labels, _ in page.all("echolane_target_probed")}
    assert there == set(TARGETS), f"missing on the page: {set(TARGETS) - there}"


def rounds(page):
    return page.one("echolane_rounds_completed_total")


def wait_for_answers(truth, busy_s):
    """Until something of each kind is answered after all is right, which took so long to do."""
    before, began = truth.read(), time.monotonic()
    wait_until(lambda: all(truth.read()["answered", kind] > before["answered", kind] for kind in KINDS), 15,
               "answers of each kind")
    took = time.monotonic() - began
    assert took < RIGHT_S + busy_s, f"all was right again, but the first answers of each kind came {took:.2f} s later"


def quiet_rounds(prober):
    """Two rounds after all is right in which nothing is lost; the page after them."""
    first = rounds(prober.wait_for(lambda m: all(m.one("echolane_target_probed", destination=name) for name in TARGETS),
                                   "all to be probed"))
    before = prober.wait_for(lambda m: rounds(m) >= first + 2, "the shaken rounds to end")
    after = prober.wait_for(lambda m: rounds(m) >= rounds(before) + 2, "two quiet rounds")
    number = rounds(after) - rounds(before)
    for kind, found in since(on_page(after), on_page(before)).items():
        at_least, at_most = (1, number * NUMBER * series_of(kind[1])) if kind[0] == "sent" else (0, 0)
        assert at_least <= found <= at_most, f"{found} of {kind} in {number} quiet rounds"
    assert prober.get("/-/ready")[0] == 200, "not ready"
    return after


def lose_some(truth, shaker):
    """Probes of each kind that the network really loses; how many."""
    before = truth.read()
    undo = shaker.loses()
    wait_until(lambda: all(since(truth.read(), before)["lost", kind] >= 2 for kind in KINDS), 15, "lost probes")
    undo()
    return since(truth.read(), before)


def dropped_without_link(lab):
    """What the prober gave to its interface while that had no carrier."""
    return int(lab.run("prober", ["cat", "/sys/class/net/probe0/statistics/tx_dropped"]).stdout)


def may_be_lost_on_link(kind, links_changed, off_wire, held_up_s):
    """Probes of a kind because links went down and up: no more than were off the wire, with an answer under way each
    time; and no more than are sent until a link is seen to be down."""
    return min(off_wire + links_changed,
               math.ceil(links_changed * NUMBER * series_of(kind) * (LINK_SEEN_S + held_up_s)))


def assert_accounted(page, truth, on_link):
    """page, truth: since the start; on_link: by kind, what may be lost there besides."""
    for kind in KINDS:
        sent, lost, local, unknown, late = (page[what, kind] for what in ("sent", "lost", "local", "unknown", "late"))
        wire, arrived, dropped, answered = (truth[what, kind] for what in COUNTERS)
        shown = f"{kind}: sent {sent}, lost {lost} ({late} late), local {local}, unknown {unknown} on the page; {wire} " \
                f"came to the router, {arrived} to its MAC address, it lost {dropped} and {answered} answers left it"
        assert wire <= sent + local + unknown, f"probes that are nowhere on the page: {shown}"
        assert sent - lost <= answered, f"more is answered than there were answers: {shown}"
        assert arrived - answered <= lost + local + unknown, f"unanswered probes are not on the page: {shown}"
        assert lost - late <= dropped + wire - arrived + on_link[kind], \
            f"loss is invented, {on_link[kind]} may be lost on the link: {shown}"


def shake(lab, seed):
    make_room(lab)
    truth, names = Truth(lab), NameServer(lab, [(HOST1, NAME)])
    shaker = Shaker(lab, names, truth.losing(), seed)
    shaker.give_all(check=True)
    off_wire = dropped_without_link(lab)
    prober = lab.start(config(TARGETS, GROUPS, dns_update_interval=1, logging_level="DEBUG"), "--print-metrics",
                       port=f"{DRIVERS[seed % 2]}:probe0")
    try:
        prober.wait_for(lambda m: rounds(m) >= 1, "the first round")
        shaker.shake(SECONDS)
        wait_for_answers(truth, shaker.put_right())
        quiet = on_page(quiet_rounds(prober))
        dropped = lose_some(truth, shaker)
        prober.stop()
        page = Metrics(prober.stdout).check()
        assert_all_there(page)
        page = on_page(page)
        held_up_s = float(re.search(r"longest loop: (\S+) ms", prober.stderr)[1]) / 1000
        assert_accounted(page, truth.read(), {
            kind: may_be_lost_on_link(kind, shaker.links_changed, dropped_without_link(lab) - off_wire, held_up_s)
            for kind in KINDS})
        for kind in KINDS:
            lost = since(page, quiet)["lost", kind]
            assert lost == dropped["lost", kind], f"{kind}: {lost} lost where the router lost {dropped['lost', kind]}"
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    finally:
        (lab.directory / "story").write_text("\n".join(shaker.story) + "\n")


def test_of(seed):
    def test(lab):
        shake(lab, seed)
    return lab_options(ipv6=True)(time_limit(60 + 2 * int(SECONDS))(test))


globals().update({f"test_seed_{seed}": test_of(seed) for seed in SEEDS})
del test_of
