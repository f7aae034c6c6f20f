/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_respond.h"

#include "el_respond_plain.h"

#define IPV4_LEN 20U
#define IPV6_LEN 40U
#define TCP_LEN 20U
#define ICMP_LEN 8U
#define IPV4_ERROR_MAX 576U /* RFC 1812 section 4.3.2.3 */
#define TOS_ERROR 0xc0      /* internetwork control: RFC 1812 section 4.3.2.5 */
#define WINDOW 64240
#define STAMP_PORT 862 /* RFC 8762 section 4.1 */

enum tcp_flag {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
};

/* An answer that is being written. */
struct answer {
	const struct el_pkt *pkt;
	uint8_t *l3, *l4;
	size_t l4_len;
};

static size_t ip_len(const struct el_pkt *pkt)
{
	return pkt->family == 4 ? IPV4_LEN : IPV6_LEN;
}

static void put_ip(const struct answer *a, uint8_t protocol, uint8_t tos)
{
	el_respond_ip_header(a->pkt, a->l3, protocol, tos, EL_RESPOND_TTL, a->l4_len);
}

/* The checksum of the L4 packet, behind its IP header. */
static void put_l4_checksum(const struct answer *a, uint8_t protocol, size_t at)
{
	uint64_t pseudo =
	    protocol == IPPROTO_ICMP ? 0 : el_sum_pseudo(a->l3, protocol, (uint16_t)a->l4_len);
	uint16_t sum = (uint16_t)~el_sum_fold(el_sum(a->l4, a->l4_len, pseudo));

	memcpy(a->l4 + at, &sum, sizeof(sum));
}

/* What a segment takes of the sequence numbers (RFC 9293 section 3.4). */
static uint32_t tcp_segment_len(const struct el_pkt *pkt)
{
	uint32_t header = (pkt->l4[12] >> 4) * 4U, flags = pkt->l4[13];

	return pkt->l4_len - header + !!(flags & SYN) + !!(flags & FIN);
}

/* The first sequence number of a connection: nobody can tell it who has not seen it. */
static uint32_t tcp_cookie(const struct el_responder *r, const struct el_pkt *pkt)
{
	uint32_t src, dst;
	uint64_t hashed[5];

	hashed[0] = el_load64(pkt->l4); /* ports and sequence number */
	if (pkt->family == 4) {
		memcpy(&src, pkt->ip.src, 4);
		memcpy(&dst, pkt->ip.dst, 4);
		hashed[1] = (uint64_t)src << 32 | dst;
		return (uint32_t)el_siphash(&r->key, hashed, 2 * sizeof(hashed[0]));
	}
	memcpy(&hashed[1], pkt->ip.src, 16);
	memcpy(&hashed[3], pkt->ip.dst, 16);
	return (uint32_t)el_siphash(&r->key, hashed, sizeof(hashed));
}

static bool is_open(const struct el_responder *r, uint16_t port)
{
	for (size_t i = 0; i < r->n_open; i++)
		if (r->open[i] == port)
			return true;
	return false;
}

/* A TCP header, as it lies in memory. */
struct segment {
	uint32_t ports_be, sequence_be, acknowledged_be;
	uint16_t offset_flags_be, window_be, checksum, urgent;
};
_Static_assert(sizeof(struct segment) == TCP_LEN, "RFC 9293 section 3.1");

/* With its checksum, of values at hand as that of the IP header is. */
static void put_segment(const struct answer *a, struct segment s)
{
	const struct el_pkt *pkt = a->pkt;
	uint64_t sum = (uint64_t)s.ports_be + s.sequence_be + s.acknowledged_be +
		       s.offset_flags_be + s.window_be + htobe16(IPPROTO_TCP) + htobe16(TCP_LEN);

	/* the addresses are those of the packet, exchanged */
	sum = el_sum(pkt->ip.src, pkt->family == 4 ? 4 : 16, sum);
	sum = el_sum(pkt->ip.dst, pkt->family == 4 ? 4 : 16, sum);
	s.checksum = (uint16_t)~el_sum_fold(sum);
	memcpy(a->l4, &s, sizeof(s));
}

/* RFC 9293 sections 3.10.7.1 (closed) and 3.10.7.2 (listening). SYN payload is not acknowledged by
 * a SYN/ACK, as Linux does it. */
static void put_tcp(const struct el_responder *r, const struct answer *a)
{
	const uint8_t *l4 = a->pkt->l4;
	uint8_t flags = l4[13] & (FIN | SYN | RST | ACK);
	uint32_t sequence = 0, acknowledged = 0, ports_be;
	bool synack = false;

	memcpy(&ports_be, l4, 4);
	if (flags == SYN && is_open(r, el_get16(l4 + 2))) {
		synack = true;
		sequence = tcp_cookie(r, a->pkt);
		acknowledged = el_get32(l4 + 4) + 1;
	} else if (flags & ACK) {
		sequence = el_get32(l4 + 8);
	} else {
		acknowledged = el_get32(l4 + 4) + tcp_segment_len(a->pkt);
	}
	put_segment(a, (struct segment){
			   .ports_be = ports_be >> 16 | ports_be << 16,
			   .sequence_be = htobe32(sequence),
			   .acknowledged_be = htobe32(acknowledged),
			   .offset_flags_be =
			       htobe16((uint16_t)(TCP_LEN / 4 << 12 | (synack        ? SYN | ACK
								       : flags & ACK ? RST
										     : RST | ACK))),
			   .window_be = htobe16(synack ? WINDOW : 0)});
	put_ip(a, IPPROTO_TCP, el_respond_tos(a->pkt) & EL_RESPOND_DSCP);
}

/* RFC 792, RFC 4443 section 3.1 */
static void put_unreachable(const struct answer *a)
{
	bool v4 = a->pkt->family == 4;
	uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	memset(a->l4, 0, ICMP_LEN);
	a->l4[0] = v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	a->l4[1] = v4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT;
	memcpy(a->l4 + ICMP_LEN, a->pkt->l3, a->l4_len - ICMP_LEN);
	put_ip(a, protocol, TOS_ERROR);
	put_l4_checksum(a, protocol, 2);
}

/* Whether two reflectors talk to each other. */
static bool is_between_reflectors(const struct el_pkt *pkt)
{
	return el_get16(pkt->l4) == STAMP_PORT && el_get16(pkt->l4 + 2) == STAMP_PORT;
}

/* Length of the answer's L4 packet; 0: there is none. */
static size_t answer_len(const struct el_responder *r, const struct el_pkt *pkt)
{
	size_t whole = (size_t)(pkt->l4 - pkt->l3) + pkt->l4_len, header = ip_len(pkt), most;

	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return pkt->l4[13] & RST ? 0 : TCP_LEN;
	case IPPROTO_UDP:
		most = (pkt->family == 4 ? IPV4_ERROR_MAX : EL_RESPOND_MAX) - header - ICMP_LEN;
		if (!r->port_unreachable || is_between_reflectors(pkt))
			return 0;
		return ICMP_LEN + (whole < most ? whole : most);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return el_respond_is_echo(pkt) ? pkt->l4_len : 0;
	default:
		return 0;
	}
}

size_t el_respond_len(const struct el_responder *r, const struct el_pkt *pkt)
{
	size_t len = answer_len(r, pkt);

	return len ? ip_len(pkt) + len : 0;
}

void el_respond_write(const struct el_responder *r, const struct el_pkt *pkt, size_t len,
		      uint8_t *answer)
{
	const struct answer a = {
	    .pkt = pkt, .l3 = answer, .l4 = answer + ip_len(pkt), .l4_len = len - ip_len(pkt)};

	if (pkt->protocol == IPPROTO_TCP) {
		put_tcp(r, &a);
	} else if (pkt->protocol == IPPROTO_UDP) {
		put_unreachable(&a);
	} else {
		memcpy(a.l4 + 4, pkt->l4 + 4, pkt->l4_len - 4U);
		el_respond_echo(pkt, answer);
	}
}

bool el_respond_is_from_host(const struct el_pkt *pkt)
{
	struct el_ip source = el_ip_from_bytes(pkt->ip.src, pkt->family);

	return el_ip_is_host(&source) &&
	       memcmp(pkt->ip.src, pkt->ip.dst, pkt->family == 4 ? 4 : 16) != 0;
}

static bool take_token(const struct el_responder *r, const struct el_pkt *pkt, uint64_t now_ns)
{
	return !r->limit ||
	       el_respond_limit_take(
		   r->limit, el_respond_limit_source(r->limit, pkt->ip.src, pkt->family), now_ns);
}

enum el_respond el_respond(const struct el_responder *r, const struct el_pkt *pkt, uint64_t now_ns,
			   uint8_t *answer, size_t capacity, size_t *ret_len)
{
	struct el_ip source = el_ip_from_bytes(pkt->ip.src, pkt->family);
	size_t len = el_respond_len(r, pkt);

	if (len == 0 || !el_respond_is_from_host(pkt))
		return EL_RESPOND_NOTHING;
	if (!el_prefixes_contain(r->allowed, r->n_allowed, &source))
		return EL_RESPOND_NOT_ALLOWED;
	if (len > capacity)
		return EL_RESPOND_NO_ROOM;
	if (!take_token(r, pkt, now_ns))
		return EL_RESPOND_LIMITED;
	el_respond_write(r, pkt, len, answer);
	*ret_len = len;
	return EL_RESPOND_ANSWER;
}
