# SPDX-License-Identifier: BSD-3-Clause
"""What a person meets who gets something wrong: one sentence that says where, what, and what was expected."""
import re

from harness import HOST1, config, icmp, tcp, wait_until

# Words that mean something to us or to the kernel, and nothing to who reads them.
INTERNAL = re.compile(r"EAL:|ETHDEV|rte_|errno|\(null\)|-?E(INVAL|NOENT|PERM|NODEV)\b|[a-z_]+\(\)")

GOOD = "good.yaml"
HEAD = ("global: {probe_name: a, interval: 10, nb_proc: 1, logging_level: INFO, prometheus_port: 8000, "
        "dns_update_interval: 0}\ngroups: {g: {}}\n")
TARGET = "targets:\n  t: {type: ICMPping, destination: 192.0.2.1, nb_packets: 10}\n"
PORTS = HEAD + TARGET + "dataplane:\n  ports:\n  - "
# Files by name.
FILES = {
    GOOD: HEAD + TARGET,
    "no-targets.yaml": HEAD,
    "empty.yaml": "",
    "comment.yaml": "# nothing yet\n",
    "tab.yaml": HEAD + "targets:\n\tt: {}\n",
    "utf16.yaml": (HEAD + TARGET).encode("utf-16"),
    "nul.yaml": HEAD.encode() + b"\0\0",
    "latin1.yaml": HEAD.encode() + "# caf\xe9\n".encode("latin-1"),
    "key.yaml": HEAD + TARGET.replace("nb_packets", "nb_packet"),
    "brace.yaml": HEAD + "targets:\n  t: {type: ICMPping\n",
    "word.yaml": HEAD + TARGET.replace("ICMPping", "ping"),
    "prefix.yaml": HEAD + TARGET.replace("192.0.2.1", "192.0.2.0/24"),
    "tcp.yaml": HEAD + TARGET.replace("ICMPping", "TCPsyn"),
    "off-link.yaml": PORTS + "{device: 'af_packet:probe0', addresses: [192.0.2.10/24], gateways: [192.0.3.1]}\n",
    "own.yaml": PORTS + "{device: 'af_packet:probe0', addresses: [192.0.2.10/24], gateways: [192.0.2.10]}\n",
    "family.yaml": PORTS + "{device: 'af_packet:probe0', addresses: [192.0.2.10/24], gateways: ['2001:db8::1']}\n",
    "lonely.yaml": PORTS + "{device: 'af_packet:probe0', gateways: [192.0.2.1]}\n",
    "device.yaml": PORTS + "{device: 'af_packet:probe0,address=192.0.2.10/24'}\n",
    "absent.yaml": PORTS + "{device: 'af_packet:probe1'}\n",
    "inventory.yaml": HEAD + "dataplane: {inventories: {directory: /nowhere}}\n",
    "ports.yaml": HEAD.replace("{g: {}}", "{g: {src_port_a: 65000, src_port_z: 65004}}") +
                  "targets:\n  t: {type: TCPsyn, destination: 192.0.2.1, dst_port: 80, nb_packets: 100}\n",
}
# Command line, exit status, what is said: one line on standard error.
MISTAKES = [
    (["chek", GOOD], 64, '"chek" is neither a command nor a file; did you mean "check"?'),
    (["chek"], 64, '"chek" is neither a command nor a file; did you mean "check"?'),
    (["refernce"], 64, 'did you mean "reference"?'),
    (["help"], 64, 'did you mean "--help"?'),
    (["verison"], 64, 'did you mean "--version"?'),
    (["measure", GOOD], 64, '"measure" is neither a command (run, check, ports, reference, top) nor a file'),
    (["port", GOOD], 64, '"port" is neither a command nor a file; did you mean "ports"?'),
    (["run", GOOD, GOOD], 64, 'expected one configuration file, "good.yaml" is one too many'),
    (["reference", GOOD], 64, 'reference takes no file, got "good.yaml"'),
    (["--prot", "eth0"], 64, "there is no option --prot; did you mean --port?"),
    (["--print", GOOD], 64, "--print: did you mean --print-metrics or --print-config?"),
    (["--colour"], 64, "there is no option --colour"),
    (["-v"], 64, "there is no option -v"),
    (["--help=me"], 64, '--help takes no value, got "me"'),
    (["run", "--rounds"], 64, "--rounds: a value is missing: --rounds N"),
    (["run", "--rounds", "-1", GOOD], 64, '--rounds: expected a number from 1, got "-1"'),
    (["run", "--port"], 64, "--port: a value is missing: --port DEVICE[,KEY=VALUE]..."),
    (["run", "--table=wide", GOOD], 64, '--table: expected nothing or "plain", got "wide"'),
    (["run", "--print-config", GOOD], 64, "--print-config goes with the command check"),
    (["check", "--port", "--rounds", GOOD], 64, '"--rounds" is no device: expected a PCI address, DRIVER:NAME'),
    (["check", "--port", "af_packet:probe0,addres=192.0.2.10/24", GOOD], 64,
     '--port: character 18: unknown key "addres"; did you mean "address"?'),
    (["check", "--port", "af_packet:probe0,192.0.2.10/24", GOOD], 64,
     "--port: character 18: expected KEY=VALUE, KEY being name, profile, vlan, outer_vlan, dad, accept_ra, ping, mtu, checksum, address, gateway or route"),
    (["check", "--port", "af_packet:probe0,address=192.0.2.300/24", GOOD], 64,
     '--port: address: expected an IPv4 or IPv6 prefix, got "192.0.2.300/24"'),
    (["check", "--port", "af_packet:probe0,address=192.0.2.10/24,gateway=192.0.3.1", GOOD], 64,
     "--port: gateway: 192.0.3.1 is in no network of this port's addresses (192.0.2.10/24)"),
    (["check", "--port", "probe0", GOOD], 65, "probe0 is an interface of the kernel: did you mean af_packet:probe0?"),
    (["run", "--port", "probe0", GOOD], 69, "probe0 is an interface of the kernel: did you mean af_packet:probe0?"),
    (["run", "--port", "af_packet:prob0", GOOD], 69, "this machine has no interface prob0; did you mean probe0?"),
    (["run", "--port", "af_paket:probe0", GOOD], 69, "no driver profile af_paket in"),
    (["run", "--port", "net_memfi0", GOOD], 69,
     "net_memfi0 is neither an interface of this machine nor a device that DPDK has a driver for; did you mean "
     "net_memif0?"),
    (["run", "--port", "0000:7f:1f.7", GOOD], 69, "this machine has no PCI device 0000:7f:1f.7"),
    (["run", GOOD], 65, "no port is configured: name one with --port or in dataplane.ports"),
    (["run", "--profiles", "/nowhere", "--port", "af_packet:probe0", GOOD], 69, "/nowhere"),
    (["check", "nowhere.yaml"], 65, "nowhere.yaml: can't be read: No such file or directory"),
    (["check", "."], 65, ".: can't be read: Is a directory"),
    (["check", "empty.yaml"], 65, "empty.yaml: empty: there is no configuration in it"),
    (["check", "comment.yaml"], 65, "comment.yaml: empty: there is no configuration in it"),
    (["check", "tab.yaml"], 65, "tab.yaml:4:1: not valid YAML: a tab, where only spaces may indent"),
    (["check", "utf16.yaml"], 65, "utf16.yaml: UTF-16 text: expected UTF-8"),
    (["check", "nul.yaml"], 65, "nul.yaml:3:1: byte 0x00: not a text file"),
    (["check", "latin1.yaml"], 65, "latin1.yaml:3:6: byte 0xe9 is not UTF-8 text"),
    (["check", "key.yaml"], 65, 'unknown key "nb_packet"; did you mean "nb_packets"?'),
    (["check", "brace.yaml"], 65, "brace.yaml:5:1: not valid YAML"),
    (["check", "word.yaml"], 65, 'targets.t.type: expected TCPsyn, ICMPping, UDPunreachable or STAMP, got "ping"'),
    (["check", "prefix.yaml"], 65, '"192.0.2.0/24" is many addresses: that needs "is_subnet: true"'),
    (["check", "tcp.yaml"], 65, 'targets.t: missing required key "dst_port" (TCPsyn needs it)'),
    (["check", "off-link.yaml"], 65, "off-link.yaml:7:73: dataplane.ports[0].gateways[0]: 192.0.3.1 is in no network"),
    (["check", "own.yaml"], 65, "192.0.2.10 is an address of this port itself"),
    (["check", "family.yaml"], 65, "2001:db8::1 can't be reached: this port has no IPv6 address"),
    (["check", "lonely.yaml"], 65, "192.0.2.1 needs addresses of this port beside it"),
    (["check", "device.yaml"], 65, 'expected only a name after "af_packet:"'),
    (["check", "inventory.yaml"], 65, "/nowhere"),
    # warnings: the file may be for another machine, or not be complete yet
    (["check", "no-targets.yaml"], 0, "there is nothing to probe"),
    (["check", "absent.yaml"], 0, "port probe1: this machine has no interface probe1"),
    (["check", "ports.yaml"], 0, "target t: its port gets 100 TCP probes a round from 5 source ports"),
]
# What looks like one and is none.
NO_MISTAKES = {
    "mark.yaml": b"\xef\xbb\xbf" + (HEAD + TARGET).encode(),
    "crlf.yaml": (HEAD + TARGET).replace("\n", "\r\n"),
    "hosts.yaml": PORTS + "{device: 'af_packet:probe0', addresses: [192.0.2.10/32], gateways: [198.51.100.1]}\n",
    "local.yaml": PORTS.replace("192.0.2.1,", "'2001:db8::1', address_family: ipv6,") + "{device: 'af_packet:probe0', addresses: ['2001:db8::10/64'], gateways: ['fe80::1']}\n",
}


def write(lab, files):
    for name, content in files.items():
        (lab.directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def fault(done, status, sentence):
    """What is wrong with an answer to a mistake; None: nothing."""
    lines = [line for line in done.stderr.splitlines() if line != 'Try "echolane --help".']
    if done.process.returncode != status:
        return f"status {done.process.returncode}, expected {status}: {lines}"
    if len(lines) != 1 or len(lines[0]) > 400:
        return f"one line was expected: {lines}"
    if sentence not in lines[0]:
        return f"{sentence!r} is not in {lines[0]!r}"
    if INTERNAL.search(lines[0]):
        return f"internal words in {lines[0]!r}"
    return f"on standard output: {done.stdout!r}" if status and done.stdout else None


def test_are_explained(lab):
    write(lab, FILES)
    faults = []
    for arguments, status, sentence in MISTAKES:
        wrong = fault(lab.invoke(*arguments), status, sentence)
        if wrong:
            faults.append(f"{' '.join(arguments)}: {wrong}")
    assert not faults, "\n".join(faults)


def test_that_are_none(lab):
    write(lab, NO_MISTAKES)
    for name in NO_MISTAKES:
        done = lab.invoke("check", name)
        assert (done.process.returncode, done.stderr) == (0, ""), f"{name}: {done.stderr}"


def test_interface_without_ethernet(lab):
    """Its packets would leave with an Ethernet header that nobody there knows: loss 1 for ever."""
    write(lab, FILES)
    lab.ip("prober", "tuntap", "add", "dev", "tun0", "mode", "tun")
    lab.ip("prober", "link", "set", "tun0", "up")
    sentence = "interface tun0 is no Ethernet interface: it has no link layer, as tun and WireGuard"
    for driver in ("af_packet", "af_xdp"):
        for command, status in (("run", 69), ("check", 0)):  # the file may be for another machine
            wrong = fault(lab.invoke(command, "--port", f"{driver}:tun0", GOOD), status, sentence)
            assert not wrong, f"{command} {driver}: {wrong}"


def test_too_few_ports_are_told_once(lab):
    """Neither reloads nor changed names say again what was said; other numbers are said."""
    told = "TCP probes a round from"
    conf = config({"web": tcp(HOST1, 80, 30, timeout=0.5)}, {"g": {"src_port_a": 65000, "src_port_z": 65004}})
    prober = lab.start(conf)
    wait_until(lambda: prober.metrics() is not None, 20, "the first page")
    assert prober.logged(told) == 1, prober.stderr
    # 30 probes in 0.98 s: after 16 of them 0.52 s are over, but then the next round is too near
    assert prober.logged("gets 30 TCP probes a round from 5 source ports") == 1, prober.stderr
    assert prober.logged("30 source ports would avoid that") == 1, prober.stderr
    conf["targets"]["ping"] = icmp(HOST1, 10)
    assert prober.reload(conf) and prober.reload()
    assert prober.logged(told) == 1, prober.stderr
    conf["groups"]["g"]["src_port_z"] = 65005
    assert prober.reload(conf)
    assert prober.logged("from 6 source ports") == 1, prober.stderr
    prober.stop()
