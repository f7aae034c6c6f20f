/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving what is no plain first answer to a probe of this worker's newest plan: it is parsed,
 * looked for under all plans of the schedule, and goes to its record, to the worker that has it, to
 * control, or is counted by what is wrong with it. */
#include "el_probe_plain.h"
#include "for_port.h"
#include "links.h"
#include "rx_checksum.h"

#define CANDIDATES_MAX (EL_PROBE_TCP_LENS_MAX + 1)
/* No answer is longer: an echo reply is as long as its request, and what an ICMP error quotes is no
 * longer than that. */
#define LINEAR_BYTES (EL_PROBE_PAYLOAD_BYTES + 256)

/* Where an id points to under a plan. */
struct located {
	const struct el_plan_set *set;
	struct el_streams *streams;
	const struct el_slice *slice; /* not looked at yet */
	struct live_round *live;      /* NULL: the round is over, or another worker's */
	uint64_t round;
	uint32_t worker, index, pass;
};

/* What rx_any has of a frame. */
struct pending {
	struct el_answer answer;
	const uint8_t *frame;
	uint32_t len;
	const struct stamp *at; /* when it came */
	/* of a STAMP reply: the payload of UDP, and what it says once it was verified */
	const uint8_t *packet;
	size_t packet_len;
	struct el_stamp_note note;
	struct el_stamp_told told; /* where the answer has EL_ANSWER_TOLD */
};

/* An answer on its way to another worker: as much of this as it has, in elements of its ring. */
struct forwarded {
	struct el_answer answer;
	struct el_stamp_note note; /* of STAMP replies alone, */
	struct el_stamp_told told; /* and of those alone that have EL_ANSWER_TOLD */
};
_Static_assert(sizeof(struct forwarded) == 3 * sizeof(struct el_answer), "three elements");

/* How many elements an answer takes. */
static unsigned forwarded_elements(const struct el_answer *a)
{
	return a->kind != EL_ANSWER_REFLECTED ? 1 : a->flags & EL_ANSWER_TOLD ? 3 : 2;
}

/* Finds where `id` points to under the plan of a span, of this worker or another, which may have
 * begun a round that this one has not. False: no probe of the plan can have the id. */
static bool locate(struct el_worker *w, const struct el_schedule_span *span, uint32_t id,
		   struct located *ret)
{
	const struct el_plan_set *set = span->set;
	const struct el_plan *plan;
	uint64_t newest, round;
	struct live_round *live;
	struct el_id at;
	bool own;

	if (!el_id_unpack(&set->ids, id, &at) || at.worker >= set->n_workers)
		return false;
	plan = set->plans[at.worker];
	if (at.index >= plan->n_records)
		return false;
	own = at.worker == w->conf.index.v;
	newest = RTE_MIN(own ? w->last_round : w->ordered_round, span->end - 1);
	round = round_number(newest, at.round, set->ids.round_bits);
	/* Rounds that never were, or so long ago that it is chance. */
	if (round < span->first || round > newest || newest - round >= ROUNDS_MAX)
		return false;
	live = own ? round_find(w, round) : NULL;
	*ret = (struct located){.set = set,
				.streams = span->streams,
				.live = live && live->block->set == set ? live : NULL,
				.round = round,
				.worker = at.worker,
				.index = at.index};
	ret->slice = &plan->slices[el_plan_locate(plan, at.index, &ret->pass).v];
	return true;
}

static bool is_own(const struct queue *q, const struct el_pkt *pkt)
{
	struct el_ip dst = el_ip_from_bytes(pkt->ip.dst, pkt->family);

	return el_prefixes_contain(q->conf.own, q->conf.n_own, &dst);
}

/* Counts a packet that is no answer of ours; what was not for us at all is told apart first. */
static void count_useless(struct el_worker *w, const struct queue *q, const struct el_pkt *pkt,
			  enum el_worker_counter reason)
{
	count(w, is_own(q, pkt) ? reason : EL_COUNTER_DROP_RX_NOT_OURS, 1);
}

static void count_no_answer(struct el_worker *w, const struct queue *q, const struct el_pkt *pkt,
			    enum el_verdict verdict)
{
	static const enum el_worker_counter counters[EL_VERDICTS] = {
	    [EL_VERDICT_TCP_FLAGS] = EL_COUNTER_UNMATCHED_TCP_FLAGS,
	    [EL_VERDICT_COOKIE] = EL_COUNTER_UNMATCHED_COOKIE,
	    [EL_VERDICT_QUOTE_SHORT] = EL_COUNTER_UNMATCHED_QUOTE_SHORT,
	    [EL_VERDICT_QUOTE_DAMAGED] = EL_COUNTER_UNMATCHED_QUOTE_DAMAGED,
	    [EL_VERDICT_STAMP_SHORT] = EL_COUNTER_UNMATCHED_STAMP_SHORT,
	    [EL_VERDICT_OTHER] = EL_COUNTER_DROP_RX_NOT_ANSWER,
	};

	count_useless(w, q, pkt, counters[verdict]);
}

/* Counts a frame that can't be parsed, or is no answer, unless it asks for one; true if the buffer
 * went to control or became an answer instead. */
static bool count_or_punt(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
			  const struct pending *p, enum el_pkt_error error,
			  const struct el_pkt *pkt)
{
	static const enum el_worker_counter counters[EL_PKT_ERRORS] = {
	    [EL_PKT_TRUNCATED] = EL_COUNTER_DROP_RX_TRUNCATED,
	    [EL_PKT_MALFORMED] = EL_COUNTER_DROP_RX_MALFORMED,
	    [EL_PKT_FRAGMENT] = EL_COUNTER_DROP_RX_FRAGMENT,
	    [EL_PKT_UNSUPPORTED] = EL_COUNTER_DROP_RX_UNSUPPORTED,
	};

	enum neighbour_kind kind = neighbour_sort(w, q, p->frame, p->len);

	if (kind != NEIGHBOUR_NOT)
		return neighbour_punt(w, m, m->nb_segs == 1 ? kind : NEIGHBOUR_NOBODYS);
	if (error != EL_PKT_OK) {
		count(w, counters[error], 1);
		return false;
	}
	if (w->responder && respond_any(w, q, m, pkt, p->at))
		return false;
	if (ping_is_one(q, pkt))
		return ping_take(w, q, m, pkt);
	count_useless(w, q, pkt, EL_COUNTER_DROP_RX_NOT_ANSWER);
	return false;
}

/* What `recognise` finds in a frame. */
enum recognised {
	ANSWER,
	NONE,   /* no answer, and counted */
	PUNTED, /* the buffer is control's now, or an answer */
};

bool rx_has_reflectors(const struct el_worker *w, uint16_t port)
{
	for (uint32_t i = 0; i < w->schedule->n; i++) {
		const struct el_plan_set *set = w->schedule->spans[i].set;

		if (set->n_stamp_kinds && (!port || set->stamp_ports[port / 64] >> port % 64 & 1))
			return true;
	}
	return false;
}

/* What a verdict is where UDP may be STAMP: a datagram is none of its replies unless it comes from
 * where there are reflectors, and a quote that UDPunreachable can't use may be of one of its
 * probes. */
static enum el_verdict stamp_verdict(const struct el_worker *w, const struct el_pkt *pkt,
				     enum el_verdict verdict, struct pending *p)
{
	bool answer = verdict == EL_VERDICT_ANSWER && p->answer.type == EL_PROBE_STAMP;

	if (answer || verdict == EL_VERDICT_STAMP_SHORT) {
		if (pkt->l4_len < EL_UDP_LEN || !rx_has_reflectors(w, el_get16(pkt->l4)))
			return EL_VERDICT_OTHER;
		p->packet = pkt->l4 + EL_UDP_LEN;
		p->packet_len = answer ? el_get16(pkt->l4 + 4) - (size_t)EL_UDP_LEN : 0;
	} else if (verdict == EL_VERDICT_QUOTE_DAMAGED && pkt->quote.protocol == IPPROTO_UDP &&
		   rx_has_reflectors(w, 0)) {
		return el_probe_ops[EL_PROBE_STAMP]->recognise_quote(&w->key, pkt, &p->answer);
	}
	return verdict;
}

/* The same for a frame that is not plain, and whether the checksums of the answer are right. */
static enum recognised recognise_any(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
				     struct pending *p, bool *ret_right)
{
	struct el_pkt pkt;
	enum el_pkt_error error = el_pkt_parse(p->frame, p->len, &pkt);
	enum el_verdict verdict = EL_VERDICT_OTHER;

	if (error == EL_PKT_OK && !el_pkt_is_on(&pkt, &q->tags)) {
		count(w, EL_COUNTER_DROP_RX_VLAN, 1);
		return NONE;
	}
	if (error == EL_PKT_OK && w->schedule->n)
		verdict = el_probe_recognise(&w->key, &pkt, &p->answer);
	verdict = stamp_verdict(w, &pkt, verdict, p);
	if (verdict == EL_VERDICT_OTHER)
		return count_or_punt(w, q, m, p, error, &pkt) ? PUNTED : NONE;
	if (verdict == EL_VERDICT_ANSWER) {
		*ret_right = q->conf.checksums == EL_CHECKSUMS_IGNORED ||
			     checksums_right(q, m, pkt.l3, pkt.protocol, pkt.l4, pkt.l4_len);
		return ANSWER;
	}
	if (verdict == EL_VERDICT_TCP_FLAGS) {
		if (w->responder && respond_any(w, q, m, &pkt, p->at))
			return NONE;
		if (is_challenge(&pkt) && is_own(q, &pkt))
			reset_unknown(w, q, &pkt);
	}
	count_no_answer(w, q, &pkt, verdict);
	return NONE;
}

/* What an answer with a wrong checksum counts as: by the port's enum el_checksums. */
static enum recognised doubt(struct el_worker *w, const struct queue *q, struct pending *p)
{
	struct el_pkt pkt;

	p->answer.flags |= EL_ANSWER_WRONG_CHECKSUM;
	if (q->conf.checksums == EL_CHECKSUMS_COUNTED)
		return ANSWER;
	el_pkt_parse(p->frame, p->len, &pkt);
	count_useless(w, q, &pkt, EL_COUNTER_UNMATCHED_CHECKSUM);
	return NONE;
}

/* Reads an answer from a frame into p->answer. */
static enum recognised recognise(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
				 struct pending *p)
{
	/* on the port's VLAN it looks untagged from behind its tags on */
	const uint8_t *frame = p->frame + q->tags.len;
	enum recognised found = ANSWER;
	struct el_plain plain;
	bool right;

	if (likely(w->schedule->n) && el_tags_begin(&q->tags, p->frame, p->len) &&
	    el_plain_recognise(&w->key, frame, p->len - q->tags.len, &plain)) {
		el_plain_answer(&plain, &p->answer);
		right =
		    q->conf.checksums == EL_CHECKSUMS_IGNORED || plain_checksums_right(q, m, frame);
	} else {
		found = recognise_any(w, q, m, p, &right);
	}
	return found != ANSWER || right ? found : doubt(w, q, p);
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
	case EL_ANSWER_REFLECTED:
		return true;
	case EL_ANSWER_ICMP_ERROR:
		return false;
	}
	return false;
}

/* What a verified answer to a TCP probe asks for besides its record: the reset of a SYN/ACK. */
static void close_connection(struct el_worker *w, const struct el_answer *a,
			     const struct located *at)
{
	uint32_t packet;

	if (a->kind == EL_ANSWER_SYNACK && !reset_probe(w, at->slice, a->own_port, a->wire))
		return; /* before the next probe of its 4-tuple it is */
	if (is_answer(a) && el_slice_packet_of_pass(at->slice, at->pass, &packet))
		release_tuple(at->streams->of[at->worker].half_open, at->slice,
			      el_slice_port(at->slice, packet), a->id);
}

/* Writes a verified answer into its record of a block. */
static inline void record_answer(struct el_worker *w, const struct el_answer *a,
				 struct el_block *block, uint32_t index)
{
	el_record *r = &block->records[index];
	enum el_record_state state = el_record_state(*r);

	if (unlikely(state == EL_RECORD_UNSENT || state == EL_RECORD_LOCAL)) {
		count(w, EL_COUNTER_UNMATCHED_UNSENT, 1);
		return;
	}
	count(w, EL_COUNTER_ANSWERS, 1);
	if (unlikely(!is_answer(a))) {
		*r |= EL_RECORD_ICMP_ERROR;
	} else if (likely(state == EL_RECORD_SENT)) {
		*r = el_record_answered_as(
		    *r, a->ns, a->flags & EL_ANSWER_UNCERTAIN ? EL_RECORD_UNCERTAIN : 0);
		block->bounds[a->bound]++;
	} else {
		*r = el_record_duplicate(*r);
	}
}

/* A STAMP reply says when the probe was sent: false, and counted, if that is not so. What the first
 * one says is kept. */
static bool note_reply(struct el_worker *w, const struct el_stamp_note *note,
		       const struct el_stamp_told *told, const struct located *at)
{
	struct el_block *block = at->live->block;
	uint32_t index = at->index;
	struct el_stamp_note *kept = &block->stamps[index];
	enum el_record_state state = el_record_state(block->records[index]);

	if (state == EL_RECORD_UNSENT || state == EL_RECORD_LOCAL)
		return true; /* and that is counted */
	if (note->t1 != kept->t1) {
		count(w, EL_COUNTER_UNMATCHED_STAMP_TIME, 1);
		return false;
	}
	if (state != EL_RECORD_SENT)
		return true;
	*kept = *note;
	if (told)
		el_stamp_tally_add(&block->tallies[at->slice - at->live->plan->slices], told);
	return true;
}

/* A verified answer to a probe of this worker, of whatever round; note, told: of a STAMP reply. */
static void apply(struct el_worker *w, const struct el_answer *a, const struct located *at,
		  const struct el_stamp_note *note, const struct el_stamp_told *told)
{
	if (a->type == EL_PROBE_TCPSYN)
		close_connection(w, a, at);
	if (at->live && a->kind == EL_ANSWER_REFLECTED &&
	    !note_reply(w, note, a->flags & EL_ANSWER_TOLD ? told : NULL, at))
		return;
	if (at->live) {
		record_answer(w, a, at->live->block, at->index);
		return;
	}
	count(w, EL_COUNTER_UNMATCHED_LATE, 1);
	worker_event(w, is_answer(a) ? EL_EVENT_LATE : EL_EVENT_ICMP_ERROR, a->ns,
		     at->slice->series, (uint32_t)at->set->generation);
}

static void forward(struct el_worker *w, const struct pending *p, const struct located *at)
{
	struct forwarded f = {.answer = p->answer, .note = p->note};
	unsigned n = forwarded_elements(&p->answer);
	uint32_t owner = at->worker;

	if (n == 3)
		f.told = p->told;
	f.answer.generation = at->set->generation;
	f.answer.rx_worker = (uint8_t)w->conf.index.v;
	if (owner < w->n_peers && rte_ring_mp_enqueue_bulk_elem(w->peers[owner]->forwarded, &f,
								sizeof(f.answer), n, NULL) == n) {
		count(w, EL_COUNTER_FORWARDED, 1);
		return;
	}
	count(w, EL_COUNTER_DROP_FORWARD_FULL, 1);
}

/* Counts an answer that is to no probe; `closest` says what was wrong with the best candidate. */
static void mismatch(struct el_worker *w, struct queue *q, const struct pending *p,
		     enum el_match closest, const struct located *missed)
{
	static const enum el_worker_counter counters[] = {
	    [EL_MATCH_ID] = EL_COUNTER_UNMATCHED_ID,
	    [EL_MATCH_ADDRESS] = EL_COUNTER_UNMATCHED_ADDRESS,
	    [EL_MATCH_PORT] = EL_COUNTER_UNMATCHED_PORT,
	    [EL_MATCH_COOKIE] = EL_COUNTER_UNMATCHED_COOKIE,
	    [EL_MATCH_SIGNED] = EL_COUNTER_UNMATCHED_STAMP_HMAC,
	};
	const struct el_answer *a = &p->answer;
	struct el_pkt pkt;

	el_pkt_parse(p->frame, p->len, &pkt);
	if (!is_own(q, &pkt)) {
		count(w, EL_COUNTER_DROP_RX_NOT_OURS, 1);
		return;
	}
	if (closest == EL_MATCH_ID && a->kind == EL_ANSWER_RST && w->responder &&
	    respond_is_reset(w, &pkt)) {
		count(w, EL_COUNTER_RESPONDER_RESETS, 1);
		return;
	}
	if (closest == EL_MATCH_ID && (a->flags & EL_ANSWER_ID_ZERO)) {
		count(w, EL_COUNTER_UNMATCHED_QUOTE_DAMAGED, 1);
		return;
	}
	count(w, counters[closest], 1);
	if (closest == EL_MATCH_PORT)
		worker_event(w, EL_EVENT_PORT_MISMATCH, a->ns, missed->slice->series,
			     (uint32_t)missed->set->generation);
	else if (closest == EL_MATCH_ID && a->type == EL_PROBE_TCPSYN)
		worker_event(w, EL_EVENT_TCP_UNMATCHED, a->ns, el_ip_fold(pkt.ip.src, pkt.family),
			     (uint32_t)a->remote_port << 16 | a->own_port);
	if (a->kind == EL_ANSWER_SYNACK)
		reset_unknown(w, q, &pkt);
}

/* Whether an answer that is to another probe than the first candidate may be to this one. An RST
 * may acknowledge the SYN's payload, but then that of this very probe; of STAMP see
 * reply_is_in_mode. */
static bool may_be_other(const struct el_slice *s, uint32_t i, const struct el_plan_set *set)
{
	return s->type == EL_PROBE_STAMP || s->payload_len == set->tcp_payload_lens[i - 1];
}

/* Whether an answer is to the probe at `at`, its candidate `i`. */
static enum el_match verify_candidate(struct el_answer *a, uint32_t i, const struct located *at)
{
	const struct el_slice *s = at->slice;
	uint32_t packet;

	if (!el_slice_packet_of_pass(s, at->pass, &packet) || s->type != a->type ||
	    (i && !may_be_other(s, i, at->set)))
		return EL_MATCH_ID;
	a->candidate = (uint8_t)i;
	return el_probe_ops[s->type]->verify(a, s, el_slice_port(s, packet));
}

/* A verified answer goes to its record, or to the worker that has it. */
static void settle(struct el_worker *w, struct pending *p, uint32_t id, const struct located *at)
{
	struct el_answer *a = &p->answer;

	a->id = id;
	a->bound = (uint16_t)el_bound_of_ns(p->at->bound_ns);
	if (p->at->bound_ns > at->set->certain_below_ns)
		a->flags |= EL_ANSWER_UNCERTAIN;
	if (at->worker == w->conf.index.v)
		apply(w, a, at, &p->note, &p->told);
	else
		forward(w, p, at);
}

/* Whether a STAMP reply has the sequence number where those of its session's mode have it. */
static bool reply_is_in_mode(const struct el_answer *a, const struct located *at)
{
	return at->set->stamp_kinds[at->slice->stamp_kind].sender.authenticated ==
	       (a->candidate != 0);
}

/* Reads a STAMP reply that came from the reflector of the probe at `at`; false, and counted: it is
 * none to that session. */
static bool read_reply(struct el_worker *w, struct pending *p, const struct located *at)
{
	static const enum el_worker_counter counters[EL_STAMP_VERDICTS] = {
	    [EL_STAMP_SHORT] = EL_COUNTER_UNMATCHED_STAMP_SHORT,
	    [EL_STAMP_WRONG_HMAC] = EL_COUNTER_UNMATCHED_STAMP_HMAC,
	    [EL_STAMP_OTHER_SSID] = EL_COUNTER_UNMATCHED_STAMP_SSID,
	};
	const struct el_probe_stamp_kind *kind = &at->set->stamp_kinds[at->slice->stamp_kind];
	enum el_stamp_verdict verdict = el_probe_stamp_read(kind, at->slice->cookie, p->packet,
							    p->packet_len, &p->note, &p->told);

	if (verdict == EL_STAMP_ANSWER) {
		p->answer.flags |= kind->sender.asks ? EL_ANSWER_TOLD : 0;
		return true;
	}
	count(w, counters[verdict], 1);
	return false;
}

/* Looks for the probe that an answer is to under the plan of a span, and settles the answer. False:
 * there is none; the closest miss so far is kept. */
static bool verify_under(struct el_worker *w, const struct queue *q,
			 const struct el_schedule_span *span, struct pending *p,
			 enum el_match *closest, struct located *missed)
{
	const struct el_plan_set *set = span->set;
	struct el_answer *a = &p->answer;
	uint32_t ids[CANDIDATES_MAX];
	unsigned n = el_probe_ops[a->type]->ids(&set->key, a, set->tcp_payload_lens,
						set->n_tcp_payload_lens, ids);

	/* From the last on: of a STAMP reply, first where an authenticated one repeats the number.
	 * There an HMAC decides, but nothing tells such a reply's bytes elsewhere from a number. */
	for (unsigned i = n; i-- > 0;) {
		struct located at;
		enum el_match match;

		if (!locate(w, span, ids[i], &at))
			continue;
		match = verify_candidate(a, i, &at);
		if (match == EL_MATCH_OK && unlikely(q->first->n_links > 1) &&
		    link_is_stray(w, q, at.slice)) {
			count(w, EL_COUNTER_DROP_RX_VLAN, 1);
			return true;
		}
		if (match == EL_MATCH_OK && a->kind == EL_ANSWER_REFLECTED) {
			if (!reply_is_in_mode(a, &at))
				match = EL_MATCH_SIGNED;
			else if (!read_reply(w, p, &at))
				return true;
		}
		if (match == EL_MATCH_OK) {
			count(w, EL_COUNTER_WRONG_CHECKSUMS,
			      (a->flags & EL_ANSWER_WRONG_CHECKSUM) != 0);
			settle(w, p, ids[i], &at);
			return true;
		}
		if (match > *closest) {
			*closest = match;
			*missed = at;
		}
	}
	return false;
}

/* A quote that is of none of UDPunreachable's probes: whether it may be of one of STAMP's, whose
 * ids are elsewhere. p->answer then says so. */
static bool is_stamp_quote(const struct el_worker *w, struct pending *p)
{
	uint8_t flags = p->answer.flags & EL_ANSWER_WRONG_CHECKSUM;
	uint64_t ns = p->answer.ns;
	struct el_answer answer;
	struct el_pkt pkt;

	if (el_pkt_parse(p->frame, p->len, &pkt) != EL_PKT_OK || !pkt.quote.l3 ||
	    el_probe_ops[EL_PROBE_STAMP]->recognise_quote(&w->key, &pkt, &answer) !=
		EL_VERDICT_ANSWER)
		return false;
	answer.ns = ns;
	answer.flags |= flags;
	p->answer = answer;
	return true;
}

/* Finds the probe that an answer is to, under any plan in the schedule, the newest first. */
static void search(struct el_worker *w, struct queue *q, struct pending *p)
{
	const struct el_schedule *s = w->schedule;
	const struct el_answer *a = &p->answer;
	enum el_match closest = EL_MATCH_ID;
	struct located missed;

	for (uint32_t i = s->n; i > 0; i--) {
		if (verify_under(w, q, &s->spans[i - 1], p, &closest, &missed))
			return;
	}
	if (a->type == EL_PROBE_UDPUNREACHABLE && rx_has_reflectors(w, 0) && is_stamp_quote(w, p))
		search(w, q, p);
	else
		mismatch(w, q, p, closest, &missed);
}

/* A frame's bytes in a row; of what is longer than LINEAR_BYTES, the beginning. */
static inline void view(const struct rte_mbuf *m, struct pending *p, uint8_t *linear)
{
	p->frame = rte_pktmbuf_mtod(m, const uint8_t *);
	p->len = m->data_len;
	if (unlikely(m->nb_segs > 1)) {
		p->len = RTE_MIN(m->pkt_len, (uint32_t)LINEAR_BYTES);
		p->frame = rte_pktmbuf_read(m, 0, p->len, linear);
	}
}

bool rx_any(struct el_worker *w, struct queue *q, struct rte_mbuf *m, const struct stamp *at)
{
	uint8_t linear[LINEAR_BYTES];
	enum recognised found;
	struct pending p;

	p.at = at;
	view(m, &p, linear);
	found = recognise(w, q, m, &p);
	if (found == ANSWER) {
		p.answer.ns = at->ns;
		search(w, q, &p);
	}
	return found == PUNTED;
}

/* Notes which worker an answer came in at, so that a later plan has that one send the slice. */
static void note_rx_worker(struct el_worker *w, const struct el_answer *a, const struct located *at)
{
	const struct el_plan *plan = at->set->plans[at->worker];
	struct live_round *l = round_find(w, at->round);

	if (!is_answer(a))
		return; /* of a router: it may come in anywhere */
	atomic_store_explicit(&at->streams->of[at->worker].rx_worker[at->slice - plan->slices],
			      a->rx_worker + 1, memory_order_relaxed);
	if (l)
		l->block->forwarded++;
}

/* Takes answers to this worker's probes that came in at another: it has verified them, and what is
 * left is to write the records. */
void rx_forwarded(struct el_worker *w)
{
	/* room for what belongs to the last */
	struct el_answer answers[BURST + 2];
	unsigned n =
	    rte_ring_sc_dequeue_burst_elem(w->forwarded, answers, sizeof(answers[0]), BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		const struct el_answer *a = &answers[i];
		const struct el_schedule_span *span =
		    el_schedule_find_generation(w->schedule, a->generation);
		unsigned more = forwarded_elements(a) - 1;
		struct el_stamp_note note;
		struct el_stamp_told told;
		struct located at;

		if (unlikely(more)) {
			/* all elements were put in at once */
			for (; n < i + 1 + more; n++)
				rte_ring_sc_dequeue_elem(w->forwarded, &answers[n],
							 sizeof(answers[0]));
			memcpy(&note, &answers[i + 1], sizeof(note));
			if (more == 2)
				memcpy(&told, &answers[i + 2], sizeof(told));
			i += more;
		}
		if (!span || !locate(w, span, a->id, &at)) {
			count(w, EL_COUNTER_UNMATCHED_ID, 1);
			continue;
		}
		apply(w, a, &at, &note, &told);
		note_rx_worker(w, a, &at);
	}
	passed_take(w, n);
}
