/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "addresses.h"
#include "el_neigh.h"

static const struct el_port_idx PORT1 = {1};

static struct el_route route(uint16_t port, const char *to, const char *via)
{
	struct el_route r = {.port = {port}, .to = prefix(to)};

	if (via)
		r.via = ip(via);
	return r;
}

/* With and without an index, which find the same. */
static size_t lookup(const struct el_route *routes, size_t n, const struct el_ip *dst,
		     uint32_t ports, struct el_route_hop *hops, size_t max)
{
	struct el_route_hop again[8];
	struct el_routes list = {0};
	size_t found;

	assert_true(max <= 8);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(el_routes_add(&list, &routes[i]), 0);
	found = el_routes_lookup(&list, dst, ports, hops, max);
	assert_int_equal(el_routes_index(&list), 0);
	assert_int_equal(el_routes_lookup(&list, dst, ports, again, max), found);
	for (size_t i = 0; i < found; i++) {
		assert_int_equal(again[i].port.v, hops[i].port.v);
		assert_int_equal(again[i].len, hops[i].len);
		assert_true(el_ip_equal(&again[i].next_hop, &hops[i].next_hop));
	}
	el_routes_fini(&list);
	return found;
}

static void test_route_lookup(void **state)
{
	const struct el_route routes[] = {
	    route(0, "0.0.0.0/0", "192.0.2.1"),     route(0, "192.0.2.0/24", NULL),
	    route(1, "10.0.0.0/8", "198.51.100.1"), route(2, "10.0.0.0/8", "198.51.100.2"),
	    route(3, "10.0.0.0/8", "198.51.100.3"), route(4, "10.1.0.0/16", "198.51.100.4"),
	    route(5, "10.1.2.3/32", NULL),          route(6, "2001:db8::/32", "fe80::1"),
	};
	static const struct {
		const char *dst;
		uint16_t port;
		const char *next_hop;
	} cases[] = {
	    {"192.0.2.77", 0, "192.0.2.77"}, {"8.8.8.8", 0, "192.0.2.1"},
	    {"10.9.9.9", 1, "198.51.100.1"}, {"10.1.9.9", 4, "198.51.100.4"},
	    {"10.1.2.3", 5, "10.1.2.3"},     {"2001:db8::5", 6, "fe80::1"},
	};
	struct el_route_hop hop = {.port = {99}};
	struct el_ip dst;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_ip expected = ip(cases[i].next_hop);

		dst = ip(cases[i].dst);
		assert_int_equal(lookup(routes, 8, &dst, UINT32_MAX, &hop, 1), 1);
		assert_int_equal(hop.port.v, cases[i].port);
		assert_true(el_ip_equal(&hop.next_hop, &expected));
	}
	hop.port.v = 99;
	dst = ip("2001:db9::1");
	assert_int_equal(lookup(routes, 8, &dst, UINT32_MAX, &hop, 1), 0);
	dst = ip("8.8.8.8");
	assert_int_equal(lookup(routes + 1, 7, &dst, UINT32_MAX, &hop, 1), 0);
	assert_int_equal(lookup(NULL, 0, &dst, UINT32_MAX, &hop, 1), 0);
	assert_int_equal(hop.port.v, 99);
}

/* Of routes that are equally good all are told, in order; and only those by certain ports. */
static void test_equal_routes(void **state)
{
	const struct el_route routes[] = {
	    route(0, "0.0.0.0/0", "192.0.2.1"), route(0, "0.0.0.0/0", "192.0.2.2"),
	    route(1, "0.0.0.0/0", "10.0.0.1"),  route(1, "0.0.0.0/0", "10.0.0.2"),
	    route(1, "10.0.0.0/8", NULL),
	};
	static const struct {
		const char *dst;
		uint32_t ports;
		size_t max, found;
		const char *last;
		uint8_t len;
	} cases[] = {
	    {"8.8.8.8", 3, 4, 4, "10.0.0.2", 0},  {"8.8.8.8", 3, 2, 2, "192.0.2.2", 0},
	    {"8.8.8.8", 1, 4, 2, "192.0.2.2", 0}, {"8.8.8.8", 2, 1, 1, "10.0.0.1", 0},
	    {"10.1.1.1", 3, 4, 1, "10.1.1.1", 8}, {"10.1.1.1", 1, 4, 2, "192.0.2.2", 0},
	    {"8.8.8.8", 4, 4, 0, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_ip dst = ip(cases[i].dst), last;
		struct el_route_hop hops[4];
		size_t n = lookup(routes, 5, &dst, cases[i].ports, hops, cases[i].max);

		assert_int_equal(n, cases[i].found);
		if (!n)
			continue;
		last = ip(cases[i].last);
		assert_true(el_ip_equal(&hops[n - 1].next_hop, &last));
		assert_int_equal(hops[n - 1].len, cases[i].len);
	}
}

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random_state >> 33) % n;
}

/* Of few bits, so that prefixes meet. */
static struct el_ip random_ip(void)
{
	struct el_ip ip = {.family = random_below(2) ? 4 : 6};

	for (int i = 0; i < (ip.family == 4 ? 4 : 16); i++)
		ip.bytes[i] = random_below(3) ? 0 : (uint8_t)(random_below(2) << random_below(8));
	return ip;
}

/* Whatever the routes are. */
static void test_index(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 400; n += 1 + n / 4) {
		struct el_route routes[400];

		for (uint32_t i = 0; i < n; i++) {
			struct el_prefix p = {.ip = random_ip()};

			p.len = (uint8_t)random_below(p.ip.family == 4 ? 33 : 129);
			routes[i] = (struct el_route){.port = {(uint16_t)random_below(34)},
						      .to = el_prefix_network(&p)};
		}
		for (int i = 0; i < 50; i++) {
			struct el_ip dst = random_ip();
			struct el_route_hop hops[8];

			lookup(routes, n, &dst, random_below(2) ? UINT32_MAX : random_below(16),
			       hops, 8);
		}
	}
}

/* A route that is added later counts. */
static void test_index_grows(void **state)
{
	const struct el_route first = route(0, "10.0.0.0/8", NULL),
			      second = route(1, "10.1.0.0/16", NULL);
	struct el_ip dst = ip("10.1.1.1");
	struct el_routes list = {0};
	struct el_route_hop hop;

	(void)state;
	for (int i = 0; i < 65; i++)
		assert_int_equal(el_routes_add(&list, &first), 0);
	assert_int_equal(el_routes_index(&list), 0);
	assert_int_equal(el_routes_add(&list, &second), 0);
	assert_int_equal(el_routes_lookup(&list, &dst, UINT32_MAX, &hop, 1), 1);
	assert_int_equal(hop.port.v, 1);
	el_routes_fini(&list);
}

static void check_hop(const struct el_routes *routes, const char *dst, const char *next_hop,
		      const char *source)
{
	struct el_ip d = ip(dst), n = ip(next_hop), s = ip(source);
	struct el_route_hop hop;

	assert_int_equal(el_routes_lookup(routes, &d, UINT32_MAX, &hop, 1), 1);
	assert_true(el_ip_equal(&hop.next_hop, &n));
	assert_true(el_ip_equal(&hop.source, &s));
	assert_int_equal(hop.port.v, 1);
}

/* Link-local addresses are for the link. */
static void test_source_addresses(void **state)
{
	const struct el_prefix addresses[] = {prefix("fe80::10/64"), prefix("192.0.2.10/24"),
					      prefix("2001:db8::10/64"),
					      prefix("2001:db8:1::10/64")};
	static const struct {
		const char *to, *via, *source;
	} cases[] = {
	    {"2001:db8:1::7", NULL, "2001:db8:1::10"}, {"fe80::7", NULL, "fe80::10"},
	    {"::", "fe80::1", "2001:db8::10"},         {"::", "2001:db8:1::1", "2001:db8:1::10"},
	    {"2001:db8:9::", NULL, "2001:db8::10"},    {"10.0.0.0", "192.0.2.1", "192.0.2.10"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_ip to = ip(cases[i].to), via = {0}, source = ip(cases[i].source), got;

		if (cases[i].via)
			via = ip(cases[i].via);
		got = el_route_source(addresses, 4, &to, &via);
		if (!el_ip_equal(&got, &source))
			fail_msg("%s over %s", cases[i].to, cases[i].via);
	}
}

static void test_routes_of_configuration(void **state)
{
	struct el_prefix addresses[] = {prefix("192.0.2.10/24"), prefix("198.51.100.10/25"),
					prefix("2001:db8::10/64")};
	struct el_ip gateways[] = {ip("198.51.100.1"), ip("2001:db8::1")};
	struct el_conf_route more[] = {{prefix("203.0.113.5/24"), ip("192.0.2.7")}};
	struct el_conf_port conf = {.name = (char *)(uintptr_t) "wan0",
				    .addresses = addresses,
				    .n_addresses = 3,
				    .gateways = gateways,
				    .n_gateways = 2,
				    .routes = more,
				    .n_routes = 1};
	struct el_routes routes = {0};
	struct el_error err;

	(void)state;
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), 0);
	assert_int_equal(routes.count, 6);
	check_hop(&routes, "192.0.2.200", "192.0.2.200", "192.0.2.10");
	check_hop(&routes, "198.51.100.100", "198.51.100.100", "198.51.100.10");
	check_hop(&routes, "198.51.100.200", "198.51.100.1", "198.51.100.10");
	check_hop(&routes, "203.0.113.200", "192.0.2.7", "192.0.2.10");
	check_hop(&routes, "2001:db8:1::1", "2001:db8::1", "2001:db8::10");

	gateways[1] = ip("fe80::1"); /* always on the link, and never on a network of ours */
	el_routes_fini(&routes);
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), 0);
	check_hop(&routes, "2001:db8:1::1", "fe80::1", "2001:db8::10");

	gateways[0] = ip("198.51.100.200");
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), -EINVAL);
	assert_string_equal(
	    err.text, "port wan0: gateway 198.51.100.200 is on no network of the port's addresses");
	assert_int_equal(routes.count, 6);
	gateways[0] = ip("198.51.100.1");
	more[0].via = ip("2001:db8::7");
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), -EINVAL);
	assert_string_equal(err.text,
			    "port wan0: gateway 2001:db8::7 is of another family than its route");
	conf = (struct el_conf_port){.name = conf.name, .gateways = gateways, .n_gateways = 1};
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), -EINVAL);
	el_routes_fini(&routes);

	/* host addresses alone: any gateway is on the link */
	addresses[0] = prefix("192.0.2.10/32");
	conf.addresses = addresses;
	conf.n_addresses = 1;
	assert_int_equal(el_routes_add_conf(&routes, PORT1, &conf, &err), 0);
	check_hop(&routes, "8.8.8.8", "198.51.100.1", "192.0.2.10");
	el_routes_fini(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_route_lookup),
	    cmocka_unit_test(test_equal_routes),
	    cmocka_unit_test(test_index),
	    cmocka_unit_test(test_index_grows),
	    cmocka_unit_test(test_source_addresses),
	    cmocka_unit_test(test_routes_of_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
