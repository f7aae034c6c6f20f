/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* STAMP probes on the wire of a worker, and the replies to them. */
#include "worker_bench.h"

#define UDP (ETH + L3)
#define PACKET (UDP + 8) /* of STAMP, in a frame */

/* The next probe on the wire. */
static inline size_t next_probe(struct bench *b, uint8_t *frame)
{
	struct rte_mbuf *m;
	size_t len;

	while (!(m = take(b, 0)))
		poll_all(b);
	len = m->data_len;
	memcpy(frame, rte_pktmbuf_mtod(m, uint8_t *), len);
	rte_pktmbuf_free(m);
	return len;
}

/* The reply of the reflector, which refuses requests that are not signed as they should be, with
 * right checksums. */
static inline size_t reply_to(const uint8_t *frame, size_t len, uint8_t *reply)
{
	uint8_t copy[2048];

	memcpy(copy, frame, len);
	fix_checksums(copy);
	assert_memory_equal(copy, frame, len);
	return answer(frame, len, REPLY_REFLECTED, reply);
}
