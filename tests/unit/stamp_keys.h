/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Keys that are read from files, for as long as a test needs them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "el_stamp.h"
#include "unit.h"

/* A file in /tmp with this key; to be removed. */
static inline void write_key_file(char ret_path[32], const char *text)
{
	int fd;

	snprintf(ret_path, 32, "/tmp/el_key.XXXXXX");
	fd = mkstemp(ret_path); /* which nobody else may read */
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The keys of n files with these texts; their names are in ret_paths. */
static inline struct el_stamp_keys *read_key_files(const char *const *texts, size_t n,
						   char ret_paths[][32])
{
	struct el_stamp_keys *keys = el_stamp_keys_create();
	struct el_error err;

	assert_non_null(keys);
	for (size_t i = 0; i < n; i++) {
		write_key_file(ret_paths[i], texts[i]);
		if (el_stamp_keys_read(keys, ret_paths[i], &err) < 0)
			fail_msg("%s", err.text);
		unlink(ret_paths[i]);
	}
	return keys;
}
