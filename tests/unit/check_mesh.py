#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/mesh: what it makes of an inventory, what another appliance changes, what it says of a wrong one, and that
echolane and Prometheus take it. $1: echolane.

EL_TEST_GOLDEN_WRITE=1 writes what the example's inventory gives to tests/data/mesh."""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests/data/mesh"
EXAMPLE = TOP / "scripts/mesh.yaml"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "scripts"))
from meshlib import appliance, inventory, nodes, schedule  # noqa: E402

ECHOLANE = sys.argv.pop(1) if len(sys.argv) > 1 else None
SMALL = """mesh: {who: full}
types: {ICMPping: {nb_packets: 10}}
groups: {g: {}}
sites:
  a:
    a1: {addresses: [192.0.2.1/24], port: {device: "net_memif0"}, metrics: a1}
  b:
    b1: {addresses: [192.0.2.2/24, "2001:db8::2/64"], port: {device: "net_memif0"}, metrics: b1}
    b2: {addresses: [192.0.2.3/24, "2001:db8::3/64"], port: {device: "net_memif0"}, metrics: b2}
"""


def run(*arguments, **options):
    return subprocess.run([str(a) for a in arguments], text=True, capture_output=True, check=False, **options)


def mesh(*arguments):
    return run(TOP / "scripts/mesh", *arguments)


def contents(directory):
    return {str(path.relative_to(directory)): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file()}


def changes(before, after):
    """Lines that are gone (-) and new (+)."""
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:2] in ("- ", "+ ")]


def large(n, types="ICMPping TCPsyn UDPunreachable STAMP", groups="be voice"):
    """The inventory of n appliances, with both families."""
    rows = [f'    s{i // 10}-{i}: {{addresses: [10.0.{i}.1/24, "2001:db8:{i:x}::1/64"], port: {{device: net_memif0}}, '
            f"metrics: m{i}}}" for i in range(n)]
    sites = [line for i, row in enumerate(rows) for line in ([f"  s{i // 10}:"] if i % 10 == 0 else []) + [row]]
    return "\n".join(["types:", *(f"  {kind}: {{nb_packets: 10}}" for kind in types.split()), "groups:",
                      *(f"  {group}: {{}}" for group in groups.split()), "sites:", *sites])


class Mesh(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mesh-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def write(self, text, name="inventory.yaml"):
        path = self.directory / name
        path.write_text(text)
        return path

    def make(self, text, out="out"):
        """The files that an inventory gives."""
        done = mesh(self.write(text), "--out", self.directory / out)
        self.assertEqual(done.returncode, 0, done.stderr)
        return contents(self.directory / out)

    def test_example(self):
        """The example's files are the golden ones, at every run, and a second run changes none."""
        for _ in range(2):
            done = mesh(EXAMPLE, "--out", self.directory / "out")
            self.assertEqual((done.returncode, done.stderr),
                             (0, f"{EXAMPLE}: rom1 is not probed by STAMP: a kernel does not answer it\n"))
        self.assertEqual(done.stdout, "5 appliances, 20 directions, 0 files changed\n")
        have = contents(self.directory / "out")
        if os.environ.get("EL_TEST_GOLDEN_WRITE"):
            for name, text in have.items():
                (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
                (GOLDEN / name).write_text(text)
        golden = {name: text for name, text in contents(GOLDEN).items() if "/" in name}
        self.assertEqual(have, golden)

    def test_check(self):
        """--check writes nothing, and tells what would change."""
        out = self.directory / "out"
        done = mesh(EXAMPLE, "--check")
        self.assertEqual((done.returncode, done.stdout), (0, "5 appliances, 20 directions\n"))
        done = mesh(EXAMPLE, "--check", "--out", out)
        self.assertEqual(done.returncode, 1)
        self.assertIn("new     appliances/par1.yaml\n", done.stdout)
        self.assertFalse(out.exists())
        mesh(EXAMPLE, "--out", out)
        self.assertEqual(mesh(EXAMPLE, "--check", "--out", out).returncode, 0)

    def test_another_appliance(self):
        """In the files of the others nothing changes but its rows, which are new."""
        row = '    b3: {addresses: [192.0.2.4/24, "2001:db8::4/64"], port: {device: "net_memif0"}, metrics: b3}\n'
        for place in ("    a1:", "    b1:", "    b2:", "end"):
            before = self.make(SMALL)
            # in the inventory it may stand anywhere
            at = len(SMALL) if place == "end" else SMALL.index(place)
            after = self.make(SMALL[:at] + row + SMALL[at:])
            self.assertEqual(set(after) - set(before), {"appliances/b3.yaml"})
            for name in before:
                changed = changes(before[name], after[name])
                v6 = name in ("appliances/b1.yaml", "appliances/b2.yaml")
                expected = {"appliances": 4 if v6 else 2, "prometheus": 1 if name.endswith("targets.yaml") else 0}
                self.assertEqual(len(changed), expected[name.split("/")[0]], f"{name}: {changed}")
                self.assertTrue(all(line.startswith("+ ") and ("b3" in line or "192.0.2.4" in line or "::4" in line)
                                    for line in changed), f"{name}: {changed}")
            # without it all is as before, and its file is gone
            self.assertEqual(self.make(SMALL), before)

    def test_files_of_others_stay(self):
        self.make(SMALL)
        stranger = self.directory / "out/appliances/mine.yaml"
        stranger.write_text("# mine\n")
        self.make(SMALL.replace("b2:", "b9:"))
        self.assertTrue(stranger.exists())
        self.assertFalse((self.directory / "out/appliances/b2.yaml").exists())

    def test_who(self):
        """Who probes whom; what one probes answers it, and nobody else."""
        four = SMALL + '  c:\n    c1: {addresses: ["2001:db8::5/64", 192.0.2.5/24], port: {device: "net_memif0"}, metrics: c1}\n'
        pairs = {"full": {"a1": "b1 b2 c1", "b1": "a1 b2 c1", "b2": "a1 b1 c1", "c1": "a1 b1 b2"},
                 "between_sites": {"a1": "b1 b2 c1", "b1": "a1 c1", "b2": "a1 c1", "c1": "a1 b1 b2"},
                 "ring": {"a1": "b1 c1", "b1": "a1 b2", "b2": "b1 c1", "c1": "a1 b2"}}
        for who, expected in pairs.items():
            found = inventory.load("inventory", four.replace("full", who))
            self.assertEqual({name: " ".join(sorted(peer.name for peer in peers)) for name, peers in found.peers.items()},
                             expected, who)
            for each in found.appliances:
                text = appliance.text(found, each)
                allowed = {line.strip('- "') for line in text.partition("allow:\n")[2].splitlines()}
                addresses = {f"{a.ip}/{a.ip.max_prefixlen}" for peer in found.peers[each.name] for a in peer.addresses
                             if a.version in each.families}
                self.assertEqual(allowed, addresses, each.name)

    def test_responder(self):
        """It answers what is sent, and nothing where it is not wanted."""
        text = SMALL.replace("ICMPping: {nb_packets: 10}", "TCPsyn: {dst_port: 8620}, STAMP: {dst_port: 863}")
        files = self.make(text)
        self.assertIn("""  responder:
    icmp: false
    tcp_ports: [8620]
    udp: false
    stamp: {port: 863}
    allow:
""", files["appliances/a1.yaml"])
        limited = self.make(text.replace("full}", "full, responder: {max_pps: 500}}"))["appliances/a1.yaml"]
        self.assertEqual(changes(files["appliances/a1.yaml"], limited), ["+     max_pps: 500"])
        self.assertNotIn("responder", "".join(self.make(text.replace("full}", "full, responder: false}")).values()))

    def test_kernels(self):
        """Where the kernel has the addresses it answers, but not STAMP."""
        text = SMALL.replace("ICMPping: {nb_packets: 10}", "ICMPping: {}, STAMP: {}").replace("metrics: a1", "kernel: true")
        done = mesh(self.write(text), "--out", self.directory / "out")
        self.assertEqual(done.returncode, 0)
        self.assertIn("a1 is not probed by STAMP", done.stderr)
        files = contents(self.directory / "out")
        self.assertIn('- {device: "net_memif0"}\n', files["appliances/a1.yaml"])
        self.assertNotIn("responder", files["appliances/a1.yaml"])
        self.assertIn("b.b1.stamp.v4", files["appliances/a1.yaml"])
        self.assertIn("a.a1.icmp.v4", files["appliances/b1.yaml"])
        self.assertNotIn("a.a1.stamp", files["appliances/b1.yaml"])
        self.assertIn('targets: ["192.0.2.1:8000"]', files["prometheus/targets.yaml"])

    def test_wrong_inventories(self):
        """Each fault is told with its place and what was expected; all at once."""
        row = "  b:\n    b1: {"
        for old, new, expected in (
                ("who: full", "who: all", '1:13: mesh.who: expected full, between_sites or ring, got "all"'),
                ("mesh:", "mehs:", '1:1: the inventory: unknown key "mehs"; did you mean "mesh"?'),
                ("groups: {g: {}}\n", "", "1:1: the inventory: groups is missing"),
                ("g: {}", "g: {dcsp: 1}", '3:14: groups.g: unknown key "dcsp"; did you mean "dscp"?'),
                ("g: {}", "G: {}", '3:10: groups: expected a name of a-z, 0-9, _, -, ., got "G"'),
                ("g: {}", "", "3:9: groups: expected at least one, such as best_effort: {dscp: 0}"),
                ("ICMPping:", "icmp:", '2:9: types: unknown key "icmp"; expected ICMPping, TCPsyn, UDPunreachable or STAMP'),
                ("nb_packets: 10", "nb_packets: 0", '2:32: types.ICMPping.nb_packets: expected an integer from 1 to 100000000, got "0"'),
                ("nb_packets: 10", "dst_port: 1", '2:20: types.ICMPping: unknown key "dst_port"; expected nb_packets, '
                 "timeout or ip_payload_size"),
                ("b2:", "b1:", "9:5: sites.b: b1 is there twice, first in line 8"),
                ("b2:", "a1:", "9:5: appliance a1 is there twice, first in line 6"),
                ("b2:", "b.2:", '9:5: sites.b: expected a name of a-z, 0-9, _, - (60 at most), got "b.2"'),
                ("192.0.2.3", "192.0.2.1", "9:22: address 192.0.2.1 is there twice, first in line 6"),
                ("2001:db8::3", "2001:db8:0::2", "9:36: address 2001:db8::2 is there twice, first in line 8"),
                ("192.0.2.3/24", "192.0.2.3", "9:22: sites.b.b2.addresses: expected an address that a host can have, with the length of its "
                 'prefix, such as 192.0.2.10/24 or 2001:db8::10/64, got "192.0.2.3"'),
                *(("192.0.2.3/24", f"{group}/24", "9:22: sites.b.b2.addresses: expected an address that a host can have, with the "
                   f'length of its prefix, such as 192.0.2.10/24 or 2001:db8::10/64, got "{group}/24"')
                  for group in ("224.0.0.1", "0.0.0.0", "127.0.0.1", "255.255.255.255", "192.0.2.0", "192.0.2.255")),
                *(("2001:db8::3/64", f"{group}/64", "9:36: sites.b.b2.addresses: expected an address that a host can have, with "
                   f'the length of its prefix, such as 192.0.2.10/24 or 2001:db8::10/64, got "{group}/64" in quotes')
                  for group in ("ff02::1", "::", "::1", "::ffff:192.0.2.3")),
                ("metrics: b2", "metrics: b1", "9:94: metrics address b1:8000 is there twice, first in line 8"),
                (", metrics: b2", "", "9:5: sites.b.b2: metrics is missing: echolane owns the port, so its addresses don't serve "
                 "/metrics; expected a HOST[:PORT] of the machine's kernel, or kernel: true"),
                ("metrics: b2", "kernel: yes", '9:93: sites.b.b2.kernel: expected true or false, got "yes"'),
                ('192.0.2.3/24, "', '"', "9:5: a1 (IPv4 alone) and b2 (IPv6 alone) have no family in common, and are to probe "
                 "each other: expected an address more"),
                (row + SMALL.partition(row)[2], "", "6:5: sites.a.a1 has nobody to probe: expected another appliance "
                 "(mesh.who: full)"),
                ("[192.0.2.3/24", "[[192.0.2.3/24]", "9:22: sites.b.b2.addresses: expected an address that a host can have, with the length of "
                 "its prefix, such as 192.0.2.10/24 or 2001:db8::10/64, got a list"),
                ("groups: {g: {}}", "groups: {g: {}", "4:1: did not find expected ',' or '}'"),
                ("who: full", "alerts: {loss: 2}", '1:23: mesh.alerts.loss: expected a number from 0 to 1, got "2"')):
            self.assertIn(old, SMALL)
            with self.assertRaises(nodes.Faults, msg=expected) as raised:
                inventory.load("mesh.yaml", SMALL.replace(old, new, 1))
            self.assertEqual(str(raised.exception).splitlines()[0], f"mesh.yaml:{expected}")
        path = self.write(SMALL.replace("full", "all").replace("g: {}", "g: {dcsp: 1}").replace("192.0.2.3", "192.0.2.2"))
        done = mesh(path, "--out", self.directory / "out")
        self.assertEqual((done.returncode, done.stdout), (65, ""))
        self.assertEqual([line.split(":")[1] for line in done.stderr.splitlines()], ["1", "3", "9"])
        self.assertFalse((self.directory / "out").exists())
        self.assertEqual(mesh(self.directory / "absent", "--check").returncode, 66)
        self.assertEqual(mesh(path).returncode, 64)
        self.assertEqual(mesh(self.write(SMALL), "--out", path).returncode, 73)

    def test_echolane_takes_it(self):
        for text in (EXAMPLE.read_text(), SMALL):
            for name in self.make(text):
                if name.startswith("appliances/"):
                    done = run(ECHOLANE, "check", self.directory / "out" / name)
                    self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")

    def test_rules(self):
        """Prometheus takes the rules; what they say of made-up figures is in tests/data/mesh/rules_test.yaml."""
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        for arguments in (("check", "rules", GOLDEN / "prometheus/rules.yaml"),
                          ("check", "config", GOLDEN / "prometheus/prometheus.yml"),
                          ("test", "rules", GOLDEN / "rules_test.yaml")):
            done = run("promtool", *arguments)
            self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}")

    def test_phases(self):
        """200 appliances, all types, two groups: in each millisecond nearly the same number of probes leaves, and no
        receiver is probed by many at a time. Without phases, and in the order of the inventory, both are otherwise."""
        found = inventory.load("inventory", large(200))
        largest, mean = schedule.evenness(schedule.count_all(found, 1e-3))
        self.assertLessEqual(largest / mean, 1.05)
        self.assertAlmostEqual(mean, 636.8)
        largest, mean = schedule.evenness(schedule.count_to(found, "s3-33", 1e-3))
        self.assertAlmostEqual(mean, 3.184)
        self.assertLess(largest, 20)
        largest, mean = schedule.evenness(schedule.count_to(found, "s3-33", 0.1))
        self.assertLess(largest / mean, 1.25)
        kept = appliance.phase, appliance.in_turn
        try:
            appliance.phase = lambda name: 0
            # begun together, peers in turn are still different ones
            largest, _ = schedule.evenness(schedule.count_to(found, "s3-33", 1e-3))
            self.assertLess(largest, 9)
            largest, mean = schedule.evenness(schedule.count_all(found, 1e-3))
            self.assertGreater(largest / mean, 1.2)
            appliance.in_turn = lambda each, peers: peers
            largest, _ = schedule.evenness(schedule.count_to(found, "s3-33", 1e-3))
            self.assertGreater(largest, 190)
        finally:
            appliance.phase, appliance.in_turn = kept

    def test_hashes(self):
        """They are a promise: other phases would move every appliance's rounds."""
        self.assertEqual(f"{appliance.phase('par1'):.9f}", "0.410412413")
        self.assertEqual(appliance.hashed("target", "par1"), int.from_bytes(bytes.fromhex(
            run("sh", "-c", "printf target:par1 | sha256sum").stdout[:16]), "big"))

    def test_manual_page(self):
        """It has all options of --help, and all keys."""
        page = TOP / "scripts/echolane-mesh.8"
        text = re.sub(".\b", "", run("mandoc", "-T", "utf8", page).stdout)
        for option in re.findall(r"^  (--\w+)", mesh("--help").stdout, re.MULTILINE):
            self.assertRegex(text, rf"(?m)^ +{option}\b")
        for key in ("mesh.who", "mesh.alerts", "mesh.responder", *inventory.WHO, *inventory.TYPE_KEYS, *inventory.GROUP_KEYS, "addresses",
                    "port", "metrics", "kernel"):
            self.assertIn(key, text)

    def test_faults_are_no_tracebacks(self):
        for text in ("", "[]", "a", "sites: {a: {b: }}", "types: [1]\ngroups: 1\nsites: 2", "\x00", "a: &a [*a]", "*a", "? [a]\n: b",
                     "types: {ICMPping: }\ngroups: {g: }\nsites: {a: {b: {addresses: 1, port: 2, metrics: 3, kernel: 4}}}"):
            with self.assertRaises(nodes.Faults, msg=text):
                inventory.load("inventory", text)


if __name__ == "__main__":
    unittest.main()
