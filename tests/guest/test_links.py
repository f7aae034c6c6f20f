# SPDX-License-Identifier: BSD-3-Clause
"""The link of a NIC that DPDK drives goes down and comes up again; its NIC is unplugged and plugged in again; its gateway
gets another MAC address."""
import time

from children import wait_until
from guest import DRIVERS, FAR_HOSTS, MODELS, SPARE, SPARE_ADDRESS, all_types, for_machine, on, quick
from harness import assert_equal, config

PACKETS = 10
PORTS = {"src_port_a": 50000, "src_port_z": 50499}


def start(guest, model, address=None):
    address = address or model.address
    guest.bind(guest.driver, address)
    prober = guest.prober(config(all_types(PACKETS), {"g": PORTS}), [model.port(address)]).start()
    prober.wait_for(lambda m: m.all("icmp_sent_total") and m.probes("icmp.ipv4")[0] >= 2 * PACKETS, "two rounds")
    return prober


def is_up(page):
    (value,) = (value for _, value in page.all("echolane_port_up"))
    return value


def local(page):
    return page.one("echolane_probes_local_total", destination="icmp.ipv4")


def assert_local_only(prober, began):
    """Two rounds and more of which nothing is sent, and nothing but what was under way is lost."""
    page = prober.wait_for(lambda m: local(m) >= local(began) + 3 * PACKETS, "local probes")
    for target in all_types(PACKETS):
        before, after = began.probes(target)[1], page.probes(target)[1]
        each = FAR_HOSTS if target.startswith("many") else PACKETS
        assert after - before <= 2 * each, f"{after - before} of {target} lost: only what is sent within a second may be"
    assert_equal(prober.get("/-/ready")[0], 503, "status of /-/ready")
    return page


def assert_all_answered_again(prober):
    count = prober.wait_for(lambda m: is_up(m) == 1, "the port to be up").probes("icmp.ipv4")[0]
    prober.wait_for(lambda m: m.probes("icmp.ipv4")[0] >= count + 3 * PACKETS, "three more rounds")
    page = wait_until(prober.metrics, 20, "a page")
    for target in all_types(PACKETS):
        assert_equal(page.ratio(target), 0, f"loss of {target} after it")
    wait_until(lambda: prober.get("/-/ready")[0] == 200, 20, "it to be ready")


def down_and_up(guest, model):
    try:
        link_changes(guest, model)
    finally:
        guest.ask("set_link", name=model.name, up=True)


def link_changes(guest, model):
    prober = start(guest, model)
    began = wait_until(prober.metrics, 20, "a page")
    guest.ask("set_link", name=model.name, up=False)
    prober.wait_for(lambda m: is_up(m) == 0, "the port to be down")
    page = assert_local_only(prober, began)
    before = {target: page.probes(target) for target in all_types(PACKETS)}
    each = {target: FAR_HOSTS if target.startswith("many") else PACKETS for target in before}
    guest.ask("set_link", name=model.name, up=True)
    began = time.monotonic()
    prober.wait_for(lambda m: is_up(m) == 1, "the port to be up")
    up_s = time.monotonic() - began
    prober.wait_for(lambda m: all(m.probes(target)[0] >= sent + each[target] and m.probes(target)[1] == lost
                                  for target, (sent, lost) in before.items()), "a right round")
    print(f"        {model.name}: up after {up_s:.1f} s, the first right round after {time.monotonic() - began:.1f} s, "
          "rounds of 1 s", flush=True)
    assert_all_answered_again(prober)
    log = prober.stop()
    for text in ("the link is down: nothing is sent there", "the link is up again"):
        assert_equal(log.count(text), 1, f"lines that say \"{text}\"")


def plug(guest):
    assert_equal(guest.tell(f"device_add {SPARE.device_options(guest.iommu, bus='spare-port')}"), "", "what the monitor says")
    guest.run(f"until [ -e /sys/bus/pci/devices/{SPARE_ADDRESS} ]; do sleep 0.2; done", 60)


def unplug(guest):
    guest.ask("device_del", id=SPARE.name)
    guest.wait_for_event("DEVICE_DELETED")


@on(*DRIVERS)
def test_unplugged_and_back(guest):
    """A driver can't go on with another device: it says so and ends when that is bound for DPDK, for whoever started it to
    start it again."""
    plug(guest)
    prober = start(guest, SPARE, SPARE_ADDRESS)
    began = wait_until(prober.metrics, 20, "a page")
    unplug(guest)
    prober.wait_for(lambda m: is_up(m) == 0, "the port to be down")
    assert_local_only(prober, began)
    plug(guest)
    guest.bind(guest.driver, SPARE_ADDRESS)
    wait_until(prober.has_ended, 60, "the prober's end")
    again = start(guest, SPARE, SPARE_ADDRESS)
    again.stop()
    unplug(guest)


def gateway_moved(guest, model):
    """Another station has the gateway's address now, and the old one is silent: within seconds it is followed."""
    prober = start(guest, model)
    old = guest.host.mac(model)
    try:
        guest.host.set_mac(model, "02:00:00:00:00:99")
        page = prober.wait_for(lambda m: m.sum("echolane_port_neighbour_moves_total") >= 1, "the gateway to be followed")
        count = page.probes("icmp.ipv4")[0]
        page = prober.wait_for(lambda m: m.probes("icmp.ipv4")[0] >= count + 6 * PACKETS, "six more rounds")
        for target in all_types(PACKETS):
            assert_equal(page.ratio(target), 0, f"loss of {target} by the gateway's new address")
        prober.stop()
    finally:
        guest.host.set_mac(model, old)


for machine in DRIVERS:
    for model in MODELS.values():
        for function in (down_and_up, gateway_moved):
            globals()[f"test_{machine}_{model.name}_{function.__name__}"] = for_machine(machine, function, model)

quick(globals()["test_iommu_virtio_down_and_up"])
