/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK calls commands on threads of its own and gives them no context: the source is the one static
 * thing here, under a mutex that is held only while a reference and copies are taken. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "el_telemetry.h"

#define PORTS_MAX 32
#define REPLY_BYTES                                                                                \
	14000 /* of figures in a reply, leaving room for what is around them in 16 KiB */
#define PERCENTILES_SHOWN 32

static struct {
	pthread_mutex_t lock;
	bool registered; /* commands can't be taken back */
	bool on;
	struct el_telemetry_source source;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct el_snapshot *take_snapshot(void)
{
	struct el_snapshot *s = NULL;

	pthread_mutex_lock(&state.lock);
	if (state.on)
		s = state.source.snapshot(state.source.ctx);
	pthread_mutex_unlock(&state.lock);
	return s;
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

/* A whole number; false for anything else. */
static bool parse_number(const char *text, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static void add_string(struct rte_tel_data *d, const char *name, const char *value)
{
	char cut[RTE_TEL_MAX_STRING_LEN];
	struct el_str s = EL_STR_INIT(cut);

	cut[0] = '\0';
	el_str_add(&s, value);
	rte_tel_data_add_dict_string(d, name, cut);
}

/* A new dictionary in `parent` under a number; NULL: no room or no memory. In 22.11 dictionaries
 * nest in dictionaries only, not in arrays. The parent's owner frees it. */
static struct rte_tel_data *add_dict(struct rte_tel_data *parent, uint32_t number)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	char key[12];

	if (d == NULL)
		return NULL;
	snprintf(key, sizeof(key), "%" PRIu32, number);
	rte_tel_data_start_dict(d);
	if (rte_tel_data_add_dict_container(parent, key, d, 0) == 0)
		return d;
	rte_tel_data_free(d);
	return NULL;
}

static int on_info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = take_snapshot();

	(void)cmd, (void)params;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&state.lock);
	if (state.on)
		add_string(d, "version", state.source.version);
	pthread_mutex_unlock(&state.lock);
	if (s == NULL)
		return 0;
	add_string(d, "probe_name", s->model->probe_name);
	rte_tel_data_add_dict_u64(d, "round", s->last != NULL ? s->last->round : 0);
	rte_tel_data_add_dict_u64(d, "rounds_completed", s->app.rounds_completed);
	rte_tel_data_add_dict_u64(d, "rounds_skipped", s->app.rounds_skipped);
	rte_tel_data_add_dict_u64(d, "targets", s->model->n_targets);
	rte_tel_data_add_dict_u64(d, "groups", s->model->n_groups);
	rte_tel_data_add_dict_u64(d, "series", s->model->n_series);
	el_snapshot_put(s);
	return 0;
}

static int on_workers(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_worker_view views[EL_PLAN_WORKERS_MAX];
	uint32_t n = take_workers(views, EL_PLAN_WORKERS_MAX);

	(void)cmd, (void)params;
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (uint32_t i = 0; i < n; i++)
		rte_tel_data_add_array_int(d, (int)i);
	return 0;
}

static int on_worker(const char *cmd, const char *params, struct rte_tel_data *d)
{
#define NAME(id, name, help) name,
#define UNMATCHED_NAME(id, name, help) "unmatched_" name,
	static const char *const names[EL_COUNTERS] = {EL_WORKER_PACKETS(NAME) EL_WORKER_DROPS(NAME)
							   EL_WORKER_UNMATCHED(UNMATCHED_NAME)};
#undef NAME
#undef UNMATCHED_NAME
	struct el_worker_view views[EL_PLAN_WORKERS_MAX];
	uint32_t n = take_workers(views, EL_PLAN_WORKERS_MAX), worker;

	(void)cmd;
	if (!parse_number(params, &worker) || worker >= n)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	for (int i = 0; i < EL_COUNTERS; i++)
		rte_tel_data_add_dict_u64(d, names[i], views[worker].v[i]);
	rte_tel_data_add_dict_u64(d, "poll_gap_last_ns",
				  (uint64_t)(views[worker].poll_gap_last_s * 1e9));
	rte_tel_data_add_dict_u64(d, "poll_gap_max_ns",
				  (uint64_t)(views[worker].poll_gap_max_s * 1e9));
	return 0;
}

static int on_ports(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_port_view ports[PORTS_MAX];
	uint32_t n = take_ports(ports, PORTS_MAX);

	(void)cmd, (void)params;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_tel_data *port = add_dict(d, i);

		if (port == NULL)
			return -ENOMEM;
		add_string(port, "name", ports[i].name);
		rte_tel_data_add_dict_u64(port, "rx_packets", ports[i].rx_packets);
		rte_tel_data_add_dict_u64(port, "tx_packets", ports[i].tx_packets);
		rte_tel_data_add_dict_u64(port, "imissed", ports[i].imissed);
		rte_tel_data_add_dict_u64(port, "ierrors", ports[i].ierrors);
		rte_tel_data_add_dict_u64(port, "rx_nombuf", ports[i].rx_nombuf);
		rte_tel_data_add_dict_u64(port, "oerrors", ports[i].oerrors);
		rte_tel_data_add_dict_u64(port, "interface_drops", ports[i].interface_drops);
		rte_tel_data_add_dict_u64(port, "socket_drops", ports[i].socket_drops);
	}
	return 0;
}

/* What a port's counters say, what the workers' do and what is missing in between. */
static void add_direction(struct rte_tel_data *port, const struct el_port_view *v, int direction)
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
		rte_tel_data_add_dict_u64(port, name, items[i].value);
	}
}

static int on_conservation(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_port_view ports[PORTS_MAX];
	uint32_t n = take_ports(ports, PORTS_MAX);

	(void)cmd, (void)params;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_tel_data *port = add_dict(d, i);

		if (port == NULL)
			return -ENOMEM;
		add_string(port, "name", ports[i].name);
		for (int k = 0; k < EL_DIRECTIONS; k++)
			add_direction(port, &ports[i], k);
	}
	return 0;
}

static int on_rss(const char *cmd, const char *params, struct rte_tel_data *d)
{
	static const char *const placements[EL_PLACEMENTS] = EL_PLACEMENT_NAMES;
	struct el_port_view ports[PORTS_MAX];
	uint32_t n = take_ports(ports, PORTS_MAX);

	(void)cmd, (void)params;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_tel_data *port = add_dict(d, i);
		char types[24];

		if (port == NULL)
			return -ENOMEM;
		snprintf(types, sizeof(types), "0x%" PRIx64, ports[i].rss_types);
		add_string(port, "name", ports[i].name);
		rte_tel_data_add_dict_u64(port, "queues", ports[i].queues);
		rte_tel_data_add_dict_u64(port, "queues_dead", ports[i].queues_dead);
		add_string(port, "types", types);
		rte_tel_data_add_dict_u64(port, "key_bytes", ports[i].rss_key_bytes);
		rte_tel_data_add_dict_u64(port, "reta_size", ports[i].reta_size);
		add_string(port, "placement", placements[ports[i].placement]);
	}
	return 0;
}

/* More than the JSON of a series takes. */
static size_t series_bytes(const struct el_snapshot *s, uint32_t series)
{
	const struct el_model_series *ms = &s->model->series[series];
	size_t percentiles = s->model->n_percentiles < PERCENTILES_SHOWN ? s->model->n_percentiles
									 : PERCENTILES_SHOWN;

	/* names twice, should each of their bytes be escaped; numbers with 20 digits */
	return 690 + 2 * strlen(s->model->targets[ms->target].name) +
	       2 * strlen(s->model->groups[ms->group].name) + percentiles * 34;
}

static int add_series(struct rte_tel_data *page, const struct el_snapshot *s, uint32_t series)
{
	const struct el_model_series *ms = &s->model->series[series];
	const struct el_series_totals *totals = &s->series[series];
	const struct el_figures *g = &s->gauges[series];
	struct rte_tel_data *d = add_dict(page, series);

	if (d == NULL)
		return -ENOMEM;
	add_string(d, "target", s->model->targets[ms->target].name);
	add_string(d, "group", s->model->groups[ms->group].name);
	rte_tel_data_add_dict_u64(d, "sent_total", totals->sent);
	rte_tel_data_add_dict_u64(d, "lost_total", totals->lost);
	rte_tel_data_add_dict_u64(d, "local_total", totals->local);
	rte_tel_data_add_dict_u64(d, "unknown_total", totals->unknown);
	rte_tel_data_add_dict_u64(d, "abandoned_total", totals->abandoned);
	rte_tel_data_add_dict_u64(d, "uncertain_total", totals->uncertain);
	if (s->measured[series]) {
		rte_tel_data_add_dict_u64(d, "sent", g->sent);
		rte_tel_data_add_dict_u64(d, "lost", g->lost);
		rte_tel_data_add_dict_u64(d, "late", g->late);
		rte_tel_data_add_dict_u64(d, "duplicates", g->duplicates);
		rte_tel_data_add_dict_u64(d, "rtt_min_ns", g->rtt_min_ns);
		rte_tel_data_add_dict_u64(d, "rtt_max_ns", g->rtt_max_ns);
		for (uint32_t p = 0; p < s->model->n_percentiles && p < PERCENTILES_SHOWN; p++) {
			double ns = s->percentile_ns[(size_t)series * s->model->n_percentiles + p];
			char name[24];

			snprintf(name, sizeof(name), "rtt_p%d_ns", s->model->percentiles[p]);
			if (!isnan(ns))
				rte_tel_data_add_dict_u64(d, name, (uint64_t)llround(ns));
		}
	}
	return 0;
}

/* Series first to end - 1, as many as a reply holds. */
static int add_page(struct rte_tel_data *d, const struct el_snapshot *s, uint32_t first,
		    uint32_t end)
{
	size_t bytes = 0;
	int rc = 0;

	rte_tel_data_start_dict(d);
	for (uint32_t i = first; i < end && rc == 0; i++) {
		bytes += series_bytes(s, i);
		if (bytes > REPLY_BYTES && i > first)
			break;
		rc = add_series(d, s, i);
	}
	return rc;
}

static int on_series(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = take_snapshot();
	uint32_t offset = 0;
	int rc = -EINVAL;

	(void)cmd;
	if (s != NULL && (params == NULL || *params == '\0' || parse_number(params, &offset)))
		rc = add_page(d, s, offset, s->model->n_series);
	el_snapshot_put(s);
	return rc;
}

static int on_target(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = take_snapshot();
	int rc = -EINVAL;

	(void)cmd;
	for (uint32_t i = 0; s != NULL && params != NULL && i < s->model->n_targets; i++) {
		const struct el_model_target *t = &s->model->targets[i];

		if (strcmp(t->name, params) != 0)
			continue;
		rc = add_page(d, s, t->first_series, t->first_series + t->n_series);
		break;
	}
	el_snapshot_put(s);
	return rc;
}

static const struct {
	const char *name;
	telemetry_cb fn;
	const char *help;
} commands[] = {
    {"/echolane/info", on_info, "Returns version, probe name, round and sizes. No parameters"},
    {"/echolane/workers", on_workers, "Returns the numbers of the workers. No parameters"},
    {"/echolane/worker", on_worker, "Returns the counters of a worker. Parameters: int worker"},
    {"/echolane/ports", on_ports, "Returns the counters of the ports. No parameters"},
    {"/echolane/conservation", on_conservation,
     "Returns the packets that ports and workers count, and what is missing. No parameters"},
    {"/echolane/rss", on_rss,
     "Returns how ports spread answers over queues, and streams are placed. No parameters"},
    {"/echolane/series", on_series, "Returns figures of series. Parameters: int first (0)"},
    {"/echolane/target", on_target, "Returns figures of a target's series. Parameters: name"},
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
