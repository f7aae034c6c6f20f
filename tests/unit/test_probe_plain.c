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
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
