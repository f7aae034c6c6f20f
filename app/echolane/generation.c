/* SPDX-License-Identifier: BSD-3-Clause */
#include "generation.h"

#include "names.h"
#include "network.h"

void generation_fini(struct generation *g)
{
	rounds_destroy(g->rounds);
	events_free(g->events);
	network_plan_free(g->net);
	names_list_put(g->names);
	el_streams_put(g->streams);
	el_plan_set_put(g->set);
	el_model_put(g->model);
	el_stamp_keys_put(g->keys);
	el_conf_put(g->conf);
	*g = (struct generation){0};
}
