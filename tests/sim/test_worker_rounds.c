/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of rounds: overlapping, stalled, stuck, cut. */
#include "captured.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

/* A stuck device: what it never took stays unsent, and is neither sent nor lost. */
static void a_stuck_device_loses_nothing(void **state)
{
	struct fixture *fx = quick(1, 2, EL_PROBE_ICMPPING, 80);
	struct bench *b = bench(fx, 1);
	struct el_block *block;
	uint32_t sent = 0;

	(void)state;
	order_round(b, 1);
	block = report(b, 0);
	for (uint32_t i = 0; i < 80; i++)
		sent += el_record_state(block->records[i]) == EL_RECORD_SENT;
	assert_int_equal(sent, WIRE - 1);
	el_block_free(block);
	bench_free(b);
}

/* A round may take so long and no longer: what is not sent by then stays unsent, neither sent nor
 * lost. */
static void the_global_timeout_ends_a_round(void **state)
{
	struct fixture *fx = fixture(1, 2);
	struct bench *b;
	struct el_figures f;

	(void)state;
	add_target(fx, EL_PROBE_ICMPPING, "198.51.100.1", 1000);
	fx->targets[0].timeout_s = 0.05;
	fx->in.interval_s = 0.1;
	fx->in.interval_packets_s = 0.01; /* ten seconds in all */
	fx->in.round_timeout_s = 0.25;
	b = bench(fx, 1);
	order_round(b, 1);
	assert_in_range(serve(b, 15, REPLY_ECHO), 15, 30);
	f = figures(b, 0);
	assert_in_range(f.sent, 15, 30);
	assert_true(f.lost <= f.sent - 15);
	bench_free(b);
}

/* A device that takes nothing any more must not hold up the rounds, nor the end after the last. */
static void a_stuck_device_ends_its_round(void **state)
{
	struct fixture *fx = quick(1, 2, EL_PROBE_ICMPPING, 300);
	struct bench *b;
	struct el_block *block;
	uint32_t sent = 0, unsent = 0;

	(void)state;
	fx->in.interval_s = 0;
	b = bench(fx, 1);
	order_round(b, 1);
	block = report(b, 0);
	for (uint32_t i = 0; i < 300; i++) {
		sent += el_record_state(block->records[i]) == EL_RECORD_SENT;
		unsent += el_record_state(block->records[i]) == EL_RECORD_UNSENT;
	}
	assert_int_equal(sent, WIRE - 1);
	assert_int_equal(sent + unsent, 300);
	el_block_free(block);
	/* its buffers are not lost: the next round finds the wire free */
	drain(b->out[0]);
	order_round(b, 2);
	assert_int_equal(serve(b, 300, REPLY_ECHO), 300);
	assert_int_equal(figures(b, 0).answered, 300);
	bench_free(b);
}

/* Nobody waits for what a port that is gone might have received: rounds close when their time is
 * over, and not before. */
static void a_port_that_is_gone_holds_up_no_round(void **state)
{
	struct el_command gone = {.kind = EL_COMMAND_PORT, .index = 1, .down = true, .gone = true};
	struct fixture *fx = quick(1, 2, EL_PROBE_ICMPPING, 10);
	struct el_block *block;
	uint64_t over_ns;
	struct bench *b;

	(void)state;
	queues_a_worker = 2;
	b = bench(fx, 1);
	queues_a_worker = 1;
	order_round(b, 1);
	assert_int_equal(serve(b, 10, REPLY_ECHO), 10);
	assert_true(el_worker_command(b->workers[0], &gone));
	block = report(b, 0);
	over_ns = block->sent_ns + b->set->timeout_ns;
	assert_in_range(block->closed_ns, over_ns, over_ns + EL_NS_PER_S / 1000);
	el_block_free(block);
	bench_free(b);
}

/* A round in which nothing is sent was not sent before it began. */
static void empty_rounds_take_no_time(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 1), 2);
	struct el_block *block;

	(void)state;
	order_block(b, 1, 1, rte_rdtsc() - EL_NS_PER_S / 1000);
	block = report(b, 1);
	assert_true(block->sent_ns >= block->began_ns);
	el_block_free(block);
	bench_free(b);
}

/* Who wants answers waited for cuts first: stop is now, whatever the timeout. */
static void a_stop_waits_for_nothing(void **state)
{
	struct fixture *fx = quick(1, 2, EL_PROBE_ICMPPING, 10);
	struct el_command stop = {.kind = EL_COMMAND_STOP};
	struct el_block *blocks[2];
	bool running = true;
	struct bench *b;

	(void)state;
	fx->targets[0].timeout_s = 1000;
	b = bench(fx, 1);
	order_round(b, 1);
	order_round(b, 2);
	assert_int_equal(serve(b, 5, -1), 10);
	assert_true(el_worker_command(b->workers[0], &stop));
	for (int i = 0; i < 10 && running; i++)
		running = el_worker_poll(b->workers[0]);
	assert_false(running);
	assert_int_equal(el_worker_reports(b->workers[0], blocks, 2), 2);
	el_block_free(blocks[0]);
	el_block_free(blocks[1]);
	bench_free(b);
}

/* Rounds of an interval shorter than the timeout: blocks overlap, and each answer finds its round.
 */
static void rounds_overlap(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 1);
	struct captured probes[60];

	(void)state;
	for (uint32_t r = 0; r < 3; r++) {
		order_round(b, r + 1);
		capture(b, 0, 20, &probes[20 * r]);
	}
	for (uint32_t i = 60; i-- > 0;) /* the last first */
		reply(b, 0, 1, &probes[i]);
	for (int r = 0; r < 3; r++)
		assert_int_equal(figures(b, 0).answered, 20);
	bench_free(b);
}

/* A later plan may keep many more rounds open than the first: none waits for another to close. */
static void as_many_rounds_as_a_plan_may_keep_open(void **state)
{
	struct fixture *fx = quick(1, 100, EL_PROBE_ICMPPING, 2);
	struct bench *b;
	uint32_t n = 0;

	(void)state;
	fx->targets[0].timeout_s = 3600;
	fx->in.interval_s = 4;
	b = bench(fx, 1);
	assert_int_equal(b->set->n_blocks, 902);
	for (uint64_t r = 1; r <= 100; r++) {
		order_round(b, r);
		for (int i = 0; i < 1000 && n < 2 * r; i++) {
			struct rte_mbuf *m;
			poll_all(b);
			for (; (m = take(b, 0)) != NULL; n++)
				rte_pktmbuf_free(m);
		}
		if (n != 2 * r)
			fail_msg("round %llu waits", (unsigned long long)r);
	}
	bench_free(b);
}

/* What has not begun comes back at once, and what is being sent goes on. */
static void a_closed_gate_cuts_nothing(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 100), 1);
	struct el_block *block;

	(void)state;
	assert_int_equal(el_worker_begun(b->workers[0]), 0);
	order_round(b, 1);
	order_round(b, 2);
	poll_all(b);
	assert_int_equal(el_worker_begun(b->workers[0]), 1);
	close_gate(b, 2, false);
	poll_all(b);
	assert_int_equal(el_worker_reports(b->workers[0], &block, 1), 1);
	assert_int_equal(block->round, 2);
	assert_int_equal(block->began_ns, 0);
	el_block_free(block);
	assert_int_equal(serve(b, 100, REPLY_ECHO), 100);
	assert_int_equal(figures(b, 0).answered, 100);
	bench_free(b);
}

/* Rounds before the gate are begun all the same; an order for one after it waits until it opens. */
static void a_gate_ahead(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 10), 1);
	struct el_block *block;

	(void)state;
	for (uint64_t r = 1; r <= 3; r++)
		order_round(b, r);
	close_gate(b, 3, false);
	assert_int_equal(serve(b, 20, REPLY_ECHO), 20);
	assert_int_equal(el_worker_begun(b->workers[0]), 2);
	for (int i = 0; i < 3; i++) {
		block = report(b, 0);
		assert_int_equal(block->began_ns == 0, block->round == 3);
		el_block_free(block);
	}
	assert_int_equal(serve(b, 10, REPLY_ECHO), 0);
	order_round(b, 3);
	assert_int_equal(serve(b, 10, REPLY_ECHO), 10);
	bench_free(b);
}

static void a_cut_keeps_what_was_sent(void **state)
{
	struct fixture *fx = fixture(1, 2);
	struct bench *b;
	struct el_block *blocks[2];
	uint32_t sent = 0, unsent = 0;

	(void)state;
	add_target(fx, EL_PROBE_ICMPPING, "198.51.100.1", 1000);
	fx->targets[0].timeout_s = 0.05;
	b = bench(fx, 1); /* 1,000 probes over ten seconds */
	order_round(b, 1);
	order_round(b, 2);
	assert_int_equal(serve(b, 5, REPLY_ECHO), 5);
	close_gate(b, 1, true);
	blocks[0] = report(b, 0);
	blocks[1] = report(b, 0);
	if (blocks[0]->round == 2) { /* the one that never began comes back at once */
		struct el_block *t = blocks[0];
		blocks[0] = blocks[1];
		blocks[1] = t;
	}
	assert_int_equal(blocks[1]->began_ns, 0);
	assert_true(blocks[0]->cut && blocks[1]->cut);
	for (uint32_t i = 0; i < 1000; i++) {
		sent += el_record_state(blocks[0]->records[i]) == EL_RECORD_ANSWERED;
		unsent += el_record_state(blocks[0]->records[i]) == EL_RECORD_UNSENT;
	}
	assert_in_range(sent, 5, 20);
	assert_int_equal(sent + unsent, 1000);
	el_block_free(blocks[0]);
	el_block_free(blocks[1]);
	bench_free(b);
}

/* The worker sleeps over the end of a round: what was due and is within the debt that pacing grants
 * is sent all the same, the next round after it. */
static void a_stall_at_the_end_leaves_nothing_unsent(void **state)
{
	struct fixture *fx = fixture(1, 2);
	struct bench *b;
	struct el_block *blocks[2];
	uint64_t start;
	uint32_t n;

	(void)state;
	add_target(fx, EL_PROBE_ICMPPING, "198.51.100.1", 20);
	fx->targets[0].timeout_s = 0.05;
	fx->in.interval_s = 0.02;
	b = bench(fx, 1);
	start = rte_rdtsc();
	for (uint64_t i = 0; i < 2; i++)
		order_block(b, 0, i + 1, start + i * b->set->period_ns);
	n = serve(b, 5, REPLY_ECHO);
	while (rte_rdtsc() < start + b->set->period_ns)
		;
	n += serve(b, 40 - n, REPLY_ECHO);
	assert_int_equal(n, 40);
	for (int r = 0; r < 2; r++) {
		blocks[r] = report(b, 0);
		for (uint32_t i = 0; i < 20; i++)
			assert_int_equal(el_record_state(blocks[r]->records[i]),
					 EL_RECORD_ANSWERED);
		el_block_free(blocks[r]);
	}
	bench_free(b);
}

/* However many next hops and clocks come, there is room for what control can't do without. */
static void next_hops_leave_room(void **state)
{
	static const enum el_command_kind any[] = {EL_COMMAND_NEXT_HOP, EL_COMMAND_RX_CLOCK,
						   EL_COMMAND_WALL_CLOCK};
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 10), 2);
	struct el_command c, orders[2];
	uint64_t taken;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(any); i++) {
		c = (struct el_command){.kind = any[i], .index = EL_NEXT_HOPS_MAX - 1};
		for (int k = 0; k < 100000 && el_worker_command(b->workers[0], &c); k++)
			;
		assert_false(el_worker_command(b->workers[0], &c));
	}
	order_round(b, 1); /* of which it may have as many as two plans have blocks */
	orders[0] = orders[1] = (struct el_command){.kind = EL_COMMAND_OWN};
	for (int k = 0; k < 2 * EL_PLAN_BLOCKS_MAX; k++)
		assert_true(el_workers_command(b->workers, 1, orders));
	/* and where one has no room for it, none gets it */
	while (el_worker_command(b->workers[0], &orders[0]))
		;
	taken = el_worker_own_taken(b->workers[1]);
	assert_false(el_workers_command(b->workers, 2, orders));
	poll_all(b);
	assert_int_equal(el_worker_own_taken(b->workers[1]), taken);
	for (int k = 0; k < 1000; k++)
		poll_all(b);
	assert_true(el_workers_command(b->workers, 2, orders));
	poll_all(b);
	assert_int_equal(el_worker_own_taken(b->workers[1]), taken + 1);
	drain(b->out[0]);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stuck_device_loses_nothing),
	    cmocka_unit_test(the_global_timeout_ends_a_round),
	    cmocka_unit_test(a_stuck_device_ends_its_round),
	    cmocka_unit_test(a_port_that_is_gone_holds_up_no_round),
	    cmocka_unit_test(empty_rounds_take_no_time),
	    cmocka_unit_test(a_stop_waits_for_nothing),
	    cmocka_unit_test(rounds_overlap),
	    cmocka_unit_test(as_many_rounds_as_a_plan_may_keep_open),
	    cmocka_unit_test(a_closed_gate_cuts_nothing),
	    cmocka_unit_test(a_gate_ahead),
	    cmocka_unit_test(a_cut_keeps_what_was_sent),
	    cmocka_unit_test(a_stall_at_the_end_leaves_nothing_unsent),
	    cmocka_unit_test(next_hops_leave_room),
	};

	return worker_bench_main("worker_rounds", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
