/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and neighbour discovery with a real kernel at the other end of a port: it is asked, and it
 * asks. */
#include "unit.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "el_neigh.h"
#include "el_port.h"
#include "unit_eal.h"

static char profile_dir[512];
static struct rte_mempool *pool;

static struct {
	struct el_port *port;
	struct el_neigh_table *table;
	struct el_neigh neigh; /* as last told */
} w;

static bool on_send(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	(void)context;
	(void)port;
	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	return rte_eth_tx_burst(w.port->queues[0].port_id, w.port->queues[0].tx_queue, &m, 1) == 1;
}

static void on_changed(void *context, struct el_next_hop_idx index, const struct el_neigh *neigh)
{
	(void)context;
	(void)index;
	w.neigh = *neigh;
}

/* Handles what comes in until a frame is `expected`. */
static bool input_until(enum el_neigh_input expected)
{
	uint64_t end = now_ns() + DEADLINE_NS;
	unsigned turn = 0;
	bool seen = false;

	while (!seen && now_ns() < end) {
		struct rte_mbuf *m[8];
		const struct el_port_queue *q = &w.port->queues[turn++ % w.port->n_queues];
		uint16_t n = rte_eth_rx_burst(q->port_id, q->rx_queue, m, 8);

		for (uint16_t i = 0; i < n; i++)
			seen |= el_neigh_input(w.table, (struct el_port_idx){0},
					       rte_pktmbuf_mtod(m[i], const uint8_t *),
					       m[i]->data_len, now_ns()) == expected;
		rte_pktmbuf_free_bulk(m, n);
		el_neigh_tick(w.table, now_ns());
	}
	return seen;
}

static const struct addresses {
	const char *own, *own_prefix;   /* ours */
	const char *peer, *peer_prefix; /* the kernel's */
} v4 = {"192.0.2.10", "192.0.2.10/24", "192.0.2.1", "192.0.2.1/24"},
  v6 = {"2001:db8::10", "2001:db8::10/64", "2001:db8::1", "2001:db8::1/64"};

/* Has the kernel send something to us, for which it has to ask first. */
static void provoke_request(const struct addresses *a)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	int fd = socket(a == &v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	if (a == &v4) {
		assert_int_equal(inet_pton(AF_INET, a->own, &to4.sin_addr), 1);
		assert_int_equal(sendto(fd, "", 1, 0, (struct sockaddr *)&to4, sizeof(to4)), 1);
	} else {
		assert_int_equal(inet_pton(AF_INET6, a->own, &to6.sin6_addr), 1);
		assert_int_equal(sendto(fd, "", 1, 0, (struct sockaddr *)&to6, sizeof(to6)), 1);
	}
	close(fd);
}

static void check_family(const char *interface, const struct addresses *a)
{
	struct el_neigh_address own = {0};
	struct el_neigh_port port = {.addresses = &own, .n_addresses = 1};
	struct el_neigh_config config = {
	    .ports = &port,
	    .n_ports = 1,
	    .max_entries = 4,
	    .callbacks = {.send = on_send, .changed = on_changed},
	};
	char command[256], mac[18];
	struct el_next_hop_idx index = {0};
	struct el_ip peer;

	snprintf(command, sizeof(command),
		 "ip link set %s up && sysctl -qw net.ipv6.conf.%s.disable_ipv6=0 && "
		 "ip addr add %s dev %s %s",
		 interface, interface, a->peer_prefix, interface, a == &v6 ? "nodad" : "");
	assert_int_equal(run(command), 0);
	assert_int_equal(el_prefix_parse(a->own_prefix, &own.prefix), 0);
	assert_int_equal(el_ip_parse(a->peer, &peer), 0);
	memcpy(port.mac, w.port->mac, 6);
	w.table = el_neigh_create(&config);
	assert_non_null(w.table);

	assert_int_equal(el_neigh_need(w.table, index, (struct el_port_idx){0}, &peer, now_ns()),
			 0);
	assert_true(input_until(EL_NEIGH_LEARNT));
	assert_int_equal(w.neigh.state, EL_NEIGH_READY);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", w.neigh.mac[0], w.neigh.mac[1],
		 w.neigh.mac[2], w.neigh.mac[3], w.neigh.mac[4], w.neigh.mac[5]);
	snprintf(command, sizeof(command), "ip link show dev %s | grep -q 'link/ether %s '",
		 interface, mac);
	assert_int_equal(run(command), 0);

	/* The kernel learnt from our request: make it forget. */
	snprintf(command, sizeof(command), "ip neigh flush dev %s", interface);
	assert_int_equal(run(command), 0);
	provoke_request(a);
	assert_true(input_until(EL_NEIGH_ANSWERED));
	snprintf(command, sizeof(command),
		 "ip neigh show dev %s | grep -q '^%s lladdr %02x:%02x:%02x:%02x:%02x:%02x'",
		 interface, a->own, w.port->mac[0], w.port->mac[1], w.port->mac[2], w.port->mac[3],
		 w.port->mac[4], w.port->mac[5]);
	for (uint64_t end = now_ns() + DEADLINE_NS; run(command) != 0;)
		assert_true(now_ns() < end);

	snprintf(command, sizeof(command), "ip addr del %s dev %s", a->peer_prefix, interface);
	assert_int_equal(run(command), 0);
	el_neigh_destroy(w.table);
}

static void check(const char *device, const char *interface)
{
	struct el_conf_port conf = {.name = (char *)(uintptr_t) "p",
				    .device = (char *)(uintptr_t)device};
	struct el_error err;

	memset(&w, 0, sizeof(w));
	if (el_port_open(&conf, 2, profile_dir, &w.port, &err) < 0)
		fail_msg("%s", err.text);
	check_family(interface, &v4);
	check_family(interface, &v6);
	el_port_close(w.port);
}

static void test_af_packet(void **state)
{
	(void)state;
	check("af_packet:elnet0", "elnet1");
}

static void test_af_xdp(void **state)
{
	(void)state;
	check("af_xdp:elnet0", "elnet1");
}

/* Both ends of a tap have one MAC address. */
static void test_tap(void **state)
{
	(void)state;
	check("tap:eltap0", "eltap0");
}

static int start(void **state)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {.huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores};
	struct el_error err;
	cpu_set_t allowed;

	(void)state;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ||
	    el_lcores_choose(&conf, 1, &allowed, &lcores, &err) < 0 || el_eal_init(&eal, &err) < 0)
		return -1;
	pool =
	    rte_pktmbuf_pool_create("test_tx", 511, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	el_eal_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_af_packet),
	    cmocka_unit_test(test_af_xdp),
	    cmocka_unit_test(test_tap),
	};
	int made = unit_own_namespace();

	if (made != 0)
		return made;
	if (!realpath(UNIT_PROFILE_DIR, profile_dir))
		return 1;
	el_log_set_fd(-1);
	return cmocka_run_group_tests(tests, start, stop);
}
