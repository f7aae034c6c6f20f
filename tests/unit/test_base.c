/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <math.h>

#include "el_base.h"

static void ip_parses_and_formats(void **state)
{
	static const char *const good[] = {"192.0.2.1", "::", "2001:db8::1", "255.255.255.255"};
	static const char *const bad[] = {"",           "1.2.3",        "1.2.3.256",
					  "01.2.3.4.5", "fe80::1%eth0", "host"};
	char buf[EL_IP_STRLEN];
	struct el_ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(el_ip_parse(good[i], &ip), 0);
		assert_string_equal(el_ip_format(&ip, buf), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(el_ip_parse(bad[i], &ip), -EINVAL);
}

static void prefixes(void **state)
{
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/",      "10.0.0.0/-1",
					  "10.0.0.0/8x", "2001:db8::/129", "/8"};
	struct el_prefix p, net;
	struct el_ip ip;
	char buf[EL_IP_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(el_prefix_parse(bad[i], &p), -EINVAL);
	assert_int_equal(el_prefix_parse("192.0.2.77/26", &p), 0);
	net = el_prefix_network(&p);
	assert_string_equal(el_prefix_format(&net, buf), "192.0.2.64/26");
	el_ip_parse("192.0.2.127", &ip);
	assert_true(el_prefix_contains(&net, &ip));
	assert_true(el_prefix_contains(&p, &ip));
	el_ip_parse("192.0.2.128", &ip);
	assert_false(el_prefix_contains(&net, &ip));
	el_ip_parse("::1", &ip);
	assert_false(el_prefix_contains(&net, &ip));
	el_prefix_parse("0.0.0.0/0", &p);
	el_ip_parse("203.0.113.9", &ip);
	assert_true(el_prefix_contains(&p, &ip));
}

static void hosts_are_told_from_groups(void **state)
{
	static const char *const hosts[] = {"192.0.2.1",       "10.0.0.1", "169.254.1.1",
					    "223.255.255.255", "1.0.0.0",  "2001:db8::1",
					    "fe80::1",         "fd00::1",  "::1:0:0:1"};
	static const char *const others[] = {
	    "0.0.0.0",   "0.9.9.9",        "127.0.0.1",        "127.255.0.1",
	    "224.0.0.1", "239.1.2.3",      "240.0.0.1",        "::",
	    "::1",       "::192.0.2.1",    "::ffff:192.0.2.1", "ff02::1",
	    "ff0e::9",   "255.255.255.255"};
	struct el_ip ip = {0};

	(void)state;
	assert_false(el_ip_is_host(&ip));
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_int_equal(el_ip_parse(hosts[i], &ip), 0);
		assert_true(el_ip_is_host(&ip));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(el_ip_parse(others[i], &ip), 0);
		assert_false(el_ip_is_host(&ip));
	}
}

/* The vectors of the paper's reference implementation: key 00..0f, input 00..n-1. */
static void siphash_vectors(void **state)
{
	static const uint64_t expected[] = {
	    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
	    0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
	    0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462};
	struct el_siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t in[16];

	(void)state;
	for (size_t n = 0; n < sizeof(expected) / sizeof(expected[0]); n++) {
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)i;
		assert_int_equal(el_siphash(&key, in, n), expected[n]);
	}
}

static void fastdiv_agrees_with_division(void **state)
{
	uint64_t seed = unit_seed();
	uint32_t edge[] = {1,     2,          3,          7,          64,        65535,
			   65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t d = i < 121 ? edge[i % 11] : (uint32_t)unit_random(&seed) >> (i % 32);
		uint32_t a = i < 121 ? edge[i / 11] : (uint32_t)unit_random(&seed);
		struct el_fastdiv f;
		if (!d)
			d = 1;
		f = el_fastdiv_init(d);
		assert_int_equal(el_fastdiv(a, &f), a / d);
		assert_int_equal(el_fastmod(a, f.recip, d), a % d);
	}
}

static void strings_are_bounded(void **state)
{
	char buf[8];
	struct el_str s = EL_STR_INIT(buf);

	(void)state;
	el_str_init(&s, buf, sizeof(buf));
	el_str_add(&s, "abc");
	el_str_addf(&s, "%d", 12);
	assert_string_equal(buf, "abc12");
	assert_false(s.truncated);
	el_str_addf(&s, "%s", "defgh");
	assert_string_equal(buf, "abc12de");
	assert_true(s.truncated);
	el_str_addc(&s, 'x');
	assert_int_equal(s.len, 7);
	assert_int_equal(strlen(buf), 7);
}

static void seconds_convert(void **state)
{
	(void)state;
	assert_int_equal(el_ns_from_s(0.5), 500000000);
	assert_int_equal(el_ns_from_s(-1), 0);
	/* a month, without overflow */
	assert_true(fabs(el_s_from_ns(el_ns_from_s(2592000)) - 2592000) < 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ip_parses_and_formats),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(hosts_are_told_from_groups),
	    cmocka_unit_test(siphash_vectors),
	    cmocka_unit_test(fastdiv_agrees_with_division),
	    cmocka_unit_test(strings_are_bounded),
	    cmocka_unit_test(seconds_convert),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
