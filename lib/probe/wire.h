/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the probe types share when they write and read packets. */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "el_probe_make.h"
#include "el_probe_plain.h"

#define IPV4_DF 0x4000
#define IPV4_TTL 64
#define IPV6_HOP_LIMIT 64

extern const struct el_probe_ops el_probe_tcpsyn, el_probe_icmpping, el_probe_udpunreachable,
    el_probe_stamp;

/* An IPv4 header (RFC 791 section 3.1), checksum and identification zero. total_len: with all that
 * follows. */
void el_probe_write_ipv4(uint8_t *l3, uint8_t tos, bool dont_fragment, uint8_t protocol,
			 uint16_t total_len, uint32_t src_be, uint32_t dst_be);

/* An IPv6 header (RFC 8200 section 3). word: the first four bytes; payload_len: of what follows. */
void el_probe_write_ipv6(uint8_t *l3, uint32_t word, uint8_t protocol, uint16_t payload_len,
			 const uint8_t *src, const uint8_t *dst);

/* The addresses of a packet whose probe it answers. */
static inline uint64_t answer_addr_key(const struct el_id_key *key, const struct el_pkt *pkt)
{
	return pkt->family == 4 ? el_addr_key_v4(el_load32(pkt->ip.src), el_load32(pkt->ip.dst))
				: el_addr_key_v6(key, pkt->ip.src, pkt->ip.dst);
}

static inline bool same_address(const uint8_t *a, const uint8_t *b, uint8_t family)
{
	return el_load32(a) == el_load32(b) && (family == 4 || memcmp(a + 4, b + 4, 12) == 0);
}

/* Whose probe an ICMP error quotes, which is of the quote's family. */
static inline void answer_of_quote(const struct el_id_key *key, const struct el_pkt *pkt,
				   enum el_probe_type type, struct el_answer *a)
{
	const struct el_pkt_quote *q = &pkt->quote;
	uint8_t unreachable = q->family == 4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;

	*a = (struct el_answer){
	    .addr_key = q->family == 4 ? el_addr_key_v4(el_load32(q->dst), el_load32(q->src))
				       : el_addr_key_v6(key, q->dst, q->src),
	    .type = (uint8_t)type,
	    .kind = pkt->l4[0] == unreachable ? EL_ANSWER_UNREACHABLE : EL_ANSWER_ICMP_ERROR,
	    .flags = same_address(pkt->ip.src, q->dst, q->family) ? EL_ANSWER_FROM_TARGET : 0};
}

/* The bytes behind a quoted IP header, extension headers aside, that were sent; fewer may be
 * quoted. */
static inline uint16_t sent_l4_len(const struct el_pkt_quote *q)
{
	unsigned total =
	    q->family == 4 ? el_get16(q->l3 + 2) : EL_IPV6_LEN + (unsigned)el_get16(q->l3 + 4);

	return (uint16_t)(total - (unsigned)(q->l4 - q->l3));
}

/* The part of verify for types with ports. */
static inline enum el_match verify_ports(const struct el_answer *answer, const struct el_slice *s,
					 uint16_t src_port)
{
	if (answer->type != s->type)
		return EL_MATCH_ID;
	if (answer->addr_key != s->addr_key)
		return EL_MATCH_ADDRESS;
	if (answer->own_port != src_port || answer->remote_port != s->dst_port)
		return EL_MATCH_PORT;
	return EL_MATCH_OK;
}
