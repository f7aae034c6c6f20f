# SPDX-License-Identifier: BSD-3-Clause
"""The tests' own means: what a test sees of a program that has died, and when."""
import signal
import time

from harness import GATEWAY, HOST1, config, icmp, wait_until
from test_simpeer import Peer


def fails(call, *texts):
    """The call fails within two seconds, saying all these texts."""
    began = time.monotonic()
    try:
        call()
    except AssertionError as error:
        for text in texts:
            assert text in str(error), f"{text!r} is not in: {error}"
        assert time.monotonic() - began < 2, f"it took {time.monotonic() - began:.1f} s to say: {error}"
        return
    raise AssertionError("nothing failed")


def forever():
    wait_until(lambda: False, 30, "nothing")


def test_a_program_that_fails(lab):
    with open(lab.directory / "log", "wb") as log:
        lab.popen("prober", ["sh", "-c", "echo last words >&2; exit 7"], stderr=log)
    fails(forever, "sh ended with status 7", "last words")


def test_a_program_that_ends_without_being_asked(lab):
    lab.popen("prober", ["true"])
    fails(forever, "true ended with status 0", "nothing in its log")


def test_programs_that_may_end(lab):
    """One that was asked to, one that was waited for, one that is done."""
    asked, waited = lab.popen("prober", ["sleep", "60"]), lab.popen("prober", ["false"])
    done = lab.popen("prober", ["true"], ends=True)
    asked.terminate()
    waited.wait(5)
    wait_until(lambda: asked.poll() is not None and done.poll() is not None, 5, "their ends")
    fails(lambda: wait_until(lambda: False, 0.2, "nothing"), "in vain for nothing")


def test_a_prober_that_crashes(lab):
    prober = lab.start(config({"icmp": icmp(HOST1, 10)}))
    prober.wait_for(lambda m: True, "a page")
    prober.process.send_signal(signal.SIGABRT)
    fails(lambda: wait_until(lambda: prober.logged("no such line"), 30, "a line"), "echolane ended with",
          "signal 6 (SIGABRT)")
    fails(lambda: prober.wait_for(lambda m: False, "nothing", 30), "signal 6 (SIGABRT)")


def test_a_prober_that_does_not_start(lab):
    prober = lab.start("no: configuration", "--rounds", "1")
    fails(lambda: prober.wait_for(lambda m: False, "a page", 30), "status 65", "unknown key")
    fails(prober.ends_well, "status 65", "unknown key")


def test_a_peer_that_crashes(lab):
    peer = Peer(lab, [{"name": "all", "match": {"protocol": "icmp"}}])
    prober = lab.start(config({"icmp": icmp(GATEWAY, 10)}))
    peer.process.send_signal(signal.SIGABRT)
    fails(lambda: prober.wait_for(lambda m: False, "nothing", 30), "simpeer ended with signal 6 (SIGABRT)")
