/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Packets as plain bytes: checksums, and a bounds-checked parse of frames and of quoted packets.
 * Nothing here reads past the length it is given. */
#include <endian.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "el_base.h"

/* ---- checksums (RFC 1071) ---- */

/* Sums are of 64 bits, by additions whose carry comes round (what overflows 64 bits is worth one):
 * they need not be folded until the end, and are right modulo 0xffff all the way. */
static inline uint64_t el_sum_add(uint64_t sum, uint64_t word)
{
	bool carry = __builtin_add_overflow(sum, word, &sum);

	return sum + carry;
}

/* Bytes from which on el_sum is el_sum_long. */
#define EL_SUM_SHORT 64

/* el_sum of many bytes, for which it is the faster. */
uint64_t el_sum_long(const void *data, size_t len, uint64_t sum);

static inline uint64_t el_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* The one's complement sum of `len` bytes added to `sum`, in network order as it lies in memory;
 * not folded. A trailing odd byte counts as the high byte of a word. */
static inline uint64_t el_sum(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint32_t half;
	uint16_t quarter;

	if (len >= EL_SUM_SHORT)
		return el_sum_long(data, len, sum);
	/* no loop: nearly all answers are so short */
	if (len & 32) {
		sum = el_sum_add(el_sum_add(sum, el_load64(p)), el_load64(p + 8));
		sum = el_sum_add(el_sum_add(sum, el_load64(p + 16)), el_load64(p + 24));
		p += 32;
	}
	if (len & 16) {
		sum = el_sum_add(el_sum_add(sum, el_load64(p)), el_load64(p + 8));
		p += 16;
	}
	if (len & 8) {
		sum = el_sum_add(sum, el_load64(p));
		p += 8;
	}
	if ((len & 7) == 0)
		return sum;
	if (len & 4) {
		memcpy(&half, p, 4);
		sum = el_sum_add(sum, half);
		p += 4;
	}
	if ((len & 3) == 0)
		return sum;
	if (len & 2) {
		memcpy(&quarter, p, 2);
		sum = el_sum_add(sum, quarter);
		p += 2;
	}
	if (len & 1) {
		quarter = 0;
		memcpy(&quarter, p, 1);
		sum = el_sum_add(sum, quarter);
	}
	return sum;
}

/* The sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) of the IPv4 or IPv6
 * header at l3, of which the addresses are taken. */
static inline uint64_t el_sum_pseudo(const uint8_t *l3, uint8_t protocol, uint16_t l4_len)
{
	uint64_t sum = (uint64_t)htobe16(protocol) + htobe16(l4_len);

	return l3[0] >> 4 == 4 ? el_sum(l3 + 12, 8, sum) : el_sum(l3 + 8, 32, sum);
}

/* Whether a sum is a multiple of 0xffff. By the inverse of that modulo 2^64, with which multiples
 * become their quotients and others more than any quotient (Warren, "Hacker's Delight", 2nd ed.,
 * 10-17). Compilers do so too, but divide where they think that code is seldom reached. */
#define EL_SUM_INVERSE UINT64_C(0xfffefffefffeffff)
static inline bool el_sum_is_zero(uint64_t sum)
{
	_Static_assert(EL_SUM_INVERSE * 0xffff == 1, "it is the inverse");
	return sum * EL_SUM_INVERSE <= UINT64_MAX / 0xffff;
}

/* Whether the sum of all that a checksum is over, itself included, says that it is right: folded it
 * would be 0xffff. */
static inline bool el_sum_is_right(uint64_t sum)
{
	return el_sum_is_zero(sum) && sum;
}

/* Folds to 16 bits. A number added to itself with its halves exchanged has the sum of both, with
 * the carry that comes round, in its upper half. */
static inline uint16_t el_sum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/* ---- VLAN tags ---- */

/* A VLAN: 0, none; the number of an 802.1Q one, 1 to 4094; or that of an 802.1ad (QinQ) service
 * VLAN << 16 | that of the 802.1Q one inside. */
typedef uint32_t el_vlan;

#define EL_TAG_LEN 4
#define EL_TAGS_LEN_MAX (2 * EL_TAG_LEN)

/* The tags of all frames on a VLAN: the bytes behind their MAC addresses, and which bits of them
 * count: priorities do not. In memory's order. */
struct el_tags {
	uint64_t bytes, mask;
	uint8_t len; /* 0, 4 or 8 */
};

/* What writes them: el_tags_write. Pure. */
struct el_tags el_tags_of(el_vlan vlan);

/* Writes the tags behind the MAC addresses of a frame, EL_TAGS_LEN_MAX bytes of it; how many count,
 * the ethertype of the packet comes next. */
static inline uint8_t el_tags_write(uint8_t *frame, const struct el_tags *tags)
{
	memcpy(frame + 12, &tags->bytes, EL_TAGS_LEN_MAX);
	return tags->len;
}

/* Whether a frame of `len` bytes begins with these tags; more may follow, also where they are none.
 * Too short a frame has none. */
static inline bool el_tags_begin(const struct el_tags *tags, const uint8_t *frame, uint32_t len)
{
	uint64_t bytes;

	if (len < 12 + sizeof(bytes))
		return false;
	memcpy(&bytes, frame + 12, sizeof(bytes));
	return !((bytes ^ tags->bytes) & tags->mask);
}

/* The VLAN that a frame of `len` bytes is on, and the length of its Ethernet header, whose last two
 * bytes are the type of what is behind it; 0: it is shorter than that. VLAN 0 in an 802.1Q tag is
 * none, but for its priority. Tags that make no el_vlan (a service tag alone, more than those two)
 * look like the type of something unknown. */
size_t el_tags_read(const uint8_t *frame, size_t len, el_vlan *ret_vlan);

/* ---- parse ---- */

enum el_pkt_error {
	EL_PKT_OK,
	EL_PKT_TRUNCATED, /* shorter than its headers say */
	EL_PKT_MALFORMED, /* a version or a length that can't be */
	EL_PKT_FRAGMENT,  /* not the first fragment, or a first one that is cut */
	/* not IP, a protocol or header that we have no use for, too many VLAN tags */
	EL_PKT_UNSUPPORTED,
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
	/* bytes of L4 header and payload, by the IP header and never more than there are */
	uint16_t l4_len;
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

/* Whether a parsed frame is on the VLAN with these tags. VLAN 0 in a tag is none, but for its
 * priority (IEEE 802.1Q). */
bool el_pkt_is_on(const struct el_pkt *pkt, const struct el_tags *tags);

/* Whether the checksum of the IPv4 header at l3 is right, of `len` bytes that are there. */
static inline bool el_pkt_ipv4_checksum_right(const uint8_t *l3, size_t len)
{
	return el_sum_is_zero(el_sum(l3, len, 0)); /* and not 0: the header has a version */
}

/* Whether that of the TCP, UDP, ICMP or ICMPv6 packet at l4 is, which has one, of l4_len bytes that
 * are there, behind the IP header at l3. */
static inline bool el_pkt_l4_checksum_right(const uint8_t *l3, uint8_t protocol, const uint8_t *l4,
					    uint16_t l4_len)
{
	uint64_t sum = protocol == IPPROTO_ICMP ? 0 : el_sum_pseudo(l3, protocol, l4_len);

	return el_sum_is_right(el_sum(l4, l4_len, sum));
}

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
