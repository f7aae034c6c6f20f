/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of rounds: overlapping, stalled, stuck, cut, of one plan and the next. */
#include "worker_bench.h"

uint64_t sim_tsc = UINT64_C(1) << 40, sim_step = 200; /* cycles a look at the counter takes */

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

/* A round in which nothing is sent was not sent before it began. */
static void empty_rounds_take_no_time(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 1), 2);
	struct el_command c = {.kind = EL_COMMAND_ROUND, .block = el_block_create(b->set, 1)};
	struct el_block *block;

	(void)state;
	c.block->round = 1;
	c.block->start_tsc = rte_rdtsc() - hz / 1000;
	assert_true(el_worker_command(b->workers[1], &c));
	block = report(b, 1);
	assert_true(block->sent_tsc >= block->began_tsc);
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
	uint8_t frames[60][2048];
	size_t len[60];
	uint32_t n = 0;

	(void)state;
	for (uint64_t r = 1; r <= 3; r++) {
		order_round(b, r);
		while (n < 20 * r) {
			struct rte_mbuf *m;
			poll_all(b);
			while ((m = take(b, 0)) != NULL) {
				len[n] = m->data_len;
				memcpy(frames[n++], rte_pktmbuf_mtod(m, void *), m->data_len);
				rte_pktmbuf_free(m);
			}
		}
	}
	for (uint32_t i = 60; i-- > 0;) { /* the last first */
		uint8_t buf[2048];
		give(b, 0, buf, answer(frames[i], len[i], REPLY_ECHO, buf));
		poll_all(b);
	}
	for (int r = 0; r < 3; r++)
		assert_int_equal(figures(b, 0).answered, 20);
	bench_free(b);
}

/* A later plan may keep many more rounds open than the first: none waits for another to close. */
static void as_many_rounds_as_a_plan_may_keep_open(void **state)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};
	struct fixture *fx = quick(1, 100, EL_PROBE_ICMPPING, 2);
	struct el_block *block;
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
	assert_true(el_worker_command(b->workers[0], &stop));
	poll_all(b);
	for (n = 0; el_worker_reports(b->workers[0], &block, 1); n++)
		el_block_free(block);
	assert_int_equal(n, 100);
	bench_free(b);
}

/* A new plan with another layout of ids: answers to the old plan's open round still find it, and
 * the other way round. */
static void a_new_plan_leaves_old_rounds_open(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 1);
	struct el_plan_set *old = b->set;
	uint8_t frames[320][256];
	size_t len[320];
	uint32_t n = 0;

	(void)state;
	add_target(b->f, EL_PROBE_ICMPPING, "198.51.100.2", 280);
	b->f->targets[1].timeout_s = 0.05;
	b->f->in.generation = 2;
	b->set = compile(b->f);
	assert_int_not_equal(old->ids.index_bits, b->set->ids.index_bits);
	for (uint64_t r = 1; r <= 2; r++) {
		struct el_plan_set *set = b->set;
		b->set = r == 1 ? old : set;
		order_round(b, r);
		b->set = set;
		while (n < (r == 1 ? 20 : 320)) {
			struct rte_mbuf *m;
			poll_all(b);
			while ((m = take(b, 0)) != NULL) {
				len[n] = m->data_len;
				memcpy(frames[n++], rte_pktmbuf_mtod(m, void *), m->data_len);
				rte_pktmbuf_free(m);
			}
		}
	}
	assert_int_equal(el_worker_newest_plan(b->workers[0]), 2);
	assert_int_equal(el_worker_oldest_plan(b->workers[0]), 1);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t buf[2048];
		give(b, 0, buf, answer(frames[i], len[i], REPLY_ECHO, buf));
		poll_all(b);
	}
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(el_worker_oldest_plan(b->workers[0]), 2);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 320);
	el_plan_set_put(old);
	bench_free(b);
}

/* What has not begun comes back at once, and what is being sent goes on. */
static void a_withdrawal_cuts_nothing(void **state)
{
	const struct el_command withdraw = {.kind = EL_COMMAND_WITHDRAW};
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 100), 1);
	struct el_block *block;

	(void)state;
	assert_int_equal(el_worker_newest_plan(b->workers[0]), 0);
	order_round(b, 1);
	order_round(b, 2);
	poll_all(b);
	assert_int_equal(el_worker_newest_plan(b->workers[0]), 1);
	assert_true(el_worker_command(b->workers[0], &withdraw));
	poll_all(b);
	assert_int_equal(el_worker_withdrawals(b->workers[0]), 1);
	assert_int_equal(el_worker_reports(b->workers[0], &block, 1), 1);
	assert_int_equal(block->round, 2);
	assert_int_equal(block->began_tsc, 0);
	el_block_free(block);
	assert_int_equal(serve(b, 100, REPLY_ECHO), 100);
	assert_int_equal(figures(b, 0).answered, 100);
	bench_free(b);
}

static void a_cut_keeps_what_was_sent(void **state)
{
	struct fixture *fx = fixture(1, 2);
	struct bench *b;
	struct el_command cut = {.kind = EL_COMMAND_CUT};
	struct el_block *blocks[2];
	uint32_t sent = 0, unsent = 0;

	(void)state;
	add_target(fx, EL_PROBE_ICMPPING, "198.51.100.1", 1000);
	fx->targets[0].timeout_s = 0.05;
	b = bench(fx, 1); /* 1,000 probes over ten seconds */
	order_round(b, 1);
	order_round(b, 2);
	assert_int_equal(serve(b, 5, REPLY_ECHO), 5);
	assert_true(el_worker_command(b->workers[0], &cut));
	blocks[0] = report(b, 0);
	blocks[1] = report(b, 0);
	if (blocks[0]->round == 2) { /* the one that never began comes back at once */
		struct el_block *t = blocks[0];
		blocks[0] = blocks[1];
		blocks[1] = t;
	}
	assert_int_equal(blocks[1]->began_tsc, 0);
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
	for (uint64_t i = 0; i < 2; i++) {
		struct el_command c = {.kind = EL_COMMAND_ROUND,
				       .block = el_block_create(b->set, 0)};
		assert_non_null(c.block);
		c.block->round = i + 1;
		c.block->start_tsc = start + i * b->set->period_tsc;
		assert_true(el_worker_command(b->workers[0], &c));
	}
	n = serve(b, 5, REPLY_ECHO);
	while (rte_rdtsc() < start + b->set->period_tsc)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stuck_device_loses_nothing),
	    cmocka_unit_test(the_global_timeout_ends_a_round),
	    cmocka_unit_test(a_stuck_device_ends_its_round),
	    cmocka_unit_test(empty_rounds_take_no_time),
	    cmocka_unit_test(a_stop_waits_for_nothing),
	    cmocka_unit_test(rounds_overlap),
	    cmocka_unit_test(as_many_rounds_as_a_plan_may_keep_open),
	    cmocka_unit_test(a_new_plan_leaves_old_rounds_open),
	    cmocka_unit_test(a_withdrawal_cuts_nothing),
	    cmocka_unit_test(a_cut_keeps_what_was_sent),
	    cmocka_unit_test(a_stall_at_the_end_leaves_nothing_unsent),
	};

	return worker_bench_main("worker_rounds", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
