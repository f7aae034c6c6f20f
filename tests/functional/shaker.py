# SPDX-License-Identifier: BSD-3-Clause
"""Does to a test's network at random what happens to networks, and puts it right again. What the prober's interface
should have is kept here and given to it again and again, as a DHCP client would."""
import random
import time

from harness import GATEWAY, HOST1, HOST2, HOST3, PROBER, wait_until

PROBER_V6, GATEWAY_V6 = "2001:db8::10", "2001:db8::1"
HOSTS = (HOST1, HOST2, HOST3)
HOSTS_V6 = ("2001:db8:1::10", "2001:db8:2::10", "2001:db8:3::10")
# The router's second address on the prober's link, at a MAC address of its own (b0): router B; A is p0.
SECOND, SECOND_V6 = "192.0.2.2", "2001:db8::2"
OTHER, OTHER_V6 = "192.0.2.77", "2001:db8::77"
NAME = "moves.test"
PAUSE_S = (0.02, 0.5)  # between two actions
MOVE_S = 3  # until a next hop is followed to another MAC address


def make_room(lab):
    """What the shaking needs in the lab: IPv6 in the prober, router B, hosts that answer a SYN once."""
    lab.run("prober", ["sysctl", "-qw", *(f"net.ipv6.conf.{name}.{key}" for name in ("all", "default", "probe0")
                                          for key in ("accept_dad=0", "disable_ipv6=0"))])
    lab.run("router", ["sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_notify=1",
                       "net.ipv6.conf.p0.ndisc_notify=1", "net.ipv6.conf.all.keep_addr_on_down=1"])
    for host in ("host1", "host2", "host3"):
        lab.run(host, ["sysctl", "-qw", "net.ipv4.tcp_synack_retries=0"])
    lab.ip("router", "link", "add", "b0", "link", "p0", "type", "macvlan", "mode", "bridge")
    lab.ip("router", "link", "set", "b0", "up")
    lab.ip("router", "address", "add", f"{SECOND}/32", "dev", "b0")
    lab.ip("router", "address", "add", f"{SECOND_V6}/128", "dev", "b0", "nodad")


class Shaker:
    def __init__(self, lab, names, losing, seed):
        """names: the name server, which knows NAME; losing: nft commands that have the router lose probes, in the
        chain loses of the table inet shake, whose chain gone is for what goes by router A."""
        self.lab, self.names, self.losing, self.random = lab, names, losing, random.Random(seed)
        self.story = []
        self.began = time.monotonic()
        self.links_changed = 0
        self.v4, self.v6 = [f"{PROBER}/24"], {PROBER_V6: "forever"}  # addresses; and how long they are preferred
        self.gateway, self.gateway_v6 = GATEWAY, GATEWAY_V6
        self.with_defaults = True
        self.undo = {}
        self.last_move = 0  # until then the router may take another MAC address

    def tell(self, text):
        self.story.append(f"{time.monotonic() - self.began:7.3f} {text}")

    def ip(self, *arguments, role="prober", check=False):
        """What can't be done now (no gateway, say) is left: all is given again later."""
        done = self.lab.run(role, ["ip", *arguments], check=check)
        self.tell(f"{role}: ip {' '.join(arguments)}" + (f" ({done.stderr.strip()})" if done.returncode else ""))

    # ---- what the prober's interface has ----

    def give_addresses(self, check=False, dad=False):
        for address in self.v4:
            self.ip("address", "replace", address, "dev", "probe0", check=check)
        for address, preferred in self.v6.items():
            self.ip("address", "replace", f"{address}/64", "dev", "probe0", "valid_lft", "forever",
                    "preferred_lft", preferred, *([] if dad else ["nodad"]), check=check)

    def give_routes(self, check=False):
        if self.with_defaults:
            self.ip("route", "replace", "default", "via", self.gateway, "dev", "probe0", check=check)
            self.ip("-6", "route", "replace", "default", "via", self.gateway_v6, "dev", "probe0", check=check)

    def give_all(self, check=False):
        self.give_addresses(check)
        self.give_routes(check)

    def take_address(self, address):
        self.ip("address", "del", address, "dev", "probe0")

    # ---- what happens: each action does something, and returns what undoes it ----

    def routes_vanish(self):
        self.with_defaults = False
        for family in self.random.choice((["-4"], ["-6"], ["-4", "-6"])):
            self.ip(family, "route", "del", "default")

        def undo():
            self.with_defaults = True
            self.give_routes()
        return undo

    def by_second(self):
        """Router A stops forwarding when nothing is sent by it any more; its neighbours still find it."""
        self.ip("link", "set", "b0", "up", role="router")
        self.gateway, self.gateway_v6 = SECOND, SECOND_V6
        self.give_routes()
        for host in (*HOSTS, *HOSTS_V6):
            self.ip("route", "del", host)
        gone = self.with_defaults and self.random.random() < 0.7
        if gone:
            self.tell("router A does not forward")
            self.lab.nft("router", 'add rule inet shake gone iifname "p0" meta l4proto { tcp, udp, icmp } drop\n'
                         'add rule inet shake gone iifname "p0" icmpv6 type echo-request drop')

        def undo():
            self.tell("router A forwards")
            self.lab.nft("router", "flush chain inet shake gone")
            self.gateway, self.gateway_v6 = GATEWAY, GATEWAY_V6
            self.give_routes()
        return undo

    def second_gone(self):
        """Router B, while nothing is sent by it."""
        if self.gateway == SECOND:
            return None
        for host in (*HOSTS, *HOSTS_V6):
            self.ip("route", "del", host)
        self.ip("link", "set", "b0", "down", role="router")
        return lambda: self.ip("link", "set", "b0", "up", role="router")

    def host_route(self):
        if "second_gone" in self.undo:
            return None
        which = self.random.randrange(3)
        self.ip("route", "replace", HOSTS[which], "via", SECOND)
        self.ip("route", "replace", HOSTS_V6[which], "via", SECOND_V6, "dev", "probe0")
        return lambda: [self.ip("route", "del", hosts[which]) for hosts in (HOSTS, HOSTS_V6)]

    def unreachable(self):
        host = self.random.choice(HOSTS + HOSTS_V6)
        self.ip("route", "replace", "unreachable", host)
        return lambda: self.ip("route", "del", "unreachable", host)

    def address_changes(self):
        for address in self.v4:
            self.take_address(address)
        self.v4 = self.random.choice(([], [f"{OTHER}/24"]))
        self.give_all()

        def undo():
            for address in self.v4:
                self.take_address(address)
            self.v4 = [f"{PROBER}/24"]
            self.give_all()
        return undo

    def second_address(self):
        if len(self.v4) != 1:
            return None
        self.v4 = [*self.v4, "192.0.2.20/24"]
        self.give_all()

        def undo():
            self.v4 = [address for address in self.v4 if address != "192.0.2.20/24"]
            self.take_address("192.0.2.20/24")
        return undo

    def look_for_duplicates(self, whether):
        """Of addresses that come from now on, if the interface has IPv6."""
        self.lab.run("prober", ["sysctl", "-eqw", f"net.ipv6.conf.probe0.accept_dad={whether}"], check=False)

    def address_v6_changes(self):
        """The address is deprecated beside another one, or comes anew, or stays away."""
        how = self.random.choice(("deprecated", "anew", "away"))
        if how == "deprecated":
            self.v6 = {PROBER_V6: "0", OTHER_V6: "forever"}
        else:
            self.take_address(f"{PROBER_V6}/64")
            self.v6 = {} if how == "away" else self.v6
        self.look_for_duplicates(1)
        self.give_addresses(dad=True)
        self.look_for_duplicates(0)
        self.give_routes()

        def undo():
            self.v6 = {PROBER_V6: "forever"}
            self.give_all()
            self.take_address(f"{OTHER_V6}/64")
        return undo

    def link(self, role, interface):
        self.links_changed += 1
        self.ip("link", "set", interface, "down", role=role)

        def undo():
            self.links_changed += 1
            self.ip("link", "set", interface, "up", role=role)
            self.give_all()
        return undo

    def link_of_prober(self):
        return self.link("prober", "probe0")

    def link_of_router(self):
        return self.link("router", "p0")

    def mtu(self):
        """Below 1,280 bytes the kernel has no IPv6 there."""
        self.ip("link", "set", "probe0", "mtu", self.random.choice(("1300", "1000")))

        def undo():
            self.ip("link", "set", "probe0", "mtu", "1500")
            self.give_all()
        return undo

    def router_moves(self):
        """Its MAC address changes, and it says so; probes go to the old one for a while."""
        if time.monotonic() > self.last_move:
            return None
        self.ip("link", "set", "p0", "address", f"02:00:00:00:00:{self.random.randrange(16, 256):02x}", role="router")
        return None

    def forget_neighbours(self):
        self.ip("neigh", "flush", "dev", "p0", role="router")
        self.ip("neigh", "flush", "dev", "probe0")

    def name_moves(self):
        hosts = self.random.choice(([], [(HOST2, NAME)], [(HOST3, NAME)]))
        self.tell(f"name server: {hosts}")
        self.names.set(*hosts)
        return lambda: self.names.set((HOST1, NAME))

    def loses(self):
        """The network itself, every fifth probe of a kind."""
        self.tell("the router loses every fifth probe")
        self.lab.nft("router", "\n".join(self.losing))

        def undo():
            self.tell("the router loses none")
            self.lab.nft("router", "flush chain inet shake loses")
        return undo

    ACTIONS = (routes_vanish, by_second, second_gone, host_route, unreachable, address_changes, second_address,
               address_v6_changes, link_of_prober, link_of_router, mtu, router_moves, forget_neighbours, name_moves,
               loses)

    # ---- the shaking ----

    def act(self, action):
        name = action.__name__
        self.tell(f"-- {name}{' is over' if name in self.undo else ''}")
        if name in self.undo:
            self.undo.pop(name)()
        else:
            undo = action(self)
            if undo:
                self.undo[name] = undo

    def shake(self, seconds):
        ends = time.monotonic() + seconds
        self.last_move = ends - MOVE_S
        while time.monotonic() < ends:
            self.act(self.random.choice(self.ACTIONS))
            time.sleep(self.random.uniform(*PAUSE_S))

    def put_right(self):
        """All is as it was at the beginning then; how many seconds it took, without waiting."""
        self.tell("-- the end")
        began = time.monotonic()
        for name in list(self.undo):
            self.undo.pop(name)()
        self.give_all(check=True)
        took = time.monotonic() - began
        wait_until(lambda: not self.lab.ip("prober", "-6", "address", "show", "tentative"), 5, "usable addresses")
        self.tell("-- all is right")
        return took
