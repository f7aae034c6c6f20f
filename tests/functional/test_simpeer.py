# SPDX-License-Identifier: BSD-3-Clause
"""A scripted peer is the truth: each kind of misbehaviour lands in its counter and nowhere else."""
import json
import pathlib
import signal
import subprocess
import time

from harness import GATEWAY, PORT, alone, assert_equal, assert_loss, config, icmp, tcp, udp, wait_until

TARGET = "198.51.100.77"
ROUTER = "203.0.113.1"


class Peer:
    """simpeer at the router's end of the prober's link, in place of the router's kernel."""

    def __init__(self, lab, rules, device="net_af_packet0,iface=p0", **keys):
        lab.ip("router", "address", "flush", "dev", "p0")
        self.lab = lab
        self.stats_path = lab.directory / "simpeer.stats"
        self.log_path = lab.directory / "simpeer.log"
        script = lab.directory / "simpeer.yaml"
        script.write_text(json.dumps({"prefixes": ["198.51.100.0/24"], "arp": [f"{GATEWAY}/32"],
                                      "rules": rules, **keys}))
        with open(self.log_path, "wb") as log:
            self.process = lab.popen("router", [
                str(lab.simpeer), "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
                f"--file-prefix={lab.peer_prefix}", "--vdev", device, "--",
                "--script", str(script), "--stats", str(self.stats_path), "--yield"],
                stdout=log, stderr=log)
        wait_until(self.is_ready, 20, "simpeer")

    def is_ready(self):
        return "ready\n" in self.log_path.read_text()

    def answered(self):
        """How many answers it has sent so far, ARP apart."""
        self.stats_path.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        wait_until(self.stats_path.exists, 20, "simpeer's counters")
        stats = json.loads(self.stats_path.read_text())
        return stats["sent"] - stats["arp_answered"]

    def stop(self):
        """Its counters, and those of its rules by name."""
        self.process.send_signal(signal.SIGTERM)
        self.process.assert_success(15)
        stats = json.loads(self.stats_path.read_text())
        return stats, {rule["name"]: rule for rule in stats["rules"]}


def everything_counted(metrics):
    """All counters of what can go wrong that are not zero."""
    counted = {}
    for metric in ("tcpsyn_match_ack_fail_count", "tcpsyn_port_mismatch_count",
                   "udp_unreachable_port_mismatch_count", "app_time_ooo_total",
                   "app_process_timed_out_total", "echolane_probes_late_total",
                   "echolane_probes_duplicate_total", "echolane_icmp_errors_total",
                   "echolane_probes_local_total", "echolane_rounds_skipped_total"):
        counted[metric] = metrics.sum(metric)
    for metric in ("echolane_unmatched_answers_total", "echolane_worker_drops_total"):
        assert metrics.all(metric), f"{metric} is missing"
        for labels, value in metrics.all(metric):
            counted[labels["reason"]] = counted.get(labels["reason"], 0) + value
    for drops in ("imissed", "ierrors", "rx_nombuf", "oerrors", "socket_drops"):
        counted[drops] = metrics.sum(f"echolane_port_{drops}_total")
    return {name: value for name, value in counted.items() if value != 0}


LATE, DUPLICATE = "echolane_probes_late_total", "echolane_probes_duplicate_total"
ICMP_ERRORS = "echolane_icmp_errors_total"
ACK_FAIL, TCP_PORT = "tcpsyn_match_ack_fail_count", "tcpsyn_port_mismatch_count"
UDP_PORT = "udp_unreachable_port_mismatch_count"
TCP, ICMP, UDP = tcp(TARGET, 80), icmp(TARGET), udp(TARGET)

# Name: the target, the rule for it, how many of 100 probes are lost, and what is counted besides.
CASES = {
    "tcp_plain": (TCP, {}, 0, {}),
    "tcp_rst": (TCP, {"reply": "rstack"}, 0, {}),
    "icmp_plain": (ICMP, {}, 0, {}),
    "udp_plain": (UDP, {}, 0, {}),
    "silence": (TCP, {"reply": "none"}, 100, {}),
    "drop": (UDP, {"drop_every": 10}, 10, {}),
    "late": ({**ICMP, "timeout": 0.2}, {"delay": {"us": 400000, "every": 10}}, 10, {LATE: 10}),
    "tcp_duplicates": (TCP, {"reply": "rstack", "duplicate_every": 10}, 0, {DUPLICATE: 10}),
    "icmp_duplicates": (ICMP, {"duplicate_every": 10, "copies": 2}, 0, {DUPLICATE: 20}),
    "udp_duplicates": (UDP, {"duplicate_every": 10, "duplicate_delay_us": 5000}, 0, {DUPLICATE: 10}),
    "reordering": (ICMP, {"reorder_every": 10}, 0, {}),
    "tcp_wrong_port": (TCP, {"wrong_port_every": 10}, 10, {TCP_PORT: 10, "port": 10}),
    "tcp_wrong_own_port": (TCP, {"wrong_port_every": 10, "wrong_port": "to"}, 10,
                           {TCP_PORT: 10, "port": 10}),
    "udp_wrong_port": (UDP, {"wrong_port_every": 10}, 10, {UDP_PORT: 10, "port": 10}),
    "tcp_wrong_acknowledgement": (TCP, {"reply": "rstack", "wrong_ack_every": 10}, 10,
                                  {ACK_FAIL: 10, "id": 10}),
    "tcp_wrong_address": (TCP, {"reply": "rstack", "wrong_address_every": 10}, 10, {"address": 10}),
    "icmp_wrong_address": (ICMP, {"wrong_address_every": 10}, 10, {"address": 10}),
    "udp_wrong_address": (UDP, {"wrong_address_every": 10}, 10, {ICMP_ERRORS: 10}),
    "icmp_damaged_payload": (ICMP, {"corrupt_payload_every": 10}, 10, {"id": 10}),  # it is in there
    "quote_without_identification": (UDP, {"corrupt_quote": {"how": "zero_ip_id", "every": 10}}, 10,
                                     {"quote_damaged": 10}),
    "quote_without_checksum": (UDP, {"corrupt_quote": {"how": "zero_checksum", "every": 10}}, 10,
                               {"quote_damaged": 10}),
    "quote_cut": (UDP, {"corrupt_quote": {"how": "truncate", "every": 10}}, 10, {"quote_short": 10}),
    "quote_of_another_address": (UDP, {"corrupt_quote": {"how": "wrong_address", "every": 10}}, 10,
                                 {"address": 10}),
    "quote_with_changed_payload": (UDP, {"corrupt_quote": {"how": "flip_payload", "every": 10}}, 0, {}),
    "challenge_acknowledgement": (TCP, {"reply": "challenge_ack"}, 100, {"tcp_flags": 100}),
    "errors_from_a_router": (UDP, {"reply": "unreachable", "code": 13, "from_router": ROUTER}, 100,
                             {ICMP_ERRORS: 100}),
    "time_exceeded": (ICMP, {"reply": "time_exceeded", "from_router": ROUTER}, 100, {ICMP_ERRORS: 100}),
    "time_exceeded_from_the_target": (UDP, {"reply": "time_exceeded"}, 100, {ICMP_ERRORS: 100}),
    "tcp_unreachable_from_the_target": (TCP, {"reply": "unreachable", "code": 13}, 0, {}),
    "udp_any_code_from_the_target": (UDP, {"reply": "unreachable", "code": 1}, 0, {}),
}
# Answers with a wrong checksum: of all of them a kernel interface has the number, or refuses them.
WRONG_CHECKSUMS = {"tcp": (TCP, {}), "tcp_rst": (TCP, {"reply": "rstack"}), "icmp": (ICMP, {}), "udp": (UDP, {})}
PROTOCOLS = {"TCPsyn": "tcp", "ICMPping": "icmp", "UDPunreachable": "udp"}


def make_test(target, rule, lost, counted, port=PORT, wrong_checksums=0):
    def test(lab):
        peer = Peer(lab, [{"name": "case", **rule,
                           "match": {"protocol": PROTOCOLS[target["type"]], "dst": f"{TARGET}/32"}}])
        metrics = lab.rounds(config({"target": target, "other": icmp("198.51.100.5")},
                                    {"g": {"src_port_a": 61000, "src_port_z": 61199}}), port=port)
        _, rules = peer.stop()
        assert_equal(rules["case"]["received"], 100, "probes that the peer saw")
        assert_loss(metrics, "target", 100, lost)
        assert_loss(metrics, "other", 100)
        assert_equal(everything_counted(metrics), counted, "counters")
        assert_equal(metrics.sum("echolane_worker_wrong_checksums_total"), wrong_checksums, "wrong checksums")
    return test


for case_name, case in CASES.items():
    globals()[f"test_{case_name}"] = make_test(*case)
for case_name, (case_target, case_rule) in WRONG_CHECKSUMS.items():
    case_rule = {**case_rule, "bad_checksum_every": 1}
    globals()[f"test_{case_name}_wrong_checksums_are_counted"] = make_test(
        case_target, case_rule, 0, {}, wrong_checksums=100)
    globals()[f"test_{case_name}_wrong_checksums_are_refused"] = make_test(
        case_target, case_rule, 100, {"checksum": 100}, port=f"{PORT},checksum=strict")


def test_the_peer_itself(lab):
    """It does to the kernel's own tools what its script says."""
    script = pathlib.Path(__file__).with_name("simpeer_smoke.sh")
    with open(lab.directory / "trace", "w+", encoding="utf-8") as trace:
        # it is ended before the test is, so that its trap removes its networks, and the trace says where it was
        done = subprocess.run(["timeout", "50", "bash", "-x", script, str(lab.simpeer)], stdout=trace, stderr=trace,
                              check=False)
        trace.seek(0)
        assert_equal(done.returncode, 0, f"exit status ({trace.read()[-4000:]})")


def test_answers_late_by_the_peers_own_fault(lab):
    """They are not sent, and are what is lost to the last one."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "delay": {"us": 50000}}],
                drop_late_ns=50_000_000)
    prober = lab.start(config({"late": icmp(TARGET, 500, timeout=2)}), "--rounds", "1", "--print-metrics")
    wait_until(lambda: peer.answered() > 50, 20, "answers")
    peer.process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)  # so long it is stopped
    peer.process.send_signal(signal.SIGCONT)
    metrics = prober.final_metrics()
    stats, _ = peer.stop()
    assert 0 < stats["late_dropped"] < 500, stats
    assert_loss(metrics, "late", 500, stats["late_dropped"])
    assert_equal(everything_counted(metrics), {}, "counters")


def test_connections_are_closed(lab):
    """A listener that remembers SYNs is left with none, though both ports are reused all the time."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "tcp"}, "half_open": True}])
    metrics = lab.rounds(config({"open": tcp(TARGET, 80, 1000)}))
    stats, _ = peer.stop()
    assert_loss(metrics, "open", 1000)
    assert_equal(stats["half_open_left"], 0, "connections left half-open")
    assert_equal(everything_counted(metrics), {}, "counters")


def test_reset_before_reuse(lab):
    """Every tenth SYN/ACK is lost: the port's next SYN is preceded by an RST, so it is answered."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "tcp"}, "half_open": True, "drop_every": 10,
                       "half_open_reuse": "challenge_ack"}])
    metrics = lab.rounds(config({"open": tcp(TARGET, 80, 100)}))
    stats, rules = peer.stop()
    assert_loss(metrics, "open", 100, rules["case"]["dropped"])
    assert_equal(stats["half_open_reused"], 0, "SYNs on half-open connections")


def test_answers_after_the_round_is_over(lab):
    """They are late too: lost when the round was published, counted when they come."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "drop_every": 2,
                       "delay": {"us": 900000}}])
    prober = lab.start(config({"late": icmp(TARGET, 10, timeout=0.1)}))
    metrics = prober.wait_for(lambda m: m.sum(LATE) >= 10, "late answers")
    prober.stop()
    peer.stop()
    sent, lost = metrics.probes("late")
    assert_equal(lost, sent, "lost")
    assert metrics.sum(LATE) <= sent / 2, metrics.text


def test_late_answers_after_a_reload(lab):
    """Answers to probes of the plan before are counted to their series, whatever its number is now."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "delay": {"us": 800000}}])
    conf = config({"late": icmp(TARGET, 10, timeout=0.1)}, dataplane={"pacing": "asap"})
    prober = lab.start(conf)
    # each round goes out at once and is published long before its answers come
    page = prober.wait_for(lambda m: m.sum(LATE) >= 10, "late answers")
    for number in range(3):
        conf["targets"] = {f"before{number}": udp("198.51.100.5", nb_packets=1, timeout=0.1), **conf["targets"]}
        lost = page.probes("late")[1]
        prober.wait_for(lambda m, lost=lost: m.probes("late")[1] > lost, "the next round")
        assert prober.reload(conf), prober.stderr
        page = prober.wait_for(lambda m, number=number: m.all("udp_unreachable_sent_total",
                                                              destination=f"before{number}"), "the new plan")
    prober.wait_for(lambda m: m.probes("late")[1] == m.sum(LATE, destination="late") + 10,
                    "all lost probes but those of the last round to be late")
    prober.stop()
    peer.stop()


@alone
def test_delays_are_measured(lab):
    """Scripted delays against the reported percentiles: fixed, uniform, and one that only some answers
    have. Nothing is ever faster; what the machine adds, where both ends share its cores, is some
    milliseconds."""
    peer = Peer(lab, [
        {"name": "fixed", "match": {"dst": "198.51.100.1/32"}, "delay": {"us": 100000}},
        {"name": "uniform", "match": {"dst": "198.51.100.2/32"},
         "delay": {"kind": "uniform", "us": 200000, "jitter_us": 100000}},
        {"name": "some", "match": {"dst": "198.51.100.3/32"}, "delay": {"us": 300000, "every": 5}},
    ])
    metrics = lab.rounds(config(
        {"fixed": icmp("198.51.100.1", 500), "uniform": udp("198.51.100.2", 9, 500),
         "some": tcp("198.51.100.3", 80, 100)},
        {"g": {"src_port_a": 61000, "src_port_z": 61199}}, percentile=[5, 50, 75, 90, 95]))
    peer.stop()
    for target, percentile, low, high in (
            ("fixed", 5, 0.100, 0.120), ("fixed", 50, 0.100, 0.120), ("fixed", 95, 0.100, 0.150),
            ("uniform", 5, 0.100, 0.130), ("uniform", 50, 0.185, 0.230), ("uniform", 95, 0.280, 0.330),
            ("some", 75, 0.000, 0.030), ("some", 90, 0.300, 0.350)):
        have = metrics.rtt(target, percentile)
        assert low <= have <= high, f"{target}: p{percentile} is {have}, expected {low} to {high}"
    for target, sent in (("fixed", 500), ("uniform", 500), ("some", 100)):
        assert_loss(metrics, target, sent)
