/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that are turned round in their own buffers: echo requests, SYNs and datagrams to closed
 * ports in plain frames, from whom is answered, right, and with nothing else against them. All
 * others are left to respond.c and rx_any.c. Where the store buffer is full of what goes to another
 * core's memory each store takes its time, so there are few: all that a burst has in common stays
 * in registers until its end. */
#include "respond_internal.h"

#include "el_probe_plain.h"
#include "el_respond_plain.h"
#include "for_port.h"
#include "rx_checksum.h"
#include "turn.h"

/* What the requests of a burst have in common. */
struct requests {
	struct el_worker *w;
	const struct queue *q;
	struct el_worker_responder *r;
	uint64_t own;    /* the port's address (load_mac) */
	bool reflectors; /* a datagram may be a reply of one of them */
	/* of IPv4, of IPv6: what says of a pair that it is answered, and the end of the Ethernet
	 * header of answers, from the port's address on */
	struct judged answered[2];
	uint64_t l2_end[2];
};

static __rte_always_inline struct requests requests_of(struct el_worker *w, const struct queue *q)
{
	struct requests e = {.w = w,
			     .q = q,
			     .r = w->responder,
			     .own = own_mac(q),
			     .reflectors = rx_has_reflectors(w, 0)};
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

/* Whether the checksums of a packet of ICMP or TCP are right. */
static __rte_always_inline bool is_right(const struct requests *e, const struct rte_mbuf *m,
					 const struct el_pkt *pkt)
{
	uint64_t good = m->ol_flags & e->q->conf.rx_checksum_flags;
	bool tcp_good = good & RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	if (e->q->conf.checksums == EL_CHECKSUMS_IGNORED)
		return true;
	return pkt->family == 4 ? el_plain_ipv4_right(pkt->l3, pkt->l4_len,
						      good & RTE_MBUF_F_RX_IP_CKSUM_GOOD, tcp_good)
				: el_plain_ipv6_right(pkt->l3, pkt->l4_len, tcp_good);
}

/* Whether the pair of a packet's addresses is answered, and the source not too often. */
static __rte_always_inline bool is_allowed(const struct requests *e, const struct el_pkt *pkt)
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

/* ---- each turns a request of its kind round, from its IP header on, if that may be; the length of
 * the answer's L4 packet; else 0, and it is as it was ---- */

static __rte_always_inline uint32_t turn_echo(const struct requests *e, const struct rte_mbuf *m,
					      const struct el_pkt *pkt, uint8_t *l3)
{
	if (!is_right(e, m, pkt) || !is_allowed(e, pkt))
		return 0;
	el_respond_echo(pkt, l3);
	return pkt->l4_len;
}

static __rte_always_inline uint32_t turn_syn(const struct requests *e, const struct rte_mbuf *m,
					     const struct el_pkt *pkt, uint8_t *l3)
{
	struct el_pkt copy;

	if (!respond_is_syn(pkt) || !is_right(e, m, pkt) || !is_allowed(e, pkt))
		return 0;
	copy = *pkt; /* as in is_allowed */
	el_respond_to_segment(&e->r->answers, &copy, l3);
	return EL_RESPOND_TCP_LEN;
}

/* What is in front of what a port unreachable quotes. */
static __rte_always_inline uint32_t before_quote(uint8_t family)
{
	return (family == 6 ? EL_IPV6_LEN : EL_IPV4_LEN) + EL_RESPOND_ERROR_LEN;
}

/* Here the answer begins before_quote in front of the request, which it quotes whole. */
static __rte_always_inline uint32_t turn_datagram(const struct requests *e,
						  const struct rte_mbuf *m,
						  const struct el_pkt *pkt, uint8_t *l3)
{
	const uint32_t ip_len = pkt->family == 6 ? EL_IPV6_LEN : EL_IPV4_LEN,
		       quoted = ip_len + pkt->l4_len;
	uint64_t header, sum;

	if (quoted > EL_RESPOND_QUOTED_WHOLE ||
	    before_quote(pkt->family) + quoted > e->r->longest ||
	    rte_pktmbuf_headroom(m) < before_quote(pkt->family) ||
	    el_respond_is_between_reflectors(pkt) ||
	    (unlikely(e->reflectors) && rx_has_reflectors(e->w, el_get16(pkt->l4))))
		return 0;
	header = el_sum(l3, ip_len, 0);
	sum = pkt->l4_len == EL_UDP_TEMPLATE_LEN ? el_sum(pkt->l4, EL_UDP_TEMPLATE_LEN, 0)
						 : el_sum(pkt->l4, pkt->l4_len, 0);
	if (e->q->conf.checksums != EL_CHECKSUMS_IGNORED &&
	    (!el_sum_is_zero(
		 el_sum_add(sum, el_respond_sum_pseudo(pkt, IPPROTO_UDP, pkt->l4_len))) ||
	     (pkt->family == 4 && !el_sum_is_zero(header))))
		return 0;
	if (!is_allowed(e, pkt))
		return 0;
	el_respond_unreachable(pkt, quoted, el_sum_add(header, sum),
			       l3 - before_quote(pkt->family));
	return EL_RESPOND_ERROR_LEN + quoted;
}

/* Turns a request round, if that may be; else 0, and it is as it was. The length of the answer;
 * what it is is set then, and may be otherwise. Each caller gives a constant family. */
static __rte_always_inline uint32_t turn_round(const struct requests *e, struct rte_mbuf *m,
					       const uint8_t family, uint32_t l4_len,
					       enum answer_type *ret_type)
{
	const int v6 = family == 6;
	const uint32_t ip_len = v6 ? EL_IPV6_LEN : EL_IPV4_LEN;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l3 = frame + EL_ETHER_LEN;
	const struct el_pkt pkt = {.family = family,
				   .protocol = l3[v6 ? 6 : 9],
				   .l2 = frame,
				   .l3 = l3,
				   .l4 = l3 + ip_len,
				   .l4_len = (uint16_t)l4_len,
				   .ip = {.src = l3 + (v6 ? 8 : 12), .dst = l3 + (v6 ? 24 : 16)}};
	const uint64_t from = el_load64(frame + 6);
	uint32_t len;

	if (l4_len < EL_UDP_LEN || !respond_find_type(e->w, &pkt, ret_type) || !is_raw(m) ||
	    !frame_is_from_station(frame, e->own))
		return 0;
	switch (*ret_type) {
	case ANSWER_ICMP:
		len = turn_echo(e, m, &pkt, l3);
		break;
	case ANSWER_TCP:
		len = turn_syn(e, m, &pkt, l3);
		break;
	case ANSWER_UDP:
		len = turn_datagram(e, m, &pkt, l3);
		break;
	default:
		return 0;
	}
	if (!len)
		return 0;
	if (*ret_type == ANSWER_UDP) {
		frame -= before_quote(family);
		m->data_off = (uint16_t)(m->data_off - before_quote(family));
	}
	len += EL_ETHER_LEN + ip_len;
	memcpy(frame, &from, 8);
	memcpy(frame + 6, &e->l2_end[v6], 8);
	if (m->data_len != len) {
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
	}
	if (m->ol_flags)
		m->ol_flags = 0;
	return len;
}

static __rte_always_inline uint32_t turn_plain(const struct requests *e, struct rte_mbuf *m,
					       enum answer_type *ret_type)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t l4_len;

	if (el_plain_has_ipv4(frame, m->data_len, EL_UDP_LEN, &l4_len))
		return turn_round(e, m, 4, l4_len, ret_type);
	return el_plain_has_ipv6(frame, m->data_len, EL_UDP_LEN, &l4_len)
		   ? turn_round(e, m, 6, l4_len, ret_type)
		   : 0;
}

/* flatten: all that is called is in line. */
__attribute__((flatten)) uint32_t respond_turn(struct el_worker *w, struct queue *q,
					       struct rte_mbuf **mbufs, uint32_t n)
{
	const struct requests e = requests_of(w, q);
	struct answers *list = &e.r->waiting[q - w->queues];
	struct rte_mbuf **answers = list->mbufs;
	uint8_t *types = list->types;
	uint32_t left = 0, n_answers = list->n, n_tcp = 0, n_udp = 0, len;
	uint64_t bytes = 0;
	enum answer_type type;

	if (q->conf.vlan || q->gone || n_answers + n > ANSWERS_MAX ||
	    !pool_has_spare(mbufs[0]->pool))
		return n;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		len = turn_plain(&e, m, &type);
		if (!len) {
			mbufs[left++] = m;
			continue;
		}
		bytes += len;
		n_tcp += type == ANSWER_TCP;
		n_udp += type == ANSWER_UDP;
		types[n_answers] = (uint8_t)type;
		answers[n_answers++] = m;
	}
	list->totals.of_type[ANSWER_ICMP] += n_answers - list->n - n_tcp - n_udp;
	list->totals.of_type[ANSWER_TCP] += n_tcp;
	list->totals.of_type[ANSWER_UDP] += n_udp;
	list->totals.bytes += bytes;
	list->n = n_answers;
	return left;
}
