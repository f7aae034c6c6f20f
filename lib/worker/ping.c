/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo requests to the port's own addresses that no responder takes: whoever looks whether the
 * prober is there is answered, as by a kernel, but rarely. They come here last of all frames, so
 * that nothing else takes longer for it, and are turned round in their own buffers. */
#include "el_respond.h"
#include "el_respond_plain.h"
#include "for_port.h"
#include "rx_checksum.h"
#include "turn.h"

#define SOURCES 4096 /* that are limited at a time; others share their buckets */
/* Of a source, and of all: in a second, and at once. */
#define SOURCE_PER_S 100
#define SOURCE_BURST 100
#define ALL_PER_S 1000
#define ALL_BURST 200

int ping_init(struct el_worker *w)
{
	w->pings.of_source =
	    el_respond_limit_create(SOURCES, SOURCE_PER_S, SOURCE_BURST, &w->awaited_key);
	w->pings.of_all = el_respond_limit_create(1, ALL_PER_S, ALL_BURST, &w->awaited_key);
	return w->pings.of_source && w->pings.of_all ? 0 : -1;
}

void ping_fini(struct el_worker *w)
{
	el_respond_limit_destroy(w->pings.of_source);
	el_respond_limit_destroy(w->pings.of_all);
}

static bool is_silent(const struct queue *q, const struct el_ip *ip)
{
	return el_prefixes_contain(q->conf.silent, q->conf.n_silent, ip);
}

bool ping_is_one(const struct queue *q, const struct el_pkt *pkt)
{
	struct el_ip own = el_ip_from_bytes(pkt->ip.dst, pkt->family);

	return q->conf.n_pinged &&
	       (pkt->protocol == IPPROTO_ICMP || pkt->protocol == IPPROTO_ICMPV6) &&
	       el_respond_is_echo(pkt) &&
	       el_prefixes_contain(q->conf.own, q->conf.n_pinged, &own) && !is_silent(q, &own);
}

/* From another host, which one can be. */
static bool is_from_host(const struct queue *q, const struct el_pkt *pkt)
{
	struct el_ip source = el_ip_from_bytes(pkt->ip.src, pkt->family);

	return el_respond_is_from_host(pkt) && !is_silent(q, &source) &&
	       !el_prefixes_contain(q->conf.own, q->conf.n_own, &source);
}

static bool take_tokens(struct el_worker *w, const struct el_pkt *pkt)
{
	uint64_t source = el_respond_limit_source(w->pings.of_source, pkt->ip.src, pkt->family);

	return el_respond_limit_take(w->pings.of_source, source, w->iteration_ns) &&
	       el_respond_limit_take(w->pings.of_all, 0, w->iteration_ns);
}

/* Why a request is not answered; EL_COUNTERS: it is. */
static enum el_worker_counter refusal(struct el_worker *w, const struct queue *q,
				      const struct rte_mbuf *m, const struct el_pkt *pkt)
{
	if (!is_from_host(q, pkt))
		return EL_COUNTER_REFUSED_NO_HOST;
	if (!frame_is_for_port(q, pkt))
		return EL_COUNTER_REFUSED_LINK;
	if (q->conf.checksums != EL_CHECKSUMS_IGNORED &&
	    !checksums_right(q, m, pkt->l3, pkt->protocol, pkt->l4, pkt->l4_len))
		return EL_COUNTER_REFUSED_CHECKSUM;
	if (!take_tokens(w, pkt))
		return EL_COUNTER_REFUSED_LIMITED;
	/* in several pieces, or somebody else's, too */
	if (m->nb_segs > 1 || !is_raw(m) || !pool_has_spare(m->pool))
		return EL_COUNTER_REFUSED_NO_MBUF;
	return q->n_urgent == URGENT_MAX || q->down ? EL_COUNTER_REFUSED_TX_FULL : EL_COUNTERS;
}

/* Turns a request round: the addresses of its frame, on the VLAN where it is, and those of its
 * packet. */
static void turn_round(const struct queue *q, struct rte_mbuf *m, const struct el_pkt *pkt)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l3 = frame + (pkt->l3 - frame);
	uint32_t len = (uint32_t)(pkt->l4 - frame) + pkt->l4_len; /* it may be padded */

	el_respond_echo(pkt, l3);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, q->conf.mac, 6);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->ol_flags = 0;
}

bool ping_take(struct el_worker *w, struct queue *q, struct rte_mbuf *m, const struct el_pkt *pkt)
{
	enum el_worker_counter why = refusal(w, q, m, pkt);
	size_t header = pkt->family == 4 ? EL_IPV4_LEN : EL_IPV6_LEN;

	/* that of an answer has no options */
	if (why == EL_COUNTERS && (size_t)(pkt->l4 - pkt->l3) != header)
		why = EL_COUNTER_DROP_RX_NOT_ANSWER;
	if (why != EL_COUNTERS) {
		count(w, why, 1);
		return false;
	}
	turn_round(q, m, pkt);
	urgent_push(w, q, m, EL_COUNTER_RESPONDED_PING);
	return true;
}
