# SPDX-License-Identifier: BSD-3-Clause
"""The inventory: what it may hold, what must not stand twice, and who probes whom."""
import dataclasses
import ipaddress
import re

from .nodes import Tree, flow, words

# Short names of the types are parts of targets' names, and the families' names of their metrics.
TYPES = {"ICMPping": ("icmp", "icmp", None), "TCPsyn": ("tcp", "tcpsyn", 862),
         "UDPunreachable": ("udp", "udp_unreachable", 33434), "STAMP": ("stamp", "stamp", 862)}
WHO = ("full", "between_sites", "ring")
# Of echolane's own configuration: what these mean, and whether it is right, `echolane check` knows.
GLOBAL_KEYS = ("interval", "interval_packets", "nb_proc", "logging_level", "prometheus_port", "prometheus_address",
               "timeout", "percentile", "reload_conf_interval")
GLOBAL_DEFAULTS = {"interval": "10", "nb_proc": "1", "logging_level": "INFO", "prometheus_port": "8000",
                   "dns_update_interval": "0"}
GROUP_KEYS = ("dscp", "src_port_a", "src_port_z", "ip_payload_size")
TYPE_KEYS = ("dst_port", "nb_packets", "timeout", "ip_payload_size")
PORT_KEYS = ("name", "device", "profile", "gateways", "routes", "neighbours", "vlan", "mtu", "checksum")
DATAPLANE_KEYS = ("lcores", "huge_pages", "pacing", "clock", "max_rate_pps", "max_probes_per_round", "certain_below",
                  "certain_percentiles", "histograms", "max_addresses_per_target", "eal_args")
NAME = re.compile(r"[a-z0-9_-]{1,60}")
GROUP_NAME = re.compile(r"[a-z0-9_.-]{1,60}")


@dataclasses.dataclass
class Appliance:
    name: str
    site: str
    addresses: list     # ipaddress interfaces, with the length of their prefix
    port: dict          # keys of the port as they were written
    metrics: str        # HOST:PORT that Prometheus asks
    kernel: bool        # the kernel has the addresses, and answers

    def __post_init__(self):
        # of each family the first: peers probe it, and it is the source of probes
        self.first = {a.version: a.ip for a in reversed(self.addresses)}

    def address(self, version):
        """The one of this family that is probed; None: it has none."""
        return self.first.get(version)

    @property
    def families(self):
        return sorted(self.first)


@dataclasses.dataclass
class Inventory:
    who: str = "full"
    globals: dict = dataclasses.field(default_factory=lambda: dict(GLOBAL_DEFAULTS))
    types: dict = dataclasses.field(default_factory=dict)    # by name: keys of the targets
    groups: dict = dataclasses.field(default_factory=dict)   # by name: keys
    dataplane: dict = dataclasses.field(default_factory=dict)
    responder: dict = dataclasses.field(default_factory=dict)  # its keys; None: only kernels answer
    alerts: dict = dataclasses.field(default_factory=lambda: {"loss": 0.01})
    appliances: list = dataclasses.field(default_factory=list)
    interval_s: int = 10
    peers: dict = dataclasses.field(default_factory=dict)    # by name: appliances, in the inventory's order


def load(path, text):
    """The inventory; raises Faults with all that is wrong."""
    return Reader(path, text).read()


class Reader:
    def __init__(self, path, text):
        self.tree = Tree(path, text)
        self.inventory = Inventory()
        self.nodes = {}      # of the appliances' names
        self.places = {}     # what may not stand twice: where it stands

    def read(self):
        parts = {"mesh": self.read_mesh, "global": self.read_global, "types": self.read_types, "groups": self.read_groups,
                 "dataplane": self.read_dataplane, "sites": self.read_sites}
        found = {name: value for name, _, value in self.tree.map(
            self.tree.root, "the inventory", parts, ("types", "groups", "sites"))}
        for name, read in parts.items():    # sites last: they have defaults from the others
            if name in found:
                read(found[name])
        self.tree.stop()
        self.pair()
        self.tree.stop()
        return self.inventory

    def read_mesh(self, node):
        inventory, tree = self.inventory, self.tree
        for name, _, value in tree.map(node, "mesh", ("who", "responder", "alerts")):
            if name == "who":
                inventory.who = tree.word(value, "mesh.who", WHO)
            elif name == "responder" and getattr(value, "value", None) in ("true", "false"):
                inventory.responder = {} if value.value == "true" else None
            elif name == "responder":
                inventory.responder = self.passed(value, "mesh.responder", ("max_pps",))
            else:
                for key, _, number in tree.map(value, "mesh.alerts", ("loss", "latency")):
                    inventory.alerts[key] = tree.number(number, f"mesh.alerts.{key}", 0, 1 if key == "loss" else 3600)

    def passed(self, node, where, keys):
        """Keys of echolane's own configuration, as they were written."""
        return {name: flow(value) for name, _, value in self.tree.map(node, where, keys)}

    def read_global(self, node):
        self.inventory.globals.update(self.passed(node, "global", GLOBAL_KEYS))
        for name, _, value in self.tree.map(node, "global", GLOBAL_KEYS):
            if name == "interval":
                self.inventory.interval_s = self.tree.integer(value, "global.interval", 1, 31536000)
            elif name == "prometheus_port":
                self.tree.integer(value, "global.prometheus_port", 1, 65535)
            elif name == "percentile":
                percentiles = [self.tree.integer(item, "global.percentile", 1, 100)
                               for item in self.tree.list(value, "global.percentile", "integers")]
                if "latency" in self.inventory.alerts and 50 not in percentiles:
                    self.tree.fault(value, "global.percentile: expected 50 among them, for mesh.alerts.latency is about it")

    def read_types(self, node):
        for name, _, value in self.tree.map(node, "types", TYPES):
            keys = [key for key in TYPE_KEYS if key != "dst_port" or TYPES[name][2]]
            port = {"dst_port": str(TYPES[name][2])} if TYPES[name][2] else {}
            self.inventory.types[name] = {**port, **self.passed(value, f"types.{name}", keys)}
            for key, _, number in self.tree.map(value, f"types.{name}", keys):
                if key in ("dst_port", "nb_packets"):
                    self.tree.integer(number, f"types.{name}.{key}", 1, 65535 if key == "dst_port" else 10**8)
        if not self.inventory.types and not self.tree.faults:
            self.tree.fault(node, f"types: expected one of {words(TYPES)}")

    def read_groups(self, node):
        for name, key, value in self.tree.map(node, "groups"):
            if not GROUP_NAME.fullmatch(name):
                self.tree.wrong(key, "groups", "a name of a-z, 0-9, _, -, .")
            self.inventory.groups[name] = self.passed(value, f"groups.{name}", GROUP_KEYS)
        if not self.inventory.groups and not self.tree.faults:
            self.tree.fault(node, "groups: expected at least one, such as best_effort: {dscp: 0}")

    def read_dataplane(self, node):
        self.inventory.dataplane = self.passed(node, "dataplane", DATAPLANE_KEYS)

    def read_sites(self, node):
        for site, key, appliances in self.tree.map(node, "sites"):
            self.named(key, "sites")
            for name, name_node, value in self.tree.map(appliances, f"sites.{site}"):
                self.named(name_node, f"sites.{site}")
                self.once("appliance", name, name_node)
                self.read_appliance(site, name, name_node, value)

    def named(self, node, where):
        """Names of sites and appliances are parts of targets' names, between dots."""
        if not NAME.fullmatch(node.value):
            self.tree.wrong(node, where, "a name of a-z, 0-9, _, - (60 at most)")

    def once(self, what, value, node):
        """Notes that something stands here, which must not stand elsewhere, too."""
        line = self.places.setdefault((what, value), node.start_mark.line + 1)
        if self.places.get((what, value, "node"), node) is not node:
            self.tree.fault(node, f"{what} {value} is there twice, first in line {line}")
        self.places.setdefault((what, value, "node"), node)

    def read_appliance(self, site, name, name_node, node):
        where, tree = f"sites.{site}.{name}", self.tree
        found = {key: value for key, _, value in tree.map(
            node, where, ("addresses", "port", "metrics", "kernel"), ("addresses", "port"))}
        kernel = tree.truth(found["kernel"], f"{where}.kernel") if "kernel" in found else False
        addresses = []
        for value in tree.list(found["addresses"], f"{where}.addresses", "addresses") if "addresses" in found else []:
            address = tree.parse(value, f"{where}.addresses", "an address that a host can have, with the length of its "
                                 "prefix, such as 192.0.2.10/24 or 2001:db8::10/64", interface)
            if address:
                self.once("address", address.ip, value)
                addresses.append(address)
        if "addresses" in found and not addresses and not tree.faults:
            tree.fault(found["addresses"], f"{where}.addresses: expected at least one address")
        port = self.passed(found["port"], f"{where}.port", PORT_KEYS) if "port" in found else {}
        if "port" in found and "device" not in port and not tree.faults:
            tree.fault(found["port"], f"{where}.port: device is missing")
        appliance = Appliance(name, site, addresses, port, "", kernel)
        appliance.metrics = self.read_metrics(found.get("metrics"), where, appliance, name_node)
        self.inventory.appliances.append(appliance)
        self.nodes[name] = name_node

    def read_metrics(self, node, where, appliance, name_node):
        """HOST:PORT; where it is not given, the kernel's address."""
        default = self.inventory.globals["prometheus_port"]
        if node is not None:
            value = self.tree.parse(node, f"{where}.metrics", "HOST or HOST:PORT, such as par1.example.net:8000",
                                    lambda text: host_and_port(text, default))
        elif appliance.kernel is False:
            self.tree.fault(name_node, f"{where}: metrics is missing: echolane owns the port, so its addresses don't "
                            "serve /metrics; expected a HOST[:PORT] of the machine's kernel, or kernel: true")
            return ""
        else:
            address = next(iter(appliance.addresses), None)
            value = host_and_port(bracketed(address.ip), default) if address else None
        if value:
            self.once("metrics address", value, node if node is not None else name_node)
        return value

    # ---- who with whom ----

    def pair(self):
        """Fills in the peers of each; all pairs go both ways."""
        inventory, n = self.inventory, len(self.inventory.appliances)
        for i, a in enumerate(inventory.appliances):
            if inventory.who == "ring":
                others = [inventory.appliances[k] for k in sorted({(i - 1) % n, (i + 1) % n} - {i})]
            else:
                others = [b for b in inventory.appliances
                          if b is not a and (inventory.who == "full" or b.site != a.site)]
            inventory.peers[a.name] = others
            if not others:
                self.tree.fault(self.nodes[a.name], f"sites.{a.site}.{a.name} has nobody to probe: expected another "
                                f"{'site' if inventory.who == 'between_sites' else 'appliance'} (mesh.who: {inventory.who})")
            for b in others:
                if b.name > a.name and not set(a.families) & set(b.families):
                    self.tree.fault(self.nodes[b.name], f"{a.name} (IPv{a.families[0]} alone) and {b.name} (IPv{b.families[0]} "
                                    "alone) have no family in common, and are to probe each other: expected an address more")


def interface(text):
    """One host's: what goes to a group of stations, or to the prober itself, is no probe."""
    if "/" not in text:
        raise ValueError
    address = ipaddress.ip_interface(text)
    first = address.ip.packed[0]
    if (not 0 < first < 224 or first == 127) if address.version == 4 else (
            first == 0xff or int(address.ip) >> 32 in (0, 0xffff)):    # of IPv6 also those that hold one of IPv4
        raise ValueError
    network = address.network
    if address.version == 4 and network.prefixlen < 31 and address.ip in (network.network_address, network.broadcast_address):
        raise ValueError
    return address


def bracketed(ip):
    return f"[{ip}]" if ip.version == 6 else str(ip)


def host_and_port(text, default):
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?", text)
    if not match or not 0 < int(match[2] or default) < 65536:
        raise ValueError
    return f"{match[1]}:{match[2] or default}"
