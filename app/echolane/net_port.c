/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ticks.h"
#include "network_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- addresses ---- */

int net_kernel_read(struct net_kernel *k)
{
	struct el_rtnl_address *addresses;
	size_t n;
	int ret = el_rtnl_addresses(k->rtnl, 0, &addresses, &n);

	if (ret < 0)
		return ret;
	free(k->addresses);
	k->addresses = addresses;
	k->n_addresses = n;
	return 0;
}

/* Whether the kernel answers for the address on the port's interface, where it is untagged: on
 * VLANs it has other interfaces. */
static bool kernel_answers(const struct net_port *p, const struct net_kernel *k,
			   const struct el_ip *ip)
{
	if (el_conf_port_vlan(p->conf))
		return false;
	for (size_t i = 0; p->port->kernel_receives && i < k->n_addresses; i++) {
		const struct el_rtnl_address *a = &k->addresses[i];

		if (a->ifindex == p->port->ifindex && !a->tentative &&
		    el_ip_equal(&a->prefix.ip, ip))
			return true;
	}
	return false;
}

static struct el_neigh_address address_of(const struct net_port *p, const struct net_kernel *k,
					  const struct el_prefix *prefix)
{
	bool kernel = kernel_answers(p, k, &prefix->ip);

	/* the kernel has checked those of its own */
	return (struct el_neigh_address){
	    .prefix = *prefix, .kernel = kernel, .check = !kernel && !p->follows && p->conf->dad};
}

/* ---- addresses that another host has ---- */

bool net_port_is_refused(const struct net_port *p, const struct el_ip *ip)
{
	for (size_t i = 0; i < p->n_refused; i++) {
		if (el_ip_equal(&p->refused[i], ip))
			return true;
	}
	return false;
}

bool net_port_refuse(struct net_port *p, const struct el_ip *ip, bool refused)
{
	struct el_ip *more;
	size_t i = 0;

	if (net_port_is_refused(p, ip) == refused)
		return false;
	if (refused) {
		more = realloc(p->refused, (p->n_refused + 1) * sizeof(*more));
		if (!more)
			return false; /* it is asked for again */
		p->refused = more;
		p->refused[p->n_refused++] = *ip;
		return true;
	}
	while (!el_ip_equal(&p->refused[i], ip))
		i++;
	p->refused[i] = p->refused[--p->n_refused];
	return true;
}

void net_port_forget_refused(struct net_port *p, const struct el_neigh_address *addresses, size_t n)
{
	size_t kept = 0, k;

	for (size_t i = 0; i < p->n_refused; i++) {
		for (k = 0; k < n && !el_ip_equal(&addresses[k].prefix.ip, &p->refused[i]); k++)
			;
		if (k < n)
			p->refused[kept++] = p->refused[i];
	}
	p->n_refused = kept;
}

/* The MTU of a link on a device with this one. */
static uint16_t mtu_of(const struct net_port *p, uint32_t mtu)
{
	if (mtu > p->port->mtu)
		mtu = p->port->mtu;
	return (uint16_t)(p->conf->mtu && p->conf->mtu < mtu ? p->conf->mtu : mtu);
}

void net_port_init(struct net_port *p, struct el_port *port, const struct el_conf_port *conf,
		   uint16_t first, bool follows, uint64_t now_ns)
{
	p->port = port;
	p->conf = conf;
	p->first = first;
	p->follows = port->ifindex && follows && !conf->accept_ra;
	if (conf->accept_ra)
		el_ra_init(&p->ra, port->mac, el_conf_port_vlan(conf), now_ns);
	p->mtu = mtu_of(p, port->mtu);
	p->link =
	    (struct port_link){.up = el_port_is_up(port), .told_down = el_port_link_downs(port)};
	p->link.was_up = p->link.up || el_port_link_is_known(port);
	p->link.told = p->link.up; /* workers begin with ports that are */
	for (int d = 0; d < EL_DIRECTIONS; d++)
		el_conservation_init(&p->law.ways[d].conservation, port->slots[d], el_raw_ns());
}

static bool is_configured(const struct net_port *p, const struct el_ip *ip)
{
	for (size_t i = 0; i < p->conf->n_addresses; i++) {
		if (el_ip_equal(&p->conf->addresses[i].ip, ip))
			return true;
	}
	return false;
}

/* At most `k->n_addresses`, or those of the configuration and of advertisements, into `ret`; how
 * many. */
static size_t collect_addresses(const struct net_port *p, const struct net_kernel *k,
				struct el_neigh_address *ret)
{
	size_t n = 0;

	for (size_t i = 0; !p->follows && i < p->conf->n_addresses; i++) {
		if (!net_port_is_refused(p, &p->conf->addresses[i].ip))
			ret[n++] = address_of(p, k, &p->conf->addresses[i]);
	}
	for (size_t i = 0; i < p->n_advertised; i++) {
		const struct el_ip *ip = &p->advertised[i].ip;

		if (!net_port_is_refused(p, ip) && !is_configured(p, ip))
			ret[n++] = address_of(p, k, &p->advertised[i]);
	}
	for (size_t i = 0; p->follows && i < k->n_addresses; i++) {
		const struct el_rtnl_address *a = &k->addresses[i];

		if (a->ifindex == p->port->ifindex && !a->tentative)
			ret[n++] = address_of(p, k, &a->prefix);
	}
	return n;
}

static bool are_equal(const struct el_neigh_address *a, size_t n_a,
		      const struct el_neigh_address *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++) {
		if (!el_ip_equal(&a[i].prefix.ip, &b[i].prefix.ip) ||
		    a[i].prefix.len != b[i].prefix.len || a[i].kernel != b[i].kernel ||
		    a[i].range != b[i].range)
			return false;
	}
	return true;
}

/* What the driver was told of the MTU at the start is the most. */
static void refresh_link(struct net_port *p, const struct net_kernel *k, uint16_t *ret_mtu)
{
	struct el_rtnl_link link;
	int ret;

	*ret_mtu = p->mtu;
	if (!p->port->ifindex)
		return;
	ret = el_rtnl_link(k->rtnl, NULL, p->port->ifindex, &link);
	if (ret == 0)
		*ret_mtu = mtu_of(p, link.mtu);
	else if (ret == -ENODEV)
		ret = el_rtnl_link(k->rtnl, p->port->interface, 0, &link);
	/* an index may be given again, too */
	p->replaced = ret == 0 && link.enabled &&
		      (link.ifindex != p->port->ifindex ||
		       memcmp(link.mac, p->port->mac, sizeof(link.mac)) != 0);
}

int net_port_refresh(struct net_port *p, const struct net_kernel *k, uint64_t now_ns,
		     bool *ret_changed)
{
	size_t most = p->follows ? k->n_addresses : p->conf->n_addresses + EL_RA_PREFIXES_MAX, n;
	struct el_neigh_address *addresses = calloc(most + 1, sizeof(*addresses));
	uint16_t mtu;

	if (!addresses)
		return -ENOMEM;
	refresh_link(p, k, &mtu);
	if (p->conf->accept_ra)
		p->n_advertised = el_ra_addresses(&p->ra, now_ns, p->advertised);
	n = collect_addresses(p, k, addresses);
	*ret_changed = mtu != p->mtu || !are_equal(addresses, n, p->addresses, p->n_addresses);
	free(p->addresses);
	p->addresses = addresses;
	p->n_addresses = n;
	p->mtu = mtu;
	return 0;
}

void net_port_name(const struct net_port *p, char *buf, size_t size)
{
	struct el_str s;

	el_str_init(&s, buf, size);
	el_str_add(&s, p->conf->name);
}

const char *net_port_addresses_text(const struct net_port *p, char *buf, size_t size)
{
	char text[EL_IP_STRLEN];
	struct el_str s;

	el_str_init(&s, buf, size);
	for (size_t i = 0; i < p->n_addresses; i++) {
		el_str_add(&s, i ? ", " : "");
		el_str_add(&s, el_ip_format(&p->addresses[i].prefix.ip, text));
	}
	return p->n_addresses ? buf : "none";
}

/* ---- what is ours ---- */

bool net_port_add_source(struct el_neigh_address *addresses, size_t n,
			 const struct el_prefix *source)
{
	bool on_link = false;

	for (size_t i = 0; i < n; i++) {
		const struct el_prefix *have = &addresses[i].prefix;
		if (el_ip_equal(&have->ip, &source->ip) &&
		    (!addresses[i].range || have->len <= source->len))
			return false;
		on_link |= !addresses[i].range && el_prefix_contains(have, &source->ip);
	}
	if (on_link)
		addresses[n] = (struct el_neigh_address){.prefix = *source,
							 .range = el_prefix_is_range(source)};
	return on_link;
}

/* Whether an address is on a network of the link. */
static bool is_home(const struct net_port *p, const struct el_ip *ip)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		if (el_prefix_contains(&p->addresses[i].prefix, ip))
			return true;
	}
	return false;
}

/* Adds what is ours; those of the link's networks are in front. */
static void list_prefix(const struct net_port *p, const struct el_prefix *prefix,
			struct net_lists *lists)
{
	struct el_prefix *place = &lists->own[lists->n_own++];

	*place = *prefix;
	if (!is_home(p, &prefix->ip))
		return;
	*place = lists->own[lists->n_home];
	lists->own[lists->n_home++] = *prefix;
}

/* Answers may come in by another port than its own; claims: the address is asked for here. */
static void add_source(const struct net_port *p, struct el_port_idx index,
		       const struct net_kernel *k, const struct plan_source *source, bool claims,
		       struct net_own *own)
{
	struct el_neigh_address *new = &own->addresses[own->n_addresses];
	const struct el_prefix *prefix = &source->prefix;

	if (!net_port_is_refused(p, &prefix->ip))
		list_prefix(p, prefix, own->lists);
	if (!claims || !(source->ports >> index.v & 1) ||
	    !net_port_add_source(own->addresses, own->n_addresses, prefix))
		return;
	new->kernel = kernel_answers(p, k, &prefix->ip);
	new->check = !new->kernel && !new->range && p->conf->dad;
	own->n_addresses++;
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
static void list_silent(const struct net_port *p, const struct net_kernel *k,
			struct net_lists *lists)
{
	for (size_t i = 0; i < k->n_addresses; i++)
		lists->silent[lists->n_silent++] = el_prefix_of(&k->addresses[i].prefix.ip);
	for (size_t i = 0; i < p->n_addresses; i++)
		lists->n_silent +=
		    find_broadcast(&p->addresses[i].prefix, &lists->silent[lists->n_silent]);
}

static struct net_lists *lists_create(size_t n_own, size_t n_silent)
{
	struct net_lists *l = calloc(1, sizeof(*l) + (n_own + n_silent) * sizeof(l->items[0]));

	if (!l)
		return NULL;
	l->own = l->items;
	l->silent = l->items + n_own;
	return l;
}

int net_port_list_own(const struct net_port *p, struct el_port_idx index,
		      const struct network_plan *plans, const struct net_kernel *k,
		      struct net_own *ret_own)
{
	size_t n_own = p->n_addresses,
	       n_addresses = p->n_addresses + p->conf->n_addresses + EL_RA_PREFIXES_MAX;
	struct net_own own = {0};

	for (const struct network_plan *plan = plans; plan; plan = plan->next) {
		n_own += plan->n_sources + plan->view->ports[index.v].n_addresses;
		n_addresses += plan->n_sources;
	}
	own.addresses = calloc(n_addresses + 1, sizeof(*own.addresses));
	own.lists = lists_create(n_own, k->n_addresses + p->n_addresses);
	if (!own.addresses || !own.lists) {
		free(own.addresses);
		free(own.lists);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_addresses; i++) {
		own.addresses[own.n_addresses++] = p->addresses[i];
		own.lists->own[own.lists->n_own++] = el_prefix_of(&p->addresses[i].prefix.ip);
		own.lists->n_home++;
	}
	own.lists->n_pinged = p->conf->ping ? own.lists->n_own : 0;
	/* they are asked for again */
	for (size_t i = 0; i < p->conf->n_addresses; i++) {
		if (net_port_is_refused(p, &p->conf->addresses[i].ip))
			own.addresses[own.n_addresses++] = address_of(p, k, &p->conf->addresses[i]);
	}
	for (size_t i = 0; i < p->n_advertised; i++) {
		const struct el_ip *ip = &p->advertised[i].ip;

		if (net_port_is_refused(p, ip) && !is_configured(p, ip))
			own.addresses[own.n_addresses++] = address_of(p, k, &p->advertised[i]);
	}
	for (const struct network_plan *plan = plans; plan; plan = plan->next) {
		const struct way_port *then = &plan->view->ports[index.v];

		for (size_t i = 0; i < plan->n_sources; i++)
			add_source(
			    p, index, k, &plan->sources[i],
			    !ways_is_elsewhere(&plan->ways, index, &plan->sources[i].prefix.ip),
			    &own);
		/* answers to what was sent from an address that is gone since */
		if (are_equal(then->addresses, then->n_addresses, p->addresses, p->n_addresses))
			continue;
		for (size_t i = 0; i < then->n_addresses; i++) {
			const struct el_ip *ip = &then->addresses[i].prefix.ip;

			if (!net_port_is_refused(p, ip))
				own.lists->own[own.lists->n_own++] = el_prefix_of(ip);
		}
	}
	list_silent(p, k, own.lists);
	*ret_own = own;
	return 0;
}

/* Who asks for an IPv6 address of ours asks a multicast group. */
int net_port_let_requests_in(struct net_port *p, const struct net_own *own, struct el_error *err)
{
	if (p->conf->accept_ra) /* routers tell all nodes */
		return el_port_receive_multicast(p->port, err);
	for (size_t i = 0; i < own->n_addresses; i++) {
		if (own->addresses[i].prefix.ip.family == 6 && !own->addresses[i].kernel)
			return el_port_receive_multicast(p->port, err);
	}
	return 0;
}

void net_port_fini(struct net_port *p)
{
	free(p->addresses);
	free(p->refused);
	free(p->lists);
	free(p->old_lists);
}
