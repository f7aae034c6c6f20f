/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "el_base.h"
#include "stdout.h"

struct text {
	char *text;
	size_t len;
};

struct writer {
	pthread_t thread;
	int fd;
	uint32_t depth;
	char *writing;        /* the thread's own */
	int error;            /* the thread's own: the last that was told, 0: none */
	pthread_mutex_t lock; /* protects all below */
	pthread_cond_t wake;
	struct text waiting[WRITER_DEPTH_MAX]; /* the oldest first */
	uint32_t n_waiting;
	bool stop;
};

static void *run(void *arg)
{
	struct writer *w = arg;
	size_t len;
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_mutex_lock(&w->lock);
	while (w->n_waiting || !w->stop) {
		if (!w->n_waiting) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		w->writing = w->waiting[0].text;
		len = w->waiting[0].len;
		w->n_waiting--;
		memmove(w->waiting, w->waiting + 1, w->n_waiting * sizeof(w->waiting[0]));
		pthread_mutex_unlock(&w->lock);
		/* the only place where it may be cancelled */
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		ret = stdout_write(w->fd, w->writing, len);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		if (ret < 0 && ret != w->error)
			el_log(EL_LOG_WARNING, "control", "a table could not be written: %s",
			       strerror(-ret));
		if (ret < 0)
			w->error = ret;
		free(w->writing);
		w->writing = NULL;
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct writer *writer_create(int fd, uint32_t depth)
{
	struct writer *w = calloc(1, sizeof(*w));
	int error;

	if (!w)
		return NULL;
	w->fd = fd;
	w->depth = depth;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	error = pthread_create(&w->thread, NULL, run, w);
	if (!error)
		return w;
	free(w);
	errno = error;
	return NULL;
}

void writer_put(struct writer *w, char *text, size_t len)
{
	pthread_mutex_lock(&w->lock);
	if (w->n_waiting == w->depth)
		free(w->waiting[--w->n_waiting].text);
	w->waiting[w->n_waiting++] = (struct text){text, len};
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

int writer_destroy(struct writer *w, int grace_ms)
{
	struct timespec end;
	void *result = NULL;
	int error;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (grace_ms < 0) {
		pthread_join(w->thread, NULL);
	} else {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += grace_ms / 1000;
		end.tv_nsec += grace_ms % 1000 * 1000000L;
		end.tv_sec += end.tv_nsec / 1000000000L;
		end.tv_nsec %= 1000000000L;
		if (pthread_timedjoin_np(w->thread, NULL, &end) != 0) {
			pthread_cancel(w->thread);
			pthread_join(w->thread, &result);
		}
	}
	error = w->error;
	if (result == PTHREAD_CANCELED)
		el_log(EL_LOG_WARNING, "control", "the last table is not whole: nobody read it");
	free(w->writing);
	for (uint32_t i = 0; i < w->n_waiting; i++)
		free(w->waiting[i].text);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return error;
}
