/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A thread that does jobs, one after the other, so that whoever orders them does not wait. */
#include <stdbool.h>
#include <stdint.h>

/* The first member of every job; jobs are on the heap. */
struct job {
	struct job *next;
};

/* Puts a job at the end of a queue. Where `most` are in it already (0: any number may be) it takes
 * the place of the latest, which is returned; NULL otherwise. */
struct job *job_push(struct job **queue, struct job *job, uint32_t most);
/* The first of a queue, which is not in it any more; NULL: it is empty. */
struct job *job_pop(struct job **queue);

struct job_thread;

/* Starts the thread; its name (of up to 15 bytes) is what the kernel calls it. It calls `work`:
 * true if the job is to come back from job_thread_take. `drop` frees all others. Within `work` the
 * thread may allow that it is cancelled. NULL with errno. */
struct job_thread *job_thread_create(const char *name, bool (*work)(void *ctx, struct job *job),
				     void (*drop)(struct job *job), void *ctx);
/* Waits until all jobs are done, or for grace_ms at most if that is not negative. Those that wait
 * then are dropped, the one at hand ends; nobody gets results any more. False: not all are done.
 * NULL is fine. */
bool job_thread_destroy(struct job_thread *t, int grace_ms);
/* Lets the thread run on this core only. 0 or a negative errno. */
int job_thread_pin(struct job_thread *t, int core);

/* Readable from when there are results until job_thread_take has returned NULL; for epoll. */
int job_thread_fd(const struct job_thread *t);
/* Takes over a job. `most` as for job_push: one that is replaced is dropped. */
void job_thread_submit(struct job_thread *t, struct job *job, uint32_t most);
/* The next result, in the order of the jobs, the caller's to free; NULL: none now. */
struct job *job_thread_take(struct job_thread *t);
