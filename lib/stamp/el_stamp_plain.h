/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The reflector's answer to a plain request, which is unauthenticated and has no TLVs, as nearly
 * all are: for the hot path. Sums are taken of values at hand, as bytes that were just written
 * would have to come out of the store buffer first. */
#include "el_stamp.h"

/* Writes the reply to a request of EL_STAMP_LEN bytes, but for T3, which is zero; sequence: its
 * own. t2: of el_stamp_encode. Returns the sum of the reply's bytes as el_sum has it, T3 being
 * zero: it is that of el_stamp_reflect, byte for byte. */
static inline uint64_t el_stamp_plain_reflect(const struct el_stamp_reflector *r,
					      const uint8_t *request, uint32_t sequence,
					      uint64_t t2, uint8_t ttl, uint8_t *reply)
{
	const uint32_t sequence_be = htobe32(sequence);
	const uint64_t t2_be = htobe64(t2);
	const uint8_t last[4] = {ttl};
	uint16_t error_be = htobe16(r->error_estimate), ssid_be, sender_error_be;
	uint32_t t1_low_be, last_be;
	uint64_t asked = el_load64(request); /* sequence and the seconds of T1 */

	memcpy(&t1_low_be, request + 8, 4);
	memcpy(&sender_error_be, request + 12, 2);
	memcpy(&ssid_be, request + 14, 2);
	memcpy(&last_be, last, 4);
	memcpy(reply, &sequence_be, 4);
	memset(reply + 4, 0, 8);
	memcpy(reply + 12, &error_be, 2);
	memcpy(reply + 14, &ssid_be, 2);
	memcpy(reply + 16, &t2_be, 8);
	memcpy(reply + 24, &asked, 8);
	memcpy(reply + 32, &t1_low_be, 4);
	memcpy(reply + 36, &sender_error_be, 2);
	memset(reply + 38, 0, 2);
	memcpy(reply + 40, &last_be, 4);
	return el_sum_add(el_sum_add(asked, t2_be), (uint64_t)sequence_be + error_be + ssid_be +
							t1_low_be + sender_error_be + last_be);
}

/* Sets T3 of such a reply: the sum of all that its checksum is over, from `sum` on. */
static inline uint64_t el_stamp_plain_set_t3(uint64_t t3, uint8_t *reply, uint64_t sum)
{
	const uint64_t t3_be = htobe64(t3);

	memcpy(reply + offsetof(struct el_stamp_reply_wire, timestamp), &t3_be, 8);
	return el_sum_add(sum, t3_be);
}
