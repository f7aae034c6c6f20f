/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's EAL starts and ends: failures say one sentence, print nothing and leave nothing behind,
 * and its run-time directory is one of its own. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "el_port.h"
#include "silence.h"
#include "unit_eal.h"

static struct el_lcores lcores;

static char runtime[] = "/tmp/el-eal-XXXXXX"; /* $RUNTIME_DIRECTORY */

/* The runtime directory by this name. */
static const char *runtime_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/dpdk/%s", runtime, name);
	return path;
}

static bool runtime_dir_exists(void)
{
	struct stat st;

	return stat(runtime_dir("echolane"), &st) == 0;
}

/* ---- tests; in this order ---- */

/* The EAL can be started once in a process, whether it succeeds or not: so in a child. */
static int start_with(char *arg, struct el_error *err)
{
	struct silence silence;
	struct el_eal_config c = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .args = &arg, .n_args = 1};
	int r;

	silence = silence_begin();
	r = el_eal_init(&c, err);
	silence_end(&silence);
	return r;
}

static void eal_fails(const char *arg, const char *sentence)
{
	struct {
		int r;
		bool dir;
		struct el_error err;
	} got = {0};
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		got.r = start_with((char *)(uintptr_t)arg, &got.err);
		got.dir = runtime_dir_exists();
		_exit(write(pipes[1], &got, sizeof(got)) != (ssize_t)sizeof(got));
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &got, sizeof(got)), sizeof(got));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(got.err.text, sentence);
	assert_true(got.r < 0);
	assert_false(got.dir);
}

static void test_eal_failure(void **state)
{
	struct el_eal_config c = {
	    .huge_pages = EL_CONF_HUGE_YES, .lcores = &lcores, .memory_mib = 1u << 30};
	struct el_error err = {""};

	(void)state;
	eal_fails("--nonsense", "DPDK's EAL does not start: unrecognized option '--nonsense'");
	eal_fails("--vdev=net_telepathy0",
		  "DPDK's EAL does not start: failed to parse device \"net_telepathy0\"");
	eal_fails("--help", "EAL argument --help: help is for DPDK's own programs");
	assert_int_equal(el_eal_init(&c, &err), -ENOMEM);
	assert_memory_equal(err.text, "huge pages are asked for, and ", 30);
}

/* A run-time directory as a process leaves it that was killed. */
static void leave_runtime_dir(char *path, size_t size, pid_t pid)
{
	char file[128];
	int fd;

	snprintf(path, size, "%s/dpdk/echolane-%d", runtime, (int)pid);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	snprintf(file, sizeof(file), "%s/config", path);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void test_eal_start(void **state)
{
	struct silence silence;
	struct el_eal_config c = {.huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores};
	struct el_error err = {""};
	char path[512], dead[80], living[80], link[256], foreign[80];
	char victim[] = "/tmp/el-victim-XXXXXX";
	pid_t pid = fork();
	struct stat st;
	int r;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	leave_runtime_dir(dead, sizeof(dead), pid);
	leave_runtime_dir(living, sizeof(living), getppid());
	/* names of processes that are no more: a link, and what is another user's */
	assert_non_null(mkdtemp(victim));
	snprintf(path, sizeof(path), "%s/file", victim);
	assert_int_equal(close(creat(path, 0600)), 0);
	snprintf(link, sizeof(link), "%s", runtime_dir("echolane-2147483646"));
	assert_int_equal(symlink(victim, link), 0);
	leave_runtime_dir(foreign, sizeof(foreign), 2147483645);
	assert_int_equal(chown(foreign, 65534, 65534), 0);
	silence = silence_begin();
	r = el_eal_init(&c, &err);
	silence_end(&silence);
	if (r < 0)
		fail_msg("%s", err.text);
	assert_true(runtime_dir_exists());
	assert_int_equal(stat(dead, &st), -1);
	assert_int_equal(stat(living, &st), 0);
	snprintf(path, sizeof(path), "%s/file", victim);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_int_equal(stat(foreign, &st), 0);
	snprintf(path, sizeof(path), "rm -r %s %s %s", link, foreign, victim);
	assert_int_equal(run(path), 0);
	snprintf(path, sizeof(path), "rm -r %s", living);
	assert_int_equal(run(path), 0);
	assert_int_equal(stat(runtime_dir("echolane/dpdk_telemetry.v2"), &st), 0);
	assert_int_equal(rte_lcore_count(), 1 + lcores.n_workers);
	assert_int_equal(rte_lcore_to_cpu_id((int)el_eal_worker_lcore((struct el_worker_idx){0})),
			 lcores.workers[0]);
	assert_int_equal(el_eal_init(&c, &err), -EALREADY);
}

/* Another one does not take the place of the first, whose socket stays where it is. */
static void test_second_process(void **state)
{
	char dir[128] = "", *env[] = {NULL, NULL}, *argv[] = {NULL};
	char variable[128];
	int pipes[2], status;
	struct stat st;
	pid_t pid;

	(void)state;
	snprintf(variable, sizeof(variable), "EL_TEST_SECOND=%s", runtime);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		env[0] = variable;
		dup2(pipes[1], STDOUT_FILENO);
		execve("/proc/self/exe", argv, env);
		_exit(127);
	}
	close(pipes[1]);
	assert_true(read(pipes[0], dir, sizeof(dir) - 1) > 0);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(variable, sizeof(variable), "echolane-%d", (int)pid);
	assert_string_equal(dir, runtime_dir(variable));
	assert_int_equal(stat(dir, &st), -1);
	assert_int_equal(stat(runtime_dir("echolane/dpdk_telemetry.v2"), &st), 0);
}

/* In a process of its own: starts the EAL, says where its files are, and ends. */
static int run_second(void)
{
	struct el_eal_config c = {.huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores};
	struct el_error err;
	int r;

	setenv("RUNTIME_DIRECTORY", getenv("EL_TEST_SECOND"), 1);
	r = el_eal_init(&c, &err);
	if (r == 0)
		printf("%s", rte_eal_get_runtime_dir());
	el_eal_fini();
	return r != 0;
}

static void test_eal_end(void **state)
{
	struct silence silence = silence_begin();

	(void)state;
	el_eal_fini();
	silence_end(&silence);
	assert_false(runtime_dir_exists());
	el_eal_fini();
}

int main(void)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_eal_failure),
	    cmocka_unit_test(test_eal_start),
	    cmocka_unit_test(test_second_process),
	    cmocka_unit_test(test_eal_end),
	};
	cpu_set_t allowed;
	int failed;

	if (geteuid() != 0) {
		fputs("needs root\n", stderr);
		return 77;
	}
	/* EL_TEST_LOG=FILE: what DPDK said */
	el_log_set_fd(getenv("EL_TEST_LOG")
			  ? open(getenv("EL_TEST_LOG"), O_WRONLY | O_CREAT | O_TRUNC, 0600)
			  : -1);
	el_log_set_level(EL_LOG_DEBUG);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ||
	    el_lcores_choose(&conf, 1, &allowed, &lcores, NULL) < 0)
		return 1;
	if (getenv("EL_TEST_SECOND"))
		return run_second();
	if (!mkdtemp(runtime) || setenv("RUNTIME_DIRECTORY", runtime, 1) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (rmdir(runtime_dir("")) < 0 || rmdir(runtime) < 0)
		print_message("%s is not empty\n", runtime);
	return failed;
}
