/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "el_base.h"
#include "job_thread.h"

int write_all(int fd, const char *text, size_t len)
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
	int ret = lost ? -ENOMEM : write_all(STDOUT_FILENO, o->text, o->len);

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

/* ---- tables ---- */

struct text {
	struct job base;
	char *text;
	size_t len;
};

struct writer {
	struct job_thread *thread;
	int fd;
	uint32_t depth;
	/* the thread's own, until it has ended: the last that was told, 0: none */
	int error;
};

static bool work(void *ctx, struct job *job)
{
	const struct text *text = (const struct text *)job;
	struct writer *w = ctx;
	int ret;

	/* the only place where it may be cancelled */
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	ret = write_all(w->fd, text->text, text->len);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (ret < 0 && ret != w->error)
		el_log(EL_LOG_WARNING, "control", "a table could not be written: %s",
		       strerror(-ret));
	if (ret < 0)
		w->error = ret;
	return false;
}

static void drop(struct job *job)
{
	free(((struct text *)job)->text);
	free(job);
}

struct writer *writer_create(int fd, uint32_t depth)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = fd;
	w->depth = depth;
	w->thread = job_thread_create("tables", work, drop, w);
	if (w->thread)
		return w;
	free(w);
	return NULL;
}

void writer_put(struct writer *w, char *text, size_t len)
{
	struct text *job = malloc(sizeof(*job));

	if (!job) {
		el_log(EL_LOG_WARNING, "control", "not enough memory for a table");
		free(text);
		return;
	}
	*job = (struct text){.text = text, .len = len};
	job_thread_submit(w->thread, &job->base, w->depth);
}

int writer_destroy(struct writer *w, int grace_ms)
{
	int error;

	if (!w)
		return 0;
	if (!job_thread_destroy(w->thread, grace_ms))
		el_log(EL_LOG_WARNING, "control", "the last table is not whole: nobody read it");
	error = w->error;
	free(w);
	return error;
}
