# SPDX-License-Identifier: BSD-3-Clause
"""STAMP targets, against reflectors that are not ours."""
import pathlib
import subprocess
import sys

from children import wait_until
from harness import (HOST1, HOST2, HOST3, assert_equal, assert_loss, config, icmp, lab_options, target, udp)

HERE = pathlib.Path(__file__).resolve().parent


def stamp(destination, nb_packets=100, **keys):
    return target("STAMP", destination, nb_packets, **keys)


class Reflector:
    """stamp_reflector.py on a host of the lab."""

    def __init__(self, lab, role, *options):
        self.out = lab.directory / f"reflector.{lab.next_number()}"
        with open(self.out, "wb") as out:
            self.process = lab.popen(role, [sys.executable, str(HERE / "stamp_reflector.py"), *options],
                                     stdout=out, stderr=subprocess.STDOUT)
        wait_until(lambda: "ready" in self.out.read_text(), 10, "the reflector")

    def sessions(self):
        """Ends it; {(address, ssid): requests}."""
        self.process.terminate()
        self.process.assert_success(10)
        lines = [line.split() for line in self.out.read_text().splitlines()[1:]]
        return {(address, int(ssid)): int(count) for address, ssid, count in lines}


def test_stamp(lab):
    """Beside other types, two of them UDP; sessions of two groups differ in their SSID."""
    reflector = Reflector(lab, "host1")
    groups = {"g": {}, "h": {"src_port_a": 64000, "src_port_z": 64009}}
    metrics = lab.rounds(config({"reflector": stamp(HOST1), "udp": udp(HOST3), "icmp": icmp(HOST2)}, groups), 2)
    for group in groups:
        for name in ("reflector", "udp", "icmp"):
            assert_loss(metrics, name, 200, group=group)
            assert 0 < metrics.rtt(name, 50, group) <= metrics.rtt(name, 95, group) < 0.2, metrics.text
    sessions = reflector.sessions()
    assert_equal(sorted(sessions.values()), [200, 200], "requests of each session")
    assert all(ssid for _, ssid in sessions), sessions
    assert_equal(metrics.sum("echolane_unmatched_answers_total"), 0, "answers that match nothing")


def test_stamp_of_other_makes(lab):
    """Another port, longer packets, a reflector that keeps no sessions, one whose clock is TAI."""
    Reflector(lab, "host1", "--port", "20862", "--stateless")
    Reflector(lab, "host2", "--ptp")
    metrics = lab.rounds(config({"stateless": stamp(HOST1, dst_port=20862, ip_payload_size=1000),
                                 "ptp": stamp(HOST2)}))
    assert_loss(metrics, "stateless", 100)
    assert_loss(metrics, "ptp", 100)


@lab_options(ipv6=True)
def test_stamp_over_ipv6(lab):
    Reflector(lab, "host1", "--ipv6")
    conf = config({"six": stamp("2001:db8:1::10"), "long": stamp("2001:db8:1::10", ip_payload_size=1400),
                   "four": stamp(HOST1)})
    port = "af_packet:probe0,address=192.0.2.10/24,gateway=192.0.2.1,address=2001:db8::10/64,gateway=2001:db8::1"
    metrics = lab.rounds(conf, 2, port=port)
    for name in ("six", "long", "four"):
        assert_loss(metrics, name, 200)


def test_no_reflector(lab):
    """A closed port answers nothing: that is loss, and an ICMP error."""
    metrics = lab.rounds(config({"closed": stamp(HOST1, 50)}))
    assert_loss(metrics, "closed", 50, 50)
    assert_equal(metrics.one("echolane_icmp_errors_total", destination="closed"), 50, "ICMP errors")


def test_stamp_loss(lab):
    """A host that drops exactly every tenth request."""
    lab.nft("host1", """
        table ip t {
            chain input {
                type filter hook input priority 0;
                udp dport 862 numgen inc mod 10 == 3 drop
            }
        }
        """)
    Reflector(lab, "host1")
    assert_loss(lab.rounds(config({"r": stamp(HOST1)}), 2), "r", 200, 20)
