/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A time stamp counter that the test sets, included before all else in all files of a test: what
 * they read is simulated time, and a run is the same every time. */
#include <stdint.h>

#include <rte_cycles.h>

extern uint64_t sim_tsc;  /* now */
extern uint64_t sim_step; /* how far each look at it moves it on */

static inline uint64_t sim_rdtsc(void)
{
	return sim_tsc += sim_step;
}

#define rte_rdtsc sim_rdtsc
