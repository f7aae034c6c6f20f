/* SPDX-License-Identifier: BSD-3-Clause */
/* STAMP in the worker: what is sent, and which replies are taken. */
#include <netinet/in.h>

#include "stamp_wire.h"

#include "el_ip_set.h"
#include "el_worker_respond.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static struct el_figures one_round(struct bench *b, uint64_t round, uint32_t n, enum reply kind)
{
	order_round(b, round);
	assert_int_equal(serve(b, n, (int)kind), n);
	return figures(b, 0);
}

static void replies_become_round_trips(void **state)
{
	struct bench *b = bench(quick(1, 500, EL_PROBE_STAMP, 300), 1);
	struct el_figures f;

	(void)state;
	for (uint64_t round = 1; round <= 3; round++) {
		f = one_round(b, round, 300, REPLY_REFLECTED);
		assert_int_equal(f.sent, 300);
		assert_int_equal(f.answered, 300);
		assert_true(f.rtt_min_ns > 0 && f.rtt_max_ns < 50000000);
	}
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 900);
	bench_free(b);
}

static void check_probe(const uint8_t *frame, size_t len, size_t payload)
{
	uint8_t copy[2048];

	assert_int_equal(len, PACKET + payload);
	assert_int_equal(el_get16(frame + UDP + 4), 8 + payload);
	memcpy(copy, frame, len);
	fix_checksums(copy);
	assert_memory_equal(copy, frame, len);
	assert_int_not_equal(el_get16(frame + PACKET + 14), 0); /* SSID */
	for (int i = 16; i < 44; i++)
		assert_int_equal(frame[PACKET + i], 0);
}

/* A packet is as the RFC has it, T1 the time at which it was sent. */
static void requests_are_right(void **state)
{
	static const struct {
		int32_t size;
		size_t payload;
	} cases[] = {{EL_CONF_UNSET, 44}, {52, 44}, {53, 48}, {60, 52}, {61, 53}, {1008, 1000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fx = quick(1, 2, EL_PROBE_STAMP, 1);
		uint8_t frame[2048];
		struct bench *b;
		uint64_t before;
		int64_t t1;
		size_t len;

		fx->targets[0].ip_payload_size = cases[i].size;
		b = bench(fx, 1);
		order_round(b, 1);
		before = sim_ns;
		len = next_probe(b, frame);
		check_probe(frame, len, cases[i].payload);
		assert_true(el_stamp_decode(EL_STAMP_NTP, be64toh(el_load64(frame + PACKET + 4)), 0,
					    0, &t1));
		assert_true((uint64_t)t1 >= before && (uint64_t)t1 <= sim_ns);
		assert_int_equal(el_get16(frame + PACKET + 12) & 0xc000, 0);
		if (cases[i].payload > 44) {
			assert_int_equal(el_get16(frame + PACKET + 44), 0x8001);
			assert_int_equal(el_get16(frame + PACKET + 46), cases[i].payload - 48);
		}
		bench_free(b);
	}
}

/* What is refused is stamped again when it goes, so that no time is that of the first attempt. */
static void refused_probes_are_stamped_again(void **state)
{
	struct bench *b = bench(quick(1, 2, EL_PROBE_STAMP, 300), 1);
	uint8_t frame[2048];
	uint64_t before;
	int64_t t1;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 1000; i++)
		poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_TX_PROBES), WIRE - 1);
	drain(b->out[0]);
	before = sim_ns;
	for (int i = 0; i < 300 - (WIRE - 1); i++) {
		uint8_t reply[2048];
		size_t len = next_probe(b, frame);

		check_probe(frame, len, 44);
		assert_true(el_stamp_decode(EL_STAMP_NTP, be64toh(el_load64(frame + PACKET + 4)), 0,
					    0, &t1));
		assert_true((uint64_t)t1 >= before);
		give(b, 0, reply, answer(frame, len, REPLY_REFLECTED, reply));
	}
	assert_int_equal(figures(b, 0).answered, 300 - (WIRE - 1));
	bench_free(b);
}

/* Damage to a reply, each counted as what it is, and no answer. */
static void other_replies_are_counted(void **state)
{
	static const struct {
		int offset; /* of the byte that is changed, from the UDP header */
		uint8_t flip;
		enum el_worker_counter counter;
	} cases[] = {
	    {-3, 1, EL_COUNTER_DROP_RX_NOT_OURS},
	    {1, 1, EL_COUNTER_DROP_RX_NOT_ANSWER}, /* no reflector is there */
	    {3, 1, EL_COUNTER_UNMATCHED_PORT},
	    {8 + 14, 1, EL_COUNTER_UNMATCHED_STAMP_SSID},
	    {8 + 24, 0x40, EL_COUNTER_UNMATCHED_ID},
	    {8 + 28, 1, EL_COUNTER_UNMATCHED_STAMP_TIME},
	    {8 + 35, 1, EL_COUNTER_UNMATCHED_STAMP_TIME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench *b = bench(quick(1, 1, EL_PROBE_STAMP, 1), 1);
		uint8_t frame[2048], reply[2048];
		size_t len;

		order_round(b, 1);
		len = next_probe(b, frame);
		len = answer(frame, len, REPLY_REFLECTED, reply);
		reply[(int)UDP + cases[i].offset] ^= cases[i].flip;
		fix_checksums(reply);
		give(b, 0, reply, len);
		poll_all(b);
		if (counter(b, cases[i].counter) != 1)
			fail_msg("case %zu is not counted as what it is", i);
		for (int c = EL_COUNTER_ANSWERS; c < EL_COUNTERS; c++) {
			if (c != (int)cases[i].counter &&
			    counter(b, (enum el_worker_counter)c) != 0)
				fail_msg("case %zu is counted as %d too", i, c);
		}
		assert_int_equal(figures(b, 0).lost, 1);
		bench_free(b);
	}
}

/* What comes from a reflector is a reply to us, and no request: neither of the responder's own
 * reflector, where it has a port that our probes are sent from as well, nor to a closed port. */
static void is_no_request(bool to_reflector)
{
	struct el_worker_responder_config conf = {
	    .socket = SOCKET_ID_ANY,
	    .key = {1, 2},
	    .port_unreachable = true,
	    .stamp = {.port = 863, .sessions = 64, .stateful = true}};
	struct el_command c = {.kind = EL_COMMAND_RESPOND};
	struct bench *b = bench(quick(1, 1, EL_PROBE_STAMP, 1), 1);
	uint8_t frame[2048], reply[2048];
	struct el_prefix all[2];
	struct el_ip_set *allowed;
	struct el_error err;
	size_t len;

	assert_int_equal(el_prefix_parse("0.0.0.0/0", &all[0]), 0);
	assert_int_equal(el_prefix_parse("::/0", &all[1]), 0);
	allowed = el_ip_set_of_prefixes(all, 2);
	conf.allowed = allowed;
	conf.pool = el_worker_respond_pool_create("of_responder", 511, 1500, SOCKET_ID_ANY);
	assert_true(allowed && conf.pool);
	order_round(b, 1);
	len = next_probe(b, frame);
	if (to_reflector)
		conf.stamp.port = el_get16(frame + UDP);
	c.responder = el_worker_responder_create(&conf, NULL, &err);
	assert_non_null(c.responder);
	assert_true(el_worker_command(b->workers[0], &c));
	poll_all(b);
	len = answer(frame, len, REPLY_REFLECTED, reply);
	give(b, 0, reply, len);
	poll_all(b);
	assert_null(take(b, 0));
	assert_int_equal(figures(b, 0).answered, 1);
	bench_free(b);
	el_worker_responder_destroy(c.responder);
	rte_mempool_free(conf.pool);
	el_ip_set_destroy(allowed);
}

static void replies_are_no_requests(void **state)
{
	(void)state;
	is_no_request(true);
	is_no_request(false);
}

static void short_replies_are_counted(void **state)
{
	static const int cuts[] = {1, 20, 36, 44};

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct bench *b = bench(quick(1, 1, EL_PROBE_STAMP, 1), 1);
		uint8_t frame[2048], reply[2048], *ip = reply + ETH;
		int at = family == 6 ? 4 : 2;
		size_t len;

		order_round(b, 1);
		len = next_probe(b, frame);
		len = answer(frame, len, REPLY_REFLECTED, reply);
		el_put16(ip + at, (uint16_t)(el_get16(ip + at) - cuts[i]));
		el_put16(reply + UDP + 4, (uint16_t)(el_get16(reply + UDP + 4) - cuts[i]));
		fix_checksums(reply);
		give(b, 0, reply, len - (size_t)cuts[i]);
		poll_all(b);
		assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_STAMP_SHORT), 1);
		assert_int_equal(figures(b, 0).lost, 1);
		bench_free(b);
	}
}

/* A reply that comes again is a duplicate; what the first one said stays. */
static void replayed_replies_are_duplicates(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_STAMP, 1), 1);
	struct el_stamp_session session = {.n_replied = 7, .sequence = 7};
	uint8_t frame[2048], reply[2048];
	struct el_block *block;
	size_t len;

	(void)state;
	order_round(b, 1);
	reflector_session = &session;
	reflector_ns = 5000;
	len = next_probe(b, frame);
	len = answer(frame, len, REPLY_REFLECTED, reply);
	give(b, 0, reply, len);
	poll_all(b);
	el_put32(reply + PACKET, 1234);
	fix_checksums(reply);
	give(b, 0, reply, len);
	poll_all(b);
	block = report(b, 0);
	assert_int_equal(el_record_duplicates(block->records[0]), 1);
	assert_int_equal(block->stamps[0].sequence, 7);
	assert_int_equal(block->stamps[0].t1, be64toh(el_load64(frame + PACKET + 4)));
	assert_int_equal(block->stamps[0].t2, el_stamp_encode(EL_STAMP_NTP, 5000, 0));
	assert_int_equal(block->stamps[0].t3, el_stamp_encode(EL_STAMP_NTP, 6000, 0));
	assert_int_equal(block->stamps[0].error_estimate, 0x8510);
	assert_int_equal(block->stamps[0].ttl, 64);
	el_block_free(block);
	bench_free(b);
	reflector_session = NULL;
	reflector_ns = 0;
}

/* A closed port says that nobody reflects: that is an ICMP error, as what routers say. */
static void a_closed_port_is_no_answer(void **state)
{
	static const enum reply errors[] = {REPLY_UNREACHABLE, REPLY_ROUTER};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench *b = bench(quick(1, 2, EL_PROBE_STAMP, 50), 1);
		struct el_figures f = one_round(b, 1, 50, errors[i]);

		assert_int_equal(f.lost, 50);
		assert_int_equal(f.icmp_errors, 50);
		bench_free(b);
	}
}

/* Beside UDPunreachable's, whose protocol they have, and others. */
static void types_live_side_by_side(void **state)
{
	struct fixture *fx = quick(1, 2, EL_PROBE_STAMP, 100);
	const char *other = family == 6 ? "2001:db8:100::2" : "198.51.100.2";
	static const enum el_probe_type types[] = {EL_PROBE_UDPUNREACHABLE, EL_PROBE_ICMPPING};
	static const enum reply replies[] = {REPLY_UNREACHABLE, REPLY_ECHO};
	uint8_t frame[2048], reply[2048];
	struct el_round_figures *r;
	struct el_block *block;
	struct bench *b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		add_target(fx, types[i], other, 100);
		fx->targets[1 + i].timeout_s = 0.05;
		fx->targets[1 + i].dst_port = 33434;
	}
	b = bench(fx, 1);
	order_round(b, 1);
	for (int i = 0; i < 300; i++) {
		size_t len = next_probe(b, frame);
		enum reply kind = frame[ETH + (family == 6 ? 6 : 9)] != IPPROTO_UDP ? replies[1]
				  : el_get16(frame + UDP + 2) == 33434              ? replies[0]
								       : REPLY_REFLECTED;

		give(b, 0, reply, answer(frame, len, kind, reply));
		poll_all(b);
	}
	block = report(b, 0);
	r = el_stats_round(&block, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r->series[i].answered, 100);
	el_round_figures_free(r);
	el_block_free(block);
	bench_free(b);
}

/* A reply at another worker's queue goes to the one that sent the probe, with all that it says;
 * that one knows when it was. */
static void replies_reach_their_owner(void **state)
{
	struct fixture *fx = quick(1, 100, EL_PROBE_STAMP, 50);
	struct el_stamp_session session = {0};
	uint32_t served = 0;
	struct bench *b;
	struct el_block *blocks[2];

	(void)state;
	add_target(fx, EL_PROBE_STAMP, family == 6 ? "2001:db8:100::2" : "198.51.100.2", 50);
	fx->targets[1].timeout_s = 0.05;
	b = bench(fx, 2);
	reflector_session = &session;
	order_round(b, 1);
	while (served < 100) {
		poll_all(b);
		for (uint32_t w = 0; w < 2; w++) {
			struct rte_mbuf *m;

			while ((m = take(b, w)) != NULL) {
				uint8_t buf[2048];
				size_t len = answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
						    REPLY_REFLECTED, buf);

				if (served++ % 10 == 0) { /* one in ten has another T1 */
					buf[PACKET + 30] ^= 1;
					fix_checksums(buf);
				}
				give(b, 1 - w, buf, len);
				rte_pktmbuf_free(m);
			}
		}
	}
	for (uint32_t w = 0; w < 2; w++) {
		blocks[w] = report(b, w);
		for (uint32_t i = 0; i < 50; i++) {
			if (el_record_state(blocks[w]->records[i]) != EL_RECORD_ANSWERED)
				continue;
			assert_true(blocks[w]->stamps[i].t2 != 0);
			assert_int_equal(blocks[w]->stamps[i].ttl, 64);
		}
		el_block_free(blocks[w]);
	}
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 100);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 90);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_STAMP_TIME), 10);
	reflector_session = NULL;
	bench_free(b);
}

/* Reflectors that know of no SSID send zero, some do not sum UDP over IPv4, and some frames are not
 * plain. */
static void replies_that_are_as_good(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_STAMP, 4), 1);
	uint8_t frame[2048], reply[2048], tagged[2048];
	size_t len;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 4; i++) {
		len = next_probe(b, frame);
		len = answer(frame, len, REPLY_REFLECTED, reply);
		if (i == 0)
			el_put16(reply + PACKET + 14, 0);
		fix_checksums(reply);
		if (i % 2 && family == 4)
			el_put16(reply + UDP + 6, 0);
		if (i < 2) {
			give(b, 0, reply, len);
		} else {
			memcpy(tagged, reply, 12);
			el_put32(tagged + 12, 0x81000000);
			memcpy(tagged + 16, reply + 12, len - 12);
			give(b, 0, tagged, len + 4);
		}
		poll_all(b);
	}
	assert_int_equal(figures(b, 0).answered, 4);
	bench_free(b);
}
/* Where no target is STAMP, nothing that is UDP is an answer. */
static void plans_without_stamp_take_no_udp(void **state)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_ICMPPING, 1), 1);
	uint8_t frame[2048], udp[2048] = {0};
	size_t len;

	(void)state;
	order_round(b, 1);
	len = next_probe(b, frame);
	len = answer(frame, len, REPLY_ECHO, udp);
	udp[ETH + (family == 6 ? 6 : 9)] = IPPROTO_UDP;
	len += 40;
	el_put16(udp + ETH + (family == 6 ? 4 : 2), (uint16_t)(len - ETH - (family == 6 ? 40 : 0)));
	el_put16(udp + UDP + 4, (uint16_t)(len - UDP));
	fix_checksums(udp);
	give(b, 0, udp, len);
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_DROP_RX_NOT_ANSWER), 1);
	assert_int_equal(figures(b, 0).lost, 1);
	bench_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replies_become_round_trips),
	    cmocka_unit_test(requests_are_right),
	    cmocka_unit_test(refused_probes_are_stamped_again),
	    cmocka_unit_test(other_replies_are_counted),
	    cmocka_unit_test(replies_are_no_requests),
	    cmocka_unit_test(short_replies_are_counted),
	    cmocka_unit_test(replayed_replies_are_duplicates),
	    cmocka_unit_test(a_closed_port_is_no_answer),
	    cmocka_unit_test(types_live_side_by_side),
	    cmocka_unit_test(replies_reach_their_owner),
	    cmocka_unit_test(replies_that_are_as_good),
	    cmocka_unit_test(plans_without_stamp_take_no_udp),
	};

	return worker_bench_main("worker, STAMP", tests, sizeof(tests) / sizeof(tests[0]), tests,
				 sizeof(tests) / sizeof(tests[0]));
}
