/* SPDX-License-Identifier: BSD-3-Clause */
/* The delays of both directions of a round's STAMP sessions, of which the truth is known. */
#include "plan_fixture.h"

#include "el_delays.h"

#define PACKETS 100
#define EPOCH INT64_C(1700000000000000000)
#define NOT_SYNCHRONISED UINT64_MAX

struct scene {
	struct fixture *f;
	struct el_plan_set *set;
	struct el_delays *delays;
	struct el_snapshot *snapshot;
	uint64_t round;
	int64_t offset_ns[2]; /* of each reflector's clock */
	uint64_t wall_error_ns;
	uint16_t error_estimate; /* of the reflectors */
};

static struct scene scene(void)
{
	static int percentiles[] = {50, 95};
	static char name[] = "lab", names[2][2] = {"a", "b"};
	struct scene s = {.f = fixture(1, 10),
			  .delays = el_delays_create(),
			  .offset_ns = {5000000000, -7000000000},
			  .wall_error_ns = NOT_SYNCHRONISED,
			  .error_estimate = 0x0501};

	assert_non_null(s.delays);
	for (int i = 0; i < 2; i++) {
		add_target(s.f, EL_PROBE_STAMP, i ? "198.51.100.2" : "198.51.100.1", PACKETS);
		s.f->targets[i].name = names[i];
	}
	s.f->model.probe_name = name;
	s.f->model.percentiles = percentiles;
	s.f->model.n_percentiles = 2;
	s.f->model.histograms = EL_CONF_HISTOGRAMS_BOTH;
	s.set = compile(s.f);
	return s;
}

static void scene_end(struct scene *s)
{
	el_snapshot_put(s->snapshot);
	el_delays_destroy(s->delays);
	el_plan_set_put(s->set);
	free(s->f);
}

/* Of packet i, beside 1 ms there and 3 ms back. */
static int64_t forward_queue(uint32_t i)
{
	return i % 10 * 100000;
}

static int64_t backward_queue(uint32_t i)
{
	return i % 4 == 0 ? 0 : 50000;
}

/* A session's probes: one in 10 ms, the reflector's clock 20 ppm faster. */
static void play(const struct scene *s, struct el_block *b, const struct el_slice *slice,
		 uint32_t number, uint32_t n_slices)
{
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t index = i * n_slices + number;
		int64_t sent = (int64_t)s->round * 1000000000 + i * INT64_C(10000000);
		int64_t forward = 1000000 + forward_queue(i),
			backward = 3000000 + backward_queue(i);
		int64_t t2 = EPOCH + sent + forward + s->offset_ns[slice->series] + sent / 50000;

		b->stamps[index] =
		    (struct el_stamp_note){.t1 = el_stamp_encode(EL_STAMP_NTP, EPOCH + sent, 0),
					   .t2 = el_stamp_encode(EL_STAMP_NTP, t2, 0),
					   .t3 = el_stamp_encode(EL_STAMP_NTP, t2 + 8000, 0),
					   .sequence = i,
					   .error_estimate = s->error_estimate};
		/* the second one's stamps are not certain, which is no reason not to have them */
		b->records[index] = el_record_answered_as(
		    el_record_sent((uint64_t)sent), (uint64_t)(sent + forward + 8000 + backward),
		    slice->series ? EL_RECORD_UNCERTAIN : 0);
	}
}

static struct el_round_figures *figures_of(struct scene *s, struct el_delays *delays)
{
	struct el_block *b = el_block_create(s->set, 0);
	const struct el_plan *plan = s->set->plans[0];
	struct el_round_figures *f;

	b->round = ++s->round;
	b->closed_ns = 100000 * EL_NS_PER_S;
	b->wall_error_ns = s->wall_error_ns;
	for (uint32_t i = 0; i < plan->n_slices; i++)
		play(s, b, &plan->slices[i], i, plan->n_slices);
	f = el_stats_round_delays(&b, 1, delays);
	assert_non_null(f);
	el_block_free(b);
	return f;
}

static void play_round(struct scene *s)
{
	struct el_snapshot *next =
	    el_snapshot_next(s->snapshot, s->set->model, figures_of(s, s->delays));

	assert_non_null(next);
	el_snapshot_put(s->snapshot);
	s->snapshot = next;
}

static double told(const struct scene *s, int measure, uint32_t series, uint32_t percentile)
{
	return s->snapshot->stamp->percentile_ns[measure][series * 2 + percentile];
}

static void expect_near(double told_ns, double ns, double by_ns)
{
	if (!(fabs(told_ns - ns) <= by_ns))
		fail_msg("%.0f ns instead of %.0f", told_ns, ns);
}

/* Histograms have each delay, once, of all rounds. */
static void expect_histograms(const struct scene *s, uint32_t series, uint64_t n)
{
	static const double most_ns[2] = {900000 + 3000000, 50000 + 4000000};

	for (uint32_t d = 0; d < 2; d++) {
		struct el_histogram h =
		    el_histograms_of(s->snapshot->histograms[EL_MEASURE_FORWARD + d], series);
		double mean_ns = (double)h.sum_ns / (double)n;

		assert_int_equal(el_histogram_count(&h), n);
		expect_near(mean_ns, d ? 2037500 : 2450000, 60000);
		assert_int_equal(
		    el_histogram_count_up_to(&h, el_histogram_bucket((uint64_t)most_ns[d])), n);
		assert_int_equal(el_histogram_count_up_to(&h, el_histogram_bucket(1900000)), 0);
	}
}

static void delays_of_both_directions(void **state)
{
	struct scene s = scene();

	(void)state;
	for (int i = 0; i < 70; i++)
		play_round(&s);
	for (uint32_t i = 0; i < 2; i++) {
		const struct el_stamp_figures *g = &s.snapshot->stamp->gauges[i];

		expect_near(told(&s, EL_STAMP_QUEUEING, i, 0), 450000, 1000);
		expect_near(told(&s, EL_STAMP_QUEUEING, i, 1), 900000, 1000);
		expect_near(told(&s, EL_STAMP_QUEUEING + 1, i, 0), 50000, 1000);
		expect_near(told(&s, EL_STAMP_VARIATION, i, 0), 100000, 1000);
		expect_near(told(&s, EL_STAMP_VARIATION, i, 1), 900000, 1000);
		/* anywhere in 4 ms, so half of it, and what can't be noticed */
		expect_near(told(&s, EL_STAMP_ONEWAY, i, 0), 2450000, 60000);
		expect_near(told(&s, EL_STAMP_ONEWAY + 1, i, 0), 2050000, 60000);
		expect_near(told(&s, EL_STAMP_BOUND, i, 0), 2000000, 60000);
		assert_true(fabs(told(&s, EL_STAMP_ONEWAY, i, 0) - 1450000) <
			    told(&s, EL_STAMP_BOUND, i, 0));
		assert_int_equal(g->valued, PACKETS);
		assert_int_equal(g->not_valued, 0);
		expect_near(g->skew_ppm, 20, 0.1);
		assert_true(fabs(g->skew_ppm - 20) <= g->skew_error_ppm);
		assert_int_equal(s.snapshot->stamp->totals[i].steps, 0);
		assert_int_equal(s.snapshot->stamp->totals[i].rate_changes, 0);
	}
	for (uint32_t i = 0; i < 2; i++)
		expect_histograms(&s, i, 70 * PACKETS);
	scene_end(&s);
}

/* What is kept of a session goes on under another plan, in which it has another place: a step
 * between the last round of the one and the first of the other is found. */
static void sessions_go_on_under_another_plan(void **state)
{
	struct scene s = scene();
	struct el_plan_set *before = s.set;

	(void)state;
	for (int i = 0; i < 20; i++)
		play_round(&s);
	s.f->targets[0].enabled = false;
	s.set = compile(s.f);
	s.set->generation = before->generation + 1;
	assert_int_equal(s.set->plans[0]->n_slices, 1);
	s.offset_ns[1] += 2000000;
	play_round(&s);
	assert_int_equal(s.snapshot->stamp->totals[1].steps, 1);
	assert_int_equal(s.snapshot->stamp->totals[0].steps, 0);
	expect_near(told(&s, EL_STAMP_QUEUEING, 1, 0), 450000, 3000);
	el_plan_set_put(before);
	scene_end(&s);
}

/* Rounds of an older plan that are over late have no delays, and do not disturb. */
static void older_rounds_have_none(void **state)
{
	struct scene s = scene();
	struct el_round_figures *f;

	(void)state;
	for (int i = 0; i < 10; i++)
		play_round(&s);
	s.set->generation++;
	play_round(&s);
	s.set->generation--;
	s.round -= 5;
	f = figures_of(&s, s.delays);
	assert_int_equal(f->stamp->series[0].valued + f->stamp->series[0].not_valued, 0);
	assert_null(f->histograms[EL_MEASURE_FORWARD]);
	assert_non_null(f->histograms[EL_MEASURE_RTT]);
	assert_true(isnan(f->stamp->percentile_ns[EL_STAMP_QUEUEING][0]));
	assert_false(isnan(f->stamp->percentile_ns[EL_STAMP_NETWORK][0]));
	el_round_figures_free(f);
	s.set->generation++;
	s.round += 5;
	play_round(&s);
	assert_int_equal(s.snapshot->stamp->gauges[0].valued, PACKETS);
	assert_int_equal(s.snapshot->stamp->totals[0].steps, 0);
	scene_end(&s);
}

/* Both clocks are taken at their word only where both say that they are synchronised; if that is
 * impossible, it is counted, and neither is. */
static void clocks_are_heard(void **state)
{
	struct scene s = scene();

	(void)state;
	s.offset_ns[0] = 100000;
	s.error_estimate = 0x8000 | 19 << 8 | 0x40; /* 64 * 2^19 / 2^32 s: 7.8 ms */
	s.wall_error_ns = 0;
	play_round(&s);
	expect_near(told(&s, EL_STAMP_BOUND, 0, 0), 2000000, 60000);
	s.error_estimate = 0x8000 | 13 << 8 | 0x40; /* 122 us */
	play_round(&s);
	expect_near(told(&s, EL_STAMP_BOUND, 0, 0), 122071, 10);
	expect_near(told(&s, EL_STAMP_ONEWAY, 0, 0), 1450000 + 100000, 60000);
	assert_int_equal(s.snapshot->stamp->totals[0].contradictions, 0);
	assert_int_equal(s.snapshot->stamp->totals[1].contradictions, 2 * PACKETS);
	s.wall_error_ns = 500000;
	play_round(&s);
	expect_near(told(&s, EL_STAMP_BOUND, 0, 0), 622071, 10);
	s.wall_error_ns = NOT_SYNCHRONISED;
	play_round(&s);
	expect_near(told(&s, EL_STAMP_BOUND, 0, 0), 2000000, 60000);
	assert_int_equal(s.snapshot->stamp->totals[1].contradictions, 3 * PACKETS);
	scene_end(&s);
}

/* Across a step of the counter that all times are taken from there are none. */
static void a_step_of_our_own_counter(void **state)
{
	struct scene s = scene();
	struct el_block *b = el_block_create(s.set, 0);
	struct el_round_figures *f;

	(void)state;
	b->round = 1;
	b->closed_ns = 100000 * EL_NS_PER_S;
	b->step = (struct el_span){1, 2};
	play(&s, b, &s.set->plans[0]->slices[0], 0, 2);
	f = el_stats_round_delays(&b, 1, s.delays);
	assert_int_equal(f->stamp->series[0].valued, 0);
	assert_true(isnan(f->stamp->percentile_ns[EL_STAMP_QUEUEING][0]));
	el_round_figures_free(f);
	el_block_free(b);
	/* and without anywhere to keep sessions, neither */
	f = figures_of(&s, NULL);
	assert_true(isnan(f->stamp->percentile_ns[EL_STAMP_QUEUEING][0]));
	assert_true(isnan(f->stamp->series[0].skew_ppm));
	el_round_figures_free(f);
	scene_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(delays_of_both_directions),
	    cmocka_unit_test(sessions_go_on_under_another_plan),
	    cmocka_unit_test(older_rounds_have_none),
	    cmocka_unit_test(clocks_are_heard),
	    cmocka_unit_test(a_step_of_our_own_counter),
	};

	return cmocka_run_group_tests_name("delays of directions", tests, NULL, NULL);
}
