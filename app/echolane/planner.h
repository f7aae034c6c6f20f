/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The planner: a thread that loads configurations, makes plans and frees them, so that control does
 * not wait for what takes seconds with a million targets. One plan is made at a time. */
#include "job_thread.h"
#include "planning.h"

struct planner_job {
	struct job base;
	enum { PLANNER_MAKE, PLANNER_LOAD, PLANNER_FREE } kind;
	struct planning_order order;
	bool cut;                   /* for control: the round under way ends for this plan */
	uint64_t digest;            /* LOAD: of the file as it was loaded last; then as it is */
	bool only_if_changed;       /* LOAD: nothing else than `digest` is to be done otherwise */
	struct shared_conf *shared; /* MAKE: taken over */
	struct planning planning;   /* FREE: what; else the result */
	int status;                 /* 0; 1: nothing is new; or -errno with `err` */
	struct el_error err;
};

/* Starts the thread; `c` must stay. NULL with errno. */
struct job_thread *planner_create(struct control *c);
/* Hands a job (heap) over. */
void planner_submit(struct job_thread *p, struct planner_job *job);
/* Has a plan freed that nobody uses any more. */
void planner_free(struct job_thread *p, struct planning *planning);
/* The next result (never of FREE), the caller's to free; NULL: none now. */
struct planner_job *planner_take(struct job_thread *p);
