/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_device_clock.h"

#include <math.h>

#define SLOW_READ 4
#define REFUSED_MAX 8
/* How far off the line a pair may be: so many times its error, and this part of the time since the
 * newest pair. No oscillator changes its rate by more, and one that is slewed by 500 ppm, as by
 * PTP, is followed. */
#define OFF_ERRORS 4
#define OFF_RATE 1e-3

static uint32_t n_kept(const struct el_device_clock *c)
{
	return c->n < EL_DEVICE_CLOCK_PAIRS ? c->n : EL_DEVICE_CLOCK_PAIRS;
}

static const struct el_device_pair *newest(const struct el_device_clock *c)
{
	return &c->pairs[(c->n - 1) % EL_DEVICE_CLOCK_PAIRS];
}

static uint64_t best_read(const struct el_device_clock *c)
{
	uint64_t best = UINT64_MAX;

	for (uint32_t i = 0; i < n_kept(c); i++)
		best = c->pairs[i].read_ns < best ? c->pairs[i].read_ns : best;
	return best;
}

static bool too_slow(struct el_device_clock *c, const struct el_device_pair *p)
{
	uint64_t best = best_read(c);

	if (!c->n || p->read_ns / SLOW_READ <= best || c->refused == REFUSED_MAX) {
		c->refused = 0;
		return false;
	}
	c->refused++;
	return true;
}

/* Whether the device's clock did something else than go on since the newest pair. */
static bool was_set(const struct el_device_clock *c, const struct el_device_pair *p)
{
	const struct el_device_pair *last = newest(c);
	double off, allowed;

	if ((int64_t)(p->device - last->device) <= 0)
		return true;
	if (!c->line.ns_per_tick_q32)
		return false;
	off = (double)(int64_t)(p->ns - el_device_line_ns(&c->line, p->device));
	allowed = OFF_ERRORS * (double)(c->line.error_ns + p->read_ns) +
		  OFF_RATE * (double)(p->ns - last->ns);
	return fabs(off) > allowed;
}

/* Both coordinates count from the newest pair, so doubles hold them exactly. */
static void fit(struct el_device_clock *c)
{
	const struct el_device_pair *o = newest(c);
	double mx = 0, my = 0, xx = 0, xy = 0, slope, worst = 0;
	uint32_t n = n_kept(c);

	for (uint32_t i = 0; i < n; i++) {
		mx += (double)(int64_t)(c->pairs[i].device - o->device) / n;
		my += (double)(int64_t)(c->pairs[i].ns - o->ns) / n;
	}
	for (uint32_t i = 0; i < n; i++) {
		double x = (double)(int64_t)(c->pairs[i].device - o->device) - mx;
		double y = (double)(int64_t)(c->pairs[i].ns - o->ns) - my;
		xx += x * x;
		xy += x * y;
	}
	slope = xx > 0 ? xy / xx : 0;
	/* a clock faster than 10 THz or slower than 10 Hz is none */
	if (!(slope > 1e-4 && slope < 1e9)) {
		c->line = (struct el_device_line){0};
		return;
	}
	c->line = (struct el_device_line){
	    .device_base = o->device,
	    .ns_base = o->ns + (uint64_t)llround(my - slope * mx),
	    .ns_per_tick_q32 = (uint64_t)(slope * 0x1p32),
	};
	for (uint32_t i = 0; i < n; i++)
		worst =
		    fmax(worst,
			 fabs((double)(int64_t)(c->pairs[i].ns -
						el_device_line_ns(&c->line, c->pairs[i].device))));
	c->line.error_ns = (uint64_t)worst + best_read(c) / 2;
}

void el_device_clock_add(struct el_device_clock *c, uint64_t ns_before, uint64_t device,
			 uint64_t ns_after)
{
	struct el_device_pair p = {.device = device,
				   .read_ns = ns_after - ns_before,
				   .ns = ns_before + (ns_after - ns_before) / 2};

	if (too_slow(c, &p))
		return;
	if (c->n && was_set(c, &p))
		*c = (struct el_device_clock){.n = 0};
	c->pairs[c->n % EL_DEVICE_CLOCK_PAIRS] = p;
	c->n++;
	if (c->n >= EL_DEVICE_CLOCK_PAIRS_MIN)
		fit(c);
}
