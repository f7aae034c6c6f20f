/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a round on a worker: its block waits for the start, is sent, stays open until the
 * last answer may be in, and goes back as a report. Several may be open at a time, one at most is
 * being sent. */
#include "worker_internal.h"

/* The part of a second that a round stays open at most after its time, for what is still in the
 * receive queues. */
#define CATCH_UP_PART 10

/* Entries of the path table that are copied between two polls; some 20 us. */
#define INHERIT_BUDGET 16384

static struct el_block *waiting_head(const struct el_worker *w)
{
	return w->waiting_head == w->waiting_tail ? NULL : w->waiting[w->waiting_head % ROUNDS_MAX];
}

static struct live_round *oldest(struct el_worker *w)
{
	return w->n_live ? round_find(w, w->oldest_round) : NULL;
}

/* The longest gap between two polls goes to every round that was open then. */
static void settle_gaps(struct el_worker *w)
{
	for (uint64_t r = w->oldest_round; w->n_live && r <= w->last_round; r++) {
		struct live_round *l = round_find(w, r);
		if (l && w->recent_gap_ns > l->gap_ns)
			l->gap_ns = w->recent_gap_ns;
	}
	w->recent_gap_ns = 0;
}

static void report(struct el_worker *w, struct el_block *b)
{
	/* The ring holds more than all blocks there are. */
	b->closed_ns = w->iteration_ns;
	rte_ring_sp_enqueue(w->reports, b);
}

/* From now on `set` is the current one. */
static void adopt(struct el_worker *w, const struct el_plan_set *set, uint64_t first_round)
{
	if (w->set != set) {
		w->old_set = w->set;
		w->set = set;
		w->set_first_round = first_round;
	}
	w->given_back = NULL;
	atomic_store_explicit(&w->newest_plan, set->generation, memory_order_release);
	atomic_store_explicit(&w->oldest_plan, (w->old_set ? w->old_set : set)->generation,
			      memory_order_release);
}

void rounds_forget(struct el_worker *w)
{
	w->old_set = NULL;
	atomic_store_explicit(&w->oldest_plan, w->set->generation, memory_order_release);
}

static void begin(struct el_worker *w, struct el_block *b)
{
	struct live_round *l = &w->live[b->round % ROUNDS_MAX];
	const struct el_plan *plan = b->set->plans[b->worker];
	uint64_t start = b->start_ns ? b->start_ns : w->iteration_ns;

	settle_gaps(w);
	*l = (struct live_round){.block = b,
				 .plan = plan,
				 .id_base = el_id_base(&b->set->ids, b->worker, b->round),
				 .id_index_mask = el_id_index_mask(&b->set->ids),
				 .sending = true,
				 .overdue = UINT32_MAX};
	l->last_send_ns = l->moved_ns = b->began_ns = w->iteration_ns;
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		el_pacing_begin(&w->pacing[c], &plan->classes[c], start, w->debt_ns);
		w->pass[c] = w->next[c] = 0;
	}
	adopt(w, b->set, b->round);
	w->last_round = b->round;
	w->sending = w->newest = l;
	if (!w->n_live++)
		w->oldest_round = b->round;
}

void rounds_end_sending(struct el_worker *w)
{
	struct live_round *l = w->sending;
	uint64_t skipped = 0;

	if (!l)
		return;
	for (uint32_t c = 0; c < l->plan->n_classes; c++) {
		uint64_t of_class = el_pacing_skipped_ns(&w->pacing[c]);
		skipped = of_class > skipped ? of_class : skipped;
	}
	l->block->skipped_ns = skipped;
	l->sending = false;
	w->sending = NULL;
}

/* The time of the sending round is over: what a short stall has put off still goes out, as long as
 * each iteration sends some of it. False once there is nothing left or no getting on. Once an
 * iteration. */
static bool finish_late(struct el_worker *w)
{
	struct live_round *l = w->sending;
	uint32_t before = l->overdue;

	l->overdue = 0;
	for (uint32_t c = 0; c < l->plan->n_classes; c++) {
		el_pacing_end(&w->pacing[c], w->iteration_ns);
		l->overdue += w->pacing[c].total - w->pacing[c].done;
	}
	return l->overdue > 0 && l->overdue < before;
}

/* The latest of the blocks that wait; NULL: none. */
static const struct el_block *waiting_last(const struct el_worker *w)
{
	return w->waiting_head == w->waiting_tail ? NULL
						  : w->waiting[(w->waiting_tail - 1) % ROUNDS_MAX];
}

const struct el_plan_set *rounds_next_set(const struct el_worker *w)
{
	const struct el_block *b = waiting_last(w);

	if (w->told || b)
		return w->told ? w->told : b->set;
	return w->given_back ? w->given_back : w->set;
}

const struct el_plan_set *rounds_set_of(const struct el_worker *w, uint64_t round)
{
	for (uint32_t i = w->waiting_tail; i != w->waiting_head; i--) {
		const struct el_block *b = w->waiting[(i - 1) % ROUNDS_MAX];

		if (round >= b->round)
			return b->set;
	}
	if (w->told && round >= w->told_first_round)
		return w->told;
	if (w->given_back && round >= w->given_back_first_round)
		return w->given_back;
	return round >= w->set_first_round ? w->set : w->old_set;
}

uint64_t rounds_newest_elsewhere(const struct el_worker *w)
{
	const struct el_block *b = waiting_last(w);

	return b ? b->round : w->last_round + 1; /* else this worker has given it back */
}

/* Before another plan becomes the current one: connections that the plan before has left half-open
 * must not be forgotten. A part at a time, so that receiving goes on; true once all is done.
 * Nothing is being sent. */
static bool inherit_paths(struct el_worker *w, const struct el_plan_set *set)
{
	if (w->set == set)
		return true;
	if (w->heir != set->generation) {
		w->heir = set->generation;
		w->walk = (struct el_path_walk){0};
	}
	return el_plan_inherit_paths(set->plans[w->conf.index.v], w->set, &w->walk, INHERIT_BUDGET);
}

void rounds_tell(struct el_worker *w, const struct el_plan_set *set, uint64_t first_round)
{
	w->told = set;
	w->told_first_round = first_round;
}

/* What others have begun becomes the current plan here, too. False: not all is taken over yet. */
static bool adopt_told(struct el_worker *w)
{
	if (!inherit_paths(w, w->told))
		return false;
	adopt(w, w->told, w->told_first_round);
	w->told = NULL;
	return true;
}

void rounds_begin_due(struct el_worker *w)
{
	struct el_block *b = waiting_head(w);

	if (w->sending || (w->told && !adopt_told(w)) || !b)
		return;
	if (b->start_ns && (int64_t)(w->iteration_ns - b->start_ns) < 0) {
		inherit_paths(w, b->set);
		return;
	}
	/* The slot is free unless rounds were numbered with a gap as wide as the table; then wait.
	 */
	if (w->live[b->round % ROUNDS_MAX].block || !inherit_paths(w, b->set))
		return;
	w->waiting_head++;
	begin(w, b);
}

static void close_round(struct el_worker *w, struct live_round *l)
{
	struct el_block *b = l->block;

	tx_drop_outstanding(w, l);
	settle_gaps(w);
	b->poll_gap_ns = l->gap_ns;
	b->sent_ns = l->last_send_ns;
	atomic_store_explicit(&w->counters.poll_gap_last_ns, l->gap_ns, memory_order_relaxed);
	l->block = NULL;
	if (w->newest == l)
		w->newest = NULL;
	w->n_live--;
	while (w->n_live && !round_find(w, w->oldest_round))
		w->oldest_round++;
	report(w, b);
}

/* A round ends although not all of it is sent when the next one is to begin, or when it has taken
 * the longest it may. */
static void end_overdue(struct el_worker *w)
{
	const struct el_block *next = waiting_head(w), *b;
	uint64_t now = w->iteration_ns, limit;

	if (!w->sending)
		return;
	b = w->sending->block;
	limit = b->set->limit_ns;
	if ((next && next->start_ns && (int64_t)(now - next->start_ns) >= 0) ||
	    (limit &&
	     (int64_t)(now - (b->start_ns ? b->start_ns : b->began_ns)) > (int64_t)limit)) {
		if (!finish_late(w))
			rounds_end_sending(w);
	}
}

void rounds_end_stuck(struct el_worker *w)
{
	const struct live_round *l = w->sending;
	const struct el_plan_set *set;
	uint64_t still_ns;

	if (!l)
		return;
	still_ns = w->iteration_ns - l->moved_ns;
	set = l->block->set;
	/* a second at least, however short the timeout */
	if ((int64_t)still_ns > (int64_t)EL_NS_PER_S &&
	    (int64_t)still_ns > (int64_t)(set->period_ns + set->timeout_ns))
		rounds_end_sending(w);
}

/* Whether all that came in by `ns` has been looked at. */
static bool caught_up(const struct el_worker *w, uint64_t ns)
{
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if ((int64_t)(w->queues[i].empty_ns - ns) < 0)
			return false;
	}
	return true;
}

/* Whether what is built and has not gone may still go: no device is stuck. */
static bool may_go(const struct el_worker *w)
{
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (w->queues[i].stuck)
			return false;
	}
	return true;
}

/* Whether all of a round has been sent, its time is over by a clock that is right, and all answers
 * that came within it have been looked at: its worker may have been away. A device that takes
 * nothing, or a queue that never gets empty, holds that up for a while only. */
static bool is_over(struct el_worker *w, struct live_round *l)
{
	uint64_t end = l->last_send_ns + l->block->set->timeout_ns;

	if ((int64_t)(w->iteration_ns - end) <= 0 || (l->outstanding && may_go(w)))
		return false;
	if (!l->over_ns)
		l->over_ns = w->iteration_ns;
	if (!caught_up(w, end) && w->iteration_ns - l->over_ns < EL_NS_PER_S / CATCH_UP_PART)
		return false;
	/* a step that is found now begins all this anew */
	return clock_was_right_at(w, l->over_ns) && l->over_ns;
}

/* Rounds close in their order, so that reports come in order too. */
void rounds_close_due(struct el_worker *w)
{
	struct live_round *l;

	end_overdue(w);
	while ((l = oldest(w)) != NULL && !l->sending && is_over(w, l))
		close_round(w, l);
}

void rounds_close_all(struct el_worker *w)
{
	struct live_round *l;

	while ((l = oldest(w)) != NULL)
		close_round(w, l);
}

void rounds_withdraw(struct el_worker *w)
{
	struct el_block *b = waiting_head(w);

	w->given_back = b && b->set != w->set ? b->set : NULL;
	w->given_back_first_round = b ? b->round : 0;
	while ((b = waiting_head(w)) != NULL) {
		w->waiting_head++;
		b->cut = true;
		report(w, b);
	}
	/* there is one writer; it tells that the reports are in */
	atomic_store_explicit(&w->withdrawals, w->withdrawals + 1, memory_order_release);
}

void rounds_cut(struct el_worker *w)
{
	if (w->sending) {
		w->sending->block->cut = true;
		tx_drop_outstanding(w, w->sending);
		rounds_end_sending(w);
	}
	rounds_withdraw(w);
}
