/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Percentiles the slow way, to compare those of lib/stats with. */
#include <math.h>

#include "unit.h"

static inline int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* netprobify's rule, on a sorted list. */
static inline double naive_percentile(const uint64_t *sorted, size_t n, double p)
{
	double k = (double)(n - 1) * p / 100, f = floor(k), c = ceil(k);

	if (n == 0)
		return 0;
	if (f == c)
		return (double)sorted[(size_t)k];
	return (double)sorted[(size_t)f] * (c - k) + (double)sorted[(size_t)c] * (k - f);
}

static inline void assert_close(double got, double expected)
{
	if (fabs(got - expected) > 1e-9 * fabs(expected))
		fail_msg("got %.17g, expected %.17g", got, expected);
}
