/* SPDX-License-Identifier: BSD-3-Clause */
/* Exact percentiles by selection: only as much is put in order as the asked ranks need. Quickselect
 * with a pivot from a small sample, taken at the place in the sample that the rank has in the
 * whole; partitions are without unpredictable branches. When a list makes that go badly, the pivot
 * is halfway between the smallest and the largest value instead, which ends after as many
 * partitions as values have bits: linear, whatever the list. */
#include "el_stats.h"

#define SORT_MAX 24     /* up to this many values are just sorted */
#define SAMPLE_MIN 2048 /* from this many on, the larger sample pays */
#define SAMPLE_LARGE 63
#define SAMPLE_SMALL 7
#define WORK_MAX 6 /* partitioned values per value, before the pivot comes from halving */

static inline void swap(uint64_t *values, size_t a, size_t b)
{
	uint64_t v = values[a];

	values[a] = values[b];
	values[b] = v;
}

static void sort_insertion(uint64_t *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t v = values[i];
		size_t j = i;

		for (; j > 0 && values[j - 1] > v; j--)
			values[j] = values[j - 1];
		values[j] = v;
	}
}

static size_t index_of_min(const uint64_t *values, size_t lo, size_t hi)
{
	size_t min = lo;

	for (size_t i = lo + 1; i < hi; i++)
		min = values[i] < values[min] ? i : min;
	return min;
}

static size_t index_of_max(const uint64_t *values, size_t lo, size_t hi)
{
	size_t max = lo;

	for (size_t i = lo + 1; i < hi; i++)
		max = values[i] > values[max] ? i : max;
	return max;
}

/* Values up to `pivot` to the front of [lo, hi); where the others begin. */
static size_t partition_up_to(uint64_t *values, size_t lo, size_t hi, uint64_t pivot)
{
	size_t m = lo;

	for (size_t i = lo; i < hi; i++) {
		uint64_t v = values[i];

		values[i] = values[m];
		values[m] = v;
		m += v <= pivot;
	}
	return m;
}

/* A value of [lo, hi) that is probably close to that of rank k. */
static uint64_t pivot_from_sample(const uint64_t *values, size_t lo, size_t hi, size_t k)
{
	uint64_t sample[SAMPLE_LARGE];
	size_t len = hi - lo, n = len >= SAMPLE_MIN ? SAMPLE_LARGE : SAMPLE_SMALL;
	size_t stride = len / n;

	for (size_t i = 0; i < n; i++)
		sample[i] = values[lo + stride / 2 + i * stride];
	sort_insertion(sample, n);
	return sample[(k - lo) / (len / n + 1)];
}

static uint64_t pivot_from_halving(const uint64_t *values, size_t lo, size_t hi)
{
	uint64_t min = values[index_of_min(values, lo, hi)];
	uint64_t max = values[index_of_max(values, lo, hi)];

	return min + (max - min) / 2;
}

/* Puts the value of rank k in its place, smaller ones before it, larger ones behind it; lo <= k <
 * hi, and all ranks outside [lo, hi) have their values there. */
static void select_rank(uint64_t *values, size_t lo, size_t hi, size_t k)
{
	size_t work = 0, work_max = WORK_MAX * (hi - lo);

	while (hi - lo > SORT_MAX) {
		uint64_t pivot;
		size_t m;

		if (k == lo) {
			swap(values, k, index_of_min(values, lo, hi));
			return;
		}
		if (k == hi - 1) {
			swap(values, k, index_of_max(values, lo, hi));
			return;
		}
		work += hi - lo;
		pivot = work <= work_max ? pivot_from_sample(values, lo, hi, k)
					 : pivot_from_halving(values, lo, hi);
		m = partition_up_to(values, lo, hi, pivot);
		if (k >= m) {
			lo = m;
			continue;
		}
		if (m == hi) { /* the pivot is the largest: take those that are equal to it off the
				  end */
			m = pivot == 0 ? lo : partition_up_to(values, lo, hi, pivot - 1);
			if (k >= m)
				return;
		}
		hi = m;
	}
	sort_insertion(values + lo, hi - lo);
}

/* All of ranks[count], ascending. */
static void select_ranks(uint64_t *values, size_t lo, size_t hi, const size_t *ranks, size_t count)
{
	while (count > 0) {
		size_t mid = count / 2;

		select_rank(values, lo, hi, ranks[mid]);
		select_ranks(values, lo, ranks[mid], ranks, mid);
		lo = ranks[mid] + 1;
		ranks += mid + 1;
		count -= mid + 1;
	}
}

/* The value at k = (n - 1) * p / 100, between its two closest ranks, which are in place. */
static double interpolate(const uint64_t *values, size_t n, double p)
{
	double k = (double)(n - 1) * p / 100;
	size_t low = (size_t)k;
	double part = k - (double)low;

	if (part == 0 || low + 1 >= n)
		return (double)values[low];
	return (double)values[low] + part * (double)(values[low + 1] - values[low]);
}

double el_stats_percentile(uint64_t *values, size_t n, double p)
{
	size_t low;

	if (n == 0)
		return 0;
	low = (size_t)((double)(n - 1) * p / 100);
	select_rank(values, 0, n, low);
	if (low + 1 < n)
		select_rank(values, low + 1, n, low + 1);
	return interpolate(values, n, p);
}

void el_stats_percentiles(uint64_t *values, size_t n, const int *percents, size_t count,
			  double *ret)
{
	size_t ranks[2 * EL_PERCENTILES_MAX], n_ranks = 0;

	if (n <= SORT_MAX) {
		sort_insertion(values, n);
	} else {
		for (size_t i = 0; i < count; i++) {
			size_t low = (size_t)((double)(n - 1) * percents[i] / 100);

			if (n_ranks == 0 || ranks[n_ranks - 1] < low)
				ranks[n_ranks++] = low;
			if (low + 1 < n && ranks[n_ranks - 1] < low + 1)
				ranks[n_ranks++] = low + 1;
		}
		select_ranks(values, 0, n, ranks, n_ranks);
	}
	for (size_t i = 0; i < count; i++)
		ret[i] = n == 0 ? 0 : interpolate(values, n, percents[i]);
}
