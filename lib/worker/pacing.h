/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Pacing of one class in one round: how many of its records are due. Integers only, absolute
 * deadlines: exact at one probe a second and at line rate, for hours. After a stall the line moves
 * forward and the time is counted: what was missed goes later or not at all, never in a burst. It
 * moves by whole records, so that a device which is slower than the line, for which it moves at
 * each look, costs no division. */
#include <stdint.h>

#include "el_plan.h"

#define EL_PACING_DEBT_PROBES 64
#define EL_PACING_DEBT_S 100e-6

struct el_pacing {
	uint64_t start_ns;  /* of the due line */
	uint64_t rate_q64;  /* records a ns; UINT64_MAX: all are due at once */
	uint64_t skipped;   /* how far stalls have moved the line forward, in records */
	uint64_t record_q8; /* ns a record, 56.8, at least 1: to compare classes by time */
	uint32_t debt_max;  /* records */
	uint32_t total;
	uint32_t done; /* records dealt with */
};

static inline void el_pacing_begin(struct el_pacing *p, const struct el_plan_class *c,
				   uint64_t start_ns, uint64_t debt_ns)
{
	uint64_t debt = (uint64_t)(((unsigned __int128)c->rate_q64 * debt_ns) >> 64);

	*p = (struct el_pacing){
	    .start_ns = start_ns,
	    .rate_q64 = c->rate_q64,
	    .record_q8 = c->rate_q64 == UINT64_MAX
			     ? 1
			     : (uint64_t)(((unsigned __int128)1 << 72) / c->rate_q64),
	    .debt_max = (uint32_t)(debt > EL_PACING_DEBT_PROBES ? debt : EL_PACING_DEBT_PROBES),
	    .total = c->n_slices * c->n_packets,
	};
}

/* Records due by `now` and not dealt with yet, debt_max at most. The first is due at the start. */
static inline uint32_t el_pacing_debt(struct el_pacing *p, uint64_t now)
{
	uint32_t left = p->total - p->done;
	uint64_t due, debt;

	if (p->rate_q64 == UINT64_MAX)
		return left;
	if (!left || (int64_t)(now - p->start_ns) < 0)
		return 0;
	/* the line goes on past the last record: what was missed before that is no burst either */
	due = (uint64_t)(((unsigned __int128)(now - p->start_ns) * p->rate_q64) >> 64) + 1 -
	      p->skipped;
	if (due <= p->done)
		return 0;
	debt = due - p->done;
	if (debt > p->debt_max && left > p->debt_max) {
		p->skipped += debt - p->debt_max;
		debt = p->debt_max;
	}
	return debt < left ? (uint32_t)debt : left;
}

/* The time of the round is over: what is due by `now` is all that is left to send, at once. */
static inline void el_pacing_end(struct el_pacing *p, uint64_t now)
{
	p->total = p->done + el_pacing_debt(p, now);
	p->rate_q64 = UINT64_MAX;
}

/* The time that stalls have moved the line forward by. */
static inline uint64_t el_pacing_skipped_ns(const struct el_pacing *p)
{
	return (p->skipped * p->record_q8) >> 8;
}
