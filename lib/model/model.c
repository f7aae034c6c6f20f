/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_model.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "membership.h"

/* A model in the making. */
struct builder {
	const struct el_conf *conf;
	struct el_model *model;
	struct membership membership;
	size_t series_capacity;
	uint64_t probes; /* of a round, so far */
};

static int copy_string(const char *text, char **ret_copy)
{
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int copy_global(struct el_model *m, const struct el_conf *conf)
{
	const struct el_conf_ints *p = &conf->global.percentiles;
	const struct el_conf_strings *dup = &conf->duplicate_targets;
	int rc = copy_string(conf->global.probe_name, &m->probe_name);

	m->percentiles = calloc(p->count + 1, sizeof(*m->percentiles));
	m->duplicate_targets.items = calloc(dup->count + 1, sizeof(char *));
	if (!m->percentiles || !m->duplicate_targets.items)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		m->percentiles[m->n_percentiles++] = p->items[i];
	for (size_t i = 0; i < dup->count && rc == 0; i++) {
		rc = copy_string(dup->items[i], &m->duplicate_targets.items[i]);
		if (rc == 0)
			m->duplicate_targets.count++;
	}
	return rc;
}

static int copy_groups(struct el_model *m, const struct el_conf *conf)
{
	m->groups = calloc(conf->n_groups + 1, sizeof(*m->groups));
	if (!m->groups)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct el_conf_group *from = &conf->groups[i];
		struct el_model_group *to = &m->groups[i];

		*to = (struct el_model_group){
		    .src_ipv4 = from->src_ipv4,
		    .src_ipv6 = from->src_ipv6,
		    .src_port_first = from->src_port_a,
		    .src_port_count = (uint16_t)(from->src_port_z - from->src_port_a + 1),
		    .ip_payload_size = from->ip_payload_size,
		    .dscp = from->dscp};
		m->n_groups++;
		if (copy_string(from->name, &to->name) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Why a target can't be probed yet; NULL: it can. */
static const char *unsupported(const struct el_conf_target *t)
{
	if (t->is_subnet)
		return "subnets are not probed yet";
	if (t->address.family == 0)
		return "host names are not resolved yet";
	if (t->address.family == 6)
		return "IPv6 is not probed yet";
	return NULL;
}

/* One more series, with one stream. */
static int add_series(struct builder *b, uint32_t target, uint32_t group)
{
	struct el_model *m = b->model;

	if (m->n_series == b->series_capacity) {
		size_t capacity = b->series_capacity ? 2 * b->series_capacity : 64;
		void *series = realloc(m->series, capacity * sizeof(*m->series));
		void *streams;

		if (!series)
			return -ENOMEM;
		m->series = series;
		streams = realloc(m->streams, capacity * sizeof(*m->streams));
		if (!streams)
			return -ENOMEM;
		m->streams = streams;
		b->series_capacity = capacity;
	}
	m->streams[m->n_streams] =
	    (struct el_model_stream){.series = m->n_series, .address = m->targets[target].address};
	m->series[m->n_series] = (struct el_model_series){
	    .target = target, .group = group, .first_stream = m->n_streams, .n_streams = 1};
	m->n_streams++;
	m->n_series++;
	m->targets[target].n_series++;
	return 0;
}

static int add_all_series(struct builder *b, uint32_t target, size_t n_groups)
{
	uint64_t max = b->conf->dataplane.max_probes_per_round;
	int rc = 0;

	b->probes += (uint64_t)n_groups * b->model->targets[target].nb_packets;
	if (b->probes > max) {
		el_log(EL_LOG_ERROR, "model",
		       "%llu probes a round with target %s: more than "
		       "dataplane.max_probes_per_round, %llu",
		       (unsigned long long)b->probes, b->model->targets[target].name,
		       (unsigned long long)max);
		return -E2BIG;
	}
	for (size_t g = 0; g < b->conf->n_groups && rc == 0; g++)
		if (b->membership.in[g])
			rc = add_series(b, target, (uint32_t)g);
	return rc;
}

static int add_target(struct builder *b, const struct el_conf_target *from)
{
	struct el_model *m = b->model;
	uint32_t index = m->n_targets++;
	struct el_model_target *to = &m->targets[index];
	const char *why = unsupported(from);
	size_t n_groups = membership_of(&b->membership, from);

	*to = (struct el_model_target){.type = from->type,
				       .family = from->address_family,
				       .address = from->address,
				       .dst_port = from->dst_port,
				       .nb_packets = from->nb_packets,
				       .ip_payload_size = from->ip_payload_size,
				       .dont_fragment = from->dont_fragment,
				       .timeout_s = from->timeout_s,
				       .threshold_latency_s = from->threshold_latency_s,
				       .threshold_loss = from->threshold_loss,
				       .alert_level = from->alert_level,
				       .state = from->state,
				       .first_series = m->n_series};
	if (copy_string(from->name, &to->name) < 0 ||
	    copy_string(from->description, &to->description) < 0)
		return -ENOMEM;
	if (!why && !n_groups)
		why = "not in any group";
	if (why) {
		el_log(EL_LOG_WARNING, "model", "target %s disabled: %s", from->name, why);
		return 0;
	}
	to->enabled = true;
	return add_all_series(b, index, n_groups);
}

static void destroy(struct el_model *m)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		free(m->targets[i].name);
		free(m->targets[i].description);
	}
	for (uint32_t i = 0; i < m->n_groups; i++)
		free(m->groups[i].name);
	for (size_t i = 0; i < m->duplicate_targets.count; i++)
		free(m->duplicate_targets.items[i]);
	free(m->duplicate_targets.items);
	free(m->probe_name);
	free(m->targets);
	free(m->groups);
	free(m->series);
	free(m->streams);
	free(m->percentiles);
	free(m);
}

static int build(struct builder *b)
{
	const struct el_conf *conf = b->conf;
	int rc = copy_global(b->model, conf);

	if (rc == 0)
		rc = copy_groups(b->model, conf);
	if (rc == 0)
		rc = membership_init(&b->membership, conf);
	b->model->targets = calloc(conf->n_targets + 1, sizeof(*b->model->targets));
	if (!b->model->targets)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_targets && rc == 0; i++)
		rc = add_target(b, &conf->targets[i]);
	return rc;
}

struct el_model *el_model_create(const struct el_conf *conf)
{
	struct builder b = {.conf = conf, .model = calloc(1, sizeof(struct el_model))};
	int rc;

	if (!b.model)
		return NULL;
	atomic_init(&b.model->refs, 1);
	rc = build(&b);
	membership_fini(&b.membership);
	if (rc == 0)
		return b.model;
	destroy(b.model);
	errno = -rc;
	return NULL;
}

struct el_model *el_model_get(struct el_model *model)
{
	atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
	return model;
}

void el_model_put(struct el_model *model)
{
	if (model && atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) == 1)
		destroy(model);
}
