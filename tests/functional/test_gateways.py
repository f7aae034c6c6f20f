# SPDX-License-Identifier: BSD-3-Clause
"""Of two gateways the first is used while it answers, then the other, then the first again."""
import packets
from harness import GATEWAY, HOST1, PROBER, config, icmp, time_limit, wait_until
from hosts import Hosts

FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
PORT = f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY},gateway=192.0.2.2,vlan=100"


@time_limit(150)
def test_failover_and_back(lab):
    hosts = Hosts(lab)

    def add_first():
        hosts.add("first", FIRST, GATEWAY, networks=["198.51.100.0/24"], vlan=[100])
    add_first()
    hosts.add("second", SECOND, "192.0.2.2", networks=["198.51.100.0/24"], vlan=[100])
    with lab.capture("router", "p0") as capture:
        def last_gateway():
            probes = [p.eth_dst for p in capture.read() if packets.is_probe(p)]
            return probes[-1] if probes else None
        prober = lab.start(config({"icmp": icmp(HOST1)}), port=PORT)
        wait_until(lambda: last_gateway() == FIRST, 20, "probes by the first gateway")
        hosts.remove("first")
        wait_until(lambda: last_gateway() == SECOND, 30, "probes by the second gateway")
        prober.wait_for(lambda m: m.ratio("icmp") == 0, "a round without loss by it")
        add_first()
        wait_until(lambda: last_gateway() == FIRST, 30, "probes by the first gateway again")
        prober.wait_for(lambda m: m.ratio("icmp") == 0, "a round without loss")
        prober.stop()
