/* SPDX-License-Identifier: BSD-3-Clause */
/* Rounds of any samples: what is said of one is possible, and nothing overflows. The first byte
 * says how the others make samples: numbers as they are, or small changes of a sample that is
 * possible; and how many of them are a round. */
#include "fuzz.h"

#include <math.h>

#include "el_delay.h"

#define SAMPLES_MAX 512
#define RAW 0x80
#define ROUND_MASK 0x3f

static struct el_delay_sample samples[SAMPLES_MAX];

static int64_t take(const uint8_t **data, size_t *size, size_t bytes)
{
	uint64_t x = 0;

	bytes = bytes < *size ? bytes : *size;
	memcpy(&x, *data, bytes);
	*data += bytes;
	*size -= bytes;
	return (int64_t)x;
}

/* Its time goes on by a power of two, clocks step, queues are of any length: what is likely. */
static struct el_delay_sample changed(struct el_delay_sample x, const uint8_t **data, size_t *size)
{
	uint64_t op = (uint64_t)take(data, size, 1);
	int64_t amount = (int64_t)(1ULL << (take(data, size, 1) & 47));

	x.t1_ns += 10000000;
	x.t2_ns += 10000000;
	if (op & 1)
		x.t2_ns += op & 2 ? amount : -amount;
	if (op & 4)
		x.rtt_ns += amount;
	if (op & 8)
		x.t1_ns += op & 2 ? amount : -amount;
	if (op & 16)
		x.rtt_ns = 4000000;
	x.uncertain = (op & 0xe0) == 0xe0;
	x.error_ns = op & 32 ? (uint32_t)amount : EL_DELAY_NOT_SYNCHRONISED;
	/* whatever has added up stays within what a clock can show */
	if (x.t1_ns > INT64_MAX / 4 || x.t1_ns < INT64_MIN / 4 || x.t2_ns > INT64_MAX / 4 ||
	    x.t2_ns < INT64_MIN / 4 || x.rtt_ns > INT64_MAX / 4)
		x = (struct el_delay_sample){.t1_ns = 0, .t2_ns = 0, .rtt_ns = 4000000};
	return x;
}

static void check(const struct el_delay_values *v, const struct el_delay_sample *x, size_t n,
		  const struct el_delay_round *r)
{
	uint32_t statuses = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t both = (uint64_t)x[i].rtt_ns - (uint64_t)x[i].residence_ns;

		FUZZ_ASSERT(v->status[i] < EL_DELAY_STATUSES);
		if (v->status[i] != EL_DELAY_VALUED) {
			FUZZ_ASSERT(v->queueing_ns[0][i] == EL_DELAY_NONE);
			FUZZ_ASSERT(v->oneway_ns[1][i] == EL_DELAY_NONE);
			FUZZ_ASSERT(v->bound_ns[i] == EL_DELAY_NONE);
			continue;
		}
		FUZZ_ASSERT(v->queueing_ns[0][i] <= both && v->queueing_ns[1][i] <= both);
		FUZZ_ASSERT(v->oneway_ns[0][i] <= both);
		FUZZ_ASSERT(v->oneway_ns[0][i] + v->oneway_ns[1][i] == both);
		FUZZ_ASSERT(v->bound_ns[i] <= both);
	}
	for (int s = 0; s < EL_DELAY_STATUSES; s++)
		statuses += r->statuses[s];
	FUZZ_ASSERT(statuses == n);
	FUZZ_ASSERT(isnan(r->skew_ppm) || fabs(r->skew_ppm) <= 1000);
	FUZZ_ASSERT(isnan(r->skew_ppm) == isnan(r->skew_error_ppm));
	FUZZ_ASSERT(r->by_clocks + r->contradictions <= n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t arrays[7][SAMPLES_MAX];
	static uint8_t status[SAMPLES_MAX];
	const struct el_delay_values values = {.queueing_ns = {arrays[0], arrays[1]},
					       .variation_ns = {arrays[2], arrays[3]},
					       .oneway_ns = {arrays[4], arrays[5]},
					       .bound_ns = arrays[6],
					       .status = status};
	struct el_delay_session session = {.samples = 0};
	struct el_delay_sample x = {.t1_ns = 1700000000000000000,
				    .t2_ns = 1700000005000000000,
				    .rtt_ns = 4000000,
				    .residence_ns = 2000};
	struct el_delay_round round;
	size_t n = 0, each;
	uint8_t kind;

	if (size < 1)
		return 0;
	kind = data[0];
	each = 1 + (size_t)(kind & ROUND_MASK) * 8;
	data++;
	size--;
	while (size > 0) {
		if (kind & RAW)
			x = (struct el_delay_sample){
			    .t1_ns = take(&data, &size, 8),
			    .t2_ns = take(&data, &size, 8),
			    .rtt_ns = take(&data, &size, 8),
			    .residence_ns = take(&data, &size, 8),
			    .error_ns = (uint32_t)take(&data, &size, 4),
			    .uncertain = take(&data, &size, 1) & 1,
			};
		else
			x = changed(x, &data, &size);
		samples[n++] = x;
		if (n < each && n < SAMPLES_MAX && size > 0)
			continue;
		el_delay_round(&session, samples, n, &values, &round);
		check(&values, samples, n, &round);
		n = 0;
	}
	return 0;
}
