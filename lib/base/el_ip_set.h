/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Sets of addresses that are asked often: sorted ranges, searched by halving. */
#include <stdbool.h>
#include <stddef.h>

#include "el_ip.h"

/* All addresses from `first` to `last`, both included, of the same family. */
struct el_ip_range {
	struct el_ip first, last;
};

/* Never changes: any threads may ask one. */
struct el_ip_set;

/* Those of a prefix. */
struct el_ip_range el_ip_range_of(const struct el_prefix *prefix);

/* Of `n` ranges in any order, which may overlap. NULL: no memory (errno). */
struct el_ip_set *el_ip_set_create(const struct el_ip_range *ranges, size_t n);
struct el_ip_set *el_ip_set_of_prefixes(const struct el_prefix *prefixes, size_t n);
void el_ip_set_destroy(struct el_ip_set *set); /* NULL is fine */

/* Of NULL it is false. */
bool el_ip_set_contains(const struct el_ip_set *set, const struct el_ip *ip);
