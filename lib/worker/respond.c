/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder: requests of others' probes, which are no answers to ours. The plain ones are found
 * in the burst that they came in, all others by rx_any; each is answered in a buffer of a pool of
 * the responder's own, so that neither receiving nor probes are ever short of buffers for it, and
 * goes out in the same iteration. It goes back to the station that the request came from, by the
 * port that it came in on: whoever it claims to be is in `allow`, so what forges it can make the
 * port send where it could send itself. */
#include "respond_internal.h"

#include <errno.h>

#include <rte_malloc.h>

#include "el_probe_plain.h"
#include "for_port.h"
#include "rx_checksum.h"

#define LIMIT_SOURCES 16384 /* that are limited at a time, for each worker */
/* What a source may ask for at once: that of a tenth of a second. */
#define LIMIT_BURST_PART 10
#define LIMIT_BURST_MIN 64
/* Authenticated answers take long to sign; T3 of the first of so many is before the last's. */
#define SIGNED_BURST 4

/* ---- what is asked ---- */

static const uint8_t echo_request[2] = {ICMP_ECHO, ICMP6_ECHO_REQUEST};

static bool is_echo(const struct el_pkt *pkt)
{
	return pkt->protocol == (pkt->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	       pkt->l4[0] == echo_request[pkt->family != 4] && pkt->l4[1] == 0;
}

/* What a packet asks for; false: nothing that is answered. What is from the port of a reflector
 * that we probe is a reply, whichever port of ours it is to. */
static bool find_type(const struct el_worker *w, const struct el_pkt *pkt, enum answer_type *ret)
{
	const struct el_worker_responder *r = w->responder;

	switch (pkt->protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*ret = ANSWER_ICMP;
		return r->conf.echo && is_echo(pkt);
	case IPPROTO_TCP:
		*ret = ANSWER_TCP;
		return r->conf.n_tcp_ports && !(pkt->l4[13] & TH_RST);
	case IPPROTO_UDP:
		*ret = ANSWER_STAMP;
		if (r->conf.stamp.port && el_get16(pkt->l4 + 2) == r->conf.stamp.port)
			return !rx_has_reflectors(w, el_get16(pkt->l4));
		*ret = ANSWER_UDP;
		return r->conf.port_unreachable;
	default:
		return false;
	}
}

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

static bool is_pair(const struct pair *p, const struct el_pkt *pkt, uint32_t lists, uint8_t queue)
{
	if (p->family != pkt->family || p->lists != lists || p->queue != queue)
		return false;
	return pkt->family == 4 ? el_load64(p->addresses) == el_load64(pkt->ip.src)
				: memcmp(p->addresses, pkt->ip.src, 32) == 0;
}

/* The pair of a packet's addresses, which may have been judged before. */
static const struct pair *find_pair(struct el_worker *w, const struct queue *q,
				    const struct el_pkt *pkt, uint64_t hash)
{
	struct el_worker_responder *r = w->responder;
	struct pair *p = &r->pairs[hash >> (64 - PAIRS_BITS)];
	uint32_t lists = (uint32_t)atomic_load_explicit(&w->own_taken, memory_order_relaxed);
	uint8_t queue = (uint8_t)(q - w->queues);

	if (likely(is_pair(p, pkt, lists, queue)))
		return p;
	*p = (struct pair){.lists = lists, .family = pkt->family, .queue = queue};
	memcpy(p->addresses, pkt->ip.src, pkt->family == 4 ? 8 : 32);
	p->verdict = judge(r, q, pkt, &p->limited);
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
static uint32_t write_answer(struct el_worker *w, const struct el_pkt *pkt, const struct stamp *at,
			     uint64_t hash, enum answer_type type, uint8_t *l3, uint32_t capacity,
			     struct answer *a)
{
	const struct el_worker_responder *r = w->responder;
	size_t len;

	if (type == ANSWER_STAMP)
		return respond_reflect(w, pkt, at->ns, hash, l3, capacity, a);
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

static void answer(struct el_worker *w, struct queue *q, const struct el_pkt *pkt,
		   const struct stamp *at, uint64_t hash, enum answer_type type)
{
	struct el_worker_responder *r = w->responder;
	struct answers *list = &r->waiting[q - w->queues];
	struct answer *a = &list->items[list->n];
	uint32_t l2_len = (uint32_t)(pkt->l3 - pkt->l2), len;
	struct rte_mbuf *m;
	uint8_t *frame;

	if (unlikely(list->n == ANSWERS_MAX)) {
		count(w, EL_COUNTER_REFUSED_TX_FULL, 1);
		return;
	}
	m = take_buffer(r);
	if (unlikely(!m)) {
		count(w, EL_COUNTER_REFUSED_NO_MBUF, 1);
		return;
	}
	frame = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	len = write_answer(w, pkt, at, hash, type, frame + l2_len,
			   m->buf_len - RTE_PKTMBUF_HEADROOM - l2_len, a);
	if (!len) {
		r->spare[r->n_spare++] = m;
		return;
	}
	turn_l2(q, pkt, l2_len, frame);
	a->type = (uint8_t)type;
	a->len = (uint16_t)(l2_len + len);
	a->l3 = (uint8_t)l2_len;
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = a->len;
	m->pkt_len = a->len;
	list->mbufs[list->n++] = m;
}

/* Takes a packet that asks for something; false: it is left to others, for it is not to us. */
static inline bool take(struct el_worker *w, struct queue *q, const struct rte_mbuf *m,
			const struct el_pkt *pkt, const struct stamp *at, enum answer_type type)
{
	struct el_worker_responder *r = w->responder;
	uint64_t hash = pair_hash(r->pair_key, pkt);
	const struct pair *p = find_pair(w, q, pkt, hash);
	enum el_worker_counter refused;

	if (p->verdict == PAIR_NOT_OURS)
		return false;
	if (unlikely(p->verdict == PAIR_NOT_ALLOWED))
		refused = EL_COUNTER_REFUSED_NOT_ALLOWED;
	else if (unlikely(p->verdict == PAIR_NO_HOST))
		refused = EL_COUNTER_REFUSED_NO_HOST;
	else if (unlikely(!frame_is_for_port(q, pkt)))
		refused = EL_COUNTER_REFUSED_LINK;
	else if (unlikely(!are_checksums_good(w, q, m, pkt)))
		refused = EL_COUNTER_REFUSED_CHECKSUM;
	else if (p->limited && !el_respond_limit_take(r->answers.limit, p->source, w->iteration_ns))
		refused = EL_COUNTER_REFUSED_LIMITED;
	else {
		answer(w, q, pkt, at, hash, type);
		return true;
	}
	count(w, refused, 1);
	return true;
}

bool respond_any(struct el_worker *w, struct queue *q, const struct rte_mbuf *m,
		 const struct el_pkt *pkt, const struct stamp *at)
{
	enum answer_type type;

	return find_type(w, pkt, &type) && take(w, q, m, pkt, at, type);
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
	if (l4_len < EL_TCP_LEN && (pkt->protocol == IPPROTO_TCP || l4_len < EL_UDP_LEN))
		return false;
	if (pkt->protocol == IPPROTO_TCP && (pkt->l4[13] & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return false;
	return find_type(w, pkt, ret_type) && *ret_type != ANSWER_UDP;
}

uint32_t respond_burst(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs, uint32_t n,
		       const struct stamp *burst)
{
	struct rte_mbuf *taken[BURST];
	uint32_t n_taken = 0, left = 0;

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
	memcpy(mbufs + left, taken, n_taken * sizeof(taken[0]));
	return left;
}

/* ---- sending ---- */

/* Sends the first n of a list; how many went. */
static uint32_t send_some(struct el_worker *w, struct queue *q, struct answers *list, uint32_t n)
{
	static const enum el_worker_counter counters[ANSWER_TYPES] = {
	    [ANSWER_ICMP] = EL_COUNTER_RESPONDED_ICMP,
	    [ANSWER_TCP] = EL_COUNTER_RESPONDED_TCP,
	    [ANSWER_UDP] = EL_COUNTER_RESPONDED_UDP,
	    [ANSWER_STAMP] = EL_COUNTER_RESPONDED_STAMP,
	};
	uint32_t of_type[ANSWER_TYPES] = {0};
	const struct el_stamp_reflector *reflector = &w->responder->reflector;
	int64_t t3_ns = worker_real_ns(w, worker_now(w));
	uint64_t t3 = el_stamp_encode(reflector->format, t3_ns, reflector->tai_offset_s);
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint32_t i = 0; i < n; i++) {
		if (list->items[i].type == ANSWER_STAMP)
			respond_set_t3(w->responder, &list->items[i],
				       rte_pktmbuf_mtod(list->mbufs[i], uint8_t *), t3_ns, t3);
	}
	sent = rte_eth_tx_burst(q->conf.port_id, q->conf.tx_queue, list->mbufs, (uint16_t)n);
	for (uint32_t i = 0; i < sent; i++) {
		bytes += list->items[i].len;
		of_type[list->items[i].type]++;
	}
	for (int t = 0; t < ANSWER_TYPES; t++)
		count(w, counters[t], of_type[t]);
	add(&q->counters.tx_packets, sent);
	count(w, EL_COUNTER_TX_BYTES, bytes);
	list->n -= sent;
	if (unlikely(list->n)) {
		memmove(list->mbufs, list->mbufs + sent, list->n * sizeof(list->mbufs[0]));
		memmove(list->items, list->items + sent, list->n * sizeof(list->items[0]));
	}
	return sent;
}

void respond_send(struct el_worker *w)
{
	struct el_worker_responder *r = w->responder;
	uint32_t most = r->conf.stamp.authenticated ? SIGNED_BURST : ANSWERS_MAX;

	for (uint32_t i = 0; i < w->n_queues; i++) {
		struct answers *list = &r->waiting[i];
		uint32_t n;

		if (unlikely(w->queues[i].gone)) {
			rte_pktmbuf_free_bulk(list->mbufs, list->n);
			list->n = 0;
		}
		/* what a device does not take waits for the next iteration */
		while (list->n) {
			n = RTE_MIN(list->n, most);
			if (send_some(w, &w->queues[i], list, n) < n)
				break;
		}
	}
}

/* ---- making and unmaking ---- */

static void free_answers(struct el_worker_responder *r)
{
	for (uint32_t i = 0; i < RTE_DIM(r->waiting); i++) {
		rte_pktmbuf_free_bulk(r->waiting[i].mbufs, r->waiting[i].n);
		r->waiting[i].n = 0;
	}
	if (r->n_spare)
		rte_mempool_put_bulk(r->conf.pool, (void **)r->spare, r->n_spare);
	r->n_spare = 0;
}

void respond_take(struct el_worker *w, struct el_worker_responder *r)
{
	if (w->responder) {
		respond_send(w);
		for (uint32_t i = 0; i < w->n_queues; i++)
			count(w, EL_COUNTER_REFUSED_TX_FULL, w->responder->waiting[i].n);
	}
	w->responder = r;
	if (r)
		respond_clock(w);
	atomic_store_explicit(&w->responders_taken, w->responders_taken + 1, memory_order_release);
}

struct rte_mempool *el_worker_respond_pool_create(const char *name, uint32_t n, uint16_t mtu,
						  int socket)
{
	return rte_pktmbuf_pool_create(
	    name, n, 256, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + EL_L2_HEADER_MAX + mtu), socket);
}

static int make_limit(struct el_worker_responder *r)
{
	const struct el_worker_responder_config *conf = &r->conf;
	uint64_t burst = conf->max_pps / LIMIT_BURST_PART;

	if (!conf->max_pps)
		return 0;
	r->answers.limit = el_respond_limit_create(
	    LIMIT_SOURCES, conf->max_pps, (uint32_t)RTE_MAX(burst, (uint64_t)LIMIT_BURST_MIN),
	    &conf->key);
	return r->answers.limit ? 0 : -ENOMEM;
}

/* The sessions go on where there is room for as many. */
static int make_sessions(struct el_worker_responder *r, struct el_worker_responder *before)
{
	if (!r->conf.stamp.port || !r->conf.stamp.stateful)
		return 0;
	if (before && before->sessions && before->conf.stamp.sessions == r->conf.stamp.sessions) {
		r->sessions = before->sessions;
		r->sessions->refs++;
		r->pair_key = before->pair_key; /* by which they are found */
		return 0;
	}
	r->sessions = respond_sessions_create(r->conf.stamp.sessions, r->conf.socket);
	return r->sessions ? 0 : -ENOMEM;
}

struct el_worker_responder *
el_worker_responder_create(const struct el_worker_responder_config *config,
			   struct el_worker_responder *before, struct el_error *err)
{
	struct el_worker_responder *r =
	    rte_zmalloc_socket("el_responder", sizeof(*r), RTE_CACHE_LINE_SIZE, config->socket);

	if (r) {
		r->conf = *config;
		r->pair_key = config->key.k0 * UINT64_C(0x9e3779b97f4a7c15) | 1;
		r->answers = (struct el_responder){.open = config->tcp_ports,
						   .n_open = config->n_tcp_ports,
						   .port_unreachable = config->port_unreachable,
						   .key = config->key};
		r->reflector =
		    (struct el_stamp_reflector){.key = config->stamp.key,
						.authenticated = config->stamp.authenticated,
						.tell_location = true,
						.format = config->stamp.format,
						.method_in = EL_STAMP_METHOD_SOFTWARE,
						.method_out = EL_STAMP_METHOD_SOFTWARE,
						.dscp_allowed = UINT64_MAX};
	}
	if (!r || make_limit(r) < 0 || make_sessions(r, before) < 0) {
		el_worker_responder_destroy(r);
		el_error_set(err, -ENOMEM, "not enough memory for the responder");
		return NULL;
	}
	return r;
}

void el_worker_responder_destroy(struct el_worker_responder *r)
{
	if (!r)
		return;
	free_answers(r);
	el_respond_limit_destroy(r->answers.limit);
	if (r->sessions && --r->sessions->refs == 0)
		rte_free(r->sessions);
	rte_free(r);
}
