# SPDX-License-Identifier: BSD-3-Clause
"""The guest that tests have: NICs that DPDK drives, on the network of a host that answers, and the prober on them.

    guest: NIC number N                             host: a network namespace of this machine
    198.18.N.9/24, 2001:db8:N::9/64 ─── tap ───     198.18.N.1/24, 2001:db8:N::1/64; behind it, on lo,
                                                    203.0.113.0/26, 2001:db8:ffff::/122
"""
import json
import os
import pathlib
import subprocess

from children import Child, children, wait_until
from emulator import AGENT, Emulator
from harness import TOP, config, icmp, tcp, udp
from image import Image
from metrics import Metrics

FAR = {"ipv4": "203.0.113.1", "ipv6": "2001:db8:ffff::1"}
FAR_SUBNETS = {"ipv4": "203.0.113.0/26", "ipv6": "2001:db8:ffff::/122"}
FAR_HOSTS = 64  # in each
OPEN_PORT, CLOSED_PORT = 443, 81
TIMEOUT_S = 3  # of probes: this machine may be busy with other things
ECHOLANE = "/usr/bin/echolane"
PMDS = ("bus_pci", "bus_vdev", "mempool_ring", "net_virtio", "net_e1000", "net_vmxnet3")
MODULES = ("vfio-pci", "vfio_iommu_type1", "uio_pci_generic")
HUGE_PAGES = 512
MEMORY = "2G"
DRIVERS = {"iommu": "vfio-pci", "uio": "uio_pci_generic"}  # of the kernel, that give NICs to programs
FIRST_SLOT = 3  # of the NICs on the guest's PCI bus
SPARE_SLOT = 12  # a port for one that is plugged in
SPARE_ADDRESS = "0000:01:00.0"  # of that one: the port's bus is the only one beside the first
INIT = """#!/bin/sh
export PATH=/usr/bin:/usr/sbin HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs run /run; mount -t tmpfs tmp /tmp; mount -t hugetlbfs huge /mnt/huge
ln -s /run /var/run
ip link set lo up; chmod 755 /
for module in $(cat /modules/order); do insmod /modules/$module || echo "$module is not loaded"; done
/agent
poweroff -f
"""


def on(*machines):
    """Decorator: the machines that a test is run on; by default that with an IOMMU."""
    def set_machines(function):
        function.machines = machines
        return function
    return set_machines


def pending(function):
    """Decorator: a test of what is not there yet; run only if it is named."""
    function.pending = True
    return function


def quick(function):
    """Decorator: a test of the short run."""
    function.quick = True
    return function


def for_machine(machine, function, *arguments):
    """A test of function(guest, *arguments) on that machine."""
    @on(machine)
    def test(guest):
        function(guest, *arguments)
    return test


class Model:
    """A NIC as the emulator has it."""

    def __init__(self, number, name, device, queues=1):
        self.number, self.name, self.device, self.queues = number, name, device, queues
        self.tap, self.netdev = f"tap{number}", f"net{number}"
        self.slot = f"{FIRST_SLOT + number:#x}"
        self.address = f"0000:00:{FIRST_SLOT + number:02x}.0"
        self.mac = f"52:54:00:09:00:{number:02x}"

    def subnet(self, family):
        return f"198.18.{self.number}." if family == "ipv4" else f"2001:db8:{self.number}::"

    def port(self, address=None, families=("ipv4", "ipv6")):
        """The port's specification for the prober."""
        parts = [address or self.address]
        for family in families:
            parts += [f"address={self.subnet(family)}9/{24 if family == 'ipv4' else 64}", f"gateway={self.subnet(family)}1"]
        return ",".join(parts)

    def netdev_options(self):
        queues = f",queues={self.queues}" if self.queues > 1 else ""
        return f"tap,id={self.netdev},ifname={self.tap},script=no,downscript=no,vhost=off{queues}"

    def device_options(self, iommu, **where):
        options = self.device + (f",iommu_platform={'on' if iommu else 'off'}" if "virtio" in self.device else "")
        return ",".join([options, f"id={self.name}", f"netdev={self.netdev}", f"mac={self.mac}",
                         *(f"{key}={value}" for key, value in where.items())])


VIRTIO = "virtio-net-pci,disable-legacy=on,mq=on,vectors=6,rss=on,hash=on"
MODELS = {name: Model(number, name, device, queues) for number, (name, device, queues) in enumerate((
    ("e1000", "e1000", 1), ("e1000e", "e1000e", 1), ("virtio", VIRTIO, 2), ("vmxnet3", "vmxnet3", 1)))}
SPARE = Model(len(MODELS), "spare", "virtio-net-pci,disable-legacy=on")  # plugged in and out


class Host:
    """The namespace whose kernel answers."""

    def __init__(self, run):
        self.run_name, self.namespace = run, f"el-{run}-host"

    def __enter__(self):
        try:
            self.make()
        except BaseException:  # interrupted, too: what there is of it goes
            self.__exit__()
            raise
        return self

    def make(self):
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        for key, value in (("net/ipv4/icmp_ratelimit", 0), ("net/ipv6/icmp/ratelimit", 0),
                           ("net/ipv4/icmp_msgs_per_sec", 1000000), ("net/ipv4/icmp_msgs_burst", 1000000)):
            self.run(["sh", "-c", f"[ ! -e /proc/sys/{key} ] || echo {value} >/proc/sys/{key}"])
        self.ip("link", "set", "lo", "up")
        self.ip("address", "add", f"{FAR['ipv6']}/128", "dev", "lo", "nodad")  # what it sends ICMP errors from
        for family, subnet in FAR_SUBNETS.items():
            self.ip("-4" if family == "ipv4" else "-6", "route", "add", "local", subnet, "dev", "lo")
        for model in (*MODELS.values(), SPARE):
            self.add_tap(model)
        self.run(["python3", str(TOP / "scripts/listen.py"), "--ipv6", str(OPEN_PORT)])

    def __exit__(self, *_):
        subprocess.run([str(TOP / "scripts/lab"), "down", self.run_name], check=True)

    def add_tap(self, model):
        self.ip("tuntap", "add", model.tap, "mode", "tap", *(["multi_queue"] if model.queues > 1 else []))
        self.ip("address", "add", f"{model.subnet('ipv4')}1/24", "dev", model.tap)
        self.ip("address", "add", f"{model.subnet('ipv6')}1/64", "dev", model.tap, "nodad")
        self.run(["ethtool", "-K", model.tap, "tx", "off"])  # no NIC behind it fills checksums in
        self.ip("link", "set", model.tap, "up")

    def run(self, command):
        done = subprocess.run(["ip", "netns", "exec", self.namespace, *command], check=False, text=True, capture_output=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def ip(self, *arguments):
        return self.run(["ip", *arguments])

    def mac(self, model):
        return json.loads(self.ip("-j", "link", "show", model.tap))[0]["address"]

    def set_mac(self, model, mac):
        self.ip("link", "set", model.tap, "address", mac)

    def popen(self, command, name=None, **options):
        child = Child(["ip", "netns", "exec", self.namespace, *command], name or str(command[0]), **options)
        children.append(child)
        return child


def kernel_file(kernel, pattern):
    found = sorted(pathlib.Path(kernel).glob(pattern))
    assert len(found) == 1, f"{kernel}/{pattern}: {len(found)} files where one was expected"
    return found[0]


def module_files(kernel, names):
    """The files of modules, each behind those that it needs (modules.dep, depmod(8)); built-in ones have none."""
    base = kernel_file(kernel, "lib/modules/*/modules.dep").parent
    lines = dict(line.split(":") for line in (base / "modules.dep").read_text().splitlines())
    found = []
    for name in names:
        paths = [path for path in lines if pathlib.Path(path).name.replace("-", "_") == f"{name}.ko".replace("-", "_")]
        for path in paths:
            found += [base / needed for needed in (*reversed(lines[path].split()), path)]
    return list(dict.fromkeys(found))


def make_image(echolane, kernel, path):
    """The initramfs: busybox, the program with DPDK's drivers, and modules of the kernel."""
    image = Image()
    for folder in ("/proc", "/sys", "/dev", "/run", "/tmp", "/var", "/mnt/huge", "/etc"):
        image.folder(folder)
    image.copy("/bin/busybox", "/usr/bin/busybox")
    for applet in subprocess.run(["busybox", "--list"], check=True, text=True, capture_output=True).stdout.split():
        if applet != "busybox":
            image.link(f"/usr/bin/{applet}", "busybox")
    image.program(echolane, ECHOLANE)
    for profile in sorted((TOP / "drivers-cfg").glob("*.yaml")):
        image.copy(profile, f"/usr/share/echolane/drivers-cfg/{profile.name}")
    for pmd in PMDS:
        image.program(kernel_file("/usr/lib", f"*/dpdk/pmds-*/librte_{pmd}.so.*.*"))
    image.copy(kernel_file("/usr/lib", "*/libgcc_s.so.1"))  # for pthread_cancel at the end of the EAL
    order = module_files(kernel, MODULES)
    for module in order:
        image.copy(module, f"/modules/{module.name}")
    image.write("/modules/order", "".join(f"{module.name}\n" for module in order))
    image.write("/init", INIT, 0o755)
    image.write("/agent", AGENT, 0o755)
    image.save(path)


class Guest(Emulator):
    """The emulated machine, for all tests of a run."""

    def __init__(self, directory, host, kernel, initramfs, iommu):
        self.host, self.iommu, self.files, self.probers = host, iommu, 0, []
        self.driver = DRIVERS["iommu" if iommu else "uio"]
        arguments = ["-machine", "q35", "-m", MEMORY, "-no-reboot", "-kernel", str(kernel_file(kernel, "boot/vmlinuz-*")),
                     "-initrd", str(initramfs), "-append",
                     "console=ttyS0 quiet panic=-1 mitigations=off "
                     f"hugepages={HUGE_PAGES}{' intel_iommu=on iommu=pt' if iommu else ''}",
                     "-device", f"pcie-root-port,id=spare-port,chassis=1,addr={SPARE_SLOT:#x}",
                     "-netdev", SPARE.netdev_options()]
        if iommu:
            arguments += ["-device", "intel-iommu,intremap=on,aw-bits=48"]
        for model in MODELS.values():
            arguments += ["-netdev", model.netdev_options(),
                          "-device", model.device_options(iommu, addr=model.slot)]
        super().__init__(directory, host.namespace, arguments)

    def bind(self, driver, *addresses):
        """Gives devices to a driver, whoever has them now."""
        for address in addresses:
            at = f"/sys/bus/pci/devices/{address}"
            self.run(f"[ ! -e {at}/driver ] || echo {address} >{at}/driver/unbind; echo {driver} >{at}/driver_override; "
                     f"echo {address} >/sys/bus/pci/drivers_probe")
            assert self.driver_of(address) == driver, f"{address} is with {self.driver_of(address)}, not {driver}"

    def prober(self, conf, ports, *arguments):
        self.probers.append(Prober(self, conf, ports, arguments))
        return self.probers[-1]

    def clean_up(self):
        """After a test, whatever became of it: no prober runs, so that nobody has the devices."""
        for prober in self.probers:
            prober.kill()
        self.probers.clear()


class Prober:
    """echolane in the guest. Its output is copied to the test's directory when it has ended."""

    def __init__(self, guest, conf, ports, arguments=()):
        guest.files += 1
        self.guest, self.name, self.pid = guest, f"/tmp/{guest.files}", None
        conf["dataplane"]["huge_pages"] = "yes"
        guest.write(f"{self.name}.yaml", json.dumps(conf))
        options = " ".join([*(f"--port {port}" for port in ports), *arguments])
        self.command = f"{ECHOLANE} run {options} {self.name}.yaml >{self.name}.out 2>{self.name}.log"

    def _keep(self):
        for kind in ("out", "log"):
            _, text = self.guest.run(f"cat {self.name}.{kind}", check=False)
            (self.guest.directory / f"echolane{self.name.replace('/', '.')}.{kind}").write_text(text)
            yield text

    def rounds(self, number, timeout_s=150):
        """Runs so many rounds to a clean end; (the final metrics, the log)."""
        command = self.command.replace(" run ", f" run --rounds {number} --print-metrics --table=plain ")
        status, _ = self.guest.run(command, timeout_s, check=False)
        out, log = self._keep()
        if status != 0:
            raise AssertionError(f"echolane ended with status {status}: {log[-2000:]} {self.guest.run('dmesg | grep -v DMAR | tail -n 3')}")
        return Metrics(out[out.index("# HELP"):]).check(), log

    def start(self):
        self.pid = int(self.guest.run(f"{self.command} & echo $!"))
        return self

    def log(self):
        return self.guest.run(f"cat {self.name}.log")

    def logged(self, text):
        return sum(text in line for line in self.log().splitlines())

    def get(self, path):
        """GET; (HTTP status, body), status 0 while it can't be reached."""
        # busybox's wget, linked statically, can't look up services' names, and dies
        _, text = self.guest.run(f"printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' | nc -w 20 127.0.0.1 8000", check=False)
        head, _, body = text.partition("\r\n\r\n")
        return int(head.split()[1]) if head.startswith("HTTP/") else 0, body

    def has_ended(self):
        return self.guest.run(f"kill -0 {self.pid} 2>/dev/null", check=False)[0] != 0

    def metrics(self):
        assert not self.has_ended(), f"echolane has ended: {self.log()[-2000:]}"
        status, text = self.get("/metrics")
        return Metrics(text).check() if status == 200 else None

    def wait_for(self, condition, what, timeout_s=60):
        def look():
            page = self.metrics()
            return page if page and condition(page) else None
        return wait_until(look, timeout_s, what)

    def stop(self):
        """Ends it; its log."""
        self.guest.run(f"kill {self.pid}")
        wait_until(self.has_ended, 60, "echolane's end")
        self.pid = None
        return list(self._keep())[1]

    def kill(self):
        if self.pid:
            list(self._keep())
            self.guest.run(f"kill -KILL {self.pid}; while kill -0 {self.pid}; do sleep 0.1; done", check=False)


def all_types(nb_packets, families=("ipv4", "ipv6")):
    """Targets of all three types and both families behind the gateway; and by the address, which queue is whose."""
    return {f"{name}.{family}": make(family) for family in families for name, make in (
        ("icmp", lambda family: icmp(FAR[family], nb_packets, timeout=TIMEOUT_S)),
        ("open", lambda family: tcp(FAR[family], OPEN_PORT, nb_packets, timeout=TIMEOUT_S)),
        ("closed", lambda family: tcp(FAR[family], CLOSED_PORT, nb_packets, timeout=TIMEOUT_S)),
        ("udp", lambda family: udp(FAR[family], nb_packets=nb_packets, timeout=TIMEOUT_S)),
        ("many", lambda family: icmp(FAR_SUBNETS[family], 1, is_subnet=True, timeout=TIMEOUT_S)))}
