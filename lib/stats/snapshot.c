/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot: totals that go on, gauges of the last round, and the place where the current one
 * is. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "stats_internal.h"

#define NONE UINT32_MAX

/* Where the series and targets of a model were in the model before. */
struct carry {
	uint32_t *series;      /* [n_series], NONE for new ones; NULL: all where they were */
	uint32_t *targets;     /* likewise */
	uint32_t *percentiles; /* likewise */
};

/* A hash table of indices, open addressing; empty slots are NONE. */
struct index_table {
	uint32_t *slots;
	size_t mask;
};

static int table_init(struct index_table *t, size_t n)
{
	size_t size = 2;

	while (size < 2 * n)
		size *= 2;
	t->mask = size - 1;
	t->slots = malloc(size * sizeof(*t->slots));
	if (t->slots == NULL)
		return -ENOMEM;
	memset(t->slots, 0xff, size * sizeof(*t->slots));
	return 0;
}

static uint64_t target_hash(const struct el_model_target *t)
{
	static const struct el_siphash_key key = {0x7061676573, 0x746172676574};

	return el_siphash(&key, t->name, strlen(t->name));
}

static uint64_t series_hash(const struct el_model *m, const struct el_model_series *s)
{
	struct el_siphash_key key = {target_hash(&m->targets[s->target]), 0x67726f7570};
	const char *group = m->groups[s->group].name;

	return el_siphash(&key, group, strlen(group));
}

static bool series_equal(const struct el_model *a, uint32_t ia, const struct el_model *b,
			 uint32_t ib)
{
	const struct el_model_target *ta = &a->targets[a->series[ia].target];
	const struct el_model_target *tb = &b->targets[b->series[ib].target];

	return ta->type == tb->type && ta->family == tb->family &&
	       strcmp(ta->name, tb->name) == 0 &&
	       strcmp(a->groups[a->series[ia].group].name, b->groups[b->series[ib].group].name) ==
		   0;
}

static bool target_equal(const struct el_model *a, uint32_t ia, const struct el_model *b,
			 uint32_t ib)
{
	return strcmp(a->targets[ia].name, b->targets[ib].name) == 0;
}

static uint64_t hash_of_series(const struct el_model *m, uint32_t i)
{
	return series_hash(m, &m->series[i]);
}

static uint64_t hash_of_target(const struct el_model *m, uint32_t i)
{
	return target_hash(&m->targets[i]);
}

/* For each of the n things of `now`, which of the n_before things of `before` it is. NULL: no
 * memory. */
static uint32_t *match(const struct el_model *now, uint32_t n, const struct el_model *before,
		       uint32_t n_before, uint64_t (*hash)(const struct el_model *, uint32_t),
		       bool (*equal)(const struct el_model *, uint32_t, const struct el_model *,
				     uint32_t))
{
	struct index_table t = {0};
	uint32_t *ret = malloc((n + 1) * sizeof(*ret));

	if (ret == NULL || table_init(&t, n_before) < 0) {
		free(ret);
		return NULL;
	}
	for (uint32_t i = 0; i < n_before; i++) {
		size_t slot = hash(before, i) & t.mask;

		while (t.slots[slot] != NONE)
			slot = (slot + 1) & t.mask;
		t.slots[slot] = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		size_t slot = hash(now, i) & t.mask;

		while (t.slots[slot] != NONE && !equal(now, i, before, t.slots[slot]))
			slot = (slot + 1) & t.mask;
		ret[i] = t.slots[slot];
	}
	free(t.slots);
	return ret;
}

static uint32_t *match_percentiles(const struct el_model *now, const struct el_model *before)
{
	uint32_t *ret = malloc((now->n_percentiles + 1) * sizeof(*ret));

	if (ret == NULL)
		return NULL;
	for (uint32_t i = 0; i < now->n_percentiles; i++) {
		ret[i] = NONE;
		for (uint32_t j = 0; j < before->n_percentiles; j++) {
			if (now->percentiles[i] == before->percentiles[j])
				ret[i] = j;
		}
	}
	return ret;
}

static void carry_fini(struct carry *c)
{
	free(c->series);
	free(c->targets);
	free(c->percentiles);
}

static int carry_init(struct carry *c, const struct el_model *now, const struct el_model *before)
{
	*c = (struct carry){0};
	if (now == before)
		return 0;
	c->series =
	    match(now, now->n_series, before, before->n_series, hash_of_series, series_equal);
	c->targets =
	    match(now, now->n_targets, before, before->n_targets, hash_of_target, target_equal);
	c->percentiles = match_percentiles(now, before);
	if (c->series != NULL && c->targets != NULL && c->percentiles != NULL)
		return 0;
	carry_fini(c);
	return -ENOMEM;
}

static void carry_series(struct el_snapshot *s, const struct el_snapshot *before,
			 const struct carry *c)
{
	uint32_t n = s->model->n_percentiles, n_before = before->model->n_percentiles;

	for (uint32_t i = 0; i < s->model->n_series; i++) {
		uint32_t old = c->series != NULL ? c->series[i] : i;

		if (old == NONE)
			continue;
		s->series[i] = before->series[old];
		s->measured[i] = before->measured[old];
		s->gauges[i] = before->gauges[old];
		for (uint32_t p = 0; p < n; p++) {
			uint32_t old_p = c->percentiles != NULL ? c->percentiles[p] : p;

			size_t to = (size_t)i * n + p, from = (size_t)old * n_before + old_p;

			s->percentile_ns[to] = old_p == NONE ? NAN : before->percentile_ns[from];
			if (s->certain_percentile_ns && before->certain_percentile_ns &&
			    old_p != NONE)
				s->certain_percentile_ns[to] = before->certain_percentile_ns[from];
		}
	}
}

/* The address that a target is probed at, family 0 where it is not: what is its name's address but
 * the prober's own is none. */
static struct el_ip probed_address(const struct el_model_target *t)
{
	return t->status == EL_MODEL_OWN_ADDRESS ? (struct el_ip){0} : t->address;
}

static void carry_targets(struct el_snapshot *s, const struct el_snapshot *before,
			  const struct carry *c)
{
	for (uint32_t i = 0; i < s->model->n_targets; i++) {
		uint32_t old = c->targets != NULL ? c->targets[i] : i;
		struct el_ip address = probed_address(&s->model->targets[i]), address_before;

		if (old == NONE) {
			s->targets[i].resolution_changes = address.family != 0;
			continue;
		}
		address_before = probed_address(&before->model->targets[old]);
		s->targets[i] = before->targets[old];
		if (address.family != 0 && !el_ip_equal(&address, &address_before))
			s->targets[i].resolution_changes++;
	}
}

/* A snapshot in which nothing has happened yet. */
static struct el_snapshot *snapshot_create(struct el_model *model)
{
	struct el_snapshot *s = calloc(1, sizeof(*s));
	size_t n = model->n_series;

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->model = el_model_get(model);
	s->series = calloc(n + 1, sizeof(*s->series));
	s->measured = calloc(n + 1, sizeof(*s->measured));
	s->gauges = calloc(n + 1, sizeof(*s->gauges));
	s->percentile_ns = calloc(n * model->n_percentiles + 1, sizeof(*s->percentile_ns));
	if (model->certain_percentiles)
		s->certain_percentile_ns = calloc(n * model->n_percentiles + 1, sizeof(double));
	s->targets = calloc((size_t)model->n_targets + 1, sizeof(*s->targets));
	if (s->series == NULL || s->measured == NULL || s->gauges == NULL ||
	    s->percentile_ns == NULL || s->targets == NULL ||
	    (model->certain_percentiles && s->certain_percentile_ns == NULL)) {
		el_snapshot_put(s);
		return NULL;
	}
	if (stats_stamp_state_create(model, &s->stamp) < 0) {
		el_snapshot_put(s);
		return NULL;
	}
	for (size_t i = 0; s->certain_percentile_ns && i < n * model->n_percentiles; i++)
		s->certain_percentile_ns[i] = NAN;
	for (uint32_t i = 0; i < model->n_targets; i++)
		s->targets[i].resolution_changes = probed_address(&model->targets[i]).family != 0;
	return s;
}

static void add_totals(struct el_series_totals *to, const struct el_figures *from)
{
	to->sent += from->sent;
	to->lost += from->lost;
	to->late += from->late;
	to->duplicates += from->duplicates;
	to->icmp_errors += from->icmp_errors;
	to->out_of_order += from->out_of_order;
	to->local += from->local;
	to->unknown += from->unknown;
	to->abandoned += from->abandoned;
	to->uncertain += from->uncertain;
}

static void add_figures(struct el_snapshot *s, struct el_round_figures *f)
{
	size_t n = f->n_percentiles;

	for (uint32_t i = 0; i < f->n_series; i++) {
		const struct el_figures *from = &f->series[i];

		add_totals(&s->series[i], from);
		if (from->sent == 0)
			continue;
		s->measured[i] = true;
		s->gauges[i] = *from;
		if (n != 0)
			memcpy(s->percentile_ns + i * n, f->percentile_ns + i * n,
			       n * sizeof(double));
		if (n != 0 && s->certain_percentile_ns && f->certain_percentile_ns)
			memcpy(s->certain_percentile_ns + i * n, f->certain_percentile_ns + i * n,
			       n * sizeof(double));
	}
	el_round_figures_free(s->last);
	s->last = f;
	s->app.rounds_completed++;
}

/* Whether there are histograms of a measure. */
static bool has_histograms(const struct el_snapshot *s, int measure)
{
	return s->model->histograms && (measure == EL_MEASURE_RTT || s->stamp);
}

/* Series i was of[i] in `before` (NULL: nothing goes on). What the figures had is in the sum. */
static int next_histograms(struct el_snapshot *s, const struct el_snapshot *before,
			   const uint32_t *of, struct el_round_figures *figures)
{
	for (int m = 0; m < EL_MEASURES; m++) {
		struct el_histograms *round = figures ? figures->histograms[m] : NULL;

		if (!has_histograms(s, m))
			continue;
		s->histograms[m] = el_histograms_sum(
		    s->model->n_series, before ? before->histograms[m] : NULL, of, round, NULL);
		if (!s->histograms[m])
			return -ENOMEM;
		if (figures)
			figures->histograms[m] = NULL;
		el_histograms_put(round);
	}
	return 0;
}

/* Adds those of an older model, where series i was of[i]. */
static int add_histograms(struct el_snapshot *s, const struct el_round_figures *figures,
			  const uint32_t *of)
{
	for (int m = 0; m < EL_MEASURES; m++) {
		struct el_histograms *sum;

		if (!has_histograms(s, m))
			continue;
		sum = el_histograms_sum(s->model->n_series, s->histograms[m], NULL,
					figures->histograms[m], of);
		if (!sum)
			return -ENOMEM;
		el_histograms_put(s->histograms[m]);
		s->histograms[m] = sum;
	}
	return 0;
}

struct el_snapshot *el_snapshot_next(const struct el_snapshot *before, struct el_model *model,
				     struct el_round_figures *figures)
{
	struct el_snapshot *s = NULL;
	bool goes_on = false;
	struct carry carry;
	int error = ENOMEM;

	if (figures != NULL && (figures->n_series != model->n_series ||
				figures->n_percentiles != model->n_percentiles)) {
		error = EINVAL;
		goto fail;
	}
	s = snapshot_create(model);
	if (s == NULL)
		goto fail;
	if (before != NULL)
		goes_on = strcmp(before->model->probe_name, model->probe_name) == 0;
	if (goes_on) {
		if (carry_init(&carry, model, before->model) < 0)
			goto fail;
		carry_series(s, before, &carry);
		if (stats_stamp_state_carry(s->stamp, model, before->stamp, before->model,
					    carry.series, carry.percentiles) < 0) {
			carry_fini(&carry);
			goto fail;
		}
		carry_targets(s, before, &carry);
		s->series_before = carry.series;
		carry.series = NULL;
		carry_fini(&carry);
		s->last = before->last != NULL ? el_round_figures_get(before->last) : NULL;
		s->app = before->app;
		s->iteration_s = before->iteration_s;
		s->requested_pps = before->requested_pps;
		s->worker_skew = before->worker_skew;
		s->achieved_pps = before->achieved_pps;
	}
	if (next_histograms(s, goes_on ? before : NULL, s->series_before, figures) < 0)
		goto fail;
	if (before != NULL) {
		s->clock = before->clock;
		s->reload_failed = before->reload_failed;
		s->control_loop_s = before->control_loop_s;
		s->control_loop_cpu_s = before->control_loop_cpu_s;
	}
	if (figures != NULL && figures->stamp &&
	    stats_stamp_state_add(s->stamp, model, figures->round, figures->stamp) < 0)
		goto fail;
	if (figures != NULL)
		add_figures(s, figures);
	return s;
fail:
	el_snapshot_put(s);
	el_round_figures_free(figures);
	errno = error;
	return NULL;
}

uint32_t *el_snapshot_match(const struct el_model *now, const struct el_model *before)
{
	uint32_t n_before = strcmp(now->probe_name, before->probe_name) == 0 ? before->n_series : 0;

	return match(now, now->n_series, before, n_before, hash_of_series, series_equal);
}

struct el_snapshot *el_snapshot_add_older(const struct el_snapshot *before, struct el_model *model,
					  struct el_round_figures *figures)
{
	bool begun_anew = strcmp(before->model->probe_name, model->probe_name) != 0;
	struct el_snapshot *s = NULL;
	uint32_t *of = NULL;
	int error = EINVAL;

	if (figures->n_series != model->n_series)
		goto out;
	error = ENOMEM;
	of = el_snapshot_match(before->model, model);
	s = of ? el_snapshot_next(before, before->model, NULL) : NULL;
	if (s && add_histograms(s, figures, of) < 0) {
		el_snapshot_put(s);
		s = NULL;
	}
	for (uint32_t i = 0; s && i < s->model->n_series; i++) {
		if (of[i] != NONE)
			add_totals(&s->series[i], &figures->series[of[i]]);
	}
	if (s && s->stamp && figures->stamp)
		stats_stamp_state_add_older(s->stamp, s->model, figures, of);
	if (s) {
		s->generation = before->generation;
		s->app.rounds_completed += !begun_anew;
	}
out:
	free(of);
	el_round_figures_free(figures);
	if (!s)
		errno = error;
	return s;
}

struct el_snapshot *el_snapshot_get(struct el_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void el_snapshot_put(struct el_snapshot *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	el_model_put(s->model);
	el_round_figures_free(s->last);
	free(s->series);
	free(s->measured);
	free(s->gauges);
	free(s->percentile_ns);
	free(s->certain_percentile_ns);
	stats_stamp_state_free(s->stamp);
	free(s->targets);
	for (int m = 0; m < EL_MEASURES; m++)
		el_histograms_put(s->histograms[m]);
	free(s->series_before);
	free(s);
}

struct el_snapshot_store {
	pthread_mutex_t lock; /* taken for a pointer and a count only */
	struct el_snapshot *current;
};

struct el_snapshot_store *el_snapshot_store_create(void)
{
	struct el_snapshot_store *store = calloc(1, sizeof(*store));

	if (store != NULL)
		pthread_mutex_init(&store->lock, NULL);
	return store;
}

void el_snapshot_store_destroy(struct el_snapshot_store *store)
{
	if (store == NULL)
		return;
	el_snapshot_put(store->current);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void el_snapshot_store_publish(struct el_snapshot_store *store, struct el_snapshot *s)
{
	struct el_snapshot *old;

	pthread_mutex_lock(&store->lock);
	old = store->current;
	store->current = s;
	pthread_mutex_unlock(&store->lock);
	el_snapshot_put(old);
}

struct el_snapshot *el_snapshot_store_take(struct el_snapshot_store *store)
{
	struct el_snapshot *s;

	pthread_mutex_lock(&store->lock);
	s = store->current != NULL ? el_snapshot_get(store->current) : NULL;
	pthread_mutex_unlock(&store->lock);
	return s;
}
