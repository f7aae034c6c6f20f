/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which series are the worst: what /echolane/top and `echolane top` go by. Pure. */
#include <stddef.h>
#include <stdint.h>

#include "el_stats.h"

/* Keys; what is not measured comes before what is good, for nobody knows what it is. */
#define EL_RANK_KEYS(X)                                                                            \
	X(LOSS, "loss", "the share of the last round's probes that was lost")                      \
	X(LOST, "lost", "probes lost in the last round")                                           \
	X(RTT, "rtt", "the highest percentile of the round-trip times")                            \
	X(MAX, "max", "the longest round-trip time")                                               \
	X(LATE, "late", "probes answered after their timeout")                                     \
	X(LOCAL, "local", "probes that never left this machine")                                   \
	X(UNKNOWN, "unknown", "probes of which nobody knows whether they were lost")               \
	X(UNCERTAIN, "uncertain", "answers whose time is not certain")                             \
	X(STATE, "state", "what is not probed first")                                              \
	X(NUMBER, "number", "in the order of the configuration")

enum el_rank_key {
#define EL_RANK_ENUM(id, name, help) EL_RANK_##id,
	EL_RANK_KEYS(EL_RANK_ENUM)
#undef EL_RANK_ENUM
	    EL_RANK_N
};

/* By key. */
extern const char *const el_rank_names[EL_RANK_N];
extern const char *const el_rank_helps[EL_RANK_N];
/* The key of a name of `len` bytes; -1: it is none. */
int el_rank_find(const char *name, size_t len);

/* A series of the snapshot's model, or, from n_series on, one of model->absent. */
typedef uint32_t el_rank_row;

uint32_t el_rank_rows(const struct el_model *m);
/* What a row is of. */
const char *el_rank_target(const struct el_model *m, el_rank_row row);
const char *el_rank_group(const struct el_model *m, el_rank_row row); /* "": none */
/* "probed", "in_part" or why not. */
const char *el_rank_state(const struct el_model *m, el_rank_row row);

/* The rows whose target, group, address, type or state has `filter` in it (in any case; "": all),
 * the worst first: *ret (to be freed with free()) holds the first `want` of them, or all where
 * there are fewer, and *ret_matching is how many there are. Rows that are equally bad are in the
 * order of the configuration. Some 100 ns a row. 0 or -ENOMEM. */
int el_rank(const struct el_snapshot *s, enum el_rank_key key, const char *filter, uint32_t want,
	    el_rank_row **ret, uint32_t *ret_matching);
