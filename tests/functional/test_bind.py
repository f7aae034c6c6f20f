# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bind, against a kernel of files (fake_kernel.py): what it refuses, what it does, and that a NIC always has a
driver at the end."""
import os
import shutil
import subprocess

from fake_kernel import Kernel, SCRIPT, bind, parse_error
from harness import assert_equal

NIC = "0000:01:00.0"
IXGBE = "8086:10fb"


def machine(lab, group="7", name="root"):
    os.environ.pop("SSH_CONNECTION", None)  # whoever runs this may be one
    kernel = Kernel(lab.directory / name)
    return kernel, kernel.add(NIC, IXGBE, group=group, interface="ens1")


def check(result, status, *words):
    assert result[0] == status and all(word in result[1] for word in words), result


def test_bind_and_undo(lab):
    """With an IOMMU by vfio-pci; kept by a rule of udev; all is then as it was before."""
    kernel, nic = machine(lab)
    before = kernel.state()
    check(kernel.run("bind", "ens1"), 0, f"{NIC} ({IXGBE}) is with vfio-pci now, before with ixgbe")
    assert_equal((nic.driver, nic.override, nic.interfaces), ("vfio-pci", "vfio-pci", []), "the NIC")
    rule = kernel.read(bind.rule_file(NIC))
    for word in (f'KERNEL=="{NIC}"', 'ATTR{vendor}=="0x8086"', 'ATTR{device}=="0x10fb"', 'ATTR{driver_override}="vfio-pci"',
                 f"{SCRIPT} load {NIC} --driver vfio-pci"):
        assert word in rule, rule
    check(kernel.run("bind", NIC), 0, "is with vfio-pci already")
    check(kernel.run("status"), 0, f"{NIC} {IXGBE} vfio-pci - kept, before: ixgbe")
    check(kernel.run("undo"), 0, f"{NIC} is with ixgbe again, as ens1")
    assert_equal(kernel.state(), before, "what there is")
    check(kernel.run("undo"), 0)


def test_with_driverctl(lab):
    """It keeps the binding in its own way; what was kept there before is there again afterwards."""
    kernel, nic = machine(lab)
    kernel.tools.add("driverctl")
    kernel.save(f"{bind.DRIVERCTL}/pci-{NIC}", "ixgbe\n")
    check(kernel.run("bind", "01:00.0"), 0, "is with vfio-pci now")
    assert_equal(kernel.read(f"{bind.DRIVERCTL}/pci-{NIC}"), "vfio-pci", "driverctl's file")
    assert not kernel.path(bind.rule_file(NIC)).exists()
    check(kernel.run("unbind", NIC), 0, "is with ixgbe again")
    assert_equal(kernel.read(f"{bind.DRIVERCTL}/pci-{NIC}"), "ixgbe", "driverctl's file")
    kernel.broken.add("vfio-pci")
    check(kernel.run("bind", NIC), 1, "vfio-pci did not take it", "it is with ixgbe again")
    assert_equal((nic.driver, nic.interfaces), ("ixgbe", ["ens1"]), "the NIC")
    assert_equal(kernel.list(bind.STATE), [], "records")


def test_without_iommu(lab):
    kernel, nic = machine(lab, group="")
    check(kernel.run("bind", NIC, "--no-persist"), 0, "uio_pci_generic", "turn the IOMMU on", "until the next reboot")
    assert_equal(nic.driver, "uio_pci_generic", "driver")
    assert not kernel.path(bind.rule_file(NIC)).exists()
    check(kernel.run("bind", NIC), 0, "is with uio_pci_generic now")  # now kept, too
    assert kernel.path(bind.rule_file(NIC)).exists()
    check(kernel.run("undo", NIC), 0, "is with ixgbe again")
    kernel.put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n")
    check(kernel.run("bind", NIC), 0, "is with vfio-pci now")


def test_refuses_what_the_host_uses(lab):
    """The default route of either family, also through a VLAN on a bond; the ssh session; any address; virtual
    functions; an interface out of sight."""
    kernel, nic = machine(lab)
    for upper, lower in (("bond0", "ens1"), ("bond0.7", "bond0"), ("br0", "bond0.7")):
        kernel.path(f"/sys/class/net/{upper}").mkdir()
        kernel.path(f"/sys/class/net/{lower}/upper_{upper}").mkdir()
    before = kernel.state()
    check(kernel.run("bind", NIC), 1, "bond0 is on top of it", "br0 is on top of it")  # who else may be behind them
    default4, default6 = "-4 route show table all default", "-6 route show table all default"
    address = {"ifname": "bond0", "addr_info": [{"local": "fe80::1", "scope": "link"}, {"local": "192.0.2.1", "scope": "global"}]}
    for key, value, why in (
            (default4, [{"dst": "default", "dev": "ens1"}], "ens1 has the default route"),
            (default6, [{"dst": "default", "dev": "bond0.7"}], "bond0.7 has the default route"),
            (default4, [{"dst": "default", "nexthops": [{"dev": "lo"}, {"dev": "br0"}]}], "br0 has the default route"),
            ("addr show", [address], "bond0 has the address 192.0.2.1")):
        kernel.ip[key] = value
        check(kernel.run("bind", NIC), 1, f"{NIC} is not touched", why, "--force")
        kernel.ip[key] = []
    os.environ["SSH_CONNECTION"] = "198.51.100.1 40000 192.0.2.1 22"
    try:
        kernel.ip["route get 198.51.100.1"], kernel.ip["addr show to 192.0.2.1"] = [{"dev": "bond0"}], []
        check(kernel.run("bind", NIC), 1, "bond0 carries this ssh session")
        kernel.ip["route get 198.51.100.1"], kernel.ip["addr show to 192.0.2.1"] = [], [{"ifname": "br0"}, {}]
        check(kernel.run("bind", NIC), 1, "br0 carries this ssh session")
        del kernel.ip["route get 198.51.100.1"]
        check(kernel.run("bind", NIC), 1, "tells nothing")  # not known is not none
    finally:
        del os.environ["SSH_CONNECTION"]
    for lower, upper in (("ens1", "bond0"), ("bond0", "bond0.7"), ("bond0.7", "br0")):
        kernel.path(f"/sys/class/net/{lower}/upper_{upper}").rmdir()
    kernel.put("/sys/class/net/ens1/flags", "0x1003\n")  # PPPoE, or a macvlan elsewhere: no link shows it
    check(kernel.run("bind", NIC), 1, "ens1 is up", "ip link set dev ens1 down")
    kernel.put("/sys/class/net/ens1/flags", "0x1002\n")
    before = kernel.state()
    kernel.put(f"{nic.at}/sriov_numvfs", "2\n")
    check(kernel.run("bind", NIC), 1, "2 virtual functions")
    kernel.path(f"{nic.at}/sriov_numvfs").unlink()
    assert_equal(kernel.state(), before, "what there is")
    (kernel.path(f"{nic.at}/net/ens1")).rmdir()
    check(kernel.run("bind", NIC), 1, "another network namespace")
    check(kernel.run("bind", NIC, "--force"), 0, "forced", "is with vfio-pci now")
    kernel, nic = machine(lab, name="blind")
    del kernel.ip["addr show"]
    check(kernel.run("bind", NIC), 1, "not touched: `ip addr show` tells nothing")
    check(kernel.run("bind", NIC, "--force"), 0, "forced", "is with vfio-pci now")


def test_ssh_behind_sudo(lab):
    """sudo keeps no SSH_CONNECTION: an ancestor has it."""
    kernel, _ = machine(lab)
    me = os.getpid()
    kernel.put(f"/proc/{me}/environ", "A=1\0")
    kernel.put(f"/proc/{me}/stat", f"{me} (a ) b) S 77 1 1\n")
    kernel.put("/proc/77/environ", "B=2\0SSH_CONNECTION=2001:db8::1 4000 2001:db8::2 22\0")
    kernel.put("/proc/77/stat", "77 (sshd) S 1 1 1\n")
    kernel.ip["route get 2001:db8::1"], kernel.ip["addr show to 2001:db8::2"] = [{"dev": "ens1"}], []
    check(kernel.run("bind", NIC), 1, "ens1 carries this ssh session")


def test_refuses_what_cannot_be(lab):
    kernel, _ = machine(lab)
    kernel.add("0000:02:00.0", "144d:a808", kind="010802")
    kernel.add("0000:03:00.0", "15b3:1017", interface="ens3")
    before = kernel.state()
    check(kernel.run("bind", "0000:02:00.0", "--force"), 1, "no network controller")
    check(kernel.run("bind", "0000:09:00.0"), 1, "no PCI device")
    check(kernel.run("bind", "eth9"), 1, "neither a PCI address")
    check(kernel.run("bind", "0000:03:00.0"), 0, "stays with mlx5_core", "nothing to bind")
    kernel.detach("0000:03:00.0")
    check(kernel.run("bind", "0000:03:00.0"), 1, "DPDK drives it through mlx5_core")
    kernel.attach("0000:03:00.0", "mlx5_core")
    # one that is refused keeps the others from being touched
    kernel.add("0000:04:00.0", IXGBE, group="7", interface="ens4")
    check(kernel.run("bind", NIC), 1, "IOMMU group 7", "0000:04:00.0 (ixgbe)")
    kernel.path("/sys/kernel/iommu_groups/7/devices/0000:04:00.0").unlink()
    kernel.ip["addr show"] = [{"ifname": "ens4", "addr_info": [{"local": "192.0.2.1", "scope": "global"}]}]
    check(kernel.run("bind", NIC, "0000:04:00.0"), 1, "0000:04:00.0 is not touched")
    assert_equal(bind.Nic(kernel, NIC).driver, "ixgbe", "driver")
    del kernel.modules["vfio-pci"]
    check(kernel.run("bind", NIC), 1, "the module vfio-pci can't be loaded")
    assert all(text == kernel.state()[name] for name, text in before.items())
    assert_equal(parse_error("bind"), 64, "exit status")
    assert_equal(parse_error("telepathy"), 64, "exit status")


def test_a_group_at_once(lab):
    """NICs of one IOMMU group: not one alone, but all of them; and each again after a reboot."""
    kernel, nic = machine(lab)
    other = kernel.add("0000:04:00.0", IXGBE, group="7", interface="ens4")
    check(kernel.run("bind", NIC), 1, "IOMMU group 7")
    check(kernel.run("bind", NIC, other.address), 0, "is with vfio-pci now")
    assert_equal((nic.driver, other.driver), ("vfio-pci", "vfio-pci"), "drivers")
    for one in (nic, other):  # the kernel's driver was first, from the initramfs
        one.bind("ixgbe", "")
    for one in (nic, other):
        check(kernel.run("load", one.address, "--driver", "vfio-pci"), 0)
    assert_equal((nic.driver, other.driver), ("vfio-pci", "vfio-pci"), "drivers after a reboot")


def test_in_use_by_a_process(lab):
    kernel, _ = machine(lab)
    check(kernel.run("bind", NIC), 0)
    kernel.put("/proc/4711/comm", "echolane\n")
    kernel.path("/proc/4711/fd").mkdir()
    kernel.path("/proc/4711/fd/9").symlink_to("/dev/vfio/7")
    check(kernel.run("unbind", NIC), 1, "in use by echolane (4711)")
    check(kernel.run("undo"), 1, "in use by echolane (4711)")
    kernel.path("/proc/4711/fd/9").unlink()
    check(kernel.run("undo"), 0, "is with ixgbe again")


def test_never_without_a_driver(lab):
    """The new driver fails; the old one does; each write fails in turn."""
    kernel, nic = machine(lab)
    before = kernel.state()
    kernel.broken.add("vfio-pci")
    check(kernel.run("bind", NIC), 1, "vfio-pci did not take it: Invalid argument", "it is with ixgbe again")
    kernel.path("/sys/bus/pci/drivers/vfio-pci").rmdir()
    assert_equal(kernel.state(), before, "what there is")
    kernel.broken = {"ixgbe"}
    check(kernel.run("bind", NIC), 0)
    check(kernel.run("undo"), 1, "ixgbe did not take it", "it is with vfio-pci again")
    assert kernel.path(bind.record_file(NIC)).exists() and kernel.path(bind.rule_file(NIC)).exists()
    kernel.broken = {"ixgbe", "vfio-pci"}  # then nothing helps, and that is said
    check(kernel.run("undo"), 1, "IT HAS NO DRIVER NOW")
    kernel.broken = set()
    check(kernel.run("undo"), 0, "is with ixgbe again")
    kernel.put(bind.record_file(NIC), "{")
    check(kernel.run("undo"), 1, "can't be read")
    for n in range(1, 20):
        kernel, nic = machine(lab, name=f"fail{n}")
        kernel.fail_at = n
        kernel.run("bind", NIC)
        assert nic.driver, f"write {n} of bind failed, and it has no driver: {kernel.said}"
        kernel.fail_at = None
        check(kernel.run("bind", NIC), 0)
        kernel.fail_at = n
        kernel.run("undo")
        assert nic.driver, f"write {n} of undo failed, and it has no driver: {kernel.said}"
        kernel.fail_at = None
        kernel.run("undo")
        assert_equal((nic.driver, nic.override), ("ixgbe", ""), "the NIC")


def test_undo_goes_on(lab):
    """One that can't be given back, is gone, or of which nobody knows any more what it was, keeps none of the others from
    it, nor the huge pages."""
    kernel, nic = machine(lab)
    others = [kernel.add(f"0000:0{n}:00.0", IXGBE, group=str(n), interface=f"ens{n}") for n in (2, 3, 4)]
    gone, last = others[1], others[2]
    check(kernel.run("bind", NIC, *(other.address for other in others)), 0)
    check(kernel.run("hugepages", "64"), 0)
    for text in ("[]", '"x"', "3", "{}", '{"id": 3, "driver": "ixgbe"}', "{"):
        kernel.put(bind.record_file(NIC), text)
        check(kernel.run("undo", NIC), 1, f"{bind.record_file(NIC)}: what is remembered can't be read")
    kernel.path(bind.rule_file(others[0].address)).unlink()
    kernel.path(bind.rule_file(others[0].address)).mkdir()  # what can't be removed
    shutil.rmtree(kernel.path(gone.at))
    status, said = kernel.run("undo")
    assert status == 1 and "Is a directory" in said and "can't be read" in said, said
    assert f"{gone.address}: it is not in this machine any more" in said, said
    assert not kernel.path(bind.rule_file(gone.address)).exists() and not kernel.path(bind.record_file(gone.address)).exists()
    assert_equal((nic.driver, others[0].driver, last.driver), ("vfio-pci", "ixgbe", "ixgbe"), "drivers")
    assert_equal(kernel.read("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"), "0", "huge pages")
    for text in ("[]", "{", '{"2048": "x"}'):
        kernel.put(bind.huge.STATE, text)
        check(kernel.run("undo", last.address), 0)
        check(kernel.run("hugepages", "64"), 1, f"{bind.huge.STATE}: what is remembered can't be read")
        check(kernel.run("undo"), 1, f"{bind.huge.STATE}: what is remembered can't be read")


def test_bound_by_hand(lab):
    """Nothing is remembered of it; a driver for DPDK that takes it again, by its ids, is none of the kernel's."""
    kernel, nic = machine(lab)
    check(kernel.run("bind", NIC, "--no-persist"), 0)
    kernel.path(bind.record_file(NIC)).unlink()
    kernel.modules["vfio-pci"], kernel.broken = [IXGBE], {"ixgbe"}
    check(kernel.run("unbind", NIC), 1, "did not take it", "it is with vfio-pci again")
    kernel.broken = set()
    check(kernel.run("unbind", NIC), 0, "is with ixgbe again")


def test_after_a_reboot(lab):
    """udev runs `load`: the device may have the kernel's driver already, or be another one, or be used."""
    kernel, nic = machine(lab)
    check(kernel.run("load", NIC, "--driver", "vfio-pci"), 0)
    assert_equal(nic.driver, "vfio-pci", "driver")
    check(kernel.run("load", NIC, "--driver", "vfio-pci"), 0)
    kernel, nic = machine(lab, name="used")
    kernel.ip["-4 route show table all default"] = [{"dev": "ens1"}]
    check(kernel.run("load", NIC, "--driver", "vfio-pci"), 1, "default route")
    assert_equal(nic.driver, "ixgbe", "driver")
    kernel, nic = machine(lab, name="other")
    check(kernel.run("bind", NIC), 0)
    kernel.put(f"{nic.at}/device", "0x1572\n")
    check(kernel.run("undo"), 1, "another device now")


def test_dry_run(lab):
    kernel, nic = machine(lab)
    before = kernel.state()
    check(kernel.run("bind", "ens1", "--dry-run"), 0, "would run modprobe vfio-pci",
          f"would write 'vfio-pci' to {nic.at}/driver_override", f"would write '{NIC}' to /sys/bus/pci/drivers/ixgbe/unbind",
          f"would write '{NIC}' to /sys/bus/pci/drivers_probe", f"would make {bind.rule_file(NIC)}")
    check(kernel.run("hugepages", "64", "--dry-run"), 0, "would write '32'")
    assert_equal(kernel.state(), before, "what there is")


def test_huge_pages(lab):
    kernel, _ = machine(lab)
    number, file = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", bind.huge.HUGE_FILE
    kernel.put(number, "5\n")
    check(kernel.run("hugepages", "1023"), 0, "512 huge pages of 2048 KiB")
    assert_equal(kernel.read(number), "512", "pages")
    assert_equal(kernel.read(file).splitlines()[1], f"w {number} - - - - 512", "what is done at boot")
    check(kernel.run("hugepages", "64"), 0, "there are 512 huge pages")  # never less
    check(kernel.run("hugepages", "5000"), 1, "would leave the machine less")
    kernel.huge_limit = 600
    check(kernel.run("hugepages", "2048"), 1, "memory for 600 huge pages")
    assert_equal(kernel.read(number), "512", "pages")
    check(kernel.run("hugepages", "2048", "--page-size", "1G"), 1, "no huge pages of 1G")
    check(kernel.run("undo"), 0, "huge pages of 2048 KiB: 5, as before")
    assert_equal((kernel.read(number), kernel.path(file).exists()), ("5", False), "huge pages")


def test_huge_pages_of_others(lab):
    """What somebody else has set since is left; what is ours goes back, whether it is kept for the next boot or not."""
    number, large = (f"/sys/kernel/mm/hugepages/hugepages-{size}kB/nr_hugepages" for size in (2048, 1048576))
    for persist in ((), ("--no-persist",)):
        kernel, _ = machine(lab, name=f"others{len(persist)}")
        kernel.put(number, "5\n")
        kernel.put(large, "0\n")
        check(kernel.run("hugepages", "64", *persist), 0)
        check(kernel.run("undo"), 0, "huge pages of 2048 KiB: 5, as before")
        assert_equal(kernel.read(number), "5", "ours")
        for other in ("100", "7"):
            kernel.put(number, "5\n")
            check(kernel.run("hugepages", "64", *persist), 0)
            kernel.put(number, f"{other}\n")
            check(kernel.run("undo"), 0, f"huge pages of 2048 KiB: {other}, left as they are")
            assert_equal((kernel.read(number), kernel.path(bind.huge.STATE).exists()), (other, False), "of somebody else")
        # more than what somebody else has set is ours, and that goes back to them
        check(kernel.run("hugepages", "64", *persist), 0)
        kernel.put(number, "100\n")
        check(kernel.run("hugepages", "1024", *persist), 0)
        check(kernel.run("undo"), 0, "huge pages of 2048 KiB: 100, as before")
        # nor does it become ours when there is enough of it, or when pages of another size are set aside
        check(kernel.run("hugepages", "512", *persist), 0)
        kernel.put(number, "300\n")
        check(kernel.run("hugepages", "512", *persist), 0, "there are 300 huge pages")
        check(kernel.run("undo"), 0, "huge pages of 2048 KiB: 300, as before")
        check(kernel.run("hugepages", "1024", *persist), 0)
        kernel.put(number, "400\n")
        check(kernel.run("hugepages", "1024", "--page-size", "1G", *persist), 0)
        check(kernel.run("undo"), 0, "huge pages of 2048 KiB: 400, left as they are", "huge pages of 1048576 KiB: 0, as before")
        assert_equal((kernel.read(number), kernel.read(large)), ("400", "0"), "pages")


def test_huge_pages_of_an_older_version(lab):
    """It remembered what was before alone."""
    kernel, _ = machine(lab)
    number = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    kernel.put(bind.huge.STATE, '{"2048": 5}')
    for now, kept, then in (("32", "32", "5"), ("40", "32", "40"), ("32", None, "5")):
        kernel.put(number, f"{now}\n")
        kernel.put(bind.huge.STATE, '{"2048": 5}')
        if kept:
            kernel.put(bind.huge.HUGE_FILE, f"w {number} - - - - {kept}\n")
        check(kernel.run("undo"), 0)
        assert_equal(kernel.read(number), then, "pages")


def test_as_a_program(lab):
    """What a user sees: the exit status, and errors on standard error."""
    kernel, _ = machine(lab)
    for arguments, status, word in ((("bind", "eth9"), 1, "neither a PCI address"), (("bind",), 64, "NIC"), ((), 64, "COMMAND")):
        done = subprocess.run([SCRIPT, "--root", kernel.root, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == status and word in done.stderr, done
    done = subprocess.run([SCRIPT, "--root", kernel.root, "status"], capture_output=True, text=True, check=True)
    assert_equal(done.stdout, f"{NIC} {IXGBE} ixgbe ens1\n", "status")
