/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which way streams leave: by the routes of the configuration and, for ports that have their
 * addresses from the kernel, the way that the kernel would send them. */
#include "el_neigh.h"
#include "el_rtnl.h"

/* A port, as it was when a plan was begun. */
struct way_port {
	unsigned
	    ifindex; /* that the kernel is asked about; 0: its routes are the configuration's */
	uint16_t mtu;
	const struct el_neigh_address *addresses;
	size_t n_addresses;
};

struct way_input {
	const struct way_port *ports;
	uint32_t n_ports;
	struct el_routes routes; /* of the configuration */
	struct el_rtnl *rtnl;    /* to ask the kernel with */
};

#define WAYS_MAX 8 /* equally good ones that are told */

struct way {
	struct el_route_hop hop; /* its source is the one to send from */
	uint32_t mtu;
};

/* The ways to `to`, from the source `from` where it has a family: of several, any that answers will
 * do, best the first. With a source that is an address, or on a link, of some ports, only theirs.
 * How many, into ret_ways; 0: there is none. */
size_t ways_find(const struct way_input *in, const struct el_ip *to, const struct el_ip *from,
		 struct way ret_ways[WAYS_MAX]);
