/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What answers are made of on the hot path, in line. An answer may be made in the memory of the
 * packet that it answers: all that is taken from there is read before anything is written. Sums are
 * taken of values at hand, as bytes that were just written would have to come out of the store
 * buffer first. */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "el_pkt.h"
#include "el_respond.h"

#define EL_RESPOND_INLINE static inline __attribute__((always_inline))

#define EL_RESPOND_TTL 64
#define EL_RESPOND_DSCP 0xfc /* of a TOS: answers have it, and not the ECN */

/* In one register, where there are such. */
typedef uint64_t el_respond_16_bytes __attribute__((vector_size(16)));

/* The TOS, or traffic class, of a packet. */
EL_RESPOND_INLINE uint8_t el_respond_tos(const struct el_pkt *pkt)
{
	return pkt->family == 4 ? pkt->l3[1] : (uint8_t)(pkt->l3[0] << 4 | pkt->l3[1] >> 4);
}

EL_RESPOND_INLINE void el_respond_ipv4_header(const struct el_pkt *pkt, uint8_t *l3,
					      uint8_t protocol, uint8_t tos, uint8_t ttl,
					      size_t l4_len)
{
	enum { LEN = 20, DF = 0x4000 };
	/* version to fragment offset; the identification is 0 (RFC 6864 section 4.1) */
	const uint64_t first =
	    htobe64((uint64_t)(0x4500 | tos) << 48 | (uint64_t)(uint16_t)(LEN + l4_len) << 32 | DF);
	const uint32_t ttl_protocol = (uint32_t)ttl << 8 | protocol;
	const uint32_t be = htobe16((uint16_t)ttl_protocol);
	uint32_t second;
	uint64_t addresses;
	uint16_t sum;

	memcpy(&addresses, pkt->ip.src, 8); /* the destination follows the source */
	addresses = addresses << 32 | addresses >> 32;
	sum = (uint16_t)~el_sum_fold((first >> 32) + (uint32_t)first + be + (addresses >> 32) +
				     (uint32_t)addresses);
	second = htobe32(ttl_protocol << 16 | be16toh(sum));
	memcpy(l3, &first, 8);
	memcpy(l3 + 8, &second, 4);
	memcpy(l3 + 12, &addresses, 8);
}

EL_RESPOND_INLINE void el_respond_ipv6_header(const struct el_pkt *pkt, uint8_t *l3,
					      uint8_t protocol, uint8_t tos, uint8_t ttl,
					      size_t l4_len)
{
	const uint64_t first =
	    htobe64((uint64_t)(6U << 28 | (uint32_t)tos << 20) << 32 |
		    (uint64_t)(uint16_t)l4_len << 16 | (uint64_t)protocol << 8 | ttl);
	el_respond_16_bytes from, to;

	memcpy(&from, pkt->ip.dst, 16);
	memcpy(&to, pkt->ip.src, 16);
	memcpy(l3, &first, 8);
	memcpy(l3 + 8, &from, 16);
	memcpy(l3 + 24, &to, 16);
}

/* Writes an IP header, without options, back to where a packet is from: in front of an L4 packet of
 * l4_len bytes. Its length. */
EL_RESPOND_INLINE size_t el_respond_ip_header(const struct el_pkt *pkt, uint8_t *l3,
					      uint8_t protocol, uint8_t tos, uint8_t ttl,
					      size_t l4_len)
{
	if (pkt->family == 4) {
		el_respond_ipv4_header(pkt, l3, protocol, tos, ttl, l4_len);
		return 20;
	}
	el_respond_ipv6_header(pkt, l3, protocol, tos, ttl, l4_len);
	return 40;
}

/* The ports of a packet of TCP or UDP exchanged, both as they lie in memory. */
EL_RESPOND_INLINE uint32_t el_respond_ports(const struct el_pkt *pkt)
{
	uint32_t ports;

	memcpy(&ports, pkt->l4, 4);
	return ports >> 16 | ports << 16;
}

/* The sum of the pseudo header of a packet, and so of one of the same length back. */
EL_RESPOND_INLINE uint64_t el_respond_sum_pseudo(const struct el_pkt *pkt, uint8_t protocol,
						 uint16_t l4_len)
{
	uint64_t sum = (uint64_t)htobe16(protocol) + htobe16(l4_len);

	/* the destination follows the source */
	return pkt->family == 4 ? el_sum(pkt->ip.src, 8, sum) : el_sum(pkt->ip.src, 32, sum);
}

/* ---- TCP ---- */

/* What a segment takes of the sequence numbers (RFC 9293 section 3.4). */
EL_RESPOND_INLINE uint32_t el_respond_segment_len(const struct el_pkt *pkt)
{
	uint32_t header = (pkt->l4[12] >> 4) * 4U, flags = pkt->l4[13];

	return pkt->l4_len - header + !!(flags & TH_SYN) + !!(flags & TH_FIN);
}

/* What a host says to a segment which is no RST (RFC 9293 sections 3.10.7.1 and 3.10.7.2): a
 * SYN/ACK to a SYN, if its port is open, else an RST. The sequence number of a SYN/ACK is the
 * caller's to choose. SYN payload is not acknowledged by a SYN/ACK, as Linux does it. */
EL_RESPOND_INLINE struct el_respond_segment el_respond_segment(const struct el_pkt *pkt, bool open)
{
	uint8_t flags = pkt->l4[13] & (TH_FIN | TH_SYN | TH_RST | TH_ACK);

	if (flags == TH_SYN && open)
		return (struct el_respond_segment){.flags = TH_SYN | TH_ACK,
						   .acknowledged = el_get32(pkt->l4 + 4) + 1};
	if (flags & TH_ACK)
		return (struct el_respond_segment){.flags = TH_RST,
						   .sequence = el_get32(pkt->l4 + 8)};
	return (struct el_respond_segment){.flags = TH_RST | TH_ACK,
					   .acknowledged =
					       el_get32(pkt->l4 + 4) + el_respond_segment_len(pkt)};
}

/* ---- UDP ---- */

/* Writes the headers, without checksum, of a datagram of UDP back to where one is from, in front of
 * payload_len bytes. Where its own is. */
EL_RESPOND_INLINE uint8_t *el_respond_udp(const struct el_pkt *pkt, uint8_t *l3, uint8_t tos,
					  uint8_t ttl, size_t payload_len)
{
	const uint16_t len = (uint16_t)(8 + payload_len);
	const uint32_t ports = el_respond_ports(pkt), len_be = htobe32((uint32_t)len << 16);
	uint8_t *udp = l3 + el_respond_ip_header(pkt, l3, IPPROTO_UDP, tos, ttl, len);

	memcpy(udp, &ports, 4);
	memcpy(udp + 4, &len_be, 4);
	return udp;
}

/* Whether two reflectors of STAMP talk to each other, and so would go on for ever. */
EL_RESPOND_INLINE bool el_respond_is_between_reflectors(const struct el_pkt *pkt)
{
	const uint16_t stamp = 862; /* RFC 8762 section 4.1 */

	return el_get16(pkt->l4) == stamp && el_get16(pkt->l4 + 2) == stamp;
}

/* The sum of all that the checksum of a datagram of `len` bytes is over. */
EL_RESPOND_INLINE uint64_t el_respond_udp_sum(const uint8_t *l3, const uint8_t *udp, uint16_t len)
{
	return el_sum(udp, len, el_sum_pseudo(l3, IPPROTO_UDP, len));
}

/* Sets the checksum by that sum. */
EL_RESPOND_INLINE void el_respond_udp_set_checksum(uint8_t *udp, uint64_t sum)
{
	uint16_t checksum = (uint16_t)~el_sum_fold(sum);

	if (!checksum)
		checksum = UINT16_MAX; /* 0 would be none (RFC 768, RFC 8200 section 8.1) */
	memcpy(udp + 6, &checksum, 2);
}

/* ---- ICMP errors ---- */

#define EL_RESPOND_TOS_ERROR 0xc0 /* internetwork control: RFC 1812 section 4.3.2.5 */

/* The longest packet that a port unreachable of either family may quote whole: what RFC 1812
 * section 4.3.2.3 lets an error of ICMP have, less its headers. */
#define EL_RESPOND_QUOTED_WHOLE 548

/* As el_respond_error, of whose quote the sum is known. */
EL_RESPOND_INLINE void el_respond_error_of_sum(const struct el_pkt *pkt, uint8_t type, uint8_t code,
					       size_t quoted, uint64_t quote_sum, uint8_t *l3)
{
	const uint8_t protocol = pkt->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const size_t len = EL_RESPOND_ERROR_LEN + quoted;
	const uint32_t type_code = (uint32_t)type << 8 | code;
	uint64_t sum = el_sum_add(quote_sum, htobe16((uint16_t)type_code)), header;

	if (pkt->family == 6)
		sum = el_sum_add(sum, el_respond_sum_pseudo(pkt, protocol, (uint16_t)len));
	sum = be16toh((uint16_t)~el_sum_fold(sum));
	header = htobe64((uint64_t)type_code << 48 | sum << 32);
	l3 += el_respond_ip_header(pkt, l3, protocol, EL_RESPOND_TOS_ERROR, EL_RESPOND_TTL, len);
	memcpy(l3, &header, EL_RESPOND_ERROR_LEN);
}

/* The port unreachable that quotes a datagram (RFC 792, RFC 4443 section 3.1), as above. */
EL_RESPOND_INLINE void el_respond_unreachable(const struct el_pkt *pkt, size_t quoted,
					      uint64_t quote_sum, uint8_t *l3)
{
	const bool v4 = pkt->family == 4;

	el_respond_error_of_sum(pkt, v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH,
				v4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT, quoted,
				quote_sum, l3);
}

/* ---- echo ---- */

/* Whether a packet of ICMP or ICMPv6 asks for an echo. */
EL_RESPOND_INLINE bool el_respond_is_echo(const struct el_pkt *pkt)
{
	uint16_t type_code;

	memcpy(&type_code, pkt->l4, 2);
	return type_code ==
	       htobe16((uint16_t)((pkt->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) << 8));
}

/* Writes the reply to an echo request (RFC 792, RFC 4443 section 4.2), from its IP header on, to
 * `l3`: where that of the request is, if it has no options nor extension headers, or other memory
 * in which the bytes behind the first four of its L4 packet are already. The checksum follows from
 * the type alone (RFC 1624, equation 4), so that what was damaged on the way stays so. */
EL_RESPOND_INLINE void el_respond_echo(const struct el_pkt *pkt, uint8_t *l3)
{
	const bool v4 = pkt->family == 4;
	/* what the type has less than that of the request, and so the sum more */
	const uint32_t less = v4 ? ICMP_ECHO << 8 : 0xffff - 0x100;
	const uint32_t reply = v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	uint8_t *l4 = l3 + (v4 ? 20 : 40), tos = el_respond_tos(pkt) & EL_RESPOND_DSCP;
	uint32_t sum = el_get16(pkt->l4 + 2) + less, first;

	_Static_assert(ICMP6_ECHO_REPLY - ICMP6_ECHO_REQUEST == 1 && ICMP_ECHOREPLY == 0, "less");
	first = htobe32(reply << 24 | ((sum + (sum >> 16)) & 0xffff));
	el_respond_ip_header(pkt, l3, pkt->protocol, tos, EL_RESPOND_TTL, pkt->l4_len);
	memcpy(l4, &first, 4);
}
