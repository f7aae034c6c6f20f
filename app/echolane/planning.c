/* SPDX-License-Identifier: BSD-3-Clause */
#include "planning.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What can be had without pushing anything out of memory; UINT64_MAX: not known. */
static uint64_t available_bytes(void)
{
	FILE *in = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = sscanf(line, "MemAvailable: %llu kB", &kb) == 1;
	if (in)
		fclose(in);
	return found ? kb * 1024 : UINT64_MAX;
}

/* Asked before the memory is taken: the kernel would promise it, and kill for want of it. */
static int check_memory(const struct el_plan_set *set, struct el_error *err)
{
	uint64_t wanted = el_plan_set_blocks_bytes(set), there = available_bytes();

	if (wanted <= there)
		return 0;
	return el_error_set(err, -ENOMEM,
			    "the records of %u rounds of %llu probes need %.3g GB of memory, but "
			    "%.3g GB are available: fewer probes, a longer interval or a shorter "
			    "timeout need less",
			    set->n_blocks, (unsigned long long)set->n_probes, (double)wanted / 1e9,
			    (double)there / 1e9);
}

/* Hands each worker its block of a round, if there is room for all of them. */
static bool order_round(void *ctx, struct el_block *const *blocks)
{
	struct control *c = ctx;
	struct el_command commands[EL_PLAN_WORKERS_MAX];

	for (uint32_t w = 0; w < c->n_workers; w++)
		commands[w] = (struct el_command){.kind = EL_COMMAND_ROUND, .block = blocks[w]};
	return el_workers_command(c->workers, c->n_workers, commands);
}

static void submit_round(void *ctx, struct stats_job *job)
{
	struct control *c = ctx;

	stats_thread_submit(c->stats, job);
}

/* What goes with a plan: the counters of what has no record, and the blocks. */
static int make_rounds(struct control *c, struct planning *p, struct el_error *err)
{
	struct rounds_config config = {.n_workers = c->n_workers,
				       .set = p->set,
				       .last = c->options->rounds,
				       .order = order_round,
				       .submit = submit_round,
				       .ctx = c};

	int code = check_memory(p->set, err);

	if (code < 0)
		return code;
	p->events = events_create(p->model, p->set->generation);
	p->streams = el_streams_create(p->set);
	p->rounds = rounds_create(&config);
	if (p->events && p->streams && p->rounds)
		return 0;
	return el_error_set(err, -ENOMEM,
			    "not enough memory for the records of %u rounds of %llu probes",
			    p->set->n_blocks, (unsigned long long)p->set->n_probes);
}

/* Once, not with each plan that has the same to say. */
static void tell_of_ports(struct control *c, const struct el_plan_set *set)
{
	char text[sizeof(c->ports_told)];

	if (!el_plan_tight_text(&set->tight, text, sizeof(text)) ||
	    strcmp(text, c->ports_told) == 0)
		return;
	memcpy(c->ports_told, text, strlen(text) + 1);
	el_log(EL_LOG_WARNING, "plan", "%s", text);
}

static int compile(struct control *c, struct planning_order *order, struct planning *p,
		   struct el_error *err)
{
	const struct el_conf *conf = p->conf;
	uint64_t cap = conf->dataplane.max_rate_pps;
	struct el_conf view; /* with the targets of inventories */
	struct el_plan_input in = {
	    .key = c->key,
	    .n_workers = c->n_workers,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .round_timeout_s = conf->global.timeout_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = cap ? cap : network_default_pps(c->network),
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .memory_bytes = available_bytes(),
	    .is_update = order->is_update,
	    .generation = order->generation,
	    .payload = c->payload,
	    .route = network_route,
	    .place = network_place,
	};
	struct el_model_input model = {.conf = &view,
				       .before = order->is_update ? order->from.model : NULL,
				       .resolve = names_lookup,
				       .resolve_ctx = order->from.names};
	int code;

	if (order->learn_from)
		network_learn(c->network, order->learn_from);
	if (el_inventory_targets(order->from.inventories, conf, &view) < 0 ||
	    !(p->names = names_list_create(&view, order->from.names)))
		return el_error_set(err, -ENOMEM, "not enough memory for the targets");
	p->net = network_plan_begin(c->network, order->from.network, &view);
	order->from.network = NULL;
	if (!p->net)
		return el_error_set(err, -ENOMEM, "not enough memory");
	in.route_ctx = p->net;
	model.own = network_plan_addresses(p->net, &model.n_own);
	p->model = el_model_create(&model, err);
	if (!p->model)
		return -errno;
	in.model = p->model;
	code = el_plan_compile(&in, &p->set, err);
	if (code == 0 && order->only_if_moved && network_plan_digest(p->net) == order->from.digest)
		return 1;
	if (code == 0) {
		tell_of_ports(c, p->set);
		network_plan_report(p->net);
	}
	return code;
}

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

static void snapshot_fini(struct planning_snapshot *s)
{
	el_inventory_lists_free(s->inventories);
	names_known_put(s->names);
	network_view_free(s->network);
	el_model_put(s->model);
	*s = (struct planning_snapshot){0};
}

int planning_take_snapshot(struct control *c, struct planning_snapshot *ret)
{
	const struct planning *newest = c->rollout.n ? rollout_newest(&c->rollout) : NULL;

	*ret = (struct planning_snapshot){.inventories = el_inventory_take_lists(c->inventory),
					  .names = names_take_known(c->names),
					  .network = network_take_view(c->network)};
	if (newest) {
		ret->model = el_model_get(newest->model);
		ret->digest = network_plan_digest(newest->net);
	}
	if (ret->inventories && ret->names && ret->network)
		return 0;
	snapshot_fini(ret);
	return -ENOMEM;
}

void planning_adopt(struct control *c, const struct planning *p)
{
	if (names_want(c->names, p->names) < 0)
		el_log(EL_LOG_ERROR, "resolve", "not enough memory for the names");
	network_adopt(c->network, p->net);
}

void planning_release(struct control *c, const struct planning *p)
{
	network_release(c->network, p->net);
}

void planning_order_fini(struct planning_order *order)
{
	snapshot_fini(&order->from);
	el_streams_put(order->learn_from);
	order->learn_from = NULL;
}

int planning_make(struct control *c, struct planning_order *order, struct shared_conf *conf,
		  struct planning *ret, struct el_error *err)
{
	struct planning p = {.shared = conf, .conf = conf->conf};
	int code = compile(c, order, &p, err);

	if (code == 0)
		code = make_rounds(c, &p, err);
	if (code != 0) {
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
	network_plan_free(p->net);
	names_list_put(p->names);
	el_streams_put(p->streams);
	el_plan_set_put(p->set);
	el_model_put(p->model);
	shared_conf_put(p->shared);
	*p = (struct planning){0};
}
