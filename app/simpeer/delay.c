/* SPDX-License-Identifier: BSD-3-Clause */
#include "delay.h"

#include <errno.h>
#include <stdlib.h>

static bool before(const struct simpeer_delay_entry *a, const struct simpeer_delay_entry *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

int simpeer_delay_init(struct simpeer_delay_queue *q, uint32_t max)
{
	*q = (struct simpeer_delay_queue){.max = max};
	q->heap = calloc(max, sizeof(*q->heap));
	return q->heap ? 0 : -ENOMEM;
}

void simpeer_delay_fini(struct simpeer_delay_queue *q)
{
	free(q->heap);
	*q = (struct simpeer_delay_queue){0};
}

bool simpeer_delay_push(struct simpeer_delay_queue *q, uint64_t due_ns, void *item)
{
	struct simpeer_delay_entry e = {due_ns, q->order, item};
	uint32_t i = q->count;

	if (q->count == q->max)
		return false;
	q->order++;
	q->count++;
	for (; i > 0 && before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = e;
	return true;
}

void *simpeer_delay_pop(struct simpeer_delay_queue *q, uint64_t now_ns)
{
	struct simpeer_delay_entry last;
	uint32_t i = 0;
	void *item;

	if (q->count == 0 || q->heap[0].due_ns > now_ns)
		return NULL;
	item = q->heap[0].item;
	last = q->heap[--q->count];
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= q->count)
			break;
		if (child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!before(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	if (q->count > 0)
		q->heap[i] = last;
	return item;
}
