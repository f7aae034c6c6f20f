# SPDX-License-Identifier: BSD-3-Clause
"""What a prober must not do to others: to the kernel that it shares an interface with, and to hosts that
somebody names in forged frames."""
import subprocess
import sys

import packets
from harness import (GATEWAY, HOST1, PORT, PROBER, assert_equal, assert_loss, config, icmp, lab_options, tcp,
                     wait_until)

CONNECTIONS = 50
SERVED, PROBED, OWN = 8082, 8080, 8081  # ports: of a host, probed or not; of the prober's own kernel
REFUSED = {"reason": "reset_refused"}

# Gives back what comes in, a line "ready" when it can.
SERVER = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionError: # of a probe
            pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 1024
    daemon_threads = True
server = Server(("", int(sys.argv[1])), Echo)
print("ready", flush=True)
server.serve_forever()
"""

# CLIENT ADDRESS PORT NUMBER: connections one after the other; prints how many were broken.
CLIENT = """
import socket, sys
broken = 0
for _ in range(int(sys.argv[3])):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as s:
            s.sendall(b"x" * 5000)
            s.shutdown(socket.SHUT_WR)
            received = 0
            while data := s.recv(65536):
                received += len(data)
            broken += received != 5000
    except OSError:
        broken += 1
print(broken)
"""


def serve(lab, role, port):
    server = lab.popen(role, [sys.executable, "-c", SERVER, str(port)], stdout=subprocess.PIPE)
    assert_equal(server.stdout.readline(), b"ready\n", "the server")


def connect(lab, role, address, port):
    return lab.popen(role, [sys.executable, "-c", CLIENT, address, str(port), str(CONNECTIONS)],
                     stdout=subprocess.PIPE)


def resets(capture, **fields):
    return [p for p in capture.packets if p.flags & packets.RST and all(getattr(p, k) == v for k, v in fields.items())]


def test_connections_of_the_host(lab):
    """Both ways, beside probes of the same interface, address and ports, and of one of the servers."""
    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.ip("prober", "route", "add", "default", "via", GATEWAY)
    lab.run("prober", ["sh", "-c", "echo 40000 40099 >/proc/sys/net/ipv4/ip_local_port_range"])
    for role, port in (("host1", SERVED), ("host1", PROBED), ("prober", OWN)):
        serve(lab, role, port)
    groups = {"overlaps": {"src_port_a": 40000, "src_port_z": 40099}, "apart": {}}
    with lab.capture("router", "p0", "tcp") as capture:
        prober = lab.start(config({"served": tcp(HOST1, PROBED, 100), "other": tcp(HOST1, 443, 100)}, groups),
                           port="af_packet:probe0")
        prober.wait_for(lambda m: m.sum("echolane_round_number") >= 1, "the first round")
        clients = [connect(lab, "prober", HOST1, SERVED), connect(lab, "prober", HOST1, PROBED),
                   connect(lab, "host1", PROBER, OWN)]
        broken = [int(client.communicate(timeout=50)[0]) for client in clients]
        metrics = prober.metrics()
        prober.stop()
    assert_equal(broken, [0, 0, 0], "broken connections to a host, to a host that is probed, from a host")
    assert_equal(resets(capture, src=PROBER, dport=SERVED) + resets(capture, src=PROBER, sport=OWN), [], "resets")
    assert_equal(metrics.probes("other", "apart")[1], 0, "lost where the ports are apart")


def warned(prober):
    return [line for line in prober.stderr.splitlines() if "ip_local_reserved_ports" in line]


def test_source_ports_of_the_kernel(lab):
    """check, run and a reload say which groups use ports that the kernel uses too, where the address is its own."""
    def check(port):
        prober = lab.invoke("check", "--port", port, lab.write_config(conf))
        assert_equal(prober.process.returncode, 0, "exit status")
        return warned(prober)

    lab.ip("prober", "address", "add", f"{PROBER}/24", "dev", "probe0")
    lab.run("prober", ["sh", "-c", "echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range"])
    groups = {"g": {}, "low": {"src_port_a": 40000, "src_port_z": 40009},
              "elsewhere": {"src_port_a": 40000, "src_port_z": 40009, "src_ipv4": "192.0.2.77"}}
    conf = config({"icmp": icmp(GATEWAY, 10)}, groups)
    for port in ("af_packet:probe0", "af_xdp:probe0", f"af_packet:probe0,address={PROBER}/24",
                 "net_af_packet7,iface=probe0"):
        found = check(port)
        assert len(found) == 1 and "group low" in found[0], f"{port}: {found}"
    assert_equal(check("af_packet:probe0,address=192.0.2.77/24"), [], "warnings where the address is not the kernel's")
    lab.run("prober", ["sh", "-c", "echo 40000-40009 >/proc/sys/net/ipv4/ip_local_reserved_ports"])
    assert_equal(check("af_packet:probe0"), [], "warnings where the ports are reserved")
    del groups["elsewhere"]
    prober = lab.start(conf, port="af_packet:probe0")
    prober.wait_for(lambda m: m.sum("echolane_round_number") >= 1, "the first round")
    assert_equal(warned(prober), [], "warnings of run")
    groups["low"]["src_port_z"] = 40010
    assert prober.reload(conf), prober.stderr
    assert_equal(len(warned(prober)), 1, "warnings of the reload")
    prober.stop()
    prober = lab.start(conf, "--rounds", "1", port="af_packet:probe0")
    assert_equal(prober.wait(), 0, "exit status")
    assert_equal(len(warned(prober)), 1, "warnings of run")


def test_af_xdp_takes_what_comes_in(lab):
    """It is told where that cuts the host off: where the kernel has addresses on the interface."""
    def told(command, *arguments):
        path = lab.write_config(config({"icmp": icmp(GATEWAY, 10)}))
        return lab.invoke(command, *arguments, path).logged("from the kernel, which has")

    port = f"address={PROBER}/24,gateway={GATEWAY}"
    lab.run("prober", ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.probe0.disable_ipv6=0"])
    wait_until(lambda: "fe80::" in lab.ip("prober", "address", "show", "probe0"), 5, "a link-local address")
    assert_equal(told("check", "--port", f"af_xdp:probe0,{port}"), 0, "warnings where it has a link-local one alone")
    lab.ip("prober", "address", "add", "192.0.2.77/24", "dev", "probe0")
    for device in ("af_xdp:probe0", f"af_xdp:probe0,{port}", "net_af_xdp7,iface=probe0"):
        assert_equal(told("check", "--port", device), 1, f"warnings of {device}")
    assert_equal(told("check", "--port", "af_packet:probe0"), 0, "warnings of af_packet")
    assert_equal(told("run", "--rounds", "1", "--port", f"af_xdp:probe0,{port}"), 1, "warnings of run")


def forged(own, station, address, source):
    """SYN/ACKs that must not be answered."""
    broadcast, group, other = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:00:00:00:00:66"
    v6 = ":" in address
    sources = (["::", "::1", "ff02::1", "::ffff:192.0.2.1", address] if v6 else
               ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.255", address])
    good = {"eth_dst": own, "eth_src": station, "src": source}
    changes = [{"eth_src": mac} for mac in (broadcast, group, own, "00:00:00:00:00:00")]
    changes += [{"eth_dst": mac} for mac in (broadcast, group, other)]
    changes += [{"src": text} for text in sources] + [{"damage": 0x0100}]
    def frame(fields):
        return packets.tcp_frame(**{**good, **fields}, dst=address, sport=443, dport=65000,
                                 flags=packets.SYN | packets.ACK, ack=0x01020304)
    return [frame(change) for change in changes], frame({})


def forge(lab, port, address, source, target):
    """The frames from the router's end of the link; of all of them the last alone is answered."""
    station = "02:00:00:00:00:55"
    own = lab.mac("prober", "probe0")
    frames, good = forged(own, station, address, source)
    with lab.capture("router", "p0", "tcp or ip6") as capture:
        prober = lab.start(config({"target": target}), port=port)
        prober.wait_for(lambda m: m.sum("echolane_round_number") >= 1, "the first round")
        lab.send_frames("router", "p0", frames)
        page = prober.wait_for(
            lambda m: m.sum("echolane_worker_drops_total", **REFUSED) >= len(frames),
            "the frames")
        lab.send_frames("router", "p0", [good])
        prober.wait_for(lambda m: m.sum("echolane_worker_tx_resets_total") >
                        page.sum("echolane_worker_tx_resets_total"), "the reset")
        prober.stop()
    sent = [(p.eth_src, p.eth_dst, p.dst) for p in resets(capture, seq=0x01020304)]
    assert_equal(sent, [(own, station, source)], "resets")


def test_forged_syn_acks(lab):
    forge(lab, PORT, PROBER, HOST1, icmp(GATEWAY, 10))


def test_forged_syn_acks_af_xdp(lab):
    forge(lab, PORT.replace("af_packet", "af_xdp"), PROBER, HOST1, icmp(GATEWAY, 10))


@lab_options(ipv6=True)
def test_forged_syn_acks_ipv6(lab):
    forge(lab, "af_packet:probe0,address=2001:db8::10/64,gateway=2001:db8::1", "2001:db8::10", "2001:db8:1::10",
          icmp("2001:db8::1", 10))


# FLOOD INTERFACE SECONDS FILE: sends the frames of a file, a line in hex each, as fast as it can.
FLOOD = """
import socket, sys, time
frames = [bytes.fromhex(line) for line in open(sys.argv[3])]
end = time.monotonic() + float(sys.argv[2])
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind((sys.argv[1], 0))
    while time.monotonic() < end:
        for frame in frames:
            s.send(frame)
"""


def flood(lab, port, gateway, frames):
    """Neighbour messages that are not for the prober, from before its start to after its third round: none
    reaches control, the gateway is found, and no loss is the prober's own without saying so."""
    path = lab.directory / "frames"
    path.write_text("\n".join(frame.hex() for frame in frames))
    sender = lab.popen("router", [sys.executable, "-c", FLOOD, "p0", "45", str(path)])
    prober = lab.start(config({"gateway": icmp(gateway, 200)}), port=port)
    lost = 0
    for number in (1, 2, 3):
        page = prober.wait_for(lambda m: m.sum("echolane_round_number") >= number, f"round {number}")
        sent, now = page.probes("gateway")
        assert_equal(page.sum("echolane_probes_local_total"), 0, "probes that were not sent")
        assert sent >= 200 * number, f"{sent} sent in {number} rounds"
        assert now == lost or page.sum("echolane_round_local_drops") > 0, f"{now - lost} lost in round {number}"
        lost = now
    assert_equal(page.sum("echolane_worker_drops_total", reason="frames_up_full"), 0, "frames that found no room")
    dropped = page.sum("echolane_worker_drops_total", reason="rx_neighbour")
    assert dropped > 10000, f"{dropped} frames were kept from control"
    assert sender.poll() is None, "the flood was over too early"
    sender.terminate()
    prober.stop()


@lab_options(ipv6=True)
def test_flood_of_solicitations(lab):
    own, address = lab.mac("prober", "probe0"), "2001:db8::10"
    station = lab.mac("router", "p0")
    flood(lab, "af_packet:probe0,address=2001:db8::10/64,gateway=2001:db8::1", "2001:db8::1",
          [packets.solicitation(own, station, f"2001:db8:99::{n:x}", address, address, 64) for n in range(1, 100)])


def test_flood_of_requests(lab):
    flood(lab, PORT, GATEWAY, [packets.arp_request("02:00:00:00:00:66", f"192.0.2.{100 + n}", f"192.0.2.{200 + n}")
                               for n in range(50)])
