/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks that step or are slewed: it is found, and nothing wrong is told. */
#include "delay_sim.h"

#define AT_S 100.503

static struct sim stepping(bool own, double ns)
{
	struct sim s = sim_usual();

	s.events[0] =
	    (struct sim_event){.what = own ? SIM_OWN_STEP : SIM_STEP, .at_s = AT_S, .amount = ns};
	return s;
}

static void assert_few_wrong(const char *name, const struct sim_result *r)
{
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		if (!(r->p50[d] <= 1000 && r->p99[d] <= 5000))
			fail_msg("%s: direction %d: p50 %.0f, p99 %.0f ns", name, d, r->p50[d],
				 r->p99[d]);
	}
	if (r->outside)
		fail_msg("%s: %zu outside their bound", name, r->outside);
}

/* From what is as much as minima scatter by to an hour, at either end and either way. */
static void steps_are_found(void **state)
{
	static const double sizes[] = {20e3, 50e3, 200e3, 1e6, 6e6, 30e6, 1e9, 37e9, 3.6e12};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		bool own = i & 1;
		double ns = sizes[i / 4] * (i & 2 ? -1 : 1);
		struct sim s = stepping(own, ns);
		struct sim_result r = sim_run(&s, 200, 1);
		char name[60];
		snprintf(name, sizeof(name), "%s clock by %g us", own ? "own" : "reflector's",
			 ns / 1e3);
		assert_few_wrong(name, &r);
		if (r.steps != 1 || r.rate_changes != 0)
			fail_msg("%s: %u steps, %u changes of the rate", name, r.steps,
				 r.rate_changes);
		/* by how much: by two minima, in a new line */
		if (!(fabs((double)r.step_ns - (own ? -ns : ns)) < 5000 + fabs(ns) * 1e-4))
			fail_msg("%s: told %lld ns", name, (long long)r.step_ns);
		/* no value is off by the step: those at it have none */
		if (!(r.worst[0] < 20e3 && r.worst[1] < 20e3))
			fail_msg("%s: off by %.0f and %.0f ns", name, r.worst[0], r.worst[1]);
		assert_true(r.statuses[EL_DELAY_STEPPED] <= 20);
		assert_int_equal(r.statuses[EL_DELAY_VALUED] + r.statuses[EL_DELAY_STEPPED],
				 r.samples);
		assert_true(fabs(r.skew_ppm - s.skew_ppm) < 0.1);
	}
}

/* Steps that are too small to be told from queueing, or are told later, are no more than that. */
static void small_steps_do_little(void **state)
{
	static const double sizes[] = {1e3, 2e3, 3e3, 5e3, 8e3, 10e3};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		double ns = sizes[i / 4] * (i & 2 ? -1 : 1);
		struct sim s = stepping(i & 1, ns);
		struct sim_result r = sim_run(&s, 340, 1);
		assert_int_equal(r.outside, 0);
		assert_true(r.steps + r.rate_changes <= 1);
		for (int d = 0; d < EL_DELAY_DIRECTIONS; d++)
			assert_true(r.p99[d] < 5000 && r.worst[d] < fabs(ns) + 3000);
	}
}

/* In a first round, where nothing is known; in small rounds; in a long one; twice in one. */
static void steps_anywhere(void **state)
{
	struct sim s = sim_usual();
	struct sim_result r;

	(void)state;
	s.events[0] = (struct sim_event){.what = SIM_STEP, .at_s = 0.503, .amount = 100e3};
	r = sim_run(&s, 100, 0);
	assert_few_wrong("first round", &r);
	assert_int_equal(r.steps, 1);

	for (int at = 0; at < 10; at++) {
		s = stepping(false, at & 1 ? 1e6 : -1e6);
		s.per_round = 10;
		s.period_s = 0.1;
		s.queue[0].mean_ns = s.queue[1].mean_ns = 5000;
		s.events[0].at_s = 100.05 + at / 10.0;
		r = sim_run(&s, 200, 20);
		assert_few_wrong("rounds of ten", &r);
		assert_int_equal(r.steps, 1);
		assert_true(r.worst[0] < 50e3 && r.worst[1] < 50e3);
		assert_true(r.statuses[EL_DELAY_STEPPED] + r.statuses[EL_DELAY_DOUBTFUL] < 10);
	}

	s = stepping(true, 10e6);
	s.per_round = 10000;
	s.round_s = 60;
	s.period_s = 0.006;
	s.events[1] = (struct sim_event){.what = SIM_STEP, .at_s = 111, .amount = -3e6};
	r = sim_run(&s, 8, 0);
	assert_few_wrong("two in a minute", &r);
	assert_int_equal(r.steps, 2);
	assert_true(r.worst[0] < 50e3 && r.worst[1] < 50e3);
	assert_true(r.statuses[EL_DELAY_VALUED] > r.samples - 1000);
}

/* adjtime() slews by 500 ppm: longer than a round, and in a part of one. */
static void slews_are_followed_or_marked(void **state)
{
	static const double seconds[] = {0.2, 1, 2, 10, 60};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct sim s = sim_usual();
		struct sim_result r;
		char name[40];
		s.events[0] = (struct sim_event){.what = SIM_SLEW,
						 .at_s = 100.53,
						 .amount = i & 1 ? 500 : -500,
						 .for_s = seconds[i / 4]};
		if (i & 2) {
			s.per_round = 6000;
			s.round_s = 60;
		}
		snprintf(name, sizeof(name), "%.1f s in rounds of %.0f s", seconds[i / 4],
			 s.round_s);
		r = sim_run(&s, i & 2 ? 10 : 300, 1);
		assert_few_wrong(name, &r);
		assert_true(r.steps + r.rate_changes >= 1);
		/* of up to 30,000 us */
		if (!(r.worst[0] < 60e3 && r.worst[1] < 60e3))
			fail_msg("%s: off by %.0f and %.0f ns", name, r.worst[0], r.worst[1]);
		assert_true(r.statuses[EL_DELAY_VALUED] > r.samples * 95 / 100);
		assert_true(fabs(r.skew_ppm - s.skew_ppm) < 0.1);
	}
}

/* Wherever in a round it begins. At worst the whole round is doubtful. */
static void slews_anywhere_in_a_round(void **state)
{
	(void)state;
	for (int k = 0; k < 24; k++) {
		struct sim s = sim_usual();
		struct sim_result r;
		s.events[0] = (struct sim_event){.what = SIM_SLEW,
						 .at_s = 60.05 + 2.5 * k,
						 .amount = k & 1 ? 500 : -500,
						 .for_s = k & 2 ? 2 : 0.5};
		s.per_round = 6000;
		s.round_s = 60;
		r = sim_run(&s, 5, 0);
		assert_int_equal(r.outside, 0);
		if (!(r.worst[0] < 60e3 && r.worst[1] < 60e3))
			fail_msg("at %.2f: off by %.0f and %.0f ns", s.events[0].at_s, r.worst[0],
				 r.worst[1]);
		assert_true(r.statuses[EL_DELAY_VALUED] >= r.samples * 4 / 5);
		assert_in_range(r.steps + r.rate_changes, 1, 3);
	}
}

/* A quartz that becomes warmer: by 0.1 ppm in five minutes. It is followed, and no change. */
static void rates_that_wander_are_followed(void **state)
{
	struct sim s = sim_usual();
	struct sim_result r;

	(void)state;
	for (int i = 0; i < SIM_EVENTS; i++)
		s.events[i] = (struct sim_event){
		    .what = SIM_SLEW, .at_s = 100 + 40 * i, .amount = 0.0125, .for_s = 1e6};
	r = sim_run(&s, 700, 1);
	assert_few_wrong("wander", &r);
	assert_int_equal(r.steps + r.rate_changes, 0);
	assert_true(fabs(r.skew_ppm - s.skew_ppm - 0.1) < 0.05);
}

/* A way back that becomes shorter just when the queue of the way there does not drain any more: all
 * that a step would do, but for how much. */
static void queues_are_not_steps(void **state)
{
	struct sim s = sim_usual();
	struct sim_result r;

	(void)state;
	s.queue[0].busy_from_s = 100.2;
	s.queue[0].busy_to_s = 160;
	s.queue[0].busy_ns = 3e6;
	s.events[0] = (struct sim_event){.what = SIM_BACKWARD, .at_s = 100.2, .amount = -100e3};
	r = sim_run(&s, 250, 1);
	assert_int_equal(r.steps, 0);
	assert_true(r.p99[0] < 5000 && r.worst[0] < 50e3);
}

/* Queues of each direction by themselves: quiet, then never below some hundred us, or some ms, for
 * a while. */
static void change_queue(struct sim *s, struct sim_queue *q)
{
	double u = sim_uniform(s);

	if (u > 0.1)
		return;
	u = sim_uniform(s);
	q->mean_ns = u < 0.3 ? 500e3 : u < 0.5 ? 3e6 : 20e3;
	q->busy_to_s = INFINITY;
	q->busy_ns = q->mean_ns / 2;
}

/* Five rounds, in which the clock is set once if `step`; how many steps are counted. */
static uint32_t count_steps(uint64_t seed, uint32_t per_round, bool step)
{
	struct el_delay_session session = {.samples = 0};
	struct sim_round r = sim_round_init(per_round);
	struct sim s = sim_usual();
	uint32_t steps = 0;

	s.random = seed;
	s.path_ns[1] = 60e3;
	if (step)
		s.events[0] = (struct sim_event){.what = SIM_STEP, .at_s = 2.503, .amount = 50e6};
	for (int i = 0; i < 5; i++) {
		r.n = per_round;
		for (uint32_t k = 0; k < per_round; k++) {
			s.now_s = i + (double)k / per_round;
			change_queue(&s, &s.queue[0]);
			change_queue(&s, &s.queue[1]);
			sim_probe(&s, &r.samples[k], &r.truth[k]);
		}
		el_delay_round(&session, r.samples, r.n, &r.values, &r.round);
		steps += r.round.steps;
	}
	sim_round_fini(&r);
	return steps;
}

/* Few probes and long queues, as beside a busy program: each step is counted, and one that is none
 * in one of 150 sessions at most. */
static void queues_of_few_probes_are_not_steps(void **state)
{
	enum { RUNS = 300 };
	static const uint32_t per_round[] = {10, 20, 30, 60};

	(void)state;
	for (size_t i = 0; i < sizeof(per_round) / sizeof(per_round[0]); i++) {
		for (int step = 0; step < 2; step++) {
			uint32_t missed = 0, invented = 0;

			for (uint64_t seed = 1; seed <= RUNS; seed++) {
				uint32_t n = count_steps(seed, per_round[i], step);

				missed += n < (uint32_t)step;
				invented += n > (uint32_t)step;
			}
			if (invented > RUNS / 150)
				fail_msg("%u a round: %u invented", per_round[i], invented);
			if (missed > 0)
				fail_msg("%u a round: %u missed", per_round[i], missed);
		}
	}
}

/* What NTP does: the rate is changed by parts of a ppm, all the time. Followed. */
static void rates_that_change_are_followed(void **state)
{
	static const double ppm[] = {0.02, -0.1, 0.3, -1, 10};

	(void)state;
	for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
		struct sim s = sim_usual();
		struct sim_result r;
		s.events[0] = (struct sim_event){
		    .what = SIM_SLEW, .at_s = 150, .amount = ppm[i], .for_s = 1e6};
		r = sim_run(&s, 600, 1);
		if (!(r.worst[0] < 25e3 && r.worst[1] < 25e3))
			fail_msg("%.2f ppm: off by %.0f and %.0f ns", ppm[i], r.worst[0],
				 r.worst[1]);
		assert_true(r.p50[0] < 1500 && r.p50[1] < 1500);
		assert_int_equal(r.outside, 0);
		assert_true(fabs(r.skew_ppm - s.skew_ppm - ppm[i]) < 0.1);
	}
}

/* A step behind which a queue stands: until it has drained, nothing is told, for it would be taken
 * for the path. */
static void a_queue_behind_a_step_is_not_the_path(void **state)
{
	struct sim s = stepping(false, 40e6);
	struct sim_result r;

	(void)state;
	s.queue[0].busy_from_s = 90;
	s.queue[0].busy_to_s = 150;
	s.queue[0].busy_ns = 2e6;
	r = sim_run(&s, 250, 1);
	assert_few_wrong("queue", &r);
	assert_int_equal(r.steps, 1);
	assert_in_range(r.statuses[EL_DELAY_DOUBTFUL], 4500, 5200);
	assert_true(r.worst[0] < 50e3 && r.worst[1] < 50e3);
}

/* A step that queues hide, both of which are longer than the path: that the smallest delays of both
 * directions would be below zero together, shows. */
static void no_path_is_shorter_than_nothing(void **state)
{
	struct sim s = sim_usual();
	struct el_delay_session session = {.samples = 0};
	struct sim_round r = sim_round_init(s.per_round);

	(void)state;
	s.random = 5;
	s.path_ns[0] = s.path_ns[1] = 30e3;
	s.queue[0] =
	    (struct sim_queue){.mean_ns = 5e3, .busy_from_s = 0.5, .busy_to_s = 1, .busy_ns = 3e6};
	s.queue[1] = (struct sim_queue){.mean_ns = 5e3, .busy_to_s = 0.5, .busy_ns = 10e6};
	s.events[0] = (struct sim_event){.what = SIM_STEP, .at_s = 0.5, .amount = 200e3};
	sim_round(&s, &session, &r);
	assert_int_equal(r.round.statuses[EL_DELAY_VALUED], 0);
	for (int i = 0; i < 5; i++)
		sim_round(&s, &session, &r);
	assert_int_equal(r.round.statuses[EL_DELAY_VALUED], r.n);
	for (size_t i = 0; i < r.n; i++) {
		for (int d = 0; d < EL_DELAY_DIRECTIONS; d++)
			assert_true(fabs((double)r.values.queueing_ns[d][i] -
					 r.truth[i].queueing_ns[d]) < 5000);
	}
	sim_round_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_are_found),
	    cmocka_unit_test(small_steps_do_little),
	    cmocka_unit_test(steps_anywhere),
	    cmocka_unit_test(slews_are_followed_or_marked),
	    cmocka_unit_test(slews_anywhere_in_a_round),
	    cmocka_unit_test(rates_that_change_are_followed),
	    cmocka_unit_test(rates_that_wander_are_followed),
	    cmocka_unit_test(queues_are_not_steps),
	    cmocka_unit_test(queues_of_few_probes_are_not_steps),
	    cmocka_unit_test(a_queue_behind_a_step_is_not_the_path),
	    cmocka_unit_test(no_path_is_shorter_than_nothing),
	};

	return cmocka_run_group_tests_name("delay_steps", tests, NULL, NULL);
}
