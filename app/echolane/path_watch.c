/* SPDX-License-Identifier: BSD-3-Clause */
#include "path_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "el_ticks.h"

#define TARGETS_MAX 8
/* Looked at for so many rounds and so long after it was asked for. */
#define ROUNDS 3
#define WATCH_NS (60 * EL_NS_PER_S)

struct watched {
	char *target; /* NULL: none */
	uint64_t asked_ns;
	uint32_t rounds; /* since it was asked for */
	struct el_paths *paths;
};

struct path_watch {
	pthread_mutex_t lock; /* of all that follows; not held while figures are made */
	struct watched items[TARGETS_MAX];
};

struct path_watch *path_watch_create(void)
{
	struct path_watch *w = calloc(1, sizeof(*w));

	if (w)
		pthread_mutex_init(&w->lock, NULL);
	return w;
}

static void forget(struct watched *item)
{
	free(item->target);
	el_paths_put(item->paths);
	*item = (struct watched){0};
}

void path_watch_destroy(struct path_watch *w)
{
	if (!w)
		return;
	for (int i = 0; i < TARGETS_MAX; i++)
		forget(&w->items[i]);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct watched *find(struct path_watch *w, const char *target)
{
	for (int i = 0; i < TARGETS_MAX; i++) {
		if (w->items[i].target && strcmp(w->items[i].target, target) == 0)
			return &w->items[i];
	}
	return NULL;
}

/* A place for another: a free one, else that of the one asked for the longest time ago. */
static struct watched *make_room(struct path_watch *w)
{
	struct watched *oldest = &w->items[0];

	for (int i = 0; i < TARGETS_MAX; i++) {
		if (!w->items[i].target)
			return &w->items[i];
		if (w->items[i].asked_ns < oldest->asked_ns)
			oldest = &w->items[i];
	}
	forget(oldest);
	return oldest;
}

struct el_paths *path_watch_take(struct path_watch *w, const char *target)
{
	struct el_paths *paths = NULL;
	struct watched *item;

	pthread_mutex_lock(&w->lock);
	item = find(w, target);
	if (!item) {
		item = make_room(w);
		item->target = strdup(target);
	}
	item->asked_ns = el_raw_ns();
	item->rounds = 0;
	if (item->paths)
		paths = el_paths_get(item->paths);
	pthread_mutex_unlock(&w->lock);
	return paths;
}

/* Which targets are to be looked at, into ret[TARGETS_MAX], to be freed; how many. The others are
 * forgotten. */
static int list_wanted(struct path_watch *w, char *ret[TARGETS_MAX])
{
	uint64_t now_ns = el_raw_ns();
	int n = 0;

	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < TARGETS_MAX; i++) {
		struct watched *item = &w->items[i];

		if (!item->target)
			continue;
		if (item->rounds++ >= ROUNDS && now_ns - item->asked_ns >= WATCH_NS)
			forget(item);
		else if ((ret[n] = strdup(item->target)))
			n++;
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

static struct el_paths *make(struct el_block *const *blocks, uint32_t n_blocks, const char *target)
{
	const struct el_model *m = blocks[0]->set->model;

	for (uint32_t i = 0; i < m->n_targets; i++) {
		if (strcmp(m->targets[i].name, target) == 0)
			return el_stats_paths(blocks, n_blocks, m->targets[i].first_series,
					      m->targets[i].n_series);
	}
	return NULL;
}

/* Of a round of an older plan, what is known of a newer one stays. */
static void put(struct path_watch *w, const char *target, struct el_paths *paths)
{
	struct watched *item;

	pthread_mutex_lock(&w->lock);
	item = find(w, target);
	if (item && (!item->paths || item->paths->generation <= paths->generation)) {
		el_paths_put(item->paths);
		item->paths = paths;
		paths = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	el_paths_put(paths);
}

void path_watch_round(struct path_watch *w, struct el_block *const *blocks, uint32_t n_blocks)
{
	char *targets[TARGETS_MAX];
	int n = list_wanted(w, targets);

	for (int i = 0; i < n; i++) {
		struct el_paths *paths = make(blocks, n_blocks, targets[i]);

		if (paths)
			put(w, targets[i], paths);
		free(targets[i]);
	}
}
