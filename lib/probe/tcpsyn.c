/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "wire.h"

/* TCPsyn: the permuted id is the sequence number of a SYN, and comes back, plus one, as the
 * acknowledgement. An RST may acknowledge the SYN's payload besides (RFC 9293 section 3.10.7.1:
 * SEG.SEQ + SEG.LEN). Header layout: RFC 9293 section 3.1. */

#define WINDOW 8192

static void write_tcp(uint8_t *l4, uint16_t dst_port, uint8_t flags, uint16_t window)
{
	el_put16(l4 + 2, dst_port);
	l4[12] = EL_TCP_LEN / 4 << 4;
	l4[13] = flags;
	el_put16(l4 + 14, window);
}

static void build(struct el_slice *s, const struct el_slice_spec *spec, uint32_t size)
{
	s->header_len = EL_TCP_LEN;
	s->payload_len = (uint16_t)(size - EL_TCP_LEN);
	s->dst_port = spec->dst_port;
	write_tcp(s->template + sizeof(s->template) - EL_TCP_LEN, spec->dst_port, TH_SYN, WINDOW);
}

static void make(const struct el_id_key *key, const struct el_probe_job *job)
{
	el_make_tcpsyn(key, job, job->slice->family);
}

static enum el_verdict recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				 struct el_answer *ret_answer)
{
	struct el_plain segment = {.addr_key = answer_addr_key(key, pkt)};

	if (!el_plain_tcp(&segment, key, pkt->l4, pkt->l4_len))
		return EL_VERDICT_TCP_FLAGS;
	el_plain_answer(&segment, ret_answer);
	return EL_VERDICT_ANSWER;
}

static enum el_verdict recognise_quote(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	struct el_answer *a = ret_answer;

	if (pkt->quote.l4_len < 8)
		return EL_VERDICT_QUOTE_SHORT;
	answer_of_quote(key, pkt, EL_PROBE_TCPSYN, a);
	a->wire = el_get32(pkt->quote.l4 + 4) + 1;
	a->own_port = el_get16(pkt->quote.l4);
	a->remote_port = el_get16(pkt->quote.l4 + 2);
	a->id = el_id_unpermute(key, a->wire - 1);
	return EL_VERDICT_ANSWER;
}

static unsigned ids(const struct el_id_key *key, const struct el_answer *answer,
		    const uint16_t *lens, unsigned n_lens, uint32_t *ret_ids)
{
	uint32_t seq = answer->wire - 1;

	ret_ids[0] = el_id_unpermute(key, seq);
	if (answer->kind != EL_ANSWER_RST)
		return 1;
	if (n_lens > EL_PROBE_TCP_LENS_MAX)
		n_lens = EL_PROBE_TCP_LENS_MAX;
	for (unsigned i = 0; i < n_lens; i++)
		ret_ids[1 + i] = el_id_unpermute(key, seq - lens[i]);
	return 1 + n_lens;
}

static enum el_match verify(const struct el_answer *answer, const struct el_slice *s,
			    uint16_t src_port)
{
	if (answer->candidate > 0 && s->payload_len == 0)
		return EL_MATCH_ID; /* acknowledges a payload that was not sent */
	return verify_ports(answer, s, src_port);
}

/* Completes an RST whose addresses, DSCP, flow label and ports are in place before `end`. Its
 * length from l3 on. */
static unsigned finish_reset(uint8_t *l3, uint8_t *end, uint32_t seq)
{
	uint8_t *l4 = end - EL_TCP_LEN;

	if (l3[0] >> 4 == 4) {
		el_put16(l3 + 2, (uint16_t)(end - l3));
		/* as that of a probe */
		el_put16(l3 + 4, el_get16(l3 + 6) & IPV4_DF ? 0 : (uint16_t)seq);
		el_put16(l3 + 10, 0);
		el_store16(l3 + 10, (uint16_t)~el_sum_fold(el_sum(l3, EL_IPV4_LEN, 0)));
	} else {
		el_put16(l3 + 4, EL_TCP_LEN);
	}
	el_put32(l4 + 4, seq);
	el_put16(l4 + 16, 0);
	el_store16(l4 + 16, (uint16_t)~el_sum_fold(el_sum(
				l4, EL_TCP_LEN, el_sum_pseudo(l3, IPPROTO_TCP, EL_TCP_LEN))));
	return (unsigned)(end - l3);
}

unsigned el_probe_reset(const struct el_slice *s, uint8_t *end, uint16_t src_port, uint32_t seq)
{
	uint8_t *l4 = end - EL_TCP_LEN, *l3 = end - s->header_len;

	el_copy_template(end, s, s->family, EL_TCP_LEN);
	if (s->family == 6)
		el_finish_ipv6(l3, s, src_port);
	write_tcp(l4, s->dst_port, TH_RST, 0);
	el_put16(l4, src_port);
	return finish_reset(l3, end, seq);
}

unsigned el_probe_reset_reply(const struct el_pkt *synack, uint8_t *end)
{
	bool v4 = synack->family == 4;
	uint8_t *l4 = end - EL_TCP_LEN, *l3 = l4 - (v4 ? EL_IPV4_LEN : EL_IPV6_LEN);

	if (synack->protocol != IPPROTO_TCP)
		return 0;
	memset(end - EL_SLICE_TEMPLATE_BYTES, 0, EL_SLICE_TEMPLATE_BYTES);
	if (v4)
		el_probe_write_ipv4(l3, 0, true, IPPROTO_TCP, 0, el_load32(synack->ip.dst),
				    el_load32(synack->ip.src));
	else
		el_probe_write_ipv6(l3, 6U << 28, IPPROTO_TCP, 0, synack->ip.dst, synack->ip.src);
	write_tcp(l4, el_get16(synack->l4), TH_RST, 0);
	el_store16(l4, el_load16(synack->l4 + 2));
	return finish_reset(l3, end, el_get32(synack->l4 + 8));
}

const struct el_probe_ops el_probe_tcpsyn = {
    .name = "TCPsyn",
    .protocol = IPPROTO_TCP,
    .protocol_v6 = IPPROTO_TCP,
    .size_min = EL_TCP_LEN,
    .size_default = EL_TCP_LEN,
    .build = build,
    .make = make,
    .recognise = recognise,
    .recognise_quote = recognise_quote,
    .ids = ids,
    .verify = verify,
};
