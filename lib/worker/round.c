/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a round on a worker: its block waits for the start, is sent, stays open until the
 * last answer may be in, and goes back as a report. Several may be open at a time, one at most is
 * being sent. */
#include "worker_internal.h"

static struct el_block *waiting_head(struct el_worker *w)
{
	return w->waiting_head == w->waiting_tail ? NULL : w->waiting[w->waiting_head % ROUNDS_MAX];
}

/* The longest gap between two polls goes to every round that was open then. */
static void settle_gaps(struct el_worker *w)
{
	for (uint32_t i = 0; i < w->n_live_slots; i++) {
		struct live_round *l = &w->live[i];
		if (l->block && w->recent_gap_tsc > l->gap_tsc)
			l->gap_tsc = w->recent_gap_tsc;
	}
	w->recent_gap_tsc = 0;
}

static void report(struct el_worker *w, struct el_block *b)
{
	/* The ring holds more than all blocks there are. */
	b->closed_tsc = w->iteration_tsc;
	rte_ring_sp_enqueue(w->reports, b);
}

static void begin(struct el_worker *w, struct el_block *b)
{
	struct live_round *l = &w->live[b->round & w->live_mask];
	const struct el_plan *plan = b->set->plans[b->worker];
	uint64_t start = b->start_tsc ? b->start_tsc : w->iteration_tsc;

	settle_gaps(w);
	*l = (struct live_round){.block = b, .plan = plan, .sending = true, .last_send_tsc = start};
	b->began_tsc = w->iteration_tsc;
	for (uint32_t c = 0; c < plan->n_classes; c++) {
		el_pacing_begin(&w->pacing[c], &plan->classes[c], start, w->debt_tsc);
		w->pass[c] = w->next[c] = 0;
	}
	if (w->set != b->set) {
		el_plan_set_put(w->set);
		w->set = el_plan_set_get(b->set);
	}
	w->last_round = b->round;
	w->sending = l;
	w->n_live++;
}

/* When a round that is sent is over, unless something of it is still in a TX list. */
static uint64_t close_tsc(const struct live_round *l)
{
	return l->last_send_tsc + l->block->set->timeout_tsc;
}

static void note_close(struct el_worker *w, uint64_t tsc)
{
	if ((int64_t)(tsc - w->close_tsc) < 0)
		w->close_tsc = tsc;
}

void rounds_end_sending(struct el_worker *w)
{
	struct live_round *l = w->sending;
	uint64_t skipped = 0;

	if (!l)
		return;
	for (uint32_t c = 0; c < l->plan->n_classes; c++) {
		if (w->pacing[c].skipped_tsc > skipped)
			skipped = w->pacing[c].skipped_tsc;
	}
	l->block->skipped_tsc = skipped;
	l->sending = false;
	w->sending = NULL;
	note_close(w, close_tsc(l));
}

void rounds_begin_due(struct el_worker *w)
{
	struct el_block *b = waiting_head(w);

	if (!b)
		return;
	if (b->start_tsc) {
		if ((int64_t)(w->iteration_tsc - b->start_tsc) < 0)
			return;
		rounds_end_sending(w);
	} else if (w->sending) {
		return;
	}
	/* The slot is free unless rounds were numbered with a gap as wide as the table; then wait.
	 */
	if (w->live[b->round & w->live_mask].block)
		return;
	w->waiting_head++;
	begin(w, b);
}

static void close_round(struct el_worker *w, struct live_round *l)
{
	struct el_block *b = l->block;

	tx_drop_outstanding(w, l);
	settle_gaps(w);
	b->poll_gap_tsc = l->gap_tsc;
	b->sent_tsc = l->last_send_tsc;
	atomic_store_explicit(&w->counters.poll_gap_last_tsc, l->gap_tsc, memory_order_relaxed);
	l->block = NULL;
	w->n_live--;
	report(w, b);
}

void rounds_close_due(struct el_worker *w)
{
	uint64_t now = w->iteration_tsc;

	if (w->n_live == (w->sending ? 1U : 0U) || (int64_t)(now - w->close_tsc) <= 0)
		return;
	w->close_tsc = now + INT64_MAX;
	for (uint32_t i = 0; i < w->n_live_slots; i++) {
		struct live_round *l = &w->live[i];
		if (!l->block || l->sending)
			continue;
		if ((int64_t)(now - close_tsc(l)) > 0)
			close_round(w, l);
		else
			note_close(w, close_tsc(l));
	}
}

void rounds_cut(struct el_worker *w)
{
	struct el_block *b;

	if (w->sending) {
		w->sending->block->cut = true;
		tx_drop_outstanding(w, w->sending);
		rounds_end_sending(w);
	}
	while ((b = waiting_head(w)) != NULL) {
		w->waiting_head++;
		b->cut = true;
		report(w, b);
	}
}
