/* SPDX-License-Identifier: BSD-3-Clause */
/* A round of a session: its samples become points, points and session a corridor, and what the
 * corridor says of each sample its values. Where one corridor does not do there is a break: what is
 * before and what is behind it are then gone through one after the other, each by itself. */
#include "el_delay.h"

#include <math.h>
#include <string.h>

#include "breaks.h"
#include "work.h"

#define CHUNKS 16      /* points that a round makes */
#define CHUNKS_FINE 48 /* and where a break is looked for */
#define CHUNK_SAMPLES 8
#define BREAKS_MAX 8                /* of a round; what follows is doubtful */
#define FEW_SAMPLES 128             /* don't tell by how much minima scatter */
#define DOUBTS_MAX 3                /* rounds */
#define PATIENCE_MAX 31             /* rounds */
#define BACK_NS INT64_C(1000000000) /* samples in order are never so far behind one another */
#define PPM 1e-6
#define RATE_KNOWN (1 * PPM)            /* it is, when it is known so well */
#define RATE_WANDER (0.01 * PPM * 1e-9) /* a ns: it is looked for in what it was and this */
#define RATE_ERROR (0.1 * PPM)          /* it may be off by more than its points show, for bounds */
#define RATE_ERROR_BREAK 1e-3 /* the same in a round in which it is known to have changed */
#define SAME_NS 50            /* widths that are as good as each other */

_Static_assert(EL_DELAY_SEGMENTS + CHUNKS_FINE <= CORRIDOR_POINTS, "all points fit");

static size_t count_usable(const struct work *w, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += is_possible(&w->samples[i]) && !w->samples[i].uncertain;
	return n;
}

/* ---- points ---- */

/* Begins a point, with its first usable sample. */
static void begin_point(struct work *w, size_t begin, double t)
{
	uint32_t at = w->points.n++;

	w->begins[at] = begin;
	w->from_t[at] = t;
	w->low_both[at] = INFINITY;
}

/* The session's points, and the lowest of each of n_chunks parts of the samples, under a slope. */
static void gather(struct work *w, size_t from, size_t to, double slope, size_t n_usable,
		   uint32_t n_chunks)
{
	struct corridor_points *p = &w->points;
	size_t each = (n_usable + n_chunks - 1) / n_chunks, room = 0;
	double low_f = 0, low_b = 0;

	session_points(w->s, p);
	for (size_t i = from; i < to; i++) {
		const struct el_delay_sample *x = &w->samples[i];
		struct drawn d;
		uint32_t at;

		if (!is_possible(x) || x->uncertain)
			continue;
		d = draw(w->s, x);
		if (room == 0) {
			room = each;
			begin_point(w, p->n == w->s->n_segments ? from : i, d.t);
			low_f = INFINITY;
			low_b = INFINITY;
		}
		room--;
		at = p->n - 1;
		w->to_t[at] = d.t;
		w->low_both[at] = lower(w->low_both[at], d.f + d.b);
		if (d.f - slope * d.t < low_f) {
			low_f = d.f - slope * d.t;
			p->tf[at] = d.t;
			p->f[at] = d.f;
		}
		if (d.b + slope * d.t < low_b) {
			low_b = d.b + slope * d.t;
			p->tb[at] = d.t;
			p->b[at] = d.b;
		}
	}
	w->begins[p->n] = to;
}

/* The smallest sum of both delays of a sample. */
static double low_both(const struct work *w)
{
	double low = INFINITY;

	for (uint32_t i = w->s->n_segments; i < w->points.n; i++)
		low = lower(low, w->low_both[i]);
	return low;
}

static bool rate_known(const struct el_delay_session *s)
{
	return s->slope_max > s->slope_min;
}

/* What the rate may be at the end of the points. The base of a session is its end. */
static struct corridor_slopes rates_of(const struct el_delay_session *s,
				       const struct corridor_points *p)
{
	double wander = RATE_WANDER * higher(p->tf[p->n - 1], 0);

	if (rate_known(s))
		return (struct corridor_slopes){higher(s->slope_min - wander, -CORRIDOR_SLOPE_MAX),
						lower(s->slope_max + wander, CORRIDOR_SLOPE_MAX)};
	if (p->n == 1) /* it does not tell */
		return (struct corridor_slopes){s->slope, s->slope};
	return (struct corridor_slopes){-CORRIDOR_SLOPE_MAX, CORRIDOR_SLOPE_MAX};
}

/* The corridor of session and samples; where the rate is not known, the lowest samples of a chunk
 * are not either until it is. */
static struct corridor fit(struct work *w, size_t from, size_t to, size_t n_usable)
{
	bool known = rate_known(w->s);
	size_t n_chunks = n_usable / (known ? CHUNK_SAMPLES : CHUNK_SAMPLES / 4);
	double slope = w->s->slope;
	struct corridor c;

	n_chunks = n_chunks < 1 ? 1 : n_chunks > CHUNKS ? CHUNKS : n_chunks;
	for (int pass = 0;; pass++) {
		gather(w, from, to, slope, n_usable, (uint32_t)n_chunks);
		c = corridor_fit(&w->points, 0, w->points.n, rates_of(w->s, &w->points));
		if (known || pass == 2)
			return c;
		slope = c.slope;
	}
}

/* ---- a stretch of samples ---- */

/* The corridor to go by. Where several are as good, the one with the rate that is nearest to what
 * is known: so when the lowest points are all of one time, before a path became longer. Then the
 * widest one may even be worse, which shows in that it has fewer points on its walls. */
static struct corridor choose(const struct work *w, struct corridor_slopes within,
			      const struct corridor *best)
{
	const struct corridor_points *p = &w->points;
	struct corridor_slopes same = corridor_tolerate(p, 0, p->n, within, best, SAME_NS);
	double known = w->s->slope;
	struct corridor now, before;

	if (!rate_known(w->s))
		return corridor_of_slope(p, 0, p->n, (same.min + same.max) / 2);
	now = corridor_of_slope(p, 0, p->n, lower(higher(known, same.min), same.max));
	if (now.slope == known)
		return now;
	before = corridor_of_slope(p, 0, p->n, known);
	return corridor_support(p, &before) > corridor_support(p, &now) + 1 ? before : now;
}

/* By how much minima that nothing happened to may differ. */
static double tolerance_of(const struct work *w, const struct corridor *c)
{
	return EL_DELAY_STEP_NS + SCATTERS * corridor_scatter(&w->points, 0, w->points.n, c).median;
}

/* The width of the walls that a session has, which its base is on. */
static double base_width(const struct el_delay_session *s)
{
	return (double)(s->forward_ns + s->backward_ns);
}

static double width_of(const struct el_delay_session *s, const struct corridor *c)
{
	return corridor_width(c) + base_width(s);
}

/* All begins anew, but for what no clock has changed. */
static void begin_anew(struct el_delay_session *s, bool keep_rate)
{
	struct el_delay_session before = *s;

	session_forget(s, keep_rate);
	memcpy(s->least_ns, before.least_ns, sizeof(s->least_ns));
	s->least_since_ns = before.least_since_ns;
	s->unsettled = before.unsettled || before.samples >= EL_DELAY_SAMPLES_MIN;
}

/* Both delays together have been so short, whatever clocks did: the shortest of a window or two. */
static void note_least(struct el_delay_session *s, int64_t time_ns, int64_t both_ns)
{
	if (s->least_since_ns == 0) {
		s->least_ns[0] = s->least_ns[1] = both_ns;
		s->least_since_ns = time_ns;
	} else if (time_ns < s->least_since_ns ||
		   time_ns - s->least_since_ns > EL_DELAY_WINDOW_NS) {
		s->least_ns[1] = s->least_ns[0];
		s->least_ns[0] = both_ns;
		s->least_since_ns = time_ns;
	} else if (both_ns < s->least_ns[0]) {
		s->least_ns[0] = both_ns;
	}
}

/* Whether since a step there was no sample yet without queueing, either way, as far as it is known
 * how short delays can be. */
static bool is_wide(struct work *w, const struct corridor *c)
{
	struct el_delay_session *s = w->s;
	double least = (double)(s->least_ns[0] < s->least_ns[1] ? s->least_ns[0] : s->least_ns[1]);

	if (s->unsettled && width_of(s, c) > least + tolerance_of(w, c))
		return true;
	s->unsettled = 0;
	return false;
}

/* Takes the corridor of w->points for right. */
static void accept(struct work *w, size_t from, size_t to, const struct corridor *best,
		   size_t n_usable)
{
	struct el_delay_session *s = w->s;
	const struct corridor_points *p = &w->points;
	struct corridor_slopes within = rates_of(s, p), slopes;
	double less = EL_DELAY_STEP_NS / 2.0 + 2 * corridor_scatter(p, 0, p->n, best).median, error;
	struct corridor c = choose(w, within, best);

	slopes = corridor_tolerate(p, 0, p->n, within, best, less);
	error = (slopes.max - slopes.min) / 2;
	s->samples += n_usable < UINT32_MAX - s->samples ? (uint32_t)n_usable : 0;
	s->held = 0;
	s->doubts = 0;
	s->slope = c.slope;
	if (rate_known(s) || error < RATE_KNOWN) {
		s->slope_min = slopes.min;
		s->slope_max = higher(slopes.max, nextafter(slopes.min, 1));
	}
	if (s->samples < EL_DELAY_SAMPLES_MIN)
		values_mark(w, from, to, EL_DELAY_EARLY);
	else if (is_wide(w, &c))
		values_mark(w, from, to, EL_DELAY_DOUBTFUL);
	else
		values_put(w, &c, s->n_segments, tolerance_of(w, &c),
			   w->breaks ? RATE_ERROR_BREAK : error + RATE_ERROR);
	session_keep(s, p, &c);
}

/* Whether a break has to be looked for. The base of a session is on its walls, so its width was 0.
 * Where one was not found it may be later, with more samples, or there is none and queues never
 * drain; it is looked for more and more seldom. */
static bool is_suspicious(struct work *w, const struct corridor *c)
{
	struct el_delay_session *s = w->s;

	if (s->samples == 0 || corridor_width(c) < -EL_DELAY_STEP_NS)
		return true;
	if (corridor_unsteadiness(&w->points, c) < EL_DELAY_STEP_NS) {
		s->patience = 0;
		return false;
	}
	if (s->waited++ < s->patience)
		return false;
	s->waited = 0;
	s->patience = s->patience < PATIENCE_MAX ? (uint8_t)(2 * s->patience + 1) : PATIENCE_MAX;
	return true;
}

/* Whether a sample is below the walls. */
static bool is_below(const struct work *w, size_t i, const struct corridor *c, double tolerance)
{
	struct drawn d = draw(w->s, &w->samples[i]);

	/* of a corridor of nothing everything is outside */
	return corridor_above_f(c, d.t, d.f) < -tolerance ||
	       corridor_above_b(c, d.t, d.b) < -tolerance;
}

/* The samples that a break touches: those that are neither surely before nor surely behind it. */
static void touched_by(const struct work *w, size_t from, size_t to, const struct corridor_break *b,
		       size_t *ret_begin, size_t *ret_end)
{
	size_t first_not_old = to, end_not_new = from;

	for (size_t i = from; i < to; i++) {
		if (!is_possible(&w->samples[i]) || w->samples[i].uncertain)
			continue;
		if (first_not_old == to && is_below(w, i, &b->old, b->tolerance / 2))
			first_not_old = i;
		if (is_below(w, i, &b->new, b->tolerance / 2))
			end_not_new = i + 1;
	}
	*ret_begin = first_not_old < end_not_new ? first_not_old : end_not_new;
	*ret_end = first_not_old < end_not_new ? end_not_new : first_not_old;
}

static void note_break(struct work *w, const struct corridor_break *b)
{
	if (b->same_rate) {
		w->round->steps++;
		w->round->step_ns = (int64_t)b->step;
	} else {
		w->round->rate_changes++;
	}
}

static void process(struct work *w, size_t from, size_t to);

/* A break that was found late: in the session's points. */
static void drop_segments(struct work *w, const struct corridor_break *b)
{
	struct el_delay_session *s = w->s, kept = *s;
	uint32_t left = s->n_segments - b->after;

	begin_anew(s, b->same_rate);
	s->time_ns = kept.time_ns;
	s->forward_ns = kept.forward_ns;
	s->backward_ns = kept.backward_ns;
	s->samples = EL_DELAY_SAMPLES_MIN;
	s->n_segments = (uint8_t)left;
	memcpy(s->segments, kept.segments + b->after, left * sizeof(s->segments[0]));
}

static void process_break(struct work *w, size_t from, size_t to, const struct corridor_break *b)
{
	struct el_delay_session *s = w->s;
	size_t begin, end, n_new, n_old;

	w->breaks++;
	if (b->after < s->n_segments) {
		note_break(w, b);
		drop_segments(w, b);
		process(w, from, to);
		return;
	}
	touched_by(w, from, to, b, &begin, &end);
	n_new = count_usable(w, end, to);
	n_old = count_usable(w, from, begin);
	if (n_new + s->held < EL_DELAY_SAMPLES_MIN || w->breaks == BREAKS_MAX) {
		uint8_t held = (uint8_t)(s->held + (n_new < 8 ? n_new : 8));

		process(w, from, begin);
		values_mark(w, begin, to, EL_DELAY_DOUBTFUL);
		s->held = held;
		return;
	}
	if (s->samples == 0 && n_old < EL_DELAY_SAMPLES_MIN)
		values_mark(w, from, begin, EL_DELAY_STEPPED);
	else
		process(w, from, begin);
	note_break(w, b);
	values_mark(w, begin, end, EL_DELAY_STEPPED);
	begin_anew(s, b->same_rate);
	process(w, end, to);
}

/* What can't be told yet may be in the next rounds; else all begins anew. */
static void process_doubt(struct work *w, size_t from, size_t to)
{
	if (w->s->samples == 0 || w->s->doubts++ < DOUBTS_MAX) {
		values_mark(w, from, to, EL_DELAY_DOUBTFUL);
		return;
	}
	w->round->rate_changes++;
	begin_anew(w->s, false);
	process(w, from, to);
}

/* Whether one of the smallest delays has become smaller, but both together in no sample: a clock
 * that is not steady, hidden by queues, or a path that became shorter, also hidden by a queue. */
static bool is_doubtful(const struct work *w, const struct corridor *c)
{
	double tolerance = tolerance_of(w, c);

	return w->s->samples > 0 && corridor_width(c) < -tolerance && low_both(w) > -tolerance;
}

/* Whether the smallest delays of both directions together are below zero. */
static bool is_crossed(const struct el_delay_session *s, const struct corridor *c)
{
	return width_of(s, c) < -EL_DELAY_STEP_NS;
}

static void process(struct work *w, size_t from, size_t to)
{
	struct el_delay_session *s = w->s;
	size_t n_usable = count_usable(w, from, to);
	struct corridor_break b;
	struct corridor c;

	if (n_usable == 0) {
		values_mark(w, from, to, EL_DELAY_EARLY);
		return;
	}
	if (s->n_segments == 0) {
		const struct el_delay_sample *x = &w->samples[from];

		while (!is_possible(x) || x->uncertain)
			x++;
		s->time_ns = x->t2_ns;
		s->forward_ns = forward_of(x);
		s->backward_ns = both_of(x) - forward_of(x);
	}
	c = fit(w, from, to, n_usable);
	note_least(s, s->time_ns, (int64_t)(low_both(w) + base_width(s)));
	if (w->breaks < BREAKS_MAX && is_suspicious(w, &c)) {
		gather(w, from, to, rate_known(s) ? s->slope : c.slope, n_usable, CHUNKS_FINE);
		if (corridor_find_break(&w->points, rates_of(s, &w->points),
					s->samples + n_usable < FEW_SAMPLES, &b)) {
			process_break(w, from, to, &b);
			return;
		}
		c = fit(w, from, to, n_usable);
		if (is_doubtful(w, &c) || is_crossed(s, &c)) {
			process_doubt(w, from, to);
			return;
		}
	}
	accept(w, from, to, &c, n_usable);
}

/* ---- a round ---- */

/* Time went on by more than the window, or back. A clock was set if the raw delay says so, too. */
static void leap(struct work *w, size_t i)
{
	struct el_delay_session *s = w->s;
	const struct el_delay_sample *x = &w->samples[i];
	double gone = (double)(x->t2_ns - s->time_ns);
	double change = (double)(forward_of(x) - s->forward_ns);
	bool step = gone < 0 || fabs(change) > CORRIDOR_SLOPE_MAX * gone + (double)both_of(x);

	if (s->n_segments > 0 && step) {
		w->round->steps++;
		w->round->step_ns = (int64_t)change;
	}
	if (step)
		begin_anew(s, true);
	else
		session_forget(s, false);
}

static bool is_leap(int64_t from_ns, int64_t to_ns)
{
	return to_ns < from_ns - BACK_NS || to_ns > from_ns + EL_DELAY_WINDOW_NS;
}

static void summarise(struct work *w)
{
	const struct el_delay_session *s = w->s;
	bool known = rate_known(s);

	w->round->skew_ppm = known ? s->slope / PPM : NAN;
	w->round->skew_error_ppm =
	    known ? higher(s->slope_max - s->slope, s->slope - s->slope_min) / PPM : NAN;
	w->round->width_ns = s->samples >= EL_DELAY_SAMPLES_MIN ? base_width(s) : NAN;
}

void el_delay_round(struct el_delay_session *s, const struct el_delay_sample *samples, size_t n,
		    const struct el_delay_values *values, struct el_delay_round *ret_round)
{
	struct work w = {.s = s, .samples = samples, .values = values, .round = ret_round};
	int64_t last_ns = s->time_ns;
	bool has_last = s->n_segments > 0;
	size_t from = 0;

	*ret_round = (struct el_delay_round){.steps = 0};
	for (size_t i = 0; i < n; i++) {
		if (!is_possible(&samples[i]))
			continue;
		if (has_last && is_leap(last_ns, samples[i].t2_ns)) {
			process(&w, from, i);
			leap(&w, i);
			from = i;
		}
		last_ns = samples[i].t2_ns;
		has_last = true;
	}
	process(&w, from, n);
	summarise(&w);
}
