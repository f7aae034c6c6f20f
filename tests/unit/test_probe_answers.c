/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of a probe's target lead back to the probe. */
#include "probe_answers.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static void tcp_answers(void **state)
{
	static const int32_t sizes[] = {-1, 120, 1420};
	static struct probe p;
	struct frame f;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint32_t len;

		make(&p, EL_PROBE_TCPSYN, sizes[i % 3]);
		len = p.slice.payload_len;
		answer_tcp(&f, &p, SYN | ACK, 1);
		check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
		answer_tcp(&f, &p, SYN | ACK | 0xc0, 1); /* ECN */
		check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
		answer_tcp(&f, &p, RST | ACK, 1);
		check_answer(&f, &p, EL_ANSWER_RST, 0, 0);
		answer_tcp(&f, &p, RST, 1);
		check_answer(&f, &p, EL_ANSWER_RST, 0, 0);
		answer_tcp(&f, &p, RST | ACK, 1 + len);
		check_answer(&f, &p, EL_ANSWER_RST, 0, (uint8_t)(i % 3));
	}
}

static void tcp_candidates(void **state)
{
	static struct probe p;
	uint32_t ids[EL_PROBE_TCP_LENS_MAX + 1], many = 0;
	uint16_t too_many[20] = {0};
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, 120);
	answer_tcp(&f, &p, SYN | ACK, 101); /* a SYN/ACK does not acknowledge data */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, N_LENS, ids), 1);
	assert_int_not_equal(ids[0], p.id);
	answer_tcp(&f, &p, RST | ACK, 101);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	many = el_probe_ops[a.type]->ids(&key, &a, too_many, 20, ids);
	assert_int_equal(many, EL_PROBE_TCP_LENS_MAX + 1);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, 0, ids), 1);

	/* A payload is acknowledged that this slice does not send. */
	make(&p, EL_PROBE_TCPSYN, -1);
	answer_tcp(&f, &p, RST | ACK, 101);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &p), EL_MATCH_ID);
}

static void tcp_flags(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, -1);
	for (unsigned flags = 0; flags < 256; flags++) {
		unsigned core = flags & 0x17;
		bool is = core == (SYN | ACK) || core == RST || core == (RST | ACK);

		answer_tcp(&f, &p, (uint8_t)flags, 1);
		assert_int_equal(recognise(&f, &a), is ? EL_VERDICT_ANSWER : EL_VERDICT_TCP_FLAGS);
	}
}

static void icmp_answers(void **state)
{
	static const int32_t sizes[] = {-1, 8, 12, 23, 24, 25, 1000};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 7000; i++) {
		make(&p, EL_PROBE_ICMPPING, sizes[i % 7]);
		answer_echo(&f, &p);
		check_answer(&f, &p, EL_ANSWER_ECHO_REPLY, 0, 0);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(a.flags, sizes[i % 7] >= 24 || i % 7 == 0
					      ? EL_ANSWER_COOKIE
					      : EL_ANSWER_ID_IN_HEADER);
	}
}

static void icmp_damage(void **state)
{
	static struct probe p, other;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t payload_at = 14 + L3_LEN + 8, bit = unit_random(&seed) % 64;

		make(&p, EL_PROBE_ICMPPING, 100);
		answer_echo(&f, &p);
		f.bytes[payload_at + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_COOKIE);

		answer_echo(&f, &p);
		f.bytes[payload_at + 8 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);

		/* What follows the cookie is not looked at. */
		answer_echo(&f, &p);
		f.bytes[payload_at + 16 + bit] ^= 1;
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_OK);

		/* The cookie of another path, with these addresses. */
		make_id(&other, EL_PROBE_ICMPPING, 100, p.id);
		answer_echo(&f, &other);
		memcpy(f.bytes + (family == 4 ? 26 : 22), target_of(&p), family == 4 ? 4 : 16);
		memcpy(f.bytes + (family == 4 ? 30 : 38), source_of(&p), family == 4 ? 4 : 16);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);
	}
}

/* An id where the slice doesn't put it. */
static void icmp_wrong_place(void **state)
{
	static struct probe in_payload, in_header;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&in_payload, EL_PROBE_ICMPPING, 24);
	make_id(&in_header, EL_PROBE_ICMPPING, 8, in_payload.id);
	in_header.slice.addr_key = in_payload.slice.addr_key;
	answer_echo(&f, &in_payload);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &in_payload), EL_MATCH_OK);
	assert_int_equal(verify(&a, &in_header), EL_MATCH_COOKIE);
	answer_echo(&f, &in_header);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	a.addr_key = in_payload.slice.addr_key;
	assert_int_equal(verify(&a, &in_payload), EL_MATCH_COOKIE);
	assert_int_equal(verify(&a, &in_header), EL_MATCH_OK);
}

static void icmp_no_answers(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, -1);
	for (int type = 0; type < 256; type++) {
		bool error =
		    family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;

		answer_echo(&f, &p);
		f.bytes[14 + L3_LEN] = (uint8_t)type;
		if (type != ECHO_REPLY)
			assert_int_equal(recognise(&f, &a),
					 error ? EL_VERDICT_QUOTE_SHORT : EL_VERDICT_OTHER);
	}
	answer_echo(&f, &p);
	f.bytes[14 + L3_LEN + 1] = 1;
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
}

static void udp_is_no_answer(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_UDPUNREACHABLE, -1);
	frame_back(&f, &p, IPPROTO_UDP, target_of(&p), p.l4, p.len - L3_LEN);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_STAMP_SHORT);
}

/* Extension headers in front of an answer. */
static void answers_with_extension_headers(void **state)
{
	static const uint8_t hop_by_hop[8] = {IPPROTO_TCP, 0, 1, 4};
	static struct probe p;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, -1);
	answer_tcp(&f, &p, SYN | ACK, 1);
	memmove(f.bytes + 14 + 40 + 8, f.bytes + 14 + 40, 20);
	memcpy(f.bytes + 14 + 40, hop_by_hop, 8);
	f.bytes[14 + 6] = IPPROTO_HOPOPTS;
	put16(f.bytes + 14 + 4, 28);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
}

/* ICMP of one family in a packet of the other. */
static void crossed_families(void **state)
{
	static struct probe p;
	struct frame f;
	struct el_pkt pkt;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, -1);
	answer_echo(&f, &p);
	f.bytes[14 + (family == 4 ? 9 : 6)] = family == 4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_UNSUPPORTED);
}

#define COMMON_TESTS                                                                               \
	cmocka_unit_test(tcp_answers), cmocka_unit_test(tcp_candidates),                           \
	    cmocka_unit_test(tcp_flags), cmocka_unit_test(icmp_answers),                           \
	    cmocka_unit_test(icmp_damage), cmocka_unit_test(icmp_wrong_place),                     \
	    cmocka_unit_test(icmp_no_answers), cmocka_unit_test(udp_is_no_answer),                 \
	    cmocka_unit_test(crossed_families)

int main(void)
{
	static const struct CMUnitTest v4[] = {COMMON_TESTS};
	static const struct CMUnitTest v6[] = {
	    COMMON_TESTS,
	    cmocka_unit_test(answers_with_extension_headers),
	};

	return cmocka_run_group_tests_name("answers over IPv4", v4, setup, NULL) +
	       cmocka_run_group_tests_name("answers over IPv6", v6, setup_v6, NULL);
}
