/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_model.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "absent.h"
#include "expand.h"
#include "membership.h"

/* A model in the making. */
struct builder {
	const struct el_model_input *in;
	const struct el_conf *conf;
	struct el_model *model;
	struct membership membership;
	struct addresses own;
	size_t series_capacity, streams_capacity;
	double probes;          /* of a round, so far */
	struct el_names before; /* targets of the model before; empty until it is needed */
	struct el_error *err;
};

static int copy_string(const char *text, char **ret_copy)
{
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int copy_global(struct el_model *m, const struct el_conf *conf)
{
	const struct el_conf_ints *p = &conf->global.percentiles;
	int rc = copy_string(conf->global.probe_name, &m->probe_name);

	m->certain_percentiles = conf->dataplane.certain_percentiles;
	m->histograms = conf->dataplane.histograms;
	m->percentiles = calloc(p->count + 1, sizeof(*m->percentiles));
	if (!m->percentiles)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		m->percentiles[m->n_percentiles++] = p->items[i];
	return rc;
}

/* `names` is the caller's, and empty. */
static int count_duplicates(struct el_model *m, const struct el_conf *conf, struct el_names *names)
{
	int rc = 0;

	m->duplicates = calloc(conf->n_duplicates + 1, sizeof(*m->duplicates));
	if (!m->duplicates)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_duplicates && rc == 0; i++) {
		int added;
		const struct el_names_entry *e =
		    el_names_add(names, conf->duplicates[i].name, m->n_duplicates, &added);

		rc = e ? 0 : -ENOMEM;
		if (rc == 0 && added)
			rc = copy_string(e->name, &m->duplicates[m->n_duplicates++].name);
		if (rc == 0)
			m->duplicates[e->value].count++;
	}
	return rc;
}

static int copy_duplicates(struct el_model *m, const struct el_conf *conf)
{
	struct el_names names;
	int rc;

	el_names_init(&names);
	rc = count_duplicates(m, conf, &names);
	el_names_fini(&names);
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
		    .src_subnet_ipv4 = from->src_subnet_ipv4,
		    .src_subnet_ipv6 = from->src_subnet_ipv6,
		    .src_port_first = from->src_port_a,
		    .src_port_count = (uint16_t)(from->src_port_z - from->src_port_a + 1),
		    .ip_payload_size = from->ip_payload_size,
		    .dscp = from->dscp};
		m->n_groups++;
		if (copy_string(from->name, &to->name) < 0 ||
		    (from->port && copy_string(from->port, &to->port) < 0))
			return -ENOMEM;
	}
	return 0;
}

/* Room for n items of `size` bytes: `items` or what takes its place. NULL: no memory, and `items`
 * is as it was. */
static void *reserve(void *items, size_t *capacity, size_t n, size_t size)
{
	size_t wanted = *capacity ? *capacity : 64;
	void *grown;

	while (wanted < n)
		wanted *= 2;
	if (wanted == *capacity)
		return items;
	grown = realloc(items, wanted * size);
	if (grown)
		*capacity = wanted;
	return grown;
}

/* All addresses of the range but our own, as streams of the last series. */
static void add_streams(struct builder *b, const struct el_conf_range *range, size_t n)
{
	struct el_model *m = b->model;
	struct el_model_stream *to = &m->streams[m->n_streams], *end = to + n;
	struct el_ip ip = range->first;
	size_t own = addresses_from(&b->own, &ip);

	for (; to < end; range_next(range, &ip)) {
		while (own < b->own.count && !range_contains(range, &b->own.items[own]))
			own++;
		if (own < b->own.count && el_ip_equal(&b->own.items[own], &ip)) {
			own++;
			continue;
		}
		*to++ = (struct el_model_stream){.series = m->n_series, .address = ip};
	}
	m->n_streams += (uint32_t)n;
}

/* One more series, with a stream for each of the n addresses of the range that are not our own. */
static int add_series(struct builder *b, uint32_t target, uint32_t group,
		      const struct el_conf_range *range, size_t n)
{
	struct el_model *m = b->model;
	void *series, *streams;

	series =
	    reserve(m->series, &b->series_capacity, (size_t)m->n_series + 1, sizeof(*m->series));
	if (!series)
		return -ENOMEM;
	m->series = series;
	streams = reserve(m->streams, &b->streams_capacity, m->n_streams + n, sizeof(*m->streams));
	if (!streams)
		return -ENOMEM;
	m->streams = streams;
	m->series[m->n_series] = (struct el_model_series){.target = target,
							  .group = group,
							  .first_stream = m->n_streams,
							  .n_streams = (uint32_t)n};
	add_streams(b, range, n);
	m->n_series++;
	m->targets[target].n_series++;
	return 0;
}

/* The probes of a target count whether it is active now or not: whether a configuration is too
 * large should not depend on its names. An inventory's target that is too much is left out. */
static int count_probes(struct builder *b, struct el_model_target *t, size_t n_groups,
			double addresses)
{
	uint64_t max = b->conf->dataplane.max_probes_per_round;
	double more = (double)n_groups * t->nb_packets * addresses;

	if (t->dynamic && b->probes + more > (double)max) {
		t->status = EL_MODEL_TOO_MANY_PROBES;
		return 0;
	}
	b->probes += more;
	if (b->probes <= (double)max)
		return 0;
	return el_error_set(b->err, -E2BIG,
			    "up to target %s there are %.0f probes a round, more than "
			    "dataplane.max_probes_per_round, %llu: fewer nb_packets, groups or "
			    "addresses are needed, or a higher bound",
			    t->name, b->probes, (unsigned long long)max);
}

/* The addresses of a target, family 0: none. */
static struct el_conf_range find_addresses(const struct builder *b,
					   const struct el_conf_target *from)
{
	const struct el_model_input *in = b->in;
	struct el_ip ip = from->address;

	if (from->is_subnet)
		return from->range;
	if (ip.family == 0 && (!in->resolve || in->resolve(in->resolve_ctx, from->destination,
							   from->address_family, &ip) < 0))
		ip = (struct el_ip){0};
	return (struct el_conf_range){.first = ip, .last = ip};
}

/* The target of this name in the model before; NULL: it is new. Mostly it has the same number. */
static const struct el_model_target *find_before(struct builder *b, uint32_t i, const char *name)
{
	const struct el_model *m = b->in->before;
	const struct el_names_entry *e;

	if (!m || m->n_targets == 0)
		return NULL;
	if (i < m->n_targets && strcmp(m->targets[i].name, name) == 0)
		return &m->targets[i];
	for (uint32_t k = (uint32_t)b->before.count; k < m->n_targets; k++)
		if (!el_names_add(&b->before, m->targets[k].name, k, NULL))
			return NULL; /* no memory: then more is logged */
	e = el_names_find(&b->before, name);
	return e ? &m->targets[e->value] : NULL;
}

/* What is to be said of a target that is not probed, or not as it stands in the configuration, or
 * that is probed again. `before`: the same target in the model before, NULL: it is new. */
static void log_status(const struct el_conf_target *from, const struct el_model_target *to,
		       const struct el_model_target *before, size_t n_own)
{
	bool is_same = before && before->status == to->status;
	char address[EL_IP_STRLEN];

	switch (to->status) {
	case EL_MODEL_NO_GROUP:
		if (!is_same)
			el_log(EL_LOG_WARNING, "model", "target %s disabled: not in any group",
			       from->name);
		break;
	case EL_MODEL_UNRESOLVED:
		/* why, for how long and that it has gone is for whoever resolves to say */
		if (!before)
			el_log(EL_LOG_INFO, "model",
			       "target %s disabled: %s has no IPv%u address yet", from->name,
			       from->destination, from->address_family);
		break;
	case EL_MODEL_OWN_ADDRESS:
		if (!is_same && from->address.family == 0 && !from->is_subnet)
			el_log(EL_LOG_WARNING, "model",
			       "target %s disabled: %s is %s, an address of the prober", from->name,
			       from->destination, el_ip_format(&to->address, address));
		else if (!is_same)
			el_log(EL_LOG_WARNING, "model",
			       "target %s disabled: %s is an address of the prober", from->name,
			       from->destination);
		break;
	case EL_MODEL_TOO_MANY_PROBES:
		if (!is_same)
			el_log(EL_LOG_WARNING, "model",
			       "target %s is not probed: with it a round would have more probes "
			       "than dataplane.max_probes_per_round",
			       from->name);
		break;
	case EL_MODEL_ACTIVE:
		if (before && before->status == EL_MODEL_TOO_MANY_PROBES)
			el_log(EL_LOG_INFO, "model", "target %s is probed again", from->name);
		if (before && before->status == EL_MODEL_OWN_ADDRESS)
			el_log(EL_LOG_INFO, "model",
			       "target %s enabled: %s is no address of the prober any more",
			       from->name, from->destination);
		else if (n_own && !before)
			el_log(EL_LOG_INFO, "model",
			       "target %s: %zu of its addresses are the prober's and left out",
			       from->name, n_own);
		break;
	default: /* of a series; of duplicates, which has been said */
		break;
	}
}

/* The status that series number i of a target, in this group, had in the model before;
 * EL_MODEL_ACTIVE: it is new. Mostly it has the same number. */
static uint8_t status_before(const struct builder *b, const struct el_model_target *before,
			     uint32_t i, const char *group)
{
	const struct el_model *m = b->in->before;

	for (uint32_t k = 0; before && k < before->n_series; k++) {
		uint32_t number = before->first_series + (i + k) % before->n_series;
		if (strcmp(m->groups[m->series[number].group].name, group) == 0)
			return m->series[number].status;
	}
	return EL_MODEL_ACTIVE;
}

/* Decides what becomes of the target that was copied last, and gives it its series and streams. */
static int place_target(struct builder *b, struct el_model_target *to,
			const struct el_conf_target *from)
{
	uint32_t index = (uint32_t)(to - b->model->targets);
	const struct el_model_target *before = find_before(b, index, from->name);
	size_t n_groups = membership_of(&b->membership, from, before), n = 0, n_own = 0;
	struct el_conf_range range = {0};
	int rc;

	to->lacks_group = b->membership.n_missing > 0;
	if (n_groups == 0) {
		to->status = EL_MODEL_NO_GROUP;
	} else {
		range = find_addresses(b, from);
		n_own = addresses_in(&b->own, &range);
		to->address = range.first;
		if (range.first.family == 0)
			to->status = EL_MODEL_UNRESOLVED;
		else if ((double)n_own == el_conf_range_count(&range))
			to->status = EL_MODEL_OWN_ADDRESS;
		else
			to->status = EL_MODEL_ACTIVE;
	}
	rc = count_probes(b, to, n_groups, el_conf_range_count(&range));
	to->enabled = to->status == EL_MODEL_ACTIVE;
	log_status(from, to, before, n_own);
	if (to->enabled && rc == 0)
		n = (size_t)el_conf_range_count(&range) - n_own;
	for (size_t g = 0; g < b->conf->n_groups && n_groups && rc == 0; g++)
		if (b->membership.in[g])
			rc = add_series(b, index, (uint32_t)g, &range, n);
	for (uint32_t i = 0; i < to->n_series && rc == 0; i++) {
		struct el_model_series *s = &b->model->series[to->first_series + i];
		s->status = (uint8_t)to->status;
		s->status_before = status_before(b, before, i, b->model->groups[s->group].name);
	}
	return rc;
}

static int copy_stamp(const struct el_conf_stamp *from, struct el_model_stamp *to)
{
	bool class_of_service = from->class_of_service != EL_CONF_UNSET;

	*to =
	    (struct el_model_stamp){.authenticated = from->mode == EL_CONF_STAMP_AUTHENTICATED,
				    .ptp = from->timestamps == EL_CONF_STAMP_PTP,
				    .class_of_service = class_of_service,
				    .direct_measurement = from->direct_measurement,
				    .dscp = class_of_service ? (uint8_t)from->class_of_service : 0};
	return from->key_file ? copy_string(from->key_file, &to->key_file) : 0;
}

static int add_target(struct builder *b, const struct el_conf_target *from)
{
	struct el_model *m = b->model;
	struct el_model_target *to = &m->targets[m->n_targets++];

	*to = (struct el_model_target){.type = from->type,
				       .family = from->address_family,
				       .is_subnet = from->is_subnet,
				       .dynamic = from->dynamic,
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
	    copy_string(from->description, &to->description) < 0 ||
	    (from->type == EL_PROBE_STAMP && copy_stamp(&from->stamp, &to->stamp) < 0))
		return -ENOMEM;
	return place_target(b, to, from);
}

static void destroy(struct el_model *m)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		free(m->targets[i].name);
		free(m->targets[i].description);
		free(m->targets[i].stamp.key_file);
	}
	for (uint32_t i = 0; i < m->n_groups; i++) {
		free(m->groups[i].name);
		free(m->groups[i].port);
	}
	for (uint32_t i = 0; i < m->n_duplicates; i++)
		free(m->duplicates[i].name);
	free(m->duplicates);
	absent_fini(m);
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
	struct el_model *m = b->model;
	int rc = copy_global(m, conf);

	if (rc == 0)
		rc = copy_duplicates(m, conf);
	if (rc == 0)
		rc = copy_groups(m, conf);
	if (rc == 0)
		rc = membership_init(&b->membership, conf);
	if (rc == 0)
		rc = addresses_init(&b->own, b->in->own, b->in->n_own);
	m->targets = calloc(conf->n_targets + 1, sizeof(*m->targets));
	if (!m->targets)
		return -ENOMEM;
	/* what is too much for a round is an inventory's, whatever their order */
	for (int dynamic = 0; dynamic < 2; dynamic++)
		for (size_t i = 0; i < conf->n_targets && rc == 0; i++)
			if (conf->targets[i].dynamic == dynamic)
				rc = add_target(b, &conf->targets[i]);
	if (rc == 0)
		rc = absent_list(m, &b->membership, conf);
	el_model_count_not_probed(m);
	return rc;
}

void el_model_count_not_probed(struct el_model *m)
{
	m->n_probed = 0;
	memset(m->n_not_probed, 0, sizeof(m->n_not_probed));
	for (uint32_t i = 0; i < m->n_targets; i++) {
		const struct el_model_target *t = &m->targets[i];
		bool has[EL_MODEL_STATUSES] = {false};

		has[t->status] = true;
		has[EL_MODEL_NO_GROUP] |= t->lacks_group;
		for (uint32_t k = 0; k < t->n_series; k++) {
			const struct el_model_series *s = &m->series[t->first_series + k];
			has[s->status] |= !s->in_part;
			m->n_probed += el_model_is_probed(s);
		}
		for (int status = EL_MODEL_ACTIVE + 1; status < EL_MODEL_STATUSES; status++)
			m->n_not_probed[status] += has[status];
	}
	for (uint32_t i = 0; i < m->n_duplicates; i++)
		m->n_not_probed[EL_MODEL_REPEATED_NAME] += (uint32_t)m->duplicates[i].count;
}

/* Gives back what was reserved in vain. */
static void trim(struct el_model *m)
{
	void *series = realloc(m->series, (m->n_series + 1) * sizeof(*m->series));
	void *streams = realloc(m->streams, ((size_t)m->n_streams + 1) * sizeof(*m->streams));

	m->series = series ? series : m->series;
	m->streams = streams ? streams : m->streams;
}

struct el_model *el_model_create(const struct el_model_input *in, struct el_error *err)
{
	struct builder b = {
	    .in = in, .conf = in->conf, .model = calloc(1, sizeof(struct el_model)), .err = err};
	int rc = -ENOMEM;

	el_names_init(&b.before);
	if (b.model) {
		atomic_init(&b.model->refs, 1);
		rc = build(&b);
	}
	membership_fini(&b.membership);
	addresses_fini(&b.own);
	el_names_fini(&b.before);
	if (rc == 0) {
		trim(b.model);
		return b.model;
	}
	if (rc == -ENOMEM)
		el_error_set(err, rc, "not enough memory for the targets");
	if (b.model)
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
