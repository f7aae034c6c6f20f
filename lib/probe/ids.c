/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <errno.h>
#include <string.h>

/* The bits that hold 0..max. */
static unsigned bits_for(uint64_t max)
{
	return max == 0 ? 0 : 64 - (unsigned)__builtin_clzll(max);
}

int el_id_layout_init(uint32_t workers, uint64_t rounds, uint64_t indices,
		      struct el_id_layout *ret_layout)
{
	unsigned index_bits, round_bits, worker_bits;

	if (workers == 0)
		workers = 1;
	if (rounds == 0)
		rounds = 1;
	if (indices == 0)
		indices = 1;
	if (indices > UINT32_MAX)
		return -E2BIG;
	index_bits = bits_for(indices + (indices - 1) / 65535); /* what the last index becomes */
	round_bits = bits_for(rounds - 1);
	worker_bits = bits_for(workers - 1);
	if (index_bits + round_bits + worker_bits > 32)
		return -E2BIG;
	*ret_layout = (struct el_id_layout){
	    .index_bits = (uint8_t)index_bits,
	    .round_bits = (uint8_t)(32 - index_bits - worker_bits),
	    .worker_bits = (uint8_t)worker_bits,
	};
	return 0;
}

/* The inverse of an odd number modulo 2^32, by Newton's iteration: an odd number is its own inverse
 * modulo 8, and every step doubles the bits that are right. */
static uint32_t inverse(uint32_t x)
{
	uint32_t y = x;

	for (int bits = 3; bits < 32; bits *= 2)
		y *= 2 - x * y;
	return y;
}

struct el_id_key el_id_key_init(const uint8_t random[32])
{
	struct el_id_key key;

	memcpy(key.add, random, sizeof(key.add));
	memcpy(key.mul, random + 8, sizeof(key.mul));
	memcpy(&key.cookie, random + 16, sizeof(key.cookie));
	for (int i = 0; i < 2; i++) {
		key.mul[i] |= 1;
		key.mul_inverse[i] = inverse(key.mul[i]);
	}
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t label[2] = {'a', i};

		key.address[i] = el_siphash(&key.cookie, label, sizeof(label));
	}
	return key;
}
