/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats_thread.h"

#include <stdlib.h>

#include "el_delays.h"
#include "path_watch.h"

/* All of it but the watch and the delays is control's own. */
struct stats_thread {
	struct job_thread *thread;
	struct job *waiting;
	bool busy;
	struct path_watch *watch;
	struct el_delays *delays; /* the thread's */
};

/* A round of a plan with longer timeouts may be over after some of a newer one. */
static struct el_snapshot *next_snapshot(const struct el_snapshot *before,
					 const struct el_plan_set *set,
					 struct el_round_figures *figures)
{
	struct el_snapshot *s;

	if (set->generation < before->generation)
		return el_snapshot_add_older(before, set->model, figures);
	s = el_snapshot_next(before, set->model, figures);
	if (s)
		s->generation = set->generation;
	return s;
}

static bool work(void *ctx, struct job *base)
{
	struct stats_job *job = (struct stats_job *)base;
	struct el_round_figures *figures;
	const struct el_plan_set *set;
	struct stats_thread *t = ctx;

	if (!job->owner)
		return false;
	set = job->blocks[0]->set;
	path_watch_round(t->watch, job->blocks, job->n_blocks);
	figures = el_stats_round_delays(job->blocks, job->n_blocks, t->delays);
	if (figures) {
		figures->local_drops += job->local_drops;
		job->snapshot = next_snapshot(job->before, set, figures);
	}
	el_snapshot_put(job->before);
	job->before = NULL;
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_reset(job->blocks[i], 0, 0);
	return true;
}

static void drop(struct job *base)
{
	struct stats_job *job = (struct stats_job *)base;

	el_snapshot_put(job->before);
	el_snapshot_put(job->snapshot);
	for (uint32_t i = 0; i < job->n_blocks; i++)
		el_block_free(job->blocks[i]);
	free(job);
}

struct stats_thread *stats_thread_create(int core)
{
	struct stats_thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->watch = path_watch_create();
	t->delays = el_delays_create();
	t->thread = t->watch && t->delays ? job_thread_create("statistics", work, drop, t) : NULL;
	if (!t->thread) {
		el_delays_destroy(t->delays);
		path_watch_destroy(t->watch);
		free(t);
		return NULL;
	}
	if (core >= 0 && job_thread_pin(t->thread, core) < 0)
		el_log(EL_LOG_WARNING, "stats", "core %d is not to be had for statistics", core);
	return t;
}

void stats_thread_destroy(struct stats_thread *t)
{
	if (!t)
		return;
	job_thread_destroy(t->thread, 0);
	for (struct job *job; (job = job_pop(&t->waiting)) != NULL;)
		drop(job);
	el_delays_destroy(t->delays);
	path_watch_destroy(t->watch);
	free(t);
}

int stats_thread_fd(const struct stats_thread *t)
{
	return job_thread_fd(t->thread);
}

void stats_thread_submit(struct stats_thread *t, struct stats_job *job)
{
	job_push(&t->waiting, &job->base, 0);
}

void stats_thread_run(struct stats_thread *t, struct el_snapshot *before)
{
	struct job *job = t->busy ? NULL : job_pop(&t->waiting);

	if (!job)
		return;
	t->busy = true;
	((struct stats_job *)job)->before = el_snapshot_get(before);
	job_thread_submit(t->thread, job, 0);
}

void stats_thread_drop(struct stats_thread *t, struct el_snapshot *s)
{
	struct stats_job *job = calloc(1, sizeof(*job));

	if (!job) { /* then control waits for it */
		el_snapshot_put(s);
		return;
	}
	job->before = s;
	job_thread_submit(t->thread, &job->base, 0);
}

struct el_paths *stats_thread_paths(struct stats_thread *t, const char *target)
{
	return path_watch_take(t->watch, target);
}

bool stats_thread_is_busy(const struct stats_thread *t)
{
	return t->busy;
}

struct stats_job *stats_thread_take(struct stats_thread *t)
{
	struct job *job = job_thread_take(t->thread);

	t->busy &= !job;
	return (struct stats_job *)job;
}
