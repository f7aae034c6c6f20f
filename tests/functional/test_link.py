# SPDX-License-Identifier: BSD-3-Clause
"""The port's interface goes down, comes up again, and is removed, while it is probed from."""
import packets
from harness import HOST1, PORT, assert_equal, config, icmp, wait_until


def probed(metrics):
    return metrics.all("icmp_sent_total") and metrics.probes("icmp")[0] >= 200


def is_up(metrics):
    return metrics.one("echolane_port_up", probe_name="lab", port="probe0")


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
