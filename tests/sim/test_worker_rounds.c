/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of rounds: overlapping, stalled, stuck, cut, of one plan and the next. */
#include "worker_bench.h"

#include <rte_ethdev.h>

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

/* A round in which nothing is sent was not sent before it began. */
static void empty_rounds_take_no_time(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 1), 2);
	struct el_command c = {.kind = EL_COMMAND_ROUND, .block = el_block_create(b->set, 1)};
	struct el_block *block;

	(void)state;
	c.block->round = 1;
	c.block->start_ns = rte_rdtsc() - EL_NS_PER_S / 1000;
	assert_true(el_worker_command(b->workers[1], &c));
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

struct captured {
	size_t len;
	uint8_t frame[256];
};

/* Polls a worker until `n` more probes have been captured from its wire. */
static void capture(struct bench *b, uint32_t worker, uint32_t n, struct captured *ret)
{
	uint64_t end = rte_rdtsc() + EL_NS_PER_S;
	uint32_t got = 0;

	while (got < n && rte_rdtsc() < end) {
		struct rte_mbuf *m;
		el_worker_poll(b->workers[worker]);
		while (got < n && (m = take(b, worker)) != NULL) {
			ret[got].len = m->data_len;
			memcpy(ret[got++].frame, rte_pktmbuf_mtod(m, void *), m->data_len);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(got, n);
}

/* Has the echo replies to captured probes come in on a queue. */
static void reply(struct bench *b, uint32_t queue, uint32_t n, const struct captured *probes)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t buf[2048];
		give(b, queue, buf, answer(probes[i].frame, probes[i].len, REPLY_ECHO, buf));
	}
	for (uint32_t i = 0; i < n / 16 + 2; i++) /* and what is forwarded */
		poll_all(b);
}

static void command(struct bench *b, enum el_command_kind kind)
{
	const struct el_command c = {.kind = kind};

	for (uint32_t w = 0; w < b->n_workers; w++)
		assert_true(el_worker_command(b->workers[w], &c));
}

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
	assert_int_equal(el_worker_newest_plan(b->workers[0]), b->set->generation);
	reply(b, 0, 320, probes);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 320);
	assert_int_equal(el_worker_oldest_plan(b->workers[0]), old->generation);
	command(b, EL_COMMAND_FORGET);
	poll_all(b);
	assert_int_equal(el_worker_oldest_plan(b->workers[0]), b->set->generation);
	el_plan_set_put(old);
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
	assert_int_equal(el_worker_newest_plan(b->workers[1]), b->set->generation);
	reply(b, 1, 20, probes);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	el_plan_set_put(old);
	bench_free(b);
}

/* The order that a worker has not read yet when it is held up; it comes while it receives. */
static uint16_t order_meanwhile(uint16_t port, uint16_t queue, struct rte_mbuf **packets,
				uint16_t n, uint16_t max, void *ctx)
{
	struct bench *b = ctx;
	struct el_command c = {.kind = EL_COMMAND_ROUND};

	(void)port, (void)queue, (void)packets, (void)max;
	if (!n || b->set->generation == el_worker_newest_plan(b->workers[1]))
		return n;
	c.block = el_block_create(b->set, 1);
	c.block->round = 2;
	assert_true(el_worker_command(b->workers[1], &c));
	return n;
}

/* Answers to a round of the next plan that the other worker has begun come in while this one has
 * not read its own order for that round, which is there. */
static void an_order_that_comes_while_receiving(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	const struct rte_eth_rxtx_callback *callback;
	struct el_command first = {.kind = EL_COMMAND_ROUND};
	struct captured probes[40];
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	old = change_plan(b);
	first.block = el_block_create(b->set, 0);
	first.block->round = 2;
	assert_true(el_worker_command(b->workers[0], &first));
	capture(b, 0, 20, &probes[20]);
	callback = rte_eth_add_rx_callback(port_id, 1, order_meanwhile, b);
	assert_non_null(callback);
	reply(b, 1, 20, &probes[20]);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 1, callback), 0);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	el_plan_set_put(old);
	bench_free(b);
}

/* A new plan takes back a round that the other worker has begun already, and begins with the one
 * after: answers to the one that was begun come in here before and after that is known. */
static void a_round_given_back_that_was_begun_elsewhere(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct el_command later = {.kind = EL_COMMAND_ROUND};
	struct captured probes[20];
	struct el_block *back;
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 20, probes);
	command(b, EL_COMMAND_WITHDRAW);
	poll_all(b);
	assert_int_equal(el_worker_reports(b->workers[1], &back, 1), 1);
	assert_int_equal(back->began_ns, 0);
	el_block_free(back);
	reply(b, 1, 10, probes);
	old = change_plan(b);
	for (uint32_t w = 0; w < WORKERS; w++) {
		later.block = el_block_create(b->set, w);
		later.block->round = 2;
		later.block->start_ns = rte_rdtsc() + 10 * EL_NS_PER_S;
		assert_true(el_worker_command(b->workers[w], &later));
	}
	reply(b, 1, 10, &probes[10]);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 20);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 20);
	el_plan_set_put(old);
	bench_free(b);
}

/* The same under the plan after the next: the worker that has given it all back is told of it, and
 * knows what it has given back until then. */
static void a_plan_that_others_began(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 20), 2);
	struct el_command told = {.kind = EL_COMMAND_PLAN, .first_round = 2};
	struct captured probes[40];
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	poll_all(b);
	capture(b, 0, 20, probes);
	old = change_plan(b);
	order_round(b, 2);
	capture(b, 0, 20, &probes[20]);
	command(b, EL_COMMAND_WITHDRAW);
	poll_all(b);
	assert_int_equal(el_worker_newest_plan(b->workers[1]), old->generation);
	reply(b, 1, 30, probes);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 30);
	told.set = b->set;
	for (uint32_t w = 0; w < WORKERS; w++)
		assert_true(el_worker_command(b->workers[w], &told));
	poll_all(b);
	assert_int_equal(el_worker_newest_plan(b->workers[1]), b->set->generation);
	reply(b, 1, 10, &probes[30]);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 40);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 40);
	command(b, EL_COMMAND_FORGET);
	poll_all(b);
	for (uint32_t w = 0; w < WORKERS; w++)
		assert_int_equal(el_worker_oldest_plan(b->workers[w]), b->set->generation);
	el_plan_set_put(old);
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
	assert_int_equal(block->began_ns, 0);
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
	for (uint64_t i = 0; i < 2; i++) {
		struct el_command c = {.kind = EL_COMMAND_ROUND,
				       .block = el_block_create(b->set, 0)};
		assert_non_null(c.block);
		c.block->round = i + 1;
		c.block->start_ns = start + i * b->set->period_ns;
		assert_true(el_worker_command(b->workers[0], &c));
	}
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
	static const enum el_command_kind any[] = {EL_COMMAND_NEXT_HOP, EL_COMMAND_RX_CLOCK};
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 10), 2);
	struct el_command c = {.kind = EL_COMMAND_STOP}, plans[2];
	struct el_block *block;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(any); i++) {
		c = (struct el_command){.kind = any[i], .index = EL_NEXT_HOPS_MAX - 1};
		for (int k = 0; k < 100000 && el_worker_command(b->workers[0], &c); k++)
			;
		assert_false(el_worker_command(b->workers[0], &c));
	}
	order_round(b, 1); /* of which it may have as many as two plans have blocks */
	for (int k = 0; k < 2 * EL_PLAN_BLOCKS_MAX; k++) {
		c = (struct el_command){.kind = EL_COMMAND_FORGET};
		plans[0] = plans[1] =
		    (struct el_command){.kind = EL_COMMAND_PLAN, .set = b->set, .first_round = 1};
		assert_true(k % 2 ? el_workers_command(b->workers, 1, plans)
				  : el_worker_command(b->workers[0], &c));
	}
	/* and where one has no room for it, none gets it */
	plans[0] = plans[1] = (struct el_command){.kind = EL_COMMAND_WITHDRAW};
	while (el_worker_command(b->workers[0], &c))
		;
	assert_false(el_workers_command(b->workers, 2, plans));
	poll_all(b);
	assert_int_equal(el_worker_withdrawals(b->workers[1]), 0);
	for (int k = 0; k < 1000; k++)
		poll_all(b);
	assert_true(el_workers_command(b->workers, 2, plans));
	poll_all(b);
	for (uint32_t w = 0; w < 2; w++) {
		assert_int_equal(el_worker_withdrawals(b->workers[w]), 1);
		while (el_worker_reports(b->workers[w], &block, 1))
			el_block_free(block);
	}
	drain(b->out[0]);
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
	    cmocka_unit_test(an_old_round_open_elsewhere),
	    cmocka_unit_test(a_round_given_back_that_was_begun_elsewhere),
	    cmocka_unit_test(a_plan_that_others_began),
	    cmocka_unit_test(rounds_ahead_elsewhere),
	    cmocka_unit_test(an_order_that_comes_while_receiving),
	    cmocka_unit_test(a_withdrawal_cuts_nothing),
	    cmocka_unit_test(a_cut_keeps_what_was_sent),
	    cmocka_unit_test(a_stall_at_the_end_leaves_nothing_unsent),
	    cmocka_unit_test(next_hops_leave_room),
	};

	return worker_bench_main("worker_rounds", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
