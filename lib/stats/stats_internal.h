/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the parts of statistics share. */
#include "el_delay.h"
#include "el_delays.h"
#include "el_stats.h"

/* CLOCK_REALTIME, to 68 years: only differences of times are of interest, and which of two eras all
 * are in is not. */
#define STATS_NEAR_NS (INT64_C(1) << 60)

/* figures.c: the model's percentiles, ascending and distinct; how many. */
size_t stats_percents_init(const struct el_model *model, int percents[EL_PERCENTILES_MAX]);
/* figures.c: the model's percentiles of n times, which are reordered, in the model's order; `none`
 * where there are none. */
void stats_percentiles_of(const struct el_model *model, const int *percents, size_t n_percents,
			  uint64_t *values, size_t n, double none, double *ret);

/* stamp.c: adds to the figures of a round what its blocks say of STAMP, if their plan has it.
 * delays: NULL: without delays of directions. 0, -ENOMEM. */
int stats_stamp_round(struct el_round_figures *f, struct el_block *const *blocks, uint32_t n_blocks,
		      struct el_delays *delays);
void stats_stamp_round_free(struct el_stamp_round *r); /* NULL is fine */

/* delays.c: the part of it that is of delays; r, which is going to be the figures' part that is of
 * STAMP, has its sessions. 0, -ENOMEM. */
int stats_delays_round(struct el_delays *d, struct el_round_figures *f, struct el_stamp_round *r,
		       struct el_block *const *blocks, uint32_t n_blocks);

/* stamp.c: for n percentiles of each measure, NaN. 0, -ENOMEM: what there is can be freed. */
int stats_measures_create(double *measures[EL_STAMP_MEASURES], size_t n);
void stats_measures_free(double *measures[EL_STAMP_MEASURES]);

/* stamp_state.c: the part of a snapshot that is of STAMP. */

/* For a model without rounds yet; *ret NULL if it has no STAMP targets. 0, -ENOMEM. */
int stats_stamp_state_create(const struct el_model *model, struct el_stamp_state **ret);
void stats_stamp_state_free(struct el_stamp_state *s); /* NULL is fine */
/* Takes over what `before` has (NULL: nothing). series, percentiles: which of those before each one
 * is, UINT32_MAX: none; NULL: all where they were. 0, -ENOMEM. */
int stats_stamp_state_carry(struct el_stamp_state *s, const struct el_model *model,
			    const struct el_stamp_state *before,
			    const struct el_model *model_before, const uint32_t *series,
			    const uint32_t *percentiles);
/* Adds a round of this model. 0, -ENOMEM. */
int stats_stamp_state_add(struct el_stamp_state *s, const struct el_model *model, uint64_t round,
			  const struct el_stamp_round *r);
/* Adds one of an older model, out of turn: `of` says which series of that each one is, UINT32_MAX:
 * none. */
void stats_stamp_state_add_older(struct el_stamp_state *s, const struct el_model *model,
				 const struct el_round_figures *figures, const uint32_t *of);
