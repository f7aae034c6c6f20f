/* SPDX-License-Identifier: BSD-3-Clause */
/* Between a change of addresses or routes and the plan that knows of it, probes may leave the wrong
 * way: those that are not answered are no losses of the network's, but local. What has changed
 * somewhere else changes no plan. */
#include <sysexits.h>

#include "el_rtnl.h"
#include "el_ticks.h"
#include "planner.h"

/* Between two plans for changes, besides the time that the first took. */
#define PAUSE_NS (EL_NS_PER_S / 20)

/* A change of addresses takes answers away that are still under way. */
static uint64_t change_begin_ns(const struct control *c, unsigned what)
{
	uint64_t timeout_ns = what & ~(unsigned)EL_RTNL_ROUTES ? c->now.set->timeout_ns : 0;

	return c->moved.quiet_ns - timeout_ns;
}

/* The sockets of DPDK's drivers stay with the interface that they were opened on: whoever started
 * this program has to do so again. */
static void look_for_replaced(struct control *c)
{
	const struct el_port *port = network_find_replaced(c->network);

	if (!port || c->stopping)
		return;
	el_log(EL_LOG_ERROR, "network",
	       "port %s: %s was removed and made again or has another MAC address, which its "
	       "driver can't follow: ending with status %d, to be started again",
	       port->name, port->interface, EX_UNAVAILABLE);
	c->status = EX_UNAVAILABLE;
	control_stop(c);
}

void moved_poll(struct control *c)
{
	uint64_t now_ns = el_raw_ns(), from_ns;
	unsigned what = network_follow(c->network);

	if (what) {
		from_ns = change_begin_ns(c, what);
		if (!c->moved.from_ns || (int64_t)(from_ns - c->moved.from_ns) < 0)
			c->moved.from_ns = from_ns;
		c->moved.wanted = true;
	}
	c->moved.quiet_ns = now_ns;
	look_for_replaced(c);
}

bool moved_is_due(const struct control *c)
{
	return c->moved.wanted && c->now_ns >= c->moved.next_ns;
}

bool moved_order(struct control *c)
{
	bool wanted = c->moved.wanted;

	c->moved.ordered_ns = c->now_ns;
	c->moved.ordered = c->moved.ordered || wanted;
	c->moved.wanted = false;
	return wanted;
}

void moved_take_result(struct control *c, int status)
{
	c->moved.next_ns = c->now_ns + (c->now_ns - c->moved.ordered_ns) + PAUSE_NS;
	if (status < 0)
		c->moved.wanted |= c->moved.ordered;
	if (status != 0)
		c->moved.ordered = false;
	if (status > 0 && !c->moved.wanted)
		c->moved.from_ns = 0;
}

bool moved_is_undecided(const struct control *c)
{
	return c->moved.from_ns && c->moved.ordered && c->planning;
}

void moved_mark(struct control *c)
{
	const struct el_span span = {.from_ns = c->moved.from_ns, .to_ns = el_raw_ns()};

	if (!span.from_ns)
		return;
	if (!moved_is_undecided(c))
		rounds_add_moved(c->now.rounds, &span);
	/* these don't wait for what is found */
	if (c->old.rounds)
		rounds_add_moved(c->old.rounds, &span);
}

void moved_end(struct control *c)
{
	moved_mark(c);
	c->moved.ordered = false;
	if (!c->moved.wanted)
		c->moved.from_ns = 0;
}
