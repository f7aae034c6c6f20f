/* SPDX-License-Identifier: BSD-3-Clause */
/* Classes: slices of equal packet counts, merged with their neighbours past EL_PLAN_CLASSES_MAX
 * counts. */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX (1ULL << 31)

/* A run of drafts that will be one class: all have at most `packets` packets and this span. */
struct run {
	uint32_t first, count, packets, span;
};

static int by_packets(const void *a, const void *b)
{
	const struct draft *x = *(struct draft *const *)a, *y = *(struct draft *const *)b;

	if (x->slice.n_packets != y->slice.n_packets)
		return x->slice.n_packets < y->slice.n_packets ? -1 : 1;
	if (x->span != y->span)
		return x->span < y->span ? -1 : 1;
	if (x->phase != y->phase)
		return x->phase < y->phase ? -1 : 1;
	return x < y ? -1 : x > y;
}

static uint32_t find_runs(struct draft *const *order, uint32_t n, struct run *runs)
{
	uint32_t n_runs = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t packets = order[i]->slice.n_packets, span = order[i]->span;
		if (n_runs == 0 || runs[n_runs - 1].packets != packets ||
		    runs[n_runs - 1].span != span)
			runs[n_runs++] = (struct run){.first = i, .packets = packets, .span = span};
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
		if (runs[best].span < runs[best + 1].span)
			runs[best].span = runs[best + 1].span;
		memmove(&runs[best + 1], &runs[best + 2], (n_runs - best - 2) * sizeof(*runs));
		n_runs--;
	}
	return n_runs;
}

static void fill_class(struct el_plan *plan, struct el_plan_class *c, const struct run *run,
		       struct draft *const *order, const struct timing *t)
{
	double window_s = t->pass_s > 0 ? t->pass_s * run->span : t->window_s;

	c->first_slice = run->first;
	c->n_slices = run->count;
	c->n_packets = run->packets;
	c->by_slices = el_fastdiv_init(run->count);
	c->rate_q64 = el_plan_rate_q64((uint64_t)run->count * run->packets, el_ns_from_s(window_s));
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

int el_plan_make_classes(struct el_plan *plan, struct draft **order, uint32_t n,
			 const struct timing *t, struct el_error *err)
{
	struct run *runs = calloc(n ? n : 1, sizeof(*runs));
	uint64_t records = 0;
	uint32_t n_runs;
	int ret = 0;

	if (!runs)
		return el_error_set(err, -ENOMEM, "not enough memory for %u slices", n);
	for (uint32_t i = 0; i < n; i++)
		order[i]->span = t->pass_s > 0 ? order[i]->target->nb_packets : 0;
	qsort(order, n, sizeof(struct draft *), by_packets);
	n_runs = merge_runs(runs, find_runs(order, n, runs));
	for (uint32_t i = 0; i < n_runs; i++)
		records += (uint64_t)runs[i].count * runs[i].packets;
	if (records > RECORDS_MAX) {
		ret = el_error_set(err, -E2BIG,
				   "worker %u would have %llu probes a round, more than %llu: "
				   "fewer probes are needed, or more workers",
				   plan->worker.v, (unsigned long long)records, RECORDS_MAX);
		goto out;
	}
	records = 0;
	for (uint32_t i = 0; i < n_runs; i++) {
		plan->classes[i].base = (uint32_t)records;
		records += (uint64_t)runs[i].count * runs[i].packets;
		fill_class(plan, &plan->classes[i], &runs[i], order, t);
	}
	plan->n_slices = n;
	plan->n_classes = n_runs;
	plan->n_records = (uint32_t)records;
out:
	free(runs);
	return ret;
}
