/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The Toeplitz hash a bit at a time, as Microsoft's "RSS hashing functions" defines it: for each
 * set bit of the input, from the first one on, the 32 bits of the key that begin at its place.
 * Nothing here is shared with the code under test. */
#include <stddef.h>
#include <stdint.h>

static inline uint32_t toeplitz(const uint8_t *key, const uint8_t *input, size_t len)
{
	uint32_t hash = 0;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		uint32_t window = 0;
		if (!(input[bit / 8] & 0x80 >> bit % 8))
			continue;
		for (size_t i = bit; i < bit + 32; i++)
			window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1U);
		hash ^= window;
	}
	return hash;
}
