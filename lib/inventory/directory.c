/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "el_trust.h"

#define LOG "inventory"

int directory_open_program(const char *directory, const char *path, int *ret_directory_fd,
			   int *ret_program_fd, struct el_error *err)
{
	int directory_fd = el_trust_open(directory, NULL, err), program_fd;

	if (directory_fd < 0)
		return directory_fd;
	program_fd = el_trust_open(path, NULL, err);
	if (program_fd < 0) {
		close(directory_fd);
		return program_fd;
	}
	*ret_directory_fd = directory_fd;
	*ret_program_fd = program_fd;
	return 0;
}

static bool is_disabled(const struct el_conf_strings *disabled, const char *name)
{
	for (size_t i = 0; disabled && i < disabled->count; i++)
		if (strcmp(disabled->items[i], name) == 0)
			return true;
	return false;
}

/* Whether an entry is a program that is to be run. */
static bool is_wanted(const char *path, int dir_fd, const char *name,
		      const struct el_conf_strings *disabled)
{
	struct stat st;

	if (name[0] == '.')
		return false;
	if (fstatat(dir_fd, name, &st, 0) < 0) {
		el_log(EL_LOG_WARNING, LOG, "%s is left out: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
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

/* Takes `path` over if it succeeds. */
static int add_program(struct directory *d, const char *name, char *path, struct el_error *err)
{
	int fd = el_trust_open(path, NULL, err), rc;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		rc = el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	else if (d->count == DIRECTORY_PROGRAMS_MAX)
		rc = el_error_set(err, -E2BIG, "%s: more than %d programs", d->path,
				  DIRECTORY_PROGRAMS_MAX);
	else
		rc = add(d, name, path, &st);
	close(fd);
	return rc;
}

static int scan_entry(struct directory *d, int dir_fd, const char *name,
		      const struct el_conf_strings *disabled, struct el_error *err)
{
	char *path;
	int rc = 0;

	if (asprintf(&path, "%s/%s", d->path, name) < 0)
		return -ENOMEM;
	if (is_wanted(path, dir_fd, name, disabled)) {
		rc = add_program(d, name, path, err);
		if (rc == 0)
			return 0;
	}
	free(path);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct directory_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Opens the directory to be listed; NULL with a sentence. */
static DIR *open_directory(const char *path, char **ret_path, struct el_error *err)
{
	int place = el_trust_open(path, ret_path, err), fd;
	DIR *dir = NULL;

	if (place < 0) {
		struct el_error why = *err;

		el_error_set(err, place, "the inventories' directory: %.400s", why.text);
		errno = -place;
		return NULL;
	}
	fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir) {
		int error = errno;

		el_error_set(err, -error, "the inventories' directory %s: %s", path,
			     strerror(error));
		if (fd >= 0)
			close(fd);
		errno = error;
	}
	close(place);
	return dir;
}

static int scan(struct directory *d, const char *path, const struct el_conf_strings *disabled,
		struct el_error *err)
{
	DIR *dir = open_directory(path, &d->path, err);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return -errno;
	while (rc == 0 && (errno = 0, entry = readdir(dir)))
		rc = scan_entry(d, dirfd(dir), entry->d_name, disabled, err);
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
