/* SPDX-License-Identifier: BSD-3-Clause */
#include "rx_find.h"
#include "el_probe_plain.h"

/* Reads the answer in a plain frame whose checksums are right. A frame on the queue's VLAN looks
 * untagged from behind the `skip` bytes of its tags on. */
static __rte_always_inline bool recognise(const struct finding *b, const struct rte_mbuf *m,
					  const uint32_t skip, struct el_plain *ret)
{
	const uint32_t len = m->data_len - skip;
	const uint8_t *frame = rte_pktmbuf_mtod_offset(m, const uint8_t *, skip);
	const uint8_t *l3 = frame + EL_ETHER_LEN;
	const uint64_t flags = (m->ol_flags & b->checksum_flags) | b->assumed_flags;
	const struct el_plain_good good = {.header = flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD,
					   .tcp = flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD,
					   .icmp = !finding_checks(b)};
	uint32_t l4_len;

	if (unlikely(m->nb_segs > 1))
		return false;
	if (skip && !el_tags_begin(&b->tags, frame - skip, m->data_len))
		return false;
	if (el_plain_is_ipv4(frame, len, &l4_len))
		return el_plain_in_ipv4(&b->w->key, l3, l4_len, good, ret);
	return el_plain_is_ipv6(frame, len, &l4_len) &&
	       el_plain_in_ipv6(&b->w->key, l3, l4_len, good, ret);
}

static inline void found_none(struct found *f, size_t i)
{
	f->slice[i] = NULL;
	f->record[i] = NULL;
}

/* Record `index` of the round `l`, of slice `s`, is of the probe that answer i is to. */
static inline void found_at(struct found *f, size_t i, struct live_round *l, el_record *record,
			    const struct el_slice *s)
{
	f->live[i] = l;
	f->record[i] = record;
	f->slice[i] = s;
	rte_prefetch0(record);
	rte_prefetch0(s);
}

/* The same for an id that is not of the newest round, but may be of an older one of this worker, of
 * the same plan. True if it is. */
static __rte_noinline bool find_older(struct el_worker *w, const struct live_round *newest,
				      struct found *f, uint32_t i)
{
	const struct el_plan_set *set = newest->block->set;
	struct live_round *l;
	struct el_id at;

	if (!el_id_unpack(&set->ids, f->id[i], &at) || at.worker != w->conf.index.v)
		return false;
	l = round_find(w, round_number(w->last_round, at.round, set->ids.round_bits));
	if (!l || l->block->set != set || at.index >= l->plan->n_records)
		return false;
	found_at(f, i, l, &l->block->records[at.index],
		 &l->plan->slices[el_plan_locate(l->plan, at.index, &f->pass[i]).v]);
	return true;
}

/* The same for what is no other plain answer. Out of line, as all that is rare: calls would take
 * registers from what is not. */
static __rte_noinline void find_stamp(const struct finding *b, const struct rte_mbuf *m,
				      struct found *f, uint32_t i)
{
	found_none(f, i);
	if (b->newest->block->stamps)
		rx_stamp_find(b, m, f, i);
}

static __rte_always_inline void find(const struct finding *b, const struct rte_mbuf *m,
				     const uint32_t skip, struct found *f, size_t i, bool *alike)
{
	struct el_slice_idx slice;
	struct el_plain answer;
	uint32_t bits, index;

	if (unlikely(!recognise(b, m, skip, &answer))) {
		find_stamp(b, m, f, (uint32_t)i);
		return;
	}
	bits = answer.id ^ b->id_base;
	f->addr_key[i] = answer.addr_key;
	f->wire[i] = answer.wire;
	f->id[i] = answer.id;
	f->ports[i] = answer.ports;
	f->type[i] = answer.type;
	f->kind[i] = answer.kind;
	if (unlikely(bits & b->id_other_bits)) {
		found_none(f, i);
		if (find_older(b->w, b->newest, f, (uint32_t)i))
			*alike = false;
		return;
	}
	if (unlikely(!el_id_index(bits, &index) || index >= b->n_records)) {
		found_none(f, i);
		return;
	}
	if (likely(index >= b->last.base))
		slice = el_plan_class_locate(&b->last, index, &f->pass[i]);
	else
		slice = el_plan_locate(b->newest->plan, index, &f->pass[i]);
	found_at(f, i, b->newest, &b->records[index], &b->slices[slice.v]);
}

void rx_find(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t first, uint32_t n,
	     struct found *f, bool *alike)
{
	const uint32_t skip = b->tags.len;

	if (skip) {
		for (size_t i = first; i < n; i++)
			find(b, mbufs[i], skip, f, i, alike);
	} else {
		for (size_t i = first; i < n; i++)
			find(b, mbufs[i], 0, f, i, alike);
	}
}
