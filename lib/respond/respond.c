/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_respond.h"

#include "el_respond_plain.h"

#define IPV4_LEN 20U
#define IPV6_LEN 40U
#define ICMP_LEN EL_RESPOND_ERROR_LEN
#define IPV4_ERROR_MAX 576U /* RFC 1812 section 4.3.2.3 */
#define WINDOW 64240

static size_t ip_len(const struct el_pkt *pkt)
{
	return pkt->family == 4 ? IPV4_LEN : IPV6_LEN;
}

/* ---- TCP ---- */

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

/* RFC 9293 section 3.1, without options. The checksum is of values at hand, as that of the IP
 * header is. */
void el_respond_tcp(const struct el_pkt *pkt, const struct el_respond_segment *segment, uint8_t *l3)
{
	const uint32_t ports = el_respond_ports(pkt), sequence = htobe32(segment->sequence),
		       acknowledged = htobe32(segment->acknowledged),
		       window = segment->flags & TH_RST ? 0 : WINDOW,
		       flags = EL_RESPOND_TCP_LEN / 4 << 12 | segment->flags,
		       flags_window = htobe32(flags << 16 | window);
	const uint64_t sum = el_sum_add(el_respond_sum_pseudo(pkt, IPPROTO_TCP, EL_RESPOND_TCP_LEN),
					(uint64_t)ports + sequence + acknowledged + flags_window);
	const uint16_t checksum = (uint16_t)~el_sum_fold(sum);

	l3 += el_respond_ip_header(pkt, l3, IPPROTO_TCP, el_respond_tos(pkt) & EL_RESPOND_DSCP,
				   EL_RESPOND_TTL, EL_RESPOND_TCP_LEN);
	memcpy(l3, &ports, 4);
	memcpy(l3 + 4, &sequence, 4);
	memcpy(l3 + 8, &acknowledged, 4);
	memcpy(l3 + 12, &flags_window, 4);
	memcpy(l3 + 16, &checksum, 2);
	memset(l3 + 18, 0, 2);
}

void el_respond_to_segment(const struct el_responder *r, const struct el_pkt *pkt, uint8_t *l3)
{
	struct el_respond_segment s = el_respond_segment(pkt, is_open(r, el_get16(pkt->l4 + 2)));

	if (s.flags & TH_SYN)
		s.sequence = tcp_cookie(r, pkt);
	el_respond_tcp(pkt, &s, l3);
}

/* ---- ICMP errors ---- */

_Static_assert(EL_RESPOND_QUOTED_WHOLE == IPV4_ERROR_MAX - IPV4_LEN - ICMP_LEN &&
		   EL_RESPOND_QUOTED_WHOLE <= EL_RESPOND_MAX - IPV6_LEN - ICMP_LEN,
	       "of both families");

/* RFC 792, RFC 4443 section 3 */
void el_respond_error(const struct el_pkt *pkt, uint8_t type, uint8_t code, size_t quoted,
		      uint8_t *l3)
{
	uint64_t sum = el_sum(l3 + ip_len(pkt) + ICMP_LEN, quoted, 0);

	el_respond_error_of_sum(pkt, type, code, quoted, sum, l3);
}

static void put_unreachable(const struct el_pkt *pkt, size_t len, uint8_t *l3)
{
	size_t before = ip_len(pkt) + ICMP_LEN, quoted = len - before;

	memcpy(l3 + before, pkt->l3, quoted);
	el_respond_unreachable(pkt, quoted, el_sum(pkt->l3, quoted, 0), l3);
}

/* ---- what is answered ---- */

/* Length of the answer's L4 packet; 0: there is none. */
static size_t answer_len(const struct el_responder *r, const struct el_pkt *pkt)
{
	size_t whole = (size_t)(pkt->l4 - pkt->l3) + pkt->l4_len, header = ip_len(pkt), most;

	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return pkt->l4[13] & TH_RST ? 0 : EL_RESPOND_TCP_LEN;
	case IPPROTO_UDP:
		most = (pkt->family == 4 ? IPV4_ERROR_MAX : EL_RESPOND_MAX) - header - ICMP_LEN;
		if (!r->port_unreachable || el_respond_is_between_reflectors(pkt))
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
	if (pkt->protocol == IPPROTO_TCP) {
		el_respond_to_segment(r, pkt, answer);
	} else if (pkt->protocol == IPPROTO_UDP) {
		put_unreachable(pkt, len, answer);
	} else {
		memcpy(answer + ip_len(pkt) + 4, pkt->l4 + 4, pkt->l4_len - 4U);
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
