/* SPDX-License-Identifier: BSD-3-Clause */
/* A core's clock over counters that are not what they should be. Time is simulated: a counter is a
 * function of it. */
#include "unit.h"

#include <math.h>

#include "el_clock.h"
#include "el_core_clock.h"

#define MS 1000000ULL
#define S EL_NS_PER_S

/* A counter: of some rate until `at`, then of another, and `jump` cycles further on. */
struct counter {
	double hz, hz_after;
	uint64_t at;
	int64_t jump;
};

static uint64_t begin_tsc = 1ULL << 50;

static uint64_t read_counter(const struct counter *c, uint64_t now)
{
	if (now < c->at)
		return begin_tsc + (uint64_t)((long double)now * (long double)c->hz / S);
	return begin_tsc + (uint64_t)((long double)c->at * (long double)c->hz / S) +
	       (uint64_t)c->jump +
	       (uint64_t)((long double)(now - c->at) * (long double)c->hz_after / S);
}

static struct el_clock_pair pair(const struct counter *c, uint64_t now)
{
	return (struct el_clock_pair){.tsc = read_counter(c, now), .ns = now, .read_ns = 50};
}

static int64_t off_by(const struct el_core_clock *clock, const struct counter *c, uint64_t now)
{
	return (int64_t)(el_core_clock_line(clock, read_counter(c, now)) - now);
}

static struct el_core_clock begin(const struct counter *c)
{
	struct el_clock_pair first = pair(c, 0), second = pair(c, 100 * MS);
	struct el_core_clock clock;

	el_core_clock_init(&clock, &first, &second);
	assert_false(clock.monotonic);
	return clock;
}

/* Checks every millisecond until `end`; how often it was not right. */
static uint32_t follow(struct el_core_clock *clock, const struct counter *c, uint64_t *now,
		       uint64_t end)
{
	uint32_t wrong = 0;
	struct el_span step;

	for (; *now < end; *now += MS) {
		struct el_clock_pair p = pair(c, *now);
		wrong += !el_core_clock_check(clock, &p, &step);
	}
	return wrong;
}

static void a_steady_counter_is_followed(void **state)
{
	/* as nominal, off by 50 ppm and by 30 %, slow and fast ones */
	static const double rates[] = {
	    2.6e9, 2.6e9 * 1.00005, 2.6e9 * 0.99995, 2.6e9 * 1.3, 2.6e9 * 0.7, 1e9, 24e6, 5e9};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct counter c = {.hz = rates[i], .at = UINT64_MAX};
		struct el_core_clock clock = begin(&c);
		uint64_t now = 100 * MS;

		assert_int_equal(follow(&clock, &c, &now, 200 * S), 0);
		assert_int_equal(clock.steps, 0);
		assert_true(fabs(el_core_clock_hz(&clock) / rates[i] - 1) < 1e-6);
		assert_true(llabs(off_by(&clock, &c, now)) < 100);
		assert_true(clock.error_ppb <= 1100);
	}
}

/* The rate wanders by 0.02 ppm a second, as crystals do that warm up. */
static void a_wandering_rate_is_followed(void **state)
{
	long double cycles = 0;
	struct el_clock_pair first = {.tsc = begin_tsc, .read_ns = 50}, p = first;
	struct el_core_clock clock;
	struct el_span step;

	(void)state;
	for (uint64_t now = 0; now <= 300 * S; now += 100 * MS) {
		p = (struct el_clock_pair){
		    .tsc = begin_tsc + (uint64_t)cycles, .ns = now, .read_ns = 50};
		if (now == 100 * MS)
			el_core_clock_init(&clock, &first, &p);
		if (now > 100 * MS) {
			assert_true(el_core_clock_check(&clock, &p, &step));
			assert_true(llabs((int64_t)(el_core_clock_line(&clock, p.tsc) - now)) <
				    EL_CLOCK_STEP_NS);
		}
		cycles += 2.6e8L * (1 + 0.02e-6L * (long double)now / S);
	}
}

/* The line does not jump where it is adjusted, and readings that jitter do no harm. */
static void adjustments_do_not_jump(void **state)
{
	struct counter c = {.hz = 2.1e9, .at = UINT64_MAX};
	struct el_core_clock clock = begin(&c);
	struct el_span step;
	uint64_t last = 0;

	(void)state;
	for (uint64_t now = 101 * MS; now < 20 * S; now += 3 * MS) {
		struct el_clock_pair p = pair(&c, now);
		uint64_t before = el_core_clock_line(&clock, p.tsc), after;
		p.ns += (now / MS % 7) * 100 - 300; /* a reading may be wrong by 300 ns */
		p.read_ns = 600;
		assert_true(el_core_clock_check(&clock, &p, &step));
		after = el_core_clock_line(&clock, p.tsc);
		assert_true(after >= last && llabs((int64_t)(after - before)) <= 1);
		assert_true(llabs((int64_t)(after - now)) < 700);
		last = after;
	}
}

/* A process that does not run for a while, at any time, finds nothing changed: readings are wrong
 * by half of what they took at most, and what is known of the rate may be little by then. */
static void being_away_is_no_step(void **state)
{
	static const double rates[] = {2.6e9, 2.1e9, 24e6};

	(void)state;
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t seed = i, now = 100 * MS;
		struct counter c = {.hz = rates[i % 3], .at = UINT64_MAX};
		struct el_core_clock clock = begin(&c);
		struct el_span step;

		while (now < 30 * S) {
			struct el_clock_pair p;
			int64_t wrong;

			switch (unit_random(&seed) % 32) {
			case 0: /* away */
				now += unit_random(&seed) % (5 * S);
				break;
			case 1: /* the next reading at once */
				now += 1000;
				break;
			default:
				now += unit_random(&seed) % (30 * MS);
			}
			p = pair(&c, now);
			p.read_ns = 50 + unit_random(&seed) % 450;
			wrong = (int64_t)(unit_random(&seed) % (p.read_ns + 1)) -
				(int64_t)p.read_ns / 2;
			p.ns += (uint64_t)wrong;
			if (!el_core_clock_check(&clock, &p, &step))
				fail_msg("seed %llu: a step at %llu ns", (unsigned long long)i,
					 (unsigned long long)now);
			assert_true(llabs(off_by(&clock, &c, now)) < 20000);
		}
	}
}

static void steps_are_found(void **state)
{
	/* of 1 ms and 1 h, forth and back, and one just above the bound; in cycles of 2.6 GHz */
	static const int64_t jumps[] = {2600000,        -2600000, 9360000000000,
					-9360000000000, 7000,     -7000};

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct counter c = {
		    .hz = 2.6e9, .hz_after = 2.6e9, .at = 5 * S + MS / 2, .jump = jumps[i]};
		struct el_core_clock clock = begin(&c);
		struct el_clock_pair p;
		struct el_span step;
		uint64_t now = 100 * MS, stamp;

		assert_int_equal(follow(&clock, &c, &now, 5 * S + 1), 0);
		p = pair(&c, now);
		/* what is stamped between the step and now lies in the time that is told */
		stamp = el_core_clock_line(&clock, read_counter(&c, now - MS / 4));
		assert_false(el_core_clock_check(&clock, &p, &step));
		assert_true((int64_t)(stamp - step.from_ns) >= 0 &&
			    (int64_t)(step.to_ns - stamp) >= 0);
		assert_true((int64_t)(step.from_ns - (5 * S)) <= 0 &&
			    (int64_t)(step.to_ns - now) >= 0);
		assert_int_equal(off_by(&clock, &c, now), 0);
		now += MS;
		assert_int_equal(follow(&clock, &c, &now, 60 * S), 0);
		assert_int_equal(clock.steps, 1);
		assert_false(clock.monotonic);
	}
}

/* The machine has moved to another one. */
static void a_changed_rate_is_found(void **state)
{
	static const double rates[] = {1.3, 0.7, 1.00005, 0.99995, 10, 0.1};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct counter c = {
		    .hz = 2.6e9, .hz_after = 2.6e9 * rates[i], .at = 3 * S, .jump = 12345};
		struct el_core_clock clock = begin(&c);
		uint64_t now = 100 * MS;

		assert_int_equal(follow(&clock, &c, &now, 3 * S), 0);
		assert_true(follow(&clock, &c, &now, 4 * S) > 0);
		assert_int_equal(follow(&clock, &c, &now, 60 * S), 0);
		assert_int_equal(clock.steps, 1);
		assert_false(clock.monotonic);
		assert_true(fabs(el_core_clock_hz(&clock) / c.hz_after - 1) < 2e-6);
		assert_true(llabs(off_by(&clock, &c, now)) < 200);
	}
}

static void a_bad_counter_is_given_up(void **state)
{
	struct counter stopped = {.hz = 2.6e9, .hz_after = 0, .at = 3 * S};
	struct el_core_clock clock = begin(&stopped), fixed = clock;
	uint64_t now = 100 * MS;

	(void)state;
	follow(&clock, &stopped, &now, 4 * S);
	assert_true(clock.monotonic);
	/* unless it is asked for: then time goes by in jumps, from pair to pair */
	fixed.fixed = true;
	now = 100 * MS;
	follow(&fixed, &stopped, &now, 4 * S);
	assert_false(fixed.monotonic);
	assert_true(llabs(off_by(&fixed, &stopped, now)) <= (int64_t)MS);
}

static void a_counter_that_jumps_again_and_again_is_given_up(void **state)
{
	struct counter c = {.hz = 2.6e9, .at = UINT64_MAX};
	struct el_core_clock clock = begin(&c);
	struct el_span step;

	(void)state;
	for (uint64_t now = 101 * MS; now < 10 * S; now += MS) {
		struct el_clock_pair p = pair(&c, now);
		p.tsc += now / S * 26000; /* 10 us a second */
		el_core_clock_check(&clock, &p, &step);
	}
	assert_true(clock.monotonic);
}

/* What a preempted reading says is not taken for a step, nor for a rate. */
static void slow_readings_prove_nothing(void **state)
{
	struct counter c = {.hz = 2.6e9, .at = UINT64_MAX};
	struct el_core_clock clock = begin(&c);
	struct el_span step;
	uint64_t now = 100 * MS;

	(void)state;
	for (int i = 0; i < 30; i++, now += 100 * MS) {
		struct el_clock_pair p = pair(&c, now);
		p.ns += 4 * MS;
		p.read_ns = 8 * MS;
		assert_true(el_core_clock_check(&clock, &p, &step));
	}
	assert_int_equal(follow(&clock, &c, &now, 10 * S), 0);
	assert_true(llabs(off_by(&clock, &c, now)) < 100);
}

static void init_refuses_what_is_no_counter(void **state)
{
	static const struct el_clock_pair second[] = {{1000, 100 * MS, 50},
						      {900, 100 * MS, 50},
						      {5000, 100, 50},
						      {1001, 100 * MS, 50},
						      {UINT64_MAX / 4, 100 * MS, 50}};
	const struct el_clock_pair first = {.tsc = 1000, .ns = 0, .read_ns = 50};
	struct el_core_clock clock;

	(void)state;
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		el_core_clock_init(&clock, &first, &second[i]);
		assert_true(clock.monotonic);
	}
}

static void surveys(void **state)
{
	static const struct {
		double hz[3];
		int64_t ahead[3]; /* cycles */
		uint64_t read_ns;
		enum el_counter_verdict verdict;
	} cases[] = {
	    {{2.1e9, 2.1e9, 2.1e9}, {0, 0, 0}, 50, EL_COUNTER_GOOD},
	    {{2.1e9, 2.1e9, 2.1e9}, {0, 300, -300}, 50, EL_COUNTER_GOOD},
	    {{2.1e9, 2.1e9, 2.1e9}, {0, 0, 2100}, 50, EL_COUNTER_SKEW}, /* 1 us */
	    {{2.1e9, 2.1e9, 2.1e9}, {0, -2100, 0}, 50, EL_COUNTER_SKEW},
	    {{2.1e9, 2.1e9, 2.1e9}, {0, 21000000, 0}, 50, EL_COUNTER_SKEW}, /* 10 ms */
	    /* which the readings can't tell */
	    {{2.1e9, 2.1e9, 2.1e9}, {0, 2100, 0}, 5000, EL_COUNTER_GOOD},
	    {{2.1e9, 2.1e9 * 1.000005, 2.1e9}, {0, 0, 0}, 50, EL_COUNTER_GOOD},
	    {{2.1e9, 2.1e9, 2.1e9 * 1.00005}, {0, 0, 0}, 50, EL_COUNTER_FREQUENCY},
	    {{2.1e9, 2.1e9, 1.4e9}, {0, 0, 0}, 50, EL_COUNTER_FREQUENCY},
	    {{2.1e9, 0, 2.1e9}, {0, 0, 0}, 50, EL_COUNTER_STOPPED},
	    {{0, 2.1e9, 2.1e9}, {0, 0, 0}, 50, EL_COUNTER_STOPPED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_clock_pair first[3], second[3];
		struct el_counter_survey s;

		for (int k = 0; k < 3; k++) {
			/* read a little after each other, on a machine that has been up for long;
			 * rates differ from now on */
			uint64_t at = 5000 * S + (uint64_t)k * 10000;
			first[k] = (struct el_clock_pair){
			    .tsc =
				(uint64_t)(5000 * 2.1e9L + (long double)cases[i].hz[k] * k / 1e5L) +
				(uint64_t)cases[i].ahead[k],
			    .ns = at,
			    .read_ns = cases[i].read_ns};
			second[k] = first[k];
			second[k].tsc += (uint64_t)(cases[i].hz[k] * 0.1);
			second[k].ns += 100 * MS;
		}
		s = el_counter_survey(first, second, 3);
		if (s.verdict != cases[i].verdict)
			fail_msg("case %zu: verdict %d, skew %g ns, %g ppm", i, (int)s.verdict,
				 s.skew_ns, s.rate_ppm);
		/* one core alone has nobody to differ from */
		s = el_counter_survey(first, second, 1);
		assert_int_equal(s.verdict,
				 cases[i].hz[0] > 0 ? EL_COUNTER_GOOD : EL_COUNTER_STOPPED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_steady_counter_is_followed),
	    cmocka_unit_test(a_wandering_rate_is_followed),
	    cmocka_unit_test(adjustments_do_not_jump),
	    cmocka_unit_test(being_away_is_no_step),
	    cmocka_unit_test(steps_are_found),
	    cmocka_unit_test(a_changed_rate_is_found),
	    cmocka_unit_test(a_bad_counter_is_given_up),
	    cmocka_unit_test(a_counter_that_jumps_again_and_again_is_given_up),
	    cmocka_unit_test(slow_readings_prove_nothing),
	    cmocka_unit_test(init_refuses_what_is_no_counter),
	    cmocka_unit_test(surveys),
	};

	return cmocka_run_group_tests_name("core_clock", tests, NULL, NULL);
}
