/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What two clocks of which one goes faster leave possible.
 *
 * Forward raw delay is F = f + O and backward raw delay is B = b - O, of true delays f, b >= 0 and
 * the offset O between the clocks. In a drawing over time, the points F lie above O and the points
 * -B below it. While O is a straight line, which is that of two clocks with constant rates, some
 * corridor with straight and parallel walls has all F above it and all -B below it. Its slope is
 * the skew; its walls are the smallest delays seen; its width is the smallest forward delay and the
 * smallest backward delay together.
 *
 * The slope is that of the widest corridor: the linear programme of Moon, Skelly and Towsley
 * (INFOCOM 1999) for both directions at once. Only points on the lower convex hulls of F and B
 * matter (Zhang, Liu and Xia, INFOCOM 2002). The width is a concave function of the slope that has
 * straight pieces, so the best slope is found by a few intersections of tangents. */
#include <stdint.h>

#define CORRIDOR_POINTS 64
#define CORRIDOR_SLOPE_MAX 1e-3 /* no pair of clocks goes that far apart; slewing ends at 5e-4 */

/* Pairs of points, in order of time: the lowest forward delay of some stretch of time, the lowest
 * backward delay of the same; nanoseconds. */
struct corridor_points {
	uint32_t n;
	double tf[CORRIDOR_POINTS], f[CORRIDOR_POINTS];
	double tb[CORRIDOR_POINTS], b[CORRIDOR_POINTS];
};

/* As fmin and fmax, but without NaN, so without a call. */
static inline double lower(double a, double b)
{
	return a < b ? a : b;
}

static inline double higher(double a, double b)
{
	return a > b ? a : b;
}

/* Walls: forward delays are at least af + slope * t, backward ones at least ab - slope * t. */
struct corridor {
	double slope, af, ab;
};

static inline double corridor_width(const struct corridor *c)
{
	return c->af + c->ab;
}

/* How far above its wall a delay is. */
static inline double corridor_above_f(const struct corridor *c, double t, double f)
{
	return f - c->slope * t - c->af;
}

static inline double corridor_above_b(const struct corridor *c, double t, double b)
{
	return b + c->slope * t - c->ab;
}

struct corridor_slopes {
	double min, max;
};

/* The widest corridor of the points number from to to - 1, at least one, with a slope in `within`.
 */
struct corridor corridor_fit(const struct corridor_points *p, uint32_t from, uint32_t to,
			     struct corridor_slopes within);

/* The slopes in `within`, around that of `best`, the widest corridor in it, with which there is one
 * that is narrower by no more than `less`. */
struct corridor_slopes corridor_tolerate(const struct corridor_points *p, uint32_t from,
					 uint32_t to, struct corridor_slopes within,
					 const struct corridor *best, double less);

/* The walls that go with a slope. */
struct corridor corridor_of_slope(const struct corridor_points *p, uint32_t from, uint32_t to,
				  double slope);

/* How well minima repeat: how far they are above their walls, those of up to CORRIDOR_GROUPS
 * neighbouring groups of points; the median of these, and the most. */
#define CORRIDOR_GROUPS 8
struct corridor_scatter {
	double median, most;
};
struct corridor_scatter corridor_scatter(const struct corridor_points *p, uint32_t from,
					 uint32_t to, const struct corridor *c);

/* How many points are on the walls, more or less. */
double corridor_support(const struct corridor_points *p, const struct corridor *c);

/* How badly a line fits: by so much the narrowest stretch is wider than all, but for one, in which
 * there may be a break. */
double corridor_unsteadiness(const struct corridor_points *p, const struct corridor *c);
