/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Receive buffers that become answers. */
#include "worker_internal.h"

/* Receive buffers that must be left in their pool, besides those in the caches of cores, for any to
 * become answers: else a device that sends slowly could leave the port none to receive into. */
#define RX_BUFFERS_LEAST 512

/* Counting what is in the caches of cores as well would take longer. */
static inline bool pool_has_spare(const struct rte_mempool *pool)
{
	return rte_mempool_get_ops(pool->ops_index)->get_count(pool) >= RX_BUFFERS_LEAST;
}
