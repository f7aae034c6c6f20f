/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/port with a running EAL, in a network namespace of its own: ports come up, carry frames both
 * ways and count what they drop; failures say one sentence, print nothing and leave nothing behind.
 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/ethernet.h>
#include <linux/capability.h>
#include <linux/if_packet.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "el_port.h"
#include "silence.h"
#include "unit_eal.h"

#define FLOOD 20000
#define FRAME_LEN 100
#define TEST_ETHERTYPE 0x88b5 /* for local experiments */

static char profile_dir[512];
static struct el_lcores lcores;

/* ---- helpers ---- */

static struct el_port *open_port(const char *name, const char *device, uint16_t queues)
{
	struct silence silence;
	struct el_conf_port conf = {.name = (char *)(uintptr_t)name,
				    .device = (char *)(uintptr_t)device};
	struct el_port *port = NULL;
	struct el_error err = {""};
	int r;

	silence = silence_begin();
	r = el_port_open(&conf, queues, profile_dir, &port, &err);
	silence_end(&silence);
	if (r < 0)
		fail_msg("%s", err.text);
	return port;
}

static void open_fails(const char *device, uint16_t mtu, int code, const char *sentence)
{
	struct silence silence;
	struct el_conf_port conf = {
	    .name = (char *)(uintptr_t) "wan0", .device = (char *)(uintptr_t)device, .mtu = mtu};
	uint16_t before = rte_eth_dev_count_avail();
	struct el_port *port = NULL;
	struct el_error err = {""};
	int r;

	silence = silence_begin();
	r = el_port_open(&conf, 1, profile_dir, &port, &err);
	silence_end(&silence);
	if (strncmp(err.text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", err.text, sentence);
	assert_int_equal(r, code);
	assert_null(strchr(err.text, '\n'));
	assert_null(port);
	assert_int_equal(rte_eth_dev_count_avail(), before);
}

static void close_port(struct el_port *port)
{
	struct silence silence;
	silence = silence_begin();
	el_port_close(port);
	silence_end(&silence);
}

static void make_frame(uint8_t *frame, uint8_t mark)
{
	memset(frame, 0xff, 12);
	frame[12] = TEST_ETHERTYPE >> 8;
	frame[13] = TEST_ETHERTYPE & 0xff;
	memset(frame + 14, mark, FRAME_LEN - 14);
}

static void send_frame(struct el_port *port, struct rte_mempool *pool, uint8_t mark)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	make_frame((uint8_t *)rte_pktmbuf_append(m, FRAME_LEN), mark);
	assert_int_equal(rte_eth_tx_burst(port->queues[0].port_id, port->queues[0].tx_queue, &m, 1),
			 1);
}

/* Waits for the frame `mark` on any queue. */
static bool receive_frame(struct el_port *port, uint8_t mark)
{
	uint64_t end = now_ns() + DEADLINE_NS;
	bool found = false;

	while (!found && now_ns() < end) {
		for (uint16_t q = 0; q < port->n_queues; q++) {
			struct rte_mbuf *m[32];
			uint16_t n = rte_eth_rx_burst(port->queues[q].port_id,
						      port->queues[q].rx_queue, m, 32);

			for (uint16_t i = 0; i < n; i++) {
				const uint8_t *p = rte_pktmbuf_mtod(m[i], const uint8_t *);

				found |= m[i]->data_len == FRAME_LEN &&
					 p[12] == TEST_ETHERTYPE >> 8 && p[14] == mark &&
					 p[FRAME_LEN - 1] == mark;
				rte_pktmbuf_free(m[i]);
			}
		}
	}
	return found;
}

/* Frames that wait in the queues. */
static uint64_t receive_all(struct el_port *port)
{
	struct rte_mbuf *m[32];
	uint64_t total = 0;

	for (uint16_t q = 0; q < port->n_queues; q++) {
		uint16_t n;

		while ((n = rte_eth_rx_burst(port->queues[q].port_id, port->queues[q].rx_queue, m,
					     32)) > 0) {
			rte_pktmbuf_free_bulk(m, n);
			total += n;
		}
	}
	return total;
}

static int kernel_socket(const char *interface)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
				   .sll_protocol = htons(TEST_ETHERTYPE),
				   .sll_ifindex = (int)if_nametoindex(interface)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(TEST_ETHERTYPE));

	assert_true(fd >= 0 && addr.sll_ifindex > 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool kernel_receives(int fd, uint8_t mark)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t frame[2048];

	while (poll(&p, 1, (int)(DEADLINE_NS / 1000000)) == 1)
		if (recv(fd, frame, sizeof(frame), 0) == FRAME_LEN && frame[14] == mark)
			return true;
	return false;
}

static void kernel_sends(int fd, uint8_t mark)
{
	uint8_t frame[FRAME_LEN];

	make_frame(frame, mark);
	assert_int_equal(send(fd, frame, sizeof(frame), 0), FRAME_LEN);
}

static struct rte_mempool *tx_pool(void)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = rte_pktmbuf_pool_create("test_tx", 2047, 32, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					       SOCKET_ID_ANY);
	assert_non_null(pool);
	return pool;
}

/* ---- tests ---- */

static void test_open_failures(void **state)
{
	(void)state;
	open_fails("af_packet:elnone0", 0, -ENODEV,
		   "port wan0: this machine has no interface elnone0");
	open_fails("af_packet:a_name_that_is_too_long", 0, -ENODEV,
		   "port wan0: this machine has no interface a_name_that_is_too_long");
	open_fails("af_packet:eldown", 0, -ENETDOWN, "port wan0: interface eldown is down");
	open_fails("af_packet:elnet0", 9000, -EINVAL,
		   "port wan0: an MTU of 9000 is more than the 1500 of interface elnet0");
	open_fails("af_xdp:elnet0", 0, -EINVAL,
		   "port wan0: interface elnet0 has 2 receive queues, and there are workers for 1; "
		   "set their number "
		   "with ethtool -L elnet0");
	open_fails("telepathy:x", 0, -EINVAL,
		   "port wan0: there is no driver profile telepathy in ");
	open_fails("ring:x", 0, -EINVAL, "port wan0: the profile ring makes no devices");
	open_fails("net_telepathy0", 0, -ENODEV,
		   "port wan0: net_telepathy0 is neither an interface of this machine nor a device "
		   "that DPDK has a driver for");
	open_fails("net_memif0,role=emperor", 0, -EIO,
		   "port wan0: DPDK has no device net_memif0: ");
	open_fails("0000:ff:1f.7", 0, -EIO,
		   "port wan0: this machine has no PCI device 0000:ff:1f.7");
	open_fails("a b", 0, -EINVAL, "port wan0: \"a b\" is no device");
}

static void wait_for_link(struct el_port *port, bool up)
{
	uint64_t end = now_ns() + DEADLINE_NS;

	while (el_port_link_update(port) != up && now_ns() < end)
		;
	assert_int_equal(port->link_up, up);
}

/* IFF_ALLMULTI. */
static bool takes_all_groups(const char *interface)
{
	char command[128];

	snprintf(command, sizeof(command), "test $(($(cat /sys/class/net/%s/flags) & 0x200)) -ne 0",
		 interface);
	return run(command) == 0;
}

/* Whether this thread has the right to open raw sockets. */
static void use_raw_sockets(bool may)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1u << CAP_NET_RAW);
	data[0].effective |= may ? 1u << CAP_NET_RAW : 0;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static void test_af_packet(void **state)
{
	struct el_port *port = open_port("wan0", "af_packet:elnet0", 2);
	int fd = kernel_socket("elnet1");
	struct el_port_view view;
	struct el_error err;

	(void)state;
	assert_string_equal(port->name, "wan0");
	assert_string_equal(port->interface, "elnet0");
	assert_int_equal(port->n_queues, 2);
	assert_int_equal(port->mtu, 1500);
	assert_int_equal(port->default_max_pps, 100000);
	assert_true(port->link_up && port->kernel_receives && port->partial_checksums);
	assert_memory_equal(port->mac, "\x02\x00\x00\x00\x00\xaa", 6);

	kernel_sends(fd, 0x11);
	assert_true(receive_frame(port, 0x11));
	send_frame(port, tx_pool(), 0x22);
	assert_true(kernel_receives(fd, 0x22));
	el_port_view_read(port, &view);
	assert_string_equal(view.name, "wan0");
	assert_true(view.rx_packets >= 1 && view.tx_packets == 1);
	assert_int_equal(view.socket_drops, 0);

	/* Nobody polls: the sockets' rings fill up, and the rest is lost. Nothing is counted twice.
	 */
	for (int i = 0; i < FLOOD; i++)
		kernel_sends(fd, 0x33);
	el_port_view_read(port, &view);
	el_port_view_read(port, &view);
	assert_in_range(view.socket_drops, FLOOD - 2 * 8192, FLOOD - 8192);
	assert_int_equal(receive_all(port) + view.socket_drops, FLOOD);

	assert_int_equal(run("ip link set elnet1 down"), 0);
	wait_for_link(port, false);
	assert_int_equal(run("ip link set elnet1 up"), 0);
	close(fd);

	/* The interface's filter is open as long as the port is. */
	assert_false(takes_all_groups("elnet0"));
	use_raw_sockets(false); /* as after the start */
	assert_int_equal(el_port_receive_multicast(port, &err), 0);
	assert_int_equal(el_port_receive_multicast(port, &err), 0);
	use_raw_sockets(true);
	assert_true(takes_all_groups("elnet0"));
	close_port(port);
	assert_false(takes_all_groups("elnet0"));
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

/* By a device string of one's own: what is known of the interface is the same. */
static void test_af_packet_device_string(void **state)
{
	struct el_port *port = open_port("wan0", "net_af_packet7,framecnt=512,iface=elnet0", 2);
	int fd = kernel_socket("elnet1");
	struct el_port_view view;

	(void)state;
	assert_string_equal(port->interface, "elnet0");
	assert_int_equal(port->n_queues, 1);
	assert_int_equal(port->default_max_pps, 100000);
	for (int i = 0; i < 1000; i++)
		kernel_sends(fd, 0x34);
	el_port_view_read(port, &view);
	assert_int_equal(view.socket_drops, 1000 - 512);
	close(fd);
	close_port(port);
}

/* Opened again, with other frame sizes. */
static void test_af_packet_jumbo(void **state)
{
	struct el_port *port;
	int fd;

	(void)state;
	assert_int_equal(run("ip link set elnet0 mtu 9000 && ip link set elnet1 mtu 9000"), 0);
	fd = kernel_socket("elnet1");
	port = open_port("wan0", "af_packet:elnet0", 1);
	assert_int_equal(port->mtu, 9000);
	kernel_sends(fd, 0x12);
	assert_true(receive_frame(port, 0x12));
	close(fd);
	close_port(port);
	assert_int_equal(run("ip link set elnet0 mtu 1500 && ip link set elnet1 mtu 1500"), 0);
}

static void test_af_xdp(void **state)
{
	struct el_port *port = open_port("x", "af_xdp:elnet0", 2);
	int fd = kernel_socket("elnet1");

	(void)state;
	assert_int_equal(port->n_queues, 2);
	assert_int_not_equal(port->queues[0].port_id, port->queues[1].port_id);
	assert_true(port->partial_checksums);
	assert_false(port->kernel_receives);
	kernel_sends(fd, 0x44);
	assert_true(receive_frame(port, 0x44));
	send_frame(port, tx_pool(), 0x45);
	assert_true(kernel_receives(fd, 0x45));
	close(fd);
	close_port(port);
}

static void test_tap(void **state)
{
	struct el_port *port = open_port("t", "tap:eltap0", 1);
	int fd;

	(void)state;
	assert_int_equal(port->ifindex, 0);
	assert_true(port->partial_checksums);
	assert_false(port->kernel_receives);
	assert_int_equal(run("ip link set eltap0 up"), 0);
	fd = kernel_socket("eltap0");
	kernel_sends(fd, 0x55);
	assert_true(receive_frame(port, 0x55));
	send_frame(port, tx_pool(), 0x66);
	assert_true(kernel_receives(fd, 0x66));
	close(fd);
	close_port(port);
	assert_int_equal(if_nametoindex("eltap0"), 0);
}

/* The memory of memifs that this process has mapped. */
static int memif_regions(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "/memfd:memif") != NULL;
	fclose(maps);
	return n;
}

/* How often a driver was about to unmap some, and what was mapped then. */
struct unmaps {
	_Atomic int n, regions;
};

static void note_unmap(void *arg)
{
	struct unmaps *u = arg;

	u->regions = memif_regions();
	u->n++;
}

/* A pair of memif ports in this process. */
static void test_memif(void **state)
{
	struct el_port *server, *client;
	struct unmaps unmaps = {0};
	char device[128];

	(void)state;
	snprintf(device, sizeof(device),
		 "net_memif0,role=server,id=0,socket-abstract=yes,socket=@el-test-%d",
		 (int)getpid());
	server = open_port("s", device, 1);
	assert_false(server->link_up);
	snprintf(device, sizeof(device),
		 "net_memif1,role=client,id=0,socket-abstract=yes,socket=@el-test-%d",
		 (int)getpid());
	client = open_port("c", device, 1);
	wait_for_link(server, true);
	wait_for_link(client, true);
	send_frame(client, tx_pool(), 0x77);
	assert_true(receive_frame(server, 0x77));
	receive_all(client); /* a client gives its server buffers by polling */
	send_frame(server, tx_pool(), 0x88);
	assert_true(receive_frame(client, 0x88));

	/* stopped, the client unmaps its rings at once, and the server when it hears of it */
	assert_int_equal(memif_regions(), 2);
	el_port_before_unmap(note_unmap, &unmaps);
	close_port(client);
	for (uint64_t end = now_ns() + DEADLINE_NS; memif_regions() && now_ns() < end;)
		usleep(1000);
	el_port_before_unmap(NULL, NULL);
	assert_int_equal(memif_regions(), 0);
	assert_int_equal(unmaps.n, 1);
	assert_true(unmaps.regions > 0);
	close_port(server);
}

static void test_null(void **state)
{
	struct el_port *port = open_port("n", "net_null0,no-rx=1", 4);
	struct el_port_view view;
	struct el_error err;

	(void)state;
	assert_int_equal(el_port_receive_multicast(port, &err), 0); /* it has no filter */
	assert_int_equal(port->n_queues, 4);
	send_frame(port, tx_pool(), 0x99);
	el_port_view_read(port, &view);
	assert_int_equal(view.tx_packets, 1);
	close_port(port);
}

/* Made of its device string, and one that exists already. */
static void test_ring(void **state)
{
	struct rte_ring *ring = rte_ring_create("test", 64, SOCKET_ID_ANY, 0);
	struct el_port *port = open_port("r", "net_ring0", 1);
	int id;

	(void)state;
	assert_true(port->link_up);
	send_frame(port, tx_pool(), 0xaa);
	assert_true(receive_frame(port, 0xaa));
	close_port(port);

	assert_non_null(ring);
	id = rte_eth_from_rings("mine", &ring, 1, &ring, 1, SOCKET_ID_ANY);
	assert_true(id >= 0);
	port = open_port("r", "net_ring_mine", 1);
	assert_int_equal(port->queues[0].port_id, id);
	assert_string_equal(port->profile.name, "ring");
	send_frame(port, tx_pool(), 0xbb);
	assert_true(receive_frame(port, 0xbb));
	close_port(port);
	assert_true(rte_eth_dev_is_valid_port((uint16_t)id)); /* not ours to remove */
	rte_eth_dev_close((uint16_t)id);
	rte_ring_free(ring);
}

/* ---- */

static int start(void **state)
{
	struct el_eal_config c = {.huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores};
	struct el_error err;

	(void)state;
	if (el_eal_init(&c, &err) == 0)
		return 0;
	print_error("%s\n", err.text);
	return -1;
}

static int end(void **state)
{
	(void)state;
	rte_mempool_free(tx_pool());
	el_eal_fini();
	return 0;
}

int main(void)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open_failures),
	    cmocka_unit_test(test_af_packet),
	    cmocka_unit_test(test_af_packet_device_string),
	    cmocka_unit_test(test_af_packet_jumbo),
	    cmocka_unit_test(test_af_xdp),
	    cmocka_unit_test(test_tap),
	    cmocka_unit_test(test_memif),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_ring),
	};
	cpu_set_t allowed;
	int namespace_made;

	if (!realpath(UNIT_PROFILE_DIR, profile_dir) ||
	    sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return 1;
	namespace_made = unit_own_namespace();
	if (namespace_made != 0) {
		fprintf(stderr, "no network namespace%s\n",
			namespace_made == 77 ? ": needs root" : "");
		return namespace_made;
	}
	/* EL_TEST_LOG=FILE: what DPDK said */
	el_log_set_fd(getenv("EL_TEST_LOG")
			  ? open(getenv("EL_TEST_LOG"), O_WRONLY | O_CREAT | O_TRUNC, 0600)
			  : -1);
	el_log_set_level(EL_LOG_DEBUG);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, start, end);
}
