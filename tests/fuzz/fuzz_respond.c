/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame to a responder who answers everybody. */
#include "el_respond.h"
#include "fuzz.h"

/* The answer in a frame, as its receiver parses it. */
static void check(const struct el_pkt *asked, bool right, const uint8_t *answer, size_t len)
{
	uint8_t frame[14 + EL_RESPOND_MAX] = {0};
	size_t whole = (size_t)(asked->l4 - asked->l3) + asked->l4_len;
	size_t address_len = asked->family == 4 ? 4 : 16;
	struct el_pkt pkt;

	FUZZ_ASSERT(len <= (asked->protocol == IPPROTO_UDP ? EL_RESPOND_MAX : whole));
	if (len > EL_RESPOND_MAX)
		return; /* a large echo */
	frame[12] = asked->family == 4 ? 0x08 : 0x86;
	frame[13] = asked->family == 4 ? 0x00 : 0xdd;
	memcpy(frame + 14, answer, len);
	FUZZ_ASSERT(el_pkt_parse(frame, 14 + len, &pkt) == EL_PKT_OK);
	FUZZ_ASSERT(pkt.family == asked->family);
	FUZZ_ASSERT((size_t)(pkt.l4 - pkt.l3) + pkt.l4_len == len);
	FUZZ_ASSERT(memcmp(pkt.ip.src, asked->ip.dst, address_len) == 0);
	FUZZ_ASSERT(memcmp(pkt.ip.dst, asked->ip.src, address_len) == 0);
	FUZZ_ASSERT(pkt.protocol == asked->protocol || asked->protocol == IPPROTO_UDP);
	if (right || asked->protocol == IPPROTO_TCP || asked->protocol == IPPROTO_UDP)
		FUZZ_ASSERT(el_pkt_checksums_right(&pkt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t open[] = {443};
	const struct el_prefix everybody[] = {{.ip = {.family = 4}}, {.ip = {.family = 6}}};
	const struct el_responder r = {.allowed = everybody,
				       .n_allowed = 2,
				       .open = open,
				       .n_open = 1,
				       .port_unreachable = true};
	size_t capacity = size > EL_RESPOND_MAX ? size : EL_RESPOND_MAX, len = 0;
	uint8_t *answer = malloc(capacity);
	enum el_respond verdict;
	struct el_pkt pkt;

	FUZZ_ASSERT(answer);
	if (el_pkt_parse(data, size, &pkt) == EL_PKT_OK) {
		verdict = el_respond(&r, &pkt, 0, answer, capacity, &len);
		FUZZ_ASSERT(verdict == EL_RESPOND_ANSWER || verdict == EL_RESPOND_NOTHING);
		if (verdict == EL_RESPOND_ANSWER)
			check(&pkt, el_pkt_checksums_right(&pkt), answer, len);
		/* in memory of what it needs it is the same; in less, none */
		FUZZ_ASSERT(el_respond(&r, &pkt, 0, answer, len, &len) == verdict);
		FUZZ_ASSERT(len == 0 ||
			    el_respond(&r, &pkt, 0, answer, len - 1, &len) == EL_RESPOND_NO_ROOM);
	}
	free(answer);
	return 0;
}
