/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Next hops under the first index that is free. */
#include "unit.h"

#include "el_neigh.h"

/* As el_neigh_need, in a table of `max` entries: *ret_index is the next hop's already, or free;
 * -ENOSPC: none is. */
static inline int need_any(struct el_neigh_table *t, uint32_t max, struct el_port_idx port,
			   const struct el_ip *ip, uint64_t now_ns,
			   struct el_next_hop_idx *ret_index)
{
	uint32_t at = max;

	for (uint32_t i = max; i-- > 0;) {
		struct el_neigh n;

		if (el_neigh_get(t, (struct el_next_hop_idx){(uint16_t)i}, &n) < 0) {
			at = i;
		} else if (n.port.v == port.v && el_ip_equal(&n.ip, ip)) {
			at = i;
			break;
		}
	}
	if (at == max)
		return -ENOSPC;
	*ret_index = (struct el_next_hop_idx){(uint16_t)at};
	return el_neigh_need(t, *ret_index, port, ip, now_ns);
}
