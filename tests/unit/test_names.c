/* SPDX-License-Identifier: BSD-3-Clause */
/* The names among the targets' destinations: which are asked for, and what plans know of them. The
 * names are of the hosts file, or numbers, for which no server is needed. */
#include "unit.h"

#include <poll.h>

#include "names.h"

#define WAIT_NS (20 * EL_NS_PER_S)
#define MANY 5000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct el_conf_target target(const char *destination, uint8_t family, int64_t interval_s)
{
	return (struct el_conf_target){.destination = (char *)(uintptr_t)destination,
				       .address_family = family,
				       .dns_update_interval_s = interval_s};
}

/* What a plan of these targets would want. */
static struct names_list *plan(struct names *n, struct el_conf_target *targets, size_t count)
{
	struct el_conf conf = {.targets = targets, .n_targets = count};
	struct names_known *known = names_take_known(n);
	struct names_list *list;

	conf.global.dns_update_interval_s = 60;
	list = names_list_create(&conf, known);
	assert_non_null(list);
	names_known_free(known);
	return list;
}

static void want(struct names *n, struct el_conf_target *targets, size_t count)
{
	struct names_list *list = plan(n, targets, count);

	assert_int_equal(names_want(n, list), 0);
	names_list_put(list);
}

static void settle(struct names *n)
{
	uint64_t end_ns = now_ns() + WAIT_NS;
	struct pollfd fd = {.fd = names_fd(n), .events = POLLIN};

	for (names_run(n, now_ns()); !names_settled(n); names_run(n, now_ns())) {
		assert_true(now_ns() < end_ns);
		poll(&fd, 1, 1);
	}
}

static bool is_known(struct names *n, const char *name, uint8_t family)
{
	struct names_known *known = names_take_known(n);
	struct el_ip ip;
	bool found = names_lookup(known, name, family, &ip) == 0;

	assert_true(!found || ip.family == family);
	names_known_free(known);
	return found;
}

static int set_up(void **state)
{
	struct el_error err;

	return names_create((struct names **)state, &err);
}

static int tear_down(void **state)
{
	names_destroy(*state);
	return 0;
}

static void known_once_they_are_answered(void **state)
{
	struct el_conf_target targets[] = {target("localhost", 4, EL_CONF_UNSET),
					   target("localhost", 4, 7), target("::1", 6, 0)};
	struct names *n = *state;
	struct names_known *before;
	struct el_ip ip;

	assert_true(names_settled(n));
	want(n, targets, 3);
	assert_false(names_settled(n));
	before = names_take_known(n);
	settle(n);
	assert_true(names_take_changed(n));
	assert_false(names_take_changed(n));
	assert_true(is_known(n, "localhost", 4));
	assert_true(is_known(n, "::1", 6));
	assert_false(is_known(n, "::1", 4));
	assert_false(is_known(n, "other", 4));

	/* what was taken stays as it was, whatever becomes of the names */
	want(n, NULL, 0);
	assert_int_equal(names_lookup(before, "localhost", 4, &ip), -ENOENT);
	names_known_free(before);
}

static void the_same_names_are_the_same_list(void **state)
{
	struct el_conf_target a[] = {target("localhost", 4, 5), target("192.0.2.1", 4, 60)};
	struct el_conf_target b[] = {target("192.0.2.1", 4, EL_CONF_UNSET),
				     target("localhost", 4, 9), target("localhost", 4, 5),
				     target("localhost", 4, 0)};
	struct el_conf_target sooner[] = {target("localhost", 4, 4), target("192.0.2.1", 4, 60)};
	struct names *n = *state;
	struct names_list *first = plan(n, a, 2), *second;

	assert_int_equal(names_want(n, first), 0);
	second = plan(n, b, 4);
	assert_ptr_equal(second, first);
	names_list_put(second);
	second = plan(n, sooner, 2);
	assert_ptr_not_equal(second, first);
	names_list_put(second);
	names_list_put(first);
}

static void names_that_stay_keep_their_addresses(void **state)
{
	struct el_conf_target a[] = {target("192.0.2.1", 4, 5), target("localhost", 4, 5)};
	struct el_conf_target b[] = {target("localhost", 4, 8), target("192.0.2.3", 4, 5)};
	struct names *n = *state;

	want(n, a, 2);
	settle(n);
	want(n, b, 2);
	assert_true(is_known(n, "localhost", 4));
	assert_false(is_known(n, "192.0.2.1", 4));
	assert_false(is_known(n, "192.0.2.3", 4));
	settle(n);
	assert_true(is_known(n, "192.0.2.3", 4));
}

/* A list that was made when another was wanted than now. */
static void a_list_that_comes_late(void **state)
{
	struct el_conf_target a[] = {target("192.0.2.1", 4, 5), target("localhost", 4, 5)};
	struct el_conf_target b[] = {target("localhost", 4, 5), target("192.0.2.2", 4, 5)};
	struct names *n = *state;
	struct names_list *late;

	want(n, a, 2);
	settle(n);
	late = plan(n, b, 2);
	want(n, a + 1, 1);
	assert_int_equal(names_want(n, late), 0);
	names_list_put(late);
	assert_true(is_known(n, "localhost", 4));
	assert_false(is_known(n, "192.0.2.2", 4));
	settle(n);
	assert_true(is_known(n, "192.0.2.2", 4));
}

/* Lists follow each other before what is in them has been asked for. */
static void many(void **state)
{
	static struct el_conf_target targets[MANY];
	static char texts[MANY][16];
	struct names *n = *state;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "10.0.%u.%u", i / 256, i % 256);
		targets[i] = target(texts[i], 4, 0);
	}
	want(n, targets, MANY);
	names_run(n, now_ns());
	want(n, targets + 1000, MANY - 2000);
	names_run(n, now_ns());
	want(n, targets, MANY);
	settle(n);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(is_known(n, texts[i], 4));
	want(n, NULL, 0);
	settle(n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(known_once_they_are_answered),
	    TEST(the_same_names_are_the_same_list),
	    TEST(names_that_stay_keep_their_addresses),
	    TEST(a_list_that_comes_late),
	    TEST(many),
	};

	el_log_set_level(EL_LOG_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
