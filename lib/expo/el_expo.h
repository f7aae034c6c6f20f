/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Figures to Prometheus' text format 0.0.4, or to its data model in Protocol Buffers. Pure: reads a
 * snapshot and copies of live counters, writes into the caller's buffer, in slices, so that a page
 * of any length costs bounded memory and time a call. */
#include <stdbool.h>
#include <stddef.h>

#include "el_counters.h"
#include "el_stats.h"

enum el_expo_format {
	EL_EXPO_TEXT,
	/* messages io.prometheus.client.MetricFamily, each behind its length as a varint; families
	 * without metrics are left out */
	EL_EXPO_PROTOBUF,
	EL_EXPO_FORMATS
};

/* A page has two parts: what is the snapshot's, then what is as it is when the page is asked for.
 */
enum el_expo_part { EL_EXPO_WHOLE, EL_EXPO_OF_SNAPSHOT, EL_EXPO_LIVE };

/* What a page is printed from; all of it must stay as it is until the page is finished. */
struct el_expo_input {
	/* may be NULL: whose figures they are is not known, only versions are printed */
	const struct el_snapshot *snapshot;
	const char *version, *dpdk_version;
	const struct el_worker_view *workers;
	uint32_t n_workers;
	const struct el_port_view *ports;
	uint32_t n_ports;
	enum el_expo_format format;
	enum el_expo_part part;
};

/* A place in a page. Zeroed memory is its beginning. */
struct el_expo_cursor {
	uint32_t family, row, sub;
	bool done;
};

/* Writes as many whole lines, or metrics, as fit into buf (cap at least EL_EXPO_LINE_MAX) and moves
 * the cursor behind them; returns how many bytes, 0 only at the end (cursor->done). No NUL is
 * written. One that is longer than any may be is left out. At the beginning of a family of messages
 * all of it is put together once, to know its length. */
size_t el_expo_render(const struct el_expo_input *in, struct el_expo_cursor *cursor, char *buf,
		      size_t cap);

#define EL_EXPO_LINE_MAX 32768
