/* SPDX-License-Identifier: BSD-3-Clause */
/* From one plan to the next: the one that is executed, the one before while rounds of it are open,
 * and the one that waits to be taken. Workers know two plans at a time. So a change waits for the
 * answers that are still out to the plan before the current one, but never for a round: rounds that
 * are not begun are taken back, a plan that is not begun is dropped, and a reload cuts short what
 * is being sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "el_ticks.h"
#include "planner.h"

#define HOP_WAIT_NS (3 * EL_NS_PER_S)
/* How long after its last round answers to a plan are told late that come in under the next one. */
#define LATE_ANSWERS_NS (60 * EL_NS_PER_S)
/* Between the order of the first round and its start: no worker takes longer to see an order. */
#define START_DELAY_NS (20 * EL_NS_PER_S / 1000)

static uint64_t soon_ns(void)
{
	return el_raw_ns() + START_DELAY_NS;
}

/* False: not now, for want of room; nobody has got it. */
static bool command_all(struct control *c, struct el_command command)
{
	struct el_command commands[EL_PLAN_WORKERS_MAX];

	for (uint32_t w = 0; w < c->n_workers; w++)
		commands[w] = command;
	return el_workers_command(c->workers, c->n_workers, commands);
}

/* Has workers give back what they have not begun and, to CUT, stop sending. False: not now. */
static bool take_back(struct control *c, enum el_command_kind kind)
{
	if (!command_all(c, (struct el_command){.kind = kind}))
		return false;
	rounds_retire(c->now.rounds);
	c->taken_back++;
	return true;
}

/* True if all workers have given it back; then it is with its rounds, too. */
static bool have_taken_back(struct control *c)
{
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (el_worker_withdrawals(c->workers[w]) != c->taken_back)
			return false;
	}
	control_collect_blocks(c);
	return true;
}

/* How many workers have begun a round of the current plan, or know of it. */
static uint32_t n_begun(const struct control *c)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < c->n_workers; w++)
		n += el_worker_newest_plan(c->workers[w]) == c->now.set->generation;
	return n;
}

/* Nobody uses the plan any more. */
static void let_go(struct control *c, struct planning *p)
{
	planning_release(c, p);
	planner_free(c->planner, p);
}

bool plans_may_order(const struct control *c)
{
	return !c->planning && !c->next.set && !c->stopping;
}

int plans_order(struct control *c, struct planner_job *job)
{
	struct planner_job *copy = malloc(sizeof(*copy));

	if (!copy || planning_take_snapshot(c, &job->order.from) < 0) {
		shared_conf_put(job->shared);
		planning_order_fini(&job->order);
		free(copy);
		return -ENOMEM;
	}
	*copy = *job;
	copy->order.generation = ++c->generation;
	if (moved_order(c))
		copy->cut = true;
	c->planning = true;
	planner_submit(c->planner, copy);
	return 0;
}

void plans_take_results(struct control *c)
{
	struct planner_job *job;
	uint64_t n;

	if (read(job_thread_fd(c->planner), &n, sizeof(n)) < 0 && errno != EAGAIN)
		el_log(EL_LOG_ERROR, "control", "eventfd: %s", strerror(errno));
	while ((job = planner_take(c->planner)) != NULL) {
		c->planning = false;
		moved_take_result(c, job->status);
		if (job->status == 0) {
			planning_adopt(c, &job->planning);
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
	return network_told(c->network) &&
	       (network_settled(c->network) || c->now_ns - since_ns >= HOP_WAIT_NS);
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
	rounds_start(c->now.rounds, 1, soon_ns());
}

/* Has a new plan made of the configuration as it is, because something else has changed: it follows
 * the round under way. One at a time. */
static void replan(struct control *c)
{
	/* until it is done, no other plan becomes the one that is executed */
	struct planner_job job = {.kind = PLANNER_MAKE, .order.is_update = true};
	bool other;

	c->names_changed |= names_take_changed(c->names);
	c->names_changed |= network_take_room(c->network);
	other = c->names_changed || c->inventory_changed || c->misplaced;
	if ((!other && !moved_is_due(c)) || !plans_may_order(c) || !names_are_known(c))
		return;
	job.order.only_if_moved = !other;
	c->names_changed = c->inventory_changed = false;
	job.order.learn_from = c->misplaced;
	c->misplaced = NULL;
	job.shared = shared_conf_get(c->now.shared);
	if (plans_order(c, &job) < 0)
		el_log(EL_LOG_ERROR, "control", "no new plan: not enough memory");
}

/* No more rounds of the old plan; true once nobody needs to know it any more. */
static bool old_is_over(struct control *c)
{
	if (c->old.rounds) {
		struct planning rounds = {.rounds = c->old.rounds};

		if (!rounds_idle(c->old.rounds) || n_begun(c) < c->n_workers)
			return false;
		c->old.rounds = NULL;
		c->old_ended_ns = c->now_ns;
		let_go(c, &rounds);
	}
	return c->next.set || c->now_ns - c->old_ended_ns >= LATE_ANSWERS_NS;
}

void plans_release_old(struct control *c)
{
	if (!c->old.set || !old_is_over(c))
		return;
	c->forgotten =
	    c->forgotten || command_all(c, (struct el_command){.kind = EL_COMMAND_FORGET});
	for (uint32_t w = 0; w < c->n_workers; w++) {
		if (el_worker_oldest_plan(c->workers[w]) <= c->old.set->generation)
			return;
	}
	if (c->old.events && events_wait_for(c->old.events, c->current->model)) {
		control_republish(c);
		if (c->republish) /* statistics is busy */
			return;
	}
	let_go(c, &c->old);
	c->forgotten = false;
}

static void take_next(struct control *c)
{
	c->now = c->next;
	c->next = (struct planning){0};
	c->taking_back = 0;
	c->told = false;
}

/* True if it is not the time to take rounds back: workers may be about to begin one, some sooner
 * than others; or the current plan is begun, and only the answers to the one before are waited for,
 * with sending going on. */
static bool must_wait(const struct control *c)
{
	uint64_t now = el_raw_ns();
	/* what nobody has begun may be about to be, although its time has come */
	uint64_t begin = rounds_next_begin(c->now.rounds, c->old.set ? 0 : now);
	int64_t ahead = (int64_t)(begin - now);
	int64_t soon = (int64_t)RTE_MIN(START_DELAY_NS, c->now.set->period_ns / 2);

	if (c->old.set && n_begun(c) > 0)
		return true;
	if (c->old.set)
		return begin && ahead < soon;
	/* a cut leaves rounds incomplete anyway */
	return !c->next_cuts && ahead >= 0 && ahead < soon;
}

/* The next plan comes after the round under way, or at once. */
static void follow(struct control *c)
{
	uint64_t first = rounds_next(c->now.rounds), begin = rounds_next_start(c->now.rounds);

	if (c->next_cuts || (int64_t)(el_raw_ns() - begin) > 0)
		begin = soon_ns();
	if (!c->next_cuts && !c->next.set->period_ns)
		begin = 0; /* when what is being sent is sent */
	c->skipped_before += rounds_skipped(c->now.rounds);
	moved_end(c);
	if (c->old.set)
		let_go(c, &c->now);
	else
		c->old = c->now;
	take_next(c);
	rounds_start(c->now.rounds, first, begin);
	el_log(EL_LOG_DEBUG, "control", "a new plan of %u series begins with round %llu",
	       c->now.model->n_series, (unsigned long long)first);
}

/* A round was begun all the same, and that has made its plan the second: the one before must go
 * first, and it stays while any worker knows no newer one. */
static void tell_current(struct control *c)
{
	c->told = c->told ||
		  command_all(c, (struct el_command){.kind = EL_COMMAND_PLAN,
						     .set = c->now.set,
						     .first_round = rounds_first(c->now.rounds)});
}

static void maybe_take_next(struct control *c)
{
	if (!c->next.set || c->stopping || !hops_are_known(c, c->next_since_ns))
		return;
	if (!c->started) { /* nobody has seen the first yet */
		moved_end(c);
		let_go(c, &c->now);
		take_next(c);
		return;
	}
	if (!c->taking_back) {
		if (must_wait(c))
			return;
		c->taking_back = take_back(c, c->next_cuts ? EL_COMMAND_CUT : EL_COMMAND_WITHDRAW);
	}
	if (!c->taking_back || !have_taken_back(c))
		return;
	if (!c->old.set)
		follow(c);
	else if (n_begun(c) > 0)
		tell_current(c);
	else if (c->taking_back < 2) /* workers know until then what they have given back */
		c->taking_back += take_back(c, EL_COMMAND_WITHDRAW);
	else
		follow(c);
}

void plans_poll(struct control *c)
{
	if (c->stopping && !c->cut)
		c->cut = take_back(c, EL_COMMAND_CUT);
	replan(c);
	maybe_take_next(c);
	start(c);
}
