/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's addresses and routes, in a network namespace of this program's own. */
#include "unit.h"

#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>

#include "el_neigh.h"

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool has_address(const struct el_kernel_addresses *a, const char *text)
{
	char buf[EL_IP_STRLEN];

	for (size_t i = 0; i < a->count; i++)
		if (strcmp(el_prefix_format(&a->items[i], buf), text) == 0)
			return true;
	return false;
}

static void test_addresses(void **state)
{
	struct el_kernel_addresses a;
	struct el_error err;
	struct el_ip own, foreign;

	(void)state;
	assert_int_equal(el_kernel_addresses(if_nametoindex("elk0"), &a, &err), 0);
	assert_int_equal(a.count, 4);
	assert_true(has_address(&a, "192.0.2.10/24"));
	assert_true(has_address(&a, "192.0.2.11/24"));
	assert_true(has_address(&a, "198.51.100.1/32")); /* ours, not the peer's */
	assert_true(has_address(&a, "2001:db8::10/64"));
	free(a.items);

	assert_int_equal(el_kernel_addresses(0, &a, &err), 0);
	assert_true(has_address(&a, "203.0.113.5/24"));
	assert_true(has_address(&a, "127.0.0.1/8"));
	el_ip_parse("192.0.2.11", &own);
	el_ip_parse("192.0.2.12", &foreign);
	assert_true(el_kernel_owns(&a, &own));
	assert_false(el_kernel_owns(&a, &foreign));
	free(a.items);

	assert_int_equal(el_kernel_addresses(if_nametoindex("elk2"), &a, &err), 0);
	assert_int_equal(a.count, 0);
	free(a.items);
}

static void check_hop(const struct el_routes *routes, const char *dst, const char *next_hop,
		      const char *source)
{
	char buf[EL_IP_STRLEN];
	struct el_route_hop hop;
	struct el_ip d;

	assert_int_equal(el_ip_parse(dst, &d), 0);
	assert_int_equal(el_route_lookup(routes->items, routes->count, &d, UINT32_MAX, &hop, 1), 1);
	assert_int_equal(hop.port.v, 3);
	assert_string_equal(el_ip_format(&hop.next_hop, buf), next_hop);
	assert_string_equal(el_ip_format(&hop.source, buf), source);
}

static void test_routes(void **state)
{
	struct el_routes routes = {0};
	struct el_route_hop hop;
	struct el_error err;
	struct el_ip d;

	(void)state;
	assert_int_equal(
	    el_kernel_routes(if_nametoindex("elk0"), (struct el_port_idx){3}, &routes, &err), 0);
	check_hop(&routes, "192.0.2.77", "192.0.2.77", "192.0.2.10");
	check_hop(&routes, "8.8.8.8", "192.0.2.1", "192.0.2.10");
	check_hop(&routes, "10.1.2.3", "192.0.2.2", "192.0.2.11"); /* src, and the lower metric */
	check_hop(&routes, "10.2.2.3", "192.0.2.4",
		  "192.0.2.10"); /* one leg of a multipath route */
	check_hop(&routes, "10.4.0.1", "10.4.0.1",
		  "192.0.2.10"); /* on the link, of no network of ours */
	check_hop(&routes, "2001:db8:9::1", "2001:db8::1", "2001:db8::10");
	/* other tables, kinds and interfaces are not ours */
	el_ip_parse("10.3.0.1", &d);
	assert_int_equal(el_route_lookup(routes.items, routes.count, &d, UINT32_MAX, &hop, 1), 1);
	assert_int_equal(hop.next_hop.bytes[3], 1); /* the default route */
	for (size_t i = 0; i < routes.count; i++)
		assert_int_equal(routes.items[i].port.v, 3);
	el_routes_fini(&routes);

	assert_int_equal(
	    el_kernel_routes(if_nametoindex("elk2"), (struct el_port_idx){0}, &routes, &err), 0);
	assert_int_equal(routes.count, 0);
	el_routes_fini(&routes);
}

/* More than one netlink message of them. */
static void test_many_routes(void **state)
{
	struct el_routes routes = {0};
	struct el_error err;
	size_t before;

	(void)state;
	assert_int_equal(
	    el_kernel_routes(if_nametoindex("elk0"), (struct el_port_idx){3}, &routes, &err), 0);
	before = routes.count;
	el_routes_fini(&routes);
	assert_int_equal(
	    run("for i in $(seq 0 7); do for j in $(seq 0 249); do "
		"echo route add 172.16.$i.$j/32 via 192.0.2.9; done; done | ip -batch -"),
	    0);
	assert_int_equal(
	    el_kernel_routes(if_nametoindex("elk0"), (struct el_port_idx){3}, &routes, &err), 0);
	assert_int_equal(routes.count, before + 2000);
	check_hop(&routes, "172.16.7.249", "192.0.2.9", "192.0.2.10");
	el_routes_fini(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_many_routes),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "no network namespace can be made: needs root\n");
		return 77;
	}
	if (run("ip link set lo up && ip link add elk0 type veth peer name elk1 && "
		"ip link add elk2 type veth peer name elk3 && "
		"ip link set elk0 addrgenmode none && ip link set elk1 addrgenmode none && "
		"ip link set elk0 up && ip link set elk1 up && "
		"ip addr add 192.0.2.10/24 dev elk0 && ip addr add 192.0.2.11/24 dev elk0 && "
		"ip addr add 198.51.100.1 peer 198.51.100.2/32 dev elk0 && "
		"ip -6 addr add 2001:db8::10/64 dev elk0 nodad && ip addr add 203.0.113.5/24 dev "
		"elk1 && "
		"ip route add default via 192.0.2.1 && ip -6 route add default via 2001:db8::1 && "
		"ip route add 10.1.0.0/16 via 192.0.2.3 metric 100 && "
		"ip route add 10.1.0.0/16 via 192.0.2.2 src 192.0.2.11 metric 50 && "
		"ip route add 10.2.0.0/16 nexthop via 203.0.113.9 dev elk1 nexthop via 192.0.2.4 "
		"dev elk0 && "
		"ip route add 10.3.0.0/16 via 192.0.2.5 table 77 && ip route add 10.4.0.0/16 dev "
		"elk0 && "
		"ip route add blackhole 10.5.0.0/16") != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
