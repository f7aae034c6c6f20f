/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports' links, and devices that are taken out of the machine: what can't leave it is not sent,
 * and not counted as lost. */
#include "el_ticks.h"
#include "network_private.h"

/* How often it is looked whether a device that was removed is there again. */
#define LOOK_NS (EL_NS_PER_S / 10)
/* A check of addresses takes a second; those that are new meanwhile are not waited for. */
#define CHECK_NS (3 * EL_NS_PER_S)

/* Has the workers send nothing to a device that is down, by any of its links: drivers of packet
 * sockets take it all. */
static void tell(struct network *n, uint32_t port)
{
	struct net_port *p = &n->ports[port];
	struct el_command c = {.kind = EL_COMMAND_PORT};

	c.down = p->link.is_removed || (p->link.was_up && !p->link.up) || p->link.is_checked ||
		 p->link.is_held;
	c.gone = p->link.is_removed;
	p->link.told = true;
	for (uint32_t w = 0; w < n->n_workers && w < p->port->n_queues; w++) {
		c.index = (uint16_t)network_queue_index(n, w, port);
		if (el_worker_command(n->workers[w], &c))
			n->ports_sent[w]++;
		else
			p->link.told = false;
	}
}

/* What was sent since the link was last seen up may not have gone out, and what is on its way back
 * does not come in, be it one answer: the rounds that are open say so, for no counter does. */
static void is_down(struct network *n, uint16_t port)
{
	struct port_link *l = &n->ports[port].link;

	l->downs++;
	n->sent_in_doubt += network_sent(n, port) - l->sent_up + 1;
}

/* Whether an address of any link of the device is being checked. */
static bool is_checking(const struct network *n, uint16_t first)
{
	for (uint16_t i = first; i < n->n_ports; i++) {
		if (n->ports[i].first == first &&
		    el_neigh_is_checking(n->neigh, (struct el_port_idx){i}))
			return true;
	}
	return false;
}

/* On all links of the device others may have our addresses now: as at the start nothing is sent
 * before that is known. */
static void is_up_again(struct network *n, uint16_t first)
{
	struct port_link *l = &n->ports[first].link;

	for (uint16_t i = first; i < n->n_ports; i++) {
		if (n->ports[i].first == first)
			neighbours_ask_again(n, i);
	}
	l->is_checked = is_checking(n, first);
	l->checked_ns = n->now_ns + CHECK_NS;
	l->told = false;
}

/* The addresses have been checked. */
static void follow_check(struct network *n, uint16_t first)
{
	struct port_link *l = &n->ports[first].link;

	if (!l->is_checked || (is_checking(n, first) && n->now_ns < l->checked_ns))
		return;
	l->is_checked = false;
	l->told = false;
}

static void changed(struct network *n, uint16_t port, bool up)
{
	struct net_port *p = &n->ports[port];

	el_log(EL_LOG_WARNING, "network", "port %s: the link is %s", p->port->name,
	       up ? "up again" : "down: nothing is sent there, and its probes are not counted");
	p->link.up = up;
	p->link.was_up |= up;
	p->link.told = false;
	if (up)
		is_up_again(n, port);
	else
		is_down(n, port);
}

/* Down and up again before anybody looked. */
static void blinked(struct network *n, uint16_t port)
{
	el_log(EL_LOG_WARNING, "network", "port %s: the link was down for a moment",
	       n->ports[port].port->name);
	is_down(n, port);
	is_up_again(n, port);
}

static void read_link(struct network *n, uint16_t port)
{
	struct net_port *p = &n->ports[port];
	/* in this order: what is sent after that is in doubt if the link goes down now */
	uint64_t sent = network_sent(n, port), downs = el_port_link_downs(p->port);
	bool up = el_port_is_up(p->port);

	if (up != p->link.up)
		changed(n, port, up);
	else if (up && downs != p->link.told_down)
		blinked(n, port);
	p->link.told_down = downs;
	if (up)
		p->link.sent_up = sent;
}

static void removed(struct network *n, uint16_t port)
{
	struct net_port *p = &n->ports[port];

	el_log(EL_LOG_ERROR, "network",
	       "port %s: its device %s is removed: nothing is sent there, and its probes are not "
	       "counted",
	       p->port->name, p->conf->device);
	if (p->link.up)
		is_down(n, port);
	p->link.up = false;
	p->link.is_removed = true;
	p->link.told = false;
}

/* Lets go of a device once no worker touches it, and waits for it to come back. */
static void follow_removed(struct network *n, struct net_port *p, uint64_t now_ns)
{
	if (!p->link.is_detached) {
		for (uint32_t w = 0; w < n->n_workers; w++) {
			if (el_worker_ports_taken(n->workers[w]) != n->ports_sent[w])
				return;
		}
		el_port_detach(p->port);
		p->link.is_detached = true;
	} else if (now_ns >= p->link.read_ns) {
		p->link.read_ns = now_ns + LOOK_NS;
		p->link.is_back = el_port_is_there_again(p->port);
	}
}

void network_read_links(struct network *n, uint64_t now_ns)
{
	for (uint16_t i = 0; i < n->n_ports; i++) {
		struct net_port *p = &n->ports[i];

		if (p->first != i)
			continue;
		if (!p->link.is_removed && el_port_is_removed(p->port))
			removed(n, i);
		if (!p->link.is_removed && now_ns >= p->link.read_ns) {
			p->link.read_ns = now_ns + el_port_link_period_ns(p->port);
			read_link(n, i);
		}
		follow_check(n, i);
		if (!p->link.told)
			tell(n, i);
		else if (p->link.is_removed)
			follow_removed(n, p, now_ns);
	}
}

uint64_t network_refusals(const struct network *n)
{
	return n->n_refusals;
}

void network_confirm(struct network_plan *plan, uint64_t refusals)
{
	plan->n_refusals = refusals;
}

void network_execute(struct network *n, const struct network_plan *plan)
{
	for (uint32_t i = 0; plan->n_refusals == n->n_refusals && i < n->n_ports; i++) {
		struct port_link *l = &n->ports[i].link;

		l->told &= !l->is_held;
		l->is_held = false;
	}
}

bool network_is_up(const struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].first == i && n->ports[i].link.up)
			return true;
	}
	return false;
}
