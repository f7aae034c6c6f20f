/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_pkt.h"

/* 32-bit words into 64 bits: the carries stay in the upper half until the sum is folded, so that
 * there is none to be handled in the loop, and the compiler turns it into vector additions. */
uint64_t el_sum_long(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint64_t words = 0;
	uint32_t word;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&word, p, 4);
		words += word;
	}
	return el_sum(p, len, el_sum_add(sum, words));
}

bool el_pkt_checksums_right(const struct el_pkt *pkt)
{
	if (pkt->family == 4 && !el_pkt_ipv4_checksum_right(pkt->l3, (size_t)(pkt->l4 - pkt->l3)))
		return false;
	if (pkt->protocol == IPPROTO_UDP && pkt->family == 4 && el_get16(pkt->l4 + 6) == 0)
		return true;
	return el_pkt_l4_checksum_right(pkt->l3, pkt->protocol, pkt->l4, pkt->l4_len);
}
