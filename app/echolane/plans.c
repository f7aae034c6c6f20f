/* SPDX-License-Identifier: BSD-3-Clause */
/* From one plan to the next: the one that is executed, the one before while rounds of it are open,
 * and the one that waits for its next hops. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "planner.h"

#define HOP_WAIT_NS (3 * EL_NS_PER_S)
/* Between the order of the first round and its start. */
#define START_DELAY_S 0.02

static uint64_t soon_tsc(const struct control *c)
{
	return rte_rdtsc() + el_clock_tsc_from_s(&c->now.set->clock, START_DELAY_S);
}

void plans_command_all(struct control *c, enum el_command_kind kind)
{
	const struct el_command command = {.kind = kind};

	for (uint32_t w = 0; w < c->n_workers; w++)
		el_worker_command(c->workers[w], &command);
}

bool plans_are_settled(const struct control *c)
{
	return c->started && !c->planning && !c->next.set && !c->old.set;
}

int plans_order(struct control *c, struct planner_job *job)
{
	struct planner_job *copy = malloc(sizeof(*copy));

	if (!copy) {
		shared_conf_put(job->shared);
		el_plan_set_put(job->order.learn_from);
		return -ENOMEM;
	}
	*copy = *job;
	copy->order.clock = el_clock_init(el_calibration_hz(&c->calibration));
	copy->order.generation = ++c->generation;
	c->planning = true;
	planner_submit(c->planner, copy);
	return 0;
}

void plans_take_results(struct control *c)
{
	struct planner_job *job;
	uint64_t n;

	if (read(planner_fd(c->planner), &n, sizeof(n)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "eventfd: %s", strerror(errno));
	while ((job = planner_take(c->planner)) != NULL) {
		c->planning = false;
		if (job->status == 0) {
			c->next = job->planning;
			c->next_since_ns = c->now_ns;
			c->next_cuts = job->cut;
		}
		if (job->kind == PLANNER_LOAD)
			reload_take_result(c, job);
		else if (job->status < 0)
			el_log(EL_LOG_ERROR, "control", "no new plan: %s", job->err.text);
		free(job);
	}
}

/* The first round of a plan waits until its next hops are known, or three seconds. */
static bool hops_are_known(const struct control *c, uint64_t since_ns)
{
	return network_settled(c->network) || c->now_ns - since_ns >= HOP_WAIT_NS;
}

/* Before the first round all names that will be known soon go into one plan. */
static bool names_are_known(const struct control *c)
{
	return c->started || names_settled(c->names) || c->now_ns - c->started_ns >= HOP_WAIT_NS;
}

static void start(struct control *c)
{
	if (c->started || c->stopping || c->planning || c->next.set || !names_are_known(c) ||
	    !hops_are_known(c, c->started_ns))
		return;
	c->started = true;
	rounds_start(c->now.rounds, 1, soon_tsc(c));
}

/* Has a new plan made of the configuration as it is, because something else has changed: it follows
 * the round that is handed out. One at a time. */
static void replan(struct control *c)
{
	struct planner_job job = {.kind = PLANNER_MAKE};

	c->names_changed |= names_take_changed(c->names);
	if ((!c->names_changed && !c->inventory_changed && !c->misplaced) || c->planning ||
	    c->next.set || c->old.set || c->stopping || !names_are_known(c))
		return;
	job.order.quiet = !c->inventory_changed; /* what names come to is logged with them */
	c->names_changed = c->inventory_changed = false;
	job.order.learn_from = c->misplaced;
	c->misplaced = NULL;
	job.shared = shared_conf_get(c->now.shared);
	if (plans_order(c, &job) < 0)
		el_log(EL_LOG_ERROR, "control", "no new plan: not enough memory");
}

void plans_release_old(struct control *c)
{
	if (!c->old.rounds || !rounds_idle(c->old.rounds) || !rounds_begun(c->now.rounds))
		return;
	c->skipped_before += rounds_skipped(c->old.rounds);
	planner_free(c->planner, &c->old);
}

static void take_next(struct control *c)
{
	c->now = c->next;
	c->next = (struct planning){0};
}

static void maybe_take_next(struct control *c)
{
	uint64_t first, begin;

	if (!c->next.set || c->old.set || !hops_are_known(c, c->next_since_ns))
		return;
	if (!c->started) { /* nobody has seen the first yet */
		planner_free(c->planner, &c->now);
		take_next(c);
		return;
	}
	first = rounds_next(c->now.rounds);
	begin = rounds_next_start(c->now.rounds);
	rounds_retire(c->now.rounds);
	if (c->next_cuts || !c->now.set->period_tsc || (int64_t)(rte_rdtsc() - begin) > 0)
		begin = soon_tsc(c);
	if (c->next_cuts)
		plans_command_all(c, EL_COMMAND_CUT);
	c->old = c->now;
	take_next(c);
	rounds_start(c->now.rounds, first, begin);
	el_log(EL_LOG_DEBUG, "control", "a new plan of %u series begins with round %llu",
	       c->now.model->n_series, (unsigned long long)first);
}

void plans_poll(struct control *c)
{
	replan(c);
	maybe_take_next(c);
	start(c);
}
