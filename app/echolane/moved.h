/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Between a change of addresses or routes and the plan that knows of it, probes may leave the wrong
 * way: those that are not answered are no losses of the network's, but local. What has changed
 * somewhere else changes no plan, which is known once the next one has been made. All times are
 * those of the workers' clock. */
#include <stdbool.h>
#include <stdint.h>

#include "rollout.h"

/* Zeroed memory, but for quiet_ns, is its beginning. */
struct moved {
	uint64_t quiet_ns; /* when nothing more had changed, last */
	/* A plan is to be made, for what has changed since from_ns; when it was heard of. */
	bool wanted;
	uint64_t from_ns, first_ns, last_ns;
	/* One is being made, or waits to be taken, for what had changed since ordered_from_ns. */
	bool ordered;
	uint64_t ordered_from_ns;
	uint64_t order_ns,
	    next_ns; /* when that was, and when another plan may be ordered for this */
};

/* Nothing has changed until `now_ns`, or `what` has (a set of el_rtnl_change), since the last call;
 * answers to what was sent timeout_ns before may still be waited for. */
void moved_look(struct moved *m, unsigned what, uint64_t timeout_ns, uint64_t now_ns);
/* Whether a plan is to be made because of changes, now: some follow each other, as when an address
 * and a route are replaced, and are taken together. Where routes change all the time, making plans
 * takes half of it at most. */
bool moved_is_due(const struct moved *m, uint64_t now_ns);
/* A plan is being ordered, which will know of all changes up to now: true if there were any. */
bool moved_order(struct moved *m, uint64_t now_ns);
/* What became of it: 0, and moved_end is to be called when it is taken; 1: all streams go as
 * before; a negative errno. */
void moved_take_result(struct moved *m, int status, uint64_t now_ns);
/* Since when it is not known whether what has changed matters: rounds that end later wait
 * for that. 0: it is known. is_making: the compile thread has not finished what was ordered
 * last. */
uint64_t moved_undecided_ns(const struct moved *m, const struct rollout *r, bool is_making);
/* Marks the rounds that are open, with what is known to matter. */
void moved_mark(const struct moved *m, const struct rollout *r, bool is_making, uint64_t now_ns);
/* The plan that was ordered is the one that is executed from now on; the one before is over. */
void moved_end(struct moved *m, const struct rollout *r, uint64_t now_ns);
