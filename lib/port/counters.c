/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's counters: those that every device has and, out of a driver's own, those of what went
 * wrong. Devices' counters pass their ends and are set back; the port's only grow. */
#include "port_private.h"

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "el_conservation.h"

/* Some a queue, and some of the whole device. */
#define OWN_MAX 256

/* ---- a driver's own ---- */

static bool has_any(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return false;
}

bool counter_is_failure(const char *name, enum el_direction *ret_direction)
{
	static const char *const failures[] = {"alloc",   "no_buf",     "nobuf", "no_mbuf",
					       "nombuf",  "out_of_buf", "miss",  "drop",
					       "discard", "error",      "_err",  "fail"};
	/* damage that the wire did, or that is none; filters that did their duty */
	static const char *const others[] = {
	    "sum",      "crc",        "fcs",     "align",  "symbol", "length", "size",
	    "fragment", "jabber",     "illegal", "mac_",   "filter", "fdir",   "flow",
	    "mng_",     "management", "fcoe",    "macsec", "ipsec",  "vlan"};
	/* ethdev's own names for what rte_eth_stats has */
	static const char *const known[] = {"rx_missed_errors", "rx_errors", "tx_errors",
					    "rx_mbuf_allocation_errors"};
	unsigned queue;
	int end = 0;

	for (size_t i = 0; i < RTE_DIM(known); i++) {
		if (strcmp(name, known[i]) == 0)
			return false;
	}
	if (sscanf(name, "rx_q%u_errors%n", &queue, &end) == 1 && end && !name[end])
		return false;
	if (!has_any(name, failures, RTE_DIM(failures)) || has_any(name, others, RTE_DIM(others)))
		return false;
	*ret_direction = strstr(name, "tx") ? EL_DIRECTION_TX : EL_DIRECTION_RX;
	return true;
}

static void forget_own(struct el_port_device *d)
{
	free(d->own);
	d->own = NULL;
	d->n_own = 0;
}

/* By how much they have grown since the last time is added to ret[direction]. */
static void read_own(struct el_port_device *d, uint64_t *ret)
{
	uint64_t ids[OWN_MAX], values[OWN_MAX], step;

	for (uint32_t i = 0; i < d->n_own; i++)
		ids[i] = d->own[i].id;
	if (!d->n_own || rte_eth_xstats_get_by_id(d->id, ids, values, d->n_own) != (int)d->n_own)
		return;
	for (uint32_t i = 0; i < d->n_own; i++) {
		el_counter_step(d->own[i].value, values[i], &step);
		d->own[i].value = values[i];
		ret[d->own[i].direction] += step;
	}
}

static void find_own(struct el_port_device *d)
{
	int n = rte_eth_xstats_get_names(d->id, NULL, 0);
	struct rte_eth_xstat_name *names = n > 0 ? calloc((size_t)n, sizeof(*names)) : NULL;
	struct el_port_own_counter c = {0};

	forget_own(d);
	d->own = calloc(OWN_MAX, sizeof(*d->own));
	if (names && d->own && rte_eth_xstats_get_names(d->id, names, (unsigned)n) == n) {
		for (; c.id < (uint64_t)n && d->n_own < OWN_MAX; c.id++) {
			if (counter_is_failure(names[c.id].name, &c.direction))
				d->own[d->n_own++] = c;
		}
	}
	free(names);
}

/* ---- what every device has ---- */

#define COUNTER(member, of_stats)                                                                  \
	{                                                                                          \
		offsetof(struct el_port_view, member), offsetof(struct rte_eth_stats, of_stats)    \
	}

static const struct {
	size_t of_view, of_stats;
} counters[] = {
    COUNTER(imissed, imissed), COUNTER(ierrors, ierrors),     COUNTER(rx_nombuf, rx_nombuf),
    COUNTER(oerrors, oerrors), COUNTER(rx_packets, ipackets), COUNTER(tx_packets, opackets),
};
_Static_assert(RTE_DIM(counters) == EL_PORT_DEVICE_COUNTERS, "all have a place");

/* What can't be read, since the device is gone, stays as it was. */
static void read_device(struct el_port_device *d, struct el_port_view *v)
{
	struct rte_eth_stats s;

	if (rte_eth_stats_get(d->id, &s) < 0)
		return;
	for (size_t i = 0; i < RTE_DIM(counters); i++) {
		uint64_t *sum = (uint64_t *)((char *)v + counters[i].of_view), now, step;

		memcpy(&now, (const char *)&s + counters[i].of_stats, sizeof(now));
		v->counters_set_back += !el_counter_step(d->counters[i], now, &step);
		d->counters[i] = now;
		*sum += step;
	}
	read_own(d, v->driver_errors);
}

void counters_begin(struct el_port_device *d)
{
	struct el_port_view before = {0};

	rte_eth_stats_reset(d->id);
	find_own(d);
	memset(d->counters, 0, sizeof(d->counters));
	read_device(d, &before); /* a driver may not let itself be reset */
}

void counters_end(struct el_port_device *d)
{
	forget_own(d);
}

void el_port_view_read(struct el_port *port, struct el_port_view *ret_view)
{
	struct el_port_private *p = port->private;
	struct el_port_view *v = &p->view;
	struct el_rtnl_link interface;
	uint64_t step;

	memcpy(v->name, port->name, sizeof(v->name));
	v->queues = port->n_queues;
	v->queues_dead = port->queues_dead;
	v->reta_size = port->rss.reta_size;
	v->rss_key_bytes = port->rss.key_len;
	v->rss_types = port->rss.types;
	v->arrival = rx_clock_is_known(port) ? EL_ARRIVAL_NIC : EL_ARRIVAL_SOFTWARE;
	for (uint16_t i = 0; i < p->n_devices && !el_port_is_removed(port); i++)
		read_device(&p->devices[i], v);
	interface_read_drops(port);
	v->socket_drops = p->socket_drops;
	if (port->ifindex && interface_read(port, &interface)) {
		el_counter_step(p->interface_drops, interface.dropped, &step);
		p->interface_drops = interface.dropped;
		v->interface_drops += step;
	}
	*ret_view = *v;
}
