/* SPDX-License-Identifier: BSD-3-Clause */
/* What only STAMP's series have. */
#include <math.h>

#include "family.h"

const char *const expo_directions[EL_DELAY_DIRECTIONS] = {"forward", "backward"};

static const struct el_stamp_state *state_of(const struct el_expo_input *in)
{
	return in->snapshot != NULL ? in->snapshot->stamp : NULL;
}

uint32_t expo_rows_stamp(const struct el_expo_input *in)
{
	return state_of(in) != NULL ? in->snapshot->model->n_series : 0;
}

uint32_t expo_subs_lost(const struct el_expo_input *in)
{
	(void)in;
	return EL_LOST_DIRECTIONS;
}

bool expo_print_lost(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l)
{
	static const char *const names[] = EL_LOST_NAMES;

	if (!expo_is_shown(f, in, row))
		return false;
	expo_series_labels(in, row, names[sub], 0, l);
	line_u64(l, state_of(in)->totals[row].lost[sub]);
	return true;
}

bool expo_print_measure(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	return expo_print_percentile(f, in, row, sub, state_of(in)->percentile_ns[f->offset], NULL,
				     l);
}

uint32_t expo_subs_directions(const struct el_expo_input *in)
{
	return 2 * expo_subs_percentiles(in);
}

bool expo_print_directions(const struct family *f, const struct el_expo_input *in, uint32_t row,
			   uint32_t sub, struct line *l)
{
	uint32_t n = expo_subs_percentiles(in);

	return expo_print_percentile(f, in, row, sub % n,
				     state_of(in)->percentile_ns[f->offset + sub / n],
				     expo_directions[sub / n], l);
}

/* Only where there have been replies. */
bool expo_print_stamp_total(const struct family *f, const struct el_expo_input *in, uint32_t row,
			    uint32_t sub, struct line *l)
{
	(void)sub;
	if (!expo_is_shown(f, in, row) || state_of(in)->gauges[row].replies == 0)
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, *(const uint64_t *)((const char *)&state_of(in)->totals[row] + f->offset));
	return true;
}

bool expo_print_ppm(const struct family *f, const struct el_expo_input *in, uint32_t row,
		    uint32_t sub, struct line *l)
{
	const struct el_stamp_figures *g = &state_of(in)->gauges[row];
	double ppm = *(const double *)((const char *)g + f->offset);

	(void)sub;
	if (!expo_is_shown(f, in, row) || g->replies == 0 || isnan(ppm))
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_double(l, ppm / 1e6);
	return true;
}

/* Only where reflectors tell. */
bool expo_print_remarked(const struct family *f, const struct el_expo_input *in, uint32_t row,
			 uint32_t sub, struct line *l)
{
	(void)sub;
	if (!expo_is_shown(f, in, row) || state_of(in)->gauges[row].told == 0)
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, state_of(in)->totals[row].remarked);
	return true;
}

/* The labels of a series with a further one, in the order of their names. */
static void labels_with(const struct el_expo_input *in, uint32_t row, const char *name,
			const char *value, struct line *l)
{
	expo_labels_to_group(in, row, NULL, l);
	line_label(l, name, value);
	expo_labels_from_probe_name(in, row, l);
}

bool expo_print_class_refused(const struct family *f, const struct el_expo_input *in, uint32_t row,
			      uint32_t sub, struct line *l)
{
	(void)sub;
	if (!expo_is_shown(f, in, row) || state_of(in)->gauges[row].told == 0)
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, state_of(in)->totals[row].class_refused);
	return true;
}

uint32_t expo_subs_tlvs(const struct el_expo_input *in)
{
	(void)in;
	return EL_STAMP_TLVS;
}

/* Only where something was asked. */
bool expo_print_tlvs(const struct family *f, const struct el_expo_input *in, uint32_t row,
		     uint32_t sub, struct line *l)
{
	static const char *const names[] = EL_STAMP_TLVS_NAMES;

	if (!expo_is_shown(f, in, row) || state_of(in)->gauges[row].asks == 0)
		return false;
	labels_with(in, row, "outcome", names[sub], l);
	line_u64(l, state_of(in)->totals[row].tlvs[sub]);
	return true;
}

uint32_t expo_subs_counted(const struct el_expo_input *in)
{
	(void)in;
	return EL_COUNTED;
}

bool expo_print_counted(const struct family *f, const struct el_expo_input *in, uint32_t row,
			uint32_t sub, struct line *l)
{
	static const char *const names[] = EL_COUNTED_NAMES;
	const struct el_stamp_figures *g = &state_of(in)->gauges[row];

	if (!expo_is_shown(f, in, row) || !(g->asks >> EL_STAMP_TLV_DIRECT_MEASUREMENT & 1))
		return false;
	labels_with(in, row, "packets", names[sub], l);
	line_u64(l, state_of(in)->totals[row].counted[sub]);
	return true;
}

bool expo_print_synchronised(const struct family *f, const struct el_expo_input *in, uint32_t row,
			     uint32_t sub, struct line *l)
{
	const struct el_stamp_figures *g = &state_of(in)->gauges[row];

	(void)sub;
	if (!expo_is_shown(f, in, row) || g->replies == 0)
		return false;
	expo_series_labels(in, row, NULL, 0, l);
	line_u64(l, g->synchronised == g->replies);
	return true;
}
