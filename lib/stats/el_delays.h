/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is kept of STAMP sessions from round to round for the delay of each direction (el_delay.h).
 * It is changed by each round, so it is no part of a snapshot: whoever makes the figures of rounds
 * has it, one thread. */
#include "el_stats.h"

struct el_delays;

struct el_delays *el_delays_create(void);    /* NULL: no memory */
void el_delays_destroy(struct el_delays *d); /* NULL is fine */

/* As el_stats_round, and the delays of both directions. Rounds in their order; those of an older
 * plan than that of the latest have no delays, for sessions have gone on. Scratch memory besides:
 * 56 bytes a reply. */
struct el_round_figures *el_stats_round_delays(struct el_block *const *blocks, uint32_t n_blocks,
					       struct el_delays *d);
