/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which way streams leave: by the routes of the configuration and, for ports that have their
 * addresses from the kernel, the way that the kernel would send them. */
#include "el_model.h"
#include "el_neigh.h"
#include "el_rtnl.h"

/* A port, as it was when a plan was begun. */
struct way_port {
	const char *name;
	/* that the kernel is asked about; 0: its routes are the configuration's */
	unsigned ifindex;
	uint16_t mtu, mtu_v6; /* of IPv6 packets, if that is not 0 and less */
	const struct el_neigh_address *addresses;
	size_t n_addresses;
	/* addresses of ours that another host has: nothing is sent from them */
	const struct el_ip *refused;
	size_t n_refused;
};

struct way_input {
	const struct way_port *ports;
	uint32_t n_ports;
	struct el_routes routes;     /* of the configuration */
	struct el_routes advertised; /* by routers; where they are as good, those stand first */
	struct el_rtnl *rtnl;        /* to ask the kernel with */
};

/* The source that ways are asked for: a group's own address, or the first of its network; family 0:
 * it has none. */
const struct el_ip *ways_from(const struct el_model_group *group, uint8_t family);
/* And what its streams are sent from by a way; family 0: there is nothing. */
struct el_ip ways_source(const struct el_model_group *group, uint8_t family,
			 const struct el_route_hop *hop);

/* The prober's addresses: those of the ports and the groups' source addresses, but not their
 * subnets. Heap; NULL: no memory. */
struct el_ip *ways_addresses(const struct way_input *in, const struct el_conf *conf,
			     size_t *ret_count);

/* The ports of this name, a bit each: one, or none that is there. NULL: all. */
uint32_t ways_ports(const struct way_input *in, const char *name);

/* Whether a port has the address, and another host has it too. */
bool ways_is_refused(const struct way_port *port, const struct el_ip *ip);

/* Whether an address is another port's, and not this one's. */
bool ways_is_elsewhere(const struct way_input *in, struct el_port_idx port, const struct el_ip *ip);

#define WAYS_MAX 8 /* equally good ones that are told */

struct way {
	struct el_route_hop hop; /* its source is the one to send from */
	uint32_t mtu;
};

/* The ways to `to` of a group's streams: of several, any that answers will do, best the first. With
 * a port of its own, by that alone. With a source that some ports have, else that is on the
 * link of some, by configured routes only by theirs. How many, into ret_ways; 0: there is none, and
 * *ret_why is EL_MODEL_NO_ROUTE, or EL_MODEL_NO_SOURCE where the source is another port's than the
 * group's. */
size_t ways_find(const struct way_input *in, const struct el_model_group *group,
		 const struct el_ip *to, struct way ret_ways[WAYS_MAX],
		 enum el_model_status *ret_why);
