/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs that feed targets: what they print arrives, and nothing that they do harms. */
#include "inventory_fixture.h"

static void programs_feed_targets(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "shell", "echo '- {hostname: a, " TARGET "}'; echo ...; exec sleep 1000");
	put_program(f, "python.2",
		    "#!/usr/bin/python3\nimport json, signal\n"
		    "print(json.dumps([dict(hostname='b', type='TCPsyn', dst_port=443,"
		    " destination='192.0.2.2', description='\\U0001f600')], indent='\\t'), "
		    "flush=True)\nsignal.pause()\n");
	put(f, "data", "- not a program", 0644);
	put_shell(f, ".hidden", "echo '- {hostname: c, " TARGET "}'");
	put_shell(f, "Upper", "echo '- {hostname: d, " TARGET "}'");
	assert_int_equal(mkdir(in_dir(f, "folder"), 0755), 0);
	create(f);
	assert_int_equal(el_inventory_timeout_ms(f->inv, now_ns(f)), 0);
	wait_until(f, targets_are(f, "python.2_b shell_a "));
	assert_true(f->n_changed >= 1 && f->n_changed <= 2);
	assert_int_equal(count_in_log(f, "Upper is left out"), 1);
	assert_int_equal(count_in_log(f, "left out"), 1);
	assert_int_equal(el_inventory_timeout_ms(f->inv, now_ns(f)), -1);
}

static void programs_have_nothing_of_ours(void **state)
{
	struct fixture *f = *state;
	sigset_t set, old;

	setenv("PROM_PASSWORD", "secret", 1);
	setenv("CREDENTIALS_DIRECTORY", "/", 1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	put_program(f, "self",
		    "#!/usr/bin/python3\nimport os, signal, sys\n"
		    "fds = [fd for fd in range(3, 256) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
		    "status = dict(l.split(':\\t') for l in open('/proc/self/status'))\n"
		    "blocked = int(status['SigBlk'], 16)\n"
		    "good = (fds == [3] and blocked == 0 and os.getpgrp() == os.getpid() and\n"
		    "        signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and\n"
		    "        not {'PROM_PASSWORD', 'CREDENTIALS_DIRECTORY'} & {*os.environ} and "
		    "sys.stdin.read() == '' and\n"
		    "        os.getcwd() == os.path.dirname(os.path.realpath(sys.argv[0])) and\n"
		    "        os.getcwd() == sys.path[0] and len(sys.argv) == 1)\n"
		    "if not good: print(fds, status['SigBlk'], os.getcwd(), file=sys.stderr)\n"
		    "print('[{\"hostname\": \"' + ('good' if good else 'bad') +\n"
		    "      '\", \"type\": \"ICMPping\", \"destination\": \"192.0.2.1\"}]')\n");
	create(f);
	run(f);
	unsetenv("PROM_PASSWORD");
	unsetenv("CREDENTIALS_DIRECTORY");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	wait_until(f, *targets(f));
	if (!targets_are(f, "self_good "))
		fail_msg("%s", log_text(f));
}

static void documents_replace_each_other(void **state)
{
	struct fixture *f = *state;
	int fd;

	assert_int_equal(mkfifo(in_dir(f, "fifo"), 0600), 0);
	/* for reading too, so that it never waits for the program, nor the program's end loses a
	 * line */
	fd = open(in_dir(f, "fifo"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	put_shell(f, "x", "while read line; do echo \"$line\"; echo ---; done <fifo");
	create(f);
	run(f);
	for (int i = 0; i < 3; i++) {
		char expected[16];

		dprintf(fd, "- {hostname: n%d, " TARGET "}\n", i);
		snprintf(expected, sizeof(expected), "x_n%d ", i);
		f->skew_ns += EL_NS_PER_S;
		wait_until(f, targets_are(f, expected));
	}
	close(fd);
	assert_int_equal(f->n_changed, 3);
}

static void slow_printing(void **state)
{
	struct fixture *f = *state;

	put_program(f, "slow",
		    "#!/usr/bin/python3\nimport sys, time, signal\n"
		    "for c in '---\\n- {hostname: a, " TARGET "}\\n- {hostname: b, " TARGET
		    "}\\n---\\n':\n"
		    "    sys.stdout.write(c); sys.stdout.flush(); time.sleep(0.001)\n"
		    "signal.pause()\n");
	create(f);
	wait_until(f, *targets(f));
	/* never half of it */
	assert_string_equal(targets(f), "slow_a slow_b ");
	assert_int_equal(f->n_changed, 1);
}

static void unfinished_documents_wait(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "x", "echo '- {hostname: a, " TARGET "}'; echo done >&2; exec sleep 1000");
	create(f);
	wait_until(f, count_in_log(f, "x: done"));
	assert_string_equal(targets(f), "");
	turn(f);
	f->skew_ns += 31 * EL_NS_PER_S;
	wait_until(f, count_in_log(f, "wait for its end") == 1);
	f->skew_ns += 31 * EL_NS_PER_S;
	turn(f);
	turn(f);
	assert_int_equal(count_in_log(f, "wait for its end"), 1);
	assert_int_equal(f->n_changed, 0);
}

static void ends_restart_it_with_growing_pauses(void **state)
{
	static const int pauses_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
	struct fixture *f = *state;

	put_shell(f, "once", "echo '- {hostname: a, " TARGET "}'; echo begun >&2");
	create(f);
	for (size_t i = 0; i < sizeof(pauses_s) / sizeof(pauses_s[0]); i++) {
		char text[64];
		int ms;

		snprintf(text, sizeof(text), "exited with status 0, starts again in %d s",
			 pauses_s[i]);
		wait_until(f, count_in_log(f, "exited with status 0") == i + 1);
		assert_true(count_in_log(f, text) >= 1);
		ms = el_inventory_timeout_ms(f->inv, now_ns(f));
		assert_in_range(ms, 1, pauses_s[i] * 1000);
		wait_until(f, targets_are(f, "once_a "));
		f->skew_ns += (uint64_t)pauses_s[i] * EL_NS_PER_S;
	}
	/* the same document again is no change */
	assert_int_equal(f->n_changed, 1);
	assert_int_equal(count_in_log(f, "once: begun"), 11);
}

static void long_runs_shorten_the_pause(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "x", "if [ -e first ]; then exec sleep 1000; fi; touch first; exit 3");
	create(f);
	wait_until(f, count_in_log(f, "exited with status 3, starts again in 1 s") == 1);
	f->skew_ns += EL_NS_PER_S;
	wait_until(f, count_in_log(f, "started, process") == 2);
	f->skew_ns += 60 * EL_NS_PER_S;
	assert_int_equal(
	    kill(atoi(strstr(strstr(log_text(f), "process") + 1, "process") + 8), SIGSEGV), 0);
	wait_until(f, count_in_log(f, "ended by signal 11") == 1);
	assert_int_equal(count_in_log(f, "starts again in 1 s"), 2);
}

static void failures_leave_the_last_list(void **state)
{
	struct fixture *f = *state;

	/* each run prints something else */
	put_shell(f, "x",
		  "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n\n"
		  "case $n in\n"
		  "0) echo '- {hostname: good, " TARGET "}' ;;\n"
		  "1) echo '- {hostname: half, " TARGET "}'; exit 1 ;;\n"
		  "2) echo '- {hostname: half, " TARGET "}'; kill -9 $$ ;;\n"
		  "3) printf -- '---\\n- hostname: a\\n  typ: x\\n' ;;\n"
		  "4) head -c 100000 /dev/urandom ;;\n"
		  "5) printf '[{\"hostname\": \"a\"' ;;\n"
		  "6) echo '- {hostname: last, " TARGET "}' ;;\n"
		  "esac");
	create(f);
	for (unsigned i = 0; i < 6; i++) {
		wait_until(f, count_in_log(f, "starts again in") == i + 1);
		if (i == 3) /* the line and column of it */
			wait_until(f, count_in_log(f, "x:3:3: [0]: unknown key \\\"typ\\\""));
		if (i == 4)
			wait_until(f, count_in_log(f, "x:1:"));
		wait_until(f, targets_are(f, "x_good "));
		f->skew_ns += 301 * EL_NS_PER_S;
	}
	assert_int_equal(count_in_log(f, "it failed within a document"), 2);
	wait_until(f, targets_are(f, "x_last "));
	assert_int_equal(f->n_changed, 2);
}

static void floods_are_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t longest_ns = 0;

	put_shell(f, "yes", "exec yes -- '- x'");
	put_shell(f, "documents", "exec yes '[]'");
	put_shell(f, "errors", "yes error >&2; true");
	put_shell(f, "good", "echo '- {hostname: a, " TARGET "}'; echo ...; exec sleep 1000");
	create(f);
	for (uint64_t end_ns = real_ns() + 60 * EL_NS_PER_S;
	     count_in_log(f, "larger than 16 MiB") == 0 && real_ns() < end_ns;) {
		uint64_t before_ns = real_ns();

		run(f);
		if (real_ns() - before_ns > longest_ns)
			longest_ns = real_ns() - before_ns;
		turn(f);
	}
	wait_until(f, count_in_log(f, "yes: ended by signal 9 (Killed), starts again") == 1);
	assert_string_equal(targets(f), "good_a ");
	print_message("longest run: %.1f ms\n", (double)longest_ns / 1e6);
	assert_true(count_in_log(f, "errors: error") < 60);
	assert_true(count_in_log(f, "lines more on its standard error") > 0);
	assert_int_equal(count_in_log(f, "documents: 0 targets"), 1);
	assert_true(f->n_changed <= 3);
}

static void programs_that_ignore_signals_are_killed(void **state)
{
	struct fixture *f = *state;
	uint64_t begin_ns;

	put_shell(f, "deaf", "trap '' TERM INT HUP; echo deaf >&2; while :; do sleep 1000; done");
	put_shell(f, "closed",
		  "exec >&-; trap '' TERM; echo closed >&2; while :; do sleep 1; done");
	create(f);
	wait_until(f, count_in_log(f, "deaf: deaf") && count_in_log(f, "closed: closed"));
	turn(f);
	/* one whose output is closed is of no use */
	for (int i = 0; i < 3 && !count_in_log(f, "ended by signal 9"); i++) {
		f->skew_ns += 3 * EL_NS_PER_S;
		run(f);
		turn(f);
	}
	wait_until(f, count_in_log(f, "closed: ended by signal 9 (Killed)"));
	begin_ns = real_ns();
	el_inventory_destroy(f->inv);
	f->inv = NULL;
	assert_in_range(real_ns() - begin_ns, EL_NS_PER_S, 4 * EL_NS_PER_S);
}

static bool is_running(pid_t pid)
{
	char path[64], state = 'X';
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	in = fopen(path, "re");
	if (in && fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	if (in)
		fclose(in);
	return state != 'X' && state != 'Z';
}

static void whole_process_groups_end(void **state)
{
	struct fixture *f = *state;
	pid_t child;

	put_shell(f, "x", "sleep 1000 & echo child=$! >&2; exit 0");
	create(f);
	wait_until(f, count_in_log(f, "child="));
	child = atoi(strstr(log_text(f), "child=") + 6);
	wait_until(f, count_in_log(f, "exited with status 0"));
	wait_until(f, !is_running(child));
}

static void programs_die_with_us(void **state)
{
	struct fixture *f = *state;
	pid_t pid, child;
	int status;

	put_shell(f, "x", "echo pid=$$ >&2; exec sleep 1000");
	pid = fork();
	if (pid == 0) {
		create(f);
		while (!count_in_log(f, "pid="))
			turn(f);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	child = atoi(strstr(log_text(f), "pid=") + 4);
	assert_true(child > 1);
	for (uint64_t end_ns = real_ns() + WAIT_NS; is_running(child) && real_ns() < end_ns;)
		poll(NULL, 0, 1);
	assert_false(is_running(child));
}

static void lifetimes_end(void **state)
{
	struct fixture *f = *state;

	put_shell(f, "x",
		  "echo '- {hostname: a, " TARGET ", creation_date: 1970-01-01T00:10:00Z, "
		  "lifetime: 10m}'; echo '- {hostname: b, " TARGET "}'\n"
		  "echo '- {hostname: c, " TARGET ", creation_date: 1970-01-01T00:10:00Z, "
		  "lifetime: 7m}'; echo '- {hostname: d, " TARGET
		  ", creation_date: 1970-01-01T00:00:00Z, "
		  "lifetime: 1}'; echo ...; exec sleep 1000");
	create(f);
	wait_until(f, targets_are(f, "x_a x_b x_c "));
	assert_in_range(el_inventory_timeout_ms(f->inv, now_ns(f)), 19000, 20000);
	f->unix_s = 1019;
	run(f);
	assert_string_equal(targets(f), "x_a x_b x_c ");
	assert_int_equal(f->n_changed, 1);
	f->unix_s = 1020;
	run(f);
	assert_int_equal(f->n_changed, 2);
	assert_string_equal(targets(f), "x_a x_b ");
	assert_in_range(el_inventory_timeout_ms(f->inv, now_ns(f)), 59000, 60000);
	f->unix_s = 2000;
	run(f);
	assert_int_equal(f->n_changed, 3);
	assert_string_equal(targets(f), "x_b ");
	assert_int_equal(el_inventory_timeout_ms(f->inv, now_ns(f)), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(programs_feed_targets),
	    TEST(programs_have_nothing_of_ours),
	    TEST(documents_replace_each_other),
	    TEST(slow_printing),
	    TEST(unfinished_documents_wait),
	    TEST(ends_restart_it_with_growing_pauses),
	    TEST(long_runs_shorten_the_pause),
	    TEST(failures_leave_the_last_list),
	    TEST(floods_are_bounded),
	    TEST(programs_that_ignore_signals_are_killed),
	    TEST(whole_process_groups_end),
	    TEST(programs_die_with_us),
	    TEST(lifetimes_end),
	};
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
