/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers go out in the iteration that their requests came in. What a device does not take waits
 * for the next, and requests wait in front of it: who asks faster than it takes answers finds the
 * way full, instead of answers missing that nobody but we know of. */
#include "respond_internal.h"

/* Authenticated answers take long to sign; T3 of the first of so many is before the last's. */
#define SIGNED_BURST EL_STAMP_AT_ONCE

/* Takes the first `sent` answers off a list; what they were in sum. */
static struct answer_totals take_sent(struct answers *list, uint32_t sent)
{
	struct answer_totals gone = list->totals;

	list->n -= sent;
	list->totals = (struct answer_totals){0};
	if (likely(!list->n))
		return gone;
	memmove(list->mbufs, list->mbufs + sent, list->n * sizeof(list->mbufs[0]));
	memmove(list->items, list->items + sent, list->n * sizeof(list->items[0]));
	memmove(list->types, list->types + sent, list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		list->totals.of_type[list->types[i]]++;
		list->totals.bytes += list->mbufs[i]->pkt_len;
	}
	gone.bytes -= list->totals.bytes;
	for (int t = 0; t < ANSWER_TYPES; t++)
		gone.of_type[t] -= list->totals.of_type[t];
	return gone;
}

static void send_list(struct el_worker *w, struct queue *q, struct answers *list)
{
	static const enum el_worker_counter counters[ANSWER_TYPES] = {
	    [ANSWER_ICMP] = EL_COUNTER_RESPONDED_ICMP,
	    [ANSWER_TCP] = EL_COUNTER_RESPONDED_TCP,
	    [ANSWER_UDP] = EL_COUNTER_RESPONDED_UDP,
	    [ANSWER_STAMP] = EL_COUNTER_RESPONDED_STAMP,
	};
	const uint32_t most =
	    w->responder->conf.stamp.authenticated ? SIGNED_BURST : (uint32_t)ANSWERS_MAX;
	struct answer_totals gone;
	uint32_t sent = 0, n;
	uint16_t taken;

	do {
		n = RTE_MIN(list->n - sent, most);
		if (list->totals.of_type[ANSWER_STAMP])
			respond_set_times(w, list, sent, n);
		taken = rte_eth_tx_burst(q->conf.port_id, q->conf.tx_queue, list->mbufs + sent,
					 (uint16_t)n);
		sent += taken;
	} while (taken == n && sent < list->n);
	gone = take_sent(list, sent);
	for (int t = 0; t < ANSWER_TYPES; t++)
		count(w, counters[t], gone.of_type[t]);
	add(&q->counters.tx_packets, sent);
	count(w, EL_COUNTER_TX_BYTES, gone.bytes);
}

bool respond_wants_more(const struct el_worker *w, uint32_t queue)
{
	uint32_t waiting = w->responder->waiting[queue].n;

	return waiting && waiting <= BURST;
}

/* But for longer than that, answers to our own probes would wait with them. */
#define HELD_UP_NS (EL_NS_PER_S / 10)

bool respond_has_room(struct el_worker *w, const struct queue *first)
{
	struct answers *waiting = w->responder->waiting;
	uint64_t *full_ns = &waiting[first - w->queues].full_ns;
	uint32_t most = 0;

	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (w->queues[i].first == first)
			most = RTE_MAX(most, waiting[i].n);
	}
	if (likely(!most))
		*full_ns = 0;
	if (likely(most + BURST <= ANSWERS_MAX))
		return true;
	if (!*full_ns)
		*full_ns = w->iteration_ns;
	return w->iteration_ns - *full_ns > HELD_UP_NS;
}

void respond_give_up(struct el_worker *w, const struct queue *q)
{
	struct answers *list = &w->responder->waiting[q - w->queues];

	for (uint32_t i = 0; i < list->n; i++) {
		if (list->types[i] == ANSWER_STAMP && list->items[i].session)
			el_stamp_session_give_up(list->items[i].session);
	}
	count(w, EL_COUNTER_REFUSED_TX_FULL, list->n);
	rte_pktmbuf_free_bulk(list->mbufs, list->n);
	list->n = 0;
	list->totals = (struct answer_totals){0};
}

void respond_send(struct el_worker *w)
{
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (unlikely(w->queues[i].down)) /* or gone */
			respond_give_up(w, &w->queues[i]);
		if (w->responder->waiting[i].n)
			send_list(w, &w->queues[i], &w->responder->waiting[i]);
	}
}
