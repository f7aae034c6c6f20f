/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending probes: what is due is built into a list per queue, and the list goes out in one burst
 * whose time is read just before it. What the device does not take stays in front for the next. */
#include "el_probe_make.h"
#include "worker_internal.h"

#define RECORD_END_NONE (NO_RECORD - 1) /* no record: plans have up to 2^31 */

/* A burst call that takes longer makes the stamps of its probes uncertain, and is counted. */
#define UNCERTAIN_NS 50000

/* The first `n` packets of a run have been sent, in a call that took `took_ns`. How many of them
 * were probes. */
static uint32_t record_run(struct probe_run *r, uint32_t n, uint64_t ns, uint64_t took_ns)
{
	struct live_round *l = r->live;
	el_record *records, sent = el_record_sent(ns);

	l->outstanding -= n;
	if (r->record == NO_RECORD)
		return 0;
	if (unlikely(took_ns > l->block->set->certain_below_ns))
		sent |= EL_RECORD_UNCERTAIN;
	records = &l->block->records[r->record];
	for (uint32_t i = 0; i < n; i++)
		records[i] = sent;
	l->block->uncertain += took_ns > UNCERTAIN_NS ? n : 0;
	l->last_send_ns = l->moved_ns = ns;
	r->record += n;
	return n;
}

/* Takes the first `sent` packets, which have gone, off the list; how many of them were probes. */
static uint32_t record_burst(struct probe_list *p, uint32_t sent, uint64_t ns, uint64_t took_ns)
{
	uint32_t left = sent, done = 0, probes = 0;

	while (left > 0) {
		struct probe_run *r = &p->runs[done];
		uint32_t n = RTE_MIN(left, r->n);

		probes += record_run(r, n, ns, took_ns);
		left -= n;
		r->n = (uint16_t)(r->n - n);
		done += r->n == 0;
	}
	p->n -= sent;
	p->n_runs -= done;
	if (unlikely(p->n)) {
		memmove(p->mbufs, p->mbufs + sent, p->n * sizeof(p->mbufs[0]));
		memmove(p->ends, p->ends + sent, p->n * sizeof(p->ends[0]));
		memmove(p->runs, p->runs + done, p->n_runs * sizeof(p->runs[0]));
	}
	return probes;
}

/* Sends the first n packets of a list, which have the time `ns`, or each the one in `each_ns`, if
 * that is not NULL; how many have gone. */
static __rte_always_inline uint32_t send_first(struct el_worker *w, struct queue *q, uint32_t n,
					       uint64_t ns, const uint64_t *each_ns)
{
	struct probe_list *p = &q->probes;
	uint32_t bytes = 0, probes = 0;
	uint64_t end_ns;
	uint16_t sent;

	sent = rte_eth_tx_burst(q->conf.port_id, q->conf.tx_queue, p->mbufs, (uint16_t)n);
	end_ns = worker_now(w);
	if (unlikely(p->stamps))
		tx_stamp_sent(p, sent, n);

	if (likely(sent)) {
		q->moved_ns = ns;
		bytes = p->ends[sent - 1] - p->sent;
		p->sent += bytes;
	}
	q->stuck = !sent && (q->stuck || ns - q->moved_ns > EL_NS_PER_S / 10);
	if (each_ns) {
		for (uint32_t i = 0; i < sent; i++)
			probes += record_burst(p, 1, each_ns[i], end_ns - each_ns[i]);
	} else {
		probes = record_burst(p, sent, ns, end_ns - ns);
	}
	if (unlikely(sent < n))
		p->runs[0].live->block->tx_refused += n - sent;
	add(&q->counters.tx_packets, sent);
	count(w, EL_COUNTER_TX_BYTES, bytes);
	count(w, EL_COUNTER_TX_PROBES, probes);
	count(w, EL_COUNTER_TX_RESETS, sent - probes);
	return sent;
}

/* Sends a list that has STAMP probes: in several bursts, where some of them are signed. */
static __rte_noinline void send_stamped(struct el_worker *w, struct queue *q)
{
	struct probe_list *p = &q->probes;
	uint64_t ns[SIGNED_AT_ONCE] = {0}, now;
	uint32_t n, sent, n_signed = 0;

	do {
		now = worker_now(w);
		n = p->stamps ? tx_stamp(w, p, now) : p->n;
		if (likely(n)) {
			sent = send_first(w, q, n, now, NULL);
		} else {
			n = tx_sign(w, p, SIGNED_AT_ONCE - n_signed, ns);
			sent = send_first(w, q, n, ns[0], ns);
			n_signed += n;
		}
	} while (sent == n && p->n && n_signed < SIGNED_AT_ONCE);
}

static void send_list(struct el_worker *w, struct queue *q)
{
	if (likely(!q->probes.stamps))
		send_first(w, q, q->probes.n, worker_now(w), NULL);
	else
		send_stamped(w, q);
}

/* Puts a frame of `len` bytes at the end of a list, which has room. */
static void append(struct probe_list *p, struct rte_mbuf *m, uint32_t len)
{
	p->ends[p->n] = probe_list_end(p) + len;
	p->mbufs[p->n++] = m;
}

/* Takes this round's probes out of the lists: their records stay unsent. The RSTs before them go
 * out all the same: nobody else will close what they are for. */
void tx_drop_outstanding(struct el_worker *w, struct live_round *l)
{
	if (!l->outstanding)
		return;
	for (uint32_t k = 0; k < w->n_queues; k++) {
		struct probe_list *p = &w->queues[k].probes;
		struct rte_mbuf **from = p->mbufs;
		uint32_t n_runs = p->n_runs, stamps = p->stamps;

		p->n = p->n_runs = p->stamps = 0;
		for (uint32_t i = 0; i < n_runs; i++) {
			struct probe_run r = p->runs[i];

			for (uint32_t j = 0; j < r.n; j++, from++) {
				if (r.live != l) {
					tx_stamp_keep(p, stamps, (uint32_t)(from - p->mbufs));
					append(p, *from, (*from)->pkt_len);
				} else if (r.record == NO_RECORD) {
					urgent_push(w, &w->queues[k], *from, EL_COUNTER_TX_RESETS);
				} else {
					rte_pktmbuf_free(*from);
				}
			}
			if (r.live != l)
				p->runs[p->n_runs++] = r;
		}
	}
	l->outstanding = 0;
}

void tx_give_up(struct el_worker *w, struct queue *q)
{
	struct probe_list *p = &q->probes;

	for (uint32_t i = 0; i < p->n_runs; i++) {
		const struct probe_run *r = &p->runs[i];

		r->live->outstanding -= r->n;
		if (r->record == NO_RECORD)
			continue;
		for (uint32_t k = 0; k < r->n; k++)
			r->live->block->records[r->record + k] = el_record_local();
		count(w, EL_COUNTER_DROP_PORT_DOWN, r->n);
	}
	rte_pktmbuf_free_bulk(p->mbufs, p->n);
	p->n = p->n_runs = p->stamps = 0;
	q->stuck = false;
	if (w->responder)
		respond_give_up(w, q);
}

/* The class of the sending round that is furthest behind in time; NULL if nothing is due. */
static struct el_pacing *most_behind(struct el_worker *w, uint32_t *ret_debt)
{
	struct el_pacing *worst = NULL;
	uint64_t worst_lag = 0;

	for (uint32_t c = 0; c < w->sending->plan->n_classes; c++) {
		uint32_t debt = el_pacing_debt(&w->pacing[c], w->iteration_ns);
		uint64_t lag = debt * w->pacing[c].record_q8;
		if (debt && (!worst || lag > worst_lag)) {
			worst = &w->pacing[c];
			worst_lag = lag;
			*ret_debt = debt;
		}
	}
	return worst;
}

/* Notes that the last n packets of a list are those of `n` records from `record` on, or an RST (n =
 * 1, NO_RECORD). */
static void append_run(struct probe_list *p, struct live_round *l, uint32_t record, uint32_t n)
{
	struct probe_run *r = &p->runs[p->n_runs];

	l->outstanding += n;
	if (p->n_runs && r[-1].end == record && r[-1].live == l) {
		r[-1].end += n;
		r[-1].n = (uint16_t)(r[-1].n + n);
		return;
	}
	*r = (struct probe_run){.live = l,
				.record = record,
				.end = record == NO_RECORD ? RECORD_END_NONE : record + n,
				.n = (uint16_t)n};
	p->n_runs++;
}

/* What is the same for all probes that build_class builds. */
struct building {
	struct el_worker *w;
	struct live_round *live;
	const struct el_id_key *key;
	el_half_open *half_open;
	uint64_t round;
	uint32_t id_base;
};

/* The entry of a slice's 4-tuple with a source port. */
static inline el_half_open *half_open_of(const struct building *b, const struct el_slice *s,
					 uint16_t port)
{
	return &b->half_open[s->half_open_first + (uint32_t)(port - s->half_open_base)];
}

/* Both cache lines of a slice whose turn comes a burst later; `s` may lie behind the last one. */
static inline void prefetch_slice(const struct el_slice *s)
{
	rte_prefetch0(s);
	rte_prefetch0(s->template);
}

/* The source ports of a burst of TCP probes, and the entries of their 4-tuples in the table of
 * half-open connections, which are prefetched. */
struct tcp_tuples {
	el_half_open *last[BURST];
	uint16_t ports[BURST];
};

/* Those of up to n slices, as far as they are TCP; how many. */
static inline uint32_t find_tuples(const struct building *b, const struct el_slice *s, uint32_t n,
				   uint32_t packet, struct tcp_tuples *ret)
{
	size_t i;

	for (i = 0; i < n && s[i].type == EL_PROBE_TCPSYN; i++) {
		ret->ports[i] = el_slice_port(&s[i], packet);
		ret->last[i] = half_open_of(b, &s[i], ret->ports[i]);
		rte_prefetch0(ret->last[i]);
	}
	return (uint32_t)i;
}

/* What frames have in common whose slices have the same el_slice_form. */
struct form {
	uint64_t of;
	uint8_t l2[HOP_L2_BYTES]; /* ends with the IP version's type, where the L3 header begins */
	uint16_t header_len;
	uint16_t data_off, len; /* of the frame */
};

/* The form of the frames of `s`. False: they can't be sent by `q` now. */
static __rte_noinline bool form_of(const struct el_worker *w, const struct queue *q,
				   const struct el_slice *s, struct form *ret)
{
	const struct hop *hop = &w->hops[s->next_hop.v];

	if (hop->queue != q || hop->state != EL_NEXT_HOP_READY)
		return false;
	ret->of = el_slice_form(s);
	write_l2(ret->l2 + HOP_L2_BYTES, s->family, hop);
	ret->header_len = s->header_len;
	ret->data_off = (uint16_t)(PAYLOAD_OFFSET - s->header_len - hop->l2_len);
	ret->len = (uint16_t)(hop->l2_len + s->header_len + s->payload_len);
	return true;
}

static inline void make_probe(enum el_probe_type type, uint8_t family, const struct el_id_key *key,
			      const struct el_probe_job *job)
{
	switch (type) {
	case EL_PROBE_ICMPPING:
		el_make_icmpping(key, job, family);
		break;
	case EL_PROBE_TCPSYN:
		el_make_tcpsyn(key, job, family);
		break;
	case EL_PROBE_UDPUNREACHABLE:
		el_make_udpunreachable(key, job, family);
		break;
	case EL_PROBE_STAMP: /* see build_type */
	case EL_PROBE_TYPES:
		break;
	}
}

/* The payload of n probes, of the slices from `s` on, into buffers that may have held another. */
static __rte_noinline void write_payloads(struct rte_mbuf *const *mbufs, const struct el_slice *s,
					  uint32_t n, const uint8_t *payload)
{
	for (uint32_t i = 0; i < n; i++)
		memcpy(frame_end(mbufs[i]), payload, s[i].payload_len);
}

/* Builds probe `packet` of up to n slices from `s` on, for the records from `index` on; returns how
 * many. Stops at the first slice of another type, family or queue, or that needs more than a probe:
 * see build_one. Each caller gives a constant type and family, so that the loop holds only what
 * these need.
 */
static __rte_always_inline uint32_t build_type(enum el_probe_type type, uint8_t family,
					       const struct building *b, const struct el_slice *s,
					       uint32_t index, uint32_t n, uint32_t packet)
{
	struct el_worker *w = b->w;
	struct queue *q = w->hops[s->next_hop.v].queue;
	struct probe_list *p = &q->probes;
	struct rte_mbuf **mbufs = p->mbufs + p->n, **spare = w->spare + w->n_spare;
	struct el_probe_job job = {.id = el_id_with_index(b->id_base, index)};
	uint32_t i, end = probe_list_end(p), *ends = p->ends + p->n;
	/* of STAMP; in registers, for the bytes that are written might be theirs, as far as can be
	 * told */
	const struct el_probe_stamp_kind *kinds = b->live->block->set->stamp_kinds;
	const struct el_slice **slices = p->slices + p->n;
	struct el_probe_stamp_made *made = p->made + p->n;
	struct tcp_tuples tcp;
	struct form form;

	if (q->down || !form_of(w, q, s, &form))
		return 0;
	n = RTE_MIN(n, RTE_MIN(BURST - p->n, w->n_spare));
	if (type == EL_PROBE_TCPSYN)
		n = find_tuples(b, s, n, packet, &tcp);
	for (i = 0; i < n; i++, s++, job.id = el_id_next(job.id)) {
		struct rte_mbuf *m = *--spare;

		prefetch_slice(s + BURST);
		if (unlikely(el_slice_form(s) != form.of) &&
		    (s->type != type || s->family != family || !form_of(w, q, s, &form)))
			break;
		if (type == EL_PROBE_TCPSYN) {
			if (el_half_open_get(tcp.last[i]))
				break;
			el_half_open_set(tcp.last[i], job.id);
			job.src_port = tcp.ports[i];
		} else if (type != EL_PROBE_ICMPPING) {
			job.src_port = el_slice_port(s, packet);
		}
		job.slice = s;
		job.end = frame_end(m);
		job.sequence = (uint16_t)(b->round * s->n_packets + packet);
		if (type == EL_PROBE_STAMP) {
			job.stamp = &kinds[s->stamp_kind];
			slices[i] = s;
			made[i] = el_make_stamp(b->key, &job, family);
		} else {
			make_probe(type, family, b->key, &job);
		}
		/* the template's slot reaches to before its L3 header, so this comes after it */
		memcpy(job.end - form.header_len - HOP_L2_BYTES, form.l2, HOP_L2_BYTES);
		m->data_off = form.data_off;
		m->data_len = form.len;
		m->pkt_len = form.len;
		end += form.len;
		ends[i] = end;
		mbufs[i] = m;
	}
	if (!i)
		return 0;
	if (unlikely(w->conf.payload))
		write_payloads(mbufs, s - i, i, w->conf.payload);
	if (type == EL_PROBE_STAMP)
		p->stamps |= (uint32_t)(((1ULL << i) - 1) << p->n);
	p->n += i;
	w->n_spare -= i;
	append_run(p, b->live, index, i);
	return i;
}

typedef uint32_t build_fn(const struct building *b, const struct el_slice *s, uint32_t index,
			  uint32_t n, uint32_t packet);

#define BUILD_FN(name, type, family)                                                               \
	static uint32_t name(const struct building *b, const struct el_slice *s, uint32_t index,   \
			     uint32_t n, uint32_t packet)                                          \
	{                                                                                          \
		return build_type(type, family, b, s, index, n, packet);                           \
	}

BUILD_FN(build_icmpping_v4, EL_PROBE_ICMPPING, 4)
BUILD_FN(build_icmpping_v6, EL_PROBE_ICMPPING, 6)
BUILD_FN(build_tcpsyn_v4, EL_PROBE_TCPSYN, 4)
BUILD_FN(build_tcpsyn_v6, EL_PROBE_TCPSYN, 6)
BUILD_FN(build_udpunreachable_v4, EL_PROBE_UDPUNREACHABLE, 4)
BUILD_FN(build_udpunreachable_v6, EL_PROBE_UDPUNREACHABLE, 6)
BUILD_FN(build_stamp_v4, EL_PROBE_STAMP, 4)
BUILD_FN(build_stamp_v6, EL_PROBE_STAMP, 6)

static uint32_t build_run(const struct building *b, const struct el_slice *s, uint32_t index,
			  uint32_t n, uint32_t packet)
{
	static build_fn *const of_kind[EL_PROBE_TYPES][2] = {
	    [EL_PROBE_ICMPPING] = {build_icmpping_v4, build_icmpping_v6},
	    [EL_PROBE_TCPSYN] = {build_tcpsyn_v4, build_tcpsyn_v6},
	    [EL_PROBE_UDPUNREACHABLE] = {build_udpunreachable_v4, build_udpunreachable_v6},
	    [EL_PROBE_STAMP] = {build_stamp_v4, build_stamp_v6},
	};

	return of_kind[s->type][s->family == 6](b, s, index, n, packet);
}

/* A probe that is not built, because its port is down, its next hop is not known, or its device
 * takes nothing and others must not wait for it: writes its record. False: it is to be built. */
static bool pass_over(const struct building *b, const struct hop *hop, uint32_t index)
{
	struct el_worker *w = b->w;
	const struct queue *q = hop->queue;

	if (q->down) {
		b->live->block->records[index] = el_record_local();
		count(w, EL_COUNTER_DROP_PORT_DOWN, 1);
	} else if (hop->state == EL_NEXT_HOP_FAILED) /* it counts as what the network did with it */
		b->live->block->records[index] = el_record_sent(w->iteration_ns);
	else if (hop->state == EL_NEXT_HOP_PENDING ||
		 /* a reset and a probe have no room */
		 (q->stuck && w->n_devices > 1 && q->probes.n + 2 > BURST))
		b->live->block->records[index] = el_record_local();
	else
		return false;
	b->live->last_send_ns = b->live->moved_ns = w->iteration_ns;
	return true;
}

/* Resets the connection of the last probe of this 4-tuple if it was not answered: however long ago
 * that was, or by an older plan, the peer may still hold it half-open, since its SYN/ACK or our RST
 * may be what was lost. RFC 9293, 3.10.7.4 accepts an RST with the expected sequence number, which
 * is that of the SYN + 1. False: no room for the RST and the next probe. */
static bool reset_before_reuse(const struct building *b, const struct el_slice *s, uint16_t port)
{
	const struct hop *hop = &b->w->hops[s->next_hop.v];
	struct probe_list *p = &hop->queue->probes;
	el_half_open *last = half_open_of(b, s, port);
	uint32_t open = el_half_open_get(last);
	struct rte_mbuf *m;

	if (!open)
		return true;
	if (p->n + 2 > BURST || b->w->n_spare < 2)
		return false;
	m = worker_buffer(b->w);
	finish_frame(m, hop,
		     el_probe_reset(s, frame_end(m), port, el_id_permute(b->key, open) + 1));
	append(p, m, m->pkt_len);
	append_run(p, b->live, NO_RECORD, 1);
	el_half_open_set(last, 0);
	return true;
}

/* Builds a probe that build_run stopped at. False: its list is full or buffers are out, so it is
 * tried again later. */
static bool build_one(const struct building *b, const struct el_slice *s, uint32_t index,
		      uint32_t packet)
{
	return pass_over(b, &b->w->hops[s->next_hop.v], index) ||
	       ((s->half_open_first == EL_HALF_OPEN_NONE ||
		 reset_before_reuse(b, s, el_slice_port(s, packet))) &&
		build_run(b, s, index, 1, packet) == 1);
}

/* Builds up to n of the class' next probes. */
static void build_class(struct el_worker *w, struct el_pacing *pace, uint32_t n)
{
	struct live_round *l = w->sending;
	const struct el_plan *plan = l->plan;
	uint32_t class = (uint32_t)(pace - w->pacing);
	const struct el_plan_class *c = &plan->classes[class];
	uint32_t next = w->next[class], pass = w->pass[class], index = c->base + pace->done;
	const struct building b = {.w = w,
				   .live = l,
				   .key = &l->block->set->key,
				   .half_open = l->streams->half_open,
				   .round = l->block->round,
				   .id_base = l->id_base};

	if (w->n_spare < n)
		worker_refill(w);
	for (uint32_t end = index + n; index < end;) {
		const struct el_slice *s = &plan->slices[c->first_slice + next];
		uint32_t packet = pass, built = 1, most = RTE_MIN(end - index, c->n_slices - next);

		if (c->mixed)
			most = el_slice_packet_of_pass(s, pass, &packet);
		if (most)
			built = build_run(&b, s, index, most, packet);
		if (!built && !build_one(&b, s, index, packet))
			break;
		built += !built;
		index += built;
		next += built;
		if (next == c->n_slices) {
			next = 0;
			pass++;
		}
	}
	pace->done = index - c->base;
	w->next[class] = next;
	w->pass[class] = pass;
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
	struct el_pacing *pace;
	uint32_t debt = 0;

	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (!w->queues[i].probes.n)
			w->queues[i].moved_ns = w->iteration_ns;
	}
	if (w->sending) {
		pace = most_behind(w, &debt);
		if (pace)
			build_class(w, pace, RTE_MIN(debt, (uint32_t)BURST));
		else if (!w->sending->outstanding)
			w->sending->moved_ns = w->iteration_ns;
		if (all_built(w))
			rounds_end_sending(w);
	}
	for (uint32_t i = 0; i < w->n_queues; i++) {
		if (w->queues[i].probes.n)
			send_list(w, &w->queues[i]);
	}
	rounds_end_stuck(w);
}
