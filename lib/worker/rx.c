/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving, in two stages over a burst: `recognise` parses a frame, recovers the id and prefetches
 * record and slice; `verify` compares with what was sent and writes the RTT into the record. */
#include "worker_internal.h"

#include <rte_ether.h>

#define CANDIDATES_MAX (EL_PROBE_TCP_LENS_MAX + 1)
/* Longer frames than this are parsed by their beginning: no answer's headers go further. */
#define LINEAR_BYTES 2048

/* An answer between the two stages. */
struct pending {
	struct el_answer answer;
	struct el_pkt pkt;
	struct queue *queue;
	uint32_t ids[CANDIDATES_MAX];
	uint32_t n_ids;
};

/* A candidate id put back together. */
struct located {
	struct el_id id;
	uint64_t round;
	const struct el_slice *slice;
	uint32_t packet;
};

/* Finds the slice that `id` would belong to; false if no probe can have it. Of another worker's id
 * only the owner knows the round: it may have begun one that this worker has not. */
static bool locate(const struct el_worker *w, uint32_t id, struct located *ret)
{
	const struct el_plan_set *set = w->set;
	const struct el_plan *plan;
	uint32_t pass;

	if (!el_id_unpack(&set->ids, id, &ret->id) || ret->id.worker >= set->n_workers)
		return false;
	plan = set->plans[ret->id.worker];
	if (ret->id.index >= plan->n_records)
		return false;
	ret->round = round_number(w, ret->id.round, set->ids.round_bits);
	/* Rounds that never were: before the first, or so long ago that it is chance. */
	if (ret->id.worker == w->conf.index.v && (ret->round == 0 || ret->round > w->last_round ||
						  w->last_round - ret->round >= ROUNDS_MAX))
		return false;
	ret->slice = &plan->slices[el_plan_locate(plan, ret->id.index, &pass).v];
	return el_slice_packet_of_pass(ret->slice, pass, &ret->packet);
}

static bool is_own(const struct queue *q, const struct el_pkt *pkt)
{
	uint32_t dst;

	if (pkt->family != 4)
		return false;
	memcpy(&dst, pkt->ip.dst, 4);
	for (uint32_t i = 0; i < q->n_own_v4; i++) {
		if (q->own_v4[i] == dst)
			return true;
	}
	return false;
}

/* Counts a packet that is no answer of ours; what was not for us at all is told apart first. */
static void count_useless(struct el_worker *w, const struct queue *q, const struct el_pkt *pkt,
			  enum el_worker_counter reason)
{
	count(w, is_own(q, pkt) ? reason : EL_COUNTER_DROP_RX_NOT_OURS, 1);
}

static void count_no_answer(struct el_worker *w, const struct pending *p, enum el_no_answer why)
{
	static const enum el_worker_counter counters[EL_NO_ANSWER_COUNT] = {
	    [EL_NO_ANSWER_TCP_FLAGS] = EL_COUNTER_UNMATCHED_TCP_FLAGS,
	    [EL_NO_ANSWER_COOKIE] = EL_COUNTER_UNMATCHED_COOKIE,
	    [EL_NO_ANSWER_QUOTE_SHORT] = EL_COUNTER_UNMATCHED_QUOTE_SHORT,
	    [EL_NO_ANSWER_QUOTE_DAMAGED] = EL_COUNTER_UNMATCHED_QUOTE_DAMAGED,
	    [EL_NO_ANSWER_OTHER] = EL_COUNTER_DROP_RX_NOT_ANSWER,
	};

	count_useless(w, p->queue, &p->pkt, counters[why]);
}

static bool is_for_control(const uint8_t *frame, size_t len)
{
	size_t at = 12;

	while (at + 6 <= len && el_get16(frame + at) == RTE_ETHER_TYPE_VLAN)
		at += 4;
	return at + 2 <= len && el_get16(frame + at) == RTE_ETHER_TYPE_ARP;
}

/* Passes the frame to control; true if the buffer is no longer ours. */
static bool pass_up(struct el_worker *w, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(w->up, m) == 0)
		return true;
	count(w, EL_COUNTER_DROP_UP_FULL, 1);
	return false;
}

static void prefetch(struct el_worker *w, uint32_t id)
{
	struct located at;
	struct live_round *l;

	if (!locate(w, id, &at))
		return;
	rte_prefetch0(at.slice);
	l = at.id.worker == w->conf.index.v ? round_find(w, at.round) : NULL;
	if (l)
		rte_prefetch0(&l->block->records[at.id.index]);
}

/* Stage one for a frame. True if `p` is an answer that goes on to stage two. */
static bool recognise(struct el_worker *w, const uint8_t *frame, size_t len, uint64_t tsc,
		      struct pending *p)
{
	static const enum el_worker_counter counters[EL_PKT_ERRORS] = {
	    [EL_PKT_TRUNCATED] = EL_COUNTER_DROP_RX_TRUNCATED,
	    [EL_PKT_MALFORMED] = EL_COUNTER_DROP_RX_MALFORMED,
	    [EL_PKT_FRAGMENT] = EL_COUNTER_DROP_RX_FRAGMENT,
	    [EL_PKT_UNSUPPORTED] = EL_COUNTER_DROP_RX_UNSUPPORTED,
	};
	enum el_pkt_error error = el_pkt_parse(frame, len, &p->pkt);
	enum el_no_answer why;

	if (error != EL_PKT_OK) {
		count(w, counters[error], 1);
		return false;
	}
	why = w->set ? el_probe_recognise(&p->pkt, &p->answer) : EL_NO_ANSWER_OTHER;
	if (why != EL_NO_ANSWER_NONE) {
		count_no_answer(w, p, why);
		return false;
	}
	p->answer.tsc = tsc;
	p->n_ids = el_probe_ops[p->answer.type]->ids(
	    &w->set->key, &p->answer, w->set->tcp_payload_lens, w->set->n_tcp_payload_lens, p->ids);
	if (p->n_ids)
		prefetch(w, p->ids[0]);
	return true;
}

static bool is_answer(const struct el_answer *a)
{
	switch ((enum el_answer_kind)a->kind) {
	case EL_ANSWER_SYNACK:
	case EL_ANSWER_RST:
	case EL_ANSWER_ECHO_REPLY:
		return true;
	case EL_ANSWER_UNREACHABLE:
		return a->type != EL_PROBE_ICMPPING && (a->flags & EL_ANSWER_FROM_TARGET);
	case EL_ANSWER_ICMP_ERROR:
		return false;
	}
	return false;
}

/* The 4-tuple of an answered probe may be used again as it is. */
static void release_path(struct el_worker *w, const struct el_answer *a, const struct located *at)
{
	const struct el_slice *s = at->slice;
	uint32_t *last;

	if (s->path_first == EL_PATH_NONE || a->type != EL_PROBE_TCPSYN || !is_answer(a))
		return;
	last =
	    &w->set->plans[at->id.worker]
		 ->paths[s->path_first + (uint32_t)(el_slice_port(s, at->packet) - s->path_base)];
	if (*last == a->id)
		*last = 0;
}

/* Writes a verified answer into the record of its probe, which is one of this worker's. */
static void apply(struct el_worker *w, const struct el_answer *a, const struct located *at)
{
	struct live_round *l = round_find(w, at->round);
	el_record *r;

	if (a->kind == EL_ANSWER_SYNACK)
		urgent_reset(w, at->slice, a->own_port, a->wire);
	release_path(w, a, at);
	if (!l) {
		count(w, EL_COUNTER_UNMATCHED_LATE, 1);
		worker_event(w, is_answer(a) ? EL_EVENT_LATE : EL_EVENT_ICMP_ERROR, a->tsc,
			     at->slice->series, 0);
		return;
	}
	r = &l->block->records[at->id.index];
	if (el_record_state(*r) == EL_RECORD_UNSENT || el_record_state(*r) == EL_RECORD_LOCAL) {
		count(w, EL_COUNTER_UNMATCHED_UNSENT, 1);
		return;
	}
	count(w, EL_COUNTER_ANSWERS, 1);
	if (!is_answer(a))
		*r |= EL_RECORD_ICMP_ERROR;
	else if (el_record_state(*r) == EL_RECORD_SENT)
		*r = el_record_answered(*r, a->tsc);
	else
		*r = el_record_duplicate(*r);
}

static void forward(struct el_worker *w, struct el_answer *a, uint32_t owner)
{
	if (owner < w->n_peers &&
	    rte_ring_mp_enqueue_elem(w->peers[owner]->forwarded, a, sizeof(*a)) == 0)
		count(w, EL_COUNTER_FORWARDED, 1);
	else {
		count(w, EL_COUNTER_DROP_FORWARD_FULL, 1);
		for (uint32_t i = 0; i < w->n_live_slots; i++) {
			if (w->live[i].block)
				w->live[i].block->local_drops++;
		}
	}
}

/* An answer that no candidate id fits: the closest miss decides what it is counted as. */
static void mismatch(struct el_worker *w, const struct pending *p, enum el_match closest,
		     const struct el_slice *slice)
{
	static const enum el_worker_counter counters[] = {
	    [EL_MATCH_ID] = EL_COUNTER_UNMATCHED_ID,
	    [EL_MATCH_ADDRESS] = EL_COUNTER_UNMATCHED_ADDRESS,
	    [EL_MATCH_PORT] = EL_COUNTER_UNMATCHED_PORT,
	    [EL_MATCH_COOKIE] = EL_COUNTER_UNMATCHED_COOKIE,
	};
	const struct el_answer *a = &p->answer;
	uint32_t remote;

	if (!is_own(p->queue, &p->pkt)) {
		count(w, EL_COUNTER_DROP_RX_NOT_OURS, 1);
		return;
	}
	if (closest == EL_MATCH_ID && (a->flags & EL_ANSWER_ID_ZERO)) {
		count(w, EL_COUNTER_UNMATCHED_QUOTE_DAMAGED, 1);
		return;
	}
	count(w, counters[closest], 1);
	if (closest == EL_MATCH_PORT)
		worker_event(w, EL_EVENT_PORT_MISMATCH, a->tsc, slice->series, 0);
	else if (closest == EL_MATCH_ID && a->type == EL_PROBE_TCPSYN && p->pkt.family == 4) {
		memcpy(&remote, p->pkt.ip.src, 4);
		worker_event(w, EL_EVENT_TCP_UNMATCHED, a->tsc, remote,
			     (uint32_t)a->remote_port << 16 | a->own_port);
	}
	if (a->kind == EL_ANSWER_SYNACK)
		urgent_reset_unknown(w, p->queue, &p->pkt);
}

/* Whether candidate `i` of an answer is the probe at `at`: an RST may acknowledge the SYN's
 * payload, but then that of this very probe. */
static enum el_match verify_candidate(const struct el_worker *w, const struct pending *p,
				      uint32_t i, const struct located *at)
{
	const struct el_slice *s = at->slice;

	if (i && s->payload_len != w->set->tcp_payload_lens[i - 1])
		return EL_MATCH_ID;
	if (s->type != p->answer.type)
		return EL_MATCH_ID;
	return el_probe_ops[s->type]->verify(&p->answer, s, el_slice_port(s, at->packet));
}

/* Stage two: the candidate that agrees with what was sent, or the closest miss. */
static void verify(struct el_worker *w, struct pending *p)
{
	const struct el_slice *missed = NULL;
	enum el_match closest = EL_MATCH_ID;

	for (uint32_t i = 0; i < p->n_ids; i++) {
		struct located at;
		enum el_match match;
		if (!locate(w, p->ids[i], &at))
			continue;
		match = verify_candidate(w, p, i, &at);
		if (match == EL_MATCH_OK) {
			p->answer.candidate = (uint8_t)i;
			p->answer.id = p->ids[i];
			if (at.id.worker == w->conf.index.v)
				apply(w, &p->answer, &at);
			else
				forward(w, &p->answer, at.id.worker);
			return;
		}
		if (match > closest) {
			closest = match;
			missed = at.slice;
		}
	}
	mismatch(w, p, closest, missed);
}

static void rx_burst(struct el_worker *w, struct queue *q)
{
	struct rte_mbuf *mbufs[BURST];
	struct pending pending[BURST];
	uint8_t linear[LINEAR_BYTES];
	uint32_t n_pending = 0, n_free = 0;
	uint64_t bytes = 0, tsc;
	uint16_t n;

	n = rte_eth_rx_burst(q->conf.port_id, q->conf.rx_queue, mbufs, BURST);
	if (!n)
		return;
	tsc = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		struct pending *p = &pending[n_pending];
		uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)LINEAR_BYTES);
		const uint8_t *frame;

		bytes += m->pkt_len;
		if (unlikely(m->nb_segs > 1)) {
			/* rare: the second stage may look at the frame again, so finish it at once
			 */
			frame = rte_pktmbuf_read(m, 0, len, linear);
			p->queue = q;
			if (frame && recognise(w, frame, len, tsc, p))
				verify(w, p);
			mbufs[n_free++] = m;
			continue;
		}
		frame = rte_pktmbuf_mtod(m, const uint8_t *);
		if (unlikely(is_for_control(frame, m->data_len)) && pass_up(w, m))
			continue;
		mbufs[n_free++] = m;
		p->queue = q;
		if (recognise(w, frame, m->data_len, tsc, p))
			n_pending++;
	}
	for (uint32_t i = 0; i < n_pending; i++)
		verify(w, &pending[i]);
	rte_pktmbuf_free_bulk(mbufs, n_free);
	count(w, EL_COUNTER_RX_PACKETS, n);
	count(w, EL_COUNTER_RX_BYTES, bytes);
}

void rx_poll(struct el_worker *w)
{
	for (uint32_t i = 0; i < w->n_queues; i++)
		rx_burst(w, &w->queues[i]);
}

/* Answers to this worker's probes that arrived on another's queue: verified there, so only the
 * record is left to be written. */
void rx_forwarded(struct el_worker *w)
{
	struct el_answer answers[BURST];
	unsigned n =
	    rte_ring_sc_dequeue_burst_elem(w->forwarded, answers, sizeof(answers[0]), BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		struct located at;
		if (w->set && locate(w, answers[i].id, &at))
			apply(w, &answers[i], &at);
		else
			count(w, EL_COUNTER_UNMATCHED_ID, 1);
	}
}
