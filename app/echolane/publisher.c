/* SPDX-License-Identifier: BSD-3-Clause */
#include "publisher.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_version.h>

#include "control.h"
#include "el_str.h"
#include "el_ticks.h"
#include "output.h"
#include "table.h"

#define ALIVE_NS (5 * EL_NS_PER_S) /* a worker that reads no command for so long stands still */

/* ---- pages ---- */

/* Everything that a page is printed from, held until it is finished. */
struct page {
	struct el_snapshot *snapshot;
	struct el_worker_view workers[EL_PLAN_WORKERS_MAX];
	struct el_port_view ports[];
};

static struct el_expo_input constant_input(void)
{
	return (struct el_expo_input){.version = EL_VERSION,
				      .dpdk_version = rte_version() + strlen(RTE_VER_PREFIX) + 1};
}

static void *page_open(void *ctx, struct el_expo_input *ret_input,
		       struct el_expo_packed **ret_packed)
{
	struct control *c = ctx;
	uint32_t n_ports = network_n_ports(c->network);
	enum el_expo_format format = ret_input->format;
	struct page *p = calloc(1, sizeof(*p) + n_ports * sizeof(p->ports[0]));

	if (!p)
		return NULL;
	p->snapshot = el_snapshot_store_take(c->publisher.store);
	for (uint32_t w = 0; w < c->n_workers; w++)
		el_worker_view(c->workers[w], &p->workers[w]);
	memcpy(p->ports, network_port_views(c->network), n_ports * sizeof(p->ports[0]));
	*ret_input = constant_input();
	ret_input->snapshot = p->snapshot;
	ret_input->workers = p->workers;
	ret_input->n_workers = c->n_workers;
	ret_input->ports = p->ports;
	ret_input->n_ports = n_ports;
	ret_input->format = format;
	if (ret_packed && p->snapshot)
		*ret_packed = packs_take(&c->publisher.packs, ret_input, p->snapshot, c->now_ns);
	return p;
}

static void page_close(void *ctx, void *handle)
{
	struct control *c = ctx;
	struct page *p = handle;

	stats_thread_drop(c->stats, p->snapshot);
	free(p);
}

/* The reasons, as echolane_targets_not_probed counts them. */
static const char *nothing_is_probed(const struct el_model *m, struct el_str *out)
{
	const char *separator = ": ";

	out->len = 0;
	el_str_add(out, "nothing is probed");
	for (int status = EL_MODEL_ACTIVE + 1; status < EL_MODEL_STATUSES; status++) {
		if (!m->n_not_probed[status])
			continue;
		el_str_addf(out, "%s%u %s", separator, m->n_not_probed[status],
			    el_model_status_label((enum el_model_status)status));
		separator = ", ";
	}
	if (m->n_targets == 0)
		el_str_addf(out, "%sthere are no targets", separator);
	return out->buf;
}

/* At least one port is up, at least one series is probed, and there are figures. Else why not. */
static const char *page_not_ready(void *ctx)
{
	struct control *c = ctx;
	struct el_str out = EL_STR_INIT(c->state_text);

	if (!network_is_up(c->network))
		return "no port is up";
	if (c->publisher.current->model->n_probed == 0)
		return nothing_is_probed(c->publisher.current->model, &out);
	return c->publisher.current->last ? NULL : "waiting for the first round";
}

/* All workers do what they are told. Else which does not. Control answers itself: while it stands
 * still, nobody gets an answer. */
static const char *page_not_healthy(void *ctx)
{
	struct control *c = ctx;

	for (uint32_t w = 0; w < c->n_workers; w++) {
		uint64_t still_ns = c->now_ns - c->alive_ns[w];

		if (still_ns <= ALIVE_NS)
			continue;
		snprintf(c->state_text, sizeof(c->state_text),
			 "worker %u stands still since %.0f s", w, el_s_from_ns(still_ns));
		return c->state_text;
	}
	return NULL;
}

struct el_httpd_source publisher_page_source(struct control *c)
{
	return (struct el_httpd_source){.open = page_open,
					.close = page_close,
					.not_ready = page_not_ready,
					.not_healthy = page_not_healthy,
					.ctx = c};
}

/* ---- telemetry: on its own thread ---- */

static struct el_snapshot *telemetry_snapshot(void *ctx)
{
	struct control *c = ctx;

	return el_snapshot_store_take(c->publisher.store);
}

static struct el_facts *telemetry_facts(void *ctx)
{
	struct control *c = ctx;

	return el_facts_store_take(c->facts.store);
}

static struct el_paths *telemetry_paths(void *ctx, const char *target)
{
	struct control *c = ctx;

	return stats_thread_paths(c->stats, target);
}

static uint32_t telemetry_workers(void *ctx, struct el_worker_view *ret, uint32_t max)
{
	struct control *c = ctx;
	uint32_t n = c->n_workers < max ? c->n_workers : max;

	for (uint32_t w = 0; w < n; w++)
		el_worker_view(c->workers[w], &ret[w]);
	return n;
}

static uint32_t telemetry_ports(void *ctx, struct el_port_view *ret, uint32_t max)
{
	struct control *c = ctx;
	uint32_t n = network_n_ports(c->network) < max ? network_n_ports(c->network) : max;

	pthread_mutex_lock(&c->publisher.ports_lock);
	memcpy(ret, c->publisher.ports, n * sizeof(*ret));
	pthread_mutex_unlock(&c->publisher.ports_lock);
	return n;
}

struct el_telemetry_source publisher_telemetry_source(struct control *c)
{
	return (struct el_telemetry_source){.version = EL_VERSION,
					    .vectors = el_worker_vectors_name(c->vectors),
					    .snapshot = telemetry_snapshot,
					    .facts = telemetry_facts,
					    .paths = telemetry_paths,
					    .workers = telemetry_workers,
					    .ports = telemetry_ports,
					    .ctx = c};
}

void publisher_read_ports(struct control *c)
{
	const struct rounds_note note = {.drops = network_read_drops(c->network)};

	if (note.drops)
		rollout_note(&c->rollout, &note, el_raw_ns());
	pthread_mutex_lock(&c->publisher.ports_lock);
	memcpy(c->publisher.ports, network_port_views(c->network),
	       network_n_ports(c->network) * sizeof(*c->publisher.ports));
	pthread_mutex_unlock(&c->publisher.ports_lock);
}

void publisher_print_metrics(struct control *c, FILE *out)
{
	struct el_expo_cursor cursor = {0};
	struct el_expo_input input = {.format = EL_EXPO_TEXT};
	char buf[2 * EL_EXPO_LINE_MAX];
	void *page = page_open(c, &input, NULL);

	if (!page)
		return;
	while (!cursor.done)
		fwrite(buf, 1, el_expo_render(&input, &cursor, buf, sizeof(buf)), out);
	page_close(c, page);
}

/* ---- rounds and snapshots ---- */

/* What came in as events goes into the totals, those of older plans with their series of today. */
static void apply_events(struct control *c, const struct el_model *before, struct el_snapshot *s)
{
	for (uint32_t i = 0; i < c->rollout.n; i++) {
		struct events *e = c->rollout.generations[i].events;

		if (before && events_hand_on(e, before, s) < 0)
			el_log(EL_LOG_ERROR, "stats",
			       "not enough memory for counts of late answers");
		events_apply(e, s);
	}
}

static void publish(struct control *c, struct el_snapshot *s)
{
	struct el_snapshot *before = c->publisher.current;
	const struct el_plan_set *set = rollout_newest(&c->rollout)->set;
	struct el_expo_input in;

	s->number = before ? before->number + 1 : 1;
	s->clock = clocks_state(c->clocks);
	s->requested_pps = set->requested_pps;
	s->worker_skew = set->skew;
	s->app.rounds_skipped = rollout_skipped(&c->rollout);
	s->app.rounds_timed_out = c->publisher.timed_out;
	s->reload_failed = c->reload.failed;
	s->control_loop_s = (double)c->longest_loop_ns / 1e9;
	s->control_loop_cpu_s = (double)c->longest_loop_cpu_ns / 1e9;
	apply_events(c, before ? before->model : NULL, s);
	c->publisher.current = el_snapshot_get(s);
	el_snapshot_store_publish(c->publisher.store, s);
	in = constant_input();
	packs_follow(&c->publisher.packs, &in, s, c->now_ns);
	if (before)
		stats_thread_drop(c->stats, before);
}

void publisher_again(struct control *c)
{
	struct el_snapshot *s;

	/* one is being made that this would get lost behind: when it is there, then */
	c->publisher.again = stats_thread_is_busy(c->stats);
	if (c->publisher.again)
		return;
	s = el_snapshot_next(c->publisher.current, c->publisher.current->model, NULL);
	if (s) {
		s->generation = c->publisher.current->generation;
		publish(c, s);
	} else
		el_log(EL_LOG_ERROR, "stats", "not enough memory for a snapshot");
}

static void show_table(const struct control *c)
{
	const char *address = c->started_with->global.prometheus_address;
	char url[128], *text;
	size_t len;
	FILE *out = c->tables ? open_memstream(&text, &len) : NULL;

	if (!out)
		return;
	snprintf(url, sizeof(url), "http://%s:%u/metrics",
		 strcmp(address, "0.0.0.0") == 0 ? "localhost" : address, el_httpd_port(c->httpd));
	table_print(out, c->publisher.current, url,
		    c->options->table == TABLE_SCREEN ? STDOUT_FILENO : -1);
	if (fclose(out) == 0)
		writer_put(c->tables, text, len);
	else
		free(text);
}

/* The time that the round needed: what its plan says, and what it overran that by. */
static double iteration_s(const struct el_plan_set *set, const struct el_round_figures *f)
{
	double took_s = el_s_from_ns(f->sent_ns - f->began_ns);
	double window_s = el_s_from_ns(set->window_ns);

	if (set->window_ns == 0)
		return took_s + el_s_from_ns(set->timeout_ns);
	return set->iteration_s + fmax(took_s - window_s, 0);
}

/* Whether a round was ended because its schedule is longer than a round may take. */
static bool was_ended(const struct el_plan_set *set, const struct el_round_figures *f)
{
	return set->limit_ns && set->window_ns > set->limit_ns && f->unsent && !f->cut;
}

static void publish_round(struct control *c, struct el_plan_set *set, struct el_snapshot *s)
{
	const struct el_round_figures *f = s->last;
	double took_s = fmax(el_s_from_ns(f->sent_ns - f->began_ns), el_s_from_ns(set->window_ns));
	double timeout_s = rollout_newest(&c->rollout)->conf->global.timeout_s;

	s->iteration_s = iteration_s(set, f);
	c->publisher.timed_out += s->iteration_s > timeout_s || was_ended(set, f);
	s->achieved_pps = took_s > 0 ? (double)f->sent / took_s : 0;
	publish(c, s);
	reload_watch_steering(c, set, f->forwarded, f->sent);
	show_table(c);
}

static void finish_round(struct control *c, struct stats_job *job)
{
	struct el_snapshot *s = job->snapshot;
	struct rounds *owner = job->owner;

	rounds_recycle(owner, job);
	if (!s)
		el_log(EL_LOG_ERROR, "stats", "not enough memory for the figures of a round");
	else if (s->generation == rounds_set(owner)->generation)
		publish_round(c, rounds_set(owner), s);
	else /* one of an older plan: the last round is another */
		publish(c, s);
	if (c->publisher.again)
		publisher_again(c);
}

void publisher_take_results(struct control *c)
{
	struct stats_job *job;

	while ((job = stats_thread_take(c->stats)) != NULL)
		finish_round(c, job);
	stats_thread_run(c->stats, c->publisher.current);
}

int publisher_init(struct control *c, struct el_error *err)
{
	const struct generation *newest = rollout_newest(&c->rollout);
	struct el_snapshot *first = el_snapshot_next(NULL, newest->model, NULL);

	pthread_mutex_init(&c->publisher.ports_lock, NULL);
	c->publisher.packs.core = c->lcores.stats;
	c->publisher.store = el_snapshot_store_create();
	c->publisher.ports = calloc(network_n_ports(c->network) + 1, sizeof(*c->publisher.ports));
	if (!c->publisher.store || !c->publisher.ports || !first) {
		el_snapshot_put(first);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	first->generation = newest->set->generation;
	publish(c, first);
	return 0;
}

void publisher_fini(struct control *c)
{
	packs_fini(&c->publisher.packs);
	el_snapshot_put(c->publisher.current);
	c->publisher.current = NULL;
	el_snapshot_store_destroy(c->publisher.store);
	free(c->publisher.ports);
	pthread_mutex_destroy(&c->publisher.ports_lock);
}
