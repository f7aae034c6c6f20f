/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_port.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

static struct el_prefix host(const struct el_ip *ip)
{
	return (struct el_prefix){.ip = *ip, .len = ip->family == 4 ? 32 : 128};
}

static int add_address(struct net_port *p, const struct el_prefix *prefix)
{
	struct el_neigh_address *grown =
	    realloc(p->addresses, (p->n_addresses + 1) * sizeof(*p->addresses));

	if (!grown)
		return -ENOMEM;
	p->addresses = grown;
	grown[p->n_addresses++] = (struct el_neigh_address){
	    .prefix = *prefix,
	    .kernel = p->port->kernel_receives && el_kernel_owns(&p->kernel, &prefix->ip)};
	return 0;
}

/* What the kernel knows of the port's interface, where there is one; routes, unless NULL, too. */
static int ask_kernel(struct net_port *p, struct el_port_idx index, struct el_routes *routes,
		      struct el_error *err)
{
	int ret;

	if (!p->port->ifindex)
		return 0;
	ret = el_kernel_addresses(p->port->ifindex, &p->kernel, err);
	if (ret == 0 && routes)
		ret = el_kernel_routes(p->port->ifindex, index, routes, err);
	return ret;
}

static int find_addresses(struct net_port *p, struct el_port_idx index,
			  const struct el_conf_port *conf, struct el_routes *routes,
			  struct el_error *err)
{
	bool configured = conf->n_addresses > 0;
	const struct el_prefix *items = conf->addresses;
	size_t count = conf->n_addresses;
	int ret = ask_kernel(p, index, configured ? NULL : routes, err);

	if (ret == 0)
		ret = el_routes_add_conf(routes, index, conf, err);
	if (ret < 0)
		return ret;
	if (!configured) {
		items = p->kernel.items;
		count = p->kernel.count;
	}
	for (size_t i = 0; i < count; i++) {
		if (add_address(p, &items[i]) < 0)
			return el_error_set(err, -ENOMEM, "not enough memory");
	}
	if (!count)
		return el_error_set(err, -EADDRNOTAVAIL,
				    "port %s: it has no address; give it one with address=A/LEN",
				    p->port->name);
	return 0;
}

/* Whether a group's source address or network is on a port's link, and not there yet. */
static bool is_new_on_link(const struct net_port *p, const struct el_prefix *source)
{
	bool on_link = false;

	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct el_prefix *have = &p->addresses[i].prefix;
		if (el_ip_equal(&have->ip, &source->ip) &&
		    (!p->addresses[i].range || have->len <= source->len))
			return false;
		on_link |= !p->addresses[i].range && el_prefix_contains(have, &source->ip);
	}
	return on_link;
}

static int add_group_source(struct net_port *p, const struct el_prefix *source)
{
	if (!source->ip.family)
		return 0;
	p->own[p->n_own++] = *source;
	if (!is_new_on_link(p, source))
		return 0;
	if (add_address(p, source) < 0)
		return -ENOMEM;
	p->addresses[p->n_addresses - 1].range = net_port_is_range(source);
	return 0;
}

/* What answers may come to: the port's addresses and the groups' sources, which are ours on the
 * port whose network they are in. */
static int list_own(struct net_port *p, const struct el_conf *conf)
{
	int ret = 0;

	p->own = calloc(p->n_addresses + 4 * conf->n_groups + 1, sizeof(*p->own));
	if (!p->own)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_addresses; i++)
		p->own[p->n_own++] = host(&p->addresses[i].prefix.ip);
	for (size_t g = 0; g < conf->n_groups && ret == 0; g++) {
		const struct el_conf_group *c = &conf->groups[g];
		const struct el_prefix sources[] = {host(&c->src_ipv4), host(&c->src_ipv6),
						    c->src_subnet_ipv4, c->src_subnet_ipv6};
		for (size_t i = 0; i < RTE_DIM(sources) && ret == 0; i++)
			ret = add_group_source(p, &sources[i]);
	}
	return ret;
}

/* The broadcast address of an IPv4 network that has one (RFC 3021). */
static bool find_broadcast(const struct el_prefix *prefix, struct el_prefix *ret)
{
	if (prefix->ip.family != 4 || prefix->len == 0 || prefix->len > 30)
		return false;
	*ret = (struct el_prefix){
	    .ip = el_ip_from_v4(el_ip_v4(&prefix->ip) | htonl(UINT32_MAX >> prefix->len)),
	    .len = 32};
	return true;
}

/* Whose connections are none of ours: the kernel's addresses, also those of other interfaces, for
 * it answers for them on all, and whatever the device: some share their port with the kernel. */
static int list_silent(struct net_port *p, struct el_error *err)
{
	struct el_kernel_addresses kernel = {0};
	int ret = el_kernel_addresses(0, &kernel, err);

	if (ret < 0)
		return ret;
	p->silent = calloc(kernel.count + p->n_addresses + 1, sizeof(*p->silent));
	if (!p->silent)
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	for (size_t i = 0; ret == 0 && i < kernel.count; i++)
		p->silent[p->n_silent++] = host(&kernel.items[i].ip);
	for (size_t i = 0; ret == 0 && i < p->n_addresses; i++)
		p->n_silent += !p->addresses[i].range &&
			       find_broadcast(&p->addresses[i].prefix, &p->silent[p->n_silent]);
	free(kernel.items);
	return ret;
}

/* Who asks for an IPv6 address of ours asks a multicast group. */
static int let_requests_in(struct net_port *p, struct el_error *err)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		if (p->addresses[i].prefix.ip.family == 6 && !p->addresses[i].kernel)
			return el_port_receive_multicast(p->port, err);
	}
	return 0;
}

int net_port_find_addresses(struct net_port *p, struct el_port_idx index,
			    const struct el_conf *conf, struct el_routes *routes,
			    struct el_error *err)
{
	int ret = find_addresses(p, index, &conf->dataplane.ports[index.v], routes, err);

	if (ret < 0)
		return ret;
	if (list_own(p, conf) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory");
	ret = list_silent(p, err);
	return ret < 0 ? ret : let_requests_in(p, err);
}

void net_port_fini(struct net_port *p)
{
	el_port_close(p->port);
	free(p->kernel.items);
	free(p->addresses);
	free(p->own);
	free(p->silent);
}
