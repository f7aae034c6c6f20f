/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_pkt.h"

#include <string.h>

/* 32-bit words into 64 bits: the carries stay in the upper half until the sum is folded, so that
 * there is none to be handled in the loop, and the compiler turns it into vector additions. */
uint64_t el_sum(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint32_t word;
	uint16_t half;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&word, p, 4);
		sum += word;
	}
	if (len & 2) {
		memcpy(&half, p, 2);
		sum += half;
		p += 2;
	}
	if (len & 1) {
		half = 0;
		memcpy(&half, p, 1);
		sum += half;
	}
	return sum;
}
