/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's clock against a simulated counter of 2.6 GHz: how far times that are told from its
 * stamps are from those that are true. */
#include "unit.h"

#include <math.h>

#include "el_device_clock.h"

#define HZ 2600000000.0
#define US (HZ / 1e6)

/* A device and the way to it. */
struct device {
	double hz, ppm_a_s; /* its rate, and how that drifts */
	uint64_t first;     /* what it shows at time 0 */
	double read_s;      /* how long a reading takes; where in that it is taken is random */
	uint64_t mask;      /* its width */
	uint64_t random;
};

static double draw(struct device *d)
{
	return (double)(unit_random(&d->random) >> 11) * 0x1p-53;
}

static uint64_t shows(const struct device *d, double t)
{
	return (d->first + (uint64_t)(d->hz * (t + d->ppm_a_s * 1e-6 * t * t / 2))) & d->mask;
}

static uint64_t ns_first = UINT64_MAX - 3 * (uint64_t)HZ; /* wraps after three seconds */

static uint64_t ns_at(double t)
{
	return ns_first + (uint64_t)(t * HZ);
}

static void read_pair(struct el_device_clock *c, struct device *d, double t, double read_s)
{
	el_device_clock_add(c, ns_at(t), shows(d, t + draw(d) * read_s), ns_at(t + read_s));
}

/* The largest error of what is told of arrivals within the next 200 ms, in us. */
static double error_us(const struct el_device_clock *c, const struct device *d, double t)
{
	double worst = 0;

	for (double at = t - 0.2; at < t + 0.2; at += 0.001) {
		uint64_t told = el_device_line_ns(&c->line, shows(d, at));
		worst = fmax(worst, fabs((double)(int64_t)(told - ns_at(at))) / US);
	}
	return worst;
}

static const struct device nanoseconds = {.hz = 1e9 * 1.00002,
					  .first = 1700000000000000000,
					  .read_s = 1e-6,
					  .mask = UINT64_MAX,
					  .random = 7};

/* Clocks of several rates, fast and slow, wrapping, drifting, with readings that take 1 us and are
 * taken anywhere in it: within 0.6 us. */
static void times_are_told_exactly(void **state)
{
	static const struct {
		double hz, ppm_a_s, read_s, allowed_us;
		uint64_t first;
	} cases[] = {
	    {1e9, 0, 1e-6, 0.5, 0},         {1.00005e9, 0.1, 1e-6, 0.6, UINT64_MAX - 2000000000},
	    {78.125e6, -0.1, 1e-6, 0.6, 5}, {1e9, 0, 10e-6, 5, 123},
	    {25e6, 0, 0.1e-6, 0.15, 1}, /* 40 ns ticks */
	    {8e9, 0, 1e-6, 0.5, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct device d = {.hz = cases[i].hz,
				   .ppm_a_s = cases[i].ppm_a_s,
				   .first = cases[i].first,
				   .mask = UINT64_MAX,
				   .random = 8};
		struct el_device_clock c = {.n = 0};
		double worst = 0;
		for (int k = 0; k < 300; k++) {
			read_pair(&c, &d, k * 0.1, cases[i].read_s);
			assert_int_equal(c.line.ns_per_tick_q32 != 0,
					 k + 1 >= EL_DEVICE_CLOCK_PAIRS_MIN);
			if (k >= 16)
				worst = fmax(worst, error_us(&c, &d, k * 0.1));
		}
		if (worst > cases[i].allowed_us)
			fail_msg("clock %zu: %.3f us", i, worst);
		assert_true((double)c.line.error_ns / US < 1.2 * cases[i].read_s * 1e6 + 0.1);
	}
}

/* Readings that were interrupted are left out; when all are slow, slow ones have to do. */
static void slow_readings_are_left_out(void **state)
{
	struct device d = nanoseconds;
	struct el_device_clock c = {.n = 0};

	(void)state;
	for (int k = 0; k < 100; k++)
		read_pair(&c, &d, k * 0.1, k % 3 == 2 ? 1e-3 : 1e-6);
	assert_int_equal(c.n, 67);
	assert_true(error_us(&c, &d, 9.9) < 0.6);
	for (int k = 100; k < 500; k++)
		read_pair(&c, &d, k * 0.1, 20e-6);
	assert_in_range(c.n, 200, 467); /* one of nine until the quick ones are old */
	assert_true(error_us(&c, &d, 49.9) < 15);
}

/* A clock that is set says nothing until it is known again. */
static void steps_are_noticed(void **state)
{
	static const int64_t steps[] = {1000000, -1000000, 3600000000000, -37000000000};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct device d = nanoseconds;
		struct el_device_clock c = {.n = 0};
		for (int k = 0; k < 100; k++)
			read_pair(&c, &d, k * 0.1, 1e-6);
		d.first += (uint64_t)steps[i];
		for (int k = 100; k < 200; k++) {
			read_pair(&c, &d, k * 0.1, 1e-6);
			assert_int_equal(c.line.ns_per_tick_q32 != 0,
					 k - 100 + 1 >= EL_DEVICE_CLOCK_PAIRS_MIN);
			if (c.line.ns_per_tick_q32)
				assert_true(error_us(&c, &d, k * 0.1) < 1.5);
		}
	}
}

/* PTP may slew the clock by 500 ppm: followed, not taken for a step. */
static void a_slewed_clock_is_followed(void **state)
{
	struct device d = nanoseconds;
	struct el_device_clock c = {.n = 0};

	(void)state;
	for (int k = 0; k < 300; k++) {
		if (k == 100) { /* from here on 500 ppm faster */
			double t = 99 * 0.1;
			d.first = shows(&d, t) - (uint64_t)(d.hz * 1.0005 * t);
			d.hz *= 1.0005;
		}
		read_pair(&c, &d, k * 0.1, 1e-6);
		if (k >= 8)
			assert_true(c.line.ns_per_tick_q32 != 0);
	}
	assert_true(error_us(&c, &d, 29.9) < 0.6);
}

/* A clock that stands still, or wraps at fewer than 64 bits, is not one to go by. */
static void bad_clocks_have_no_line(void **state)
{
	struct device still = {.hz = 0, .first = 77, .mask = UINT64_MAX, .random = 3};
	struct device narrow = {.hz = 1e9, .first = 0, .mask = UINT32_MAX, .random = 3};
	struct el_device_clock c = {.n = 0};

	(void)state;
	for (int k = 0; k < 100; k++) {
		read_pair(&c, &still, k * 0.1, 1e-6);
		assert_int_equal(c.line.ns_per_tick_q32, 0);
	}
	c = (struct el_device_clock){.n = 0};
	for (int k = 0; k < 43; k++) { /* it wraps after 4.29 s, between two readings */
		read_pair(&c, &narrow, k * 0.1, 1e-6);
		assert_int_equal(c.line.ns_per_tick_q32 != 0, k + 1 >= EL_DEVICE_CLOCK_PAIRS_MIN);
	}
	read_pair(&c, &narrow, 4.3, 1e-6);
	assert_int_equal(c.line.ns_per_tick_q32, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_told_exactly),  cmocka_unit_test(slow_readings_are_left_out),
	    cmocka_unit_test(steps_are_noticed),       cmocka_unit_test(a_slewed_clock_is_followed),
	    cmocka_unit_test(bad_clocks_have_no_line),
	};

	return cmocka_run_group_tests_name("device_clock", tests, NULL, NULL);
}
