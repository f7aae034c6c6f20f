/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Figures path by path: of a few series, for those who look at them. What ECMP hashes on tells
 * where packets are lost that only some paths lose. */
#include <stdint.h>

#include "el_plan.h"

#define EL_PATHS_MAX 4096

/* A path in a round: a stream, a source address and a source port. sent == answered + lost; local
 * and unknown are in neither (as in el_figures, abandoned ones counting as unknown). */
struct el_path {
	uint32_t series; /* of the model that the round was sent for */
	uint32_t sent, answered, lost, local, unknown;
	uint32_t timed; /* of the answered ones, those that have an RTT */
	struct el_ip target, source;
	uint16_t port;                   /* of the source; ICMPping: 0 */
	uint64_t rtt_min_ns, rtt_max_ns; /* 0: there is no RTT */
	double rtt_mean_ns;
};

/* Immutable once made; counted. */
struct el_paths {
	_Atomic uint32_t refs;
	uint64_t round, generation; /* of the plan set */
	uint64_t left_out;          /* paths past EL_PATHS_MAX */
	uint32_t n;
	struct el_path items[];
};

/* The paths of series first to first + n - 1 in a round, from the blocks that el_stats_round is
 * given. Looks at all slices, and at the records of those series. One reference; NULL: no memory.
 */
struct el_paths *el_stats_paths(struct el_block *const *blocks, uint32_t n_blocks, uint32_t first,
				uint32_t n);
struct el_paths *el_paths_get(struct el_paths *p);
void el_paths_put(struct el_paths *p); /* NULL is fine; any thread */
