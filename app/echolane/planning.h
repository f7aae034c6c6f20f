/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* From a configuration to what is to be executed: model and plan. */
#include "control.h"
#include "generation.h"

/* What a plan is made from besides its configuration, as it is when the plan is ordered. */
struct planning_snapshot {
	struct el_inventory_lists *inventories;
	struct names_known *names;
	struct network_view *network;
	/* Of the plan that is executed: its model, NULL: there is none yet, and its ways. */
	struct el_model *model;
	uint64_t digest;
};

struct planning_order {
	struct planning_snapshot from;
	uint64_t generation; /* of the plan set */
	/* The configuration is that of the plan that is executed: what is not new of its targets is
	 * not logged. */
	bool is_update;
	bool only_if_moved; /* a plan by which all streams go the same way is not wanted */
	/* One reference: streams are placed by where its answers came in. NULL: nothing new. */
	struct el_streams *learn_from;
};

/* On control's thread: things as they are now. 0 or -ENOMEM. */
int planning_take_snapshot(struct control *c, struct planning_snapshot *ret);

/* Has what a new plan wants asked for: names and next hops; its sources are ours. On control's
 * thread, as soon as the plan is there. */
void planning_adopt(struct control *c, const struct planning *p);

/* Lets go of what no other plan wants. On control's thread, before the plan is handed over to be
 * freed. */
void planning_release(struct control *c, const struct planning *p);

/* Lets go of what an order has. Any thread. */
void planning_order_fini(struct planning_order *order);

/* Compiles conf (the caller's reference becomes the result's, also on failure) into `ret`; its
 * rounds have not started. Everything that changes while running is as it is in the order; of
 * control it reads only what stays as it is, and what is the planner's alone. For one thread: the
 * planner's as long as there is one, which frees plans, too. 0; 1: nothing has moved; or -errno
 * with a sentence. */
int planning_make(struct control *c, struct planning_order *order, struct shared_conf *conf,
		  struct planning *ret, struct el_error *err);

/* What the file holds, as one number; 0 if it can't be read or is not a regular file. */
uint64_t planning_file_digest(const char *path);

/* Frees all of it. For the thread that makes plans. */
void planning_fini(struct planning *p);
