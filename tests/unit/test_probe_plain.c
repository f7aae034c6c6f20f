/* SPDX-License-Identifier: BSD-3-Clause */
/* The quick way to recognise answers in plain frames beside the whole one: it never says anything
 * else, and it finds all that are plain. */
#include "unit.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "el_probe_plain.h"
#include "frames.h"

static const uint8_t target[16] = {198, 51, 100, 7}, own[16] = {192, 0, 2, 10};
static struct el_id_key key;

enum kind { ECHO, ECHO_SHORT, SYN_ACK, RST, UDP, UDP_SHORT, UDP_BY_ROUTER, KINDS };

/* A destination unreachable that quotes a UDP probe; its length. */
static size_t quote(uint8_t *l4, enum kind kind, uint8_t family)
{
	size_t addr_len = family == 4 ? 4 : 16, len = family == 4 ? 28 : 52;
	uint8_t *l3 = l4 + 8, *udp = l3 + (family == 4 ? 20 : 40);
	uint8_t *src = l3 + (family == 4 ? 12 : 8);

	l4[0] = family == 4 ? 3 : 1;
	l4[1] = family == 4 ? 3 : 4;
	l3[0] = family == 4 ? 0x45 : 0x60;
	el_put16(l3 + (family == 4 ? 2 : 4), family == 4 ? 44 : 24);
	el_put16(l3 + 4 + (family == 4 ? 0 : 50), 0x1234);
	l3[family == 4 ? 9 : 6] = IPPROTO_UDP;
	memcpy(src, own, addr_len);
	memcpy(src + addr_len, target, addr_len);
	src[2 * addr_len - 1] ^= kind == UDP_BY_ROUTER;
	el_put16(udp, 65000);
	el_put16(udp + 2, 33434);
	el_put16(udp + (family == 4 ? 6 : 10), 0x5678);
	return 8 + len - (kind == UDP_SHORT);
}

/* An answer to a probe; whether it is one that is found the quick way. */
static bool answer(struct frame *f, enum kind kind, uint8_t family, uint8_t padding)
{
	static const uint8_t zeros[64];
	uint8_t l4[64] = {0}, protocol = IPPROTO_TCP,
		icmp = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t len = 20;

	el_put32(l4 + 8, 0x12345678);
	if (kind >= UDP) {
		protocol = icmp;
		el_put32(l4 + 8, 0);
		len = quote(l4, kind, family);
	} else if (kind == ECHO || kind == ECHO_SHORT) {
		protocol = icmp;
		len = kind == ECHO ? 24 : 23;
		l4[0] = family == 4 ? 0 : 129;
		el_put32(l4 + 12, ~0x12345678U);
		memcpy(l4 + 16, "a cookie", 8);
	} else {
		el_put16(l4, 443);
		el_put16(l4 + 2, 65000);
		l4[12] = 0x50;
		l4[13] = kind == RST ? 0x14 : 0x12;
	}
	frame_ether(f, 0, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		frame_ipv4(f, 0, protocol, target, own, l4, len);
	else
		frame_ipv6(f, protocol, target, own, l4, len);
	frame_add(f, zeros, padding);
	return kind != ECHO_SHORT && kind != UDP_SHORT && kind != UDP_BY_ROUTER;
}

/* Both ways, over memory that ends with the frame. Whether the quick one found an answer. */
static bool compare(const struct frame *f, size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);
	struct el_plain quick;
	struct el_answer plain, whole;
	struct el_pkt pkt;
	bool found;

	memcpy(bytes, f->bytes, len);
	found = el_plain_recognise(&key, bytes, (uint32_t)len, &quick);
	if (found) {
		el_plain_answer(&quick, &plain);
		assert_int_equal(el_pkt_parse(bytes, len, &pkt), EL_PKT_OK);
		assert_int_equal(el_probe_recognise(&key, &pkt, &whole), EL_VERDICT_ANSWER);
		assert_memory_equal(&plain, &whole, sizeof(plain));
	}
	free(bytes);
	return found;
}

static void plain_answers(void **state)
{
	struct frame f;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		for (uint8_t family = 4; family <= 6; family += 2) {
			for (uint8_t padding = 0; padding < 32; padding++) {
				bool expected = answer(&f, (enum kind)kind, family, padding);
				assert_int_equal(compare(&f, f.len), expected);
			}
		}
	}
}

static void cut_answers(void **state)
{
	struct frame f;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		for (uint8_t family = 4; family <= 6; family += 2) {
			answer(&f, (enum kind)kind, family, 0);
			for (size_t len = 0; len < f.len; len++)
				assert_false(compare(&f, len));
		}
	}
}

static void damaged_answers(void **state)
{
	uint64_t seed = unit_seed();
	uint32_t found = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		uint64_t r = unit_random(&seed);
		struct frame f;

		answer(&f, (enum kind)(r % KINDS), r & 64 ? 4 : 6, (uint8_t)(r >> 8 & 15));
		for (uint64_t n = (r >> 16 & 3) + 1; n > 0; n--) {
			uint64_t at = unit_random(&seed);
			/* mostly where there is something to damage */
			f.bytes[12 + at % (f.len - 12)] = (uint8_t)(at >> 32);
		}
		found += compare(&f, f.len - (r >> 20 & 7 ? 0 : r >> 24 & 7));
	}
	assert_in_range(found, 10000, 390000); /* of both sorts there are many */
}

/* What the slow checksums say of a plain packet of `l4_len` bytes that is TCP or ICMP. */
static bool slow_right(const uint8_t *l3, uint8_t family, size_t l4_len)
{
	const size_t l3_len = family == 4 ? 20 : 40;
	const uint8_t *l4 = l3 + l3_len, *addresses = l3 + (family == 4 ? 12 : 8);
	const uint8_t protocol = l3[family == 4 ? 9 : 6];

	if (family == 4 && naive_checksum(l3, l3_len, NULL, 0) != 0)
		return false;
	return 0 == (protocol == IPPROTO_ICMP ? naive_checksum(l4, l4_len, NULL, 0)
					      : naive_l4_checksum(addresses, family == 4 ? 4 : 16,
								  protocol, l4, l4_len));
}

static bool quick_right(const uint8_t *l3, uint8_t family, uint32_t l4_len)
{
	return family == 4 ? el_plain_ipv4_right(l3, l4_len, false, false)
			   : el_plain_ipv6_right(l3, l4_len, false);
}

/* A plain packet of random bytes, with right checksums: L4's is `checksum`, by what its last even
 * word is. In memory that ends with it. */
static uint8_t *random_packet(uint64_t *seed, uint8_t family, bool tcp, size_t l4_len,
			      uint16_t checksum)
{
	const uint8_t icmp = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const uint8_t protocol = tcp ? IPPROTO_TCP : icmp;
	const size_t l3_len = family == 4 ? 20 : 40, last = (l4_len - 2) & ~(size_t)1;
	uint8_t l4[200], src[16], dst[16], *l3 = malloc(l3_len + l4_len);
	struct frame f = {.len = 0};

	assert_non_null(l3);
	for (size_t i = 0; i < sizeof(l4); i++)
		l4[i] = (uint8_t)unit_random(seed);
	for (size_t i = 0; i < 16; i++) {
		src[i] = (uint8_t)unit_random(seed);
		dst[i] = (uint8_t)unit_random(seed);
	}
	put16(l4 + (tcp ? 16 : 2), checksum);
	put16(l4 + last, 0);
	if (family == 4)
		frame_ipv4(&f, 0, protocol, src, dst, l4, l4_len);
	else
		frame_ipv6(&f, protocol, src, dst, l4, l4_len);
	put16(f.bytes + l3_len + last,
	      protocol == IPPROTO_ICMP
		  ? naive_checksum(l4, l4_len, NULL, 0)
		  : naive_l4_checksum(f.bytes + (family == 4 ? 12 : 8), family == 4 ? 4 : 16,
				      protocol, l4, l4_len));
	memcpy(l3, f.bytes, l3_len + l4_len);
	return l3;
}

/* Right ones are, with any one bit turned they are not, and with words in which one's complement
 * has two zeros it is as the slow ones say. Beside each the slow ones must say the same. */
static void checksums_of(uint64_t *seed, uint8_t family, bool tcp, size_t l4_len, uint16_t checksum)
{
	uint8_t *l3 = random_packet(seed, family, tcp, l4_len, checksum);
	const size_t l3_len = family == 4 ? 20 : 40;
	const size_t protocol_at = family == 4 ? 9 : 6;

	assert_true(slow_right(l3, family, l4_len));
	assert_true(quick_right(l3, family, (uint32_t)l4_len));
	/* but of the protocol, by which a packet is taken for what it is, and of what no checksum
	 * covers in an IPv6 header */
	for (size_t bit = 0; bit < 8 * (l3_len + l4_len); bit++) {
		if (bit / 8 == protocol_at || (family == 6 && bit / 8 < 8))
			continue;
		l3[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(slow_right(l3, family, l4_len));
		assert_false(quick_right(l3, family, (uint32_t)l4_len));
		l3[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t word = 0; word + 1 < l3_len + l4_len; word += 2) {
		static const uint8_t extremes[2] = {0x00, 0xff};
		uint8_t were[2] = {l3[word], l3[word + 1]};

		if (word < l3_len && (family == 6 ? word < 8 : word == (protocol_at & ~1U)))
			continue;
		for (size_t i = 0; i < 2; i++) {
			memset(l3 + word, extremes[i], 2);
			assert_int_equal(quick_right(l3, family, (uint32_t)l4_len),
					 slow_right(l3, family, l4_len));
		}
		memcpy(l3 + word, were, 2);
	}
	free(l3);
}

static void checksums(void **state)
{
	static const uint16_t extremes[] = {0x0000, 0xffff, 0x1234};
	uint64_t seed = unit_seed();

	(void)state;
	for (size_t l4_len = 20; l4_len <= 140; l4_len++)
		for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++)
			for (int kind = 0; kind < 4; kind++)
				checksums_of(&seed, kind & 1 ? 4 : 6, kind & 2, l4_len,
					     extremes[i]);
}

/* What the NIC is believed is not summed, all else is. */
static void checksums_that_are_known(void **state)
{
	uint64_t seed = unit_seed();
	uint8_t *l3;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		l3 = random_packet(&seed, 4, tcp, 40, 0x1234);
		l3[20 + 21] ^= 1;
		assert_false(el_plain_ipv4_right(l3, 40, false, false));
		assert_false(el_plain_ipv4_right(l3, 40, true, false));
		assert_int_equal(el_plain_ipv4_right(l3, 40, true, true), tcp);
		assert_int_equal(el_plain_ipv4_right(l3, 40, false, true), tcp);
		l3[8] ^= 1;
		assert_false(el_plain_ipv4_right(l3, 40, false, true));
		assert_int_equal(el_plain_ipv4_right(l3, 40, true, true), tcp);
		l3[9] = IPPROTO_UDP;
		assert_false(el_plain_ipv4_right(l3, 40, true, true));
		free(l3);
		l3 = random_packet(&seed, 6, tcp, 40, 0x1234);
		l3[40 + 21] ^= 1;
		assert_false(el_plain_ipv6_right(l3, 40, false));
		assert_int_equal(el_plain_ipv6_right(l3, 40, true), tcp);
		l3[6] = IPPROTO_UDP;
		assert_false(el_plain_ipv6_right(l3, 40, true));
		free(l3);
	}
}

static int setup(void **state)
{
	static const uint8_t random[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

	(void)state;
	key = el_id_key_init(random);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_answers),
	    cmocka_unit_test(cut_answers),
	    cmocka_unit_test(damaged_answers),
	    cmocka_unit_test(checksums),
	    cmocka_unit_test(checksums_that_are_known),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
