/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is due when: a binary heap of small numbers by their time. Private to lib/neigh. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_item {
	uint64_t ns;
	uint32_t id;
};

/* Zeroed memory: nothing is due, and there is no room. */
struct due {
	struct due_item *items; /* the least first; children of i: 2i + 1 and 2i + 2 */
	uint32_t n;
	uint32_t *at; /* [ids]: where in items, + 1; 0: not there */
};

/* Room for ids below `ids`; less than before is not asked for. 0 or -ENOMEM, and then all is as it
 * was. */
int due_reserve(struct due *d, uint32_t ids, uint32_t before);
void due_fini(struct due *d);

/* Item `id` is due at `ns`, whether it was before or not; UINT64_MAX: never. */
void due_set(struct due *d, uint32_t id, uint64_t ns);

/* The earliest; UINT64_MAX where there is none. */
static inline uint64_t due_next_ns(const struct due *d)
{
	return d->n ? d->items[0].ns : UINT64_MAX;
}
