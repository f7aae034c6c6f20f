/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers from what control publishes besides the figures. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "commands.h"
#include "reply.h"

static void add_prefix(struct reply *row, const char *name, const struct el_prefix *p)
{
	char ip[EL_IP_STRLEN], text[EL_IP_STRLEN + 8];

	snprintf(text, sizeof(text), "%s/%u", el_ip_format(&p->ip, ip), p->len);
	reply_text(row, name, text);
}

/* Numbers of a worker have its number in their names. */
static void add_worker(struct reply *r, uint32_t worker, const char *name, uint64_t value)
{
	char key[48];

	snprintf(key, sizeof(key), "worker_%" PRIu32 "_%s", worker, name);
	reply_u64(r, key, value);
}

/* Millionths: the replies of DPDK 22.11 have no fractions. */
static uint64_t millionths(double value)
{
	return isfinite(value) && value > 0 ? (uint64_t)llround(value * 1e6) : 0;
}

static uint64_t nanoseconds(double s)
{
	return isfinite(s) && s > 0 ? (uint64_t)llround(s * 1e9) : 0;
}

/* ---- lists: as many as a reply holds ---- */

static void add_neighbour(struct reply *row, const struct el_network_facts *n, uint32_t i)
{
	const struct el_neighbour_fact *f = &n->neighbours[i];
	char mac[18] = "";

	reply_text(row, "port", n->ports[f->port]);
	reply_ip(row, "address", &f->ip);
	reply_text(row, "state", f->state);
	if (f->has_mac)
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", f->mac[0], f->mac[1],
			 f->mac[2], f->mac[3], f->mac[4], f->mac[5]);
	reply_text(row, "mac", mac);
	reply_u64(row, "plans", f->plans);
}

static void add_route(struct reply *row, const struct el_network_facts *n, uint32_t i)
{
	const struct el_route_fact *f = &n->routes[i];

	reply_text(row, "port", n->ports[f->port]);
	reply_text(row, "origin",
		   f->is_kernel       ? "kernel"
		   : f->is_advertised ? "advertisement"
				      : "configuration");
	if (f->is_kernel)
		return;
	add_prefix(row, "to", &f->to);
	reply_ip(row, "via", &f->via);
	reply_ip(row, "source", &f->source);
}

static int add_list(const char *params, struct rte_tel_data *d, uint32_t total,
		    const struct el_network_facts *n,
		    void (*add)(struct reply *row, const struct el_network_facts *n, uint32_t i))
{
	struct reply r, row;
	uint32_t first;

	if (!reply_read_first(params, &first))
		return reply_refuse(d, "expected the number of an entry from 0, got \"%.60s\"",
				    params);
	reply_begin(&r, d);
	reply_u64(&r, "total", total);
	for (uint32_t i = first; i < total && reply_row_begin(&row); i++) {
		add(&row, n, i);
		if (!reply_row_add(&r, i, &row))
			break;
	}
	return 0;
}

int telemetry_neighbours(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_facts *f = telemetry_take_facts();
	int rc = f && f->network
		     ? add_list(params, d, f->network->n_neighbours, f->network, add_neighbour)
		     : reply_not_running(d);

	(void)cmd;
	el_facts_put(f);
	return rc;
}

int telemetry_routes(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_facts *f = telemetry_take_facts();
	int rc = f && f->network ? add_list(params, d, f->network->n_routes, f->network, add_route)
				 : reply_not_running(d);

	(void)cmd;
	el_facts_put(f);
	return rc;
}

/* ---- what is of one size ---- */

static void add_plan(struct reply *r, const struct el_facts *f)
{
	const struct el_plan_facts *p = &f->plan;

	reply_u64(r, "generation", p->generation);
	reply_u64(r, "probes", p->n_probes);
	reply_u64(r, "window_ns", p->window_ns);
	reply_u64(r, "period_ns", p->period_ns);
	reply_u64(r, "timeout_ns", p->timeout_ns);
	reply_u64(r, "limit_ns", p->limit_ns);
	reply_u64(r, "iteration_ns", nanoseconds(p->iteration_s));
	if (isfinite(p->requested_pps)) /* else as fast as possible */
		reply_u64(r, "requested_millipps", millionths(p->requested_pps / 1e3));
	reply_u64(r, "skew_ppm", millionths(p->skew));
	reply_u64(r, "blocks", p->n_blocks);
	reply_u64(r, "id_worker_bits", p->ids.worker_bits);
	reply_u64(r, "id_round_bits", p->ids.round_bits);
	reply_u64(r, "id_index_bits", p->ids.index_bits);
	for (uint32_t w = 0; w < p->n_workers && r->entries + 4 <= REPLY_ENTRIES; w++) {
		add_worker(r, w, "probes", p->workers[w].n_probes);
		add_worker(r, w, "slices", p->workers[w].n_slices);
		add_worker(r, w, "classes", p->workers[w].n_classes);
	}
}

static void add_round(struct reply *r, const struct el_round_figures *last)
{
	if (!last)
		return;
	reply_u64(r, "round", last->round);
	reply_u64(r, "sent", last->sent);
	reply_u64(r, "answered", last->answered);
	reply_u64(r, "unsent", last->unsent);
	reply_u64(r, "tx_refused", last->tx_refused);
	reply_u64(r, "forwarded", last->forwarded);
	reply_u64(r, "uncertain_answers", last->uncertain_answers);
	reply_u64(r, "uncertain_stamps", last->uncertain);
	reply_u64(r, "local_drops", last->local_drops);
	reply_u64(r, "sending_ns", last->sent_ns - last->began_ns);
	reply_u64(r, "open_ns", last->closed_ns - last->began_ns);
	reply_u64(r, "poll_gap_ns", last->poll_gap_ns);
	reply_u64(r, "time_given_up_ns", last->skipped_ns);
	reply_u64(r, "cut", last->cut);
}

static void add_rounds(struct reply *r, const struct el_facts *f)
{
	const struct el_rounds_facts *p = &f->rounds;
	struct el_snapshot *s = telemetry_take_snapshot();

	reply_text(r, "state", p->state);
	reply_u64(r, "plan_is_made", p->is_making);
	reply_u64(r, "skipped", p->skipped);
	if (s) {
		reply_u64(r, "completed", s->app.rounds_completed);
		reply_u64(r, "timed_out", s->app.rounds_timed_out);
		add_round(r, s->last);
	}
	el_snapshot_put(s);
	reply_u64(r, "plans", p->n_plans);
	for (uint32_t i = 0; i < p->n_plans && i < EL_FACTS_PLANS_MAX; i++) {
		char key[48];

		snprintf(key, sizeof(key), "plan_%" PRIu64 "_first_round", p->plans[i].generation);
		reply_u64(r, key, p->plans[i].first_round);
		snprintf(key, sizeof(key), "plan_%" PRIu64 "_open", p->plans[i].generation);
		reply_u64(r, key, p->plans[i].is_open);
	}
	for (uint32_t w = 0; w < f->n_workers; w++)
		add_worker(r, w, "begun", p->begun[w]);
}

static void add_clock(struct reply *r, const struct el_facts *f)
{
	static const char *const sources[] = EL_CLOCK_SOURCE_NAMES;
	const struct el_clock_facts *c = &f->clock;

	reply_text(r, "source", sources[c->all.source]);
	reply_text(r, "reason", c->all.reason);
	/* thousandths of a millionth */
	reply_u64(r, "error_ppb", millionths(c->all.error_ppm / 1e3));
	reply_u64(r, "skew_ns", nanoseconds(c->all.skew_s));
	reply_u64(r, "steps", c->all.steps);
	for (uint32_t w = 0; w < f->n_workers && r->entries + 4 <= REPLY_ENTRIES; w++) {
		add_worker(r, w, "monotonic", c->workers[w].monotonic);
		add_worker(r, w, "error_ppb", millionths(c->workers[w].error_ppm / 1e3));
		add_worker(r, w, "skew_ns", nanoseconds(c->workers[w].skew_s));
		add_worker(r, w, "steps", c->workers[w].steps);
	}
}

static void add_reload(struct reply *r, const struct el_facts *f)
{
	static const char *const results[] = {"none", "taken", "refused"};
	const struct el_reload_facts *l = &f->reload;

	reply_text(r, "result", results[l->result]);
	reply_u64(r, "waiting", l->is_wanted);
	reply_u64(r, "taken_total", l->taken);
	reply_u64(r, "refused_total", l->refused);
	if (l->result == EL_RELOAD_NONE)
		return;
	reply_u64(r, "time", (uint64_t)l->time_s);
	reply_long_text(r, "error", l->error);
}

static int answer(const char *params, struct rte_tel_data *d,
		  void (*add)(struct reply *r, const struct el_facts *f))
{
	struct el_facts *f = telemetry_take_facts();
	struct reply r;
	int rc = 0;

	if (params && *params) {
		rc = reply_refuse(d, "expected no parameter, got \"%.60s\"", params);
	} else if (!f) {
		rc = reply_not_running(d);
	} else {
		reply_begin(&r, d);
		add(&r, f);
	}
	el_facts_put(f);
	return rc;
}

int telemetry_plan(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return answer(params, d, add_plan);
}

int telemetry_rounds(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return answer(params, d, add_rounds);
}

int telemetry_clock(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return answer(params, d, add_clock);
}

int telemetry_reload(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return answer(params, d, add_reload);
}
