/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of series and targets. Labels are in alphabetical order, as netprobify's pages have them. */
#include "family.h"

uint32_t expo_rows_series(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->snapshot->model->n_series : 0;
}

/* Of certain answers alone: if asked for. */
uint32_t expo_rows_certain(const struct el_expo_input *in)
{
	return in->snapshot != NULL && in->snapshot->model->certain_percentiles
		   ? in->snapshot->model->n_series
		   : 0;
}

uint32_t expo_rows_targets(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->snapshot->model->n_targets : 0;
}

uint32_t expo_rows_duplicates(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->snapshot->model->n_duplicates : 0;
}

/* Its series, and those that can't be. */
uint32_t expo_rows_configured(const struct el_expo_input *in)
{
	return expo_rows_series(in) + (in->snapshot != NULL ? in->snapshot->model->n_absent : 0);
}

uint32_t expo_subs_percentiles(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->snapshot->model->n_percentiles : 0;
}

uint32_t expo_subs_threshold(const struct el_expo_input *in)
{
	(void)in;
	return 2;
}

uint32_t expo_subs_not_probed(const struct el_expo_input *in)
{
	(void)in;
	return EL_MODEL_STATUSES - 1;
}

static const struct el_model_target *target_of(const struct el_expo_input *in, uint32_t series)
{
	const struct el_model *m = in->snapshot->model;

	return &m->targets[m->series[series].target];
}

bool expo_is_shown(const struct family *f, const struct el_expo_input *in, uint32_t series)
{
	const struct el_model_target *t = target_of(in, series);

	return in->snapshot->measured[series] && t->enabled &&
	       (f->probe_type == PROBE_ANY || f->probe_type == (int)t->type);
}

void expo_labels_to_group(const struct el_expo_input *in, uint32_t series, const char *direction,
			  struct line *l)
{
	const struct el_model *m = in->snapshot->model;
	const struct el_model_target *t = target_of(in, series);

	line_label(l, "address_family", el_model_family_label(t->family));
	line_label(l, "destination", t->name);
	if (direction != NULL)
		line_label(l, "direction", direction);
	line_label(l, "group", m->groups[m->series[series].group].name);
}

void expo_labels_from_probe_name(const struct el_expo_input *in, uint32_t series, struct line *l)
{
	expo_probe_label(in, l);
	line_label(l, "state", el_model_state_label(target_of(in, series)->state));
}

void expo_series_labels(const struct el_expo_input *in, uint32_t series, const char *direction,
			int percent, struct line *l)
{
	expo_labels_to_group(in, series, direction, l);
	if (percent != 0)
		line_label_u64(l, "percentile", (uint64_t)percent);
	expo_labels_from_probe_name(in, series, l);
}

static void target_labels(const struct el_expo_input *in, uint32_t target, struct line *l)
{
	const struct el_model_target *t = &in->snapshot->model->targets[target];

	line_label(l, "address_family", el_model_family_label(t->family));
	line_label(l, "destination", t->name);
	expo_probe_label(in, l);
}

/* The 64-bit number at `offset` of a struct. */
static uint64_t number_at(const void *base, uint32_t offset)
{
	uint64_t v;

	memcpy(&v, (const char *)base + offset, sizeof(v));
	return v;
}

bool expo_print_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
		      uint32_t sub, struct line *l)
{
	(void)sub;
	if (!expo_is_shown(f, in, row))
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, number_at(&in->snapshot->series[row], f->offset));
	return true;
}

/* Probes that are not in sent: also of series of which nothing else is known, for it says why. */
bool expo_print_unsent(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l)
{
	uint64_t n = number_at(&in->snapshot->series[row], f->offset);

	(void)sub;
	if (!expo_is_shown(f, in, row) && (n == 0 || !target_of(in, row)->enabled))
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, n);
	return true;
}

bool expo_print_out_of_order(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l)
{
	(void)sub;
	if (!expo_is_shown(f, in, row))
		return false;
	expo_labels_to_group(in, row, NULL, l);
	expo_probe_label(in, l);
	line_u64(l, in->snapshot->series[row].out_of_order);
	return true;
}

bool expo_print_loss_ratio(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	const struct el_figures *g = &in->snapshot->gauges[row];

	(void)sub;
	if (!expo_is_shown(f, in, row))
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_double(l, g->sent != 0 ? (double)g->lost / (double)g->sent : 0);
	return true;
}

bool expo_print_percentile(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, const double *percentile_ns, const char *direction,
			   struct line *l)
{
	const struct el_model *m = in->snapshot->model;
	double ns = percentile_ns[(size_t)row * m->n_percentiles + sub];

	if (isnan(ns) || !expo_is_shown(f, in, row))
		return false;
	for (uint32_t i = 0; i < sub; i++) { /* asked for twice, printed once */
		if (m->percentiles[i] == m->percentiles[sub])
			return false;
	}
	expo_series_labels(in, row, direction, m->percentiles[sub], l);
	line_seconds(l, ns);
	return true;
}

bool expo_print_round_trip(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	return expo_print_percentile(f, in, row, sub, in->snapshot->percentile_ns, NULL, l);
}

bool expo_print_certain(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	return expo_print_percentile(f, in, row, sub, in->snapshot->certain_percentile_ns, NULL, l);
}

/* They stay when the measurements of an inactive target go. */
bool expo_print_threshold(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	const struct el_model *m = in->snapshot->model;
	const struct el_model_target *t = target_of(in, row);
	double value = sub == 0 ? t->threshold_latency_s : t->threshold_loss;

	(void)f;
	if (isnan(value) || !(t->enabled || in->snapshot->measured[row]))
		return false;
	line_label(l, "address_family", el_model_family_label(t->family));
	line_label(l, "alert_level", el_model_alert_level_label(t->alert_level));
	line_label(l, "destination", t->name);
	line_label(l, "group", m->groups[m->series[row].group].name);
	line_label(l, "probe_name", m->probe_name);
	line_label(l, "state", el_model_state_label(t->state));
	line_label(l, "type", sub == 0 ? "latency" : "loss");
	line_double(l, value);
	return true;
}

bool expo_print_target_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l)
{
	const struct el_model_target *t = &in->snapshot->model->targets[row];
	bool shown = false;

	(void)sub;
	for (uint32_t i = 0; i < t->n_series && !shown; i++)
		shown = expo_is_shown(f, in, t->first_series + i);
	if (!shown)
		return false;
	target_labels(in, row, l);
	line_u64(l, number_at(&in->snapshot->targets[row], f->offset));
	return true;
}

/* A target in no group is not looked up, and has no status. */
bool expo_print_resolution_status(const struct family *f, const struct el_expo_input *in,
				  uint32_t row, uint32_t sub, struct line *l)
{
	const struct el_model_target *t = &in->snapshot->model->targets[row];

	(void)f, (void)sub;
	if (t->n_series == 0)
		return false;
	target_labels(in, row, l);
	line_u64(l, t->address.family != 0);
	return true;
}

bool expo_print_resolution_changes(const struct family *f, const struct el_expo_input *in,
				   uint32_t row, uint32_t sub, struct line *l)
{
	(void)f, (void)sub;
	if (in->snapshot->model->targets[row].n_series == 0)
		return false;
	target_labels(in, row, l);
	line_u64(l, in->snapshot->targets[row].resolution_changes);
	return true;
}

/* All statuses but the first. */
bool expo_print_not_probed(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	(void)f, (void)row;
	expo_probe_label(in, l);
	line_label(l, "reason", el_model_status_label((enum el_model_status)(sub + 1)));
	line_u64(l, in->snapshot->model->n_not_probed[sub + 1]);
	return true;
}

bool expo_print_probed(const struct family *f, const struct el_expo_input *in, uint32_t row,
		       uint32_t sub, struct line *l)
{
	const struct el_model *m = in->snapshot->model;
	const struct el_model_absent *a;

	(void)f, (void)sub;
	if (row < m->n_series) {
		expo_series_labels(in, row, NULL, 0, l);
		line_u64(l, el_model_is_probed(&m->series[row]));
		return true;
	}
	a = &m->absent[row - m->n_series];
	line_label(l, "address_family", el_model_family_label(a->family));
	line_label(l, "destination", a->target);
	line_label(l, "group", a->group);
	line_label(l, "probe_name", m->probe_name);
	line_label(l, "state", el_model_state_label(a->state));
	line_u64(l, 0);
	return true;
}

bool expo_print_duplicate(const struct family *f, const struct el_expo_input *in, uint32_t row,
			  uint32_t sub, struct line *l)
{
	const struct el_model_duplicate *d = &in->snapshot->model->duplicates[row];

	(void)f, (void)sub;
	line_label(l, "target_name", d->name);
	line_u64(l, d->count);
	return true;
}
