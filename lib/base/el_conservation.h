/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A law of conservation: what goes into something comes out of it, or it says that it has dropped
 * it, or it is still on its way. What does not add up has been lost in there without a word. Pure;
 * for any one thread. */
#include <stdbool.h>
#include <stdint.h>

/* How far a counter has come from one reading to the next. One of 32 or 64 bits that has passed its
 * end has gone on. False: it has been set back, and `ret_step` is what it has counted since. */
bool el_counter_step(uint64_t before, uint64_t now, uint64_t *ret_step);

/* The counters of one way through something at about one moment, `in` read first and `out` last.
 * None is ever less than before. */
struct el_flow {
	uint64_t in, out, dropped;
	/* Another number than before: some of them were not followed since the last reading. */
	uint64_t breaks;
};

struct el_conservation {
	uint64_t room;         /* what can be on its way at most */
	uint64_t settle_ns;    /* what went in before that has come out, or never will */
	struct el_flow base;   /* since this reading is counted */
	struct el_flow before; /* an earlier one, and when it was */
	uint64_t before_ns;
	uint64_t missing; /* since `base`, as told so far */
	bool owing;       /* something was missing up to `base` */
	bool unsure;      /* there is no `base`: begun anew at `before` */
	bool doubted;     /* it counts something else */
};

/* The counters are all zero at `now_ns`. */
void el_conservation_init(struct el_conservation *c, uint64_t room, uint64_t now_ns);

/* The packets that are missing now and were not at the last call: never more than are. Whatever the
 * readings are of, what may still be on its way is not among them: of what has gone in since an
 * earlier reading, up to `room`. So that what is missing shows once traffic has rested for
 * settle_ns, or goes beyond that. Counters that turn out to come later than settle_ns make that
 * longer. Once more has come out than can have gone in, nothing is believed any more (`doubted`),
 * and 0 is returned. */
uint64_t el_conservation_update(struct el_conservation *c, uint64_t now_ns,
				const struct el_flow *now);
