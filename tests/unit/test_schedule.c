/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose plan a round is: any order of closing, opening and dropping, against a list by round. */
#include "unit.h"

#include "el_schedule.h"

#define SETS 100
#define ROUNDS 10000

static struct el_plan_set sets[SETS];
static struct el_streams streams[SETS];

static struct el_schedule opened(const struct el_schedule *s, uint64_t first, uint32_t set)
{
	sets[set].generation = set + 1;
	streams[set].set = &sets[set];
	return el_schedule_open(s, first, &streams[set]);
}

static void spans_follow_each_other(void **state)
{
	struct el_schedule s = {0};

	(void)state;
	assert_null(el_schedule_find(&s, 1));
	s = opened(&s, 1, 0);
	s = el_schedule_close(&s, 5, true);
	assert_int_equal(s.cut, EL_ROUND_NONE);
	assert_int_equal(s.gate, 5);
	s = opened(&s, 7, 1);
	assert_int_equal(s.cut, 7);
	assert_int_equal(s.gate, EL_ROUND_NONE);
	assert_null(el_schedule_find(&s, 0));
	assert_ptr_equal(el_schedule_find(&s, 6)->set, &sets[0]);
	assert_ptr_equal(el_schedule_find(&s, 7)->set, &sets[1]);
	assert_ptr_equal(el_schedule_find_generation(&s, 1), &s.spans[0]);
	assert_null(el_schedule_find_generation(&s, 3));
	s = el_schedule_close(&s, 8, false);
	s = opened(&s, 8, 2);
	assert_int_equal(s.cut, 7);
	s = el_schedule_drop(&s, &sets[0]);
	assert_null(el_schedule_find(&s, 6));
	assert_ptr_equal(el_schedule_find(&s, UINT64_MAX - 1)->set, &sets[2]);
}

static void a_span_without_rounds_is_dropped(void **state)
{
	struct el_schedule s = {0};

	(void)state;
	s = opened(&s, 1, 0);
	s = opened(&s, 4, 1);
	s = opened(&s, 4, 2);
	assert_int_equal(s.n, 2);
	assert_ptr_equal(el_schedule_find(&s, 3)->set, &sets[0]);
	assert_ptr_equal(el_schedule_find(&s, 4)->set, &sets[2]);
}

static void any_order(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 2000; seed++) {
		static const struct el_plan_set *owner[ROUNDS];
		struct el_schedule s = {0};
		uint64_t next = 1;

		srandom(seed);
		memset(owner, 0, sizeof(owner));
		for (uint32_t k = 0; k < SETS; k++) {
			uint64_t first = next + (uint64_t)random() % 3;

			if (s.n == EL_SCHEDULE_SPANS_MAX || (s.n > 1 && random() % 4 == 0)) {
				uint32_t oldest = (uint32_t)random() % (s.n - 1);
				const struct el_plan_set *set = s.spans[oldest].set;

				s = el_schedule_drop(&s, set);
				for (uint64_t r = 0; r < ROUNDS; r++)
					owner[r] = owner[r] == set ? NULL : owner[r];
			}
			s = el_schedule_close(&s, first, random() % 2);
			s = opened(&s, first, k);
			for (uint64_t r = first; r < ROUNDS; r++)
				owner[r] = &sets[k];
			for (int i = 0; i < 20; i++) {
				uint64_t r = (uint64_t)random() % (2 * next + 10);
				const struct el_schedule_span *span = el_schedule_find(&s, r);

				assert_ptr_equal(span ? span->set : NULL, owner[r]);
			}
			next = first;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans_follow_each_other),
	    cmocka_unit_test(a_span_without_rounds_is_dropped),
	    cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
