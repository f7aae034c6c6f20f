/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "work.h"

static void put(uint64_t *const *arrays, size_t i, uint64_t forward, uint64_t backward)
{
	if (arrays[EL_DELAY_FORWARD])
		arrays[EL_DELAY_FORWARD][i] = forward;
	if (arrays[EL_DELAY_BACKWARD])
		arrays[EL_DELAY_BACKWARD][i] = backward;
}

void values_mark(struct work *w, size_t from, size_t to, enum el_delay_status status)
{
	const struct el_delay_values *v = w->values;

	for (size_t i = from; i < to; i++) {
		enum el_delay_status one =
		    is_possible(&w->samples[i]) ? status : EL_DELAY_IMPOSSIBLE;

		put(v->queueing_ns, i, EL_DELAY_NONE, EL_DELAY_NONE);
		put(v->variation_ns, i, EL_DELAY_NONE, EL_DELAY_NONE);
		put(v->oneway_ns, i, EL_DELAY_NONE, EL_DELAY_NONE);
		if (v->bound_ns)
			v->bound_ns[i] = EL_DELAY_NONE;
		if (v->status)
			v->status[i] = (uint8_t)one;
		w->round->statuses[one]++;
	}
}

/* How much higher than the walls those may be that hold for the samples of one point alone. What
 * was before and comes later does not count for bounds: behind a queue that stands, a clock may be
 * set or slewed without anybody's noticing. */
struct margins {
	double f, b;
};

static struct margins margins_of(const struct work *w, uint32_t i, const struct corridor *c,
				 double unnoticed, double slope_error)
{
	const struct corridor_points *p = &w->points;
	double far_f = higher(fabs(w->from_t[i] - p->tf[i]), fabs(w->to_t[i] - p->tf[i]));
	double far_b = higher(fabs(w->from_t[i] - p->tb[i]), fabs(w->to_t[i] - p->tb[i]));
	double f = corridor_above_f(c, p->tf[i], p->f[i]);
	double b = corridor_above_b(c, p->tb[i], p->b[i]);
	/* A step within the samples, behind which the queue of one direction is gone and that of
	 * the other has come, is between the one with the lowest forward and the one with the
	 * lowest backward delay: then none has both. */
	double apart = higher(w->low_both[i] - corridor_width(c) - f - b, 0);

	return (struct margins){.f = higher(f, 0) + apart + unnoticed + slope_error * far_f,
				.b = higher(b, 0) + apart + unnoticed + slope_error * far_b};
}

/* The one-way delays that are possible: forward from low to high, both within 0 to `both`. */
struct interval {
	int64_t low, high;
};

/* Narrows it by the clocks' word: the raw delay, and how far off it may be. */
static void hear_clocks(struct work *w, const struct el_delay_sample *x, struct interval *v)
{
	int64_t f = forward_of(x), error = x->error_ns;

	if (x->error_ns == EL_DELAY_NOT_SYNCHRONISED)
		return;
	if (f + error < v->low || f - error > v->high) {
		w->round->contradictions++;
		return;
	}
	if (2 * error >= v->high - v->low)
		return;
	w->round->by_clocks++;
	v->low = f - error > v->low ? f - error : v->low;
	v->high = f + error < v->high ? f + error : v->high;
}

static void put_oneway(struct work *w, size_t i, double above, double width,
		       const struct margins *m)
{
	const struct el_delay_sample *x = &w->samples[i];
	int64_t both = both_of(x), middle;
	struct interval v = {.low = 0, .high = both};

	if (above - m->f > 0)
		v.low = above - m->f < (double)both ? (int64_t)(above - m->f) : both;
	if (above + width + m->b < (double)both)
		v.high = (int64_t)(above + width + m->b) + 1;
	if (v.high < v.low)
		v = (struct interval){.low = 0, .high = both};
	hear_clocks(w, x, &v);
	middle = v.low + (v.high - v.low) / 2;
	put(w->values->oneway_ns, i, (uint64_t)middle, (uint64_t)(both - middle));
	if (w->values->bound_ns)
		w->values->bound_ns[i] = (uint64_t)(v.high - middle);
}

/* To the nearest; of no more than 2^62. */
static uint64_t whole(double x)
{
	return (uint64_t)(int64_t)(x + 0.5);
}

/* A sample that is above walls in a way that no true delay can be is not valued: neither delay is
 * longer than both together. */
static bool is_beyond(double f, double b, double both)
{
	return f > both + EL_DELAY_STEP_NS || b > both + EL_DELAY_STEP_NS;
}

/* Values one sample; before: the queueing delays of the one before it, which there may be none. */
static void value(struct work *w, size_t i, const struct corridor *c, const struct margins *m,
		  struct drawn *before)
{
	const struct el_delay_values *v = w->values;
	const struct el_delay_sample *x = &w->samples[i];
	struct drawn d = draw(w->s, x);
	double width = corridor_width(c) + (double)(w->s->forward_ns + w->s->backward_ns);
	double f = higher(corridor_above_f(c, d.t, d.f), 0);
	double b = higher(corridor_above_b(c, d.t, d.b), 0), both = (double)both_of(x);

	if (is_beyond(f, b, both)) {
		values_mark(w, i, i + 1, EL_DELAY_DOUBTFUL);
		return;
	}
	f = lower(f, both);
	b = lower(b, both);
	put(v->queueing_ns, i, whole(f), whole(b));
	if (before->f < 0)
		put(v->variation_ns, i, EL_DELAY_NONE, EL_DELAY_NONE);
	else
		put(v->variation_ns, i, whole(fabs(f - before->f)), whole(fabs(b - before->b)));
	*before = (struct drawn){.f = f, .b = b};
	put_oneway(w, i, f, width, m);
	if (v->status)
		v->status[i] = EL_DELAY_VALUED;
	w->round->statuses[EL_DELAY_VALUED]++;
}

void values_put(struct work *w, const struct corridor *c, uint32_t first, double unnoticed,
		double slope_error)
{
	struct drawn before = {.f = -1};

	for (uint32_t p = first; p < w->points.n; p++) {
		struct margins m = margins_of(w, p, c, unnoticed, slope_error);

		for (size_t i = w->begins[p]; i < w->begins[p + 1]; i++) {
			if (is_possible(&w->samples[i]))
				value(w, i, c, &m, &before);
			else
				values_mark(w, i, i + 1, EL_DELAY_IMPOSSIBLE);
		}
	}
}
