/* SPDX-License-Identifier: BSD-3-Clause */
/* How received packets are spread: computed as the device does, and asked of a device that has a
 * key, a redirection table and types. */
#include "unit.h"

#include <rte_ethdev.h>

#include "el_port.h"
#include "toeplitz.h"

/* Microsoft, "Verifying the RSS hash calculation": key, and hashes over addresses alone. */
static const uint8_t verification_key[40] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static const struct {
	const char *dst, *src;
	uint32_t hash;
} vectors[] = {
    {"161.142.100.80", "66.9.149.187", 0x323e8fc2},
    {"65.69.140.83", "199.92.111.2", 0xd718262a},
    {"12.22.207.184", "24.19.198.95", 0xd2d0a5de},
    {"209.142.163.6", "38.27.205.30", 0x82989176},
    {"202.188.127.2", "153.39.163.191", 0x5d1809c5},
    {"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 0x2cc18cd5},
    {"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 0x0f0c461c},
    {"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 0x4b61e985},
};

static struct el_port_rss rss(uint16_t reta_size)
{
	struct el_port_rss r = {.on = true,
				.types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6,
				.key_len = sizeof(verification_key),
				.reta_size = reta_size};

	memcpy(r.key, verification_key, sizeof(verification_key));
	for (uint16_t i = 0; i < reta_size; i++)
		r.reta[i] = i;
	return r;
}

static void test_published_hashes(void **state)
{
	struct el_port_rss r = rss(128);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct el_ip src, dst;
		uint8_t tuple[32];
		size_t half;
		assert_int_equal(el_ip_parse(vectors[i].src, &src), 0);
		assert_int_equal(el_ip_parse(vectors[i].dst, &dst), 0);
		half = src.family == 4 ? 4 : 16;
		assert_int_equal(el_port_rss_hash(&r, src.family, src.bytes, dst.bytes),
				 vectors[i].hash);
		/* an answer: from the target, to us */
		assert_int_equal(el_port_rss_queue(&r, src.family, src.bytes, dst.bytes),
				 vectors[i].hash % 128);
		/* what the tests of the workers hash by */
		memcpy(tuple, src.bytes, half);
		memcpy(tuple + half, dst.bytes, half);
		assert_int_equal(toeplitz(verification_key, tuple, 2 * half), vectors[i].hash);
	}
}

static void test_any_table_size(void **state)
{
	struct el_port_rss r = rss(EL_PORT_RETA_MAX);
	const uint8_t src[] = {66, 9, 149, 187}, dst[] = {161, 142, 100, 80};

	(void)state;
	assert_int_equal(el_port_rss_queue(&r, 4, src, dst), 0x323e8fc2 % EL_PORT_RETA_MAX);
	r.reta_size = 100; /* not a power of two */
	assert_int_equal(el_port_rss_queue(&r, 4, src, dst), 0x323e8fc2 % 100);
}

static void test_what_it_tells(void **state)
{
	struct el_port_rss r = rss(128);

	(void)state;
	for (int type = 0; type < EL_PROBE_TYPES; type++) {
		assert_true(el_port_rss_tells(&r, (enum el_probe_type)type, 4));
		assert_true(el_port_rss_tells(&r, (enum el_probe_type)type, 6));
	}
	/* TCP answers by their ports too: the others' answers are ICMP, which has none */
	r.types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6;
	assert_false(el_port_rss_tells(&r, EL_PROBE_TCPSYN, 4));
	assert_true(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 4));
	assert_true(el_port_rss_tells(&r, EL_PROBE_UDPUNREACHABLE, 4));
	assert_true(el_port_rss_tells(&r, EL_PROBE_TCPSYN, 6));
	r.types = RTE_ETH_RSS_IPV4;
	assert_false(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 6));
	r.types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_L3_SRC_ONLY;
	assert_false(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 4));

	r = rss(128);
	r.on = false;
	assert_false(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 4));
	r = rss(0);
	assert_false(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 4));
	r = rss(128);
	r.key_len = 16; /* enough for IPv4's 64 bits */
	assert_true(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 4));
	assert_false(el_port_rss_tells(&r, EL_PROBE_ICMPPING, 6));
}

static struct el_port *open_null(const char *device, const char *profile, uint16_t queues)
{
	struct el_conf_port conf = {.device = (char *)(uintptr_t)device,
				    .profile = (char *)(uintptr_t)profile};
	struct el_error err = {{0}};
	struct el_port *port;

	if (el_port_open(&conf, queues, UNIT_PROFILE_DIR, &port, &err) < 0)
		fail_msg("%s", err.text);
	return port;
}

/* net_null has all of it but the packets. Its table has every entry 0 at first: that is no way to
 * spread, so it gets another. */
static void test_asks_the_device(void **state)
{
	struct el_port *port = open_null("net_null0,no-rx=1", "generic", 3);
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	struct el_port_view view;

	(void)state;
	assert_int_equal(port->n_queues, 3);
	assert_true(port->rss.on);
	assert_int_equal(port->rss.key_len, 40);
	assert_memory_equal(port->rss.key, verification_key, 8); /* its own, the same so far */
	assert_true(port->rss.types & RTE_ETH_RSS_IPV4);
	assert_false(port->rss.types & RTE_ETH_RSS_NONFRAG_IPV4_TCP);
	assert_int_equal(port->rss.reta_size, 128);
	assert_int_equal(rte_eth_dev_rss_reta_query(port->queues[0].port_id, reta, 128), 0);
	for (uint16_t i = 0; i < 128; i++) {
		assert_int_equal(port->rss.reta[i], i % 3);
		assert_int_equal(reta[i / 64].reta[i % 64], i % 3);
	}
	assert_true(el_port_rss_tells(&port->rss, EL_PROBE_TCPSYN, 6));
	el_port_view_read(port, &view);
	assert_int_equal(view.queues, 3);
	assert_int_equal(view.rss_key_bytes, 40);
	assert_int_equal(view.reta_size, 128);
	assert_int_equal(view.rss_types, port->rss.types);
	el_port_close(port);
}

static void test_nothing_to_spread(void **state)
{
	static const struct {
		const char *device, *profile;
		uint16_t queues;
	} cases[] = {{"net_null1,no-rx=1", "generic", 1}, {"net_null2,no-rx=1", "null", 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el_port *port =
		    open_null(cases[i].device, cases[i].profile, cases[i].queues);
		assert_int_equal(port->n_queues, cases[i].queues);
		assert_false(port->rss.on);
		assert_false(el_port_rss_tells(&port->rss, EL_PROBE_ICMPPING, 4));
		el_port_close(port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published_hashes),  cmocka_unit_test(test_any_table_size),
	    cmocka_unit_test(test_what_it_tells),     cmocka_unit_test(test_asks_the_device),
	    cmocka_unit_test(test_nothing_to_spread),
	};
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .memory_mib = 128};
	struct el_error err;
	cpu_set_t allowed;
	int failed;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, &err) < 0 ||
	    el_eal_init(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	el_eal_fini();
	return failed;
}
