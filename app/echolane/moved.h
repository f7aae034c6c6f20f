/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which times of a round are uncertain because addresses or routes had changed. Between a change
 * and the plan that knows of it, probes may leave the wrong way: where they are not answered they
 * are local, not lost. A change may also concern none of our streams, which is known only once the
 * next plan has been made; until then rounds are held back. All times are those of the workers'
 * clock. */
#include <stdbool.h>
#include <stdint.h>

#include "rollout.h"

/* What came of a plan that was ordered, besides a negative errno. */
enum plan_result {
	PLAN_MADE,
	PLAN_NOT_NEEDED, /* no stream goes another way */
	PLAN_NOT_TRIED,  /* the file is as it was: nothing else was looked at */
};

/* Zeroed memory, but for quiet_ns, is its beginning. */
struct moved {
	/* When control last looked for changes: what it finds next has happened since. */
	uint64_t quiet_ns;
	/* A plan is to be made, for changes since from_ns, of which control heard the first at
	 * first_ns and the last at last_ns. */
	bool wanted;
	uint64_t from_ns, first_ns, last_ns;
	/* A plan was ordered for changes since ordered_from_ns, and is not executed yet. */
	bool ordered;
	uint64_t ordered_from_ns;
	uint64_t order_ns; /* when it was ordered */
	uint64_t next_ns;  /* when the next may be ordered, at the earliest */
};

/* What has changed since the last call, a set of el_rtnl_change; 0: nothing. timeout_ns: the
 * longest that answers may still be waited for, which a change of addresses takes away. */
void moved_look(struct moved *m, unsigned what, uint64_t timeout_ns, uint64_t now_ns);
/* Whether a plan is to be ordered now. Changes that follow each other closely, as when an address
 * and its route are replaced, share one; and where they never end, plans are made half of the time
 * at most. */
bool moved_is_due(const struct moved *m, uint64_t now_ns);
/* A plan is being ordered, which will know of all changes up to now. True if there were any. */
bool moved_order(struct moved *m, uint64_t now_ns);
/* What came of it: an enum plan_result, or a negative errno. Of one that is made moved_end is to be
 * called when it is taken. Another is wanted for the same changes unless it is made or not needed.
 */
void moved_take_result(struct moved *m, int result, uint64_t now_ns);
/* Since when there are changes of which it is not known yet whether they matter; 0: none. Rounds
 * that end later are not published until it is known. is_making: the compile thread has not
 * finished what was ordered last. */
uint64_t moved_undecided_ns(const struct moved *m, const struct rollout *r, bool is_making);
/* Notes the time since the changes that are known to matter for all open rounds. */
void moved_mark(const struct moved *m, const struct rollout *r, bool is_making, uint64_t now_ns);
/* The plan that was ordered is executed from now on. */
void moved_end(struct moved *m, const struct rollout *r, uint64_t now_ns);
