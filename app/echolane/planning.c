/* SPDX-License-Identifier: BSD-3-Clause */
#include "planning.h"

#include <errno.h>
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

	p->model = el_model_create(conf);
	if (!p->model)
		return el_error_set(err, -errno, "the targets can't be set up: %s",
				    strerror(errno));
	in.model = p->model;
	return el_plan_compile(&in, &p->set, err);
}

int planning_make(struct control *c, struct el_conf *conf, struct planning *ret,
		  struct el_error *err)
{
	struct planning p = {.conf = conf};
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
	el_conf_free(p->conf);
	*p = (struct planning){0};
}
