/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the EAL has its files when others were there first: nothing of theirs is used, and nothing
 * behind their links is touched. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "el_port.h"
#include "unit_eal.h"

#define OTHER 65533
#define NOBODY 65534

/* What the EAL's parent directory is before it starts, sticky as /tmp is; made by root. */
enum before {
	NOTHING,
	OWN,
	OWN_WRITABLE,
	OTHERS_DIRECTORY,
	OTHERS_LINK,
	OWN_LINK_TO_OTHERS,
	OTHERS_LINK_BY_OUR_NAME
};

static void make_before(enum before before, const char *base)
{
	char dpdk[64], victim[64], name[96];
	bool is_others = before == OTHERS_DIRECTORY || before == OTHERS_LINK;

	snprintf(dpdk, sizeof(dpdk), "%s/dpdk", base);
	snprintf(victim, sizeof(victim), "%s/victim", base);
	snprintf(name, sizeof(name), "%s/echolane", dpdk);
	if (before == OTHERS_LINK || before == OWN_LINK_TO_OTHERS)
		assert_int_equal(symlink("victim", dpdk), 0);
	else if (before != NOTHING)
		assert_int_equal(mkdir(dpdk, 0700), 0);
	if (before == OWN_WRITABLE || before == OTHERS_DIRECTORY)
		assert_int_equal(chmod(dpdk, 0777), 0);
	if (before == OTHERS_LINK_BY_OUR_NAME) {
		assert_int_equal(symlink(victim, name), 0);
		assert_int_equal(lchown(name, OTHER, OTHER), 0);
	}
	if (before != NOTHING)
		assert_int_equal(lchown(dpdk, is_others ? OTHER : NOBODY, NOBODY), 0);
	if (before == OWN_LINK_TO_OTHERS)
		assert_int_equal(chown(victim, OTHER, OTHER), 0);
}

static unsigned count_entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The EAL can be started once in a process, whether it succeeds or not: so in a child. */
static void start(struct el_error *ret_err)
{
	char arg[] = "--nonsense", *args[] = {arg};
	struct el_lcores lcores = {.n_workers = 1};
	struct el_eal_config c = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .args = args, .n_args = 1};

	el_eal_init(&c, ret_err);
}

/* The EAL is to be started by a user that is not root, in a directory where others were before;
 * what is said. What is behind links is as it was. */
static void start_as_nobody(enum before before, struct el_error *ret_err)
{
	char base[] = "/tmp/el-run-XXXXXX", victim[64], text[128];
	int pipes[2], status;
	pid_t pid;

	assert_non_null(mkdtemp(base));
	assert_int_equal(chmod(base, 01777), 0);
	snprintf(victim, sizeof(victim), "%s/victim", base);
	assert_int_equal(mkdir(victim, 0700), 0);
	snprintf(text, sizeof(text), "%s/dpdk_telemetry.v2", victim);
	assert_int_equal(close(creat(text, 0600)), 0);
	assert_int_equal(chown(victim, NOBODY, NOBODY), 0);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		make_before(before, base);
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(2);
		unsetenv("RUNTIME_DIRECTORY");
		setenv("XDG_RUNTIME_DIR", base, 1);
		start(ret_err);
		_exit(write(pipes[1], ret_err, sizeof(*ret_err)) != (ssize_t)sizeof(*ret_err));
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], ret_err, sizeof(*ret_err)), sizeof(*ret_err));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count_entries(victim), 3);
	snprintf(text, sizeof(text), "rm -r %s", base);
	assert_int_equal(run(text), 0);
}

static void test_runtime_dir_of_others(void **state)
{
	static const struct {
		enum before before;
		const char *sentence;
	} cases[] = {
	    {NOTHING, "unrecognized option '--nonsense'"},
	    {OWN, "unrecognized option '--nonsense'"},
	    {OWN_WRITABLE, "can be written to by others"},
	    {OTHERS_DIRECTORY, "dpdk belongs to user 65533"},
	    {OTHERS_LINK, "dpdk belongs to user 65533"},
	    {OWN_LINK_TO_OTHERS, "victim belongs to user 65533"},
	    {OTHERS_LINK_BY_OUR_NAME, "belongs to user 65533"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_refused = cases[i].before > OWN;
		struct el_error err = {""};

		start_as_nobody(cases[i].before, &err);
		if (!strstr(err.text, cases[i].sentence) ||
		    (strstr(err.text, "set XDG_RUNTIME_DIR to a directory that is yours alone") !=
		     NULL) != is_refused)
			fail_msg("case %zu: %s", i, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_runtime_dir_of_others)};

	if (geteuid() != 0) {
		print_message("root is needed to be several users\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
