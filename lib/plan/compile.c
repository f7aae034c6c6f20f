/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler: a model and where its streams leave, to one plan a worker. */
#include "plan_internal.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct el_plan_set *el_plan_set_get(struct el_plan_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void el_plan_set_put(struct el_plan_set *set)
{
	if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (!set->plans[w])
			continue;
		free(set->plans[w]->slices);
		free(set->plans[w]->ranges);
		free(set->plans[w]);
	}
	free(set->stamp_kinds);
	free(set->stamp_ports);
	el_stamp_keys_put(set->stamp_keys);
	el_model_put(set->model);
	free(set);
}

/* The drafts by worker, in their order: those of worker w are from ret_first[w] on, up to
 * ret_first[w + 1]. NULL: not enough memory. */
static struct draft **sort_by_worker(const struct survey *sv, uint32_t n_workers,
				     uint32_t ret_first[EL_PLAN_WORKERS_MAX + 1])
{
	struct draft **order = calloc(sv->n ? sv->n : 1, sizeof(*order));
	uint32_t at[EL_PLAN_WORKERS_MAX] = {0}, sum = 0;

	if (!order)
		return NULL;
	for (uint32_t i = 0; i < sv->n; i++)
		at[sv->drafts[i].worker]++;
	for (uint32_t w = 0; w < n_workers; w++) {
		uint32_t count = at[w];

		ret_first[w] = at[w] = sum;
		sum += count;
	}
	ret_first[n_workers] = sum;
	for (uint32_t i = 0; i < sv->n; i++)
		order[at[sv->drafts[i].worker]++] = &sv->drafts[i];
	return order;
}

static int make_plan(struct el_plan_set *set, uint32_t worker, struct draft **order, uint32_t n,
		     const struct timing *t, struct el_error *err)
{
	struct el_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return el_error_set(err, -ENOMEM, "not enough memory for a plan");
	set->plans[worker] = plan;
	plan->set = set;
	plan->worker.v = (uint16_t)worker;
	plan->slices = aligned_alloc(64, (n ? n : 1) * sizeof(*plan->slices));
	if (!plan->slices)
		return el_error_set(err, -ENOMEM, "not enough memory for %u slices", n);
	for (uint32_t i = 0; i < n; i++)
		plan->n_probes += order[i]->slice.n_packets;
	if (el_plan_share_cursors(plan, order, n, t, &set->tight) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory for the port cursors");
	return el_plan_make_classes(plan, order, n, t, err);
}

/* A round is open for its timeout, and while others begin. */
static int check_open_rounds(const struct timing *t, const struct el_model_target *slowest,
			     struct el_error *err)
{
	double most = EL_PLAN_BLOCKS_MAX - 2;

	if (t->n_blocks <= EL_PLAN_BLOCKS_MAX)
		return 0;
	return el_error_set(
	    err, -E2BIG,
	    "target %s: with its timeout of %g s and a round every %g s, %u rounds would be open "
	    "at a time, more than %d: a timeout of %g s at most is needed, or an interval of %.0f "
	    "s at least",
	    slowest->name, t->timeout_s, t->apart_s, t->n_blocks, EL_PLAN_BLOCKS_MAX,
	    floor(most * t->apart_s), ceil(t->timeout_s / most));
}

static double skew(const struct el_plan_set *set)
{
	uint64_t most = 0;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (set->plans[w]->n_probes > most)
			most = set->plans[w]->n_probes;
	}
	return set->n_probes ? (double)most * set->n_workers / (double)set->n_probes : 0;
}

static int lay_out_ids(struct el_plan_set *set, struct el_error *err)
{
	uint32_t records = 1;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (set->plans[w]->n_records > records)
			records = set->plans[w]->n_records;
	}
	if (el_id_layout_init(set->n_workers, set->n_blocks, records, &set->ids) < 0)
		return el_error_set(
		    err, -E2BIG,
		    "%u workers, %u rounds at a time and %u probes of a worker in a round "
		    "don't fit into the 32 bits of a probe's id: fewer probes, a longer interval "
		    "or a shorter timeout would",
		    set->n_workers, set->n_blocks, records);
	return 0;
}

int el_plan_compile(const struct el_plan_input *in, struct el_plan_set **ret_set,
		    struct el_error *err)
{
	struct el_plan_set *set = calloc(1, sizeof(*set));
	struct survey sv = {0};
	struct timing t;
	uint32_t first[EL_PLAN_WORKERS_MAX + 1];
	struct draft **order = NULL;
	int ret;

	if (!set)
		return el_error_set(err, -ENOMEM, "not enough memory for a plan");
	set->model = el_model_get(in->model);
	set->key = in->key;
	set->generation = in->generation;
	set->payload = in->payload;
	set->stamp_keys = el_stamp_keys_get(in->stamp_keys);
	set->n_workers = in->n_workers;
	atomic_store_explicit(&set->refs, 1, memory_order_relaxed);
	ret = el_plan_survey(in, set, &sv, &t, err);
	if (ret < 0)
		goto out;
	ret = check_open_rounds(&t, sv.slowest, err);
	if (ret < 0)
		goto out;
	order = sort_by_worker(&sv, in->n_workers, first);
	if (!order)
		ret = el_error_set(err, -ENOMEM, "not enough memory for %u slices", sv.n);
	for (uint32_t w = 0; w < in->n_workers && ret == 0; w++)
		ret = make_plan(set, w, order + first[w], first[w + 1] - first[w], &t, err);
	if (ret < 0)
		goto out;
	set->window_ns = el_ns_from_s(t.window_s);
	set->period_ns = el_ns_from_s(t.period_s);
	set->has_phase = in->has_phase;
	set->phase_ns = in->has_phase ? el_ns_from_s(in->phase * t.period_s) : 0;
	set->timeout_ns = el_ns_from_s(t.timeout_s);
	set->limit_ns = el_ns_from_s(t.limit_s);
	set->certain_below_ns = el_ns_from_s(in->certain_below_s);
	set->n_probes = sv.probes;
	set->skew = skew(set);
	set->requested_pps = t.requested_pps;
	set->iteration_s = t.iteration_s;
	set->n_blocks = t.n_blocks;
	ret = lay_out_ids(set, err);
out:
	free(order);
	free(sv.drafts);
	if (ret < 0) {
		el_plan_set_put(set);
		return ret;
	}
	*ret_set = set;
	return 0;
}
