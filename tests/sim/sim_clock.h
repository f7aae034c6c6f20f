/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Clocks that the test sets, included before all else in all files of a test: what they read is
 * simulated time, and a run is the same every time. */
#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

extern uint64_t sim_ns;   /* the time now, in nanoseconds */
extern uint64_t sim_step; /* how far each look at it moves it on */
/* What the time stamp counter, and the kernel, show at this time; NULL: the time itself. */
extern uint64_t (*sim_counter)(uint64_t now), (*sim_raw)(uint64_t now);

static inline uint64_t sim_rdtsc(void)
{
	sim_ns += sim_step;
	return sim_counter ? sim_counter(sim_ns) : sim_ns;
}

static inline int sim_clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t ns;

	if (clock != CLOCK_MONOTONIC_RAW)
		return clock_gettime(clock, ret);
	sim_ns += sim_step;
	ns = sim_raw ? sim_raw(sim_ns) : sim_ns;
	ret->tv_sec = (time_t)(ns / 1000000000);
	ret->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

#define rte_rdtsc sim_rdtsc
#define rte_rdtsc_precise sim_rdtsc
#define clock_gettime sim_clock_gettime
