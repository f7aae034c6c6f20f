/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry_network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "el_neigh.h"
#include "el_rtnl.h"

#define DEFAULT_MTU 1500

/* A port as it would be. */
struct dry_port {
	const struct el_conf_port *conf;
	struct el_rtnl_link link; /* the interface that it would be on; ifindex 0: none is known */
	uint16_t mtu;
	bool unknown; /* it has no addresses that can be known here */
};

struct dry_network {
	struct el_rtnl *rtnl;
	struct dry_port *ports;
	size_t n_ports;
	struct el_routes routes;        /* of the configuration */
	struct el_rtnl_address *kernel; /* of all interfaces */
	size_t n_kernel;
	struct el_ip *addresses;
	size_t n_addresses;
	void (*warn)(void *ctx, const char *sentence);
	void *warn_ctx;
};

static bool is_set(const struct el_ip *ip)
{
	return ip->family != 0;
}

/* ---- ports ---- */

/* The interface of its device, if it is on one, and this machine has that. */
static int find_link(struct dry_network *n, struct dry_port *p, struct el_error *err)
{
	struct el_device device;
	char name[IFNAMSIZ], text[256];
	int ret = el_device_parse(p->conf->device, &device, err);

	if (ret < 0)
		return ret;
	if (!el_device_interface(&device, name)) {
		snprintf(text, sizeof(text),
			 "port %s: it has no address; give it one with address=A/LEN",
			 p->conf->name);
		if (p->conf->n_addresses == 0)
			n->warn(n->warn_ctx, text);
		return 0;
	}
	ret = el_rtnl_link(n->rtnl, name, 0, &p->link);
	if (ret == -ENODEV) /* which is said of the port itself */
		return 0;
	return ret < 0 ? el_error_set(err, ret, "interface %s can't be looked at: %s", name,
				      strerror(-ret))
		       : 0;
}

static void warn_of_link(const struct dry_network *n, const struct dry_port *p)
{
	char text[256];

	if (!p->link.up) {
		snprintf(text, sizeof(text),
			 "port %s: the link of %s is down: nothing is sent there until it is up",
			 p->conf->name, p->link.name);
		n->warn(n->warn_ctx, text);
	}
	if (p->conf->mtu > p->link.mtu) {
		snprintf(text, sizeof(text),
			 "port %s: an MTU of %u is more than the %u of interface %s", p->conf->name,
			 p->conf->mtu, p->link.mtu, p->link.name);
		n->warn(n->warn_ctx, text);
	}
}

static int look_at_port(struct dry_network *n, struct dry_port *p, struct el_error *err)
{
	struct el_port_idx index = {(uint16_t)(p - n->ports)};
	uint32_t mtu = DEFAULT_MTU;
	int ret = find_link(n, p, err);

	if (ret == 0)
		ret = el_routes_add_conf(&n->routes, index, p->conf, err);
	if (ret < 0)
		return ret;
	if (p->link.ifindex) {
		warn_of_link(n, p);
		mtu = p->link.mtu < UINT16_MAX ? p->link.mtu : UINT16_MAX;
	}
	if (p->conf->mtu && (p->conf->mtu < mtu || !p->link.ifindex))
		mtu = p->conf->mtu;
	p->mtu = (uint16_t)mtu;
	p->unknown = !p->link.ifindex && p->conf->n_addresses == 0;
	return 0;
}

/* ---- addresses ---- */

static void add_address(struct dry_network *n, const struct el_ip *ip)
{
	if (is_set(ip))
		n->addresses[n->n_addresses++] = *ip;
}

static int list_addresses(struct dry_network *n, const struct el_conf *conf, struct el_error *err)
{
	size_t most = 2 * conf->n_groups + n->n_kernel + 1;

	for (size_t i = 0; i < n->n_ports; i++)
		most += n->ports[i].conf->n_addresses;
	n->addresses = calloc(most, sizeof(*n->addresses));
	if (!n->addresses)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (size_t i = 0; i < n->n_ports; i++) {
		const struct dry_port *p = &n->ports[i];

		for (size_t k = 0; k < p->conf->n_addresses; k++)
			add_address(n, &p->conf->addresses[k].ip);
		for (size_t k = 0; k < n->n_kernel && p->conf->n_addresses == 0; k++)
			if (n->kernel[k].ifindex == p->link.ifindex)
				add_address(n, &n->kernel[k].prefix.ip);
	}
	for (size_t g = 0; g < conf->n_groups; g++) {
		add_address(n, &conf->groups[g].src_ipv4);
		add_address(n, &conf->groups[g].src_ipv6);
	}
	return 0;
}

const struct el_ip *dry_network_addresses(const struct dry_network *n, size_t *ret_count)
{
	*ret_count = n->n_addresses;
	return n->addresses;
}

/* ---- create and destroy ---- */

static int look(struct dry_network *n, const struct el_conf *conf, struct el_error *err)
{
	int ret = el_rtnl_open(&n->rtnl, err);

	if (ret < 0)
		return ret;
	ret = el_rtnl_addresses(n->rtnl, 0, &n->kernel, &n->n_kernel);
	if (ret < 0)
		return el_error_set(err, ret, "the kernel's addresses can't be read: %s",
				    strerror(-ret));
	n->ports = calloc(conf->dataplane.n_ports, sizeof(*n->ports));
	if (!n->ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	n->n_ports = conf->dataplane.n_ports;
	for (size_t i = 0; i < n->n_ports && ret == 0; i++) {
		n->ports[i].conf = &conf->dataplane.ports[i];
		ret = look_at_port(n, &n->ports[i], err);
	}
	return ret < 0 ? ret : list_addresses(n, conf, err);
}

int dry_network_create(const struct el_conf *conf, void (*warn)(void *ctx, const char *sentence),
		       void *warn_ctx, struct dry_network **ret, struct el_error *err)
{
	struct dry_network *n = calloc(1, sizeof(*n));
	int code;

	if (!n)
		return el_error_set(err, -ENOMEM, "not enough memory");
	n->warn = warn;
	n->warn_ctx = warn_ctx;
	code = look(n, conf, err);
	if (code < 0)
		dry_network_destroy(n);
	else
		*ret = n;
	return code;
}

void dry_network_destroy(struct dry_network *n)
{
	if (!n)
		return;
	el_rtnl_close(n->rtnl);
	el_routes_fini(&n->routes);
	free(n->ports);
	free(n->kernel);
	free(n->addresses);
	free(n);
}

/* ---- routes ---- */

/* The way that the kernel has by one of the ports that leave it to the kernel; NULL: none. Asked
 * where the configuration itself has none. */
static const struct dry_port *ask_kernel(struct dry_network *n, const struct el_ip *destination,
					 const struct el_ip *source, struct el_rtnl_route *ret)
{
	const struct dry_port *best = NULL;
	uint32_t best_metric = 0;
	uint8_t best_len = 0;

	for (size_t i = 0; i < n->n_ports; i++) {
		const struct dry_port *p = &n->ports[i];
		struct el_rtnl_query q = {.to = *destination, .oif = p->link.ifindex};
		struct el_rtnl_route route;
		uint32_t metric;
		uint8_t len;

		if (!p->link.ifindex || p->conf->n_addresses)
			continue;
		/* only from an address of the host itself can it be asked */
		for (size_t k = 0; k < n->n_kernel; k++)
			if (is_set(source) && el_ip_equal(&n->kernel[k].prefix.ip, source))
				q.from = *source;
		if (el_rtnl_route(n->rtnl, &q, &route) < 0 ||
		    el_rtnl_match(n->rtnl, &q, &len, &metric) < 0)
			continue;
		if (best && (len < best_len || (len == best_len && metric >= best_metric)))
			continue;
		best = p;
		best_len = len;
		best_metric = metric;
		*ret = route;
	}
	return best;
}

static bool is_any_unknown(const struct dry_network *n)
{
	for (size_t i = 0; i < n->n_ports; i++)
		if (n->ports[i].unknown)
			return true;
	return false;
}

/* From where: the group's own address or network, else what the route says. A link-local address is
 * no source for what is elsewhere. */
static struct el_ip choose_source(const struct el_ip *source, const struct el_prefix *subnet,
				  const struct el_ip *routed, const struct el_ip *destination)
{
	if (is_set(source))
		return *source;
	if (is_set(&subnet->ip))
		return subnet->ip;
	if (el_ip_is_link_local(routed) && !el_ip_is_link_local(destination))
		return (struct el_ip){0};
	return *routed;
}

struct el_plan_route dry_network_route(void *dry_network, const struct el_model_target *target,
				       const struct el_model_group *group,
				       const struct el_ip *destination)
{
	static const uint8_t any4[4] = {192, 0, 2, 1}; /* RFC 5737 */
	struct dry_network *n = dry_network;
	bool is_v4 = destination->family == 4;
	const struct el_ip *source = is_v4 ? &group->src_ipv4 : &group->src_ipv6;
	const struct el_prefix *subnet = is_v4 ? &group->src_subnet_ipv4 : &group->src_subnet_ipv6;
	struct el_plan_route route = {.status = EL_MODEL_NO_ROUTE};
	struct el_route_hop hop;
	struct el_rtnl_route way = {0};
	const struct dry_port *port;

	(void)target;
	if (el_route_lookup(n->routes.items, n->routes.count, destination, &hop) == 0) {
		port = &n->ports[hop.port.v];
		way.source = hop.source;
	} else {
		port = ask_kernel(n, destination, source, &way);
	}
	if (!port && is_any_unknown(n)) {
		way.source = (struct el_ip){.family = destination->family};
		memcpy(way.source.bytes, any4, sizeof(any4));
		port = &n->ports[0];
	}
	if (!port)
		return route;
	route.source = choose_source(source, subnet, &way.source, destination);
	route.status = is_set(&route.source) ? EL_MODEL_ACTIVE : EL_MODEL_NO_SOURCE;
	route.mtu = port->mtu;
	if (way.mtu && way.mtu < route.mtu)
		route.mtu = (uint16_t)way.mtu;
	return route;
}
