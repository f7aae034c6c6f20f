/* SPDX-License-Identifier: BSD-3-Clause */
#include "corridor.h"

#include <math.h>
#include <stdbool.h>

#define STEPS_MAX 64
#define SUPPORT_NS 1000  /* a point is on a wall if it is not much higher */
#define NARROWER_NS 1e-3 /* a difference of width that is none */

/* The width at a slope, and how it changes with the slope there. */
struct tangent {
	double slope, width, rise;
	double af, ab;
};

static struct tangent tangent_at(const struct corridor_points *p, uint32_t from, uint32_t to,
				 double slope)
{
	double af = p->f[from] - slope * p->tf[from], ab = p->b[from] + slope * p->tb[from];
	uint32_t at_f = from, at_b = from;

	for (uint32_t i = from + 1; i < to; i++) {
		double f = p->f[i] - slope * p->tf[i], b = p->b[i] + slope * p->tb[i];

		at_f = f < af ? i : at_f;
		af = f < af ? f : af;
		at_b = b < ab ? i : at_b;
		ab = b < ab ? b : ab;
	}
	return (struct tangent){.slope = slope,
				.width = af + ab,
				.rise = p->tb[at_b] - p->tf[at_f],
				.af = af,
				.ab = ab};
}

static struct corridor corridor_of(const struct tangent *t)
{
	return (struct corridor){.slope = t->slope, .af = t->af, .ab = t->ab};
}

struct corridor corridor_of_slope(const struct corridor_points *p, uint32_t from, uint32_t to,
				  double slope)
{
	struct tangent t = tangent_at(p, from, to, slope);

	return corridor_of(&t);
}

struct corridor corridor_fit(const struct corridor_points *p, uint32_t from, uint32_t to,
			     struct corridor_slopes within)
{
	struct tangent low = tangent_at(p, from, to, within.min);
	struct tangent high = tangent_at(p, from, to, within.max);
	struct tangent t = low.width > high.width ? low : high;

	if (low.rise <= 0)
		return corridor_of(&low);
	if (high.rise >= 0)
		return corridor_of(&high);
	for (int i = 0; i < STEPS_MAX; i++) {
		/* where the tangents meet: no corridor is wider than there */
		double ahead = (high.width - high.rise * (high.slope - low.slope) - low.width) /
			       (low.rise - high.rise);
		double most = low.width + low.rise * ahead;

		if (!(ahead > 0) || low.slope + ahead >= high.slope)
			break;
		t = tangent_at(p, from, to, low.slope + ahead);
		if (t.width >= most - NARROWER_NS || t.rise == 0)
			break;
		if (t.rise > 0)
			low = t;
		else
			high = t;
	}
	return corridor_of(&t);
}

/* From `far`, where the width is below `level`, towards the best slope, to where it reaches it. The
 * width is concave: a tangent reaches the level too early, never too late. */
static double reach(const struct corridor_points *p, uint32_t from, uint32_t to, double far,
		    double level)
{
	struct tangent t = tangent_at(p, from, to, far);

	for (int i = 0; i < STEPS_MAX && t.width < level - NARROWER_NS && t.rise != 0; i++)
		t = tangent_at(p, from, to, t.slope + (level - t.width) / t.rise);
	return t.slope;
}

struct corridor_slopes corridor_tolerate(const struct corridor_points *p, uint32_t from,
					 uint32_t to, struct corridor_slopes within,
					 const struct corridor *best, double less)
{
	double level = corridor_width(best) - less;

	return (struct corridor_slopes){
	    .min = lower(best->slope, reach(p, from, to, within.min, level)),
	    .max = higher(best->slope, reach(p, from, to, within.max, level))};
}

struct corridor_scatter corridor_scatter(const struct corridor_points *p, uint32_t from,
					 uint32_t to, const struct corridor *c)
{
	uint32_t each = (to - from + CORRIDOR_GROUPS - 1) / CORRIDOR_GROUPS, n = 0;
	double above[2 * CORRIDOR_GROUPS];

	for (uint32_t begin = from; begin < to; begin += each) {
		double low[2] = {INFINITY, INFINITY};

		for (uint32_t i = begin; i < to && i < begin + each; i++) {
			low[0] = lower(low[0], corridor_above_f(c, p->tf[i], p->f[i]));
			low[1] = lower(low[1], corridor_above_b(c, p->tb[i], p->b[i]));
		}
		for (int d = 0; d < 2; d++) {
			uint32_t at = n++;

			for (; at > 0 && above[at - 1] > low[d]; at--)
				above[at] = above[at - 1];
			above[at] = low[d];
		}
	}
	return (struct corridor_scatter){n ? above[n / 2] : 0, n ? above[n - 1] : 0};
}

double corridor_support(const struct corridor_points *p, const struct corridor *c)
{
	double n = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		double f = corridor_above_f(c, p->tf[i], p->f[i]) / SUPPORT_NS;
		double b = corridor_above_b(c, p->tb[i], p->b[i]) / SUPPORT_NS;

		n += 1 / (1 + f * f) + 1 / (1 + b * b);
	}
	return n;
}

double corridor_unsteadiness(const struct corridor_points *p, const struct corridor *c)
{
	double least = INFINITY, second = INFINITY;

	for (uint32_t i = 0; i < p->n; i++) {
		double width =
		    corridor_above_f(c, p->tf[i], p->f[i]) + corridor_above_b(c, p->tb[i], p->b[i]);

		second = lower(second, higher(width, least));
		least = lower(least, width);
	}
	return p->n > 2 ? second : 0;
}
