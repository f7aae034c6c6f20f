/* SPDX-License-Identifier: BSD-3-Clause */
/* Port cursors. A TCP listener that still waits for the end of a handshake answers a second SYN of
 * the same 4-tuple with a rate-limited challenge ACK at best (RFC 9293, 3.10.7.4; RFC 5961, 4), so
 * a 4-tuple should not come again while its probe may be open. Streams with the same addresses and
 * destination port share the source ports: each begins at another place of the range. Where that
 * does not suffice (too few ports, an answer that was lost, a new plan right after the last one)
 * the worker resets the old probe before the next: el_half_open has the last one of each port. */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All that there are, 1 to 65535. */
#define SOURCE_PORTS 65535

static int by_tuple(const void *a, const void *b)
{
	const struct el_slice *x = &(*(struct draft *const *)a)->slice;
	const struct el_slice *y = &(*(struct draft *const *)b)->slice;

	if (x->addr_key != y->addr_key)
		return x->addr_key < y->addr_key ? -1 : 1;
	if (x->dst_port != y->dst_port)
		return x->dst_port < y->dst_port ? -1 : 1;
	if (x->port_first != y->port_first)
		return x->port_first < y->port_first ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* What one set of streams that share ports looks like. */
struct sharing {
	uint32_t n;
	uint64_t packets;     /* of all of them in a round */
	uint32_t first, last; /* the union of their ports */
	bool same_range;      /* all have the same ports */
	double timeout_s;     /* the longest of their targets */
	const char *target;   /* the first of their targets' names, in the alphabet */
};

/* The streams from order[0] on whose port ranges overlap. */
static struct sharing find_sharing(struct draft *const *order, uint32_t n)
{
	const struct el_slice *head = &order[0]->slice;
	struct sharing g = {
	    .same_range = true, .first = head->port_first, .last = head->port_first};

	while (g.n < n) {
		const struct el_slice *s = &order[g.n]->slice;
		uint32_t last = (uint32_t)s->port_first + s->port_count - 1;
		if (s->addr_key != head->addr_key || s->dst_port != head->dst_port ||
		    (g.n && s->port_first > g.last))
			break;
		if (s->port_first != head->port_first || s->port_count != head->port_count)
			g.same_range = false;
		if (last > g.last)
			g.last = last;
		if (order[g.n]->target->timeout_s > g.timeout_s)
			g.timeout_s = order[g.n]->target->timeout_s;
		if (!g.target || strcmp(order[g.n]->target->name, g.target) < 0)
			g.target = order[g.n]->target->name;
		g.packets += s->n_packets;
		g.n++;
	}
	return g;
}

static uint32_t n_ports(const struct sharing *g)
{
	return g->last - g->first + 1;
}

/* True if with so many ports, the same for all, the uses of a 4-tuple are a timeout apart: probes
 * are spread evenly over the window, so that one of so many comes back to a port, and each round
 * begins with the same port. */
static bool suffice(const struct sharing *g, uint64_t ports, const struct timing *t)
{
	double probe_s = t->window_s / (double)g->packets;
	uint64_t last = (g->packets - 1) / ports * ports; /* the last that uses the first port */

	return (g->packets <= ports || (double)ports * probe_s >= g->timeout_s) &&
	       t->period_s - (double)last * probe_s >= g->timeout_s;
}

/* How many ports would do where those that there are don't; 0: no number. */
static uint32_t ports_needed(const struct sharing *g, const struct timing *t)
{
	for (uint32_t ports = n_ports(g) + 1; ports <= SOURCE_PORTS && ports <= g->packets; ports++)
		if (suffice(g, ports, t))
			return ports;
	return 0;
}

/* Keeps the worst of what is tight: that with the most packets. */
static void note_tight(struct el_plan_tight *tight, const struct sharing *g, const struct timing *t)
{
	uint32_t n = tight->n + 1;

	if (g->packets > tight->packets ||
	    (g->packets == tight->packets && strcmp(g->target, tight->target) < 0))
		*tight = (struct el_plan_tight){.target = g->target,
						.packets = g->packets,
						.ports = n_ports(g),
						.needed = ports_needed(g, t),
						.same_ports = g->same_range,
						.timeout_s = g->timeout_s,
						.period_s = t->period_s};
	tight->n = n;
}

bool el_plan_tight_text(const struct el_plan_tight *tight, char *buf, size_t size)
{
	struct el_str s;

	el_str_init(&s, buf, size);
	if (!tight->n)
		return false;
	el_str_addf(&s,
		    "target %s: its port gets %llu TCP probes a round from %u source "
		    "ports, so that one is used again before the probe before it may be answered "
		    "(within %g s); ",
		    tight->target, (unsigned long long)tight->packets, tight->ports,
		    tight->timeout_s);
	if (!tight->same_ports)
		el_str_add(&s, "the same source ports for all groups that probe it, or ports that "
			       "no two of them share, would help");
	else if (tight->needed)
		el_str_addf(&s, "%u source ports would avoid that", tight->needed);
	else if (tight->period_s < tight->timeout_s)
		el_str_addf(&s, "an interval of at least %g s would help, or a shorter timeout",
			    tight->timeout_s);
	else
		el_str_add(&s, "fewer packets or a shorter timeout would help, no number of ports "
			       "would");
	el_str_addf(&s, "; echolane resets the old probe first");
	if (tight->n > 1)
		el_str_addf(&s, "; so it is with %u destinations", tight->n);
	return true;
}

static void place(struct draft **order, const struct sharing *g, uint32_t table)
{
	uint32_t ports = n_ports(g);
	uint64_t before = 0;

	for (uint32_t j = 0; j < g->n; j++) {
		struct el_slice *s = &order[j]->slice;
		uint64_t start = g->same_range && g->packets <= ports
				     ? before
				     : (uint64_t)j * s->port_count / g->n;
		s->port_start = (uint16_t)(start % s->port_count);
		s->half_open_first = table;
		s->half_open_base = (uint16_t)g->first;
		before += s->n_packets;
	}
}

int el_plan_share_cursors(struct el_plan *plan, struct draft *const *drafts, uint32_t n,
			  const struct timing *t, struct el_plan_tight *tight)
{
	struct draft **order = calloc(n ? n : 1, sizeof(*order));
	uint32_t n_tcp = 0;
	uint64_t n_half_open = 0;
	struct sharing g;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (drafts[i]->slice.type == EL_PROBE_TCPSYN)
			order[n_tcp++] = drafts[i];
	}
	plan->ranges = calloc(n_tcp + 1, sizeof(*plan->ranges));
	if (!plan->ranges) {
		free(order);
		return -ENOMEM;
	}
	qsort(order, n_tcp, sizeof(struct draft *), by_tuple);
	for (uint32_t i = 0; i < n_tcp; i += g.n) {
		uint32_t ports;
		g = find_sharing(order + i, n_tcp - i);
		ports = n_ports(&g);
		place(order + i, &g, (uint32_t)n_half_open);
		plan->ranges[plan->n_ranges++] =
		    (struct el_half_open_range){order[i]->slice.addr_key, order[i]->slice.dst_port,
						(uint16_t)g.first, (uint32_t)n_half_open};
		/* packets of a round beyond which no port is used do not need an entry */
		n_half_open += g.same_range && g.packets < ports ? g.packets : ports;
		if (!g.same_range || !suffice(&g, ports, t))
			note_tight(tight, &g, t);
	}
	if (n_half_open >= EL_HALF_OPEN_NONE) {
		free(order);
		return -ENOMEM;
	}
	plan->n_half_open = plan->ranges[plan->n_ranges].first = (uint32_t)n_half_open;
	free(order);
	return 0;
}
