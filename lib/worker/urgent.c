/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that don't wait for pacing: RSTs, and the frames of control. */
#include "worker_internal.h"

bool urgent_push(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
		 enum el_worker_counter as)
{
	if (unlikely(q->gone)) {
		rte_pktmbuf_free(m);
		return false;
	}
	if (q->n_urgent == URGENT_MAX) {
		count(w, EL_COUNTER_DROP_URGENT_FULL, 1);
		rte_pktmbuf_free(m);
		return false;
	}
	q->urgent[q->n_urgent++] = m;
	count(w, as, 1);
	return true;
}

static void take_injected(struct el_worker *w)
{
	struct rte_mbuf *frames[8];
	unsigned n = rte_ring_sc_dequeue_burst(w->injected, (void **)frames, RTE_DIM(frames), NULL);

	for (unsigned i = 0; i < n; i++) {
		/* control left the number of the queue in the port field */
		urgent_push(w, &w->queues[frames[i]->port < w->n_queues ? frames[i]->port : 0],
			    frames[i], EL_COUNTER_TX_REPLIES);
	}
}

void urgent_poll(struct el_worker *w)
{
	take_injected(w);
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
		add(&q->counters.tx_packets, sent);
		count(w, EL_COUNTER_TX_BYTES, bytes);
	}
}
