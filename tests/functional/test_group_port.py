# SPDX-License-Identifier: BSD-3-Clause
"""A group that probes by one port alone: two ports with ways to the same destination."""
from harness import HOST1, HOST3, assert_equal, assert_loss, config, udp, wait_until

WAN = {"name": "wan", "device": "af_packet:probe0", "addresses": ["192.0.2.10/24"], "gateways": ["192.0.2.1"]}
LAN = {"name": "lan", "device": "af_packet:probe1", "addresses": ["10.1.0.10/24"],
       "routes": [{"to": "198.51.100.0/25", "via": "10.1.0.1"}]}
TARGETS = {"near": udp(HOST1, 33434, 5), "far": udp(HOST3, 33434, 5)}


def group(number, **keys):
    """Its streams are known by their source port."""
    return {"src_port_a": 50000 + number, "src_port_z": 50000 + number, **keys}


def add_link(lab):
    """A second link from the prober to the router."""
    lab.ip("prober", "link", "add", "probe1", "type", "veth", "peer", "name", "p1", "netns", f"el-{lab.name}-router")
    lab.run("router", ["ethtool", "-K", "p1", "tx", "off"])
    lab.ip("router", "address", "add", "10.1.0.1/24", "dev", "p1")
    lab.ip("router", "link", "set", "p1", "up")
    lab.ip("prober", "link", "set", "probe1", "up")


def ports_seen(capture, destination=HOST1):
    return {p.sport for p in capture.read() if p.dst == destination}


def test_by_its_own_port(lab):
    """Whatever the longest prefix over all ports says; what has no way by it is not probed, and why is said."""
    add_link(lab)
    groups = {"any": group(0), "wan": group(1, port="wan"), "lan": group(2, port="lan"),
              "stranger": group(3, port="wan", src_ipv4="10.1.0.77"), "guest": group(4, port="lan", src_ipv4="10.1.0.78")}
    conf = config(TARGETS, groups, dataplane={"ports": [WAN, LAN]})
    with lab.capture("router", "p0", "udp") as p0, lab.capture("router", "p1", "udp") as p1:
        prober = lab.start(conf, port=None)
        page = prober.wait_for(lambda m: m.all("udp_unreachable_sent_total"), "the first round")
        assert_equal((ports_seen(p0), ports_seen(p1)), ({50001}, {50000, 50002, 50004}), "ports to the near one")
        assert_equal((ports_seen(p0, HOST3), ports_seen(p1, HOST3)), ({50000, 50001}, set()), "ports to the far one")
        for name, labels in (("near", ["any", "wan", "lan", "guest"]), ("far", ["any", "wan"])):
            for label in labels:
                assert_loss(page, name, 5, group=label)
        probed = {(labels["destination"], labels["group"]): value for labels, value in page.all("echolane_target_probed")}
        assert_equal({key for key, value in probed.items() if not value},
                     {("near", "stranger"), ("far", "stranger"), ("far", "lan"), ("far", "guest")}, "not probed")
        assert prober.logged(f"no route to {HOST3} by port lan"), prober.stderr
        assert prober.logged(f"no way to {HOST1} by port wan: the source address of group stranger is another port's"), prober.stderr
        # another port after a reload; one that there is not leaves all as it was
        conf["groups"]["wan"]["port"] = "lan"
        assert prober.reload(conf), prober.stderr
        wait_until(lambda: 50001 in ports_seen(p1), 10, "the group by the other port")
        conf["groups"]["wan"]["port"] = "van"
        assert not prober.reload(conf), prober.stderr
        assert prober.logged('there is no port \\"van\\"; the ports are wan, lan'), prober.stderr
        prober.stop()


def test_kernel_routes(lab):
    """Where the kernel has addresses and routes, its best route by the port is taken."""
    add_link(lab)
    for interface, address in (("probe0", "192.0.2.10/24"), ("probe1", "10.1.0.10/24")):
        lab.ip("prober", "address", "add", address, "dev", interface)
    lab.ip("prober", "route", "add", "default", "via", "192.0.2.1")
    lab.ip("prober", "route", "add", "default", "via", "10.1.0.1", "metric", "900")
    groups = {"any": group(0), "wan": group(1, port="probe0"), "lan": group(2, port="probe1"),
              "stranger": group(3, port="probe0", src_ipv4="10.1.0.10")}
    path = lab.write_config(config(TARGETS, groups))
    ports = ["--port", "af_packet:probe0", "--port", "af_packet:probe1"]
    done = lab.invoke("check", *ports, path)
    assert_equal(done.process.returncode, 0, "exit status")
    assert f"no way to {HOST1} by port probe0: the source address of group stranger is another port's" in done.stderr, done.stderr
    with lab.capture("router", "p0", "udp") as p0, lab.capture("router", "p1", "udp") as p1:
        prober = lab.start(config(TARGETS, groups), *ports, "--rounds", "1", "--print-metrics", port=None)
        metrics = prober.final_metrics()
    for label in ("any", "wan", "lan"):
        assert_loss(metrics, "near", 5, group=label)
    assert_equal((ports_seen(p0), ports_seen(p1)), ({50000, 50001}, {50002}), "ports")


def test_unknown_port(lab):
    """A fault of the file, wherever ports are from."""
    conf = lab.write_config("""\
global: {probe_name: lab, interval: 1, nb_proc: 1, logging_level: INFO, prometheus_port: 8000, dns_update_interval: 60}
groups:
  g: {port: van}
targets: {}
""")
    for ports, said in (([], "for no port is configured"), (["af_packet:probe0"], "the ports are probe0")):
        done = lab.invoke("check", *(word for port in ports for word in ("--port", port)), conf)
        assert_equal(done.process.returncode, 65, "exit status")
        assert f'{conf}:3:13: groups.g.port: there is no port "van"' in done.stderr and said in done.stderr, done.stderr
    done = lab.invoke("check", "--port", "af_packet:probe0,name=van", conf)
    assert_equal((done.process.returncode, "groups.g.port" in done.stderr), (0, False), "exit status")
