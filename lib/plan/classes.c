/* SPDX-License-Identifier: BSD-3-Clause */
/* Classes: slices of equal packet counts, merged with their neighbours past EL_PLAN_CLASSES_MAX
 * counts. */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX (1ULL << 31)

/* A run of drafts that will be one class: all have at most `packets` packets. */
struct run {
	uint32_t first, count, packets;
};

static int by_packets(const void *a, const void *b)
{
	const struct draft *const *x = a, *const *y = b;

	if ((*x)->slice.n_packets != (*y)->slice.n_packets)
		return (*x)->slice.n_packets < (*y)->slice.n_packets ? -1 : 1;
	/* the order of the configuration within a class */
	return *x < *y ? -1 : *x > *y;
}

static uint32_t find_runs(struct draft *const *order, uint32_t n, struct run *runs)
{
	uint32_t n_runs = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t packets = order[i]->slice.n_packets;
		if (n_runs == 0 || runs[n_runs - 1].packets != packets)
			runs[n_runs++] = (struct run){.first = i, .packets = packets};
		runs[n_runs - 1].count++;
	}
	return n_runs;
}

/* Joins the neighbours that cost the fewest unused records until no more than EL_PLAN_CLASSES_MAX
 * are left. */
static uint32_t merge_runs(struct run *runs, uint32_t n_runs)
{
	while (n_runs > EL_PLAN_CLASSES_MAX) {
		uint64_t best_cost = UINT64_MAX;
		uint32_t best = 0;
		for (uint32_t i = 0; i + 1 < n_runs; i++) {
			uint64_t cost =
			    (uint64_t)runs[i].count * (runs[i + 1].packets - runs[i].packets);
			if (cost < best_cost) {
				best_cost = cost;
				best = i;
			}
		}
		runs[best].count += runs[best + 1].count;
		runs[best].packets = runs[best + 1].packets;
		memmove(&runs[best + 1], &runs[best + 2], (n_runs - best - 2) * sizeof(*runs));
		n_runs--;
	}
	return n_runs;
}

static void fill_class(struct el_plan *plan, struct el_plan_class *c, const struct run *run,
		       struct draft *const *order)
{
	c->first_slice = run->first;
	c->n_slices = run->count;
	c->n_packets = run->packets;
	c->by_slices = el_fastdiv_init(run->count);
	for (uint32_t i = run->first; i < run->first + run->count; i++) {
		struct el_slice *s = &plan->slices[i];
		*s = order[i]->slice;
		if (s->n_packets < run->packets) {
			c->mixed = true;
			s->packet_frac =
			    (uint32_t)((((uint64_t)s->n_packets << 32) + run->packets - 1) /
				       run->packets);
		}
	}
}

int el_plan_make_classes(struct el_plan *plan, struct draft *drafts, uint32_t n,
			 struct el_error *err)
{
	struct draft **order = calloc(n ? n : 1, sizeof(*order));
	struct run *runs = calloc(n ? n : 1, sizeof(*runs));
	uint64_t records = 0;
	uint32_t n_runs;
	int ret = -ENOMEM;

	if (!order || !runs)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		order[i] = &drafts[i];
	qsort(order, n, sizeof(struct draft *), by_packets);
	n_runs = merge_runs(runs, find_runs(order, n, runs));
	for (uint32_t i = 0; i < n_runs; i++) {
		plan->classes[i].base = (uint32_t)records;
		records += (uint64_t)runs[i].count * runs[i].packets;
		if (records > RECORDS_MAX) {
			ret = el_error_set(err, -E2BIG,
					   "a worker can keep %llu probes a round at most",
					   RECORDS_MAX);
			goto out;
		}
		fill_class(plan, &plan->classes[i], &runs[i], order);
	}
	plan->n_slices = n;
	plan->n_classes = n_runs;
	plan->n_records = (uint32_t)records;
	ret = 0;
out:
	free(order);
	free(runs);
	return ret;
}
