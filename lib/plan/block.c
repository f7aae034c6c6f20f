/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Ordinary memory in pages of its own, touched now so that no worker faults later. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Advice may be refused (a kernel without huge pages): the memory works without. */
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

static size_t plan_records_bytes(const struct el_plan *plan)
{
	return (plan->n_records ? plan->n_records : 1) * sizeof(el_record);
}

static size_t records_bytes(const struct el_block *b)
{
	return plan_records_bytes(b->set->plans[b->worker]);
}

/* Of plane 1; 0: there is none. */
static size_t plan_stamps_bytes(const struct el_plan *plan)
{
	return plan->set->n_stamp_kinds ? plan->n_records * sizeof(struct el_stamp_note) : 0;
}

static size_t stamps_bytes(const struct el_block *b)
{
	return plan_stamps_bytes(b->set->plans[b->worker]);
}

static size_t plan_tallies_bytes(const struct el_plan *plan)
{
	return plan->set->has_asks ? plan->n_slices * sizeof(struct el_stamp_tally) : 0;
}

static size_t tallies_bytes(const struct el_block *b)
{
	return plan_tallies_bytes(b->set->plans[b->worker]);
}

uint64_t el_plan_set_blocks_bytes(const struct el_plan_set *set)
{
	uint64_t bytes = 0;

	for (uint32_t w = 0; w < set->n_workers; w++)
		bytes += plan_records_bytes(set->plans[w]) + plan_stamps_bytes(set->plans[w]) +
			 plan_tallies_bytes(set->plans[w]);
	return bytes * set->n_blocks;
}

struct el_block *el_block_create(struct el_plan_set *set, uint32_t worker)
{
	struct el_block *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->set = el_plan_set_get(set);
	b->worker = worker;
	b->records = map(records_bytes(b));
	if (b->records && stamps_bytes(b))
		b->stamps = map(stamps_bytes(b));
	if (b->records && tallies_bytes(b))
		b->tallies = map(tallies_bytes(b));
	if (!b->records || (stamps_bytes(b) && !b->stamps) || (tallies_bytes(b) && !b->tallies)) {
		el_block_free(b);
		errno = ENOMEM;
		return NULL;
	}
	return b;
}

void el_block_reset(struct el_block *b, uint64_t round, uint64_t start_ns)
{
	memset(b->records, 0, records_bytes(b));
	if (b->stamps)
		memset(b->stamps, 0, stamps_bytes(b));
	if (b->tallies)
		memset(b->tallies, 0, tallies_bytes(b));
	*b = (struct el_block){.set = b->set,
			       .worker = b->worker,
			       .round = round,
			       .start_ns = start_ns,
			       .records = b->records,
			       .stamps = b->stamps,
			       .tallies = b->tallies};
}

void el_block_free(struct el_block *b)
{
	if (!b)
		return;
	if (b->records)
		munmap(b->records, records_bytes(b));
	if (b->stamps)
		munmap(b->stamps, stamps_bytes(b));
	if (b->tallies)
		munmap(b->tallies, tallies_bytes(b));
	el_plan_set_put(b->set);
	free(b);
}
