/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of STAMP reflectors, in two stages as in rx.c: the quick way for first replies to plain
 * probes of the newest round, in plain frames. Whatever is not just that, or does
 * not agree with what was sent, is left to rx_any.c, which tells what is wrong with it. */
#include "rx_find.h"
#include "el_probe_plain.h"

/* The IP packet of a plain frame with these tags that is UDP and long enough for a reply, by its IP
 * header and UDP's; NULL: it is none. */
static const uint8_t *plain_udp(const struct rte_mbuf *m, const struct el_tags *tags,
				const uint8_t **ret_udp)
{
	const uint8_t *frame = rte_pktmbuf_mtod_offset(m, const uint8_t *, tags->len);
	const uint8_t *l3 = frame + EL_ETHER_LEN;
	uint32_t l4_len, len, frame_len = m->data_len - (uint32_t)tags->len;

	if (!el_tags_begin(tags, frame - tags->len, m->data_len))
		return NULL;
	if (el_plain_is_ipv4(frame, frame_len, &l4_len)) {
		if (l3[9] != IPPROTO_UDP)
			return NULL;
		*ret_udp = l3 + EL_IPV4_LEN;
	} else if (el_plain_is_ipv6(frame, frame_len, &l4_len)) {
		if (l3[6] != IPPROTO_UDP)
			return NULL;
		*ret_udp = l3 + EL_IPV6_LEN;
	} else {
		return NULL;
	}
	if (l4_len < EL_UDP_LEN + EL_STAMP_LEN)
		return NULL;
	len = el_get16(*ret_udp + 4);
	return len >= EL_UDP_LEN + EL_STAMP_LEN && len <= l4_len ? l3 : NULL;
}

/* Of such a packet. A checksum of zero is none, over IPv4 (RFC 768). */
static bool udp_is_right(const uint8_t *l3, const uint8_t *udp, uint64_t good)
{
	uint16_t len = el_get16(udp + 4);

	if (l3[0] >> 4 == 4) {
		if (!(good & RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
		    !el_sum_is_right(el_sum(l3, EL_IPV4_LEN, 0)))
			return false;
		if (!el_load16(udp + 6))
			return true;
	}
	if (good & RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	return el_sum_is_right(el_sum(udp, len, el_sum_pseudo(l3, IPPROTO_UDP, len)));
}

static bool is_from_reflector(const struct finding *b, const uint8_t *udp)
{
	uint16_t port = el_get16(udp);

	return b->newest->block->set->stamp_ports[port / 64] >> port % 64 & 1;
}

bool rx_stamp_find(const struct finding *b, const struct rte_mbuf *m, struct found *f, uint32_t i)
{
	const uint8_t *udp, *l3 = m->nb_segs > 1 ? NULL : plain_udp(m, &b->tags, &udp);
	const struct el_slice *s;
	uint32_t wire, id, index;

	if (!l3 || !is_from_reflector(b, udp) ||
	    !el_stamp_reply_request(udp + EL_UDP_LEN, EL_STAMP_LEN, false, &wire))
		return false;
	id = el_id_unpermute(&b->w->key, wire);
	if (((id ^ b->id_base) & b->id_other_bits) || !el_id_index(id & b->id_index_mask, &index) ||
	    index >= b->n_records ||
	    (finding_checks(b) && !udp_is_right(l3, udp, m->ol_flags & b->checksum_flags)))
		return false;
	s = &b->slices[(likely(index >= b->last.base)
			    ? el_plan_class_locate(&b->last, index, &f->pass[i])
			    : el_plan_locate(b->newest->plan, index, &f->pass[i]))
			   .v];
	rte_prefetch0(s);
	rte_prefetch0(&b->records[index]);
	rte_prefetch0(&b->newest->block->stamps[index]);
	f->slice[i] = NULL;
	f->reflected[i] = s;
	f->record[i] = &b->records[index];
	f->ports[i] = el_plain_ports(el_get16(udp + 2), el_get16(udp));
	f->addr_key[i] = l3[0] >> 4 == 4 ? el_addr_key_v4(el_load32(l3 + 12), el_load32(l3 + 16))
					 : el_addr_key_v6(&b->w->key, l3 + 8, l3 + 24);
	return true;
}

/* Those of the first that are as the first one, if that is no longer than what it says. */
static uint32_t find_alike(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			   struct found *f)
{
#ifdef __x86_64__
	const uint8_t *udp,
	    *l3 = mbufs[0]->nb_segs > 1 ? NULL : plain_udp(mbufs[0], &b->tags, &udp);
	uint32_t l4_len;

	if (b->w->conf.vectors != EL_WORKER_AVX512 || !l3 || !is_from_reflector(b, udp))
		return 0;
	l4_len = l3[0] >> 4 == 4 ? el_get16(l3 + 2) - (uint32_t)EL_IPV4_LEN : el_get16(l3 + 4);
	if (el_get16(udp + 4) == l4_len)
		return rx_stamp_find_avx512(b, mbufs, n, l3[0] >> 4, l4_len, f);
#else
	(void)b, (void)mbufs, (void)n, (void)f;
#endif
	return 0;
}

uint32_t rx_stamp_find_first(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			     struct found *f)
{
	uint32_t i = find_alike(b, mbufs, n, f);

	while (i < n && rx_stamp_find(b, mbufs[i], f, i))
		i++;
	return i;
}

/* Compares reply i, in a frame whose IP header is at `l3`, with what was sent, and writes it into
 * record and plane, as `mark` (el_record_answered_as). False: it is not the first one, or not to
 * this probe. */
static __rte_always_inline bool take(struct el_block *block, const uint8_t *l3,
				     const struct found *f, uint32_t i, uint64_t ns, el_record mark)
{
	const uint8_t *udp = l3 + (l3[0] >> 4 == 4 ? EL_IPV4_LEN : EL_IPV6_LEN);
	const struct el_slice *s = f->reflected[i];
	const struct el_probe_stamp_kind *kind;
	el_record *record = f->record[i];
	struct el_stamp_note *kept = &block->stamps[record - block->records];
	const struct el_stamp_reply_wire *wire = (const void *)(udp + EL_UDP_LEN);
	uint32_t packet;

	if (s->type != EL_PROBE_STAMP || f->addr_key[i] != s->addr_key ||
	    el_record_state(*record) != EL_RECORD_SENT ||
	    !el_slice_packet_of_pass(s, f->pass[i], &packet) ||
	    f->ports[i] != el_plain_ports(el_slice_port(s, packet), s->dst_port))
		return false;
	kind = &block->set->stamp_kinds[s->stamp_kind];
	/* the note is written in place: a copy of what has just been written would wait for it */
	if (!kind->plain || be64toh(el_load64(wire->sender_timestamp)) != kept->t1 ||
	    el_probe_stamp_read_open(s->cookie, kind->sender.ssid_needed, udp + EL_UDP_LEN,
				     el_get16(udp + 4) - (size_t)EL_UDP_LEN,
				     kept) != EL_STAMP_ANSWER)
		return false;
	*record = el_record_answered_as(*record, ns, mark);
	return true;
}

static const uint8_t *l3_of(const struct queue *q, const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, q->tags.len + EL_ETHER_LEN);
}

static el_record mark_of(const struct el_block *block, const struct stamp *at)
{
	return at->bound_ns > block->set->certain_below_ns ? EL_RECORD_UNCERTAIN : 0;
}

bool rx_stamp_take(struct el_worker *w, const struct queue *q, const struct rte_mbuf *m,
		   const struct found *f, uint32_t i, const struct stamp *at)
{
	struct el_block *block = w->newest->block;

	if (!take(block, l3_of(q, m), f, i, at->ns, mark_of(block, at)))
		return false;
	block->bounds[el_bound_of_ns(at->bound_ns)]++;
	count(w, EL_COUNTER_ANSWERS, 1);
	return true;
}

uint32_t rx_stamp_take_first(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs,
			     uint32_t n, const struct found *f, const struct stamp *burst)
{
	struct el_block *block = w->newest->block;
	el_record mark = mark_of(block, burst);
	uint32_t n_punted = 0, n_answers = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		const struct stamp *at = burst;
		struct stamp own;

		if (unlikely(q->conf.rx_stamp_flag)) {
			own = rx_arrival(w, q, m, burst);
			at = &own;
			mark = mark_of(block, at);
		}
		if (likely(take(block, l3_of(q, m), f, i, at->ns, mark))) {
			n_answers++;
			if (unlikely(q->conf.rx_stamp_flag))
				block->bounds[el_bound_of_ns(at->bound_ns)]++;
		} else if (rx_any(w, q, m, at)) {
			n_punted++;
			continue;
		}
		mbufs[i - n_punted] = m;
	}
	if (!q->conf.rx_stamp_flag)
		block->bounds[el_bound_of_ns(burst->bound_ns)] += n_answers;
	count(w, EL_COUNTER_ANSWERS, n_answers);
	return n_punted;
}
