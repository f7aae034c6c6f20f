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
	    cmocka_unit_test(empty_rounds_take_no_time),
	    cmocka_unit_test(a_stop_waits_for_nothing),
	    cmocka_unit_test(rounds_overlap),
	    cmocka_unit_test(as_many_rounds_as_a_plan_may_keep_open),
	    cmocka_unit_test(a_new_plan_leaves_old_rounds_open),
	    cmocka_unit_test(an_old_round_open_elsewhere),
	    cmocka_unit_test(a_round_given_back_that_was_begun_elsewhere),
	    cmocka_unit_test(plans_that_others_began),
	    cmocka_unit_test(a_dropped_plan_is_closed),
	    cmocka_unit_test(a_dropped_plan_whose_answers_wait),
	    cmocka_unit_test(rounds_ahead_elsewhere),
	    cmocka_unit_test(an_order_that_comes_while_receiving),
	    cmocka_unit_test(a_closed_gate_cuts_nothing),
	    cmocka_unit_test(a_gate_ahead),
	    cmocka_unit_test(a_cut_keeps_what_was_sent),
	    cmocka_unit_test(a_stall_at_the_end_leaves_nothing_unsent),
	    cmocka_unit_test(next_hops_leave_room),
	};

	return worker_bench_main("worker_rounds", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
