/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks to figures, in two walks. The first counts; from the counts each series gets its part of
 * one array; the second puts the RTTs there; then each part is summed up and selected from.
 *
 * A class is walked in tiles of neighbouring slices, all passes of a tile before the next tile:
 * records are read in long runs, and what is kept per slice and series stays in the cache. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fate.h"
#include "stats_internal.h"

#define TILE_SLICES 1024
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* An answered record without duplicates or ICMP errors: its high byte, but for UNCERTAIN. */
#define PLAIN_ANSWER (EL_RECORD_ANSWERED << (EL_RECORD_STATE_SHIFT - 56))
#define UNCERTAIN (EL_RECORD_UNCERTAIN >> 56)

/* A tile: what the walks need of its slices. */
struct tile {
	const struct el_block *block;
	const struct el_slice *slices;
	bool mixed;
	uint32_t n;
	uint32_t n_plain[TILE_SLICES];     /* first walk: plain answers in time */
	uint32_t n_uncertain[TILE_SLICES]; /* of these */
	uint32_t series[TILE_SLICES];
	uint64_t limit_ns[TILE_SLICES]; /* an RTT above it is late */
};

struct work {
	struct el_round_figures *f;
	struct tile tile;
	uint64_t *values; /* RTTs, grouped by series, of each the certain ones first */
	/* [n_series][2]: where the next RTT of a series goes that is certain, and that is not */
	uint64_t *next;
	uint64_t bounds[EL_BOUNDS]; /* of all blocks */
	uint32_t counts[EL_HISTOGRAM_BUCKETS];
};

typedef void (*visit_fn)(struct work *w, const el_record *records, uint32_t pass);

static void tile_init(struct work *w, const struct el_slice *slices, uint32_t n)
{
	struct tile *t = &w->tile;
	uint32_t timeout_us = 0;
	uint64_t limit_ns = 0;

	t->slices = slices;
	t->n = n;
	for (uint32_t i = 0; i < n; i++) {
		if (slices[i].timeout_us != timeout_us) {
			timeout_us = slices[i].timeout_us;
			limit_ns = fate_limit_ns(&slices[i]);
		}
		t->limit_ns[i] = limit_ns;
		t->series[i] = slices[i].series;
		assert(t->series[i] < w->f->n_series);
	}
	memset(t->n_plain, 0, n * sizeof(t->n_plain[0]));
	memset(t->n_uncertain, 0, n * sizeof(t->n_uncertain[0]));
}

/* Whether it has come to have been sent. */
static bool count_sent(struct el_figures *f, enum fate fate)
{
	switch (fate) {
	case FATE_LOCAL:
		f->local++;
		return false;
	case FATE_UNKNOWN:
		f->unknown++;
		return true;
	case FATE_ABANDONED:
		f->abandoned++;
		return true;
	default:
		f->lost++;
		return true;
	}
}

static void count_answered(struct work *w, struct el_figures *f, enum fate fate, el_record r,
			   uint64_t limit_ns)
{
	if (fate == FATE_LATE) {
		f->lost++;
		f->late++;
		/* it may have come in time, and waited for the worker, or for another one */
		w->f->local_drops += el_record_time(r) - limit_ns <= w->f->poll_gap_ns;
		return;
	}
	f->answered++;
	f->untimed += fate == FATE_UNTIMED;
	f->out_of_order += fate == FATE_OUT_OF_ORDER;
	f->uncertain += fate != FATE_IN_TIME || (r & EL_RECORD_UNCERTAIN);
}

/* Whatever is not a plain answer in time. */
static void count_record(struct work *w, uint32_t i, el_record r, uint32_t pass)
{
	struct tile *t = &w->tile;
	struct el_figures *f = &w->f->series[t->series[i]];
	uint64_t time = el_record_time(r), limit_ns = t->limit_ns[i];
	uint32_t packet;

	switch (el_record_state(r)) {
	case EL_RECORD_UNSENT:
		if (!t->block->cut &&
		    (!t->mixed || el_slice_packet_of_pass(&t->slices[i], pass, &packet)))
			w->f->unsent++;
		return;
	case EL_RECORD_LOCAL:
		f->local++;
		return;
	case EL_RECORD_SENT:
		if (!count_sent(f, fate_of_sent(t->block, time, limit_ns)))
			return;
		break;
	case EL_RECORD_ANSWERED:
		count_answered(w, f, fate_of_answered(t->block, time, limit_ns), r, limit_ns);
		break;
	}
	f->duplicates += el_record_duplicates(r);
	f->icmp_errors += (r & EL_RECORD_ICMP_ERROR) != 0;
}

/* First walk: one pass of a tile. */
static inline void visit_count(struct work *w, const el_record *records, uint32_t pass)
{
	struct tile *t = &w->tile;

	for (uint32_t i = 0; i < t->n; i++) {
		el_record r = records[i];

		if ((r >> 56 & ~UNCERTAIN) == PLAIN_ANSWER && el_record_time(r) <= t->limit_ns[i]) {
			t->n_plain[i]++;
			t->n_uncertain[i] += r >> 56 & UNCERTAIN;
		} else {
			count_record(w, i, r, pass);
		}
	}
}

/* The same where the clock has stepped: no time in the block is to be trusted. */
static inline void visit_count_stepped(struct work *w, const el_record *records, uint32_t pass)
{
	for (uint32_t i = 0; i < w->tile.n; i++)
		count_record(w, i, records[i], pass);
}

/* Second walk: one pass of a tile. Limits are below the sign bit: a negative RTT exceeds every one.
 */
static inline void visit_scatter(struct work *w, const el_record *records, uint32_t pass)
{
	struct tile *t = &w->tile;

	(void)pass;
	for (uint32_t i = 0; i < t->n; i++) {
		el_record r = records[i];

		if (el_record_state(r) == EL_RECORD_ANSWERED && el_record_time(r) <= t->limit_ns[i])
			w->values[w->next[2 * (size_t)t->series[i] + (r >> 56 & UNCERTAIN)]++] =
			    el_record_time(r);
	}
}

static inline __attribute__((always_inline)) void walk(struct work *w, const struct el_block *block,
						       visit_fn visit)
{
	const struct el_plan *plan = block->set->plans[block->worker];

	w->tile.block = block;
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		const struct el_plan_class *class = &plan->classes[c];

		w->tile.mixed = class->mixed;
		for (uint32_t first = 0; first < class->n_slices; first += TILE_SLICES) {
			uint32_t n = class->n_slices - first;
			const el_record *records = block->records + class->base + first;

			tile_init(w, plan->slices + class->first_slice + first,
				  n < TILE_SLICES ? n : TILE_SLICES);
			for (uint32_t pass = 0; pass < class->n_packets; pass++)
				visit(w, records + (size_t)pass * class->n_slices, pass);
			for (uint32_t i = 0; i < w->tile.n; i++) {
				struct el_figures *f = &w->f->series[w->tile.series[i]];

				f->answered += w->tile.n_plain[i];
				f->uncertain += w->tile.n_uncertain[i];
			}
		}
	}
}

/* Sums up the n RTTs of a series. */
static void series_finish(struct el_figures *f, const uint64_t *values, size_t n)
{
	uint64_t min = UINT64_MAX, max = 0;
	unsigned __int128 sum = 0;

	f->sent = f->answered + f->lost;
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		min = values[i] < min ? values[i] : min;
		max = values[i] > max ? values[i] : max;
		sum += values[i];
	}
	f->rtt_min_ns = min;
	f->rtt_max_ns = max;
	f->rtt_mean_ns = (double)sum / (double)n;
}

/* What the blocks say of the round as a whole. */
static void add_block(struct work *w, const struct el_block *b)
{
	struct el_round_figures *f = w->f;

	/* bounds across a step of the clock are not of time */
	for (int i = 0; i < EL_BOUNDS && !b->step.to_ns; i++)
		w->bounds[i] += b->bounds[i];
	/* A block whose round was never begun has no times. */
	if (b->began_ns != 0 && (f->began_ns == 0 || b->began_ns < f->began_ns))
		f->began_ns = b->began_ns;
	f->sent_ns = b->sent_ns > f->sent_ns ? b->sent_ns : f->sent_ns;
	f->closed_ns = b->closed_ns > f->closed_ns ? b->closed_ns : f->closed_ns;
	f->skipped_ns = b->skipped_ns > f->skipped_ns ? b->skipped_ns : f->skipped_ns;
	f->uncertain += b->uncertain;
	f->tx_refused += b->tx_refused;
	f->forwarded += b->forwarded;
	f->cut |= b->cut;
}

static struct el_round_figures *figures_create(const struct el_model *model, uint64_t round)
{
	struct el_round_figures *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->refs = 1;
	f->round = round;
	f->n_series = model->n_series;
	f->n_percentiles = model->n_percentiles;
	f->series = calloc(f->n_series + 1, sizeof(*f->series));
	f->percentile_ns =
	    calloc((size_t)f->n_series * f->n_percentiles + 1, sizeof(*f->percentile_ns));
	if (model->certain_percentiles)
		f->certain_percentile_ns =
		    calloc((size_t)f->n_series * f->n_percentiles + 1, sizeof(double));
	if (f->series == NULL || f->percentile_ns == NULL ||
	    (model->certain_percentiles && f->certain_percentile_ns == NULL)) {
		el_round_figures_free(f);
		return NULL;
	}
	return f;
}

/* Memory for n numbers, in huge pages where it fills some: a fresh array costs a fault a page. */
static uint64_t *numbers_alloc(uint64_t n)
{
	size_t bytes = (n + 1) * sizeof(uint64_t);
	uint64_t *p;

	if (bytes < HUGE_PAGE_BYTES)
		return malloc(bytes);
	bytes = (bytes + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
	p = aligned_alloc(HUGE_PAGE_BYTES, bytes);
	if (p != NULL)
		(void)madvise(p, bytes, MADV_HUGEPAGE); /* a wish */
	return p;
}

size_t stats_percents_init(const struct el_model *model, int percents[EL_PERCENTILES_MAX])
{
	bool asked[EL_PERCENTILES_MAX + 1] = {false};
	size_t n = 0;

	for (uint32_t i = 0; i < model->n_percentiles; i++) {
		assert(model->percentiles[i] >= 1 && model->percentiles[i] <= EL_PERCENTILES_MAX);
		asked[model->percentiles[i]] = true;
	}
	for (int p = 1; p <= EL_PERCENTILES_MAX; p++) {
		if (asked[p])
			percents[n++] = p;
	}
	return n;
}

void stats_percentiles_of(const struct el_model *model, const int *percents, size_t n_percents,
			  uint64_t *values, size_t n, double none, double *ret)
{
	double result[EL_PERCENTILES_MAX], by_percent[EL_PERCENTILES_MAX + 1];

	el_stats_percentiles(values, n, percents, n_percents, result);
	for (size_t i = 0; i < n_percents; i++)
		by_percent[percents[i]] = n == 0 ? none : result[i];
	for (uint32_t i = 0; i < model->n_percentiles; i++)
		ret[i] = by_percent[model->percentiles[i]];
}

/* From the scattered RTTs (w->next[2 * s] is now the end of the certain ones of series s, the one
 * behind it the end of the series) to minima, means and percentiles. */
static void finish(struct work *w, const struct el_model *model)
{
	struct el_round_figures *f = w->f;
	int percents[EL_PERCENTILES_MAX];
	size_t n_percents = stats_percents_init(model, percents), begin = 0;

	for (size_t s = 0; s < f->n_series; s++) {
		size_t end = w->next[2 * s + 1], first = s * f->n_percentiles;
		uint64_t *values = w->values + begin;

		series_finish(&f->series[s], values, end - begin);
		if (f->histograms[EL_MEASURE_RTT])
			el_histograms_append(f->histograms[EL_MEASURE_RTT], values, end - begin,
					     w->counts);
		f->sent += f->series[s].sent;
		f->answered += f->series[s].answered;
		f->uncertain_answers += f->series[s].uncertain;
		f->uncertain += f->series[s].untimed;
		if (f->certain_percentile_ns)
			stats_percentiles_of(model, percents, n_percents, values,
					     w->next[2 * s] - begin, NAN,
					     f->certain_percentile_ns + first);
		stats_percentiles_of(model, percents, n_percents, values, end - begin,
				     f->series[s].untimed ? NAN : 0, f->percentile_ns + first);
		begin = end;
	}
	if (f->histograms[EL_MEASURE_RTT])
		el_histograms_shrink(f->histograms[EL_MEASURE_RTT]);
}

/* How far off the stamps of each share of the answers may be. */
static void finish_bounds(struct work *w)
{
	static const uint64_t percents[EL_BOUND_SHARES] = EL_BOUND_PERCENTS;
	uint64_t n = 0, below = 0;
	int share = 0;

	for (int b = 0; b < EL_BOUNDS; b++)
		n += w->bounds[b];
	for (int b = 0; n > 0 && b < EL_BOUNDS; b++) {
		below += w->bounds[b];
		while (share < EL_BOUND_SHARES && below * 100 >= n * percents[share])
			w->f->stamp_bound_ns[share++] = 1ULL << b;
	}
}

struct el_round_figures *el_stats_round(struct el_block *const *blocks, uint32_t n_blocks)
{
	return el_stats_round_delays(blocks, n_blocks, NULL);
}

struct el_round_figures *el_stats_round_delays(struct el_block *const *blocks, uint32_t n_blocks,
					       struct el_delays *delays)
{
	const struct el_model *model = blocks[0]->set->model;
	struct work *w = calloc(1, sizeof(*w));
	struct el_round_figures *ret = NULL;
	uint64_t n_rtt = 0;

	if (w == NULL)
		return NULL;
	w->f = figures_create(model, blocks[0]->round);
	w->next = numbers_alloc(2 * (uint64_t)model->n_series);
	if (w->f == NULL || w->next == NULL)
		goto out;
	for (uint32_t b = 0; b < n_blocks; b++) {
		if (blocks[b]->poll_gap_ns > w->f->poll_gap_ns)
			w->f->poll_gap_ns = blocks[b]->poll_gap_ns;
	}
	for (uint32_t b = 0; b < n_blocks; b++) {
		assert(blocks[b]->set == blocks[0]->set && blocks[b]->round == blocks[0]->round);
		add_block(w, blocks[b]);
		walk(w, blocks[b], blocks[b]->step.to_ns ? visit_count_stepped : visit_count);
	}
	for (uint32_t s = 0; s < model->n_series; s++) {
		const struct el_figures *f = &w->f->series[s];

		w->next[2 * (size_t)s] = n_rtt;
		w->next[2 * (size_t)s + 1] = n_rtt + f->answered - f->uncertain;
		n_rtt += f->answered - f->out_of_order - f->untimed;
	}
	w->values = numbers_alloc(n_rtt);
	if (model->histograms)
		w->f->histograms[EL_MEASURE_RTT] = el_histograms_create_for(model->n_series, n_rtt);
	if (w->values == NULL || (model->histograms && !w->f->histograms[EL_MEASURE_RTT]))
		goto out;
	for (uint32_t b = 0; b < n_blocks; b++) {
		if (!blocks[b]->step.to_ns)
			walk(w, blocks[b], visit_scatter);
	}
	if (w->f->sent_ns < w->f->began_ns) /* nothing was sent */
		w->f->sent_ns = w->f->began_ns;
	finish(w, model);
	finish_bounds(w);
	if (stats_stamp_round(w->f, blocks, n_blocks, delays) < 0)
		goto out;
	ret = w->f;
	w->f = NULL;
out:
	el_round_figures_free(w->f);
	free(w->next);
	free(w->values);
	free(w);
	if (ret == NULL)
		errno = ENOMEM;
	return ret;
}

struct el_round_figures *el_round_figures_get(struct el_round_figures *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void el_round_figures_free(struct el_round_figures *f)
{
	if (f == NULL || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(f->series);
	free(f->percentile_ns);
	free(f->certain_percentile_ns);
	stats_stamp_round_free(f->stamp);
	for (int m = 0; m < EL_MEASURES; m++)
		el_histograms_put(f->histograms[m]);
	free(f);
}
