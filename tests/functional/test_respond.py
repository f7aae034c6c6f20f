# SPDX-License-Identifier: BSD-3-Clause
"""The responder: kernels and other probers ask an echolane that owns its port, on addresses that no kernel has."""
import json
import subprocess
import sys
import time

import harness
import stamp_peer
from harness import (HOST1, HOST3, PROBER, Skip, assert_equal, config, icmp, lab_options, tcp, udp,
                     wait_until)

ANSWERS, REFUSED = "echolane_responder_answers_total", "echolane_responder_refused_total"
ROUNDS = "echolane_rounds_completed_total"
EVERYTHING = {"icmp": True, "tcp_ports": [80, 443], "udp": True, "stamp": {"port": 862}, "max_pps": 0}
PROBER6 = "2001:db8::10"
# what is answered here is the responder's alone
PORT = f"{harness.PORT},ping=false"
PORT6 = f"{PORT},address={PROBER6}/64,gateway=2001:db8::1"
KEY = "a key for this test alone"

# Connects, or sends, to sys.argv[2:4] by "tcp" or "udp" and says what the kernel says of it.
CLIENT = """if True:
    import socket, sys
    kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, kind) as s:
        s.settimeout(float(sys.argv[4]))
        try:
            s.connect((sys.argv[2], int(sys.argv[3])))
            if sys.argv[1] == "udp":
                s.send(b"x" * 100)
                s.recv(1000)
            print("connected")
        except ConnectionRefusedError:
            print("refused")
        except ConnectionResetError:  # the connection was there, and was reset before that was told
            print("connected")
        except TimeoutError:
            print("silence")
"""

# Sends requests (sys.argv[5:], in hexadecimal, but for T1) from the port sys.argv[1], and prints T1, the reply, T4, the
# TTL and the TOS that it came with: a line each.
SENDER = """if True:
    import json, socket, struct, sys, time
    port, to, to_port, t1_at = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    v6 = ":" in to
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM) as s:
        if v6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0xb8)
        else:
            s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
            s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xb8)
        s.bind(("", port))
        s.connect((to, to_port))
        s.settimeout(2)
        for text in sys.argv[5:]:
            t1 = time.clock_gettime_ns(time.CLOCK_REALTIME)
            s.send(bytes.fromhex(text))
            try:
                reply, ancillary, _, _ = s.recvmsg(2000, 200)
            except TimeoutError:
                print(json.dumps(None))
                continue
            t4 = time.clock_gettime_ns(time.CLOCK_REALTIME)
            fields = {kind: data[0] for _, kind, data in ancillary}
            ttl = fields[socket.IPV6_HOPLIMIT if v6 else socket.IP_TTL]
            tos = fields[socket.IPV6_TCLASS if v6 else socket.IP_TOS]
            print(json.dumps([t1, reply.hex(), t4, ttl, tos]))
"""


def responder(lab, allow, port=PORT, conf=None, **keys):
    """An echolane that probes nothing that could answer, and responds."""
    prober = lab.start(conf or config({"nobody": icmp("203.0.113.200", 1)},
                                      dataplane={"responder": {**EVERYTHING, "allow": allow, **keys}}), port=port)
    prober.wait_for(lambda page: True, "a page")
    return prober


def ping(lab, role, address, count=20):
    """How many echo replies came back, each with what was asked with."""
    said = lab.run(role, ["ping", "-n", "-q", "-c", str(count), "-i", "0.01", "-W", "1", "-p", "c0ffee", address],
                   check=False).stdout
    assert "wrong data" not in said, said
    return int(said.split(" packets transmitted, ")[1].split(" received")[0])


def client(lab, role, kind, address, port, timeout_s=2):
    return lab.run(role, [sys.executable, "-c", CLIENT, kind, address, str(port), str(timeout_s)]).stdout.strip()


def refusals(page):
    return {labels["reason"]: value for labels, value in page.all(REFUSED) if value}


def check_kernel(lab, prober, allowed, other, address):
    """What the kernel of a host that is allowed sees, and of one that is not."""
    assert_equal(ping(lab, allowed, address), 20, "echo replies")
    assert_equal(client(lab, allowed, "tcp", address, 443), "connected", "an open port")
    assert_equal(client(lab, allowed, "tcp", address, 81), "refused", "a closed port")
    assert_equal(client(lab, allowed, "udp", address, 33434), "refused", "a closed port of UDP")
    page = prober.metrics()
    assert page.one(ANSWERS, type="icmp") >= 20 and page.one(ANSWERS, type="udp") >= 1, page.text
    assert page.one(ANSWERS, type="tcp") >= 2, page.text
    assert_equal(refusals(page), {}, "refused")
    assert_equal(ping(lab, other, address, 5), 0, "echo replies to who is not allowed")
    assert_equal(client(lab, other, "tcp", address, 443, 0.3), "silence", "who is not allowed")
    page = prober.metrics()
    assert refusals(page)["not_allowed"] >= 6, page.text
    assert_equal(set(refusals(page)), {"not_allowed"}, "reasons")


def test_kernels_ask(lab):
    """Hosts behind a router ask: ping, TCP and UDP of their kernels."""
    prober = responder(lab, [f"{HOST1}/32"])
    check_kernel(lab, prober, "host1", "host3", PROBER)
    prober.stop()


@lab_options(ipv6=True)
def test_kernels_ask_ipv6(lab):
    prober = responder(lab, ["2001:db8:1::/64"], port=PORT6)
    check_kernel(lab, prober, "host1", "host3", PROBER6)
    prober.stop()


def test_a_kernel_keeps_its_addresses(lab):
    """On an address that the kernel has, the kernel answers, and nobody else."""
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.ip("prober", "route", "add", "default", "via", "192.0.2.1")
    prober = responder(lab, ["0.0.0.0/0"], port="af_packet:probe0")
    assert_equal(ping(lab, "host1", PROBER), 20, "echo replies")
    page = prober.metrics()
    assert_equal(page.sum(ANSWERS), 0, "answers of ours")
    assert_equal(refusals(page), {}, "refused")
    prober.stop()


def test_a_reload_changes_it(lab):
    """On and off, and to whom, without a restart."""
    def conf(**keys):
        return config({"nobody": icmp("203.0.113.200", 1)},
                      dataplane={"responder": {"allow": [f"{HOST1}/32"], **keys}} if keys else {})
    prober = responder(lab, None, conf=conf())
    assert_equal(ping(lab, "host1", PROBER, 3), 0, "answers while it is off")
    assert prober.reload(conf(icmp=True))
    wait_until(lambda: ping(lab, "host1", PROBER, 3) == 3, 10, "answers")
    assert_equal(ping(lab, "host3", PROBER, 3), 0, "answers to another")
    assert prober.reload(conf(icmp=True, allow=[f"{HOST3}/32"]))
    wait_until(lambda: ping(lab, "host1", PROBER, 3) == 0, 10, "silence")
    assert_equal(ping(lab, "host3", PROBER, 3), 3, "answers to the other")
    assert prober.reload(conf(icmp=True, stamp={"port": 862, "mode": "authenticated", "key_file": "/etc/nothing.key"}))
    assert_equal(prober.logged("it stays as it was: /etc/nothing.key", "ERROR"), 1, "lines on a key that is not there")
    assert_equal(ping(lab, "host3", PROBER, 3), 3, "answers as before")
    assert prober.reload(conf())
    wait_until(lambda: ping(lab, "host3", PROBER, 3) == 0, 10, "silence again")
    assert not prober.logged("restart")
    prober.stop()


def test_max_pps(lab):
    """A source that asks more often than that is answered as often, and a target always."""
    prober = responder(lab, ["198.51.100.0/24", "203.0.113.0/24"], conf=config(
        {"peer": icmp(HOST3, 1)}, dataplane={"responder": {"icmp": True, "allow": ["0.0.0.0/0"], "max_pps": 10}}))
    flood = ["ping", "-n", "-q", "-f", "-c", "300", PROBER]
    begin = time.monotonic()
    said = lab.run("host1", flood, check=False).stdout
    took = time.monotonic() - begin
    answered = int(said.split(" packets transmitted, ")[1].split(" received")[0])
    assert 64 <= answered <= 64 + 10 * took + 5, f"{answered} answers in {took:.2f} s"
    page = prober.metrics()
    assert_equal(refusals(page), {"limited": 300 - answered}, "refused")
    said = lab.run("host3", flood, check=False).stdout
    assert " 300 received" in said, said
    prober.stop()


def meshed(lab, own, other, responds, port, metrics_port, **keys):
    """One of two that probe each other by all types."""
    targets = {"icmp": icmp(other), "tcp": tcp(other, 443), "closed": tcp(other, 81), "udp": udp(other)}
    conf = config(targets, prometheus_port=metrics_port, dataplane={
        "ports": [{"name": "m", "device": port, "addresses": [f"{own}/{64 if ':' in own else 24}"]}],
        "responder": {**EVERYTHING, "allow": [f"{other}/{128 if ':' in own else 32}"]} if responds else {}}, **keys)
    if ":" in own:
        for each in targets.values():
            each["address_family"] = "ipv6"
    prober = lab.start(conf, port=None)
    prober.metrics_url = f"http://127.0.0.1:{metrics_port}"
    return prober


def check_mesh(lab, a, b):
    """Two that own their ports see no loss of each other, in all types."""
    socket = f"socket={lab.directory}/memif,socket-abstract=no,id=0"
    one = meshed(lab, a, b, True, f"net_memif0,role=server,{socket}", 8000)
    wait_until(lambda: (lab.directory / "memif").exists(), 20, "the memif's server")
    two = meshed(lab, b, a, True, f"net_memif0,role=client,{socket}", 8001)
    for prober in (one, two):
        page = prober.wait_for(lambda page: page.sum(ROUNDS) >= 4, "rounds")
        began = page.sum(ROUNDS)
        before = {name: page.probes(name) for name in ("icmp", "tcp", "closed", "udp")}
        page = prober.wait_for(lambda page, began=began: page.sum(ROUNDS) >= began + 4, "more rounds")
        for name, (sent, lost) in before.items():
            now = page.probes(name)
            assert now[0] - sent >= 300, f"{name}: {now[0] - sent} probes"
            assert_equal(now[1] - lost, 0, f"{name}: lost")
        assert_equal(refusals(page), {}, "refused")
        # the resets of what the other has opened here are nobody's answers
        assert_equal(page.sum("echolane_unmatched_answers_total"), 0, "unmatched")
        assert_equal(page.sum("tcpsyn_match_ack_fail_count"), 0, "acknowledgements that match nothing")
        assert page.sum("echolane_worker_responder_resets_total") > 300, page.text
        for kind in ("icmp", "tcp", "udp"):
            assert page.one(ANSWERS, type=kind) > 300, page.text
    one.stop()
    two.stop()


def test_two_probe_each_other(lab):
    check_mesh(lab, "192.0.2.10", "192.0.2.20")


def test_two_probe_each_other_ipv6(lab):
    check_mesh(lab, "2001:db8::10", "2001:db8::20")


# ---- STAMP ----

def ask(lab, role, requests, address=PROBER, port=5000, to_port=862, t1_at=4):
    """The replies to requests: [(T1, reply, T4, TTL, TOS)], None where there is none."""
    said = lab.run(role, [sys.executable, "-c", SENDER, str(port), address, str(to_port), str(t1_at),
                          *[request.hex() for request in requests]]).stdout
    replies = [json.loads(line) for line in said.splitlines()]
    return [reply and (reply[0], bytes.fromhex(reply[1]), *reply[2:]) for reply in replies]


def parse(reply, auth=False):
    """(sequence, T3, error estimate, SSID, T2, the sender's sequence, its TTL), RFC 8762 figures 5 and 6."""
    at = (0, 16, 24, 26, 32, 48, 80) if auth else (0, 4, 12, 14, 16, 24, 40)
    estimate = int.from_bytes(reply[at[2]:at[2] + 2], "big")
    near, ptp = time.time_ns(), bool(estimate & 0x4000)
    return (int.from_bytes(reply[:4], "big"), stamp_peer.decode_time(reply[at[1]:at[1] + 8], ptp, near), estimate,
            int.from_bytes(reply[at[3]:at[3] + 2], "big"), stamp_peer.decode_time(reply[at[4]:at[4] + 8], ptp, near),
            int.from_bytes(reply[at[5]:at[5] + 4], "big"), reply[at[6]])


def check_times(replies, auth=False):
    """Both ends have one clock here: what the reflector says is between sending and receiving."""
    for t1, reply, t4, _, _ in replies:
        _, t3, estimate, _, t2, _, _ = parse(reply, auth)
        assert t1 - 3000 <= t2 <= t3 <= t4 + 3000, f"T1 {t1}, then T2 {t2 - t1}, T3 {t3 - t1}, T4 {t4 - t1} ns"
        assert estimate & 0xff, "a multiplier of zero"


def kernel_clock():
    """adjtimex: whether it is synchronised, and its maxerror in us."""
    code = """if True:
        import ctypes
        buffer = (ctypes.c_long * 26)()
        state = ctypes.CDLL(None).adjtimex(buffer)
        print(state, buffer[5] & 0xffffffff, buffer[3])"""
    state, status, maxerror = map(int, subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                                      check=True).stdout.split())
    return state != 5 and not status & 0x40, maxerror


def check_stamp(lab, host, address, port, family_hops):
    prober = responder(lab, ["0.0.0.0/0", "::/0"], port=port)
    requests = [stamp_peer.build_request(1000 + n, n << 32, 0x8001) for n in range(10)]
    replies = ask(lab, host, requests, address)
    assert all(replies), f"answers: {replies}"
    check_times(replies)
    synchronised, maxerror_us = kernel_clock()
    for n, (_, reply, _, ttl, tos) in enumerate(replies):
        sequence, _, estimate, ssid, _, asked, sender_ttl = parse(reply)
        assert_equal((len(reply), sequence, ssid, asked), (44, n, 0, 1000 + n), "length, sequence, SSID, asked")
        assert_equal((reply[28:36], reply[36:38]), (requests[n][4:12], requests[n][12:14]), "what is repeated")
        assert_equal((sender_ttl, ttl, tos & 0xfc), (63, 255 - family_hops, 0xb8), "TTLs, DSCP")
        assert_equal(bool(estimate & 0x8000), synchronised, "S")
        error_us = stamp_peer.error_ns(estimate) / 1000
        assert maxerror_us * 0.9 - 1000 <= error_us <= maxerror_us * 1.1 + 1000, f"{error_us} us, kernel {maxerror_us}"
    # another session, by its SSID, from any port
    for n, source in enumerate((6000, 6001)):
        (_, reply, *_), = ask(lab, host, [stamp_peer.build_request(5, 0, 1, ssid=77)], address, port=source)
        assert_equal(parse(reply)[0], n, "sequence of a session with an SSID")
    # too short, and between the ports of two reflectors
    assert_equal(ask(lab, host, [bytes(43)], address), [None], "answer to a short one")
    assert_equal(ask(lab, host, [bytes(44)], address, port=862), [None], "answer to another reflector")
    page = prober.metrics()
    assert_equal(page.one(ANSWERS, type="stamp"), 12, "answers")
    assert_equal(refusals(page), {"stamp_short": 1, "stamp_ports": 1}, "refused")
    check_short(lab, prober, host, address)
    prober.stop()


def check_short(lab, prober, host, address):
    """What is missing in a request of TWAMP Light's least length, or in none at all, is taken for zeros."""
    conf = json.loads(prober.config.read_text())
    conf["dataplane"]["responder"]["stamp"]["short_requests"] = True
    assert prober.reload(conf)
    request = stamp_peer.build_request(9, 1 << 32, 0x8001)
    for length in (14, 43, 0):
        (_, reply, *_), = ask(lab, host, [request[:length]], address, port=7000 + length)
        _, _, _, ssid, _, asked, _ = parse(reply)
        assert_equal((len(reply), ssid, asked), (44, 0, 9 if length else 0), "length, SSID, asked")
        assert_equal(reply[28:38], (request[4:14] if length else bytes(10)), "what is repeated")


def test_stamp(lab):
    check_stamp(lab, "host1", PROBER, PORT, 1)


@lab_options(ipv6=True)
def test_stamp_ipv6(lab):
    check_stamp(lab, "host1", PROBER6, PORT6, 1)


def test_stamp_authenticated(lab):
    """And with PTP's timestamps, on another port; the key is in a file that is a secret."""
    key_file = lab.directory / "stamp.key"
    key_file.write_text(KEY + "\n")
    key_file.chmod(0o600)
    prober = responder(lab, ["0.0.0.0/0"], stamp={"port": 4000, "mode": "authenticated", "timestamps": "ptp",
                                                  "key_file": str(key_file)})
    key = KEY.encode()
    requests = [stamp_peer.build_request(n, n << 32, 0x8001, ssid=3, key=key) for n in range(10)]
    replies = ask(lab, "host1", requests, to_port=4000, t1_at=16)
    assert all(replies), f"answers: {replies}"
    check_times(replies, auth=True)
    for n, (_, reply, *_) in enumerate(replies):
        sequence, _, estimate, ssid, _, asked, _ = parse(reply, auth=True)
        assert_equal((len(reply), sequence, ssid, asked), (112, n, 3, n), "length, sequence, SSID, asked")
        assert_equal(reply[96:112], stamp_peer.digest(key, reply[:96]), "HMAC")
        assert estimate & 0x4000, "Z"
    forged = requests[0][:111] + bytes((requests[0][111] ^ 1,))
    assert_equal(ask(lab, "host1", [forged], to_port=4000), [None], "answer to a forged one")
    assert_equal(refusals(prober.metrics()), {"stamp_hmac": 1}, "refused")
    prober.stop()
    key_file.chmod(0o644)
    conf = config({}, dataplane={"responder": {**EVERYTHING, "allow": ["0.0.0.0/0"], "stamp": {
        "port": 862, "mode": "authenticated", "key_file": str(key_file)}}})
    for command in (["check"], ["run", "--port", PORT]):
        refused = lab.invoke(*command, lab.write_config(conf))
        assert_equal(refused.process.returncode, 65, "status for a key that others may read")
        assert f"{key_file}: others than its owner may read it" in refused.stderr, refused.stderr


def test_stamp_of_others(lab):
    """Packets that scapy builds and reads, and a dissector of others again."""
    code = """if True:
        import sys
        from scapy.contrib.stamp import STAMPSessionReflectorTestUnauthenticated as Reply
        from scapy.contrib.stamp import STAMPSessionSenderTestUnauthenticated as Request
        if len(sys.argv) == 1:
            for seq in range(5):
                print(bytes(Request(seq=seq, ssid=9)).hex())
        for text in sys.argv[1:]:
            said = Reply(bytes.fromhex(text))
            print(said.seq, said.seq_sender, said.ssid, said.ttl_sender)
    """
    def scapy(*arguments):
        done = subprocess.run(["/usr/bin/python3", "-c", code, *arguments], check=False, capture_output=True, text=True)
        if "No module named 'scapy'" in done.stderr:
            raise Skip("python3-scapy is not installed")
        assert_equal(done.returncode, 0, f"scapy: {done.stderr}")
        return done.stdout.splitlines()
    prober = responder(lab, ["0.0.0.0/0"])
    with lab.capture("host1", "eth0", "udp") as capture:
        replies = ask(lab, "host1", [bytes.fromhex(line) for line in scapy()])
    said = scapy(*[reply[1].hex() for reply in replies])
    assert_equal([list(map(int, line.split())) for line in said], [[n, n, 9, 63] for n in range(5)], "replies")
    dissected = subprocess.run(
        ["tshark", "-r", str(capture.path), "-d", "udp.port==862,twamp.test", "-Y", "udp.srcport == 862", "-T", "fields",
         "-e", "twamp.test.seq_number", "-e", "twamp.test.sender_seq_number", "-e", "twamp.test.sender_ttl"],
        capture_output=True, text=True, check=True).stdout
    assert_equal([line.split() for line in dissected.splitlines()], [[str(n), str(n), "63"] for n in range(5)], "tshark's")
    prober.stop()
