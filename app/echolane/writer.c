/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "el_base.h"
#include "job_thread.h"
#include "stdout.h"

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
	ret = stdout_write(w->fd, text->text, text->len);
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
	w->thread = job_thread_create(work, drop, w);
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
