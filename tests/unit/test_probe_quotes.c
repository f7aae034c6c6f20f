/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of ICMP and ICMPv6 lead back to the probe that they quote, whoever sends them. */
#include "probe_answers.h"

static const uint8_t router[16] = {203, 0, 113, 1};

/* Fewest bytes of L4 that a quote must have. */
static size_t quote_min(const struct probe *p)
{
	bool in_payload = p->slice.type == EL_PROBE_ICMPPING
			      ? !(p->slice.flags & EL_SLICE_ID_IN_HEADER)
			      : p->slice.type == EL_PROBE_UDPUNREACHABLE && family == 6;

	return in_payload ? 12 : 8;
}

static void quotes(void **state)
{
	static const int32_t sizes[] = {-1, 8, 120, 1420};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 4 * TYPES * 20; i++) {
		make(&p, (enum el_probe_type)(i / 4 % TYPES), sizes[i % 4]);
		for (size_t cut = 0; cut <= 40 && cut <= p.len - L3_LEN; cut++) {
			answer_error(&f, &p, UNREACHABLE, target_of(&p), cut);
			if (cut < quote_min(&p)) {
				assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_SHORT);
				continue;
			}
			check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
			answer_error(&f, &p, UNREACHABLE, router, cut);
			check_answer(&f, &p, EL_ANSWER_UNREACHABLE, 0, 0);
			answer_error(&f, &p, EXCEEDED, router, cut);
			check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, 0, 0);
			answer_error(&f, &p, PARAMETER, target_of(&p), cut);
			check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, EL_ANSWER_FROM_TARGET, 0);
		}
	}
}

#define QUOTE_L3 (14 + L3_LEN + 8)
#define QUOTE_L4 (QUOTE_L3 + L3_LEN)

static void quotes_of_echo(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, 40);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4 + 13] ^= 1; /* the complement */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_DAMAGED);
	assert_int_equal(a.addr_key, p.slice.addr_key);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4 + 16] ^= 1; /* the cookie */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4] = ECHO_REPLY; /* somebody's */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L3 + (family == 4 ? 9 : 6)] = 47; /* another protocol */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
}

static void quotes_of_udp_that_are_damaged(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_UDPUNREACHABLE, -1);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
	put16(f.bytes + QUOTE_L4 + (family == 4 ? 6 : 10), 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_DAMAGED);
	assert_int_equal(a.addr_key, p.slice.addr_key);
	assert_int_equal(a.own_port, p.port);
	assert_int_equal(a.remote_port, p.slice.dst_port);
	assert_int_equal(a.flags, EL_ANSWER_FROM_TARGET);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, N_LENS, &(uint32_t){0}), 0);

	if (family == 6)
		return;
	/* An identification of zero is sent once in 65,536 probes, or damage: the id tells. */
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
	put16(f.bytes + QUOTE_L3 + 4, 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_true(a.flags & EL_ANSWER_ID_ZERO);
	for (uint32_t low = 1; low < 0x10000; low += 0x1111) {
		make_id(&p, EL_PROBE_UDPUNREACHABLE, -1, el_id_unpermute_nonzero(&key, low));
		assert_int_equal(el_get16(p.l3 + 4), 0);
		answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
		check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	}
}

/* An IPv6 error quotes as much as fits into 1280 bytes (RFC 4443 section 2.4), and the quoted
 * packet may have extension headers in front of what was sent: those that a router put there. */
static void long_quotes(void **state)
{
	static const uint8_t routing[8] = {IPPROTO_UDP, 0, 0, 0};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int type = 0; type < TYPES; type++) {
		make(&p, (enum el_probe_type)type, 1420);
		answer_error(&f, &p, 1, target_of(&p), 1280 - 88);
		check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
		answer_error(&f, &p, 2, router, 1280 - 88); /* packet too big */
		check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, 0, 0);
	}
	make(&p, EL_PROBE_UDPUNREACHABLE, 100);
	answer_error(&f, &p, 1, target_of(&p), 100);
	memmove(f.bytes + QUOTE_L4 + 8, f.bytes + QUOTE_L4, 100);
	memcpy(f.bytes + QUOTE_L4, routing, 8);
	f.bytes[QUOTE_L3 + 6] = IPPROTO_ROUTING;
	put16(f.bytes + QUOTE_L3 + 4, 108);
	put16(f.bytes + 14 + 4, 8 + 40 + 108);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	make(&p, EL_PROBE_ICMPPING, 8);
	answer_error(&f, &p, 1, target_of(&p), 8);
	memmove(f.bytes + QUOTE_L4 + 8, f.bytes + QUOTE_L4, 8);
	memcpy(f.bytes + QUOTE_L4, routing, 8);
	f.bytes[QUOTE_L4] = IPPROTO_ICMPV6;
	f.bytes[QUOTE_L3 + 6] = IPPROTO_ROUTING;
	put16(f.bytes + QUOTE_L3 + 4, 16);
	put16(f.bytes + 14 + 4, 8 + 40 + 16);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_true(a.flags & EL_ANSWER_ID_IN_HEADER);
}

#define COMMON_TESTS                                                                               \
	cmocka_unit_test(quotes), cmocka_unit_test(quotes_of_echo),                                \
	    cmocka_unit_test(quotes_of_udp_that_are_damaged)

int main(void)
{
	static const struct CMUnitTest v4[] = {COMMON_TESTS};
	static const struct CMUnitTest v6[] = {COMMON_TESTS, cmocka_unit_test(long_quotes)};

	return cmocka_run_group_tests_name("quotes over IPv4", v4, setup, NULL) +
	       cmocka_run_group_tests_name("quotes over IPv6", v6, setup_v6, NULL);
}
