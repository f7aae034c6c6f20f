/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The first of the two stages of receiving (rx.c): what the answers of a burst are, and the probes
 * that have their ids. */
#include "worker_internal.h"

/* By number in the burst. Without a slice an answer is for rx_any; but if it has a record then, it
 * is a STAMP reply, whose slice is in `reflected`; pass, addr_key and ports are set of the others.
 */
struct found {
	const struct el_slice *slice[BURST];
	el_record *record[BURST];
	const struct live_round *live[BURST];
	uint32_t pass[BURST];
	/* of the answer, as in el_plain */
	uint64_t addr_key[BURST];
	uint32_t wire[BURST], id[BURST], ports[BURST];
	uint8_t type[BURST], kind[BURST];
	const struct el_slice *reflected[BURST];
};

/* What a NIC may say of checksums. */
#define RX_GOOD_FLAGS (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)

/* What is the same for all frames of a burst. */
struct finding {
	struct el_worker *w;
	uint64_t checksum_flags; /* what the NIC says of checksums and is believed */
	/* RX_GOOD_FLAGS where checksums are not looked at: no NIC says more; else 0 */
	uint64_t assumed_flags;
	struct el_tags tags; /* of the queue's VLAN */
	/* of the round begun last, what its answers need; `last` is its plan's last class */
	struct live_round *newest;
	uint32_t id_base, id_index_mask, id_other_bits, n_records;
	el_record *records;
	const struct el_slice *slices;
	struct el_plan_class last;
};

static inline bool finding_checks(const struct finding *b)
{
	return !b->assumed_flags;
}

/* Recognises the answers from the first-th to the one before the n-th, finds slice and record of
 * the probes that they are to, and prefetches both. *alike becomes false if one of them is of
 * another round than the newest. */
void rx_find(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t first, uint32_t n,
	     struct found *f, bool *alike);

/* The same with vector instructions, from the first answer on, as far as they are plain, right, of
 * one kind and to the newest round; how many. The others are for rx_find. */
typedef uint32_t rx_find_vector_fn(const struct finding *b, struct rte_mbuf *const *mbufs,
				   uint32_t n, struct found *f);

rx_find_vector_fn rx_find_avx512; /* only with EL_WORKER_AVX512 */

/* rx_stamp.c: the two stages for plain STAMP replies to probes of the newest round. Stage one:
 * whether frame i is one; else it is for rx_any. */
bool rx_stamp_find(const struct finding *b, const struct rte_mbuf *m, struct found *f, uint32_t i);
/* Of a burst, those that stand in front; how many. The vectors of w are used. */
uint32_t rx_stamp_find_first(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			     struct found *f);
/* The same for frames that are as the first one, which is plain, of this family, and UDP all of
 * whose l4_len bytes are a datagram from a reflector's port. Only with EL_WORKER_AVX512. */
uint32_t rx_stamp_find_avx512(const struct finding *b, struct rte_mbuf *const *mbufs, uint32_t n,
			      uint8_t family, uint32_t l4_len, struct found *f);
/* Stage two. False: it is for rx_any. */
bool rx_stamp_take(struct el_worker *w, const struct queue *q, const struct rte_mbuf *m,
		   const struct found *f, uint32_t i, const struct stamp *at);
/* Of a burst, the first n; what is none goes to rx_any. What goes to control is taken out of
 * `mbufs`; how many. */
uint32_t rx_stamp_take_first(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs,
			     uint32_t n, const struct found *f, const struct stamp *burst);
