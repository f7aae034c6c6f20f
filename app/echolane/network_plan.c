/* SPDX-License-Identifier: BSD-3-Clause */
/* The network as plans are made by it: as it was when the plan was ordered, and which ways streams
 * go then. All of it is for the thread that makes plans. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "network_private.h"

static int list_sources(struct network_plan *plan, const struct el_conf *conf)
{
	plan->sources = calloc(4 * conf->n_groups + 1, sizeof(*plan->sources));
	if (!plan->sources)
		return -ENOMEM;
	for (size_t g = 0; g < conf->n_groups; g++) {
		const struct el_conf_group *c = &conf->groups[g];
		uint32_t ports = ways_ports(&plan->ways, c->port);
		const struct el_prefix sources[] = {el_prefix_of(&c->src_ipv4),
						    el_prefix_of(&c->src_ipv6), c->src_subnet_ipv4,
						    c->src_subnet_ipv6};

		for (size_t i = 0; i < RTE_DIM(sources); i++) {
			if (sources[i].ip.family)
				plan->sources[plan->n_sources++] =
				    (struct plan_source){sources[i], ports};
		}
	}
	return 0;
}

/* The addresses that are ours on the link of each port. */
static int list_own(struct network_plan *plan)
{
	for (uint32_t i = 0; i < plan->view->n_ports; i++) {
		const struct way_port *port = &plan->view->ports[i];
		struct plan_own *own = &plan->own[i];

		own->items = calloc(port->n_addresses + plan->n_sources + 1, sizeof(*own->items));
		if (!own->items)
			return -ENOMEM;
		if (port->n_addresses)
			memcpy(own->items, port->addresses,
			       port->n_addresses * sizeof(*own->items));
		own->count = port->n_addresses;
		for (size_t k = 0; k < plan->n_sources; k++) {
			const struct plan_source *source = &plan->sources[k];
			struct el_port_idx index = {(uint16_t)i};

			if (source->ports >> i & 1 &&
			    !ways_is_elsewhere(&plan->ways, index, &source->prefix.ip))
				own->count +=
				    net_port_add_source(own->items, own->count, &source->prefix);
		}
	}
	return 0;
}

struct network_plan *network_plan_begin(struct network *n, struct network_view *view,
					const struct el_conf *conf)
{
	struct network_plan *plan = calloc(1, sizeof(*plan));
	struct network_compile *p = &n->compile;

	if (!plan) {
		network_view_free(view);
		return NULL;
	}
	plan->compile = p;
	plan->view = view;
	plan->ways = (struct way_input){.ports = view->ports,
					.n_ports = view->n_ports,
					.routes = p->routes,
					.advertised = view->advertised,
					.rtnl = p->rtnl};
	plan->addresses = ways_addresses(&plan->ways, conf, &plan->n_addresses);
	if (plan->addresses && list_sources(plan, conf) == 0 && list_own(plan) == 0)
		return plan;
	network_plan_free(plan);
	return NULL;
}

void network_plan_free(struct network_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_hops; i++)
		hops_give_back(plan->compile->hops, plan->hops[i].index);
	for (uint32_t i = 0; i < plan->view->n_ports; i++)
		free(plan->own[i].items);
	network_view_free(plan->view);
	free(plan->hops);
	free(plan->sources);
	free(plan->addresses);
	free(plan);
}

void network_view_free(struct network_view *view)
{
	if (!view)
		return;
	for (uint32_t i = 0; i < view->n_ports; i++) {
		free((void *)(uintptr_t)view->ports[i].addresses);
		free((void *)(uintptr_t)view->ports[i].refused);
	}
	el_routes_fini(&view->advertised);
	free(view);
}

/* What is taken of the network goes into the digest. */
static void digest(struct network_plan *plan, const void *what, size_t size)
{
	const struct el_siphash_key key = {plan->digest, 1};

	plan->digest = el_siphash(&key, what, size);
}

uint64_t network_plan_digest(const struct network_plan *plan)
{
	return plan->digest;
}

const struct el_ip *network_plan_addresses(const struct network_plan *plan, size_t *ret_count)
{
	*ret_count = plan->n_addresses;
	return plan->addresses;
}

void network_plan_report(const struct network_plan *plan)
{
	if (!plan->n_no_room)
		return;
	el_log(EL_LOG_ERROR, "network",
	       "%llu streams are not probed: there is no room for their next hops, of which %u are "
	       "the most (%u are this plan's, the others those of plans that are not over yet)",
	       (unsigned long long)plan->n_no_room, EL_NEXT_HOPS_MAX, (unsigned)plan->n_hops);
}

/* ---- ways ---- */

static int add_hop(struct network_plan *plan, const struct el_route_hop *hop,
		   struct el_next_hop_idx index)
{
	const struct plan_own *own = &plan->own[hop->port.v];
	int code = el_neigh_check(own->items, own->count, &hop->next_hop);

	if (code < 0)
		return code;
	if (plan->n_hops == plan->hops_capacity) {
		size_t capacity = plan->hops_capacity ? 2 * plan->hops_capacity : 16;
		struct plan_hop *hops = realloc(plan->hops, capacity * sizeof(*hops));

		if (!hops)
			return -ENOMEM;
		plan->hops = hops;
		plan->hops_capacity = capacity;
	}
	plan->hops[plan->n_hops++] =
	    (struct plan_hop){.index = index, .port = hop->port, .ip = hop->next_hop};
	plan->has_hop[index.v / 64] |= UINT64_C(1) << index.v % 64;
	return 0;
}

/* The next hop of a way, from now on one that the plan uses. */
static int use(struct network_plan *plan, const struct el_route_hop *hop,
	       struct el_next_hop_idx *ret_index)
{
	struct hops *hops = plan->compile->hops;
	struct el_next_hop_idx index;
	int code = hops_take(hops, hop->port, &hop->next_hop, &index);
	bool has;

	if (code < 0)
		return code;
	has = plan->has_hop[index.v / 64] >> index.v % 64 & 1;
	if (!has)
		code = add_hop(plan, hop, index);
	if (has || code < 0)
		hops_give_back(hops, index);
	if (code == 0)
		*ret_index = index;
	return code;
}

/* How good a next hop is: the more the better. */
static unsigned worth(const struct network_plan *plan, struct el_next_hop_idx index)
{
	static const uint8_t worths[] = {
	    [EL_NEIGH_FAILED] = 0, [EL_NEIGH_PENDING] = 1, [EL_NEIGH_READY] = 2};

	return worths[network_view_hop(plan->view, index)];
}

/* Of ways that are equally good, whose next hops the plan uses from now on, the first whose next
 * hop answers, else the first whose is waited for, else the first (as routers are chosen: RFC 4861
 * section 6.3.6); when that may be another, a new plan is wanted. *ret: which of the n. 0, or why
 * none can be had. */
static int choose(struct network_plan *plan, const struct way *ways, size_t n_ways, size_t *ret,
		  struct el_next_hop_idx *ret_index)
{
	struct el_next_hop_idx index = {0};
	unsigned best = 0;
	int ret_code = -EINVAL;

	for (size_t i = 0; i < n_ways; i++) {
		int code = use(plan, &ways[i].hop, &index);

		if (code < 0) {
			ret_code = ret_code == 0 ? 0 : code;
			continue;
		}
		if (n_ways > 1)
			plan->is_one_of_several[index.v / 64] |= UINT64_C(1) << index.v % 64;
		if (ret_code == 0 && worth(plan, index) <= best)
			continue;
		ret_code = 0;
		best = worth(plan, index);
		*ret = i;
		*ret_index = index;
	}
	return ret_code;
}

/* Which way a stream goes; EL_MODEL_ACTIVE, or why none. */
static enum el_model_status find_way(struct network_plan *plan, const struct el_model_group *group,
				     const struct el_ip *to, struct way *ret,
				     struct el_next_hop_idx *ret_hop)
{
	struct way ways[WAYS_MAX];
	enum el_model_status why;
	size_t n = ways_find(&plan->ways, group, to, ways, &why), which = 0;
	int code;

	if (!n)
		return why;
	/* control has to know of those that can stand in: then the plan is another */
	for (size_t i = 0; n > 1 && i < n; i++)
		digest(plan, &ways[i].hop.next_hop, sizeof(ways[i].hop.next_hop));
	code = choose(plan, ways, n, &which, ret_hop);
	*ret = ways[which];
	if (code < 0) {
		plan->n_no_room += code == -ENOSPC;
		return EL_MODEL_NO_NEXT_HOP;
	}
	return EL_MODEL_ACTIVE;
}

/* Whether the port of a way has no address left to send from, for other hosts have them. */
static bool all_are_refused(const struct way_port *port, uint8_t family)
{
	bool any = false;

	for (size_t i = 0; i < port->n_refused; i++)
		any |= port->refused[i].family == family;
	for (size_t i = 0; i < port->n_addresses; i++)
		any &= port->addresses[i].prefix.ip.family != family;
	return any;
}

struct el_plan_route network_route(void *network_plan, const struct el_model_target *target,
				   const struct el_model_group *group,
				   const struct el_ip *destination)
{
	struct network_plan *plan = network_plan;
	struct el_plan_route route = {.mtu = 0};
	struct way way = {.mtu = 0};

	(void)target;
	route.status = find_way(plan, group, destination, &way, &route.next_hop);
	if (route.status == EL_MODEL_ACTIVE) {
		route.source = ways_source(group, destination->family, &way.hop);
		if (route.source.family == 0)
			route.status = EL_MODEL_NO_SOURCE;
		else if (ways_is_refused(&plan->view->ports[way.hop.port.v], &route.source))
			route.status = EL_MODEL_DUPLICATE_ADDRESS;
	}
	if ((route.status == EL_MODEL_NO_SOURCE || route.status == EL_MODEL_NO_NEXT_HOP) &&
	    all_are_refused(&plan->view->ports[way.hop.port.v], destination->family))
		route.status = EL_MODEL_DUPLICATE_ADDRESS;
	if (route.status == EL_MODEL_ACTIVE) {
		steering_set_hop(plan->compile->steering, route.next_hop, way.hop.port);
		route.mtu = (uint16_t)way.mtu;
	} else {
		route.source = (struct el_ip){0};
	}
	way.hop.source = route.source;
	digest(plan, &way, sizeof(way));
	return route;
}

uint32_t network_place(void *network_plan, const struct el_slice *slice)
{
	const struct network_plan *plan = network_plan;

	return steering_worker(plan->compile->steering, slice);
}

void network_learn(struct network *n, const struct el_streams *streams)
{
	uint32_t count = steering_learn(n->compile.steering, streams);

	el_log(EL_LOG_INFO, "network",
	       "answers were forwarded between workers: %u streams are moved to where they come in",
	       count);
}
