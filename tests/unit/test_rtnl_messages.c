/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of rtnetlink that contradict themselves, or answer another question: what they mean is
 * not known, so they are refused. */
#include "rtnl_message.h"

#include <linux/if_link.h>
#include <net/if_arp.h>

/* ---- links ---- */

struct link_spec {
	const char *name;
	size_t name_len, mac_len, mtu_len, stats_len; /* 0: no such attribute */
	int ifindex, expected;
};

static void put_link(uint16_t type, const struct link_spec *s)
{
	struct ifinfomsg *ifi = begin(type, sizeof(*ifi));
	uint64_t stats[sizeof(struct rtnl_link_stats64) / 8 + 1];

	for (size_t i = 0; i < sizeof(stats) / 8; i++)
		stats[i] = 1u << i;
	ifi->ifi_index = s->ifindex;
	ifi->ifi_type = ARPHRD_ETHER;
	ifi->ifi_flags = IFF_UP | IFF_RUNNING;
	if (s->name)
		mnl_attr_put(m, IFLA_IFNAME, s->name_len, s->name);
	if (s->mac_len)
		mnl_attr_put(m, IFLA_ADDRESS, s->mac_len, bytes);
	if (s->mtu_len)
		mnl_attr_put(m, IFLA_MTU, s->mtu_len, bytes);
	if (s->stats_len)
		mnl_attr_put(m, IFLA_STATS64, s->stats_len, stats);
}

static const struct link_spec whole_link = {"up0", 4, 6, 4, sizeof(struct rtnl_link_stats64), 3, 0};

static void links(void **state)
{
	const size_t all = sizeof(struct rtnl_link_stats64);
	const size_t needed = offsetof(struct rtnl_link_stats64, tx_aborted_errors);
	const struct link_spec specs[] = {
	    whole_link,
	    {"up0", 3, 6, 4, all, 3, 0}, /* without its NUL */
	    {"up0", 4, 20, 4, all, 3, 0},
	    {"up0", 4, 0, 4, all, 3, 0},
	    {"up0", 4, 6, 4, needed, 3, 0},
	    {NULL, 0, 6, 4, all, 3, -EBADMSG},
	    {"", 1, 6, 4, all, 3, -EBADMSG},
	    {"up0", 0, 6, 4, all, 3, -EBADMSG},
	    {"sixteen-letters-", 16, 6, 4, all, 3, -EBADMSG},
	    {"sixteen-letters-", 17, 6, 4, all, 3, -EBADMSG},
	    {"up0", 4, 6, 2, all, 3, -EBADMSG},
	    {"up0", 4, 6, 8, all, 3, -EBADMSG},
	    {"up0", 4, 6, 4, 0, 3, -EBADMSG},
	    {"up0", 4, 6, 4, needed - 1, 3, -EBADMSG},
	    {"up0", 4, 6, 4, all, 0, -EBADMSG},
	    {"up0", 4, 6, 4, all, -3, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct el_rtnl_link link = {0};
		int rc;

		put_link(RTM_NEWLINK, &specs[i]);
		rc = PARSE(rtnl_parse_link(copy, len, &request, &link));
		if (rc != specs[i].expected)
			fail_msg("link %zu: %d", i, rc);
		if (rc < 0)
			continue;
		assert_string_equal(link.name, "up0");
		assert_true(link.enabled && link.up);
		assert_memory_equal(link.mac, specs[i].mac_len == 6 ? bytes : bytes + 8, 6);
		/* rx_dropped, tx_dropped, rx_missed_errors */
		assert_int_equal(link.dropped, 1 << 6 | 1 << 7 | 1 << 15);
	}
	put_link(RTM_NEWADDR, &whole_link);
	assert_int_equal(PARSE(rtnl_parse_link(copy, len, &request, &(struct el_rtnl_link){0})),
			 -EBADMSG);
}

/* ---- addresses ---- */

/* An address of `len` bits with IFA_ADDRESS of `attr_len` bytes; what its dump returns. */
static int parse_address(uint8_t family, uint8_t len_bits, size_t attr_len, size_t expected)
{
	struct rtnl_addresses addresses = {0};
	struct ifaddrmsg *ifa = begin(RTM_NEWADDR, sizeof(*ifa));
	int result;

	*ifa = (struct ifaddrmsg){.ifa_family = family, .ifa_prefixlen = len_bits, .ifa_index = 2};
	if (attr_len)
		mnl_attr_put(m, IFA_ADDRESS, attr_len, bytes);
	result = PARSE(rtnl_parse_addresses(copy, len, &request, 2, &addresses));
	assert_int_equal(addresses.count, expected);
	free(addresses.items);
	addresses = (struct rtnl_addresses){0};
	PARSE(rtnl_parse_addresses(copy, len, &request, 3, &addresses));
	assert_int_equal(addresses.count, 0); /* another interface's */
	return result;
}

static void addresses_are_whole(void **state)
{
	(void)state;
	assert_int_equal(parse_address(AF_INET, 32, 4, 1), 1);
	assert_int_equal(parse_address(AF_INET6, 128, 16, 1), 1);
	assert_int_equal(parse_address(AF_INET6, 128, 0, 0), 1);
	assert_int_equal(parse_address(AF_DECnet, 16, 2, 0), 1);
	assert_int_equal(parse_address(AF_INET, 33, 4, 0), -EBADMSG);
	assert_int_equal(parse_address(AF_INET6, 129, 16, 0), -EBADMSG);
	assert_int_equal(parse_address(AF_INET, 24, 3, 0), -EBADMSG);
	assert_int_equal(parse_address(AF_INET, 24, 16, 0), -EBADMSG);
	assert_int_equal(parse_address(AF_INET6, 64, 4, 0), -EBADMSG);
}

/* IFA_FLAGS has what the header's 8 bits can't. */
static void flags_of_addresses(void **state)
{
	static const struct {
		uint32_t flags;
		bool deprecated, tentative;
	} cases[] = {{0, false, false},
		     {IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE, false, false},
		     {IFA_F_DEPRECATED, true, false},
		     {IFA_F_TENTATIVE, false, true},
		     {IFA_F_DADFAILED, false, true},
		     {IFA_F_DADFAILED | IFA_F_DEPRECATED, true, true}};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct ifaddrmsg *ifa = begin(RTM_NEWADDR, sizeof(*ifa));
		struct el_rtnl_address address = {0};

		*ifa = (struct ifaddrmsg){.ifa_family = AF_INET6, .ifa_index = 2};
		ifa->ifa_flags = (uint8_t)cases[i / 2].flags;
		put_ip(IFA_ADDRESS, "2001:db8::1");
		if (i % 2) {
			mnl_attr_put_u32(m, IFA_FLAGS, cases[i / 2].flags);
			ifa->ifa_flags = (uint8_t)~cases[i / 2].flags;
		}
		assert_int_equal(rtnl_read_address(m, &address), 0);
		assert_true(address.deprecated == cases[i / 2].deprecated);
		assert_true(address.tentative == cases[i / 2].tentative);
	}
}

/* ---- whose, and how they end ---- */

static int parse_end(void)
{
	struct rtnl_addresses addresses = {0};
	int rc = PARSE(rtnl_parse_addresses(copy, len, &request, 0, &addresses));

	free(addresses.items);
	return rc;
}

/* The end of a dump, and errors, whatever number is in them. */
static void ends_and_errors(void **state)
{
	static const int errors[][2] = {{-EPERM, -EPERM},  {-ENODEV, -ENODEV},    {EPERM, -EBADMSG},
					{-4096, -EBADMSG}, {INT32_MIN, -EBADMSG}, {0, 0}};
	struct el_rtnl_link link;
	int *error;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		error = begin(NLMSG_ERROR, sizeof(struct nlmsgerr));
		*error = errors[i][0];
		assert_int_equal(parse_end(), errors[i][1]);
		/* an acknowledgement is no answer */
		assert_int_equal(PARSE(rtnl_parse_link(copy, len, &request, &link)),
				 errors[i][1] ? errors[i][1] : -EBADMSG);
		error = begin(NLMSG_DONE, sizeof(int)); /* a dump's own error comes with its end */
		*error = errors[i][0];
		assert_int_equal(parse_end(), errors[i][1]);
	}
	begin(NLMSG_ERROR, 0);
	assert_int_equal(parse_end(), -EBADMSG);
	begin(NLMSG_DONE, 0);
	assert_int_equal(parse_end(), 0);
	begin(NLMSG_NOOP, 0);
	assert_int_equal(parse_end(), 1);
	begin(RTM_NEWROUTE, sizeof(struct rtmsg));
	assert_int_equal(parse_end(), -EBADMSG);
	begin(NLMSG_DONE, sizeof(int));
	m->nlmsg_flags |= NLM_F_DUMP_INTR;
	assert_int_equal(parse_end(), -EINTR);
}

static void others_answers(void **state)
{
	struct el_rtnl_link link;

	(void)state;
	for (int i = 0; i < 4; i++) {
		put_link(RTM_NEWLINK, &whole_link);
		m->nlmsg_seq = i == 0 ? 4 : i == 1 ? 0 : 5; /* 0: a notification's */
		m->nlmsg_pid = i == 2 ? 78 : i == 3 ? 0 : 77;
		assert_int_equal(PARSE(rtnl_parse_link(copy, len, &request, &link)), -EBADMSG);
		assert_int_equal(parse_end(), -EBADMSG);
	}
}

/* Two answers to one question. */
static void one_answer(void **state)
{
	struct el_rtnl_link link;
	char twice[2048];
	size_t len;

	(void)state;
	put_link(RTM_NEWLINK, &whole_link);
	len = m->nlmsg_len;
	memcpy(twice, buf, len);
	memcpy(twice + len, buf, len);
	assert_int_equal(rtnl_parse_link(twice, len, &request, &link), 0);
	assert_int_equal(rtnl_parse_link(twice, 2 * len, &request, &link), -EBADMSG);
	assert_int_equal(rtnl_parse_link(twice, 0, &request, &link), -EBADMSG);
}

/* Of a message of `told` bytes by its header, `there` of which have come, behind one that is whole;
 * what their dump returns, and whether what is lost is told of. */
static int parse_second(uint32_t told, size_t there)
{
	struct rtnl_addresses addresses = {0};
	struct rtnl_known known = {0};
	struct nlmsghdr second;
	size_t len = sizeof(second) + there;
	uint8_t *copy = malloc(len); /* of the exact size, so that overruns are seen */
	int rc;

	begin(NLMSG_NOOP, 0);
	second = *m;
	second.nlmsg_len = told;
	assert_non_null(copy);
	memset(copy, 0, len);
	memcpy(copy, m, sizeof(*m));
	memcpy(copy + sizeof(*m), &second, there < sizeof(second) ? there : sizeof(second));
	rc = rtnl_parse_addresses(copy, len, &request, 0, &addresses);
	assert_int_equal(rtnl_parse_changes(copy, len, &known), rc < 0 ? EL_RTNL_LOST : 0);
	free(copy);
	return rc;
}

static void messages_are_whole(void **state)
{
	static const uint32_t lengths[] = {
	    0, 1, 15, 37, 0x7fffffff, 0x80000000, 0x80000010, 0xb80d0120, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(parse_second(lengths[i], 36), -EBADMSG);
	for (uint32_t there = 1; there < sizeof(struct nlmsghdr); there++)
		assert_int_equal(parse_second(there, there), -EBADMSG);
	assert_int_equal(parse_second(0, 0), 1);
	assert_int_equal(parse_second(16, 16), 1);
	assert_int_equal(parse_second(17, 17), 1); /* need not be filled up at the end */
	assert_int_equal(parse_second(33, 36), 1);
	assert_int_equal(parse_second(36, 36), 1);
}

/* Attributes, and the header before them, cut at each byte. */
static void attributes_are_whole(void **state)
{
	struct el_rtnl_link link;
	uint32_t whole;

	(void)state;
	put_link(RTM_NEWLINK, &whole_link);
	whole = m->nlmsg_len;
	for (uint32_t cut = sizeof(*m); cut < whole; cut++) {
		m->nlmsg_len = cut;
		assert_int_equal(PARSE(rtnl_parse_link(copy, len, &request, &link)), -EBADMSG);
	}
}

/* ---- notifications ---- */

static unsigned changes_of(struct rtnl_known *known)
{
	return (unsigned)PARSE((int)rtnl_parse_changes(copy, len, known));
}

static void notifications(void **state)
{
	struct rtnl_known known = {0};
	struct link_spec spec = whole_link;
	struct ifinfomsg *ifi = (void *)(buf + sizeof(*m));
	struct rtmsg *rtm;

	(void)state;
	put_link(RTM_NEWLINK, &spec);
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	assert_int_equal(changes_of(&known), 0);
	ifi->ifi_flags |= IFF_PROMISC;
	assert_int_equal(changes_of(&known), 0);
	ifi->ifi_flags &= ~(unsigned)IFF_RUNNING;
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	ifi->ifi_flags &= ~(unsigned)IFF_UP;
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	ifi->ifi_index = 4;
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	m->nlmsg_type = RTM_DELLINK;
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	m->nlmsg_type = RTM_NEWLINK;
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS); /* again there */
	mnl_attr_put_u32(m, IFLA_MASTER, 9);
	assert_int_equal(changes_of(&known), EL_RTNL_LINKS);
	ifi->ifi_family = AF_BRIDGE;
	m->nlmsg_type = RTM_DELLINK; /* it only left its bridge */
	assert_int_equal(changes_of(&known), 0);
	spec.mtu_len = 2;
	put_link(RTM_NEWLINK, &spec);
	assert_int_equal(changes_of(&known), EL_RTNL_LOST);
	spec = (struct link_spec){.ifindex = 3};
	put_link(RTM_NEWLINK, &spec);
	mnl_attr_put(m, IFLA_WIRELESS, 4, bytes);
	assert_int_equal(changes_of(&known), 0);

	rtm = begin(RTM_NEWROUTE, sizeof(*rtm));
	assert_int_equal(changes_of(&known), EL_RTNL_ROUTES);
	rtm->rtm_flags = RTM_F_CLONED;
	assert_int_equal(changes_of(&known), 0);
	m->nlmsg_len -= 1;
	assert_int_equal(changes_of(&known), EL_RTNL_LOST);
	begin(NLMSG_OVERRUN, 0);
	assert_int_equal(changes_of(&known), EL_RTNL_LOST);
	begin(RTM_NEWNEIGH, 12);
	assert_int_equal(changes_of(&known), 0);
	rtnl_known_fini(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links),
	    cmocka_unit_test(addresses_are_whole),
	    cmocka_unit_test(flags_of_addresses),
	    cmocka_unit_test(ends_and_errors),
	    cmocka_unit_test(others_answers),
	    cmocka_unit_test(one_answer),
	    cmocka_unit_test(messages_are_whole),
	    cmocka_unit_test(attributes_are_whole),
	    cmocka_unit_test(notifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
