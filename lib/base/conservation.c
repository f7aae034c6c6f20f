/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_conservation.h"

#include "el_clock.h"

/* More than any counter moves between two readings: less than a second at 150 million a second. */
#define STEP_MAX (1ULL << 28)

#define SETTLE_NS (EL_NS_PER_S / 5)
#define SETTLE_MAX_NS (4 * EL_NS_PER_S)

/* A few frames of its own (LLDP, flow control) are no reason to doubt a NIC's counters. */
#define OWN_FRAMES 64

bool el_counter_step(uint64_t before, uint64_t now, uint64_t *ret_step)
{
	if (now >= before || now - before < STEP_MAX) {
		*ret_step = now - before;
		return true;
	}
	if (before <= UINT32_MAX && (uint32_t)(now - before) < STEP_MAX) {
		*ret_step = (uint32_t)(now - before);
		return true;
	}
	*ret_step = now;
	return false;
}

void el_conservation_init(struct el_conservation *c, uint64_t room, uint64_t now_ns)
{
	*c = (struct el_conservation){.room = room, .settle_ns = SETTLE_NS, .before_ns = now_ns};
}

static void settle(struct el_conservation *c, const struct el_flow *now)
{
	c->owing = c->missing > 0;
	c->missing = 0;
	c->base = *now;
	if (now->out > 2 * now->in + OWN_FRAMES)
		c->doubted = true;
}

/* Between `before` and now, which are far enough apart. */
static uint64_t compare(struct el_conservation *c, const struct el_flow *now)
{
	uint64_t in = now->in - c->base.in, recent = now->in - c->before.in, told = 0;
	uint64_t out = now->out - c->base.out + now->dropped - c->base.dropped;
	int64_t missing = (int64_t)(in - out);

	if (c->owing && missing < 0) {
		/* what was told to be missing has come late */
		c->settle_ns = c->settle_ns < SETTLE_MAX_NS ? 2 * c->settle_ns : c->settle_ns;
		c->owing = false;
	}
	missing -= (int64_t)(recent < c->room ? recent : c->room);
	if (missing > (int64_t)c->missing) {
		told = (uint64_t)missing - c->missing;
		c->missing = (uint64_t)missing;
	}
	if (!recent && now->out == c->before.out && now->dropped == c->before.dropped)
		settle(c, now);
	return told;
}

uint64_t el_conservation_update(struct el_conservation *c, uint64_t now_ns,
				const struct el_flow *now)
{
	uint64_t told = 0;

	if (now->breaks != c->before.breaks) {
		c->unsure = true;
	} else if (now_ns - c->before_ns < c->settle_ns) {
		return 0;
	} else if (c->unsure) {
		/* what has gone in since the break may be what came out just before it */
		c->base = c->before;
		c->base.in = now->in;
		c->missing = 0;
		c->owing = c->unsure = false;
	} else if (!c->doubted) {
		told = compare(c, now);
	}
	c->before = *now;
	c->before_ns = now_ns;
	return c->doubted ? 0 : told;
}
