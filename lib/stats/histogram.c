/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets by integers alone. Boundaries are 10^9 * 2^(i / 32) ns, so each octave of nanoseconds has
 * the same 32, but for the power of two: with both shifted to bit 63, a time is at most a boundary
 * exactly if it is at most the boundary's 64 bits, for what is cut off of these is less than 1. */
#include "el_histogram.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define SEGMENT_BITS 6 /* segments of an octave; none has two boundaries */

/* The boundaries of an octave, and one above all. */
static const uint64_t bounds[EL_HISTOGRAM_PER_OCTAVE + 1] = {
    0x81ffa7a9549ca6e3, 0x84d8626d3118d396, 0x87c11235836d16a3, 0x8aba10758e1ea3cf,
    0x8dc3b8960164a7d9, 0x90de67fff600044c, 0x940a7e28259fb382, 0x97485c9a622adb60,
    0x9a9867054d512391, 0x9dfb034651c99c68, 0xa1709975dfb06757, 0xa4f993f3ed7b61ca,
    0xa8965f74bf065071, 0xac476b0df43f745f, 0xb00d2843e1060dc2, 0xb3e80b172fd51af7,
    0xb7d88a12d0dd9ea0, 0xbbdf1e5a373ce5c6, 0xbffc43b7e604a922, 0xc43078ac4ed47ae7,
    0xc87c3e7d03cdbec3, 0xcce019443eb56ce4, 0xd15c9000bf211c1f, 0xd5f22ca6019743e0,
    0xdaa17c2cd19555db, 0xdf6b0ea438793a89, 0xe44f7742cb56e3dd, 0xe94f4c7859ce1066,
    0xee6b280000000000, 0xf3a3a6f29dd0c333, 0xf8f969d9b5abf948, 0xfe6d14c2b5114024,
    UINT64_MAX};

/* How many boundaries are below the beginning of each segment of an octave. */
static const uint8_t below[1 << SEGMENT_BITS] = {
    0,  1,  1,  2,  3,  3,  4,  5,  5,  6,  6,  7,  8,  8,  9,  10, 10, 11, 11, 12, 12, 13,
    13, 14, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24,
    24, 24, 25, 25, 26, 26, 26, 27, 27, 28, 28, 28, 29, 29, 30, 30, 30, 31, 31, 31};

static inline int bucket_of(uint64_t ns)
{
	int shift;
	uint64_t top;
	unsigned n;

	if (ns == 0)
		return EL_HISTOGRAM_ZERO;
	shift = __builtin_clzll(ns);
	top = ns << shift;
	n = below[(top << 1) >> (64 - SEGMENT_BITS)];
	n += bounds[n] < top;
	return EL_HISTOGRAM_FIRST + EL_HISTOGRAM_PER_OCTAVE * (63 - shift) + (int)n;
}

int el_histogram_bucket(uint64_t ns)
{
	return bucket_of(ns);
}

struct el_histograms *el_histograms_create(uint32_t n_series, uint64_t n_buckets)
{
	struct el_histograms *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->refs = 1;
	h->first = malloc((n_series + 1) * sizeof(*h->first));
	h->sum_ns = malloc((n_series + 1) * sizeof(*h->sum_ns));
	h->bucket = malloc((n_buckets + 1) * sizeof(*h->bucket));
	h->count = malloc((n_buckets + 1) * sizeof(*h->count));
	if (!h->first || !h->sum_ns || !h->bucket || !h->count) {
		el_histograms_put(h);
		errno = ENOMEM;
		return NULL;
	}
	h->first[0] = 0;
	return h;
}

struct el_histograms *el_histograms_create_for(uint32_t n_series, uint64_t n_times)
{
	uint64_t most = (uint64_t)n_series * EL_HISTOGRAM_BUCKETS;

	return el_histograms_create(n_series, n_times < most ? n_times : most);
}

void el_histograms_append(struct el_histograms *h, const uint64_t *ns, size_t n, uint32_t *counts)
{
	int lowest = EL_HISTOGRAM_LAST, highest = EL_HISTOGRAM_ZERO;
	uint64_t at = h->first[h->n_series];
	unsigned __int128 sum = 0;

	for (size_t i = 0; i < n; i++) {
		int b = bucket_of(ns[i]);

		lowest = b < lowest ? b : lowest;
		highest = b > highest ? b : highest;
		counts[b - EL_HISTOGRAM_ZERO]++;
		sum += ns[i];
	}
	for (int b = lowest; b <= highest; b++) {
		uint32_t *count = &counts[b - EL_HISTOGRAM_ZERO];

		if (*count == 0)
			continue;
		h->bucket[at] = (int16_t)b;
		h->count[at++] = *count;
		*count = 0;
	}
	h->sum_ns[h->n_series] = sum;
	h->first[++h->n_series] = at;
}

void el_histograms_shrink(struct el_histograms *h)
{
	uint64_t n = h->first[h->n_series] + 1;
	int16_t *bucket = realloc(h->bucket, n * sizeof(*bucket));
	uint64_t *count = realloc(h->count, n * sizeof(*count));

	h->bucket = bucket ? bucket : h->bucket;
	h->count = count ? count : h->count;
}

/* The next series: all that is in a and in b. */
static void append_sum(struct el_histograms *h, const struct el_histogram *a,
		       const struct el_histogram *b)
{
	uint64_t at = h->first[h->n_series];
	uint32_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		bool of_a = i < a->n && (j == b->n || a->bucket[i] <= b->bucket[j]);
		bool of_b = j < b->n && (i == a->n || b->bucket[j] <= a->bucket[i]);

		h->bucket[at] = of_a ? a->bucket[i] : b->bucket[j];
		h->count[at++] = (of_a ? a->count[i] : 0) + (of_b ? b->count[j] : 0);
		i += of_a;
		j += of_b;
	}
	h->sum_ns[h->n_series] = a->sum_ns + b->sum_ns;
	h->first[++h->n_series] = at;
}

static struct el_histogram histogram_of(const struct el_histograms *h, const uint32_t *of,
					uint32_t series)
{
	if (h && of)
		series = of[series];
	return h && series != NONE ? el_histograms_of(h, series) : (struct el_histogram){0};
}

struct el_histograms *el_histograms_sum(uint32_t n_series, struct el_histograms *a,
					const uint32_t *a_of, const struct el_histograms *b,
					const uint32_t *b_of)
{
	struct el_histograms *sum;

	if (a && !a_of && !b)
		return el_histograms_get(a);
	sum = el_histograms_create(n_series, (a ? a->first[a->n_series] : 0) +
						 (b ? b->first[b->n_series] : 0));
	if (!sum)
		return NULL;
	for (uint32_t s = 0; s < n_series; s++) {
		struct el_histogram of_a = histogram_of(a, a_of, s);
		struct el_histogram of_b = histogram_of(b, b_of, s);

		append_sum(sum, &of_a, &of_b);
	}
	el_histograms_shrink(sum);
	return sum;
}

struct el_histogram el_histograms_of(const struct el_histograms *h, uint32_t series)
{
	uint64_t first = h->first[series];

	return (struct el_histogram){.bucket = h->bucket + first,
				     .count = h->count + first,
				     .n = (uint32_t)(h->first[series + 1] - first),
				     .sum_ns = h->sum_ns[series]};
}

uint64_t el_histogram_count_up_to(const struct el_histogram *h, int bucket)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < h->n && h->bucket[i] <= bucket; i++)
		count += h->count[i];
	return count;
}

uint64_t el_histogram_count(const struct el_histogram *h)
{
	return el_histogram_count_up_to(h, EL_HISTOGRAM_LAST);
}

struct el_histograms *el_histograms_get(struct el_histograms *h)
{
	atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void el_histograms_put(struct el_histograms *h)
{
	if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(h->first);
	free(h->sum_ns);
	free(h->bucket);
	free(h->count);
	free(h);
}
