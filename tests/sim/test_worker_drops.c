/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are lost or late because of the prober itself, in simulated time: none of it may
 * look like the network's doing. */
#include "worker_bench.h"

#define US (EL_NS_PER_S / 1000000)

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 100;

/* Sends a round of n probes, and has all of them answered on the wire at once. */
static void send_and_answer(struct bench *b, uint32_t n)
{
	uint8_t frames[512][256], buf[2048];
	size_t len[512];
	uint32_t got = 0;
	struct rte_mbuf *m;

	order_round(b, 1);
	while (got < n) {
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			len[got] = m->data_len;
			memcpy(frames[got++], rte_pktmbuf_mtod(m, void *), m->data_len);
			rte_pktmbuf_free(m);
		}
	}
	for (uint32_t i = 0; i < n; i++)
		give(b, 0, buf, answer(frames[i], len[i], REPLY_ECHO, buf));
}

/* The worker is away for `stall_us` with 300 answers in its queue, many bursts, that came in time;
 * their timeout is 50 ms. */
static struct el_round_figures *stalled_round(uint64_t stall_us)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 300), 1);
	struct el_round_figures *f;
	struct el_block *block;

	send_and_answer(b, 300);
	sim_ns += stall_us * US;
	block = report(b, 0);
	f = el_stats_round(&block, 1);
	assert_non_null(f);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 300);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_LATE), 0);
	el_block_free(block);
	bench_free(b);
	return f;
}

static void answers_in_the_queue_are_taken_first(void **state)
{
	struct el_round_figures *f = stalled_round(40000);

	(void)state;
	assert_int_equal(f->series[0].answered, 300);
	assert_int_equal(f->local_drops, 0);
	el_round_figures_free(f);
}

/* They are late, by what the worker was away for: the round says that it was. */
static void a_long_stall_is_our_own_fault(void **state)
{
	static const uint64_t stalls_us[] = {55000, 200000, 5000000};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct el_round_figures *f = stalled_round(stalls_us[i]);
		assert_int_equal(f->series[0].lost, 300);
		assert_int_equal(f->series[0].late, 300);
		assert_int_equal(f->local_drops, 300);
		el_round_figures_free(f);
	}
}

/* A queue that is never empty does not keep a round open for ever. */
static void a_flood_holds_up_nothing(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 10), 1);
	struct el_block *block = NULL;
	const uint8_t junk[60] = {0};
	uint64_t begin;

	(void)state;
	sim_step = 10000;
	order_round(b, 1);
	begin = sim_ns;
	while (el_worker_reports(b->workers[0], &block, 1) == 0) {
		for (int i = 0; i < 40 && rte_ring_free_count(b->in[0]); i++)
			give(b, 0, junk, sizeof(junk));
		poll_all(b);
		drain(b->out[0]);
		assert_true(sim_ns - begin < 160000 * US);
	}
	assert_true(sim_ns - begin > 149000 * US);
	/* it was last seen empty before any answer could be late: none is known to be lost */
	assert_true(block->closed_ns - begin < 49000 * US);
	sim_step = 100;
	el_block_free(block);
	bench_free(b);
}

/* Answers that came in on another worker's queue, more than the ring to their owner holds. */
static void a_full_ring_is_counted(void **state)
{
	struct fixture *f = quick(1, 100, EL_PROBE_ICMPPING, 10);
	struct bench *b;
	struct rte_mbuf *m;
	uint8_t probe[256], buf[2048];
	size_t len = 0, given = 0;

	(void)state;
	add_target(f, EL_PROBE_ICMPPING, "198.51.100.2", 10);
	b = bench(f, 2);
	order_round(b, 1);
	while (!len) { /* a probe of the second worker */
		poll_all(b);
		if ((m = take(b, 1)) != NULL) {
			len = m->data_len;
			memcpy(probe, rte_pktmbuf_mtod(m, void *), len);
			rte_pktmbuf_free(m);
		}
	}
	drain(b->out[0]);
	drain(b->out[1]);
	len = answer(probe, len, REPLY_ECHO, buf);
	while (given < 9000) {
		for (int i = 0; i < 32; i++, given++)
			give(b, 0, buf, len);
		el_worker_poll(b->workers[0]); /* but not the other */
	}
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 8191);
	assert_int_equal(el_worker_counter(b->workers[0], EL_COUNTER_DROP_FORWARD_FULL),
			 given - 8191);
	drain(b->out[0]);
	el_block_free(report(b, 0));
	el_block_free(report(b, 1));
	drain(b->out[1]);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_in_the_queue_are_taken_first),
	    cmocka_unit_test(a_long_stall_is_our_own_fault),
	    cmocka_unit_test(a_flood_holds_up_nothing),
	    cmocka_unit_test(a_full_ring_is_counted),
	};

	return worker_bench_main("worker_drops", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
