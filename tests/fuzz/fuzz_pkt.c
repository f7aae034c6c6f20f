/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame through the parser, the recognisers and what follows them, as a worker does it. */
#include <stdlib.h>

#include "el_probe_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_SLICES (2 * EL_PROBE_TYPES) /* each type over both families */

static struct el_slice slices[N_SLICES];
static struct el_id_key key;

static void init(void)
{
	static const uint8_t random[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
	static struct el_probe_stamp_kind kind;

	if (el_probe_stamp_kind_init(&kind, &(struct el_stamp_sender){0}) < 0)
		abort();
	key = el_id_key_init(random);
	for (int i = 0; i < N_SLICES; i++) {
		struct el_slice_spec spec = {.type = (enum el_probe_type)(i / 2),
					     .dst_port = 443,
					     .stamp = &kind,
					     .payload = payload,
					     .key = &key};
		int rc = el_ip_parse(i % 2 ? "2001:db8::a" : "192.0.2.10", &spec.source) |
			 el_ip_parse(i % 2 ? "2001:db8:100::7" : "198.51.100.7", &spec.destination);

		rc |= el_slice_build(&slices[i], &spec);
		if (rc != 0)
			abort();
	}
}

/* What was found must lie in the frame; reading it is what the sanitiser watches. */
static void touch(const struct el_pkt *pkt, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (pkt->l4 < data || pkt->l4 > end || pkt->l4_len > end - pkt->l4)
		abort();
	el_sum(pkt->l4, pkt->l4_len, 0);
	if (pkt->quote.l3) {
		if (pkt->quote.l4 < pkt->l4 || pkt->quote.l4_len > end - pkt->quote.l4)
			abort();
		el_sum(pkt->quote.l4, pkt->quote.l4_len, 0);
	}
}

/* What is recognised the quick way is what is recognised the other way. */
static void compare_plain(const uint8_t *data, size_t size)
{
	struct el_answer plain, answer;
	struct el_plain quick;
	struct el_pkt pkt;

	if (size > UINT16_MAX || !el_plain_recognise(&key, data, (uint32_t)size, &quick))
		return;
	el_plain_answer(&quick, &plain);
	if (el_pkt_parse(data, size, &pkt) != EL_PKT_OK ||
	    el_probe_recognise(&key, &pkt, &answer) != EL_VERDICT_ANSWER ||
	    memcmp(&plain, &answer, sizeof(plain)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t lens[2] = {100, 1400};
	uint32_t ids[EL_PROBE_TCP_LENS_MAX + 1];
	uint8_t reset[EL_SLICE_TEMPLATE_BYTES];
	struct el_answer answer;
	struct el_pkt pkt;
	unsigned n;

	if (slices[0].header_len == 0)
		init();
	compare_plain(data, size);
	if (el_pkt_parse(data, size, &pkt) != EL_PKT_OK)
		return 0;
	touch(&pkt, data, size);
	if (el_probe_recognise(&key, &pkt, &answer) != EL_VERDICT_ANSWER)
		return 0;
	if (answer.type >= EL_PROBE_TYPES)
		abort();
	n = el_probe_ops[answer.type]->ids(&key, &answer, lens, 2, ids);
	if (n > EL_PROBE_TCP_LENS_MAX + 1)
		abort();
	for (int i = 0; i < N_SLICES; i++)
		el_probe_ops[slices[i].type]->verify(&answer, &slices[i], 65000);
	if (answer.kind == EL_ANSWER_SYNACK)
		el_probe_reset_reply(&pkt, reset + sizeof(reset));
	return 0;
}
