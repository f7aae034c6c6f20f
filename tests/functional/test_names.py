# SPDX-License-Identifier: BSD-3-Clause
"""Names: a real DNS server (dnsmasq) whose answers change, vanish and come back, or that is silent."""
import re
import signal
import time

import packets
from harness import (HOST1, HOST2, HOST3, PORT, PROBER, assert_equal, config, icmp, lab_options, tcp, wait_until,
                     write_whole)

MEASUREMENTS = ("sent_total", "loss_total", "loss_ratio", "round_trip_seconds")


class NameServer:
    """dnsmasq on the prober's loopback interface, which the prober's resolv.conf names."""

    def __init__(self, lab, hosts):
        self.hosts_path = lab.directory / "hosts"
        self.log_path = lab.directory / "dnsmasq.log"
        write_whole(self.hosts_path, self.text(hosts))
        lab.etc("prober", "resolv.conf", "nameserver 127.0.0.1\n")
        with open(self.log_path, "wb") as log:
            self.process = lab.popen("prober", [
                "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root",
                "--no-resolv", "--no-hosts", f"--addn-hosts={self.hosts_path.resolve()}", "--local=/test/",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--log-queries", "--log-facility=-"],
                stderr=log)
        wait_until(lambda: "started" in self.log(), 10, "dnsmasq")

    @staticmethod
    def text(hosts):
        return "".join(f"{address} {name}\n" for address, name in hosts)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def queries(self, name):
        return len(re.findall(rf"query\[A+\] {re.escape(name)} ", self.log()))

    def set(self, *hosts):
        """From now on it knows these (address, name) only."""
        reads = self.log().count(": read ")
        write_whole(self.hosts_path, self.text(hosts))
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count(": read ") > reads, 10, "dnsmasq to read its hosts")


def changes(page, target):
    return page.one("app_host_resolution_change_total", destination=target)


def status(page, target):
    return page.one("app_host_resolution_status", destination=target)


def is_measured(page, target):
    return any(page.all(f"{family}_{what}", destination=target) for family in ("tcpsyn", "icmp", "udp_unreachable")
               for what in MEASUREMENTS)


def assert_lossless(page):
    for family in ("tcpsyn", "icmp"):
        assert_equal(page.sum(f"{family}_loss_total"), 0, f"lost of {family}")


def rounds(page):
    return page.one("echolane_rounds_completed_total")


def test_answers_that_change(lab):
    """The address of two targets changes, vanishes and comes back; a third one never notices."""
    server = NameServer(lab, [(HOST1, "web.test")])
    prober = lab.start(config({"ping": icmp("web.test", 10, threshold={"loss": 0.05}),
                               "port": tcp("web.test", 443, 10), "fixed": icmp(HOST3, 10)},
                              dns_update_interval=1))
    named = ("ping", "port")
    page = prober.wait_for(lambda m: all(is_measured(m, t) for t in (*named, "fixed")), "the first round")
    assert_equal([changes(page, t) for t in (*named, "fixed")], [1, 1, 1], "changes, the first included")
    assert_equal([status(page, t) for t in (*named, "fixed")], [1, 1, 1], "statuses")
    assert_equal(len(page.all("threshold", destination="ping")), 1, "thresholds")

    with lab.capture("router", "p0", f"host {HOST2}") as capture:
        server.set((HOST2, "web.test"))
        page = prober.wait_for(lambda m: all(changes(m, t) == 2 for t in named), "the change")
        wait_until(lambda: {p.protocol for p in capture.read() if p.dst == HOST2} ==
                   {packets.TCP, packets.ICMP}, 10, "probes to the new address")
    assert_equal(changes(page, "fixed"), 1, "changes of the other")

    server.set()
    page = prober.wait_for(lambda m: all(status(m, t) == 0 for t in named), "the statuses")
    page = prober.wait_for(lambda m: not any(is_measured(m, t) for t in named), "the measurements to vanish")
    assert_equal([changes(page, t) for t in named], [2, 2], "changes when there is no address")
    assert_equal(len(page.all("threshold", destination="ping")), 1, "thresholds of an inactive target")
    assert_lossless(page)
    before = page.probes("fixed")[0]
    prober.wait_for(lambda m: m.probes("fixed")[0] >= before + 20, "the other's rounds")

    server.set((HOST1, "web.test"))
    page = prober.wait_for(lambda m: all(status(m, t) == 1 and is_measured(m, t) for t in named), "them to return")
    assert_equal([changes(page, t) for t in named], [3, 3], "changes after the return")
    assert_lossless(page)
    prober.stop()


def test_an_address_is_kept(lab):
    """A name with two addresses, given in turns: the one it has is kept while it is among the answers."""
    server = NameServer(lab, [(HOST1, "two.test"), (HOST2, "two.test")])
    prober = lab.start(config({"ping": icmp("two.test", 10)}, dns_update_interval=1))
    prober.wait_for(lambda m: is_measured(m, "ping"), "the first round")
    asked = server.queries("two.test")
    wait_until(lambda: server.queries("two.test") >= asked + 4, 20, "four more queries")
    page = prober.metrics()
    assert_equal(changes(page, "ping"), 1, "changes")
    assert_lossless(page)
    prober.stop()


def test_refresh_intervals(lab):
    """0 is never again; a target's own interval goes before the global one."""
    server = NameServer(lab, [(HOST1, "once.test"), (HOST1, "often.test")])
    prober = lab.start(config({"once": icmp("once.test", 10),
                               "often": icmp("often.test", 10, dns_update_interval=1)},
                              dns_update_interval=0))
    prober.wait_for(lambda m: all(is_measured(m, t) for t in ("once", "often")), "the first round")
    asked = server.queries("once.test")
    server.set((HOST2, "once.test"), (HOST2, "often.test"))
    page = prober.wait_for(lambda m: changes(m, "often") == 2, "the change")
    asked_often = server.queries("often.test")
    wait_until(lambda: server.queries("often.test") >= asked_often + 2, 10, "two more queries")
    assert_equal(changes(prober.metrics(), "once"), 1, "changes of the name that is not refreshed")
    assert_equal(server.queries("once.test"), asked, "queries of the name that is not refreshed")
    assert_lossless(page)
    prober.stop()


def test_a_server_that_is_silent(lab):
    """Its names become inactive; the rounds of others go on on time, and control is never held up."""
    server = NameServer(lab, [(HOST1, "web.test")])
    prober = lab.start(config({"named": icmp("web.test", 10), "fixed": icmp(HOST3, 10)},
                              dns_update_interval=1, logging_level="DEBUG"))
    first = prober.wait_for(lambda m: is_measured(m, "named"), "the first round")
    server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    page = prober.wait_for(lambda m: status(m, "named") == 0 and not is_measured(m, "named"),
                           "the name to fail", 30)
    took_s = time.monotonic() - began
    went_by = rounds(page) - rounds(first)
    assert went_by >= 0.7 * took_s - 1, f"{went_by} rounds of a second each in {took_s:.1f} s"
    assert_lossless(page)
    server.process.send_signal(signal.SIGCONT)
    prober.wait_for(lambda m: status(m, "named") == 1 and is_measured(m, "named"), "the name to return", 30)
    prober.stop()
    longest_ms = float(re.search(r"longest loop: (\S+) ms", prober.stderr)[1])
    assert longest_ms < 1000, f"control was held up for {longest_ms} ms"


def test_a_server_that_is_silent_from_the_start(lab):
    """The others are probed all the same; the name joins when the server answers."""
    server = NameServer(lab, [(HOST1, "web.test")])
    server.process.send_signal(signal.SIGSTOP)
    prober = lab.start(config({"named": icmp("web.test", 10), "fixed": icmp(HOST3, 10)}, dns_update_interval=1))
    page = prober.wait_for(lambda m: is_measured(m, "fixed"), "the first round")
    assert_equal(status(page, "named"), 0, "status without an answer")
    assert not is_measured(page, "named")
    server.process.send_signal(signal.SIGCONT)
    page = prober.wait_for(lambda m: is_measured(m, "named"), "the name", 30)
    assert_equal(changes(page, "named"), 1, "changes")
    assert_lossless(page)
    prober.stop()


def test_the_probers_own_address(lab):
    """A name that comes to the prober itself is disabled, and enabled when it comes to another."""
    server = NameServer(lab, [(PROBER, "self.test")])
    prober = lab.start(config({"self": icmp("self.test", 10), "fixed": icmp(HOST3, 10)}, dns_update_interval=1))
    wait_until(lambda: prober.logged(f"self.test is {PROBER}"), 20, "the address")
    page = prober.wait_for(lambda m: is_measured(m, "fixed"), "the first round")
    first = rounds(page)
    page = prober.wait_for(lambda m: rounds(m) >= first + 3, "three rounds more")
    assert not is_measured(page, "self"), "the prober measures itself"
    assert_equal((status(page, "self"), changes(page, "self")), (1, 0), "its status and changes")
    server.set((HOST1, "self.test"))
    page = prober.wait_for(lambda m: is_measured(m, "self"), "the other address")
    assert_lossless(page)
    assert_equal((status(page, "self"), changes(page, "self")), (1, 1), "status and changes at another address")
    server.set((PROBER, "self.test"))
    page = prober.wait_for(lambda m: not is_measured(m, "self"), "the prober's address again")
    first = rounds(page)
    prober.wait_for(lambda m: rounds(m) >= first + 3, "three rounds more")
    prober.stop()
    disabled = f"target self disabled: self.test is {PROBER}, an address of the prober"
    enabled = "target self enabled: self.test is no address of the prober any more"
    assert_equal([prober.logged(line) for line in (disabled, enabled)], [2, 1], "lines of each change")


@lab_options(ipv6=True)
def test_families(lab):
    """A name is IPv4 unless its target says IPv6; the families of one name are two things."""
    NameServer(lab, [(HOST1, "both.test"), ("2001:db8:2::10", "both.test"), (HOST1, "four.test")])
    prober = lab.start(config({"default": icmp("both.test", 10), "four": icmp("both.test", 10, address_family="ipv4"),
                               "six": icmp("both.test", 10, address_family="ipv6"),
                               "none": icmp("four.test", 10, address_family="ipv6")}, dns_update_interval=1),
                       port=f"{PORT},address=2001:db8::10/64,gateway=2001:db8::1")
    with lab.capture("router", "p0", "icmp or icmp6") as capture:
        page = prober.wait_for(lambda m: all(is_measured(m, t) for t in ("default", "four", "six")),
                               "the first round")
        wait_until(lambda: {HOST1, "2001:db8:2::10"} <= {p.dst for p in capture.read()}, 10, "probes of both")
    assert_equal([page.all("icmp_sent_total", destination=t)[0][0]["address_family"]
                  for t in ("default", "four", "six")], ["ipv4", "ipv4", "ipv6"], "families")
    assert_equal(status(page, "none"), 0, "status of a name without an address of its family")
    assert_lossless(page)
    prober.stop()
