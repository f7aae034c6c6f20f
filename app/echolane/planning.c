/* SPDX-License-Identifier: BSD-3-Clause */
#include "planning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Counters of what has no record, for one model. */
static int make_events(struct planning *p, struct el_error *err)
{
	p->events = events_create(p->model, p->set->generation);
	return p->events ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

static int compile(struct control *c, struct planning *p, struct el_error *err)
{
	const struct el_conf *conf = p->conf;
	uint64_t cap = conf->dataplane.max_rate_pps;
	struct el_conf view; /* with the targets of inventories */
	struct el_plan_input in = {
	    .clock = el_clock_init(el_calibration_hz(&c->calibration)),
	    .key = c->key,
	    .n_workers = c->n_workers,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = cap ? cap : network_default_pps(c->network),
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .generation = ++c->generation,
	    .payload = c->payload,
	    .route = network_route,
	    .route_ctx = c->network,
	};
	struct el_model_input model = {
	    .conf = &view, .resolve = names_lookup, .resolve_ctx = c->names};

	if (el_inventory_targets(c->inventory, conf, &view) < 0 || names_sync(c->names, &view) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory for the targets");
	model.own = network_addresses(c->network, &model.n_own);
	p->model = el_model_create(&model);
	if (!p->model)
		return el_error_set(err, -errno, "the targets can't be set up: %s",
				    strerror(errno));
	in.model = p->model;
	return el_plan_compile(&in, &p->set, err);
}

struct shared_conf *shared_conf_create(struct el_conf *conf)
{
	struct shared_conf *s = malloc(sizeof(*s));

	if (!s) {
		el_conf_free(conf);
		return NULL;
	}
	*s = (struct shared_conf){.conf = conf, .users = 1};
	return s;
}

struct shared_conf *shared_conf_get(struct shared_conf *s)
{
	s->users++;
	return s;
}

void shared_conf_put(struct shared_conf *s)
{
	if (!s || --s->users)
		return;
	el_conf_free(s->conf);
	free(s);
}

int planning_make(struct control *c, struct shared_conf *conf, struct planning *ret,
		  struct el_error *err)
{
	struct planning p = {.shared = conf, .conf = conf->conf};
	int code = compile(c, &p, err);

	if (code == 0)
		code = make_events(&p, err);
	if (code < 0) {
		planning_fini(&p);
		return code;
	}
	*ret = p;
	return 0;
}

void planning_fini(struct planning *p)
{
	rounds_destroy(p->rounds);
	events_free(p->events);
	el_plan_set_put(p->set);
	el_model_put(p->model);
	shared_conf_put(p->shared);
	*p = (struct planning){0};
}
