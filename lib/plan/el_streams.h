/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What workers keep of the streams of a plan set from round to round: the set itself never changes.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "el_plan.h"

/* The id of the last probe of a TCP 4-tuple; 0: none, or it is answered. So a connection may be
 * half-open at its peer. The worker that sends it writes it, and all read it when they begin the
 * next plan. */
typedef _Atomic uint32_t el_half_open;

static inline uint32_t el_half_open_get(const el_half_open *h)
{
	return atomic_load_explicit(h, memory_order_relaxed);
}

static inline void el_half_open_set(el_half_open *h, uint32_t id)
{
	atomic_store_explicit(h, id, memory_order_relaxed);
}

/* One worker's, which alone writes it while it has rounds of the plan. */
struct el_worker_streams {
	el_half_open *half_open; /* [n_half_open of the plan] */
	/* [n_slices], for anybody to read: on whose queue the last answer of the target came in
	 * that had to be forwarded, as worker + 1; 0: none had to. */
	_Atomic uint8_t *rx_worker;
};

/* Counted; any thread. */
struct el_streams {
	struct el_plan_set *set; /* one reference held */
	_Atomic uint32_t refs;
	struct el_worker_streams of[EL_PLAN_WORKERS_MAX];
};

/* Of a set by which nothing was sent yet. NULL: no memory. */
struct el_streams *el_streams_create(struct el_plan_set *set);
struct el_streams *el_streams_get(struct el_streams *s);
void el_streams_put(struct el_streams *s); /* NULL is fine */

/* How far a walk over tables of half-open connections has come. Zeroed: nowhere. */
struct el_half_open_walk {
	uint32_t worker; /* of the plan before */
	uint32_t to, from;
};

/* Takes over into a worker's part of `to`, by which it has sent nothing yet, what all workers know
 * to be half-open of the same 4-tuples under the plan before: a stream may come from another
 * worker. True once that is done; false if it is to be called again, because so many entries' worth
 * of time went by (`budget`; one range, of 64 Ki entries at most, is not divided). For that worker.
 */
bool el_streams_inherit(struct el_streams *to, uint32_t worker, const struct el_streams *from,
			struct el_half_open_walk *walk, uint32_t budget);
