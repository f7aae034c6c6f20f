/* SPDX-License-Identifier: BSD-3-Clause */
/* The link of a port: of a kernel's interface as the kernel says, of a PCI function as its driver
 * says when it is asked, of any other device as its driver tells, if it does; and devices that are
 * taken out of the machine. What is told is only noted here, on the EAL's interrupt thread, for
 * control to read. */
#include "port_private.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "capture.h"
#include "el_ticks.h"
#include "look.h"

/* Ethernet's preamble and gap, and the least frame with its checksum. */
#define MIN_FRAME_BITS ((64 + 20) * 8)

/* The part of a link's rate that the default cap uses. */
#define LINK_SHARE 0.98

/* How often a link is read. The drivers of some NICs ask a firmware, or a chip behind a slow bus,
 * so that these are asked for a hundredth of the time, but ten times a second at least. All others
 * have the answer in memory. */
#define READ_NS 10000000
#define ASK_NS 100000000
#define ASK_SHARE 100

/* A callback that is running just now can't be removed. */
#define CALLBACK_TRIES 100

/* ---- what drivers tell ---- */

static int on_link(uint16_t id, enum rte_eth_event_type type, void *device, void *ret)
{
	struct el_port_device *d = device;
	struct rte_eth_link link;

	(void)type;
	(void)ret;
	/* on again before control looks: it would not know */
	if (rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN)
		atomic_fetch_add(&d->downs, 1);
	return 0;
}

static int on_removal(uint16_t id, enum rte_eth_event_type type, void *device, void *ret)
{
	struct el_port_device *d = device;

	(void)id;
	(void)type;
	(void)ret;
	atomic_store(&d->is_removed, true);
	return 0;
}

/* Of a PCI function: the kernel wants it back, or has taken it. */
static void on_device(const char *name, enum rte_dev_event_type type, void *device)
{
	struct el_port_device *d = device;

	(void)name;
	if (type == RTE_DEV_EVENT_REMOVE)
		atomic_store(&d->is_removed, true);
}

void link_ask_to_be_told(const struct el_port *port, uint32_t dev_flags, struct rte_eth_conf *conf)
{
	/* of a kernel's interface the kernel tells */
	if (port->ifindex)
		return;
	/* A NIC's interrupt may never come, and where it is to come DPDK does not ask the driver
	 * any more. In an emulator (tests/guest/test_links.py) it did not of e1000 and e1000e by
	 * vfio-pci, nor always of vmxnet3; by uio_pci_generic there is none. */
	conf->intr_conf.lsc = dev_flags & RTE_ETH_DEV_INTR_LSC && !port->private->pci[0];
	conf->intr_conf.rmv = (dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
}

/* Without it the drivers of user space (vfio-pci) still tell, but not uio's, and a worker that
 * touches a device which is gone ends the program. */
static void watch_bus(struct el_port_device *d)
{
	d->watches_bus = rte_dev_event_monitor_start() == 0;
	if (!d->watches_bus || rte_dev_hotplug_handle_enable() < 0)
		el_log(EL_LOG_DEBUG, "port", "that devices are removed can't be heard of");
}

void link_watch(struct el_port *port, struct el_port_device *d)
{
	if (d->is_watched || port->ifindex)
		return;
	d->is_watched = true;
	if (!port->private->pci[0])
		rte_eth_dev_callback_register(d->id, RTE_ETH_EVENT_INTR_LSC, on_link, d);
	rte_eth_dev_callback_register(d->id, RTE_ETH_EVENT_INTR_RMV, on_removal, d);
	if (port->private->pci[0]) {
		rte_dev_event_callback_register(port->private->pci, on_device, d);
		watch_bus(d);
	}
}

void link_unwatch(const struct el_port *port, struct el_port_device *d)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	if (!d->is_watched)
		return;
	d->is_watched = false;
	for (int i = 0;
	     i < CALLBACK_TRIES &&
	     rte_eth_dev_callback_unregister(d->id, RTE_ETH_EVENT_INTR_LSC, on_link, d) == -EAGAIN;
	     i++)
		nanosleep(&pause, NULL);
	for (int i = 0;
	     i < CALLBACK_TRIES && rte_eth_dev_callback_unregister(d->id, RTE_ETH_EVENT_INTR_RMV,
								   on_removal, d) == -EAGAIN;
	     i++)
		nanosleep(&pause, NULL);
	if (!port->private->pci[0])
		return;
	for (int i = 0; i < CALLBACK_TRIES && rte_dev_event_callback_unregister(
						  port->private->pci, on_device, d) == -EAGAIN;
	     i++)
		nanosleep(&pause, NULL);
	if (d->watches_bus)
		rte_dev_event_monitor_stop();
	d->watches_bus = false;
}

/* ---- up and down ---- */

bool el_port_link_is_known(const struct el_port *port)
{
	if (port->ifindex || port->private->pci[0])
		return true;
	for (uint16_t i = 0; i < port->private->n_devices; i++) {
		if (!port->private->devices[i].tells_link)
			return false;
	}
	return true;
}

uint64_t el_port_link_period_ns(const struct el_port *port)
{
	uint64_t share_ns = ASK_SHARE * port->private->asked_ns;

	return RTE_MAX((uint64_t)READ_NS, RTE_MIN(share_ns, (uint64_t)ASK_NS));
}

uint64_t el_port_link_downs(const struct el_port *port)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < port->private->n_devices; i++)
		sum += atomic_load(&port->private->devices[i].downs);
	return sum;
}

/* What the driver says of a device's link now. Notes how long a NIC's takes to say it. */
static bool read_link(const struct el_port *port, const struct el_port_device *d,
		      struct rte_eth_link *ret)
{
	uint64_t since = port->private->pci[0] ? el_raw_ns() : 0;
	int r = rte_eth_link_get_nowait(d->id, ret);

	if (port->private->pci[0])
		port->private->asked_ns = el_raw_ns() - since;
	return r == 0 && ret->link_status == RTE_ETH_LINK_UP;
}

bool el_port_is_up(const struct el_port *port)
{
	if (port->ifindex) {
		struct el_rtnl_link interface;

		return interface_read(port, &interface) && interface.up;
	}
	if (port->private->is_detached)
		return false;
	for (uint16_t i = 0; i < port->private->n_devices; i++) {
		const struct el_port_device *d = &port->private->devices[i];
		struct rte_eth_link link;

		if (atomic_load(&d->is_removed) || !read_link(port, d, &link))
			return false;
	}
	return true;
}

bool el_port_link_update(struct el_port *port)
{
	bool up = true;

	for (uint16_t i = 0; i < port->private->n_devices; i++) {
		struct rte_eth_link link;

		if (!read_link(port, &port->private->devices[i], &link))
			up = false;
		else if (!port->ifindex && link.link_speed != RTE_ETH_SPEED_NUM_NONE &&
			 link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			port->link_bps = (uint64_t)link.link_speed * 1000000;
	}
	if (port->ifindex) {
		struct el_rtnl_link interface;
		bool there = interface_read(port, &interface);

		up = up && there && interface.up;
		port->link_bps = there ? interface_speed_bps(interface.name) : 0;
	}
	port->link_up = up;
	port->default_max_pps =
	    port->profile.max_pps
		? port->profile.max_pps
		: (uint64_t)((double)port->link_bps * LINK_SHARE / MIN_FRAME_BITS);
	return up;
}

void link_wait(struct el_port *port)
{
	uint64_t end_ns = el_raw_ns() + port->profile.link_wait_ms * (uint64_t)1000000;

	while (!el_port_link_update(port) && el_raw_ns() < end_ns) {
		const struct timespec pause = {.tv_nsec = (long)el_port_link_period_ns(port)};

		nanosleep(&pause, NULL);
	}
	if (!port->link_up)
		el_log(EL_LOG_WARNING, "port", "port %s: the link is down", port->name);
}

/* ---- taken out and put in ---- */

bool el_port_is_removed(const struct el_port *port)
{
	for (uint16_t i = 0; i < port->private->n_devices; i++) {
		if (atomic_load(&port->private->devices[i].is_removed))
			return true;
	}
	return false;
}

void el_port_detach(struct el_port *port)
{
	struct el_port_private *p = port->private;
	struct capture capture;
	char last[256];

	if (p->is_detached)
		return;
	capture_begin(&capture);
	for (uint16_t i = 0; i < p->n_devices; i++) {
		link_unwatch(port, &p->devices[i]);
		ethdev_release(&p->devices[i]);
	}
	capture_end(&capture, last, sizeof(last));
	p->is_detached = true;
}

bool el_port_is_there_again(struct el_port *port)
{
	struct el_port_private *p = port->private;

	if (!p->pci[0] || !p->is_detached)
		return false;
	if (look_at_pci("/sys", p->pci, NULL) == 0)
		return p->was_away;
	p->was_away = true;
	return false;
}
