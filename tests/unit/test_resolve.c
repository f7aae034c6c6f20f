/* SPDX-License-Identifier: BSD-3-Clause */
#include "resolve_fixture.h"

/* ---- what answers come to ---- */

static void addresses_of_both_families(void **state)
{
	struct dns_record records[] = {
	    {.name = "a.test", .ips = "2001:db8::1 192.0.2.1 192.0.2.2"},
	    {.name = "alias.test", .cname = "real.test", .ips = "192.0.2.3 2001:db8::3"},
	    {0}};
	struct el_resolve_user *u;
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	u = add(&f, "a.test", 4, 0, 7);
	assert_int_equal(el_resolve_get(u).status, -EINPROGRESS);
	assert_int_equal(counters(&f).unresolved, 1);
	settle(&f);
	expect(&f, 1, 7, 0, "192.0.2.1", true);
	assert_int_equal(el_resolve_get(u).status, 0);
	assert_false(el_resolve_get(u).changed); /* it was told */
	add(&f, "a.test", 6, 0, 8);
	settle(&f);
	expect(&f, 2, 8, 0, "2001:db8::1", true);
	add(&f, "alias.test", 4, 0, 9);
	settle(&f);
	expect(&f, 3, 9, 0, "192.0.2.3", true);
	add(&f, "alias.test.", 6, 0, 10);
	settle(&f);
	expect(&f, 4, 10, 0, "2001:db8::3", true);
	assert_int_equal(counters(&f).unresolved, 0);
	assert_int_equal(counters(&f).names, 4);
	tear_down(&f);
}

static void failures_are_told_once(void **state)
{
	static const struct {
		const char *name;
		int status;
	} cases[] = {
	    {"absent.test", -ENOENT},    {"nodata.test", -ENOENT},     {"broken.test", -EREMOTEIO},
	    {"silent.test", -ETIMEDOUT}, {"garbage.test", -EREMOTEIO}, {"a..test", -EINVAL},
	    {"absent.test.", -ENOENT},
	};
	struct dns_record records[] = {
	    {.name = "nodata.test", .ips = "2001:db8::1"},
	    {.name = "broken.test", .behaviour = DNS_SERVFAIL},
	    {.name = "silent.test", .behaviour = DNS_SILENT},
	    {.name = "garbage.test", .ips = "192.0.2.1", .behaviour = DNS_GARBAGE},
	    {0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		set_up(&f, records, (struct el_resolve_config){.timeout_ms = 10, .tries = 2});
		add(&f, cases[i].name, 4, 10, 1);
		settle(&f);
		expect(&f, 1, 1, cases[i].status, NULL, false);
		pass(&f, 30);
		expect(&f, 1, 1, cases[i].status, NULL, false);
		assert_true(counters(&f).failures >= 4);
		assert_int_equal(counters(&f).failures, counters(&f).queries);
		tear_down(&f);
	}
}

static void no_server_at_all(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, (struct el_resolve_config){.timeout_ms = 10});
	dns_close(&f.server);
	add(&f, "a.test", 4, 10, 1);
	settle(&f);
	expect(&f, 1, 1, -EREMOTEIO, NULL, false);
	tear_down(&f);
}

static void the_next_server_is_asked(void **state)
{
	static const enum dns_behaviour first[] = {DNS_SILENT, DNS_SERVFAIL, DNS_GARBAGE};
	struct dns_record records[] = {{.name = "a.test", .ips = "192.0.2.1"}, {0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct dns_record bad[] = {{.name = "a.test", .behaviour = first[i]}, {0}};
		uint64_t end_ns = real_ns() + BOUND_NS;
		struct dns_server server;
		struct fixture f;

		dns_open(&server, bad);
		set_up(&f, records,
		       (struct el_resolve_config){.servers = server.address, .timeout_ms = 20});
		add(&f, "a.test", 4, 0, 1);
		while (f.n_heard == 0) {
			assert_true(real_ns() < end_ns);
			turn(&f);
			dns_serve(&server);
		}
		assert_int_equal(bad[0].queries, 1);
		expect(&f, 1, 1, 0, "192.0.2.1", true);
		dns_close(&server);
		tear_down(&f);
	}
}

static void truncated_is_asked_by_tcp(void **state)
{
	struct dns_record records[] = {
	    {.name = "long.test", .ips = "192.0.2.1", .behaviour = DNS_TRUNCATED}, {0}};
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	add(&f, "long.test", 4, 0, 1);
	settle(&f);
	expect(&f, 1, 1, 0, "192.0.2.1", true);
	assert_int_equal(f.server.tcp_queries, 1);
	tear_down(&f);
}

static void an_address_is_kept_while_it_is_among_the_answers(void **state)
{
	struct dns_record records[] = {{.name = "pool.test", .ips = "192.0.2.1 192.0.2.2"}, {0}};
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	add(&f, "pool.test", 4, 10, 1);
	settle(&f);
	expect(&f, 1, 1, 0, "192.0.2.1", true);
	records[0].ips = "192.0.2.2 192.0.2.1";
	pass(&f, 20);
	assert_true(f.server.queries > 1);
	expect(&f, 1, 1, 0, "192.0.2.1", true);
	records[0].ips = "192.0.2.3 192.0.2.2"; /* it vanishes */
	pass(&f, 20);
	expect(&f, 2, 1, 0, "192.0.2.3", true);
	records[0].ips = "192.0.2.1 192.0.2.3"; /* and comes back */
	pass(&f, 20);
	expect(&f, 2, 1, 0, "192.0.2.3", true);
	records[0].behaviour = DNS_SERVFAIL;
	pass(&f, 20);
	expect(&f, 3, 1, -EREMOTEIO, NULL, false);
	assert_int_equal(counters(&f).unresolved, 1);
	records[0].behaviour = DNS_ANSWER; /* the same one: not a change */
	pass(&f, 20);
	expect(&f, 4, 1, 0, "192.0.2.3", false);
	records[0].behaviour = DNS_SERVFAIL;
	pass(&f, 20);
	records[0] = (struct dns_record){.name = "pool.test", .ips = "192.0.2.9"};
	pass(&f, 20);
	expect(&f, 6, 1, 0, "192.0.2.9", true);
	tear_down(&f);
}

static void the_hosts_file_comes_first(void **state)
{
	struct dns_record records[] = {{.name = "both.test", .ips = "192.0.2.1"}, {0}};
	char hosts[] = "/tmp/el_test_hosts.XXXXXX";
	static const char text[] = "198.51.100.1 both.test\n2001:db8::5 file.test\n";
	int fd = mkstemp(hosts);
	struct fixture f;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	setenv("CARES_HOSTS", hosts, 1);
	set_up(&f, records, (struct el_resolve_config){0});
	add(&f, "both.test", 4, 0, 1);
	settle(&f);
	expect(&f, 1, 1, 0, "198.51.100.1", true);
	add(&f, "file.test", 6, 0, 2);
	settle(&f);
	expect(&f, 2, 2, 0, "2001:db8::5", true);
	assert_int_equal(f.server.queries, 0);
	unsetenv("CARES_HOSTS");
	unlink(hosts);
	tear_down(&f);
}

static void search_domains_and_a_changed_resolv_conf(void **state)
{
	struct dns_record records[] = {{.name = "host.one.test", .ips = "192.0.2.1"},
				       {.name = "host.two.test", .ips = "192.0.2.2"},
				       {0}};
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	write_conf(&f, "search one.test\n");
	pass(&f, 10);
	add(&f, "host", 4, 1, 1);
	settle(&f);
	expect(&f, 1, 1, 0, "192.0.2.1", true);
	add(&f, "host.", 4, 0, 2);
	settle(&f);
	expect(&f, 2, 2, -ENOENT, NULL, false);
	assert_string_equal(f.server.last, "host");
	write_conf(&f, "search nowhere.test two.test\n");
	pass(&f, 20);
	expect(&f, 3, 1, 0, "192.0.2.2", true);
	tear_down(&f);
}

/* ---- users ---- */

static void users_share_a_query(void **state)
{
	struct dns_record records[] = {{.name = "a.test", .ips = "192.0.2.1 2001:db8::1"}, {0}};
	struct el_resolve_user *u[3];
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	u[0] = add(&f, "a.test", 4, 0, 1);
	u[1] = add(&f, "A.Test", 4, 100, 2);
	settle(&f);
	assert_int_equal(f.server.queries, 1);
	assert_int_equal(f.n_heard, 2);
	assert_int_equal(counters(&f).names, 1);
	u[2] = add(&f, "a.TEST", 4, 40, 3); /* known already */
	assert_int_equal(el_resolve_get(u[2]).status, 0);
	assert_true(el_resolve_get(u[2]).changed);
	settle(&f);
	expect(&f, 3, 3, 0, "192.0.2.1", true);
	assert_int_equal(f.server.queries, 1);
	pass(&f, 41); /* the least interval */
	assert_int_equal(f.server.queries, 2);
	el_resolve_remove(f.r, u[1]);
	el_resolve_remove(f.r, u[2]);
	pass(&f, 1000); /* once more at most */
	assert_in_range(f.server.queries, 2, 3);
	el_resolve_update(f.r, u[0], 10, 11);
	pass(&f, 11);
	records[0].ips = "192.0.2.2";
	pass(&f, 11);
	expect(&f, 4, 11, 0, "192.0.2.2", true);
	el_resolve_remove(f.r, u[0]);
	el_resolve_remove(f.r, NULL);
	assert_int_equal(counters(&f).names, 0);
	assert_int_equal(counters(&f).users, 0);
	assert_int_equal(el_resolve_timeout_ms(f.r, f.now_ns), -1);
	tear_down(&f);
}

static void removal_while_a_query_is_under_way(void **state)
{
	struct dns_record records[] = {{.name = "a.test", .ips = "192.0.2.1"}, {0}};
	struct el_resolve_user *u;
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	f.server.hold = true;
	u = add(&f, "a.test", 4, 10, 1);
	while (f.server.n_held == 0)
		turn(&f);
	el_resolve_remove(f.r, u);
	assert_int_equal(counters(&f).names, 1); /* until the answer is in */
	dns_release(&f.server, 1);
	settle(&f);
	assert_int_equal(f.n_heard, 0);
	assert_int_equal(counters(&f).names, 0);
	/* somebody else joins what is under way */
	u = add(&f, "a.test", 4, 10, 2);
	while (f.server.n_held == 0)
		turn(&f);
	el_resolve_remove(f.r, u);
	add(&f, "a.test", 4, 10, 3);
	dns_release(&f.server, 1);
	settle(&f);
	expect(&f, 1, 3, 0, "192.0.2.1", true);
	assert_int_equal(f.server.queries, 2);
	/* removed before it was told */
	f.server.hold = false;
	u = add(&f, "a.test", 4, 10, 4);
	el_resolve_remove(f.r, u);
	settle(&f);
	assert_int_equal(f.n_heard, 1);
	/* and the resolver goes while one is under way */
	f.server.hold = true;
	add(&f, "b.test", 4, 10, 5);
	while (f.server.n_held == 0)
		turn(&f);
	tear_down(&f);
}

/* The first one told removes the second one, and asks for another name. */
static void change_users(struct fixture *f, const struct heard *h)
{
	f->also = NULL;
	el_resolve_remove(f->r, f->users[h->id == 0 ? 1 : 0]);
	add(f, "b.test", 4, 0, 9);
}

static void a_callback_may_add_and_remove(void **state)
{
	struct dns_record records[] = {
	    {.name = "a.test", .ips = "192.0.2.1"}, {.name = "b.test", .ips = "192.0.2.2"}, {0}};
	struct fixture f;

	(void)state;
	set_up(&f, records, (struct el_resolve_config){0});
	f.also = change_users;
	f.users[0] = add(&f, "a.test", 4, 0, 0);
	f.users[1] = add(&f, "a.test", 4, 0, 1);
	settle(&f);
	expect(&f, 2, 9, 0, "192.0.2.2", true);
	assert_int_equal(counters(&f).users, 2);
	tear_down(&f);
}

static void bad_arguments(void **state)
{
	struct el_resolve_config config = {.changed = hear, .servers = "nonsense:x"};
	struct el_resolve_user *u = NULL;
	struct el_resolve *r = NULL;
	struct el_error err = {""};
	char name[256];
	struct fixture f;

	(void)state;
	assert_true(el_resolve_create(&config, &r, &err) < 0);
	assert_null(r);
	assert_non_null(strstr(err.text, "nonsense:x"));
	set_up(&f, NULL, (struct el_resolve_config){.max_users = 2});
	memset(name, 'a', 255);
	name[255] = '\0';
	assert_int_equal(el_resolve_add(f.r, "", 4, 0, 1, &u), -EINVAL);
	assert_int_equal(el_resolve_add(f.r, name, 4, 0, 1, &u), -EINVAL);
	assert_int_equal(el_resolve_add(f.r, "a.test", 5, 0, 1, &u), -EINVAL);
	assert_null(u);
	add(&f, name + 1, 4, 0, 1); /* a label of 254 */
	add(&f, "a.test", 4, 0, 1);
	assert_int_equal(el_resolve_add(f.r, "b.test", 4, 0, 1, &u), -ENOSPC);
	settle(&f);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_both_families),
	    cmocka_unit_test(failures_are_told_once),
	    cmocka_unit_test(no_server_at_all),
	    cmocka_unit_test(the_next_server_is_asked),
	    cmocka_unit_test(truncated_is_asked_by_tcp),
	    cmocka_unit_test(an_address_is_kept_while_it_is_among_the_answers),
	    cmocka_unit_test(the_hosts_file_comes_first),
	    cmocka_unit_test(search_domains_and_a_changed_resolv_conf),
	    cmocka_unit_test(users_share_a_query),
	    cmocka_unit_test(removal_while_a_query_is_under_way),
	    cmocka_unit_test(a_callback_may_add_and_remove),
	    cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
