/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive buffers of a driver that takes more of them than it has descriptors: a ring's device,
 * with what it takes put in between the port and ethdev. */
#include "unit.h"

#include <sched.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "el_port.h"

#define QUEUES 2
#define DESCRIPTORS 1024 /* of the profile, for each queue */
#define SPARE 2048       /* what is to be left for each queue */
#define ALL 1000000

static struct {
	uint32_t wants; /* for each queue, at start */
	bool fails;     /* to start, where it does not get that */
	bool keeps;     /* them, until it is closed */
	/* what came of it */
	struct rte_mempool *pool; /* of the queues */
	void *taken[8 * (DESCRIPTORS + SPARE) * QUEUES * 2];
	uint32_t n_taken, starts;
} driver;

int __real_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __real_rte_eth_dev_start(uint16_t id);
int __wrap_rte_eth_dev_start(uint16_t id);
int __real_rte_eth_dev_stop(uint16_t id);
int __wrap_rte_eth_dev_stop(uint16_t id);

static void give_back(void)
{
	while (driver.n_taken > 0)
		rte_pktmbuf_free(driver.taken[--driver.n_taken]);
}

int __wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	driver.pool = pool;
	return __real_rte_eth_rx_queue_setup(id, queue, n, socket, conf, pool);
}

int __wrap_rte_eth_dev_start(uint16_t id)
{
	uint32_t wanted = driver.wants * QUEUES, got = 0;
	struct rte_mbuf *m;

	driver.starts++;
	while (got < wanted && driver.n_taken < RTE_DIM(driver.taken) &&
	       (m = rte_pktmbuf_alloc(driver.pool)) != NULL) {
		driver.taken[driver.n_taken++] = m;
		got++;
	}
	if (got < wanted && driver.fails) {
		give_back();
		return -ENOMEM;
	}
	return __real_rte_eth_dev_start(id);
}

int __wrap_rte_eth_dev_stop(uint16_t id)
{
	if (!driver.keeps)
		give_back();
	return __real_rte_eth_dev_stop(id);
}

static uint16_t ring_port;

static int open_port(struct el_port **ret_port, struct el_error *err)
{
	struct el_conf_port conf = {.device = NULL};
	char name[RTE_ETH_NAME_MAX_LEN], profile[] = "ring";

	assert_int_equal(rte_eth_dev_get_name_by_port(ring_port, name), 0);
	conf.device = name;
	conf.profile = profile;
	driver.starts = 0;
	return el_port_open(&conf, QUEUES, UNIT_PROFILE_DIR, ret_port, err);
}

static void test_what_is_left(void **state)
{
	static const struct {
		uint32_t wants;
		bool keeps;
		uint32_t starts; /* at most */
	} cases[] = {
	    {0, false, 1},
	    {DESCRIPTORS, false, 1},
	    {DESCRIPTORS + 1, false, 2},
	    {2 * DESCRIPTORS, false, 2},
	    {2 * DESCRIPTORS, true, 2},
	    {4 * DESCRIPTORS, false, 3},
	    {9 * DESCRIPTORS, false, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_mempool *pool;
		struct el_port *port;
		struct el_error err;

		driver.wants = cases[i].wants;
		driver.keeps = cases[i].keeps;
		if (open_port(&port, &err) < 0)
			fail_msg("%s", err.text);
		pool = driver.pool;
		assert_in_range(driver.starts, 1, cases[i].starts);
		/* all but the frames by which queues are tried, which nobody takes off the wire */
		assert_true(rte_mempool_avail_count(pool) >= QUEUES * (SPARE - 2));
		/* and it got what it wanted */
		assert_true(rte_mempool_in_use_count(pool) >= QUEUES * driver.wants);
		assert_int_equal(port->slots[EL_DIRECTION_RX],
				 QUEUES * RTE_MAX(driver.wants, (uint32_t)DESCRIPTORS));

		give_back();
		el_port_close(port);
	}
	driver.keeps = false;
}

static void test_a_start_that_fails(void **state)
{
	struct el_port *port;
	struct el_error err;

	(void)state;
	driver.fails = true;
	driver.wants = 4 * DESCRIPTORS;
	if (open_port(&port, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(rte_mempool_avail_count(driver.pool) >= QUEUES * (SPARE - 2));
	el_port_close(port);
	driver.fails = false;
}

/* It takes all there are, however many: the port is open, and the tries have an end. */
static void test_all_are_taken(void **state)
{
	struct el_port *port;
	struct el_error err;

	(void)state;
	driver.wants = ALL;
	if (open_port(&port, &err) < 0)
		fail_msg("%s", err.text);
	assert_in_range(driver.starts, 2, 6);
	el_port_close(port);
	assert_int_equal(driver.n_taken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_left),
	    cmocka_unit_test(test_a_start_that_fails),
	    cmocka_unit_test(test_all_are_taken),
	};
	struct el_lcores lcores = {.control = 0, .workers = {0}, .n_workers = 1};
	struct el_eal_config config = {.program = "el-unit",
				       .huge_pages = EL_CONF_HUGE_NO,
				       .lcores = &lcores,
				       .memory_mib = 512};
	struct rte_ring *rings[QUEUES];
	struct el_error err;
	cpu_set_t allowed;
	int r, port, failed;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	r = el_lcores_choose(&(struct el_conf_dataplane){.control_core = EL_CONF_UNSET}, 1,
			     &allowed, &lcores, &err);
	if (r == 0)
		r = el_eal_init(&config, &err);
	if (r < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int q = 0; q < QUEUES; q++) {
		char name[16];
		snprintf(name, sizeof(name), "wire%d", q);
		rings[q] = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);
	}
	port = rte_eth_from_rings("pools", rings, QUEUES, rings, QUEUES, SOCKET_ID_ANY);
	if (port < 0)
		return 1;
	ring_port = (uint16_t)port;
	failed = cmocka_run_group_tests_name("port_pool", tests, NULL, NULL);
	rte_eth_dev_close(ring_port);
	for (int q = 0; q < QUEUES; q++)
		rte_ring_free(rings[q]);
	el_eal_fini();
	return failed;
}
