/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* From a configuration to what is to be executed: model and plan, which are made of snapshots of
 * what else they need, so that nothing of control's is touched. That is done on a thread of its
 * own, which loads configurations and frees generations, too: control does not wait for what takes
 * seconds with a million targets. One generation is made at a time. */
#include "control.h"
#include "generation.h"
#include "job_thread.h"

/* What a plan is made from besides its configuration. */
struct compile_order {
	/* as they are when the plan is ordered: compile_take_snapshot */
	struct el_inventory_lists *inventories;
	struct names_known *names;
	struct network_view *network;
	/* Of the configuration's targets: those of the plan that is executed, or read anew with the
	 * configuration. NULL: none. */
	struct el_stamp_keys *keys;
	/* Of the plan that is executed: its model, NULL: there is none yet, and its ways. */
	struct el_model *model;
	uint64_t digest;

	uint64_t generation; /* of the plan set */
	/* The configuration is that of the plan that is executed: what is not new of its targets is
	 * not logged. */
	bool is_update;
	bool only_if_moved; /* a plan by which all streams go the same way is not wanted */
	/* One reference: streams are placed by where its answers came in. NULL: nothing new. */
	struct el_streams *learn_from;
};

/* On control's thread: has an order go by things as they are now. 0 or -ENOMEM. */
int compile_take_snapshot(struct control *c, struct compile_order *order);

/* Has what a new plan wants asked for: names and next hops; its sources are ours. On control's
 * thread, as soon as the plan is there. */
void compile_adopt(struct control *c, const struct generation *p);

/* Lets go of what an order has. Any thread. */
void compile_order_fini(struct compile_order *order);

/* Compiles conf (the caller's reference becomes the result's, also on failure) into `ret`; its
 * rounds have not started. Everything that changes while running is as it is in the order; of
 * control it reads only what stays as it is, and what is the compile thread's alone, on which it is
 * to run as long as there is one. PLAN_MADE, PLAN_NOT_NEEDED, or -errno with a sentence. */
int compile_make(struct control *c, struct compile_order *order, struct el_conf *conf,
		 struct generation *ret, struct el_error *err);

/* What the file holds, as one number; 0 if it can't be read or is not a regular file. */
uint64_t compile_file_digest(const char *path);

/* ---- the thread ---- */

struct compile_job {
	struct job base;
	enum { COMPILE_MAKE, COMPILE_LOAD, COMPILE_FREE } kind;
	struct compile_order order;
	bool cut;                     /* for control: the round under way ends for this plan */
	uint64_t n_refusals;          /* for control: network_refusals when it was ordered */
	uint64_t digest;              /* LOAD: of the file as it was loaded last; then as it is */
	bool only_if_changed;         /* LOAD: nothing else than `digest` is to be done otherwise */
	struct el_conf *conf;         /* MAKE: taken over */
	struct generation generation; /* FREE: what; else the result */
	int status;                   /* enum plan_result; or -errno with `err` */
	struct el_error err;
};

/* Starts the thread, for jobs of this kind (job_thread_submit); `c` must stay. NULL with errno. */
struct job_thread *compile_create(struct control *c);
/* Has a plan freed that nobody uses any more. */
void compile_free(struct job_thread *p, struct generation *generation);
/* The next result (never of FREE), the caller's to free; NULL: none now. */
struct compile_job *compile_take(struct job_thread *p);
