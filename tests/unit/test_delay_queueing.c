/* SPDX-License-Identifier: BSD-3-Clause */
/* Queueing delay and skew against the truth, while no clock steps. */
#include "delay_sim.h"

/* The bars: errors of queueing delay, in ns, and of the skew. */
#define P50_NS 1000
#define P99_NS 5000
#define SKEW_PPM 0.1

static struct sim_result judged(const char *name, struct sim *s, uint32_t n_rounds, uint32_t skip)
{
	struct sim_result r = sim_run(s, n_rounds, skip);

	print_message("%-28s forward p50 %5.0f p99 %5.0f backward %5.0f %5.0f ns, skew off by %.4f "
		      "ppm\n",
		      name, r.p50[0], r.p99[0], r.p50[1], r.p99[1], r.worst_skew_ppm);
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		if (!(r.p50[d] <= P50_NS && r.p99[d] <= P99_NS))
			fail_msg("%s: direction %d: p50 %.0f, p99 %.0f ns", name, d, r.p50[d],
				 r.p99[d]);
	}
	assert_int_equal(r.steps, 0);
	assert_int_equal(r.rate_changes, 0);
	assert_int_equal(r.outside, 0);
	assert_int_equal(r.statuses[EL_DELAY_VALUED], r.samples);
	return r;
}

/* Clocks an hour apart either way, going apart by up to 50 ppm, at 100 probes a second: from 60 s
 * on the skew is known to 0.1 ppm, and the error that is told is one. */
static void skew_is_removed_and_told(void **state)
{
	static const double skews[] = {-50, -3, 0, 0.02, 50};

	(void)state;
	for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		for (int sign = -1; sign <= 1; sign += 2) {
			struct sim s = sim_usual();
			struct sim_result r;
			s.skew_ppm = skews[i];
			s.offset_ns *= sign;
			r = judged("clocks apart", &s, 120, 1);
			assert_true(r.worst_skew_ppm < SKEW_PPM);
			assert_true(fabs(r.skew_ppm - s.skew_ppm) <= r.skew_error_ppm);
			assert_true(r.skew_error_ppm < 3 * SKEW_PPM);
		}
	}
}

/* From ten probes a round to ten thousand, rounds of a second to a minute. */
static void rounds_of_all_sizes(void **state)
{
	static const struct {
		uint32_t n;
		double s;
		uint32_t rounds, skip;
	} sizes[] = {{10, 1, 300, 20}, {30, 1, 200, 5},  {1000, 1, 100, 1}, {10000, 1, 62, 0},
		     {10, 5, 200, 20}, {100, 10, 40, 3}, {6000, 60, 10, 0}, {10000, 60, 10, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sim s = sim_usual();
		char name[40];
		s.per_round = sizes[i].n;
		s.round_s = sizes[i].s;
		s.period_s = s.round_s / s.per_round;
		/* with few samples there must be some without queueing */
		s.queue[0].mean_ns = s.queue[1].mean_ns = sizes[i].n < 100 ? 5000 : 20000;
		snprintf(name, sizeof(name), "%u in %.0f s", sizes[i].n, s.round_s);
		assert_true(judged(name, &s, sizes[i].rounds, sizes[i].skip).worst_skew_ppm <
			    SKEW_PPM);
	}
}

/* Queues with a tail that has no mean, in one direction at a time; one that doesn't drain for a
 * minute; stamps that are late by several microseconds. */
static void queues_of_all_kinds(void **state)
{
	const struct sim_queue tail = {.mean_ns = 50e3, .tail_share = 0.3, .tail_ns = 100e3};
	const struct sim_queue busy = {
	    .mean_ns = 20e3, .busy_from_s = 30, .busy_to_s = 90, .busy_ns = 3e6};

	(void)state;
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		struct sim s = sim_usual();
		s.queue[d] = tail;
		assert_true(judged("heavy tail", &s, 200, 1).worst_skew_ppm < SKEW_PPM);
		s = sim_usual();
		s.queue[d] = busy;
		assert_true(judged("a minute's queue", &s, 200, 1).worst_skew_ppm < SKEW_PPM);
		s = sim_usual();
		s.path_ns[d] = 15e6;
		assert_true(judged("3:1", &s, 100, 1).worst_skew_ppm < SKEW_PPM);
	}
	struct sim s = sim_usual();
	s.stamp_ns = 4000;
	assert_true(judged("stamps 4 us late", &s, 200, 2).worst_skew_ppm < SKEW_PPM);
}

/* Lost probes, bursts of 32 with the same T1, rounds that are missing. */
static void samples_that_are_missing_or_together(void **state)
{
	struct sim s = sim_usual();

	(void)state;
	s.loss = 0.5;
	assert_true(judged("half is lost", &s, 200, 2).worst_skew_ppm < SKEW_PPM);
	s = sim_usual();
	s.burst = 32;
	s.per_round = 320;
	s.period_s = 1.0 / 320;
	assert_true(judged("bursts of 32", &s, 100, 1).worst_skew_ppm < SKEW_PPM);
	s = sim_usual();
	s.gap_s = 45;
	assert_true(judged("45 s between rounds", &s, 60, 2).worst_skew_ppm < SKEW_PPM);
	/* longer than the window: each round is by itself, and the skew not known */
	s = sim_usual();
	s.gap_s = 450;
	s.per_round = 10000;
	s.period_s = 1e-4;
	assert_true(isnan(judged("450 s between rounds", &s, 20, 0).skew_ppm));
}

/* A path that becomes longer in one direction is queueing until the window has gone on, and no
 * longer; one that becomes shorter is there at once. The other direction notices nothing. */
static void routes_change(void **state)
{
	(void)state;
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		struct sim s = sim_usual();
		struct el_delay_session session = {.samples = 0};
		struct sim_round r = sim_round_init(s.per_round);
		s.random = 9;
		s.events[0] = (struct sim_event){
		    .what = d ? SIM_BACKWARD : SIM_FORWARD, .at_s = 100, .amount = 1e6};
		s.events[1] = (struct sim_event){
		    .what = d ? SIM_BACKWARD : SIM_FORWARD, .at_s = 500, .amount = -1e6};
		for (int t = 0; t < 600; t++) {
			double longer = t < 100 || t >= 500 ? 0 : 1e6, queued;
			uint64_t least[2] = {UINT64_MAX, UINT64_MAX};
			sim_round(&s, &session, &r);
			assert_int_equal(r.round.statuses[EL_DELAY_VALUED], r.n);
			assert_int_equal(r.round.steps + r.round.rate_changes, 0);
			for (size_t i = 0; i < r.n; i++) {
				for (int k = 0; k < 2; k++) {
					uint64_t q = r.values.queueing_ns[k][i];
					least[k] = q < least[k] ? q : least[k];
				}
			}
			assert_true(least[!d] < 5000);
			queued = (double)least[d];
			if (t < 100 + EL_DELAY_WINDOW_NS / 1000000000 - 20)
				assert_true(queued < longer + 5000 && queued > longer - 5000);
			if (t > 100 + EL_DELAY_WINDOW_NS / 1000000000 + 2)
				assert_true(queued < 5000);
		}
		sim_round_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(skew_is_removed_and_told),
	    cmocka_unit_test(rounds_of_all_sizes),
	    cmocka_unit_test(queues_of_all_kinds),
	    cmocka_unit_test(samples_that_are_missing_or_together),
	    cmocka_unit_test(routes_change),
	};

	return cmocka_run_group_tests_name("delay_queueing", tests, NULL, NULL);
}
