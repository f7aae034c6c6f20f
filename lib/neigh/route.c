/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_neigh.h"

#include <errno.h>
#include <stdlib.h>

size_t el_route_lookup(const struct el_route *routes, size_t n, const struct el_ip *dst,
		       uint32_t ports, struct el_route_hop *ret_hops, size_t max)
{
	const struct el_route *best = NULL;
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct el_route *r = &routes[i];

		if (r->port.v >= 32 || !(ports >> r->port.v & 1) ||
		    !el_prefix_contains(&r->to, dst))
			continue;
		if (best && r->to.len < best->to.len)
			continue;
		if (best && r->to.len > best->to.len)
			found = 0;
		best = r;
		if (found < max)
			ret_hops[found++] = (struct el_route_hop){
			    .port = r->port,
			    .next_hop = r->via.family ? r->via : *dst,
			    .source = r->source,
			    .len = r->to.len,
			};
	}
	return found;
}

int el_routes_add(struct el_routes *routes, const struct el_route *route)
{
	struct el_route *items = realloc(routes->items, (routes->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	routes->items = items;
	routes->items[routes->count++] = *route;
	return 0;
}

void el_routes_fini(struct el_routes *routes)
{
	free(routes->items);
	*routes = (struct el_routes){0};
}

struct el_ip el_route_source(const struct el_prefix *addresses, size_t n, const struct el_ip *to,
			     const struct el_ip *via)
{
	const struct el_ip *next_hop = via->family && !el_ip_is_link_local(via) ? via : to;
	struct el_ip first = {0};

	for (size_t i = 0; i < n; i++) {
		if (addresses[i].ip.family != next_hop->family)
			continue;
		if (el_prefix_contains(&addresses[i], next_hop))
			return addresses[i].ip;
		if (!first.family || el_ip_is_link_local(&first))
			first = addresses[i].ip;
	}
	return first;
}

static int add_via(struct el_routes *routes, struct el_port_idx port,
		   const struct el_conf_port *conf, const struct el_prefix *to,
		   const struct el_ip *via, struct el_error *err)
{
	char text[EL_IP_STRLEN];
	const struct el_route route = {
	    .port = port,
	    .to = el_prefix_network(to),
	    .via = *via,
	    .source = el_route_source(conf->addresses, conf->n_addresses, &to->ip, via),
	};

	if (!el_conf_port_on_link(conf, via))
		return el_error_set(err, -EINVAL,
				    "port %s: gateway %s is on no network of the port's addresses",
				    conf->name, el_ip_format(via, text));
	if (to->ip.family != via->family)
		return el_error_set(err, -EINVAL,
				    "port %s: gateway %s is of another family than its route",
				    conf->name, el_ip_format(via, text));
	return el_routes_add(routes, &route);
}

int el_routes_add_conf(struct el_routes *routes, struct el_port_idx port,
		       const struct el_conf_port *conf, struct el_error *err)
{
	size_t before = routes->count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->n_addresses; i++) {
		const struct el_route connected = {
		    .port = port,
		    .to = el_prefix_network(&conf->addresses[i]),
		    .source = conf->addresses[i].ip,
		};

		r = el_routes_add(routes, &connected);
	}
	for (size_t i = 0; r == 0 && i < conf->n_gateways; i++) {
		const struct el_prefix all = {.ip = {.family = conf->gateways[i].family}, .len = 0};

		r = add_via(routes, port, conf, &all, &conf->gateways[i], err);
	}
	for (size_t i = 0; r == 0 && i < conf->n_routes; i++)
		r = add_via(routes, port, conf, &conf->routes[i].to, &conf->routes[i].via, err);
	if (r < 0)
		routes->count = before;
	return r;
}
