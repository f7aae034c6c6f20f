/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_pkt.h"

#include <endian.h>
#include <netinet/in.h>
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

uint64_t el_sum_pseudo(const uint8_t *l3, uint8_t protocol, uint16_t l4_len)
{
	uint64_t sum = (uint64_t)htobe16(protocol) + htobe16(l4_len);

	return l3[0] >> 4 == 4 ? el_sum(l3 + 12, 8, sum) : el_sum(l3 + 8, 32, sum);
}

bool el_pkt_checksums_right(const struct el_pkt *pkt)
{
	uint64_t sum = 0;

	if (pkt->family == 4 &&
	    el_sum_fold(el_sum(pkt->l3, (size_t)(pkt->l4 - pkt->l3), 0)) != 0xffff)
		return false;
	if (pkt->protocol == IPPROTO_UDP && pkt->family == 4 && el_get16(pkt->l4 + 6) == 0)
		return true;
	if (pkt->protocol != IPPROTO_ICMP)
		sum = el_sum_pseudo(pkt->l3, pkt->protocol, pkt->l4_len);
	return el_sum_fold(el_sum(pkt->l4, pkt->l4_len, sum)) == 0xffff;
}
