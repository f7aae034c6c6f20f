/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A round that is being worked on, its samples, and what they are worth. */
#include "session.h"

#define TIME_MAX (INT64_C(1) << 62)
#define APART_MAX (INT64_C(1) << 61) /* clocks; so that no difference of differences overflows */
#define RTT_MAX (INT64_C(1) << 55)

struct work {
	struct el_delay_session *s;
	const struct el_delay_sample *samples;
	const struct el_delay_values *values;
	struct el_delay_round *round;
	uint32_t breaks;
	struct corridor_points points;
	/* Of each point that is of samples: the first of them (begins[points.n]: behind the last),
	 * when they were, and their smallest sum of both delays; relative to the session. */
	size_t begins[CORRIDOR_POINTS + 1];
	double from_t[CORRIDOR_POINTS], to_t[CORRIDOR_POINTS], low_both[CORRIDOR_POINTS];
};

static inline bool is_possible(const struct el_delay_sample *x)
{
	return x->t1_ns > -TIME_MAX && x->t1_ns < TIME_MAX && x->t2_ns > -TIME_MAX &&
	       x->t2_ns < TIME_MAX && x->t2_ns - x->t1_ns > -APART_MAX &&
	       x->t2_ns - x->t1_ns < APART_MAX && x->rtt_ns < RTT_MAX && x->residence_ns >= 0 &&
	       x->residence_ns <= x->rtt_ns;
}

static inline int64_t forward_of(const struct el_delay_sample *x)
{
	return x->t2_ns - x->t1_ns;
}

/* Both directions' delay; the clocks' difference cancels. */
static inline int64_t both_of(const struct el_delay_sample *x)
{
	return x->rtt_ns - x->residence_ns;
}

/* A sample in a session's terms. Both delays hold the offset of when it was at the reflector. */
struct drawn {
	double t, f, b;
};

static inline struct drawn draw(const struct el_delay_session *s, const struct el_delay_sample *x)
{
	int64_t f = forward_of(x);

	return (struct drawn){.t = (double)(x->t2_ns - s->time_ns),
			      .f = (double)(f - s->forward_ns),
			      .b = (double)(both_of(x) - f - s->backward_ns)};
}

/* Samples without values. */
void values_mark(struct work *w, size_t from, size_t to, enum el_delay_status status);

/* Values the samples of w->points, from point number `first` on, by a corridor that holds for all.
 * The offset may have changed by up to `unnoticed` ns, and the slope be wrong by slope_error. */
void values_put(struct work *w, const struct corridor *c, uint32_t first, double unnoticed,
		double slope_error);
