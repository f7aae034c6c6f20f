/* SPDX-License-Identifier: BSD-3-Clause */
/* Rounds of one plan and the next, on workers that are not at the same round. */
#include <pthread.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "captured.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

/* The set of one more target (the last worker's) and another layout of ids, as the bench's own; the
 * one before. */
static struct el_plan_set *change_plan(struct bench *b)
{
	struct el_plan_set *before = b->set;

	add_target(b->f, EL_PROBE_ICMPPING, "198.51.100.2", 280);
	b->f->targets[1].timeout_s = 0.05;
	b->f->in.generation++;
	b->set = compile(b->f);
	assert_int_not_equal(before->ids.index_bits, b->set->ids.index_bits);
	return before;
}

/* The same plan once more, as the bench's own; the one before. */
static struct el_plan_set *plan_again(struct bench *b)
{
	struct el_plan_set *before = b->set;

	b->f->in.generation++;
	b->set = compile(b->f);
	return before;
}

/* A new plan with another layout of ids: answers to the old plan's open round still find it, and
 * the other way round. */
static void a_new_plan_leaves_old_rounds_open(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 1);
	struct captured probes[320];
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	old = change_plan(b);
	order_round(b, 2);
	capture(b, 0, 300, &probes[20]);
	assert_int_equal(el_worker_begun(b->workers[0]), 2);
	reply(b, 0, 320, probes);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 320);
	retire(b, old);
	bench_free(b);
}

/* Answers to a round of the old plan that is open on the other worker still come in here, where all
 * rounds are over and the new plan has begun. */
static void an_old_round_open_elsewhere(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct captured probes[20];
	struct el_block *ended;
	struct el_plan_set *old;
	uint64_t end;

	(void)state;
	order_round(b, 1);
	for (end = rte_rdtsc() + EL_NS_PER_S; rte_rdtsc() < end;) /* the first worker looks away */
		el_worker_poll(b->workers[1]);
	assert_int_equal(el_worker_reports(b->workers[1], &ended, 1), 1);
	el_block_free(ended);
	capture(b, 0, 20, probes);
	old = change_plan(b);
	order_round(b, 2);
	el_worker_poll(b->workers[1]);
	assert_int_equal(el_worker_begun(b->workers[1]), 2);
	reply(b, 1, 20, probes);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	retire(b, old);
	bench_free(b);
}

/* The order that a worker has not read yet when it is held up; it comes while it receives. */
static uint16_t order_meanwhile(uint16_t port, uint16_t queue, struct rte_mbuf **packets,
				uint16_t n, uint16_t max, void *ctx)
{
	struct bench *b = ctx;

	(void)port, (void)queue, (void)packets, (void)max;
	if (n && el_worker_begun(b->workers[1]) < 2)
		order_block(b, 1, 2, 0);
	return n;
}

/* Answers to a round of the next plan that the other worker has begun come in while this one has
 * not read its own order for that round, which is there. */
static void an_order_that_comes_while_receiving(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	const struct rte_eth_rxtx_callback *callback;
	struct captured probes[40];
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	old = change_plan(b);
	order_block(b, 0, 2, 0);
	capture(b, 0, 20, &probes[20]);
	callback = rte_eth_add_rx_callback(port_id, 1, order_meanwhile, b);
	assert_non_null(callback);
	reply(b, 1, 20, &probes[20]);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 1, callback), 0);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	retire(b, old);
	bench_free(b);
}

/* A new plan takes back a round that the other worker has begun already, and begins with the one
 * after: answers to the one that was begun come in here before and after that is known. */
static void a_round_given_back_that_was_begun_elsewhere(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct captured probes[20];
	struct el_block *back;
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	close_gate(b, 1, false);
	poll_all(b);
	assert_int_equal(el_worker_reports(b->workers[1], &back, 1), 1);
	assert_int_equal(back->began_ns, 0);
	el_block_free(back);
	reply(b, 1, 10, probes);
	old = change_plan(b);
	for (uint32_t w = 0; w < WORKERS; w++)
		order_block(b, w, 2, rte_rdtsc() + 10 * EL_NS_PER_S);
	reply(b, 1, 10, &probes[10]);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	retire(b, old);
	bench_free(b);
}

/* The same under the plan after the next, of which this worker has begun nothing either; and
 * several plans have open rounds. */
static void plans_that_others_began(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct captured probes[EL_SCHEDULE_SPANS_MAX * 20];
	struct el_plan_set *old[EL_SCHEDULE_SPANS_MAX];

	(void)state;
	for (uint32_t i = 0; i < EL_SCHEDULE_SPANS_MAX; i++) {
		uint64_t round = i + 1;

		if (i)
			old[i] = plan_again(b);
		order_round(b, round);
		capture(b, 0, 20, &probes[i * 20]);
		close_gate(b, round, false);
		poll_all(b);
		assert_int_equal(el_worker_begun(b->workers[0]), round);
		assert_int_equal(el_worker_begun(b->workers[1]), 0);
	}
	reply(b, 1, RTE_DIM(probes), probes);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), RTE_DIM(probes));
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), RTE_DIM(probes));
	for (uint32_t i = 1; i < EL_SCHEDULE_SPANS_MAX; i++)
		retire(b, old[i]);
	bench_free(b);
}

/* This worker was away while the other went on by several rounds: answers to the latest wait here.
 */
static void rounds_ahead_elsewhere(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct captured probes[60];

	(void)state;
	for (uint64_t r = 1; r <= 3; r++)
		order_round(b, r);
	capture(b, 0, 60, probes);
	reply(b, 1, 60, probes);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 60);
	bench_free(b);
}

/* A plan that is not in the schedule any more has its open rounds closed at once, and what is being
 * sent of it ends. */
static void a_dropped_plan_is_closed(void **state)
{
	struct fixture *fx = quick(1, 100, EL_PROBE_ICMPPING, 20);
	struct el_block *block;
	struct el_plan_set *old;
	struct bench *b;

	(void)state;
	fx->targets[0].timeout_s = 1000;
	b = bench(fx, 1);
	order_round(b, 1);
	assert_int_equal(serve(b, 20, REPLY_ECHO), 20);
	old = plan_again(b);
	order_round(b, 2);
	assert_int_equal(serve(b, 20, REPLY_ECHO), 20);
	assert_int_equal(el_worker_reports(b->workers[0], &block, 1), 0);
	el_plan_set_get(old);
	retire(b, old);
	assert_int_equal(el_worker_reports(b->workers[0], &block, 1), 1);
	assert_int_equal(block->round, 1);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(el_record_state(block->records[i]), EL_RECORD_ANSWERED);
	el_block_free(block);
	el_plan_set_put(old);
	bench_free(b);
}

/* The same where this worker was away meanwhile: whether what is past its timeout is answered is
 * waiting to be received, and is not lost. */
static void a_dropped_plan_whose_answers_wait(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 1);
	struct captured probes[20];
	struct el_plan_set *old;
	struct el_figures f;
	uint64_t end;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	old = plan_again(b);
	order_round(b, 2);
	assert_int_equal(serve(b, 20, REPLY_ECHO), 20);
	for (end = rte_rdtsc() + EL_NS_PER_S; rte_rdtsc() < end;) /* it looks away */
		;
	retire(b, el_plan_set_get(old));
	f = figures(b, 0);
	assert_int_equal(f.abandoned, 20);
	assert_int_equal(f.lost, 0);
	el_plan_set_put(old);
	bench_free(b);
}

struct waiter {
	struct el_board *board;
	_Atomic bool began, done;
};

static void *wait_on_board(void *arg)
{
	struct waiter *w = arg;

	w->began = true;
	w->done = el_board_wait(w->board);
	return NULL;
}

/* Who waits for the workers waits for each of them to end an iteration. */
static void waiting_for_all_workers(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct waiter w = {.board = b->board};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_on_board, &w), 0);
	while (!w.began)
		usleep(1000);
	for (int ms = 0; ms < 40; ms++) {
		el_worker_poll(b->workers[0]);
		usleep(1000);
		assert_false(w.done);
	}
	for (int ms = 0; ms < 500 && !w.done; ms++) {
		poll_all(b);
		usleep(1000);
	}
	assert_true(w.done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_plan_leaves_old_rounds_open),
	    cmocka_unit_test(an_old_round_open_elsewhere),
	    cmocka_unit_test(an_order_that_comes_while_receiving),
	    cmocka_unit_test(a_round_given_back_that_was_begun_elsewhere),
	    cmocka_unit_test(plans_that_others_began),
	    cmocka_unit_test(rounds_ahead_elsewhere),
	    cmocka_unit_test(a_dropped_plan_is_closed),
	    cmocka_unit_test(a_dropped_plan_whose_answers_wait),
	    cmocka_unit_test(waiting_for_all_workers),
	};

	return worker_bench_main("worker_plans", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
