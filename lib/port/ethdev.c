/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuring and starting one DPDK port. */
#include "port_private.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

/* Buffers of a pool beyond those that lie in the receive rings: in the lcores' caches, in the
 * workers' hands, and queued for control. */
#define POOL_SPARE 2048
#define POOL_CACHE 256

static uint16_t min_u16(uint32_t a, uint32_t b)
{
	return (uint16_t)(a < b ? a : b);
}

static int make_pool(const struct el_port *port, struct el_port_device *d,
		     const struct rte_eth_dev_info *info, uint16_t queues, uint16_t mtu)
{
	uint32_t room = mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN;
	uint32_t n = (uint32_t)queues * (port->profile.rx_descriptors + POOL_SPARE);
	char name[RTE_MEMPOOL_NAMESIZE];

	if (strstr(port->profile.devargs, "{frame}"))
		room = profile_frame_size(
		    mtu); /* the driver wants room for a whole frame of the ring */
	if (room < RTE_MBUF_DEFAULT_DATAROOM)
		room = RTE_MBUF_DEFAULT_DATAROOM;
	if (room < info->min_rx_bufsize)
		room = info->min_rx_bufsize;
	snprintf(name, sizeof(name), "el_rx_%u", d->id);
	d->pool = rte_pktmbuf_pool_create(
	    name, n, POOL_CACHE, 0,
	    min_u16(RTE_PKTMBUF_HEADROOM + RTE_ALIGN_CEIL(room, 64), UINT16_MAX), port->socket);
	return d->pool ? 0 : -(rte_errno ? rte_errno : ENOMEM);
}

static struct rte_eth_conf make_conf(const struct el_port *port,
				     const struct rte_eth_dev_info *info, uint16_t queues,
				     uint16_t mtu)
{
	const struct el_profile *profile = &port->profile;
	struct rte_eth_conf conf = {
	    .rxmode = {.mtu = mtu, .offloads = profile->rx_offloads & info->rx_offload_capa},
	    .txmode = {.offloads = profile->tx_offloads & info->tx_offload_capa},
	};

	conf.rx_adv_conf.rss_conf.rss_hf = profile->rss & info->flow_type_rss_offloads;
	if (queues > 1 && conf.rx_adv_conf.rss_conf.rss_hf)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	else
		conf.rx_adv_conf.rss_conf.rss_hf = 0;
	if (!(conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG))
		conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
	return conf;
}

static int setup_queues(struct el_port *port, const struct el_port_device *d, uint16_t queues,
			const struct rte_eth_dev_info *info, const struct rte_eth_conf *conf)
{
	uint16_t rx = port->profile.rx_descriptors, tx = port->profile.tx_descriptors;
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	struct rte_eth_txconf txconf = info->default_txconf;
	int socket = rte_eth_dev_socket_id(d->id);
	int r = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &rx, &tx);

	rxconf.offloads = conf->rxmode.offloads;
	txconf.offloads = conf->txmode.offloads;
	for (uint16_t q = 0; r == 0 && q < queues; q++) {
		r = rte_eth_rx_queue_setup(d->id, q, rx, (unsigned)socket, &rxconf, d->pool);
		if (r == 0)
			r = rte_eth_tx_queue_setup(d->id, q, tx, (unsigned)socket, &txconf);
		port->slots[EL_DIRECTION_RX] += rx;
		port->slots[EL_DIRECTION_TX] += tx;
	}
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

int ethdev_start(struct el_port *port, uint16_t index, uint16_t queues, uint16_t mtu,
		 struct el_error *err)
{
	struct el_port_device *d = &port->private->devices[index];
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	struct rte_eth_conf conf;
	const char *what = "is not known to DPDK";
	int r = rte_eth_dev_info_get(d->id, &info);

	if (r < 0)
		goto fail;
	queues = min_u16(queues, min_u16(info.max_rx_queues, info.max_tx_queues));
	conf = make_conf(port, &info, queues, port->ifindex ? 0 : mtu);
	conf.rxmode.offloads = rx_clock_choose(port, d, conf.rxmode.offloads);
	port->partial_checksums = is_of_kernel(info.driver_name);
	port->rx_checksum_flags = checksum_flags(conf.rxmode.offloads);
	port->socket = rte_eth_dev_socket_id(d->id);
	what = "has no memory for its receive buffers";
	r = make_pool(port, d, &info, queues, mtu ? mtu : RTE_ETHER_MTU);
	if (r < 0)
		goto fail;
	what = "can't be configured";
	r = rte_eth_dev_configure(d->id, queues, queues, &conf);
	if (r == 0)
		r = setup_queues(port, d, queues, &info, &conf);
	if (r == 0)
		r = set_promiscuous(port, d->id);
	if (r < 0)
		goto fail;
	what = "can't be started";
	r = rte_eth_dev_start(d->id);
	if (r < 0)
		goto fail;
	d->started = true;
	r = rte_eth_macaddr_get(d->id, &mac);
	if (r < 0)
		goto fail;
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	if (!port->ifindex)
		rte_eth_dev_get_mtu(d->id, &port->mtu);
	counters_begin(d);
	if (conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG)
		rss_read(port, d->id, queues, conf.rx_adv_conf.rss_conf.rss_hf);
	for (uint16_t q = 0; q < queues; q++)
		port->queues[port->n_queues++] =
		    (struct el_port_queue){.port_id = d->id, .rx_queue = q, .tx_queue = q};
	return 0;

fail:
	return port_error(port, err, r, "the device %s: %s", what, strerror(-r));
}

int ethdev_receive_multicast(const struct el_port_device *device)
{
	int r = rte_eth_allmulticast_enable(device->id);

	return r == -ENOTSUP ? 0 : r;
}

void ethdev_stop(struct el_port_device *device)
{
	struct rte_eth_dev_info info;
	bool known = rte_eth_dev_info_get(device->id, &info) == 0;

	if (device->started)
		rte_eth_dev_stop(device->id);
	device->started = false;
	if (device->ours) {
		rte_eth_dev_close(device->id);
		if (known)
			rte_dev_remove(info.device);
	}
	counters_end(device);
	rte_mempool_free(device->pool);
	device->pool = NULL;
}
