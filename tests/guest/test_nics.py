# SPDX-License-Identifier: BSD-3-Clause
"""Every NIC that the emulator has, by each driver of the kernel's that gives NICs to programs, with one and two workers: all
probes are answered."""
import re

from guest import DRIVERS, FAR, FAR_HOSTS, FAR_SUBNETS, MODELS, TIMEOUT_S, all_types, for_machine, on, quick
from harness import assert_equal, config, icmp

ROUNDS = 5
PACKETS = 20
PORTS = {"src_port_a": 50000, "src_port_z": 50499}


def cores(workers):
    """The guest has two: a second worker shares the first one with control."""
    return {"lcores": {"control": 0, "workers": list(range(2 - workers, 2)), "stats": [0]}}


def assert_all_answered(page, log, group="g"):
    for target, keys in all_types(PACKETS).items():
        each = FAR_HOSTS if keys["destination"] in FAR_SUBNETS.values() else PACKETS
        sent, lost = page.probes(target, group)
        # an emulated processor's counter may step, and then nobody knows of the round's probes
        unknown = page.one("echolane_probes_unknown_total", destination=target, group=group)
        assert (sent + unknown, lost) == (ROUNDS * each, 0) and sent >= each, \
            f"{target} in {group}: sent, lost, unknown = {(sent, lost, unknown)} of {ROUNDS * each}: {log[-1500:]}"


def one_nic(guest, model, workers):
    guest.bind(guest.driver, model.address)
    page, log = guest.prober(config(all_types(PACKETS), {"g": PORTS}, cores(workers), nb_proc=workers), [model.port()]).rounds(ROUNDS)
    assert_all_answered(page, log)
    if model.queues > 1 and workers > 1:  # by the driver's own RSS
        assert_equal(page.one("echolane_port_placement", source="computed"), 1, "how streams are given to workers")
        assert_equal(page.one("echolane_round_forwarded_answers"), 0, "answers on another worker's queue")


for machine in DRIVERS:
    for model in MODELS.values():
        for workers in (1, 2):
            globals()[f"test_{machine}_{model.name}_{workers}"] = for_machine(machine, one_nic, model, workers)


def all_at_once(guest, workers):
    """The four as ports of one prober, each with a group of its own."""
    guest.bind(guest.driver, *(model.address for model in MODELS.values()))
    groups = {model.name: {"src_ipv4": f"{model.subnet('ipv4')}9", "src_ipv6": f"{model.subnet('ipv6')}9", **PORTS}
              for model in MODELS.values()}
    prober = guest.prober(config(all_types(PACKETS), groups, cores(workers), nb_proc=workers), [model.port() for model in MODELS.values()])
    page, log = prober.rounds(ROUNDS)
    for group in groups:
        assert_all_answered(page, log, group)


@on("iommu")
def test_iommu_all_1(guest):
    all_at_once(guest, 1)


@quick
@on("iommu")
def test_iommu_all_2(guest):
    all_at_once(guest, 2)


@on("uio")
def test_uio_all_2(guest):
    all_at_once(guest, 2)


@on("iommu")
def test_memory(guest):
    """What a thousand targets take, huge pages apart."""
    model = MODELS["virtio"]
    guest.bind(guest.driver, model.address)
    resident = {}
    for count in (1, 1000):
        targets = {f"t{number}": icmp(FAR["ipv4"], 1, timeout=TIMEOUT_S) for number in range(count)}
        prober = guest.prober(config(targets), [model.port()]).start()
        prober.wait_for(lambda m, last=f"t{count - 1}": m.all("icmp_sent_total", destination=last), "the first round")
        status = guest.run(f"cat /proc/{prober.pid}/status")
        resident[count] = {key: int(re.search(rf"^{key}:\s*(\d+) kB$", status, re.MULTILINE)[1]) / 1024
                           for key in ("VmRSS", "HugetlbPages")}
        prober.stop()
    print("        " + "; ".join(f"{count} targets: resident {of['VmRSS']:.1f} MiB, huge pages {of['HugetlbPages']:.0f} MiB"
                                 for count, of in resident.items()), flush=True)
    assert resident[1000]["VmRSS"] - resident[1]["VmRSS"] < 10, "MiB that a thousand targets take"
