/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A port with the addresses that are ours there. For network.c. */
#include "el_conf.h"
#include "el_neigh.h"
#include "el_port.h"
#include "port_law.h"

struct net_port {
	struct el_port *port;
	struct port_law law;
	bool up;          /* as read last */
	bool was_up;      /* ever; a driver whose link never is may not know of it */
	bool link_told;   /* the workers know */
	uint64_t link_ns; /* when it is read again */
	struct el_kernel_addresses kernel;  /* of the interface, where there is one */
	struct el_neigh_address *addresses; /* of the configuration, or of the kernel's interface */
	size_t n_addresses;
	/* All that answers may come to: these and the plans' sources; and the list before, which
	 * workers may still look at. */
	struct el_prefix *own, *old_own;
	uint32_t n_own;
	struct el_prefix *silent; /* el_worker_queue.silent */
	uint32_t n_silent;
};

/* Whether it is more than one address. */
static inline bool net_port_is_range(const struct el_prefix *prefix)
{
	return prefix->len < (prefix->ip.family == 4 ? 32 : 128);
}

/* Finds the addresses of a port that is open, those of the configuration or else of the kernel's
 * interface; adds its routes. 0, or -errno with a sentence. */
int net_port_find_addresses(struct net_port *p, struct el_port_idx index,
			    const struct el_conf *conf, struct el_routes *routes,
			    struct el_error *err);

struct network_plan;

/* What is ours on a port. */
struct net_own {
	struct el_neigh_address *addresses; /* for ARP; to be freed with free() */
	size_t n_addresses;
	struct el_prefix *own; /* net_port.own; likewise */
	uint32_t n_own;
};

/* With the sources of `plans`, a list: those on the port's link are asked for there. 0 or -ENOMEM.
 */
int net_port_list_own(const struct net_port *p, const struct network_plan *plans,
		      struct net_own *ret_own);
/* Lets in what asks for them. 0, or -errno with a sentence. */
int net_port_let_requests_in(struct net_port *p, const struct net_own *own, struct el_error *err);

/* Closes the port and frees what it has. */
void net_port_fini(struct net_port *p);
