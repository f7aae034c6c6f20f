/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of series: in their order, of a target, the worst. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "el_rank.h"
#include "reply.h"

#define PERCENTILES_SHOWN 32
#define FILTER_MAX 128
#define RANKED_AT_ONCE 1024 /* rows that are put in order, more only where they are asked for */

/* ---- a series ---- */

static void add_names(struct reply *row, const struct el_model *m, el_rank_row number)
{
	const struct el_model_target *t;

	reply_text(row, "target", el_rank_target(m, number));
	reply_text(row, "group", el_rank_group(m, number));
	reply_text(row, "state", el_rank_state(m, number));
	if (number >= m->n_series)
		return;
	t = &m->targets[m->series[number].target];
	reply_text(row, "type", el_probe_ops[t->type]->name);
	reply_ip(row, "address", &t->address);
}

static void add_totals(struct reply *row, const struct el_series_totals *t)
{
	reply_u64(row, "sent_total", t->sent);
	reply_u64(row, "lost_total", t->lost);
	reply_u64(row, "local_total", t->local);
	reply_u64(row, "unknown_total", t->unknown);
	reply_u64(row, "abandoned_total", t->abandoned);
	reply_u64(row, "uncertain_total", t->uncertain);
}

/* Of the last round that it sent in; nothing where it never did. */
static void add_gauges(struct reply *row, const struct el_snapshot *s, uint32_t series)
{
	const struct el_model *m = s->model;
	const struct el_figures *g = &s->gauges[series];

	if (!s->measured[series])
		return;
	reply_u64(row, "sent", g->sent);
	reply_u64(row, "lost", g->lost);
	reply_u64(row, "late", g->late);
	reply_u64(row, "local", g->local);
	reply_u64(row, "unknown", g->unknown);
	reply_u64(row, "abandoned", g->abandoned);
	reply_u64(row, "uncertain", g->uncertain);
	reply_u64(row, "duplicates", g->duplicates);
	/* of a round without answers there is no time */
	if (g->answered == g->untimed + g->out_of_order)
		return;
	reply_u64(row, "rtt_min_ns", g->rtt_min_ns);
	reply_u64(row, "rtt_max_ns", g->rtt_max_ns);
	for (uint32_t p = 0; p < m->n_percentiles && p < PERCENTILES_SHOWN; p++) {
		double ns = s->percentile_ns[(size_t)series * m->n_percentiles + p];
		char name[24];

		snprintf(name, sizeof(name), "rtt_p%d_ns", m->percentiles[p]);
		if (!isnan(ns))
			reply_u64(row, name, (uint64_t)llround(ns));
	}
}

/* False: there is no room for it. */
static bool add_series(struct reply *r, const struct el_snapshot *s, uint32_t key,
		       el_rank_row number)
{
	struct reply row;

	if (!reply_row_begin(&row))
		return false;
	add_names(&row, s->model, number);
	if (number < s->model->n_series) {
		add_totals(&row, &s->series[number]);
		add_gauges(&row, s, number);
	}
	return reply_row_add(r, key, &row);
}

/* ---- commands ---- */

int telemetry_series(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = telemetry_take_snapshot();
	struct reply r;
	uint32_t first;

	(void)cmd;
	if (!s)
		return reply_not_running(d);
	if (!reply_read_first(params, &first)) {
		el_snapshot_put(s);
		return reply_refuse(d, "expected the number of a series from 0, got \"%.60s\"",
				    params);
	}
	reply_begin(&r, d);
	for (uint32_t i = first; i < s->model->n_series && add_series(&r, s, i, i); i++)
		;
	el_snapshot_put(s);
	return 0;
}

static const struct el_model_target *find_target(const struct el_model *m, const char *name,
						 size_t len)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		if (strlen(m->targets[i].name) == len && memcmp(m->targets[i].name, name, len) == 0)
			return &m->targets[i];
	}
	return NULL;
}

/* NAME, or NAME,FIRST where no target has all of it for a name. */
static const struct el_model_target *read_target(const struct el_model *m, const char *params,
						 uint32_t *ret_first)
{
	const struct el_model_target *t = find_target(m, params, strlen(params));
	const char *comma = strrchr(params, ','), *number = comma ? comma + 1 : NULL;

	*ret_first = 0;
	if (!t && reply_read_number(&number, ret_first))
		t = find_target(m, params, (size_t)(comma - params));
	return t;
}

static void add_path(struct reply *row, const struct el_model *m, const struct el_path *p)
{
	reply_text(row, "group", m->groups[m->series[p->series].group].name);
	reply_ip(row, "address", &p->target);
	reply_ip(row, "source", &p->source);
	reply_u64(row, "port", p->port);
	reply_u64(row, "sent", p->sent);
	reply_u64(row, "lost", p->lost);
	reply_u64(row, "local", p->local);
	reply_u64(row, "unknown", p->unknown);
	if (p->rtt_max_ns == 0)
		return;
	reply_u64(row, "rtt_min_ns", p->rtt_min_ns);
	reply_u64(row, "rtt_mean_ns", (uint64_t)llround(p->rtt_mean_ns));
	reply_u64(row, "rtt_max_ns", p->rtt_max_ns);
}

/* Those from number `first` on. */
static void add_paths(struct reply *r, const struct el_model *m, const struct el_paths *paths,
		      uint32_t first)
{
	struct reply row;

	reply_u64(r, "paths", paths->n);
	reply_u64(r, "paths_left_out", paths->left_out);
	reply_u64(r, "paths_round", paths->round);
	for (uint32_t i = first; i < paths->n && reply_row_begin(&row); i++) {
		add_path(&row, m, &paths->items[i]);
		if (!reply_row_add_named(r, "path_", i, &row))
			return;
	}
}

/* Its series, then its paths: entries from `first` on. */
static void add_target(struct reply *r, const struct el_snapshot *s,
		       const struct el_model_target *t, uint32_t first)
{
	struct el_paths *paths = telemetry_take_paths(t->name);
	bool fits = true;

	for (uint32_t i = first; i < t->n_series && fits; i++)
		fits = add_series(r, s, t->first_series + i, t->first_series + i);
	/* those of another plan may be of other series */
	if (!paths || paths->generation != s->generation)
		reply_text(r, "paths_state", "not known yet: looked at from the next round on");
	else if (fits)
		add_paths(r, s->model, paths, first > t->n_series ? first - t->n_series : 0);
	el_paths_put(paths);
}

int telemetry_target(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = telemetry_take_snapshot();
	const struct el_model_target *t;
	struct reply r;
	uint32_t first = 0;

	(void)cmd;
	if (!s)
		return reply_not_running(d);
	t = params ? read_target(s->model, params, &first) : NULL;
	if (t) {
		reply_begin(&r, d);
		add_target(&r, s, t, first);
	}
	el_snapshot_put(s);
	if (!t && params)
		return reply_refuse(d, "there is no target \"%.60s\"", params);
	return t ? 0 : reply_refuse(d, "expected the name of a target: NAME[,FIRST]");
}

/* ---- the worst ---- */

struct query {
	int key;
	uint32_t n, first;
	const char *filter;
};

/* What was put in order last. Pages behind the first are of the same order, whose rows have the
 * figures of today: so no row is on two pages, or on none, while rounds go on. */
static struct {
	pthread_mutex_t lock; /* held while rows are put in order */
	uint64_t snapshot;    /* its number; 0: nothing is in order */
	uint64_t generation;  /* of its plan, whose model's rows these are */
	int key;
	char filter[FILTER_MAX];
	el_rank_row *rows; /* [n] */
	uint32_t n, matching;
} ranked = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* KEY,N[,FIRST[,FILTER]]; what was expected where it is something else. */
static const char *read_query(const char *params, struct query *ret)
{
	const char *at = params ? params : "";
	size_t len = strcspn(at, ",");

	*ret = (struct query){.key = el_rank_find(at, len), .filter = ""};
	if (ret->key < 0)
		return "a key before the first comma (loss, rtt, ...)";
	at += len;
	at += *at == ',';
	if (!reply_read_number(&at, &ret->n))
		return "KEY,N: the number of rows, 0 for all that the reply holds";
	if (*at && !reply_read_number(&at, &ret->first))
		return "KEY,N,FIRST: the number of rows to leave out";
	if (strlen(at) >= FILTER_MAX)
		return "a filter that is shorter";
	ret->filter = at;
	return NULL;
}

/* How many rows are to be in order for a query: at least those that its pages will show. */
static uint32_t rows_wanted(const struct query *q)
{
	uint32_t n = q->n > RANKED_AT_ONCE ? q->n : RANKED_AT_ONCE;

	return q->first < UINT32_MAX - n ? q->first + n : UINT32_MAX;
}

static bool is_ranked(const struct el_snapshot *s, const struct query *q)
{
	bool has_all = rows_wanted(q) <= ranked.n || ranked.n == ranked.matching;

	if (!ranked.snapshot || ranked.generation != s->generation || ranked.key != q->key ||
	    strcmp(ranked.filter, q->filter) != 0)
		return false;
	return q->first > 0 ? has_all || q->first < ranked.n
			    : has_all && ranked.snapshot == s->number;
}

/* Has rows in order; under the lock. 0 or -ENOMEM. */
static int rank(const struct el_snapshot *s, const struct query *q)
{
	uint32_t want = rows_wanted(q);
	int rc;

	if (is_ranked(s, q))
		return 0;
	free(ranked.rows);
	ranked.rows = NULL;
	ranked.snapshot = 0;
	rc = el_rank(s, (enum el_rank_key)q->key, q->filter, want, &ranked.rows, &ranked.matching);
	if (rc < 0)
		return rc;
	ranked.n = want < ranked.matching ? want : ranked.matching;
	ranked.snapshot = s->number;
	ranked.generation = s->generation;
	ranked.key = q->key;
	snprintf(ranked.filter, sizeof(ranked.filter), "%s", q->filter);
	return 0;
}

static void add_state(struct reply *r, const struct el_snapshot *s, uint32_t matching)
{
	const struct el_model *m = s->model;

	reply_u64(r, "rows", el_rank_rows(m));
	reply_u64(r, "matching", matching);
	reply_u64(r, "probed", m->n_probed);
	reply_u64(r, "order", ranked.snapshot);
	reply_u64(r, "round", s->last ? s->last->round : 0);
	reply_u64(r, "local_drops", s->last ? s->last->local_drops : 0);
}

static int add_worst(struct reply *r, const struct el_snapshot *s, const struct query *q)
{
	int rc = rank(s, q);

	if (rc < 0)
		return rc;
	add_state(r, s, ranked.matching);
	for (uint32_t i = q->first; i < ranked.matching && (!q->n || i - q->first < q->n); i++) {
		if (i >= ranked.n || !add_series(r, s, i, ranked.rows[i]))
			break;
	}
	return 0;
}

int telemetry_top(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct el_snapshot *s = telemetry_take_snapshot();
	struct query q;
	const char *expected = read_query(params, &q);
	struct reply r;
	int rc = 0;

	(void)cmd;
	if (s && !expected) {
		reply_begin(&r, d);
		pthread_mutex_lock(&ranked.lock);
		rc = add_worst(&r, s, &q);
		pthread_mutex_unlock(&ranked.lock);
	}
	el_snapshot_put(s);
	if (expected)
		return reply_refuse(d, "expected %s, got \"%.40s\"", expected,
				    params ? params : "");
	if (!s)
		return reply_not_running(d);
	return rc;
}
