/* SPDX-License-Identifier: BSD-3-Clause */
/* What TCP leaves behind at its peers, and how it is cleared away. */
#include "captured.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

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

/* Has one SYN sent, and writes the answer that acknowledges nothing of ours into buf; its length.
 */
static size_t unknown_syn_ack(struct bench *b, uint8_t *buf)
{
	struct rte_mbuf *m = NULL;
	size_t len;

	order_round(b, 1);
	while (!m) {
		poll_all(b);
		m = take(b, 0);
	}
	len = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_SYNACK, buf);
	rte_pktmbuf_free(m);
	el_put32(buf + ETH + L3 + 8, 0xdeadbeef);
	fix_checksums(buf);
	return len;
}

/* What is sent because of a frame; NULL: nothing. */
static struct rte_mbuf *reply_to(struct bench *b, const uint8_t *frame, size_t len)
{
	give(b, 0, frame, len);
	poll_all(b);
	poll_all(b);
	return take(b, 0);
}

/* A SYN/ACK that acknowledges nothing of ours leaves no half-open connection either. */
static void unknown_syn_acks_are_reset(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	struct rte_mbuf *m;
	struct el_event event;
	uint8_t buf[2048];
	const uint8_t *rst;
	size_t len;

	(void)state;
	len = unknown_syn_ack(b, buf);
	m = reply_to(b, buf, len);
	assert_non_null(m);
	assert_true(is_reset(m));
	assert_int_equal(m->data_len, ETH + L3 + 20);
	rst = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_memory_equal(rst, buf + 6, 6);
	assert_memory_equal(rst + 6, mac_own, 6);
	assert_memory_equal(rst + 12, buf + 12, 2);
	assert_int_equal(el_get32(rst + ETH + L3 + 4), 0xdeadbeef);
	rte_pktmbuf_free(m);
	assert_int_equal(el_worker_events(b->workers[0], &event, 1), 1);
	assert_int_equal(event.ns_kind & 0xff, EL_EVENT_TCP_UNMATCHED);
	assert_int_equal(event.a, el_ip_fold(buf + ETH + (family == 6 ? 8 : 12), family));
	assert_int_equal(figures(b, 0).lost, 1);
	bench_free(b);
}

#define TO 0
#define FROM 6
#define SOURCE (ETH + (family == 6 ? 8 : 12))
#define DESTINATION (ETH + (family == 6 ? 24 : 16))

/* A frame with `n` bytes changed at `at`, checksums put right, is not reset: and is counted as
 * refused, or else as to nobody here. */
static void is_not_reset(struct bench *b, const uint8_t *frame, size_t len, size_t at,
			 const void *bytes, size_t n)
{
	uint64_t refused = counter(b, EL_COUNTER_DROP_RESET_REFUSED);
	uint64_t not_ours = counter(b, EL_COUNTER_DROP_RX_NOT_OURS);
	uint8_t buf[2048];

	memcpy(buf, frame, len);
	memcpy(buf + at, bytes, n);
	fix_checksums(buf);
	assert_null(reply_to(b, buf, len));
	assert_int_equal(counter(b, EL_COUNTER_DROP_RESET_REFUSED) - refused +
			     counter(b, EL_COUNTER_DROP_RX_NOT_OURS) - not_ours,
			 1);
}

/* Nobody but the station that a SYN/ACK can have come from is reset, and that only where it was
 * sent to this port alone. */
static void forged_syn_acks_are_not_reset(void **state)
{
	static const uint8_t macs_from[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					       {0x01, 0, 0x5e, 0, 0, 1},
					       {0x33, 0x33, 0, 0, 0, 1},
					       {0, 0, 0, 0, 0, 0},
					       {2, 0, 0, 0, 0, 9}};
	static const uint8_t macs_to[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					     {0x01, 0, 0x5e, 0, 0, 1},
					     {0, 0, 0, 0, 0, 0},
					     {2, 0, 0, 0, 0, 8}};
	static const char *const sources[2][12] = {
	    {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "239.255.255.250",
	     "240.0.0.1", "255.255.255.255", "192.0.2.10", "192.0.2.255"},
	    {"::", "::1", "ff02::1", "ff0e::5", "::ffff:192.0.2.1", "::192.0.2.1", "2001:db8::10"}};
	struct rte_mbuf *m;
	struct bench *b;
	uint8_t buf[2048];
	size_t len;

	(void)state;
	el_prefix_parse("192.0.2.255", &silent[0]);
	n_silent = 1;
	b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	n_silent = 0;
	len = unknown_syn_ack(b, buf);
	for (size_t i = 0; i < sizeof(macs_from) / 6; i++)
		is_not_reset(b, buf, len, FROM, macs_from[i], 6);
	for (size_t i = 0; i < sizeof(macs_to) / 6; i++)
		is_not_reset(b, buf, len, TO, macs_to[i], 6);
	for (const char *const *s = sources[family == 6]; *s; s++) {
		struct el_ip ip;

		assert_int_equal(el_ip_parse(*s, &ip), 0);
		is_not_reset(b, buf, len, SOURCE, ip.bytes, family == 6 ? 16 : 4);
	}
	m = reply_to(b, buf, len);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	bench_free(b);
}

/* What was damaged on the way, and so may have been another's, is not answered. */
static void damaged_syn_acks_are_not_reset(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	uint8_t buf[2048];
	size_t len = unknown_syn_ack(b, buf);

	(void)state;
	buf[ETH + L3 + 16] ^= 1; /* the TCP checksum */
	assert_null(reply_to(b, buf, len));
	buf[ETH + L3 + 16] ^= 1;
	if (family == 4) {
		buf[ETH + 10] ^= 1;
		assert_null(reply_to(b, buf, len));
		buf[ETH + 10] ^= 1;
	}
	bench_free(b);
}

/* A SYN/ACK of another VLAN than the port's, or with a tag too many, is not for it. */
static void syn_acks_of_other_vlans_are_not_reset(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	uint8_t buf[2048], tagged[2048];
	size_t len = unknown_syn_ack(b, buf);

	(void)state;
	memcpy(tagged, buf, 12);
	memcpy(tagged + 12, "\x81\x00\x00\x07", 4);
	memcpy(tagged + 16, buf + 12, len - 12);
	assert_null(reply_to(b, tagged, len + 4));
	bench_free(b);
}

/* Where a kernel of this machine has the address, the connection is the kernel's, and so is the
 * answer. */
static void connections_of_the_kernel_are_not_reset(void **state)
{
	uint8_t buf[2048];
	struct bench *b;
	size_t len;

	(void)state;
	el_prefix_parse("192.0.2.10", &silent[0]);
	el_prefix_parse("2001:db8::10", &silent[1]);
	n_silent = 2;
	b = bench(quick(1, 1, EL_PROBE_TCPSYN, 1), 1);
	n_silent = 0;
	len = unknown_syn_ack(b, buf);
	assert_null(reply_to(b, buf, len));
	assert_int_equal(counter(b, EL_COUNTER_DROP_RESET_REFUSED), 0);
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

/* Compiles the fixture as it is now for the rounds to come; the set before, the caller's. */
static struct el_plan_set *change_plan(struct bench *b)
{
	struct el_plan_set *old = b->set;

	b->f->in.generation++;
	b->set = compile(b->f);
	return old;
}

/* What is known of one source port while SYNs and RSTs go by. */
struct port_state {
	uint32_t open_seq; /* of the SYN that nothing has closed */
	bool open;
};

static uint32_t watched_queue;

/* Takes `n` SYNs, without an answer, and sees to it that none comes on an open 4-tuple of the
 * target whose address ends so. How many RSTs closed one. */
static uint32_t watch_syns(struct bench *b, struct port_state *ports, uint8_t last_byte, uint32_t n)
{
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	uint32_t resets = 0, syns = 0;
	struct rte_mbuf *m;

	while (syns < n && rte_rdtsc() < end) {
		poll_all(b);
		while ((m = take(b, watched_queue)) != NULL) {
			const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *) + ETH;
			const uint8_t *tcp = ip + L3;
			struct port_state *p = &ports[el_get16(tcp) - 65000];
			uint32_t seq = el_get32(tcp + 4);
			if (ip[L3 - 1] != last_byte) {
				syns += !is_reset(m);
			} else if (is_reset(m)) {
				resets += p->open;
				if (p->open) /* one too many does no harm */
					assert_int_equal(seq, p->open_seq + 1);
				p->open = false;
			} else {
				assert_false(p->open);
				*p = (struct port_state){seq, true};
				syns++;
			}
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(syns, n);
	return resets;
}

/* The first SYN of a new plan on a 4-tuple that the old one has left open follows an RST, whether
 * the old probe's round is over or not. The new plan has other ids, and part of the ports. */
static void a_new_plan_resets_what_the_old_left_open(void **state)
{
	struct port_state ports[8] = {0};
	struct bench *b = bench(quick(1, 4, EL_PROBE_TCPSYN, 4), 1);
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	assert_int_equal(watch_syns(b, ports, 1, 4), 0);
	add_target(b->f, EL_PROBE_TCPSYN, family == 6 ? "2001:db8:100::2" : "198.51.100.2", 70);
	b->f->groups[0].src_port_first = 65002;
	old = change_plan(b);
	assert_int_not_equal(old->ids.index_bits, b->set->ids.index_bits);
	order_round(b, 2); /* the first is still open */
	assert_int_equal(watch_syns(b, ports, 1, 74), 2);
	assert_int_equal(figures(b, 0).lost, 4);
	retire(b, old);
	figures(b, 0);
	b->f->groups[0].src_port_first = 65000;
	b->f->groups[0].src_port_count = 8;
	old = change_plan(b);
	order_round(b, 3);
	/* what left the plan is forgotten, as its ports are */
	ports[0].open = ports[1].open = false;
	assert_int_equal(watch_syns(b, ports, 1, 74), 2);
	figures(b, 0);
	retire(b, old);
	bench_free(b);
}

static uint32_t to_the_second(void *ctx, const struct el_slice *slice)
{
	(void)ctx;
	(void)slice;
	return 1;
}

/* Likewise where another worker sends them from now on. */
static void another_worker_resets_what_was_left_open(void **state)
{
	struct port_state ports[4] = {0};
	struct bench *b = bench(quick(1, 4, EL_PROBE_TCPSYN, 4), 2);
	struct el_plan_set *old;

	(void)state;
	order_round(b, 1);
	assert_int_equal(watch_syns(b, ports, 1, 4), 0);
	b->f->in.place = to_the_second;
	old = change_plan(b);
	order_round(b, 2);
	watched_queue = 1;
	assert_int_equal(watch_syns(b, ports, 1, 4), 4);
	watched_queue = 0;
	figures(b, 0);
	figures(b, 0);
	retire(b, old);
	bench_free(b);
}

/* Likewise where its worker has begun nothing of a plan between, which others have. */
static void a_plan_that_others_began(void **state)
{
	struct port_state ports[4] = {0};
	struct fixture *f = quick(1, 4, EL_PROBE_TCPSYN, 4);
	struct el_plan_set *first, *second;
	struct bench *b;

	(void)state;
	f->in.place = to_the_second;
	b = bench(f, 2);
	order_round(b, 1);
	watched_queue = 1;
	assert_int_equal(watch_syns(b, ports, 1, 4), 0);
	for (uint32_t w = 0; w < 2; w++)
		el_block_free(report(b, w));
	first = change_plan(b);
	order_round(b, 2);
	el_worker_poll(b->workers[0]);
	close_gate(b, 2, false);
	poll_all(b);
	assert_int_equal(el_worker_begun(b->workers[0]), 2);
	assert_int_equal(el_worker_begun(b->workers[1]), 1);
	second = change_plan(b);
	order_round(b, 3);
	assert_int_equal(watch_syns(b, ports, 1, 4), 4);
	watched_queue = 0;
	retire(b, first);
	retire(b, second);
	bench_free(b);
}

/* Likewise where its next worker has begun nothing at all yet. */
static void a_worker_that_has_begun_nothing(void **state)
{
	struct port_state ports[4] = {0};
	struct bench *b = bench(quick(1, 4, EL_PROBE_TCPSYN, 4), 2);
	struct el_plan_set *first;

	(void)state;
	order_round(b, 1);
	el_worker_poll(b->workers[0]);
	close_gate(b, 1, false);
	el_worker_poll(b->workers[1]);
	assert_int_equal(el_worker_begun(b->workers[1]), 0);
	assert_int_equal(watch_syns(b, ports, 1, 4), 0);
	b->f->in.place = to_the_second;
	first = change_plan(b);
	order_round(b, 2);
	watched_queue = 1;
	assert_int_equal(watch_syns(b, ports, 1, 4), 4);
	watched_queue = 0;
	retire(b, first);
	bench_free(b);
}

/* A cut takes probes out of a list that the device has no room for; the RSTs before them still go
 * out, else nobody would know any more what they are for. */
static void a_cut_keeps_resets(void **state)
{
	struct port_state ports[100] = {0};
	struct bench *b = bench(quick(1, 100, EL_PROBE_TCPSYN, 60), 1);

	(void)state;
	order_round(b, 1);
	assert_int_equal(watch_syns(b, ports, 1, 60), 0);
	order_round(b, 2);
	for (int i = 0; i < 20; i++) /* as many as the wire holds, and a list behind it */
		poll_all(b);
	close_gate(b, 2, true);
	poll_all(b);
	watch_syns(b, ports, 1, WIRE / 2 - 1);
	order_round(b, 3);
	watch_syns(b, ports, 1, 60);
	for (int r = 0; r < 3; r++)
		el_block_free(report(b, 0));
	bench_free(b);
}

/* There is room for so many while the device takes nothing; the others are counted as dropped. */
static void dropped_resets_are_not_counted_as_sent(void **state)
{
	struct bench *b = bench(quick(1, 300, EL_PROBE_TCPSYN, 200), 1);
	struct captured probes[200];
	uint32_t sent = 0;
	struct rte_mbuf *m;

	(void)state;
	order_round(b, 1);
	capture(b, 0, 200, probes);
	for (uint32_t i = 0; i < 200; i++) {
		uint8_t buf[2048];

		give(b, 0, buf, answer(probes[i].frame, probes[i].len, REPLY_SYNACK, buf));
		poll_all(b);
	}
	for (; (m = take(b, 0)) != NULL; poll_all(b), sent++) {
		assert_true(is_reset(m));
		rte_pktmbuf_free(m);
	}
	assert_in_range(sent, 1, 199);
	assert_int_equal(counter(b, EL_COUNTER_TX_RESETS), sent);
	assert_int_equal(counter(b, EL_COUNTER_DROP_URGENT_FULL), 200 - sent);
	bench_free(b);
}

/* Where there is no room for an RST, the SYN/ACK's 4-tuple stays half-open: it is reset before it
 * is used again. */
static void resets_without_room(void **state)
{
	enum { PROBES = 200 };
	static uint8_t answers[PROBES][256];
	static size_t lens[PROBES];
	struct fixture *f = quick(1, PROBES, EL_PROBE_TCPSYN, PROBES);
	uint32_t n = 0, resets = 0;
	struct rte_mbuf *m;
	struct bench *b;

	(void)state;
	f->targets[0].timeout_s = 1;
	b = bench(f, 1);
	order_round(b, 1);
	for (int i = 0; i < 10000 && n < PROBES; i++) {
		poll_all(b);
		for (; (m = take(b, 0)) != NULL; n++) {
			lens[n] = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, REPLY_SYNACK,
					 answers[n]);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(n, PROBES);
	for (uint32_t i = 0; i < PROBES; i++)
		give(b, 0, answers[i], lens[i]);
	for (int i = 0; i < 20; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), PROBES);
	assert_true(counter(b, EL_COUNTER_DROP_URGENT_FULL) > 0);
	order_round(b, 2);
	for (int i = 0; i < 10000 && n < 2 * PROBES; i++) {
		while ((m = take(b, 0)) != NULL) {
			resets += is_reset(m);
			n += !is_reset(m);
			rte_pktmbuf_free(m);
		}
		poll_all(b);
	}
	assert_int_equal(n, 2 * PROBES);
	assert_int_equal(resets, PROBES);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resets_without_room),
	    cmocka_unit_test(syn_acks_are_reset),
	    cmocka_unit_test(unknown_syn_acks_are_reset),
	    cmocka_unit_test(forged_syn_acks_are_not_reset),
	    cmocka_unit_test(damaged_syn_acks_are_not_reset),
	    cmocka_unit_test(syn_acks_of_other_vlans_are_not_reset),
	    cmocka_unit_test(connections_of_the_kernel_are_not_reset),
	    cmocka_unit_test(open_paths_are_reset_before_reuse),
	    cmocka_unit_test(lost_paths_are_reset_in_the_next_round),
	    cmocka_unit_test(a_new_plan_resets_what_the_old_left_open),
	    cmocka_unit_test(a_plan_that_others_began),
	    cmocka_unit_test(a_worker_that_has_begun_nothing),
	    cmocka_unit_test(another_worker_resets_what_was_left_open),
	    cmocka_unit_test(a_cut_keeps_resets),
	    cmocka_unit_test(dropped_resets_are_not_counted_as_sent),
	};
	const struct CMUnitTest over_ipv6[] = {
	    cmocka_unit_test(syn_acks_are_reset),
	    cmocka_unit_test(unknown_syn_acks_are_reset),
	    cmocka_unit_test(forged_syn_acks_are_not_reset),
	    cmocka_unit_test(damaged_syn_acks_are_not_reset),
	    cmocka_unit_test(syn_acks_of_other_vlans_are_not_reset),
	    cmocka_unit_test(connections_of_the_kernel_are_not_reset),
	    cmocka_unit_test(open_paths_are_reset_before_reuse),
	    cmocka_unit_test(a_new_plan_resets_what_the_old_left_open),
	};

	return worker_bench_main("worker_tcp", tests, sizeof(tests) / sizeof(tests[0]), over_ipv6,
				 sizeof(over_ipv6) / sizeof(over_ipv6[0]));
}
