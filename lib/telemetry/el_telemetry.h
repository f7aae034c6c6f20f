/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Commands on DPDK's telemetry socket, over snapshots and copies of counters:
 *   /echolane/info               version, vector instructions, probe name, round, numbers of
 *                                targets and series
 *   /echolane/workers            the numbers of the workers
 *   /echolane/worker,N           the counters of worker N
 *   /echolane/ports              the counters of all ports, by number
 *   /echolane/conservation       what ports and workers count, and what is missing
 *   /echolane/rss                how each port spreads what comes in, by number
 *   /echolane/series[,FIRST]     figures of the series from number FIRST (0) on, by number
 *   /echolane/target,NAME[,FIRST]  figures of a target's series, by number, then of its paths
 *                                ("path_0", ...); from entry FIRST on of all of these
 *   /echolane/top,KEY,N[,FIRST[,FILTER]]  N of the worst series by a key of el_rank.h, from place
 *                                FIRST on, of those that match the filter, by place
 *   /echolane/neighbours[,FIRST], /echolane/routes[,FIRST]  by number
 *   /echolane/plan, /echolane/rounds, /echolane/clock, /echolane/reload
 *
 * Lists are as many entries as a reply holds; the next page begins behind the last of them. Times
 * are nanoseconds. Strings are cut to 127 bytes; bytes that are not ASCII, control characters and
 * backslashes are \xNN in them. A wrong parameter is answered with {"error": what was expected}. */
#include <stdint.h>

#include "el_counters.h"
#include "el_facts.h"
#include "el_paths.h"
#include "el_stats.h"

/* Called on DPDK's telemetry threads (each client has one), one call at a time. */
struct el_telemetry_source {
	/* Both must last. */
	const char *version;
	const char *vectors; /* the vector instructions that workers use */
	/* A reference to the current snapshot, or NULL while there is none. */
	struct el_snapshot *(*snapshot)(void *ctx);
	struct el_facts *(*facts)(void *ctx); /* likewise */
	/* The paths of a target in a round, likewise; from now on they are known of each round, for
	 * some time. */
	struct el_paths *(*paths)(void *ctx, const char *target);
	/* Copies of the counters into at most `max` elements; how many. */
	uint32_t (*workers)(void *ctx, struct el_worker_view *ret, uint32_t max);
	uint32_t (*ports)(void *ctx, struct el_port_view *ret, uint32_t max);
	void *ctx;
};

/* Registers the commands, and answers them from `source`, which is copied. Any thread; the socket
 * itself is EAL's. 0, -EBUSY if there is a source already, or what rte_telemetry_register_cmd
 * returns. */
int el_telemetry_register(const struct el_telemetry_source *source);

/* From its return on the source is not called any more; the commands answer null. */
void el_telemetry_unregister(void);
