/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler: a model and where its streams leave, to one plan a worker. */
#include "plan_internal.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "el_pkt.h"

struct el_plan_set *el_plan_set_get(struct el_plan_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void el_plan_set_put(struct el_plan_set *set)
{
	if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (!set->plans[w])
			continue;
		free(set->plans[w]->slices);
		free(set->plans[w]->landed);
		free(set->plans[w]->paths);
		free(set->plans[w]->ranges);
		free(set->plans[w]);
	}
	el_model_put(set->model);
	free(set);
}

/* Everything that is found out while streams become drafts. */
struct survey {
	struct draft *drafts;
	uint32_t n;
	uint64_t probes, packets;
	uint32_t max_packets;
	double timeout_s;                      /* the longest, */
	const struct el_model_target *slowest; /* and whose that is */
};

/* A SYN's payload length has to be known when an RST acknowledges it. */
static int note_tcp_payload(struct el_plan_set *set, const struct draft *d, struct el_error *err)
{
	uint16_t len = d->slice.payload_len;

	if (d->slice.type != EL_PROBE_TCPSYN || len == 0)
		return 0;
	for (uint32_t i = 0; i < set->n_tcp_payload_lens; i++) {
		if (set->tcp_payload_lens[i] == len)
			return 0;
	}
	if (set->n_tcp_payload_lens == EL_PROBE_TCP_LENS_MAX)
		return el_error_set(
		    err, -ENOSPC,
		    "target %s: TCPsyn targets may have %d different ip_payload_size at "
		    "most, and %d is one more",
		    d->target->name, EL_PROBE_TCP_LENS_MAX, d->target->ip_payload_size);
	set->tcp_payload_lens[set->n_tcp_payload_lens++] = len;
	return 0;
}

/* The source addresses that a stream's packets go round. */
struct sources {
	struct el_ip first;
	uint64_t count; /* UINT64_MAX stands for all numbers beyond */
};

static const struct el_prefix *subnet_of(const struct el_model_group *g, uint8_t family)
{
	return family == 4 ? &g->src_subnet_ipv4 : &g->src_subnet_ipv6;
}

/* How many source addresses: those of the group's subnet but the first, or one. */
static uint64_t count_sources(const struct el_model_group *g, uint8_t family)
{
	const struct el_prefix *subnet = subnet_of(g, family);
	unsigned host_bits = (family == 4 ? 32U : 128U) - subnet->len;

	if (subnet->ip.family == 0 || host_bits == 0)
		return 1;
	return host_bits < 64 ? (1ULL << host_bits) - 1 : UINT64_MAX;
}

static void next_address(struct el_ip *ip)
{
	size_t i = ip->family == 4 ? 4 : 16;

	while (i-- > 0 && ++ip->bytes[i] == 0)
		;
}

/* The first of them; `routed` where the group has no subnet. */
static struct el_ip first_source(const struct el_model_group *g, const struct el_ip *routed)
{
	const struct el_prefix *subnet = subnet_of(g, routed->family);
	struct el_ip ip = *routed;

	if (subnet->ip.family) {
		ip = subnet->ip;
		if (subnet->len < (ip.family == 4 ? 32 : 128))
			next_address(&ip);
	}
	return ip;
}

static int build_slice(const struct el_plan_input *in, struct draft *d, const struct el_ip *source,
		       const struct el_ip *destination, const struct el_plan_route *route,
		       struct el_error *err)
{
	const struct el_model_target *t = d->target;
	const struct el_model_group *g = d->group;
	struct el_slice *s = &d->slice;
	struct el_slice_spec spec = {
	    .type = t->type,
	    .source = *source,
	    .destination = *destination,
	    .dst_port = t->dst_port,
	    .ip_payload_size = t->ip_payload_size,
	    .group_ip_payload_size = g->ip_payload_size,
	    .dscp = g->dscp,
	    .dont_fragment = t->dont_fragment,
	    .payload = in->payload,
	    .key = &in->key,
	};
	bool has_ports = t->type != EL_PROBE_ICMPPING;
	uint32_t l3_len;
	int ret;

	ret = el_slice_build(s, &spec);
	if (ret == -EMSGSIZE)
		return el_error_set(
		    err, ret,
		    "target %s: its probes carry more than %d bytes behind their headers "
		    "(ip_payload_size), which is the most that can be sent",
		    t->name, EL_PROBE_PAYLOAD_BYTES);
	if (ret < 0)
		return el_error_set(err, ret, "target %s: no probe can be built: %s", t->name,
				    strerror(-ret));
	l3_len = (uint32_t)s->header_len + s->payload_len;
	if (l3_len > route->mtu)
		return el_error_set(
		    err, -EMSGSIZE,
		    "target %s: its probes are %u bytes long with the IP header, more than the "
		    "port's MTU of %u: a smaller ip_payload_size is needed, or a larger mtu",
		    t->name, l3_len, route->mtu);
	s->next_hop = route->next_hop;
	s->port_first = has_ports ? g->src_port_first : 0;
	s->port_count = has_ports ? g->src_port_count : 1;
	s->port_recip = el_fastdiv_recip(s->port_count);
	s->path_first = EL_PATH_NONE;
	s->series = d->series;
	s->timeout_us = (uint32_t)fmin(round(t->timeout_s * 1e6), UINT32_MAX);
	return 0;
}

/* One slice for each source address that is used in a round. Packet i of a stream with K source
 * addresses is sent from address i mod K, so the slice of address j has the packets j, j + K, ...:
 * its own packet number is that of the cycle over all addresses, and by that the source port moves
 * on. */
static int add_stream(const struct el_plan_input *in, struct el_plan_set *set, uint32_t number,
		      struct survey *sv, struct el_error *err)
{
	const struct el_model *m = in->model;
	const struct el_model_stream *stream = &m->streams[number];
	const struct el_model_series *series = &m->series[stream->series];
	const struct el_model_target *t = &m->targets[series->target];
	const struct el_model_group *g = &m->groups[series->group];
	uint64_t n_sources = count_sources(g, stream->address.family);
	uint32_t n = n_sources < t->nb_packets ? (uint32_t)n_sources : t->nb_packets;
	struct el_plan_route route = in->route(in->route_ctx, t, g, &stream->address);
	struct el_ip source = first_source(g, &route.source);

	if (route.source.family == 0)
		return 0;
	for (uint32_t j = 0; j < n; j++, next_address(&source)) {
		struct draft *d = &sv->drafts[sv->n];
		int ret;

		*d = (struct draft){.target = t,
				    .group = g,
				    .series = stream->series,
				    .phase = (j + (double)number / m->n_streams) / n};
		ret = build_slice(in, d, &source, &stream->address, &route, err);
		if (ret == 0)
			ret = note_tcp_payload(set, d, err);
		if (ret < 0)
			return ret;
		d->slice.n_packets = 1 + (uint32_t)((t->nb_packets - 1 - j) / n_sources);
		d->worker = in->place ? in->place(in->route_ctx, &d->slice) : 0;
		sv->n++;
	}
	sv->probes += t->nb_packets;
	/* an open port takes a reset too */
	sv->packets += (uint64_t)t->nb_packets * (t->type == EL_PROBE_TCPSYN ? 2 : 1);
	if (t->nb_packets > sv->max_packets)
		sv->max_packets = t->nb_packets;
	if (t->timeout_s > sv->timeout_s) {
		sv->timeout_s = t->timeout_s;
		sv->slowest = t;
	}
	return 0;
}

/* Room for as many drafts as there can be. */
static int make_drafts(const struct el_plan_input *in, struct survey *sv, struct el_error *err)
{
	const struct el_model *m = in->model;
	uint64_t probes = 0, n = 0;

	for (uint32_t i = 0; i < m->n_series; i++) {
		const struct el_model_series *s = &m->series[i];
		const struct el_model_target *t = &m->targets[s->target];
		uint64_t sources = count_sources(&m->groups[s->group], t->family);

		probes += (uint64_t)s->n_streams * t->nb_packets;
		n += s->n_streams * (sources < t->nb_packets ? sources : t->nb_packets);
	}
	if (probes > in->max_probes)
		return el_error_set(
		    err, -E2BIG,
		    "a round would have %llu probes, more than dataplane.max_probes_per_round, "
		    "%llu",
		    (unsigned long long)probes, (unsigned long long)in->max_probes);
	sv->drafts = aligned_alloc(64, (n ? n : 1) * sizeof(*sv->drafts));
	if (!sv->drafts)
		return el_error_set(err, -ENOMEM, "not enough memory for %llu slices",
				    (unsigned long long)n);
	return 0;
}

static int take_survey(const struct el_plan_input *in, struct el_plan_set *set, struct survey *sv,
		       struct el_error *err)
{
	int ret = make_drafts(in, sv, err);

	for (uint32_t i = 0; i < in->model->n_streams && ret == 0; i++) {
		const struct el_model_series *s = &in->model->series[in->model->streams[i].series];

		if (in->model->targets[s->target].enabled)
			ret = add_stream(in, set, i, sv, err);
	}
	return ret;
}

/* The drafts by worker, in their order: those of worker w are from ret_first[w] on, up to
 * ret_first[w + 1]. NULL: not enough memory. */
static struct draft **sort_by_worker(const struct survey *sv, uint32_t n_workers,
				     uint32_t ret_first[EL_PLAN_WORKERS_MAX + 1])
{
	struct draft **order = calloc(sv->n ? sv->n : 1, sizeof(*order));
	uint32_t at[EL_PLAN_WORKERS_MAX] = {0}, sum = 0;

	if (!order)
		return NULL;
	for (uint32_t i = 0; i < sv->n; i++)
		at[sv->drafts[i].worker]++;
	for (uint32_t w = 0; w < n_workers; w++) {
		uint32_t count = at[w];

		ret_first[w] = at[w] = sum;
		sum += count;
	}
	ret_first[n_workers] = sum;
	for (uint32_t i = 0; i < sv->n; i++)
		order[at[sv->drafts[i].worker]++] = &sv->drafts[i];
	return order;
}

static int make_plan(struct el_plan_set *set, uint32_t worker, struct draft **order, uint32_t n,
		     const struct timing *t, struct el_error *err)
{
	struct el_plan *plan = calloc(1, sizeof(*plan));
	size_t bytes;

	if (!plan)
		return el_error_set(err, -ENOMEM, "not enough memory for a plan");
	set->plans[worker] = plan;
	plan->set = set;
	plan->worker.v = (uint16_t)worker;
	plan->slices = aligned_alloc(64, (n ? n : 1) * sizeof(*plan->slices));
	plan->landed = calloc(n ? n : 1, sizeof(*plan->landed));
	if (!plan->slices || !plan->landed)
		return el_error_set(err, -ENOMEM, "not enough memory for %u slices", n);
	for (uint32_t i = 0; i < n; i++)
		plan->n_probes += order[i]->slice.n_packets;
	if (el_plan_share_cursors(plan, order, n, t) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory for the port cursors");
	bytes = (plan->n_paths / 16 + 1) * 64UL;
	plan->paths = aligned_alloc(64, bytes);
	if (!plan->paths)
		return el_error_set(err, -ENOMEM, "not enough memory for %u paths", plan->n_paths);
	memset(plan->paths, 0, bytes); /* touched now, so that no worker faults later */
	return el_plan_make_classes(plan, order, n, t, err);
}

/* A round is open for its timeout, and while others begin. */
static int check_open_rounds(const struct timing *t, const struct el_model_target *slowest,
			     struct el_error *err)
{
	double most = EL_PLAN_BLOCKS_MAX - 2;

	if (t->n_blocks <= EL_PLAN_BLOCKS_MAX)
		return 0;
	return el_error_set(
	    err, -E2BIG,
	    "target %s: with its timeout of %g s and a round every %g s, %u rounds would be open "
	    "at a time, more than %d: a timeout of %g s at most is needed, or an interval of %.0f "
	    "s at least",
	    slowest->name, t->timeout_s, t->apart_s, t->n_blocks, EL_PLAN_BLOCKS_MAX,
	    floor(most * t->apart_s), ceil(t->timeout_s / most));
}

static double skew(const struct el_plan_set *set)
{
	uint64_t most = 0;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (set->plans[w]->n_probes > most)
			most = set->plans[w]->n_probes;
	}
	return set->n_probes ? (double)most * set->n_workers / (double)set->n_probes : 0;
}

static int lay_out_ids(struct el_plan_set *set, struct el_error *err)
{
	uint32_t records = 1;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		if (set->plans[w]->n_records > records)
			records = set->plans[w]->n_records;
	}
	if (el_id_layout_init(set->n_workers, set->n_blocks, records, &set->ids) < 0)
		return el_error_set(
		    err, -E2BIG,
		    "%u workers, %u rounds at a time and %u probes of a worker in a round "
		    "don't fit into the 32 bits of a probe's id: fewer probes, a longer interval "
		    "or a shorter timeout would",
		    set->n_workers, set->n_blocks, records);
	return 0;
}

int el_plan_compile(const struct el_plan_input *in, struct el_plan_set **ret_set,
		    struct el_error *err)
{
	struct el_plan_set *set = calloc(1, sizeof(*set));
	struct survey sv = {0};
	struct timing t;
	uint32_t first[EL_PLAN_WORKERS_MAX + 1];
	struct draft **order = NULL;
	int ret;

	if (!set)
		return el_error_set(err, -ENOMEM, "not enough memory for a plan");
	set->model = el_model_get(in->model);
	set->clock = in->clock;
	set->key = in->key;
	set->generation = in->generation;
	set->payload = in->payload;
	set->n_workers = in->n_workers;
	atomic_store_explicit(&set->refs, 1, memory_order_relaxed);
	ret = take_survey(in, set, &sv, err);
	if (ret < 0)
		goto out;
	t = el_plan_timing(in, sv.probes, sv.packets, sv.max_packets ? sv.max_packets : 1,
			   sv.timeout_s);
	ret = check_open_rounds(&t, sv.slowest, err);
	if (ret < 0)
		goto out;
	order = sort_by_worker(&sv, in->n_workers, first);
	if (!order)
		ret = el_error_set(err, -ENOMEM, "not enough memory for %u slices", sv.n);
	for (uint32_t w = 0; w < in->n_workers && ret == 0; w++)
		ret = make_plan(set, w, order + first[w], first[w + 1] - first[w], &t, err);
	if (ret < 0)
		goto out;
	set->window_tsc = el_clock_tsc_from_s(&set->clock, t.window_s);
	set->period_tsc = el_clock_tsc_from_s(&set->clock, t.period_s);
	set->timeout_tsc = el_clock_tsc_from_s(&set->clock, t.timeout_s);
	set->limit_tsc = el_clock_tsc_from_s(&set->clock, t.limit_s);
	set->n_probes = sv.probes;
	set->skew = skew(set);
	set->requested_pps = t.requested_pps;
	set->iteration_s = t.iteration_s;
	set->n_blocks = t.n_blocks;
	ret = lay_out_ids(set, err);
out:
	free(order);
	free(sv.drafts);
	if (ret < 0) {
		el_plan_set_put(set);
		return ret;
	}
	*ret_set = set;
	return 0;
}
