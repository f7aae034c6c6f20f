/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Packets as plain bytes: checksums, and a bounds-checked parse of frames and of quoted packets.
 * Nothing here reads past the length it is given. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"

/* ---- checksums (RFC 1071) ---- */

/* The one's complement sum of `len` bytes added to `sum`, in network order as it lies in memory;
 * not folded. A trailing odd byte counts as the high byte of a word. `sum` may be any that a few
 * such calls made. */
uint64_t el_sum(const void *data, size_t len, uint64_t sum);

/* The sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) of the IPv4 or IPv6
 * header at l3, of which the addresses are taken. */
uint64_t el_sum_pseudo(const uint8_t *l3, uint8_t protocol, uint16_t l4_len);

/* Folds to 16 bits. */
static inline uint16_t el_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* ---- parse ---- */

enum el_pkt_error {
	EL_PKT_OK,
	EL_PKT_TRUNCATED,   /* shorter than its headers say */
	EL_PKT_MALFORMED,   /* a version or a length that can't be */
	EL_PKT_FRAGMENT,    /* not the first fragment, or a first one that is cut */
	EL_PKT_UNSUPPORTED, /* not IP, a protocol or header that we have no use for, too many VLAN
			       tags */
	EL_PKT_ERRORS
};

/* A parsed frame: views into it, nothing copied. Lengths are what is really there. */
struct el_pkt {
	uint8_t family;   /* 4 or 6 */
	uint8_t protocol; /* of the L4 header: IPPROTO_TCP, ... */
	uint8_t vlan_tags;
	const uint8_t *l2; /* Ethernet header */
	const uint8_t *l3;
	const uint8_t *l4;
	uint16_t l4_len; /* bytes of L4 header and payload, by the IP header and never more than
			    there are */
	struct el_ip_view {
		const uint8_t *src, *dst; /* 4 or 16 bytes */
	} ip;
	/* ICMP errors (IPv4 types 3, 11, 12; IPv6 types 1 to 4): the packet they quote. quote.l3 ==
	 * NULL where there is none or its IP header is damaged or cut; the other members are then
	 * not set. */
	struct el_pkt_quote {
		const uint8_t *l3, *l4;
		const uint8_t *src, *dst;
		uint16_t l4_len; /* bytes of L4 that were quoted */
		uint8_t protocol;
		uint8_t family;
	} quote;
};

/* Parses an Ethernet frame of `len` bytes down to its L4 header, through at most two VLAN tags,
 * IPv4 options and IPv6 extension headers; for ICMP errors also the quote. The L4 header's fixed
 * part (TCP 20, UDP 8, ICMP 8 bytes) is there when EL_PKT_OK is returned; after an error the
 * contents of *ret_pkt are not defined. A frame may be longer than its IP packet (padding). */
enum el_pkt_error el_pkt_parse(const uint8_t *frame, size_t len, struct el_pkt *ret_pkt);

/* Whether the checksums of a parsed packet are right: the IPv4 header's, and that of TCP, UDP, ICMP
 * or ICMPv6, which covers all the payload. None at all is right for UDP over IPv4 (RFC 768). */
bool el_pkt_checksums_right(const struct el_pkt *pkt);

static inline uint16_t el_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t el_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void el_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void el_put32(uint8_t *p, uint32_t v)
{
	el_put16(p, (uint16_t)(v >> 16));
	el_put16(p + 2, (uint16_t)v);
}
