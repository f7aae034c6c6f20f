/* SPDX-License-Identifier: BSD-3-Clause */
/* Control's side of the rounds, between workers and statistics that only keep what they get. */
#include "plan_fixture.h"

#include "rounds.h"

#define BLOCKS_MAX 64

/* A worker: the blocks it was handed and has not given back. */
struct fake {
	struct el_block *blocks[BLOCKS_MAX];
	uint32_t n, n_ready; /* blocks[0..n_ready) are finished */
};

static struct fake fakes[2];
static struct stats_job *submitted[BLOCKS_MAX];
static uint32_t n_submitted;

static uint64_t epoch_ns; /* when 1970 began */
static bool is_full;      /* a worker has no room for more orders */

static bool order(void *ctx, struct el_block *const *blocks)
{
	const uint32_t *n = ctx;

	for (uint32_t i = 0; i < *n && !is_full; i++)
		fakes[i].blocks[fakes[i].n++] = blocks[i];
	return !is_full;
}

/* What control does every few milliseconds. */
static void poll_rounds(struct rounds *r, uint64_t now)
{
	for (uint32_t k = 0; k < 2; k++) {
		struct fake *w = &fakes[k];
		for (uint32_t i = 0; i < w->n_ready; i++)
			rounds_report(r, w->blocks[i]);
		memmove(w->blocks, w->blocks + w->n_ready,
			(w->n - w->n_ready) * sizeof(w->blocks[0]));
		w->n -= w->n_ready;
		w->n_ready = 0;
	}
	rounds_submit(r, 0);
	rounds_hand_out(r, now, epoch_ns);
}

static void submit(void *ctx, struct stats_job *job)
{
	(void)ctx;
	submitted[n_submitted++] = job;
}

static void finish(uint32_t worker, uint32_t n, bool began)
{
	struct fake *w = &fakes[worker];

	assert_true(w->n_ready + n <= w->n);
	while (n--)
		w->blocks[w->n_ready++]->began_ns = began;
}

static void recycle_all(struct rounds *r)
{
	for (uint32_t i = 0; i < n_submitted; i++) {
		for (uint32_t b = 0; b < submitted[i]->n_blocks; b++)
			el_block_reset(submitted[i]->blocks[b], 0, 0);
		rounds_recycle(r, submitted[i]);
	}
	n_submitted = 0;
}

/* Rounds every ten seconds on n workers, three blocks each. */
static struct rounds *make(struct fixture **ret_fixture, struct el_plan_set **ret_set, uint32_t n,
			   uint64_t limit)
{
	static uint32_t n_workers;
	struct rounds_config conf = {
	    .n_workers = n, .last = limit, .order = order, .submit = submit, .ctx = &n_workers};
	struct rounds *r;

	n_workers = n;
	memset(fakes, 0, sizeof(fakes));
	n_submitted = 0;
	*ret_fixture = fixture(1, 2);
	(*ret_fixture)->workers = n;
	for (uint32_t i = 0; i < n; i++)
		add_target(*ret_fixture, EL_PROBE_ICMPPING, "198.51.100.1", 4);
	conf.set = *ret_set = compile(*ret_fixture);
	assert_int_equal(conf.set->n_blocks, 3);
	r = rounds_create(&conf);
	assert_non_null(r);
	return r;
}

static void unmake(struct rounds *r, struct fixture *f, struct el_plan_set *set)
{
	recycle_all(r);
	rounds_destroy(r);
	for (uint32_t w = 0; w < 2; w++) {
		while (fakes[w].n)
			el_block_free(fakes[w].blocks[--fakes[w].n]);
	}
	el_plan_set_put(set);
	free(f);
}

static void rounds_are_one_ahead(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 3);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	poll_rounds(r, t);
	assert_int_equal(fakes[0].n, 0);
	rounds_start(r, 1, t);
	poll_rounds(r, t - 1);
	assert_int_equal(fakes[0].n, 1);
	assert_int_equal(fakes[0].blocks[0]->start_ns, t);
	poll_rounds(r, t);
	poll_rounds(r, t + p - 1);
	assert_int_equal(fakes[0].n, 2);
	assert_int_equal(fakes[0].blocks[1]->round, 2);
	assert_int_equal(fakes[0].blocks[1]->start_ns, t + p);
	poll_rounds(r, t + p);
	poll_rounds(r, t + 9 * p);
	assert_int_equal(fakes[0].n, 3);
	assert_false(rounds_finished(r));
	finish(0, 3, true);
	poll_rounds(r, t + 9 * p);
	assert_int_equal(n_submitted, 3);
	assert_false(rounds_finished(r));
	recycle_all(r);
	assert_true(rounds_finished(r));
	assert_int_equal(rounds_skipped(r), 0);
	unmake(r, f, set);
}

static void rounds_without_a_block_are_skipped(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 0);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	for (uint64_t i = 0; i < 3; i++)
		poll_rounds(r, t + i * p);
	assert_int_equal(fakes[0].n, 3);
	poll_rounds(r, t + 3 * p + p / 2); /* the fourth should have begun at 3 p */
	assert_int_equal(rounds_skipped(r), 1);
	finish(0, 3, true);
	poll_rounds(r, t + 3 * p + p / 2);
	recycle_all(r);
	poll_rounds(r, t + 3 * p + p / 2);
	assert_int_equal(fakes[0].blocks[0]->round, 4);
	assert_int_equal(fakes[0].blocks[0]->start_ns, t + 4 * p);
	unmake(r, f, set);
}

/* No room for an order: nobody gets it, and it is given once there is room, with its number and
 * start; what is too late for that is skipped and counted. */
static void orders_wait_for_room(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 2, 0);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	is_full = true;
	poll_rounds(r, t - 10);
	poll_rounds(r, t - 5);
	is_full = false;
	assert_int_equal(fakes[0].n + fakes[1].n, 0);
	assert_int_equal(rounds_begin_of(r, 1), t);
	assert_true(rounds_idle(r));
	poll_rounds(r, t - 1);
	for (uint32_t w = 0; w < 2; w++) {
		assert_int_equal(fakes[w].n, 1);
		assert_int_equal(fakes[w].blocks[0]->round, 1);
		assert_int_equal(fakes[w].blocks[0]->start_ns, t);
	}
	is_full = true;
	poll_rounds(r, t);
	poll_rounds(r, t + 2 * p + p / 2);
	is_full = false;
	poll_rounds(r, t + 2 * p + p / 2);
	assert_int_equal(rounds_skipped(r), 2);
	for (uint32_t w = 0; w < 2; w++) {
		assert_int_equal(fakes[w].blocks[1]->round, 2);
		assert_int_equal(fakes[w].blocks[1]->start_ns, t + 3 * p);
	}
	finish(0, fakes[0].n, true);
	finish(1, fakes[1].n, true);
	poll_rounds(r, t + 3 * p);
	assert_int_equal(n_submitted, 2);
	unmake(r, f, set);
}

/* When control was held up, what should have begun long ago is skipped: a round that begins in the
 * past could send next to nothing. */
static void rounds_of_the_past_are_skipped(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 0);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	poll_rounds(r, t);
	finish(0, 2, true);
	poll_rounds(r, t + 5 * p);
	recycle_all(r);
	poll_rounds(r, t + 5 * p);
	assert_int_equal(rounds_skipped(r), 3);
	assert_int_equal(fakes[0].blocks[0]->round, 3);
	assert_int_equal(fakes[0].blocks[0]->start_ns, t + 5 * p);
	assert_int_equal(fakes[0].blocks[1]->start_ns, t + 6 * p);
	unmake(r, f, set);
}

/* Packets may be so far apart that a round is longer than its period: it can't send all anyway. */
static void long_rounds_begin_in_time(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 0);
	uint64_t t = 1000;

	(void)state;
	set->window_ns = 3 * set->period_ns;
	rounds_start(r, 1, t);
	poll_rounds(r, t + 10);
	assert_int_equal(rounds_skipped(r), 0);
	assert_int_equal(fakes[0].n, 2);
	assert_int_equal(fakes[0].blocks[0]->start_ns, t);
	assert_int_equal(fakes[0].blocks[1]->start_ns, t + set->period_ns);
	unmake(r, f, set);
}

/* A round goes to statistics when all workers have reported it, and in order. */
static void rounds_go_out_whole(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 2, 2);
	uint64_t t = 1000;

	(void)state;
	rounds_start(r, 1, t);
	poll_rounds(r, t);
	finish(0, 2, true);
	rounds_note(r, &(struct rounds_note){.drops = 7}, t);
	poll_rounds(r, t);
	assert_int_equal(n_submitted, 0);
	finish(1, 1, true);
	poll_rounds(r, t);
	assert_int_equal(n_submitted, 1);
	assert_int_equal(submitted[0]->round, 1);
	assert_int_equal(submitted[0]->n_blocks, 2);
	assert_int_equal(submitted[0]->local_drops, 7);
	finish(1, 1, true);
	poll_rounds(r, t);
	assert_int_equal(n_submitted, 2);
	recycle_all(r);
	assert_true(rounds_finished(r));
	unmake(r, f, set);
}

/* What was dropped is that of the rounds that were open: not of the next, which workers have
 * already but have not begun, and of the last up to when it is passed on. */
static void drops_go_to_rounds_that_have_begun(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 2);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	poll_rounds(r, t - 1);
	rounds_note(r, &(struct rounds_note){.drops = 1}, t - 1);
	poll_rounds(r, t);
	assert_int_equal(fakes[0].n, 2);
	rounds_note(r, &(struct rounds_note){.drops = 2}, t + p - 1);
	rounds_note(r, &(struct rounds_note){.drops = 4}, t + p);
	assert_false(rounds_are_whole(r));
	rounds_report(r, fakes[0].blocks[0]);
	fakes[0].blocks[0]->began_ns = t;
	assert_true(rounds_are_whole(r));
	rounds_note(r, &(struct rounds_note){.drops = 8}, t + p + 1);
	rounds_submit(r, 0);
	assert_false(rounds_are_whole(r));
	rounds_note(r, &(struct rounds_note){.drops = 16}, t + p + 2);
	rounds_report(r, fakes[0].blocks[1]);
	fakes[0].blocks[1]->began_ns = t + p;
	rounds_submit(r, 0);
	fakes[0].n = 0;
	assert_int_equal(n_submitted, 2);
	assert_int_equal(submitted[0]->local_drops, 2 + 4 + 8);
	assert_int_equal(submitted[1]->local_drops, 4 + 8 + 16);
	unmake(r, f, set);
}

/* A round that no worker has begun and all have given back is no round; one that a worker has begun
 * is. */
static void what_nobody_began_is_no_round(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 2, 0);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	poll_rounds(r, t);
	assert_int_equal(fakes[0].n, 2);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(rounds_begin_of(r, i), t + (i - 1) * p);
	rounds_retire(r);
	finish(0, 1, true);
	finish(0, 1, false);
	finish(1, 2, false);
	poll_rounds(r, t);
	assert_int_equal(n_submitted, 1);
	assert_int_equal(submitted[0]->round, 1);
	unmake(r, f, set);
}

/* After a cut nothing is handed out; what never began does not become a round. */
static void a_cut_ends_it(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 2, 0);
	uint64_t t = 1000, p = set->period_ns;

	(void)state;
	rounds_start(r, 1, t);
	poll_rounds(r, t);
	rounds_retire(r);
	for (uint32_t w = 0; w < 2; w++) {
		finish(w, 1, true);
		finish(w, 1, false);
	}
	poll_rounds(r, t + 3 * p);
	assert_int_equal(n_submitted, 1);
	assert_int_equal(fakes[0].n, 0);
	recycle_all(r);
	assert_true(rounds_finished(r));
	unmake(r, f, set);
}

/* The start of the round that was handed out last. */
static uint64_t last_start(void)
{
	return fakes[0].blocks[fakes[0].n - 1]->start_ns;
}

/* Goes on until the round with this number is handed out, publishing all before it; when it begins.
 */
static uint64_t start_of(struct rounds *r, uint64_t round)
{
	while (!fakes[0].n || fakes[0].blocks[fakes[0].n - 1]->round < round) {
		poll_rounds(r, fakes[0].n ? last_start() : 0);
		if (fakes[0].n > 1) {
			finish(0, 1, true);
			poll_rounds(r, 0);
			recycle_all(r);
		}
	}
	return last_start();
}

static uint64_t distance(uint64_t ns, uint64_t from, uint64_t period)
{
	uint64_t after = (ns - from) % period;

	return after < period - after ? after : period - after;
}

/* Rounds that begin anywhere come to begin at their phase, by steps that leave time for all probes,
 * and stay there where the clock of 1970 runs otherwise or is set. */
static void rounds_come_to_their_phase(void **state)
{
	struct el_plan_set *set;
	struct fixture *f;
	struct rounds *r = make(&f, &set, 1, 0);
	uint64_t p = set->period_ns, before, begin;
	static const uint64_t steps_ns[] = {0, 4 * EL_NS_PER_S, 8 * EL_NS_PER_S, EL_NS_PER_S / 20,
					    10 * EL_NS_PER_S - EL_NS_PER_S / 20};

	(void)state;
	set->has_phase = true;
	set->phase_ns = 3 * EL_NS_PER_S;
	epoch_ns = -(1764424800 * EL_NS_PER_S + 123456789);
	assert_int_equal(rounds_in_phase(set, 777, epoch_ns) - epoch_ns, 1764424803 * EL_NS_PER_S);
	begin = rounds_in_phase(set, 777, epoch_ns);
	assert_int_equal(rounds_in_phase(set, begin, epoch_ns), begin);
	assert_int_equal(rounds_in_phase(set, begin + 1, epoch_ns), begin + p);
	rounds_start(r, 1, 5 * EL_NS_PER_S);
	before = start_of(r, 1);
	assert_int_equal(before, 5 * EL_NS_PER_S);
	for (uint64_t i = 0, round = 2; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		epoch_ns += steps_ns[i];
		for (uint64_t end = round + 30; round < end; round++) {
			begin = start_of(r, round);
			assert_in_range(begin - before, p - p / 1000, p + p / 16);
			before = begin;
			epoch_ns += 100000; /* 10 ppm of 10 s */
		}
		assert_in_range(distance(begin, epoch_ns + set->phase_ns, p), 0, 200000);
	}
	assert_int_equal(rounds_skipped(r), 0);
	unmake(r, f, set);
	epoch_ns = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rounds_are_one_ahead),
	    cmocka_unit_test(rounds_without_a_block_are_skipped),
	    cmocka_unit_test(orders_wait_for_room),
	    cmocka_unit_test(rounds_of_the_past_are_skipped),
	    cmocka_unit_test(long_rounds_begin_in_time),
	    cmocka_unit_test(rounds_go_out_whole),
	    cmocka_unit_test(drops_go_to_rounds_that_have_begun),
	    cmocka_unit_test(what_nobody_began_is_no_round),
	    cmocka_unit_test(a_cut_ends_it),
	    cmocka_unit_test(rounds_come_to_their_phase),
	};

	el_log_set_level(EL_LOG_ERROR);
	return cmocka_run_group_tests_name("rounds", tests, NULL, NULL);
}
