# SPDX-License-Identifier: BSD-3-Clause
"""Ports on VLANs: what they send is tagged, ARP and neighbour discovery too, and only what is on their VLAN is an
answer. Several of them may have one device."""
import collections
import json
import pathlib

from harness import (GATEWAY, HOST1, PROBER, assert_equal, assert_loss, config, icmp, lab_options, tcp, time_limit, udp,
                     wait_until)
from hosts import Hosts
from test_simpeer import TARGET, Peer

TAGGED = f"af_packet:probe0,address={PROBER}/24,gateway={GATEWAY},vlan=100"
MAC = "02:00:00:00:01:0"


def check_tags(capture, lab, vlan):
    """All that the prober has sent is on its VLAN."""
    own = lab.mac("prober", "probe0")
    sent = [p for p in capture.packets if p.eth_src == own]
    assert len(sent) > 300, f"{len(sent)} frames"
    assert_equal({p.vlan for p in sent}, {vlan}, "VLANs of what the prober sent")


def test_all_probes(lab):
    """The peer answers on the VLAN that it is asked on."""
    peer = Peer(lab, [])
    targets = {"tcp": tcp(TARGET, 80), "icmp": icmp(TARGET), "udp": udp(TARGET)}
    with lab.capture("router", "p0") as capture:
        metrics = lab.rounds(config(targets), 2, port=TAGGED)
    for name in targets:
        assert_loss(metrics, name, 200)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 0, "frames on other VLANs")
    check_tags(capture, lab, (100,))
    peer.stop()


def one_round(lab, hosts, targets, port):
    metrics = lab.rounds(config(targets), 1, port=port)
    hosts.child.assert_runs()
    return metrics


def test_other_vlans(lab):
    """An answer with another tag, or with none, is nobody's; and a host on another VLAN is not there."""
    hosts = Hosts(lab)
    hosts.add("gateway", MAC + "1", GATEWAY, vlan=[100], networks=["198.51.100.0/24"])
    hosts.add("other", MAC + "2", "192.0.2.2", vlan=[100], answers_on=[200])
    hosts.add("none", MAC + "3", "192.0.2.3", vlan=[100], answers_on=[])
    hosts.add("twice", MAC + "4", "192.0.2.4", vlan=[100], answers_on=[100, 100])
    hosts.add("untagged", MAC + "5", "192.0.2.5")
    hosts.add("elsewhere", MAC + "6", "192.0.2.6", vlan=[101])
    wrong = {name: icmp(f"192.0.2.{i}") for i, name in enumerate(("other", "none", "twice", "untagged", "elsewhere"), 2)}
    metrics = one_round(lab, hosts, {"right": icmp(HOST1), **wrong}, TAGGED)
    assert_loss(metrics, "right", 100)
    for name in wrong:
        assert_loss(metrics, name, 100, 100)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 300, "answers on other VLANs")
    # a port without a VLAN is not one on all of them
    hosts.add("gateway", MAC + "1", GATEWAY, networks=["198.51.100.0/24"], answers_on=[100])
    hosts.add("untagged", MAC + "5", "192.0.2.5", answers_on=[])
    metrics = one_round(lab, hosts, {"other": icmp(HOST1), "untagged": icmp("192.0.2.5")}, TAGGED.replace(",vlan=100", ""))
    assert_loss(metrics, "other", 100, 100)
    assert_loss(metrics, "untagged", 100)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 100, "answers on VLANs")


@lab_options(ipv6=True)
def test_ipv6(lab):
    """Neighbour discovery on a VLAN."""
    hosts = Hosts(lab)
    hosts.add("right", MAC + "1", "2001:db8::1", vlan=[100])
    hosts.add("other", MAC + "2", "2001:db8::2", vlan=[101])
    with lab.capture("router", "p0") as capture:
        metrics = one_round(lab, hosts, {"right": icmp("2001:db8::1"), "other": icmp("2001:db8::2")},
                            "af_packet:probe0,address=2001:db8::10/64,vlan=100")
    assert_loss(metrics, "right", 100)
    assert_loss(metrics, "other", 100, 100)
    own = lab.mac("prober", "probe0")
    sent = [p for p in capture.packets if p.eth_src == own and p.icmp_type in (128, 135)]
    assert_equal({p.vlan for p in sent}, {(100,)}, "VLANs of what the prober sent")


@time_limit(150)
def test_shared_memory(lab):
    """Untagged, tagged and in two tags over memif, and over vhost with virtio-user at the other end."""
    targets = {"tcp": tcp(TARGET, 80, 50), "icmp": icmp(TARGET, 50), "udp": udp(TARGET, nb_packets=50)}
    path = f"/run/el-{lab.name}"  # short enough for a socket's address
    memif, vhost = f"{path}.memif", f"{path}.vhost"
    ends = ((memif, f"net_memif0,role=server,socket={memif},socket-abstract=no", f"net_memif0,socket={memif},socket-abstract=no"),
            (vhost, f"net_vhost0,iface={vhost}", f"net_virtio_user0,path={vhost}"))
    for socket, device, other in ends:
        for tags in ({}, {"vlan": 100}, {"vlan": 100, "outer_vlan": 7}):
            port = {"name": "p", "device": device, "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY], **tags}
            prober = lab.start(config(targets, dataplane={"ports": [port]}), port=None)
            wait_until(pathlib.Path(socket).exists, 20, "the socket")
            peer = Peer(lab, [], other)
            page = prober.wait_for(lambda m: m.all("icmp_sent_total") and all(m.ratio(name) == 0 for name in targets),
                                   f"a round without loss over {device}, {tags}")
            assert_equal(page.sum("echolane_worker_drops_total", reason="rx_vlan"), 0, "frames on other VLANs")
            assert_equal(page.sum("echolane_port_unaccounted_packets_total"), 0, "packets unaccounted for")
            peer.stop()
            prober.stop()
            pathlib.Path(socket).unlink(missing_ok=True)


def link(name, vlan, network, **keys):
    """One of the links on the lab's device: [], [vlan] or [outer, inner]."""
    tags = dict(zip(("vlan", "outer_vlan"), reversed(vlan)))
    return {"name": name, "device": "af_packet:probe0", "addresses": [f"{network}.10/24"], **tags, **keys}


def ways(packets, own):
    """Of the echo requests that were sent, how many on each VLAN from each address."""
    return collections.Counter((p.vlan, p.src) for p in packets if p.eth_src == own and p.icmp_type == 8)


LINKS = {"plain": [], "v100": [100], "q100": [7, 100]}


def test_links(lab):
    """Three links on one device, each with a gateway of its own; two workers."""
    hosts = Hosts(lab)
    ports, targets = [], {}
    for i, (name, vlan) in enumerate(LINKS.items(), 1):
        hosts.add(name, f"{MAC}{i}", f"192.0.{i}.1", vlan=vlan, networks=[f"198.51.{i}.0/24"])
        ports.append(link(name, vlan, f"192.0.{i}", routes=[{"to": f"198.51.{i}.0/24", "via": f"192.0.{i}.1"}]))
        targets.update({f"{name}-near": icmp(f"192.0.{i}.1"), f"{name}-far": icmp(f"198.51.{i}.77")})
    dataplane = {"ports": ports, "lcores": {"control": 0, "workers": [0, 1]}}
    with lab.capture("router", "p0") as capture:
        metrics = lab.rounds(config(targets, nb_proc=2, dataplane=dataplane), 2, port=None)
    hosts.child.assert_runs()
    for name in targets:
        assert_loss(metrics, name, 200)
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 0, "frames on other VLANs")
    assert_equal(metrics.sum("echolane_port_unaccounted_packets_total"), 0, "packets unaccounted for")
    # a device is told of once, what is heard of addresses on each link
    told = {name: {labels["port"] for labels, _ in metrics.all(f"echolane_port_{name}")}
            for name in ("up", "rx_packets_total", "duplicate_addresses")}
    assert_equal(told, {"up": {"plain"}, "rx_packets_total": {"plain"}, "duplicate_addresses": set(LINKS)}, "ports")
    sent = ways(capture.packets, lab.mac("prober", "probe0"))
    assert_equal(sent, {(tuple(vlan), f"192.0.{i}.10"): 400 for i, vlan in enumerate(LINKS.values(), 1)}, "echo requests")


def test_same_addresses(lab):
    """One address plan on two VLANs: the group says which by its source, and an answer on the other one is none."""
    hosts = Hosts(lab)
    hosts.add("right", MAC + "1", "10.0.0.1", vlan=[100])
    hosts.add("wrong", MAC + "2", "10.0.0.2", vlan=[100], answers_on=[200])
    hosts.add("other", MAC + "3", "10.0.0.1", "10.0.0.2", "10.0.0.3", vlan=[200])
    ports = [link("v100", [100], "10.0.0"), link("v200", [200], "10.0.0", addresses=["10.0.0.20/24"])]
    groups = {"a": {"src_ip": "10.0.0.10"}, "b": {"src_ip": "10.0.0.20"}}
    targets = {name: icmp(f"10.0.0.{i}") for i, name in enumerate(("right", "wrong", "other"), 1)}
    with lab.capture("router", "p0") as capture:
        metrics = lab.rounds(config(targets, groups=groups, dataplane={"ports": ports}), 1, port=None)
    hosts.child.assert_runs()
    assert_loss(metrics, "right", 100, group="a")
    for name in ("wrong", "other"):
        assert_loss(metrics, name, 100, 100, group="a")
    for name in targets:
        assert_loss(metrics, name, 100, group="b")
    assert_equal(metrics.sum("echolane_worker_drops_total", reason="rx_vlan"), 100, "answers on the other VLAN")
    sent = ways(capture.packets, lab.mac("prober", "probe0"))
    assert_equal(set(sent), {((100,), "10.0.0.10"), ((200,), "10.0.0.20")}, "VLANs and sources")


def test_wrong_links(lab):
    """What can't be on one device is an error that names the other port."""
    path = lab.write_config(config({"t": icmp(HOST1)}, dataplane={"ports": [link("v100", [100], "192.0.2")]}))
    for tags, reason in ((",vlan=100", 'ports[0], "v100", has the same device and VLAN'),
                         (",vlan=8,outer_vlan=7,checksum=strict", 'checksum: ports[0], "v100", has the same device'),
                         (",outer_vlan=8", 'outer_vlan: expected a "vlan" above 0 beside it')):
        done = lab.invoke("check", "--port", f"af_packet:probe0,name=other,address=192.0.3.10/24{tags}", path)
        assert_equal(done.process.returncode, 64, "status")
        assert reason in done.stderr, done.stderr


def local(metrics):
    return {labels["destination"]: value for labels, value in metrics.all("echolane_probes_local_total")}


def test_device_down(lab):
    """A device that is down is down for all its links, and is told of once; then all go on."""
    hosts = Hosts(lab)
    names = ("plain", "v100")
    for i, name in enumerate(names, 1):
        hosts.add(name, f"{MAC}{i}", f"192.0.{i}.1", vlan=LINKS[name])
    ports = [link(name, LINKS[name], f"192.0.{i}") for i, name in enumerate(names, 1)]
    prober = lab.start(config({name: icmp(f"192.0.{i}.1") for i, name in enumerate(names, 1)},
                              dataplane={"ports": ports}), port=None)
    prober.wait_for(lambda m: m.all("icmp_sent_total") and all(m.probes(name)[0] >= 200 for name in names), "two rounds")
    lab.ip("prober", "link", "set", "probe0", "down")
    down = prober.wait_for(lambda m: m.one("echolane_port_up", port="plain") == 0, "the device to be down")
    page = prober.wait_for(lambda m: all(local(m)[name] >= local(down)[name] + 200 for name in names), "two local rounds")
    lost = {name: page.probes(name)[1] for name in names}
    assert max(lost.values()) <= 20, f"{lost} lost: what was sent until the link was seen to be down is few"
    assert_equal(page.one("echolane_port_link_downs_total"), 1, "times that the device went down")
    lab.ip("prober", "link", "set", "probe0", "up")
    prober.wait_for(lambda m: all(m.probes(name)[0] >= page.probes(name)[0] + 200 for name in names), "two rounds more")
    hosts.child.assert_runs()


def test_ports_report(lab):
    """`echolane ports` says which VLAN a port is on, and whose device it has."""
    ports = [link(name, vlan, f"192.0.{i}") for i, (name, vlan) in enumerate(LINKS.items(), 1)]
    path = lab.write_config(config({"t": icmp(HOST1)}, dataplane={"ports": ports}))
    told = json.loads(lab.invoke("ports", "--format", "json", path).stdout)["ports"]
    assert_equal([(p["name"], p["outer_vlan"], p["vlan"], p["shares_device_of"]) for p in told],
                 [("plain", 0, 0, None), ("v100", 0, 100, "plain"), ("q100", 7, 100, "plain")], "ports")
    text = lab.invoke("ports", path).stdout
    assert "VLAN       100 in 7\n" in text and text.count("that of port plain\n") == 2, text
