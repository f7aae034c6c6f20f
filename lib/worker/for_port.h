/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames that may be answered at all: from one station to a port alone, on its VLAN. What goes to
 * a group is nobody's to answer, and no forged frame has another station get something. */
#include <rte_ether.h>

#include "worker_internal.h"

/* The six bytes of a station's address, of eight that can be read, as a number. */
static __rte_always_inline uint64_t load_mac(const uint8_t *p)
{
	static const uint8_t six[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint64_t mask, address;

	memcpy(&mask, six, 8);
	memcpy(&address, p, 8);
	return address & mask;
}

/* Whether a frame is from a station to the port that has the address `own`, and from another. */
static __rte_always_inline bool frame_is_from_station(const uint8_t *l2, uint64_t own)
{
	uint64_t from = load_mac(l2 + 6);

	return load_mac(l2) == own && from && !(l2[6] & RTE_ETHER_GROUP_ADDR) && from != own;
}

static inline uint64_t own_mac(const struct queue *q)
{
	_Static_assert(sizeof(q->conf) >= offsetof(struct el_worker_queue, mac) + 8, "load_mac");
	return load_mac(q->conf.mac);
}

static inline bool frame_is_for_port(const struct queue *q, const struct el_pkt *pkt)
{
	return el_pkt_is_on(pkt, &q->tags) && frame_is_from_station(pkt->l2, own_mac(q));
}

/* What a host answers a SYN with that has the addresses and ports of a connection which is
 * half-open at it, of a prober that was killed: an ACK without data (RFC 5961 section 4.2). Whoever
 * knows of no such connection resets it (RFC 9293 section 3.10.7.3), else no SYN is answered until
 * the host gives up. */
static inline bool is_challenge(const struct el_pkt *pkt)
{
	const uint8_t flags = 0x02 | 0x10 | 0x01 | 0x04; /* SYN, ACK, FIN, RST */

	return pkt->protocol == 6 && pkt->l4_len >= 20 && (pkt->l4[13] & flags) == 0x10 &&
	       pkt->l4_len == (pkt->l4[12] >> 4) * 4;
}
