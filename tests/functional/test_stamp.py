# SPDX-License-Identifier: BSD-3-Clause
"""STAMP targets, against reflectors that are not ours."""
import json
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


def lost_by_direction(metrics, name="r"):
    return {direction: metrics.one("echolane_probes_lost_total", destination=name, direction=direction)
            for direction in ("forward", "backward", "unknown")}


def dropped(lab):
    """Packets that the router has dropped, by its counter."""
    ruleset = json.loads(lab.run("router", ["nft", "-j", "list", "counters"]).stdout)
    return next(item["counter"]["packets"] for item in ruleset["nftables"] if "counter" in item)


def drop_one_in_ten(lab, match):
    lab.nft("router", f"""
        table ip t {{
            counter dropped {{ }}
            chain c {{
                type filter hook forward priority 0;
                {match} numgen inc mod 10 == 3 counter name dropped drop
            }}
        }}
        """)


def check_direction(lab, match, direction):
    """One in ten is lost in one direction, and what is counted as lost in that direction is what was dropped."""
    drop_one_in_ten(lab, match)
    reflector = Reflector(lab, "host1")
    metrics = lab.rounds(config({"r": stamp(HOST1)}), 3)
    lost = lost_by_direction(metrics)
    assert_equal(lost, {"forward": 0, "backward": 0, "unknown": 0, direction: dropped(lab)},
                 "lost by direction")
    assert_loss(metrics, "r", 300, 30)
    assert_equal(sum(reflector.sessions().values()), 270 if direction == "forward" else 300, "requests reflected")


def test_loss_forward(lab):
    check_direction(lab, "udp dport 862", "forward")


def test_loss_backward(lab):
    check_direction(lab, "udp sport 862", "backward")


def test_loss_of_unknown_direction(lab):
    """A reflector that keeps no sessions can't tell."""
    drop_one_in_ten(lab, "udp dport 862")
    Reflector(lab, "host1", "--stateless")
    assert_equal(lost_by_direction(lab.rounds(config({"r": stamp(HOST1)}), 2)),
                 {"forward": 0, "backward": 0, "unknown": 20}, "lost by direction")


def test_time_in_the_reflector(lab):
    """Round-trip times less that time are shorter by it; the reflector says that its clock is synchronised."""
    Reflector(lab, "host1", "--wait", "0.02")
    metrics = lab.rounds(config({"r": stamp(HOST1, 10)}))
    network = metrics.one("echolane_round_trip_network_seconds", destination="r", percentile="50")
    assert 0 < network < metrics.rtt("r", 50) - 0.019, metrics.text
    assert_equal(metrics.one("echolane_stamp_reflector_synchronised", destination="r"), 1, "synchronised")


def test_delays_of_directions(lab):
    """The way there is 6 ms longer than the way back; the reflector's clock is an hour ahead, and is set while it runs.
    What is told of the delays is right, within its bound."""
    Reflector(lab, "host1", "--late", "0.006", "--ahead", "3600", "--set", "150", "0.05")
    prober = lab.start(config({"r": stamp(HOST1, 60, timeout=0.9)}, dataplane={"histograms": "classic"}))
    # a busy machine has rounds in which nothing takes as short as it did before the step: those are not valued
    metrics = prober.wait_for(lambda m: m.sum("stamp_sent_total") >= 300 and
                              m.all("echolane_oneway_trip_bound_seconds"), "a round of which delays are known", 40)
    sent = metrics.sum("stamp_sent_total")
    assert_loss(metrics, "r", sent)
    network = metrics.one("echolane_round_trip_network_seconds", destination="r", percentile="50")
    bound = metrics.one("echolane_oneway_trip_bound_seconds", destination="r", percentile="50")
    trips, queueing = ({direction: metrics.one(f"echolane_oneway_{what}_seconds", destination="r", direction=direction,
                                               percentile="50") for direction in ("forward", "backward")}
                       for what in ("trip", "queueing"))
    # of this machine, on which everything takes some time, 6 ms and more are there and some are back
    assert 0.006 - bound < trips["forward"] < network + bound and 0 <= trips["backward"] < network, metrics.text
    assert bound < network, metrics.text
    assert 0 <= queueing["forward"] < network - 0.005 and 0 <= queueing["backward"] < network, metrics.text
    assert_equal(metrics.one("echolane_reflector_clock_steps_total", destination="r"), 1, "steps of the clock")
    assert_equal(metrics.one("echolane_oneway_contradictions_total", destination="r"), 0, "contradictions")
    valued = sent - metrics.one("echolane_oneway_unknown_total", destination="r")
    assert valued > 60, metrics.text
    for direction in ("forward", "backward"):
        of = {"destination": "r", "direction": direction}
        assert_equal(metrics.one("echolane_oneway_delay_seconds_count", **of), valued, f"delays {direction}")
        assert_equal(metrics.one("echolane_oneway_delay_seconds_bucket", le="+Inf", **of), valued, "in buckets")
    both = sum(metrics.one("echolane_oneway_delay_seconds_sum", destination="r", direction=direction)
               for direction in ("forward", "backward"))
    assert 0.006 * valued < both < valued, metrics.text
