/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which entry of the workers' tables is whose: a next hop gets one when a plan uses it, and keeps
 * it while any plan does. For the thread that makes and frees plans. */
#include "el_base.h"

struct hops;

/* At most `max` next hops, up to 65,536. NULL: no memory. */
struct hops *hops_create(uint32_t max);
void hops_destroy(struct hops *h); /* NULL is fine */

/* The entry of a next hop, which has one user more from now on. 0 or -ENOSPC. */
int hops_take(struct hops *h, struct el_port_idx port, const struct el_ip *ip,
	      struct el_next_hop_idx *ret_index);
/* One user less; without any, another next hop may get the entry. */
void hops_give_back(struct hops *h, struct el_next_hop_idx index);
