/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Several links on one device: what comes in by it is parted by the VLANs of its frames. */
#include "worker_internal.h"

/* Frames that wait for their turn, each with its link. */
struct parted {
	struct rte_mbuf *mbufs[BURST];
	struct queue *links[BURST];
	uint32_t n;
};

/* Makes the outer one of two 802.1Q tags one of 802.1ad, as which it was sent. */
void links_mend(struct rte_mbuf *const *mbufs, uint32_t n);

/* Which link of the device of `first` each of n frames is of. What is of none is freed, and counted
 * once. */
void links_part(struct el_worker *w, struct queue *first, struct rte_mbuf *const *mbufs, uint32_t n,
		struct parted *ret);

/* Takes those of one link out, in their order, into ret_mbufs; how many, and *ret_link. There are
 * some. */
uint32_t links_take(struct parted *p, struct rte_mbuf **ret_mbufs, struct queue **ret_link);

/* Whether frames to `hop` have the tags of the link `q`. */
static inline bool link_has_hop(const struct queue *q, const struct hop *hop)
{
	uint32_t before = HOP_L2_BYTES - (uint32_t)hop->l2_len;

	/* where there are no tags, what is behind the header is looked at, and does not count */
	return hop->l2_len == RTE_ETHER_HDR_LEN + q->tags.len &&
	       el_tags_begin(&q->tags, (const uint8_t *)hop + before,
			     (uint32_t)sizeof(*hop) - before);
}

/* The same as link_is_stray, once link_has_hop said no. */
bool link_is_stray_by(const struct el_worker *w, const struct queue *q, const struct hop *hop,
		      const struct el_slice *s);

/* Whether what came in by the link `q` can't be an answer to a probe of `s`: it left by another
 * link of the device, from an address of that link's own. */
static inline bool link_is_stray(const struct el_worker *w, const struct queue *q,
				 const struct el_slice *s)
{
	const struct hop *hop = &w->hops[s->next_hop.v];

	return unlikely(!link_has_hop(q, hop)) && link_is_stray_by(w, q, hop, s);
}
