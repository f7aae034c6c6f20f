/* SPDX-License-Identifier: BSD-3-Clause */
/* What el_stats_round costs: ten million records of one series, of a million series, and in
 * between. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "el_stats.h"

#define HZ 2600000000ULL
#define RECORDS 10000000U
#define RUNS 5

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * EL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* One in a hundred lost, RTTs around 100 us with a tail. */
static void fill(el_record *records, uint32_t n)
{
	uint64_t seed = 88172645463325252;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t r = next_random(&seed), rtt = 200000 + (r & 0xffff);

		if ((r >> 16) % 64 == 0)
			rtt *= 1 + (r >> 24) % 16;
		records[i] = el_record_sent(i);
		if ((r >> 32) % 100 != 0)
			records[i] = el_record_answered(records[i], i + rtt);
	}
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int measure(uint32_t n_series, el_record *records)
{
	int percentiles[] = {95, 50};
	struct el_model model = {
	    .n_series = n_series, .percentiles = percentiles, .n_percentiles = 2};
	struct el_plan_set set = {.model = &model, .n_workers = 1};
	uint32_t packets = RECORDS / n_series;
	struct el_plan plan = {
	    .set = &set, .n_classes = 1, .n_slices = n_series, .n_records = RECORDS};
	struct el_block block = {.set = &set, .round = 1, .records = records};
	struct el_block *blocks[] = {&block};
	uint64_t ns[RUNS];

	set.plans[0] = &plan;
	plan.slices = aligned_alloc(64, sizeof(*plan.slices) * n_series);
	if (plan.slices == NULL)
		return 1;
	for (uint32_t i = 0; i < n_series; i++) {
		plan.slices[i].series = i;
		plan.slices[i].timeout_us = 1000000;
		plan.slices[i].packet_frac = 0;
	}
	plan.classes[0] = (struct el_plan_class){
	    .n_slices = n_series, .n_packets = packets, .by_slices = el_fastdiv_init(n_series)};
	for (int run = 0; run < RUNS; run++) {
		uint64_t begin = now_ns();
		struct el_round_figures *f = el_stats_round(blocks, 1);

		ns[run] = now_ns() - begin;
		if (f == NULL || f->series[0].sent != packets)
			return 1;
		el_round_figures_free(f);
	}
	qsort(ns, RUNS, sizeof(ns[0]), compare_u64);
	printf("%8" PRIu32 " series of %8" PRIu32
	       ": %6.1f ms, %5.2f ns a record (median of %d; best %.1f ms)\n",
	       n_series, packets, (double)ns[RUNS / 2] / 1e6, (double)ns[RUNS / 2] / RECORDS, RUNS,
	       (double)ns[0] / 1e6);
	free(plan.slices);
	return 0;
}

int main(void)
{
	static const uint32_t series[] = {1, 10, 1000, 100000, 1000000};
	el_record *records = malloc(RECORDS * sizeof(*records));

	if (records == NULL)
		return 1;
	fill(records, RECORDS);
	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		if (measure(series[i], records) != 0)
			return 1;
	}
	free(records);
	return 0;
}
