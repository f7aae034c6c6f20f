/* SPDX-License-Identifier: BSD-3-Clause */
#include "job_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "el_base.h"

struct job_thread {
	bool (*work)(void *ctx, struct job *job);
	void (*drop)(struct job *job);
	void *ctx;
	pthread_t thread;
	int fd;
	/* the thread's own, until it has ended */
	struct job *at_hand;
	/* protects all below */
	pthread_mutex_t lock;
	/* there is something to do, or the thread ends */
	pthread_cond_t changed;
	struct job *todo, *done;
	bool stop, ended;
};

struct job *job_push(struct job **queue, struct job *job, uint32_t most)
{
	struct job *replaced;

	for (uint32_t n = 1; *queue && n != most; n++)
		queue = &(*queue)->next;
	replaced = *queue;
	job->next = NULL;
	*queue = job;
	return replaced;
}

struct job *job_pop(struct job **queue)
{
	struct job *job = *queue;

	if (job)
		*queue = job->next;
	return job;
}

static void *run(void *arg)
{
	struct job_thread *t = arg;
	const uint64_t one = 1;
	bool wanted;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_mutex_lock(&t->lock);
	while (t->todo || !t->stop) {
		t->at_hand = job_pop(&t->todo);
		if (!t->at_hand) {
			pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		wanted = t->work(t->ctx, t->at_hand);
		if (!wanted)
			t->drop(t->at_hand);
		pthread_mutex_lock(&t->lock);
		if (wanted)
			job_push(&t->done, t->at_hand, 0);
		t->at_hand = NULL;
		/* can't fail: the counter is nowhere near its end */
		if (wanted && write(t->fd, &one, sizeof(one)) < 0)
			el_log(EL_LOG_ERROR, "control", "eventfd refused");
	}
	t->ended = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct job_thread *job_thread_create(const char *name, bool (*work)(void *ctx, struct job *job),
				     void (*drop)(struct job *job), void *ctx)
{
	struct job_thread *t = calloc(1, sizeof(*t));
	int error;

	if (!t)
		return NULL;
	t->work = work;
	t->drop = drop;
	t->ctx = ctx;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = t->fd < 0 ? errno : pthread_create(&t->thread, NULL, run, t);
	if (!error) {
		pthread_setname_np(t->thread, name);
		return t;
	}
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	errno = error;
	return NULL;
}

static void drop_all(struct job_thread *t, struct job **queue)
{
	for (struct job *job; (job = job_pop(queue)) != NULL;)
		t->drop(job);
}

bool job_thread_destroy(struct job_thread *t, int grace_ms)
{
	struct timespec end;
	bool whole;
	int ret = 0;

	if (!t)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += grace_ms % 1000 * 1000000L;
	end.tv_sec += grace_ms / 1000 + end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->changed);
	while (grace_ms && !t->ended && ret == 0)
		ret = grace_ms < 0
			  ? pthread_cond_wait(&t->changed, &t->lock)
			  : pthread_cond_clockwait(&t->changed, &t->lock, CLOCK_MONOTONIC, &end);
	whole = !t->todo;
	drop_all(t, &t->todo);
	pthread_mutex_unlock(&t->lock);
	pthread_cancel(t->thread);
	pthread_join(t->thread, NULL);
	if (t->at_hand) {
		whole = false;
		t->drop(t->at_hand);
	}
	drop_all(t, &t->done);
	close(t->fd);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
	return whole;
}

int job_thread_pin(struct job_thread *t, int core)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)core, &cpus);
	return -pthread_setaffinity_np(t->thread, sizeof(cpus), &cpus);
}

int job_thread_fd(const struct job_thread *t)
{
	return t->fd;
}

void job_thread_submit(struct job_thread *t, struct job *job, uint32_t most)
{
	struct job *replaced;

	pthread_mutex_lock(&t->lock);
	replaced = job_push(&t->todo, job, most);
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	if (replaced)
		t->drop(replaced);
}

struct job *job_thread_take(struct job_thread *t)
{
	struct job *job;
	uint64_t n;

	pthread_mutex_lock(&t->lock);
	job = job_pop(&t->done);
	if (!job && read(t->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "eventfd: %s", strerror(errno));
	pthread_mutex_unlock(&t->lock);
	return job;
}
