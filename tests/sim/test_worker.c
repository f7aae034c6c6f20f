/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's loop, driven an iteration at a time over ports made of rings: what it sends is taken
 * from one ring, what it is to receive is put into another. */
#include "plan_fixture.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "el_port.h"
#include "el_stats.h"
#include "el_worker.h"

#define ETH 14
#define L3 (family == 6 ? 40 : 20) /* length of an IP header */
#define WIRE 64 /* frames that a wire holds: what tx_burst takes until they are taken out */
#define WORKERS 2

/* A port of rings with a queue for each worker, and its workers. */
struct bench {
	struct rte_ring *out[WORKERS], *in[WORKERS];
	struct rte_mempool *rx_pool, *tx_pool[WORKERS];
	struct el_worker *workers[WORKERS];
	uint32_t n_workers;
	struct el_prefix own[2];
	struct fixture *f;
	struct el_plan_set *set;
};

static uint16_t port_id;
static struct bench shared; /* the rings, the port and the pools are made once */
static uint64_t hz;
static uint8_t family = 4; /* of what is probed; some tests run for each */
static uint32_t queues_a_worker = 1;

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2},
		     mac_own[6] = {2, 0, 0, 0, 0, 9};

static struct el_next_hop next_hop(const uint8_t *mac, enum el_next_hop_state state)
{
	struct el_next_hop nh = {.l2_len = ETH, .state = (uint8_t)state};

	memcpy(nh.l2, mac, 6);
	memcpy(nh.l2 + 6, mac_own, 6);
	el_put16(nh.l2 + 12, family == 6 ? 0x86dd : 0x0800);
	return nh;
}

static void set_next_hop(struct bench *b, struct el_next_hop nh)
{
	struct el_command c = {.kind = EL_COMMAND_NEXT_HOP, .index = 3, .next_hop = nh};

	for (uint32_t w = 0; w < b->n_workers; w++)
		assert_true(el_worker_command(b->workers[w], &c));
}

static struct bench *bench(struct fixture *f, uint32_t n_workers)
{
	struct bench *b = calloc(1, sizeof(*b));

	*b = shared;
	b->f = f;
	b->n_workers = f->workers = n_workers;
	el_prefix_parse("192.0.2.10", &b->own[0]);
	el_prefix_parse("2001:db8::10", &b->own[1]);
	f->in.clock = el_clock_init(hz);
	b->set = compile(f);
	for (uint32_t w = 0; w < n_workers; w++) {
		struct el_worker_queue q[2] = {{.port_id = port_id,
						.rx_queue = (uint16_t)w,
						.tx_queue = (uint16_t)w,
						.own = b->own,
						.n_own = 2}};
		struct el_worker_config conf = {.index = {(uint16_t)w},
						.n_workers = n_workers,
						.socket = SOCKET_ID_ANY,
						.tsc_hz = hz,
						.queues = q,
						.n_queues = queues_a_worker,
						.tx_pool = b->tx_pool[w],
						.n_blocks_max = 16};
		struct el_error err;
		q[1] = q[0];
		q[1].rx_queue = q[1].tx_queue = (uint16_t)(w + 1);
		b->workers[w] = el_worker_create(&conf, &err);
		if (!b->workers[w])
			fail_msg("%s", err.text);
	}
	el_worker_connect(b->workers, n_workers);
	set_next_hop(b, next_hop(mac_a, EL_NEXT_HOP_READY));
	return b;
}

static void drain(struct rte_ring *r)
{
	void *m;

	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

static void bench_free(struct bench *b)
{
	struct el_block *blocks[16];

	for (uint32_t w = 0; w < b->n_workers; w++) {
		unsigned n = el_worker_reports(b->workers[w], blocks, 16);
		while (n--)
			el_block_free(blocks[n]);
		el_worker_destroy(b->workers[w]);
		drain(b->in[w]);
		drain(b->out[w]);
	}
	el_plan_set_put(b->set);
	free(b->f);
	free(b);
}

static void order_round(struct bench *b, uint64_t round)
{
	for (uint32_t w = 0; w < b->n_workers; w++) {
		struct el_command c = {.kind = EL_COMMAND_ROUND,
				       .block = el_block_create(b->set, w)};
		assert_non_null(c.block);
		c.block->round = round;
		assert_true(el_worker_command(b->workers[w], &c));
	}
}

static uint64_t counter(const struct bench *b, enum el_worker_counter c)
{
	struct el_clock clock = el_clock_init(hz);
	uint64_t sum = 0;

	for (uint32_t w = 0; w < b->n_workers; w++) {
		struct el_worker_view v;
		el_worker_view(b->workers[w], &clock, &v);
		sum += v.v[c];
	}
	return sum;
}

static void poll_all(struct bench *b)
{
	for (uint32_t w = 0; w < b->n_workers; w++)
		el_worker_poll(b->workers[w]);
}

/* A frame off the wire; NULL if there is none. */
static struct rte_mbuf *take(struct bench *b, uint32_t queue)
{
	void *m;

	return rte_ring_dequeue(b->out[queue], &m) == 0 ? m : NULL;
}

static void give(struct bench *b, uint32_t queue, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	assert_int_equal(rte_ring_enqueue(b->in[queue], m), 0);
}

enum reply { REPLY_ECHO, REPLY_SYNACK, REPLY_RST, REPLY_UNREACHABLE, REPLY_ROUTER };

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* The answer of a target to a probe frame, into buf; its length. Checksums are left as they are:
 * echolane does not look at those of answers. */
static size_t answer(const uint8_t *probe, size_t len, enum reply kind, uint8_t *buf)
{
	uint8_t *ip = buf + ETH, *l4 = ip + L3;
	uint16_t quoted = (uint16_t)(L3 + 12), error = (uint16_t)(8 + quoted);
	bool v6 = family == 6;

	memcpy(buf, probe, len);
	swap(buf, buf + 6, 6);
	if (v6)
		swap(ip + 8, ip + 24, 16);
	else
		swap(ip + 12, ip + 16, 4);
	switch (kind) {
	case REPLY_ECHO:
		l4[0] = v6 ? 129 : 0;
		return len;
	case REPLY_SYNACK:
	case REPLY_RST:
		swap(l4, l4 + 2, 2);
		el_put32(l4 + 8, el_get32(l4 + 4) + 1);
		el_put32(l4 + 4, 0x12345678);
		l4[13] = kind == REPLY_SYNACK ? 0x12 : 0x14;
		return len;
	case REPLY_UNREACHABLE:
	case REPLY_ROUTER:
		memmove(l4 + 8, probe + ETH, quoted);
		memset(l4, 0, 8);
		l4[0] = v6 ? 1 : 3;
		l4[1] = v6 ? 4 : 3;
		ip[v6 ? 6 : 9] = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		el_put16(ip + (v6 ? 4 : 2), v6 ? error : (uint16_t)(L3 + error));
		if (kind == REPLY_ROUTER)
			ip[15] ^= 0x55;
		return (size_t)(ETH + L3 + error);
	}
	return 0;
}

static bool is_reset(const struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);

	return f[ETH + (family == 6 ? 6 : 9)] == IPPROTO_TCP && (f[ETH + L3 + 13] & 0x04);
}

/* Runs until `n` probes were taken from the wire (and answered as `kind`, unless < 0) or it takes
 * too long. Resets are taken and dropped. Returns how many probes. */
static uint32_t serve(struct bench *b, uint32_t n, int kind)
{
	uint64_t end = rte_rdtsc() + 5 * hz;
	uint32_t got = 0;

	while (got < n && rte_rdtsc() < end) {
		poll_all(b);
		for (uint32_t w = 0; w < b->n_workers; w++) {
			struct rte_mbuf *m;
			while ((m = take(b, w)) != NULL) {
				uint8_t buf[2048];
				if (!is_reset(m)) {
					got++;
					if (kind >= 0)
						give(b, w, buf,
						     answer(rte_pktmbuf_mtod(m, uint8_t *),
							    m->data_len, kind, buf));
				}
				rte_pktmbuf_free(m);
			}
		}
	}
	return got;
}

static struct el_block *report(struct bench *b, uint32_t worker)
{
	uint64_t end = rte_rdtsc() + 5 * hz;
	struct el_block *block = NULL;

	while (rte_rdtsc() < end && el_worker_reports(b->workers[worker], &block, 1) == 0)
		poll_all(b);
	assert_non_null(block);
	return block;
}

/* The figures of a round over all workers; its blocks are freed. */
static struct el_figures figures(struct bench *b, uint32_t series)
{
	struct el_clock clock = el_clock_init(hz);
	struct el_block *blocks[WORKERS];
	struct el_round_figures *r;
	struct el_figures f;

	for (uint32_t w = 0; w < b->n_workers; w++)
		blocks[w] = report(b, w);
	r = el_stats_round(blocks, b->n_workers, &clock);
	assert_non_null(r);
	f = r->series[series];
	assert_int_equal(f.sent, f.answered + f.lost);
	el_round_figures_free(r);
	for (uint32_t w = 0; w < b->n_workers; w++)
		el_block_free(blocks[w]);
	return f;
}

/* A fixture whose rounds go out at once, with a short timeout. */
static struct fixture *quick(uint32_t groups, uint16_t ports, enum el_probe_type type,
			     uint32_t packets)
{
	struct fixture *f = fixture(groups, ports);

	f->in.asap = true;
	add_target(f, type, family == 6 ? "2001:db8:100::1" : "198.51.100.1", packets);
	f->targets[0].timeout_s = 0.05;
	return f;
}

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
	/* stamps cover all records in order */
	order_round(b, 2);
	assert_int_equal(serve(b, 300, REPLY_ECHO), 300);
	f = figures(b, 0);
	assert_int_equal(f.answered, 300);
	bench_free(b);
}

static void stamps_cover_all_records(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_ICMPPING, 300), 1);
	uint64_t last = 0;
	struct el_block *block;
	uint32_t n = 0;

	(void)state;
	order_round(b, 1);
	assert_int_equal(serve(b, 300, REPLY_ECHO), 300);
	block = report(b, 0);
	for (uint32_t i = 0; i < block->n_stamps[0]; i++) {
		assert_true(el_stamp_tsc(block->stamps[i]) >= last);
		last = el_stamp_tsc(block->stamps[i]);
		n += el_stamp_count(block->stamps[i]);
	}
	assert_int_equal(n, 300);
	el_block_free(block);
	bench_free(b);
}

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

/* Target 1 leaves by the second queue of its worker. */
static struct el_plan_route two_ways(void *ctx, const struct el_model_target *target,
				     const struct el_model_group *group,
				     const struct el_ip *destination)
{
	struct el_plan_route r = fixture_route(ctx, target, group, destination);

	r.worker = 0;
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
	uint64_t end = rte_rdtsc() + 5 * hz;
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

/* Without buffers nothing is sent, nothing is lost, and no RST goes out for a probe that did not:
 * each SYN of a port is followed by its RST and no other. */
static void no_buffers_delay_only(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 40), 1);
	struct rte_mbuf *held[1024], *m;
	uint64_t end = rte_rdtsc() + 5 * hz;
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

/* An open port's answer is reset at once, with its acknowledgement as sequence number. */
static void syn_acks_are_reset(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_TCPSYN, 1), 1);
	uint8_t syn[2048], buf[2048];
	struct rte_mbuf *m = NULL;
	const uint8_t *rst;
	size_t len;

	(void)state;
	order_round(b, 1);
	while (!m) {
		poll_all(b);
		m = take(b, 0);
	}
	len = m->data_len;
	memcpy(syn, rte_pktmbuf_mtod(m, void *), len);
	rte_pktmbuf_free(m);
	for (int again = 0; again < 2; again++) { /* a repeated SYN/ACK too */
		give(b, 0, buf, answer(syn, len, REPLY_SYNACK, buf));
		m = NULL;
		for (int i = 0; i < 3 && !m; i++) {
			poll_all(b);
			m = take(b, 0);
		}
		assert_non_null(m);
		assert_true(is_reset(m));
		rst = rte_pktmbuf_mtod(m, const uint8_t *) + ETH + L3;
		assert_int_equal(el_get32(rst + 4), el_get32(syn + ETH + L3 + 4) + 1);
		assert_int_equal(el_get16(rst), el_get16(syn + ETH + L3));
		rte_pktmbuf_free(m);
	}
	assert_int_equal(figures(b, 0).duplicates, 1);
	/* and one that comes when the round is over */
	give(b, 0, buf, answer(syn, len, REPLY_SYNACK, buf));
	poll_all(b);
	poll_all(b);
	m = take(b, 0);
	assert_non_null(m);
	assert_true(is_reset(m));
	rte_pktmbuf_free(m);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_LATE), 1);
	bench_free(b);
}

/* A SYN/ACK that acknowledges nothing of ours leaves no half-open connection either. */
static void unknown_syn_acks_are_reset(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	struct rte_mbuf *m = NULL;
	struct el_event event;
	uint8_t buf[2048];
	const uint8_t *rst;
	size_t len;

	(void)state;
	order_round(b, 1);
	while (!m) {
		poll_all(b);
		m = take(b, 0);
	}
	len = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_SYNACK, buf);
	rte_pktmbuf_free(m);
	el_put32(buf + ETH + L3 + 8, 0xdeadbeef);
	give(b, 0, buf, len);
	poll_all(b);
	poll_all(b);
	m = take(b, 0);
	assert_non_null(m);
	assert_true(is_reset(m));
	assert_int_equal(m->data_len, ETH + L3 + 20);
	rst = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_memory_equal(rst, buf + 6, 6);
	assert_memory_equal(rst + 12, buf + 12, 2);
	assert_int_equal(el_get32(rst + ETH + L3 + 4), 0xdeadbeef);
	rte_pktmbuf_free(m);
	assert_int_equal(el_worker_events(b->workers[0], &event, 1), 1);
	assert_int_equal(event.tsc_kind & 0xff, EL_EVENT_TCP_UNMATCHED);
	assert_int_equal(event.a, el_ip_fold(buf + ETH + (family == 6 ? 8 : 12), family));
	assert_int_equal(figures(b, 0).lost, 1);
	bench_free(b);
}

/* Unanswered, each SYN on a port that is used again follows an RST with the old sequence number
 * + 1. */
static void open_paths_are_reset_before_reuse(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_TCPSYN, 6), 1);
	uint32_t expected[2] = {0}, syns = 0, resets = 0;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 1000 && syns < 6; i++) {
		struct rte_mbuf *m;
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			const uint8_t *tcp = rte_pktmbuf_mtod(m, const uint8_t *) + ETH + L3;
			uint32_t *e = &expected[el_get16(tcp) - 65000];
			if (is_reset(m)) {
				assert_int_equal(el_get32(tcp + 4), *e + 1);
				*e = 0;
				resets++;
			} else {
				assert_int_equal(*e, 0);
				*e = el_get32(tcp + 4);
				syns++;
			}
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(syns, 6);
	assert_int_equal(resets, 4);
	assert_int_equal(figures(b, 0).lost, 6);
	bench_free(b);
}

/* A probe that was lost in a round long over may have left the peer waiting: the next on its port
 * follows an RST. After an answered one there is none. */
static void lost_paths_are_reset_in_the_next_round(void **state)
{
	struct bench *b = bench(quick(1, 4, EL_PROBE_TCPSYN, 4), 1);
	static const uint32_t expected[] = {0, 4, 0, 0};
	uint64_t resets = 0;

	(void)state;
	for (uint64_t round = 1; round <= 4; round++) {
		order_round(b, round);
		assert_int_equal(serve(b, 4, round == 1 ? -1 : REPLY_RST), 4);
		assert_int_equal(figures(b, 0).answered, round == 1 ? 0 : 4);
		assert_int_equal(counter(b, EL_COUNTER_TX_RESETS) - resets, expected[round - 1]);
		resets = counter(b, EL_COUNTER_TX_RESETS);
	}
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
static void answers_reach_an_owner_that_is_ahead(void **state)
{
	struct bench *b = bench(quick(1, 100, EL_PROBE_ICMPPING, 10), 2);
	uint32_t served = 0;

	(void)state;
	poll_all(b); /* takes the next hop */
	for (uint64_t round = 1; round <= 2; round++) {
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
		assert_int_equal(figures(b, 0).answered, 10);
	}
	bench_free(b);
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
		struct el_clock clock = el_clock_init(hz);
		struct el_round_figures *r;
		struct el_block *block;
		order_round(b, round);
		assert_int_equal(serve(b, total, REPLY_UNREACHABLE), total);
		block = report(b, 0);
		r = el_stats_round(&block, 1, &clock);
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
	for (uint32_t i = 0; i < n; i++) {
		uint8_t buf[2048];
		give(b, 0, buf, answer(frames[i], len[i], REPLY_ECHO, buf));
		poll_all(b);
	}
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(figures(b, 0).answered, 20);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 320);
	el_plan_set_put(old);
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

static void make_port(void)
{
	struct rte_eth_conf conf = {0};

	for (int i = 0; i < WORKERS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "test_out%d", i);
		shared.out[i] = rte_ring_create(name, WIRE, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "test_in%d", i);
		shared.in[i] = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "test_tx%d", i);
		shared.tx_pool[i] = el_worker_tx_pool_create(
		    name, 1023, 1500, SOCKET_ID_ANY, (const uint8_t[EL_PLAN_PAYLOAD_BYTES]){0});
		assert_true(shared.out[i] && shared.in[i] && shared.tx_pool[i]);
	}
	shared.rx_pool = rte_pktmbuf_pool_create("test_rx", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						 SOCKET_ID_ANY);
	assert_non_null(shared.rx_pool);
	port_id =
	    (uint16_t)rte_eth_from_rings("el_test", shared.in, WORKERS, shared.out, WORKERS, 0);
	assert_int_equal(rte_eth_dev_configure(port_id, WORKERS, WORKERS, &conf), 0);
	for (uint16_t q = 0; q < WORKERS; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port_id, q, 64, 0, NULL, shared.rx_pool),
				 0);
		assert_int_equal(rte_eth_tx_queue_setup(port_id, q, 64, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(port_id), 0);
	hz = rte_get_tsc_hz();
}

/* The messages of neighbour discovery are for control, all else of ICMPv6 is not. */
static void neighbour_discovery_goes_up(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_ICMPPING, 1), 1);
	uint8_t frame[ETH + 64] = {[12] = 0x86, [13] = 0xdd, [ETH] = 0x60, [ETH + 6] = 58};
	unsigned up = 0;

	(void)state;
	el_put16(frame + ETH + 4, 24);
	for (int type = 125; type < 145; type++) {
		struct rte_mbuf *m;

		frame[ETH + 40] = (uint8_t)type;
		give(b, 0, frame, sizeof(frame));
		poll_all(b);
		if (el_worker_frames_up(b->workers[0], &m, 1) == 0) {
			assert_true(type < 133 || type > 137);
			continue;
		}
		assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[ETH + 40], type);
		rte_pktmbuf_free(m);
		up++;
	}
	assert_int_equal(up, 5);
	frame[ETH + 40] = 135;
	give(b, 0, frame, ETH + 40); /* cut before its type */
	poll_all(b);
	assert_int_equal(el_worker_frames_up(b->workers[0], (struct rte_mbuf *[1]){NULL}, 1), 0);
	bench_free(b);
}

static int over_ipv6(void **state)
{
	(void)state;
	family = 6;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_become_round_trips),
	    cmocka_unit_test(router_errors_are_no_answers),
	    cmocka_unit_test(refused_bursts_are_sent_later),
	    cmocka_unit_test(stamps_cover_all_records),
	    cmocka_unit_test(a_stuck_device_loses_nothing),
	    cmocka_unit_test(a_stuck_device_ends_its_round),
	    cmocka_unit_test(the_global_timeout_ends_a_round),
	    cmocka_unit_test(empty_rounds_take_no_time),
	    cmocka_unit_test(a_stop_waits_for_nothing),
	    cmocka_unit_test(a_stuck_port_is_alone),
	    cmocka_unit_test(no_buffers_delay_only),
	    cmocka_unit_test(next_hops_decide),
	    cmocka_unit_test(a_new_mac_counts_from_the_next_burst),
	    cmocka_unit_test(syn_acks_are_reset),
	    cmocka_unit_test(unknown_syn_acks_are_reset),
	    cmocka_unit_test(open_paths_are_reset_before_reuse),
	    cmocka_unit_test(lost_paths_are_reset_in_the_next_round),
	    cmocka_unit_test(wrong_answers_have_their_counters),
	    cmocka_unit_test(answers_on_another_queue_reach_their_owner),
	    cmocka_unit_test(answers_reach_an_owner_that_is_ahead),
	    cmocka_unit_test(commands_do_not_queue_up),
	    cmocka_unit_test(mixed_classes_send_what_is_asked),
	    cmocka_unit_test(answers_come_in_segments),
	    cmocka_unit_test(rounds_overlap),
	    cmocka_unit_test(a_stall_at_the_end_leaves_nothing_unsent),
	    cmocka_unit_test(a_new_plan_leaves_old_rounds_open),
	    cmocka_unit_test(a_cut_keeps_what_was_sent),
	};
	const struct CMUnitTest v6[] = {
	    cmocka_unit_test(answers_become_round_trips),
	    cmocka_unit_test(router_errors_are_no_answers),
	    cmocka_unit_test(next_hops_decide),
	    cmocka_unit_test(syn_acks_are_reset),
	    cmocka_unit_test(unknown_syn_acks_are_reset),
	    cmocka_unit_test(open_paths_are_reset_before_reuse),
	    cmocka_unit_test(answers_on_another_queue_reach_their_owner),
	    cmocka_unit_test(neighbour_discovery_goes_up),
	};
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .memory_mib = 128};
	struct el_error err;
	cpu_set_t allowed;
	int ret;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, &err) < 0 ||
	    el_eal_init(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	el_log_set_level(EL_LOG_ERROR);
	make_port();
	ret = cmocka_run_group_tests_name("worker", tests, NULL, NULL) +
	      cmocka_run_group_tests_name("worker over IPv6", v6, over_ipv6, NULL);
	el_eal_fini();
	return ret;
}
