/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that don't wait for pacing: RSTs, and the frames of control. */
#include "worker_internal.h"

/* RSTs for what matches nothing: at most so many at once, and so many a second. */
#define RESET_BURST 64
#define RESETS_PER_S 1000

void urgent_push(struct el_worker *w, struct queue *q, struct rte_mbuf *m)
{
	if (q->n_urgent == URGENT_MAX) {
		count(w, EL_COUNTER_DROP_URGENT_FULL, 1);
		rte_pktmbuf_free(m);
		return;
	}
	q->urgent[q->n_urgent++] = m;
}

void urgent_reset(struct el_worker *w, const struct el_slice *s, uint16_t src_port, uint32_t seq)
{
	const struct hop *hop = &w->hops[s->next_hop.v];
	struct rte_mbuf *m;

	if (hop->state != EL_NEXT_HOP_READY || !(m = worker_buffer(w)))
		return;
	finish_frame(m, hop, el_probe_reset(s, frame_end(m), src_port, seq));
	urgent_push(w, hop->queue, m);
	count(w, EL_COUNTER_TX_RESETS, 1);
}

static bool take_token(struct el_worker *w)
{
	uint64_t token_tsc = w->conf.tsc_hz / RESETS_PER_S;
	uint64_t oldest = w->iteration_tsc - RESET_BURST * token_tsc;

	if ((int64_t)(w->reset_tokens_tsc - oldest) < 0)
		w->reset_tokens_tsc = oldest;
	if ((int64_t)(w->reset_tokens_tsc + token_tsc - w->iteration_tsc) > 0)
		return false;
	w->reset_tokens_tsc += token_tsc;
	return true;
}

void urgent_reset_unknown(struct el_worker *w, struct queue *q, const struct el_pkt *pkt)
{
	size_t l2_len = (size_t)(pkt->l3 - pkt->l2);
	struct hop back = {.l2_len = (uint8_t)l2_len};
	struct rte_mbuf *m;
	uint8_t *l2;

	if (l2_len > EL_L2_HEADER_MAX)
		return;
	if (!take_token(w)) {
		count(w, EL_COUNTER_DROP_RESET_LIMIT, 1);
		return;
	}
	m = worker_buffer(w);
	if (!m)
		return;
	l2 = back.l2 + HOP_L2_BYTES - l2_len;
	memcpy(l2, pkt->l2, l2_len);
	memcpy(l2, pkt->l2 + 6, 6);
	memcpy(l2 + 6, pkt->l2, 6);
	finish_frame(m, &back, el_probe_reset_reply(pkt, frame_end(m)));
	urgent_push(w, q, m);
	count(w, EL_COUNTER_TX_RESETS, 1);
}

static void take_frames_down(struct el_worker *w)
{
	struct rte_mbuf *frames[8];
	unsigned n = rte_ring_sc_dequeue_burst(w->down, (void **)frames, RTE_DIM(frames), NULL);

	for (unsigned i = 0; i < n; i++) {
		/* control left the number of the queue in the port field */
		urgent_push(w, &w->queues[frames[i]->port < w->n_queues ? frames[i]->port : 0],
			    frames[i]);
		count(w, EL_COUNTER_TX_REPLIES, 1);
	}
}

void urgent_poll(struct el_worker *w)
{
	take_frames_down(w);
	for (uint32_t i = 0; i < w->n_queues; i++) {
		struct queue *q = &w->queues[i];
		uint64_t bytes = 0;
		uint16_t sent;
		uint32_t lengths[URGENT_MAX];

		if (!q->n_urgent)
			continue;
		for (uint32_t k = 0; k < q->n_urgent; k++)
			lengths[k] = q->urgent[k]->pkt_len;
		sent = rte_eth_tx_burst(q->conf.port_id, q->conf.tx_queue, q->urgent,
					(uint16_t)q->n_urgent);
		for (uint32_t k = 0; k < sent; k++)
			bytes += lengths[k];
		memmove(q->urgent, q->urgent + sent, (q->n_urgent - sent) * sizeof(q->urgent[0]));
		q->n_urgent -= sent;
		count(w, EL_COUNTER_TX_PACKETS, sent);
		count(w, EL_COUNTER_TX_BYTES, bytes);
	}
}
