/* SPDX-License-Identifier: BSD-3-Clause */
/* Checking the worker's clock: about once a second, when the time seems to have jumped, and before
 * a round is said to be over; and when control asks for it, which has another clock, for a counter
 * that stands still gives no reason to look. So no time that passed on a wrong clock alone makes a
 * probe a lost one. Not on the hot path. */
#include "worker_internal.h"

/* The next try after a pair that was no good. */
#define RETRY_NS 1000000

/* The latest pair goes to control; no room: it has others to look at. */
static void tell(struct el_worker *w, const struct el_clock_pair *pair, const struct el_span *step)
{
	const struct el_clock_note note = {.pair = *pair,
					   .step = *step,
					   .steps = w->clock.steps,
					   .error_ppb = w->clock.error_ppb,
					   .monotonic = w->clock.monotonic};

	rte_ring_sp_enqueue_elem(w->clock_notes, (void *)(uintptr_t)&note, sizeof(note));
}

/* Times of the open rounds may be wrong by `step`. */
static void mark_rounds(struct el_worker *w, const struct el_span *step)
{
	for (uint64_t r = w->oldest_round; w->n_live && r <= w->last_round; r++) {
		struct live_round *l = round_find(w, r);

		if (l)
			el_span_add(&l->block->step, step);
	}
}

/* No time that is kept may be later than now, for what is compared with it would not come for as
 * long as the counter went back. */
static void settle_times(struct el_worker *w, const struct el_span *step, uint64_t now)
{
	w->iteration_ns = el_ns_earlier(w->iteration_ns, now);
	w->reset_tokens_ns = el_ns_earlier(w->reset_tokens_ns, now);
	for (uint32_t i = 0; i < w->n_queues; i++) {
		w->queues[i].empty_ns = el_ns_earlier(w->queues[i].empty_ns, now);
		w->queues[i].moved_ns = el_ns_earlier(w->queues[i].moved_ns, now);
	}
	for (uint64_t r = w->oldest_round; w->n_live && r <= w->last_round; r++) {
		struct live_round *l = round_find(w, r);

		if (!l)
			continue;
		l->over_ns = 0;
		l->moved_ns = now;
		/* it waits from now on for what may have been sent just before */
		if ((int64_t)(l->last_send_ns - step->from_ns) >= 0 || l->sending)
			l->last_send_ns = now;
	}
}

static void check(struct el_worker *w, const struct el_clock_pair *pair)
{
	uint64_t told_ns = w->clock.newest.ns;
	struct el_span step = {0};
	bool right = el_core_clock_check(&w->clock, pair, &step);

	if (!right) {
		mark_rounds(w, &step);
		settle_times(w, &step, worker_now(w));
	}
	if (!right || w->clock.newest.ns != told_ns)
		tell(w, pair, &step);
	w->look_at_ns = w->clock.adjust_ns;
	if ((int64_t)(w->look_at_ns - pair->ns) <= 0) /* the pair was too bad for that */
		w->look_at_ns = pair->ns + RETRY_NS;
}

/* Without the kernel's time a jump can't be told from having been away: time stands still for the
 * loop until control's next pair says how much of it has passed. */
static uint64_t hold(const struct el_worker *w)
{
	uint64_t now = worker_now(w);
	bool jumped = now - w->iteration_ns > w->jump_ns;

	return jumped && now - w->clock.good_ns > w->jump_ns ? w->iteration_ns : now;
}

uint64_t clock_look(struct el_worker *w)
{
	struct el_clock_pair pair;

	w->look_at_ns = w->iteration_ns + EL_NS_PER_S;
	if (!w->watched || w->clock.monotonic)
		return worker_now(w);
	if (!w->conf.reads_time)
		return hold(w);
	pair = el_clock_pair_read_good(1);
	check(w, &pair);
	return worker_now(w);
}

void clock_command(struct el_worker *w, const struct el_clock_pair *pair)
{
	if (w->conf.reads_time)
		clock_look(w);
	else
		check(w, pair);
}

bool clock_was_right_at(struct el_worker *w, uint64_t ns)
{
	if (!w->watched || w->clock.monotonic || (int64_t)(w->clock.good_ns - ns) >= 0)
		return true;
	if (!w->conf.reads_time)
		return false; /* control's next pair will tell */
	clock_look(w);
	return (int64_t)(w->clock.good_ns - ns) >= 0;
}
