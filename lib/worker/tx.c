/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending probes: what is due is built into a list per queue, and the list goes out in one burst
 * with one stamp. What the device does not take stays in front and is stamped again. */
#include "worker_internal.h"

/* Writes a class' stamp table up to record `upto` (exclusive). */
static void stamp(struct live_round *l, uint32_t class, uint32_t upto, uint64_t tsc)
{
	const struct el_plan_class *c = &l->plan->classes[class];

	while (l->stamped[class] < upto - c->base) {
		uint32_t n = upto - c->base - l->stamped[class];
		if (n > EL_STAMP_COUNT_MAX)
			n = EL_STAMP_COUNT_MAX;
		l->block->stamps[c->base + l->block->n_stamps[class]++] = el_stamp_make(tsc, n);
		l->stamped[class] += n;
	}
}

static void record_burst(struct probe_list *p, uint32_t sent, uint64_t tsc, bool uncertain)
{
	for (uint32_t i = 0; i < sent; i++) {
		struct live_round *l = p->live[i];
		l->outstanding--;
		if (p->record[i] == NO_RECORD)
			continue;
		l->block->records[p->record[i]] = el_record_sent(tsc);
		l->block->uncertain += uncertain;
		l->last_send_tsc = tsc;
		if (i + 1 == sent || p->class[i + 1] != p->class[i] || p->live[i + 1] != l ||
		    p->record[i + 1] == NO_RECORD)
			stamp(l, p->class[i], p -> record[i] + 1, tsc);
	}
}

static void move_front(struct probe_list *p, uint32_t sent)
{
	p->n -= sent;
	if (!p->n)
		return;
	memmove(p->mbufs, p->mbufs + sent, p->n * sizeof(p->mbufs[0]));
	memmove(p->live, p->live + sent, p->n * sizeof(p->live[0]));
	memmove(p->record, p->record + sent, p->n * sizeof(p->record[0]));
	memmove(p->class, p->class + sent, p->n * sizeof(p->class[0]));
}

static void send_list(struct el_worker *w, struct queue *q)
{
	struct probe_list *p = &q->probes;
	uint32_t bytes[BURST];
	uint64_t tsc, total_bytes = 0, probes = 0;
	uint16_t sent;
	bool uncertain;

	for (uint32_t i = 0; i < p->n; i++)
		bytes[i] = p->mbufs[i]->pkt_len;
	tsc = rte_rdtsc();
	sent = rte_eth_tx_burst(q->conf.port_id, q->conf.tx_queue, p->mbufs, (uint16_t)p->n);
	uncertain = rte_rdtsc() - tsc > w->uncertain_tsc;
	for (uint32_t i = 0; i < sent; i++) {
		total_bytes += bytes[i];
		probes += p->record[i] != NO_RECORD;
	}
	if (sent)
		q->moved_tsc = tsc;
	q->stuck = !sent && (q->stuck || tsc - q->moved_tsc > w->conf.tsc_hz / 10);
	record_burst(p, sent, tsc, uncertain);
	if (sent < p->n)
		p->live[sent]->block->tx_refused += p->n - sent;
	move_front(p, sent);
	count(w, EL_COUNTER_TX_PACKETS, sent);
	count(w, EL_COUNTER_TX_BYTES, total_bytes);
	count(w, EL_COUNTER_TX_PROBES, probes);
	count(w, EL_COUNTER_TX_RESETS, sent - probes);
}

/* Takes this round's probes out of the lists: their records stay unsent. The RSTs before them go
 * out all the same: nobody else will close what they are for. */
void tx_drop_outstanding(struct el_worker *w, struct live_round *l)
{
	if (!l->outstanding)
		return;
	for (uint32_t k = 0; k < w->n_queues; k++) {
		struct probe_list *p = &w->queues[k].probes;
		uint32_t kept = 0;
		for (uint32_t i = 0; i < p->n; i++) {
			if (p->live[i] == l) {
				if (p->record[i] == NO_RECORD) {
					urgent_push(w, &w->queues[k], p->mbufs[i]);
					count(w, EL_COUNTER_TX_RESETS, 1);
				} else {
					rte_pktmbuf_free(p->mbufs[i]);
				}
				continue;
			}
			p->mbufs[kept] = p->mbufs[i];
			p->live[kept] = p->live[i];
			p->record[kept] = p->record[i];
			p->class[kept++] = p->class[i];
		}
		p->n = kept;
	}
	l->outstanding = 0;
}

/* The class of the sending round that is furthest behind in time; NULL if nothing is due. */
static struct el_pacing *most_behind(struct el_worker *w, uint32_t *ret_debt)
{
	struct el_pacing *worst = NULL;
	uint64_t worst_lag = 0;

	for (uint32_t c = 0; c < w->sending->plan->n_classes; c++) {
		uint32_t debt = el_pacing_debt(&w->pacing[c], w->iteration_tsc);
		uint64_t lag = debt * w->pacing[c].record_tsc;
		if (debt && (!worst || lag > worst_lag)) {
			worst = &w->pacing[c];
			worst_lag = lag;
			*ret_debt = debt;
		}
	}
	return worst;
}

static void append(struct probe_list *p, struct rte_mbuf *m, struct live_round *l, uint32_t record,
		   uint32_t class)
{
	p->mbufs[p->n] = m;
	p->live[p->n] = l;
	p->record[p->n] = record;
	p->class[p->n++] = (uint8_t) class;
	l->outstanding++;
}

/* If the probe that used this 4-tuple last is not answered, resets it, for it may have left a
 * half-open connection, however long ago it was: its SYN/ACK, or our RST, may be what was lost. It
 * may be another plan's: ids look the same on the wire. RFC 9293, 3.10.7.4 accepts an RST with the
 * expected sequence number, which is that of the SYN + 1. Then notes the new one. False if there is
 * no room for both. */
static bool reset_before_reuse(struct el_worker *w, struct probe_list *p, const struct el_slice *s,
			       const struct el_next_hop *nh, uint32_t id, uint16_t port)
{
	const struct el_plan_set *set = w->sending->block->set;
	uint32_t *last = &w->sending->plan->paths[s->path_first + (uint32_t)(port - s->path_base)];

	if (*last) {
		struct rte_mbuf *m;
		if (p->n + 2 > BURST || !(m = worker_buffer(w)))
			return false;
		finish_frame(
		    m, nh,
		    el_probe_reset(s, frame_end(m), port, el_id_permute(&set->key, *last) + 1), 0);
		append(p, m, w->sending, NO_RECORD, 0);
	}
	*last = id;
	return true;
}

/* Probes on their way into buffers, made by runs of one type. */
struct making {
	struct el_probe_job jobs[BURST];
	struct rte_mbuf *mbufs[BURST];
	const struct el_next_hop *next_hops[BURST];
	uint32_t n;
	uint8_t type;
};

static void make_run(const struct el_id_key *key, struct making *mk)
{
	if (!mk->n)
		return;
	el_probe_ops[mk->type]->make(key, mk->jobs, mk->n);
	/* make writes whole template slots, so the L2 headers come after it */
	for (uint32_t i = 0; i < mk->n; i++)
		finish_frame(mk->mbufs[i], mk->next_hops[i], mk->jobs[i].slice->header_len,
			     mk->jobs[i].slice->payload_len);
	mk->n = 0;
}

/* Builds the probe for record `index`; false if a list is full or buffers are out: it comes again
 * later. */
static bool build_one(struct el_worker *w, struct making *mk, const struct el_slice *s,
		      uint32_t class, uint32_t index, uint32_t packet)
{
	struct live_round *l = w->sending;
	const struct el_plan_set *set = l->block->set;
	const struct el_next_hop *nh = &w->next_hops[s->next_hop.v];
	struct queue *q = &w->queues[nh->queue];
	struct probe_list *p = &q->probes;
	struct rte_mbuf *m;
	uint16_t port;
	uint32_t id;

	if (unlikely(nh->state != EL_NEXT_HOP_READY)) {
		/* Nothing was sent to it: the probe is local, or counts as what the network did
		 * with it. */
		l->block->records[index] = nh->state == EL_NEXT_HOP_PENDING
					       ? el_record_local()
					       : el_record_sent(w->iteration_tsc);
		l->last_send_tsc = w->iteration_tsc;
		return true;
	}
	/* Others must not wait for a device that takes nothing; room for a reset and a probe. */
	if (unlikely(q->stuck && w->n_queues > 1 && p->n + 2 > BURST)) {
		l->block->records[index] = el_record_local();
		l->last_send_tsc = w->iteration_tsc;
		return true;
	}
	if (p->n == BURST || !(m = worker_buffer(w)))
		return false;
	id = el_id_pack(&set->ids, l->plan->worker.v, l->block->round, index);
	port = el_slice_port(s, packet);
	if (s->path_first != EL_PATH_NONE && !reset_before_reuse(w, p, s, nh, id, port)) {
		w->spare[w->n_spare++] = m; /* none is left, or none was taken since: it has room */
		return false;
	}
	if (mk->type != s->type)
		make_run(&set->key, mk);
	mk->type = s->type;
	mk->mbufs[mk->n] = m;
	mk->next_hops[mk->n] = nh;
	mk->jobs[mk->n++] = (struct el_probe_job){
	    .slice = s,
	    .end = frame_end(m),
	    .id = id,
	    .src_port = port,
	    .sequence = (uint16_t)(l->block->round * s->n_packets + packet),
	};
	append(p, m, l, index, class);
	return true;
}

static void build_class(struct el_worker *w, struct making *mk, struct el_pacing *pace, uint32_t n)
{
	uint32_t class = (uint32_t)(pace - w->pacing);
	const struct el_plan *plan = w->sending->plan;
	const struct el_plan_class *c = &plan->classes[class];

	while (n--) {
		const struct el_slice *s = &plan->slices[c->first_slice + w->next[class]];
		uint32_t packet = w->pass[class];
		if ((!c->mixed || el_slice_packet_of_pass(s, w->pass[class], &packet)) &&
		    !build_one(w, mk, s, class, c->base + pace->done, packet))
			return;
		pace->done++;
		if (++w->next[class] == c->n_slices) {
			w->next[class] = 0;
			w->pass[class]++;
		}
	}
}

static bool all_built(const struct el_worker *w)
{
	for (uint32_t c = 0; c < w->sending->plan->n_classes; c++) {
		if (w->pacing[c].done < w->pacing[c].total)
			return false;
	}
	return true;
}

void tx_poll(struct el_worker *w)
{
	struct making mk = {.n = 0};
	struct el_pacing *pace;
	uint32_t debt = 0;

	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (!w->queues[i].probes.n)
			w->queues[i].moved_tsc = w->iteration_tsc;
	}
	if (w->sending) {
		pace = most_behind(w, &debt);
		if (pace) {
			build_class(w, &mk, pace, debt < BURST ? debt : BURST);
			make_run(&w->sending->block->set->key, &mk);
		}
		if (all_built(w))
			rounds_end_sending(w);
	}
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (w->queues[i].probes.n)
			send_list(w, &w->queues[i]);
	}
}
