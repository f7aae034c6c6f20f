/* SPDX-License-Identifier: BSD-3-Clause */
/* A device that stamps what it receives: no driver here does, so a ring's is given the offload and
 * a clock, in between the port and ethdev. */
#include "unit.h"

#include <sched.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#include "el_port.h"
#include "el_ticks.h"

/* What ethdev says of the device, in place of what the ring driver has. */
static struct {
	bool can_stamp;
	int read_error;
	uint64_t asked; /* the offloads that it was configured with */
	uint32_t reads;
} fake;

int __real_rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info);
int __wrap_rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info);
int __real_rte_eth_dev_configure(uint16_t id, uint16_t rx, uint16_t tx,
				 const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_configure(uint16_t id, uint16_t rx, uint16_t tx,
				 const struct rte_eth_conf *conf);
int __real_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __wrap_rte_eth_read_clock(uint16_t id, uint64_t *clock);

int __wrap_rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	int r = __real_rte_eth_dev_info_get(id, info);

	if (fake.can_stamp)
		info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	return r;
}

int __wrap_rte_eth_dev_configure(uint16_t id, uint16_t rx, uint16_t tx,
				 const struct rte_eth_conf *conf)
{
	struct rte_eth_conf real = *conf;

	fake.asked = conf->rxmode.offloads;
	real.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	return __real_rte_eth_dev_configure(id, rx, tx, &real);
}

int __wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t n, unsigned socket,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct rte_eth_rxconf real = *conf;

	real.offloads &= ~RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	return __real_rte_eth_rx_queue_setup(id, queue, n, socket, &real, pool);
}

/* A third of our clock's rate, from elsewhere. */
int __wrap_rte_eth_read_clock(uint16_t id, uint64_t *clock)
{
	(void)id;
	fake.reads++;
	if (fake.read_error)
		return fake.read_error;
	*clock = 1000000007 + el_raw_ns() / 3;
	return 0;
}

static uint16_t ring_port;

/* The ring, under the profile of NICs. */
static struct el_port *open_port(void)
{
	struct el_conf_port conf = {.device = NULL};
	char name[RTE_ETH_NAME_MAX_LEN], profile[] = "generic";
	struct el_port *port = NULL;
	struct el_error err;

	assert_int_equal(rte_eth_dev_get_name_by_port(ring_port, name), 0);
	conf.device = name;
	conf.profile = profile;
	fake.asked = 0;
	if (el_port_open(&conf, 1, UNIT_PROFILE_DIR, &port, &err) < 0)
		fail_msg("%s", err.text);
	return port;
}

static void stamps_are_told_in_our_time(void **state)
{
	struct el_device_line line;
	struct el_port_view view;
	struct el_port *port;
	uint64_t ns;
	int offset;
	uint64_t flag;

	(void)state;
	fake.can_stamp = true;
	fake.read_error = 0;
	port = open_port();
	assert_true(fake.asked & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	assert_true(port->deal.rx_missing & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM); /* no ring has it */
	assert_false(port->deal.clock_missing);
	assert_int_equal(port->deal.queues, 1);
	assert_int_equal(rte_mbuf_dyn_rx_timestamp_register(&offset, &flag), 0);
	assert_int_equal(port->rx_stamp_offset, offset);
	assert_int_equal(port->rx_stamp_flag, flag);
	assert_int_equal(el_port_rx_line(port, 0).ns_per_tick_q32, 0);
	el_port_view_read(port, &view);
	assert_int_equal(view.arrival, EL_ARRIVAL_SOFTWARE); /* until its clock is known */
	for (int i = 0; i < EL_DEVICE_CLOCK_PAIRS; i++)
		el_port_read_clocks(port);
	line = el_port_rx_line(port, 0);
	assert_true(line.ns_per_tick_q32 != 0);
	el_port_view_read(port, &view);
	assert_int_equal(view.arrival, EL_ARRIVAL_NIC);
	/* at the time of the readings; these were too close together to tell the rate well */
	ns = el_device_line_ns(&line, line.device_base);
	assert_in_range(ns + line.error_ns, (line.device_base - 1000000007) * 3,
			(line.device_base - 1000000007) * 3 + 2 * line.error_ns);
	el_port_close(port);
}

/* Without a clock to read, the stamps mean nothing and are not asked for. */
static void a_clock_that_cannot_be_read(void **state)
{
	struct el_port *port;

	(void)state;
	fake.can_stamp = true;
	fake.read_error = -ENOTSUP;
	port = open_port();
	assert_false(fake.asked & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	assert_true(port->deal.clock_missing);
	assert_false(port->deal.rx_missing & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	assert_int_equal(port->rx_stamp_flag, 0);
	fake.reads = 0;
	el_port_read_clocks(port);
	assert_int_equal(fake.reads, 0);
	assert_int_equal(el_port_rx_line(port, 0).ns_per_tick_q32, 0);
	el_port_close(port);
}

static void a_device_without_stamps(void **state)
{
	struct el_port_view view;
	struct el_port *port;

	(void)state;
	fake.can_stamp = false;
	fake.read_error = 0;
	port = open_port();
	assert_false(fake.asked & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	assert_false(port->deal.clock_missing);
	assert_true(port->deal.rx_missing & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	assert_int_equal(port->rx_stamp_flag, 0);
	el_port_view_read(port, &view);
	assert_int_equal(view.arrival, EL_ARRIVAL_SOFTWARE);
	el_port_close(port);
}

static int start(void)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .memory_mib = 64};
	struct rte_ring *ring;
	struct el_error err;
	cpu_set_t allowed;
	int id;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, &err) < 0 ||
	    el_eal_init(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	ring = rte_ring_create("wire", 64, SOCKET_ID_ANY, 0);
	id = ring ? rte_eth_from_ring(ring) : -1;
	ring_port = (uint16_t)id;
	return id < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stamps_are_told_in_our_time),
	    cmocka_unit_test(a_clock_that_cannot_be_read),
	    cmocka_unit_test(a_device_without_stamps),
	};
	int failed;

	if (start() < 0)
		return 99;
	failed = cmocka_run_group_tests_name("port_clock", tests, NULL, NULL);
	el_eal_fini();
	return failed;
}
