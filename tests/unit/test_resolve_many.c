/* SPDX-License-Identifier: BSD-3-Clause */
/* When names are asked for, and how many at a time. */
#include <malloc.h>

#include "resolve_fixture.h"

#define MANY 10000

static void refresh_intervals(void **state)
{
	struct dns_record records[] = {
	    {.name = "a.test", .ips = "192.0.2.1"}, {.name = "once.test", .ips = "192.0.2.2"}, {0}};
	unsigned queries;
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	add(&f, "a.test", 4, 100, 1);
	add(&f, "once.test", 4, 0, 2);
	settle(&f);
	assert_int_equal(records[0].queries, 1);
	pass(&f, 49); /* the first refresh is within the second half of the interval */
	assert_int_equal(records[0].queries, 1);
	while (records[0].queries == 1 && f.now_ns < 1200 * EL_NS_PER_S)
		pass(&f, 1);
	assert_in_range(f.now_ns / EL_NS_PER_S, 1050, 1101);
	for (int i = 0; i < 20; i++) { /* the others within its last tenth */
		queries = records[0].queries;
		pass(&f, 89);
		assert_int_equal(records[0].queries, queries);
		while (records[0].queries == queries)
			pass(&f, 1);
		assert_in_range(f.now_ns / EL_NS_PER_S, 1000, 1101 + 101 * (i + 1));
	}
	assert_int_equal(records[1].queries, 1);
	assert_int_equal(f.n_heard, 2);
	/* it is the wait that is asked for, too */
	assert_in_range(el_resolve_timeout_ms(f.r, f.now_ns), 80000, 100000);
	tear_down(&f);
}

static void failures_are_retried_ever_less_often(void **state)
{
	struct dns_record records[] = {
	    {.name = "a.test", .ips = "192.0.2.1", .behaviour = DNS_SERVFAIL}, {0}};
	uint64_t before_ns, gap_ns;
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	add(&f, "a.test", 4, 0, 1); /* never again, but after it has an address */
	settle(&f);
	for (unsigned i = 0; i < 14; i++) {
		uint64_t most_s = i < 9 && 1u << i < 300 ? 1u << i : 300;
		unsigned queries = records[0].queries;

		before_ns = f.now_ns;
		while (records[0].queries == queries) {
			f.now_ns += EL_NS_PER_S / 10;
			if (el_resolve_timeout_ms(f.r, f.now_ns) == 0)
				settle(&f);
		}
		gap_ns = f.now_ns - before_ns;
		assert_in_range(gap_ns, most_s * EL_NS_PER_S / 2,
				most_s * EL_NS_PER_S + EL_NS_PER_S / 10);
	}
	expect(&f, 1, 1, -EREMOTEIO, NULL, false);
	records[0].behaviour = DNS_ANSWER;
	pass(&f, 301);
	expect(&f, 2, 1, 0, "192.0.2.1", true);
	records[0].queries = 0;
	pass(&f, 1000);
	assert_int_equal(records[0].queries, 0);
	/* an interval bounds the waiting */
	records[0].behaviour = DNS_SERVFAIL;
	add(&f, "b.test", 4, 5, 2);
	pass(&f, 100);
	f.server.queries = 0;
	pass(&f, 100);
	assert_in_range(f.server.queries, 20, 40);
	tear_down(&f);
}

static void refreshes_are_spread(void **state)
{
	struct dns_record records[1001] = {0};
	static char names[1000][16];
	unsigned most = 0, before;
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u.test", i);
		records[i] = (struct dns_record){.name = names[i], .ips = "192.0.2.1"};
	}
	set_up(&f, records, (struct el_resolve_config){0});
	for (unsigned i = 0; i < 1000; i++)
		add(&f, names[i], 4, 100, i);
	settle(&f);
	assert_int_equal(f.n_heard, 1000);
	assert_int_equal(f.server.queries, 1000);
	for (unsigned s = 0; s < 101; s++) {
		before = f.server.queries;
		pass(&f, 1);
		if (f.server.queries - before > most)
			most = f.server.queries - before;
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_in_range(records[i].queries, 2, 3);
	assert_in_range(most, 10, 60); /* 20 a second */
	tear_down(&f);
}

static void many_names_a_bounded_number_at_a_time(void **state)
{
	struct el_resolve_user **users = calloc(MANY, sizeof(struct el_resolve_user *));
	size_t memory;
	struct fixture f;
	char name[64];

	(void)state;
	set_up(&f, NULL, (struct el_resolve_config){.max_queries = 100});
	f.server.hold = true;
	memory = mallinfo2().uordblks;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "host-%u.rack-%u.site.test", i, i / 40);
		users[i] = add(&f, name, 4, 300, i);
	}
	print_message("%zu bytes a name\n", (mallinfo2().uordblks - memory) / MANY);
	while (f.n_heard < MANY) {
		for (unsigned held = 0;
		     f.server.n_held < 100 &&
		     (f.server.n_held > held || el_resolve_timeout_ms(f.r, f.now_ns) == 0);) {
			held = f.server.n_held;
			turn(&f);
		}
		dns_release(&f.server, 37);
		turn(&f);
	}
	assert_int_equal(f.server.most_held, 100);
	assert_int_equal(f.server.queries, MANY);
	assert_int_equal(counters(&f).unresolved, MANY);
	print_message("longest run: %llu us\n", (unsigned long long)f.longest_run_ns / 1000);
	for (unsigned i = 0; i < MANY; i++)
		el_resolve_remove(f.r, users[(i * 7919) % MANY]);
	assert_int_equal(counters(&f).names, 0);
	free(users);
	tear_down(&f);
}

static void a_dead_server_delays_nothing(void **state)
{
	uint64_t end_ns;
	struct fixture f;
	char name[32];

	(void)state;
	set_up(&f, NULL, (struct el_resolve_config){.timeout_ms = 20, .tries = 1});
	f.server.hold = true; /* for ever */
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		add(&f, name, 4, 300, i);
	}
	end_ns = real_ns() + BOUND_NS;
	while (f.n_heard < 500) {
		assert_true(real_ns() < end_ns);
		turn(&f);
	}
	for (unsigned i = 0; i < HEARD_MAX; i++)
		assert_int_equal(f.heard[i].result.status, -ETIMEDOUT);
	assert_int_equal(counters(&f).unresolved, 500);
	print_message("longest run: %llu us\n", (unsigned long long)f.longest_run_ns / 1000);
	assert_true(f.longest_run_ns < 500000000); /* one wait for each name would be a second */
	tear_down(&f);
}

/* c-ares reads the hosts file for each name. */
static void a_long_hosts_file_blocks_nothing(void **state)
{
	char hosts[] = "/tmp/el_test_hosts.XXXXXX", name[32];
	FILE *out = fdopen(mkstemp(hosts), "w");
	uint64_t end_ns;
	struct fixture f;

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < 20000; i++)
		fprintf(out, "10.0.%u.%u host-%u.test alias-%u\n", i >> 8, i & 255, i, i);
	fclose(out);
	setenv("CARES_HOSTS", hosts, 1);
	set_up(&f, NULL, (struct el_resolve_config){0});
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "host-%u.test", 199 * i);
		add(&f, name, 4, 0, i);
	}
	end_ns = real_ns() + BOUND_NS;
	while (f.n_heard < 100) {
		assert_true(real_ns() < end_ns);
		turn(&f);
	}
	assert_int_equal(counters(&f).unresolved, 0);
	assert_int_equal(f.server.queries, 0);
	print_message("longest run: %llu us of CPU\n",
		      (unsigned long long)f.longest_run_cpu_ns / 1000);
	assert_true(f.longest_run_cpu_ns < 50000000);
	unsetenv("CARES_HOSTS");
	unlink(hosts);
	tear_down(&f);
}

/* Names that failed get half of the queries at most: a good one does not wait for them. */
static void failing_names_leave_room(void **state)
{
	struct dns_record records[12] = {{.name = "good.test", .ips = "192.0.2.1"}};
	static char names[10][16];
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u.test", i);
		records[i + 1] = (struct dns_record){.name = names[i], .behaviour = DNS_SERVFAIL};
	}
	set_up(&f, records, (struct el_resolve_config){.max_queries = 4, .timeout_ms = 10000});
	for (unsigned i = 0; i < 10; i++)
		add(&f, names[i], 4, 300, i);
	settle(&f);
	assert_int_equal(f.n_heard, 10);
	for (unsigned i = 0; i < 10; i++)
		records[i + 1].behaviour = DNS_SILENT;
	f.now_ns += 2 * EL_NS_PER_S;
	while (counters(&f).under_way < 2)
		turn(&f);
	turn(&f);
	assert_int_equal(counters(&f).under_way, 2);
	add(&f, "good.test", 4, 300, 99);
	while (f.n_heard < 11)
		turn(&f);
	expect(&f, 11, 99, 0, "192.0.2.1", true);
	assert_int_equal(counters(&f).under_way, 2);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refresh_intervals),
	    cmocka_unit_test(failures_are_retried_ever_less_often),
	    cmocka_unit_test(refreshes_are_spread),
	    cmocka_unit_test(many_names_a_bounded_number_at_a_time),
	    cmocka_unit_test(a_dead_server_delays_nothing),
	    cmocka_unit_test(a_long_hosts_file_blocks_nothing),
	    cmocka_unit_test(failing_names_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
