/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The rounds of one plan set, on control's side. Numbers them, hands their blocks to the workers
 * one round ahead, collects the reports and passes rounds that all workers have reported to
 * statistics. Each generation has one of these, until its last round is published. */
#include "el_plan.h"
#include "stats_thread.h"

struct rounds;

struct rounds_config {
	uint32_t n_workers;
	struct el_plan_set *set; /* a reference is taken */
	uint64_t last;           /* number of the last round; 0: without end */
	/* Hands each worker its block of a round, [n_workers]. False: a worker has no room now, and
	 * none has got its block. */
	bool (*order)(void *ctx, struct el_block *const *blocks);
	/* Takes over a round that is whole, for statistics; it comes back by rounds_recycle. */
	void (*submit)(void *ctx, struct stats_job *job);
	void *ctx; /* of both */
};

/* What befalls rounds from outside. */
struct rounds_note {
	uint64_t drops; /* packets that ports have dropped since the last note */
	/* A worker's clock has stepped: what it has stamped for other workers may be in any block;
	 * to_ns 0: none has. */
	struct el_span step;
	struct el_span moved; /* addresses or routes had changed and the plan had not; likewise */
};

/* Makes the blocks. NULL with errno. */
struct rounds *rounds_create(const struct rounds_config *config);
/* Neither workers nor statistics may have a block of it. NULL is fine. */
void rounds_destroy(struct rounds *r);

/* The first round has the number `first` and begins at `start_ns`. */
void rounds_start(struct rounds *r, uint64_t first, uint64_t start_ns);
/* No more rounds are handed out. Those that workers have go on. */
void rounds_retire(struct rounds *r);

/* Hands out what is due; to be called every few milliseconds. epoch_ns: when 1970 began, by the
 * clock of now_ns, modulo 2^64. */
void rounds_hand_out(struct rounds *r, uint64_t now_ns, uint64_t epoch_ns);
/* The first time from begin_ns on at which a plan's phase has a round begin; begin_ns where it has
 * none, or its rounds have no period. */
uint64_t rounds_in_phase(const struct el_plan_set *set, uint64_t begin_ns, uint64_t epoch_ns);
/* A worker's report; the block must be of this set. */
void rounds_report(struct rounds *r, struct el_block *block);
/* Passes rounds that are whole to statistics, in order; with before_ns (0: without), only those
 * that had ended by then. */
void rounds_submit(struct rounds *r, uint64_t before_ns);
/* A job that came back from there: its blocks can be used again. Frees it. */
void rounds_recycle(struct rounds *r, struct stats_job *job);

/* True if rounds_submit has something to pass on. */
bool rounds_are_whole(const struct rounds *r);
/* Goes to every round that has begun by then and has not been submitted. */
void rounds_note(struct rounds *r, const struct rounds_note *note, uint64_t now_ns);

struct el_plan_set *rounds_set(const struct rounds *r);
/* Number of the first round. */
uint64_t rounds_first(const struct rounds *r);
/* When a round begins: one that is open, or the next that would be handed out. 0: as soon as the
 * one before is sent. */
uint64_t rounds_begin_of(const struct rounds *r, uint64_t round);
/* True if no round is with the workers or with statistics. */
bool rounds_idle(const struct rounds *r);
/* True if no more will be handed out and none is under way. */
bool rounds_finished(const struct rounds *r);
uint64_t rounds_skipped(const struct rounds *r);
