/* SPDX-License-Identifier: BSD-3-Clause */
/* Which programs are run: permissions, reloads; and the list that comes of all of them. */
#include "inventory_fixture.h"

#define GOOD "echo '- {hostname: a, " TARGET "}'; echo ...; exec sleep 1000"

static void refuses(struct fixture *f, const char *why)
{
	struct el_error err = {.text = ""};

	assert_int_equal(el_inventory_check(f->dir, NULL, &err), -EPERM);
	if (!strstr(err.text, why))
		fail_msg("expected \"%s\" in: %s", why, err.text);
	assert_null(try_create(f, &err));
	assert_int_equal(errno, EPERM);
}

static void accepts(struct fixture *f)
{
	struct el_error err;

	if (el_inventory_check(f->dir, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static void what_others_can_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	char link[160];

	put_shell(f, "x", GOOD);
	accepts(f);
	chmod(f->dir, 0775);
	refuses(f, "can be written to by others than its owner (mode 0775)");
	chmod(f->dir, 0757);
	refuses(f, "mode 0757");
	chmod(f->dir, 01777);
	refuses(f, "mode 1777");
	chmod(f->dir, 0755);
	accepts(f);
	put(f, "x", "#!/bin/sh\n", 0775);
	refuses(f, "/x can be written to by others");
	put(f, "x", "#!/bin/sh\n", 0756);
	refuses(f, "mode 0756");
	/* no program: no matter */
	put(f, "x", "#!/bin/sh\n", 0666);
	accepts(f);

	/* behind a symbolic link */
	strcpy(other.dir, "/tmp/el-inventory-XXXXXX");
	assert_non_null(mkdtemp(other.dir));
	put_shell(&other, "program", GOOD);
	strcpy(link, in_dir(&other, "program"));
	assert_int_equal(symlink(link, in_dir(f, "linked")), 0);
	accepts(f);
	chmod(link, 0777);
	refuses(f, "can be written to by others");
	chmod(link, 0755);
	chmod(other.dir, 0777);
	refuses(f, "can be written to by others");
	unlink(link);
	rmdir(other.dir);
	/* a broken one is only left out */
	accepts(f);
	if (getuid() == 0) {
		unlink(in_dir(f, "linked"));
		put_shell(f, "x", GOOD);
		assert_int_equal(chown(in_dir(f, "x"), 12345, 0), 0);
		refuses(f, "belongs to user 12345");
		assert_int_equal(chown(f->dir, 12345, 0), 0);
		accepts(f);
	}
}

static void missing_directories_are_errors(void **state)
{
	struct fixture *f = *state;
	struct el_inventory_config none = {.directory = NULL};
	struct el_error err;

	assert_int_equal(el_inventory_check("/nonexistent", NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "the inventories' directory /nonexistent: No such file"));
	put(f, "file", "", 0644);
	assert_int_equal(el_inventory_check(in_dir(f, "file"), NULL, &err), -ENOTDIR);
	f->inv = el_inventory_create(&none, &err);
	assert_non_null(f->inv);
	run(f);
	assert_int_equal(el_inventory_timeout_ms(f->inv, now_ns(f)), -1);
}

static void permissions_count_at_each_start(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "x", "echo one >&2");
	create(f);
	wait_until(f, count_in_log(f, "exited with status 0"));
	chmod(in_dir(f, "x"), 0777);
	f->skew_ns += EL_NS_PER_S;
	wait_until(f, count_in_log(f, "can be written to by others"));
	assert_int_equal(count_in_log(f, "x: one"), 1);
}

static void programs_that_cannot_be_run(void **state)
{
	struct fixture *f = *state;

	put_program(f, "x", "#!/nonexistent/interpreter\n");
	create(f);
	wait_until(f, count_in_log(f, "x: can't be run: No such file or directory") == 1);
	f->skew_ns += EL_NS_PER_S;
	wait_until(f, count_in_log(f, "can't be run") == 2);
	assert_in_range(el_inventory_timeout_ms(f->inv, now_ns(f)), 1001, 2000);
}

static void rescans(void **state)
{
	char *names[] = {(char[]){"old"}, (char[]){"unknown"}};
	struct el_conf_strings disabled = {names, 2};
	struct fixture *f = *state;
	struct el_error err;

	put_shell(f, "old", GOOD);
	put_shell(f, "stays", GOOD);
	put_shell(f, "changes", GOOD);
	create(f);
	wait_until(f, targets_are(f, "changes_a old_a stays_a "));
	put_shell(f, "new", GOOD);
	put_shell(f, "changes", "echo '- {hostname: b, " TARGET "}'; echo ...; exec sleep 1000");
	f->skew_ns += EL_NS_PER_S;
	f->n_changed = 0;
	assert_int_equal(el_inventory_rescan(f->inv, f->dir, &disabled, 65536, &err), 0);
	assert_string_equal(targets(f), "changes_a stays_a ");
	wait_until(f, targets_are(f, "changes_b new_a stays_a "));
	wait_until(f, count_in_log(f, "old: stopped") == 1);
	assert_true(f->n_changed >= 2);
	assert_int_equal(count_in_log(f, "stays: started"), 1);
	assert_int_equal(count_in_log(f, "changes: started"), 2);

	/* one that is refused changes nothing */
	chmod(f->dir, 0777);
	assert_int_equal(el_inventory_rescan(f->inv, f->dir, NULL, 65536, &err), -EPERM);
	run(f);
	assert_string_equal(targets(f), "changes_b new_a stays_a ");
	/* no directory any more */
	assert_int_equal(el_inventory_rescan(f->inv, NULL, NULL, 65536, &err), 0);
	assert_string_equal(targets(f), "");
	wait_until(f, count_in_log(f, ": stopped") == 4);
	assert_int_equal(el_inventory_timeout_ms(f->inv, now_ns(f)), -1);
}

static void stops_without_waiting(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "x", GOOD);
	create(f);
	wait_until(f, targets_are(f, "x_a "));
	el_inventory_stop(f->inv, now_ns(f));
	wait_until(f, count_in_log(f, "x: stopped") == 1);
	turn(f);
	assert_int_equal(count_in_log(f, "started"), 1);
}

static void views_merge_all_targets(void **state)
{
	struct fixture *f = *state;
	static const char text[] =
	    "{global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, "
	    "prometheus_port: 1, dns_update_interval: 0}, groups: {g: {}},\n"
	    "targets: {s: {" TARGET "}, a_b: {" TARGET "}, s: {" TARGET "}}}";
	static const char *const names[] = {"s", "a_b", "a_b_c", "z_last"};
	struct el_conf_diags diags;
	struct el_conf *conf, view;

	put_shell(f, "a",
		  "echo '- {hostname: b, nb_packets: 5, " TARGET "}'\n"
		  "echo '- {hostname: b_c, " TARGET "}'\n"
		  "echo '- {hostname: b, nb_packets: 6, " TARGET "}'");
	put_shell(f, "a_b", "echo '- {hostname: c, nb_packets: 7, " TARGET "}'");
	put_shell(f, "z", "echo '- {hostname: last, " TARGET "}'");
	assert_int_equal(el_conf_load_buffer("f", text, strlen(text), &conf, &diags), 0);
	el_conf_diags_fini(&diags);
	create(f);
	wait_until(f, count_in_log(f, "targets\"") == 3);
	assert_int_equal(el_inventory_targets(f->inv, conf, &view), 0);
	assert_int_equal(view.n_targets, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(view.targets[i].name, names[i]);
	assert_int_equal(view.targets[1].nb_packets, 6);
	assert_string_equal(view.targets[1].description, "from_a");
	assert_int_equal(view.targets[2].nb_packets, 7);
	assert_int_equal(view.n_groups, 1);
	/* in the file, in a document, of an inventory against the file, of two inventories */
	assert_int_equal(view.duplicate_targets.count, 4);
	assert_int_equal(conf->n_targets, 2);
	el_conf_free(conf);
}

/* The same document is right under one bound and wrong under another. */
static void the_bound_of_addresses(void **state)
{
	struct fixture *f = *state;
	struct el_error err;

	put_shell(f, "x",
		  "echo '- {hostname: a, type: ICMPping, destination: 192.0.2.0/24, is_subnet: "
		  "true}'; echo ...; exec sleep 1000");
	create(f);
	wait_until(f, targets_are(f, "x_a "));
	assert_int_equal(el_inventory_rescan(f->inv, f->dir, NULL, 255, &err), 0);
	wait_until(f, count_in_log(f, "192.0.2.0/24 has 256 addresses, more than "
				      "dataplane.max_addresses_per_target, 255") == 1);
	assert_string_equal(targets(f), "x_a ");
	assert_int_equal(count_in_log(f, "x: 1 targets"), 1);
	f->skew_ns += EL_NS_PER_S;
	assert_int_equal(el_inventory_rescan(f->inv, f->dir, NULL, 256, &err), 0);
	wait_until(f, count_in_log(f, "x: 1 targets") == 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_others_can_write_is_refused),
	    TEST(missing_directories_are_errors),
	    TEST(permissions_count_at_each_start),
	    TEST(programs_that_cannot_be_run),
	    TEST(rescans),
	    TEST(the_bound_of_addresses),
	    TEST(stops_without_waiting),
	    TEST(views_merge_all_targets),
	};
	return cmocka_run_group_tests_name("inventory_directory", tests, NULL, NULL);
}
