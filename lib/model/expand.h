/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The addresses of ranges, and the prober's own among them. */
#include "el_conf.h"

/* Moves `ip`, an address of the range, on to the next in ascending order; after the last comes the
 * first. */
void range_next(const struct el_conf_range *range, struct el_ip *ip);

bool range_contains(const struct el_conf_range *range, const struct el_ip *ip);

/* A set of addresses, ascending. */
struct addresses {
	struct el_ip *items;
	size_t count;
};

/* A set of the n addresses, which may repeat. 0 or -ENOMEM. */
int addresses_init(struct addresses *set, const struct el_ip *ips, size_t n);
void addresses_fini(struct addresses *set);

/* The place of the first address of the set that is not below `ip`. */
size_t addresses_from(const struct addresses *set, const struct el_ip *ip);

/* How many of the set are in a range. */
size_t addresses_in(const struct addresses *set, const struct el_conf_range *range);
