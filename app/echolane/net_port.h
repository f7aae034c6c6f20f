/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A port with the addresses that are ours there. For network.c. */
#include "el_conf.h"
#include "el_neigh.h"
#include "el_port.h"

struct net_port {
	struct el_port *port;
	struct el_kernel_addresses kernel;  /* of the interface, where there is one */
	struct el_neigh_address *addresses; /* own ones, for ARP */
	size_t n_addresses;
	struct el_prefix *own; /* all that answers may come to: the above and the groups' sources */
	uint32_t n_own;
	struct el_prefix *silent; /* el_worker_queue.silent */
	uint32_t n_silent;
};

/* Whether it is more than one address. */
static inline bool net_port_is_range(const struct el_prefix *prefix)
{
	return prefix->len < (prefix->ip.family == 4 ? 32 : 128);
}

/* Finds the own addresses of a port that is open, those of the configuration or else of the
 * kernel's interface, and those of the groups' sources that are on its link; adds its routes. 0, or
 * -errno with a sentence. */
int net_port_find_addresses(struct net_port *p, struct el_port_idx index,
			    const struct el_conf *conf, struct el_routes *routes,
			    struct el_error *err);

/* Closes the port and frees what it has. */
void net_port_fini(struct net_port *p);
