/* SPDX-License-Identifier: BSD-3-Clause */
/* What el_delay_round costs a sample, for rounds of several sizes, beside a loop that only reads
 * the same samples; and what is kept of a session. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "el_delay.h"

#define SAMPLES 2000000U
#define RUNS 5
#define ROUNDS 40
#define ROUNDS_YOUNG 20 /* these are not counted: a session begins in them */

struct bench {
	uint32_t each, n_sessions;
	struct el_delay_sample *samples; /* [ROUNDS][n_sessions][each] */
	struct el_delay_session *sessions;
	struct el_delay_values values;
};

static double uniform(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return ((double)(*seed >> 11) + 0.5) * 0x1p-53;
}

/* Rounds of a second, clocks an hour and 50 ppm apart, 5 ms each way and queues of 20 us. */
static void fill(struct bench *b)
{
	uint64_t seed = 88172645463325252;

	for (uint32_t r = 0; r < ROUNDS; r++) {
		for (uint32_t i = 0; i < b->n_sessions * b->each; i++) {
			double t = r + (double)(i % b->each) / b->each;
			double f = 5e6 - 20e3 * log(uniform(&seed));
			double back = 5e6 - 20e3 * log(uniform(&seed));
			int64_t t1 = 1700000000000000000 + (int64_t)(t * 1e9);

			b->samples[(size_t)r * b->n_sessions * b->each + i] =
			    (struct el_delay_sample){.t1_ns = t1,
						     .t2_ns = t1 + (int64_t)(f + 3.6e12 + 50e3 * t),
						     .rtt_ns = (int64_t)(f + back) + 2000,
						     .residence_ns = 2000,
						     .error_ns = EL_DELAY_NOT_SYNCHRONISED};
		}
	}
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void values_of_round(struct bench *b, uint32_t r)
{
	struct el_delay_round round;

	for (uint32_t s = 0; s < b->n_sessions; s++)
		el_delay_round(&b->sessions[s],
			       b->samples + ((size_t)r * b->n_sessions + s) * b->each, b->each,
			       &b->values, &round);
}

/* The smallest and the sum of raw delays: what any figure of them has to read. */
static uint64_t plain_loop(const struct bench *b, uint32_t r)
{
	const struct el_delay_sample *x = b->samples + (size_t)r * b->n_sessions * b->each;
	uint64_t sum = 0;
	int64_t least = INT64_MAX;

	for (uint32_t i = 0; i < b->n_sessions * b->each; i++) {
		int64_t f = x[i].t2_ns - x[i].t1_ns;

		least = f < least ? f : least;
		sum += (uint64_t)(x[i].rtt_ns - x[i].residence_ns - f);
	}
	return sum + (uint64_t)least;
}

static int measure(uint32_t each)
{
	struct bench b = {.each = each, .n_sessions = SAMPLES / ROUNDS / each};
	double ns[RUNS], plain[RUNS], young = 0, n = (double)b.n_sessions * each;
	uint64_t *arrays = malloc(7 * (size_t)each * sizeof(*arrays));
	uint64_t sink = 0;

	b.samples = malloc(SAMPLES * sizeof(*b.samples));
	b.sessions = malloc(b.n_sessions * sizeof(*b.sessions));
	if (b.samples == NULL || b.sessions == NULL || arrays == NULL)
		return 1;
	b.values = (struct el_delay_values){.queueing_ns = {arrays, arrays + each},
					    .variation_ns = {arrays + 2 * each, arrays + 3 * each},
					    .oneway_ns = {arrays + 4 * each, arrays + 5 * each},
					    .bound_ns = arrays + 6 * each};
	fill(&b);
	for (int run = 0; run < RUNS; run++) {
		double begin = now_ns();

		memset(b.sessions, 0, b.n_sessions * sizeof(*b.sessions));
		for (uint32_t r = 0; r < ROUNDS_YOUNG; r++)
			values_of_round(&b, r);
		young = (now_ns() - begin) / n / ROUNDS_YOUNG;
		begin = now_ns();
		for (uint32_t r = ROUNDS_YOUNG; r < ROUNDS; r++)
			values_of_round(&b, r);
		ns[run] = (now_ns() - begin) / n / (ROUNDS - ROUNDS_YOUNG);
		begin = now_ns();
		for (uint32_t r = ROUNDS_YOUNG; r < ROUNDS; r++)
			sink += plain_loop(&b, r);
		plain[run] = (now_ns() - begin) / n / (ROUNDS - ROUNDS_YOUNG);
	}
	qsort(ns, RUNS, sizeof(ns[0]), compare);
	qsort(plain, RUNS, sizeof(plain[0]), compare);
	printf("%6" PRIu32 " sessions of %6" PRIu32
	       " samples a round: %6.1f ns a sample (median of "
	       "%d; best %.1f; young sessions %.1f); plain loop %.2f%s\n",
	       b.n_sessions, each, ns[RUNS / 2], RUNS, ns[0], young, plain[RUNS / 2],
	       sink == 1 ? "." : "");
	free(b.samples);
	free(b.sessions);
	free(arrays);
	return 0;
}

int main(void)
{
	static const uint32_t each[] = {10, 100, 1000, 10000};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		if (measure(each[i]) != 0)
			return 1;
	}
	printf("%zu bytes a session\n", sizeof(struct el_delay_session));
	return 0;
}
