/* SPDX-License-Identifier: BSD-3-Clause */
/* Half-open connections outlive the plan that made them: probes are under way when it ends, and
 * where a SYN/ACK was lost the peer waits for a minute. The tables of two plans are laid out by
 * 4-tuple, so what they have in common is found by walking them side by side. */
#include "el_streams.h"

#include <stdlib.h>
#include <string.h>

static int worker_streams_init(struct el_worker_streams *s, const struct el_plan *plan)
{
	size_t bytes = (plan->n_half_open / 16 + 1) * 64UL;

	s->half_open = aligned_alloc(64, bytes);
	s->rx_worker = calloc(plan->n_slices + 1UL, sizeof(*s->rx_worker));
	if (plan->set->has_asks)
		s->n_sent = calloc(plan->n_slices + 1UL, sizeof(*s->n_sent));
	if (!s->half_open || !s->rx_worker || (plan->set->has_asks && !s->n_sent))
		return -1;
	memset(s->half_open, 0, bytes); /* touched now, so that no worker faults later */
	return 0;
}

struct el_streams *el_streams_create(struct el_plan_set *set)
{
	struct el_streams *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->set = el_plan_set_get(set);
	atomic_init(&s->refs, 1);
	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (worker_streams_init(&s->of[w], set->plans[w]) < 0) {
			el_streams_put(s);
			return NULL;
		}
	}
	return s;
}

struct el_streams *el_streams_get(struct el_streams *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void el_streams_put(struct el_streams *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t w = 0; w < s->set->n_workers; w++) {
		free(s->of[w].half_open);
		free(s->of[w].rx_worker);
		free(s->of[w].n_sent);
	}
	el_plan_set_put(s->set);
	free(s);
}

/* What a step of the walk costs besides copying, in entries copied. */
#define STEP_COST 8

static int compare(const struct el_half_open_range *a, const struct el_half_open_range *b)
{
	if (a->addr_key != b->addr_key)
		return a->addr_key < b->addr_key ? -1 : 1;
	return (a->dst_port > b->dst_port) - (a->dst_port < b->dst_port);
}

/* The first port after a range. */
static uint32_t end_of(const struct el_half_open_range *r)
{
	return r->port + (r[1].first - r->first);
}

/* Two workers' tables, each under its plan. */
struct tables {
	const struct el_plan *to, *from;
	el_half_open *to_half_open, *from_half_open;
};

/* Copies what is half-open of what two ranges with the same addresses have in common; how many
 * entries that is. */
static uint32_t copy(const struct tables *x, const struct el_half_open_range *t,
		     const struct el_half_open_range *f)
{
	uint32_t port = t->port > f->port ? t->port : f->port;
	uint32_t end = end_of(t) < end_of(f) ? end_of(t) : end_of(f);

	for (uint32_t p = port; p < end; p++) {
		uint32_t id = el_half_open_get(&x->from_half_open[f->first + (p - f->port)]);

		if (id)
			el_half_open_set(&x->to_half_open[t->first + (p - t->port)], id);
	}
	return port < end ? end - port : 0;
}

/* The part of the walk that is over one worker's table. False: the budget, which is what is left of
 * it, is spent. */
static bool inherit(const struct tables *x, struct el_half_open_walk *walk, int64_t *budget)
{
	while (walk->to < x->to->n_ranges && walk->from < x->from->n_ranges) {
		const struct el_half_open_range *t = &x->to->ranges[walk->to];
		const struct el_half_open_range *f = &x->from->ranges[walk->from];
		int order = compare(t, f);

		if (*budget <= 0)
			return false;
		*budget -= STEP_COST;
		if (order == 0) {
			*budget -= copy(x, t, f);
			order = end_of(t) <= end_of(f) ? -1 : 1;
		}
		if (order < 0)
			walk->to++;
		else
			walk->from++;
	}
	return true;
}

bool el_streams_inherit(struct el_streams *to, uint32_t worker, const struct el_streams *from,
			struct el_half_open_walk *walk, uint32_t budget)
{
	int64_t left = budget;

	for (; walk->worker < from->set->n_workers; walk->worker++, walk->to = walk->from = 0) {
		const struct tables x = {.to = to->set->plans[worker],
					 .from = from->set->plans[walk->worker],
					 .to_half_open = to->of[worker].half_open,
					 .from_half_open = from->of[walk->worker].half_open};

		if (!inherit(&x, walk, &left))
			return false;
	}
	return true;
}
