/* SPDX-License-Identifier: BSD-3-Clause */
/* The STAMP reflector in a worker: its times, its sessions, and what it refuses. */
#include "respond_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static int64_t time_at(const uint8_t *p)
{
	int64_t ns;

	assert_true(el_stamp_decode(EL_STAMP_NTP, (uint64_t)el_get32(p) << 32 | el_get32(p + 4),
				    REAL_NS, 0, &ns));
	return ns;
}

/* T2 is when the burst came, T3 when the answer goes, by CLOCK_REALTIME. */
static void times_are_true(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	uint64_t begin = sim_ns;
	struct bench *b = responding(r);
	struct request q = stamp(PEER, 5000, 7, 0);
	struct answered a;
	int64_t t2, t3, before, after;

	(void)state;
	sim_ns += 5 * EL_NS_PER_S;
	before = REAL_NS + (int64_t)(sim_ns - begin);
	ask(b, &q, &a);
	after = REAL_NS + (int64_t)(sim_ns - begin);
	t3 = time_at(a.pkt.l4 + 8 + 4);
	t2 = time_at(a.pkt.l4 + 8 + 16);
	/* the line's base is a few looks at the clock older than `begin` */
	assert_in_range(t2 - before, 0, 5000);
	assert_in_range(t3 - t2, 200, 2000);
	assert_in_range(after - t3 + 5000, 0, 10000);
	/* synchronised, and off by 1 ms, or little more */
	assert_true(el_get16(a.pkt.l4 + 8 + 12) & EL_STAMP_ERROR_S);
	assert_in_range(el_stamp_error_ns(el_get16(a.pkt.l4 + 8 + 12)), 1000000, 1020000);
	assert_int_equal(a.pkt.l4[8 + 40], 61);
	assert_int_equal(a.pkt.l3[family == 6 ? 7 : 8], 255);
	end(b, r);
}

static uint32_t sequence_of(struct bench *b, const struct request *q)
{
	struct answered a;

	ask(b, q, &a);
	return el_get32(a.pkt.l4 + 8);
}

static void sessions_are_counted(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r, *after;
	struct request q;
	struct bench *b;

	(void)state;
	r = make(&conf, NULL);
	b = responding(r);
	q = stamp(PEER, 5000, 1000, 0);
	assert_int_equal(sequence_of(b, &q), 1000); /* stateless */
	conf.stamp.stateful = true;
	after = make(&conf, r);
	hand_over(b, after);
	el_worker_responder_destroy(r);
	for (uint32_t i = 0; i < 10; i++) {
		q = stamp(PEER, 5000, 1000, 0); /* by ports */
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, 5001, 1000, 0);
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, (uint16_t)(6000 + i), 1000, 7); /* by its SSID */
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, (uint16_t)(6000 + i), 1000, 8);
		assert_int_equal(sequence_of(b, &q), i);
	}
	/* they go on in another responder */
	r = after;
	conf.max_pps = 100000;
	after = make(&conf, r);
	hand_over(b, after);
	el_worker_responder_destroy(r);
	assert_int_equal(sequence_of(b, &q), 10);
	assert_int_equal(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 0);
	/* more than there is room for */
	for (uint16_t port = 7000; port < 7100; port++) {
		q = stamp(PEER, port, 1, 0);
		assert_int_equal(sequence_of(b, &q), 0);
	}
	assert_in_range(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 40, 60);
	/* what nobody uses any more is lost to nobody */
	sim_ns += 901 * EL_NS_PER_S;
	poll_all(b);
	r = after;
	assert_in_range(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 40, 60);
	end(b, r);
}

/* What came and is refused has had a number, so that its sender knows that it has come. */
static void refusals_show_in_numbers(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct request q = stamp(PEER, 5000, 1, 0), other = stamp(PEER, 5001, 1, 0);
	struct rte_mbuf *held[2048];
	struct bench *b;
	uint32_t n = 0, replies, last, now;

	(void)state;
	conf.stamp.stateful = true;
	conf.max_pps = 1000;
	r = make(&conf, NULL);
	b = responding(r);
	assert_int_equal(sequence_of(b, &q), 0);
	assert_int_equal(sequence_of(b, &other), 0);
	/* no buffer but those that the responder has in hand */
	while (n < RTE_DIM(held) && (held[n] = rte_pktmbuf_alloc(answer_pool)) != NULL)
		n++;
	for (replies = 1; counter(b, EL_COUNTER_REFUSED_NO_MBUF) < 3;
	     replies += held[n++] != NULL) {
		give(b, 0, q.frame, q.len);
		poll_all(b);
		held[n] = take(b, 0);
	}
	for (uint32_t i = 0; i < n; i++)
		rte_pktmbuf_free(held[i]);
	last = sequence_of(b, &q);
	assert_int_equal(last, replies + 3);
	assert_int_equal(sequence_of(b, &q), last + 1);
	assert_int_equal(sequence_of(b, &other), 1);
	/* asked too often */
	for (n = 0; counter(b, EL_COUNTER_REFUSED_LIMITED) < 3; n++) {
		struct answered a;

		give(b, 0, q.frame, q.len);
		poll_all(b);
		next_reply(b, &q, &a);
	}
	sim_ns += EL_NS_PER_S;
	now = sequence_of(b, &q);
	assert_int_equal(now - last, 1 + n + 1);
	end(b, r);
}

/* The same of what a device does not take any more, and of what waits while another responder takes
 * over. */
static void lost_answers_show_in_numbers(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r, *after;
	struct request q = stamp(PEER, 5000, 1, 0);
	struct answered a;
	struct bench *b;
	uint32_t given = 0, got = 0, sequence = 0;

	(void)state;
	conf.stamp.stateful = true;
	r = make(&conf, NULL);
	b = responding(r);
	for (; given < 6 * 32; given++) {
		give(b, 0, q.frame, q.len);
		if (given % 32 < 31)
			continue;
		poll_all(b);
		sim_ns += EL_NS_PER_S / 5;
		poll_all(b);
	}
	for (;; got++) {
		if (got % 32 == 0)
			poll_all(b);
		if (!next_reply(b, &q, &a))
			break;
		assert_int_equal(el_get32(a.pkt.l4 + 8), got);
	}
	assert_int_equal(got, WIRE - 1 + 64);
	sequence = sequence_of(b, &q);
	assert_int_equal(sequence, given);
	for (int i = 0; i < 3 * 32; i++)
		give(b, 0, q.frame, q.len);
	poll_all(b);
	poll_all(b);
	poll_all(b);
	after = make(&conf, r);
	hand_over(b, after); /* 33 of them wait */
	el_worker_responder_destroy(r);
	assert_int_equal(counter(b, EL_COUNTER_REFUSED_TX_FULL), given - got + 3 * 32 - (WIRE - 1));
	while (next_reply(b, &q, &a))
		assert_int_equal(el_get32(a.pkt.l4 + 8), ++sequence);
	assert_int_equal(sequence_of(b, &q), given + 3 * 32 + 1);
	end(b, after);
}

static void stamp_refusals(void **state)
{
	static const uint8_t secret[] = "0123456789abcdef";
	struct el_stamp_key *key = el_stamp_key_create(secret, 16);
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL), *before;
	struct bench *b = responding(r);
	uint8_t payload[EL_STAMP_AUTH_LEN] = {0};
	struct el_stamp_sender sender = {.key = key, .authenticated = true, .ssid = 9};
	struct el_stamp_reply said;
	struct request q;
	struct answered a;

	(void)state;
	q = datagram(PEER, 5000, 862, payload, EL_STAMP_LEN - 1);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	el_put16(q.frame + ETH + L3 + 4, 7); /* UDP's length can't be */
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	el_put16(q.frame + ETH + L3 + 4, 1000);
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	q = stamp(PEER, 862, 1, 0);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_PORTS);
	/* authenticated */
	before = r;
	conf.stamp.key = key;
	conf.stamp.authenticated = conf.stamp.stateful = true;
	r = make(&conf, before);
	hand_over(b, r);
	el_worker_responder_destroy(before);
	q = datagram(PEER, 5000, 862, payload, sizeof(payload));
	for (int i = 0; i < 100; i++) /* forged ones are no session */
		refused(b, &q, EL_COUNTER_REFUSED_STAMP_HMAC);
	assert_int_equal(el_stamp_request_build(&sender, NULL, payload, sizeof(payload)),
			 sizeof(payload));
	for (uint32_t i = 0; i < 50; i++) {
		el_stamp_request_stamp(&sender, payload, sizeof(payload), i, i + 1, i);
		q = datagram(PEER, 5000, 862, payload, sizeof(payload));
		ask(b, &q, &a);
		assert_int_equal(el_stamp_reply_parse(&sender, a.pkt.l4 + 8,
						      (size_t)(a.pkt.l4_len - 8), i, i + 1, REAL_NS,
						      &said),
				 EL_STAMP_ANSWER);
		assert_int_equal(said.sequence, i);
		assert_int_equal(said.ssid, 9);
	}
	/* a burst of them, which goes out in several */
	for (uint32_t i = 0; i < 20; i++)
		give(b, 0, q.frame, q.len);
	poll_all(b);
	for (uint32_t i = 0; i < 20; i++) {
		assert_true(next_reply(b, &q, &a));
		assert_int_equal(el_stamp_reply_parse(&sender, a.pkt.l4 + 8,
						      (size_t)(a.pkt.l4_len - 8), 49, 50, REAL_NS,
						      &said),
				 EL_STAMP_ANSWER);
	}
	assert_int_equal(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 0);
	end(b, r);
	el_stamp_key_destroy(key);
}

/* A UDP checksum of zero is none over IPv4 and can't be over IPv6. */
static void no_udp_checksum(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = stamp(PEER, 5000, 1, 0);
	struct answered a;

	(void)state;
	memset(q.frame + ETH + L3 + 6, 0, 2);
	if (family == 4) {
		give(b, 0, q.frame, q.len);
		poll_all(b);
		assert_true(next_reply(b, &q, &a));
	} else {
		refused(b, &q, EL_COUNTER_REFUSED_CHECKSUM);
	}
	end(b, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_true),
	    cmocka_unit_test(sessions_are_counted),
	    cmocka_unit_test(refusals_show_in_numbers),
	    cmocka_unit_test(lost_answers_show_in_numbers),
	    cmocka_unit_test(stamp_refusals),
	    cmocka_unit_test(no_udp_checksum),
	};

	return respond_bench_main("worker_reflect", tests, RTE_DIM(tests));
}
