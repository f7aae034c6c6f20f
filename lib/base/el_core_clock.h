/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The time that everything is measured in: nanoseconds of CLOCK_MONOTONIC_RAW, which the kernel
 * neither sets nor slews. Reading it from the kernel costs three times as much as reading the
 * processor's time stamp counter, so each core keeps a line from its own counter to that time, and
 * goes on checking it: nobody's word is taken for the counter's being steady, equal on all cores,
 * or of some rate.
 *
 * Everything here is plain arithmetic on pairs of readings; el_ticks.h takes them. */
#include <stdbool.h>
#include <stdint.h>

#include "el_clock.h"

/* How much the line's error may change by without this being a step of the counter; what a pair
 * took to read and what is not known of the rate come on top. It bounds what a step that goes
 * unnoticed can do to a round-trip time. */
#define EL_CLOCK_STEP_NS 2000

/* The counter and the time, read together. */
struct el_clock_pair {
	uint64_t tsc;
	uint64_t ns;      /* CLOCK_MONOTONIC_RAW */
	uint64_t read_ns; /* the time between the two readings around that of the counter */
};

/* The clock of one core; whoever has it reads and writes it alone. Zeroed memory is a clock that is
 * not in use. */
struct el_core_clock {
	/* time = ns_base + (counter - tsc_base) * ns_per_tsc_q32 / 2^32 */
	uint64_t tsc_base, ns_base, ns_per_tsc_q32;
	bool monotonic; /* the counter is no good: the time is asked for of the kernel */
	bool fixed;     /* the counter is to be used however bad it is */
	/* The rate is that between the oldest pair and the newest; the middle one takes the
	 * oldest's place in time, so that changes of the rate (temperature) are followed. */
	struct el_clock_pair oldest, middle, newest;
	int64_t behind_ns;   /* the line's error at the newest pair */
	uint64_t good_ns;    /* when it was last seen to be right */
	uint64_t adjust_ns;  /* when the line is to be adjusted next */
	uint64_t settle_ns;  /* time until the adjustment after that: short after a step */
	uint64_t error_ppb;  /* bound of the rate's error, in parts per 10^9 */
	uint64_t steps;      /* of the counter, since the start; those of one change count once */
	uint64_t stepped_ns; /* when the last was found */
	uint32_t streak;     /* steps in a row that came soon after each other */
};

/* Begins with two pairs read some 50 ms apart or more, the counter going on between them; else the
 * clock is monotonic. */
void el_core_clock_init(struct el_core_clock *c, const struct el_clock_pair *first,
			const struct el_clock_pair *second);

/* A clock that asks the kernel. */
void el_core_clock_init_monotonic(struct el_core_clock *c);

/* A later pair. True: the line was right; it is adjusted about once a second, without a jump and by
 * at most 1 ppm beside the rate. False: the counter has stepped, gone back, stopped or changed its
 * rate; *ret_step says which times are not to be trusted,
 * stamps of them on the line as it was before or as it is now included, the line goes on from the
 * pair, and calibration begins anew. A counter that goes on being wrong is given up for good
 * (monotonic), unless it is fixed. Does nothing to a monotonic clock. */
bool el_core_clock_check(struct el_core_clock *c, const struct el_clock_pair *p,
			 struct el_span *ret_step);

/* The time at which the counter is `tsc`, on the line; also for counters that went back. */
static inline uint64_t el_core_clock_line(const struct el_core_clock *c, uint64_t tsc)
{
	int64_t cycles = (int64_t)(tsc - c->tsc_base);

	return c->ns_base + (uint64_t)(((__int128)cycles * (__int128)c->ns_per_tsc_q32) >> 32);
}

/* Cycles of the counter a second. */
double el_core_clock_hz(const struct el_core_clock *c);

/* What the counters of several cores are like, measured over the same time. */
enum el_counter_verdict {
	EL_COUNTER_GOOD,
	EL_COUNTER_STOPPED,   /* one does not go on, or goes back */
	EL_COUNTER_FREQUENCY, /* rates differ by over 10 ppm */
	EL_COUNTER_SKEW,      /* they differ by over 200 ns at the same time */
};

struct el_counter_survey {
	enum el_counter_verdict verdict;
	double skew_ns;   /* the furthest core from the first one's line */
	double rate_ppm;  /* the largest difference of a rate from the first one's */
	double error_ppm; /* bound of the error of the rates */
};

/* Judges the counters of n cores by two pairs of each, first[i] and second[i], some 50 ms apart or
 * more. What the readings can't tell is in the counters' favour. */
struct el_counter_survey el_counter_survey(const struct el_clock_pair *first,
					   const struct el_clock_pair *second, uint32_t n);
