/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Answers in plain frames, which nearly all are: untagged Ethernet, IP without options or extension
 * headers, and behind it an echo reply or a TCP segment. In line, for the hot path; whatever is not
 * that is left to el_pkt_parse and el_probe_recognise. */
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

/* Begins an answer field by field: a copy of a whole one would be read, in the next step, by other
 * widths than it was written, which costs 30 cycles. What is in the packet is to be read before,
 * for all that is written here might lie over it as far as the compiler knows. */
static inline void el_answer_begin(struct el_answer *a, enum el_probe_type type, uint64_t addr_key,
				   enum el_answer_kind kind, uint8_t flags, uint32_t wire,
				   uint16_t own_port, uint16_t remote_port, uint32_t id)
{
	a->ns = 0;
	a->addr_key = addr_key;
	a->wire = wire;
	a->own_port = own_port;
	a->remote_port = remote_port;
	a->type = (uint8_t)type;
	a->kind = (uint8_t)kind;
	a->flags = flags;
	a->candidate = 0;
	a->id = id;
}

/* The part of an echo's cookie that answers and slices keep. */
static inline uint32_t el_echo_cookie(const uint8_t *cookie)
{
	return el_get32(cookie) ^ el_get32(cookie + 4);
}

/* From the ICMP header of an echo reply with EL_ECHO_LEN bytes or more. False: the payload is not
 * ours. */
static inline bool el_answer_echo(struct el_answer *a, const struct el_id_key *key,
				  uint64_t addr_key, const uint8_t *l4)
{
	uint32_t wire = el_get32(l4 + EL_ECHO_ID_OFFSET);
	uint32_t cookie = el_echo_cookie(l4 + EL_ECHO_ID_OFFSET + 8);

	if (el_get32(l4 + EL_ECHO_ID_OFFSET + 4) != ~wire)
		return false;
	el_answer_begin(a, EL_PROBE_ICMPPING, addr_key, EL_ANSWER_ECHO_REPLY, EL_ANSWER_COOKIE,
			wire, (uint16_t)(cookie >> 16), (uint16_t)cookie,
			el_id_unpermute(key, wire));
	return true;
}

/* From a TCP header; false: neither a SYN/ACK nor an RST. */
static inline bool el_answer_tcp(struct el_answer *a, const struct el_id_key *key,
				 uint64_t addr_key, const uint8_t *l4)
{
	uint8_t flags = l4[13] & (TH_SYN | TH_RST | TH_ACK | TH_FIN);
	uint32_t wire = el_get32(l4 + 8);

	if (flags != (TH_SYN | TH_ACK) && (flags & ~TH_ACK) != TH_RST)
		return false;
	el_answer_begin(a, EL_PROBE_TCPSYN, addr_key,
			flags & TH_RST ? EL_ANSWER_RST : EL_ANSWER_SYNACK, 0, wire,
			el_get16(l4 + 2), el_get16(l4), el_id_unpermute(key, wire - 1));
	return true;
}

/* The answer in an Ethernet frame of `len` bytes, as el_probe_recognise tells it. False: it is none
 * that is so plain. */
static inline bool el_probe_recognise_plain(const struct el_id_key *key, const uint8_t *frame,
					    uint32_t len, struct el_answer *ret_answer)
{
	enum { ETHER = 14, IPV4 = 20, IPV6 = 40, TCP = 20 };
	const uint8_t *l3 = frame + ETHER, *l4;
	uint8_t protocol, icmp;
	uint16_t echo_reply_be; /* type and code */
	uint64_t addr_key;
	uint32_t l4_len;

	if (len < ETHER + IPV4 + TCP)
		return false;
	if (el_load16(frame + 12) == htobe16(0x0800) && l3[0] == 0x45) {
		l4 = l3 + IPV4;
		l4_len = el_get16(l3 + 2) - IPV4; /* a shorter one becomes too long */
		if (l4_len > len - ETHER - IPV4 || el_load16(l3 + 6) & htobe16(0x3fff))
			return false;
		protocol = l3[9];
		icmp = IPPROTO_ICMP;
		echo_reply_be = htobe16(ICMP_ECHOREPLY << 8);
		addr_key = el_addr_key_v4(el_load32(l3 + 12), el_load32(l3 + 16));
	} else if (el_load16(frame + 12) == htobe16(0x86dd) && l3[0] >> 4 == 6 &&
		   len >= ETHER + IPV6 + TCP) {
		l4 = l3 + IPV6;
		l4_len = el_get16(l3 + 4);
		if (l4_len > len - ETHER - IPV6)
			return false;
		protocol = l3[6];
		icmp = IPPROTO_ICMPV6;
		echo_reply_be = htobe16(ICMP6_ECHO_REPLY << 8);
		addr_key = el_addr_key_v6(key, l3 + 8, l3 + 24);
	} else {
		return false;
	}
	if (protocol == icmp)
		return l4_len >= EL_ECHO_LEN && el_load16(l4) == echo_reply_be &&
		       el_answer_echo(ret_answer, key, addr_key, l4);
	return protocol == IPPROTO_TCP && l4_len >= TCP && l4[12] >= TCP / 4 << 4 &&
	       (l4[12] >> 4) * 4U <= l4_len && el_answer_tcp(ret_answer, key, addr_key, l4);
}
