/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <math.h>

#define STRETCH_SHIFT_MIN 26 /* the shortest stretch of time is 2^26 ns */
#define BASE_MAX 0x1p60

void session_points(const struct el_delay_session *s, struct corridor_points *ret)
{
	ret->n = s->n_segments;
	for (uint32_t i = 0; i < s->n_segments; i++) {
		const struct el_delay_segment *g = &s->segments[i];

		ret->tf[i] = g->forward_us * 1e3;
		ret->f[i] = g->forward_ns;
		ret->tb[i] = g->backward_us * 1e3;
		ret->b[i] = g->backward_ns;
	}
}

void session_forget(struct el_delay_session *s, bool keep_rate)
{
	double slope = s->slope, min = s->slope_min, max = s->slope_max;

	*s = (struct el_delay_session){.samples = 0};
	if (keep_rate) {
		s->slope = slope;
		s->slope_min = min;
		s->slope_max = max;
	}
}

static int32_t saturate(double x)
{
	return (int32_t)rint(lower(higher(x, INT32_MIN), INT32_MAX));
}

/* Joins point i to the last one kept: the lower one stays. */
static void join(struct corridor_points *p, uint32_t last, uint32_t i, const struct corridor *c)
{
	if (corridor_above_f(c, p->tf[i], p->f[i]) <=
	    corridor_above_f(c, p->tf[last], p->f[last])) {
		p->tf[last] = p->tf[i];
		p->f[last] = p->f[i];
	}
	if (corridor_above_b(c, p->tb[i], p->b[i]) <=
	    corridor_above_b(c, p->tb[last], p->b[last])) {
		p->tb[last] = p->tb[i];
		p->b[last] = p->b[i];
	}
}

static double begin_of(const struct corridor_points *p, uint32_t i)
{
	return lower(p->tf[i], p->tb[i]);
}

/* Points of the same stretch of absolute time become one, so that stretches nest as they grow. */
static void thin_out(struct corridor_points *p, int64_t base_ns, double begin, double end,
		     const struct corridor *c)
{
	int shift = STRETCH_SHIFT_MIN;
	uint32_t kept = 0;
	int64_t stretch = 0;

	while (((int64_t)(end - begin) >> shift) > EL_DELAY_SEGMENTS - 2)
		shift++;
	for (uint32_t i = 0; i < p->n; i++) {
		int64_t at = (base_ns + (int64_t)begin_of(p, i)) >> shift;

		if (higher(p->tf[i], p->tb[i]) < begin)
			continue;
		if (kept > 0 && (at <= stretch || kept == EL_DELAY_SEGMENTS)) {
			join(p, kept - 1, i, c);
			continue;
		}
		p->tf[kept] = p->tf[i];
		p->f[kept] = p->f[i];
		p->tb[kept] = p->tb[i];
		p->b[kept] = p->b[i];
		kept++;
		stretch = at;
	}
	p->n = kept;
}

void session_keep(struct el_delay_session *s, const struct corridor_points *points,
		  const struct corridor *c)
{
	struct corridor_points p = *points;
	double begin = INFINITY, end = -INFINITY, f, b;

	for (uint32_t i = 0; i < p.n; i++) {
		begin = lower(begin, begin_of(&p, i));
		end = higher(end, higher(p.tf[i], p.tb[i]));
	}
	begin = higher(begin, end - (double)EL_DELAY_WINDOW_NS);
	thin_out(&p, s->time_ns, begin, end, c);
	end = rint(end);
	f = rint(c->af + c->slope * end);
	b = rint(c->ab - c->slope * end);
	if (fabs(f) > BASE_MAX || fabs(b) > BASE_MAX) {
		session_forget(s, false);
		return;
	}
	s->n_segments = (uint8_t)p.n;
	for (uint32_t i = 0; i < p.n; i++)
		s->segments[i] =
		    (struct el_delay_segment){.forward_us = saturate((p.tf[i] - end) / 1e3),
					      .backward_us = saturate((p.tb[i] - end) / 1e3),
					      .forward_ns = saturate(p.f[i] - f),
					      .backward_ns = saturate(p.b[i] - b)};
	s->time_ns += (int64_t)end;
	s->forward_ns += (int64_t)f;
	s->backward_ns += (int64_t)b;
}
