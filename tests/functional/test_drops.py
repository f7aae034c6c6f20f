# SPDX-License-Identifier: BSD-3-Clause
"""What this machine itself drops is told apart from what the network loses."""
import json
import signal
import sys

from harness import PORT, alone, assert_equal, assert_loss, config, icmp, wait_until
from test_simpeer import TARGET, Peer

DROPS = "echolane_round_local_drops"
ROUND = "echolane_round_number"
PROBES = 100

# More frames than the prober's packet socket has room for, to nobody.
FLOOD = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("p0", 0x88b5))
for _ in range(20000):
    s.send(b"\\x02\\0\\0\\0\\0\\x01" + b"\\x02\\0\\0\\0\\0\\x02" + b"\\x88\\xb5" + bytes(46))
"""


def answered(peer):
    """How many answers the peer has sent, ARP apart."""
    peer.process.send_signal(signal.SIGUSR1)
    if not peer.stats_path.exists():
        return 0
    stats = json.loads(peer.stats_path.read_text())
    return stats["sent"] - stats["arp_answered"]


def starve(lab, port, counter):
    """The prober is stopped when it has sent, and its socket's ring is full when the answers come. All are
    lost, and the round says why; the next one is as if nothing had been."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "delay": {"us": 1000000}}])
    prober = lab.start(config({"target": icmp(TARGET, PROBES, timeout=3)},
                              dataplane={"pacing": "asap"}, interval=6), port=port)
    prober.wait_for(lambda m: m.sum("echolane_worker_tx_probes_total") >= PROBES, "the probes")
    prober.process.send_signal(signal.SIGSTOP)
    try:
        lab.run("router", [sys.executable, "-c", FLOOD])
        wait_until(lambda: answered(peer) >= PROBES, 20, "the answers")
    finally:
        prober.process.send_signal(signal.SIGCONT)
    starved = prober.wait_for(lambda m: m.sum(ROUND) >= 1, "round 1")
    assert_equal(starved.sum(ROUND), 1, "round")
    assert_loss(starved, "target", PROBES, PROBES)
    assert starved.sum(counter) >= PROBES, starved.text
    assert_equal(starved.sum(DROPS), starved.sum(counter), "drops of the round")
    clean = prober.wait_for(lambda m: m.sum(ROUND) >= 2, "round 2")
    assert_equal(clean.sum(DROPS), 0, "drops of the next round")
    assert_loss(clean, "target", 2 * PROBES, PROBES)
    prober.stop()
    peer.stop()


@alone
def test_a_starved_receiver(lab):
    starve(lab, PORT, "echolane_port_socket_drops_total")


@alone
def test_a_starved_receiver_af_xdp(lab):
    starve(lab, PORT.replace("af_packet", "af_xdp"), "echolane_port_imissed_total")


@alone
def test_a_stopped_prober(lab):
    """It is away while the answers come in, for longer than their timeout: they are late, and that is its
    own doing."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "delay": {"us": 1000000}}])
    prober = lab.start(config({"target": icmp(TARGET, PROBES, timeout=1.5)},
                              dataplane={"pacing": "asap"}, interval=6))
    prober.wait_for(lambda m: m.sum("echolane_worker_tx_probes_total") >= PROBES, "the probes")
    prober.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: answered(peer) >= PROBES, 20, "the answers")
        lab.run("router", ["sleep", "1"])  # their timeout
    finally:
        prober.process.send_signal(signal.SIGCONT)
    metrics = prober.wait_for(lambda m: m.sum(ROUND) >= 1, "round 1")
    assert_loss(metrics, "target", PROBES, PROBES)
    assert_equal(metrics.sum("echolane_probes_late_total"), PROBES, "late")
    assert_equal(metrics.sum(DROPS), PROBES, "drops of the round")
    prober.stop()
    peer.stop()
