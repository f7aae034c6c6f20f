/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_schedule.h"

#include <assert.h>
#include <string.h>

const struct el_schedule_span *el_schedule_find(const struct el_schedule *s, uint64_t round)
{
	for (uint32_t i = s->n; i > 0; i--) {
		const struct el_schedule_span *span = &s->spans[i - 1];

		if (round >= span->first)
			return round < span->end ? span : NULL;
	}
	return NULL;
}

const struct el_schedule_span *el_schedule_find_generation(const struct el_schedule *s,
							   uint64_t generation)
{
	for (uint32_t i = s->n; i > 0; i--) {
		if (s->spans[i - 1].set->generation == generation)
			return &s->spans[i - 1];
	}
	return NULL;
}

struct el_schedule el_schedule_close(const struct el_schedule *s, uint64_t gate, bool cut)
{
	struct el_schedule next = *s;

	next.gate = gate;
	if (cut)
		next.cut = EL_ROUND_NONE;
	return next;
}

struct el_schedule el_schedule_open(const struct el_schedule *s, uint64_t first,
				    struct el_streams *streams)
{
	struct el_schedule next = *s;

	next.gate = EL_ROUND_NONE;
	next.cut = s->cut < first ? s->cut : first;
	if (next.n && next.spans[next.n - 1].first >= first)
		next.n--;
	if (next.n && next.spans[next.n - 1].end > first)
		next.spans[next.n - 1].end = first;
	assert(next.n < EL_SCHEDULE_SPANS_MAX);
	next.spans[next.n++] =
	    (struct el_schedule_span){first, EL_ROUND_NONE, streams->set, streams};
	return next;
}

struct el_schedule el_schedule_drop(const struct el_schedule *s, const struct el_plan_set *set)
{
	struct el_schedule next = *s;

	next.n = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->spans[i].set != set)
			next.spans[next.n++] = s->spans[i];
	}
	return next;
}
