/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Plans for tests, compiled from a model made by hand. */
#include <math.h>

#include "el_plan.h"
#include "unit.h"

/* A model by hand: target i has packets[i] packets; all of them in one group, unless a second is
 * asked for. */
struct fixture {
	struct el_model model;
	struct el_model_target targets[4096];
	struct el_model_group groups[2];
	struct el_model_series series[4096];
	struct el_model_stream streams[4096];
	uint8_t payload[EL_PLAN_PAYLOAD_BYTES];
	uint32_t workers;
	struct el_plan_input in;
};

static inline struct el_plan_route fixture_route(void *ctx, const struct el_model_target *target,
						 const struct el_model_group *group,
						 const struct el_ip *destination)
{
	struct el_plan_route r = {.mtu = 1500, .next_hop = {3}};

	(void)ctx, (void)target, (void)group;
	el_ip_parse(destination->family == 6 ? "2001:db8::10" : "192.0.2.10", &r.source);
	return r;
}

/* The targets go round the workers. */
static inline uint32_t fixture_place(void *ctx, const struct el_slice *slice)
{
	const struct fixture *f = ctx;

	return f->series[slice->series].target % f->workers;
}

static inline void add_target(struct fixture *f, enum el_probe_type type, const char *address,
			      uint32_t packets)
{
	uint32_t i = f->model.n_targets++;
	struct el_model_target *t = &f->targets[i];
	static char name[] = "t";

	*t = (struct el_model_target){.name = name,
				      .type = type,
				      .dst_port = 80,
				      .nb_packets = packets,
				      .ip_payload_size = EL_CONF_UNSET,
				      .dont_fragment = true,
				      .enabled = true,
				      .timeout_s = 1,
				      .threshold_latency_s = NAN,
				      .threshold_loss = NAN};
	el_ip_parse(address, &t->address);
	t->family = t->address.family;
	t->first_series = f->model.n_series;
	for (uint32_t g = 0; g < f->model.n_groups; g++) {
		uint32_t s = f->model.n_series++;
		f->series[s] = (struct el_model_series){
		    .target = i, .group = g, .first_stream = s, .n_streams = 1};
		f->streams[s] = (struct el_model_stream){.series = s, .address = t->address};
		f->model.n_streams++;
		t->n_series++;
	}
}

static inline struct fixture *fixture(uint32_t n_groups, uint16_t ports)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static const uint8_t random[32] = {1, 2, 3, 4, 5};
	static char names[2][2] = {"g", "h"};

	f->workers = 1;
	for (uint32_t g = 0; g < n_groups; g++)
		f->groups[g] = (struct el_model_group){.name = names[g],
						       .src_port_first = 65000,
						       .src_port_count = ports,
						       .ip_payload_size = EL_CONF_UNSET};
	f->model.targets = f->targets;
	f->model.groups = f->groups;
	f->model.n_groups = n_groups;
	f->model.series = f->series;
	f->model.streams = f->streams;
	f->model.refs = 1000; /* never freed: it is not on the heap by itself */
	f->in = (struct el_plan_input){.model = &f->model,
				       .key = el_id_key_init(random),
				       .n_workers = 1,
				       .interval_s = 10,
				       .max_probes = 100000000,
				       .generation = 1,
				       .payload = f->payload,
				       .route = fixture_route,
				       .place = fixture_place,
				       .route_ctx = f};
	return f;
}

static inline struct el_plan_set *compile(struct fixture *f)
{
	struct el_plan_set *set = NULL;
	struct el_error err = {{0}};

	f->in.n_workers = f->workers;
	if (el_plan_compile(&f->in, &set, &err) < 0)
		fail_msg("%s", err.text);
	return set;
}
