/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames that may be answered at all: from one station to a port alone, on its VLAN. What goes to
 * a group is nobody's to answer, and no forged frame has another station get something. */
#include <rte_ether.h>

#include "worker_internal.h"

static inline bool frame_is_for_port(const struct queue *q, const struct el_pkt *pkt)
{
	struct rte_ether_addr from, to, own;

	memcpy(to.addr_bytes, pkt->l2, 6);
	memcpy(from.addr_bytes, pkt->l2 + 6, 6);
	memcpy(own.addr_bytes, q->conf.mac, 6);
	return el_pkt_is_on(pkt, &q->tags) && rte_is_same_ether_addr(&to, &own) &&
	       rte_is_valid_assigned_ether_addr(&from) && !rte_is_same_ether_addr(&from, &own);
}
