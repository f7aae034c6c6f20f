/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_probe.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "wire.h"

/* ICMPping: an echo request (RFC 792, RFC 4443 section 4.1). Its first 16 payload bytes are
 *	the permuted id (4) | its complement (4) | a keyed cookie of the addresses (8)
 * the id first because an ICMP error may quote little, the complement because it keeps the checksum
 *the same for all ids. The identifier is that of the path and the sequence number counts its
 *packets. A packet too short for that has the id in place of identifier and sequence number. Which
 *of the two it is shows in its length. */

/* The part of a cookie that answers and slices keep. */
static uint32_t fold_cookie(const uint8_t *cookie)
{
	return el_get32(cookie) ^ el_get32(cookie + 4);
}

/* A keyed hash of the addresses; `what` tells the uses apart. */
static uint64_t hash(const struct el_slice_spec *spec, char what)
{
	uint8_t hashed[33];

	memcpy(hashed, spec->destination.bytes, 16);
	memcpy(hashed + 16, spec->source.bytes, 16);
	hashed[32] = (uint8_t)what;
	return el_siphash(&spec->key->cookie, hashed, sizeof(hashed));
}

static void build(struct el_slice *s, const struct el_slice_spec *spec, uint32_t size)
{
	uint8_t *end = s->template + sizeof(s->template);
	uint8_t request = s->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	uint8_t *l4;

	s->dst_port = 0;
	if (size < EL_ECHO_LEN) {
		s->flags |= EL_SLICE_ID_IN_HEADER;
		s->header_len = EL_ICMP_LEN;
		end[-EL_ICMP_LEN] = request;
	} else {
		uint64_t cookie = hash(spec, 'c');

		s->header_len = EL_ECHO_LEN;
		l4 = end - EL_ECHO_LEN;
		l4[0] = request;
		el_put16(l4 + 4, (uint16_t)hash(spec, 'p'));
		el_put32(l4 + EL_ICMP_LEN + 4, UINT32_MAX); /* the complement of 0 */
		el_put32(l4 + EL_ICMP_LEN + 8, (uint32_t)(cookie >> 32));
		el_put32(l4 + EL_ICMP_LEN + 12, (uint32_t)cookie);
		s->dst_port = (uint16_t)fold_cookie(l4 + EL_ICMP_LEN + 8);
		s->cookie = (uint16_t)(fold_cookie(l4 + EL_ICMP_LEN + 8) >> 16);
	}
	s->payload_len = (uint16_t)(size - s->header_len);
}

static void make(const struct el_id_key *key, const struct el_probe_job *job)
{
	el_make_icmpping(key, job, job->slice->family);
}

static enum el_verdict recognise(const struct el_id_key *key, const struct el_pkt *pkt,
				 struct el_answer *ret_answer)
{
	uint8_t reply = pkt->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct el_plain echo = {.addr_key = answer_addr_key(key, pkt)};
	uint32_t wire = el_get32(pkt->l4 + 4);

	if (pkt->l4[0] != reply || pkt->l4[1] != 0)
		return EL_VERDICT_OTHER;
	if (pkt->l4_len >= EL_ECHO_LEN) {
		if (!el_plain_echo(&echo, key, pkt->l4, pkt->l4_len, htobe16(reply << 8)))
			return EL_VERDICT_COOKIE;
		el_plain_answer(&echo, ret_answer);
		return EL_VERDICT_ANSWER;
	}
	*ret_answer = (struct el_answer){.addr_key = echo.addr_key,
					 .wire = wire,
					 .type = EL_PROBE_ICMPPING,
					 .kind = EL_ANSWER_ECHO_REPLY,
					 .flags = EL_ANSWER_ID_IN_HEADER,
					 .id = el_id_unpermute(key, wire)};
	return EL_VERDICT_ANSWER;
}

static void take_cookie(struct el_answer *a, const uint8_t *cookie)
{
	uint32_t fold = fold_cookie(cookie);

	a->flags |= EL_ANSWER_COOKIE;
	a->remote_port = (uint16_t)fold;
	a->own_port = (uint16_t)(fold >> 16);
}

static enum el_verdict recognise_quote(const struct el_id_key *key, const struct el_pkt *pkt,
				       struct el_answer *ret_answer)
{
	const struct el_pkt_quote *q = &pkt->quote;
	struct el_answer *a = ret_answer;

	if (q->l4_len < EL_ICMP_LEN)
		return EL_VERDICT_QUOTE_SHORT;
	if (q->l4[0] != (q->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) || q->l4[1] != 0)
		return EL_VERDICT_OTHER;
	answer_of_quote(key, pkt, EL_PROBE_ICMPPING, a);
	if (sent_l4_len(q) < EL_ECHO_LEN) {
		a->flags |= EL_ANSWER_ID_IN_HEADER;
		a->wire = el_get32(q->l4 + 4);
	} else {
		if (q->l4_len < EL_ICMP_LEN + 4)
			return EL_VERDICT_QUOTE_SHORT;
		a->wire = el_get32(q->l4 + 8);
		if (q->l4_len >= EL_ICMP_LEN + 8 && el_get32(q->l4 + 12) != ~a->wire)
			return EL_VERDICT_QUOTE_DAMAGED;
		if (q->l4_len >= EL_ECHO_LEN)
			take_cookie(a, q->l4 + 16);
	}
	a->id = el_id_unpermute(key, a->wire);
	return EL_VERDICT_ANSWER;
}

static unsigned ids(const struct el_id_key *key, const struct el_answer *answer,
		    const uint16_t *lens, unsigned n_lens, uint32_t *ret_ids)
{
	(void)lens;
	(void)n_lens;
	ret_ids[0] = el_id_unpermute(key, answer->wire);
	return 1;
}

static enum el_match verify(const struct el_answer *answer, const struct el_slice *s,
			    uint16_t src_port)
{
	bool answer_in_header = answer->flags & EL_ANSWER_ID_IN_HEADER;
	bool slice_in_header = s->flags & EL_SLICE_ID_IN_HEADER;

	(void)src_port;
	if (answer->type != s->type)
		return EL_MATCH_ID;
	if (answer->addr_key != s->addr_key)
		return EL_MATCH_ADDRESS;
	if (answer_in_header != slice_in_header)
		return EL_MATCH_COOKIE;
	if ((answer->flags & EL_ANSWER_COOKIE) &&
	    (answer->remote_port != s->dst_port || answer->own_port != s->cookie))
		return EL_MATCH_COOKIE;
	return EL_MATCH_OK;
}

const struct el_probe_ops el_probe_icmpping = {
    .name = "ICMPping",
    .protocol = IPPROTO_ICMP,
    .protocol_v6 = IPPROTO_ICMPV6,
    .group_size = true,
    .size_min = EL_ICMP_LEN,
    .size_default = EL_ECHO_LEN,
    .build = build,
    .make = make,
    .recognise = recognise,
    .recognise_quote = recognise_quote,
    .ids = ids,
    .verify = verify,
};
