/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats_pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	struct stats_job *first, **end;
};

struct stats_pool {
	pthread_t thread;
	struct queue waiting; /* control's own */
	bool busy;            /* likewise */
	pthread_mutex_t lock; /* protects all below */
	pthread_cond_t wake;
	struct queue todo, done;
	bool stop;
	int fd;
	int core;
};

static void push(struct queue *q, struct stats_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct stats_job *pop(struct queue *q)
{
	struct stats_job *job = q->first;

	if (job) {
		q->first = job->next;
		if (!q->first)
			q->end = &q->first;
	}
	return job;
}

static void work(struct stats_job *job)
{
	struct el_round_figures *figures = el_stats_round(job->blocks, job->n_blocks);

	if (figures) {
		figures->local_drops += job->local_drops;
		job->snapshot = el_snapshot_next(job->before, job->blocks[0]->set->model, figures);
	}
	el_snapshot_put(job->before);
	job->before = NULL;
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_reset(job->blocks[i], 0, 0);
}

static void *run(void *arg)
{
	struct stats_pool *pool = arg;
	const uint64_t one = 1;
	struct stats_job *job;
	cpu_set_t cpus;

	if (pool->core >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((unsigned)pool->core, &cpus);
		if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) != 0)
			el_log(EL_LOG_WARNING, "stats", "core %d is not to be had for statistics",
			       pool->core);
	}
	pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		job = pop(&pool->todo);
		if (!job) {
			pthread_cond_wait(&pool->wake, &pool->lock);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		if (!job->owner) {
			el_snapshot_put(job->before);
			free(job);
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		work(job);
		pthread_mutex_lock(&pool->lock);
		push(&pool->done, job);
		/* can't fail: the counter is nowhere near its end */
		if (write(pool->fd, &one, sizeof(one)) < 0)
			el_log(EL_LOG_ERROR, "stats", "eventfd refused");
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct stats_pool *stats_pool_create(int core)
{
	struct stats_pool *pool = calloc(1, sizeof(*pool));
	int error;

	if (!pool)
		return NULL;
	pool->core = core;
	pool->waiting.end = &pool->waiting.first;
	pool->todo.end = &pool->todo.first;
	pool->done.end = &pool->done.first;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = pool->fd < 0 ? errno : pthread_create(&pool->thread, NULL, run, pool);
	if (!error)
		return pool;
	if (pool->fd >= 0)
		close(pool->fd);
	free(pool);
	errno = error;
	return NULL;
}

static void free_jobs(struct queue *q)
{
	struct stats_job *job;

	while ((job = pop(q)) != NULL) {
		el_snapshot_put(job->before);
		el_snapshot_put(job->snapshot);
		for (uint32_t i = 0; i < job->n_blocks; i++)
			el_block_free(job->blocks[i]);
		free(job);
	}
}

void stats_pool_destroy(struct stats_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->thread, NULL);
	free_jobs(&pool->waiting);
	free_jobs(&pool->todo);
	free_jobs(&pool->done);
	close(pool->fd);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int stats_pool_fd(const struct stats_pool *pool)
{
	return pool->fd;
}

void stats_pool_submit(struct stats_pool *pool, struct stats_job *job)
{
	push(&pool->waiting, job);
}

static void hand_over(struct stats_pool *pool, struct stats_job *job)
{
	pthread_mutex_lock(&pool->lock);
	push(&pool->todo, job);
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

void stats_pool_run(struct stats_pool *pool, struct el_snapshot *before)
{
	struct stats_job *job = pool->busy ? NULL : pop(&pool->waiting);

	if (!job)
		return;
	pool->busy = true;
	job->before = el_snapshot_get(before);
	hand_over(pool, job);
}

void stats_pool_drop(struct stats_pool *pool, struct el_snapshot *s)
{
	struct stats_job *job = calloc(1, sizeof(*job));

	if (!job) { /* then control waits for it */
		el_snapshot_put(s);
		return;
	}
	job->before = s;
	hand_over(pool, job);
}

bool stats_pool_is_busy(const struct stats_pool *pool)
{
	return pool->busy;
}

struct stats_job *stats_pool_take(struct stats_pool *pool)
{
	struct stats_job *job;

	pthread_mutex_lock(&pool->lock);
	job = pop(&pool->done);
	pthread_mutex_unlock(&pool->lock);
	if (job)
		pool->busy = false;
	return job;
}
