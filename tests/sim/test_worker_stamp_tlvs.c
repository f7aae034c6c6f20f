/* SPDX-License-Identifier: BSD-3-Clause */
/* STAMP in the worker where probes ask by TLVs: what is sent, and what is noted of the replies. */
#include "stamp_wire.h"

#include <rte_ethdev.h>

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

/* Rounds of probes that ask for all that can be asked for. */
static struct fixture *asking_fixture(uint32_t packets)
{
	struct fixture *fx = quick(1, 500, EL_PROBE_STAMP, packets);

	fx->targets[0].stamp = (struct el_model_stamp){
	    .direct_measurement = true, .class_of_service = true, .dscp = 46};
	reflector = (struct el_stamp_reflector){.error_estimate = 0x8510};
	reflector.dscp_allowed = UINT64_MAX;
	return fx;
}

/* What was sent is counted from round to round, and not what the device refused; what the reflector
 * had, as it says. */
static void packets_are_counted(void **state)
{
	struct bench *b = bench(asking_fixture(WIRE + 20), 1);
	struct el_stamp_session session = {0};
	uint8_t frame[2048], reply[2048];
	uint32_t lost = 0, sent = 0;

	(void)state;
	reflector_session = &session;
	for (uint32_t round = 1; round <= 3; round++) {
		struct el_block *block;

		order_round(b, round);
		for (int i = 0; i < 1000; i++)
			poll_all(b);
		for (uint32_t i = 0; i < WIRE + 20; i++) {
			size_t len = next_probe(b, frame);

			sent++;
			/* the last TLV, of Direct Measurement */
			assert_int_equal(el_get16(frame + len - 14), 12);
			assert_int_equal(el_get32(frame + len - 12), sent);
			if (i % 10 == 4) {
				lost++;
				continue;
			}
			give(b, 0, reply, reply_to(frame, len, reply));
			poll_all(b);
		}
		block = report(b, 0);
		assert_true(block->tallies[0].has_counts);
		assert_int_equal(block->tallies[0].n_sent, sent);
		assert_int_equal(block->tallies[0].n_received, sent - lost);
		assert_int_equal(block->tallies[0].n_replied, sent - lost);
		assert_int_equal(block->tallies[0].tlvs[EL_STAMP_TLVS_ANSWERED],
				 WIRE + 20 - lost / round);
		el_block_free(block);
	}
	reflector_session = NULL;
	bench_free(b);
}

/* By the worker that has the probe, whoever receives the reply. */
static void what_tlvs_say_reaches_its_owner(void **state)
{
	struct fixture *fx = asking_fixture(50);
	struct el_stamp_session session = {0};
	uint8_t reply[2048];
	uint32_t served = 0, told = 0;
	struct bench *b;

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
				give(b, 1 - w, reply,
				     reply_to(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, reply));
				rte_pktmbuf_free(m);
				served++;
			}
		}
	}
	for (uint32_t w = 0; w < 2; w++) {
		struct el_block *block = report(b, w);

		if (block->tallies)
			told += block->tallies[0].tlvs[EL_STAMP_TLVS_ANSWERED];
		el_block_free(block);
	}
	assert_int_equal(told, 50);
	assert_int_equal(counter(b, EL_COUNTER_FORWARDED), 100);
	assert_int_equal(counter(b, EL_COUNTER_ANSWERS), 100);
	reflector_session = NULL;
	bench_free(b);
}

/* How TLVs can come back, each counted as what it is: the answer is one all the same. */
static void tlvs_that_are_not_answered(void **state)
{
	static const struct {
		size_t cut;     /* bytes off the end of the reply */
		int flags[2];   /* of the two TLVs */
		uint8_t length; /* of the second; 0: as it is */
		enum el_stamp_tlvs expected;
	} cases[] = {
	    {0, {0, 0}, 0, EL_STAMP_TLVS_ANSWERED},
	    {0, {EL_STAMP_TLV_U, 0}, 0, EL_STAMP_TLVS_UNKNOWN},
	    {0, {0, EL_STAMP_TLV_M}, 0, EL_STAMP_TLVS_MALFORMED},
	    {0, {EL_STAMP_TLV_I, EL_STAMP_TLV_I}, 0, EL_STAMP_TLVS_HMAC},
	    {0, {0, 0}, 200, EL_STAMP_TLVS_MALFORMED},
	    {16, {0, 0}, 0, EL_STAMP_TLVS_MISSING},
	    {24, {0, 0}, 0, EL_STAMP_TLVS_MISSING},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct el_stamp_session session = {0};
		struct bench *b = bench(asking_fixture(1), 1);
		uint8_t frame[2048], reply[2048], *ip = reply + ETH, *tlvs = reply + PACKET + 44;
		int at = family == 6 ? 4 : 2;
		struct el_block *block;
		size_t len, cut = cases[i].cut;

		reflector_session = &session;
		order_round(b, 1);
		len = reply_to(frame, next_probe(b, frame), reply) - cut;
		tlvs[0] = (uint8_t)cases[i].flags[0];
		tlvs[8] = (uint8_t)cases[i].flags[1];
		if (cases[i].length)
			tlvs[11] = cases[i].length;
		el_put16(ip + at, (uint16_t)(el_get16(ip + at) - cut));
		el_put16(reply + UDP + 4, (uint16_t)(el_get16(reply + UDP + 4) - cut));
		fix_checksums(reply);
		give(b, 0, reply, len);
		poll_all(b);
		block = report(b, 0);
		assert_int_equal(el_record_state(block->records[0]), EL_RECORD_ANSWERED);
		if (block->tallies[0].tlvs[cases[i].expected] != 1)
			fail_msg("case %zu is not counted as what it is", i);
		assert_int_equal(block->tallies[0].has_counts,
				 cases[i].expected == EL_STAMP_TLVS_ANSWERED ||
				     cases[i].expected == EL_STAMP_TLVS_UNKNOWN);
		el_block_free(block);
		bench_free(b);
	}
	reflector_session = NULL;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_are_counted),
	    cmocka_unit_test(what_tlvs_say_reaches_its_owner),
	    cmocka_unit_test(tlvs_that_are_not_answered),
	};

	return worker_bench_main("worker, STAMP's TLVs", tests, sizeof(tests) / sizeof(tests[0]),
				 tests, sizeof(tests) / sizeof(tests[0]));
}
