/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The statistics thread: takes the finished blocks of a round and gives back the snapshot with its
 * figures. One round at a time, since each snapshot follows the one before. */
#include "el_plan.h"
#include "el_stats.h"
#include "job_thread.h"

struct el_paths;

struct rounds;

struct stats_job {
	struct job base;
	struct rounds *owner; /* whose blocks these are; NULL: `before` is to be dropped, no more */
	uint64_t round;
	uint64_t local_drops; /* of the ports, while the round was open */
	uint32_t n_blocks;
	struct el_block *blocks[EL_PLAN_WORKERS_MAX];
	struct el_snapshot *before;   /* one reference */
	struct el_snapshot *snapshot; /* the result, not published yet; NULL: no memory */
};

struct stats_thread;

/* Starts the thread, on `core` if it is >= 0. NULL with errno. */
struct stats_thread *stats_thread_create(int core);
/* Waits for the job at hand and frees those that nobody took. NULL is fine. */
void stats_thread_destroy(struct stats_thread *t);

/* Readable when results are waiting; for epoll. */
int stats_thread_fd(const struct stats_thread *t);

/* Queues a job (heap; its blocks are empty again when it comes back). Control's thread. */
void stats_thread_submit(struct stats_thread *t, struct stats_job *job);
/* Has the next queued job done, if none is under way: its snapshot will follow `before`, so no
 * other may be published until it has been taken. Control's thread. */
void stats_thread_run(struct stats_thread *t, struct el_snapshot *before);
/* Has a reference to a snapshot dropped: freeing a large one, perhaps with its model, takes a
 * while. Control's thread. */
void stats_thread_drop(struct stats_thread *t, struct el_snapshot *s);
/* The paths of a target, as path_watch_take. Any thread. */
struct el_paths *stats_thread_paths(struct stats_thread *t, const char *target);
/* True while a job is under way or its result has not been taken. Control's thread. */
bool stats_thread_is_busy(const struct stats_thread *t);
/* The next finished one, the caller's to free; NULL: none now. Control's thread. */
struct stats_job *stats_thread_take(struct stats_thread *t);
