# SPDX-License-Identifier: BSD-3-Clause
"""A kernel for scripts/bind that is a tree of files below a folder, and does what Linux does when its attributes
are written: drivers/base/bus.c, drivers/pci/pci-driver.c."""
import contextlib
import errno
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import shutil

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bind"
loader = importlib.machinery.SourceFileLoader("bind", str(SCRIPT))
bind = importlib.util.module_from_spec(importlib.util.spec_from_loader("bind", loader))
loader.exec_module(bind)
IP = {"-4 route show table all default": [], "-6 route show table all default": [], "addr show": []}


class Kernel(bind.Machine):
    """`modules`: those that can be loaded; `broken`: drivers that take no device; `tools`: programs that there are."""

    def __init__(self, root):
        super().__init__(str(root))
        self.modules = {"vfio-pci": [], "uio_pci_generic": [], "ixgbe": ["8086:10fb"], "virtio-pci": ["1af4:1041"],
                        "mlx5_core": ["15b3:1017"], "nvme": ["144d:a808"]}
        self.broken, self.tools, self.ip, self.said = set(), {"udevadm"}, dict(IP), []
        self.writes, self.fail_at, self.huge_limit = 0, None, 10 ** 9
        for folder in ("/sys/bus/pci/devices", "/sys/bus/pci/drivers", "/sys/class/net", "/proc", "/dev"):
            self.path(folder).mkdir(parents=True)
        self.put("/proc/meminfo", "MemAvailable:    4194304 kB\nHugepagesize:       2048 kB\n")
        self.put("/proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0\n")
        self.put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n")
        for module in ("ixgbe", "virtio-pci", "mlx5_core", "nvme"):
            self.load(module)

    def put(self, name, text):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(self, module):
        self.path(f"/sys/bus/pci/drivers/{module}").mkdir(exist_ok=True)

    def add(self, address, ids, kind="020000", group="", interface=""):
        """A new device, with the driver that the kernel has for it."""
        at, vendor_device = f"/sys/bus/pci/devices/{address}", ids.split(":")
        for name, text in {"vendor": f"0x{vendor_device[0]}", "device": f"0x{vendor_device[1]}", "class": f"0x{kind}",
                           "driver_override": "(null)", "interface": interface}.items():
            self.put(f"{at}/{name}", text + "\n")
        if group:
            folder = self.path(f"/sys/kernel/iommu_groups/{group}/devices")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / address).symlink_to(self.path(at))
            self.path(f"{at}/iommu_group").symlink_to(folder.parent)
        self.probe(address)
        return bind.Nic(self, address)

    def attach(self, address, driver):
        at = f"/sys/bus/pci/devices/{address}"
        self.path(f"{at}/driver").symlink_to(self.path(f"/sys/bus/pci/drivers/{driver}"))
        name = self.read(f"{at}/interface")
        if name and driver not in bind.DPDK_DRIVERS:
            device = f"{at}/virtio1" if driver == "virtio-pci" else at
            self.path(f"{device}/net/{name}").mkdir(parents=True)
            self.path(f"/sys/class/net/{name}").mkdir()
            self.path(f"/sys/class/net/{name}/device").symlink_to(self.path(device))

    def detach(self, address):
        at = f"/sys/bus/pci/devices/{address}"
        self.path(f"{at}/driver").unlink()
        for folder in (f"{at}/net", f"{at}/virtio1", f"/sys/class/net/{self.read(f'{at}/interface') or '-'}"):
            shutil.rmtree(self.path(folder), ignore_errors=True)

    def suits(self, address, driver):
        at = f"/sys/bus/pci/devices/{address}"
        override, ids = self.read(f"{at}/driver_override"), bind.Nic(self, address).id
        return driver == override if override != "(null)" else ids in self.modules.get(driver, [])

    def probe(self, address):
        for driver in self.list("/sys/bus/pci/drivers"):
            if self.suits(address, driver) and driver not in self.broken:
                self.attach(address, driver)
                return

    def write(self, name, text):
        if self.dry_run:
            super().write(name, text)
            return
        self.writes += 1
        if self.writes == self.fail_at:
            raise OSError(errno.EIO, "injected", name)
        parts = name.split("/")
        if name.endswith("/driver_override"):
            self.put(name, (text or "(null)") + "\n")
        elif name.endswith("/unbind"):
            if bind.Nic(self, text).driver != parts[-2]:
                raise OSError(errno.ENODEV, "No such device", name)
            self.detach(text)
        elif name == "/sys/bus/pci/drivers_probe":
            if not bind.Nic(self, text).driver:
                self.probe(text)
        elif name.endswith("/bind"):
            if bind.Nic(self, text).driver or not self.suits(text, parts[-2]):
                raise OSError(errno.ENODEV, "No such device", name)
            if parts[-2] in self.broken:
                raise OSError(errno.EINVAL, "Invalid argument", name)
            self.attach(text, parts[-2])
        elif name.endswith("/nr_hugepages"):
            self.put(name, f"{min(int(text), self.huge_limit)}\n")
        else:
            raise AssertionError(f"{name} is nothing that is written to")

    def say(self, text):
        self.said.append(text)

    def has(self, tool):
        return tool in self.tools

    def ask(self, *argv):
        assert argv[:2] == ("ip", "-j"), argv
        return json.dumps(self.ip[" ".join(argv[2:])]) if " ".join(argv[2:]) in self.ip else None

    def do(self, *argv):
        if self.dry_run:
            return super().do(*argv)
        if argv[0] == "modprobe":
            if argv[1] in self.modules:
                self.load(argv[1])
            return argv[1] in self.modules, "not found"
        if argv[:2] == ("driverctl", "set-override"):
            nic = bind.Nic(self, argv[2])
            if nic.driver:
                self.detach(nic.address)
            self.put(f"{nic.at}/driver_override", argv[3] + "\n")
            self.probe(nic.address)
            if nic.driver:
                self.save(f"{bind.DRIVERCTL}/pci-{nic.address}", argv[3] + "\n")
            return bool(nic.driver), f"failed to bind device {nic.address} to driver {argv[3]}"
        assert argv == ("udevadm", "control", "--reload"), argv
        return True, ""

    def run(self, *arguments):
        """The status, and all that was said."""
        options = bind.parse(arguments)
        self.said, self.dry_run, self.writes = [], options.dry_run, 0
        try:
            status = options.function(self, options)
        except (bind.Refused, OSError) as error:
            self.said.append(str(error))
            status = 1
        return status, "\n".join(self.said)

    def state(self):
        """All files and links, but for what is seen of the kernel's modules."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in files + folders:
                path = pathlib.Path(folder) / name
                if path.is_symlink():
                    found[str(path)] = os.readlink(path)
                elif path.is_file():
                    found[str(path)] = path.read_text(encoding="utf-8")
        return found


def parse_error(*arguments):
    """The exit status of a wrong command line."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            bind.parse(arguments)
        except SystemExit as end:
            return end.code
    return 0
