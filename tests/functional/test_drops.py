# SPDX-License-Identifier: BSD-3-Clause
"""What this machine itself drops is told apart from what the network loses."""
import signal
import sys
import time

from harness import PORT, assert_equal, assert_loss, config, icmp, wait_until
from test_simpeer import LATE, TARGET, Peer

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


def prober_and_peer(lab, timeout_s, port=PORT):
    """Rounds of PROBES, to a peer that holds each answer for a second."""
    peer = Peer(lab, [{"name": "case", "match": {"protocol": "icmp"}, "delay": {"us": 1000000}}])
    return lab.start(config({"target": icmp(TARGET, PROBES, timeout=timeout_s)},
                            dataplane={"pacing": "asap"}, interval=6), port=port), peer


def stop_in_a_round(prober, peer, meanwhile):
    """Stops the prober when all probes of a round are sent and none is answered, does something, and lets it go
    on when the answers are there. Where an answer was faster than that, which is not what is to be seen, another
    round is taken. The page before the round, and the first one with it."""
    for number in range(1, 6):
        before = prober.wait_for(lambda m: m.sum("echolane_worker_tx_probes_total") >= number * PROBES, "the probes")
        prober.process.send_signal(signal.SIGSTOP)
        try:
            meanwhile()
            in_time = peer.answered() == (number - 1) * PROBES
            wait_until(lambda: peer.answered() >= number * PROBES, 20, "the answers")
            if in_time:
                time.sleep(1)  # a probe's timeout of 1.5 s, behind the peer's second, goes by
        finally:
            prober.process.send_signal(signal.SIGCONT)
        after = prober.wait_for(lambda m: m.sum(ROUND) >= number, "the round")
        if in_time:
            assert_equal(before.sum(ROUND), number - 1, "the round before")
            assert_equal(after.sum(ROUND), number, "the round")
            return before, after
    raise AssertionError("answers came before the prober was stopped, in each round")


def lost(page):
    return page.probes("target")[1] if page.all("icmp_sent_total") else 0


def starve(lab, port, counter):
    """The prober is stopped when it has sent, and its socket's ring is full when the answers come. All are
    lost, and the round says why; the next one is as if nothing had been."""
    prober, peer = prober_and_peer(lab, 3, port)
    before, starved = stop_in_a_round(prober, peer, lambda: lab.run("router", [sys.executable, "-c", FLOOD]))
    number, dropped = starved.sum(ROUND), starved.sum(counter) - before.sum(counter)
    assert_loss(starved, "target", number * PROBES, lost(before) + PROBES)
    assert dropped >= PROBES, starved.text
    assert_equal(starved.sum(DROPS), dropped, "drops of the round")
    clean = prober.wait_for(lambda m: m.sum(ROUND) > number, "the next round")
    assert_equal(clean.sum(DROPS), 0, "drops of the next round")
    assert_loss(clean, "target", (number + 1) * PROBES, lost(starved))
    prober.stop()
    peer.stop()


def test_a_starved_receiver(lab):
    starve(lab, PORT, "echolane_port_socket_drops_total")


def test_a_starved_receiver_af_xdp(lab):
    starve(lab, PORT.replace("af_packet", "af_xdp"), "echolane_port_imissed_total")


def test_a_stopped_prober(lab):
    """It is away while the answers come in, for longer than their timeout: they are late, and that is its
    own doing."""
    prober, peer = prober_and_peer(lab, 1.5)
    before, metrics = stop_in_a_round(prober, peer, lambda: None)
    assert_loss(metrics, "target", metrics.sum(ROUND) * PROBES, lost(before) + PROBES)
    assert_equal(metrics.sum(LATE) - before.sum(LATE), PROBES, "late")
    assert_equal(metrics.sum(DROPS), PROBES, "drops of the round")
    prober.stop()
    peer.stop()
