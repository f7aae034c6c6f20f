/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops and routes for those who look inside. */
#include <string.h>

#include "network_private.h"

uint64_t network_changes(const struct network *n)
{
	return n->n_changes;
}

static void list_neighbours(const struct network *n, struct el_network_facts *f)
{
	static const char *const states[] = {[EL_NEIGH_PENDING] = "pending",
					     [EL_NEIGH_READY] = "ready",
					     [EL_NEIGH_FAILED] = "failed"};
	struct el_neigh entry;

	for (uint32_t i = 0; i < n->n_hops; i++) {
		struct el_neighbour_fact *fact = &f->neighbours[f->n_neighbours];

		if (el_neigh_get(n->neigh, (struct el_next_hop_idx){(uint16_t)i}, &entry) < 0)
			continue;
		*fact = (struct el_neighbour_fact){.ip = entry.ip,
						   .state = states[entry.state],
						   .port = entry.port.v,
						   .plans = n->users[i],
						   .has_mac = entry.state == EL_NEIGH_READY};
		memcpy(fact->mac, entry.mac, sizeof(fact->mac));
		f->n_neighbours++;
	}
}

static void list(const struct el_routes *routes, bool is_advertised, struct el_network_facts *f)
{
	for (size_t i = 0; i < routes->count; i++) {
		const struct el_route *r = &routes->items[i];

		f->routes[f->n_routes++] = (struct el_route_fact){.port = r->port.v,
								  .to = r->to,
								  .via = r->via,
								  .source = r->source,
								  .is_advertised = is_advertised};
	}
}

static void list_routes(const struct network *n, const struct el_routes *advertised,
			struct el_network_facts *f)
{
	list(&n->compile.routes, false, f);
	list(advertised, true, f);
	for (uint16_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].follows)
			f->routes[f->n_routes++] =
			    (struct el_route_fact){.port = i, .is_kernel = true};
	}
}

struct el_network_facts *network_facts(const struct network *n)
{
	struct el_routes advertised = {0};
	struct el_network_facts *f;

	if (advertised_routes(n, &advertised) < 0)
		return NULL;
	f = el_network_facts_create(
	    n->n_hops, (uint32_t)(n->compile.routes.count + advertised.count + n->n_ports));
	if (!f) {
		el_routes_fini(&advertised);
		return NULL;
	}
	for (uint32_t i = 0; i < n->n_ports; i++)
		net_port_name(&n->ports[i], f->ports[i], sizeof(f->ports[i]));
	list_neighbours(n, f);
	list_routes(n, &advertised, f);
	el_routes_fini(&advertised);
	return f;
}

_Static_assert(EL_WORKER_QUEUES_MAX <= EL_FACTS_PORTS_MAX, "a name for each port");
