/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes in and what comes out: what is missing is told, what is on its way is not. */
#include "unit.h"

#include "el_clock.h"
#include "el_conservation.h"

#define MS (EL_NS_PER_S / 1000)
#define ROOM 100

static void test_steps_of_counters(void **state)
{
	static const struct {
		uint64_t before, now, step;
		bool back;
	} cases[] = {
	    {0, 0, 0, false},
	    {5, 12, 7, false},
	    {0, UINT64_MAX, UINT64_MAX, false},
	    {UINT32_MAX, 4, 5, false}, /* 32 bits */
	    {UINT32_MAX - 9, 0, 10, false},
	    {UINT64_MAX - 9, 10, 20, false}, /* 64 bits */
	    {1000, 0, 0, true},
	    {1000, 999, 999, true},
	    {3000000000, 7, 7, true}, /* too far from its end to have passed it */
	    {1ULL << 40, 3, 3, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t step = 0;

		assert_int_equal(el_counter_step(cases[i].before, cases[i].now, &step),
				 !cases[i].back);
		assert_int_equal(step, cases[i].step);
	}
}

/* Readings, and what each is to tell. */
struct reading {
	uint32_t ms;
	struct el_flow flow; /* in, out, dropped, breaks */
	uint64_t told;
};

static const struct scene {
	const char *name;
	struct reading readings[12]; /* up to the first at 0 ms */
	bool doubted;
} scenes[] = {
    {"nothing moves", {{300, {0, 0, 0, 0}, 0}, {600, {0, 0, 0, 0}, 0}}, false},
    {"all comes out",
     {{300, {60, 60, 0, 0}, 0}, {600, {120, 120, 0, 0}, 0}, {900, {120, 120, 0, 0}, 0}},
     false},
    {"`out` is read later than `in`: more may be out than in",
     {{300, {60, 90, 0, 0}, 0},
      {600, {120, 130, 0, 0}, 0},
      {900, {140, 140, 0, 0}, 0},
      {1200, {140, 140, 0, 0}, 0}},
     false},
    {"it is still on its way",
     {{300, {60, 10, 0, 0}, 0},
      {600, {120, 70, 0, 0}, 0},
      {900, {121, 120, 0, 0}, 0},
      {1200, {121, 121, 0, 0}, 0},
      {1500, {121, 121, 0, 0}, 0}},
     false},
    {"looked at too soon after",
     {{300, {0, 0, 0, 0}, 0},
      {310, {9, 0, 0, 0}, 0},
      {499, {9, 0, 0, 0}, 0},
      {510, {9, 9, 0, 0}, 0}},
     false},
    {"one is lost: told when it has rested, once",
     {{300, {60, 59, 0, 0}, 0},
      {510, {60, 59, 0, 0}, 1},
      {720, {60, 59, 0, 0}, 0},
      {930, {90, 89, 0, 0}, 0},
      {1140, {90, 89, 0, 0}, 0},
      {1350, {91, 89, 0, 0}, 0},
      {1560, {91, 89, 0, 0}, 1}},
     false},
    {"a queue carries nothing, while traffic goes on: beyond what may be on its way",
     {{300, {200, 100, 0, 0}, 0}, /* as much as there is room for */
      {510, {400, 200, 0, 0}, 100},
      {720, {410, 205, 0, 0}, 95}, /* but not more than has gone in since */
      {930, {410, 205, 0, 0}, 10},
      {1140, {410, 205, 0, 0}, 0}},
     false},
    {"a slow stream is told of with the next packet, whatever there is room for",
     {{300, {2, 0, 0, 0}, 0}, {510, {4, 0, 0, 0}, 2}, {720, {6, 0, 0, 0}, 2}},
     false},
    {"drops that are counted are accounted for",
     {{300, {60, 20, 40, 0}, 0}, {510, {60, 20, 40, 0}, 0}, {720, {60, 20, 40, 0}, 0}},
     false},
    {"drops that are counted, and more",
     {{300, {60, 20, 30, 0}, 0}, {510, {60, 20, 30, 0}, 10}},
     false},
    {"failures that are counted besides (by a driver that tries again) hide nothing later",
     {{300, {60, 60, 5000, 0}, 0},
      {510, {60, 60, 5000, 0}, 0},
      {720, {120, 110, 5000, 0}, 0},
      {930, {120, 110, 5000, 0}, 10}},
     false},
    {"a few frames of its own hide nothing later",
     {{300, {60, 63, 0, 0}, 0},
      {510, {60, 63, 0, 0}, 0},
      {720, {120, 121, 0, 0}, 0},
      {930, {120, 121, 0, 0}, 2}},
     false},
    {"counters that come late are waited for longer from then on",
     {{300, {60, 0, 0, 0}, 0},
      {510, {60, 0, 0, 0}, 60}, /* this could not be known */
      {800, {60, 60, 0, 0}, 0},
      {1200, {60, 60, 0, 0}, 0},
      {1600, {90, 60, 0, 0}, 0},
      {1900, {90, 60, 0, 0}, 0}, /* 400 ms are not over */
      {2000, {90, 90, 0, 0}, 0},
      {2400, {90, 90, 0, 0}, 0}},
     false},
    {"counters that were set back: what was on its way is not missing",
     {{300, {60, 50, 0, 0}, 0},
      {510, {120, 50, 0, 1}, 0},
      {720, {180, 110, 0, 1}, 0},
      {930, {240, 170, 0, 1}, 0},
      {1140, {240, 170, 0, 1}, 0},
      {1350, {300, 220, 0, 1}, 0},
      {1560, {300, 220, 0, 1}, 10}},
     false},
    {"more is out than can have gone in: it counts something else",
     {{300, {60, 100000, 0, 0}, 0},
      {510, {60, 100000, 0, 0}, 0},
      {720, {900, 100000, 0, 0}, 0},
      {930, {900, 100000, 0, 0}, 0}},
     true},
    {"what goes in is not counted",
     {{300, {0, 60, 0, 0}, 0}, {510, {0, 600, 0, 0}, 0}, {720, {0, 600, 0, 0}, 0}},
     true},
};

static void test_scenes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct el_conservation c;

		/* times are far from zero, as a clock's are */
		el_conservation_init(&c, ROOM, EL_NS_PER_S * 1000);
		for (const struct reading *r = scenes[i].readings; r->ms; r++) {
			uint64_t told =
			    el_conservation_update(&c, EL_NS_PER_S * 1000 + r->ms * MS, &r->flow);
			if (told != r->told)
				fail_msg("%s, at %u ms: %llu, not %llu", scenes[i].name, r->ms,
					 (unsigned long long)told, (unsigned long long)r->told);
		}
		if (c.doubted != scenes[i].doubted)
			fail_msg("%s: doubted is %d", scenes[i].name, c.doubted);
	}
}

/* Traffic at random over counters that are right, with readings at random times: nothing is ever
 * told, but what is thrown away without a word is, all of it and no more, once it rests. */
static void test_random_traffic(void **state)
{
	uint64_t seed = unit_seed();

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct el_flow flow = {0};
		struct el_conservation c;
		uint64_t now = EL_NS_PER_S, lost = 0, told = 0, on_way = 0;
		uint64_t most = unit_random(&seed) % 1000 + 1;
		bool loses = run % 2;

		el_conservation_init(&c, ROOM, now);
		for (int i = 0; i < 60; i++) {
			uint64_t n =
			    i < 50 && unit_random(&seed) % 3 ? unit_random(&seed) % most : 0;
			uint64_t drop = loses && n ? unit_random(&seed) % n : 0;
			uint64_t refused = n - drop ? unit_random(&seed) % (n - drop) : 0;

			now += unit_random(&seed) % (150 * MS) + 60 * MS;
			flow.in += n;
			flow.dropped += refused;
			flow.out += n - drop - refused + on_way;
			on_way = n ? unit_random(&seed) % (n < ROOM ? n : ROOM) : 0;
			if (on_way > n - drop - refused)
				on_way = n - drop - refused;
			flow.out -= on_way;
			lost += drop;
			told += el_conservation_update(&c, now, &flow);
			assert_true(told <= lost);
		}
		assert_int_equal(told, lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steps_of_counters),
	    cmocka_unit_test(test_scenes),
	    cmocka_unit_test(test_random_traffic),
	};

	return cmocka_run_group_tests_name("conservation", tests, NULL, NULL);
}
