/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG "inventory"

/* Whoever can write to what echolane runs is echolane. */
static int check_writers(const char *path, const struct stat *st, uid_t owner, struct el_error *err)
{
	if (st->st_uid != owner && st->st_uid != 0)
		return el_error_set(err, -EPERM,
				    "%s belongs to user %u: only root and the owner of the "
				    "inventories' directory, user %u, may write to it",
				    path, st->st_uid, owner);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return el_error_set(err, -EPERM,
				    "%s can be written to by others than its owner (mode %04o): "
				    "chmod go-w",
				    path, st->st_mode & 07777);
	return 0;
}

/* `path` has no symbolic links left. */
static int check_program(const char *path, const struct stat *st, uid_t owner, struct el_error *err)
{
	char *copy = strdup(path), *parent = copy ? dirname(copy) : NULL;
	struct stat dir;
	int rc = parent ? check_writers(path, st, owner, err) : -ENOMEM;

	/* a file in a directory that others can write to can be replaced, unless that is sticky */
	if (rc == 0) {
		if (stat(parent, &dir) < 0)
			rc = el_error_set(err, -errno, "%s: %s", parent, strerror(errno));
		else if (!(dir.st_mode & S_ISVTX))
			rc = check_writers(parent, &dir, owner, err);
	}
	free(copy);
	return rc;
}

int directory_check_program(const char *directory, const char *path, struct el_error *err)
{
	char *real = realpath(path, NULL);
	struct stat dir, st;
	int rc = 0;

	if (!real || stat(directory, &dir) < 0 || stat(real, &st) < 0)
		rc = el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (rc == 0)
		rc = check_writers(directory, &dir, dir.st_uid, err);
	if (rc == 0)
		rc = check_program(real, &st, dir.st_uid, err);
	free(real);
	return rc;
}

static bool is_disabled(const struct el_conf_strings *disabled, const char *name)
{
	for (size_t i = 0; disabled && i < disabled->count; i++)
		if (strcmp(disabled->items[i], name) == 0)
			return true;
	return false;
}

/* Whether an entry is a program that is to be run; `st` of what it is in the end. */
static bool is_wanted(const char *path, const char *name, const struct el_conf_strings *disabled,
		      struct stat *st)
{
	if (name[0] == '.')
		return false;
	if (stat(path, st) < 0) {
		el_log(EL_LOG_WARNING, LOG, "%s is left out: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISREG(st->st_mode) || !(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return false;
	if (!el_conf_is_name(name)) {
		el_log(EL_LOG_WARNING, LOG,
		       "%s is left out: an inventory's name is of a-z, 0-9, \"_\", \"-\" and \".\"",
		       path);
		return false;
	}
	if (is_disabled(disabled, name)) {
		el_log(EL_LOG_INFO, LOG, "%s is disabled", name);
		return false;
	}
	return true;
}

static int add(struct directory *d, const char *name, char *path, const struct stat *st)
{
	struct directory_entry *e = realloc(d->entries, (d->count + 1) * sizeof(*d->entries));
	char *copy = strdup(name);

	if (e)
		d->entries = e;
	if (!e || !copy) {
		free(copy);
		return -ENOMEM;
	}
	e[d->count++] = (struct directory_entry){.name = copy,
						 .path = path,
						 .dev = st->st_dev,
						 .ino = st->st_ino,
						 .modified = st->st_mtim};
	return 0;
}

static int scan_entry(struct directory *d, const char *name, const struct el_conf_strings *disabled,
		      struct el_error *err)
{
	struct stat st;
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s", d->path, name) < 0)
		return -ENOMEM;
	if (!is_wanted(path, name, disabled, &st)) {
		free(path);
		return 0;
	}
	rc = directory_check_program(d->path, path, err);
	if (rc == 0 && d->count == DIRECTORY_PROGRAMS_MAX)
		rc = el_error_set(err, -E2BIG, "%s: more than %d programs", d->path,
				  DIRECTORY_PROGRAMS_MAX);
	if (rc == 0)
		rc = add(d, name, path, &st);
	if (rc < 0)
		free(path);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct directory_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int scan(struct directory *d, const char *path, const struct el_conf_strings *disabled,
		struct el_error *err)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int rc = 0;

	d->path = realpath(path, NULL);
	dir = d->path ? opendir(d->path) : NULL;
	if (!dir)
		return el_error_set(err, -errno, "the inventories' directory %s: %s", path,
				    strerror(errno));
	if (fstat(dirfd(dir), &st) < 0)
		rc = el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	else
		rc = check_writers(d->path, &st, st.st_uid, err);
	while (rc == 0 && (errno = 0, entry = readdir(dir)))
		rc = scan_entry(d, entry->d_name, disabled, err);
	if (rc == 0 && errno)
		rc = el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	closedir(dir);
	if (rc == 0 && d->count)
		qsort(d->entries, d->count, sizeof(*d->entries), by_name);
	return rc == -ENOMEM ? el_error_set(err, rc, "not enough memory") : rc;
}

int directory_scan(const char *path, const struct el_conf_strings *disabled,
		   struct directory *ret_directory, struct el_error *err)
{
	struct directory d = {0};
	int rc = path ? scan(&d, path, disabled, err) : 0;

	if (rc == 0)
		*ret_directory = d;
	else
		directory_fini(&d);
	return rc;
}

void directory_fini(struct directory *directory)
{
	for (size_t i = 0; i < directory->count; i++) {
		free(directory->entries[i].name);
		free(directory->entries[i].path);
	}
	free(directory->entries);
	free(directory->path);
	*directory = (struct directory){0};
}
