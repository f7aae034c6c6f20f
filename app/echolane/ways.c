/* SPDX-License-Identifier: BSD-3-Clause */
#include "ways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct el_ip *ways_from(const struct el_model_group *group, uint8_t family)
{
	const struct el_ip *subnet =
	    family == 4 ? &group->src_subnet_ipv4.ip : &group->src_subnet_ipv6.ip;

	return subnet->family ? subnet : family == 4 ? &group->src_ipv4 : &group->src_ipv6;
}

struct el_ip ways_source(const struct el_model_group *group, uint8_t family,
			 const struct el_route_hop *hop)
{
	const struct el_ip *from = ways_from(group, family);

	return from->family ? *from : hop->source;
}

uint32_t ways_ports(const struct way_input *in, const char *name)
{
	uint32_t ports = 0;

	for (uint32_t i = 0; name && i < in->n_ports; i++)
		ports |= (uint32_t)(strcmp(in->ports[i].name, name) == 0) << i;
	return name ? ports : UINT32_MAX;
}

struct el_ip *ways_addresses(const struct way_input *in, const struct el_conf *conf,
			     size_t *ret_count)
{
	size_t most = 4 * conf->n_groups, n = 0;
	struct el_ip *addresses;

	for (uint32_t i = 0; i < in->n_ports; i++)
		most += in->ports[i].n_addresses;
	addresses = calloc(most + 1, sizeof(*addresses));
	if (!addresses)
		return NULL;
	for (uint32_t i = 0; i < in->n_ports; i++) {
		for (size_t k = 0; k < in->ports[i].n_addresses; k++)
			addresses[n++] = in->ports[i].addresses[k].prefix.ip;
	}
	for (size_t g = 0; g < conf->n_groups; g++) {
		const struct el_conf_group *c = &conf->groups[g];
		const struct el_prefix sources[] = {el_prefix_of(&c->src_ipv4),
						    el_prefix_of(&c->src_ipv6), c->src_subnet_ipv4,
						    c->src_subnet_ipv6};

		for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
			if (sources[i].ip.family && !el_prefix_is_range(&sources[i]))
				addresses[n++] = sources[i].ip;
		}
	}
	*ret_count = n;
	return addresses;
}

/* ---- the kernel's ---- */

/* The port of an interface, of `ports`; n_ports: none that the kernel is asked about. */
static uint32_t port_of(const struct way_input *in, uint32_t ports, unsigned ifindex)
{
	uint32_t i = 0;

	while (i < in->n_ports &&
	       (!(ports >> i & 1) || !in->ports[i].ifindex || in->ports[i].ifindex != ifindex))
		i++;
	return i;
}

/* What the kernel would do with `q`, if that is to send it by one of `ports`. */
static bool ask(const struct way_input *in, uint32_t ports, const struct el_rtnl_query *q,
		struct way *ret)
{
	struct el_rtnl_route r;
	uint32_t port;

	if (el_rtnl_route(in->rtnl, q, &r) < 0)
		return false;
	port = port_of(in, ports, r.oif);
	if (port == in->n_ports)
		return false;
	/* what is behind a router has no answer for an address that ends at the link */
	if (el_ip_is_link_local(&r.source) && !el_ip_is_link_local(&q->to))
		r.source = (struct el_ip){0};
	*ret = (struct way){.hop = {.port = {(uint16_t)port},
				    .next_hop = r.via.family ? r.via : q->to,
				    .source = r.source},
			    .mtu = in->ports[port].mtu};
	if (r.mtu && r.mtu < ret->mtu)
		ret->mtu = r.mtu;
	return true;
}

/* A way by each of the ports, the best into *ret: where the kernel would take another interface. */
static bool ask_each(const struct way_input *in, uint32_t ports, struct el_rtnl_query *q,
		     struct way *ret)
{
	uint32_t metric, best_metric = 0;
	bool found = false;
	struct way way;

	for (uint32_t i = 0; i < in->n_ports; i++) {
		q->oif = in->ports[i].ifindex;
		if (!(ports >> i & 1) || !q->oif || !ask(in, 1U << i, q, &way) ||
		    el_rtnl_match(in->rtnl, q, &way.hop.len, &metric) < 0)
			continue;
		if (found && (way.hop.len < ret->hop.len ||
			      (way.hop.len == ret->hop.len && metric >= best_metric)))
			continue;
		*ret = way;
		best_metric = metric;
		found = true;
	}
	return found;
}

static bool kernel_way(const struct way_input *in, uint32_t ports, const struct el_ip *to,
		       const struct el_ip *from, struct way *ret)
{
	struct el_rtnl_query q = {.to = *to, .from = *from};

	if (ask(in, ports, &q, ret) || ask_each(in, ports, &q, ret))
		return true;
	if (!from->family)
		return false;
	/* of an IPv4 source that it does not have the kernel knows nothing, so no rules either */
	q = (struct el_rtnl_query){.to = *to};
	return ask(in, ports, &q, ret) || ask_each(in, ports, &q, ret);
}

/* ---- the configuration's ---- */

/* Whether a port has the address or is on its link. */
static bool is_at_home(const struct way_port *port, const struct el_ip *ip)
{
	for (size_t i = 0; i < port->n_addresses; i++) {
		if (!port->addresses[i].range && el_prefix_contains(&port->addresses[i].prefix, ip))
			return true;
	}
	return false;
}

bool ways_is_refused(const struct way_port *port, const struct el_ip *ip)
{
	for (size_t i = 0; i < port->n_refused; i++) {
		if (el_ip_equal(&port->refused[i], ip))
			return true;
	}
	return false;
}

/* Whether it is one of the port's addresses, also if it is not used as another host has it. */
static bool has_address(const struct way_port *port, const struct el_ip *ip)
{
	for (size_t i = 0; i < port->n_addresses; i++) {
		if (!port->addresses[i].range && el_ip_equal(&port->addresses[i].prefix.ip, ip))
			return true;
	}
	return ways_is_refused(port, ip);
}

bool ways_is_elsewhere(const struct way_input *in, struct el_port_idx port, const struct el_ip *ip)
{
	bool elsewhere = false;

	for (uint32_t i = 0; i < in->n_ports; i++)
		elsewhere |= i != port.v && has_address(&in->ports[i], ip);
	return elsewhere && !has_address(&in->ports[port.v], ip);
}

/* The ports that have the source; none has: those on whose link it is; none: all. A bit each. */
static uint32_t homes(const struct way_input *in, const struct el_ip *from)
{
	uint32_t have = 0, near = 0;

	for (uint32_t i = 0; from->family && i < in->n_ports; i++) {
		have |= (uint32_t)has_address(&in->ports[i], from) << i;
		near |= (uint32_t)is_at_home(&in->ports[i], from) << i;
	}
	return have ? have : near ? near : UINT32_MAX;
}

/* The source of a way whose route's is refused: the port's first address on the next hop's network,
 * else its first of the family, else none. */
static struct el_ip other_source(const struct way_port *port, const struct el_ip *next_hop)
{
	struct el_ip first = {0};

	for (size_t i = 0; i < port->n_addresses; i++) {
		const struct el_prefix *p = &port->addresses[i].prefix;

		if (port->addresses[i].range || p->ip.family != next_hop->family)
			continue;
		if (el_prefix_contains(p, next_hop))
			return p->ip;
		if (!first.family || el_ip_is_link_local(&first))
			first = p->ip;
	}
	return first;
}

/* Whether the same next hop is one of n others. */
static bool is_among(const struct el_route_hop *hop, const struct el_route_hop *others, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (others[i].port.v == hop->port.v &&
		    el_ip_equal(&others[i].next_hop, &hop->next_hop))
			return true;
	}
	return false;
}

/* Of the configuration and of advertisements those that are best. */
static size_t find_hops(const struct way_input *in, uint32_t ports, const struct el_ip *to,
			struct el_route_hop ret[WAYS_MAX])
{
	struct el_route_hop more[WAYS_MAX];
	size_t n = el_routes_lookup(&in->routes, to, ports, ret, WAYS_MAX);
	size_t n_more = el_routes_lookup(&in->advertised, to, ports, more, WAYS_MAX);

	if (n_more && n && more[0].len < ret[0].len)
		return n;
	if (n_more && n && more[0].len > ret[0].len)
		n = 0;
	for (size_t i = 0; i < n_more && n < WAYS_MAX; i++) {
		if (!is_among(&more[i], ret, n))
			ret[n++] = more[i];
	}
	return n;
}

static size_t configured_ways(const struct way_input *in, uint32_t ports, const struct el_ip *to,
			      struct way ret[WAYS_MAX])
{
	struct el_route_hop hops[WAYS_MAX];
	size_t n = find_hops(in, ports, to, hops);

	for (size_t i = 0; i < n; i++) {
		const struct way_port *port = &in->ports[hops[i].port.v];

		if (ways_is_refused(port, &hops[i].source))
			hops[i].source = other_source(port, &hops[i].next_hop);
		ret[i] = (struct way){.hop = hops[i], .mtu = port->mtu};
		if (to->family == 6 && port->mtu_v6 && port->mtu_v6 < port->mtu)
			ret[i].mtu = port->mtu_v6;
	}
	return n;
}

/* ---- both ---- */

/* The length of the prefix by which the kernel goes this way. */
static uint8_t prefix_len(const struct way_input *in, const struct el_ip *to, const struct way *way)
{
	const struct el_rtnl_query q = {.to = *to, .oif = in->ports[way->hop.port.v].ifindex};
	uint32_t metric;
	uint8_t len;

	return el_rtnl_match(in->rtnl, &q, &len, &metric) == 0 ? len : 0;
}

size_t ways_find(const struct way_input *in, const struct el_model_group *group,
		 const struct el_ip *to, struct way ret_ways[WAYS_MAX],
		 enum el_model_status *ret_why)
{
	const struct el_ip *from = ways_from(group, to->family);
	uint32_t ports = ways_ports(in, group->port), at_home = homes(in, from) & ports;
	size_t n = configured_ways(in, at_home, to, ret_ways);
	bool asks = false;
	struct way kernel;

	*ret_why = ports && !at_home ? EL_MODEL_NO_SOURCE : EL_MODEL_NO_ROUTE;
	for (uint32_t i = 0; i < in->n_ports && at_home; i++)
		asks |= in->ports[i].ifindex != 0;
	if (!asks || !kernel_way(in, ports, to, from, &kernel))
		return n;
	if (n && prefix_len(in, to, &kernel) <= ret_ways[0].hop.len)
		return n;
	ret_ways[0] = kernel;
	return 1;
}
