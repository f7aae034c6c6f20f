/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What workers note about the streams of a plan set from round to round; the set itself never
 * changes. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "el_plan.h"

/* The id of the last probe of a TCP 4-tuple, whose connection may be half-open at the peer; 0:
 * there is none, or it was answered. Written by the worker that sends the stream; read by all
 * workers when they begin a newer plan. */
typedef _Atomic uint32_t el_half_open;

static inline uint32_t el_half_open_get(const el_half_open *h)
{
	return atomic_load_explicit(h, memory_order_relaxed);
}

static inline void el_half_open_set(el_half_open *h, uint32_t id)
{
	atomic_store_explicit(h, id, memory_order_relaxed);
}

/* One worker's, which alone writes it. */
struct el_worker_streams {
	el_half_open *half_open; /* [n_half_open of the plan] */
	/* [n_slices]: the worker, + 1, that the last forwarded answer to the slice came in at; 0:
	 * none was forwarded. Read by the compile thread (steering_learn). */
	_Atomic uint8_t *rx_worker;
	/* [n_slices], in plans that ask by TLVs, else NULL: probes sent so far, modulo 2^32; the
	 * worker's alone. */
	uint32_t *n_sent;
};

/* Counted; any thread. */
struct el_streams {
	struct el_plan_set *set; /* one reference held */
	_Atomic uint32_t refs;
	struct el_worker_streams of[EL_PLAN_WORKERS_MAX];
};

/* Empty, for a set by which nothing was sent yet. NULL: no memory. */
struct el_streams *el_streams_create(struct el_plan_set *set);
struct el_streams *el_streams_get(struct el_streams *s);
void el_streams_put(struct el_streams *s); /* NULL is fine */

/* How far el_streams_inherit has come. Zeroed: at the beginning. */
struct el_half_open_walk {
	uint32_t worker;   /* whose part of `from` */
	uint32_t to, from; /* range in either table */
};

/* Copies the half-open connections of `from`, of all workers, whose 4-tuples are in this worker's
 * part of `to`, by which it has sent nothing yet: another worker may have sent them before. True
 * once that is done. False: `budget` entries were looked at, and it is to be called again; a range,
 * of 64 Ki entries at most, is not divided. On that worker. */
bool el_streams_inherit(struct el_streams *to, uint32_t worker, const struct el_streams *from,
			struct el_half_open_walk *walk, uint32_t budget);
