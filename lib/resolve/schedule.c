/* SPDX-License-Identifier: BSD-3-Clause */
/* When names are due: two binary heaps by time. Names that came together are spread over time, for
 * the first refresh is due at some moment of the second half of the interval, and the later ones
 * within its last tenth. */
#include <errno.h>
#include <stdlib.h>

#include "resolve_internal.h"

#define BACKOFF_MAX_S 300

static enum queue queue_of(const struct name *n)
{
	return n->failures ? QUEUE_FAILING : QUEUE_WELL;
}

static void put(struct queue_heap *h, uint32_t at, struct name *n)
{
	h->items[at] = n;
	n->position = at;
}

static void sift_up(struct queue_heap *h, uint32_t at, struct name *n)
{
	while (at > 0 && n->due_ns < h->items[(at - 1) / 2]->due_ns) {
		put(h, at, h->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, n);
}

static void sift_down(struct queue_heap *h, uint32_t at, struct name *n)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < h->count && h->items[child + 1]->due_ns < h->items[child]->due_ns)
			child++;
		if (child >= h->count || n->due_ns <= h->items[child]->due_ns)
			break;
		put(h, at, h->items[child]);
		at = child;
	}
	put(h, at, n);
}

int schedule_reserve(struct el_resolve *r, uint32_t n_names)
{
	for (int q = 0; q < QUEUES; q++) {
		struct queue_heap *h = &r->queues[q];
		uint32_t cap = h->cap ? h->cap : 64;
		struct name **items;

		if (n_names <= h->cap)
			continue;
		while (cap < n_names)
			cap *= 2;
		items = realloc(h->items, cap * sizeof(*items));
		if (!items)
			return -ENOMEM;
		h->items = items;
		h->cap = cap;
	}
	return 0;
}

void schedule_at(struct el_resolve *r, struct name *n, uint64_t due_ns)
{
	struct queue_heap *h = &r->queues[queue_of(n)];

	schedule_cancel(r, n);
	n->due_ns = due_ns;
	sift_up(h, h->count++, n);
}

/* A name's failures don't change while it is in a queue. */
void schedule_cancel(struct el_resolve *r, struct name *n)
{
	struct queue_heap *h = &r->queues[queue_of(n)];
	uint32_t at = n->position;
	struct name *last;

	if (at == NOT_QUEUED)
		return;
	n->position = NOT_QUEUED;
	last = h->items[--h->count];
	if (last == n)
		return;
	if (at > 0 && last->due_ns < h->items[(at - 1) / 2]->due_ns)
		sift_up(h, at, last);
	else
		sift_down(h, at, last);
}

/* Some time from `percent` of `ns` to all of it. */
static uint64_t spread(struct el_resolve *r, uint64_t ns, unsigned percent)
{
	uint64_t draw = el_siphash(&r->key, &r->draws, sizeof(r->draws));

	r->draws++;
	return ns - draw % (ns / 100 * (100 - percent) + 1);
}

void schedule_next(struct el_resolve *r, struct name *n)
{
	uint32_t interval_s = 0, backoff_s = BACKOFF_MAX_S;
	const struct el_resolve_user *u;

	for (u = LIST_FIRST(&n->users); u; u = LIST_NEXT(u, sibling))
		if (u->interval_s && (!interval_s || u->interval_s < interval_s))
			interval_s = u->interval_s;
	if (n->failures) {
		if (n->failures < 10 && 1u << (n->failures - 1) < backoff_s)
			backoff_s = 1u << (n->failures - 1);
		if (interval_s && interval_s < backoff_s)
			backoff_s = interval_s;
		schedule_at(r, n, r->now_ns + spread(r, backoff_s * EL_NS_PER_S, 50));
	} else if (interval_s) {
		schedule_at(
		    r, n, r->now_ns + spread(r, interval_s * EL_NS_PER_S, n->refreshed ? 90 : 50));
		n->refreshed = true;
	}
}

struct name *schedule_first(const struct el_resolve *r)
{
	const struct queue_heap *well = &r->queues[QUEUE_WELL];
	const struct queue_heap *failing = &r->queues[QUEUE_FAILING];
	uint32_t max = r->config.max_queries, max_failing = (max + 1) / 2;
	struct name *a, *b;

	if (r->counters.under_way >= max)
		return NULL;
	a = well->count ? well->items[0] : NULL;
	b = failing->count && r->under_way[QUEUE_FAILING] < max_failing ? failing->items[0] : NULL;
	if (a && b)
		return a->due_ns <= b->due_ns ? a : b;
	return a ? a : b;
}
