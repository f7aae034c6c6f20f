/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of rtnetlink that contradict themselves: a dump that holds one is refused, for what it
 * means is not known. */
#include "unit.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel.h"

#define PORT_ID 77

static char buf[1024];
static const uint8_t bytes[16] = {192, 0, 2, 1};

static struct nlmsghdr *message(uint16_t type)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_MULTI;
	m->nlmsg_seq = KERNEL_SEQUENCE;
	m->nlmsg_pid = PORT_ID;
	return m;
}

/* What a route is made of; lengths in bytes, 0: no such attribute. */
struct spec {
	uint8_t family, len;
	size_t dst, gateway, source;
	bool multipath; /* the gateway is in there */
	int expected;
};

static int parse_route(const struct spec *s)
{
	const struct el_kernel_addresses own = {0};
	struct el_routes routes = {0};
	struct kernel_route_dump dump = {.ifindex = 2, .routes = &routes, .addresses = &own};
	struct nlmsghdr *m = message(RTM_NEWROUTE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(m, sizeof(*rtm));
	struct rtnexthop nh = {.rtnh_len =
				   (uint16_t)(sizeof(nh) + sizeof(struct nlattr) + s->gateway),
			       .rtnh_ifindex = 2};
	int rc;

	*rtm = (struct rtmsg){.rtm_family = s->family,
			      .rtm_dst_len = s->len,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_type = RTN_UNICAST};
	if (s->dst)
		mnl_attr_put(m, RTA_DST, s->dst, bytes);
	if (s->source)
		mnl_attr_put(m, RTA_PREFSRC, s->source, bytes);
	if (s->multipath) {
		struct nlattr *nest = mnl_attr_nest_start(m, RTA_MULTIPATH);

		memcpy(mnl_nlmsg_get_payload_tail(m), &nh, sizeof(nh));
		m->nlmsg_len += sizeof(nh);
		mnl_attr_put(m, RTA_GATEWAY, s->gateway, bytes);
		mnl_attr_nest_end(m, nest);
	} else {
		mnl_attr_put_u32(m, RTA_OIF, 2);
		if (s->gateway)
			mnl_attr_put(m, RTA_GATEWAY, s->gateway, bytes);
	}
	rc = kernel_parse_routes(&dump, buf, m->nlmsg_len, PORT_ID);
	assert_int_equal(routes.count, rc == 1);
	el_routes_fini(&routes);
	return rc;
}

static void routes_are_whole(void **state)
{
	static const struct spec specs[] = {
	    {AF_INET, 0, 0, 0, 0, false, 1},         {AF_INET, 32, 4, 4, 4, false, 1},
	    {AF_INET6, 128, 16, 16, 16, false, 1},   {AF_INET, 0, 0, 4, 0, true, 1},
	    {AF_INET, 33, 4, 0, 0, false, -EBADMSG}, {AF_INET6, 129, 16, 0, 0, false, -EBADMSG},
	    {AF_INET, 24, 0, 0, 0, false, -EBADMSG}, /* a part of the network is missing */
	    {AF_INET, 24, 3, 0, 0, false, -EBADMSG}, {AF_INET6, 64, 8, 0, 0, false, -EBADMSG},
	    {AF_INET, 0, 0, 2, 0, false, -EBADMSG}, /* is not on the link for that */
	    {AF_INET6, 0, 0, 4, 0, false, -EBADMSG}, {AF_INET, 0, 0, 2, 0, true, -EBADMSG},
	    {AF_INET, 0, 0, 4, 3, false, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		if (parse_route(&specs[i]) != specs[i].expected)
			fail_msg("route %zu: %d", i, parse_route(&specs[i]));
}

/* The end of a dump, and errors, whatever number is in them. */
static void ends_and_errors(void **state)
{
	static const int errors[][2] = {
	    {-EPERM, -EPERM}, {EPERM, -EPERM}, {INT32_MIN, -EPROTO}, {0, 0}};
	const struct el_kernel_addresses own = {0};
	struct el_routes routes = {0};
	struct kernel_route_dump dump = {.ifindex = 2, .routes = &routes, .addresses = &own};
	struct nlmsghdr *m;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct nlmsgerr *e;

		m = message(NLMSG_ERROR);
		e = mnl_nlmsg_put_extra_header(m, sizeof(*e));
		e->error = errors[i][0];
		assert_int_equal(kernel_parse_routes(&dump, buf, m->nlmsg_len, PORT_ID),
				 errors[i][1]);
	}
	m = message(NLMSG_DONE);
	mnl_nlmsg_put_extra_header(m, 4);
	assert_int_equal(kernel_parse_routes(&dump, buf, m->nlmsg_len, PORT_ID), 0);
	assert_int_equal(kernel_parse_routes(&dump, buf, m->nlmsg_len, PORT_ID + 1), -ESRCH);
	m->nlmsg_flags |= NLM_F_DUMP_INTR;
	assert_int_equal(kernel_parse_routes(&dump, buf, m->nlmsg_len, PORT_ID), -EINTR);
}

/* Of a message of `told` bytes by its header, `there` of which have come, behind one that is whole;
 * what their dump returns. */
static int parse_second(uint32_t told, size_t there)
{
	const struct el_kernel_addresses own = {0};
	struct el_routes routes = {0};
	struct kernel_route_dump dump = {.ifindex = 2, .routes = &routes, .addresses = &own};
	struct nlmsghdr *m = message(NLMSG_NOOP);
	size_t len = m->nlmsg_len + there;
	uint8_t *copy = malloc(len); /* of the exact size, so that overruns are seen */
	struct nlmsghdr second = *m;
	int rc;

	second.nlmsg_len = told;
	assert_non_null(copy);
	memset(copy, 0, len);
	memcpy(copy, m, sizeof(*m));
	memcpy(copy + sizeof(*m), &second, there < sizeof(second) ? there : sizeof(second));
	rc = kernel_parse_routes(&dump, copy, len, PORT_ID);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(routes_are_whole),
	    cmocka_unit_test(ends_and_errors),
	    cmocka_unit_test(messages_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
