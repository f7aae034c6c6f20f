/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that may be believed, and every way in which somebody else could change what they lead to.
 */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "el_trust.h"

#define SOMEBODY 65534

static char base[64];

static const char *at(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned n;
	char *p = path[n++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", base, name);
	return p;
}

static void make_file(const char *name, mode_t mode)
{
	int fd = open(at(name), O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, at(name)), 0);
}

/* What is opened is the file that `real` is. */
static void opens(const char *path, const char *real)
{
	struct el_error err = {""};
	struct stat a, b;
	char *text, *expected;
	int fd = el_trust_open(path, &text, &err);

	if (fd < 0)
		fail_msg("%s: %s", path, err.text);
	expected = realpath(real, NULL);
	assert_non_null(expected);
	assert_string_equal(text, expected);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(stat(real, &b), 0);
	assert_true(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	free(text);
	free(expected);
}

static void refuses(const char *path, int code, const char *why)
{
	struct el_error err = {""};

	assert_int_equal(el_trust_open(path, NULL, &err), code);
	if (!strstr(err.text, why))
		fail_msg("%s: expected \"%s\" in: %s", path, why, err.text);
}

static void what_is_ours_opens(void **state)
{
	char cwd[PATH_MAX];

	(void)state;
	make_dir("a", 0755);
	make_dir("a/b", 0750);
	make_file("a/b/f", 0644);
	make_link("b", "a/link");
	make_link("../a/./link//f", "a/up");
	make_link(at("a/up"), "absolute");
	opens("/", "/");
	opens(at("a/b/f"), at("a/b/f"));
	opens(at("a/b"), at("a/b"));
	opens(at("a//b/"), at("a/b"));
	opens(at("a/b/.."), at("a"));
	opens(at("a/link/f"), at("a/b/f"));
	opens(at("a/link/../b/f"), at("a/b/f"));
	opens(at("a/up"), at("a/b/f"));
	opens(at("absolute"), at("a/b/f"));
	opens("/../../tmp/..", "/");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(at("a")), 0);
	opens("b/f", at("a/b/f"));
	opens("./link/../../absolute", at("a/b/f"));
	assert_int_equal(chmod(base, 0777), 0);
	refuses("b/f", -EPERM, "can be written to by others");
	assert_int_equal(chdir(cwd), 0);
}

static void what_others_can_write_is_refused(void **state)
{
	(void)state;
	make_dir("a", 0755);
	make_dir("a/b", 0755);
	make_file("a/b/f", 0644);
	make_link("a/b/f", "link");
	for (int i = 0; i < 2; i++) {
		static const mode_t modes[] = {0775, 0757};

		assert_int_equal(chmod(at("a"), modes[i]), 0);
		refuses(at("a/b/f"), -EPERM,
			i == 0 ? "/a can be written to by others than its owner (mode 0775)"
			       : "/a can be written to by others than its owner (mode 0757)");
		refuses(at("link"), -EPERM, "/a can be written");
		refuses(at("a/b/../b"), -EPERM, "/a can be written");
		assert_int_equal(chmod(at("a"), 0755), 0);
		assert_int_equal(chmod(at("a/b/f"), modes[i]), 0);
		refuses(at("a/b/f"), -EPERM, "/a/b/f can be written");
		refuses(at("link"), -EPERM, "/a/b/f can be written");
		assert_int_equal(chmod(at("a/b/f"), 0644), 0);
	}
	/* what is passed may be sticky, as /tmp is; what is wanted itself may not */
	assert_int_equal(chmod(at("a"), 01777), 0);
	opens(at("a/b/f"), at("a/b/f"));
	refuses(at("a"), -EPERM, "mode 1777");
	refuses(at("a/b/.."), -EPERM, "mode 1777");
}

static void what_is_another_users_is_refused(void **state)
{
	static const char *const changed[] = {"a", "a/b", "a/b/f", "a/link", "link"};

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give files away */
	make_dir("a", 01777);
	make_dir("a/b", 0755);
	make_file("a/b/f", 0644);
	make_link("b", "a/link");
	make_link("a/link/f", "link");
	opens(at("link"), at("a/b/f"));
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		char why[128];

		snprintf(why, sizeof(why), "/%s belongs to user 65534", changed[i]);
		assert_int_equal(lchown(at(changed[i]), SOMEBODY, SOMEBODY), 0);
		refuses(at("link"), -EPERM, why);
		assert_int_equal(lchown(at(changed[i]), 0, 0), 0);
		opens(at("link"), at("a/b/f"));
	}
	/* the group's rights are the mask of an access control list */
	assert_int_equal(lchown(at("a/b"), 0, SOMEBODY), 0);
	opens(at("a/b/f"), at("a/b/f"));
	/* as another user, what root has given others is not believed, what is root's is */
	assert_int_equal(seteuid(SOMEBODY), 0);
	opens(at("link"), at("a/b/f"));
	assert_int_equal(seteuid(0), 0);
}

static void paths_that_lead_nowhere(void **state)
{
	char *longest = malloc(2 * PATH_MAX), name[300];

	(void)state;
	make_file("f", 0644);
	make_link("loop2", "loop1");
	make_link("loop1", "loop2");
	make_link("nothing", "dangling");
	refuses("", -ENOENT, "No such file");
	refuses(at("nothing"), -ENOENT, "/nothing: No such file");
	refuses(at("dangling"), -ENOENT, "/nothing: No such file");
	refuses(at("f/x"), -ENOTDIR, "/f/x: Not a directory");
	refuses(at("loop1"), -ELOOP, "Too many levels");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refuses(at(name), -ENAMETOOLONG, "File name too long");
	memset(longest, '/', 2 * PATH_MAX - 1);
	longest[2 * PATH_MAX - 1] = '\0';
	refuses(longest, -ENAMETOOLONG, "File name too long");
	free(longest);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(base, "/tmp/el-trust-XXXXXX");
	return mkdtemp(base) && chmod(base, 0755) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_ours_opens),
	    TEST(what_others_can_write_is_refused),
	    TEST(what_is_another_users_is_refused),
	    TEST(paths_that_lead_nowhere),
	};
	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
