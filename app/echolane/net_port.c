/* SPDX-License-Identifier: BSD-3-Clause */
#include "network_private.h"

#include <errno.h>
#include <stdlib.h>

static struct el_prefix host(const struct el_ip *ip)
{
	return (struct el_prefix){.ip = *ip, .len = ip->family == 4 ? 32 : 128};
}

static struct el_neigh_address address_of(const struct net_port *p, const struct el_prefix *prefix)
{
	return (struct el_neigh_address){.prefix = *prefix,
					 .kernel = p->port->kernel_receives &&
						   el_kernel_owns(&p->kernel, &prefix->ip)};
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
	p->addresses = calloc(count + 1, sizeof(*p->addresses));
	if (!p->addresses)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (size_t i = 0; i < count; i++)
		p->addresses[p->n_addresses++] = address_of(p, &items[i]);
	if (!count)
		return el_error_set(err, -EADDRNOTAVAIL,
				    "port %s: it has no address; give it one with address=A/LEN",
				    p->port->name);
	return 0;
}

/* Whether a group's source address or network is on the port's link, and not there yet. */
static bool is_new_on_link(const struct net_own *own, const struct el_prefix *source)
{
	bool on_link = false;

	for (size_t i = 0; i < own->n_addresses; i++) {
		const struct el_prefix *have = &own->addresses[i].prefix;
		if (el_ip_equal(&have->ip, &source->ip) &&
		    (!own->addresses[i].range || have->len <= source->len))
			return false;
		on_link |= !own->addresses[i].range && el_prefix_contains(have, &source->ip);
	}
	return on_link;
}

static void add_source(const struct net_port *p, const struct el_prefix *source,
		       struct net_own *own)
{
	own->own[own->n_own++] = *source;
	if (!is_new_on_link(own, source))
		return;
	own->addresses[own->n_addresses] = address_of(p, source);
	own->addresses[own->n_addresses++].range = net_port_is_range(source);
}

int net_port_list_own(const struct net_port *p, const struct network_plan *plans,
		      struct net_own *ret_own)
{
	size_t most = p->n_addresses + 1;
	struct net_own own = {0};

	for (const struct network_plan *plan = plans; plan; plan = plan->next)
		most += plan->n_sources;
	own.addresses = calloc(most, sizeof(*own.addresses));
	own.own = calloc(most, sizeof(*own.own));
	if (!own.addresses || !own.own) {
		free(own.addresses);
		free(own.own);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_addresses; i++) {
		own.addresses[own.n_addresses++] = p->addresses[i];
		own.own[own.n_own++] = host(&p->addresses[i].prefix.ip);
	}
	for (const struct network_plan *plan = plans; plan; plan = plan->next) {
		for (size_t i = 0; i < plan->n_sources; i++)
			add_source(p, &plan->sources[i], &own);
	}
	*ret_own = own;
	return 0;
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
int net_port_let_requests_in(struct net_port *p, const struct net_own *own, struct el_error *err)
{
	for (size_t i = 0; i < own->n_addresses; i++) {
		if (own->addresses[i].prefix.ip.family == 6 && !own->addresses[i].kernel)
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
	return list_silent(p, err);
}

void net_port_fini(struct net_port *p)
{
	el_port_close(p->port);
	free(p->kernel.items);
	free(p->addresses);
	free(p->own);
	free(p->old_own);
	free(p->silent);
}
