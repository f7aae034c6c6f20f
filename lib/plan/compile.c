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
		free(set->plans[w]->paths);
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
	double timeout_s;
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

static int build_slice(const struct el_plan_input *in, struct draft *d,
		       const struct el_ip *destination, const struct el_plan_route *route,
		       struct el_error *err)
{
	const struct el_model_target *t = d->target;
	const struct el_model_group *g = d->group;
	struct el_slice *s = &d->slice;
	struct el_slice_spec spec = {
	    .type = t->type,
	    .source = route->source,
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
	if (ret < 0)
		return el_error_set(
		    err, ret, "target %s: a probe of %d bytes after its IP header can't be built",
		    t->name, t->ip_payload_size);
	l3_len = (uint32_t)s->header_len + s->payload_len;
	if (l3_len > route->mtu)
		return el_error_set(
		    err, -EMSGSIZE,
		    "target %s: its probes are %u bytes long with the IP header, but the port "
		    "carries %u at most",
		    t->name, l3_len, route->mtu);
	s->next_hop = route->next_hop;
	s->port_first = has_ports ? g->src_port_first : 0;
	s->port_count = has_ports ? g->src_port_count : 1;
	s->port_recip = el_fastdiv_recip(s->port_count);
	s->path_first = EL_PATH_NONE;
	s->series = d->series;
	s->n_packets = t->nb_packets;
	s->timeout_us = (uint32_t)fmin(round(t->timeout_s * 1e6), UINT32_MAX);
	return 0;
}

static int add_stream(const struct el_plan_input *in, struct el_plan_set *set,
		      const struct el_model_stream *stream, struct survey *sv, struct el_error *err)
{
	const struct el_model_series *series = &in->model->series[stream->series];
	struct draft *d = &sv->drafts[sv->n];
	struct el_plan_route route;
	int ret;

	d->target = &in->model->targets[series->target];
	d->group = &in->model->groups[series->group];
	d->series = stream->series;
	if (!d->target->enabled)
		return 0;
	route = in->route(in->route_ctx, d->target, d->group, &stream->address);
	if (route.source.family == 0)
		return 0;
	d->worker = route.worker;
	ret = build_slice(in, d, &stream->address, &route, err);
	if (ret == 0)
		ret = note_tcp_payload(set, d, err);
	if (ret < 0)
		return ret;
	sv->n++;
	sv->probes += d->target->nb_packets;
	/* an open port takes a reset too */
	sv->packets +=
	    (uint64_t)d->target->nb_packets * (d->target->type == EL_PROBE_TCPSYN ? 2 : 1);
	if (d->target->nb_packets > sv->max_packets)
		sv->max_packets = d->target->nb_packets;
	sv->timeout_s = fmax(sv->timeout_s, d->target->timeout_s);
	return 0;
}

static int take_survey(const struct el_plan_input *in, struct el_plan_set *set, struct survey *sv,
		       struct el_error *err)
{
	uint32_t n = in->model->n_streams;

	sv->drafts = aligned_alloc(64, (n ? n : 1) * sizeof(*sv->drafts));
	if (!sv->drafts)
		return el_error_set(err, -ENOMEM, "not enough memory for %u streams", n);
	memset(sv->drafts, 0, n * sizeof(*sv->drafts));
	for (uint32_t i = 0; i < n; i++) {
		int ret = add_stream(in, set, &in->model->streams[i], sv, err);
		if (ret < 0)
			return ret;
	}
	if (sv->probes > in->max_probes)
		return el_error_set(
		    err, -E2BIG,
		    "a round would have %llu probes, more than dataplane.max_probes_per_round "
		    "allows (%llu)",
		    (unsigned long long)sv->probes, (unsigned long long)in->max_probes);
	return 0;
}

static int by_worker(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return x->series < y->series ? -1 : x->series > y->series;
}

static int make_plan(struct el_plan_set *set, uint32_t worker, struct draft *drafts, uint32_t n,
		     const struct timing *t, struct el_error *err)
{
	struct el_plan *plan = calloc(1, sizeof(*plan));
	int ret;

	if (!plan)
		return el_error_set(err, -ENOMEM, "not enough memory for a plan");
	set->plans[worker] = plan;
	plan->set = set;
	plan->worker.v = (uint16_t)worker;
	plan->slices = aligned_alloc(64, (n ? n : 1) * sizeof(*plan->slices));
	if (!plan->slices)
		return el_error_set(err, -ENOMEM, "not enough memory for %u slices", n);
	if (el_plan_share_cursors(plan, drafts, n, t) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory for the port cursors");
	plan->paths = calloc(plan->n_paths ? plan->n_paths : 1, sizeof(*plan->paths));
	if (!plan->paths)
		return el_error_set(err, -ENOMEM, "not enough memory for %u paths", plan->n_paths);
	ret = el_plan_make_classes(plan, drafts, n, err);
	for (uint32_t i = 0; ret == 0 && i < plan->n_classes; i++) {
		struct el_plan_class *c = &plan->classes[i];
		double window_s = t->pass_s > 0 ? t->pass_s * c->n_packets : t->window_s;
		c->rate_q64 = el_plan_rate_q64((uint64_t)c->n_slices * c->n_packets,
					       el_clock_tsc_from_s(&set->clock, window_s));
	}
	return ret;
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
		    "don't fit into the 32 bits of a probe's id; fewer probes, a longer interval "
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
	uint32_t at = 0;
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
	qsort(sv.drafts, sv.n, sizeof(*sv.drafts), by_worker);
	for (uint32_t w = 0; w < in->n_workers; w++) {
		uint32_t n = 0;
		while (at + n < sv.n && sv.drafts[at + n].worker == w)
			n++;
		ret = make_plan(set, w, sv.drafts + at, n, &t, err);
		if (ret < 0)
			goto out;
		at += n;
	}
	set->window_tsc = el_clock_tsc_from_s(&set->clock, t.window_s);
	set->period_tsc = el_clock_tsc_from_s(&set->clock, t.period_s);
	set->timeout_tsc = el_clock_tsc_from_s(&set->clock, t.timeout_s);
	set->n_probes = sv.probes;
	set->requested_pps = t.requested_pps;
	set->iteration_s = t.iteration_s;
	set->n_blocks = t.n_blocks;
	ret = lay_out_ids(set, err);
out:
	free(sv.drafts);
	if (ret < 0) {
		el_plan_set_put(set);
		return ret;
	}
	*ret_set = set;
	return 0;
}
