/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The network as its two halves see it: network.c has ports, routes and what plans ask,
 * neighbours.c next hops and addresses of our own, towards the link and the workers. */
#include <pthread.h>

#include "neigh_log.h"
#include "net_port.h"
#include "network.h"
#include "placement.h"
#include "ways.h"

/* What a plan uses of the network. */
struct network_plan {
	struct network *network;
	struct network_plan *next; /* the next of those that are not over */
	struct el_prefix *sources; /* the groups' source addresses and networks */
	size_t n_sources;
	struct el_ip *addresses; /* network_plan_addresses */
	size_t n_addresses;
	/* The network as it was when the plan was begun, and which ways its streams go by it. */
	struct way_port ports[EL_WORKER_QUEUES_MAX];
	struct way_input ways;
	uint64_t digest;                      /* of the ways that were taken, all of them */
	uint64_t n_no_room;                   /* streams that are left out for want of it */
	uint64_t hops[EL_NEXT_HOPS_MAX / 64]; /* the next hops that it uses, a bit each */
};

struct network {
	struct net_port *ports;
	uint32_t n_ports;
	struct el_routes routes;   /* of the configuration */
	struct el_rtnl *plan_rtnl; /* for the thread that makes plans */
	struct el_rtnl_watch *watch;
	unsigned missed;             /* changes, a set, that could not be read yet */
	struct placement *placement; /* of streams on workers; for the thread that makes plans */
	struct el_worker *const *workers; /* NULL until attached */
	uint32_t n_workers;
	struct rte_mempool *pool; /* of the frames that control sends */
	struct el_port_view *views;
	/* As read last: what the rings between workers dropped, and answers of all workers. */
	uint64_t drops, answers;

	pthread_mutex_t lock; /* protects all below: plans are made and freed on another thread */
	uint64_t now_ns;
	struct net_kernel kernel;
	bool hops_changed; /* a next hop is or is not to be reached that others can stand in for */
	struct network_plan *plans; /* those that are not over */
	bool short_of_room;         /* the last plan, because of those before it */
	bool room;                  /* and there is some now */
	struct el_neigh_table *neigh;
	struct neigh_log log;
	uint16_t users[EL_NEXT_HOPS_MAX]; /* plans that use a next hop, and the configuration */
	bool is_one_of_several[EL_NEXT_HOPS_MAX]; /* equally good ones */
	/* Next hops that workers have yet to be told of, each once; a queue. */
	bool is_untold[EL_NEXT_HOPS_MAX];
	uint16_t untold[EL_NEXT_HOPS_MAX];
	uint32_t first_untold, n_untold;
	/* Addresses of our own: to be listed anew; how many of the lists, by worker and port, the
	 * workers have been told of, and each of them how many ever. */
	bool own_changed;
	uint32_t own_told;
	uint64_t own_sent[EL_PLAN_WORKERS_MAX];
};

/* ---- neighbours.c ---- */

/* The place of a port in a worker's list of queues: the ports before it that have a queue for the
 * worker. */
uint32_t network_queue_index(const struct network *n, uint32_t worker, uint32_t port);

/* The table of neighbours, with those that are configured. 0, or -errno with a sentence. */
int neighbours_init(struct network *n, const struct el_conf *conf, struct el_error *err);
void neighbours_fini(struct network *n);

/* Of ways that are equally good, whose next hops `plan` uses from now on, the first whose next hop
 * answers, else the first whose is waited for, else the first (as routers are chosen: RFC 4861
 * section 6.3.6); when that may be another, a new plan is wanted. *ret: which of the n. 0, or what
 * el_neigh_need says. */
int neighbours_choose(struct network *n, struct network_plan *plan, const struct way *ways,
		      size_t n_ways, size_t *ret, struct el_next_hop_idx *ret_index);
/* The link of a port is up again. */
void neighbours_ask_again(struct network *n, uint16_t port);
/* A plan is over: next hops that no other uses are forgotten. Under the lock. */
void neighbours_release(struct network *n, const struct network_plan *plan);

/* What is ours on a port, for ARP and for the workers, is to follow what the plans that are not
 * over have. Under the lock. */
void neighbours_own_changed(struct network *n);
