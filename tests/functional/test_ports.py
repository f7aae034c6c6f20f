# SPDX-License-Identifier: BSD-3-Clause
"""echolane ports: what the NICs of a machine are, who has them, what they lack. The machine is a tree of files."""
import json

from fake_kernel import Kernel
from harness import assert_equal, config, icmp

PLAIN = {"icmp": icmp("192.0.2.1")}


def machine(lab):
    """A NIC of the kernel with a link, one for DPDK, one that is shared, one without link, one without driver, a disk."""
    kernel = Kernel(lab.directory / "root")
    kernel.modules.update({"e1000e": ["8086:10d3"], "vfio-pci": ["8086:1572"]})
    kernel.load("e1000e")
    kernel.add("0000:01:00.0", "8086:10fb", group="7", interface="elp1")
    kernel.add("0000:03:00.0", "15b3:1017", interface="elp3")
    kernel.add("0000:04:00.0", "8086:10d3", interface="elp4")
    kernel.add("0000:05:00.0", "8086:100e")
    kernel.add("0000:06:00.0", "144d:a808", kind="010802")
    kernel.load("vfio-pci")
    kernel.add("0000:02:00.0", "8086:1572", group="8")
    for name, flags, carrier in (("elp1", "0x1003", "1"), ("elp3", "0x1002", ""), ("elp4", "0x1003", "0")):
        for file, text in (("address", "02:00:00:00:00:01"), ("flags", flags), ("carrier", carrier), ("speed", "10000")):
            kernel.put(f"/sys/class/net/{name}/{file}", text + "\n")
    kernel.path("/sys/class/net/usb0/device").mkdir(parents=True)
    kernel.path("/sys/class/net/bond0").mkdir()
    return {"ECHOLANE_SYS": f"{kernel.root}/sys"}


def ask(lab, *arguments, env=None):
    done = lab.invoke("ports", *arguments, env=env)
    assert_equal((done.process.returncode, done.stderr), (0, ""), "exit status and errors")
    return done.stdout


def test_nics(lab):
    env = machine(lab)
    said = json.loads(ask(lab, "--format", "json", env=env))
    nics = {nic["address"]: nic for nic in said["nics"]}
    have = {a: (n["driver"], n["use"], n["interface"], n["link"], n["profile"]["name"]) for a, n in nics.items()}
    assert_equal(have, {"0000:01:00.0": ("ixgbe", "kernel", "elp1", True, "ixgbe"),
                        "0000:02:00.0": ("vfio-pci", "dpdk", None, None, "i40e"),
                        "0000:03:00.0": ("mlx5_core", "shared", "elp3", None, "mlx5"),
                        "0000:04:00.0": ("e1000e", "kernel", "elp4", False, "e1000e"),
                        "0000:05:00.0": (None, "none", None, None, "e1000")}, "NICs")
    commands = {a: [lack["command"] for lack in n["missing"]] for a, n in nics.items()}
    assert_equal(commands, {"0000:01:00.0": ["echolane-bind bind 0000:01:00.0"], "0000:02:00.0": [],
                            "0000:03:00.0": ["modprobe -a mlx5_ib ib_uverbs", "ip link set dev elp3 up"],
                            "0000:04:00.0": ["echolane-bind bind 0000:04:00.0", None],
                            "0000:05:00.0": ["echolane-bind bind 0000:05:00.0"]}, "what mends it")
    assert_equal((nics["0000:01:00.0"]["iommu_group"], nics["0000:01:00.0"]["mac"], nics["0000:01:00.0"]["speed_mbps"]),
                 ("7", "02:00:00:00:00:01", 10000), "what else is known")
    assert_equal((said["interfaces"], said["ports"], said["machine"]["iommu"]), (["usb0"], [], True), "the rest")
    text = ask(lab, env=env)
    for word in ("NIC 0000:01:00.0  8086:10fb", "ixgbe, the kernel's", "elp1, 02:00:00:00:00:01, enabled, link up, 10000 Mbit/s",
                 "vfio-pci, for DPDK", "support-multi-driver=1", "$ echolane-bind bind 0000:05:00.0", "NIC usb0"):
        assert word in text, f"{word} is not in {text}"


def test_ports_of_a_configuration(lab):
    """What each lacks; drivers are asked only with --probe, and not those that may not be."""
    env = machine(lab)
    devices = {"nic": "0000:01:00.0", "gone": "0000:09:00.0", "none": "af_packet:elnone0", "null": "net_null0,no-rx=1",
               "new": "tap:elnew0", "odd": "net_null1"}
    ports = [{"name": name, "device": device, **({"profile": "generic"} if name == "odd" else {})}
             for name, device in devices.items()]
    conf = lab.write_config(config(PLAIN, nb_proc=2, dataplane={"ports": ports}))
    for probe in ([], ["--probe"]):
        said = {p["name"]: p for p in json.loads(ask(lab, "--format", "json", *probe, conf, env=env))["ports"]}
        assert_equal(said["nic"]["missing"][0]["command"], "echolane-bind bind 0000:01:00.0", "what mends it")
        assert_equal((said["nic"]["nic"], said["gone"]["nic"]), ("0000:01:00.0", None), "NICs")
        assert_equal(said["gone"]["missing"][0]["what"], "this machine has no PCI device 0000:09:00.0", "why")
        assert said["none"]["missing"][0]["what"].startswith("this machine has no interface elnone0"), said["none"]
        assert_equal({n for n, p in said.items() if p["driver_has"]}, {"null", "odd"} if probe else set(), "who was asked")
    assert_equal((said["null"]["driver_has"]["queues"], said["null"]["profile"]["name"]), (2, "null"), "the driver's answer")
    assert "timestamp" in said["odd"]["driver_has"]["rx_offloads_missing"], said["odd"]
    text = ask(lab, "--probe", conf, env=env)
    assert "of its profile: no rx_offloads timestamp" in text and "$ echolane-bind bind 0000:01:00.0" in text, text
    assert "elnew0" not in lab.run("prober", ["ip", "link"]).stdout  # nothing was made


def test_what_the_host_uses(lab):
    """It is better left to the kernel."""
    env = machine(lab)
    lab.run("prober", ["ip", "link", "add", "elp1", "type", "veth", "peer", "name", "elp1b"])
    lab.run("prober", ["ip", "addr", "add", "198.51.100.7/24", "dev", "elp1"])
    nic = json.loads(ask(lab, "--format", "json", env=env))["nics"][0]
    assert_equal(nic["missing"], [{"what": "this host has 198.51.100.7 on elp1: leave it to the kernel and probe from "
                                           "af_packet:elp1, or from another NIC", "command": None}], "what is said")


def test_without_rights(lab):
    done = lab.run("prober", ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              str(lab.build / "app/echolane/echolane"), "ports", "--profiles",
                              str(lab.build.parent / "drivers-cfg")], check=False)
    assert done.returncode == 0 and done.stdout.startswith("machine\n"), done


def test_wrong_usage(lab):
    for arguments in (("ports", "--probe"), ("ports", "--port", "net_null0"), ("check", "--probe"), ("run", "--format", "json"),
                      ("ports", "--format", "xml")):
        assert_equal(lab.invoke(*arguments).process.returncode, 64, f"exit status of {arguments}")
