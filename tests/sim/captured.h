/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Probes that are kept, to be answered later, or elsewhere. */
#include "worker_bench.h"

struct captured {
	size_t len;
	uint8_t frame[256];
};

/* Polls a worker until `n` more probes have been captured from its wire. */
static inline void capture(struct bench *b, uint32_t worker, uint32_t n, struct captured *ret)
{
	uint64_t end = rte_rdtsc() + EL_NS_PER_S;
	uint32_t got = 0;

	while (got < n && rte_rdtsc() < end) {
		struct rte_mbuf *m;
		el_worker_poll(b->workers[worker]);
		while (got < n && (m = take(b, worker)) != NULL) {
			ret[got].len = m->data_len;
			memcpy(ret[got++].frame, rte_pktmbuf_mtod(m, void *), m->data_len);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(got, n);
}

/* Has the echo replies to captured probes come in on a queue. */
static inline void reply(struct bench *b, uint32_t queue, uint32_t n, const struct captured *probes)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t buf[2048];
		give(b, queue, buf, answer(probes[i].frame, probes[i].len, REPLY_ECHO, buf));
	}
	for (uint32_t i = 0; i < n / 16 + 2; i++) /* and what is forwarded */
		poll_all(b);
}
