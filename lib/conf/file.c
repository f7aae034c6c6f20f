/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "el_trust.h"
#include "tree.h"

/* A pipe of `<(...)` or of standard input, which has no path, made by who may decide. */
static bool is_own_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens the file for reading, the very one that was looked at. */
static int open_file(const char *path, struct el_error *ret_doubt)
{
	struct el_error doubt = {""};
	int place = el_trust_open(path, NULL, &doubt), fd;
	char link[64];

	/* who may change it can't be told for want of descriptors: that is no doubt, but an error
	 */
	if (place == -EMFILE || place == -ENFILE || place == -ENOMEM)
		return place;
	if (place < 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && (place == -EPERM || !is_own_pipe(fd)))
			*ret_doubt = doubt;
		return fd < 0 ? -errno : fd;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(place);
	return fd;
}

/* Reads all of `fd`, up to one byte more than a configuration may have. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	size_t len = 0, capacity = 0;
	char *text = NULL, *bigger;
	ssize_t n;

	for (;;) {
		if (len == capacity) {
			capacity = capacity ? 2 * capacity : 65536;
			bigger = realloc(text, capacity);
			if (!bigger) {
				free(text);
				return -ENOMEM;
			}
			text = bigger;
		}
		n = read(fd, text + len, capacity - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int rc = -errno;

			free(text);
			return rc;
		}
		len += (size_t)n;
		if (n == 0 || len > CONF_TREE_BYTES_MAX)
			break;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int conf_file_read(const char *path, char **ret_text, size_t *ret_len, struct el_error *ret_doubt)
{
	int fd = open_file(path, ret_doubt), rc;

	if (fd < 0)
		return fd;
	rc = read_all(fd, ret_text, ret_len);
	close(fd);
	return rc;
}
