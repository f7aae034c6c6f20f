# SPDX-License-Identifier: BSD-3-Clause
"""Of two gateways the first is used while it answers, then the other, then the first again; on links of every kind."""
import functools
import pathlib

import packets
from harness import GATEWAY, HOST1, PROBER, config, icmp, time_limit, wait_until
from hosts import Hosts, Peers
from test_simpeer import TARGET, Peer

FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
ROUTED = "203.0.113.7"  # by the second alone


def port(device):
    return {"name": "d", "device": device, "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY, "192.0.2.2"],
            "routes": [{"to": "203.0.113.0/24", "via": "192.0.2.2"}], "vlan": 100}


def failover_and_back(lab, device, role, interface, make_hosts):
    prober = lab.start(config({"icmp": icmp(HOST1), "routed": icmp(ROUTED)}, dataplane={"ports": [port(device)]}), port=None)
    wait_until(lambda: lab.run(role, ["ip", "link", "show", interface], check=False).returncode == 0, 20, "the interface")
    prober.wait_for(lambda m: m.one("echolane_port_up") == 1, "the port")
    hosts = make_hosts()

    def add_first():
        hosts.add("first", FIRST, GATEWAY, networks=["198.51.100.0/24"], vlan=[100])
    add_first()
    hosts.add("second", SECOND, "192.0.2.2", networks=["198.51.100.0/24", "203.0.113.0/24"], vlan=[100])
    with lab.capture(role, interface) as capture:
        def last_gateway(destination=HOST1):
            probes = [p.eth_dst for p in capture.read() if packets.is_probe(p) and p.dst == destination]
            return probes[-1] if probes else None
        wait_until(lambda: last_gateway() == FIRST, 20, "probes by the first gateway")
        wait_until(lambda: last_gateway(ROUTED) == SECOND, 20, "probes by the route")
        hosts.remove("first")
        wait_until(lambda: last_gateway() == SECOND, 30, "probes by the second gateway")
        prober.wait_for(lambda m: m.ratio("icmp") == 0, "a round without loss by it")
        add_first()
        wait_until(lambda: last_gateway() == FIRST, 30, "probes by the first gateway again")
        prober.wait_for(lambda m: m.ratio("icmp") == 0, "a round without loss")
    hosts.stop()  # a tap's interface goes with the prober
    prober.stop()


@time_limit(150)
def test_failover_and_back(lab):
    failover_and_back(lab, "af_packet:probe0", "router", "p0", lambda: Hosts(lab))


@time_limit(150)
def test_failover_on_a_tap(lab):
    failover_and_back(lab, "tap:probe9", "prober", "probe9",
                      lambda: Peers(lab.directory, functools.partial(lab.popen, "prober"), "probe9"))


def shared_memory(lab, device, other, socket):
    """The other end is a program that is started again, with the address of one gateway, of the other, of the first."""
    prober = lab.start(config({"icmp": icmp(TARGET), "routed": icmp(ROUTED)}, dataplane={"ports": [port(device)]}), port=None)
    wait_until(pathlib.Path(socket).exists, 20, "the socket")
    for gateways in ((GATEWAY, "192.0.2.2"), ("192.0.2.2",), (GATEWAY, "192.0.2.2"), (GATEWAY,)):
        peer = Peer(lab, [], other, arp=[f"{gateway}/32" for gateway in gateways],
                    prefixes=["198.51.100.0/24", "203.0.113.0/24"])
        rounds = (prober.metrics() or prober.wait_for(lambda m: True, "a page")).one("echolane_rounds_completed_total")
        routed = "192.0.2.2" in gateways

        def is_right(page, rounds=rounds, routed=routed):
            sent = page.all("icmp_sent_total", destination="icmp")
            return page.one("echolane_rounds_completed_total") >= rounds + 3 and sent and page.ratio("icmp") == 0 and \
                (page.ratio("routed") == 0) == routed
        prober.wait_for(is_right, f"a round without loss by {gateways}", 30)
        peer.process.kill()
        peer.process.wait(10)
        prober.wait_for(lambda m: m.one("echolane_port_up") == 0, "the link to be down")
    prober.stop()


@time_limit(150)
def test_failover_on_memif(lab):
    socket = f"/run/el-{lab.name}.memif"  # short enough for a socket's address
    try:
        shared_memory(lab, f"net_memif0,role=server,socket={socket},socket-abstract=no",
                      f"net_memif0,socket={socket},socket-abstract=no", socket)
    finally:
        pathlib.Path(socket).unlink(missing_ok=True)


@time_limit(150)
def test_failover_on_vhost(lab):
    socket = f"/run/el-{lab.name}.vhost"
    try:
        shared_memory(lab, f"net_vhost0,iface={socket}", f"net_virtio_user0,path={socket}", socket)
    finally:
        pathlib.Path(socket).unlink(missing_ok=True)
