/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes in messages of rtnetlink: those that contradict themselves are refused, as are those that
 * are no way for a probe. */
#include "rtnl_message.h"

static struct rtmsg *begin_route(const struct el_rtnl_query *q, uint8_t dst_len)
{
	struct rtmsg *rtm = begin(RTM_NEWROUTE, sizeof(*rtm));

	*rtm = (struct rtmsg){.rtm_family = q->to.family == 4 ? AF_INET : AF_INET6,
			      .rtm_dst_len = dst_len,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_type = RTN_UNICAST};
	return rtm;
}

static struct el_rtnl_query query_for(const char *to, unsigned oif)
{
	struct el_rtnl_query q = {.oif = oif};

	assert_int_equal(el_ip_parse(to, &q.to), 0);
	return q;
}

static struct el_rtnl_route route;

static int parse_route(const struct el_rtnl_query *q)
{
	return PARSE(rtnl_parse_route(copy, len, &request, q, &route));
}

struct spec {
	const char *to;
	size_t dst, oif, gateway, source, via; /* lengths; 0: no such attribute */
	uint16_t via_family;
	int expected;
};

static void routes_are_whole(void **state)
{
	static const struct spec specs[] = {
	    {"192.0.2.1", 4, 4, 0, 0, 0, 0, 0},
	    {"192.0.2.1", 4, 4, 4, 4, 0, 0, 0},
	    {"192.0.2.1", 4, 4, 0, 4, 18, AF_INET6, 0},
	    {"192.0.2.1", 4, 4, 0, 4, 6, AF_INET, 0},
	    {"c000:201::", 16, 4, 16, 16, 0, 0, 0},
	    {"192.0.2.2", 4, 4, 0, 0, 0, 0, -EBADMSG}, /* of another question */
	    {"c000:202::", 16, 4, 16, 16, 0, 0, -EBADMSG},
	    {"192.0.2.1", 0, 4, 0, 0, 0, 0, -EBADMSG},
	    {"192.0.2.1", 3, 4, 0, 0, 0, 0, -EBADMSG},
	    {"192.0.2.1", 16, 4, 0, 0, 0, 0, -EBADMSG},
	    {"192.0.2.1", 4, 0, 0, 0, 0, 0, -EBADMSG}, /* leaves by nothing */
	    {"192.0.2.1", 4, 2, 0, 0, 0, 0, -EBADMSG},
	    {"192.0.2.1", 4, 4, 2, 0, 0, 0, -EBADMSG}, /* is not on the link for that */
	    {"192.0.2.1", 4, 4, 16, 0, 0, 0, -EBADMSG},
	    {"192.0.2.1", 4, 4, 0, 3, 0, 0, -EBADMSG},
	    {"192.0.2.1", 4, 4, 4, 0, 18, AF_INET6, -EBADMSG}, /* two gateways */
	    {"192.0.2.1", 4, 4, 0, 0, 1, AF_INET6, -EBADMSG},
	    {"192.0.2.1", 4, 4, 0, 0, 2, AF_INET6, -EBADMSG},
	    {"192.0.2.1", 4, 4, 0, 0, 6, AF_INET6, -EBADMSG},
	    {"192.0.2.1", 4, 4, 0, 0, 18, AF_INET, -EBADMSG},
	    {"192.0.2.1", 4, 4, 0, 0, 6, AF_DECnet, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		const struct spec *s = &specs[i];
		const struct el_rtnl_query q = query_for(s->to, 0);
		uint8_t via[32] = {0};
		int rc;

		begin_route(&q, q.to.family == 4 ? 32 : 128);
		if (s->dst)
			mnl_attr_put(m, RTA_DST, s->dst, bytes);
		if (s->oif)
			mnl_attr_put(m, RTA_OIF, s->oif, (uint8_t[4]){2});
		if (s->gateway)
			mnl_attr_put(m, RTA_GATEWAY, s->gateway, bytes);
		if (s->source)
			mnl_attr_put(m, RTA_PREFSRC, s->source, bytes);
		memcpy(via, &s->via_family, 2);
		if (s->via)
			mnl_attr_put(m, RTA_VIA, s->via, via);
		rc = parse_route(&q);
		if (rc != s->expected)
			fail_msg("route %zu: %d", i, rc);
	}
}

static void put_route(const struct el_rtnl_query *q, uint8_t type, uint32_t table)
{
	struct rtmsg *rtm = begin_route(q, 32);

	rtm->rtm_type = type;
	mnl_attr_put_u32(m, RTA_TABLE, table);
	mnl_attr_put_u32(m, RTA_OIF, 2);
	put_ip(RTA_DST, "10.0.0.1");
}

static void what_is_no_way(void **state)
{
	static const struct {
		uint8_t type;
		int expected;
	} types[] = {
	    {RTN_UNICAST, 0},
	    {RTN_LOCAL, -EADDRINUSE},
	    {RTN_BROADCAST, -EDESTADDRREQ},
	    {RTN_ANYCAST, -EDESTADDRREQ},
	    {RTN_MULTICAST, -EDESTADDRREQ},
	    {RTN_BLACKHOLE, -EINVAL},
	    {RTN_UNREACHABLE, -EHOSTUNREACH},
	    {RTN_PROHIBIT, -EACCES},
	    {RTN_THROW, -ENETUNREACH},
	    {RTN_NAT, -EBADMSG},
	    {RTN_UNSPEC, -EBADMSG},
	    {200, -EBADMSG},
	};
	struct el_rtnl_query q = query_for("10.0.0.1", 2);
	uint32_t metric;
	uint8_t bits;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		put_route(&q, types[i].type, RT_TABLE_MAIN);
		assert_int_equal(parse_route(&q), types[i].expected);
		assert_int_equal(PARSE(rtnl_parse_match(copy, len, &request, &q, &bits, &metric)),
				 types[i].expected);
	}
	put_route(&q, RTN_UNICAST, RT_TABLE_UNSPEC); /* assumed */
	assert_int_equal(parse_route(&q), -ENETUNREACH);
	put_route(&q, RTN_UNICAST, 1000);
	assert_int_equal(parse_route(&q), 0);
	mnl_attr_put_u16(m, RTA_ENCAP_TYPE, 1); /* MPLS */
	assert_int_equal(parse_route(&q), -EPROTONOSUPPORT);
	q.oif = 3;
	put_route(&q, RTN_UNICAST, 1000);
	assert_int_equal(parse_route(&q), -EXDEV);
	q = query_for("2001:db8::1", 2);
	put_route(&q, RTN_UNICAST, 1000); /* 10.0.0.1, as IPv6 */
	assert_int_equal(parse_route(&q), -EBADMSG);
	m->nlmsg_type = RTM_DELROUTE;
	assert_int_equal(parse_route(&q), -EBADMSG);
}

static void mtus(void **state)
{
	const struct el_rtnl_query q = query_for("10.0.0.1", 2);
	struct nlattr *nest;

	(void)state;
	put_route(&q, RTN_UNICAST, RT_TABLE_MAIN);
	nest = mnl_attr_nest_start(m, RTA_METRICS);
	mnl_attr_put_u32(m, RTAX_RTT, 7);
	mnl_attr_put_u32(m, RTAX_MTU, 1400);
	mnl_attr_nest_end(m, nest);
	assert_int_equal(parse_route(&q), 0);
	assert_int_equal(route.mtu, 1400);
	((struct nlattr *)mnl_attr_get_payload(nest))->nla_len = 200;
	assert_int_equal(parse_route(&q), -EBADMSG);
	((struct nlattr *)mnl_attr_get_payload(nest))->nla_len = 3;
	assert_int_equal(parse_route(&q), -EBADMSG);
}

/* A FIB entry of `bits` bits with next hops by interfaces `oifs`, 0-terminated; what is found of it
 * for a packet to 10.0.0.1 by `asked`. `cut` bytes of the last next hop are missing. */
static int parse_match(uint8_t bits, const char *dst, const int *oifs, unsigned asked, uint16_t cut)
{
	const struct el_rtnl_query q = query_for("10.0.0.1", asked);
	uint32_t metric = 0;
	uint8_t found = 0;
	int result;

	begin_route(&q, bits);
	if (dst)
		put_ip(RTA_DST, dst);
	mnl_attr_put_u32(m, RTA_PRIORITY, 77);
	if (oifs[0] && !oifs[1]) {
		mnl_attr_put_u32(m, RTA_OIF, (uint32_t)oifs[0]);
	} else if (oifs[0]) {
		struct rtnexthop nh[4] = {0};
		size_t n = 0;

		for (; oifs[n]; n++)
			nh[n] =
			    (struct rtnexthop){.rtnh_len = sizeof(nh[0]), .rtnh_ifindex = oifs[n]};
		nh[n - 1].rtnh_len -= cut;
		mnl_attr_put(m, RTA_MULTIPATH, n * sizeof(nh[0]) - cut, nh);
	}
	result = PARSE(rtnl_parse_match(copy, len, &request, &q, &found, &metric));
	if (result == 0)
		assert_true(found == bits && metric == 77);
	return result;
}

static void matches(void **state)
{
	const struct el_rtnl_query q = query_for("10.0.0.1", 2);
	uint32_t metric;
	uint8_t bits;

	(void)state;
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 0}, 2, 0), 0);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 0}, 0, 0), 0);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 0}, 3, 0), -EXDEV);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 3, 0}, 3, 0), 0);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 3, 0}, 4, 0), -EXDEV);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){2, 3, 0}, 2, 1), -EBADMSG);
	assert_int_equal(parse_match(8, "10.0.0.0", (int[]){0}, 2, 0), -EBADMSG);
	assert_int_equal(parse_match(0, NULL, (int[]){2, 0}, 2, 0), 0);
	assert_int_equal(parse_match(8, NULL, (int[]){2, 0}, 2, 0), -EBADMSG);
	assert_int_equal(parse_match(8, "11.0.0.0", (int[]){2, 0}, 2, 0), -EBADMSG);
	assert_int_equal(parse_match(33, "10.0.0.1", (int[]){2, 0}, 2, 0), -EBADMSG);
	/* a next-hop object may not tell where it leads */
	begin_route(&q, 8);
	put_ip(RTA_DST, "10.0.0.0");
	mnl_attr_put_u32(m, RTA_NH_ID, 1);
	assert_int_equal(PARSE(rtnl_parse_match(copy, len, &request, &q, &bits, &metric)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(routes_are_whole),
	    cmocka_unit_test(what_is_no_way),
	    cmocka_unit_test(mtus),
	    cmocka_unit_test(matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
