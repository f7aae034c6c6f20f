/* SPDX-License-Identifier: BSD-3-Clause */
#include "stdout.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int stdout_write(int fd, const char *text, size_t len)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);
		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1); /* somebody else made it non-blocking */
		else if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int stdout_failed(int error)
{
	fprintf(stderr, "echolane: standard output can't be written: %s\n",
		error == EBADF ? "it is closed" : strerror(error));
	return EX_IOERR;
}

FILE *stdout_begin(struct stdout_text *o)
{
	*o = (struct stdout_text){0};
	o->stream = open_memstream(&o->text, &o->len);
	return o->stream;
}

int stdout_end(struct stdout_text *o)
{
	int lost = o->stream ? ferror(o->stream) | fclose(o->stream) : -1;
	int ret = lost ? -ENOMEM : stdout_write(STDOUT_FILENO, o->text, o->len);

	free(o->text);
	*o = (struct stdout_text){0};
	return ret < 0 ? stdout_failed(-ret) : 0;
}

void stdout_guard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* the lowest that is free is this one */
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EX_OSERR);
	}
}
