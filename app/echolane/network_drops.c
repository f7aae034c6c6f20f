/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports' counters, and what this machine itself has lost, by a law of conservation: what
 * workers sent, the port has sent or refused; what the port has received, workers received or it
 * has dropped. */
#include "el_ticks.h"
#include "network_private.h"

#include <rte_common.h>

/* A port that has counted nothing after so many packets does not count. */
#define SILENT_PACKETS 64

static const char *const direction_names[EL_DIRECTIONS] = EL_DIRECTION_NAMES;

/* What workers took of a port and gave it, as read before and after the port's own counters. */
struct port_law_workers {
	uint64_t sent_before;    /* through all of the port's queues */
	uint64_t received_after; /* likewise */
	bool away;               /* one of them has not read its queue for some time */
	bool answered; /* more answers came in by all ports than these say that packets went out */
};

/* ---- the law ---- */

/* Packets that a port says it has dropped. Some drivers' misses are in the interface's count too.
 */
static uint64_t sum_of_drops(const struct el_port_view *v)
{
	return RTE_MAX(v->imissed, v->interface_drops) + v->ierrors + v->rx_nombuf + v->oerrors +
	       v->socket_drops;
}

/* Since the last reading. A driver's own counters may be of the same packets. */
static uint64_t counted_drops(const struct port_law *law, const struct el_port_view *v)
{
	uint64_t own = 0;

	for (int d = 0; d < EL_DIRECTIONS; d++)
		own += v->driver_errors[d] - law->last.driver_errors[d];
	return RTE_MAX(own, sum_of_drops(v) - sum_of_drops(&law->last));
}

static void doubt(struct port_law_way *way, const struct el_port_view *v, enum el_direction d)
{
	way->doubted = way->conservation.doubted = true;
	el_log(EL_LOG_WARNING, "network",
	       "port %s: its driver's %s counter is not believed, for it counts other packets than "
	       "pass through (it says %llu, the workers %llu): what it may lose can't be told",
	       v->name, direction_names[d],
	       (unsigned long long)(d == EL_DIRECTION_RX ? v->rx_packets : v->tx_packets),
	       (unsigned long long)v->worker_packets[d]);
}

static uint64_t compare(struct port_law_way *way, uint64_t now_ns, const struct el_flow *flow,
			const struct port_law_workers *workers, const struct el_port_view *v,
			enum el_direction d)
{
	uint64_t missing = el_conservation_update(&way->conservation, now_ns, flow);

	/* what is said not to have gone out was answered */
	if (missing && d == EL_DIRECTION_TX && workers->answered)
		way->conservation.doubted = true;
	if (way->conservation.doubted) {
		if (!way->doubted)
			doubt(way, v, d);
		return 0;
	}
	if (missing && !way->unaccounted)
		el_log(
		    EL_LOG_WARNING, "network",
		    d == EL_DIRECTION_TX
			? "port %s: %llu packets that it took were not sent, and it says nothing "
			  "of them: rounds that lose some are marked with local drops"
			: "port %s: %llu packets that it received did not get here, and it says "
			  "nothing of them: rounds that lose some are marked with local drops",
		    v->name, (unsigned long long)missing);
	way->unaccounted += missing;
	return missing;
}

/* Whether the port counts at all. Nothing is known of one whose counters are all zero; what went
 * through it until they are not is left out. */
static bool counts(struct port_law *law, const struct el_port_view *v)
{
	law->counts |= v->rx_packets || v->tx_packets;
	if (!law->counts && !law->said &&
	    v->worker_packets[EL_DIRECTION_RX] + v->worker_packets[EL_DIRECTION_TX] >
		SILENT_PACKETS) {
		law->said = true;
		el_log(EL_LOG_WARNING, "network",
		       "port %s: its driver counts no packets: what it may lose can't be told",
		       v->name);
	}
	return law->counts;
}

/* Takes a reading: completes the view, and returns what this machine has lost on the port since the
 * last one: the packets that it says it dropped, and those that are missing without a word. */
static uint64_t apply_law(struct port_law *law, uint64_t now_ns,
			  const struct port_law_workers *workers, struct el_port_view *v)
{
	uint64_t breaks = v->counters_set_back + law->said, lost = counted_drops(law, v);
	const struct el_flow flows[EL_DIRECTIONS] = {
	    [EL_DIRECTION_RX] = {.in = v->rx_packets,
				 .out = workers->received_after,
				 .dropped = v->imissed + v->ierrors + v->rx_nombuf +
					    v->driver_errors[EL_DIRECTION_RX],
				 .breaks = breaks},
	    [EL_DIRECTION_TX] = {.in = workers->sent_before,
				 .out = v->tx_packets,
				 .dropped = v->oerrors + v->driver_errors[EL_DIRECTION_TX],
				 .breaks = breaks},
	};

	law->last = *v;
	v->worker_packets[EL_DIRECTION_RX] = workers->received_after;
	v->worker_packets[EL_DIRECTION_TX] = workers->sent_before;
	if (counts(law, v) && !workers->away) {
		for (int d = 0; d < EL_DIRECTIONS; d++)
			lost += compare(&law->ways[d], now_ns, &flows[d], workers, v,
					(enum el_direction)d);
	}
	for (int d = 0; d < EL_DIRECTIONS; d++) {
		v->unaccounted[d] = law->ways[d].unaccounted;
		v->counters_believed[d] = law->counts && !law->ways[d].doubted;
	}
	return lost;
}

/* ---- counters ---- */

static void read_neighbours(struct network *n, uint16_t port, struct el_port_view *view)
{
	struct el_neigh_counters c;

	el_neigh_counters_read(n->neigh, (struct el_port_idx){port}, &c);
	view->address_conflicts = c.own_conflicts;
	view->neighbour_conflicts = c.neighbour_conflicts;
	view->neighbour_moves = c.moves;
	view->duplicate_addresses = n->ports[port].n_refused;
}

static uint64_t sum_of_workers(const struct network *n, enum el_worker_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < n->n_workers; w++)
		sum += el_worker_counter(n->workers[w], counter);
	return sum;
}

/* What workers sent by a device, or received by it, on all its links. */
static uint64_t sum_of_queues(const struct network *n, uint16_t first,
			      uint64_t (*counter)(const struct el_worker *w, uint32_t queue))
{
	uint64_t sum = 0;

	for (uint32_t i = first; i < n->n_ports; i++) {
		if (n->ports[i].first != first)
			continue;
		for (uint32_t w = 0; w < n->n_workers && w < n->ports[i].port->n_queues; w++)
			sum += counter(n->workers[w], network_queue_index(n, w, i));
	}
	return sum;
}

uint64_t network_sent(const struct network *n, uint16_t port)
{
	return sum_of_queues(n, port, el_worker_queue_tx);
}

/* Whether one of a port's workers has not been at work lately: each is sent commands all the time.
 */
static bool is_away(const struct network *n, uint16_t port)
{
	for (uint32_t w = 0; w < n->n_workers && w < n->ports[port].port->n_queues; w++) {
		if (!el_worker_has_read_all(n->workers[w]))
			return true;
	}
	return false;
}

/* Of a link on a device that is another's, and read with that. */
static void read_link(struct network *n, uint16_t port)
{
	struct el_port_view *v = &n->views[port];

	net_port_name(&n->ports[port], v->name, sizeof(v->name));
	v->is_link = 1;
	read_neighbours(n, port, v);
}

static uint64_t read_port(struct network *n, uint16_t port, bool answered)
{
	struct el_port_view *v = &n->views[port];
	struct net_port *p = &n->ports[port];
	struct port_law_workers workers = {.answered = answered,
					   .away = is_away(n, port) || p->link.is_removed};

	/* in the order that packets go: what is counted after is never less for what was before */
	workers.sent_before = network_sent(n, port);
	el_port_view_read(p->port, v);
	workers.received_after = sum_of_queues(n, port, el_worker_queue_rx);
	v->up = p->link.up;
	v->link_downs = p->link.downs;
	read_neighbours(n, port, v);
	v->placement = (uint8_t)steering_source(n->compile.steering, (struct el_port_idx){port});
	return apply_law(&p->law, el_raw_ns(), &workers, v);
}

uint64_t network_read_drops(struct network *n)
{
	uint64_t before = n->drops, drops = 0, sent = 0;
	bool answered;

	/* of the last reading: the answers were counted before what had been sent */
	for (uint32_t i = 0; i < n->n_ports; i++)
		sent += n->views[i].tx_packets;
	answered = n->answers > sent;
	n->answers = sum_of_workers(n, EL_COUNTER_ANSWERS);
	for (uint16_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].first == i)
			drops += read_port(n, i, answered);
		else
			read_link(n, i);
	}
	n->drops = sum_of_workers(n, EL_COUNTER_DROP_FORWARD_FULL) +
		   sum_of_workers(n, EL_COUNTER_DROP_PUNT_FULL);
	drops += n->sent_in_doubt;
	n->sent_in_doubt = 0;
	return drops + n->drops - before;
}
