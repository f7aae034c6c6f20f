/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The rollout: how a new generation takes the place of the one that is executed, and when one is
 * over. It owns the generations and makes the schedule; it knows nothing of threads, sockets or
 * clocks: whoever drives it says what it needs of the world, and posts the schedules it gives.
 *
 *              ready                    proposed                  its moment has come
 *   STARTING --------> RUNNING <------------------> WAITING ---------------------> CLOSING
 *                         ^      (its place is taken,                                 |
 *                         |       see rollout_propose)                                |
 *                         +----- all have taken that: it is known who has begun what -+
 *
 *   each of them -- rollout_stop --> STOPPING -- that can be posted --> STOPPED
 *                   rollout_end  --> ENDING   -- likewise           --> ENDED
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
	ROLLOUT_STARTING, /* nothing is posted: names and next hops of the first are waited for */
	ROLLOUT_RUNNING,  /* the rounds of the newest generation are begun as their time comes */
	ROLLOUT_WAITING,  /* likewise, and another one waits for its next hops and its moment */
	ROLLOUT_CLOSING,  /* no rounds are begun: the gate is closed, and not all have taken that */
	ROLLOUT_STOPPING, /* no rounds are to be begun any more, which is not posted yet */
	ROLLOUT_STOPPED,  /* it is */
	ROLLOUT_ENDING,   /* what is open is to be closed, which is not posted yet */
	ROLLOUT_ENDED,    /* it is */
};

/* What is so at the time of a call. */
struct rollout_world {
	uint64_t now_ns; /* the workers' clock */
	bool taken;      /* all workers have taken the schedule that was posted last */
	uint64_t begun_first, begun_last; /* the last round begun of the worker that is furthest, */
					  /* and of the one that is furthest behind */
	bool is_making;                   /* another generation is being made */
	bool names_settled;               /* each name has been answered, one way or the other, */
	bool hops_settled;                /* and each next hop; */
	bool hops_told;                   /* the workers know of those that are */
};

struct rollout {
	enum rollout_state state;
	struct generation generations[ROLLOUT_GENERATIONS_MAX]; /* oldest first */
	uint64_t over_ns[ROLLOUT_GENERATIONS_MAX]; /* when the last round of each was over; 0: it is
						      not */
	uint32_t n;
	/* WAITING, CLOSING */
	struct generation next;
	bool next_cuts;    /* what is being sent ends for it */
	uint64_t since_ns; /* STARTING, WAITING: when that began */
	/* CLOSING: the first round that the gate is closed to, and when it was to begin */
	uint64_t gate_begin_ns;
	uint64_t skipped; /* rounds, of generations before the newest */
	/* In turn: the one posted last, the one before, which a worker may have taken and put aside
	 * until it looks again, and the next. */
	struct el_schedule schedules[3];
	uint32_t posted; /* which of them is the last */
};

/* With the first generation, which is taken over. */
void rollout_init(struct rollout *r, struct generation *first);

/* The one that is executed, or will be first. */
static inline struct generation *rollout_newest(struct rollout *r)
{
	return &r->generations[r->n - 1];
}

/* The generation whose plan set this is; NULL: none that is not over. */
struct generation *rollout_find(struct rollout *r, const struct el_plan_set *set);

/* Whether there is a place for another generation. */
bool rollout_may_propose(const struct rollout *r);
/* A generation that is to follow the newest one, which is taken over; cut: at once, else after what
 * is being sent. In STARTING it takes the place of the first, which is over. */
void rollout_propose(struct rollout *r, struct generation *generation, bool cut, uint64_t now_ns);

/* No more rounds are begun, and what is being sent ends. What waits to be taken never will be. */
void rollout_stop(struct rollout *r);

/* After a stop: what is still open is closed now, and abandoned. */
void rollout_end(struct rollout *r);

/* To be called every few milliseconds. Moves on; a schedule that is to be posted, before the rounds
 * of the newest generation are handed out next, or NULL. It stays as it is until the next but one
 * is posted. */
const struct el_schedule *rollout_poll(struct rollout *r, const struct rollout_world *world);

/* Whether rounds of the newest generation are to be handed out. */
static inline bool rollout_hands_out(const struct rollout *r)
{
	return r->state == ROLLOUT_RUNNING || r->state == ROLLOUT_WAITING;
}

/* A generation that nobody uses any more, to be looked at; NULL: none. */
const struct generation *rollout_over(const struct rollout *r, const struct rollout_world *world);
/* The same, which is the caller's now; false: none. */
bool rollout_take_over(struct rollout *r, const struct rollout_world *world,
		       struct generation *ret);
/* True if no block of some generation is with anybody, though answers to it may come late: its
 * rounds are the caller's then. */
struct rounds *rollout_take_rounds(struct rollout *r, uint64_t now_ns);

/* True if no round is open, with workers or with statistics, and none will be begun. */
bool rollout_is_finished(const struct rollout *r);
/* The longest timeout of a round that is open. */
uint64_t rollout_timeout_ns(const struct rollout *r);
/* Rounds that were left out since the start. */
uint64_t rollout_skipped(const struct rollout *r);
