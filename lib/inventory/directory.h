/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The programs of a directory. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "el_base.h"
#include "el_conf.h"

#define DIRECTORY_PROGRAMS_MAX 256

struct directory_entry {
	char *name, *path;
	/* which file it is */
	dev_t dev;
	ino_t ino;
	struct timespec modified;
};

struct directory {
	char *path;                      /* absolute, without symbolic links; NULL: none */
	struct directory_entry *entries; /* by name */
	size_t count;
};

/* Looks the programs of `path` (NULL: none) up; -EPERM where el_trust_open refuses it or one of
 * them. 0, or a negative errno with a sentence. */
int directory_scan(const char *path, const struct el_conf_strings *disabled,
		   struct directory *ret_directory, struct el_error *err);
void directory_fini(struct directory *directory);

/* Opens a program and the directory that it is run in, both as el_trust_open does: what was checked
 * is what is run. 0 and two descriptors, the caller's, or a negative errno with a sentence. */
int directory_open_program(const char *directory, const char *path, int *ret_directory_fd,
			   int *ret_program_fd, struct el_error *err);
