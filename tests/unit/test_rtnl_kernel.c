/* SPDX-License-Identifier: BSD-3-Clause */
/* What a real kernel answers, in a network namespace of this program's own. */
#include "rtnl_net.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct el_rtnl *r;

/* ---- a socket that fails ---- */

static int fail_with;          /* the errno of the next receipt; 0: none */
static unsigned fail_after;    /* so many receipts */
static unsigned interruptions; /* so many parts more say that the kernel's tables changed */

ssize_t __real_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *len);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *len);

ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *len)
{
	struct nlmsghdr *message = buf;
	ssize_t n;

	if (fail_with && fail_after-- == 0) {
		errno = fail_with;
		fail_with = 0;
		return -1;
	}
	n = __real_recvfrom(fd, buf, size, flags, from, len);
	if (n > 0 && interruptions) {
		interruptions--;
		message->nlmsg_flags |= NLM_F_DUMP_INTR;
	}
	return n;
}

/* ---- links ---- */

static struct el_rtnl_link link_of(const char *name)
{
	struct el_rtnl_link link;

	assert_int_equal(el_rtnl_link(r, name, 0, &link), 0);
	assert_string_equal(link.name, name);
	assert_int_equal(link.ifindex, if_nametoindex(name));
	return link;
}

static void links(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7}, none[6];
	struct el_rtnl_link link, same;

	(void)state;
	assert_int_equal(sh("ip link add l0 type veth peer name l0p && "
			    "ip link set l0 address 02:00:00:00:00:07 mtu 1400"),
			 0);
	link = link_of("l0");
	assert_int_equal(link.type, ARPHRD_ETHER);
	assert_memory_equal(link.mac, mac, sizeof(mac));
	assert_int_equal(link.mtu, 1400);
	assert_false(link.enabled || link.up || link.master);
	assert_int_equal(sh("ip link set l0 up"), 0);
	link = link_of("l0");
	assert_true(link.enabled);
	assert_false(link.up); /* the other end is down */
	assert_int_equal(sh("ip link set l0p up && ip link add br0 type bridge && "
			    "ip link set l0 master br0"),
			 0);
	link = link_of("l0");
	assert_true(link.enabled && link.up);
	assert_int_equal(link.master, if_nametoindex("br0"));
	assert_int_equal(el_rtnl_link(r, NULL, link.ifindex, &same), 0);
	assert_string_equal(same.name, "l0");

	link = link_of("lo");
	assert_int_equal(link.type, ARPHRD_LOOPBACK);
	assert_memory_equal(link.mac, none, sizeof(none));
}

static void no_links(void **state)
{
	struct el_rtnl_link link = {.mtu = 7};

	(void)state;
	assert_int_equal(el_rtnl_link(r, "elnone0", 0, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, "", 0, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, "sixteen-letters-", 0, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, "up0-and-much-longer-than-that", 0, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, NULL, 0, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, NULL, 1000000, &link), -ENODEV);
	assert_int_equal(el_rtnl_link(r, NULL, UINT32_MAX, &link), -ENODEV);
	assert_int_equal(link.mtu, 7);
}

/* Without an Ethernet header. */
static void other_links(void **state)
{
	struct ifreq ifr = {.ifr_name = "t0", .ifr_flags = IFF_TUN};
	static const uint8_t none[6];
	struct el_rtnl_link link;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	(void)state;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		skip();
	link = link_of("t0");
	assert_int_equal(link.type, ARPHRD_NONE);
	assert_memory_equal(link.mac, none, sizeof(none));
	close(fd);
}

/* What /proc/net/dev has under "drop", both ways. */
static uint64_t proc_drops(const char *name)
{
	FILE *f = fopen("/proc/net/dev", "re");
	uint64_t sum = UINT64_MAX;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		uint64_t in, out;

		if (!colon)
			continue;
		*colon = '\0';
		if (strcmp(line + strspn(line, " "), name) == 0 &&
		    sscanf(colon + 1,
			   "%*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &in,
			   &out) == 2)
			sum = in + out;
	}
	fclose(f);
	return sum;
}

/* Frames of a type that nobody asks for. */
static void drops(void **state)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex("up0p")};
	uint64_t before = link_of("up0").dropped;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t frame[60];

	(void)state;
	assert_int_equal(before, proc_drops("up0"));
	memset(frame, 0xff, 12);
	frame[12] = 0x88;
	frame[13] = 0xb5; /* for experiments (IEEE 802) */
	assert_true(fd >= 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to)),
		    sizeof(frame));
	close(fd);
	for (int i = 0; i < 1000 && link_of("up0").dropped < before + 5; i++)
		usleep(1000);
	assert_int_equal(link_of("up0").dropped, before + 5);
	assert_int_equal(proc_drops("up0"), before + 5);
}

/* ---- addresses ---- */

static struct el_rtnl_address *addresses;
static size_t n_addresses;

static void read_addresses(const char *interface)
{
	free(addresses);
	addresses = NULL;
	assert_int_equal(el_rtnl_addresses(r, interface ? if_nametoindex(interface) : 0, &addresses,
					   &n_addresses),
			 0);
}

/* "deprecated", "tentative", "" or "none" */
static const char *kind_of(const char *text)
{
	char buf[EL_IP_STRLEN];

	for (size_t i = 0; i < n_addresses; i++)
		if (strcmp(el_prefix_format(&addresses[i].prefix, buf), text) == 0)
			return addresses[i].deprecated  ? "deprecated"
			       : addresses[i].tentative ? "tentative"
							: "";
	return "none";
}

static void all_addresses(void **state)
{
	(void)state;
	assert_int_equal(
	    sh("set -e; ip link add a0 type veth peer name a0p; ip link set a0 addrgenmode none; "
	       "ip link set a0 up; ip addr add 203.0.113.1/24 dev a0; ip addr add 203.0.113.2/24 "
	       "dev a0; ip addr add 203.0.113.129 peer 203.0.113.130/32 dev a0; "
	       "ip addr add 2001:db8:a::1/64 dev a0 nodad; "
	       "ip addr add 2001:db8:a::2/64 dev a0 nodad preferred_lft 0; "
	       "ip addr add 2001:db8:a::3/64 dev a0"), /* no carrier: not asked for yet */
	    0);
	read_addresses("a0");
	assert_int_equal(n_addresses, 6);
	assert_string_equal(kind_of("203.0.113.1/24"), "");
	assert_string_equal(kind_of("203.0.113.2/24"), "");
	assert_string_equal(kind_of("203.0.113.129/32"), ""); /* ours, not the peer's */
	assert_string_equal(kind_of("2001:db8:a::1/64"), "");
	assert_string_equal(kind_of("2001:db8:a::2/64"), "deprecated");
	assert_string_equal(kind_of("2001:db8:a::3/64"), "tentative");
	for (size_t i = 0; i < n_addresses; i++)
		assert_int_equal(addresses[i].ifindex, if_nametoindex("a0"));
	read_addresses("a0p");
	assert_int_equal(n_addresses, 0);
	read_addresses(NULL);
	assert_string_equal(kind_of("127.0.0.1/8"), "");
	assert_string_equal(kind_of("192.0.2.10/24"), "");
	assert_string_equal(kind_of("2001:db8:a::2/64"), "deprecated");
	/* more than one part of a dump */
	assert_int_equal(sh("for i in $(seq 2000); do echo addr add 10.250.$((i / 250)).$((i % 250 "
			    "+ 1))/32 dev a0p; done | ip -batch -"),
			 0);
	read_addresses("a0p");
	assert_int_equal(n_addresses, 2000);
	assert_string_equal(kind_of("10.250.8.1/32"), "");
	assert_int_equal(sh("ip link del a0"), 0);
	n_addresses = 0;
}

/* The kernel's tables change while they are read. */
static void interrupted(void **state)
{
	size_t n = 7;

	(void)state;
	interruptions = 3;
	read_addresses("up1");
	assert_int_equal(interruptions, 0);
	assert_string_equal(kind_of("198.51.100.10/24"), "");
	assert_int_equal(n_addresses, 5);
	interruptions = 100;
	assert_int_equal(el_rtnl_addresses(r, 0, &addresses, &n), -EINTR);
	assert_int_equal(n, 7);
	interruptions = 0;
}

/* ---- ways ---- */

struct way {
	const char *to, *from, *oif;
	int expected;
	const char *by, *via, *source;
	uint32_t mtu;
};

static void check_way(const struct way *w)
{
	const struct el_rtnl_query q = {
	    .to = ip(w->to), .from = ip(w->from), .oif = w->oif ? if_nametoindex(w->oif) : 0};
	struct el_rtnl_route route = {0};
	char via[EL_IP_STRLEN], source[EL_IP_STRLEN], by[IFNAMSIZ] = "";
	int rc = el_rtnl_route(r, &q, &route);

	if (rc == 0)
		if_indextoname(route.oif, by);
	el_ip_format(&route.via, via);
	el_ip_format(&route.source, source);
	if (rc != w->expected ||
	    (rc == 0 && (strcmp(by, w->by) != 0 || strcmp(via, w->via) != 0 ||
			 strcmp(source, w->source) != 0 || route.mtu != w->mtu)))
		fail_msg("%s from %s by %s: %d, %s via %s from %s, MTU %u", w->to,
			 w->from ? w->from : "any", w->oif ? w->oif : "any", rc, by, via, source,
			 route.mtu);
}

static void check_ways(const struct way *ways, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_way(&ways[i]);
}
#define CHECK_WAYS(ways) check_ways(ways, sizeof(ways) / sizeof((ways)[0]))

#define A0 "192.0.2.10"
#define A1 "198.51.100.10"
#define B0 "2001:db8::10"
#define B1 "2001:db8:1::10"

static void ways(void **state)
{
	static const struct way ways[] = {
	    {"192.0.2.77", NULL, NULL, 0, "up0", "-", A0, 0},
	    {"10.0.0.1", NULL, NULL, 0, "up0", "192.0.2.1", A0, 0}, /* the lower metric */
	    {"10.0.0.1", NULL, "up0", 0, "up0", "192.0.2.1", A0, 0},
	    {"10.0.0.1", NULL, "up1", 0, "up1", "198.51.100.1", A1, 0},
	    {"10.0.0.1", A1, "up1", 0, "up1", "198.51.100.1", A1, 0},
	    {"10.0.0.1", A1, NULL, 0, "up0", "192.0.2.1", A1, 0},
	    {"10.1.0.1", NULL, NULL, 0, "up1", "198.51.100.2", "198.51.100.11", 1300},
	    {"10.2.0.1", NULL, NULL, 0, "up0", "fe80::1", A0, 0},    /* via inet6 */
	    {"10.3.0.1", NULL, "up0", 0, "up0", "192.0.2.3", A0, 0}, /* multipath */
	    {"10.3.0.1", NULL, "up1", 0, "up1", "198.51.100.3", A1, 0},
	    {"2001:db8::77", NULL, NULL, 0, "up0", "-", B0, 0},
	    {"2001:db8:f::1", NULL, NULL, 0, "up0", "fe80::1", B0, 0},
	    {"2001:db8:f::1", NULL, "up1", 0, "up1", "2001:db8:1::1", B1, 0},
	    {"2001:db8:f::1", B0, "up0", 0, "up0", "fe80::1", B0, 0},
	    {"2001:db8:f::1", B1, "up1", -EXDEV, 0, 0, 0, 0}, /* the kernel's wish comes first */
	    {"2001:db8:e::1", NULL, NULL, 0, "up1", "2001:db8:1::2", "2001:db8:1::11", 1300},
	    {"2001:db8:d::1", NULL, "up0", 0, "up0", "2001:db8::3", B0, 0}, /* multipath */
	    {"2001:db8:d::1", NULL, "up1", 0, "up1", "2001:db8:1::3", B1, 0},
	    {"fe80::77", NULL, "up1", 0, "up1", "-", "fe80::1:1", 0},
	};

	(void)state;
	CHECK_WAYS(ways);
}

static void no_ways(void **state)
{
	static const struct way ways[] = {
	    {"10.5.0.1", NULL, NULL, -EINVAL, 0, 0, 0, 0}, /* blackhole */
	    {"10.6.0.1", NULL, NULL, -EHOSTUNREACH, 0, 0, 0, 0},
	    {"10.7.0.1", NULL, NULL, -EACCES, 0, 0, 0, 0}, /* prohibit */
	    {"10.5.0.1", NULL, "up0", -ENETUNREACH, 0, 0, 0, 0},
	    {"10.6.0.1", NULL, "up0", -ENETUNREACH, 0, 0, 0, 0},
	    {"10.0.0.1", NULL, "up2", -ENETUNREACH, 0, 0, 0, 0}, /* assumed to be on the link */
	    {A0, NULL, NULL, -EADDRINUSE, 0, 0, 0, 0},
	    {"127.0.0.1", NULL, NULL, -EADDRINUSE, 0, 0, 0, 0},
	    {"192.0.2.255", NULL, NULL, -EDESTADDRREQ, 0, 0, 0, 0},
	    {"224.0.0.5", NULL, "up0", -EDESTADDRREQ, 0, 0, 0, 0},
	    {"255.255.255.255", NULL, "up0", -EDESTADDRREQ, 0, 0, 0, 0},
	    {"2001:db8:5::1", NULL, NULL, -EINVAL, 0, 0, 0, 0}, /* blackhole */
	    {"2001:db8:6::1", NULL, NULL, -EHOSTUNREACH, 0, 0, 0, 0},
	    {"2001:db8:7::1", NULL, NULL, -EACCES, 0, 0, 0, 0},
	    {"2001:db8:f::1", NULL, "up2", -ENETUNREACH, 0, 0, 0, 0},
	    {B0, NULL, NULL, -EADDRINUSE, 0, 0, 0, 0},
	    {"::1", NULL, NULL, -EADDRINUSE, 0, 0, 0, 0},
	    {"ff02::1", NULL, "up0", -EDESTADDRREQ, 0, 0, 0, 0},
	    {"10.0.0.1", B0, NULL, -EAFNOSUPPORT, 0, 0, 0, 0},
	};
	struct el_rtnl_query q = {.to = ip("10.0.0.1"), .oif = 1000000};
	struct el_rtnl_route route;
	uint32_t metric;
	uint8_t len;
	int rc;

	(void)state;
	CHECK_WAYS(ways);
	assert_int_equal(el_rtnl_route(r, &q, &route), -ENODEV);
	assert_int_equal(el_rtnl_match(r, &q, &len, &metric), -ENODEV);
	q.oif = 0;
	q.from = ip("203.0.113.1"); /* not ours */
	rc = el_rtnl_route(r, &q, &route);
	assert_true(rc == -EINVAL || rc == -ENETUNREACH);
	q.to = (struct el_ip){0};
	assert_int_equal(el_rtnl_route(r, &q, &route), -EAFNOSUPPORT);
}

/* Each source by its own uplink. */
static void rules(void **state)
{
	static const struct way ways[] = {
	    {"10.0.0.1", A0, NULL, 0, "up0", "192.0.2.101", A0, 0},
	    {"10.0.0.1", A1, NULL, 0, "up1", "198.51.100.102", A1, 0},
	    {"10.0.0.1", A1, "up1", 0, "up1", "198.51.100.102", A1, 0},
	    {"10.0.0.1", NULL, NULL, 0, "up0", "192.0.2.1", A0, 0},
	    {"2001:db8:f::1", B0, NULL, 0, "up0", "2001:db8::101", B0, 0},
	    {"2001:db8:f::1", B1, "up1", 0, "up1", "2001:db8:1::102", B1, 0},
	    {"2001:db8:f::1", B1, "up0", -EXDEV, 0, 0, 0, 0},
	};

	(void)state;
	assert_int_equal(
	    sh("set -e; ip rule add from " A0 " lookup 101; ip rule add from " A1 " lookup 102; "
	       "ip -6 rule add from " B0 " lookup 101; ip -6 rule add from " B1 " lookup 102; "
	       "ip route add default via 192.0.2.101 table 101; "
	       "ip route add default via 198.51.100.102 table 102; "
	       "ip -6 route add default via 2001:db8::101 table 101; "
	       "ip -6 route add default via 2001:db8:1::102 table 102"),
	    0);
	CHECK_WAYS(ways);
	assert_int_equal(sh("set -e; for i in 101 102; do ip rule del lookup $i; ip -6 rule del "
			    "lookup $i; ip route flush table $i; ip -6 route flush table $i; done"),
			 0);
}

static void next_hop_objects(void **state)
{
	static const struct way ways[] = {
	    {"10.8.0.1", NULL, NULL, 0, "up1", "198.51.100.8", A1, 0},
	    {"10.8.0.1", NULL, "up1", 0, "up1", "198.51.100.8", A1, 0},
	    {"10.9.0.1", NULL, "up0", 0, "up0", "fe80::9", A0, 0},
	    {"2001:db8:8::1", NULL, NULL, 0, "up1", "2001:db8:1::8", B1, 0},
	    {"10.10.0.1", NULL, NULL, -EINVAL, 0, 0, 0, 0},
	};

	(void)state;
	if (sh("ip nexthop add id 8 via 198.51.100.8 dev up1") != 0)
		skip();
	assert_int_equal(sh("set -e; ip route add 10.8.0.0/16 nhid 8; "
			    "ip nexthop add id 9 via fe80::9 dev up0; "
			    "ip nexthop add id 7 via 192.0.2.8 dev up0; "
			    "ip nexthop add id 10 group 9/8; ip route add 10.9.0.0/16 nhid 10; "
			    "ip nexthop add id 11 via 2001:db8:1::8 dev up1; "
			    "ip -6 route add 2001:db8:8::/48 nhid 11; "
			    "ip nexthop add id 12 blackhole; ip route add 10.10.0.0/16 nhid 12"),
			 0);
	CHECK_WAYS(ways);
	assert_int_equal(sh("for i in 10 8 9 7 11 12; do ip nexthop del id $i; done"), 0);
}

static void vrfs(void **state)
{
	static const struct way ways[] = {
	    {"10.0.0.1", NULL, "vup", 0, "vup", "203.0.113.1", "203.0.113.10", 0},
	    {"10.0.0.1", "203.0.113.10", "vup", 0, "vup", "203.0.113.1", "203.0.113.10", 0},
	    {"10.99.0.1", NULL, "vup", -ENETUNREACH, 0, 0, 0, 0},
	};

	(void)state;
	if (sh("ip link add vrf0 type vrf table 1000 2>/dev/null") != 0)
		skip();
	assert_int_equal(
	    sh("set -e; ip link set vrf0 up; ip link add vup type veth peer name vupp; "
	       "ip link set vup master vrf0; ip link set vup up; ip link set vupp up; "
	       "ip addr add 203.0.113.10/24 dev vup; "
	       "ip route add 10.0.0.0/16 via 203.0.113.1 table 1000; "
	       "ip route add unreachable default metric 4278198272 table 1000"),
	    0);
	CHECK_WAYS(ways);
}

static void matches(void **state)
{
	static const struct {
		const char *to, *from, *oif;
		int expected;
		uint8_t len;
		uint32_t metric;
	} cases[] = {
	    {"192.0.2.77", NULL, NULL, 0, 24, 0},
	    {"10.0.0.1", NULL, NULL, 0, 0, 100},
	    {"10.0.0.1", NULL, "up1", 0, 0, 200},
	    {"10.1.0.1", NULL, "up1", 0, 16, 50},
	    {"10.1.0.1", NULL, "up0", 0, 0, 100},
	    {"10.3.0.1", NULL, "up1", 0, 16, 0},
	    {"2001:db8:f::1", NULL, NULL, 0, 0, 100},
	    {"2001:db8:f::1", NULL, "up1", 0, 0, 200},
	    {"2001:db8:e::1", NULL, "up1", 0, 48, 50},
	    {"2001:db8:d::1", NULL, "up1", 0, 48, 1024},
	    {"10.0.0.1", NULL, "up2", -EHOSTUNREACH, 0, 0},
	    {"10.5.0.1", NULL, NULL, -EINVAL, 0, 0},
	    {"2001:db8:5::1", NULL, NULL, -EINVAL, 0, 0},
	    {A0, NULL, NULL, -EADDRINUSE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct el_rtnl_query q = {.to = ip(cases[i].to),
						.from = ip(cases[i].from),
						.oif = cases[i].oif ? if_nametoindex(cases[i].oif)
								    : 0};
		uint32_t metric = 0;
		uint8_t len = 0;
		int rc = el_rtnl_match(r, &q, &len, &metric);

		if (rc != cases[i].expected || len != cases[i].len || metric != cases[i].metric)
			fail_msg("%s by %s: %d, length %u, metric %u", cases[i].to,
				 cases[i].oif ? cases[i].oif : "any", rc, len, metric);
	}
}

/* An answer that was not waited for is not taken for the next one's. */
static void given_up(void **state)
{
	static const struct way next = {"10.1.0.1",      NULL, NULL, 0, "up1", "198.51.100.2",
					"198.51.100.11", 1300};
	static const int errors[][2] = {{EAGAIN, -ETIMEDOUT}, {ENOBUFS, -ENOBUFS}};
	const struct el_rtnl_query q = {.to = ip("192.0.2.77")};
	struct el_rtnl_address *items;
	struct el_rtnl_route route;
	struct el_rtnl_link link;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fail_with = errors[i][0];
		fail_after = 0;
		assert_int_equal(el_rtnl_route(r, &q, &route), errors[i][1]);
		check_way(&next);
		fail_with = errors[i][0];
		fail_after = 0;
		assert_int_equal(el_rtnl_link(r, "up0", 0, &link), errors[i][1]);
		link_of("up1");
		fail_with = errors[i][0];
		fail_after = 1; /* amid a dump */
		assert_int_equal(el_rtnl_addresses(r, 0, &items, &n), errors[i][1]);
		check_way(&next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links),
	    cmocka_unit_test(no_links),
	    cmocka_unit_test(other_links),
	    cmocka_unit_test(drops),
	    cmocka_unit_test(all_addresses),
	    cmocka_unit_test(interrupted),
	    cmocka_unit_test(ways),
	    cmocka_unit_test(no_ways),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(matches),
	    cmocka_unit_test(next_hop_objects),
	    cmocka_unit_test(vrfs),
	    cmocka_unit_test(given_up),
	};
	struct el_error err;
	int failed;

	if (!make_net())
		return 77;
	if (sh("set -e; ip link add up2 type veth peer name up2p; ip link set up2 up; "
	       "ip link set up2p up; ip addr add 203.0.113.2/24 dev up2; "
	       "ip addr add " A0 "/24 dev up0; ip addr add " A1 "/24 dev up1; "
	       "ip addr add 198.51.100.11/24 dev up1; "
	       "ip addr add " B0 "/64 dev up0 nodad; ip addr add 2001:db8:1::11/64 dev up1 nodad; "
	       "ip addr add " B1 "/64 dev up1 nodad; "
	       "ip addr add fe80::1:1/64 dev up1 nodad; ip addr add fe80::1:0/64 dev up0 nodad; "
	       "ip route add default via 192.0.2.1 metric 100; "
	       "ip route add default via 198.51.100.1 metric 200; "
	       "ip -6 route add default via fe80::1 dev up0 metric 100; "
	       "ip -6 route add default via 2001:db8:1::1 metric 200; "
	       "ip route add 10.1.0.0/16 via 198.51.100.2 src 198.51.100.11 metric 50 mtu 1300; "
	       "ip -6 route add 2001:db8:e::/48 via 2001:db8:1::2 src 2001:db8:1::11 metric 50 mtu "
	       "1300; "
	       "ip route add 10.2.0.0/16 via inet6 fe80::1 dev up0; "
	       "ip route add 10.3.0.0/16 nexthop via 192.0.2.3 nexthop via 198.51.100.3; "
	       "ip -6 route add 2001:db8:d::/48 nexthop via 2001:db8::3 nexthop via "
	       "2001:db8:1::3; "
	       "ip route add blackhole 10.5.0.0/16; ip route add unreachable 10.6.0.0/16; "
	       "ip route add prohibit 10.7.0.0/16; ip -6 route add blackhole 2001:db8:5::/48; "
	       "ip -6 route add unreachable 2001:db8:6::/48; "
	       "ip -6 route add prohibit 2001:db8:7::/48") != 0)
		return 1;
	if (el_rtnl_open(&r, &err) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	el_rtnl_close(r);
	free(addresses);
	return failed;
}
