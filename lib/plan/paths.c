/* SPDX-License-Identifier: BSD-3-Clause */
/* From one plan's path table to the next one's. Half-open connections outlive the plan that made
 * them: probes are under way when it ends, and where a SYN/ACK was lost the peer waits for a
 * minute. Both tables are laid out by 4-tuple, so what they have in common is found by walking them
 * side by side. */
#include "el_plan.h"

/* What a step of the walk costs besides copying, in entries copied. */
#define STEP_COST 8

static int compare(const struct el_path_range *a, const struct el_path_range *b)
{
	if (a->addr_key != b->addr_key)
		return a->addr_key < b->addr_key ? -1 : 1;
	return (a->dst_port > b->dst_port) - (a->dst_port < b->dst_port);
}

/* The first port after a range. */
static uint32_t end_of(const struct el_path_range *r)
{
	return r->port + (r[1].first - r->first);
}

/* Copies what is half-open of what two ranges with the same addresses have in common; how many
 * entries that is. */
static uint32_t copy(struct el_plan *to, const struct el_path_range *t, const struct el_plan *from,
		     const struct el_path_range *f)
{
	uint32_t port = t->port > f->port ? t->port : f->port;
	uint32_t end = end_of(t) < end_of(f) ? end_of(t) : end_of(f);

	for (uint32_t p = port; p < end; p++) {
		uint32_t id = el_path_get(&from->paths[f->first + (p - f->port)]);

		if (id)
			el_path_set(&to->paths[t->first + (p - t->port)], id);
	}
	return port < end ? end - port : 0;
}

/* The part of the walk that is over one worker's table. False: the budget, which is what is left of
 * it, is spent. */
static bool inherit(struct el_plan *to, const struct el_plan *from, struct el_path_walk *walk,
		    int64_t *budget)
{
	while (walk->to < to->n_ranges && walk->from < from->n_ranges) {
		const struct el_path_range *t = &to->ranges[walk->to];
		const struct el_path_range *f = &from->ranges[walk->from];
		int order = compare(t, f);

		if (*budget <= 0)
			return false;
		*budget -= STEP_COST;
		if (order == 0) {
			*budget -= copy(to, t, from, f);
			order = end_of(t) <= end_of(f) ? -1 : 1;
		}
		if (order < 0)
			walk->to++;
		else
			walk->from++;
	}
	return true;
}

bool el_plan_inherit_paths(struct el_plan *to, const struct el_plan_set *from,
			   struct el_path_walk *walk, uint32_t budget)
{
	int64_t left = budget;

	for (; walk->worker < from->n_workers; walk->worker++, walk->to = walk->from = 0) {
		if (!inherit(to, from->plans[walk->worker], walk, &left))
			return false;
	}
	return true;
}
