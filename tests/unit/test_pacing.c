/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "pacing.h"

/* A class of `total` records with a period of `period` cycles each. */
static struct el_plan_class pacing_class(uint32_t total, uint64_t window_tsc)
{
	return (struct el_plan_class){
	    .n_slices = total,
	    .n_packets = 1,
	    .rate_q64 =
		(uint64_t)((((unsigned __int128)total << 64) + window_tsc - 1) / window_tsc)};
}

static void pacing_is_exact_for_hours(void **state)
{
	/* 3,600 probes over an hour, looked at each 10 ms of a 2.6 GHz clock */
	const uint64_t second = 2600000000, window = 3600 * second;
	struct el_plan_class c = pacing_class(3600, window);
	struct el_pacing p;

	(void)state;
	el_pacing_begin(&p, &c, 1000, second / 10000);
	for (uint64_t t = 0; t <= window; t += second / 100) {
		uint32_t debt = el_pacing_debt(&p, 1000 + t);
		uint64_t due = t / second + 1;
		p.done += debt;
		assert_int_equal(p.done, due > 3600 ? 3600 : due);
	}
	assert_int_equal(p.skipped_tsc, 0);
}

static void a_stall_is_no_burst(void **state)
{
	const uint64_t second = 2600000000;
	struct el_plan_class c = pacing_class(1000000, second);
	struct el_pacing p;
	uint32_t debt;

	(void)state;
	el_pacing_begin(&p, &c, 0, second / 10000);
	p.done += el_pacing_debt(&p, second / 1000); /* 1 ms late: 1,000 are due, 100 us worth go */
	assert_int_equal(p.done, 100);
	assert_in_range(p.skipped_tsc, second / 10000 * 8, second / 10000 * 10);
	/* afterwards the rate is as before */
	debt = el_pacing_debt(&p, second / 1000 + second / 100000);
	assert_in_range(debt, 9, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pacing_is_exact_for_hours),
	    cmocka_unit_test(a_stall_is_no_burst),
	};

	return cmocka_run_group_tests_name("pacing", tests, NULL, NULL);
}
