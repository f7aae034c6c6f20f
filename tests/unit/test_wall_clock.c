/* SPDX-License-Identifier: BSD-3-Clause */
/* The line to CLOCK_REALTIME over clocks that are set, slewed and read late: how far what it says
 * is from what is true. */
#include "unit.h"

#include <sys/timex.h>
#include <time.h>

#include "el_clock.h"
#include "el_core_clock.h"
#include "el_wall_clock.h"

#define MS 1000000ULL
#define S EL_NS_PER_S
#define POLL (100 * MS)
#define START INT64_C(1800000000000000000) /* of CLOCK_REALTIME at time 0 */
#define READ_NS 80

/* CLOCK_REALTIME: slewed by `ppm` until `at`, by `ppm_after` from then on, and set by `jump_ns`. */
struct wall {
	double ppm, ppm_after;
	uint64_t at;
	int64_t jump_ns;
	uint64_t random;
};

static int64_t real_at(const struct wall *w, uint64_t now)
{
	uint64_t first = now < w->at ? now : w->at, then = now - first;

	return START + (int64_t)now + (int64_t)((double)first * w->ppm * 1e-6) +
	       (int64_t)((double)then * w->ppm_after * 1e-6) + (now >= w->at ? w->jump_ns : 0);
}

static const struct el_wall_kernel synchronised = {
    .known = true, .synchronised = true, .maxerror_ns = 500000};

/* Reads at `now`; CLOCK_REALTIME somewhere within the reading. */
static void poll_at(struct el_wall_clock *c, struct wall *w, uint64_t now)
{
	struct el_wall_pair p = {.ns = now, .read_ns = READ_NS};

	p.real_ns = real_at(w, now - READ_NS / 2 + unit_random(&w->random) % READ_NS);
	el_wall_clock_add(c, &p, &synchronised);
}

/* Polls until `end`; the worst that the line said of the time between two polls. */
static uint64_t follow(struct el_wall_clock *c, struct wall *w, uint64_t *now, uint64_t end)
{
	uint64_t worst = 0;

	for (; *now < end; *now += POLL) {
		poll_at(c, w, *now);
		for (uint64_t t = *now; t < *now + POLL; t += MS) {
			int64_t off = el_wall_real_ns(&c->line, t) - real_at(w, t);

			worst = (uint64_t)llabs(off) > worst ? (uint64_t)llabs(off) : worst;
		}
	}
	return worst;
}

static void is_followed(void **state)
{
	static const double ppms[] = {0, 13.7, -80, 499};

	(void)state;
	for (size_t i = 0; i < sizeof(ppms) / sizeof(ppms[0]); i++) {
		struct wall w = {.ppm = ppms[i], .ppm_after = ppms[i], .random = 7};
		struct el_wall_clock c = {.n_pairs = 0};
		uint64_t now = 5 * S, worst;

		follow(&c, &w, &now, now + S);
		worst = follow(&c, &w, &now, now + 100 * S);
		assert_in_range(worst, 0, 2 * READ_NS);
		assert_int_equal(c.line.steps, 1);
		assert_true(c.line.synchronised);
		/* the kernel's bound, and not much besides */
		assert_in_range(c.line.error_ns, synchronised.maxerror_ns + worst,
				synchronised.maxerror_ns + EL_CLOCK_STEP_NS + 4 * READ_NS);
	}
}

/* From the first pair on, though no slope is known yet. */
static void is_known_at_once(void **state)
{
	struct wall w = {.ppm = 0, .random = 3};
	struct el_wall_clock c = {.n_pairs = 0};
	uint64_t now = S;

	(void)state;
	assert_int_equal(c.line.steps, 0);
	assert_in_range(follow(&c, &w, &now, now + 1), 0, READ_NS);
	assert_int_equal(c.line.steps, 1);
}

/* However the clock is set, that is one step, and right at once. */
static void steps_are_seen(void **state)
{
	static const int64_t jumps[] = {200000, -200000, 1000000000, -3600000000000,
					INT64_C(86400000000000)};

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct wall w = {.ppm = 20,
				 .ppm_after = 20,
				 .at = 10 * S - POLL / 2,
				 .jump_ns = jumps[i],
				 .random = 5};
		struct el_wall_clock c = {.n_pairs = 0};
		uint64_t now = S;

		follow(&c, &w, &now, 10 * S);
		assert_int_equal(c.line.steps, 1);
		assert_in_range(follow(&c, &w, &now, 20 * S), 0, 2 * READ_NS);
		assert_int_equal(c.line.steps, 2);
	}
}

/* A slew is none; what it adds to the error is said once it is seen. */
static void slews_are_followed(void **state)
{
	struct wall w = {.ppm = 10, .ppm_after = 450, .at = 10 * S, .random = 9};
	struct el_wall_clock c = {.n_pairs = 0};
	uint64_t now = S, missed = (uint64_t)(440e-6 * POLL);

	(void)state;
	follow(&c, &w, &now, 10 * S);
	assert_in_range(follow(&c, &w, &now, 10 * S + 2 * POLL), missed / 2, missed + 2 * READ_NS);
	assert_in_range(c.line.error_ns, synchronised.maxerror_ns + missed - 2 * READ_NS,
			UINT64_MAX);
	follow(&c, &w, &now, 12 * S);
	assert_in_range(follow(&c, &w, &now, 20 * S), 0, 2 * READ_NS);
	assert_int_equal(c.line.steps, 1);
	assert_in_range(c.line.error_ns, 0,
			synchronised.maxerror_ns + EL_CLOCK_STEP_NS + 4 * READ_NS);
}

/* Nothing is believed that the kernel does not say. */
static void the_kernel_is_asked(void **state)
{
	static const struct el_wall_kernel silent = {.synchronised = true},
					   alone = {.known = true,
						    .maxerror_ns = 16000000000,
						    .tai_offset_s = 38};
	struct el_wall_pair p = {.ns = S, .real_ns = START, .read_ns = READ_NS};
	struct el_wall_clock c = {.n_pairs = 0};

	(void)state;
	el_wall_clock_add(&c, &p, &silent);
	assert_false(c.line.synchronised);
	assert_true(c.line.error_ns == UINT64_MAX);
	assert_int_equal(c.line.tai_offset_s, 37);
	el_wall_clock_add(&c, &p, &alone);
	assert_false(c.line.synchronised);
	assert_in_range(c.line.error_ns, alone.maxerror_ns, alone.maxerror_ns + 10000);
	assert_int_equal(c.line.tai_offset_s, 38);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

/* This machine's clocks, and what its kernel says of them. */
static void this_machine(void **state)
{
	struct el_wall_clock c = {.n_pairs = 0};
	struct timex t = {.modes = 0};
	uint64_t best = UINT64_MAX;
	bool right;

	(void)state;
	right = adjtimex(&t) != TIME_ERROR && !(t.status & STA_UNSYNC);
	el_wall_clock_read(&c);
	for (int i = 0; i < 1000; i++) {
		uint64_t raw = clock_ns(CLOCK_MONOTONIC_RAW), real = clock_ns(CLOCK_REALTIME);
		int64_t off = el_wall_real_ns(&c.line, raw) - (int64_t)real;

		best = (uint64_t)llabs(off) < best ? (uint64_t)llabs(off) : best;
	}
	assert_in_range(best, 0, 20000);
	assert_int_equal(c.line.synchronised, right);
	assert_in_range(c.line.error_ns, (uint64_t)t.maxerror * 1000, UINT64_MAX - 1);
	el_wall_clock_read(&c);
	assert_int_equal(c.line.steps, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_followed),         cmocka_unit_test(is_known_at_once),
	    cmocka_unit_test(steps_are_seen),      cmocka_unit_test(slews_are_followed),
	    cmocka_unit_test(the_kernel_is_asked), cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests_name("wall_clock", tests, NULL, NULL);
}
