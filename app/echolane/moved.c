/* SPDX-License-Identifier: BSD-3-Clause */
#include "moved.h"

#include "el_rtnl.h"

/* Changes that follow each other this closely belong together, and how long they are waited for. */
#define CLOSE_NS (EL_NS_PER_S / 40)
#define TOGETHER_NS (EL_NS_PER_S / 5)
/* Between two plans for changes, besides the time that the first took. */
#define PAUSE_NS (EL_NS_PER_S / 20)

/* A plan is wanted for what has changed since `from_ns`. */
static void want(struct moved *m, uint64_t from_ns, uint64_t now_ns)
{
	m->from_ns = m->wanted ? el_ns_earlier(from_ns, m->from_ns) : from_ns;
	if (!m->wanted)
		m->first_ns = now_ns;
	m->last_ns = now_ns;
	m->wanted = true;
}

void moved_look(struct moved *m, unsigned what, uint64_t timeout_ns, uint64_t now_ns)
{
	/* a change of addresses takes answers away that are still under way */
	bool takes_answers = what & ~(unsigned)EL_RTNL_ROUTES;

	if (what)
		want(m, m->quiet_ns - (takes_answers ? timeout_ns : 0), now_ns);
	m->quiet_ns = now_ns;
}

bool moved_is_due(const struct moved *m, uint64_t now_ns)
{
	return m->wanted && (int64_t)(now_ns - m->next_ns) >= 0 &&
	       (now_ns - m->last_ns >= CLOSE_NS || now_ns - m->first_ns >= TOGETHER_NS);
}

bool moved_order(struct moved *m, uint64_t now_ns)
{
	bool wanted = m->wanted;

	m->order_ns = now_ns;
	if (wanted) {
		m->ordered_from_ns = m->from_ns;
		m->ordered = true;
		m->wanted = false;
	}
	return wanted;
}

void moved_take_result(struct moved *m, int result, uint64_t now_ns)
{
	m->next_ns = now_ns + (now_ns - m->order_ns) + PAUSE_NS;
	if (result == PLAN_MADE || !m->ordered)
		return;
	m->ordered = false;
	if (result != PLAN_NOT_NEEDED)
		want(m, m->ordered_from_ns, now_ns);
}

uint64_t moved_undecided_ns(const struct moved *m, const struct rollout *r, bool is_making)
{
	bool ordered = m->ordered && is_making;
	/* a plan that waits to be taken comes first, and may be long in coming */
	bool wanted = m->wanted && !r->next.set && r->state < ROLLOUT_STOPPING;

	if (ordered && wanted)
		return el_ns_earlier(m->ordered_from_ns, m->from_ns);
	return ordered ? m->ordered_from_ns : wanted ? m->from_ns : 0;
}

static void mark(const struct rollout *r, uint64_t from_ns, uint64_t now_ns)
{
	const struct rounds_note note = {.moved = {.from_ns = from_ns, .to_ns = now_ns}};

	rollout_note(r, &note, now_ns);
}

void moved_mark(const struct moved *m, const struct rollout *r, bool is_making, uint64_t now_ns)
{
	if (m->ordered && !is_making)
		mark(r, m->ordered_from_ns, now_ns);
	if (m->wanted && r->next.set)
		mark(r, m->from_ns, now_ns);
}

void moved_end(struct moved *m, const struct rollout *r, uint64_t now_ns)
{
	moved_mark(m, r, false, now_ns);
	m->ordered = false;
}
