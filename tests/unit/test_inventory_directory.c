/* SPDX-License-Identifier: BSD-3-Clause */
/* Which programs are run: permissions, reloads; and the list that comes of all of them. */
#include "inventory_fixture.h"

#include <pwd.h>
#include <sys/prctl.h>

#define GOOD "echo '- {hostname: a, " TARGET "}'; echo ...; exec sleep 1000"

static void refuses(struct fixture *f, const char *why)
{
	const struct el_inventory_settings s = settings(f);
	struct el_error err = {.text = ""};

	assert_int_equal(el_inventory_check(&s, &err), -EPERM);
	if (!strstr(err.text, why))
		fail_msg("expected \"%s\" in: %s", why, err.text);
	assert_null(try_create(f, &err));
	assert_int_equal(errno, EPERM);
}

static void accepts(struct fixture *f)
{
	const struct el_inventory_settings s = settings(f);
	struct el_error err;

	if (el_inventory_check(&s, &err) < 0)
		fail_msg("%s", err.text);
}

/* The process that was started last. */
static pid_t pid_in_log(const struct fixture *f)
{
	const char *last = NULL;

	for (const char *p = log_text(f); (p = strstr(p, "started, process ")); p++)
		last = p;
	assert_non_null(last);
	return (pid_t)atoi(last + strlen("started, process "));
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
		assert_int_equal(chown(in_dir(f, "x"), 0, 0), 0);
		accepts(f);
		assert_int_equal(chown(f->dir, 12345, 0), 0);
		refuses(f, "belongs to user 12345");
	}
}

/* Whoever has a directory above them can put another in their place. */
static void what_is_above_counts(void **state)
{
	struct fixture *f = *state;
	char base[sizeof(f->dir)];

	strcpy(base, f->dir);
	strcat(f->dir, "/above");
	assert_int_equal(mkdir(f->dir, 0755), 0);
	strcat(f->dir, "/inventories");
	assert_int_equal(mkdir(f->dir, 0755), 0);
	put_shell(f, "x", GOOD);
	accepts(f);
	chmod(base, 0770);
	refuses(f, "can be written to by others");
	chmod(base, 01777); /* as /tmp: what root has there stays there */
	accepts(f);
	if (getuid() == 0) {
		assert_int_equal(chown(base, 65534, 0), 0);
		refuses(f, "belongs to user 65534");
		assert_int_equal(chown(base, 0, 0), 0);
		create(f);
		wait_until(f, targets_are(f, "x_a "));
		/* from now on it counts at each start */
		assert_int_equal(chown(base, 65534, 0), 0);
		kill(-pid_in_log(f), SIGKILL);
		wait_until(f, count_in_log(f, "ended by signal 9") == 1);
		f->skew_ns += EL_NS_PER_S;
		wait_until(f, count_in_log(f, "belongs to user 65534") == 1);
	}
	strcpy(f->dir, base);
}

static void missing_directories_are_errors(void **state)
{
	struct fixture *f = *state;
	struct el_inventory_config none = {.settings = {.directory = NULL}};
	struct el_inventory_settings s = {.directory = "/nonexistent"};
	struct el_error err;

	assert_int_equal(el_inventory_check(&s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "the inventories' directory: /nonexistent: No such file"));
	put(f, "file", "", 0644);
	s.directory = in_dir(f, "file");
	assert_int_equal(el_inventory_check(&s, &err), -ENOTDIR);
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

#define STATUS                                                                                     \
	"sed -n '/^Uid\\|^Gid\\|^Groups\\|^NoNewPrivs\\|^CapEff\\|^CapInh\\|^CapAmb/p' "           \
	"/proc/self/status | tr '\\t\\n' '  ' >&2; echo >&2; "

/* A user of their own: its groups, no way to more rights, nothing of our environment. */
static void programs_run_as_a_user(void **state)
{
	struct fixture *f = *state;
	struct passwd *nobody = getpwnam("nobody");
	char expected[256];

	if (getuid() != 0 || !nobody)
		skip(); /* only root can run programs as somebody else */
	f->user = "nobody";
	setenv("PROM_PASSWORD", "secret", 1);
	setenv("TOKEN", "secret", 1);
	put_shell(f, "x",
		  STATUS "echo \"home $HOME user $USER token $TOKEN$PROM_PASSWORD. in `pwd`\" >&2; "
			 "ulimit -c >&2; ls /proc/self/fd | tr '\\n' ' ' >&2; " GOOD);
	create(f);
	wait_until(f, targets_are(f, "x_a "));
	unsetenv("PROM_PASSWORD");
	unsetenv("TOKEN");
	snprintf(expected, sizeof(expected),
		 "Uid: %1$u %1$u %1$u %1$u Gid: %2$u %2$u %2$u %2$u Groups: %2$u ", nobody->pw_uid,
		 nobody->pw_gid);
	wait_until(f, count_in_log(f, expected) == 1);
	wait_until(f, count_in_log(f, "NoNewPrivs: 1") == 1);
	wait_until(f, count_in_log(f, "CapEff: 0000000000000000") == 1);
	wait_until(f, count_in_log(f, "CapInh: 0000000000000000") == 1);
	snprintf(expected, sizeof(expected), "home %s user nobody token . in %s", nobody->pw_dir,
		 f->dir);
	wait_until(f, count_in_log(f, expected) == 1);
	wait_until(f, count_in_log(f, "x: 0\"") == 1);
	assert_int_equal(geteuid(), 0);
}

static void another_user_starts_them_anew(void **state)
{
	struct fixture *f = *state;
	struct el_inventory_settings s = settings(f);
	struct el_error err;

	put_shell(f, "x", "id -u >&2; " GOOD);
	create(f);
	wait_until(f, targets_are(f, "x_a "));
	s.user = "nobody-of-this-name";
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nobody-of-this-name: there is none of that name"));
	s.user = "nobody";
	if (getuid() != 0) {
		assert_int_equal(el_inventory_rescan(f->inv, &s, &err), -EPERM);
		return;
	}
	assert_int_equal(count_in_log(f, "x: 0\""), 1);
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	wait_until(f, count_in_log(f, "x: 65534\"") == 1);
	assert_int_equal(count_in_log(f, "x: started"), 2);
	/* what the user may not read it can't run */
	put(f, "x", "#!/bin/sh\necho >&2 read\n", 0700);
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	wait_until(f, count_in_log(f, "Permission denied") == 1);
	assert_int_equal(count_in_log(f, "x: read"), 0);
}

/* Shell, Python, a binary, each also behind a link; and as another user. */
static void all_kinds_of_programs_run(void **state)
{
	static const char *const names[] = {"shell", "python", "linked", NULL};
	struct fixture *f = *state;
	struct el_inventory_settings s = settings(f);
	char lib[160], command[1024], expected[64];
	struct el_error err;

	strcpy(lib, in_dir(f, ".lib"));
	assert_int_equal(mkdir(lib, 0755), 0);
	put_shell(f, "shell", "id -u >&2; " GOOD);
	put_program(
	    f, "python",
	    "#!/usr/bin/python3\nimport os, sys, time\nprint(os.getuid(), file=sys.stderr)\n"
	    "print('[{\"hostname\": \"a\", \"type\": \"ICMPping\", '\n"
	    "      '\"destination\": \"192.0.2.1\"}]', flush=True)\ntime.sleep(1000)\n");
	snprintf(command, sizeof(command),
		 "cp /usr/bin/id %s/id && cp %s %s/sh && cp /usr/bin/id %s/id", lib,
		 in_dir(f, "shell"), lib, f->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(symlink(".lib/sh", in_dir(f, "linked")), 0);
	assert_int_equal(symlink(".lib/id", in_dir(f, "binary")), 0);
	create(f);
	wait_until(f, targets_are(f, "linked_a python_a shell_a "));
	/* what these print is no list */
	wait_until(f, count_in_log(f, "id:1:1: expected a list") == 1 &&
			  count_in_log(f, "binary:1:1: expected a list") == 1);
	if (getuid() != 0)
		return;
	s.user = "nobody";
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	for (size_t i = 0; names[i]; i++) {
		snprintf(expected, sizeof(expected), "%s: 65534\"", names[i]);
		wait_until(f, count_in_log(f, expected) == 1);
	}
	wait_until(f, count_in_log(f, "uid=65534") == 2);
}

static void rescans(void **state)
{
	char *names[] = {(char[]){"old"}, (char[]){"unknown"}};
	struct el_conf_strings disabled = {names, 2};
	struct fixture *f = *state;
	struct el_inventory_settings s = settings(f);
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
	s.disabled = &disabled;
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	assert_string_equal(targets(f), "changes_a stays_a ");
	wait_until(f, targets_are(f, "changes_b new_a stays_a "));
	wait_until(f, count_in_log(f, "old: stopped") == 1);
	assert_true(f->n_changed >= 2);
	assert_int_equal(count_in_log(f, "stays: started"), 1);
	assert_int_equal(count_in_log(f, "changes: started"), 2);

	/* one that is refused changes nothing */
	chmod(f->dir, 0777);
	s.disabled = NULL;
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), -EPERM);
	run(f);
	assert_string_equal(targets(f), "changes_b new_a stays_a ");
	/* no directory any more */
	s.directory = NULL;
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
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
	view = look(f, conf);
	assert_int_equal(view.n_targets, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(view.targets[i].name, names[i]);
	assert_int_equal(view.targets[1].nb_packets, 6);
	assert_string_equal(view.targets[1].description, "from_a");
	assert_int_equal(view.targets[2].nb_packets, 7);
	assert_int_equal(view.n_groups, 1);
	/* in the file, in a document, of an inventory against the file, of two inventories */
	assert_int_equal(view.n_duplicates, 4);
	assert_int_equal(conf->n_targets, 2);
	el_conf_put(conf);
}

/* The same document is right under one bound and wrong under another. */
static void the_bound_of_addresses(void **state)
{
	struct fixture *f = *state;
	struct el_inventory_settings s = settings(f);
	struct el_error err;

	put_shell(f, "x",
		  "echo '- {hostname: a, type: ICMPping, destination: 192.0.2.0/24, is_subnet: "
		  "true}'; echo ...; exec sleep 1000");
	create(f);
	wait_until(f, targets_are(f, "x_a "));
	s.max_addresses = 255;
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	wait_until(f, count_in_log(f, "192.0.2.0/24 has 256 addresses, more than "
				      "dataplane.max_addresses_per_target, 255") == 1);
	assert_string_equal(targets(f), "x_a ");
	assert_int_equal(count_in_log(f, "x: 1 targets"), 1);
	f->skew_ns += EL_NS_PER_S;
	s.max_addresses = 256;
	assert_int_equal(el_inventory_rescan(f->inv, &s, &err), 0);
	wait_until(f, count_in_log(f, "x: 1 targets") == 2);
}

/* A process that was forked has all descriptors until it is another program: what is closed here is
 * heard of no more all the same. */
static void a_fork_holds_what_is_closed(void **state)
{
	struct fixture *f = *state;
	struct el_inventory_settings none = settings(f);
	struct el_error err;
	pid_t child;

	put_shell(f, "old", GOOD);
	create(f);
	wait_until(f, targets_are(f, "old_a "));
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	none.directory = NULL;
	assert_int_equal(el_inventory_rescan(f->inv, &none, &err), 0);
	wait_until(f, count_in_log(f, ": stopped") == 1);
	for (int i = 0; i < 10; i++)
		run(f);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_others_can_write_is_refused),
	    TEST(what_is_above_counts),
	    TEST(programs_run_as_a_user),
	    TEST(another_user_starts_them_anew),
	    TEST(all_kinds_of_programs_run),
	    TEST(missing_directories_are_errors),
	    TEST(permissions_count_at_each_start),
	    TEST(programs_that_cannot_be_run),
	    TEST(rescans),
	    TEST(a_fork_holds_what_is_closed),
	    TEST(the_bound_of_addresses),
	    TEST(stops_without_waiting),
	    TEST(views_merge_all_targets),
	};
	return cmocka_run_group_tests_name("inventory_directory", tests, NULL, NULL);
}
