/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Reading the clocks; inline, since this is in the workers' loop, and so that simulated time can
 * take the place of both (tests/sim/sim_clock.h). */
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "el_clock.h"
#include "el_core_clock.h"

/* How often a pair is read, at most, to keep the one with the least time in between. */
#define EL_PAIR_READS 16

/* CLOCK_MONOTONIC_RAW, from the kernel: some 60 cycles by the vDSO, a system call without it. */
static inline uint64_t el_raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * EL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* The time now on this core's clock. */
static inline uint64_t el_ticks_now(const struct el_core_clock *c)
{
	return unlikely(c->monotonic) ? el_raw_ns() : el_core_clock_line(c, rte_rdtsc());
}

/* A pair, the best of `reads`: whatever comes between the readings makes it worse. */
static inline struct el_clock_pair el_clock_pair_read(unsigned reads)
{
	struct el_clock_pair best = {.read_ns = UINT64_MAX};

	for (unsigned i = 0; i < reads; i++) {
		uint64_t before = el_raw_ns(), tsc = rte_rdtsc_precise(), after = el_raw_ns();

		if (after - before < best.read_ns)
			best = (struct el_clock_pair){.tsc = tsc,
						      .ns = before + (after - before) / 2,
						      .read_ns = after - before};
	}
	return best;
}

/* The same, tried up to eight times where it took longer than 500 ns: then it was disturbed. */
static inline struct el_clock_pair el_clock_pair_read_good(unsigned reads)
{
	struct el_clock_pair best = el_clock_pair_read(reads);

	for (int i = 1; i < 8 && best.read_ns > 500; i++) {
		struct el_clock_pair p = el_clock_pair_read(reads);

		if (p.read_ns < best.read_ns)
			best = p;
	}
	return best;
}
