/* SPDX-License-Identifier: BSD-3-Clause */
/* Between a change of addresses or routes and the plan that knows of it, probes may leave the wrong
 * way: those that are not answered are no losses of the network's, but local. What has changed
 * somewhere else changes no plan. */
#include <sysexits.h>

#include "el_rtnl.h"
#include "el_ticks.h"
#include "planner.h"

/* Changes that follow each other this closely belong together, and how long they are waited for. */
#define CLOSE_NS (EL_NS_PER_S / 40)
#define TOGETHER_NS (EL_NS_PER_S / 5)
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

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0 ? a : b;
}

/* A plan is wanted for what has changed since `from_ns`. */
static void want(struct control *c, uint64_t from_ns)
{
	c->moved.from_ns = c->moved.wanted ? earlier(from_ns, c->moved.from_ns) : from_ns;
	if (!c->moved.wanted)
		c->moved.first_ns = c->now_ns;
	c->moved.last_ns = c->now_ns;
	c->moved.wanted = true;
}

void moved_poll(struct control *c)
{
	uint64_t now_ns = el_raw_ns();
	unsigned what = network_follow(c->network);

	if (what)
		want(c, change_begin_ns(c, what));
	c->moved.quiet_ns = now_ns;
	look_for_replaced(c);
}

bool moved_is_due(const struct control *c)
{
	return c->moved.wanted && c->now_ns >= c->moved.next_ns &&
	       (c->now_ns - c->moved.last_ns >= CLOSE_NS ||
		c->now_ns - c->moved.first_ns >= TOGETHER_NS);
}

bool moved_order(struct control *c)
{
	bool wanted = c->moved.wanted;

	c->moved.order_ns = c->now_ns;
	if (wanted) {
		c->moved.ordered_from_ns = c->moved.from_ns;
		c->moved.ordered = true;
		c->moved.wanted = false;
	}
	return wanted;
}

void moved_take_result(struct control *c, int status)
{
	c->moved.next_ns = c->now_ns + (c->now_ns - c->moved.order_ns) + PAUSE_NS;
	if (status == 0 || !c->moved.ordered)
		return;
	c->moved.ordered = false;
	if (status < 0)
		want(c, c->moved.ordered_from_ns);
}

uint64_t moved_undecided_ns(const struct control *c)
{
	bool ordered = c->moved.ordered && c->planning;
	/* a plan that waits to be taken comes first, and may be long in coming */
	bool wanted = c->moved.wanted && !c->next.set && !c->stopping;

	if (ordered && wanted)
		return earlier(c->moved.ordered_from_ns, c->moved.from_ns);
	return ordered ? c->moved.ordered_from_ns : wanted ? c->moved.from_ns : 0;
}

static void mark(struct rounds *r, uint64_t from_ns)
{
	const struct el_span span = {.from_ns = from_ns, .to_ns = el_raw_ns()};

	rounds_add_moved(r, &span);
}

void moved_mark(struct control *c)
{
	if (c->moved.ordered && !c->planning)
		mark(c->now.rounds, c->moved.ordered_from_ns);
	if (c->moved.wanted && c->next.set)
		mark(c->now.rounds, c->moved.from_ns);
	if (!c->old.rounds)
		return;
	/* these wait for nothing that is found */
	if (c->moved.ordered)
		mark(c->old.rounds, c->moved.ordered_from_ns);
	if (c->moved.wanted)
		mark(c->old.rounds, c->moved.from_ns);
}

void moved_end(struct control *c)
{
	moved_mark(c);
	c->moved.ordered = false;
}
