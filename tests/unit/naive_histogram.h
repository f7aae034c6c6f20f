/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The bucket of a time the slow way: by integers of any length, from the definition alone. */
#include <stdbool.h>

#include "unit.h"

#include "el_histogram.h"

#define BIG_LIMBS 128

/* Little-endian limbs of 32 bits. */
struct big {
	uint32_t limb[BIG_LIMBS];
};

static inline struct big big_power(uint64_t base, unsigned exponent)
{
	struct big b = {{1}};

	while (exponent-- > 0) {
		unsigned __int128 carry = 0;

		for (int i = 0; i < BIG_LIMBS; i++) {
			carry += (unsigned __int128)b.limb[i] * base;
			b.limb[i] = (uint32_t)carry;
			carry >>= 32;
		}
		assert_true(carry == 0);
	}
	return b;
}

static inline struct big big_shift(const struct big *b, unsigned bits)
{
	struct big to = {{0}};

	for (int i = BIG_LIMBS - 1; i >= (int)(bits / 32); i--) {
		uint64_t v = (uint64_t)b->limb[i - (int)(bits / 32)] << 32;

		if (i > (int)(bits / 32))
			v |= b->limb[i - (int)(bits / 32) - 1];
		to.limb[i] = (uint32_t)(v << bits % 32 >> 32);
	}
	return to;
}

static inline int big_compare(const struct big *a, const struct big *b)
{
	for (int i = BIG_LIMBS - 1; i >= 0; i--) {
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	}
	return 0;
}

/* Whether ns / 10^9 <= 2^(bucket / 32), that is ns^32 <= 10^288 * 2^bucket. */
static inline bool naive_is_at_most(uint64_t ns, int bucket)
{
	static struct big giga;
	struct big left = big_power(ns, 32), right;

	if (giga.limb[0] == 0 && giga.limb[9] == 0)
		giga = big_power(10, 288);
	right = giga;
	if (bucket < 0)
		left = big_shift(&left, (unsigned)-bucket);
	else
		right = big_shift(&right, (unsigned)bucket);
	return big_compare(&left, &right) <= 0;
}

/* The smallest bucket that it fits under. */
static inline int naive_bucket(uint64_t ns)
{
	int low = EL_HISTOGRAM_ZERO, high = EL_HISTOGRAM_LAST; /* it is above low */

	if (ns == 0)
		return EL_HISTOGRAM_ZERO;
	assert_false(naive_is_at_most(ns, low));
	assert_true(naive_is_at_most(ns, high));
	while (high - low > 1) {
		int middle = low + (high - low) / 2;

		if (naive_is_at_most(ns, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}
