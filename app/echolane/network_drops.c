/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports' counters, and what this machine itself has lost. */
#include "el_ticks.h"
#include "network_private.h"

static void read_neighbours(struct network *n, uint16_t port, struct el_port_view *view)
{
	struct el_neigh_counters c;

	el_neigh_counters_read(n->neigh, (struct el_port_idx){port}, &c);
	view->address_conflicts = c.own_conflicts;
	view->neighbour_conflicts = c.neighbour_conflicts;
	view->neighbour_moves = c.moves;
}

static uint64_t sum_of_workers(const struct network *n, enum el_worker_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < n->n_workers; w++)
		sum += el_worker_counter(n->workers[w], counter);
	return sum;
}

/* What workers sent by a port, or received by it. */
static uint64_t sum_of_queues(const struct network *n, uint16_t port,
			      uint64_t (*counter)(const struct el_worker *w, uint32_t queue))
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < n->n_workers && w < n->ports[port].port->n_queues; w++)
		sum += counter(n->workers[w], network_queue_index(n, w, port));
	return sum;
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

static uint64_t read_port(struct network *n, uint16_t port, bool answered)
{
	struct el_port_view *v = &n->views[port];
	struct net_port *p = &n->ports[port];
	struct port_law_workers workers = {.answered = answered, .away = is_away(n, port)};

	/* in the order that packets go: what is counted after is never less for what was before */
	workers.sent_before = sum_of_queues(n, port, el_worker_queue_tx);
	el_port_view_read(p->port, v);
	workers.received_after = sum_of_queues(n, port, el_worker_queue_rx);
	v->up = p->up;
	read_neighbours(n, port, v);
	v->placement = (uint8_t)steering_source(n->compile.steering, (struct el_port_idx){port});
	return port_law_read(&p->law, el_raw_ns(), &workers, v);
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
	for (uint16_t i = 0; i < n->n_ports; i++)
		drops += read_port(n, i, answered);
	n->drops = sum_of_workers(n, EL_COUNTER_DROP_FORWARD_FULL) +
		   sum_of_workers(n, EL_COUNTER_DROP_PUNT_FULL);
	return drops + n->drops - before;
}
