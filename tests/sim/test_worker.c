/* SPDX-License-Identifier: BSD-3-Clause */
/* What the worker sends and how it takes answers. */
#include "worker_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static void answers_become_round_trips(void **state)
{
	static const struct {
		enum el_probe_type type;
		enum reply reply;
	} cases[] = {{EL_PROBE_ICMPPING, REPLY_ECHO},
		     {EL_PROBE_TCPSYN, REPLY_SYNACK},
		     {EL_PROBE_TCPSYN, REPLY_RST},
		     {EL_PROBE_TCPSYN, REPLY_UNREACHABLE},
		     {EL_PROBE_UDPUNREACHABLE, REPLY_UNREACHABLE}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench *b = bench(quick(1, 500, cases[i].type, 300), 1);
		struct el_figures f;
		order_round(b, 1);
		assert_int_equal(serve(b, 300, cases[i].reply), 300);
		f = figures(b, 0);
		assert_int_equal(f.sent, 300);
		assert_int_equal(f.answered, 300);
		assert_true(f.rtt_min_ns > 0 && f.rtt_max_ns < 50000000);
		assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 300);
		bench_free(b);
	}
}

static void router_errors_are_no_answers(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_UDPUNREACHABLE, 10), 1);
	struct el_figures f;

	(void)state;
	order_round(b, 1);
	assert_int_equal(serve(b, 10, REPLY_ROUTER), 10);
	f = figures(b, 0);
	assert_int_equal(f.sent, 10);
	assert_int_equal(f.lost, 10);
	assert_int_equal(f.icmp_errors, 10);
	bench_free(b);
}

/* Nothing is taken out for a while, so tx_burst takes what the wire holds, then part of a burst,
 * then none; then all flows again. No probe is lost or sent twice, and RTTs don't contain the wait.
 */
static void refused_bursts_are_sent_later(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 300), 1);
	struct el_figures f;
	struct el_block *block;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 1000; i++)
		poll_all(b);
	assert_int_equal(rte_ring_count(b->out[0]), WIRE - 1);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), WIRE - 1);
	drain(b->out[0]); /* these are lost on the wire: the network's fault */
	assert_int_equal(serve(b, 300 - (WIRE - 1), REPLY_ECHO), 300 - (WIRE - 1));
	block = report(b, 0);
	assert_true(block->tx_refused > 0);
	el_block_free(block);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 300 - (WIRE - 1));
	order_round(b, 2);
	assert_int_equal(serve(b, 300, REPLY_ECHO), 300);
	f = figures(b, 0);
	assert_int_equal(f.answered, 300);
	bench_free(b);
}

static void records_are_sent_in_order(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 300), 1);
	uint64_t last = sim_ns & EL_RECORD_TIME_MASK;
	struct el_block *block;

	(void)state;
	order_round(b, 1);
	assert_int_equal(serve(b, 300, -1), 300);
	block = report(b, 0);
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(el_record_state(block->records[i]), EL_RECORD_SENT);
		assert_true(el_record_time(block->records[i]) >= last);
		last = el_record_time(block->records[i]);
	}
	assert_true(last > el_record_time(block->records[0])); /* more than one burst */
	el_block_free(block);
	bench_free(b);
}

/* Target 1 leaves by the second queue of its worker. */
static struct el_plan_route two_ways(void *ctx, const struct el_model_target *target,
				     const struct el_model_group *group,
				     const struct el_ip *destination)
{
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	if (target == &((struct fixture *)ctx)->targets[1])
		r.next_hop.v = 4;
	return r;
}

/* A port that takes nothing holds up nobody on another: what it should have sent is local. */
static void a_stuck_port_is_alone(void **state)
{
	struct fixture *fx = quick(2, 1, EL_PROBE_TCPSYN, 200);
	struct el_command nh = {.kind = EL_COMMAND_NEXT_HOP,
				.index = 4,
				.next_hop = next_hop(mac_b, EL_NEXT_HOP_READY)};
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	uint32_t got = 0;
	struct rte_mbuf *m;
	struct bench *b;

	(void)state;
	fx->in.route = two_ways;
	add_target(fx, EL_PROBE_ICMPPING, "198.51.100.2", 200);
	fx->targets[1].timeout_s = fx->targets[0].timeout_s = 0.5;
	fx->groups[1].src_port_first = 64000;
	queues_a_worker = 2;
	b = bench(fx, 1);
	queues_a_worker = 1;
	nh.next_hop.queue = 1;
	assert_true(el_worker_command(b->workers[0], &nh));
	order_round(b, 1);
	while (got < 400 && rte_rdtsc() < end) {
		poll_all(b);
		while ((m = take(b, 1)) != NULL) {
			got++;
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(got, 400);
	assert_in_range(rte_ring_count(b->out[0]), 1, WIRE - 1);
	assert_true(figures(b, 0).local > 100);
	drain(b->out[1]);
	bench_free(b);
}

/* Probes that wait for a port that goes down never leave: they are local, and so are all after
 * them, until it is up again. */
static void a_port_that_goes_down(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 300), 1);
	struct el_command port = {.kind = EL_COMMAND_PORT, .down = true};
	struct el_figures f;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 1000; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), WIRE - 1);
	assert_true(el_worker_command(b->workers[0], &port));
	poll_all(b);
	drain(b->out[0]);
	f = figures(b, 0);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), WIRE - 1);
	assert_int_equal(f.sent, WIRE - 1);
	assert_int_equal(f.local, 300 - (WIRE - 1));
	assert_int_equal(rte_ring_count(b->out[0]), 0);
	port.down = false;
	assert_true(el_worker_command(b->workers[0], &port));
	order_round(b, 2);
	assert_int_equal(serve(b, 300, REPLY_ECHO), 300);
	assert_int_equal(figures(b, 0).answered, 300);
	bench_free(b);
}

/* Without buffers nothing is sent, nothing is lost, and no RST goes out for a probe that did not:
 * each SYN of a port is followed by its RST and no other. */
static void no_buffers_delay_only(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 40), 1);
	struct rte_mbuf *held[1024], *m;
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	uint32_t n = 0, syns = 0, resets = 0, last = 0;

	(void)state;
	order_round(b, 1);
	while (syns < 40 && rte_rdtsc() < end) {
		while (n < RTE_DIM(held) && (held[n] = rte_pktmbuf_alloc(b->tx_pool[0])) != NULL)
			n++;
		poll_all(b);
		/* frees a refill's worth at a time: the buffers end in the middle of a burst */
		for (int i = 0; i < 32 && n; i++)
			rte_pktmbuf_free(held[--n]);
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			const uint8_t *tcp = rte_pktmbuf_mtod(m, const uint8_t *) + ETH + 20;
			if (is_reset(m)) {
				assert_int_equal(el_get32(tcp + 4), last + 1);
				resets++;
			} else {
				last = el_get32(tcp + 4);
				syns++;
			}
			rte_pktmbuf_free(m);
		}
	}
	rte_pktmbuf_free_bulk(held, n);
	assert_int_equal(syns, 40);
	assert_int_equal(resets, 39);
	assert_int_equal(figures(b, 0).lost, 40);
	bench_free(b);
}

static void next_hops_decide(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 100), 1);
	struct el_figures f;

	(void)state;
	set_next_hop(b, next_hop(mac_a, EL_NEXT_HOP_PENDING));
	order_round(b, 1);
	f = figures(b, 0);
	assert_int_equal(f.sent, 0);
	assert_int_equal(f.local, 100);
	set_next_hop(b, next_hop(mac_a, EL_NEXT_HOP_FAILED));
	order_round(b, 2);
	f = figures(b, 0);
	assert_int_equal(f.sent, 100);
	assert_int_equal(f.lost, 100);
	assert_int_equal(counter(b, EL_COUNTER_TX_PACKETS), 0);
	bench_free(b);
}

static void a_new_mac_counts_from_the_next_burst(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 300), 1);
	uint32_t to_a = 0, to_b = 0;
	bool changed = false;
	struct el_figures f;

	(void)state;
	order_round(b, 1);
	while (to_a + to_b < 300) {
		struct rte_mbuf *m;
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			uint8_t buf[2048], *frame = rte_pktmbuf_mtod(m, uint8_t *);
			if (memcmp(frame, mac_b, 6) == 0)
				to_b++;
			else if (to_b == 0)
				to_a++;
			else
				fail_msg("the old MAC came back");
			give(b, 0, buf, answer(frame, m->data_len, REPLY_ECHO, buf));
			rte_pktmbuf_free(m);
		}
		if (to_a >= 100 && !changed) {
			set_next_hop(b, next_hop(mac_b, EL_NEXT_HOP_READY));
			changed = true;
		}
	}
	assert_true(to_b > 0);
	f = figures(b, 0);
	assert_int_equal(f.answered, 300);
	bench_free(b);
}

/* Each kind of wrong answer is counted as what it is, and the probe stays lost. */
static void wrong_answers_have_their_counters(void **state)
{
	static const struct {
		enum el_probe_type type;
		enum reply reply;
		int offset; /* the byte of the answer that is changed */
		uint8_t flip;
		enum el_worker_counter counter;
	} cases[] = {
	    {EL_PROBE_TCPSYN, REPLY_SYNACK, ETH + 15, 1, EL_COUNTER_UNMATCHED_ADDRESS},
	    {EL_PROBE_TCPSYN, REPLY_SYNACK, ETH + 19, 1, EL_COUNTER_DROP_RX_NOT_OURS},
	    {EL_PROBE_TCPSYN, REPLY_SYNACK, ETH + 21, 1, EL_COUNTER_UNMATCHED_PORT},
	    {EL_PROBE_TCPSYN, REPLY_RST, ETH + 23, 1, EL_COUNTER_UNMATCHED_PORT},
	    {EL_PROBE_TCPSYN, REPLY_RST, ETH + 28, 0x40, EL_COUNTER_UNMATCHED_ID},
	    {EL_PROBE_TCPSYN, REPLY_SYNACK, ETH + 33, 0x02, EL_COUNTER_UNMATCHED_TCP_FLAGS},
	    {EL_PROBE_ICMPPING, REPLY_ECHO, ETH + 40, 1, EL_COUNTER_UNMATCHED_COOKIE},
	    {EL_PROBE_ICMPPING, REPLY_ECHO, ETH + 15, 1, EL_COUNTER_UNMATCHED_ADDRESS},
	    {EL_PROBE_UDPUNREACHABLE, REPLY_UNREACHABLE, ETH + 28 + 21, 1,
	     EL_COUNTER_UNMATCHED_PORT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench *b = bench(quick(1, 1, cases[i].type, 1), 1);
		struct rte_mbuf *m = NULL;
		uint8_t buf[2048];
		size_t len;
		struct el_figures f;
		order_round(b, 1);
		while (!m) {
			poll_all(b);
			m = take(b, 0);
		}
		len = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, cases[i].reply, buf);
		buf[cases[i].offset] ^= cases[i].flip;
		fix_checksums(buf);
		rte_pktmbuf_free(m);
		give(b, 0, buf, len);
		poll_all(b);
		if (counter(b, cases[i].counter) != 1)
			fail_msg("case %zu is not counted as what it is", i);
		for (int c = EL_COUNTER_ANSWERS; c < EL_COUNTERS; c++) {
			if (c != (int)cases[i].counter &&
			    counter(b, (enum el_worker_counter)c) != 0)
				fail_msg("case %zu is counted as %d too", i, c);
		}
		f = figures(b, 0);
		assert_int_equal(f.lost, 1);
		bench_free(b);
	}
}

static void answers_on_another_queue_reach_their_owner(void **state)
{
	struct fixture *f = quick(1, 100, EL_PROBE_TCPSYN, 50);
	struct bench *b;
	uint32_t served = 0;
	struct el_figures sum;

	(void)state;
	add_target(f, EL_PROBE_TCPSYN, family == 6 ? "2001:db8:100::2" : "198.51.100.2", 50);
	f->targets[1].timeout_s = 0.05;
	b = bench(f, 2);
	order_round(b, 1);
	while (served < 100) {
		poll_all(b);
		for (uint32_t w = 0; w < 2; w++) {
			struct rte_mbuf *m;
			while ((m = take(b, w)) != NULL) {
				uint8_t buf[2048];
				if (!is_reset(m)) {
					served++;
					give(b, 1 - w, buf,
					     answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
						    REPLY_SYNACK, buf));
				}
				rte_pktmbuf_free(m);
			}
		}
	}
	sum = figures(b, 0);
	assert_int_equal(sum.answered, 50);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 100);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 100);
	bench_free(b);
}

/* An answer may land on a worker that has not begun the round yet, for it was held up: the owner
 * tells whether the round is live. */
static void answers_reach_owner_ahead(bool new_plans)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 10), 2);
	struct el_plan_set *before = NULL;
	uint32_t served = 0;

	poll_all(b); /* takes the next hop */
	for (uint64_t round = 1; round <= 2; round++) {
		if (new_plans && round == 2) {
			before = b->set;
			b->f->in.generation++;
			b->set = compile(b->f);
		}
		order_round(b, round);
		for (served = 0; served < 10;) {
			struct rte_mbuf *m;
			el_worker_poll(b->workers[0]);
			while ((m = take(b, 0)) != NULL) {
				uint8_t buf[2048];
				give(b, 1, buf,
				     answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_ECHO,
					    buf));
				rte_pktmbuf_free(m);
				served++;
			}
		}
		/* the first poll of the other in this round */
		el_worker_poll(b->workers[1]);
		assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 10 * round);
		assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_ID), 0);
		el_worker_poll(b->workers[0]);
		assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 10 * round);
		assert_int_equal(figures(b, 0).answered, 10);
	}
	el_plan_set_put(before);
	bench_free(b);
}

static void answers_reach_an_owner_that_is_ahead(void **state)
{
	(void)state;
	answers_reach_owner_ahead(false);
}

/* Likewise where the owner is at a new plan already, whose ids look like the old one's. */
static void answers_reach_an_owner_at_a_new_plan(void **state)
{
	(void)state;
	answers_reach_owner_ahead(true);
}

/* A thousand next hops must not keep a round, or a stop, waiting for a thousand iterations. */
static void commands_do_not_queue_up(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 1), 1);

	(void)state;
	for (int i = 0; i < 100; i++)
		set_next_hop(b, next_hop(mac_a, EL_NEXT_HOP_READY));
	order_round(b, 1);
	for (int i = 0; i < 10; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), 1);
	assert_int_equal(figures(b, 0).lost, 1);
	bench_free(b);
}

/* More packet counts than classes: each slice sends its own number all the same, and each answer
 * finds its record. */
static void mixed_classes_send_what_is_asked(void **state)
{
	struct fixture *fx = quick(1, 7, EL_PROBE_UDPUNREACHABLE, 1);
	uint32_t total = 1;
	struct bench *b;

	(void)state;
	for (uint32_t i = 2; i <= 100; i++, total += i - 1) {
		add_target(fx,
			   (enum el_probe_type)(i % 2 ? EL_PROBE_UDPUNREACHABLE : EL_PROBE_TCPSYN),
			   "198.51.100.1", i);
		fx->targets[i - 1].timeout_s = 0.05;
		fx->targets[i - 1].dst_port = (uint16_t)(i / 2);
	}
	b = bench(fx, 1);
	assert_int_equal(b->set->plans[0]->n_classes, EL_PLAN_CLASSES_MAX);
	for (uint64_t round = 1; round <= 3; round++) {
		struct el_round_figures *r;
		struct el_block *block;
		order_round(b, round);
		assert_int_equal(serve(b, total, REPLY_UNREACHABLE), total);
		block = report(b, 0);
		r = el_stats_round(&block, 1);
		for (uint32_t i = 0; i < 100; i++) {
			assert_int_equal(r->series[i].sent, i + 1);
			assert_int_equal(r->series[i].answered, i + 1);
		}
		el_round_figures_free(r);
		el_block_free(block);
	}
	bench_free(b);
}

/* An answer in buffers of a few bytes each. */
static void answers_come_in_segments(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_TCPSYN, 5), 1);
	uint32_t got = 0;

	(void)state;
	order_round(b, 1);
	while (got < 5) {
		struct rte_mbuf *m;
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			struct rte_mbuf *head = NULL;
			uint8_t buf[2048];
			size_t len =
			    answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_RST, buf);
			bool reset = is_reset(m);
			rte_pktmbuf_free(m);
			if (reset)
				continue;
			for (size_t at = 0; at < len; at += 13) {
				uint16_t n = (uint16_t)(len - at < 13 ? len - at : 13);
				m = rte_pktmbuf_alloc(b->rx_pool);
				memcpy(rte_pktmbuf_append(m, n), buf + at, n);
				if (head)
					assert_int_equal(rte_pktmbuf_chain(head, m), 0);
				else
					head = m;
			}
			assert_int_equal(rte_ring_enqueue(b->in[0], head), 0);
			got++;
		}
	}
	assert_int_equal(figures(b, 0).answered, 5);
	assert_int_equal(rte_mempool_in_use_count(b->rx_pool), 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_become_round_trips),
	    cmocka_unit_test(router_errors_are_no_answers),
	    cmocka_unit_test(refused_bursts_are_sent_later),
	    cmocka_unit_test(records_are_sent_in_order),
	    cmocka_unit_test(a_stuck_port_is_alone),
	    cmocka_unit_test(a_port_that_goes_down),
	    cmocka_unit_test(no_buffers_delay_only),
	    cmocka_unit_test(next_hops_decide),
	    cmocka_unit_test(a_new_mac_counts_from_the_next_burst),
	    cmocka_unit_test(wrong_answers_have_their_counters),
	    cmocka_unit_test(answers_on_another_queue_reach_their_owner),
	    cmocka_unit_test(answers_reach_an_owner_that_is_ahead),
	    cmocka_unit_test(answers_reach_an_owner_at_a_new_plan),
	    cmocka_unit_test(commands_do_not_queue_up),
	    cmocka_unit_test(mixed_classes_send_what_is_asked),
	    cmocka_unit_test(answers_come_in_segments),
	};
	const struct CMUnitTest over_ipv6[] = {
	    cmocka_unit_test(answers_become_round_trips),
	    cmocka_unit_test(router_errors_are_no_answers),
	    cmocka_unit_test(next_hops_decide),
	    cmocka_unit_test(answers_on_another_queue_reach_their_owner),
	};

	return worker_bench_main("worker", tests, sizeof(tests) / sizeof(tests[0]), over_ipv6,
				 sizeof(over_ipv6) / sizeof(over_ipv6[0]));
}
