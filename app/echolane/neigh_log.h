/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Says what is heard of neighbours: at first each time, then, as whoever floods the link decides
 * how often that is, a line every so often with how many were left out. */
#include "el_neigh.h"

/* Zeroed memory: nothing was said yet. */
struct neigh_log {
	uint64_t full_ns; /* when the lines that may be said at once are all there again */
	uint64_t left_out;
};

/* `port`: its name. `now_ns` as of el_neigh_input. */
void neigh_log_event(struct neigh_log *log, const struct el_neigh_event *event, const char *port,
		     uint64_t now_ns);
