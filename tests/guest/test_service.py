# SPDX-License-Identifier: BSD-3-Clause
"""Debian's package of echolane on a machine: what apt installs, systemd runs, a reboot and an upgrade leave alone, and a
removal takes away."""
import json
import re
import time

from children import wait_until
from debian_guest import CONF, DROP_IN, NEWER, NIC, OTHER_NIC, PACKAGE, SLOW_S
from guest import FAR, OPEN_PORT, all_types, on
from harness import assert_equal, config, time_limit

ROUNDS = 5
PACKETS = 10
INTERVAL_S = 2
HUGE_MIB = 768
CAPABILITIES = 1 << 12 | 1 << 14  # CAP_NET_ADMIN, CAP_IPC_LOCK
AT_START = 1 << 13  # CAP_NET_RAW
EXPOSURE_MAX = 2.5
RESTART_S = 5  # of the unit
ABORT_S = 120  # the watchdog's 30 s, what the end and the new start take
TARGET = f"  gateway: {{type: ICMPping, destination: {NIC.subnet('ipv4')}1, nb_packets: 10, timeout: 3}}"
FILES = ("/etc/echolane", "/etc/default/echolane", "/etc/systemd/system/echolane.service.d", "/var/lib/echolane",
         "/run/echolane", "/usr/bin/echolane", "/usr/sbin/echolane-bind", "/usr/share/echolane", "/lib/systemd/system/echolane.service",
         "/etc/tmpfiles.d/echolane-hugepages.conf", "/etc/systemd/system/multi-user.target.wants/echolane.service")

debian = on("debian")


# ---- states that a test begins with ----


def is_installed(guest):
    return guest.run("dpkg-query -Wf '${db:Status-Status}' echolane", check=False)[1].strip() == "installed"


def install(guest, package=PACKAGE):
    """What apt says."""
    return guest.run(f"apt-get install -y --allow-downgrades {package} </dev/null", SLOW_S)


def purge(guest):
    guest.run("if [ -e /usr/sbin/echolane-bind ]; then systemctl stop echolane; echolane-bind undo; fi; "
              f"apt-get purge -y echolane </dev/null; rm -rf {DROP_IN.rpartition('/')[0]}; systemctl daemon-reload", SLOW_S)


def huge_pages(guest, key="Total"):
    return int(guest.run(f"grep HugePages_{key} /proc/meminfo").split()[1])


def ports(*models):
    return [{"device": m.address, "addresses": [f"{m.subnet(family)}9/{24 if family == 'ipv4' else 64}" for family in ("ipv4", "ipv6")],
             "gateways": [f"{m.subnet(family)}1" for family in ("ipv4", "ipv6")]} for m in models]


def configuration(targets):
    """Of JSON, on one line, for YAML has it in it."""
    conf = config(targets, {"g": {"src_port_a": 50000, "src_port_z": 50499}}, {"ports": ports(NIC), "huge_pages": "yes"},
                  interval=INTERVAL_S)
    return json.dumps(conf) + "\n"


def give_nics(guest):
    """By hand there are these three lines: echolane-bind twice, and `systemctl edit`."""
    guest.run(f"echolane-bind bind {NIC.address} && echolane-bind hugepages {HUGE_MIB}", SLOW_S)
    group = guest.run(f"basename $(readlink /sys/bus/pci/devices/{NIC.address}/iommu_group)").strip()
    guest.run(f"mkdir -p {DROP_IN.rpartition('/')[0]}")
    guest.write(DROP_IN, f"[Service]\nExecStartPre=+/bin/chown echolane /dev/vfio/{group} /dev/hugepages\n")
    guest.run("systemctl daemon-reload")


def running(guest, targets=None):
    """Has it run as installed, with these targets; the first page with figures."""
    if not is_installed(guest):
        install(guest)
    if guest.driver_of(NIC.address) != "vfio-pci" or not huge_pages(guest) or guest.run(f"ls {DROP_IN}", check=False)[0]:
        give_nics(guest)
    guest.write(CONF, configuration(targets or all_types(PACKETS)))
    guest.run("systemctl enable echolane; systemctl restart echolane", SLOW_S)
    return guest.wait_for(lambda m: m.all("icmp_sent_total"), "the first figures")


def main_pid(guest):
    return int(guest.show("MainPID"))


def completed(page):
    return page.one("echolane_rounds_completed_total")


def assert_none_lost(guest, targets=None):
    """Nothing in five more rounds."""
    began = guest.wait_for(lambda m: m.all("icmp_sent_total"), "a page")
    page = guest.wait_for(lambda m: completed(m) >= completed(began) + ROUNDS, "five rounds")
    for target in targets or all_types(PACKETS):
        (sent, lost), (sent_before, lost_before) = page.probes(target), began.probes(target)
        unknown = page.one("echolane_probes_unknown_total", destination=target, group="g")
        assert sent - sent_before + unknown >= ROUNDS and lost == lost_before, \
            f"{target}: {lost - lost_before} of {sent - sent_before} lost, {unknown} unknown"


# ---- tests ----


@debian
@time_limit(900)
def test_installed_and_first_figures(guest):
    """From the package to the first round-trip time, as a person would do it. Nothing is started before it is told to."""
    purge(guest)
    before = guest.failed_units()
    began = time.monotonic()
    said = install(guest)
    steps = {"apt install": time.monotonic() - began}
    assert_equal(guest.failed_units(), before, "failed units")
    assert_equal([guest.run(f"systemctl {verb} echolane", check=False)[1].strip() for verb in ("is-active", "is-enabled")],
                 ["inactive", "disabled"], f"the service after {said[-500:]}")
    assert_equal(guest.run("pgrep -c echolane", check=False)[1].strip(), "0", "processes of it")

    guest.run(f"sed -i 's|^targets: {{}}|targets:|; s|^#  gateway:.*|{TARGET}|; "
              f's|^  ports: \\[\\]|  ports: [{{device: "{NIC.address}", addresses: [{NIC.subnet("ipv4")}9/24], '
              f'gateways: [{NIC.subnet("ipv4")}1]}}]|; s|interval: 10|interval: 2|\' {CONF}')
    steps["configuration"] = time.monotonic() - began
    give_nics(guest)
    steps["echolane-bind"] = time.monotonic() - began
    guest.run("systemctl start echolane", SLOW_S)
    steps["systemctl start"] = time.monotonic() - began
    assert_equal(guest.show("ActiveState"), "active", f"its state: {guest.journal()[-1000:]}")
    page = guest.wait_for(lambda m: m.all("icmp_round_trip_seconds"), "a round-trip time")
    steps["first round-trip time"] = time.monotonic() - began
    assert page.rtt("gateway", 50, "standard") > 0
    print("        " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in steps.items()), flush=True)


@debian
@time_limit(600)
def test_unconfigured(guest):
    """Started as it was installed, or with a file that is wrong, it says so, and is not started again and again."""
    purge(guest)
    install(guest)
    for conf, told in ((None, "no port is configured"), (configuration(all_types(1)).replace("interval", "interv"), "interv")):
        if conf:
            guest.write(CONF, conf)
        since = guest.cursor()
        status, _ = guest.run("systemctl start echolane", SLOW_S, check=False)
        assert status != 0 and told in guest.journal(since), guest.journal(since)
        time.sleep(RESTART_S + 5)
        assert_equal((guest.show("ActiveState"), guest.show("NRestarts")), ("failed", "0"), f"state, restarts: {guest.journal(since)}")
    guest.run("systemctl reset-failed echolane")


@debian
@time_limit(600)
def test_running(guest):
    """Its user and capabilities are the unit's, and it loses nothing."""
    running(guest)
    pid = main_pid(guest)
    assert_equal((guest.show("Type"), guest.show("ActiveState"), guest.show("SubState")), ("notify", "active", "running"), "its state")
    assert re.match(r"\d+ targets, \d+ series, round \d+", guest.show("StatusText")), guest.show("StatusText")
    assert_equal(guest.run(f"ps -o user= -p {pid}").strip(), "echolane", "its user")
    status = dict(line.split(":\t", 1) for line in guest.run(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    for kind in ("CapPrm", "CapEff", "CapAmb"):
        assert_equal(int(status[kind], 16), CAPABILITIES, kind)
    assert_equal(int(status["CapBnd"], 16), CAPABILITIES | AT_START, "CapBnd")
    assert_equal(status["NoNewPrivs"], "1", "that it can get no more rights")
    assert_none_lost(guest)
    exposure = guest.run("systemd-analyze security --no-pager echolane", 120).splitlines()[-1]
    value = float(re.search(r"(\d+\.\d+)", exposure)[1])
    resident_kib = int(status["VmRSS"].split()[0])
    print(f"        exposure {value}, resident memory {resident_kib // 1024} MiB", flush=True)
    assert value <= EXPOSURE_MAX, exposure


@debian
@time_limit(600)
def test_reload(guest):
    """A good file is taken; a bad one is refused, the journal says why, and all goes on as it was."""
    targets = all_types(PACKETS, ("ipv4",))
    running(guest, targets)
    pid, more = main_pid(guest), {**targets, "more": targets["icmp.ipv4"]}
    guest.write(CONF, configuration(more))
    guest.run("systemctl reload echolane", SLOW_S)
    guest.wait_for(lambda m: m.all("icmp_sent_total", destination="more"), "figures of the new target")

    since = guest.cursor()
    guest.write(CONF, configuration(more).replace('"interval"', '"interv"'))
    status, _ = guest.run("systemctl reload echolane", SLOW_S, check=False)
    assert status != 0, "a bad file was taken"
    assert re.search(r"echolane.yaml:\d+:\d+.*interv", guest.journal(since)), guest.journal(since)
    assert_equal((main_pid(guest), guest.show("ActiveState"), guest.show("NRestarts")), (pid, "active", "0"), "the service")
    assert_none_lost(guest, more)


@debian
@time_limit(900)
def test_watchdog(guest):
    """One that stands still is ended and started again, and leaves no huge page behind."""
    running(guest)
    pid, restarts, free = main_pid(guest), int(guest.show("NRestarts")), huge_pages(guest, "Free")
    guest.run(f"kill -STOP {pid}")
    wait_until(lambda: int(guest.show("NRestarts")) > restarts, ABORT_S, "the restart")
    guest.wait_for(lambda m: m.all("icmp_sent_total"), "figures of the new one")
    wait_until(lambda: guest.show("ActiveState") == "active", SLOW_S, "it to be ready")
    assert main_pid(guest) not in (0, pid), "it is the same process"
    assert_equal((guest.show("NRestarts"), huge_pages(guest, "Free")), (str(restarts + 1), free), "restarts, free huge pages")
    assert "watchdog" in guest.journal().lower(), guest.journal()[-1000:]
    assert_none_lost(guest)


@debian
@time_limit(1200)
def test_reboot(guest):
    """NICs, by driverctl and by udev, and huge pages are as before, and it comes up by itself."""
    running(guest)
    pages = huge_pages(guest)
    guest.run("chmod a-x /usr/sbin/driverctl")
    guest.run(f"echolane-bind bind {OTHER_NIC.address}", SLOW_S)
    guest.run("chmod a+x /usr/sbin/driverctl")
    guest.reboot()
    assert_equal([guest.driver_of(nic.address) for nic in (NIC, OTHER_NIC)], ["vfio-pci"] * 2, "the NICs' drivers")
    assert_equal(huge_pages(guest), pages, "huge pages")
    assert_equal(guest.failed_units(), [], "failed units")
    wait_until(lambda: guest.show("ActiveState") == "active", SLOW_S, "it to be ready")
    assert_none_lost(guest)
    guest.run(f"echolane-bind undo {OTHER_NIC.address}", SLOW_S)
    assert_equal(guest.driver_of(OTHER_NIC.address), "e1000e", "the driver after undo")


@debian
@time_limit(900)
def test_upgrade(guest):
    """It goes on as it is, unless it is told otherwise."""
    running(guest)
    pid = main_pid(guest)
    said = install(guest, NEWER)
    assert_equal((main_pid(guest), guest.show("ActiveState")), (pid, "active"), "process and state after the upgrade")
    assert "goes on running" in said, said[-1000:]
    assert_none_lost(guest)
    guest.run("sed -i s/=no/=yes/ /etc/default/echolane")
    install(guest)
    wait_until(lambda: main_pid(guest) not in (0, pid), SLOW_S, "the new process")
    wait_until(lambda: guest.show("ActiveState") == "active", SLOW_S, "it to be ready")
    guest.run("sed -i s/=yes/=no/ /etc/default/echolane")
    assert_none_lost(guest)


@debian
@time_limit(900)
def test_removed_and_purged(guest):
    """What is removed does not run, and its NICs are the kernel's again, or whose driverctl had said; nothing is left of
    what is purged."""
    running(guest)
    kept = f"/etc/driverctl.d/pci-{OTHER_NIC.address}"
    guest.run(f"echo e1000e >{kept} && echolane-bind bind {OTHER_NIC.address}", SLOW_S)
    assert_equal(guest.run(f"cat {kept}").strip(), "vfio-pci", "what driverctl is told")
    pid = main_pid(guest)
    guest.run("apt-get remove -y echolane </dev/null", SLOW_S)
    assert guest.run(f"ls -d /proc/{pid}", check=False)[0] != 0, "it runs"
    assert_equal([guest.driver_of(nic.address) for nic in (NIC, OTHER_NIC)], ["virtio-pci", "e1000e"], "the NICs' drivers")
    assert_equal(guest.run(f"ls {CONF}").strip(), CONF, "its configuration")
    guest.run("apt-get purge -y echolane </dev/null", SLOW_S)
    left = guest.run(f"ls -d {' '.join(FILES)} /etc/udev/rules.d/05-echolane-* /etc/driverctl.d/pci-* 2>/dev/null", check=False)[1]
    assert_equal(left.split(), [kept], "what is left")
    assert_equal(guest.run(f"cat {kept}; rm {kept}").strip(), "e1000e", "what driverctl was told before")
    assert guest.run("dpkg-query -W echolane 2>&1", check=False)[0] != 0, "dpkg knows it"
    assert ":/usr/sbin/nologin" in guest.run("getent passwd echolane"), "its user, which stays as those of Debian's packages do"
    assert_equal((huge_pages(guest), guest.failed_units()), (0, []), "huge pages, failed units")
