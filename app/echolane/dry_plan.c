/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry_plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dry_network.h"
#include "el_model.h"
#include "el_names.h"
#include "el_plan.h"

struct dry_plan {
	const struct el_conf *conf;
	const char *file;
	struct dry_network *network; /* NULL: there are no ports, everything can be reached */
	struct el_names names;       /* that were asked for */
	struct el_names named;       /* targets whose destination is a name */
	struct el_model *model;
	char **why; /* by series: why it, or a stream of it, is left out; NULL: it is not */
	int rc;
};

/* ---- what a network would say ---- */

static void print_warning(void *ctx, const char *sentence)
{
	const struct dry_plan *p = ctx;

	fprintf(stderr, "warning: %s: %s\n", p->file, sentence);
}

/* A stand-in for name servers: each name has an address of its own. */
static int any_address(void *ctx, const char *name, uint8_t family, struct el_ip *ret)
{
	struct dry_plan *p = ctx;
	const struct el_names_entry *entry =
	    el_names_add(&p->names, name, (uint32_t)p->names.count, NULL);
	uint32_t number_be;

	if (!entry)
		return -ENOMEM;
	number_be = htonl(entry->value + 1);
	*ret = (struct el_ip){.family = family, .bytes = {family == 4 ? 240 : 0xfd}};
	memcpy(ret->bytes + (family == 4 ? 1 : 13), (const uint8_t *)&number_be + 1, 3);
	return 0;
}

/* A stand-in for addresses and routes that only a running port has. */
static struct el_plan_route any_route(const struct el_conf_dataplane *dataplane,
				      const struct el_model_group *group,
				      const struct el_ip *destination)
{
	bool is_v4 = destination->family == 4;
	struct el_plan_route route = {.mtu = 1500,
				      .source = is_v4 ? group->src_ipv4 : group->src_ipv6};

	for (size_t i = 0; i < dataplane->n_ports; i++)
		if (dataplane->ports[i].mtu > route.mtu)
			route.mtu = dataplane->ports[i].mtu;
	if (route.source.family == 0)
		el_ip_parse(is_v4 ? "192.0.2.1" : "2001:db8::1", &route.source);
	return route;
}

static struct el_plan_route route(void *ctx, const struct el_model_target *target,
				  const struct el_model_group *group,
				  const struct el_ip *destination)
{
	struct dry_plan *p = ctx;

	if (!p->network || el_names_find(&p->named, target->name))
		return any_route(&p->conf->dataplane, group, destination);
	return dry_network_route(p->network, target, group, destination);
}

static void left_out(void *ctx, uint32_t series, const char *why)
{
	struct dry_plan *p = ctx;

	if (!p->why[series] && !(p->why[series] = strdup(why)))
		p->rc = -ENOMEM;
}

/* ---- the plan ---- */

static int make_model(struct dry_plan *p, struct el_error *err)
{
	struct el_model_input in = {.conf = p->conf, .resolve = any_address, .resolve_ctx = p};

	for (uint32_t i = 0; i < p->conf->n_targets; i++) {
		const struct el_conf_target *t = &p->conf->targets[i];

		if (t->address.family == 0 && !t->is_subnet &&
		    !el_names_add(&p->named, t->name, i, NULL))
			return el_error_set(err, -ENOMEM, "not enough memory");
	}
	if (p->network)
		in.own = dry_network_addresses(p->network, &in.n_own);
	el_log_set_level(EL_LOG_ERROR); /* what it would log of targets is printed here */
	p->model = el_model_create(&in, err);
	el_log_set_level(EL_LOG_WARNING);
	if (!p->model)
		return -errno;
	p->why = calloc(p->model->n_series + 1, sizeof(*p->why));
	return p->why ? 0 : el_error_set(err, -ENOMEM, "not enough memory");
}

static int compile(struct dry_plan *p, struct el_plan_set **ret_set, struct el_error *err)
{
	static const uint8_t payload[EL_PLAN_PAYLOAD_BYTES], random[32];
	const struct el_conf *conf = p->conf;
	struct el_plan_input in = {
	    .model = p->model,
	    .key = el_id_key_init(random),
	    .n_workers = 1,
	    .interval_s = conf->global.interval_s,
	    .interval_packets_s = conf->global.interval_packets_s,
	    .round_timeout_s = conf->global.timeout_s,
	    .asap = conf->dataplane.pacing == EL_CONF_PACING_ASAP,
	    .rate_pps = conf->dataplane.max_rate_pps,
	    .max_probes = conf->dataplane.max_probes_per_round,
	    .generation = 1,
	    .payload = payload,
	    .route = route,
	    .route_ctx = p,
	    .left_out = left_out,
	    .left_out_ctx = p,
	};
	int ret = el_plan_compile(&in, ret_set, err);

	if (ret == 0 && p->rc < 0) {
		el_plan_set_put(*ret_set);
		ret = el_error_set(err, p->rc, "not enough memory");
	}
	return ret;
}

/* ---- what there is to say ---- */

static void print_line(const struct dry_plan *p, const char *target, const char *group,
		       uint8_t family, const char *in_part, enum el_model_status status,
		       const char *why)
{
	fprintf(stderr, "warning: %s: target %s is not probed%s%s%s (%s): %s: %s\n", p->file,
		target, in_part, *group ? " in group " : "", group, el_model_family_label(family),
		el_model_status_label(status), why);
}

/* Of what is found before there are routes. */
static const char *why_of_target(enum el_model_status status)
{
	switch (status) {
	case EL_MODEL_OWN_ADDRESS:
		return "its address is the prober's own";
	case EL_MODEL_UNRESOLVED:
		return "its name has no address";
	default:
		return "it is too much for a round";
	}
}

static void print_absent(const struct dry_plan *p, const struct el_model_absent *a)
{
	char why[512] = "another target has its name, and the last one counts";

	if (a->status == EL_MODEL_NO_GROUP && *a->group)
		snprintf(why, sizeof(why), "there is no group %s", a->group);
	else if (a->status == EL_MODEL_NO_GROUP)
		snprintf(why, sizeof(why), "it is in no group");
	print_line(p, a->target, a->group, a->family, "", a->status, why);
}

/* How many series would not be probed at all. */
static uint32_t print_left_out(const struct dry_plan *p)
{
	const struct el_model *m = p->model;
	uint32_t n = m->n_absent;

	for (uint32_t i = 0; i < m->n_series; i++) {
		const struct el_model_series *s = &m->series[i];
		const struct el_model_target *t = &m->targets[s->target];

		if (s->status == EL_MODEL_ACTIVE)
			continue;
		n += !s->in_part;
		print_line(p, t->name, m->groups[s->group].name, t->family,
			   s->in_part ? " in full" : "", s->status,
			   p->why[i] ? p->why[i] : why_of_target(s->status));
	}
	for (uint32_t i = 0; i < m->n_absent; i++)
		print_absent(p, &m->absent[i]);
	return n;
}

static void print_plan(const struct dry_plan *p, const struct el_plan_set *set, FILE *out)
{
	const struct el_model *m = p->model;
	uint32_t n_left_out = print_left_out(p);
	char text[768], not_probed[64] = "";

	if (el_plan_tight_text(&set->tight, text, sizeof(text)))
		fprintf(stderr, "warning: %s: %s\n", p->file, text);
	if (n_left_out)
		snprintf(not_probed, sizeof(not_probed), ", %u of them not probed", n_left_out);
	fprintf(out,
		"configuration is valid: %u targets, %u groups, %u series%s, %llu probes a "
		"round, %.0f MB for the records of %u rounds\n",
		m->n_targets, m->n_groups, m->n_series + m->n_absent, not_probed,
		(unsigned long long)set->n_probes,
		ceil((double)el_plan_set_blocks_bytes(set) / 1e6), set->n_blocks);
}

static void fini(struct dry_plan *p)
{
	for (uint32_t i = 0; p->why && i < p->model->n_series; i++)
		free(p->why[i]);
	free(p->why);
	el_model_put(p->model);
	el_names_fini(&p->names);
	el_names_fini(&p->named);
	dry_network_destroy(p->network);
}

int dry_plan_print(const struct el_conf *conf, const char *file, FILE *out, struct el_error *err)
{
	struct dry_plan p = {.conf = conf, .file = file};
	struct el_plan_set *set;
	int ret = 0;

	el_names_init(&p.names);
	el_names_init(&p.named);
	if (conf->dataplane.n_ports)
		ret = dry_network_create(conf, print_warning, &p, &p.network, err);
	if (ret == 0)
		ret = make_model(&p, err);
	if (ret == 0)
		ret = compile(&p, &set, err);
	if (ret == 0) {
		print_plan(&p, set, out);
		el_plan_set_put(set);
	}
	fini(&p);
	return ret;
}
