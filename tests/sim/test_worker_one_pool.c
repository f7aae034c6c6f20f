/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker that sends by the buffers which it receives into: nothing of what came in goes out. */
#include "worker_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define RECEIVED 0xa5

/* Fills all buffers with what was received. */
static void soil(struct bench *b)
{
	struct rte_mbuf *m[2048];
	unsigned n = 0;

	while (n < RTE_DIM(m) && (m[n] = rte_pktmbuf_alloc(b->rx_pool)) != NULL) {
		memset(m[n]->buf_addr, RECEIVED, m[n]->buf_len);
		n++;
	}
	assert_true(n > 1000);
	rte_pktmbuf_free_bulk(m, n);
}

static void check(const struct rte_mbuf *m, const uint8_t *payload, size_t payload_len)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct el_pkt pkt;

	assert_int_equal(m->data_len, m->pkt_len);
	assert_int_equal(el_pkt_parse(frame, m->data_len, &pkt), EL_PKT_OK);
	assert_true(el_pkt_checksums_right(&pkt));
	assert_memory_equal(frame + m->data_len - payload_len, payload, payload_len);
}

static void probes_of(enum el_probe_type type, int32_t size)
{
	enum { PROBES = 40 };
	struct fixture *fx = quick(1, 500, type, PROBES);
	struct rte_mbuf *m;
	struct bench *b;
	uint32_t n = 0;

	fx->targets[0].ip_payload_size = size;
	for (size_t i = 0; i < sizeof(fx->payload); i++)
		fx->payload[i] = (uint8_t)(1 + i * 7 % 100);
	b = bench(fx, 1);
	soil(b);
	order_round(b, 1);
	for (int i = 0; i < 1000 && n < PROBES; i++) {
		poll_all(b);
		for (; (m = take(b, 0)) != NULL; n++) {
			check(m, fx->payload, b->set->plans[0]->slices[0].payload_len);
			memset(m->buf_addr, RECEIVED, m->buf_len);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(n, PROBES);
	bench_free(b);
}

static void payloads_are_their_own(void **state)
{
	static const int32_t sizes[] = {EL_CONF_UNSET, 48, 100, 1400};

	(void)state;
	one_pool = true;
	for (int type = 0; type < EL_PROBE_TYPES; type++) {
		for (size_t i = 0; i < RTE_DIM(sizes); i++)
			probes_of((enum el_probe_type)type, sizes[i]);
	}
	one_pool = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(payloads_are_their_own),
	};

	return worker_bench_main("worker_one_pool", tests, RTE_DIM(tests), tests, RTE_DIM(tests));
}
