# SPDX-License-Identifier: BSD-3-Clause
"""A Debian with systemd in the emulated machine, on a disk of its own: where echolane's package is installed. What that
depends on is in it already, for its network leads to no mirror. Its NICs are two of guest.py's, on the same networks."""
import pathlib
import subprocess

from children import wait_until
from emulator import Emulator
from guest import MODELS
from metrics import Metrics

MEMORY = "2G"
DISK_SLOT = 16  # on the PCI bus, behind the NICs
CONF = "/etc/echolane/echolane.yaml"
DROP_IN = "/etc/systemd/system/echolane.service.d/override.conf"
NIC, OTHER_NIC = MODELS["virtio"], MODELS["e1000e"]
PACKAGE, NEWER = "/root/echolane.deb", "/root/newer.deb"
SLOW_S = 300  # for what starts programs and writes to the disk


class Debian(Emulator):
    """The emulated machine, for all tests of a run."""
    boot_s = 600

    def __init__(self, directory, host, image, packages):
        """image: the directory of a disk with Debian, its kernel and initramfs; packages: ours, and a newer one."""
        self.host, self.packages = host, packages
        disk, image = pathlib.Path(directory) / "disk", pathlib.Path(image)
        subprocess.run(["cp", "--sparse=always", image / "disk", disk], check=True)
        for package, name in zip(packages, (PACKAGE, NEWER)):
            subprocess.run(["debugfs", "-w", "-R", f"write {package} {name}", disk], check=True, capture_output=True)
        arguments = ["-machine", "q35", "-m", MEMORY, "-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img"),
                     "-append", "root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off intel_iommu=on iommu=pt",
                     "-device", "intel-iommu,intremap=on,aw-bits=48",
                     "-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe",
                     "-device", f"virtio-blk-pci,drive=disk,addr={DISK_SLOT:#x}"]
        for model in (NIC, OTHER_NIC):
            arguments += ["-netdev", model.netdev_options(), "-device", model.device_options(True, addr=model.slot)]
        super().__init__(directory, host.namespace, arguments)

    def reboot(self):
        self.run("systemctl --no-block reboot")
        self.wait_until_up()
        self.wait_until_booted()

    def wait_until_booted(self):
        wait_until(lambda: self.run("systemctl is-system-running", check=False)[1].strip() not in ("starting", "initializing"),
                   SLOW_S, "the end of the boot")

    def failed_units(self):
        return self.run("systemctl --failed --plain --no-legend").split("\n")[:-1]

    # ---- the service ----

    def show(self, key):
        """What systemd says of the service."""
        return self.run(f"systemctl show --property {key} --value echolane").strip()

    def journal(self, since=None):
        """What the service, and systemd of it, have logged; since a cursor."""
        after = f"--after-cursor='{since}'" if since else ""
        return self.run(f"journalctl --no-pager --output cat {after} --unit echolane")

    def cursor(self):
        return self.run("journalctl --lines 0 --show-cursor").rpartition("cursor: ")[2].strip()

    def get(self, path):
        """GET; (HTTP status, body), status 0 while it can't be reached."""
        _, text = self.run(f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/8000 && printf \"GET {path} HTTP/1.0\\r\\n\\r\\n\" >&3 "
                           "&& cat <&3'", check=False)
        head, _, body = text.partition("\r\n\r\n")
        return int(head.split()[1]) if head.startswith("HTTP/") else 0, body

    def metrics(self):
        status, text = self.get("/metrics")
        return Metrics(text).check() if status == 200 else None

    def wait_for(self, condition, what, timeout_s=SLOW_S):
        """Scrapes until condition(metrics) holds; that scrape."""
        def look():
            page = self.metrics()
            return page if page and condition(page) else None
        try:
            return wait_until(look, timeout_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the journal: {self.journal()[-2000:]}") from None

    def clean_up(self):
        """After a test: the next one makes of it what it needs."""
