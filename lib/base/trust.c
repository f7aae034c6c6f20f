/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "el_str.h"

#define LINKS_MAX 40 /* as the kernel's path_resolution(7) */

struct walk {
	int fd;              /* what has been reached */
	char left[PATH_MAX]; /* of the path, to be walked */
	char text[PATH_MAX]; /* how `fd` is called, without a slash at the end */
	struct el_str reached;
	unsigned n_links;
	struct el_error *err;
};

static const char *name_of(const struct walk *w)
{
	return w->reached.len ? w->text : "/";
}

static int fail(const struct walk *w, int code)
{
	return el_error_set(w->err, code, "%s: %s", name_of(w), strerror(-code));
}

/* Whether others could write to what has been reached, or put something else in its place. */
static int check(const struct walk *w, const struct stat *st)
{
	bool is_passed = w->left[strspn(w->left, "/")] != '\0';

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return el_error_set(
		    w->err, -EPERM,
		    "%s belongs to user %u, who could change what is run or read: it "
		    "has to belong to root or to user %u",
		    name_of(w), st->st_uid, geteuid());
	if (S_ISLNK(st->st_mode) || !(st->st_mode & (S_IWGRP | S_IWOTH)) ||
	    (is_passed && S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX)))
		return 0;
	return el_error_set(
	    w->err, -EPERM,
	    "%s can be written to by others than its owner (mode %04o): chmod go-w, "
	    "and where it has an access control list setfacl -b",
	    name_of(w), st->st_mode & 07777);
}

static void set_reached(struct walk *w, size_t len)
{
	w->reached.len = len;
	w->text[len] = '\0';
}

/* Goes to an entry of the directory that has been reached, "" being /. */
static int enter(struct walk *w, const char *name, struct stat *st)
{
	const char *slash = strrchr(w->text, '/');
	int fd = *name ? openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
		       : open("/", O_PATH | O_CLOEXEC);
	int error = errno;

	if (strcmp(name, "..") == 0)
		set_reached(w, slash ? (size_t)(slash - w->text) : 0);
	else if (*name)
		el_str_addf(&w->reached, "/%s", name);
	else
		set_reached(w, 0);
	if (fd < 0)
		return fail(w, -error);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	if (w->reached.truncated)
		return fail(w, -ENAMETOOLONG);
	return fstat(fd, st) < 0 ? fail(w, -errno) : check(w, st);
}

/* Takes the next component off what is left; false: there is none. */
static bool next(struct walk *w, char name[NAME_MAX + 2])
{
	const char *p = w->left + strspn(w->left, "/");
	size_t len = strcspn(p, "/"), kept = len <= NAME_MAX ? len : NAME_MAX + 1;

	memcpy(name, p, kept); /* one that is too long stays so, for the kernel to refuse */
	name[kept] = '\0';
	memmove(w->left, p + len, strlen(p + len) + 1);
	return len > 0;
}

/* Replaces the link that has been reached by what is in it; it is relative to `parent`, the
 * directory that it is in, which becomes what has been reached. */
static int follow(struct walk *w, int parent, size_t parent_len)
{
	char target[2 * PATH_MAX];
	struct el_str s = EL_STR_INIT(target);
	size_t len;
	ssize_t n = readlinkat(w->fd, "", target, PATH_MAX - 1);

	if (n < 0)
		return fail(w, -errno);
	if (++w->n_links > LINKS_MAX)
		return fail(w, -ELOOP);
	s.len = (size_t)n;
	el_str_addf(&s, "/%s", w->left);
	if (w->left[0] == '\0' && n > 0) /* a slash at the end would ask for a directory */
		target[n] = '\0';
	len = strlen(target);
	if (len >= sizeof(w->left))
		return fail(w, -ENAMETOOLONG);
	memcpy(w->left, target, len + 1);
	close(w->fd);
	w->fd = fcntl(parent, F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0)
		return fail(w, -errno);
	set_reached(w, parent_len);
	return 0;
}

static int step(struct walk *w, const char *name)
{
	size_t parent_len = w->reached.len;
	int parent = fcntl(w->fd, F_DUPFD_CLOEXEC, 0), rc;
	struct stat st;

	if (parent < 0)
		return fail(w, -errno);
	rc = enter(w, name, &st);
	if (rc == 0 && S_ISLNK(st.st_mode))
		rc = follow(w, parent, parent_len);
	close(parent);
	if (rc == 0 && S_ISLNK(st.st_mode) && w->left[0] == '/')
		rc = enter(w, "", &st);
	return rc;
}

static int walk(struct walk *w)
{
	char name[NAME_MAX + 2];
	struct stat st;
	int rc = enter(w, "", &st);

	while (rc == 0 && next(w, name))
		if (strcmp(name, ".") != 0)
			rc = step(w, name);
	return rc;
}

int el_trust_open(const char *path, char **ret_path, struct el_error *err)
{
	struct walk w = {.fd = -1, .err = err};
	struct el_str left = EL_STR_INIT(w.left);
	char *real = NULL;
	int rc = 0;

	w.reached = EL_STR_INIT(w.text);
	if (path[0] != '/' && !getcwd(w.left, sizeof(w.left)))
		return el_error_set(err, -errno, "the working directory: %s", strerror(errno));
	left.len = strlen(w.left);
	el_str_addf(&left, "/%s", path);
	if (left.truncated || path[0] == '\0')
		rc = el_error_set(err, path[0] ? -ENAMETOOLONG : -ENOENT, "'%.100s': %s", path,
				  strerror(path[0] ? ENAMETOOLONG : ENOENT));
	if (rc == 0)
		rc = walk(&w);
	if (rc == 0 && ret_path) {
		real = strdup(name_of(&w));
		rc = real ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
	}
	if (rc < 0) {
		if (w.fd >= 0)
			close(w.fd);
		return rc;
	}
	if (ret_path)
		*ret_path = real;
	return w.fd;
}
