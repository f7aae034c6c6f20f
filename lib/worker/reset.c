/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP resets: they end what probes open, and what a SYN/ACK that nobody here has asked for shows to
 * be half-open at its sender. The latter only where the frame was for this port alone, and can be
 * of the station and the host that it names: no forged frame has another station reset, nor a group
 * of them, and no connection of a kernel that shares the port is touched. */
#include "for_port.h"

/* RSTs for what matches nothing: at most so many at once, and so many a second. */
#define RESET_BURST 64
#define RESETS_PER_S 1000

bool reset_probe(struct el_worker *w, const struct el_slice *s, uint16_t src_port, uint32_t seq)
{
	const struct hop *hop = &w->hops[s->next_hop.v];
	struct rte_mbuf *m;

	if (hop->state != EL_NEXT_HOP_READY || !(m = worker_buffer(w)))
		return false;
	finish_frame(m, hop, el_probe_reset(s, frame_end(m), src_port, seq));
	return urgent_push(w, hop->queue, m, EL_COUNTER_TX_RESETS);
}

static bool take_token(struct el_worker *w)
{
	uint64_t token_ns = EL_NS_PER_S / RESETS_PER_S;
	uint64_t oldest = w->iteration_ns - RESET_BURST * token_ns;

	if ((int64_t)(w->reset_tokens_ns - oldest) < 0)
		w->reset_tokens_ns = oldest;
	if ((int64_t)(w->reset_tokens_ns + token_ns - w->iteration_ns) > 0)
		return false;
	w->reset_tokens_ns += token_ns;
	return true;
}

static bool is_silent(const struct queue *q, const struct el_ip *ip)
{
	return el_prefixes_contain(q->conf.silent, q->conf.n_silent, ip);
}

/* From a host that is not us, undamaged. */
static bool is_from_host(const struct queue *q, const struct el_pkt *pkt)
{
	struct el_ip source = el_ip_from_bytes(pkt->ip.src, pkt->family);

	return el_ip_is_host(&source) && !is_silent(q, &source) &&
	       !el_prefixes_contain(q->conf.own, q->conf.n_own, &source) &&
	       el_pkt_checksums_right(pkt);
}

void reset_unknown(struct el_worker *w, struct queue *q, const struct el_pkt *pkt)
{
	struct el_ip own = el_ip_from_bytes(pkt->ip.dst, pkt->family);
	struct hop back = {.l2_len = (uint8_t)(pkt->l3 - pkt->l2)};
	struct rte_mbuf *m;
	uint8_t *l2;

	if (is_silent(q, &own) || q->first->down)
		return;
	if (!frame_is_for_port(q, pkt) || !is_from_host(q, pkt)) {
		count(w, EL_COUNTER_DROP_RESET_REFUSED, 1);
		return;
	}
	if (!take_token(w)) {
		count(w, EL_COUNTER_DROP_RESET_LIMIT, 1);
		return;
	}
	m = worker_buffer(w);
	if (!m)
		return;
	l2 = back.l2 + HOP_L2_BYTES - back.l2_len;
	memcpy(l2, pkt->l2, back.l2_len);
	memcpy(l2, pkt->l2 + 6, 6);
	memcpy(l2 + 6, q->conf.mac, 6);
	finish_frame(m, &back, el_probe_reset_reply(pkt, frame_end(m)));
	urgent_push(w, q, m, EL_COUNTER_TX_RESETS);
}
