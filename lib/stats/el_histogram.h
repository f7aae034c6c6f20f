/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Histograms of times, as Prometheus' native ones of schema 5 are: bucket i has what is above
 * 2^((i - 1) / 32) s and at most 2^(i / 32) s, so a bucket is 2.2 % wide. Only buckets that are not
 * empty take memory: 10 bytes each, 24 more a series. There are at most 1,336 of times from 1 ns to
 * an hour, the longest timeout; 638 of those from 1 us to 1 s. */
#include <stddef.h>
#include <stdint.h>

#define EL_HISTOGRAM_SCHEMA 5
#define EL_HISTOGRAM_PER_OCTAVE (1 << EL_HISTOGRAM_SCHEMA)
#define EL_HISTOGRAM_FIRST (-956) /* 1 ns */
#define EL_HISTOGRAM_LAST 804     /* 2^55 ns, the longest that a record holds */
/* 0 ns, which is no bucket of Prometheus' but its zero bucket */
#define EL_HISTOGRAM_ZERO (EL_HISTOGRAM_FIRST - 1)
#define EL_HISTOGRAM_BUCKETS (EL_HISTOGRAM_LAST - EL_HISTOGRAM_ZERO + 1)

/* What there is a histogram of. One-way delays are STAMP's: where there is none of it, they have no
 * histograms. */
enum el_measure { EL_MEASURE_RTT, EL_MEASURE_FORWARD, EL_MEASURE_BACKWARD, EL_MEASURES };

/* The bucket of `ns` (at most 2^55): exactly, without rounding. */
int el_histogram_bucket(uint64_t ns);

/* Of one series; a view. */
struct el_histogram {
	const int16_t *bucket; /* [n], ascending */
	const uint64_t *count; /* [n], none is 0 */
	uint32_t n;
	unsigned __int128 sum_ns;
};

/* One histogram of each series, of one measure. Immutable once made, reference-counted. */
struct el_histograms {
	_Atomic uint32_t refs;
	uint32_t n_series;
	uint64_t
	    *first; /* [n_series + 1]: where the buckets of a series begin, and the last ends */
	unsigned __int128 *sum_ns; /* [n_series] */
	int16_t *bucket;           /* [first[n_series]]: of all series, one after the other */
	uint64_t *count;           /* likewise */
};

/* Without any series yet, with room for n_series of n_buckets in all. One reference; NULL with
 * errno ENOMEM. */
struct el_histograms *el_histograms_create(uint32_t n_series, uint64_t n_buckets);
/* The same, with room for the buckets of n_times. */
struct el_histograms *el_histograms_create_for(uint32_t n_series, uint64_t n_times);
/* The next series: n times in any order. counts[EL_HISTOGRAM_BUCKETS] are zero, and are so again
 * afterwards. */
void el_histograms_append(struct el_histograms *h, const uint64_t *ns, size_t n, uint32_t *counts);
/* Gives back what was not used. */
void el_histograms_shrink(struct el_histograms *h);

/* Of n_series, each with what it has in `a` and in `b`: series i is a_of[i] there, or none for
 * UINT32_MAX (a_of NULL: it is i). a, b: NULL for nothing. One reference, which may be one more to
 * `a`; NULL with errno ENOMEM. */
struct el_histograms *el_histograms_sum(uint32_t n_series, struct el_histograms *a,
					const uint32_t *a_of, const struct el_histograms *b,
					const uint32_t *b_of);

struct el_histogram el_histograms_of(const struct el_histograms *h, uint32_t series);
uint64_t el_histogram_count(const struct el_histogram *h);
/* Of those in buckets up to `bucket`. */
uint64_t el_histogram_count_up_to(const struct el_histogram *h, int bucket);

struct el_histograms *el_histograms_get(struct el_histograms *h);
void el_histograms_put(struct el_histograms *h); /* NULL is fine; the last reference frees */
