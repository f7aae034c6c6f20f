/* SPDX-License-Identifier: BSD-3-Clause */
#include "due.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int due_reserve(struct due *d, uint32_t ids, uint32_t before)
{
	struct due_item *items = realloc(d->items, ids * sizeof(*items));
	uint32_t *at;

	if (!items)
		return -ENOMEM;
	d->items = items;
	at = realloc(d->at, ids * sizeof(*at));
	if (!at)
		return -ENOMEM;
	memset(at + before, 0, (ids - before) * sizeof(*at));
	d->at = at;
	return 0;
}

void due_fini(struct due *d)
{
	free(d->items);
	free(d->at);
	*d = (struct due){0};
}

static void put(struct due *d, uint32_t i, struct due_item item)
{
	d->items[i] = item;
	d->at[item.id] = i + 1;
}

static void sift_up(struct due *d, uint32_t i, struct due_item item)
{
	while (i > 0 && item.ns < d->items[(i - 1) / 2].ns) {
		put(d, i, d->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(d, i, item);
}

static void sift_down(struct due *d, uint32_t i, struct due_item item)
{
	for (uint32_t child = 2 * i + 1; child < d->n; child = 2 * i + 1) {
		if (child + 1 < d->n && d->items[child + 1].ns < d->items[child].ns)
			child++;
		if (item.ns <= d->items[child].ns)
			break;
		put(d, i, d->items[child]);
		i = child;
	}
	put(d, i, item);
}

static void replace(struct due *d, uint32_t i, struct due_item item)
{
	if (i > 0 && item.ns < d->items[(i - 1) / 2].ns)
		sift_up(d, i, item);
	else
		sift_down(d, i, item);
}

void due_set(struct due *d, uint32_t id, uint64_t ns)
{
	uint32_t at = d->at[id];

	if (ns != UINT64_MAX) {
		replace(d, at ? at - 1 : d->n++, (struct due_item){.ns = ns, .id = id});
		return;
	}
	if (!at)
		return;
	d->at[id] = 0;
	if (at - 1 != --d->n)
		replace(d, at - 1, d->items[d->n]);
}
