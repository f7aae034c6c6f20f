/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Whether the checksums of an answer are right: where the NIC says so, else by our own sum. */
#include "el_probe_make.h"
#include <netinet/in.h>

#include "worker_internal.h"

#include <rte_ether.h>

/* Of the IP packet at l3 in the frame `m`, whose L4 header is at l4 and reaches with its payload
 * over l4_len bytes.
 *
 * The NIC is believed where it says "good", or "not in the packet, but verified" (an offload of
 * virtual devices), in whose flags the bit of "good" is set, too. Where it says "bad" our own sum
 * has the same to say, or the NIC is wrong. Of ICMP no device of DPDK knows (there is no such
 * offload), but some drivers say "good" of whatever has no error. */
static inline bool checksums_right(const struct queue *q, const struct rte_mbuf *m,
				   const uint8_t *l3, uint8_t protocol, const uint8_t *l4,
				   uint16_t l4_len)
{
	uint64_t good = m->ol_flags & q->conf.rx_checksum_flags;

	if (l3[0] >> 4 == 4 && !(good & RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
	    unlikely(!el_pkt_ipv4_checksum_right(l3, (size_t)(l4 - l3))))
		return false;
	if (protocol == IPPROTO_UDP && l3[0] >> 4 == 4 && !el_get16(l4 + 6))
		return true; /* there is none (RFC 768) */
	if (protocol == IPPROTO_TCP && (good & RTE_MBUF_F_RX_L4_CKSUM_GOOD))
		return true;
	return el_pkt_l4_checksum_right(l3, protocol, l4, l4_len);
}

/* Of a frame that el_plain_recognise has taken. */
static inline bool plain_checksums_right(const struct queue *q, const struct rte_mbuf *m,
					 const uint8_t *frame)
{
	const uint8_t *l3 = frame + RTE_ETHER_HDR_LEN;

	if (l3[0] >> 4 == 4)
		return checksums_right(q, m, l3, l3[9], l3 + EL_IPV4_LEN,
				       (uint16_t)(el_get16(l3 + 2) - EL_IPV4_LEN));
	return checksums_right(q, m, l3, l3[6], l3 + EL_IPV6_LEN, el_get16(l3 + 4));
}
