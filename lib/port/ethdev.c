/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuring and starting one DPDK port. */
#include "interrupts.h"
#include "port_private.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

/* Buffers of a pool beyond those that lie in the receive rings: in the lcores' caches, in the
 * workers' hands, and queued for control. */
#define POOL_SPARE 2048
#define POOL_CACHE 256
/* And for each queue that sends out of the pool, too: in its ring, and in the worker's hands. */
#define POOL_SENT 4096

static uint16_t min_u16(uint32_t a, uint32_t b)
{
	return (uint16_t)(a < b ? a : b);
}

/* What a device is started with. */
struct setup {
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint16_t queues, mtu;
	uint32_t buffers; /* of its pool */
};

static int make_pool(const struct el_port *port, struct el_port_device *d, const struct setup *s)
{
	uint32_t room = s->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN;
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	if (strstr(port->profile.devargs, "{frame}"))
		room = profile_frame_size(
		    s->mtu); /* the driver wants room for a whole frame of the ring */
	if (room < RTE_MBUF_DEFAULT_DATAROOM)
		room = RTE_MBUF_DEFAULT_DATAROOM;
	if (room < s->info.min_rx_bufsize)
		room = s->info.min_rx_bufsize;
	snprintf(name, sizeof(name), "el_rx_%u_%u", d->id, d->pools_made++);
	pool = rte_pktmbuf_pool_create(
	    name, s->buffers, POOL_CACHE, 0,
	    min_u16(RTE_PKTMBUF_HEADROOM + RTE_ALIGN_CEIL(room, 64), UINT16_MAX), port->socket);
	if (!pool)
		return -(rte_errno ? rte_errno : ENOMEM);
	d->pools[d->n_pools++] = pool;
	return 0;
}

static struct rte_mempool *pool_of(const struct el_port_device *d)
{
	return d->pools[d->n_pools - 1];
}

/* Frees the pools before the one in use, as far as the driver has let go of them. */
static void free_old_pools(struct el_port_device *d)
{
	struct rte_mempool *used = pool_of(d);
	uint32_t n = 0;

	for (uint32_t i = 0; i + 1 < d->n_pools; i++) {
		if (rte_mempool_in_use_count(d->pools[i]) == 0)
			rte_mempool_free(d->pools[i]);
		else
			d->pools[n++] = d->pools[i];
	}
	d->pools[n++] = used;
	d->n_pools = n;
}

static int setup_queues(struct el_port *port, const struct el_port_device *d, const struct setup *s)
{
	uint16_t rx = port->profile.rx_descriptors, tx = port->profile.tx_descriptors;
	struct rte_eth_rxconf rxconf = s->info.default_rxconf;
	struct rte_eth_txconf txconf = s->info.default_txconf;
	int socket = rte_eth_dev_socket_id(d->id);
	int r = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &rx, &tx);

	rxconf.offloads = s->conf.rxmode.offloads;
	txconf.offloads = s->conf.txmode.offloads;
	for (uint16_t q = 0; r == 0 && q < s->queues; q++) {
		r = rte_eth_rx_queue_setup(d->id, q, rx, (unsigned)socket, &rxconf, pool_of(d));
		if (r == 0)
			r = rte_eth_tx_queue_setup(d->id, q, tx, (unsigned)socket, &txconf);
	}
	port->deal.rx_descriptors = rx;
	port->deal.tx_descriptors = tx;
	port->slots[EL_DIRECTION_RX] += (uint32_t)rx * s->queues;
	port->slots[EL_DIRECTION_TX] += (uint32_t)tx * s->queues;
	return r;
}

static int set_promiscuous(const struct el_port *port, uint16_t id)
{
	int r = port->profile.promiscuous ? rte_eth_promiscuous_enable(id) : 0;

	return r == -ENOTSUP ? 0 : r;
}

/* Whether a driver's frames may come from a kernel without their checksums: it leaves them to the
 * interface that it sends by, and a veth or a tap passes them on as they are. */
static bool is_of_kernel(const char *driver)
{
	static const char *const drivers[] = {"net_af_packet", "net_af_xdp", "net_pcap", "net_tap"};

	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	}
	return false;
}

/* The mbuf flags by which a device with these receive offloads tells that checksums are right. */
static uint64_t checksum_flags(uint64_t offloads)
{
	uint64_t flags = 0;

	if (offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
		flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return flags;
}

static int configure_and_start(struct el_port *port, struct el_port_device *d,
			       const struct setup *s, const char **ret_what)
{
	int r;

	*ret_what = "can't be configured";
	memcpy(port->slots, d->slots_before, sizeof(port->slots));
	r = rte_eth_dev_configure(d->id, s->queues, s->queues, &s->conf);
	if (r == 0)
		r = setup_queues(port, d, s);
	if (r == 0)
		r = set_promiscuous(port, d->id);
	if (r < 0)
		return r;
	*ret_what = "can't be started";
	r = rte_eth_dev_start(d->id);
	d->started = r == 0;
	return r;
}

/* Without interrupts where it does not start with them. */
static int start_once(struct el_port *port, struct el_port_device *d, struct setup *s,
		      const char **ret_what)
{
	int r = configure_and_start(port, d, s, ret_what);

	if (r < 0 && r != -ENOMEM && (s->conf.intr_conf.lsc || s->conf.intr_conf.rmv)) {
		memset(&s->conf.intr_conf, 0, sizeof(s->conf.intr_conf));
		r = configure_and_start(port, d, s, ret_what);
	}
	d->tells_link = s->conf.intr_conf.lsc;
	return r;
}

/* Starts it with a pool that it leaves enough of: how many buffers a driver takes to itself is only
 * seen then, and some fill more than one ring for each queue. */
static int start_with_buffers(struct el_port *port, struct el_port_device *d, struct setup *s,
			      const char **ret_what)
{
	const uint32_t sent = port->profile.sends_received ? POOL_SENT : 0;
	const uint32_t spare = s->queues * (POOL_SPARE + sent);
	unsigned taken = 0;
	int r;

	s->buffers = s->queues * port->profile.rx_descriptors + spare;
	*ret_what = "has no memory for its receive buffers";
	r = make_pool(port, d, s);
	if (r < 0)
		return r;
	for (int tries = 1;; tries++) {
		uint32_t had = s->buffers;

		r = start_once(port, d, s, ret_what);
		taken = rte_mempool_in_use_count(pool_of(d));
		if (tries == EL_PORT_POOLS || (r < 0 && r != -ENOMEM) ||
		    (r == 0 && had - taken >= spare))
			break;
		/* how many it wants is not known where it got all there were, or gave them back */
		s->buffers = r < 0 ? 2 * had : 2 * taken + spare;
		if (make_pool(port, d, s) < 0) { /* then that is all there is */
			s->buffers = had;
			break;
		}
		if (d->started)
			rte_eth_dev_stop(d->id);
		d->started = false;
	}
	free_old_pools(d);
	d->buffers = s->buffers;
	d->buffers_left = s->buffers - taken;
	d->is_short = d->buffers_left < spare;
	port->slots[EL_DIRECTION_RX] =
	    RTE_MAX(port->slots[EL_DIRECTION_RX], d->slots_before[EL_DIRECTION_RX] + taken);
	return r;
}

int ethdev_start(struct el_port *port, uint16_t index, uint16_t queues, uint16_t mtu,
		 struct el_error *err)
{
	struct el_port_device *d = &port->private->devices[index];
	struct setup s = {.mtu = mtu ? mtu : RTE_ETHER_MTU};
	const char *what = "is not known to DPDK";
	struct rte_ether_addr mac;
	int r = rte_eth_dev_info_get(d->id, &s.info);

	if (r < 0)
		goto fail;
	s.queues = min_u16(queues, min_u16(s.info.max_rx_queues, s.info.max_tx_queues));
	deal_conf(port, &s.info, s.queues, port->ifindex ? 0 : mtu, &s.conf);
	link_ask_to_be_told(port, *s.info.dev_flags, &s.conf);
	link_watch(port, d);
	port->deal.queues_wanted = queues;
	port->deal.queues = s.queues;
	s.conf.rxmode.offloads = rx_clock_choose(port, d, s.conf.rxmode.offloads);
	port->partial_checksums = is_of_kernel(s.info.driver_name);
	port->rx_checksum_flags = checksum_flags(s.conf.rxmode.offloads);
	port->socket = rte_eth_dev_socket_id(d->id);
	d->mtu = mtu;
	memcpy(d->slots_before, port->slots, sizeof(d->slots_before));
	r = start_with_buffers(port, d, &s, &what);
	if (r < 0)
		goto fail;
	r = rte_eth_macaddr_get(d->id, &mac);
	if (r < 0)
		goto fail;
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	port->mac[5] ^= port->profile.kernel_end;
	if (!port->ifindex)
		rte_eth_dev_get_mtu(d->id, &port->mtu);
	deal_read(port, d->id, s.conf.rxmode.offloads);
	counters_begin(d);
	if (s.conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG)
		rss_read(port, d->id, s.queues, s.conf.rx_adv_conf.rss_conf.rss_hf);
	for (uint16_t q = 0; q < s.queues; q++)
		port->queues[port->n_queues++] = (struct el_port_queue){
		    .port_id = d->id,
		    .rx_queue = q,
		    .tx_queue = q,
		    .pool = port->profile.sends_received ? pool_of(d) : NULL};
	return 0;

fail:
	return port_error(port, err, r, "the device %s: %s", what, strerror(-r));
}

struct rte_mempool *ethdev_pool(const struct el_port_private *private, uint16_t id)
{
	for (uint16_t i = 0; i < private->n_devices; i++) {
		if (private->devices[i].id == id)
			return pool_of(&private->devices[i]);
	}
	return NULL;
}

int ethdev_restart(struct el_port *port, uint16_t queues, struct el_error *err)
{
	struct el_port_device *d = &port->private->devices[0];

	if (d->started)
		rte_eth_dev_stop(d->id);
	d->started = false;
	port->n_queues = 0;
	memset(port->slots, 0, sizeof(port->slots));
	memset(&port->rss, 0, sizeof(port->rss));
	return ethdev_start(port, 0, queues, d->mtu, err);
}

int ethdev_pass_vlan(const struct el_port_device *device, uint16_t vlan)
{
	int offloads = rte_eth_dev_get_vlan_offload(device->id);

	return offloads > 0 && offloads & RTE_ETH_VLAN_FILTER_OFFLOAD
		   ? rte_eth_dev_vlan_filter(device->id, vlan, 1)
		   : 0;
}

int ethdev_receive_multicast(const struct el_port_device *device)
{
	int r = rte_eth_allmulticast_enable(device->id);

	return r == -ENOTSUP ? 0 : r;
}

/* ---- closing ---- */

static void close_now(void *id)
{
	rte_eth_dev_close((uint16_t)(uintptr_t)id);
}

/* memif's driver ends a connection when its other end goes away, on the thread of interrupts, and
 * when it is closed, and does not see to it that only one of these is done at a time (DPDK 22.11).
 */
static void close_device(uint16_t id, const char *driver)
{
	void *arg = (void *)(uintptr_t)id;

	if (strcmp(driver, "net_memif") != 0 || !interrupts_run(close_now, arg))
		close_now(arg);
}

void ethdev_release(struct el_port_device *device)
{
	struct rte_eth_dev_info info;
	bool known = device->ours && rte_eth_dev_info_get(device->id, &info) == 0;

	if (device->started)
		rte_eth_dev_stop(device->id);
	device->started = false;
	if (device->ours) {
		close_device(device->id, known ? info.driver_name : "");
		if (known)
			rte_dev_remove(info.device);
	}
	device->ours = false;
	counters_end(device);
}

void ethdev_stop(struct el_port_device *device)
{
	ethdev_release(device);
	while (device->n_pools > 0)
		rte_mempool_free(device->pools[--device->n_pools]);
}
