/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "pacing.h"

#define SECOND 2600000000ULL
#define BURST 32

/* A class of `total` records over a window of so many cycles. */
static struct el_plan_class pacing_class(uint32_t total, uint64_t window_ns)
{
	return (struct el_plan_class){
	    .n_slices = total,
	    .n_packets = 1,
	    .rate_q64 = (uint64_t)((((unsigned __int128)total << 64) + window_ns - 1) / window_ns)};
}

static void begin(struct el_pacing *p, uint32_t total, uint64_t window_ns, uint64_t start_ns)
{
	struct el_plan_class c = pacing_class(total, window_ns);

	el_pacing_begin(p, &c, start_ns, SECOND / 10000);
}

/* What a worker does at `now`: sends of what is due a burst at most. */
static void poll(struct el_pacing *p, uint64_t now)
{
	uint32_t debt = el_pacing_debt(p, now);

	p->done += debt < BURST ? debt : BURST;
}

static void pacing_is_exact_for_hours(void **state)
{
	/* 3,600 probes over an hour, looked at each 10 ms */
	const uint64_t window = 3600 * SECOND;
	struct el_pacing p;

	(void)state;
	begin(&p, 3600, window, 1000);
	for (uint64_t t = 0; t <= window; t += SECOND / 100) {
		uint64_t due = t / SECOND + 1;
		p.done += el_pacing_debt(&p, 1000 + t);
		assert_int_equal(p.done, due > 3600 ? 3600 : due);
	}
	assert_int_equal(el_pacing_skipped_ns(&p), 0);
}

static uint64_t due_by(uint64_t t, uint32_t total, uint64_t window)
{
	return (uint64_t)((unsigned __int128)t * total / window) + 1;
}

/* From one probe a second to 20 million: at no time more or fewer than the line says, polled at odd
 * times, and the last one is due when its time comes and not before. */
static void any_rate_is_exact(void **state)
{
	static const struct {
		uint64_t pps, seconds;
	} cases[] = {{1, 4000},    {3, 1000},     {10, 1000},    {999, 100},    {1000, 100},
		     {100000, 10}, {1000000, 10}, {14880952, 2}, {20000000, 10}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t window = cases[i].seconds * SECOND;
		uint32_t total = (uint32_t)(cases[i].pps * cases[i].seconds);
		uint64_t start = UINT64_MAX - window / 2; /* the counter may wrap */
		uint64_t step = window / 1000003 + 1, last = (total - 1) * window / total;
		struct el_pacing p;

		begin(&p, total, window, start);
		/* polls may be far apart here: without the stalls that they would be */
		p.debt_max = total;
		for (uint64_t t = 0; t < last; t += step) {
			p.done += el_pacing_debt(&p, start + t);
			assert_in_range(p.done, due_by(t, total, window),
					due_by(t + 1 + t / 1000000000, total, window));
		}
		p.done += el_pacing_debt(&p, start + last - window / 1000000000 - 1);
		assert_int_equal(p.done, total - 1);
		p.done += el_pacing_debt(&p, start + last + 1);
		assert_int_equal(p.done, total);
		assert_int_equal(el_pacing_debt(&p, start + window * 2), 0);
		assert_int_equal(el_pacing_skipped_ns(&p), 0);
	}
}

static void a_stall_is_no_burst(void **state)
{
	struct el_pacing p;
	uint32_t debt;

	(void)state;
	begin(&p, 1000000, SECOND, 0);
	p.done += el_pacing_debt(&p, SECOND / 1000); /* 1 ms late: 1,000 are due, 100 us worth go */
	assert_int_equal(p.done, 100);
	assert_in_range(el_pacing_skipped_ns(&p), SECOND / 10000 * 8, SECOND / 10000 * 10);
	/* afterwards the rate is as before */
	debt = el_pacing_debt(&p, SECOND / 1000 + SECOND / 100000);
	assert_in_range(debt, 9, 11);
}

/* Stalls of any length, anywhere in the round, in its last moments and after them too: whatever the
 * time between two looks, what may go is never more than the line's rate since then and the debt
 * that is granted. */
static void no_stall_anywhere_is_a_burst(void **state)
{
	static const uint64_t stalls_ms[] = {1, 10, 100, 1000, 5000};
	static const uint32_t at_percent[] = {0, 50, 90, 97, 100};
	const uint64_t window = 10 * SECOND, step = SECOND / 100000;
	const uint32_t total = 10000000;

	(void)state;
	for (size_t i = 0; i < 25; i++) {
		uint64_t stall_at = window / 100 * at_percent[i % 5];
		uint64_t stall = stalls_ms[i / 5] * (SECOND / 1000), t = 0;
		uint32_t before;
		struct el_pacing p;

		begin(&p, total, window, 12345);
		for (t = 0; t < stall_at; t += step)
			poll(&p, 12345 + t);
		t += stall;
		before = p.done;
		for (uint64_t end = t + SECOND / 100; t < end; t += step / 10) {
			uint64_t since = t - (end - SECOND / 100);
			poll(&p, 12345 + t);
			assert_in_range(p.done, before,
					before + p.debt_max + since / (SECOND / 1000000) + 1);
		}
	}
}

/* A device that takes less than the plan asks for: the line moves at each look, by what a division
 * would give, to where just the granted debt is due. */
static void a_slow_device_moves_the_line_exactly(void **state)
{
	static const uint32_t totals[] = {99991, 999983, 20000000, 1999999999};
	const uint64_t window = 60 * SECOND;

	(void)state;
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		uint64_t moved_ns = 0, seed = 1, n = 0;
		struct el_pacing p;

		begin(&p, totals[i], window, 0);
		for (uint64_t t = 0; t < window; n++) {
			unsigned __int128 line = (unsigned __int128)(t - moved_ns) * p.rate_q64;
			uint64_t due = (uint64_t)(line >> 64) + 1 - p.done;

			if (due > p.debt_max) {
				moved_ns +=
				    (uint64_t)((((unsigned __int128)(due - p.debt_max)) << 64) /
					       p.rate_q64);
				due = p.debt_max;
			}
			/* what a division leaves over may have put its line a record ahead, or the
			 * other */
			assert_in_range((uint64_t)el_pacing_debt(&p, t) + 1, due, due + 2);
			p.done += due > 2;
			t += unit_random(&seed) % (window / 5000);
		}
		assert_true(p.total - p.done > p.debt_max && n > 5000);
		/* as much time in all, but for fractions of a cycle: one a record here, one a move
		 * there */
		assert_in_range(moved_ns + 2 * (p.record_q8 >> 8),
				el_pacing_skipped_ns(&p) - 2 * (p.record_q8 >> 8),
				el_pacing_skipped_ns(&p) + p.skipped + 4 * (p.record_q8 >> 8));
	}
}

/* The end of a round's time leaves what is due by then, and no more than the granted debt. */
static void the_end_leaves_what_is_due(void **state)
{
	struct el_pacing p;

	(void)state;
	begin(&p, 1000000, SECOND, 0);
	p.done = el_pacing_debt(&p, SECOND / 20000);
	el_pacing_end(&p, SECOND);
	assert_int_equal(p.total - p.done, p.debt_max);
	assert_int_equal(el_pacing_debt(&p, SECOND), p.debt_max);
	assert_in_range(el_pacing_skipped_ns(&p), SECOND / 100 * 99, SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pacing_is_exact_for_hours),
	    cmocka_unit_test(any_rate_is_exact),
	    cmocka_unit_test(a_stall_is_no_burst),
	    cmocka_unit_test(no_stall_anywhere_is_a_burst),
	    cmocka_unit_test(a_slow_device_moves_the_line_exactly),
	    cmocka_unit_test(the_end_leaves_what_is_due),
	};

	return cmocka_run_group_tests_name("pacing", tests, NULL, NULL);
}
