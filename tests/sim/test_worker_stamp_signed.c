/* SPDX-License-Identifier: BSD-3-Clause */
/* STAMP in the worker where requests and replies are signed: what is sent, and which replies are
 * taken. */
#include "stamp_wire.h"

#include <rte_ethdev.h>

#include "stamp_keys.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define OPEN_PORT 862
#define SIGNED_PORT 20862

static struct el_stamp_keys *keys;
static char paths[2][32];

static int setup(void **state)
{
	static const char *const texts[] = {"a key for this test", "another key"};

	(void)state;
	keys = read_key_files(texts, 2, paths);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	el_stamp_keys_put(keys);
	return 0;
}

/* The reflector at this port: signed where that is SIGNED_PORT, with key number `with`. */
static void reflect_at(uint16_t port, int with)
{
	reflector = (struct el_stamp_reflector){.error_estimate = 0x8510,
						.authenticated = port == SIGNED_PORT};
	if (reflector.authenticated)
		reflector.key = el_stamp_keys_find(keys, paths[with]);
}

/* Rounds of probes that are signed. */
static struct fixture *signed_fixture(uint32_t packets)
{
	struct fixture *fx = quick(1, 500, EL_PROBE_STAMP, packets);

	fx->in.stamp_keys = keys;
	fx->targets[0].dst_port = SIGNED_PORT;
	fx->targets[0].stamp = (struct el_model_stamp){.key_file = paths[0], .authenticated = true};
	reflect_at(SIGNED_PORT, 0);
	return fx;
}

static void signed_replies_become_round_trips(void **state)
{
	struct bench *b = bench(signed_fixture(300), 1);
	struct el_figures f;

	(void)state;
	for (uint64_t round = 1; round <= 3; round++) {
		order_round(b, round);
		assert_int_equal(serve(b, 300, REPLY_REFLECTED), 300);
		f = figures(b, 0);
		assert_int_equal(f.sent, 300);
		assert_int_equal(f.answered, 300);
		assert_true(f.rtt_min_ns > 0 && f.rtt_max_ns < 50000000);
	}
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 900);
	bench_free(b);
}

/* In one plan, to one host: each reply is known by the mode of its session. */
static void both_modes_side_by_side(void **state)
{
	struct fixture *fx = signed_fixture(150);
	uint8_t frame[2048], reply[2048];
	struct el_round_figures *r;
	struct el_block *block;
	struct bench *b;

	(void)state;
	add_target(fx, EL_PROBE_STAMP, family == 6 ? "2001:db8:100::1" : "198.51.100.1", 150);
	fx->targets[1].timeout_s = 0.05;
	fx->targets[1].dst_port = OPEN_PORT;
	fx->targets[1].ip_payload_size = 8 + EL_STAMP_AUTH_LEN; /* by length they are the same */
	b = bench(fx, 1);
	assert_int_equal(b->set->n_stamp_kinds, 2);
	order_round(b, 1);
	for (int i = 0; i < 300; i++) {
		size_t len = next_probe(b, frame);

		reflect_at(el_get16(frame + UDP + 2), 0);
		give(b, 0, reply, reply_to(frame, len, reply));
		poll_all(b);
	}
	block = report(b, 0);
	r = el_stats_round(&block, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(r->series[i].answered, 150);
	el_round_figures_free(r);
	el_block_free(block);
	bench_free(b);
}

static uint32_t sent_at_once(struct bench *b)
{
	struct rte_mbuf *m;
	uint32_t n = 0;

	poll_all(b);
	for (; (m = take(b, 0)); n++)
		rte_pktmbuf_free(m);
	return n;
}

/* Signing takes time: few are signed at once, and all that is due is sent nevertheless. */
static void few_are_signed_at_once(void **state)
{
	uint32_t most[2] = {0}, n;

	(void)state;
	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct fixture *fx =
		    is_signed ? signed_fixture(300) : quick(1, 500, EL_PROBE_STAMP, 300);
		struct bench *b = bench(fx, 1);
		uint32_t sum = 0;

		order_round(b, 1);
		for (int i = 0; i < 10000 && sum < 300; i++) {
			n = sent_at_once(b);
			sum += n;
			most[is_signed] = RTE_MAX(most[is_signed], n);
		}
		assert_int_equal(sum, 300);
		assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), 300);
		bench_free(b);
	}
	assert_true(most[0] > 4);
	assert_int_equal(most[1], 4);
}

/* What the calls to send took: in each, how many packets that are signed requests, and others. */
struct calls {
	uint32_t n, n_signed[64], n_others[64];
	uint64_t t1[64][2 * WIRE]; /* of the signed ones */
};

static uint16_t note_call(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t n,
			  void *ctx)
{
	struct calls *c = ctx;

	(void)port, (void)queue;
	if (c->n == RTE_DIM(c->n_signed))
		return n;
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(packets[i], uint8_t *);
		bool is_signed = frame[ETH + (family == 6 ? 6 : 9)] == IPPROTO_UDP &&
				 el_get16(frame + UDP + 2) == SIGNED_PORT;

		if (is_signed)
			c->t1[c->n][c->n_signed[c->n]++] = be64toh(el_load64(frame + PACKET + 16));
		else
			c->n_others[c->n]++;
	}
	c->n++;
	return n;
}

/* Whoever shares a list with probes that are signed does not wait for that: its times are those of
 * a burst of its own. And each that is signed has the time when it was. */
static void others_do_not_wait_for_signatures(void **state)
{
	struct fixture *fx = signed_fixture(100);
	const struct rte_eth_rxtx_callback *callback;
	uint32_t n_signed = 0, n_others = 0, served = 0;
	struct calls *calls = calloc(1, sizeof(*calls));
	struct el_block *block;
	struct bench *b;

	(void)state;
	assert_non_null(calls);
	add_target(fx, EL_PROBE_ICMPPING, family == 6 ? "2001:db8:100::2" : "198.51.100.2", 100);
	add_target(fx, EL_PROBE_STAMP, family == 6 ? "2001:db8:100::1" : "198.51.100.1", 100);
	fx->targets[1].timeout_s = fx->targets[2].timeout_s = 0.05;
	fx->targets[2].dst_port = OPEN_PORT;
	b = bench(fx, 1);
	callback = rte_eth_add_tx_callback(port_id, 0, note_call, calls);
	assert_non_null(callback);
	block = order_block(b, 0, 1, 0);
	while (served < 300)
		served += exchange(b, -1);
	assert_int_equal(rte_eth_remove_tx_callback(port_id, 0, callback), 0);
	for (uint32_t i = 0; i < calls->n; i++) {
		n_signed += calls->n_signed[i];
		n_others += calls->n_others[i];
		assert_true(calls->n_signed[i] == 0 || calls->n_others[i] == 0);
		for (uint32_t k = 1; k < calls->n_signed[i]; k++)
			assert_true(calls->t1[i][k] > calls->t1[i][k - 1]);
	}
	assert_true(n_signed > 0 && n_others > 0);
	/* T1 is of the time that the record has */
	for (uint32_t i = 0; i < 300; i++) {
		int64_t t1;

		if (!block->stamps[i].t1)
			continue;
		assert_true(el_stamp_decode(EL_STAMP_NTP, block->stamps[i].t1, 0, 0, &t1));
		assert_int_equal(el_record_time(block->records[i]),
				 (uint64_t)t1 & EL_RECORD_TIME_MASK);
	}
	free(calls);
	bench_free(b);
}

/* What the device refuses is signed again when it goes. */
static void refused_probes_are_signed_again(void **state)
{
	struct bench *b = bench(signed_fixture(100), 1);
	uint8_t frame[2048], reply[2048];
	uint64_t before;
	int64_t t1;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 1000; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), WIRE - 1);
	drain(b->out[0]);
	before = sim_ns;
	for (int i = 0; i < 100 - (WIRE - 1); i++) {
		size_t len = next_probe(b, frame);

		assert_true(el_stamp_decode(EL_STAMP_NTP, be64toh(el_load64(frame + PACKET + 16)),
					    0, 0, &t1));
		assert_true((uint64_t)t1 >= before);
		give(b, 0, reply, reply_to(frame, len, reply));
	}
	assert_int_equal(figures(b, 0).answered, 100 - (WIRE - 1));
	bench_free(b);
}

/* One probe, whose reply is spoilt. */
static void check_spoilt(int number, void (*spoil)(uint8_t *reply, int number),
			 enum el_worker_counter expected)
{
	struct bench *b = bench(signed_fixture(2), 1);
	uint8_t frame[2048], reply[2048];
	size_t len;

	order_round(b, 1);
	len = reply_to(frame, next_probe(b, frame), reply);
	spoil(reply + PACKET, number);
	fix_checksums(reply);
	give(b, 0, reply, len);
	poll_all(b);
	if (counter(b, expected) != 1)
		fail_msg("case %d is not counted as what it is", number);
	for (int c = EL_COUNTER_ANSWERS; c < EL_COUNTERS; c++) {
		if (c != (int)expected && counter(b, (enum el_worker_counter)c) != 0)
			fail_msg("case %d is counted as %d too", number, c);
	}
	/* and the session goes on */
	len = next_probe(b, frame);
	give(b, 0, reply, reply_to(frame, len, reply));
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 1);
	assert_int_equal(figures(b, 0).lost, 1);
	bench_free(b);
}

/* A byte that is changed on the way: where its packet belongs to decides what it is. */
static void flip(uint8_t *packet, int number)
{
	packet[number] ^= 1;
}

static void sign_again(uint8_t *packet)
{
	el_stamp_reflect_stamp(&reflector, NULL, packet, 0);
}

static void flip_and_sign(uint8_t *packet, int number)
{
	flip(packet, number);
	sign_again(packet);
}

static void sign_with_another_key(uint8_t *packet, int number)
{
	(void)number;
	reflect_at(SIGNED_PORT, 1);
	sign_again(packet);
	reflect_at(SIGNED_PORT, 0);
}

/* As a reflector that signs nothing answers, to which all behind the first 44 bytes is more: that
 * it has seen the request is not enough. */
static void reply_unsigned(uint8_t *packet, int number)
{
	struct el_stamp_auth_reply_wire was;
	struct el_stamp_reply_wire *reply = (void *)packet;

	(void)number;
	memcpy(&was, packet, sizeof(was));
	memset(packet, 0, EL_STAMP_AUTH_LEN);
	memcpy(reply->sender_sequence, was.sender_sequence, 4);
	memcpy(reply->sender_timestamp, was.sender_timestamp, 8);
	memcpy(reply->ssid, was.ssid, 2);
}

static void spoilt_replies_are_counted(void **state)
{
	static const int signed_bytes[] = {0, 4, 16, 24, 28, 32, 40, 52, 64, 72, 80, 95, 96, 111};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(signed_bytes); i++)
		check_spoilt(signed_bytes[i], flip, EL_COUNTER_UNMATCHED_STAMP_HMAC);
	check_spoilt(26, flip_and_sign, EL_COUNTER_UNMATCHED_STAMP_SSID);
	check_spoilt(48, flip_and_sign, EL_COUNTER_UNMATCHED_ID);
	check_spoilt(64, flip_and_sign, EL_COUNTER_UNMATCHED_STAMP_TIME);
	check_spoilt(71, flip_and_sign, EL_COUNTER_UNMATCHED_STAMP_TIME);
	check_spoilt(0, sign_with_another_key, EL_COUNTER_UNMATCHED_STAMP_HMAC);
	check_spoilt(0, reply_unsigned, EL_COUNTER_UNMATCHED_STAMP_HMAC);
}

/* The number on the wire of a probe of the second target, whose low half is `low` or zero. */
static uint32_t number_with(const struct bench *b, uint16_t low)
{
	const struct el_plan *plan = b->set->plans[0];
	uint32_t pass;

	for (uint32_t i = 0; i < plan->n_records; i++) {
		uint32_t wire = el_id_permute(&b->set->key, el_id_pack(&b->set->ids, 0, 1, i));

		if (((wire & 0xffff) == low || !(wire & 0xffff)) &&
		    plan->slices[el_plan_locate(plan, i, &pass).v].series == 1)
			return wire;
	}
	fail_msg("no probe has such a number");
	return 0;
}

/* A signed reply may have, where one that is not signed repeats the number of its request, that of
 * an open probe to the same port: it is to the one that it was signed for. */
static void signed_replies_are_known_by_their_own_number(void **state)
{
	struct fixture *fx = quick(1, 1, EL_PROBE_STAMP, 2);
	const size_t at = offsetof(struct el_stamp_reply_wire, sender_sequence);
	uint8_t frame[2048], reply[2048];
	struct bench *b;
	size_t len;

	(void)state;
	fx->in.stamp_keys = keys;
	fx->targets[0].dst_port = SIGNED_PORT;
	fx->targets[0].stamp = (struct el_model_stamp){.key_file = paths[0], .authenticated = true};
	reflect_at(SIGNED_PORT, 0);
	add_target(fx, EL_PROBE_STAMP, family == 6 ? "2001:db8:100::1" : "198.51.100.1", 300000);
	fx->targets[1].timeout_s = 0.05;
	fx->targets[1].dst_port = SIGNED_PORT;
	b = bench(fx, 1);
	order_round(b, 1);
	do
		len = next_probe(b, frame);
	while (el_get16(frame + UDP + 4) != 8 + EL_STAMP_AUTH_LEN);
	len = reply_to(frame, len, reply);
	el_put32(reply + PACKET + at, number_with(b, el_get16(reply + PACKET + at + 2)));
	sign_again(reply + PACKET);
	fix_checksums(reply);
	give(b, 0, reply, len);
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 1);
	drain(b->out[0]);
	bench_free(b);
}

static void replayed_replies_are_duplicates(void **state)
{
	struct bench *b = bench(signed_fixture(1), 1);
	struct el_stamp_session session = {.n_replied = 7, .sequence = 7};
	uint8_t frame[2048], reply[2048];
	struct el_block *block;
	size_t len;

	(void)state;
	reflector_session = &session;
	reflector_ns = 5000;
	order_round(b, 1);
	len = reply_to(frame, next_probe(b, frame), reply);
	for (int i = 0; i < 3; i++) {
		give(b, 0, reply, len);
		poll_all(b);
	}
	block = report(b, 0);
	assert_int_equal(el_record_duplicates(block->records[0]), 2);
	assert_int_equal(block->stamps[0].sequence, 7);
	assert_int_equal(block->stamps[0].t1, be64toh(el_load64(frame + PACKET + 16)));
	assert_int_equal(block->stamps[0].t2, el_stamp_encode(EL_STAMP_NTP, 5000, 0));
	assert_int_equal(block->stamps[0].t3, el_stamp_encode(EL_STAMP_NTP, 6000, 0));
	assert_int_equal(block->stamps[0].error_estimate, 0x8510);
	assert_int_equal(block->stamps[0].ttl, 64);
	el_block_free(block);
	bench_free(b);
	reflector_session = NULL;
	reflector_ns = 0;
}

/* At another worker's queue they are verified, and go to the one that sent the probe. */
static void replies_reach_their_owner(void **state)
{
	struct fixture *fx = signed_fixture(50);
	uint8_t reply[2048];
	uint32_t served = 0;
	struct bench *b;

	(void)state;
	add_target(fx, EL_PROBE_STAMP, family == 6 ? "2001:db8:100::2" : "198.51.100.2", 50);
	fx->targets[1].timeout_s = 0.05;
	fx->targets[1].dst_port = SIGNED_PORT;
	fx->targets[1].stamp = fx->targets[0].stamp;
	b = bench(fx, 2);
	order_round(b, 1);
	while (served < 100) {
		poll_all(b);
		for (uint32_t w = 0; w < 2; w++) {
			struct rte_mbuf *m;

			while ((m = take(b, w)) != NULL) {
				size_t len =
				    reply_to(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, reply);

				if (served++ % 10 == 0) {
					reply[PACKET + 100] ^= 1;
					fix_checksums(reply);
				}
				give(b, 1 - w, reply, len);
				rte_pktmbuf_free(m);
			}
		}
	}
	for (int i = 0; i < 100; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 90);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 90);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_STAMP_HMAC), 10);
	bench_free(b);
}

/* A closed port quotes no more of a request than what it is known by. */
static void a_closed_port_is_no_answer(void **state)
{
	struct bench *b = bench(signed_fixture(50), 1);
	struct el_figures f;

	(void)state;
	order_round(b, 1);
	assert_int_equal(serve(b, 50, REPLY_UNREACHABLE), 50);
	f = figures(b, 0);
	assert_int_equal(f.lost, 50);
	assert_int_equal(f.icmp_errors, 50);
	bench_free(b);
}

/* T1 is in TAI, which is as far ahead as the kernel says; the reflector's times are in whatever it
 * says that they are. */
static void timestamps_of_ptp(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fixture *fx = i & 1 ? signed_fixture(3) : quick(1, 2, EL_PROBE_STAMP, 3);
		struct el_command wall = {
		    .kind = EL_COMMAND_WALL_CLOCK,
		    .wall_line = {
			.steps = 1, .synchronised = true, .error_ns = 500, .tai_offset_s = 40}};
		uint8_t frame[2048], reply[2048];
		size_t t1_at = i & 1 ? 16 : 4;
		struct el_stamp_times times;
		struct el_block *block;
		struct bench *b;
		int64_t t1;

		fx->targets[0].stamp.ptp = true;
		b = bench(fx, 1);
		assert_true(el_worker_command(b->workers[0], &wall));
		poll_all(b);
		order_round(b, 1);
		reflect_at(i & 1 ? SIGNED_PORT : OPEN_PORT, 0);
		reflector.format = i & 2 ? EL_STAMP_PTP : EL_STAMP_NTP;
		reflector.tai_offset_s = 40;
		reflector.error_estimate = i & 2 ? 0xc510 : 0x8510;
		for (int k = 0; k < 3; k++) {
			size_t len = next_probe(b, frame);

			reflector_ns = (int64_t)sim_ns;
			assert_int_equal(el_get16(frame + PACKET + t1_at + 8) & 0xc000, 0xc000);
			assert_true(el_stamp_decode(
			    EL_STAMP_PTP, be64toh(el_load64(frame + PACKET + t1_at)), 0, 40, &t1));
			assert_true((uint64_t)t1 <= sim_ns && (uint64_t)t1 + 100000 > sim_ns);
			give(b, 0, reply, reply_to(frame, len, reply));
			poll_all(b);
		}
		block = report(b, 0);
		assert_int_equal(block->tai_offset_s, 40);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(el_record_state(block->records[k]), EL_RECORD_ANSWERED);
			assert_true(el_probe_stamp_times(&b->set->stamp_kinds[0], &block->stamps[k],
							 0, block->tai_offset_s, &times));
			assert_true(times.t1_ns <= times.t2_ns &&
				    times.t2_ns < times.t1_ns + 100000);
			assert_int_equal(times.t3_ns - times.t2_ns, 1000);
		}
		el_block_free(block);
		bench_free(b);
	}
	reflector_ns = 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(signed_replies_become_round_trips, setup, teardown),
	    cmocka_unit_test_setup_teardown(both_modes_side_by_side, setup, teardown),
	    cmocka_unit_test_setup_teardown(few_are_signed_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(others_do_not_wait_for_signatures, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_probes_are_signed_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(spoilt_replies_are_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(signed_replies_are_known_by_their_own_number, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(replayed_replies_are_duplicates, setup, teardown),
	    cmocka_unit_test_setup_teardown(replies_reach_their_owner, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_closed_port_is_no_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(timestamps_of_ptp, setup, teardown),
	};

	return worker_bench_main("worker, signed STAMP", tests, sizeof(tests) / sizeof(tests[0]),
				 tests, sizeof(tests) / sizeof(tests[0]));
}
