/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Answers in plain frames, which nearly all are: untagged Ethernet, IP without options or extension
 * headers, and behind it an echo reply, a TCP segment, or what its target says that it can't be
 * reached by UDP. In line, for the hot path; whatever is not that is left to el_pkt_parse and
 * el_probe_recognise. */
#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "el_probe_make.h"

static inline uint16_t el_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline uint32_t el_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Both ports of an answer as one number. Of ICMPping: both parts of the cookie. */
static inline uint32_t el_plain_ports(uint16_t own, uint16_t remote)
{
	return (uint32_t)own << 16 | remote;
}

/* What an answer in a plain frame says, as el_answer has it; all is set by el_plain_recognise. */
struct el_plain {
	uint64_t addr_key;
	uint32_t wire, id;
	uint32_t ports; /* el_plain_ports */
	uint8_t type;   /* enum el_probe_type */
	uint8_t kind;   /* enum el_answer_kind */
};

/* The parts of el_plain that stand behind the IP header: each of these knows one kind of answer,
 * and leaves all to others that is not just that; of quotes the ICMP type is known already. `l4`
 * has l4_len bytes. */

static inline bool el_plain_echo(struct el_plain *p, const struct el_id_key *key, const uint8_t *l4,
				 uint32_t l4_len, uint16_t echo_reply_be)
{
	uint32_t wire_be;

	if (l4_len < EL_ECHO_LEN || el_load16(l4) != echo_reply_be)
		return false;
	wire_be = el_load32(l4 + EL_ECHO_ID_OFFSET);
	if ((el_load32(l4 + EL_ECHO_ID_OFFSET + 4) ^ wire_be) != UINT32_MAX)
		return false;
	p->wire = be32toh(wire_be);
	p->id = el_id_unpermute(key, p->wire);
	p->ports =
	    be32toh(el_load32(l4 + EL_ECHO_ID_OFFSET + 8) ^ el_load32(l4 + EL_ECHO_ID_OFFSET + 12));
	p->type = EL_PROBE_ICMPPING;
	p->kind = EL_ANSWER_ECHO_REPLY;
	return true;
}

/* Here l4 has 20 bytes at least, however many belong to the packet. */
static inline bool el_plain_tcp(struct el_plain *p, const struct el_id_key *key, const uint8_t *l4,
				uint32_t l4_len)
{
	enum { ANSWERS = 1 << (TH_SYN | TH_ACK) | 1 << TH_RST | 1 << (TH_RST | TH_ACK) };
	uint32_t header_len = l4[12] >> 2 & 60;
	uint8_t flags = l4[13] & (TH_SYN | TH_RST | TH_ACK | TH_FIN);
	uint32_t ports;

	if (header_len < EL_TCP_LEN || header_len > l4_len || !(ANSWERS >> flags & 1))
		return false;
	p->wire = be32toh(el_load32(l4 + 8));
	p->id = el_id_unpermute(key, p->wire - 1);
	ports = be32toh(el_load32(l4)); /* the remote one is first */
	p->ports = ports << 16 | ports >> 16;
	p->type = EL_PROBE_TCPSYN;
	p->kind = flags & TH_RST ? EL_ANSWER_RST : EL_ANSWER_SYNACK;
	return true;
}

/* How long a destination unreachable is that quotes a probe without a payload. */
#define EL_QUOTE_LEN_V4 (EL_ICMP_LEN + EL_IPV4_LEN + EL_UDP_TEMPLATE_LEN)
#define EL_QUOTE_LEN_V6 (EL_ICMP_LEN + EL_IPV6_LEN + EL_UDP_TEMPLATE_LEN)

/* Of a quoted UDP header whose sender got a destination unreachable from its target. */
static inline bool el_plain_unreachable(struct el_plain *p, const struct el_id_key *key,
					const uint8_t *udp, uint32_t wire)
{
	if ((wire & 0xffff) == 0)
		return false;
	p->wire = wire;
	p->id = el_id_unpermute_nonzero(key, wire);
	p->ports = be32toh(el_load32(udp));
	p->type = EL_PROBE_UDPUNREACHABLE;
	p->kind = EL_ANSWER_UNREACHABLE;
	return true;
}

static inline bool el_plain_quote_v4(struct el_plain *p, const struct el_id_key *key,
				     const uint8_t *l3, const uint8_t *l4, uint32_t l4_len)
{
	const uint8_t *quote = l4 + EL_ICMP_LEN, *udp = quote + EL_IPV4_LEN;
	uint16_t ip_id;

	if (l4_len < EL_ICMP_LEN + EL_IPV4_LEN + EL_UDP_LEN || quote[0] != 0x45 ||
	    quote[9] != IPPROTO_UDP || el_load32(quote + 16) != el_load32(l3 + 12) ||
	    be16toh(el_load16(quote + 2)) < EL_IPV4_LEN + EL_UDP_LEN ||
	    el_load16(quote + 6) & htobe16(0x1fff))
		return false;
	ip_id = be16toh(el_load16(quote + 4));
	p->addr_key = el_addr_key_v4(el_load32(quote + 16), el_load32(quote + 12));
	/* zero may be an identification that was lost on the way: see EL_ANSWER_ID_ZERO */
	return ip_id && el_plain_unreachable(p, key, udp,
					     (uint32_t)ip_id << 16 | be16toh(el_load16(udp + 6)));
}

static inline bool el_plain_quote_v6(struct el_plain *p, const struct el_id_key *key,
				     const uint8_t *l3, const uint8_t *l4, uint32_t l4_len)
{
	const uint8_t *quote = l4 + EL_ICMP_LEN, *udp = quote + EL_IPV6_LEN;

	if (l4_len < EL_ICMP_LEN + EL_IPV6_LEN + EL_UDP_TEMPLATE_LEN || quote[0] >> 4 != 6 ||
	    quote[6] != IPPROTO_UDP || be16toh(el_load16(quote + 4)) < EL_UDP_TEMPLATE_LEN ||
	    el_load64(quote + 24) != el_load64(l3 + 8) ||
	    el_load64(quote + 32) != el_load64(l3 + 16))
		return false;
	p->addr_key = el_addr_key_v6(key, quote + 24, quote + 8);
	return el_plain_unreachable(p, key, udp, be32toh(el_load32(udp + EL_UDP_LEN)));
}

enum { EL_ETHER_LEN = 14 };

/* Whether an Ethernet frame of `len` bytes is plain, and has one of the IP versions. Then its IP
 * header is at EL_ETHER_LEN, behind it are *ret_l4_len bytes of the packet, and there are `least`
 * of L4 that can be read. */

static inline bool el_plain_has_ipv4(const uint8_t *frame, uint32_t len, uint32_t least,
				     uint32_t *ret_l4_len)
{
	const uint8_t *l3 = frame + EL_ETHER_LEN;

	if (len < EL_ETHER_LEN + EL_IPV4_LEN + least || el_load16(frame + 12) != htobe16(0x0800) ||
	    l3[0] != 0x45)
		return false;
	/* a length that is too short becomes too long */
	*ret_l4_len = (uint32_t)be16toh(el_load16(l3 + 2)) - EL_IPV4_LEN;
	return *ret_l4_len <= len - EL_ETHER_LEN - EL_IPV4_LEN &&
	       !(el_load16(l3 + 6) & htobe16(0x3fff));
}

static inline bool el_plain_has_ipv6(const uint8_t *frame, uint32_t len, uint32_t least,
				     uint32_t *ret_l4_len)
{
	const uint8_t *l3 = frame + EL_ETHER_LEN;

	if (len < EL_ETHER_LEN + EL_IPV6_LEN + least || el_load16(frame + 12) != htobe16(0x86dd) ||
	    l3[0] >> 4 != 6)
		return false;
	*ret_l4_len = be16toh(el_load16(l3 + 4));
	return *ret_l4_len <= len - EL_ETHER_LEN - EL_IPV6_LEN;
}

/* The same with room for TCP's header, for whoever does not know yet what is in there. */

static inline bool el_plain_is_ipv4(const uint8_t *frame, uint32_t len, uint32_t *ret_l4_len)
{
	return el_plain_has_ipv4(frame, len, EL_TCP_LEN, ret_l4_len);
}

static inline bool el_plain_is_ipv6(const uint8_t *frame, uint32_t len, uint32_t *ret_l4_len)
{
	return el_plain_has_ipv6(frame, len, EL_TCP_LEN, ret_l4_len);
}

/* Whether checksums of such a packet are right: of the IPv4 header, of TCP, of ICMP. ICMP of
 * nothing but zeros, whose checksum is wrong, may pass: there is no answer in it. What is `usual`
 * bytes long, a constant, is summed up in one piece: answers without options and payload. */

static inline bool el_plain_header_right(const uint8_t *l3)
{
	return el_sum_is_zero(el_sum(l3, EL_IPV4_LEN, 0));
}

static inline bool el_plain_sum_right(const uint8_t *l4, uint32_t l4_len, uint32_t usual,
				      uint64_t sum)
{
	sum = l4_len == usual ? el_sum(l4, usual, sum) : el_sum(l4, l4_len, sum);
	return el_sum_is_zero(sum);
}

/* sum: of the addresses. */
static inline bool el_plain_tcp_right(const uint8_t *l4, uint32_t l4_len, uint64_t sum)
{
	sum = el_sum_add(sum, (uint64_t)htobe16(IPPROTO_TCP) + htobe16((uint16_t)l4_len));
	return el_plain_sum_right(l4, l4_len, EL_TCP_LEN, sum);
}

static inline bool el_plain_icmp_right(const uint8_t *l4, uint32_t l4_len, uint32_t usual)
{
	return el_plain_sum_right(l4, l4_len, usual, 0);
}

static inline bool el_plain_icmpv6_right(const uint8_t *l3, uint32_t l4_len, uint32_t usual)
{
	uint64_t sum = (uint64_t)htobe16(IPPROTO_ICMPV6) + htobe16((uint16_t)l4_len);

	return el_plain_sum_right(l3 + EL_IPV6_LEN, l4_len, usual, el_sum(l3 + 8, 32, sum));
}

/* Which checksums need not be looked at: the NIC has found them good, or they don't matter. */
struct el_plain_good {
	bool header, tcp, icmp;
};

/* Whether the checksums of such a packet are right, if it is TCP or ICMP; false if it is not. */

static inline bool el_plain_ipv4_right(const uint8_t *l3, uint32_t l4_len, bool header_good,
				       bool tcp_good)
{
	const uint8_t *l4 = l3 + EL_IPV4_LEN;

	if (!header_good && !el_plain_header_right(l3))
		return false;
	if (l3[9] == IPPROTO_TCP)
		return tcp_good || el_plain_tcp_right(l4, l4_len, el_load64(l3 + 12));
	return l3[9] == IPPROTO_ICMP && el_plain_icmp_right(l4, l4_len, EL_ECHO_LEN);
}

static inline bool el_plain_ipv6_right(const uint8_t *l3, uint32_t l4_len, bool tcp_good)
{
	if (l3[6] == IPPROTO_TCP)
		return tcp_good ||
		       el_plain_tcp_right(l3 + EL_IPV6_LEN, l4_len, el_sum(l3 + 8, 32, 0));
	return l3[6] == IPPROTO_ICMPV6 && el_plain_icmpv6_right(l3, l4_len, EL_ECHO_LEN);
}

/* The answer in such a frame, by its IP header. False: it is none that is so plain, or a checksum
 * is wrong, and *ret is of no use. */

static inline __attribute__((always_inline)) bool
el_plain_in_ipv4(const struct el_id_key *key, const uint8_t *l3, uint32_t l4_len,
		 const struct el_plain_good good, struct el_plain *ret)
{
	const uint8_t *l4 = l3 + EL_IPV4_LEN;

	/* to sum it up takes less than to look at what the NIC says */
	if (__builtin_expect(!el_plain_header_right(l3), 0) && !good.header)
		return false;
	ret->addr_key = el_load64(l3 + 12);
	if (l3[9] == IPPROTO_TCP)
		return (good.tcp || el_plain_tcp_right(l4, l4_len, ret->addr_key)) &&
		       el_plain_tcp(ret, key, l4, l4_len);
	if (l3[9] != IPPROTO_ICMP)
		return false;
	if (l4[0] == ICMP_DEST_UNREACH)
		return (good.icmp || el_plain_icmp_right(l4, l4_len, EL_QUOTE_LEN_V4)) &&
		       el_plain_quote_v4(ret, key, l3, l4, l4_len);
	return (good.icmp || el_plain_icmp_right(l4, l4_len, EL_ECHO_LEN)) &&
	       el_plain_echo(ret, key, l4, l4_len, htobe16(ICMP_ECHOREPLY << 8));
}

static inline __attribute__((always_inline)) bool
el_plain_in_ipv6(const struct el_id_key *key, const uint8_t *l3, uint32_t l4_len,
		 const struct el_plain_good good, struct el_plain *ret)
{
	const uint8_t *l4 = l3 + EL_IPV6_LEN;

	if (l3[6] == IPPROTO_ICMPV6 && l4[0] == ICMP6_DST_UNREACH)
		return (good.icmp || el_plain_icmpv6_right(l3, l4_len, EL_QUOTE_LEN_V6)) &&
		       el_plain_quote_v6(ret, key, l3, l4, l4_len);
	if (l3[6] == IPPROTO_ICMPV6) {
		ret->addr_key = el_addr_key_v6(key, l3 + 8, l3 + 24);
		return (good.icmp || el_plain_icmpv6_right(l3, l4_len, EL_ECHO_LEN)) &&
		       el_plain_echo(ret, key, l4, l4_len, htobe16(ICMP6_ECHO_REPLY << 8));
	}
	if (l3[6] != IPPROTO_TCP ||
	    !(good.tcp || el_plain_tcp_right(l4, l4_len, el_sum(l3 + 8, 32, 0))))
		return false;
	ret->addr_key = el_addr_key_v6(key, l3 + 8, l3 + 24);
	return el_plain_tcp(ret, key, l4, l4_len);
}

/* The answer in any frame, whatever its checksums. False: as above. */
static inline bool el_plain_recognise(const struct el_id_key *key, const uint8_t *frame,
				      uint32_t len, struct el_plain *ret)
{
	const struct el_plain_good any = {true, true, true};
	uint32_t l4_len;

	if (el_plain_is_ipv4(frame, len, &l4_len))
		return el_plain_in_ipv4(key, frame + EL_ETHER_LEN, l4_len, any, ret);
	return el_plain_is_ipv6(frame, len, &l4_len) &&
	       el_plain_in_ipv6(key, frame + EL_ETHER_LEN, l4_len, any, ret);
}

/* The same answer as el_probe_recognise tells it. */
static inline void el_plain_answer(const struct el_plain *p, struct el_answer *ret)
{
	static const uint8_t flags[EL_PROBE_TYPES] = {
	    [EL_PROBE_ICMPPING] = EL_ANSWER_COOKIE,
	    [EL_PROBE_UDPUNREACHABLE] = EL_ANSWER_FROM_TARGET,
	};

	*ret = (struct el_answer){.addr_key = p->addr_key,
				  .wire = p->wire,
				  .own_port = (uint16_t)(p->ports >> 16),
				  .remote_port = (uint16_t)p->ports,
				  .type = p->type,
				  .kind = p->kind,
				  .flags = flags[p->type],
				  .id = p->id};
}

/* Whether a plain answer that has the id of a probe of `s` is one to it, sent from `port`, where
 * its type has ports. */
static inline bool el_plain_is_of(const struct el_plain *p, const struct el_slice *s, uint16_t port)
{
	if (p->type != s->type || p->addr_key != s->addr_key)
		return false;
	if (p->type == EL_PROBE_ICMPPING)
		return p->ports == el_plain_ports(s->cookie, s->dst_port) &&
		       !(s->flags & EL_SLICE_ID_IN_HEADER);
	return p->ports == el_plain_ports(port, s->dst_port);
}
