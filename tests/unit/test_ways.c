/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways by configured routes: of the source's own port, and all that are equally good. */
#include "unit.h"

#include "addresses.h"
#include "ways.h"

static void by_configured_routes(void **state)
{
	const struct el_neigh_address on_first[] = {{.prefix = prefix("192.0.2.10/24")}};
	const struct el_neigh_address on_second[] = {{.prefix = prefix("10.1.0.1/24")},
						     {.prefix = prefix("2001:db8::1/64")}};
	const struct way_port ports[] = {
	    {.name = "a", .mtu = 1500, .addresses = on_first, .n_addresses = 1},
	    {.name = "b", .mtu = 9000, .addresses = on_second, .n_addresses = 2}};
	struct el_route routes[] = {
	    {.port = {0},
	     .to = prefix("0.0.0.0/0"),
	     .via = ip("192.0.2.1"),
	     .source = ip("192.0.2.10")},
	    {.port = {0},
	     .to = prefix("0.0.0.0/0"),
	     .via = ip("192.0.2.2"),
	     .source = ip("192.0.2.10")},
	    {.port = {1},
	     .to = prefix("0.0.0.0/0"),
	     .via = ip("10.1.0.254"),
	     .source = ip("10.1.0.1")},
	    {.port = {0},
	     .to = prefix("203.0.113.0/24"),
	     .via = ip("192.0.2.3"),
	     .source = ip("192.0.2.10")},
	};
	const struct way_input in = {.ports = ports, .n_ports = 2, .routes = {routes, 4}};
	static const struct {
		const char *to, *from, *port;
		size_t n;
		const char *first, *last; /* next hops */
		uint32_t mtu;             /* by the last */
		enum el_model_status why; /* where there is none */
	} cases[] = {
	    {"198.51.100.1", NULL, NULL, 3, "192.0.2.1", "10.1.0.254", 9000, 0},
	    /* an address of a port, and one on its link */
	    {"198.51.100.1", "192.0.2.10", NULL, 2, "192.0.2.1", "192.0.2.2", 1500, 0},
	    {"198.51.100.1", "10.1.0.1", NULL, 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"198.51.100.1", "10.1.0.77", NULL, 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    /* of no port's */
	    {"198.51.100.1", "172.16.0.1", NULL, 3, "192.0.2.1", "10.1.0.254", 9000, 0},
	    {"203.0.113.7", NULL, NULL, 1, "192.0.2.3", "192.0.2.3", 1500, 0},
	    /* the better route is not for this source */
	    {"203.0.113.7", "10.1.0.1", NULL, 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"2001:db8:9::1", NULL, NULL, 0, NULL, NULL, 0, EL_MODEL_NO_ROUTE},
	    /* by the group's port alone, also where another has the longer prefix */
	    {"198.51.100.1", NULL, "a", 2, "192.0.2.1", "192.0.2.2", 1500, 0},
	    {"198.51.100.1", NULL, "b", 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"203.0.113.7", NULL, "a", 1, "192.0.2.3", "192.0.2.3", 1500, 0},
	    {"203.0.113.7", NULL, "b", 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"198.51.100.1", "172.16.0.1", "b", 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"198.51.100.1", "10.1.0.77", "b", 1, "10.1.0.254", "10.1.0.254", 9000, 0},
	    {"2001:db8:9::1", NULL, "b", 0, NULL, NULL, 0, EL_MODEL_NO_ROUTE},
	    /* the source is another port's */
	    {"198.51.100.1", "192.0.2.10", "b", 0, NULL, NULL, 0, EL_MODEL_NO_SOURCE},
	    {"198.51.100.1", "10.1.0.77", "a", 0, NULL, NULL, 0, EL_MODEL_NO_SOURCE},
	    /* a port that is not open */
	    {"198.51.100.1", NULL, "c", 0, NULL, NULL, 0, EL_MODEL_NO_ROUTE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct el_model_group group = {.src_ipv4 = ip(cases[i].from),
						     .port = (char *)(uintptr_t)cases[i].port};
		struct el_ip to = ip(cases[i].to), first, last;
		enum el_model_status why;
		struct way ways[WAYS_MAX];

		assert_int_equal(ways_find(&in, &group, &to, ways, &why), cases[i].n);
		if (!cases[i].n) {
			assert_int_equal(why, cases[i].why);
			continue;
		}
		first = ip(cases[i].first);
		last = ip(cases[i].last);
		assert_true(el_ip_equal(&ways[0].hop.next_hop, &first));
		assert_true(el_ip_equal(&ways[cases[i].n - 1].hop.next_hop, &last));
		assert_int_equal(ways[cases[i].n - 1].mtu, cases[i].mtu);
	}
}

/* Beside routes of the configuration: the longer prefix counts, and configured ones stand first. */
static void by_advertised_routes(void **state)
{
	const struct el_neigh_address own[] = {{.prefix = prefix("2001:db8::10/64")}};
	const struct way_port port = {
	    .name = "a", .mtu = 1500, .mtu_v6 = 1400, .addresses = own, .n_addresses = 1};
	struct el_route routes[] = {{.to = prefix("::/0"), .via = ip("2001:db8::1")},
				    {.to = prefix("2001:db8:1::/64"), .via = ip("2001:db8::2")},
				    {.to = prefix("0.0.0.0/0"), .via = ip("192.0.2.1")}},
			advertised[] = {{.to = prefix("2001:db8:1::/48")},
					{.to = prefix("2001:db8:2::/64")},
					{.to = prefix("::/0"), .via = ip("fe80::1")},
					{.to = prefix("::/0"), .via = ip("2001:db8::1")}};
	const struct way_input in = {
	    .ports = &port, .n_ports = 1, .routes = {routes, 3}, .advertised = {advertised, 4}};
	static const struct {
		const char *to;
		size_t n;
		const char *first, *last;
		uint32_t mtu;
	} cases[] = {
	    {"2001:db8:9::1", 2, "2001:db8::1", "fe80::1", 1400},
	    {"2001:db8:1::1", 1, "2001:db8::2", "2001:db8::2", 1400},
	    {"2001:db8:1:1::1", 1, "2001:db8:1:1::1", "2001:db8:1:1::1", 1400},
	    {"2001:db8:2::1", 1, "2001:db8:2::1", "2001:db8:2::1", 1400},
	    {"198.51.100.1", 1, "192.0.2.1", "192.0.2.1", 1500},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct el_model_group group = {.port = NULL};
		struct el_ip to = ip(cases[i].to), first = ip(cases[i].first),
			     last = ip(cases[i].last);
		enum el_model_status why;
		struct way ways[WAYS_MAX];
		size_t n = ways_find(&in, &group, &to, ways, &why);

		assert_int_equal(n, cases[i].n);
		assert_true(el_ip_equal(&ways[0].hop.next_hop, &first));
		assert_true(el_ip_equal(&ways[n - 1].hop.next_hop, &last));
		assert_int_equal(ways[0].mtu, cases[i].mtu);
	}
}

/* An address that another host has is still its port's: no other port sends from it. */
static void of_a_refused_source(void **state)
{
	const struct el_ip refused = ip("192.0.2.10");
	const struct el_neigh_address on_second[] = {{.prefix = prefix("10.1.0.1/24")}};
	const struct way_port ports[] = {
	    {.name = "a", .mtu = 1500, .refused = &refused, .n_refused = 1},
	    {.name = "b", .mtu = 1500, .addresses = on_second, .n_addresses = 1}};
	struct el_route routes[] = {
	    {.port = {1}, .to = prefix("0.0.0.0/0"), .via = ip("10.1.0.254")},
	    {.port = {0}, .to = prefix("0.0.0.0/0"), .via = ip("192.0.2.1")}};
	const struct way_input in = {.ports = ports, .n_ports = 2, .routes = {routes, 2}};
	const struct el_model_group group = {.src_ipv4 = refused};
	struct el_ip to = ip("198.51.100.1");
	enum el_model_status why;
	struct way ways[WAYS_MAX];

	(void)state;
	assert_int_equal(ways_find(&in, &group, &to, ways, &why), 1);
	assert_int_equal(ways[0].hop.port.v, 0);
	assert_true(ways_is_elsewhere(&in, (struct el_port_idx){1}, &refused));
}

/* Of ports, and the sources of groups that are one address each. */
static void addresses_of_the_prober(void **state)
{
	const struct el_neigh_address own[] = {{.prefix = prefix("192.0.2.10/24")}};
	const struct way_port port = {.addresses = own, .n_addresses = 1};
	const struct way_input in = {.ports = &port, .n_ports = 1};
	struct el_conf_group groups[] = {
	    {.src_ipv4 = ip("192.0.2.11"), .src_subnet_ipv6 = prefix("2001:db8::7/128")},
	    {.src_subnet_ipv4 = prefix("198.51.100.7/32"), .src_ipv6 = ip("2001:db8::8")},
	    {.src_subnet_ipv4 = prefix("198.51.100.0/24")},
	};
	const struct el_conf conf = {.groups = groups, .n_groups = 3};
	static const char *const expected[] = {"192.0.2.10", "192.0.2.11", "2001:db8::7",
					       "2001:db8::8", "198.51.100.7"};
	size_t n;
	struct el_ip *got = ways_addresses(&in, &conf, &n);

	(void)state;
	assert_non_null(got);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		struct el_ip wanted = ip(expected[i]);

		assert_true(el_ip_equal(&got[i], &wanted));
	}
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_configured_routes),
	    cmocka_unit_test(by_advertised_routes),
	    cmocka_unit_test(of_a_refused_source),
	    cmocka_unit_test(addresses_of_the_prober),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
