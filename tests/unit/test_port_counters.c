/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of a driver's own counters are failures of its. */
#include "unit.h"

#include "../../lib/port/port_private.h"

static void test_failures_by_name(void **state)
{
	static const struct {
		const char *name;
		bool failure;
		enum el_direction direction;
	} cases[] = {
	    {"rx_q0_rx_buf_alloc_failure", true, EL_DIRECTION_RX}, /* vmxnet3 */
	    {"rx_q0_drop_total", true, EL_DIRECTION_RX},
	    {"rx_q0_drop_err", true, EL_DIRECTION_RX},
	    {"tx_q1_drop_total", true, EL_DIRECTION_TX},
	    {"tx_q1_drop_too_many_segs", true, EL_DIRECTION_TX},
	    {"tx_q0_tx_ring_full", false, 0}, /* what was refused stays with the worker */
	    {"rx_q3_errors", false, 0},       /* ethdev's own */
	    {"rx_q3_errors_total", true, EL_DIRECTION_RX},
	    {"rx_missed_errors", false, 0},
	    {"rx_errors", false, 0},
	    {"tx_errors", false, 0},
	    {"rx_mbuf_allocation_errors", false, 0},
	    {"rx_good_packets", false, 0},
	    {"tx_good_bytes", false, 0},
	    {"rx_out_of_buffer", true, EL_DIRECTION_RX}, /* mlx5 */
	    {"rx_phy_discard_packets", true, EL_DIRECTION_RX},
	    {"tx_phy_discard_packets", true, EL_DIRECTION_TX},
	    {"rx_no_mbufs", true, EL_DIRECTION_RX},
	    {"rx_nombuf", true, EL_DIRECTION_RX},
	    {"rx_dropped_packets", true, EL_DIRECTION_RX}, /* i40e, ice */
	    {"tx_dropped_packets", true, EL_DIRECTION_TX},
	    {"rx_total_missed_packets", true, EL_DIRECTION_RX},
	    {"rx_l3_l4_xsum_error", false, 0}, /* ixgbe: of packets that are not dropped */
	    {"rx_crc_errors", false, 0},       /* the wire's */
	    {"rx_undersized_errors", false, 0},
	    {"rx_illegal_byte_errors", false, 0},
	    {"mac_local_errors", false, 0},
	    {"rx_mng_dropped_packets", false, 0},
	    {"flow_director_filter_add_errors", false, 0},
	    {"rx_q0_good_packets", false, 0}, /* virtio */
	    {"rx_q0_errors_x", true, EL_DIRECTION_RX},
	    {"tx_q0_multicast_packets", false, 0},
	    {"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum el_direction d = EL_DIRECTIONS;
		bool failure = counter_is_failure(cases[i].name, &d);

		if (failure != cases[i].failure)
			fail_msg("%s: %d", cases[i].name, failure);
		assert_int_equal(d, failure ? cases[i].direction : EL_DIRECTIONS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_failures_by_name)};

	return cmocka_run_group_tests_name("port_counters", tests, NULL, NULL);
}
