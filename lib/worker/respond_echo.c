/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo requests that are turned round in their own buffers: in plain frames, from whom is answered,
 * right, and with nothing else against it. All others are left to respond.c. Where the store buffer
 * is full of what goes to another core's memory each store takes its time, so there are few: all
 * that a burst has in common stays in registers until its end. */
#include "respond_internal.h"

#include "el_probe_plain.h"
#include "el_respond_plain.h"
#include "for_port.h"
#include "rx_checksum.h"
#include "turn.h"

/* What the echo requests of a burst have in common. */
struct echoes {
	struct el_worker *w;
	const struct queue *q;
	struct el_worker_responder *r;
	uint64_t own; /* the port's address (load_mac) */
	/* of IPv4, of IPv6: what says of a pair that it is answered, and the end of the Ethernet
	 * header of answers, from the port's address on */
	struct judged answered[2];
	uint64_t l2_end[2];
};

static __rte_always_inline struct echoes echoes_of(struct el_worker *w, const struct queue *q)
{
	struct echoes e = {.w = w, .q = q, .r = w->responder, .own = own_mac(q)};
	static const uint16_t types[2] = {RTE_BE16(RTE_ETHER_TYPE_IPV4),
					  RTE_BE16(RTE_ETHER_TYPE_IPV6)};

	for (int v6 = 0; v6 < 2; v6++) {
		e.answered[v6] = judged_by(w, q, v6 ? 6 : 4);
		e.answered[v6].verdict = PAIR_ANSWERED;
		memcpy(&e.l2_end[v6], q->conf.mac, 6);
		memcpy((uint8_t *)&e.l2_end[v6] + 6, &types[v6], 2);
	}
	return e;
}

static __rte_always_inline bool is_right(const struct echoes *e, const struct rte_mbuf *m,
					 const struct el_pkt *pkt)
{
	uint64_t good = m->ol_flags & e->q->conf.rx_checksum_flags;

	if (e->q->conf.checksums == EL_CHECKSUMS_IGNORED)
		return true;
	return pkt->family == 4 ? el_plain_ipv4_right(pkt->l3, pkt->l4_len,
						      good & RTE_MBUF_F_RX_IP_CKSUM_GOOD, false)
				: el_plain_ipv6_right(pkt->l3, pkt->l4_len, false);
}

/* Whether the pair of a packet's addresses is answered, and the source not too often. */
static __rte_always_inline bool is_allowed(const struct echoes *e, const struct el_pkt *pkt)
{
	const int v6 = pkt->family == 6;
	uint64_t hash = pair_hash(e->r->pair_key, pkt);
	const struct pair *p = pair_at(e->r, hash);

	if (unlikely(memcmp(&p->judged, &e->answered[v6], sizeof(p->judged)) != 0 ||
		     !pair_is_of(p, pkt))) {
		const struct el_pkt copy = *pkt; /* so that the packet's own stays in registers */

		if (respond_pair(e->w, e->q, &copy, hash)->judged.verdict != PAIR_ANSWERED)
			return false;
	}
	return !p->limited ||
	       el_respond_limit_take(e->r->answers.limit, p->source, e->w->iteration_ns);
}

/* Turns a request round, if that may be; else 0, and it is as it was. The length of the answer.
 * Each caller gives a constant family. */
static __rte_always_inline uint32_t turn_round(const struct echoes *e, struct rte_mbuf *m,
					       const uint8_t family, uint32_t l4_len)
{
	const int v6 = family == 6;
	const uint32_t ip_len = v6 ? EL_IPV6_LEN : EL_IPV4_LEN,
		       len = EL_ETHER_LEN + ip_len + l4_len;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l3 = frame + EL_ETHER_LEN;
	const struct el_pkt pkt = {.family = family,
				   .protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				   .l2 = frame,
				   .l3 = l3,
				   .l4 = l3 + ip_len,
				   .l4_len = (uint16_t)l4_len,
				   .ip = {.src = l3 + (v6 ? 8 : 12), .dst = l3 + (v6 ? 24 : 16)}};
	uint64_t from;

	if (l3[v6 ? 6 : 9] != pkt.protocol || l4_len < EL_ICMP_LEN || !el_respond_is_echo(&pkt) ||
	    !is_raw(m) || !frame_is_from_station(frame, e->own) || !is_right(e, m, &pkt) ||
	    !is_allowed(e, &pkt))
		return 0;
	el_respond_echo(&pkt, l3);
	memcpy(&from, frame + 6, 8);
	memcpy(frame, &from, 8);
	memcpy(frame + 6, &e->l2_end[v6], 8);
	if (m->data_len != len) {
		m->data_len = (uint16_t)len; /* it was padded */
		m->pkt_len = len;
	}
	if (m->ol_flags)
		m->ol_flags = 0;
	return len;
}

static __rte_always_inline uint32_t turn_plain(const struct echoes *e, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t l4_len;

	if (el_plain_is_ipv4(frame, m->data_len, &l4_len))
		return turn_round(e, m, 4, l4_len);
	return el_plain_is_ipv6(frame, m->data_len, &l4_len) ? turn_round(e, m, 6, l4_len) : 0;
}

/* flatten: all that is called is in line. */
__attribute__((flatten)) uint32_t respond_echoes(struct el_worker *w, struct queue *q,
						 struct rte_mbuf **mbufs, uint32_t n)
{
	const struct echoes e = echoes_of(w, q);
	struct answers *list = &e.r->waiting[q - w->queues];
	struct rte_mbuf **answers = list->mbufs;
	uint8_t *types = list->types;
	uint32_t left = 0, n_answers = list->n, len;
	uint64_t bytes = 0;

	if (!e.r->conf.echo || q->conf.vlan || q->gone || n_answers + n > ANSWERS_MAX ||
	    !pool_has_spare(mbufs[0]->pool))
		return n;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		len = turn_plain(&e, m);
		if (!len) {
			mbufs[left++] = m;
			continue;
		}
		bytes += len;
		types[n_answers] = ANSWER_ICMP;
		answers[n_answers++] = m;
	}
	list->totals.of_type[ANSWER_ICMP] += n_answers - list->n;
	list->totals.bytes += bytes;
	list->n = n_answers;
	return left;
}
