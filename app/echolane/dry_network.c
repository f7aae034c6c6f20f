/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry_network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <net/if_arp.h>

#include "ways.h"

#define DEFAULT_MTU 1500

/* A port as it would be. */
struct dry_port {
	const struct el_conf_port *conf;
	struct el_rtnl_link link; /* the interface that it would be on; ifindex 0: none is known */
	bool unknown;             /* it has no addresses that can be known here */
};

struct dry_network {
	struct el_rtnl *rtnl;
	struct dry_port *ports;
	size_t n_ports;
	struct way_port *way_ports;
	struct way_input ways;
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
	if (ret == 0 && p->link.type != ARPHRD_ETHER && p->link.type != ARPHRD_LOOPBACK)
		ret = -ENODEV;
	if (ret == -ENODEV) { /* which is said of the port itself */
		p->link = (struct el_rtnl_link){0};
		return 0;
	}
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

/* The addresses that the port would have. */
static int set_way_port(const struct dry_network *n, const struct dry_port *p, struct way_port *ret)
{
	const struct el_conf_port *conf = p->conf;
	struct el_neigh_address *addresses =
	    calloc(conf->n_addresses + n->n_kernel + 1, sizeof(*addresses));
	size_t count = 0;

	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_addresses; i++)
		addresses[count++].prefix = conf->addresses[i];
	for (size_t i = 0; i < n->n_kernel && !conf->n_addresses; i++) {
		if (n->kernel[i].ifindex == p->link.ifindex && !n->kernel[i].tentative)
			addresses[count++].prefix = n->kernel[i].prefix;
	}
	ret->ifindex = conf->n_addresses ? 0 : p->link.ifindex;
	ret->addresses = addresses;
	ret->n_addresses = count;
	return 0;
}

static int look_at_port(struct dry_network *n, struct dry_port *p, struct el_error *err)
{
	struct el_port_idx index = {(uint16_t)(p - n->ports)};
	uint32_t mtu = DEFAULT_MTU;
	int ret = find_link(n, p, err);

	if (ret == 0)
		ret = el_routes_add_conf(&n->ways.routes, index, p->conf, err);
	if (ret < 0)
		return ret;
	if (p->link.ifindex) {
		warn_of_link(n, p);
		mtu = p->link.mtu < UINT16_MAX ? p->link.mtu : UINT16_MAX;
	}
	if (p->conf->mtu && (p->conf->mtu < mtu || !p->link.ifindex))
		mtu = p->conf->mtu;
	n->way_ports[index.v].mtu = (uint16_t)mtu;
	p->unknown = !p->link.ifindex && p->conf->n_addresses == 0;
	return set_way_port(n, p, &n->way_ports[index.v]) < 0
		   ? el_error_set(err, -ENOMEM, "not enough memory")
		   : 0;
}

/* ---- addresses ---- */

static void add_address(struct dry_network *n, const struct el_ip *ip)
{
	if (is_set(ip))
		n->addresses[n->n_addresses++] = *ip;
}

static int list_addresses(struct dry_network *n, const struct el_conf *conf, struct el_error *err)
{
	size_t most = 2 * conf->n_groups + 1;

	for (size_t i = 0; i < n->n_ports; i++)
		most += n->way_ports[i].n_addresses;
	n->addresses = calloc(most, sizeof(*n->addresses));
	if (!n->addresses)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (size_t i = 0; i < n->n_ports; i++) {
		for (size_t k = 0; k < n->way_ports[i].n_addresses; k++)
			add_address(n, &n->way_ports[i].addresses[k].prefix.ip);
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
	n->way_ports = calloc(conf->dataplane.n_ports, sizeof(*n->way_ports));
	if (!n->ports || !n->way_ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	n->n_ports = conf->dataplane.n_ports;
	n->ways = (struct way_input){
	    .ports = n->way_ports, .n_ports = (uint32_t)n->n_ports, .rtnl = n->rtnl};
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
	el_routes_fini(&n->ways.routes);
	for (size_t i = 0; i < n->n_ports; i++)
		free((void *)(uintptr_t)n->way_ports[i].addresses);
	free(n->way_ports);
	free(n->ports);
	free(n->kernel);
	free(n->addresses);
	free(n);
}

/* ---- routes ---- */

static bool is_any_unknown(const struct dry_network *n)
{
	for (size_t i = 0; i < n->n_ports; i++)
		if (n->ports[i].unknown)
			return true;
	return false;
}

struct el_plan_route dry_network_route(void *dry_network, const struct el_model_target *target,
				       const struct el_model_group *group,
				       const struct el_ip *destination)
{
	static const uint8_t any4[4] = {192, 0, 2, 1}; /* RFC 5737 */
	struct dry_network *n = dry_network;
	uint8_t family = destination->family;
	struct el_plan_route route = {.status = EL_MODEL_NO_ROUTE};
	struct way ways[WAYS_MAX];

	(void)target;
	if (!ways_find(&n->ways, destination, ways_from(group, family), ways)) {
		if (!is_any_unknown(n))
			return route;
		ways[0] = (struct way){.hop.source.family = family, .mtu = n->way_ports[0].mtu};
		memcpy(ways[0].hop.source.bytes, any4, sizeof(any4));
	}
	route.source = ways_source(group, family, &ways[0].hop);
	route.status = is_set(&route.source) ? EL_MODEL_ACTIVE : EL_MODEL_NO_SOURCE;
	route.mtu = (uint16_t)ways[0].mtu;
	return route;
}
