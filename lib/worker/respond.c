/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder: requests of others' probes, which are no answers to ours. The plain ones are found
 * in the burst that they came in, all others by rx_any. Most are turned round in their own buffers
 * (respond_turn.c); each other answer is made in a buffer of a pool of the responder's own, so that
 * neither receiving nor probes are ever short of buffers for it. It goes out in the
 * same iteration, back to the station that the request came from, by the port that it came in on:
 * whoever it claims to be is in `allow`, so what forges it can make the port send where it could
 * send itself. */
#include "respond_internal.h"

#include "el_probe_plain.h"
#include "el_respond_plain.h"
#include "for_port.h"
#include "rx_checksum.h"

/* ---- whether it is answered ---- */

static enum pair_verdict judge(const struct el_worker_responder *r, const struct queue *q,
			       const struct el_pkt *pkt, bool *ret_limited)
{
	struct el_ip src = el_ip_from_bytes(pkt->ip.src, pkt->family);
	struct el_ip dst = el_ip_from_bytes(pkt->ip.dst, pkt->family);

	if (!el_prefixes_contain(q->conf.own, q->conf.n_own, &dst) ||
	    el_prefixes_contain(q->conf.silent, q->conf.n_silent, &dst))
		return PAIR_NOT_OURS;
	if (!el_respond_is_from_host(pkt) ||
	    el_prefixes_contain(q->conf.own, q->conf.n_own, &src) ||
	    el_prefixes_contain(q->conf.silent, q->conf.n_silent, &src))
		return PAIR_NO_HOST;
	*ret_limited = r->answers.limit && !el_ip_set_contains(r->conf.unlimited, &src);
	return el_ip_set_contains(r->conf.allowed, &src) ? PAIR_ANSWERED : PAIR_NOT_ALLOWED;
}

const struct pair *respond_pair(struct el_worker *w, const struct queue *q,
				const struct el_pkt *pkt, uint64_t hash)
{
	struct el_worker_responder *r = w->responder;
	struct pair *p = pair_at(r, hash);
	const struct judged by = judged_by(w, q, pkt->family);

	if (likely(p->judged.lists == by.lists && p->judged.family == by.family &&
		   p->judged.queue == by.queue && pair_is_of(p, pkt)))
		return p;
	*p = (struct pair){.judged = by};
	memcpy(p->addresses, pkt->ip.src, pkt->family == 4 ? 8 : 32);
	p->judged.verdict = judge(r, q, pkt, &p->limited);
	if (p->limited)
		p->source = el_respond_limit_source(r->answers.limit, pkt->ip.src, pkt->family);
	return p;
}

/* Whether the checksums of a packet are right, or as right as the port asks for: the kernel of a
 * virtual link may have left those of TCP and UDP open (EL_CHECKSUMS_COUNTED), but none else. */
static bool are_checksums_good(struct el_worker *w, const struct queue *q, const struct rte_mbuf *m,
			       const struct el_pkt *pkt)
{
	bool none = pkt->protocol == IPPROTO_UDP && pkt->family == 4 && !el_load16(pkt->l4 + 6);

	if (q->conf.checksums == EL_CHECKSUMS_IGNORED)
		return true;
	if (none)
		return el_pkt_checksums_right(pkt);
	if (likely(checksums_right(q, m, pkt->l3, pkt->protocol, pkt->l4, pkt->l4_len)))
		return true;
	if (q->conf.checksums == EL_CHECKSUMS_REFUSED ||
	    (pkt->protocol != IPPROTO_TCP && pkt->protocol != IPPROTO_UDP) ||
	    (pkt->family == 4 && !el_pkt_ipv4_checksum_right(pkt->l3, (size_t)(pkt->l4 - pkt->l3))))
		return false;
	count(w, EL_COUNTER_WRONG_CHECKSUMS, 1);
	return true;
}

/* ---- the answer ---- */

static bool refill(struct el_worker_responder *r)
{
	unsigned missing = BURST - r->n_spare;

	if (rte_mempool_get_bulk(r->conf.pool, (void **)r->spare + r->n_spare, missing) == 0)
		r->n_spare = BURST;
	return r->n_spare > 0;
}

/* Buffers come back as they were (worker_refill). */
static struct rte_mbuf *take_buffer(struct el_worker_responder *r)
{
	return likely(r->n_spare) || refill(r) ? r->spare[--r->n_spare] : NULL;
}

/* Writes an answer into a buffer; its length from L3 on, 0: there is none, which is counted. */
static uint32_t write_answer(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			     uint64_t hash, enum answer_type type, bool verified, uint8_t *l3,
			     uint32_t capacity, struct answer *a)
{
	const struct el_worker_responder *r = w->responder;
	size_t len;

	if (type == ANSWER_STAMP)
		return respond_reflect(w, pkt, at_ns, hash, verified, l3, capacity, a);
	len = el_respond_len(&r->answers, pkt);
	if (!len) /* it is between the ports of two reflectors */
		count(w, EL_COUNTER_REFUSED_STAMP_PORTS, 1);
	else if (len > capacity)
		count(w, EL_COUNTER_REFUSED_NO_ROOM, 1);
	else
		el_respond_write(&r->answers, pkt, len, l3);
	return len > capacity ? 0 : (uint32_t)len;
}

/* The L2 header of a packet, turned round. */
static void turn_l2(const struct queue *q, const struct el_pkt *pkt, uint32_t l2_len, uint8_t *ret)
{
	memcpy(ret, pkt->l2 + 6, 6);
	memcpy(ret + 6, q->conf.mac, 6);
	if (likely(l2_len == RTE_ETHER_HDR_LEN))
		memcpy(ret + 12, pkt->l2 + 12, 2);
	else
		memcpy(ret + 12, pkt->l2 + 12, l2_len - 12);
}

/* Counts a request that is right and is not answered. */
static void refuse(struct el_worker *w, const struct el_pkt *pkt, uint64_t hash,
		   enum answer_type type, enum el_worker_counter reason)
{
	count(w, reason, 1);
	if (type == ANSWER_STAMP)
		respond_refused(w, pkt, hash);
}

static void answer(struct el_worker *w, struct queue *q, const struct el_pkt *pkt, uint64_t at_ns,
		   uint64_t hash, enum answer_type type, bool verified)
{
	struct el_worker_responder *r = w->responder;
	struct answers *list = &r->waiting[q - w->queues];
	struct answer *a = &list->items[list->n];
	uint32_t l2_len = (uint32_t)(pkt->l3 - pkt->l2), len;
	struct rte_mbuf *m;
	uint8_t *frame;

	if (unlikely(list->n == ANSWERS_MAX)) {
		refuse(w, pkt, hash, type, EL_COUNTER_REFUSED_TX_FULL);
		return;
	}
	m = take_buffer(r);
	if (unlikely(!m)) {
		refuse(w, pkt, hash, type, EL_COUNTER_REFUSED_NO_MBUF);
		return;
	}
	frame = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	len = write_answer(w, pkt, at_ns, hash, type, verified, frame + l2_len, r->longest, a);
	if (!len) {
		r->spare[r->n_spare++] = m;
		return;
	}
	turn_l2(q, pkt, l2_len, frame);
	list->types[list->n] = (uint8_t)type;
	a->len = (uint16_t)(l2_len + len);
	a->l3 = (uint8_t)l2_len;
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = a->len;
	m->pkt_len = a->len;
	list->totals.of_type[type]++;
	list->totals.bytes += a->len;
	list->mbufs[list->n++] = m;
}

/* Answers those requests that wait for their HMACs to be looked at, where these are right. */
static void verify(struct el_worker *w, struct queue *q)
{
	struct el_worker_responder *r = w->responder;
	const uint8_t *packets[EL_STAMP_AT_ONCE] = {NULL};
	bool right[EL_STAMP_AT_ONCE];
	uint32_t n = r->n_unverified;

	for (uint32_t i = 0; i < n; i++)
		packets[i] = r->unverified[i].pkt.l4 + 8;
	el_stamp_verify(&r->reflector, packets, n, right);
	for (uint32_t i = 0; i < n; i++) {
		const struct unverified *u = &r->unverified[i];

		if (right[i])
			answer(w, q, &u->pkt, u->at_ns, u->hash, ANSWER_STAMP, true);
		else
			count(w, EL_COUNTER_REFUSED_STAMP_HMAC, 1);
	}
	r->n_unverified = 0;
}

/* Answers a request, or has it wait for others whose HMACs are to be looked at, too. */
static inline void answer_or_wait(struct el_worker *w, struct queue *q, const struct el_pkt *pkt,
				  uint64_t at_ns, uint64_t hash, enum answer_type type)
{
	struct el_worker_responder *r = w->responder;
	bool signed_ = type == ANSWER_STAMP && r->reflector.authenticated;

	if (likely(!signed_) || el_get16(pkt->l4 + 4) < 8 + EL_STAMP_AUTH_LEN ||
	    el_get16(pkt->l4 + 4) > pkt->l4_len) {
		answer(w, q, pkt, at_ns, hash, type, false);
		return;
	}
	r->unverified[r->n_unverified++] =
	    (struct unverified){.pkt = *pkt, .at_ns = at_ns, .hash = hash};
	if (r->n_unverified == EL_STAMP_AT_ONCE)
		verify(w, q);
}

/* Takes a packet that asks for something; false: it is left to others, for it is not to us. */
static inline bool take(struct el_worker *w, struct queue *q, const struct rte_mbuf *m,
			const struct el_pkt *pkt, const struct stamp *at, enum answer_type type)
{
	struct el_worker_responder *r = w->responder;
	uint64_t hash = pair_hash(r->pair_key, pkt);
	const struct pair *p = respond_pair(w, q, pkt, hash);

	if (p->judged.verdict == PAIR_NOT_OURS)
		return false;
	/* whoever is not allowed may still look whether we are there, or be a host that holds what
	 * a prober before us has opened */
	if (p->judged.verdict == PAIR_NOT_ALLOWED && (ping_is_one(q, pkt) || is_challenge(pkt)))
		return false;
	if (unlikely(p->judged.verdict == PAIR_NO_HOST))
		count(w, EL_COUNTER_REFUSED_NO_HOST, 1);
	else if (unlikely(p->judged.verdict == PAIR_NOT_ALLOWED))
		refuse(w, pkt, hash, type, EL_COUNTER_REFUSED_NOT_ALLOWED);
	else if (unlikely(!frame_is_for_port(q, pkt)))
		count(w, EL_COUNTER_REFUSED_LINK, 1);
	else if (unlikely(!are_checksums_good(w, q, m, pkt)))
		count(w, EL_COUNTER_REFUSED_CHECKSUM, 1);
	else if (p->limited && !el_respond_limit_take(r->answers.limit, p->source, w->iteration_ns))
		refuse(w, pkt, hash, type, EL_COUNTER_REFUSED_LIMITED);
	else
		answer_or_wait(w, q, pkt, at->ns, hash, type);
	return true;
}

bool respond_any(struct el_worker *w, struct queue *q, const struct rte_mbuf *m,
		 const struct el_pkt *pkt, const struct stamp *at)
{
	enum answer_type type;
	bool taken = respond_find_type(w, pkt, &type) && take(w, q, m, pkt, at, type);

	if (unlikely(w->responder->n_unverified))
		verify(w, q);
	return taken;
}

/* It is to an open port, or it acknowledges nothing, as no RST does that answers a SYN (RFC 9293
 * section 3.10.7.1). */
bool respond_is_reset(const struct el_worker *w, const struct el_pkt *pkt)
{
	const struct el_worker_responder_config *conf = &w->responder->conf;
	uint16_t port = el_get16(pkt->l4 + 2);
	bool open = false;

	for (size_t i = 0; i < conf->n_tcp_ports; i++)
		open |= conf->tcp_ports[i] == port;
	return open || (conf->n_tcp_ports && !(pkt->l4[13] & TH_ACK));
}

/* ---- the plain ones ---- */

/* Whether a frame is an echo request, a SYN or a STAMP request that is plain, as most are: then as
 * el_pkt_parse would have it. Nothing of these is an answer to a probe. */
static inline bool parse_plain(const struct el_worker *w, const struct rte_mbuf *m,
			       struct el_pkt *pkt, enum answer_type *ret_type)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *l3 = frame + EL_ETHER_LEN;
	uint32_t l4_len;

	if (unlikely(m->nb_segs > 1))
		return false;
	pkt->vlan_tags = 0;
	pkt->l2 = frame;
	pkt->l3 = l3;
	if (el_plain_is_ipv4(frame, m->data_len, &l4_len)) {
		pkt->family = 4;
		pkt->protocol = l3[9];
		pkt->l4 = l3 + EL_IPV4_LEN;
		pkt->ip.src = l3 + 12;
		pkt->ip.dst = l3 + 16;
	} else if (el_plain_is_ipv6(frame, m->data_len, &l4_len)) {
		pkt->family = 6;
		pkt->protocol = l3[6];
		pkt->l4 = l3 + EL_IPV6_LEN;
		pkt->ip.src = l3 + 8;
		pkt->ip.dst = l3 + 24;
	} else {
		return false;
	}
	pkt->l4_len = (uint16_t)l4_len;
	if (l4_len < EL_UDP_LEN || (pkt->protocol == IPPROTO_TCP && !respond_is_syn(pkt)))
		return false;
	return respond_find_type(w, pkt, ret_type) && *ret_type != ANSWER_UDP;
}

uint32_t respond_burst(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs, uint32_t n,
		       const struct stamp *burst, uint32_t *ret_done)
{
	struct rte_mbuf *taken[BURST];
	uint32_t n_taken = 0, left = 0;

	n = respond_turn(w, q, mbufs, n);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		enum answer_type type;
		struct el_pkt pkt;
		struct stamp at = *burst;

		if (!parse_plain(w, m, &pkt, &type)) {
			mbufs[left++] = m;
			continue;
		}
		if (unlikely(q->conf.rx_stamp_flag))
			at = rx_arrival(w, q, m, burst);
		if (take(w, q, m, &pkt, &at, type))
			taken[n_taken++] = m;
		else
			mbufs[left++] = m;
	}
	if (unlikely(w->responder->n_unverified))
		verify(w, q);
	memcpy(mbufs + left, taken, n_taken * sizeof(taken[0]));
	*ret_done = n_taken;
	return left;
}
