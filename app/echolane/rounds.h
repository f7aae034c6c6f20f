/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The rounds, as control sees them: numbers them, hands their blocks to the workers a round ahead,
 * collects the reports of all workers and passes whole rounds to statistics. */
#include "el_worker.h"
#include "stats_pool.h"

struct rounds;

struct rounds_config {
	struct el_worker *const *workers;
	uint32_t n_workers;
	struct el_plan_set *set; /* a reference is taken */
	struct stats_pool *stats;
	uint64_t limit; /* how many rounds; 0: without end */
};

/* Makes the blocks. NULL with errno. */
struct rounds *rounds_create(const struct rounds_config *config);
/* Workers must have been stopped. */
void rounds_destroy(struct rounds *r);

/* The first round begins at `start_tsc`. */
void rounds_start(struct rounds *r, uint64_t start_tsc);

/* Hands out what is due and collects reports; to be called every few milliseconds. */
void rounds_poll(struct rounds *r, uint64_t now_tsc);

/* What ports dropped just now: goes to every round that is open. */
void rounds_add_drops(struct rounds *r, uint64_t drops);

/* A job that came back from statistics: its blocks can be used again. Frees it. */
void rounds_recycle(struct rounds *r, struct stats_job *job);

/* No more rounds; unstarted ones come back empty, the one under way is cut. */
void rounds_cut_all(struct rounds *r);

/* True once as many rounds as the limit says, or all after a cut, have come back from statistics.
 */
bool rounds_finished(const struct rounds *r);

uint64_t rounds_skipped(const struct rounds *r);
