/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a worker answers of others' probes: echo requests, TCP, UDP, and STAMP (RFC 8762), on
 * addresses that are ours and no kernel's. A worker has a responder of its own, which control makes
 * and passes to it (EL_COMMAND_RESPOND). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "el_error.h"
#include "el_ip_set.h"
#include "el_siphash.h"
#include "el_stamp.h"

struct el_worker_responder;

/* All of it is copied but for what is pointed to, which is the caller's and has to outlive the
 * responder. Sets, ports and the key may be those of several workers. */
struct el_worker_responder_config {
	int socket; /* NUMA */
	/* Buffers for answers, of el_worker_respond_pool_create, for this worker alone. */
	struct rte_mempool *pool;
	const struct el_ip_set *allowed;   /* sources that are answered */
	const struct el_ip_set *unlimited; /* and those of them that are not limited; NULL: none */
	uint64_t max_pps;                  /* of each of the others; 0: they are neither */
	struct el_siphash_key key;         /* random; of all workers */
	bool echo, port_unreachable;
	const uint16_t *tcp_ports; /* open ones; none: nothing of TCP is answered */
	size_t n_tcp_ports;
	struct {
		uint16_t port;                  /* 0: there is no reflector */
		const struct el_stamp_key *key; /* NULL: none */
		bool authenticated, stateful;
		enum el_stamp_format format;
		uint32_t sessions;
		bool answer_short; /* el_stamp_reflector */
	} stamp;
};

/* For frames of up to `mtu` bytes of IP. NULL with rte_errno. */
struct rte_mempool *el_worker_respond_pool_create(const char *name, uint32_t n, uint16_t mtu,
						  int socket);

/* before: the responder that this one takes the place of, NULL: none. The sessions of its reflector
 * go on if there is room for as many in this one. NULL, with a sentence. */
struct el_worker_responder *
el_worker_responder_create(const struct el_worker_responder_config *config,
			   struct el_worker_responder *before, struct el_error *err);
/* Once the worker has taken another, or none, or has ended. NULL is fine. */
void el_worker_responder_destroy(struct el_worker_responder *r);
