/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival times from a NIC's stamps, in simulated time: a port of rings hands the mbufs over as
 * they are, so the test is the NIC. */
#include "worker_bench.h"

#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#define US (EL_NS_PER_S / 1000000)
#define TICK 4 /* ns of one tick of the NIC's clock */

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 4;

/* What the NIC's clock shows at a time, and how that is told to the worker. */
static const struct el_device_line line = {.device_base = 5000,
					   .ns_base = UINT64_C(1) << 40,
					   .ns_per_tick_q32 = (uint64_t)TICK << 32,
					   .error_ns = 400};

static uint64_t nic_clock(uint64_t ns)
{
	return line.device_base + (ns - line.ns_base) / TICK;
}

static void tell_clock(struct bench *b, struct el_device_line l)
{
	struct el_command c = {.kind = EL_COMMAND_RX_CLOCK, .index = 0, .rx_line = l};

	assert_true(el_worker_command(b->workers[0], &c));
}

static struct bench *stamping_bench(uint32_t packets)
{
	struct bench *b;

	assert_int_equal(rte_mbuf_dyn_rx_timestamp_register(&rx_stamp_offset, &rx_stamp_flag), 0);
	sim_step = 4;
	b = bench(quick(1, 100, EL_PROBE_ICMPPING, packets), 1);
	tell_clock(b, line);
	return b;
}

/* Sends all probes of a round, keeping what was sent. */
static uint32_t send_all(struct bench *b, uint32_t n, struct rte_mbuf **probes)
{
	uint32_t got = 0;

	order_round(b, 1);
	while (got < n) {
		poll_all(b);
		while ((probes[got] = take(b, 0)) != NULL)
			got++;
	}
	return got;
}

/* An answer to `probe`, stamped `stamp` by the NIC unless there is none (0). */
static void give_stamped(struct bench *b, struct rte_mbuf *probe, uint64_t stamp)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);
	uint8_t buf[2048];
	size_t len = answer(rte_pktmbuf_mtod(probe, uint8_t *), probe->data_len, REPLY_ECHO, buf);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), buf, len);
	if (stamp) {
		m->ol_flags |= rx_stamp_flag;
		*RTE_MBUF_DYNFIELD(m, rx_stamp_offset, rte_mbuf_timestamp_t *) = stamp;
	}
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
	rte_pktmbuf_free(probe);
}

/* The worker is held up for 5 ms while an answer comes in each 10 us: by the stamps it is known
 * when each came, though all are received at the end. */
static void a_stall_does_not_blur_arrivals(void **state)
{
	struct bench *b = stamping_bench(100);
	struct rte_mbuf *probes[128];
	struct el_block *block;
	uint64_t began, sent[100];

	(void)state;
	assert_int_equal(send_all(b, 100, probes), 100);
	poll_all(b); /* the queue is empty */
	began = sim_ns;
	for (uint32_t i = 0; i < 100; i++)
		sent[i] = el_record_time(b->ordered[0]->records[i]);
	for (uint32_t i = 0; i < 100; i++)
		give_stamped(b, probes[i], nic_clock(began + i * 10 * US));
	sim_ns += 5000 * US;
	for (uint32_t i = 0; i < 4; i++) /* more than a burst: the queue is not emptied at once */
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS), 100);
	assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS_REFUSED), 0);
	block = report(b, 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(el_record_state(block->records[i]), EL_RECORD_ANSWERED);
		assert_in_range(el_record_time(block->records[i]) + sent[i],
				began + i * 10 * US - TICK, began + i * 10 * US);
	}
	el_block_free(block);
	bench_free(b);
}

/* Runs a round of one probe, sent at 0 and answered at 100 us: the RTT in us if the NIC says that
 * it was received at `stamp_us` after the send and the queue was empty until 90 us. */
static double rtt_us(struct el_device_line l, int64_t stamp_us, uint64_t stamps, uint64_t refused)
{
	struct bench *b = stamping_bench(1);
	struct rte_mbuf *probes[4];
	struct el_block *block;
	uint64_t sent;
	double rtt;

	tell_clock(b, l);
	assert_int_equal(send_all(b, 1, probes), 1);
	sent = sim_ns;
	sim_ns += 90 * US;
	poll_all(b);
	sim_ns = sent + 100 * US;
	give_stamped(b, probes[0], nic_clock(sent + (uint64_t)(stamp_us * (int64_t)US)));
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS), stamps);
	assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS_REFUSED), refused);
	block = report(b, 0);
	rtt = (double)el_record_time(block->records[0]) / (double)US;
	el_block_free(block);
	bench_free(b);
	return rtt;
}

static void assert_about(double have, double expected)
{
	if (fabs(have - expected) > 0.2)
		fail_msg("%.3f us instead of %.3f", have, expected);
}

/* A stamp that can't be true is not believed: it is the burst's time then. */
static void impossible_stamps_are_refused(void **state)
{
	struct el_device_line unknown = {0};

	(void)state;
	assert_about(rtt_us(line, 95, 1, 0), 95);
	assert_about(rtt_us(line, 60, 1, 0), 60);       /* it was long on its way into memory */
	assert_about(rtt_us(line, 101, 0, 1), 100);     /* not yet */
	assert_about(rtt_us(line, 1000000, 0, 1), 100); /* far from yet */
	assert_about(rtt_us(line, -2000, 0, 1), 100);   /* before the queue was seen empty */
	assert_about(rtt_us(unknown, 95, 0, 0), 100);
}

/* A stamp that is ahead by no more than the clocks' error is that of the burst. */
static void small_errors_are_no_fault(void **state)
{
	struct rx_probe {
		int64_t ahead;
		uint64_t good;
	} cases[] = {{200, 1}, {350, 1}, {600, 0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bench *b = stamping_bench(1);
		struct rte_mbuf *probes[4];
		assert_int_equal(send_all(b, 1, probes), 1);
		give_stamped(b, probes[0], nic_clock(sim_ns + 30 + (uint64_t)cases[i].ahead));
		poll_all(b);
		assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS), cases[i].good);
		assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS_REFUSED), 1 - cases[i].good);
		el_block_free(report(b, 0));
		bench_free(b);
	}
}

/* A packet that the NIC did not stamp, among others. */
static void packets_without_a_stamp(void **state)
{
	struct bench *b = stamping_bench(2);
	struct rte_mbuf *probes[4];
	struct el_block *block;
	uint64_t sent;

	(void)state;
	assert_int_equal(send_all(b, 2, probes), 2);
	sent = sim_ns;
	sim_ns += 100 * US;
	give_stamped(b, probes[0], 0);
	give_stamped(b, probes[1], nic_clock(sent + 50 * US));
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RX_STAMPS), 1);
	block = report(b, 0);
	assert_about((double)el_record_time(block->records[0]) / (double)US, 100);
	assert_about((double)el_record_time(block->records[1]) / (double)US, 50);
	el_block_free(block);
	bench_free(b);
}

static uint16_t hold_up(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t n,
			uint16_t max, void *cycles)
{
	(void)port, (void)queue, (void)packets, (void)max;
	/* not in the call that finds the rest of the queue empty */
	if (n > 0)
		sim_ns += *(const uint64_t *)cycles;
	return n;
}

/* The RTT in us of a probe that is answered after 100 us, where the call that receives the answer
 * takes so long. */
static double rtt_us_of_call(uint64_t call_us)
{
	const struct rte_eth_rxtx_callback *callback;
	struct rte_mbuf *probes[4];
	uint64_t cycles = call_us * US;
	struct el_block *block;
	struct bench *b;
	double rtt;

	rx_stamp_flag = 0;
	sim_step = 4;
	b = bench(quick(1, 100, EL_PROBE_ICMPPING, 1), 1);
	assert_int_equal(send_all(b, 1, probes), 1);
	sim_ns += 100 * US;
	give_stamped(b, probes[0], 0);
	callback = rte_eth_add_rx_callback(port_id, 0, hold_up, &cycles);
	assert_non_null(callback);
	el_worker_poll(b->workers[0]);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 0, callback), 0);
	block = report(b, 0);
	rtt = (double)el_record_time(block->records[0]) / (double)US;
	el_block_free(block);
	bench_free(b);
	return rtt;
}

/* What a call takes out was there before it; but not if the worker was held up in there. */
static void stamps_of_the_call(void **state)
{
	(void)state;
	assert_about(rtt_us_of_call(0), 100);
	assert_about(rtt_us_of_call(1), 100);
	assert_about(rtt_us_of_call(3), 103);
	assert_about(rtt_us_of_call(500), 600);
}

/* ---- by how much stamps may be off ---- */

/* A bench whose answers are certain if their stamps are off by up to 10 us, and n of its probes. */
static struct bench *bound_bench(uint32_t n, uint32_t workers, struct rte_mbuf **probes)
{
	struct fixture *f = quick(1, 100, EL_PROBE_ICMPPING, n);
	struct bench *b;

	rx_stamp_flag = 0;
	sim_step = 4;
	f->in.certain_below_s = 10e-6;
	b = bench(f, workers);
	assert_int_equal(send_all(b, n, probes), n);
	poll_all(b); /* the queues are seen empty */
	return b;
}

static void give_to(struct bench *b, uint32_t queue, struct rte_mbuf *probe)
{
	uint8_t buf[2048];

	give(b, queue, buf,
	     answer(rte_pktmbuf_mtod(probe, uint8_t *), probe->data_len, REPLY_ECHO, buf));
	rte_pktmbuf_free(probe);
}

static uint32_t uncertain(const struct el_block *block, uint32_t first, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = first; i < first + n; i++) {
		assert_int_equal(el_record_state(block->records[i]), EL_RECORD_ANSWERED);
		sum += (block->records[i] & EL_RECORD_UNCERTAIN) != 0;
	}
	return sum;
}

/* n answers may be off by `us`, give or take what the loop takes. */
static void assert_bound(const struct el_block *block, uint64_t us, uint64_t n)
{
	assert_int_equal(block->bounds[el_bound_of_ns(us * US)], n);
}

static uint64_t all_bounds(const struct el_block *block)
{
	uint64_t sum = 0;

	for (int i = 0; i < EL_BOUNDS; i++)
		sum += block->bounds[i];
	return sum;
}

/* A queue that gives a full burst was not seen empty, so what comes next may be as old as that. */
static void bounds_of_bursts(void **state)
{
	struct rte_mbuf *probes[64];
	struct bench *b = bound_bench(46, 1, probes);
	struct el_block *block = b->ordered[0];

	(void)state;
	sim_ns += 3 * US;
	for (uint32_t i = 0; i < 5; i++)
		give_to(b, 0, probes[i]);
	poll_all(b);
	assert_int_equal(uncertain(block, 0, 5), 0);
	assert_bound(block, 3, 5);
	sim_ns += 20 * US;
	for (uint32_t i = 5; i < 45; i++)
		give_to(b, 0, probes[i]);
	poll_all(b);
	assert_int_equal(uncertain(block, 5, 32), 32);
	assert_bound(block, 20, 32);
	sim_ns += 30 * US;
	poll_all(b);
	assert_int_equal(uncertain(block, 37, 8), 8);
	assert_bound(block, 50, 8);
	sim_ns += 3 * US;
	give_to(b, 0, probes[45]);
	poll_all(b);
	block = report(b, 0);
	assert_int_equal(uncertain(block, 45, 1), 0);
	assert_bound(block, 3, 6);
	assert_int_equal(all_bounds(block), 46);
	el_block_free(block);
	bench_free(b);
}

/* What a driver keeps back for the next call. */
static struct {
	struct rte_mbuf *packets[64];
	uint16_t n;
} kept;

/* Returns up to 8 packets a call, whatever waits. */
static uint16_t return_fewer(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t n,
			     uint16_t max, void *arg)
{
	uint16_t given;

	(void)port, (void)queue, (void)arg;
	memcpy(kept.packets + kept.n, packets, n * sizeof(*packets));
	kept.n = (uint16_t)(kept.n + n);
	given = RTE_MIN(kept.n, RTE_MIN(max, (uint16_t)8));
	memcpy(packets, kept.packets, given * sizeof(*packets));
	kept.n = (uint16_t)(kept.n - given);
	memmove(kept.packets, kept.packets + given, kept.n * sizeof(*packets));
	return given;
}

/* A call that returns fewer packets than it may does not show that there are no more. */
static void bounds_of_short_bursts(void **state)
{
	struct rte_mbuf *probes[64];
	struct bench *b = bound_bench(20, 1, probes);
	const struct rte_eth_rxtx_callback *callback =
	    rte_eth_add_rx_callback(port_id, 0, return_fewer, NULL);
	struct el_block *block;

	(void)state;
	assert_non_null(callback);
	sim_ns += 20 * US;
	for (uint32_t i = 0; i < 20; i++)
		give_to(b, 0, probes[i]);
	for (int i = 0; i < 4; i++)
		poll_all(b);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 0, callback), 0);
	block = report(b, 0);
	assert_int_equal(uncertain(block, 0, 20), 20);
	assert_bound(block, 20, 20);
	el_block_free(block);
	bench_free(b);
}

/* The worker was away until a round's time was over: all that waited is received before the round
 * is closed, however few packets the driver returns at a time. */
static void nothing_is_left_by_short_bursts(void **state)
{
	struct rte_mbuf *probes[64];
	struct bench *b = bound_bench(20, 1, probes);
	const struct rte_eth_rxtx_callback *callback =
	    rte_eth_add_rx_callback(port_id, 0, return_fewer, NULL);
	struct el_block *block;

	(void)state;
	assert_non_null(callback);
	for (uint32_t i = 0; i < 20; i++)
		give_to(b, 0, probes[i]);
	sim_ns += 10 * EL_NS_PER_S;
	block = report(b, 0);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 0, callback), 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(el_record_state(block->records[i]), EL_RECORD_ANSWERED);
	el_block_free(block);
	bench_free(b);
}

static uint16_t hold_up_sending(uint16_t port, uint16_t queue, struct rte_mbuf **packets,
				uint16_t n, void *ns)
{
	(void)port, (void)queue, (void)packets;
	sim_ns += *(const uint64_t *)ns;
	return n;
}

/* How many of 4 answers are uncertain, where the call that sent their probes took so long. */
static uint32_t uncertain_of_sends(uint64_t call_us)
{
	struct fixture *f = quick(1, 100, EL_PROBE_ICMPPING, 4);
	uint64_t call_ns = call_us * US;
	const struct rte_eth_rxtx_callback *callback;
	struct rte_mbuf *probes[8];
	struct el_block *block;
	struct bench *b;
	uint32_t n;

	rx_stamp_flag = 0;
	f->in.certain_below_s = 10e-6;
	b = bench(f, 1);
	callback = rte_eth_add_tx_callback(port_id, 0, hold_up_sending, &call_ns);
	assert_non_null(callback);
	assert_int_equal(send_all(b, 4, probes), 4);
	assert_int_equal(rte_eth_remove_tx_callback(port_id, 0, callback), 0);
	poll_all(b);
	for (uint32_t i = 0; i < 4; i++)
		give_to(b, 0, probes[i]);
	block = report(b, 0);
	n = uncertain(block, 0, 4);
	el_block_free(block);
	bench_free(b);
	return n;
}

/* When a probe went out is as uncertain as the call was long. */
static void sends_that_take_long(void **state)
{
	(void)state;
	assert_int_equal(uncertain_of_sends(5), 0);
	assert_int_equal(uncertain_of_sends(20), 4);
}

/* The worker was away, or held up in the call that receives. */
static void bounds_of_stalls(void **state)
{
	const struct rte_eth_rxtx_callback *callback;
	struct rte_mbuf *probes[4];
	uint64_t call = 500 * US;
	struct bench *b = bound_bench(2, 1, probes);
	struct el_block *block;

	(void)state;
	sim_ns += 5000 * US;
	give_to(b, 0, probes[0]);
	poll_all(b);
	assert_bound(b->ordered[0], 5000, 1);
	give_to(b, 0, probes[1]);
	callback = rte_eth_add_rx_callback(port_id, 0, hold_up, &call);
	assert_non_null(callback);
	el_worker_poll(b->workers[0]);
	assert_int_equal(rte_eth_remove_rx_callback(port_id, 0, callback), 0);
	block = report(b, 0);
	assert_int_equal(uncertain(block, 0, 2), 2);
	assert_bound(block, 500, 1);
	el_block_free(block);
	bench_free(b);
}

/* An answer that another worker has received is as certain as it was there. */
static void bounds_of_forwarded_answers(void **state)
{
	struct rte_mbuf *probes[4];
	struct bench *b = bound_bench(2, 2, probes);
	struct el_block *block;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		el_worker_poll(b->workers[1]);
		sim_ns += (i ? 40 : 3) * US;
		give_to(b, 1, probes[i]);
		el_worker_poll(b->workers[1]);
		sim_ns += 1000 * US;
		el_worker_poll(b->workers[0]);
	}
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 2);
	block = report(b, 0);
	assert_int_equal(uncertain(block, 0, 1), 0);
	assert_int_equal(uncertain(block, 1, 1), 1);
	assert_bound(block, 3, 1);
	assert_bound(block, 40, 1);
	el_block_free(block);
	el_block_free(report(b, 1));
	bench_free(b);
}

/* One queue is full while the other is empty. */
static void bounds_of_two_queues(void **state)
{
	struct rte_mbuf *probes[64];
	struct bench *b;
	struct el_block *block;

	(void)state;
	queues_a_worker = 2;
	b = bound_bench(41, 1, probes);
	queues_a_worker = 1;
	sim_ns += 3 * US;
	for (uint32_t i = 0; i < 40; i++)
		give_to(b, 1, probes[i]);
	poll_all(b);
	sim_ns += 7 * US;
	give_to(b, 0, probes[40]);
	poll_all(b);
	block = report(b, 0);
	assert_int_equal(uncertain(block, 0, 32), 0);
	assert_int_equal(uncertain(block, 32, 8), 8);
	assert_int_equal(uncertain(block, 40, 1), 0);
	assert_bound(block, 3, 32);
	assert_bound(block, 7, 1);
	assert_bound(block, 10, 8);
	el_block_free(block);
	bench_free(b);
}

/* A burst with answers to two rounds: each is counted with its own. */
static void bounds_of_two_rounds(void **state)
{
	struct rte_mbuf *probes[8];
	struct bench *b = bound_bench(3, 1, probes);
	struct el_block *blocks[2] = {b->ordered[0]};
	uint32_t got = 3;

	(void)state;
	order_round(b, 2);
	blocks[1] = b->ordered[0];
	while (got < 6) {
		poll_all(b);
		while ((probes[got] = take(b, 0)) != NULL)
			got++;
	}
	poll_all(b);
	sim_ns += 40 * US;
	for (uint32_t i = 1; i < 6; i++)
		give_to(b, 0, probes[i]);
	rte_pktmbuf_free(probes[0]);
	poll_all(b);
	assert_int_equal(uncertain(blocks[0], 1, 2), 2);
	assert_int_equal(uncertain(blocks[1], 0, 3), 3);
	assert_bound(blocks[0], 40, 2);
	assert_bound(blocks[1], 40, 3);
	el_block_free(report(b, 0));
	el_block_free(report(b, 0));
	bench_free(b);
}

/* What the NIC has stamped is as certain as what its clock says; what it has not, as its burst. */
static void bounds_of_a_nics_stamps(void **state)
{
	struct bench *b = stamping_bench(2);
	struct rte_mbuf *probes[4];
	struct el_block *block;

	(void)state;
	assert_int_equal(send_all(b, 2, probes), 2);
	poll_all(b);
	sim_ns += 40 * US;
	give_stamped(b, probes[0], 0);
	give_stamped(b, probes[1], nic_clock(sim_ns - 20 * US));
	poll_all(b);
	block = report(b, 0);
	assert_int_equal(block->bounds[el_bound_of_ns(line.error_ns)], 1);
	assert_bound(block, 40, 1);
	el_block_free(block);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stall_does_not_blur_arrivals),
	    cmocka_unit_test(impossible_stamps_are_refused),
	    cmocka_unit_test(small_errors_are_no_fault),
	    cmocka_unit_test(packets_without_a_stamp),
	    cmocka_unit_test(stamps_of_the_call),
	    cmocka_unit_test(bounds_of_bursts),
	    cmocka_unit_test(bounds_of_short_bursts),
	    cmocka_unit_test(nothing_is_left_by_short_bursts),
	    cmocka_unit_test(sends_that_take_long),
	    cmocka_unit_test(bounds_of_stalls),
	    cmocka_unit_test(bounds_of_forwarded_answers),
	    cmocka_unit_test(bounds_of_two_queues),
	    cmocka_unit_test(bounds_of_two_rounds),
	    cmocka_unit_test(bounds_of_a_nics_stamps),
	};

	return worker_bench_main("worker_stamps", tests, sizeof(tests) / sizeof(tests[0]), NULL, 0);
}
