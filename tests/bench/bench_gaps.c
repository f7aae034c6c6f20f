/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_gaps CORE SECONDS: how long an arrival waits for a loop that does nothing but look, on a
 * core of this machine. What interrupts it (the kernel's timer, other programs, the hypervisor) is
 * the least that any prober's round-trip times are wrong by there. One line of JSON. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "el_base.h"
#include "el_clock.h"

#define GAPS_MAX (1 << 20)
#define GAP_LEAST 200 /* cycles: shorter ones are the loop itself */

static uint64_t gaps[GAPS_MAX];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * EL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The part of all arrivals, at any time of `total`, that wait longer than `wait` cycles. */
static double part_longer(uint32_t n, uint64_t wait, uint64_t total)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += gaps[i] > wait ? gaps[i] - wait : 0;
	return (double)sum / (double)total;
}

/* The wait that this part of all arrivals exceeds. */
static uint64_t wait_of(uint32_t n, double part, uint64_t total)
{
	uint64_t low = 0, high = total;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (part_longer(n, middle, total) > part)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int main(int argc, char **argv)
{
	uint64_t begin, end_ns, begin_ns, last, now;
	double us_per_cycle;
	uint32_t n = 0;
	cpu_set_t set;

	if (argc != 3)
		return 64;
	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(argv[1]), &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		return 1;
	begin_ns = now_ns();
	end_ns = begin_ns + (uint64_t)(atof(argv[2]) * 1e9);
	begin = last = rte_rdtsc();
	while (n < GAPS_MAX && now_ns() < end_ns) {
		for (int i = 0; i < 10000 && n < GAPS_MAX; i++) {
			now = rte_rdtsc();
			if (now - last > GAP_LEAST)
				gaps[n++] = now - last;
			last = now;
		}
	}
	us_per_cycle = (double)(now_ns() - begin_ns) / 1e3 / (double)(last - begin);
	printf("{\"core\": %s, \"wait_p99_us\": %.3f, \"wait_p995_us\": %.3f, "
	       "\"part_over_2us\": %.5f}\n",
	       argv[1], (double)wait_of(n, 0.01, last - begin) * us_per_cycle,
	       (double)wait_of(n, 0.005, last - begin) * us_per_cycle,
	       part_longer(n, (uint64_t)(2 / us_per_cycle), last - begin));
	return 0;
}
