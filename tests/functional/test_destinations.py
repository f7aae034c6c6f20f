# SPDX-License-Identifier: BSD-3-Clause
"""What is probed and from where: subnets of targets, subnets of sources, the prober itself."""
import ipaddress

import packets
from harness import GATEWAY, HOST1, PORT, PROBER, assert_equal, assert_loss, config, icmp, tcp, udp


def many_addresses(lab):
    """host1 answers for 10.10.0.0/16."""
    lab.ip("host1", "route", "add", "local", "10.10.0.0/16", "dev", "lo")
    lab.ip("router", "route", "add", "10.10.0.0/16", "via", HOST1)


def test_subnet(lab):
    """Every address of the range is probed, nb_packets each, with one result for all."""
    many_addresses(lab)
    targets = {"icmp": icmp("10.10.1.0/24", 2, is_subnet=True),
               "tcp": tcp("10.10.2.0/24", 443, 2, is_subnet=True),
               "udp": udp("10.10.3-4.*", 33434, 2, is_subnet=True),
               "pattern": icmp("10.10.5-6.10-19", 3, is_subnet=True)}
    with lab.capture("router", "p0", "icmp") as capture:
        metrics = lab.rounds(config(targets))
    assert_loss(metrics, "icmp", 512)
    assert_loss(metrics, "tcp", 512)
    assert_loss(metrics, "udp", 1024)
    assert_loss(metrics, "pattern", 60)
    assert_equal(len(metrics.all("icmp_sent_total")), 2, "series of ICMP")
    sent = {}
    for packet in filter(packets.is_probe, capture.packets):
        sent[packet.dst] = sent.get(packet.dst, 0) + 1
    expected = {str(ip): 2 for ip in ipaddress.ip_network("10.10.1.0/24")}
    expected |= {f"10.10.{a}.{b}": 3 for a in (5, 6) for b in range(10, 20)}
    assert_equal(sent, expected, "echo requests by address")


def test_subnet_with_loss(lab):
    """One address of 16 that does not answer is a sixteenth of the loss."""
    many_addresses(lab)
    lab.ip("router", "route", "add", "blackhole", "10.10.1.7")
    metrics = lab.rounds(config({"net": icmp("10.10.1.0/28", 10, is_subnet=True)}))
    assert_loss(metrics, "net", 160, 10)
    assert_equal(metrics.ratio("net"), 1 / 16, "loss ratio")


def test_whole_range(lab):
    """65,536 addresses of one target."""
    many_addresses(lab)
    metrics = lab.rounds(config({"net": icmp("10.10.0.0/16", 1, is_subnet=True)}, interval=4))
    assert_loss(metrics, "net", 65536)


def probes_to(capture, port):
    """(source address, source port) of each probe to a port, in order."""
    return [(p.src, p.sport) for p in capture.packets if p.dport == port and packets.is_probe(p, p.src)]


def assert_rotation(seen, subnet, count, first_port, ports):
    """Packet i comes from address number i mod (size - 1) + 1, and from the port of its cycle."""
    network = ipaddress.ip_network(subnet)
    sources = network.num_addresses - 1
    expected = [(str(network[i % sources + 1]), first_port + i // sources % ports) for i in range(count)]
    assert_equal(seen, expected, "sources and ports")


def test_source_subnet_on_link(lab):
    """The addresses are on the prober's link, which has to answer ARP requests for them."""
    group = {"src_subnet_ipv4": "192.0.2.32/28", "src_port_a": 50000, "src_port_z": 50002}
    with lab.capture("router", "p0", "tcp or udp or arp") as capture:
        metrics = lab.rounds(config({"udp": udp(HOST1, 33434, 60), "tcp": tcp(HOST1, 443, 60)},
                                    {"g": group}))
    assert_loss(metrics, "udp", 60)
    assert_loss(metrics, "tcp", 60)
    assert_equal(lab.half_open("host1"), "", "half-open connections")
    for port in (33434, 443):
        assert_rotation(probes_to(capture, port), "192.0.2.32/28", 60, 50000, 3)
    requests = {p.dst for p in capture.packets if p.arp_op == 1 and p.src == "192.0.2.1"}
    answers = {p.src for p in capture.packets if p.arp_op == 2}
    assert "192.0.2.33" in requests and requests - {PROBER} <= answers, f"{requests} - {answers}"


def test_source_subnet_behind_the_prober(lab):
    """The addresses are routed to the prober."""
    lab.ip("router", "route", "add", "198.18.7.0/29", "via", PROBER)
    groups = {"g": {"src_subnet_ipv4": "198.18.7.0/29", "src_ipv4": "192.0.2.11"},
              "one": {"src_subnet_ipv4": "198.18.7.6/32", "permit_target_auto_register": False}}
    targets = {"udp": udp(HOST1, 33434, 35), "icmp": icmp(HOST1, 100),
               "part": udp(HOST1, 33435, 10),
               "one": udp(HOST1, 33436, 10, auto_register_to_groups=False,
                          explicit_groups={"register_to": ["one"]})}
    with lab.capture("router", "p0", "udp") as capture:
        metrics = lab.rounds(config(targets, groups))
    assert_loss(metrics, "udp", 35)
    assert_loss(metrics, "icmp", 100)
    assert_loss(metrics, "part", 10)
    assert_loss(metrics, "one", 10, group="one")
    assert_rotation(probes_to(capture, 33434), "198.18.7.0/29", 35, 65000, 2)
    assert_equal(sorted(probes_to(capture, 33435)),
                 sorted((f"198.18.7.{i % 7 + 1}", 65000 + i // 7) for i in range(10)), "part of a cycle")
    assert_equal(probes_to(capture, 33436), [("198.18.7.6", 65000 + i % 2) for i in range(10)], "one address")


def test_own_address(lab):
    """A target that is the prober itself is disabled; a subnet is probed without that address."""
    many_addresses(lab)
    targets = {"self": icmp(PROBER), "other": icmp(HOST1), "net": icmp("192.0.2.8-10", 5, is_subnet=True),
               "none": icmp(HOST1, auto_register_to_groups=False)}
    with lab.capture("router", "p0", "icmp") as capture:
        prober = lab.start(config(targets), "--rounds", "1", "--print-metrics")
        prober.ends_well()
    assert f"target self disabled: {PROBER} is an address of the prober" in prober.stderr, prober.stderr
    assert "target none disabled: not in any group" in prober.stderr, prober.stderr
    assert "destination=\"self\"" not in "".join(
        line for line in prober.stdout.splitlines() if line.startswith("icmp_")), prober.stdout
    assert {line.split("{")[0] for line in prober.stdout.splitlines() if 'destination="none"' in line} == \
        {"echolane_target_probed"}, prober.stdout
    assert 'icmp_sent_total{address_family="ipv4",destination="net",group="g",' \
        'probe_name="lab",state="None"} 10' in prober.stdout, prober.stdout
    assert not [p for p in capture.packets if p.dst == PROBER and p.icmp_type == 8]


def test_names_without_an_address(lab):
    """Nothing is measured, the status says why, and the rest goes on."""
    prober = lab.start(config({"name": icmp("host.invalid", threshold={"loss": 0.1}), "other": icmp(HOST1)}),
                       "--rounds", "1", "--print-metrics")
    prober.ends_well()
    assert 'app_host_resolution_status{address_family="ipv4",destination="name",probe_name="lab"} 0' \
        in prober.stdout, prober.stdout
    assert 'app_host_resolution_status{address_family="ipv4",destination="other",probe_name="lab"} 1' \
        in prober.stdout, prober.stdout
    assert not [line for line in prober.stdout.splitlines()
                if line.startswith(("icmp_", "threshold")) and "\"name\"" in line], prober.stdout


def test_too_many_addresses(lab):
    """A typo in a prefix is an error with its place and number."""
    done = lab.invoke("check", lab.write_config(config({"net": icmp("10.0.0.0/8", is_subnet=True)})))
    assert_equal(done.wait(), 65, "exit status")
    assert "targets.net.destination: 10.0.0.0/8 has 16777216 addresses, more than " \
        "dataplane.max_addresses_per_target, 65536" in done.stderr, done.stderr


def test_addresses_of_no_host(lab):
    """What goes to a group, to all or to nobody is not sent, by a gateway of the configuration or by the kernel's."""
    targets = {"host": icmp(HOST1, 10), "group": icmp("239.1.1.1", 10), "routers": tcp("224.0.0.2", 80, 10),
               "all": udp("255.255.255.255", 33434, 10), "loopback": icmp("127.0.0.1", 10)}
    port = {"device": "af_packet:probe0", "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY]}
    for dataplane, follows in (({}, PORT), ({"ports": [port]}, None)):
        with lab.capture("router", "p0", "ip and not port 53") as capture:
            metrics = lab.rounds(config(targets, dataplane=dataplane), port=follows)
        assert_loss(metrics, "host", 10)
        assert_equal({p.dst for p in capture.packets if p.src == PROBER}, {HOST1}, "destinations")
        assert_equal(metrics.one("echolane_targets_not_probed", reason="no_host"), 4, "addresses of no host")
