/* SPDX-License-Identifier: BSD-3-Clause */
/* One-way delay: the truth is within its bound, in every run. sim_judge also sees that both
 * directions add up and none is negative. */
#include "delay_sim.h"

/* All the delay in one direction, in the other, and between. */
static void paths_that_are_uneven(void **state)
{
	static const double shares[] = {0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.99, 1};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(shares) / sizeof(shares[0]); i++) {
		double both = i % 3 == 0 ? 60e3 : i % 3 == 1 ? 2e6 : 200e6;
		struct sim s = sim_usual();
		struct sim_result r;
		s.path_ns[0] = both * shares[i / 3];
		s.path_ns[1] = both - s.path_ns[0];
		r = sim_run(&s, 150, 0);
		assert_int_equal(r.outside, 0);
		/* and it is no wider than it has to be */
		assert_true(r.bound_ns >= both / 2 && r.bound_ns < both / 2 + 25e3);
		assert_int_equal(r.by_clocks, 0);
	}
}

/* adjtime() slews by 500 ppm, where all the delay is in one direction. */
static void clocks_that_are_slewed(void **state)
{
	static const double seconds[] = {0.3, 2, 10};

	(void)state;
	for (int i = 0; i < 24; i++) {
		struct sim s = sim_usual();
		struct sim_result r;
		s.path_ns[i & 1] = 0;
		s.events[0] = (struct sim_event){.what = SIM_SLEW,
						 .at_s = 70.3,
						 .amount = i & 2 ? 500 : -500,
						 .for_s = seconds[i / 8]};
		if (i & 4) {
			s.per_round = 6000;
			s.round_s = 60;
		}
		r = sim_run(&s, i & 4 ? 4 : 160, 0);
		if (r.outside)
			fail_msg("case %d: %zu of %zu are outside", i, r.outside,
				 (size_t)r.samples);
	}
}

static double between(struct sim *s, double low, double high)
{
	return low * pow(high / low, sim_uniform(s));
}

/* Clocks, paths, queues, loads and a step of a clock, all by chance. */
static void any_run(uint64_t seed, int run)
{
	struct sim s = {.random = seed};
	struct sim_result r;
	double both = between(&s, 50e3, 200e6), share = sim_uniform(&s);

	s.offset_ns = (sim_uniform(&s) - 0.5) * 7.2e12;
	s.skew_ppm = (sim_uniform(&s) - 0.5) * 100;
	s.path_ns[0] = both * share;
	s.path_ns[1] = both - s.path_ns[0];
	s.queue[0].mean_ns = between(&s, 500, 500e3);
	s.queue[1].mean_ns = between(&s, 500, 500e3);
	s.queue[run & 1].tail_share = run & 2 ? 0.2 : 0;
	s.queue[run & 1].tail_ns = 300e3;
	s.queue[run & 1].busy_from_s = 40;
	s.queue[run & 1].busy_to_s = run & 4 ? 90 : 40;
	s.queue[run & 1].busy_ns = between(&s, 1e4, 1e7);
	s.stamp_ns = between(&s, 50, 5000);
	s.loss = run & 8 ? 0.3 : 0;
	s.per_round = (uint32_t)between(&s, 10, 1000);
	s.round_s = run & 16 ? 1 : between(&s, 1, 60);
	s.period_s = s.round_s / s.per_round;
	s.burst = run & 32 && s.per_round > 100 ? 32 : 1;
	s.events[0] = (struct sim_event){.what = run % 3 == 0 ? SIM_STEP : SIM_OWN_STEP,
					 .at_s = 30 + 70 * sim_uniform(&s)};
	if (run % 5 != 0)
		s.events[0].amount = between(&s, 1e3, 3.6e12) * (run & 1 ? 1 : -1);
	r = sim_run(&s, (uint32_t)(200 / s.round_s) + 4, 0);
	if (r.outside)
		fail_msg("run %d: %zu of %zu samples are outside", run, r.outside,
			 (size_t)r.samples);
}

/* What can't be seen in any run is not: a step within eight samples of which none was without a
 * queue, on a path that is shorter than the queues. One run in a thousand has some; so the seeds
 * are fixed. */
static void whatever_happens(void **state)
{
	/* steps behind queues */
	static const struct {
		uint64_t seed;
		int run;
	} hidden[] = {{101, 117}, {102, 54}, {104, 69}, {113, 36},  {118, 12},
		      {125, 93},  {131, 87}, {134, 39}, {135, 132}, {137, 12}};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		any_run(hidden[i].seed + (uint64_t)hidden[i].run, hidden[i].run);
	for (int run = 0; run < 80; run++)
		any_run(1000 + (uint64_t)run, run);
}

/* Clocks that say they are synchronised, and are: their word is taken where it is the narrower. */
static void clocks_that_are_right(void **state)
{
	static const double errors[] = {1e3, 50e3, 1e6, 4.9e6, 20e6};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		struct sim s = sim_usual();
		struct sim_result r;
		s.error_ns = errors[i / 2];
		s.offset_ns = (i & 1 ? -0.9 : 0.9) * s.error_ns;
		s.skew_ppm = 0;
		r = sim_run(&s, 100, 0);
		assert_int_equal(r.outside, 0);
		assert_int_equal(r.contradictions, 0);
		if (s.error_ns < 5e6) {
			assert_int_equal(r.by_clocks, r.samples);
			assert_true(r.bound_ns <= s.error_ns + 1);
		} else {
			/* too vague; but may cut off a part of what is possible */
			assert_int_equal(r.by_clocks, 0);
			assert_true(r.bound_ns > 4.9e6 && r.bound_ns < 5.1e6);
		}
	}
}

/* Clocks that say so, and aren't: where it is impossible, it is seen, and not believed. */
static void clocks_that_lie(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct sim s = sim_usual();
		struct sim_result r;
		s.error_ns = 1e6;
		s.offset_ns = sign * 20e6;
		s.skew_ppm = 0;
		r = sim_run(&s, 100, 0);
		assert_int_equal(r.outside, 0);
		assert_int_equal(r.contradictions, r.samples);
		assert_int_equal(r.by_clocks, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_that_are_uneven), cmocka_unit_test(clocks_that_are_slewed),
	    cmocka_unit_test(whatever_happens),      cmocka_unit_test(clocks_that_are_right),
	    cmocka_unit_test(clocks_that_lie),
	};

	return cmocka_run_group_tests_name("delay_bounds", tests, NULL, NULL);
}
