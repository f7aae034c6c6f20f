/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "el_trust.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Pairs of hexadecimal digits, in place; how many bytes they are, 0: they are no such pairs. */
static size_t decode_hex(char *text, size_t len)
{
	if (len % 2)
		return 0;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		text[i / 2] = (char)(high << 4 | low);
	}
	return len / 2;
}

/* The key in `text` of `len` bytes, which is overwritten. */
static int make_key(const char *path, char *text, size_t len, struct el_stamp_key **ret_key,
		    struct el_error *err)
{
	if (len && text[len - 1] == '\n')
		len--;
	if (memchr(text, '\n', len))
		return el_error_set(err, -EINVAL, "%s: expected one line", path);
	if (len > 2 && memcmp(text, "0x", 2) == 0) {
		len = decode_hex(text + 2, len - 2);
		memmove(text, text + 2, len);
		if (!len)
			return el_error_set(err, -EINVAL,
					    "%s: expected pairs of hexadecimal digits behind 0x",
					    path);
	}
	if (len < EL_STAMP_KEY_MIN || len > EL_STAMP_KEY_MAX)
		return el_error_set(err, -EINVAL, "%s: expected one line, a key of %d to %d bytes",
				    path, EL_STAMP_KEY_MIN, EL_STAMP_KEY_MAX);
	*ret_key = el_stamp_key_create((const uint8_t *)text, len);
	return *ret_key ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

/* Opens what `fd` (O_PATH) is of, for reading: a file that nobody else may read. */
static int open_secret(int fd, const char *path, struct el_error *err)
{
	char again[64];
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return el_error_set(err, -EINVAL, "%s: it is no file", path);
	if (st.st_mode & (S_IRGRP | S_IROTH))
		return el_error_set(
		    err, -EPERM, "%s: others than its owner may read it, so it is no secret", path);
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	ret = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return ret < 0 ? el_error_set(err, -errno, "%s: %s", path, strerror(errno)) : ret;
}

int el_stamp_key_read(const char *path, struct el_stamp_key **ret_key, struct el_error *err)
{
	char text[2 * EL_STAMP_KEY_MAX + 4];
	int at = el_trust_open(path, NULL, err), fd, ret;
	ssize_t n = -1;

	if (at < 0)
		return at;
	fd = open_secret(at, path, err);
	close(at);
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		ret = el_error_set(err, -errno, "%s: %s", path, strerror(errno));
	else
		ret = make_key(path, text, (size_t)n, ret_key, err);
	close(fd);
	explicit_bzero(text, sizeof(text));
	return ret;
}
