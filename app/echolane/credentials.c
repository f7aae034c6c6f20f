/* SPDX-License-Identifier: BSD-3-Clause */
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "CREDENTIALS_DIRECTORY"

/* How many bytes there are in `fd`, at most `size`; or -errno. */
static ssize_t read_whole(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	return n < 0 ? -errno : (ssize_t)len;
}

static int check(const char *name, const char *text, size_t len, struct el_error *err)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return el_error_set(err, -EINVAL,
					    "%s: expected one line of text, byte %zu is a control "
					    "character",
					    name, i + 1);
	}
	return 0;
}

/* The credential of that name into `ret`, "": there is none. */
static int read_credential(const char *directory, const char *name, char ret[CREDENTIAL_MAX],
			   struct el_error *err)
{
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	len = fd < 0 ? -errno : read_whole(fd, ret, CREDENTIAL_MAX);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return el_error_set(err, (int)len, "the credential %s can't be read: %s", path,
				    strerror((int)-len));
	if (len > 0 && len < CREDENTIAL_MAX && ret[len - 1] == '\n')
		len--;
	if (len == CREDENTIAL_MAX)
		return el_error_set(err, -EINVAL, "the credential %s is longer than %d bytes", path,
				    CREDENTIAL_MAX - 1);
	ret[len] = '\0';
	return check(path, ret, (size_t)len, err);
}

static int read_one(const char *name, char ret[CREDENTIAL_MAX], struct el_error *err)
{
	const char *directory = getenv(DIRECTORY), *variable = getenv(name);
	size_t size;
	int rc = directory ? read_credential(directory, name, ret, err) : 0;

	if (rc < 0 || !variable || !*variable)
		return rc;
	if (*ret)
		return el_error_set(err, -EINVAL,
				    "%s is set in the environment, and is a credential, too: one "
				    "of them is to go",
				    name);
	size = strlen(variable) + 1;
	if (size > CREDENTIAL_MAX)
		return el_error_set(err, -EINVAL, "%s is longer than %d bytes", name,
				    CREDENTIAL_MAX - 1);
	memcpy(ret, variable, size);
	return 0;
}

int credentials_read(struct credentials *ret, struct el_error *err)
{
	static const char user[] = "PROM_USER", password[] = "PROM_PASSWORD";
	struct credentials c = {0};
	int rc = read_one(user, c.user, err);

	if (rc == 0)
		rc = read_one(password, c.password, err);
	if (rc < 0)
		return rc;
	/* one of the two alone would leave the page open, and whoever set it would not know */
	if (!*c.user != !*c.password)
		return el_error_set(
		    err, -EINVAL,
		    "%s is set, and %s is not: /metrics is protected by both, or by neither",
		    *c.user ? user : password, *c.user ? password : user);
	if (strchr(c.user, ':'))
		return el_error_set(
		    err, -EINVAL,
		    "%s has a colon, which no user of HTTP's basic authentication can "
		    "have (RFC 7617 section 2)",
		    user);
	*ret = c;
	return 0;
}
