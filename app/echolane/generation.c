/* SPDX-License-Identifier: BSD-3-Clause */
#include "generation.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "names.h"
#include "network.h"

struct shared_conf *shared_conf_create(struct el_conf *conf)
{
	struct shared_conf *s = malloc(sizeof(*s));

	if (!s) {
		el_conf_free(conf);
		return NULL;
	}
	s->conf = conf;
	atomic_init(&s->users, 1);
	return s;
}

struct shared_conf *shared_conf_get(struct shared_conf *s)
{
	atomic_fetch_add_explicit(&s->users, 1, memory_order_relaxed);
	return s;
}

void shared_conf_put(struct shared_conf *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->users, 1, memory_order_acq_rel) != 1)
		return;
	el_conf_free(s->conf);
	free(s);
}

void generation_fini(struct generation *g)
{
	rounds_destroy(g->rounds);
	events_free(g->events);
	network_plan_free(g->net);
	names_list_put(g->names);
	el_streams_put(g->streams);
	el_plan_set_put(g->set);
	el_model_put(g->model);
	shared_conf_put(g->shared);
	*g = (struct generation){0};
}
