# SPDX-License-Identifier: BSD-3-Clause
"""The port's interface goes down, comes up again, and is removed, while it is probed from; the same of devices that
DPDK owns: a memif whose other end goes away, a tap, and one whose driver tells of its link (tests/functional/rss_nic.c)."""
import os

import packets
from harness import GATEWAY, HOST1, PORT, PROBER, assert_equal, config, icmp, wait_until
from test_simpeer import TARGET, Peer


def probed(metrics):
    return metrics.all("icmp_sent_total") and metrics.probes("icmp")[0] >= 200


def is_up(metrics):
    return metrics.one("echolane_port_up", probe_name="lab")


def downs(metrics):
    return metrics.one("echolane_port_link_downs_total")


def assert_sane(page):
    for name, labels, value in page.samples:
        assert 0 <= value < 2 ** 53 or value in (float("inf"),), f"{name}{labels}: {value}"


def wait_for_local(prober, rounds):
    """Waits for so many rounds of which nothing is sent; the page after them."""
    page = prober.wait_for(lambda m: is_up(m) == 0, "the port to be down")
    local = page.one("echolane_probes_local_total", destination="icmp")
    return prober.wait_for(lambda m: m.one("echolane_probes_local_total", destination="icmp") >=
                           local + rounds * 100, f"{rounds} rounds of local probes")


def drop(lab, count):
    """Frames that the prober's kernel counts as dropped: of no protocol that it knows, on no VLAN that it has."""
    tagged = packets.raw_mac(lab.mac("prober", "probe0")) + packets.raw_mac(lab.mac("router", "p0")) + \
        bytes.fromhex("8100004d88b5") + bytes(46)
    lab.send_frames("router", "p0", [tagged], count)


def removed(lab, port, dropped=0):
    """dropped: by the kernel before the start, and as many after it."""
    drop(lab, dropped)
    prober = lab.start(config({"icmp": icmp(HOST1)}), port=port)
    prober.wait_for(probed, "two rounds")
    drop(lab, dropped)
    before = prober.wait_for(lambda m: m.one("echolane_port_interface_drops_total", port="probe0") >= dropped,
                             "what the kernel dropped")
    assert_equal((prober.get("/-/ready")[0], is_up(before)), (200, 1), "ready and up")
    lab.ip("prober", "link", "del", "probe0")
    page = wait_for_local(prober, 3)
    assert_sane(page)
    sent, lost = page.probes("icmp")
    assert lost <= 10, f"{lost} of {sent} lost: what was sent until the link was seen to be down is 5 at most"
    assert page.sum("echolane_worker_drops_total", reason="port_down") >= 300
    for name, labels, value in before.samples:
        if name.startswith("echolane_port_") and name.endswith("_total"):
            assert page.one(name, **labels) >= value, f"{name}: {page.one(name, **labels)} after {value}"
    status, text = prober.get("/-/ready")
    assert_equal(status, 503, "status of /-/ready")
    assert "no port is up" in text, text
    assert_equal(prober.logged("port probe0: the link is down", "WARNING"), 1, "lines on the link")
    prober.stop()


def replaced(lab, port):
    """Its driver can't follow: it says so and ends, for whoever started it to start it again."""
    prober = lab.start(config({"icmp": icmp(HOST1)}), port=port)
    prober.wait_for(probed, "two rounds")
    lab.ip("prober", "link", "del", "probe0")
    prober.wait_for(lambda m: is_up(m) == 0, "the port to be down")
    lab.ip("prober", "link", "add", "probe0", "type", "veth", "peer", "name", "other")
    prober.process.assert_runs()  # it is not up yet, and could not be started on
    lab.ip("prober", "link", "set", "probe0", "up")
    assert_equal(prober.process.wait(20), 69, "exit status")
    assert_equal(prober.logged("probe0 was removed and made again", "ERROR"), 1, "lines on the interface")


def test_af_packet_replaced(lab):
    replaced(lab, PORT)


def test_another_mac_address(lab):
    """What is sent to the new one the port would not get."""
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    prober.wait_for(probed, "two rounds")
    lab.ip("prober", "link", "set", "probe0", "address", "02:00:00:00:00:77")
    assert_equal(prober.process.wait(20), 69, "exit status")
    assert_equal(prober.logged("has another MAC address", "ERROR"), 1, "lines on the interface")


def test_af_xdp_replaced(lab):
    replaced(lab, PORT.replace("af_packet", "af_xdp"))


def test_af_packet_removed(lab):
    removed(lab, PORT, dropped=20)


def test_af_xdp_removed(lab):
    removed(lab, PORT.replace("af_packet", "af_xdp"))


def test_down_and_up(lab):
    """The far end goes down: nothing is sent until it is up again, and all is answered then."""
    prober = lab.start(config({"icmp": icmp(HOST1)}))
    prober.wait_for(probed, "two rounds")
    lab.ip("router", "link", "set", "p0", "down")
    page = wait_for_local(prober, 2)
    lost = page.probes("icmp")[1]
    assert lost <= 10, f"{lost} lost"
    lab.ip("router", "link", "set", "p0", "up")
    page = prober.wait_for(lambda m: is_up(m) == 1, "the port to be up")
    count = page.probes("icmp")[0]
    prober.wait_for(lambda m: m.probes("icmp")[0] >= count + 300, "three more rounds")
    page = wait_until(prober.metrics, 5, "a page")
    assert page.ratio("icmp") == 0, "loss after the link came up"
    assert_equal(prober.get("/-/ready")[0], 200, "status of /-/ready")
    assert_equal(prober.logged("the link is up again", "WARNING"), 1, "lines on the link")
    prober.stop()


# ---- devices that DPDK owns ----

def on_device(lab, device, target, start_peer=None, env=None, preload=None, **port):
    """A prober by this device, after two rounds."""
    ports = [{"name": "d", "device": device, "addresses": [f"{PROBER}/24"], "gateways": [GATEWAY], **port}]
    prober = lab.start(config({"icmp": icmp(target)}, dataplane={"ports": ports}), port=None, env=env, preload=preload)
    if start_peer:
        prober.wait_for(lambda m: is_up(m) == 0, "the port")
        start_peer()
    page = prober.wait_for(lambda m: probed(m) and m.ratio("icmp") == 0, "two rounds")
    assert_equal((prober.get("/-/ready")[0], is_up(page)), (200, 1), "ready and up")
    return prober


def check_down(prober):
    """After the link went down: what is sent until that is seen, within 10 ms on a quiet machine, may be lost, and
    nothing is sent after it."""
    page = wait_for_local(prober, 3)
    assert_sane(page)
    sent, lost = page.probes("icmp")
    assert lost < 300, f"{lost} of {sent} lost"
    page = wait_for_local(prober, 2)
    assert_equal(page.probes("icmp"), (sent, lost), "sent and lost while the link is down")
    status, text = prober.get("/-/ready")
    assert_equal((status, "no port is up" in text), (503, True), "/-/ready")
    return page


def check_up(prober, lost):
    page = prober.wait_for(lambda m: is_up(m) == 1, "the port to be up")
    count = page.probes("icmp")[0]
    page = prober.wait_for(lambda m: m.probes("icmp")[0] >= count + 300 and m.ratio("icmp") == 0, "rounds without loss")
    more = page.probes("icmp")[1] - lost  # whoever comes back may not be at work yet
    assert more <= 100, f"{more} lost since the link was down"
    assert_equal(prober.get("/-/ready")[0], 200, "status of /-/ready")
    return page


def test_memif_without_a_peer(lab):
    """The peer comes, goes away, and comes back. (As a memif's client the driver does not connect again.)"""
    socket = f"socket={lab.directory}/memif,socket-abstract=no,id=0"
    peers = []

    def start_peer():
        peers.append(Peer(lab, [], f"net_memif0,role=client,{socket}"))
    prober = on_device(lab, f"net_memif0,role=server,{socket}", TARGET, start_peer)
    peers[0].process.kill()
    peers[0].process.wait(10)
    lost = check_down(prober).probes("icmp")[1]
    assert_equal(prober.logged("port d: the link is down: nothing is sent there", "WARNING"), 1, "lines on the link")
    start_peer()
    page = check_up(prober, lost)
    assert_equal(downs(page), 1, "times that the link went down")
    prober.stop()
    peers[1].stop()


def events(lab):
    """A device whose driver tells of it: what to start the prober with, and a function to have something happen to it."""
    fifo = lab.directory / "events"
    os.mkfifo(fifo)

    def happen(event):
        with open(fifo, "w", encoding="ascii") as file:
            file.write(event)
    return {"env": {"RSS_NIC_EVENTS": str(fifo)}, "preload": lab.build / "tests/functional/rss_nic.so",
            "profile": "generic"}, happen


def test_drivers_tell(lab):
    """Down, up, and down for so short that nobody can see it who is not told."""
    options, happen = events(lab)
    prober = on_device(lab, "net_null0,no-rx=1", HOST1, **options)
    happen("d")
    page = check_down(prober)
    assert page.sum("echolane_worker_drops_total", reason="port_down") >= 300
    happen("u")
    check_up(prober, page.probes("icmp")[1])
    happen("b")
    prober.wait_for(lambda m: downs(m) == 2, "the link to have been down again")
    assert_equal(prober.logged("port d: the link was down for a moment", "WARNING"), 1, "lines on the moment")
    prober.stop()


def test_nic_removed(lab):
    """It is said, nothing touches the device any more (rss_nic.c ends the program if something does), and the other
    probes are local."""
    options, happen = events(lab)
    prober = on_device(lab, "net_null0,no-rx=1", HOST1, **options)
    happen("r")
    page = check_down(prober)
    assert_equal(prober.logged("port d: its device net_null0,no-rx=1 is removed", "ERROR"), 1, "lines on the device")
    assert_equal(downs(page), 1, "times that the link went down")
    assert prober.reload()
    wait_for_local(prober, 3)
    prober.stop()
