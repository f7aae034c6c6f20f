/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A worker alone with a port of rings, whose other side is the benchmark's: so there is no copying,
 * and no waiting for another core. */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "el_port.h"
#include "el_worker.h"

struct bench_port {
	uint16_t id;
	struct rte_ring *out, *in; /* from the worker, to it */
	struct rte_mempool *rx_pool;
};

/* The EAL with a core for one worker. False, said why. */
static inline bool bench_begin(void)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .memory_mib = 256};
	struct el_error err;
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, &err) == 0 &&
	    el_eal_init(&eal, &err) == 0)
		return true;
	fprintf(stderr, "%s\n", err.text);
	return false;
}

static inline struct rte_ring *bench_ring(const char *name, unsigned size)
{
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* With rings of so many frames. */
static inline bool bench_port_open(struct bench_port *p, unsigned size)
{
	struct rte_eth_conf conf = {0};
	int id;

	p->out = bench_ring("out", size);
	p->in = bench_ring("in", size);
	p->rx_pool =
	    rte_pktmbuf_pool_create("rx", 4095, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!p->out || !p->in || !p->rx_pool)
		return false;
	id = rte_eth_from_rings("bench", &p->in, 1, &p->out, 1, 0);
	p->id = (uint16_t)id;
	return id >= 0 && rte_eth_dev_configure(p->id, 1, 1, &conf) == 0 &&
	       rte_eth_rx_queue_setup(p->id, 0, 64, 0, NULL, p->rx_pool) == 0 &&
	       rte_eth_tx_queue_setup(p->id, 0, 64, 0, NULL) == 0 && rte_eth_dev_start(p->id) == 0;
}

/* Frees what is in a ring; how many frames. */
static inline uint32_t bench_empty(struct rte_ring *ring)
{
	struct rte_mbuf *m[64];
	uint32_t n, all = 0;

	while ((n = rte_ring_sc_dequeue_burst(ring, (void **)m, RTE_DIM(m), NULL)) > 0) {
		rte_pktmbuf_free_bulk(m, n);
		all += n;
	}
	return all;
}

static inline void bench_put_sum(uint8_t *p, uint64_t sum)
{
	uint16_t checksum = (uint16_t)~el_sum_fold(sum);

	memcpy(p, &checksum, 2);
}

static inline int bench_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static inline void bench_sort(double *samples, uint32_t n)
{
	qsort(samples, n, sizeof(samples[0]), bench_compare);
}
