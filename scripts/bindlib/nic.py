# SPDX-License-Identifier: BSD-3-Clause
"""A NIC: which it is, what has it, and who uses it."""
import json
import os
import pathlib
import re

from .machine import Refused

ADDRESS = re.compile(r"([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
DPDK_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
BIFURCATED = ("mlx4_core", "mlx5_core")
# in the IOMMU group of a device that vfio-pci has, others may be with these
GROUP_DRIVERS = ("", "vfio-pci", "pci-stub", "pcieport")


class Nic:
    """A PCI function, as it is now."""

    def __init__(self, machine, address):
        self.m, self.address = machine, address
        self.at = f"/sys/bus/pci/devices/{address}"
        if not machine.path(self.at).exists():
            raise Refused(f"this machine has no PCI device {address}")

    def attribute(self, name):
        return self.m.read(f"{self.at}/{name}")

    @property
    def driver(self):
        return self.m.target(f"{self.at}/driver")

    @property
    def override(self):
        text = self.attribute("driver_override")
        return "" if text == "(null)" else text

    @property
    def id(self):
        return f"{self.attribute('vendor')[2:]}:{self.attribute('device')[2:]}"

    @property
    def group(self):
        return self.m.target(f"{self.at}/iommu_group")

    @property
    def interfaces(self):
        """Those of the kernel, in this network namespace: the device's, or of the virtio device below it."""
        below = [self.at] + [f"{self.at}/{name}" for name in self.m.list(self.at) if name.startswith("virtio")]
        return [name for device in below for name in self.m.list(f"{device}/net")]

    def bind(self, driver, override):
        """Has `driver` take it; "": whichever the kernel has for it. OSError where the kernel refuses a write."""
        if not self.m.path(f"{self.at}/driver_override").exists():
            raise Refused(f"{self.address}: this kernel has no driver_override")
        self.m.write(f"{self.at}/driver_override", override)
        now, error = self.driver, None
        if now:
            self.m.write(f"/sys/bus/pci/drivers/{now}/unbind", self.address)
        try:
            self.m.write("/sys/bus/pci/drivers_probe", self.address)
        except OSError as refused:
            error = refused
        if driver and self.driver != driver and not self.m.dry_run:
            self.m.write(f"/sys/bus/pci/drivers/{driver}/bind", self.address)  # says why, where it does not
        elif error and not self.driver:
            raise error


def find(machine, word):
    """The NIC of a PCI address or an interface's name."""
    if ADDRESS.fullmatch(word.lower()):
        nic = Nic(machine, word.lower() if word.count(":") == 2 else f"0000:{word.lower()}")
    else:
        device = machine.path(f"/sys/class/net/{word}/device")
        if "/" in word or not machine.path(f"/sys/class/net/{word}").exists():
            raise Refused(f"{word} is neither a PCI address (0000:3b:00.0) nor an interface of this machine")
        parts = [p for p in pathlib.Path(os.path.realpath(device)).parts if ADDRESS.fullmatch(p)]
        if not parts:
            raise Refused(f"interface {word} is of no PCI device")
        nic = Nic(machine, parts[-1])
    if nic.attribute("class")[:4] != "0x02":
        raise Refused(f"{nic.address} is no network controller (class {nic.attribute('class') or 'unknown'})")
    return nic


# ---- who uses it ----


def above(machine, interfaces):
    """These interfaces and all that are on top of them: bonds, bridges, VLANs."""
    found = list(interfaces)
    for name in found:
        found += [n[6:] for n in machine.list(f"/sys/class/net/{name}")
                  if n.startswith("upper_") and n[6:] not in found]
    return found


def ask_ip(machine, *arguments):
    text = machine.ask("ip", "-j", *arguments)
    if text is None:
        raise Refused(f"`ip {' '.join(arguments)}` tells nothing, so what uses it can't be told")
    try:
        return json.loads(text or "[]")
    except ValueError:
        raise Refused(f"`ip {' '.join(arguments)}` tells what is no JSON, so what uses it can't be told") from None


def devices_of(routes):
    """Interfaces that routes lead out by."""
    hops = [hop for route in routes for hop in [route, *route.get("nexthops", [])]]
    return {hop["dev"] for hop in hops if "dev" in hop}


def ssh_connections(machine):
    """(client, server) of the ssh sessions that this process is in: sudo keeps no environment, its ancestors have it."""
    pid, found = str(os.getpid()), set()
    if os.environ.get("SSH_CONNECTION"):
        found.add(os.environ["SSH_CONNECTION"])
    while pid not in ("", "0", "1"):
        for entry in machine.read(f"/proc/{pid}/environ").split("\0"):
            if entry.startswith("SSH_CONNECTION="):
                found.add(entry.split("=", 1)[1])
        pid = machine.read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2]
        pid = pid[0] if pid else ""
    return [(c.split()[0], c.split()[2]) for c in found if len(c.split()) == 4]


def uses(machine, nic):
    """Why a NIC is not to be taken away from the kernel, in words."""
    names, why = nic.interfaces, []
    if nic.driver and nic.driver not in DPDK_DRIVERS and not names:
        why.append(f"{nic.driver} has it, but no interface is seen: it may be in another network namespace, in use")
    if int(nic.attribute("sriov_numvfs") or 0) > 0:
        why.append(f"it has {nic.attribute('sriov_numvfs')} virtual functions, which would be gone")
    if not names:
        return why
    # what no link of sysfs shows uses it as well: PPPoE, macvlan in another namespace, packet sockets
    why += [f"{name} is up (`ip link set dev {name} down` first)" for name in names
            if int(machine.read(f"/sys/class/net/{name}/flags") or "0", 0) & 1]
    everything = above(machine, names)
    why += [f"{name} is on top of it" for name in everything if name not in names]
    defaults = devices_of(ask_ip(machine, "-4", "route", "show", "table", "all", "default")
                          + ask_ip(machine, "-6", "route", "show", "table", "all", "default"))
    why += [f"{name} has the default route" for name in everything if name in defaults]
    for client, server in ssh_connections(machine):
        reached = devices_of(ask_ip(machine, "route", "get", client))
        reached |= {link["ifname"] for link in ask_ip(machine, "addr", "show", "to", server) if "ifname" in link}
        why += [f"{name} carries this ssh session" for name in everything if name in reached]
    for link in ask_ip(machine, "addr", "show"):
        addresses = [a["local"] for a in link.get("addr_info", []) if a.get("scope") != "link" and "local" in a]
        if link.get("ifname") in everything and addresses:
            why.append(f"{link['ifname']} has the address {addresses[0]}")
    return why


def group_mates(machine, nic, others):
    """Devices that keep a vfio group from being used, with their drivers; not those whose turn comes as well."""
    for address in machine.list(f"{nic.at}/iommu_group/devices"):
        driver = machine.target(f"/sys/bus/pci/devices/{address}/driver")
        if address not in {nic.address, *others} and driver not in GROUP_DRIVERS:
            yield f"{address} ({driver})"


def users(machine, nic):
    """Processes that have a device that DPDK drives: taking it from them would hang, or crash them."""
    files = {f"/dev/vfio/{nic.group}", f"/dev/vfio/noiommu-{nic.group}"} if nic.group else set()
    files |= {f"/dev/{name}" for name in machine.list(f"{nic.at}/uio")}
    for pid in machine.list("/proc"):
        if pid.isdigit() and pid != str(os.getpid()):
            for fd in machine.list(f"/proc/{pid}/fd"):
                try:
                    if os.readlink(machine.path(f"/proc/{pid}/fd/{fd}")) in files:
                        yield f"{machine.read(f'/proc/{pid}/comm')} ({pid})"
                        break
                except OSError:
                    continue


def check_users(machine, nic):
    taken = list(users(machine, nic))
    if taken:
        raise Refused(f"{nic.address} is in use by {', '.join(taken)}: end it first")
