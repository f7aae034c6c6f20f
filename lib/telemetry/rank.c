/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_rank.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_MEASURED 1ULL /* worse than good, better than bad */
#define BAD 2ULL

#define NAME(id, name, help) name,
const char *const el_rank_names[EL_RANK_N] = {EL_RANK_KEYS(NAME)};
#undef NAME
#define HELP(id, name, help) help,
const char *const el_rank_helps[EL_RANK_N] = {EL_RANK_KEYS(HELP)};
#undef HELP

struct ranked {
	uint64_t rank; /* the more the worse */
	el_rank_row row;
};

int el_rank_find(const char *name, size_t len)
{
	for (int i = 0; i < EL_RANK_N; i++) {
		if (strlen(el_rank_names[i]) == len && memcmp(name, el_rank_names[i], len) == 0)
			return i;
	}
	return -1;
}

/* ---- rows ---- */

uint32_t el_rank_rows(const struct el_model *m)
{
	return m->n_series + m->n_absent;
}

const char *el_rank_target(const struct el_model *m, el_rank_row row)
{
	return row < m->n_series ? m->targets[m->series[row].target].name
				 : m->absent[row - m->n_series].target;
}

const char *el_rank_group(const struct el_model *m, el_rank_row row)
{
	return row < m->n_series ? m->groups[m->series[row].group].name
				 : m->absent[row - m->n_series].group;
}

const char *el_rank_state(const struct el_model *m, el_rank_row row)
{
	if (row >= m->n_series)
		return el_model_status_label(m->absent[row - m->n_series].status);
	if (m->series[row].in_part)
		return "in_part";
	return m->series[row].status == EL_MODEL_ACTIVE
		   ? "probed"
		   : el_model_status_label((enum el_model_status)m->series[row].status);
}

/* What of a filter is the same for many rows. */
struct filter {
	const char *text; /* "": all match */
	bool may_be_address;
	bool types[EL_PROBE_TYPES], states[EL_MODEL_STATUSES];
};

static bool has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static struct filter prepare(const char *text)
{
	struct filter f = {.text = text};

	f.may_be_address = text[strspn(text, "0123456789abcdefABCDEF.:")] == '\0';
	for (int i = 0; i < EL_PROBE_TYPES; i++)
		f.types[i] = has(el_probe_ops[i]->name, text);
	for (int i = EL_MODEL_ACTIVE + 1; i < EL_MODEL_STATUSES; i++)
		f.states[i] = has(el_model_status_label((enum el_model_status)i), text);
	f.states[EL_MODEL_ACTIVE] = has("probed", text);
	return f;
}

static bool state_matches(const struct el_model *m, el_rank_row row, const struct filter *f)
{
	if (row >= m->n_series)
		return f->states[m->absent[row - m->n_series].status];
	return m->series[row].in_part ? has("in_part", f->text) : f->states[m->series[row].status];
}

static bool matches(const struct el_model *m, el_rank_row row, const struct filter *f)
{
	const struct el_model_target *t;
	char address[EL_IP_STRLEN];

	if (!*f->text || state_matches(m, row, f) || has(el_rank_target(m, row), f->text) ||
	    has(el_rank_group(m, row), f->text))
		return true;
	if (row >= m->n_series)
		return false;
	t = &m->targets[m->series[row].target];
	return f->types[t->type] || (f->may_be_address && t->address.family &&
				     has(el_ip_format(&t->address, address), f->text));
}

/* ---- ranks ---- */

/* Of the highest percentile, which is not always the last. */
static uint32_t highest_percentile(const struct el_model *m)
{
	uint32_t highest = 0;

	for (uint32_t i = 1; i < m->n_percentiles; i++) {
		if (m->percentiles[i] > m->percentiles[highest])
			highest = i;
	}
	return highest;
}

static uint64_t rank_of_loss(const struct el_figures *g)
{
	/* of a share that is the same, the one of more probes is the worse */
	uint64_t lost = g->lost < 1U << 20 ? g->lost : (1U << 20) - 1;

	if (g->sent == 0)
		return NOT_MEASURED;
	return g->lost ? BAD + ((uint64_t)((double)g->lost / (double)g->sent * 4e9) << 20) + lost
		       : 0;
}

/* percentile: which; the model's number of them: none. */
static uint64_t rank_of(const struct el_snapshot *s, uint32_t series, enum el_rank_key key,
			uint32_t percentile)
{
	const struct el_figures *g = &s->gauges[series];
	uint32_t n = s->model->n_percentiles;
	double ns;

	switch (key) {
	case EL_RANK_LOSS:
		return rank_of_loss(g);
	case EL_RANK_LOST:
		return g->sent ? g->lost + (g->lost > 0) : NOT_MEASURED;
	case EL_RANK_RTT:
		ns = percentile < n ? s->percentile_ns[(size_t)series * n + percentile] : NAN;
		return isnan(ns) || !g->answered ? 0 : 1 + (uint64_t)ns;
	case EL_RANK_MAX:
		return g->rtt_max_ns;
	case EL_RANK_LATE:
		return g->late;
	case EL_RANK_LOCAL:
		return g->local;
	case EL_RANK_UNKNOWN:
		return g->unknown + g->abandoned;
	case EL_RANK_UNCERTAIN:
		return g->uncertain;
	case EL_RANK_STATE:
		return s->model->series[series].status == EL_MODEL_ACTIVE
			   ? 0
			   : 2 - s->model->series[series].in_part;
	default:
		return 0;
	}
}

/* Of what there is no series of. */
static uint64_t rank_of_absent(enum el_rank_key key)
{
	switch (key) {
	case EL_RANK_LOSS:
	case EL_RANK_LOST:
		return NOT_MEASURED;
	case EL_RANK_STATE:
		return 3;
	default:
		return 0;
	}
}

/* ---- order ---- */

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void swap(struct ranked *a, struct ranked *b)
{
	struct ranked t = *a;

	*a = *b;
	*b = t;
}

/* Brings the first k of n to the front, in any order. Linear on average. */
static void select_first(struct ranked *v, uint32_t n, uint32_t k)
{
	uint32_t low = 0, high = n;

	while (k > low && k < high && high - low > 1) {
		uint32_t middle = low + (high - low) / 2, at = low;

		swap(&v[middle], &v[high - 1]);
		for (uint32_t i = low; i < high - 1; i++) {
			if (by_rank(&v[i], &v[high - 1]) < 0)
				swap(&v[i], &v[at++]);
		}
		swap(&v[at], &v[high - 1]);
		if (at == k)
			return;
		if (at < k)
			low = at + 1;
		else
			high = at;
	}
}

int el_rank(const struct el_snapshot *s, enum el_rank_key key, const char *filter, uint32_t want,
	    el_rank_row **ret, uint32_t *ret_matching)
{
	const struct el_model *m = s->model;
	uint32_t rows = el_rank_rows(m), n = 0, percentile = highest_percentile(m);
	struct ranked *v = malloc((rows + 1UL) * sizeof(*v));
	struct filter f = prepare(filter);
	el_rank_row *first;

	for (uint32_t row = 0; v && row < rows; row++) {
		if (!matches(m, row, &f))
			continue;
		v[n++] =
		    (struct ranked){.row = row,
				    .rank = row < m->n_series ? rank_of(s, row, key, percentile)
							      : rank_of_absent(key)};
	}
	want = want < n ? want : n;
	first = v ? malloc((want + 1UL) * sizeof(*first)) : NULL;
	if (!first) {
		free(v);
		return -ENOMEM;
	}
	select_first(v, n, want);
	qsort(v, want, sizeof(*v), by_rank);
	for (uint32_t i = 0; i < want; i++)
		first[i] = v[i].row;
	free(v);
	*ret = first;
	*ret_matching = n;
	return 0;
}
