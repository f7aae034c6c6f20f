/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_core_clock.h"

#include <math.h>
#include <stdlib.h>

#include "el_clock.h"

#define MS_NS 1000000ULL

/* The line is adjusted this often, and the rate taken over between one and two windows. */
#define ADJUST_NS EL_NS_PER_S
#define WINDOW_NS (32 * EL_NS_PER_S)
/* After a step, which may have been one of the rate, the first adjustment comes this soon, each
 * next one after twice the time. */
#define SETTLE_NS (10 * MS_NS)
/* Not known of the rate until then, in parts per 10^9. */
#define SETTLE_ERROR_PPB 20000
/* How fast the line is brought back to the time, beside the counter's rate. */
#define SLEW_PPB 1000
/* Pairs further apart than this make a rate. */
#define RATE_SPAN_NS MS_NS
/* Steps within this time of each other are a streak; a streak of so many is a bad counter, while
 * one change of the rate takes two. */
#define STREAK_NS (10 * EL_NS_PER_S)
#define STREAK_MAX 5

#define RATE_PPM_MAX 10
#define SKEW_NS_MAX 200

/* Cycles are nanoseconds to hundredths of one: other rates are no counter's. */
#define NS_PER_TSC_Q32_MIN ((1ULL << 32) / 100)
#define NS_PER_TSC_Q32_MAX ((1ULL << 32) * 100)

/* Nanoseconds a cycle between two pairs, 32.32; 0 if that is no rate of a counter. */
static uint64_t rate_between(const struct el_clock_pair *a, const struct el_clock_pair *b)
{
	unsigned __int128 q;

	if ((int64_t)(b->tsc - a->tsc) <= 0 || (int64_t)(b->ns - a->ns) < (int64_t)RATE_SPAN_NS)
		return 0;
	q = ((unsigned __int128)(b->ns - a->ns) << 32) / (b->tsc - a->tsc);
	return q >= NS_PER_TSC_Q32_MIN && q <= NS_PER_TSC_Q32_MAX ? (uint64_t)q : 0;
}

/* How wrong that may be, in parts per 10^9: each pair by half of what it took to read. */
static uint64_t rate_error_ppb(const struct el_clock_pair *a, const struct el_clock_pair *b)
{
	return (a->read_ns + b->read_ns) * EL_NS_PER_S / 2 / (b->ns - a->ns) + 1;
}

static void begin_at(struct el_core_clock *c, const struct el_clock_pair *p)
{
	c->tsc_base = p->tsc;
	c->ns_base = c->good_ns = p->ns;
	c->oldest = c->middle = c->newest = *p;
	c->behind_ns = 0;
	c->error_ppb = SETTLE_ERROR_PPB;
	c->settle_ns = SETTLE_NS;
	c->adjust_ns = p->ns + c->settle_ns;
}

void el_core_clock_init(struct el_core_clock *c, const struct el_clock_pair *first,
			const struct el_clock_pair *second)
{
	*c = (struct el_core_clock){.ns_per_tsc_q32 = rate_between(first, second)};
	if (!c->ns_per_tsc_q32) {
		el_core_clock_init_monotonic(c);
		return;
	}
	begin_at(c, second);
	c->oldest = *first;
	c->error_ppb = rate_error_ppb(first, second);
}

void el_core_clock_init_monotonic(struct el_core_clock *c)
{
	*c = (struct el_core_clock){.monotonic = true};
}

/* The newest pair in, the line goes on where it is: with the rate between the pairs, and so much
 * faster or slower that it meets the time within a second. */
static void adjust(struct el_core_clock *c, const struct el_clock_pair *p, int64_t behind_ns)
{
	uint64_t q = rate_between(&c->oldest, p), next_ns = c->settle_ns;
	int64_t slew_ppb;

	/* a pair that took long tells less than the line does */
	if (!q || rate_error_ppb(&c->oldest, p) > c->error_ppb + SETTLE_ERROR_PPB)
		return;
	c->settle_ns = next_ns < ADJUST_NS / 2 ? 2 * next_ns : ADJUST_NS;
	c->ns_base = el_core_clock_line(c, p->tsc);
	c->tsc_base = p->tsc;
	slew_ppb = behind_ns * (int64_t)EL_NS_PER_S / (int64_t)ADJUST_NS;
	slew_ppb = slew_ppb > SLEW_PPB ? SLEW_PPB : slew_ppb < -SLEW_PPB ? -SLEW_PPB : slew_ppb;
	c->ns_per_tsc_q32 = q + (uint64_t)((__int128)q * slew_ppb / (int64_t)EL_NS_PER_S);
	c->error_ppb = rate_error_ppb(&c->oldest, p) + SLEW_PPB;
	c->newest = *p;
	c->behind_ns = behind_ns;
	c->adjust_ns = p->ns + c->settle_ns;
	if (p->ns - c->middle.ns >= WINDOW_NS) {
		c->oldest = c->middle;
		c->middle = *p;
	}
}

/* The line is off. A change of the rate shows as one step after another, each as far as the time
 * since the one before; so the rate is taken anew once a line that began at a step is off again. */
static void step(struct el_core_clock *c, const struct el_clock_pair *p, struct el_span *ret_step)
{
	/* a stamp made after the step shows the time + shift */
	uint64_t shift = el_core_clock_line(c, p->tsc) - p->ns;
	bool settling = c->oldest.ns == c->newest.ns;
	uint64_t rate = settling ? rate_between(&c->newest, p) : 0;

	*ret_step = (struct el_span){.from_ns = c->good_ns, .to_ns = p->ns};
	if ((int64_t)shift < 0)
		ret_step->from_ns += shift;
	else
		ret_step->to_ns += shift;
	c->tsc_base = p->tsc;
	c->ns_base = c->good_ns = p->ns;
	if (settling && p->ns - c->newest.ns < SETTLE_NS)
		return; /* too short a time for a rate */
	if (rate)
		c->ns_per_tsc_q32 = rate;
	c->steps += !settling;
	c->streak = c->streak && p->ns - c->stepped_ns < STREAK_NS ? c->streak + 1 : 1;
	c->stepped_ns = p->ns;
	begin_at(c, p);
	if (c->streak >= STREAK_MAX && !c->fixed)
		c->monotonic = true;
}

bool el_core_clock_check(struct el_core_clock *c, const struct el_clock_pair *p,
			 struct el_span *ret_step)
{
	uint64_t since_ns = p->ns - c->newest.ns, off, tolerance;
	int64_t behind_ns;

	if (c->monotonic)
		return true;
	behind_ns = (int64_t)(p->ns - el_core_clock_line(c, p->tsc));
	/* what it was off by at the newest pair is known, and not yet made good */
	off = (uint64_t)llabs(behind_ns - c->behind_ns);
	tolerance = EL_CLOCK_STEP_NS + p->read_ns +
		    (uint64_t)((unsigned __int128)since_ns * c->error_ppb / EL_NS_PER_S);
	if (off > tolerance) {
		step(c, p, ret_step);
		return false;
	}
	c->good_ns = p->ns;
	if ((int64_t)(p->ns - c->adjust_ns) >= 0)
		adjust(c, p, behind_ns);
	return true;
}

double el_core_clock_hz(const struct el_core_clock *c)
{
	return c->ns_per_tsc_q32 ? 1e9 * 4294967296.0 / (double)c->ns_per_tsc_q32 : 1e9;
}

static double off_line_ns(const struct el_core_clock *line, const struct el_clock_pair *p)
{
	return fabs((double)(int64_t)(el_core_clock_line(line, p->tsc) - p->ns));
}

struct el_counter_survey el_counter_survey(const struct el_clock_pair *first,
					   const struct el_clock_pair *second, uint32_t n)
{
	struct el_counter_survey s = {.verdict = EL_COUNTER_GOOD};
	double rate_error = 0, skew_error = 0;
	struct el_core_clock line;

	for (uint32_t i = 0; i < n; i++) {
		if (!rate_between(&first[i], &second[i]))
			return (struct el_counter_survey){.verdict = EL_COUNTER_STOPPED};
	}
	el_core_clock_init(&line, &first[0], &second[0]);
	for (uint32_t i = 0; i < n; i++) {
		/* what differs between the pairs is the rate */
		double rate = (double)rate_between(&first[i], &second[i]);
		double ppm = 1e6 * fabs(rate / (double)rate_between(&first[0], &second[0]) - 1);
		double error = (double)rate_error_ppb(&first[i], &second[i]) * 1e-3;
		double read = (double)(second[i].read_ns + second[0].read_ns) / 2;
		/* what it differs by at one of the pairs only, is the rate's doing */
		double skew = fmin(off_line_ns(&line, &first[i]), off_line_ns(&line, &second[i]));

		s.rate_ppm = fmax(s.rate_ppm, ppm);
		s.error_ppm = fmax(s.error_ppm, error);
		s.skew_ns = fmax(s.skew_ns, skew);
		rate_error = fmax(rate_error, ppm - error - line.error_ppb * 1e-3);
		skew_error = fmax(skew_error, skew - read);
	}
	if (rate_error > RATE_PPM_MAX)
		s.verdict = EL_COUNTER_FREQUENCY;
	else if (skew_error > SKEW_NS_MAX)
		s.verdict = EL_COUNTER_SKEW;
	return s;
}
