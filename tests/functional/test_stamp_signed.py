# SPDX-License-Identifier: BSD-3-Clause
"""STAMP targets whose probes are signed, have times in PTP's format, or ask for more: against a reflector that is not
ours, and our own."""
import json

import stamp_peer
from children import wait_until
from harness import HOST1, HOST2, HOST3, PORT, assert_equal, assert_loss, config, lab_options
from test_stamp import Reflector, lost_by_direction, stamp

KEY, OTHER_KEY = "a key for this test alone", "and one that is not the same"
UNMATCHED = "echolane_unmatched_answers_total"


def key_file(lab, text=KEY, name="stamp.key"):
    """A file that is a secret."""
    path = lab.directory / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def signed(lab, destination, nb_packets=100, **keys):
    """A target whose probes are signed with KEY."""
    return stamp(destination, nb_packets, stamp={"mode": "authenticated", "key_file": str(key_file(lab)), **keys})


def test_authenticated(lab):
    """Signed with the same key at both ends, beside a session that is not."""
    reflector = Reflector(lab, "host1", "--key", KEY.encode().hex())
    Reflector(lab, "host2")
    metrics = lab.rounds(config({"signed": signed(lab, HOST1), "open": stamp(HOST2)}), 3)
    for name in ("signed", "open"):
        assert_loss(metrics, name, 300)
        assert 0 < metrics.rtt(name, 50) < 0.2, metrics.text
        assert_equal(lost_by_direction(metrics, name), {"forward": 0, "backward": 0, "unknown": 0}, name)
    assert_equal(list(reflector.sessions().values()), [300], "requests of each session")
    assert_equal(metrics.sum(UNMATCHED), 0, "answers that match nothing")


@lab_options(ipv6=True)
def test_authenticated_over_ipv6(lab):
    Reflector(lab, "host1", "--ipv6", "--key", KEY.encode().hex())
    six = signed(lab, "2001:db8:1::10")
    conf = config({"six": six, "long": {**six, "ip_payload_size": 1200}})
    port = f"{PORT},address=2001:db8::10/64,gateway=2001:db8::1"
    metrics = lab.rounds(conf, 2, port=port)
    for name in ("six", "long"):
        assert_loss(metrics, name, 200)


def test_wrong_keys(lab):
    """A reflector with another key answers nothing; one reply in ten that is signed with another is none, is counted,
    and its session goes on. A reflector that signs nothing has no answers either."""
    Reflector(lab, "host1", "--key", OTHER_KEY.encode().hex())
    Reflector(lab, "host2", "--key", KEY.encode().hex(), "--forge", "10")
    Reflector(lab, "host3")
    metrics = lab.rounds(config({"other": signed(lab, HOST1, 50), "forged": signed(lab, HOST2),
                                 "open": signed(lab, HOST3, 30)}), 2)
    assert_loss(metrics, "other", 100, 100)
    assert_loss(metrics, "forged", 200, 20)
    assert_loss(metrics, "open", 60, 60)
    assert_equal(metrics.sum(UNMATCHED, reason="stamp_hmac"), 20 + 60, "replies that are badly signed")
    assert_equal(metrics.sum(UNMATCHED), 20 + 60, "answers that match nothing")
    assert_equal(metrics.one("stamp_port_mismatch_total", destination="forged"), 0, "port mismatches")


def test_keys_that_cannot_be_read(lab):
    """An error says where, at the start and by check; a reload is refused, and all goes on as before."""
    conf = config({"r": signed(lab, HOST1, 20)})
    lines = json.dumps(conf, indent=1)  # YAML, too
    key = lab.directory / "stamp.key"
    path = lab.directory / "wrong.yaml"
    path.write_text(lines)
    row = next(n for n, line in enumerate(lines.splitlines(), 1) if "key_file" in line)
    place = f"{path}:{row}:17: targets.r.stamp.key_file: {key}: "
    key.chmod(0o644)
    for command in (["check"], ["run", "--port", PORT]):
        refused = lab.invoke(*command, str(path))
        assert_equal(refused.process.returncode, 65, "status for a key that others may read")
        assert f"{place}others than its owner may read it" in refused.stderr, refused.stderr
    key.chmod(0o600)
    Reflector(lab, "host1", "--key", KEY.encode().hex())
    prober = lab.start(conf)
    prober.wait_for(lambda page: page.sum("echolane_rounds_completed_total") >= 1, "a round")
    key.unlink()
    assert not prober.reload(), "a reload without the key"
    said = f"targets.r.stamp.key_file: {key}: No such file or directory"
    assert_equal(prober.logged(said, "ERROR"), 1, "lines on it")
    done = prober.metrics().sum("echolane_rounds_completed_total")
    page = prober.wait_for(lambda page: page.sum("echolane_rounds_completed_total") >= done + 2, "more rounds")
    assert_equal(page.probes("r")[1], 0, "lost")
    prober.stop()


def test_keys_are_read_again(lab):
    """By a reload, though the configuration is the same."""
    conf = config({"r": signed(lab, HOST1, 20)})
    key_file(lab, OTHER_KEY)
    Reflector(lab, "host1", "--key", KEY.encode().hex())
    prober = lab.start(conf)
    page = prober.wait_for(lambda page: page.all("stamp_loss_ratio", destination="r"), "a round")
    assert_equal(page.ratio("r"), 1, "loss with a wrong key")
    key_file(lab, KEY)
    assert prober.reload()
    prober.wait_for(lambda page: page.ratio("r") == 0, "the right key")
    prober.stop()


# ---- timestamps ----

def test_ptp_timestamps(lab):
    """T1 is in TAI and says so; what the reflector's are in is its own. All delays are right, within their bound."""
    log = lab.directory / "requests"
    Reflector(lab, "host1", "--ptp", "--log", str(log))
    Reflector(lab, "host2")
    ptp = {"stamp": {"timestamps": "ptp"}}
    metrics = lab.rounds(config({"both": stamp(HOST1, 20, **ptp), "own": stamp(HOST2, 20, **ptp)}), 3)
    for name in ("both", "own"):
        assert_loss(metrics, name, 60)
        network = metrics.one("echolane_round_trip_network_seconds", destination=name, percentile="50")
        trips = [metrics.one("echolane_oneway_trip_seconds", destination=name, direction=direction, percentile="50")
                 for direction in ("forward", "backward")]
        assert all(0 <= trip <= 2 * network for trip in trips), metrics.text
    for line in log.read_text().splitlines():
        at, request = int(line.split()[0]), bytes.fromhex(line.split()[1])
        assert int.from_bytes(request[12:14], "big") & 0x4000, "Z"
        t1 = stamp_peer.decode_time(request[4:12], True, at)
        assert at - 2 * 10**9 < t1 <= at, f"T1 {t1}, it is {at}"


# ---- against our own reflector ----

def echolane(lab, own, other, number, role, **stamp_keys):
    """One of two that have a link of their own, and reflect each other's STAMP on port 20862."""
    socket = f"socket={lab.directory}/memif,socket-abstract=no,id=0"
    reflector = {key: stamp_keys[key] for key in ("mode", "key_file", "timestamps") if key in stamp_keys}
    conf = config({"peer": stamp(other, dst_port=20862, stamp=stamp_keys)}, prometheus_port=8000 + number, dataplane={
        "ports": [{"name": "m", "device": f"net_memif0,role={role},{socket}", "addresses": [f"{own}/24"]}],
        "responder": {"allow": [f"{other}/32"], "max_pps": 0, "stamp": {"port": 20862, **reflector}}})
    prober = lab.start(conf, port=None)
    prober.metrics_url = f"http://127.0.0.1:{8000 + number}"
    return prober


def two_echolanes(lab, **stamp_keys):
    """The pages of two that probe each other without loss, after some rounds."""
    probers = [echolane(lab, "192.0.2.10", "192.0.2.20", 0, "server", **stamp_keys)]
    wait_until(lambda: (lab.directory / "memif").exists(), 20, "the memif's server")
    probers.append(echolane(lab, "192.0.2.20", "192.0.2.10", 1, "client", **stamp_keys))
    pages = []
    for prober in probers:
        page = prober.wait_for(lambda page: page.all("stamp_loss_ratio") and page.ratio("peer") == 0, "no loss")
        sent, lost = page.probes("peer")
        page = prober.wait_for(lambda page, sent=sent: page.probes("peer")[0] >= sent + 300, "more rounds")
        assert_equal(page.probes("peer")[1], lost, "lost")
        assert_equal(page.sum(UNMATCHED), 0, "answers that match nothing")
        assert page.one("echolane_responder_answers_total", type="stamp") > 300, page.text
        pages.append(page)
    for prober in probers:
        prober.stop()
    return pages


def test_two_echolanes_sign(lab):
    two_echolanes(lab, mode="authenticated", key_file=str(key_file(lab)), timestamps="ptp")


# ---- what is asked for by TLVs ----

def test_class_of_service(lab):
    """A router that marks packets anew on their way is seen, and that a reflector does not use the DSCP wanted."""
    lab.nft("router", f"""
        table ip t {{
            chain c {{
                type filter hook forward priority mangle;
                ip daddr {HOST1} udp dport 862 ip dscp set cs1
            }}
        }}
        """)
    for host in ("host1", "host2", "host3"):
        Reflector(lab, host)
    targets = {"remarked": stamp(HOST1, 50, stamp={"class_of_service": 0}),
               "as_sent": stamp(HOST2, 50, stamp={"class_of_service": 0}),
               "refused": stamp(HOST3, 50, stamp={"class_of_service": 10})}
    metrics = lab.rounds(config(targets, {"g": {"dscp": 46}}), 2)
    for name in targets:
        assert_loss(metrics, name, 100)
        assert_equal(metrics.one("echolane_stamp_remarked_total", destination=name), 100 * (name == "remarked"), name)
        assert_equal(metrics.one("echolane_stamp_class_refused_total", destination=name), 100 * (name == "refused"), name)
        assert_equal(metrics.one("echolane_stamp_tlvs_total", destination=name, outcome="answered"), 100, name)


def session_packets(metrics, name):
    return [metrics.one("echolane_stamp_session_packets_total", destination=name, packets=packets)
            for packets in ("sent", "received", "replied")]


def test_direct_measurement(lab):
    """Both ends' counts, from the last reply of the first round to that of the last; a reflector that counts nothing
    says that it does not understand."""
    lab.nft("router", f"""
        table ip t {{
            chain c {{
                type filter hook forward priority 0;
                ip daddr {HOST1} udp dport 862 numgen inc mod 10 == 3 drop
            }}
        }}
        """)
    Reflector(lab, "host1")
    Reflector(lab, "host2", "--stateless")
    asks = {"stamp": {"direct_measurement": True}}
    metrics = lab.rounds(config({"r": stamp(HOST1, **asks), "stateless": stamp(HOST2, **asks), "plain": stamp(HOST3)}), 3)
    assert_equal(session_packets(metrics, "stateless"), [0, 0, 0], "packets of which nothing is told")
    assert_equal(metrics.one("echolane_stamp_tlvs_total", destination="stateless", outcome="unknown"), 300, "not understood")
    assert_equal(session_packets(metrics, "r"), [200, 180, 180], "packets")
    assert_equal(metrics.all("echolane_stamp_session_packets_total", destination="plain"), [], "of what did not ask")


def test_two_echolanes_ask(lab):
    """All that there is at a time."""
    for page in two_echolanes(lab, mode="authenticated", key_file=str(key_file(lab)), timestamps="ptp",
                              class_of_service=0, direct_measurement=True):
        sent, received, replied = session_packets(page, "peer")
        assert sent == received == replied >= 200, page.text
        assert_equal(page.one("echolane_stamp_remarked_total"), 0, "remarked")
        assert page.one("echolane_stamp_tlvs_total", outcome="answered") >= 300, page.text
        assert_equal(page.sum("echolane_stamp_tlvs_total"), page.one("echolane_stamp_tlvs_total", outcome="answered"), "all")
