/* SPDX-License-Identifier: BSD-3-Clause */
#include "links.h"

#include <rte_ether.h>

/* By a frame's VLAN; NULL: of none. What is too short to tell is counted as such by any. */
static struct queue *link_of(struct el_worker *w, struct queue *first, const struct rte_mbuf *m)
{
	struct queue *end = w->queues + w->n_queues;
	el_vlan vlan;

	if (!el_tags_read(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &vlan))
		return first;
	for (struct queue *q = first; q < end; q++) {
		if (q->conf.vlan == vlan && q->first == first)
			return q;
	}
	return NULL;
}

void links_mend(struct rte_mbuf *const *mbufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *type = rte_pktmbuf_mtod(mbufs[i], uint8_t *) + 2 * RTE_ETHER_ADDR_LEN;

		if (mbufs[i]->data_len >= RTE_ETHER_HDR_LEN + EL_TAG_LEN &&
		    el_get16(type) == RTE_ETHER_TYPE_VLAN &&
		    el_get16(type + EL_TAG_LEN) == RTE_ETHER_TYPE_VLAN)
			el_put16(type, RTE_ETHER_TYPE_QINQ);
	}
}

void links_part(struct el_worker *w, struct queue *first, struct rte_mbuf *const *mbufs, uint32_t n,
		struct parted *ret)
{
	ret->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct queue *link = link_of(w, first, mbufs[i]);

		if (unlikely(!link)) {
			rte_pktmbuf_free(mbufs[i]);
			continue;
		}
		ret->links[ret->n] = link;
		ret->mbufs[ret->n++] = mbufs[i];
	}
	count(w, EL_COUNTER_DROP_RX_VLAN, n - ret->n);
}

uint32_t links_take(struct parted *p, struct rte_mbuf **ret_mbufs, struct queue **ret_link)
{
	struct queue *link = p->links[0];
	uint32_t left = 0, n = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		if (p->links[i] == link) {
			ret_mbufs[n++] = p->mbufs[i];
			continue;
		}
		p->links[left] = p->links[i];
		p->mbufs[left++] = p->mbufs[i];
	}
	p->n = left;
	*ret_link = link;
	return n;
}

bool link_is_stray_by(const struct el_worker *w, const struct queue *q, const struct hop *hop,
		      const struct el_slice *s)
{
	const struct queue *link = q->first, *end = w->queues + w->n_queues;
	const uint8_t *target, *own;
	struct el_ip ip;

	if (!hop->l2_len || hop->queue != q->first) /* unknown, or of another device */
		return false;
	while (link < end && (link->first != q->first || !link_has_hop(link, hop)))
		link++;
	el_slice_addresses(s, &target, &own);
	ip = el_ip_from_bytes(own, s->family);
	return link < end && el_prefixes_contain(link->conf.own, link->conf.n_home, &ip);
}
