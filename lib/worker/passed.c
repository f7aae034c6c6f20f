/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to a worker's probes may come in at another one, which passes them on. That one may be
 * away, or this one, with answers waiting in between: a round is over only when all that came in by
 * its end has arrived. Each worker publishes up to when it has passed on what came in. Who wants to
 * close a round reads that of all others, and notes how much is in the ring: what they have passed
 * on by then is taken when that is. */
#include "worker_internal.h"

void passed_publish(struct el_worker *w)
{
	uint64_t ns = w->iteration_ns;

	for (uint32_t i = 0; i < w->n_queues; i++)
		ns = el_ns_earlier(ns, w->queues[i].empty_ns);
	atomic_store_explicit(&w->passed_ns, ns, memory_order_release);
}

static void look(struct el_worker *w)
{
	uint64_t ns = w->iteration_ns;

	for (uint32_t i = 0; i < w->n_peers; i++) {
		if (w->peers[i] != w)
			ns = el_ns_earlier(ns, atomic_load_explicit(&w->peers[i]->passed_ns,
								    memory_order_acquire));
	}
	w->passed.next_ns = ns;
	w->passed.left = rte_ring_count(w->forwarded);
	passed_take(w, 0);
}

void passed_take(struct el_worker *w, uint32_t n)
{
	w->passed.left -= RTE_MIN(n, w->passed.left);
	if (!w->passed.left)
		w->passed.ns = w->passed.next_ns;
}

bool passed_all(struct el_worker *w, uint64_t ns)
{
	if (w->n_peers > 1 && (int64_t)(w->passed.ns - ns) < 0 && !w->passed.left)
		look(w);
	return w->n_peers <= 1 || (int64_t)(w->passed.ns - ns) >= 0;
}

uint64_t passed_now(struct el_worker *w, uint64_t ns)
{
	if (w->n_peers <= 1)
		return ns;
	look(w);
	while (w->passed.left)
		rx_forwarded(w);
	return w->passed.ns;
}
