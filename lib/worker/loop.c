/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop: no system call, log, allocation, lock or division in it. What is slow is a message to
 * control. */
#include "worker_internal.h"

#include <sched.h>

/* Commands in an iteration at most: they must not hold up receiving. */
#define COMMANDS_MAX 32

static struct hop hop_of(struct el_worker *w, const struct el_next_hop *nh)
{
	struct hop hop = {.l2_len = nh->l2_len,
			  .state = nh->state,
			  .queue = w->queues[nh->queue < w->n_queues ? nh->queue : 0].first};

	memcpy(hop.l2 + HOP_L2_BYTES - nh->l2_len, nh->l2, nh->l2_len);
	return hop;
}

/* The queues that are on the device of queue `index`, one after the other, from NULL on. */
static struct queue *next_link(struct el_worker *w, uint16_t index, const struct queue *q)
{
	uint32_t i = q ? (uint32_t)(q - w->queues) + 1 : 0;

	if (index >= w->n_queues)
		return NULL;
	while (i < w->n_queues && w->queues[i].first != w->queues[index].first)
		i++;
	return i < w->n_queues ? &w->queues[i] : NULL;
}

static void take_port(struct el_worker *w, const struct el_command *c)
{
	for (struct queue *q = NULL; (q = next_link(w, c->index, q)) != NULL;) {
		if (c->down && !q->down)
			tx_give_up(w, q);
		q->down = c->down;
		if (c->gone && !q->gone) {
			q->gone = q->rests = true;
			rte_pktmbuf_free_bulk(q->urgent, q->n_urgent);
			q->n_urgent = 0;
		}
	}
	atomic_store_explicit(&w->ports_taken, w->ports_taken + 1, memory_order_release);
}

static bool take_command(struct el_worker *w)
{
	struct el_command c;

	if (rte_ring_sc_dequeue_elem(w->commands, &c, sizeof(c)) != 0)
		return false;
	switch ((enum el_command_kind)c.kind) {
	case EL_COMMAND_ROUND:
		w->waiting[w->waiting_tail++ % ROUNDS_MAX] = c.block;
		w->ordered_round = RTE_MAX(w->ordered_round, c.block->round);
		break;
	case EL_COMMAND_NEXT_HOP:
		w->hops[c.index] = hop_of(w, &c.next_hop);
		break;
	case EL_COMMAND_RX_CLOCK:
		for (struct queue *q = NULL; (q = next_link(w, c.index, q)) != NULL;)
			q->rx_clock.line = c.rx_line;
		break;
	case EL_COMMAND_CLOCK:
		clock_command(w, &c.pair);
		break;
	case EL_COMMAND_WALL_CLOCK:
		w->wall_line = c.wall_line;
		if (w->responder)
			respond_clock(w);
		break;
	case EL_COMMAND_RESPOND:
		respond_take(w, c.responder);
		break;
	case EL_COMMAND_OWN:
		if (c.index < w->n_queues) {
			w->queues[c.index].conf.own = c.own;
			w->queues[c.index].conf.n_own = c.n_own;
			w->queues[c.index].conf.n_home = c.n_home;
			w->queues[c.index].conf.silent = c.silent;
			w->queues[c.index].conf.n_silent = c.n_silent;
			w->queues[c.index].conf.n_pinged = c.n_pinged;
		}
		atomic_store_explicit(&w->own_taken, w->own_taken + 1, memory_order_release);
		break;
	case EL_COMMAND_PORT:
		take_port(w, &c);
		break;
	case EL_COMMAND_STOP:
		rounds_cut(w);
		rounds_close_all(w);
		w->stopping = true;
		break;
	}
	return true;
}

void worker_take_commands(struct el_worker *w)
{
	for (uint32_t i = 0; i < RING_COMMANDS && take_command(w); i++)
		;
}

static void note_poll_gap(struct el_worker *w, uint64_t now)
{
	uint64_t gap = now - w->iteration_ns;

	if (gap > w->recent_gap_ns) {
		w->recent_gap_ns = gap;
		if (gap > atomic_load_explicit(&w->counters.poll_gap_max_ns, memory_order_relaxed))
			atomic_store_explicit(&w->counters.poll_gap_max_ns, gap,
					      memory_order_relaxed);
	}
}

bool el_worker_poll(struct el_worker *w)
{
	uint64_t now = worker_now(w);

	if (unlikely(clock_is_due(w, now)))
		now = clock_look(w);
	note_poll_gap(w, now);
	w->iteration_ns = now;
	rounds_look_at_board(w);
	for (int i = 0; i < COMMANDS_MAX && take_command(w); i++)
		;
	rx_poll(w);
	if (w->n_peers > 1)
		passed_publish(w);
	if (w->responder)
		respond_send(w);
	rx_forwarded(w);
	rounds_close_due(w);
	rounds_begin_due(w);
	urgent_poll(w);
	tx_poll(w);
	rte_rcu_qsbr_quiescent(w->conf.board->qsbr, w->conf.index.v);
	if (w->stopping && !w->n_live)
		w->stopped = true;
	return !w->stopped;
}

int el_worker_run(void *worker)
{
	struct el_worker *w = worker;

	w->iteration_ns = worker_now(w);
	while (el_worker_poll(w)) {
		/* One core for all is for trying things out: control must get its turn. */
		if (w->conf.yield)
			sched_yield();
	}
	board_leave(w->conf.board, w->conf.index.v);
	atomic_store_explicit(&w->ended, true, memory_order_release);
	return 0;
}
