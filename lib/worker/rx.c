/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving, in two stages over a burst: rx_find.h recognises a plain answer, with right checksums,
 * to a probe of an open round and prefetches its slice and record; `take` compares with what was
 * sent and writes the RTT into the record. Everything else goes to rx_any.c. */
#include "links.h"
#include "rx_find.h"
#include "el_probe_plain.h"

#include <rte_mbuf_dyn.h>

/* What was received at once. */
struct burst {
	struct rte_mbuf *mbufs[BURST];
	struct found found;
	struct stamp stamp;
	uint32_t n;
	uint32_t n_reflected; /* so many of the first are STAMP replies */
	/* all plain answers are to the newest round, and came at `stamp` */
	bool alike;
};

/* Frees buffers of the few pools that receive buffers come from; rte_pktmbuf_free_bulk, which is
 * for any, takes four times as long. */
static void free_burst(struct rte_mbuf **mbufs, uint32_t n)
{
	struct rte_mempool *pool = NULL;
	/* from `first` on all are to go back to `pool` as they are */
	struct rte_mbuf **first = mbufs, **end = mbufs + n;

	for (struct rte_mbuf **m = mbufs; m < end; m++) {
		if (likely((*m)->pool == pool && is_raw(*m)))
			continue;
		if (m > first)
			rte_mempool_put_bulk(pool, (void **)first, (unsigned)(m - first));
		if (is_raw(*m)) {
			pool = (*m)->pool;
			first = m;
		} else {
			rte_pktmbuf_free(*m);
			pool = NULL;
			first = m + 1;
		}
	}
	if (end > first)
		rte_mempool_put_bulk(pool, (void **)first, (unsigned)(end - first));
}

/* When the packets of a burst came, that `before` and `after` are around: after the queue was last
 * seen empty, which it was not for as long as bursts were full, and before the call, in which
 * drivers that copy spend their time; unless the worker was held up in there. */
static struct stamp stamp_burst(const struct el_worker *w, const struct queue *q, uint64_t before,
				uint64_t after)
{
	uint64_t took = after - before, ns = took < w->held_up_ns ? before : after;

	if (q->conf.rx_stamp_flag)
		ns = after;
	return (struct stamp){.ns = ns, .bound_ns = RTE_MAX(ns - q->empty_ns, after - ns)};
}

/* When the NIC says that the packet came, which is as good as what is known of its clock; else, or
 * where that can't be true, when its burst did. */
struct stamp rx_arrival(struct el_worker *w, const struct queue *q, const struct rte_mbuf *m,
			const struct stamp *burst)
{
	const rte_mbuf_timestamp_t *stamp;
	struct stamp at = {.bound_ns = q->rx_clock.line.error_ns};
	bool good;

	if (!(m->ol_flags & q->conf.rx_stamp_flag) || !q->rx_clock.line.ns_per_tick_q32)
		return *burst;
	stamp = RTE_MBUF_DYNFIELD(m, q->conf.rx_stamp_offset, const rte_mbuf_timestamp_t *);
	good = rx_clock_arrival(&q->rx_clock, *stamp, q->empty_ns, burst->ns, &at.ns);
	count(w, good ? EL_COUNTER_RX_STAMPS : EL_COUNTER_RX_STAMPS_REFUSED, 1);
	return good ? at : *burst;
}

/* Stage one, for a burst. While there is no plan, or it is empty, nothing is found. */
static __rte_always_inline void find_burst(struct el_worker *w, const struct queue *q,
					   struct burst *burst)
{
	static rx_find_vector_fn *const find_vector[] = {
#ifdef __x86_64__
	    [EL_WORKER_AVX512] = rx_find_avx512,
#else
	    NULL,
#endif
	};
	struct live_round *newest = w->schedule->n ? w->newest : NULL;
	bool ignored = q->conf.checksums == EL_CHECKSUMS_IGNORED;
	struct finding b;
	uint32_t done = 0;

	burst->n_reflected = 0;
	if (unlikely(!newest || !newest->plan->n_classes)) {
		memset(burst->found.slice, 0, sizeof(burst->found.slice));
		memset(burst->found.record, 0, sizeof(burst->found.record));
		return;
	}
	b = (struct finding){.w = w,
			     .checksum_flags = q->conf.rx_checksum_flags,
			     .assumed_flags = ignored ? RX_GOOD_FLAGS : 0,
			     .tags = q->tags,
			     .newest = newest,
			     .id_base = newest->id_base,
			     .id_index_mask = newest->id_index_mask,
			     .id_other_bits = ~newest->id_index_mask,
			     .n_records = newest->plan->n_records,
			     .records = newest->block->records,
			     .slices = newest->plan->slices,
			     .last = newest->plan->classes[newest->plan->n_classes - 1]};
	if (unlikely(newest->block->stamps))
		done = burst->n_reflected =
		    rx_stamp_find_first(&b, burst->mbufs, burst->n, &burst->found);
	if (w->conf.vectors != EL_WORKER_SCALAR && likely(!done))
		done = find_vector[w->conf.vectors](&b, burst->mbufs, burst->n, &burst->found);
	rx_find(&b, burst->mbufs, done, burst->n, &burst->found, &burst->alike);
}

/* Compares answer i with what was sent, and writes it into the record, as `mark`
 * (el_record_answered_as); half_open: the table of its round. False: it is not the first one, or
 * not to this probe.
 */
static __rte_always_inline bool take(struct el_worker *w, const struct found *f, size_t i,
				     el_half_open *half_open, uint64_t ns, el_record mark)
{
	const struct el_plain a = {
	    .addr_key = f->addr_key[i], .ports = f->ports[i], .type = f->type[i]};
	const struct el_slice *s = f->slice[i];
	el_record *record = f->record[i], sent = *record;
	uint32_t packet;
	uint16_t port = 0;

	if (el_record_state(sent) != EL_RECORD_SENT ||
	    !el_slice_packet_of_pass(s, f->pass[i], &packet))
		return false;
	if (a.type != EL_PROBE_ICMPPING)
		port = el_slice_port(s, packet);
	if (!el_plain_is_of(&a, s, port))
		return false;
	if (a.type == EL_PROBE_TCPSYN &&
	    (f->kind[i] != EL_ANSWER_SYNACK || reset_probe(w, s, port, f->wire[i])))
		release_tuple(half_open, s, port, f->id[i]);
	*record = el_record_answered_as(sent, ns, mark);
	return true;
}

/* What is no plain first answer but to STAMP; true if the buffer is control's now. */
static __rte_noinline bool rx_other(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
				    const struct stamp *at, const struct found *f, uint32_t i)
{
	if (!f->slice[i] && f->record[i] && rx_stamp_take(w, q, m, f, i, at))
		return false;
	return rx_any(w, q, m, at);
}

static inline el_record mark_of(const struct live_round *l, const struct stamp *at)
{
	return at->bound_ns > l->block->set->certain_below_ns ? EL_RECORD_UNCERTAIN : 0;
}

/* Stage two. Answers of a burst that is `alike` have its stamp, and are to the newest round. What
 * goes to control is taken out of `mbufs`; how many are left. */
static __rte_always_inline uint32_t take_all(struct el_worker *w, struct queue *q, struct burst *b,
					     const bool alike)
{
	struct live_round *newest = w->newest;
	el_record mark = newest ? mark_of(newest, &b->stamp) : 0;
	el_half_open *half_open = newest ? newest->streams->half_open : NULL;
	uint32_t n_punted = 0, n_answers = 0, n = b->n;
	struct rte_mbuf **mbufs = b->mbufs;
	const struct found *found = &b->found;
	const struct stamp *burst = &b->stamp;

	if (unlikely(b->n_reflected))
		n_punted = rx_stamp_take_first(w, q, mbufs, b->n_reflected, found, burst);
	for (size_t i = b->n_reflected; i < n; i++) {
		const struct stamp *at = burst;
		const struct live_round *l = newest;
		struct stamp own;

		if (!alike) {
			own = rx_arrival(w, q, mbufs[i], burst);
			at = &own;
			l = found->live[i];
			if (found->slice[i]) {
				mark = mark_of(l, at);
				half_open = l->streams->half_open;
			}
		}
		if (likely(found->slice[i] && take(w, found, i, half_open, at->ns, mark))) {
			n_answers++;
			if (!alike)
				l->block->bounds[el_bound_of_ns(at->bound_ns)]++;
		} else if (rx_other(w, q, mbufs[i], at, found, (uint32_t)i)) {
			n_punted++;
			continue;
		}
		if (unlikely(n_punted))
			mbufs[i - n_punted] = mbufs[i];
	}
	if (alike && newest)
		newest->block->bounds[el_bound_of_ns(burst->bound_ns)] += n_answers;
	count(w, EL_COUNTER_ANSWERS, n_answers);
	return n - n_punted;
}

static __rte_noinline uint32_t take_each(struct el_worker *w, struct queue *q, struct burst *b)
{
	return take_all(w, q, b, false);
}

/* What waits, up to a burst. Some drivers (af_xdp, virtio) may return fewer than wait, so a queue
 * is empty only where a call returns none. */
static uint32_t receive(const struct queue *q, struct rte_mbuf **mbufs, bool *ret_empty)
{
	uint32_t n = 0, more;

	do {
		more = rte_eth_rx_burst(q->conf.port_id, q->conf.rx_queue, mbufs + n,
					(uint16_t)(BURST - n));
		n += more;
	} while (more && n < BURST);
	*ret_empty = !more;
	return n;
}

/* Puts tags on again that the NIC has taken off. A frame that has no room for its own is no good to
 * anybody: what is behind them would seem to be untagged. */
static __rte_noinline uint32_t put_tags_on(struct el_worker *w, struct queue *q,
					   struct rte_mbuf **mbufs, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (!(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) ||
		    (!(m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED) && rte_vlan_insert(&m) == 0)) {
			mbufs[kept++] = m;
			continue;
		}
		rte_pktmbuf_free(m);
	}
	count(w, EL_COUNTER_DROP_RX_VLAN, n - kept);
	add(&q->counters.rx_packets, n - kept);
	return kept;
}

/* Leaves those answers of a burst to rx_any whose probes went out by another link: it counts them.
 */
static void leave_strays(const struct el_worker *w, const struct queue *q, struct burst *b)
{
	struct found *f = &b->found;

	/* one by one, as those that are not in front */
	for (uint32_t i = 0; i < b->n_reflected; i++)
		f->slice[i] = NULL;
	b->n_reflected = 0;
	for (uint32_t i = 0; i < b->n; i++) {
		const struct el_slice *s = f->slice[i]    ? f->slice[i]
					   : f->record[i] ? f->reflected[i]
							  : NULL;

		if (s && link_is_stray(w, q, s)) {
			f->slice[i] = NULL;
			f->record[i] = NULL;
		}
	}
}

static __rte_always_inline void take_burst(struct el_worker *w, struct queue *q, struct burst *b,
					   const bool is_link)
{
	uint32_t left, done;

	if (unlikely(w->responder)) {
		b->n = respond_burst(w, q, b->mbufs, b->n, &b->stamp, &done);
		free_burst(b->mbufs + b->n, done);
	}
	if (likely(b->n)) {
		find_burst(w, q, b);
		if (is_link)
			leave_strays(w, q, b);
		left = likely(b->alike) ? take_all(w, q, b, true) : take_each(w, q, b);
		free_burst(b->mbufs, left);
	}
}

/* Has a burst of n frames ready to be taken; their bytes. */
static __rte_always_inline uint64_t arrive(struct el_worker *w, const struct queue *q,
					   struct burst *b, uint32_t n, uint64_t *before)
{
	uint64_t bytes = 0;

	b->n = n;
	b->alike = !q->conf.rx_stamp_flag;
	b->stamp = stamp_burst(w, q, *before, worker_now(w));
	/* Answers to a round that another worker has begun come after the schedule and the order
	 * for it, which this worker may not have read if it was held up since it looked last. */
	rounds_look_at_board(w);
	if (unlikely(!rte_ring_empty(w->commands))) {
		worker_take_commands(w);
		/* one of them may put the clock back */
		*before = el_ns_earlier(*before, worker_now(w));
	}
	for (size_t i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(b->mbufs[i], void *));
		bytes += b->mbufs[i]->pkt_len;
	}
	return bytes;
}

static __rte_always_inline void count_burst(struct el_worker *w, struct queue *q, uint32_t n,
					    uint64_t bytes)
{
	add(&q->counters.rx_packets, n);
	count(w, EL_COUNTER_RX_BYTES, bytes);
}

/* Takes a burst of a device that takes tags off, or has several links; how many are left of it. */
static __rte_noinline uint32_t take_sorted(struct el_worker *w, struct queue *first,
					   struct burst *b, uint32_t n, uint64_t *before)
{
	struct parted parted;
	uint64_t bytes;

	if (first->conf.strips_tags && (n = put_tags_on(w, first, b->mbufs, n)) == 0)
		return 0;
	if (first->mends)
		links_mend(b->mbufs, n);
	bytes = arrive(w, first, b, n, before);
	links_part(w, first, b->mbufs, n, &parted);
	while (parted.n) {
		struct queue *link;

		b->n = links_take(&parted, b->mbufs, &link);
		b->alike = !first->conf.rx_stamp_flag;
		link->empty_ns = first->empty_ns;
		take_burst(w, link, b, true);
	}
	count_burst(w, first, n, bytes);
	return n;
}

/* How many it received. */
static uint32_t rx_burst(struct el_worker *w, struct queue *q)
{
	uint64_t bytes, before = worker_now(w);
	struct burst b;
	bool empty;
	uint32_t n = receive(q, b.mbufs, &empty);

	if (!n) {
		q->empty_ns = before;
		return 0;
	}
	if (unlikely(q->sorts)) {
		n = take_sorted(w, q, &b, n, &before);
	} else {
		bytes = arrive(w, q, &b, n, &before);
		take_burst(w, q, &b, false);
		count_burst(w, q, n, bytes);
	}
	if (empty)
		q->empty_ns = before;
	return n;
}

/* A queue that is not polled is as empty as the one that is for it; of a device that is gone, for
 * good: no round waits for it. */
static void rest(const struct el_worker *w, struct queue *q)
{
	q->empty_ns = q->gone ? w->iteration_ns : q->first->empty_ns;
}

void rx_poll(struct el_worker *w)
{
	for (uint32_t i = 0; i < w->n_queues; i++) {
		struct queue *q = &w->queues[i];
		uint32_t n;

		if (unlikely(q->rests)) {
			rest(w, q);
			continue;
		}
		if (unlikely(w->responder) && !respond_has_room(w, q))
			continue;
		n = rx_burst(w, q);
		/* answers to two full bursts go out at once: that is less work for both ends of a
		 * ring */
		if (unlikely(w->responder) && n == BURST && !q->rests && respond_wants_more(w, i))
			rx_burst(w, q);
	}
}
