/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <netinet/in.h>

#include "wire.h"

/* UDPunreachable. IPv4: an ICMP error need not quote more than the first 8 bytes behind the IP
 * header (RFC 792), and there is no room for an id in a UDP header. So its high half is the IP
 * identification and its low half the UDP checksum, which is made to be that by the first two
 * payload bytes. The checksum is never zero, for that would mean that there is none (RFC 768):
 * those ids are skipped.
 *
 * IPv6: errors quote as much as fits (RFC 4443 section 2.4), so the id is the first four payload
 * bytes. The same ids are skipped: a quoted id whose low half is zero is damaged. */

#define SIZE_DEFAULT (EL_UDP_LEN + 16)

static void build(struct el_slice *s, const struct el_slice_spec *spec, uint32_t size)
{
	uint8_t *l4 = s->template + sizeof(s->template) - EL_UDP_TEMPLATE_LEN;

	s->header_len = EL_UDP_TEMPLATE_LEN;
	s->payload_len = (uint16_t)(size - EL_UDP_TEMPLATE_LEN);
	s->dst_port = spec->dst_port;
	el_put16(l4 + 2, spec->dst_port);
	el_put16(l4 + 4, (uint16_t)size);
	if (s->family == 4)
		memcpy(l4 + EL_UDP_LEN + 2, spec->payload, 2);
}

static void make(const struct el_id_key *key, const struct el_probe_job *job)
{
	el_make_udpunreachable(key, job, job->slice->family);
}

static enum el_verdict recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				 struct el_answer *ret_answer)
{
	(void)key;
	(void)pkt;
	(void)ret_answer;
	return EL_VERDICT_OTHER;
}

static enum el_verdict recognise_quote(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	const struct el_pkt_quote *q = &pkt->quote;
	struct el_answer *a = ret_answer;

	if (q->l4_len < (q->family == 4 ? EL_UDP_LEN : EL_UDP_TEMPLATE_LEN))
		return EL_VERDICT_QUOTE_SHORT;
	answer_of_quote(key, pkt, EL_PROBE_UDPUNREACHABLE, a);
	a->own_port = el_get16(q->l4);
	a->remote_port = el_get16(q->l4 + 2);
	if (q->family == 4) {
		a->wire = (uint32_t)el_get16(q->l3 + 4) << 16 | el_get16(q->l4 + 6);
		if (a->wire >> 16 == 0)
			a->flags |= EL_ANSWER_ID_ZERO;
	} else {
		a->wire = el_get32(q->l4 + EL_UDP_LEN);
	}
	if ((a->wire & 0xffff) == 0)
		return EL_VERDICT_QUOTE_DAMAGED;
	a->id = el_id_unpermute_nonzero(key, a->wire);
	return EL_VERDICT_ANSWER;
}

static unsigned ids(const struct el_id_key *key, const struct el_answer *answer,
		    const uint16_t *lens, unsigned n_lens, uint32_t *ret_ids)
{
	(void)lens;
	(void)n_lens;
	if ((answer->wire & 0xffff) == 0)
		return 0;
	ret_ids[0] = el_id_unpermute_nonzero(key, answer->wire);
	return 1;
}

const struct el_probe_ops el_probe_udpunreachable = {
    .name = "UDPunreachable",
    .protocol = IPPROTO_UDP,
    .protocol_v6 = IPPROTO_UDP,
    .size_min = EL_UDP_TEMPLATE_LEN,
    .size_default = SIZE_DEFAULT,
    .build = build,
    .make = make,
    .recognise = recognise,
    .recognise_quote = recognise_quote,
    .ids = ids,
    .verify = verify_ports,
};
