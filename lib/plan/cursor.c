/* SPDX-License-Identifier: BSD-3-Clause */
/* Port cursors. A TCP listener that still waits for the end of a handshake answers a second SYN of
 * the same 4-tuple with a rate-limited challenge ACK at best (RFC 9293, 3.10.7.4; RFC 5961, 4), so
 * a 4-tuple should not come again while its probe may be open. Streams with the same addresses and
 * destination port share the source ports: each begins at another place of the range. Where that
 * does not suffice (too few ports, an answer that was lost, a new plan right after the last one)
 * the worker resets the old probe before the next: its path table has the last one of each port. */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>

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
		g.packets += s->n_packets;
		g.n++;
	}
	return g;
}

/* True if each 4-tuple is used once a round at most and rounds are a timeout apart, so that none
 * can meet its own past. */
static bool never_meets(const struct sharing *g, const struct timing *t)
{
	return g->same_range && g->packets <= g->last - g->first + 1 && t->period_s >= t->timeout_s;
}

/* True if the uses of a 4-tuple are a timeout apart all the same, since probes are spread evenly.
 */
static bool spread_suffices(const struct sharing *g, const struct timing *t)
{
	uint32_t ports = g->last - g->first + 1;

	return g->same_range && g->packets % ports == 0 &&
	       t->window_s * ports / (double)g->packets >= t->timeout_s;
}

static void place(struct draft **order, const struct sharing *g, uint32_t table)
{
	uint32_t ports = g->last - g->first + 1;
	uint64_t before = 0;

	for (uint32_t j = 0; j < g->n; j++) {
		struct el_slice *s = &order[j]->slice;
		uint64_t start = g->same_range && g->packets <= ports
				     ? before
				     : (uint64_t)j * s->port_count / g->n;
		s->port_start = (uint16_t)(start % s->port_count);
		s->path_first = table;
		s->path_base = (uint16_t)g->first;
		before += s->n_packets;
	}
}

int el_plan_share_cursors(struct el_plan *plan, struct draft *const *drafts, uint32_t n,
			  const struct timing *t)
{
	struct draft **order = calloc(n ? n : 1, sizeof(*order));
	const struct draft *tight = NULL;
	uint32_t n_tcp = 0, n_tight = 0;
	uint64_t n_paths = 0;
	struct sharing g, tightest = {0};

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
		ports = g.last - g.first + 1;
		place(order + i, &g, (uint32_t)n_paths);
		plan->ranges[plan->n_ranges++] =
		    (struct el_path_range){order[i]->slice.addr_key, order[i]->slice.dst_port,
					   (uint16_t)g.first, (uint32_t)n_paths};
		/* packets of a round beyond which no port is used do not need an entry */
		n_paths += g.same_range && g.packets < ports ? g.packets : ports;
		if (never_meets(&g, t) || spread_suffices(&g, t))
			continue;
		n_tight++;
		if (!tight || g.packets > tightest.packets) {
			tight = order[i];
			tightest = g;
		}
	}
	if (n_paths >= EL_PATH_NONE) {
		free(order);
		return -ENOMEM;
	}
	plan->n_paths = plan->ranges[plan->n_ranges].first = (uint32_t)n_paths;
	if (tight)
		el_log(EL_LOG_WARNING, "plan",
		       "target %s: its TCP probes come back to a source port within %g s, before "
		       "the one before may "
		       "be answered; %llu source ports (and an interval of at least the timeout) "
		       "would avoid "
		       "that, there are %u; echolane resets the old probe first (%u such "
		       "destinations)",
		       tight->target->name, t->timeout_s, (unsigned long long)tightest.packets,
		       tightest.last - tightest.first + 1, n_tight);
	free(order);
	return 0;
}
