/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a round on a worker: its block waits for the start, is sent, stays open until the
 * last answer may be in, and goes back as a report. Several may be open at a time, one at most is
 * being sent. */
#include "worker_internal.h"

/* After its time a round stays open for what is still in the receive queues, but only for 1 s over
 * this. */
#define CATCH_UP_PART 10

/* Entries of the table of half-open connections that are copied between two polls; some 20 us. */
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

static void report(struct el_worker *w, struct el_block *b, uint64_t closed_ns)
{
	/* The ring holds more than all blocks there are. */
	b->closed_ns = closed_ns;
	rte_ring_sp_enqueue(w->reports, b);
}

/* This worker's part of the streams of a block's plan. */
static struct el_worker_streams *streams_of(const struct el_worker *w, const struct el_block *b)
{
	return &el_schedule_find(w->schedule, b->round)->streams->of[b->worker];
}

static void begin(struct el_worker *w, struct el_block *b)
{
	struct live_round *l = &w->live[b->round % ROUNDS_MAX];
	const struct el_plan *plan = b->set->plans[b->worker];
	uint64_t start = b->start_ns ? b->start_ns : w->iteration_ns;

	settle_gaps(w);
	*l = (struct live_round){.block = b,
				 .plan = plan,
				 .streams = streams_of(w, b),
				 .id_base = el_id_base(&b->set->ids, b->worker, b->round),
				 .id_index_mask = el_id_index_mask(&b->set->ids),
				 .sending = true,
				 .overdue = UINT32_MAX};
	l->last_send_ns = l->moved_ns = b->began_ns = w->iteration_ns;
	b->tai_offset_s = w->wall_line.tai_offset_s;
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		el_pacing_begin(&w->pacing[c], &plan->classes[c], start, w->debt_ns);
		w->pass[c] = w->next[c] = 0;
	}
	w->last_round = b->round;
	atomic_store_explicit(&w->begun, b->round, memory_order_release);
	w->sending = w->newest = l;
	if (!w->n_open_plans || w->open_plans[w->n_open_plans - 1].set != b->set) {
		w->open_plans[w->n_open_plans].set = b->set;
		w->open_plans[w->n_open_plans++].oldest = b->round;
	}
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

/* The time of the sending round is over, but what a short stall has put off still goes out, as long
 * as there are fewer such probes with each iteration. False: none are left, or not fewer. */
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

/* Before the first round of a plan: copies what older plans have left half-open into its streams, a
 * part at each call, so that receiving goes on. True once all is done. */
static bool inherit_half_open(struct el_worker *w, const struct el_block *b)
{
	const struct el_schedule *s = w->schedule;
	struct el_streams *to = el_schedule_find(s, b->round)->streams;
	const struct el_plan_set *set = b->set;

	if (w->heir.to != set->generation) {
		w->heir.to = set->generation;
		w->heir.from = 0;
		w->heir.done = false;
	}
	for (uint32_t i = 0; i < s->n && !w->heir.done; i++) {
		const struct el_plan_set *from = s->spans[i].set;

		if (from->generation >= set->generation || from->generation < w->heir.from)
			continue;
		if (from->generation > w->heir.from) {
			w->heir.from = from->generation;
			w->heir.walk = (struct el_half_open_walk){0};
		}
		if (!el_streams_inherit(to, w->conf.index.v, s->spans[i].streams, &w->heir.walk,
					INHERIT_BUDGET))
			return false;
	}
	w->heir.done = true;
	return true;
}

/* A round is not open any more: nor is its plan, if that was its last. */
static void forget_open(struct el_worker *w, const struct el_block *b)
{
	for (uint32_t i = 0; i < w->n_open_plans; i++) {
		const struct live_round *next;

		if (w->open_plans[i].set != b->set)
			continue;
		next = round_find(w, ++w->open_plans[i].oldest);
		if (next && next->block->set == b->set)
			return;
		w->n_open_plans--;
		for (; i < w->n_open_plans; i++)
			w->open_plans[i] = w->open_plans[i + 1];
	}
}

/* closed_ns: what came in up to then has been looked at. */
static void close_round(struct el_worker *w, struct live_round *l, uint64_t closed_ns)
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
	forget_open(w, b);
	while (w->n_live && !round_find(w, w->oldest_round))
		w->oldest_round++;
	report(w, b, closed_ns);
}

/* Closes a round before its time: what could have been answered yet, or is answered by what has not
 * been looked at, for this worker was away, is abandoned. */
static void close_early(struct el_worker *w, struct live_round *l)
{
	uint64_t seen_ns = passed_now(w, w->iteration_ns);

	for (uint32_t i = 0; i < w->n_queues; i++) {
		if ((int64_t)(w->queues[i].empty_ns - seen_ns) < 0)
			seen_ns = w->queues[i].empty_ns;
	}
	close_round(w, l, seen_ns);
}

/* Frees the place in the table for a round. After ROUNDS_MAX rounds one of an older plan may still
 * have it: that is closed, and answers to it are not waited for. */
static void free_place(struct el_worker *w, uint64_t round)
{
	for (uint32_t i = 0; i < w->n_open_plans;) {
		struct live_round *l = round_find(w, w->open_plans[i].oldest);

		if (l->block->round + ROUNDS_MAX > round)
			i++;
		else
			close_early(w, l);
	}
}

void rounds_begin_due(struct el_worker *w)
{
	struct el_block *b = waiting_head(w);

	if (w->sending || !b || b->round >= w->schedule->gate)
		return;
	if (b->start_ns && (int64_t)(w->iteration_ns - b->start_ns) < 0) {
		inherit_half_open(w, b);
		return;
	}
	if (!inherit_half_open(w, b))
		return;
	free_place(w, b->round);
	w->waiting_head++;
	begin(w, b);
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

/* Whether all that came in by `ns`, here or at another worker, has been looked at. */
static bool caught_up(struct el_worker *w, uint64_t ns)
{
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if ((int64_t)(w->queues[i].empty_ns - ns) < 0)
			return false;
	}
	return passed_all(w, ns);
}

/* When answers to a round that has been sent are late. */
static uint64_t end_of(const struct live_round *l)
{
	return l->last_send_ns + l->block->set->timeout_ns;
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
	uint64_t end = end_of(l);

	if ((int64_t)(w->iteration_ns - end) <= 0 || (l->outstanding && may_go(w)))
		return false;
	if (!l->over_ns)
		l->over_ns = w->iteration_ns;
	if (!caught_up(w, end) && w->iteration_ns - l->over_ns < EL_NS_PER_S / CATCH_UP_PART)
		return false;
	/* a step that is found now begins all this anew */
	return clock_was_right_at(w, l->over_ns) && l->over_ns;
}

/* Rounds of a plan close in their order, and wait for none of another, whose timeouts may be
 * longer.
 */
void rounds_close_due(struct el_worker *w)
{
	end_overdue(w);
	for (uint32_t i = 0; i < w->n_open_plans;) {
		struct live_round *l = round_find(w, w->open_plans[i].oldest);

		if (l->sending || !is_over(w, l))
			i++;
		else if (caught_up(w, end_of(l)))
			close_round(w, l, w->iteration_ns);
		else
			close_early(w, l);
	}
}

void rounds_close_all(struct el_worker *w)
{
	struct live_round *l;

	while ((l = oldest(w)) != NULL)
		close_early(w, l);
}

/* Whether the schedule lets a block's round begin when its time comes. */
static bool may_begin(const struct el_schedule *s, const struct el_block *b)
{
	const struct el_schedule_span *span = el_schedule_find(s, b->round);

	return b->round < s->gate && span && span->set == b->set;
}

/* Hands back, unbegun, the waiting blocks that the schedule does not let begin, or all. */
static void give_back(struct el_worker *w, bool all)
{
	uint32_t end = w->waiting_tail;

	w->waiting_tail = w->waiting_head;
	for (uint32_t i = w->waiting_head; i != end; i++) {
		struct el_block *b = w->waiting[i % ROUNDS_MAX];

		if (!all && may_begin(w->schedule, b)) {
			w->waiting[w->waiting_tail++ % ROUNDS_MAX] = b;
			continue;
		}
		b->cut = true;
		report(w, b, w->iteration_ns);
	}
}

static void cut_sending(struct el_worker *w)
{
	w->sending->block->cut = true;
	tx_drop_outstanding(w, w->sending);
	rounds_end_sending(w);
}

void rounds_cut(struct el_worker *w)
{
	if (w->sending)
		cut_sending(w);
	give_back(w, true);
}

/* Closes the rounds of plans that are not in the schedule any more. */
static void close_dropped(struct el_worker *w)
{
	struct live_round *l;

	while ((l = oldest(w)) != NULL && !el_schedule_find(w->schedule, l->block->round)) {
		if (l->sending)
			rounds_end_sending(w);
		close_early(w, l);
	}
}

void rounds_look_at_board(struct el_worker *w)
{
	const struct el_schedule *s =
	    atomic_load_explicit(&w->conf.board->schedule, memory_order_acquire);

	if (likely(s == w->schedule))
		return;
	/* first the orders that control gave before it: it may take them back */
	worker_take_commands(w);
	w->schedule = s;
	if (s->n)
		w->key = s->spans[s->n - 1].set->key;
	if (w->sending && w->sending->block->round < s->cut)
		cut_sending(w);
	give_back(w, false);
	close_dropped(w);
}
