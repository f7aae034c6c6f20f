/* SPDX-License-Identifier: BSD-3-Clause */
/* The first half of the compiler: streams become drafts of slices. What can't be probed is left out
 * alone, so that one impossible target does not keep all others from being probed. */
#include "plan_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_pkt.h"

/* Blocks that a worker has in any case: one being sent, one being filled with answers, one free. */
#define LEAST_BLOCKS 3

/* Notes that a stream of a series is not probed, and says so: to the log once for a target and a
 * reason. */
static void leave_out(const struct el_plan_input *in, uint32_t series, enum el_model_status status,
		      const char *why)
{
	struct el_model *m = in->model;
	struct el_model_series *s = &m->series[series];
	const struct el_model_target *t = &m->targets[s->target];
	bool is_said = s->status != EL_MODEL_ACTIVE || s->status_before == status ||
		       (series > t->first_series && s[-1].status == status);

	if (s->status == EL_MODEL_ACTIVE)
		s->status = (uint8_t)status;
	if (in->left_out)
		in->left_out(in->left_out_ctx, series, why);
	else if (!is_said)
		el_log(EL_LOG_WARNING, "plan", "target %s is not probed%s: %s", t->name,
		       t->is_subnet ? " in full" : "", why);
}

/* Which of the series are not probed at all; says of those before that they are again. */
static void settle_statuses(struct el_model *m, const struct survey *sv)
{
	for (uint32_t i = 0; i < sv->n; i++) {
		struct el_model_series *s = &m->series[sv->drafts[i].series];
		s->in_part = s->status != EL_MODEL_ACTIVE;
	}
	for (uint32_t i = 0; i < m->n_series; i++) {
		const struct el_model_series *s = &m->series[i];
		bool again = s->status == EL_MODEL_ACTIVE && s->status_before >= EL_MODEL_NO_ROUTE;

		if (again && (i == m->targets[s->target].first_series ||
			      s[-1].status_before != s->status_before))
			el_log(EL_LOG_INFO, "plan", "target %s is probed again",
			       m->targets[s->target].name);
	}
	el_model_count_not_probed(m);
}

static const struct el_prefix *subnet_of(const struct el_model_group *g, uint8_t family)
{
	return family == 4 ? &g->src_subnet_ipv4 : &g->src_subnet_ipv6;
}

/* Why an address that follows is not probed. */
static const char *why_not(enum el_model_status status)
{
	switch (status) {
	case EL_MODEL_NO_HOST:
		return "no host can have the address";
	case EL_MODEL_OWN_ADDRESS:
		return "it would be probed from itself:";
	case EL_MODEL_NO_SOURCE:
		return "no source address for";
	case EL_MODEL_DUPLICATE_ADDRESS:
		return "another host has the source address for";
	case EL_MODEL_NO_NEXT_HOP:
		return "no next hop can be had for";
	default:
		return "no route to";
	}
}

static void no_route_text(const struct el_plan_route *route, const struct el_model_group *g,
			  const struct el_ip *destination, char *buf, size_t size)
{
	char text[EL_IP_STRLEN];
	bool is_v4 = destination->family == 4,
	     has_source = subnet_of(g, destination->family)->ip.family ||
			  (is_v4 ? g->src_ipv4.family : g->src_ipv6.family);

	el_ip_format(destination, text);
	if (g->port && route->status == EL_MODEL_NO_SOURCE && has_source)
		snprintf(
		    buf, size,
		    "no way to %s by port %s: the source address of group %s is another port's",
		    text, g->port, g->name);
	else if (g->port && route->status == EL_MODEL_NO_ROUTE)
		snprintf(buf, size, "no route to %s by port %s", text, g->port);
	else
		snprintf(buf, size, "%s %s", why_not(route->status), text);
}

/* A SYN's payload length has to be known when an RST acknowledges it. */
static int note_tcp_payload(struct el_plan_set *set, const struct draft *d, struct el_error *why)
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
		    why, -ENOSPC,
		    "TCPsyn targets may have %d different ip_payload_size at most, and %d is one "
		    "more",
		    EL_PROBE_TCP_LENS_MAX, d->target->ip_payload_size);
	set->tcp_payload_lens[set->n_tcp_payload_lens++] = len;
	return 0;
}

/* The source addresses that a stream's packets go round. */
struct sources {
	struct el_ip first;
	uint64_t count; /* UINT64_MAX stands for all numbers beyond */
};

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
		if (el_prefix_is_range(subnet))
			next_address(&ip);
	}
	return ip;
}

/* 0, -EMSGSIZE (longer than any packet may be), -EFBIG (than one of the port), or another error,
 * with half a sentence in `why`. */
static int build_slice(const struct el_plan_input *in, struct el_plan_set *set, struct draft *d,
		       const struct el_ip *source, const struct el_ip *destination,
		       const struct el_plan_route *route, struct el_error *why)
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
	int ret = 0;

	if (t->type == EL_PROBE_STAMP)
		ret = el_plan_stamp_kind(set, t, &spec.stamp, why);
	if (ret == -ENOSPC || ret == -ENOMEM || ret == -ENOKEY)
		return ret;
	if (ret == 0)
		ret = el_slice_build(s, &spec);
	if (ret == -EMSGSIZE)
		return el_error_set(why, ret,
				    "its probes carry more than %d bytes behind their headers "
				    "(ip_payload_size), which is the most that can be sent",
				    EL_PROBE_PAYLOAD_BYTES);
	if (ret < 0)
		return el_error_set(why, ret, "no probe can be built: %s", strerror(-ret));
	l3_len = (uint32_t)s->header_len + s->payload_len;
	if (l3_len > route->mtu)
		return el_error_set(why, -EFBIG,
				    "its probes are %u bytes long with the IP header, more than "
				    "the port's MTU of %u: a smaller ip_payload_size is needed, or "
				    "a larger mtu",
				    l3_len, route->mtu);
	s->next_hop = route->next_hop;
	s->port_first = has_ports ? g->src_port_first : 0;
	s->port_count = has_ports ? g->src_port_count : 1;
	s->port_recip = el_fastdiv_recip(s->port_count);
	s->half_open_first = EL_HALF_OPEN_NONE;
	if (spec.stamp)
		s->stamp_kind = (uint8_t)(spec.stamp - set->stamp_kinds);
	s->series = d->series;
	s->timeout_us = (uint32_t)fmin(round(t->timeout_s * 1e6), UINT32_MAX);
	return 0;
}

/* What can't be built is left out; of a target of the configuration itself it is an error where
 * that does not depend on ports and their MTU. */
static int refuse(const struct el_plan_input *in, uint32_t series, const struct el_error *why,
		  int code, struct el_error *err)
{
	const struct el_model_target *t = &in->model->targets[in->model->series[series].target];

	if (code == -ENOMEM || code == -ENOKEY || (!in->is_update && !t->dynamic && code != -EFBIG))
		return el_error_set(err, code, "target %s: %s", t->name, why->text);
	leave_out(in, series, code == -ENOSPC ? EL_MODEL_TOO_MANY_SIZES : EL_MODEL_TOO_LONG,
		  why->text);
	return 0;
}

/* The way of a stream. What goes to many is nobody's to be probed, whoever has told the address,
 * nor what seems to come from whom it is to. */
static struct el_plan_route route_of(const struct el_plan_input *in,
				     const struct el_model_target *t,
				     const struct el_model_group *g, const struct el_ip *to)
{
	struct el_plan_route route = {.status = EL_MODEL_NO_HOST};
	struct el_ip source;

	if (!el_ip_is_host(to))
		return route;
	route = in->route(in->route_ctx, t, g, to);
	source = first_source(g, &route.source);
	if (route.source.family && el_ip_equal(&source, to))
		route = (struct el_plan_route){.status = EL_MODEL_OWN_ADDRESS};
	return route;
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
	struct el_plan_route route = route_of(in, t, g, &stream->address);
	struct el_ip source = first_source(g, &route.source);
	struct el_error why;

	if (route.source.family == 0) {
		no_route_text(&route, g, &stream->address, why.text, sizeof(why.text));
		leave_out(in, stream->series, route.status ? route.status : EL_MODEL_NO_ROUTE,
			  why.text);
		return 0;
	}
	for (uint32_t j = 0; j < n; j++, next_address(&source)) {
		struct draft *d = &sv->drafts[sv->n];
		int ret;

		*d = (struct draft){.target = t,
				    .group = g,
				    .series = stream->series,
				    .phase = (j + (double)number / m->n_streams) / n};
		ret = build_slice(in, set, d, &source, &stream->address, &route, &why);
		if (ret == 0)
			ret = note_tcp_payload(set, d, &why);
		if (ret < 0) /* the same for all source addresses, so none is a draft yet */
			return refuse(in, stream->series, &why, ret, err);
		d->slice.n_packets = 1 + (uint32_t)((t->nb_packets - 1 - j) / n_sources);
		d->worker = in->place ? in->place(in->route_ctx, &d->slice) : 0;
		sv->n++;
	}
	return 0;
}

static void sum_up(struct survey *sv)
{
	*sv = (struct survey){.drafts = sv->drafts, .n = sv->n};
	for (uint32_t i = 0; i < sv->n; i++) {
		const struct draft *d = &sv->drafts[i];

		sv->probes += d->slice.n_packets;
		/* an open port takes a reset too */
		sv->packets +=
		    (uint64_t)d->slice.n_packets * (d->target->type == EL_PROBE_TCPSYN ? 2 : 1);
		if (d->target->nb_packets > sv->max_packets)
			sv->max_packets = d->target->nb_packets;
		if (d->target->timeout_s > sv->timeout_s) {
			sv->timeout_s = d->target->timeout_s;
			sv->slowest = d->target;
		}
	}
}

/* How much of a round a series is, at most. */
struct extent {
	uint64_t slices, probes;
};

static struct extent extent_of(const struct el_model *m, const struct el_model_series *s)
{
	const struct el_model_target *t = &m->targets[s->target];
	uint64_t sources = count_sources(&m->groups[s->group], t->family);

	return (struct extent){.slices = s->n_streams *
					 (sources < t->nb_packets ? sources : t->nb_packets),
			       .probes = (uint64_t)s->n_streams * t->nb_packets};
}

/* What a probe takes in a block: there is a second plane if any target is STAMP. */
static uint64_t bytes_in_block(const struct el_model *m)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		if (m->targets[i].enabled && m->targets[i].type == EL_PROBE_STAMP)
			return sizeof(el_record) + sizeof(struct el_stamp_note);
	}
	return sizeof(el_record);
}

/* What that takes while the plan is made and executed, at least; in_block: of a probe. */
static uint64_t bytes_of(struct extent e, uint64_t in_block)
{
	return e.slices * (sizeof(struct draft) + sizeof(struct el_slice)) +
	       e.probes * LEAST_BLOCKS * in_block;
}

/* Room for as many drafts as there can be. A target of an inventory that takes most of the memory
 * is left out. */
static int make_drafts(const struct el_plan_input *in, struct survey *sv, struct el_error *err)
{
	struct el_model *m = in->model;
	uint64_t in_block = bytes_in_block(m);
	struct extent sum = {0};

	for (uint32_t i = 0; i < m->n_series; i++) {
		struct extent e = extent_of(m, &m->series[i]);

		if (in->memory_bytes && m->targets[m->series[i].target].dynamic &&
		    bytes_of(e, in_block) > in->memory_bytes / 2) {
			leave_out(in, i, EL_MODEL_TOO_MANY_PROBES,
				  "its probes would take more than half of the memory there is");
			continue;
		}
		sum.slices += e.slices;
		sum.probes += e.probes;
	}
	if (sum.probes > in->max_probes)
		return el_error_set(
		    err, -E2BIG,
		    "a round would have %llu probes, more than dataplane.max_probes_per_round, "
		    "%llu",
		    (unsigned long long)sum.probes, (unsigned long long)in->max_probes);
	/* asked before it is taken: the kernel would promise it, and kill for want of it */
	if (in->memory_bytes && bytes_of(sum, in_block) > in->memory_bytes)
		return el_error_set(err, -ENOMEM,
				    "a round of %llu probes in %llu slices needs %.3g GB of "
				    "memory, but %.3g GB are available",
				    (unsigned long long)sum.probes, (unsigned long long)sum.slices,
				    (double)bytes_of(sum, in_block) / 1e9,
				    (double)in->memory_bytes / 1e9);
	sv->drafts = aligned_alloc(64, (sum.slices ? sum.slices : 1) * sizeof(*sv->drafts));
	if (!sv->drafts)
		return el_error_set(err, -ENOMEM, "not enough memory for %llu slices",
				    (unsigned long long)sum.slices);
	return 0;
}

/* The configuration's own targets come first: of what there can't be more, they have it. */
static int take_survey(const struct el_plan_input *in, struct el_plan_set *set, struct survey *sv,
		       struct el_error *err)
{
	int ret = make_drafts(in, sv, err);

	for (int dynamic = 0; dynamic < 2; dynamic++) {
		for (uint32_t i = 0; i < in->model->n_streams && ret == 0; i++) {
			const struct el_model_series *s =
			    &in->model->series[in->model->streams[i].series];
			const struct el_model_target *t = &in->model->targets[s->target];

			if (t->enabled && t->dynamic == dynamic &&
			    s->status != EL_MODEL_TOO_MANY_PROBES)
				ret = add_stream(in, set, i, sv, err);
		}
	}
	sum_up(sv);
	return ret;
}

static struct timing timing_of(const struct el_plan_input *in, const struct survey *sv)
{
	return el_plan_timing(in, sv->probes, sv->packets, sv->max_packets ? sv->max_packets : 1,
			      sv->timeout_s);
}

/* How many rounds may be open at a time: by their number, the bits of ids and the memory. */
static uint32_t most_open_rounds(const struct el_plan_input *in, const struct survey *sv)
{
	uint64_t of_worker[EL_PLAN_WORKERS_MAX] = {0}, most = 1;
	uint64_t rounds = EL_PLAN_BLOCKS_MAX, fit;
	struct el_id_layout layout;

	for (uint32_t i = 0; i < sv->n; i++) {
		uint64_t *n = &of_worker[sv->drafts[i].worker];
		*n += sv->drafts[i].slice.n_packets;
		most = *n > most ? *n : most;
	}
	while (rounds > 2 && el_id_layout_init(in->n_workers, rounds, most, &layout) < 0)
		rounds /= 2;
	fit = in->memory_bytes / ((sv->probes + 1) * bytes_in_block(in->model));
	if (in->memory_bytes && fit < rounds)
		rounds = fit > 2 ? fit : 2;
	return (uint32_t)rounds;
}

/* Leaves out what is of inventories and has a longer timeout. */
static void leave_out_slow(const struct el_plan_input *in, struct survey *sv, double most_s)
{
	uint32_t kept = 0;
	char why[128];

	for (uint32_t i = 0; i < sv->n; i++) {
		const struct draft *d = &sv->drafts[i];

		if (d->target->dynamic && d->target->timeout_s > most_s) {
			snprintf(why, sizeof(why),
				 "with its timeout of %g s too many rounds would be open at a "
				 "time; %g s are the most here",
				 d->target->timeout_s, most_s);
			leave_out(in, d->series, EL_MODEL_TOO_SLOW, why);
		} else {
			sv->drafts[kept++] = *d;
		}
	}
	sv->n = kept;
	sum_up(sv);
}

/* How the round lies in time, without targets of inventories for whose timeout too many rounds
 * would be open. */
static struct timing find_timing(const struct el_plan_input *in, struct survey *sv)
{
	struct timing t = timing_of(in, sv);

	for (int i = 0; i < 2; i++) {
		uint32_t most = most_open_rounds(in, sv);

		if (t.n_blocks <= most)
			break;
		/* without them rounds may follow each other sooner, by the interval at most */
		leave_out_slow(in, sv,
			       (most - 2) * (i && in->interval_s > 0 ? in->interval_s : t.apart_s));
		t = timing_of(in, sv);
	}
	return t;
}

int el_plan_survey(const struct el_plan_input *in, struct el_plan_set *set, struct survey *sv,
		   struct timing *ret_timing, struct el_error *err)
{
	int ret = take_survey(in, set, sv, err);

	if (ret < 0)
		return ret;
	*ret_timing = find_timing(in, sv);
	if (el_plan_number_stamp_sessions(set, sv) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory for %u slices", sv->n);
	settle_statuses(in->model, sv);
	return 0;
}
