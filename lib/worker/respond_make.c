/* SPDX-License-Identifier: BSD-3-Clause */
/* Making and unmaking responders, and a worker's change from one to another. */
#include "respond_internal.h"

#include <errno.h>

#include <rte_malloc.h>

#define LIMIT_SOURCES 16384 /* that are limited at a time, for each worker */
/* What a source may ask for at once: that of a tenth of a second. */
#define LIMIT_BURST_PART 10
#define LIMIT_BURST_MIN 64

static void free_answers(struct el_worker_responder *r)
{
	for (uint32_t i = 0; i < RTE_DIM(r->waiting); i++) {
		rte_pktmbuf_free_bulk(r->waiting[i].mbufs, r->waiting[i].n);
		r->waiting[i].n = 0;
	}
	if (r->n_spare)
		rte_mempool_put_bulk(r->conf.pool, (void **)r->spare, r->n_spare);
	r->n_spare = 0;
}

void respond_take(struct el_worker *w, struct el_worker_responder *r)
{
	if (w->responder) {
		respond_send(w);
		for (uint32_t i = 0; i < w->n_queues; i++)
			respond_give_up(w, &w->queues[i]);
	}
	w->responder = r;
	if (r)
		respond_clock(w);
	atomic_store_explicit(&w->responders_taken, w->responders_taken + 1, memory_order_release);
}

struct rte_mempool *el_worker_respond_pool_create(const char *name, uint32_t n, uint16_t mtu,
						  int socket)
{
	return rte_pktmbuf_pool_create(
	    name, n, 256, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + EL_L2_HEADER_MAX + mtu), socket);
}

static int make_limit(struct el_worker_responder *r)
{
	const struct el_worker_responder_config *conf = &r->conf;
	uint64_t burst = conf->max_pps / LIMIT_BURST_PART;

	if (!conf->max_pps)
		return 0;
	r->answers.limit = el_respond_limit_create(
	    LIMIT_SOURCES, conf->max_pps, (uint32_t)RTE_MAX(burst, (uint64_t)LIMIT_BURST_MIN),
	    &conf->key);
	return r->answers.limit ? 0 : -ENOMEM;
}

/* The sessions go on where there is room for as many. */
static int make_sessions(struct el_worker_responder *r, struct el_worker_responder *before)
{
	if (!r->conf.stamp.port || !r->conf.stamp.stateful)
		return 0;
	if (before && before->sessions && before->conf.stamp.sessions == r->conf.stamp.sessions) {
		r->sessions = before->sessions;
		r->sessions->refs++;
		r->pair_key = before->pair_key; /* by which they are found */
		return 0;
	}
	r->sessions = respond_sessions_create(r->conf.stamp.sessions, r->conf.socket);
	return r->sessions ? 0 : -ENOMEM;
}

struct el_worker_responder *
el_worker_responder_create(const struct el_worker_responder_config *config,
			   struct el_worker_responder *before, struct el_error *err)
{
	struct el_worker_responder *r =
	    rte_zmalloc_socket("el_responder", sizeof(*r), RTE_CACHE_LINE_SIZE, config->socket);

	if (r) {
		r->conf = *config;
		r->longest = rte_pktmbuf_data_room_size(config->pool) - RTE_PKTMBUF_HEADROOM -
			     (uint32_t)EL_L2_HEADER_MAX;
		r->pair_key = config->key.k0 * UINT64_C(0x9e3779b97f4a7c15) | 1;
		r->answers = (struct el_responder){.open = config->tcp_ports,
						   .n_open = config->n_tcp_ports,
						   .port_unreachable = config->port_unreachable,
						   .key = config->key};
		r->reflector =
		    (struct el_stamp_reflector){.key = config->stamp.key,
						.authenticated = config->stamp.authenticated,
						.answer_short = config->stamp.answer_short,
						.tell_location = true,
						.format = config->stamp.format,
						.method_in = EL_STAMP_METHOD_SOFTWARE,
						.method_out = EL_STAMP_METHOD_SOFTWARE,
						.dscp_allowed = UINT64_MAX};
	}
	if (!r || make_limit(r) < 0 || make_sessions(r, before) < 0) {
		el_worker_responder_destroy(r);
		el_error_set(err, -ENOMEM, "not enough memory for the responder");
		return NULL;
	}
	return r;
}

void el_worker_responder_destroy(struct el_worker_responder *r)
{
	if (!r)
		return;
	free_answers(r);
	el_respond_limit_destroy(r->answers.limit);
	if (r->sessions && --r->sessions->refs == 0)
		rte_free(r->sessions);
	rte_free(r);
}
