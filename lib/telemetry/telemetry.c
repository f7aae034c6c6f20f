/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK calls commands on threads of its own and gives them no context: the source is the one static
 * thing here, under a mutex that is held only while a reference and copies are taken. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "commands.h"
#include "el_telemetry.h"
#include "reply.h"

#define PORTS_MAX 32

static struct {
	pthread_mutex_t lock;
	bool registered; /* commands can't be taken back */
	bool on;
	struct el_telemetry_source source;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct el_snapshot *telemetry_take_snapshot(void)
{
	struct el_snapshot *s = NULL;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		s = state.source.snapshot(state.source.ctx);
	pthread_mutex_unlock(&state.lock);
	return s;
}

struct el_facts *telemetry_take_facts(void)
{
	struct el_facts *f = NULL;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		f = state.source.facts(state.source.ctx);
	pthread_mutex_unlock(&state.lock);
	return f;
}

struct el_paths *telemetry_take_paths(const char *target)
{
	struct el_paths *p = NULL;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		p = state.source.paths(state.source.ctx, target);
	pthread_mutex_unlock(&state.lock);
	return p;
}

static uint32_t take_workers(struct el_worker_view *ret, uint32_t max)
{
	uint32_t n = 0;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		n = state.source.workers(state.source.ctx, ret, max);
	pthread_mutex_unlock(&state.lock);
	return n;
}

static uint32_t take_ports(struct el_port_view *ret, uint32_t max)
{
	uint32_t n = 0;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		n = state.source.ports(state.source.ctx, ret, max);
	pthread_mutex_unlock(&state.lock);
	return n;
}

/* What takes none has none. */
static bool has_params(const char *params, struct rte_tel_data *d)
{
	if (!params || !*params)
		return false;
	reply_refuse(d, "expected no parameter, got \"%.60s\"", params);
	return true;
}

static int on_info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s;
	struct reply r;

	(void)cmd;
	if (has_params(params, d))
		return 0;
	s = telemetry_take_snapshot();
	reply_begin(&r, d);
	pthread_mutex_lock(&state.lock);
	if (state.on) {
		reply_text(&r, "version", state.source.version);
		reply_text(&r, "vectors", state.source.vectors);
	}
	pthread_mutex_unlock(&state.lock);
	if (s == NULL)
		return 0;
	reply_text(&r, "probe_name", s->model->probe_name);
	reply_u64(&r, "round", s->last != NULL ? s->last->round : 0);
	reply_u64(&r, "rounds_completed", s->app.rounds_completed);
	reply_u64(&r, "rounds_skipped", s->app.rounds_skipped);
	reply_u64(&r, "targets", s->model->n_targets);
	reply_u64(&r, "groups", s->model->n_groups);
	reply_u64(&r, "series", s->model->n_series);
	reply_u64(&r, "probed", s->model->n_probed);
	reply_u64(&r, "not_configured_right", s->model->n_absent);
	reply_u64(&r, "reload_failed", s->reload_failed);
	for (int i = EL_MODEL_ACTIVE + 1; i < EL_MODEL_STATUSES; i++) {
		char name[40];

		snprintf(name, sizeof(name), "not_probed_%s",
			 el_model_status_label((enum el_model_status)i));
		reply_u64(&r, name, s->model->n_not_probed[i]);
	}
	el_snapshot_put(s);
	return 0;
}

static int on_workers(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_worker_view views[EL_PLAN_WORKERS_MAX];
	uint32_t n = take_workers(views, EL_PLAN_WORKERS_MAX);

	(void)cmd;
	if (has_params(params, d))
		return 0;
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (uint32_t i = 0; i < n; i++)
		rte_tel_data_add_array_int(d, (int)i);
	return 0;
}

static int on_worker(const char *cmd, const char *params, struct rte_tel_data *d)
{
#define NAME(id, name, help) name,
#define UNMATCHED_NAME(id, name, help) "unmatched_" name,
#define RESPONDED_NAME(id, name, help) "responded_" name,
#define REFUSED_NAME(id, name, help) "refused_" name,
#define ONE(id, name, help) +1
	static const char *const names[EL_COUNTERS] = {
	    EL_WORKER_PACKETS(NAME) EL_WORKER_DROPS(NAME) EL_WORKER_UNMATCHED(UNMATCHED_NAME)
		EL_WORKER_RESPONDED(RESPONDED_NAME) EL_WORKER_REFUSED(REFUSED_NAME)};
	enum {
		PACKETS = 0 EL_WORKER_PACKETS(ONE),
		DROPS_END = PACKETS EL_WORKER_DROPS(ONE),
		UNMATCHED_END = DROPS_END EL_WORKER_UNMATCHED(ONE)
	};
#undef NAME
#undef UNMATCHED_NAME
#undef RESPONDED_NAME
#undef REFUSED_NAME
#undef ONE
	struct el_worker_view views[EL_PLAN_WORKERS_MAX];
	uint32_t n = take_workers(views, EL_PLAN_WORKERS_MAX), worker;
	uint64_t drops = 0, unmatched = 0;
	const char *at = params;
	struct reply r;

	(void)cmd;
	if (n == 0)
		return reply_not_running(d);
	if (!reply_read_number(&at, &worker) || at[-1] == ',' || worker >= n)
		return reply_refuse(d, "expected the number of a worker, 0 to %u, got \"%.60s\"",
				    n - 1, params ? params : "");
	reply_begin(&r, d);
	for (int i = 0; i < EL_COUNTERS; i++) {
		reply_u64(&r, names[i], views[worker].v[i]);
		drops += i >= PACKETS && i < DROPS_END ? views[worker].v[i] : 0;
		unmatched += i >= DROPS_END && i < UNMATCHED_END ? views[worker].v[i] : 0;
	}
	reply_u64(&r, "all_drops", drops);
	reply_u64(&r, "all_unmatched", unmatched);
	reply_u64(&r, "poll_gap_last_ns", (uint64_t)(views[worker].poll_gap_last_s * 1e9));
	reply_u64(&r, "poll_gap_max_ns", (uint64_t)(views[worker].poll_gap_max_s * 1e9));
	return 0;
}

/* One row a device: of several ports that have it, the first. */
static int add_ports(const char *params, struct rte_tel_data *d,
		     void (*add)(struct reply *row, const struct el_port_view *v))
{
	struct el_port_view ports[PORTS_MAX];
	uint32_t n = take_ports(ports, PORTS_MAX);
	struct reply r, row;
	uint32_t number = 0;

	if (has_params(params, d))
		return 0;
	reply_begin(&r, d);
	for (uint32_t i = 0; i < n; i++) {
		if (ports[i].is_link)
			continue;
		if (!reply_row_begin(&row))
			return -ENOMEM;
		reply_text(&row, "name", ports[i].name);
		add(&row, &ports[i]);
		if (!reply_row_add(&r, number++, &row))
			break;
	}
	return 0;
}

static void add_counters(struct reply *row, const struct el_port_view *v)
{
	reply_u64(row, "up", v->up);
	reply_u64(row, "rx_packets", v->rx_packets);
	reply_u64(row, "tx_packets", v->tx_packets);
	reply_u64(row, "imissed", v->imissed);
	reply_u64(row, "ierrors", v->ierrors);
	reply_u64(row, "rx_nombuf", v->rx_nombuf);
	reply_u64(row, "oerrors", v->oerrors);
	reply_u64(row, "interface_drops", v->interface_drops);
	reply_u64(row, "socket_drops", v->socket_drops);
}

static int on_ports(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return add_ports(params, d, add_counters);
}

/* What a port's counters say, what the workers' do and what is missing in between. */
static void add_direction(struct reply *row, const struct el_port_view *v, int direction)
{
	static const char *const names[EL_DIRECTIONS] = EL_DIRECTION_NAMES;
	const struct {
		const char *what;
		uint64_t value;
	} items[] = {
	    {"port", direction == EL_DIRECTION_RX ? v->rx_packets : v->tx_packets},
	    {"workers", v->worker_packets[direction]},
	    {"driver_errors", v->driver_errors[direction]},
	    {"unaccounted", v->unaccounted[direction]},
	    {"believed", v->counters_believed[direction]},
	};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		char name[24];

		snprintf(name, sizeof(name), "%s_%s", names[direction], items[i].what);
		reply_u64(row, name, items[i].value);
	}
}

static void add_law(struct reply *row, const struct el_port_view *v)
{
	for (int k = 0; k < EL_DIRECTIONS; k++)
		add_direction(row, v, k);
}

static int on_conservation(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return add_ports(params, d, add_law);
}

static void add_rss(struct reply *row, const struct el_port_view *v)
{
	static const char *const placements[EL_PLACEMENTS] = EL_PLACEMENT_NAMES;
	char types[24];

	snprintf(types, sizeof(types), "0x%" PRIx64, v->rss_types);
	reply_u64(row, "queues", v->queues);
	reply_u64(row, "queues_dead", v->queues_dead);
	reply_text(row, "types", types);
	reply_u64(row, "key_bytes", v->rss_key_bytes);
	reply_u64(row, "reta_size", v->reta_size);
	reply_text(row, "placement", placements[v->placement]);
}

static int on_rss(const char *cmd, const char *params, struct rte_tel_data *d)
{
	(void)cmd;
	return add_ports(params, d, add_rss);
}

static const struct {
	const char *name;
	telemetry_cb fn;
	const char *help;
} commands[] = {
    {"/echolane/info", on_info,
     "Returns version, vector instructions, probe name, round and sizes. No parameters"},
    {"/echolane/workers", on_workers, "Returns the numbers of the workers. No parameters"},
    {"/echolane/worker", on_worker, "Returns the counters of a worker. Parameters: int worker"},
    {"/echolane/ports", on_ports, "Returns the counters of the ports. No parameters"},
    {"/echolane/conservation", on_conservation,
     "Returns the packets that ports and workers count, and what is missing. No parameters"},
    {"/echolane/rss", on_rss,
     "Returns how ports spread answers over queues, and streams are placed. No parameters"},
    {"/echolane/series", telemetry_series, "Returns figures of series. Parameters: int first (0)"},
    {"/echolane/target", telemetry_target,
     "Returns figures of a target's series and paths. Parameters: name[,int first]"},
    {"/echolane/top", telemetry_top,
     "Returns the worst series. Parameters: key,int n (0: all)[,int first[,filter]]"},
    {"/echolane/neighbours", telemetry_neighbours,
     "Returns the next hops. Parameters: int first (0)"},
    {"/echolane/routes", telemetry_routes, "Returns the routes. Parameters: int first (0)"},
    {"/echolane/plan", telemetry_plan, "Returns the plan that is executed. No parameters"},
    {"/echolane/rounds", telemetry_rounds, "Returns the state of the rounds. No parameters"},
    {"/echolane/clock", telemetry_clock, "Returns what is known of the clocks. No parameters"},
    {"/echolane/reload", telemetry_reload,
     "Returns how the last reload of the configuration went. No parameters"},
};

int el_telemetry_register(const struct el_telemetry_source *source)
{
	int rc = 0;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		rc = -EBUSY;
	for (size_t i = 0;
	     i < sizeof(commands) / sizeof(commands[0]) && rc == 0 && !state.registered; i++)
		rc = rte_telemetry_register_cmd(commands[i].name, commands[i].fn, commands[i].help);
	if (rc == 0) {
		state.registered = true;
		state.on = true;
		state.source = *source;
	}
	pthread_mutex_unlock(&state.lock);
	return rc;
}

void el_telemetry_unregister(void)
{
	pthread_mutex_lock(&state.lock);
	state.on = false;
	pthread_mutex_unlock(&state.lock);
}
