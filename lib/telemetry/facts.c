/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_facts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct el_network_facts *el_network_facts_create(uint32_t n_neighbours, uint32_t n_routes)
{
	struct el_network_facts *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->neighbours = calloc(n_neighbours + 1UL, sizeof(*f->neighbours));
	f->routes = calloc(n_routes + 1UL, sizeof(*f->routes));
	if (f->neighbours && f->routes)
		return f;
	el_network_facts_put(f);
	return NULL;
}

struct el_network_facts *el_network_facts_get(struct el_network_facts *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void el_network_facts_put(struct el_network_facts *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(f->neighbours);
	free(f->routes);
	free(f);
}

struct el_facts *el_facts_create(void)
{
	struct el_facts *f = calloc(1, sizeof(*f));

	if (f)
		f->refs = 1;
	return f;
}

void el_facts_put(struct el_facts *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	el_network_facts_put(f->network);
	free(f);
}

struct el_facts_store {
	pthread_mutex_t lock; /* taken for a pointer and a count only */
	struct el_facts *current;
};

struct el_facts_store *el_facts_store_create(void)
{
	struct el_facts_store *store = calloc(1, sizeof(*store));

	if (store)
		pthread_mutex_init(&store->lock, NULL);
	return store;
}

void el_facts_store_destroy(struct el_facts_store *store)
{
	if (!store)
		return;
	el_facts_put(store->current);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void el_facts_store_publish(struct el_facts_store *store, struct el_facts *f)
{
	struct el_facts *old;

	pthread_mutex_lock(&store->lock);
	old = store->current;
	store->current = f;
	pthread_mutex_unlock(&store->lock);
	el_facts_put(old);
}

struct el_facts *el_facts_store_take(struct el_facts_store *store)
{
	struct el_facts *f;

	pthread_mutex_lock(&store->lock);
	f = store->current;
	if (f)
		atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&store->lock);
	return f;
}
