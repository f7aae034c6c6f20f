/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the files of lib/port share. */
#include <stdatomic.h>

#include "el_port.h"
#include "el_rtnl.h"

struct rte_mempool;
struct rte_eth_conf;
struct rte_eth_dev_info;

/* One of a driver's own counters, by its place among them (rte_eth_xstats_get_by_id). */
struct el_port_own_counter {
	uint64_t id, value; /* as read last */
	enum el_direction direction;
};

#define EL_PORT_DEVICE_COUNTERS 6

/* A pool that is too small is followed by larger ones, up to so many at a start. */
#define EL_PORT_POOLS 4

struct el_port_device {
	uint16_t id;
	bool ours; /* probed by us, so removed by us */
	bool started;
	bool is_watched, watches_bus; /* link_watch */
	bool tells_link;              /* when it goes up or down */
	/* Written by the EAL's interrupt thread: how often the link was found to be down, and that
	 * the device is, or is about to be, taken out of the machine. */
	_Atomic uint64_t downs;
	_Atomic bool is_removed;
	/* Of receive buffers: the last is used, and of others the driver has not let go. */
	struct rte_mempool *pools[2 * EL_PORT_POOLS];
	uint32_t n_pools, pools_made;
	uint32_t buffers, buffers_left;       /* of the one that is used; by the driver, at start */
	bool is_short;                        /* these are too few */
	uint16_t mtu;                         /* as ethdev_start was told */
	uint32_t slots_before[EL_DIRECTIONS]; /* el_port.slots, of the devices before it */
	bool stamps;                          /* with arrival times, of this clock: */
	struct el_device_clock clock;
	uint64_t counters[EL_PORT_DEVICE_COUNTERS]; /* as read last */
	struct el_port_own_counter *own;            /* those of failures */
	uint32_t n_own;
};

struct el_port_private {
	struct el_port_device devices[EL_PORT_QUEUES_MAX];
	uint16_t n_devices;
	int sockets[EL_PORT_QUEUES_MAX]; /* af_packet's; the driver's, not ours to close */
	uint16_t n_sockets;
	uint64_t socket_drops;
	struct el_rtnl *rtnl;     /* NULL: the port is on no interface of the kernel */
	uint64_t interface_drops; /* as read last */
	struct el_port_view view; /* as read last: counters only grow */
	char pci[sizeof(
	    ((struct el_device *)NULL)->name)]; /* the address; "": it is no PCI function */
	uint64_t asked_ns; /* so long a NIC's link took to be read last; else 0 */
	bool is_detached;  /* el_port_detach */
	bool was_away;     /* since then the machine has not had the device */
	/* Of an interface, opened with the rights of the start; it receives nothing, but may hold
	 * the interface's filter open. -1: none. */
	int packet_socket;
	bool receives_multicast;
};

/* "port NAME: ..." */
int port_error(const struct el_port *port, struct el_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The size of a packet ring's frame for `mtu`. */
unsigned profile_frame_size(uint16_t mtu);

/* A port without a device, of this configuration's name. NULL: no memory. */
struct el_port *port_create(const struct el_conf_port *conf);

/* The profile `name`. Errors as el_profile_load. */
int profile_named(const char *dir, const char *name, struct el_profile *ret, struct el_error *err);

/* The profile of a PCI function as far as it is known before DPDK has a driver for it: the one that
 * the port names, or that names its ids, else the generic one. */
int profile_of_pci(const char *sys, const char *dir, const struct el_conf_port *conf,
		   const char *address, struct el_profile *ret_profile, struct el_error *err);

/* How the EAL is told of a PCI function: its address and what its profile gives it. */
void profile_add_pci_device(struct el_str *out, const char *address,
			    const struct el_profile *profile);

/* ---- device.c ---- */

/* Makes, or finds, the DPDK port `name`; `devargs` is what to make it of. */
int device_probe(struct el_port *port, const char *name, const char *devargs, struct el_error *err);
/* The same of a PCI function or an EAL device string, with the profile of what it turns out to be
 * unless the port names one. */
int device_take(struct el_port *port, const struct el_conf_port *conf,
		const struct el_device *device, const char *profile_dir, struct el_error *err);

/* ---- deal.c: what a profile asks for and what the device does ---- */

/* How a device of this `info` is to be configured with so many queue pairs. Begins port->deal. */
void deal_conf(struct el_port *port, const struct rte_eth_dev_info *info, uint16_t queues,
	       uint16_t mtu, struct rte_eth_conf *ret_conf);
/* What came of it, once it is configured with the receive offloads `rx_asked`; turns off what is
 * forbidden where that can be done. */
void deal_read(struct el_port *port, uint16_t id, uint64_t rx_asked);

/* ---- ethdev.c: one DPDK port of a port ---- */

/* Configures and starts device `index` with up to `queues` queue pairs, which become the port's
 * next ones. */
int ethdev_start(struct el_port *port, uint16_t index, uint16_t queues, uint16_t mtu,
		 struct el_error *err);
/* Starts the only device of a port again, with this number of queue pairs. The same errors. */
int ethdev_restart(struct el_port *port, uint16_t queues, struct el_error *err);
/* Stops and removes it, but keeps its buffers; and then frees them, too. */
void ethdev_release(struct el_port_device *device);
void ethdev_stop(struct el_port_device *device);
/* The pool of the receive buffers of the DPDK port `id`. */
struct rte_mempool *ethdev_pool(const struct el_port_private *private, uint16_t id);
int ethdev_receive_multicast(const struct el_port_device *device);
/* Where it filters VLANs, lets frames of this one in. */
int ethdev_pass_vlan(const struct el_port_device *device, uint16_t vlan);

/* ---- link.c ---- */

/* Has a device of these flags (RTE_ETH_DEV_*) tell of its link, unless it is a NIC, and of its
 * removal. */
void link_ask_to_be_told(const struct el_port *port, uint32_t dev_flags, struct rte_eth_conf *conf);
/* Notes what these tell from now on; once, or more often. */
void link_watch(struct el_port *port, struct el_port_device *device);
void link_unwatch(const struct el_port *port, struct el_port_device *device);
/* Waits, bounded, for the link. */
void link_wait(struct el_port *port);

/* ---- rx_clock.c: the clocks of devices that stamp what they receive ---- */

/* The receive offloads out of `offloads` that are of use: stamps of a clock that can't be read are
 * not, and cost many drivers their fast path. Notes what is left of them in the port. */
uint64_t rx_clock_choose(struct el_port *port, struct el_port_device *device, uint64_t offloads);
/* Whether a device stamps and what its clock says is known. */
bool rx_clock_is_known(const struct el_port *port);

/* ---- counters.c ---- */

/* Whether a driver's own counter is one of packets that it lost or could not handle, by its name,
 * and which way they went; not one that is among those of every device. Pure. */
bool counter_is_failure(const char *name, enum el_direction *ret_direction);
/* What a device, which is started, counts from now on is the port's. */
void counters_begin(struct el_port_device *device);
void counters_end(struct el_port_device *device);

/* ---- queue_test.c ---- */

/* How many of an open port's transmit queues, the first ones, carry what they are given; all, where
 * that can't be told: its link has to be up. Takes up to 1.5 s. */
uint16_t queues_that_carry(const struct el_port *port);

/* ---- rss.c ---- */

/* Finds out how device `id`, which is started with RSS over `asked`, spreads what comes in over its
 * `queues` queues. What it does not say stays zero. */
void rss_read(struct el_port *port, uint16_t id, uint16_t queues, uint64_t asked);

/* ---- interface.c: interfaces of the kernel ---- */

/* The interface of that name. -ENODEV, with a sentence, where there is none, or its frames are not
 * Ethernet's. */
int interface_find(struct el_rtnl *rtnl, const char *name, struct el_rtnl_link *ret_link,
		   struct el_error *err);

/* Fills in interface, ifindex and mtu of a port on interface `name`, which has to exist, to be up
 * and to be open to us. */
int interface_check(struct el_port *port, const char *name, struct el_error *err);

/* The port's interface as it is now; false where it is gone, and another may have its name. */
bool interface_read(const struct el_port *port, struct el_rtnl_link *ret_link);

uint16_t interface_queues(const char *name);    /* receive queues; at least 1 */
uint64_t interface_speed_bps(const char *name); /* 0: unknown */

/* Finds this process's packet sockets on the port's interface. */
void interface_find_sockets(struct el_port *port);
void interface_read_drops(struct el_port *port);

/* Has the interface receive all multicast groups while the packet socket is open; 0 or -errno. */
int interface_join_all(int packet_socket, unsigned ifindex);
