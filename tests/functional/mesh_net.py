# SPDX-License-Identifier: BSD-3-Clause
"""Three sites with an appliance each, behind routers of Linux kernels with a link between any two:

    a1 10.0.1.10 ── r1 ──────── r2 ── a2 10.0.2.10        also 2001:db8:N::10
                     └── r3 ──┘
                         │                                each appliance has a second way, to where Prometheus is
                        a3 10.0.3.10

a3's addresses are its kernel's; those of a1 and a2 are echolane's, whose responder answers there. The link between r1 and r2 goes through a program that can hold frames back."""
import json
import signal
import subprocess
import sys

from harness import TOP, assert_equal, wait_until
from metrics import Metrics
from test_scrape import query

sys.path.insert(0, str(TOP / "scripts"))
from meshlib import inventory  # noqa: E402

SITES, KERNELS = (1, 2, 3), (3,)
PORT = ("port: {{device: 'af_packet:eth0', gateways: [10.0.{n}.1, '2001:db8:{n}::1']}}",
        "port: {{device: 'af_packet:eth0'}}, kernel: true")
LINKS = ((1, 2), (1, 3), (2, 3))
# Of a namespace: hosts answer every probe, and no address waits for its duplicates.
SYSCTLS = {"net/ipv4/icmp_ratelimit": 0, "net/ipv4/icmp_msgs_per_sec": 1000000, "net/ipv4/icmp_msgs_burst": 1000000,
           "net/ipv6/icmp/ratelimit": 0, "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0,
           "net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/default/rp_filter": 0}
# Carries frames between two interfaces; after SIGUSR1 those from the first come later by its argument, until SIGUSR2.
WIRE = """if True:
    import heapq, itertools, select, signal, socket, sys, time
    def delay_by(seconds):
        def handle(*_):
            global delay
            delay = seconds
        return handle
    delay, waiting, number = 0, [], itertools.count()
    signal.signal(signal.SIGUSR1, delay_by(float(sys.argv[1])))
    signal.signal(signal.SIGUSR2, delay_by(0))
    ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2)]
    for end, name in zip(ends, ("w1", "w2")):
        end.setsockopt(263, 23, 1)    # SOL_PACKET, PACKET_IGNORE_OUTGOING
        end.bind((name, 3))           # ETH_P_ALL
    print("ready", flush=True)
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready in select.select(ends, [], [], left)[0]:
            frame = ready.recv(65536)
            if ready is ends[1]:
                ends[0].send(frame)
            else:
                heapq.heappush(waiting, (time.monotonic() + delay, next(number), frame))
        while waiting and waiting[0][0] <= time.monotonic():
            ends[1].send(heapq.heappop(waiting)[2])
    """
DELAY_S = 0.3


class MeshNet:
    """The network, in a lab that removes it."""

    def __init__(self, lab):
        self.lab = lab
        for role in [f"{kind}{n}" for kind in "ar" for n in SITES] + ["wire"]:
            self.add_namespace(role)
        for n in SITES:
            own = (f"10.0.{n}.10/24", f"2001:db8:{n}::10/64") if n in KERNELS else ()
            self.add_link((f"r{n}", "lan", f"10.0.{n}.1/24", f"2001:db8:{n}::1/64"), (f"a{n}", "eth0", *own))
            self.add_link(("prober", f"mgmt{n}", f"10.255.{n}.2/24", None), (f"a{n}", "mgmt", f"10.255.{n}.1/24", None))
            for family, gateway in (("-4", f"10.0.{n}.1"), ("-6", f"2001:db8:{n}::1")) if own else ():
                lab.ip(f"a{n}", family, "route", "add", "default", "via", gateway)
            if not own:
                lab.run(f"a{n}", ["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
        self.add_wire()
        for a, b in LINKS[1:]:
            self.add_link((f"r{a}", f"to{b}", *link(a, b, a)), (f"r{b}", f"to{a}", *link(a, b, b)))
        for a, b in LINKS:
            self.add_routes(a, b, b)
            self.add_routes(b, a, b)
        for role in ("r1", "r2", "r3", "a1", "a2", "a3", "prober"):
            wait_until(lambda: "NO-CARRIER" not in lab.ip(role, "link") and "state DOWN" not in lab.ip(role, "link"), 10,
                       f"the links of {role}")

    def add_namespace(self, role):
        name = f"el-{self.lab.name}-{role}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        sysctls = {**SYSCTLS, **({"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1} if role[0] == "r" else {})}
        self.lab.run(role, ["sh", "-c", " && ".join(f"echo {value} >/proc/sys/{key}" for key, value in sysctls.items())
                            + " && ip link set lo up"])

    def add_link(self, *ends):
        """Each end: role, interface, IPv4 and IPv6 address."""
        (role, name, *_), (other, peer, *_) = ends
        subprocess.run(["ip", "link", "add", name, "netns", f"el-{self.lab.name}-{role}", "type", "veth", "peer", "name",
                        peer, "netns", f"el-{self.lab.name}-{other}"], check=True)
        for role, name, *addresses in ends:
            # checksums that a kernel leaves to a NIC would not be there
            self.lab.run(role, ["ethtool", "-K", name, "tx", "off"])
            for address in filter(None, addresses):
                self.lab.ip(role, "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
            self.lab.ip(role, "link", "set", name, "up")

    def add_wire(self):
        self.add_link(("r1", "to2", *link(1, 2, 1)), ("wire", "w1"))
        self.add_link(("r2", "to1", *link(1, 2, 2)), ("wire", "w2"))
        # neither is the wire's kernel a station
        self.lab.run("wire", ["sh", "-c", "for i in w1 w2; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done"])
        log = self.lab.directory / "wire.log"
        with open(log, "wb") as out:
            self.wire = self.lab.popen("wire", [sys.executable, "-c", WIRE, str(DELAY_S)], name="wire", stdout=out,
                                       stderr=out)
        wait_until(lambda: log.read_text() == "ready\n", 10, "the wire")

    def add_routes(self, a, b, last):
        """From router a to the network behind router b."""
        first, second = min(a, b), max(a, b)
        for family, network, via in zip(("-4", "-6"), (f"10.0.{b}.0/24", f"2001:db8:{b}::/64"), link(first, second, b)):
            self.lab.ip(f"r{a}", family, "route", "add", network, "via", via.partition("/")[0])

    def delay(self):
        """From now on frames from r1 to r2 come DELAY_S later."""
        self.wire.send_signal(signal.SIGUSR1)

    def drop(self, what):
        """Drops such packets from now on, on their way from r1 to r2."""
        self.lab.nft("r1", f"""
            table inet cut {{
                counter dropped {{
                }}
                chain forward {{
                    type filter hook forward priority 0
                    oifname "to2" {what} counter name dropped drop
                }}
            }}
            """)

    def restore(self):
        """Ends that; how many packets were dropped."""
        self.lab.nft("r1", "flush chain inet cut forward")
        counters = json.loads(self.lab.run("r1", ["nft", "-j", "list", "counters", "table", "inet", "cut"]).stdout)
        self.lab.nft("r1", "delete table inet cut")
        return next(item["counter"]["packets"] for item in counters["nftables"] if "counter" in item)


def link(a, b, end):
    """Addresses of an end of the link between two routers."""
    return f"10.1.{a}{b}.{end}/24", f"2001:db8:{a}{b}::{end}/64"


class Mesh:
    """An echolane at each site and a Prometheus, all configured by scripts/mesh."""

    def __init__(self, lab, net, types):
        """types: lines of the inventory."""
        self.lab, self.net = lab, net
        rows = "\n".join(f"  s{n}:\n    a{n}: {{addresses: [10.0.{n}.10/24, '2001:db8:{n}::10/64'], "
                         f"metrics: '10.255.{n}.1:8000', {PORT[n in KERNELS].format(n=n)}}}" for n in SITES)
        path = lab.directory / "mesh.yaml"
        path.write_text(f"types:\n{types}\nglobal: {{interval: 1}}\ngroups: {{g: {{}}}}\ndataplane: {{huge_pages: no}}\n"
                        f"sites:\n{rows}\n")
        self.out = lab.directory / "mesh"
        done = subprocess.run([str(TOP / "scripts/mesh"), str(path), "--out", str(self.out)], text=True, capture_output=True,
                              check=False)
        assert_equal(done.returncode, 0, f"scripts/mesh: {done.stderr}")
        self.inventory = inventory.load(str(path), path.read_text())
        self.probers = {n: self.start(n) for n in SITES}
        wait_until(lambda: all(self.page(n) for n in SITES), 30, "first rounds")
        self.start_prometheus()

    def start(self, n):
        with open(self.lab.directory / f"a{n}.log", "wb") as log:
            return self.lab.popen(f"a{n}", [self.lab.echolane, "run", str(self.out / f"appliances/a{n}.yaml")],
                                  name=f"echolane of a{n}", stderr=log, stdout=log)

    def start_prometheus(self):
        with open(self.lab.directory / "prometheus.log", "wb") as log:
            self.lab.popen("prober", ["prometheus", f"--config.file={self.out}/prometheus/prometheus.yml",
                                      f"--storage.tsdb.path={self.lab.directory}/tsdb",
                                      "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)

    def page(self, n):
        """The page of an appliance with figures of a round, or None."""
        done = self.lab.run("prober", ["curl", "-s", "-m", "5", f"http://10.255.{n}.1:8000/metrics"], check=False)
        return Metrics(done.stdout) if "_loss_ratio{" in done.stdout else None

    def rounds(self, n):
        return self.page(n).one("echolane_rounds_completed_total")

    def value_of_cells(self, expression):
        """{(from, to): value} as Prometheus has it; empty while it has none."""
        data = query(self.lab, "query", query=expression)
        return {(row["metric"]["probe_name"], row["metric"]["to"]): float(row["value"][1])
                for row in (data["result"] if data else [])}

    def stop(self):
        for prober in self.probers.values():
            prober.terminate()
        for prober in self.probers.values():
            prober.assert_success(15)
