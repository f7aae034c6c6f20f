/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A table from names to numbers: which index a target, a group or an anchor of that name has.
 * Hashed with a random key, so that no choice of names makes it slow. Names stay the caller's. */
#include <stddef.h>
#include <stdint.h>

#include "el_siphash.h"

struct el_names_entry {
	const char *name; /* NULL: free */
	uint32_t value;
};

struct el_names {
	struct el_names_entry *entries;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	struct el_siphash_key key;
};

void el_names_init(struct el_names *names);
void el_names_fini(struct el_names *names);

/* The entry of `name`, added with `value` if there was none: then *ret_added (may be NULL) is 1,
 * else 0. Valid until the next addition. NULL: out of memory. */
struct el_names_entry *el_names_add(struct el_names *names, const char *name, uint32_t value,
				    int *ret_added);

/* The entry of `name`; NULL: none. */
struct el_names_entry *el_names_find(const struct el_names *names, const char *name);
