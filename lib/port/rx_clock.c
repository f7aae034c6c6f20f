/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that stamp what they receive: which do, and what their clocks say in terms of ours. */
#include "port_private.h"

#include "el_ticks.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

/* How many times a pair is read, to keep the one that took the least. */
#define PAIR_READS 4

uint64_t rx_clock_choose(struct el_port *port, struct el_port_device *device, uint64_t offloads)
{
	uint64_t without = offloads & ~RTE_ETH_RX_OFFLOAD_TIMESTAMP, flag, ticks;
	int offset;

	if (without == offloads || rte_eth_read_clock(device->id, &ticks) < 0)
		return without;
	if (rte_mbuf_dyn_rx_timestamp_register(&offset, &flag) < 0) {
		el_log(EL_LOG_WARNING, "port", "port %s: no arrival times from the device: %s",
		       port->name, rte_strerror(rte_errno));
		return without;
	}
	device->stamps = true;
	port->rx_stamp_flag = flag;
	port->rx_stamp_offset = offset;
	return offloads;
}

static void read_clock(struct el_port_device *d)
{
	uint64_t best = UINT64_MAX, before = 0, device = 0;

	for (int i = 0; i < PAIR_READS; i++) {
		uint64_t ticks, begin = el_raw_ns(), took;

		if (rte_eth_read_clock(d->id, &ticks) < 0)
			return;
		took = el_raw_ns() - begin;
		if (took < best) {
			best = took;
			before = begin;
			device = ticks;
		}
	}
	el_device_clock_add(&d->clock, before, device, before + best);
}

void el_port_read_clocks(struct el_port *port)
{
	for (uint16_t i = 0; i < port->private->n_devices && !el_port_is_removed(port); i++) {
		if (port->private->devices[i].stamps)
			read_clock(&port->private->devices[i]);
	}
}

struct el_device_line el_port_rx_line(const struct el_port *port, uint16_t queue)
{
	const struct el_port_private *p = port->private;

	for (uint16_t i = 0; i < p->n_devices; i++) {
		if (p->devices[i].id == port->queues[queue].port_id && p->devices[i].stamps)
			return p->devices[i].clock.line;
	}
	return (struct el_device_line){0};
}

bool rx_clock_is_known(const struct el_port *port)
{
	const struct el_port_private *p = port->private;

	for (uint16_t i = 0; i < p->n_devices; i++) {
		if (p->devices[i].stamps && p->devices[i].clock.line.ns_per_tick_q32)
			return true;
	}
	return false;
}
