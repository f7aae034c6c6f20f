/* SPDX-License-Identifier: BSD-3-Clause */
/* What a real kernel tells of, in a network namespace of this program's own. */
#include "rtnl_net.h"

#include <poll.h>

static struct el_rtnl_watch *w;

/* What was told of up to now. The kernel tells before a command that changes something ends, but of
 * carriers and IPv6 addresses that it has to think about: those are waited for. */
static unsigned told(unsigned awaited)
{
	struct pollfd fd = {.fd = el_rtnl_watch_fd(w), .events = POLLIN};
	unsigned changes = 0;

	while (poll(&fd, 1, awaited & ~changes ? 5000 : 0) > 0)
		changes |= el_rtnl_watch_read(w);
	return changes;
}

struct change {
	const char *command;
	unsigned expected; /* no more, no less */
};

static void check(const struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned seen;

		if (sh(changes[i].command) != 0)
			fail_msg("%s failed", changes[i].command);
		seen = told(changes[i].expected);
		if (seen != changes[i].expected)
			fail_msg("%s: told of %u, not %u", changes[i].command, seen,
				 changes[i].expected);
	}
}
#define CHECK(changes) check(changes, sizeof(changes) / sizeof((changes)[0]))

/* The kernel goes about an IPv6 address in a thread of its own, also where it does not ask for it.
 */
#define ADD_IPV6                                                                                   \
	"ip addr add 2001:db8::10/64 dev up0 nodad && " UNTIL(                                     \
	    "ip -6 route show table local dev up0 | grep -q 2001:db8::10")

#define LINKS EL_RTNL_LINKS
#define ADDRESSES EL_RTNL_ADDRESSES
#define ROUTES EL_RTNL_ROUTES

static void links(void **state)
{
	static const struct change changes[] = {
	    {"ip link set up0 mtu 1400", LINKS},
	    {"ip link set up0 address 02:00:00:00:00:01", LINKS},
	    {"ip link set up0p down", LINKS}, /* no carrier */
	    {"ip link set up0p up", LINKS},
	    {"ip link set up0 down", LINKS},
	    {"ip link set up0 name renamed", LINKS},
	    {"ip link set renamed name up0 && ip link set up0 up", LINKS},
	    {"ip link add br0 type bridge", LINKS},
	    {"ip link set up0 master br0", LINKS},
	    {"ip link set up0 nomaster", LINKS},
	    {"ip link del br0", LINKS},
	    {"ip link add n0 type veth peer name n0p", LINKS},
	    {"ip link del n0", LINKS},
	};

	(void)state;
	/* IPv6 adds multicast routes of its own as links go up */
	assert_int_equal(sh("for i in all default up0 up0p; do "
			    "echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done"),
			 0);
	told(0);
	CHECK(changes);
	assert_int_equal(
	    sh("for i in all default up0 up0p; do "
	       "echo 0 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
	       "for i in up0 up0p; do " UNTIL("ip link show $i | grep -q state.UP") "; done"),
	    0);
	told(0);
}

static void addresses(void **state)
{
	static const struct change changes[] = {
	    {"ip addr add 192.0.2.10/24 dev up0", ADDRESSES | ROUTES},
	    {ADD_IPV6, ADDRESSES | ROUTES},
	    {"ip addr change 2001:db8::10/64 dev up0 preferred_lft 0 valid_lft 1000", ADDRESSES},
	    {"ip addr del 192.0.2.10/24 dev up0", ADDRESSES | ROUTES},
	    {"ip addr del 2001:db8::10/64 dev up0", ADDRESSES | ROUTES},
	};

	(void)state;
	CHECK(changes);
}

static bool is_tentative(struct el_rtnl *r)
{
	struct el_rtnl_address *items;
	bool tentative = true;
	size_t n;

	assert_int_equal(el_rtnl_addresses(r, if_nametoindex("up0"), &items, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (items[i].prefix.ip.family == 6)
			tentative = items[i].tentative;
	free(items);
	return tentative;
}

/* It is asked for, and then usable: who looks only when told of something sees that. */
static void tentative(void **state)
{
	struct el_error err;
	struct el_rtnl *r;

	(void)state;
	assert_int_equal(el_rtnl_open(&r, &err), 0);
	assert_int_equal(sh("ip addr add 2001:db8:7::11/64 dev up0"), 0);
	do {
		assert_true(told(ADDRESSES) & ADDRESSES);
	} while (is_tentative(r));
	el_rtnl_close(r);
	assert_int_equal(sh("ip addr del 2001:db8:7::11/64 dev up0"), 0);
	told(ADDRESSES | ROUTES);
}

static void routes(void **state)
{
	static const struct change changes[] = {
	    {"ip addr add 192.0.2.10/24 dev up0 && " ADD_IPV6, ADDRESSES | ROUTES},
	    {"ip route add default via 192.0.2.1", ROUTES},
	    {"ip route change default via 192.0.2.2", ROUTES},
	    {"ip route add 10.0.0.0/8 via inet6 fe80::1 dev up0", ROUTES},
	    {"ip route add 10.0.0.0/8 via 192.0.2.3 table 101", ROUTES},
	    {"ip route add blackhole 10.1.0.0/16", ROUTES},
	    {"ip route del 10.0.0.0/8", ROUTES},
	    {"ip -6 route add default via 2001:db8::1", ROUTES},
	    {"ip -6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3",
	     ROUTES},
	    {"ip -6 route del 2001:db8:1::/48", ROUTES},
	    {"ip rule add from 192.0.2.10 lookup 101", ROUTES},
	    {"ip rule del from 192.0.2.10 lookup 101", ROUTES},
	    {"ip -6 rule add from 2001:db8::10 lookup 101", ROUTES},
	    {"ip -6 rule del from 2001:db8::10 lookup 101", ROUTES},
	};

	(void)state;
	CHECK(changes);
}

static void next_hop_objects(void **state)
{
	static const struct change changes[] = {
	    {"ip nexthop add id 1 via 192.0.2.4 dev up0", ROUTES},
	    {"ip route add 10.2.0.0/16 nhid 1", ROUTES},
	    {"ip nexthop replace id 1 via 192.0.2.5 dev up0", ROUTES},
	    {"ip nexthop del id 1", ROUTES},
	};

	(void)state;
	if (sh("ip nexthop list 2>/dev/null") != 0)
		skip();
	CHECK(changes);
}

/* What is asked, what is counted, what is repeated and what neighbours say changes nothing. */
static void nothing(void **state)
{
	static const struct change changes[] = {
	    {"true", 0},
	    {"ip -s link >/dev/null; ip addr >/dev/null; ip route show table all >/dev/null", 0},
	    {"ip route get 192.0.2.77 >/dev/null; ip -6 route get 2001:db8::77 >/dev/null", 0},
	    {"ip link set up0 up; ip link set up0 mtu 1500", 0},
	    {"ip link set up0 alias wan; ip link set up0 txqueuelen 500", 0},
	    {"ip link set up0 promisc on; ip link set up0 promisc off", 0},
	    {"ip addr change 2001:db8::10/64 dev up0 valid_lft 1000 preferred_lft 900", 0},
	    {"ip addr change 192.0.2.10/24 dev up0 valid_lft 1000 preferred_lft 900", 0},
	    {"ip neigh add 192.0.2.66 lladdr 02:00:00:00:00:66 dev up0", 0},
	    {"ip neigh flush dev up0", 0},
	    /* unanswered ARP and ND */
	    {"ping -c 1 -W 1 192.0.2.77 >/dev/null; ping -c 1 -W 1 2001:db8::77 >/dev/null; true",
	     0},
	    {"ip netns add elrtnlw$$ && ip netns exec elrtnlw$$ ip link set lo up && "
	     "ip netns del elrtnlw$$",
	     0},
	};

	(void)state;
	told(0);
	assert_int_equal(sh("ip link set up0 mtu 1500"), 0);
	told(0);
	CHECK(changes);
}

/* What was there before is known: the first that is told of it is no change. */
static void known_from_the_start(void **state)
{
	static const struct change changes[] = {
	    {"ip link set up1 alias lan", 0},
	    {"ip addr change 192.0.2.10/24 dev up0 valid_lft 2000 preferred_lft 1800", 0},
	};
	struct el_error err;

	(void)state;
	el_rtnl_watch_close(w);
	assert_int_equal(el_rtnl_watch_open(&w, &err), 0);
	assert_int_equal(told(0), 0);
	CHECK(changes);
}

/* More than the socket holds, and nobody reads. */
static void lost(void **state)
{
	static const struct change after[] = {
	    {"ip route add 10.99.0.0/16 via 192.0.2.3", ROUTES},
	    {"ip link set up0 mtu 1500", LINKS}, /* as it was when told of last */
	};
	unsigned changes, calls = 0;

	(void)state;
	assert_int_equal(
	    sh("for k in add del; do for i in $(seq 0 39); do for j in $(seq 0 249); do "
	       "echo route $k 172.16.$i.$j/32 via 192.0.2.9; done; done; done | ip -batch - && "
	       "ip link set up0 mtu 1300"),
	    0);
	changes = 0;
	for (unsigned more = 1; more; calls++) { /* in parts */
		more = el_rtnl_watch_read(w);
		changes |= more;
	}
	assert_true(calls > 2);
	assert_int_equal(changes & EL_RTNL_LOST, EL_RTNL_LOST);
	assert_int_equal(told(0), 0);
	CHECK(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(tentative),
	    cmocka_unit_test(routes),
	    cmocka_unit_test(next_hop_objects),
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(known_from_the_start),
	    cmocka_unit_test(lost),
	};
	struct el_error err;
	int failed;

	if (!make_net())
		return 77;
	if (el_rtnl_watch_open(&w, &err) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	el_rtnl_watch_close(w);
	return failed;
}
