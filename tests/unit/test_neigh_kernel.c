/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's addresses, in a network namespace of this program's own. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
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
		"elk1") != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
