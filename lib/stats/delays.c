/* SPDX-License-Identifier: BSD-3-Clause */
/* The delays of both directions of a round: the replies of each session, in the order in which
 * probes were sent, go through el_delay_round; what comes out is put together by series. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fate.h"
#include "stats_internal.h"

#define N_VALUES (EL_STAMP_MEASURES - EL_STAMP_QUEUEING) /* measures that are of delays */
_Static_assert(EL_STAMP_BOUND == EL_STAMP_MEASURES - 1, "all measures behind QUEUEING");

struct el_delays {
	uint64_t generation; /* of the plan of the latest round */
	uint32_t n;
	uint64_t *keys; /* [n]: of sessions, in the order of the plan */
	struct el_delay_session *sessions;
};

/* A round under way. */
struct delays_work {
	struct el_delays *d;
	struct el_stamp_round *r;
	struct el_delay_sample *samples; /* [the most packets of a class] */
	uint64_t *of_session[N_VALUES];  /* likewise: the values of the samples */
	uint64_t *of_series[N_VALUES];   /* grouped by series */
	uint64_t *next;                  /* [n_series]: where the next one goes */
	size_t n_replies;                /* of all series */
	struct el_histograms *histograms[EL_DELAY_DIRECTIONS]; /* NULL: not asked for */
	uint32_t counts[EL_HISTOGRAM_BUCKETS];
};

struct el_delays *el_delays_create(void)
{
	return calloc(1, sizeof(struct el_delays));
}

void el_delays_destroy(struct el_delays *d)
{
	if (!d)
		return;
	free(d->keys);
	free(d->sessions);
	free(d);
}

/* ---- sessions under another plan ---- */

struct by_key {
	uint64_t key;
	uint32_t at;
};

static int compare_keys(const void *a, const void *b)
{
	const struct by_key *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Sorted; the caller's to free. NULL: no memory. */
static struct by_key *sort_keys(const struct el_delays *d)
{
	struct by_key *keys = malloc((d->n + 1U) * sizeof(*keys));

	for (uint32_t i = 0; keys && i < d->n; i++)
		keys[i] = (struct by_key){d->keys[i], i};
	if (keys)
		qsort(keys, d->n, sizeof(*keys), compare_keys);
	return keys;
}

static bool has_same_keys(const struct el_delays *d, const struct el_stamp_round *r)
{
	if (d->n != r->n_sessions)
		return false;
	for (uint32_t i = 0; i < d->n; i++) {
		if (d->keys[i] != r->sessions[i].key)
			return false;
	}
	return true;
}

/* Puts the sessions into the order of the round's, new ones zero. A key that is there twice takes
 * what there was along twice, which is no worse than to begin anew. 0, -ENOMEM. */
static int follow_plan(struct el_delays *d, const struct el_stamp_round *r)
{
	uint64_t *keys;
	struct el_delay_session *sessions;
	struct by_key *old;

	if (has_same_keys(d, r))
		return 0;
	keys = malloc((r->n_sessions + 1U) * sizeof(*keys));
	sessions = calloc(r->n_sessions + 1U, sizeof(*sessions));
	old = sort_keys(d);
	if (!keys || !sessions || !old) {
		free(keys);
		free(sessions);
		free(old);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->n_sessions; i++) {
		struct by_key wanted = {.key = r->sessions[i].key}, *found;

		keys[i] = wanted.key;
		found = bsearch(&wanted, old, d->n, sizeof(*old), compare_keys);
		if (found)
			sessions[i] = d->sessions[found->at];
	}
	free(old);
	free(d->keys);
	free(d->sessions);
	d->keys = keys;
	d->sessions = sessions;
	d->n = r->n_sessions;
	return 0;
}

/* ---- a round ---- */

/* What an answered probe says; false: it has no times. Stamps that are marked as uncertain are too
 * early for a send, too late for an answer: that is as a queue is, and minima can do with it. */
static bool read_sample(const struct el_block *b, const struct el_probe_stamp_kind *kind,
			uint64_t limit_ns, uint32_t index, struct el_delay_sample *ret)
{
	el_record r = b->records[index];
	struct el_stamp_times times;
	uint64_t error_ns;

	if (el_record_state(r) != EL_RECORD_ANSWERED || el_record_time(r) > limit_ns ||
	    !el_probe_stamp_times(kind, &b->stamps[index], STATS_NEAR_NS, b->tai_offset_s, &times))
		return false;
	error_ns = b->wall_error_ns > UINT64_MAX - times.error_ns
		       ? UINT64_MAX
		       : b->wall_error_ns + times.error_ns;
	*ret = (struct el_delay_sample){.t1_ns = times.t1_ns,
					.t2_ns = times.t2_ns,
					.rtt_ns = (int64_t)el_record_time(r),
					.residence_ns = times.t3_ns - times.t2_ns,
					.error_ns = times.synchronised &&
							    error_ns < EL_DELAY_NOT_SYNCHRONISED
							? (uint32_t)error_ns
							: EL_DELAY_NOT_SYNCHRONISED};
	return true;
}

static void add_round(struct el_stamp_figures *f, const struct el_delay_round *round, size_t n)
{
	f->valued += round->statuses[EL_DELAY_VALUED];
	f->not_valued += n - round->statuses[EL_DELAY_VALUED];
	f->steps += round->steps;
	f->rate_changes += round->rate_changes;
	f->contradictions += round->contradictions;
	/* of several sessions, that which is known best */
	if (!isnan(round->skew_ppm) && !(round->skew_error_ppm >= f->skew_error_ppm)) {
		f->skew_ppm = round->skew_ppm;
		f->skew_error_ppm = round->skew_error_ppm;
	}
}

static void do_session(struct delays_work *w, uint32_t number, size_t n)
{
	uint32_t s = w->r->sessions[number].series;
	uint64_t **v = w->of_session;
	const struct el_delay_values values = {.queueing_ns = {v[0], v[1]},
					       .variation_ns = {v[2], v[3]},
					       .oneway_ns = {v[4], v[5]},
					       .bound_ns = v[6]};
	struct el_delay_round round;

	el_delay_round(&w->d->sessions[number], w->samples, n, &values, &round);
	add_round(&w->r->series[s], &round, n);
	for (size_t i = 0; i < n; i++) {
		if (v[0][i] == EL_DELAY_NONE)
			continue;
		for (int m = 0; m < N_VALUES; m++)
			w->of_series[m][w->next[s]] = v[m][i];
		w->next[s]++;
	}
}

static void do_block(struct delays_work *w, const struct el_block *b, uint32_t *number)
{
	const struct el_plan *plan = b->set->plans[b->worker];

	for (uint32_t k = 0; k < plan->n_classes; k++) {
		const struct el_plan_class *c = &plan->classes[k];

		for (uint32_t i = 0; i < c->n_slices; i++) {
			const struct el_slice *s = &plan->slices[c->first_slice + i];
			const struct el_probe_stamp_kind *kind;
			size_t n = 0;

			if (s->type != EL_PROBE_STAMP)
				continue;
			kind = &b->set->stamp_kinds[s->stamp_kind];
			for (uint32_t pass = 0; pass < c->n_packets && !b->step.to_ns; pass++)
				n += read_sample(b, kind, fate_limit_ns(s),
						 c->base + pass * c->n_slices + i, &w->samples[n]);
			do_session(w, (*number)++, n);
		}
	}
}

static uint32_t most_packets(struct el_block *const *blocks, uint32_t n_blocks)
{
	uint32_t most = 0;

	for (uint32_t b = 0; b < n_blocks; b++) {
		const struct el_plan *plan = blocks[b]->set->plans[blocks[b]->worker];

		for (uint32_t k = 0; k < plan->n_classes; k++)
			most =
			    plan->classes[k].n_packets > most ? plan->classes[k].n_packets : most;
	}
	return most;
}

static int work_init(struct delays_work *w, uint32_t n_series, uint32_t n_packets)
{
	bool ok;

	w->samples = malloc((n_packets + 1U) * sizeof(*w->samples));
	w->next = malloc((n_series + 1U) * sizeof(*w->next));
	ok = w->samples && w->next;
	for (uint32_t s = 0; ok && s < n_series; s++) {
		w->next[s] = w->n_replies;
		w->n_replies += w->r->series[s].replies;
	}
	for (int m = 0; ok && m < N_VALUES; m++) {
		w->of_session[m] = malloc((n_packets + 1U) * sizeof(uint64_t));
		w->of_series[m] = malloc((w->n_replies + 1) * sizeof(uint64_t));
		ok = w->of_session[m] && w->of_series[m];
	}
	return ok ? 0 : -ENOMEM;
}

static void work_fini(struct delays_work *w)
{
	free(w->samples);
	free(w->next);
	for (int m = 0; m < N_VALUES; m++) {
		free(w->of_session[m]);
		free(w->of_series[m]);
	}
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++)
		el_histograms_put(w->histograms[d]);
	free(w);
}

/* What a measure of a series comes to, of n values, some of which may be none; they are reordered.
 */
static void finish_measure(struct delays_work *w, const struct el_model *model, int measure,
			   uint32_t series, uint64_t *values, size_t n)
{
	int percents[EL_PERCENTILES_MAX], way = measure - EL_STAMP_ONEWAY;
	size_t n_percents = stats_percents_init(model, percents), kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (values[i] != EL_DELAY_NONE)
			values[kept++] = values[i];
	}
	if (way >= 0 && way < EL_DELAY_DIRECTIONS && w->histograms[way])
		el_histograms_append(w->histograms[way], values, kept, w->counts);
	stats_percentiles_of(model, percents, n_percents, values, kept, NAN,
			     w->r->percentile_ns[measure] + (size_t)series * model->n_percentiles);
}

static int histograms_init(struct delays_work *w, const struct el_model *model)
{
	for (int d = 0; d < EL_DELAY_DIRECTIONS && model->histograms; d++) {
		w->histograms[d] = el_histograms_create_for(model->n_series, w->n_replies);
		if (!w->histograms[d])
			return -ENOMEM;
	}
	return 0;
}

/* Hands the histograms over. */
static void histograms_finish(struct delays_work *w, struct el_round_figures *f)
{
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		if (w->histograms[d])
			el_histograms_shrink(w->histograms[d]);
		f->histograms[EL_MEASURE_FORWARD + d] = w->histograms[d];
		w->histograms[d] = NULL;
	}
}

int stats_delays_round(struct el_delays *d, struct el_round_figures *f, struct el_stamp_round *r,
		       struct el_block *const *blocks, uint32_t n_blocks)
{
	const struct el_model *model = blocks[0]->set->model;
	struct delays_work *w;
	uint32_t number = 0;
	size_t begin = 0;
	int ret;

	if (blocks[0]->set->generation < d->generation)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->d = d;
	w->r = r;
	ret = follow_plan(d, r);
	if (ret == 0)
		ret = work_init(w, model->n_series, most_packets(blocks, n_blocks));
	if (ret == 0)
		ret = histograms_init(w, model);
	if (ret < 0)
		goto out;
	d->generation = blocks[0]->set->generation;
	for (uint32_t b = 0; b < n_blocks; b++)
		do_block(w, blocks[b], &number);
	for (uint32_t s = 0; s < model->n_series; s++) {
		for (int m = 0; m < N_VALUES; m++)
			finish_measure(w, model, EL_STAMP_QUEUEING + m, s, w->of_series[m] + begin,
				       w->next[s] - begin);
		begin += r->series[s].replies;
	}
	histograms_finish(w, f);
out:
	work_fini(w);
	return ret;
}
