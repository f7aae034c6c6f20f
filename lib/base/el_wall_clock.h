/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* CLOCK_REALTIME in terms of the time that everything is measured in (CLOCK_MONOTONIC_RAW,
 * el_core_clock.h), for stamps that another machine is to understand: a line from the one to the
 * other, and how good the kernel says that CLOCK_REALTIME is. Plain arithmetic but for
 * el_wall_clock_read.
 *
 * The line goes through the latest reading, and its slope is that of the latest few, for the kernel
 * slews CLOCK_REALTIME as it is told to: what the line says of a time far from its base is of no
 * use. */
#include <stdbool.h>
#include <stdint.h>

#define EL_WALL_PAIRS 4 /* of whose ends the slope is taken */

/* For copying; zeroed memory is a line that is not known (steps is 0), by which CLOCK_REALTIME
 * would be the time itself. */
struct el_wall_line {
	uint64_t ns;     /* CLOCK_MONOTONIC_RAW of the base */
	int64_t real_ns; /* CLOCK_REALTIME there */
	/* What a time that the line gives may be off by from UTC: the kernel's maxerror, and what
	 * is not known of the line and of the worker's clock. UINT64_MAX: nothing is known of it.
	 */
	uint64_t error_ns;
	/* How much faster CLOCK_REALTIME goes, in 2^-32ths. */
	int32_t rate_q32;
	/* One more than how often CLOCK_REALTIME was found to have been set, since the start. Times
	 * of lines that differ in this can't be subtracted from each other. */
	uint32_t steps;
	int32_t tai_offset_s; /* by how much TAI is ahead of UTC */
	/* The kernel says that an outside source synchronises it (adjtimex(2)). */
	bool synchronised;
};

/* CLOCK_REALTIME at a time of CLOCK_MONOTONIC_RAW near the base, before or after it. */
static inline int64_t el_wall_real_ns(const struct el_wall_line *l, uint64_t ns)
{
	int64_t since = (int64_t)(ns - l->ns);

	return l->real_ns + since + (int64_t)(((__int128)since * l->rate_q32) >> 32);
}

/* Readings of both clocks. */
struct el_wall_pair {
	uint64_t ns;
	int64_t real_ns;
	uint64_t read_ns; /* the time that it took to read them */
};

/* What the kernel says of CLOCK_REALTIME (adjtimex). */
struct el_wall_kernel {
	bool known; /* else it said nothing */
	bool synchronised;
	uint64_t maxerror_ns;
	int32_t tai_offset_s; /* 0: it does not know */
};

/* Who measures; zero to begin with. */
struct el_wall_clock {
	struct el_wall_pair pairs[EL_WALL_PAIRS]; /* since the last step; a ring */
	uint32_t n_pairs;                         /* ever, since the last step */
	uint64_t
	    missed_ns[EL_WALL_PAIRS]; /* by how much the line missed each of the latest pairs */
	struct el_wall_line line;
};

/* A further pair, some tenths of a second after the last, and what the kernel said then. A pair
 * that the line misses by more than a clock that is slewed can make of it in that time (500 ppm, as
 * far as adjtime(3) and the kernel's own discipline go) is a step; a clock that is slewed faster
 * makes one of each pair. */
void el_wall_clock_add(struct el_wall_clock *c, const struct el_wall_pair *pair,
		       const struct el_wall_kernel *kernel);

/* Reads the clocks, and asks the kernel; a pair that was disturbed is left out, unless it is the
 * first. To be called some ten times a second. */
void el_wall_clock_read(struct el_wall_clock *c);
