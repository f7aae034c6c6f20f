/* SPDX-License-Identifier: BSD-3-Clause */
#include "breaks.h"

#include <math.h>

#include "el_delay.h"

#define POINTS_MIN 3 /* fewer don't tell a slope */
static const struct corridor_slopes any_slope = {-CORRIDOR_SLOPE_MAX, CORRIDOR_SLOPE_MAX};

/* Goes with all points. */
static const struct corridor nothing = {.af = INFINITY, .ab = INFINITY};

/* The offset's jump from one line to the other half-way between the parts: the middle of both. */
static double step_of(const struct corridor_points *p, const struct corridor_break *b)
{
	double t = (higher(p->tf[b->before - 1], p->tb[b->before - 1]) +
		    lower(p->tf[b->after], p->tb[b->after])) /
		   2;

	return (b->new.af - b->new.ab - b->old.af + b->old.ab) / 2 +
	       (b->new.slope - b->old.slope) * t;
}

/* The corridor of one part. */
static struct corridor fit_part(const struct corridor_points *p, uint32_t from, uint32_t to,
				struct corridor_slopes within)
{
	if (from >= to)
		return nothing;
	return corridor_fit(p, from, to, to - from < POINTS_MIN ? within : any_slope);
}

static double best_split(const struct corridor_points *p, double width,
			 struct corridor_slopes within, struct corridor_break *ret)
{
	double best = 0;

	for (uint32_t before = 1; before < p->n; before++) {
		struct corridor old = fit_part(p, 0, before, within), new;

		if (corridor_width(&old) - width <= best)
			continue;
		for (uint32_t after = before; after <= before + 1; after++) {
			double gain;

			new = fit_part(p, after, p->n, within);
			gain = lower(corridor_width(&old), corridor_width(&new)) - width;
			if (gain <= best)
				continue;
			best = gain;
			*ret = (struct corridor_break){
			    .before = before, .after = after, .old = old, .new = new};
		}
	}
	return best;
}

/* How much minima scatter by, those of either part. Of few one knows no better than the most. */
static double scatter_of(const struct corridor_points *p, const struct corridor_break *b, bool few)
{
	struct corridor_scatter old = corridor_scatter(p, 0, b->before, &b->old);
	struct corridor_scatter new = corridor_scatter(p, b->after, p->n, &b->new);

	return few ? higher(old.most, new.most) : higher(old.median, new.median);
}

bool corridor_find_break(const struct corridor_points *p, struct corridor_slopes within, bool few,
			 struct corridor_break *ret)
{
	struct corridor whole = corridor_fit(p, 0, p->n, within), rigid;
	bool known = within.min > -CORRIDOR_SLOPE_MAX;
	double width = corridor_width(&whole), gain, uneven;

	if (p->n < 2)
		return false;
	gain = best_split(p, width,
			  known ? within : (struct corridor_slopes){whole.slope, whole.slope}, ret);
	if (gain <= EL_DELAY_STEP_NS)
		return false;
	ret->tolerance = EL_DELAY_STEP_NS + SCATTERS * scatter_of(p, ret, few);
	if (gain <= ret->tolerance)
		return false;
	ret->same_rate = true;
	if (ret->after == p->n)
		return true;
	uneven = fabs(corridor_width(&ret->old) - corridor_width(&ret->new));
	if (uneven > higher(2 * ret->tolerance, gain))
		return false;
	rigid = corridor_fit(p, ret->after, p->n, within);
	ret->same_rate = corridor_width(&rigid) >= corridor_width(&ret->new) - ret->tolerance;
	if (ret->same_rate)
		ret->new = rigid;
	ret->step = step_of(p, ret);
	return true;
}
