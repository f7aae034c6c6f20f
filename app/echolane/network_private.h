/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The network as its parts see it: network.c has the ports, neighbours.c next hops and addresses of
 * our own, towards the link and the workers; network_plan.c is what plans are made by. */
#include "hops.h"
#include "net_port.h"
#include "network.h"
#include "steering.h"
#include "ways.h"

/* The network as it was when a plan was ordered. */
struct network_view {
	struct way_port ports[EL_WORKER_QUEUES_MAX]; /* with their own copies of addresses */
	uint32_t n_ports;
	struct el_routes advertised; /* by routers, of all ports */
	uint64_t n_released;         /* network.n_released */
	uint64_t n_refusals;         /* network.n_refusals */
	uint32_t n_hops;
	uint8_t hops[]; /* enum el_neigh_state, by index */
};

/* Of a next hop that was not there yet: it would be asked for. */
static inline enum el_neigh_state network_view_hop(const struct network_view *view,
						   struct el_next_hop_idx index)
{
	return index.v < view->n_hops ? (enum el_neigh_state)view->hops[index.v] : EL_NEIGH_PENDING;
}

/* What the thread that makes plans has for itself, while there is one. */
struct network_compile {
	struct el_routes routes;   /* of the configuration; never changed */
	struct el_rtnl *rtnl;      /* to ask the kernel with */
	struct steering *steering; /* of streams on workers */
	struct hops *hops;         /* which next hop has which index */
};

/* A next hop that a plan uses. */
struct plan_hop {
	struct el_next_hop_idx index;
	struct el_port_idx port;
	struct el_ip ip;
};

/* What a plan uses of the network. Once it is made it is only read, but for what is control's. */
struct network_plan {
	struct network_compile *compile;
	struct network_view *view;
	/* The groups' source addresses and networks, and the ports, a bit each, that they are used
	 * at. */
	struct plan_source {
		struct el_prefix prefix;
		uint32_t ports;
	} * sources;
	size_t n_sources;
	struct el_ip *addresses; /* network_plan_addresses */
	size_t n_addresses;
	struct plan_own {
		struct el_neigh_address *items;
		size_t count;
	} own[EL_WORKER_QUEUES_MAX]; /* by port: who can be no next hop there */
	struct way_input ways;
	uint64_t digest;    /* of the ways that were taken, all of them */
	uint64_t n_no_room; /* streams that are left out for want of it */
	struct plan_hop *hops;
	size_t n_hops, hops_capacity;
	/* By index, a bit each: those in `hops`, and those that equally good ones stand beside. */
	uint64_t has_hop[EL_NEXT_HOPS_MAX / 64], is_one_of_several[EL_NEXT_HOPS_MAX / 64];

	/* control's */
	struct network_plan *next; /* the next of those that are adopted */
	bool adopted;
	uint64_t n_refusals; /* network.n_refusals, as it was then or would make no difference */
	size_t n_asked;      /* of `hops`, that are asked for by now */
};

/* How much was said of neighbours. */
struct neigh_log {
	uint64_t full_ns; /* when the lines that may be said at once are all there again */
	uint64_t left_out;
};

/* When control last polled, when each worker had last done all that it was told (network_away.c).
 */
struct network_away {
	uint64_t polled_ns, done_ns[EL_PLAN_WORKERS_MAX];
	uint64_t since_ns, until_ns; /* nothing is concluded from silence meanwhile */
	bool told;
};

struct network {
	struct network_compile compile;
	struct net_port *ports;
	uint32_t n_ports;
	struct el_rtnl_watch *watch;
	unsigned missed;                  /* changes, a set, that could not be read yet */
	struct el_worker *const *workers; /* NULL until attached */
	uint32_t n_workers;
	struct rte_mempool *pool; /* of the frames that control sends */
	struct el_port_view *views;
	/* As read last: what the rings between workers dropped, and answers of all workers. */
	uint64_t drops, answers;
	uint64_t sent_in_doubt; /* packets, since network_read_drops: of links that went down */
	uint64_t ports_sent[EL_PLAN_WORKERS_MAX]; /* EL_COMMAND_PORT, to each worker */

	uint64_t now_ns;
	struct net_kernel kernel;
	bool addresses_changed; /* net_port_refuse, or what routers advertise */
	uint64_t n_refusals;    /* addresses of ours that turned out to be another's, ever */
	bool hops_changed; /* a next hop is or is not to be reached that others can stand in for */
	struct network_plan *plans; /* those that are adopted */
	bool short_of_room;         /* the last plan, because of those before it */
	bool room;                  /* and there is some now */
	uint64_t n_released;        /* next hops that no plan uses any more, ever */
	struct el_neigh_table *neigh;
	struct network_away away;
	uint64_t n_changes; /* of next hops, and of the plans that use them */
	struct neigh_log log;
	uint32_t n_hops;                  /* the highest index ever used, + 1 */
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

/* ---- network_drops.c ---- */

/* What workers have sent by the device whose first link is this. */
uint64_t network_sent(const struct network *n, uint16_t port);

/* ---- neighbours.c ---- */

/* The place of a port in a worker's list of queues: the ports before it that have a queue for the
 * worker. */
uint32_t network_queue_index(const struct network *n, uint32_t worker, uint32_t port);

/* The table of neighbours, with those that are configured. 0, or -errno with a sentence. */
int neighbours_init(struct network *n, const struct el_conf *conf, struct el_error *err);
void neighbours_fini(struct network *n);

/* The states of next hops by index, into ret[n->n_hops]. */
void neighbours_list_states(const struct network *n, uint8_t *ret);
/* The link of a port is up again. */
void neighbours_ask_again(struct network *n, uint16_t port);

/* Sends a frame of control's; false: not now. */
bool neighbours_send(struct network *n, struct el_port_idx port, const uint8_t *frame, size_t len);
/* Whether a line may be logged of what is heard on a link, which others decide how often. */
bool neighbours_may_say(struct network *n);

/* What is ours on a port, for ARP and for the workers, is to follow what the plans that are adopted
 * have, and the kernel's addresses. */
void neighbours_own_changed(struct network *n);

/* ---- network_away.c ---- */

/* Whether a worker or control was away just now, so that silence on a link does not mean that
 * nobody answers; at each poll. */
bool network_was_away(struct network *n);

/* ---- network_advertised.c ---- */

/* A frame that came in by a port, which may be a router's advertisement. */
void advertised_input(struct network *n, uint16_t port, const uint8_t *frame, size_t len);
/* Ends what is over, and asks routers; at each poll. */
void advertised_poll(struct network *n);
/* The routes that routers advertise now, those of a port by their preference. 0, and to be freed
 * with el_routes_fini, or -ENOMEM. */
int advertised_routes(const struct network *n, struct el_routes *ret);
