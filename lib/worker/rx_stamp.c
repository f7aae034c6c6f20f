/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of STAMP reflectors, in two stages as in rx.c: the quick way for first replies to plain
 * probes of the newest round, in plain frames. Whatever is not just that, or does
 * not agree with what was sent, is left to rx_any.c, which tells what is wrong with it. */
#include "el_probe_plain.h"
#include "worker_internal.h"

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

el_record *rx_stamp_find(const struct live_round *newest, const struct rte_mbuf *m,
			 const struct el_tags *tags, bool checked, uint64_t checksum_flags,
			 struct stamp_found *ret)
{
	const struct el_plan_set *set = newest->block->set;
	const uint8_t *udp;
	uint32_t wire, id;
	uint16_t port;

	if (!newest->block->stamps || m->nb_segs > 1)
		return NULL;
	ret->l3 = plain_udp(m, tags, &udp);
	if (!ret->l3)
		return NULL;
	port = el_get16(udp);
	if (!(set->stamp_ports[port / 64] >> port % 64 & 1) ||
	    !el_stamp_reply_request(udp + EL_UDP_LEN, EL_STAMP_LEN, false, &wire))
		return NULL;
	id = el_id_unpermute(&set->key, wire);
	if (((id ^ newest->id_base) & ~newest->id_index_mask) ||
	    !el_id_index(id & newest->id_index_mask, &ret->index) ||
	    ret->index >= newest->plan->n_records ||
	    (checked && !udp_is_right(ret->l3, udp, m->ol_flags & checksum_flags)))
		return NULL;
	ret->slice = &newest->plan->slices[el_plan_locate(newest->plan, ret->index, &ret->pass).v];
	rte_prefetch0(ret->slice);
	rte_prefetch0(&newest->block->stamps[ret->index]);
	rte_prefetch0(&newest->block->records[ret->index]);
	return &newest->block->records[ret->index];
}

/* Whether the packet is from and to whom the probe was to and from. */
static bool is_of(const struct stamp_found *f, const uint8_t *udp, const struct el_id_key *key)
{
	const struct el_slice *s = f->slice;
	const uint8_t *l3 = f->l3;
	uint32_t packet;
	uint64_t addr_key = l3[0] >> 4 == 4 ? el_addr_key_v4(el_load32(l3 + 12), el_load32(l3 + 16))
					    : el_addr_key_v6(key, l3 + 8, l3 + 24);

	return addr_key == s->addr_key && el_get16(udp) == s->dst_port &&
	       el_slice_packet_of_pass(s, f->pass, &packet) &&
	       el_get16(udp + 2) == el_slice_port(s, packet);
}

bool rx_stamp_take(struct el_worker *w, el_record *record, const struct stamp_found *f,
		   const struct stamp *at)
{
	const uint8_t *udp = f->l3 + (f->l3[0] >> 4 == 4 ? EL_IPV4_LEN : EL_IPV6_LEN);
	const struct el_slice *s = f->slice;
	struct el_block *block = w->newest->block;
	struct el_stamp_note note, *kept = &block->stamps[f->index];
	const struct el_probe_stamp_kind *kind;

	if (s->type != EL_PROBE_STAMP || !is_of(f, udp, &block->set->key))
		return false;
	kind = &block->set->stamp_kinds[s->stamp_kind];
	if (!kind->plain || el_record_state(*record) != EL_RECORD_SENT ||
	    el_probe_stamp_read_open(s->cookie, kind->sender.ssid_needed, udp + EL_UDP_LEN,
				     el_get16(udp + 4) - (size_t)EL_UDP_LEN,
				     &note) != EL_STAMP_ANSWER ||
	    note.t1 != kept->t1)
		return false;
	*kept = note;
	*record = el_record_answered_as(
	    *record, at->ns, at->bound_ns > block->set->certain_below_ns ? EL_RECORD_UNCERTAIN : 0);
	block->bounds[el_bound_of_ns(at->bound_ns)]++;
	count(w, EL_COUNTER_ANSWERS, 1);
	return true;
}
