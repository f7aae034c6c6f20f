/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Figures to Prometheus' text format 0.0.4. Pure: reads a snapshot and copies of live counters,
 * writes into the caller's buffer, in slices, so that a page of any length costs bounded memory and
 * time a call. */
#include <stdbool.h>
#include <stddef.h>

#include "el_counters.h"
#include "el_stats.h"

/* What a page is printed from; all of it must stay as it is until the page is finished. */
struct el_expo_input {
	/* may be NULL: whose figures they are is not known, only versions are printed */
	const struct el_snapshot *snapshot;
	const char *version, *dpdk_version;
	const struct el_worker_view *workers;
	uint32_t n_workers;
	const struct el_port_view *ports;
	uint32_t n_ports;
};

/* A place in a page. Zeroed memory is its beginning. */
struct el_expo_cursor {
	uint32_t family, row, sub;
	bool done;
};

/* Writes as many whole lines as fit into buf (cap at least EL_EXPO_LINE_MAX) and moves the cursor
 * behind them; returns how many bytes, 0 only at the end (cursor->done). No NUL is written. */
size_t el_expo_render(const struct el_expo_input *in, struct el_expo_cursor *cursor, char *buf,
		      size_t cap);

#define EL_EXPO_LINE_MAX 8192
