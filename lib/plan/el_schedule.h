/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The schedule says by which plan a round is sent, and which rounds may begin. Control makes each
 * from the one before and posts it (el_board.h); none is ever changed. So all workers find the same
 * plan for a round, for sending as for answers, and several plans may have open rounds at a time.
 *
 * To put another plan in place of the newest, control first closes the gate, in a schedule that is
 * otherwise the same. Once no worker uses an older one it is known which rounds have begun; the new
 * plan's span follows the last of them. So the end of a span is moved only over rounds that nobody
 * has begun: no answer to a probe finds another plan than the one that it was sent by. */
#include <stdbool.h>
#include <stdint.h>

#include "el_streams.h"

#define EL_SCHEDULE_SPANS_MAX 8
#define EL_ROUND_NONE UINT64_MAX /* later than any */

/* The rounds of a plan. */
struct el_schedule_span {
	uint64_t first;
	uint64_t end; /* one past the last; EL_ROUND_NONE: it is open */
	/* Both stay at least until no worker uses a schedule with this span any more. */
	const struct el_plan_set *set;
	struct el_streams *streams; /* of the set, for its workers */
};

struct el_schedule {
	uint64_t gate; /* rounds below it may be begun */
	uint64_t cut;  /* rounds below it stop sending */
	uint32_t n;
	struct el_schedule_span spans[EL_SCHEDULE_SPANS_MAX]; /* by round; only the last is open */
};

/* The span that a round is in; NULL: none, its plan is over or was never there. */
const struct el_schedule_span *el_schedule_find(const struct el_schedule *s, uint64_t round);

/* The span of the plan set of this generation; NULL: likewise. */
const struct el_schedule_span *el_schedule_find_generation(const struct el_schedule *s,
							   uint64_t generation);

/* Each of these returns the schedule that follows `s`. Close: rounds from `gate` on don't begin;
 * cut: and the round that is being sent ends. */
struct el_schedule el_schedule_close(const struct el_schedule *s, uint64_t gate, bool cut);
/* Open: rounds from `first` on, none of which has begun, are sent by the plan set of `streams`, and
 * there is no gate. If that leaves the last span without rounds, it goes. There must be room for a
 * span. */
struct el_schedule el_schedule_open(const struct el_schedule *s, uint64_t first,
				    struct el_streams *streams);
/* Drop: without the span of a plan set; workers close what is still open of it at once. */
struct el_schedule el_schedule_drop(const struct el_schedule *s, const struct el_plan_set *set);
