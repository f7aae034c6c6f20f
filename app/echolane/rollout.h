/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The rollout: when a new generation takes the place of the one that is executed, and when an old
 * one may be freed. It owns the generations and makes the schedules (el_schedule.h). It knows no
 * threads, sockets or clocks: control tells it the state of the world and posts what it returns.
 *
 *            ready             proposed             next hops known, no round about to begin
 *   STARTING -----> RUNNING -------------> WAITING ------------------------------> CLOSING
 *                      ^        all workers have taken the closed gate, so it         |
 *                      +------- is known which rounds have begun: the new one follows +
 *
 *   any -- rollout_stop --> STOPPING -- workers have taken the last schedule --> STOPPED
 *          rollout_end  --> ENDING   -- likewise                             --> ENDED
 *   (from STARTING, rollout_stop goes to STOPPED at once)
 *
 * A change never waits for the timeouts of probes: several old plans may have open rounds. Where
 * there is no room for another span, an old plan of which nothing is open goes; where there is no
 * such, the oldest is closed, and what is still open of it is abandoned. */
#include <stdbool.h>
#include <stdint.h>

#include "el_schedule.h"
#include "generation.h"

/* Those in the schedule, and those that are being let go of; one more waits to be taken. */
#define ROLLOUT_GENERATIONS_MAX (2 * EL_SCHEDULE_SPANS_MAX)

enum rollout_state {
	ROLLOUT_STARTING, /* no schedule is posted: names and next hops are waited for */
	ROLLOUT_RUNNING,  /* the newest generation is executed, and none waits */
	ROLLOUT_WAITING,  /* likewise, and `next` waits for its next hops and its moment */
	ROLLOUT_CLOSING,  /* a closed gate is posted: no round begins until `next` is opened */
	ROLLOUT_STOPPING, /* the schedule that ends sending is still to be posted */
	ROLLOUT_STOPPED,  /* it is posted, or nothing ever was */
	ROLLOUT_ENDING,   /* the schedule that closes all open rounds is still to be posted */
	ROLLOUT_ENDED,    /* it is posted */
};

/* What is so at the time of a call. */
struct rollout_world {
	uint64_t now_ns;   /* the workers' clock */
	uint64_t epoch_ns; /* when 1970 began by that clock, modulo 2^64 */
	bool taken;        /* all workers have taken the schedule that was posted last */
	/* The number of the round begun last: of the worker that is furthest, and of the one that
	 * is furthest behind. Where they differ, a round has begun on some workers only. */
	uint64_t begun_first, begun_last;
	bool is_making;    /* the compile thread makes another generation */
	bool names_known;  /* no name is waited for any longer */
	bool hops_settled; /* all next hops are resolved or known not to answer */
	bool hops_told;    /* the workers have been sent all that is known of next hops */
};

struct rollout {
	enum rollout_state state;
	struct generation generations[ROLLOUT_GENERATIONS_MAX]; /* oldest first */
	/* [n]: when the last round of each was published; 0: it is not */
	uint64_t over_ns[ROLLOUT_GENERATIONS_MAX];
	uint32_t n;
	/* The one that is to follow, in WAITING and CLOSING. */
	struct generation next;
	bool next_cuts;    /* the round that is being sent ends for it */
	uint64_t since_ns; /* when STARTING or WAITING began */
	/* CLOSING: when the first round was to begin that the gate is closed to */
	uint64_t gate_begin_ns;
	uint64_t skipped; /* rounds left out, of all generations but the newest */
	/* Used in turn: workers use the one posted last or the one before it; the third is free. */
	struct el_schedule schedules[3];
	uint32_t posted; /* index of the last */
};

/* With the first generation, which is taken over. */
void rollout_init(struct rollout *r, struct generation *first);

/* The one that is executed; in STARTING, the one that will be. */
static inline struct generation *rollout_newest(struct rollout *r)
{
	return &r->generations[r->n - 1];
}

/* The generation whose plan set this is; NULL: none that is not over. */
struct generation *rollout_find(struct rollout *r, const struct el_plan_set *set);

/* Whether there is a place for another generation. */
bool rollout_may_propose(const struct rollout *r);
/* Takes over a generation that is to follow the newest one: after the round that is being sent, or,
 * with `cut`, as soon as that can be ended. In STARTING it is executed in place of the first. */
void rollout_propose(struct rollout *r, struct generation *generation, bool cut, uint64_t now_ns);

/* No more rounds begin, and the one that is being sent ends. `next` is never executed. */
void rollout_stop(struct rollout *r);

/* After a stop: closes what is still open, whose answers are not waited for any longer. */
void rollout_end(struct rollout *r);

/* Goes on to the next state if it can; to be called every few milliseconds. Returns a schedule, to
 * be posted before rounds are handed out, or NULL. It stays as it is until the next but one is
 * returned. */
const struct el_schedule *rollout_poll(struct rollout *r, const struct rollout_world *world);

/* Whether rounds of the newest generation are to be handed out. */
static inline bool rollout_hands_out(const struct rollout *r)
{
	return r->state == ROLLOUT_RUNNING || r->state == ROLLOUT_WAITING;
}

/* A generation that nobody uses any more; it stays the rollout's. NULL: none. */
const struct generation *rollout_over(const struct rollout *r, const struct rollout_world *world);
/* Gives that one to the caller; false: none. */
bool rollout_take_over(struct rollout *r, const struct rollout_world *world,
		       struct generation *ret);
/* The rounds of an old generation that are all published: the caller's to free, for they hold its
 * blocks. The generation stays, for late answers. NULL: none. */
struct rounds *rollout_take_rounds(struct rollout *r, uint64_t now_ns);

/* Notes it for the rounds of all generations (rounds_note). */
void rollout_note(const struct rollout *r, const struct rounds_note *note, uint64_t now_ns);

/* True if no round is open, with workers or with statistics, and none will be begun. */
bool rollout_is_finished(const struct rollout *r);
/* The longest timeout of the generations that may have open rounds. */
uint64_t rollout_timeout_ns(const struct rollout *r);
/* Rounds that were left out since the start. */
uint64_t rollout_skipped(const struct rollout *r);
