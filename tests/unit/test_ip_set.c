/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_ip_set.h"

static struct el_ip ip(const char *text)
{
	struct el_ip ret;

	assert_int_equal(el_ip_parse(text, &ret), 0);
	return ret;
}

static bool has(const struct el_ip_set *set, const char *text)
{
	struct el_ip a = ip(text);

	return el_ip_set_contains(set, &a);
}

static struct el_prefix prefix(const char *text)
{
	struct el_prefix ret;

	assert_int_equal(el_prefix_parse(text, &ret), 0);
	return ret;
}

static void edges(void **state)
{
	const struct el_prefix prefixes[] = {
	    prefix("198.51.100.128/25"), prefix("192.0.2.7"),      prefix("2001:db8::/33"),
	    prefix("198.51.100.0/26"),   prefix("192.0.2.0/30"),   prefix("255.255.255.0/24"),
	    prefix("192.0.2.77/31"),     prefix("2001:db8:1::/48")};
	struct el_ip_set *set =
	    el_ip_set_of_prefixes(prefixes, sizeof(prefixes) / sizeof(prefixes[0]));
	static const char *const in[] = {
	    "198.51.100.0",   "198.51.100.63",   "198.51.100.128", "198.51.100.255",
	    "192.0.2.0",      "192.0.2.3",       "192.0.2.7",      "192.0.2.76",
	    "192.0.2.77",     "255.255.255.255", "2001:db8::",     "2001:db8:7fff:ffff::ffff",
	    "2001:db8:1::42", "255.255.255.0"};
	static const char *const out[] = {
	    "198.51.99.255",   "198.51.100.64",   "198.51.100.127",  "198.51.101.0", "192.0.1.255",
	    "192.0.2.4",       "192.0.2.6",       "192.0.2.8",       "192.0.2.75",   "192.0.2.78",
	    "255.255.254.255", "2001:db7:ffff::", "2001:db8:8000::", "0.0.0.0",      "::",
	    "ffff::",          "c000:200::"}; /* the bytes of 192.0.2.0 */

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		if (!has(set, in[i]))
			fail_msg("%s is not in it", in[i]);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		if (has(set, out[i]))
			fail_msg("%s is in it", out[i]);
	el_ip_set_destroy(set);
}

static void of_nothing(void **state)
{
	struct el_ip_set *set = el_ip_set_create(NULL, 0);

	(void)state;
	assert_non_null(set);
	assert_false(has(set, "192.0.2.1"));
	assert_false(has(NULL, "::1"));
	el_ip_set_destroy(set);
	el_ip_set_destroy(NULL);
}

/* As asking one prefix after the other. */
static void like_a_list(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int run = 0; run < 200; run++) {
		struct el_prefix prefixes[40];
		size_t n = unit_random(&random) % 40;
		struct el_ip_set *set;

		for (size_t i = 0; i < n; i++) {
			uint32_t address = (uint32_t)unit_random(&random) & htonl(0x0a0003ff);

			prefixes[i].ip = el_ip_from_v4(address);
			prefixes[i].len = (uint8_t)(24 + unit_random(&random) % 9);
		}
		set = el_ip_set_of_prefixes(prefixes, n);
		assert_non_null(set);
		for (int i = 0; i < 300; i++) {
			struct el_ip a =
			    el_ip_from_v4((uint32_t)unit_random(&random) & htonl(0x0a0003ff));

			assert_int_equal(el_ip_set_contains(set, &a),
					 el_prefixes_contain(prefixes, n, &a));
		}
		el_ip_set_destroy(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edges),
	    cmocka_unit_test(of_nothing),
	    cmocka_unit_test(like_a_list),
	};

	return cmocka_run_group_tests_name("ip_set", tests, NULL, NULL);
}
