/* SPDX-License-Identifier: BSD-3-Clause */
#include "halfopen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Linear probing, at most half full; removal moves later entries up (Knuth, vol. 3, 6.4, algorithm
 * R), so that no tombstones pile up. */

static uint32_t home(const struct simpeer_half_open *t, const struct simpeer_tuple *tuple)
{
	uint64_t h = (uint64_t)tuple->src << 32 | tuple->dst;

	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15;
	h = (h ^ ((uint64_t)tuple->src_port << 16 | tuple->dst_port)) * 0xbf58476d1ce4e5b9;
	return (uint32_t)(h >> 32) & t->mask;
}

static uint32_t find(const struct simpeer_half_open *t, const struct simpeer_tuple *tuple)
{
	uint32_t i = home(t, tuple);

	while (t->slots[i].used && memcmp(&t->slots[i].tuple, tuple, sizeof(*tuple)) != 0)
		i = (i + 1) & t->mask;
	return i;
}

int simpeer_half_open_init(struct simpeer_half_open *t, uint32_t max)
{
	uint32_t size = 2;

	while (size < 2 * max)
		size *= 2;
	*t = (struct simpeer_half_open){.mask = size - 1, .max = max};
	t->slots = calloc(size, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

void simpeer_half_open_fini(struct simpeer_half_open *t)
{
	free(t->slots);
	*t = (struct simpeer_half_open){0};
}

enum simpeer_half_open_result simpeer_half_open_syn(struct simpeer_half_open *t,
						    const struct simpeer_tuple *tuple, uint32_t seq,
						    uint32_t *ret_seq)
{
	struct simpeer_half_open_entry *e = &t->slots[find(t, tuple)];

	if (e->used) {
		if (e->seq == seq)
			return SIMPEER_HALF_OPEN_REPEATED;
		*ret_seq = e->seq;
		return SIMPEER_HALF_OPEN_OTHER_SEQ;
	}
	if (t->count == t->max)
		return SIMPEER_HALF_OPEN_FULL;
	*e = (struct simpeer_half_open_entry){.tuple = *tuple, .seq = seq, .used = 1};
	t->count++;
	return SIMPEER_HALF_OPEN_NEW;
}

static void remove_at(struct simpeer_half_open *t, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & t->mask; t->slots[i].used; i = (i + 1) & t->mask) {
		/* An entry may move up if its home is not between the hole and itself. */
		if (((i - home(t, &t->slots[i].tuple)) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].used = 0;
	t->count--;
}

bool simpeer_half_open_rst(struct simpeer_half_open *t, const struct simpeer_tuple *tuple,
			   uint32_t seq, bool *ret_known)
{
	uint32_t i = find(t, tuple);

	*ret_known = t->slots[i].used;
	if (!t->slots[i].used || seq != t->slots[i].seq + 1)
		return false;
	remove_at(t, i);
	return true;
}
