/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ticks.h"
#include "network_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often a link is looked at: what is sent before it is seen to be down is lost. Some NICs'
 * drivers ask a firmware. */
#define INTERFACE_NS 10000000ULL
#define DEVICE_NS 100000000ULL

/* ---- opening ---- */

static int open_ports(struct network *n, const struct el_conf *conf, uint32_t n_workers,
		      const char *profile_dir, struct el_error *err)
{
	int ret = 0;

	for (uint16_t i = 0; ret == 0 && i < conf->dataplane.n_ports; i++) {
		const struct el_conf_port *port = &conf->dataplane.ports[i];
		ret = el_port_open(port, (uint16_t)n_workers, profile_dir, &n->ports[i].port, err);
		if (ret < 0)
			break;
		n->n_ports++;
		placement_add_port(n->placement, n->ports[i].port);
		port_law_init(&n->ports[i].law, n->ports[i].port, el_raw_ns());
		net_port_init(&n->ports[i], n->ports[i].port, port);
		ret = el_routes_add_conf(&n->routes, (struct el_port_idx){i}, port, err);
	}
	return ret;
}

/* ---- what the kernel says ---- */

static void say_addresses(const struct net_port *p, bool first)
{
	char text[512];

	if (!first)
		el_log(EL_LOG_INFO, "network", "port %s: addresses %s, MTU %u", p->port->name,
		       net_port_addresses_text(p, text, sizeof(text)), p->mtu);
	else if (!p->n_addresses)
		el_log(EL_LOG_WARNING, "network",
		       "port %s: %s has no address yet; nothing is sent there until it has one",
		       p->port->name, p->port->interface);
}

/* 0, or a negative errno: some of it is as before. */
static int refresh(struct network *n, bool first)
{
	int ret = net_kernel_read(&n->kernel);
	bool changed;

	for (uint32_t i = 0; ret == 0 && i < n->n_ports; i++) {
		ret = net_port_refresh(&n->ports[i], &n->kernel, &changed);
		if (ret == 0 && (changed || first))
			say_addresses(&n->ports[i], first);
	}
	/* the kernel's own, on any interface, are listed too */
	if (!first && ret == 0)
		neighbours_own_changed(n);
	return ret;
}

static int open_kernel(struct network *n, struct el_error *err)
{
	/* what changes from here on is heard of */
	int ret = el_rtnl_watch_open(&n->watch, err);

	if (ret == 0)
		ret = el_rtnl_open(&n->kernel.rtnl, err);
	if (ret == 0)
		ret = el_rtnl_open(&n->plan_rtnl, err);
	if (ret < 0)
		return ret;
	ret = refresh(n, true);
	if (ret < 0)
		return el_error_set(err, ret, "the kernel's addresses can't be read: %s",
				    strerror(-ret));
	for (uint32_t i = 0; i < n->n_ports; i++) {
		const struct net_port *p = &n->ports[i];

		if (!p->follows && !p->n_addresses)
			return el_error_set(err, -EADDRNOTAVAIL,
					    "port %s: it has no address; give it one with "
					    "address=A/LEN",
					    p->port->name);
	}
	return 0;
}

unsigned network_follow(struct network *n)
{
	unsigned what = n->missed;

	what |= el_rtnl_watch_read(n->watch);
	n->missed = 0;
	pthread_mutex_lock(&n->lock);
	if (what & ~(unsigned)EL_RTNL_ROUTES) {
		int ret = refresh(n, false);

		if (ret < 0) {
			el_log(EL_LOG_ERROR, "network", "the kernel's addresses can't be read: %s",
			       strerror(-ret));
			n->missed = what;
		}
	}
	if (n->hops_changed)
		what |= EL_RTNL_ROUTES;
	n->hops_changed = false;
	pthread_mutex_unlock(&n->lock);
	return what;
}

int network_open(const struct el_conf *conf, uint32_t n_workers, const char *profile_dir,
		 struct network **ret_network, struct el_error *err)
{
	struct network *n = calloc(1, sizeof(*n));
	struct timespec now;
	int ret;

	if (conf->dataplane.n_ports > EL_WORKER_QUEUES_MAX) {
		free(n);
		return el_error_set(err, -E2BIG, "%zu ports are configured, %d is the most",
				    conf->dataplane.n_ports, EL_WORKER_QUEUES_MAX);
	}
	if (!n || !(n->ports = calloc(conf->dataplane.n_ports, sizeof(*n->ports))) ||
	    !(n->placement = placement_create())) {
		free(n ? n->ports : NULL);
		free(n);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	n->now_ns = (uint64_t)now.tv_sec * EL_NS_PER_S + (uint64_t)now.tv_nsec;
	pthread_mutex_init(&n->lock, NULL);
	ret = open_ports(n, conf, n_workers, profile_dir, err);
	if (ret == 0)
		ret = open_kernel(n, err);
	if (ret == 0)
		ret = neighbours_init(n, conf, err);
	if (ret < 0) {
		network_close(n);
		return ret;
	}
	*ret_network = n;
	return 0;
}

void network_close(struct network *n)
{
	if (!n)
		return;
	neighbours_fini(n);
	el_routes_fini(&n->routes);
	el_rtnl_watch_close(n->watch);
	el_rtnl_close(n->plan_rtnl);
	el_rtnl_close(n->kernel.rtnl);
	free(n->kernel.addresses);
	placement_destroy(n->placement);
	for (uint32_t i = 0; i < n->n_ports; i++)
		net_port_fini(&n->ports[i]);
	pthread_mutex_destroy(&n->lock);
	free(n->views);
	free(n->ports);
	free(n);
}

const struct el_port *network_find_replaced(const struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].replaced)
			return n->ports[i].port;
	}
	return NULL;
}

/* ---- what plans and workers ask ---- */

uint32_t network_workers(const struct network *n)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].port->n_queues > most)
			most = n->ports[i].port->n_queues;
	}
	return most;
}

uint32_t network_queues(const struct network *n, uint32_t worker, struct el_worker_queue *ret)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n->n_ports && count < EL_WORKER_QUEUES_MAX; i++) {
		const struct net_port *p = &n->ports[i];
		if (p->port->n_queues <= worker)
			continue;
		ret[count] = (struct el_worker_queue){
		    .port_id = p->port->queues[worker].port_id,
		    .rx_queue = p->port->queues[worker].rx_queue,
		    .tx_queue = p->port->queues[worker].tx_queue,
		    .own = p->lists->own,
		    .n_own = p->lists->n_own,
		    .silent = p->lists->silent,
		    .n_silent = p->lists->n_silent,
		    .vlan = p->port->vlan,
		    .checksums =
			p->port->partial_checksums ? EL_CHECKSUMS_COUNTED : EL_CHECKSUMS_REFUSED,
		    .rx_checksum_flags = p->port->rx_checksum_flags,
		    .rx_stamp_flag = p->port->rx_stamp_flag,
		    .rx_stamp_offset = p->port->rx_stamp_offset,
		};
		memcpy(ret[count++].mac, p->port->mac, 6);
	}
	return count;
}

uint16_t network_mtu(const struct network *n)
{
	uint16_t most = 0;

	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].port->mtu > most)
			most = n->ports[i].port->mtu;
	}
	return most;
}

int network_socket(const struct network *n)
{
	return n->ports[0].port->socket;
}

uint64_t network_default_pps(const struct network *n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (!n->ports[i].port->default_max_pps)
			return 0;
		sum += n->ports[i].port->default_max_pps;
	}
	return sum;
}

/* ---- plans ---- */

static struct el_prefix host(const struct el_ip *ip)
{
	return (struct el_prefix){.ip = *ip, .len = ip->family == 4 ? 32 : 128};
}

/* The ports as they are now. Under the lock. */
static int copy_ports(struct network_plan *plan)
{
	const struct network *n = plan->network;

	plan->ways = (struct way_input){
	    .ports = plan->ports, .n_ports = n->n_ports, .routes = n->routes, .rtnl = n->plan_rtnl};
	for (uint32_t i = 0; i < n->n_ports; i++) {
		const struct net_port *p = &n->ports[i];
		struct el_neigh_address *copy = calloc(p->n_addresses + 1, sizeof(*copy));

		if (!copy)
			return -ENOMEM;
		if (p->n_addresses)
			memcpy(copy, p->addresses, p->n_addresses * sizeof(*copy));
		plan->ports[i] = (struct way_port){.ifindex = p->follows ? p->port->ifindex : 0,
						   .mtu = p->mtu,
						   .addresses = copy,
						   .n_addresses = p->n_addresses};
	}
	return 0;
}

/* The sources of the groups, and the single ones with the ports' addresses. */
static int list_sources(struct network_plan *plan, const struct el_conf *conf)
{
	uint32_t n_ports = plan->ways.n_ports;
	size_t most = 4 * conf->n_groups;

	plan->sources = calloc(most + 1, sizeof(*plan->sources));
	for (uint32_t i = 0; i < n_ports; i++)
		most += plan->ports[i].n_addresses;
	plan->addresses = calloc(most + 1, sizeof(*plan->addresses));
	if (!plan->sources || !plan->addresses)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_ports; i++) {
		for (size_t k = 0; k < plan->ports[i].n_addresses; k++)
			plan->addresses[plan->n_addresses++] =
			    plan->ports[i].addresses[k].prefix.ip;
	}
	for (size_t g = 0; g < conf->n_groups; g++) {
		const struct el_conf_group *c = &conf->groups[g];
		const struct el_prefix sources[] = {host(&c->src_ipv4), host(&c->src_ipv6),
						    c->src_subnet_ipv4, c->src_subnet_ipv6};
		for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
			if (!sources[i].ip.family)
				continue;
			plan->sources[plan->n_sources++] = sources[i];
			if (!net_port_is_range(&sources[i]))
				plan->addresses[plan->n_addresses++] = sources[i].ip;
		}
	}
	return 0;
}

/* What is taken of the network goes into the digest. */
static void digest(struct network_plan *plan, const void *what, size_t size)
{
	const struct el_siphash_key key = {plan->digest, 1};

	plan->digest = el_siphash(&key, what, size);
}

static void free_plan(struct network_plan *plan)
{
	for (uint32_t i = 0; i < plan->ways.n_ports; i++)
		free((void *)(uintptr_t)plan->ports[i].addresses);
	free(plan->sources);
	free(plan->addresses);
	free(plan);
}

struct network_plan *network_plan_begin(struct network *n, const struct el_conf *conf)
{
	struct network_plan *plan = calloc(1, sizeof(*plan));
	int ret;

	if (!plan)
		return NULL;
	plan->network = n;
	pthread_mutex_lock(&n->lock);
	ret = copy_ports(plan);
	if (ret == 0)
		ret = list_sources(plan, conf);
	if (ret == 0) {
		plan->next = n->plans;
		n->plans = plan;
		neighbours_own_changed(n);
	}
	pthread_mutex_unlock(&n->lock);
	if (ret < 0) {
		free_plan(plan);
		return NULL;
	}
	return plan;
}

uint64_t network_plan_digest(const struct network_plan *plan)
{
	return plan->digest;
}

void network_plan_free(struct network_plan *plan)
{
	struct network_plan **link;
	struct network *n;

	if (!plan)
		return;
	n = plan->network;
	pthread_mutex_lock(&n->lock);
	for (link = &n->plans; *link != plan; link = &(*link)->next)
		;
	*link = plan->next;
	neighbours_release(n, plan);
	neighbours_own_changed(n);
	pthread_mutex_unlock(&n->lock);
	free_plan(plan);
}

const struct el_ip *network_plan_addresses(const struct network_plan *plan, size_t *ret_count)
{
	*ret_count = plan->n_addresses;
	return plan->addresses;
}

void network_plan_report(struct network_plan *plan)
{
	struct network *n = plan->network;
	uint32_t used = 0;

	if (!plan->n_no_room)
		return;
	for (size_t i = 0; i < EL_NEXT_HOPS_MAX / 64; i++)
		used += (uint32_t)__builtin_popcountll(plan->hops[i]);
	el_log(EL_LOG_ERROR, "network",
	       "%llu streams are not probed: there is no room for their next hops, of which %u are "
	       "the most (%u are this plan's, the others those of plans that are not over yet)",
	       (unsigned long long)plan->n_no_room, EL_NEXT_HOPS_MAX, used);
	pthread_mutex_lock(&n->lock);
	n->short_of_room = used < EL_NEXT_HOPS_MAX;
	pthread_mutex_unlock(&n->lock);
}

bool network_take_room(struct network *n)
{
	bool room;

	pthread_mutex_lock(&n->lock);
	room = n->room;
	n->room = false;
	pthread_mutex_unlock(&n->lock);
	return room;
}

/* Which way a stream goes; EL_MODEL_ACTIVE, or why none. */
static enum el_model_status find_way(struct network_plan *plan, const struct el_ip *to,
				     const struct el_ip *from, struct way *ret,
				     struct el_next_hop_idx *ret_hop)
{
	struct way ways[WAYS_MAX];
	size_t n = ways_find(&plan->ways, to, from, ways), which = 0;
	int code;

	if (!n)
		return EL_MODEL_NO_ROUTE;
	code = neighbours_choose(plan->network, plan, ways, n, &which, ret_hop);
	*ret = ways[which];
	if (code < 0) {
		plan->n_no_room += code == -ENOSPC;
		return EL_MODEL_NO_NEXT_HOP;
	}
	return EL_MODEL_ACTIVE;
}

struct el_plan_route network_route(void *network_plan, const struct el_model_target *target,
				   const struct el_model_group *group,
				   const struct el_ip *destination)
{
	struct network_plan *plan = network_plan;
	const struct el_ip *from = ways_from(group, destination->family);
	struct el_plan_route route = {.mtu = 0};
	struct way way = {.mtu = 0};

	(void)target;
	route.status = find_way(plan, destination, from, &way, &route.next_hop);
	if (route.status == EL_MODEL_ACTIVE) {
		route.source = ways_source(group, destination->family, &way.hop);
		if (route.source.family == 0)
			route.status = EL_MODEL_NO_SOURCE;
	}
	if (route.status == EL_MODEL_ACTIVE) {
		placement_set_hop(plan->network->placement, route.next_hop, way.hop.port);
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

	return placement_worker(plan->network->placement, slice);
}

void network_learn(struct network *n, const struct el_plan_set *set)
{
	uint32_t count = placement_learn(n->placement, set);

	el_log(EL_LOG_INFO, "network",
	       "answers were forwarded between workers: %u streams are moved to where they come in",
	       count);
}

bool network_can_learn(const struct network *n)
{
	return placement_can_learn(n->placement);
}

/* ---- running ---- */

/* Has the workers send nothing to a device that is down: drivers of packet sockets take it all. */
static void tell_link(struct network *n, uint32_t port)
{
	struct net_port *p = &n->ports[port];
	struct el_command c = {.kind = EL_COMMAND_PORT, .down = p->was_up && !p->up};

	p->link_told = true;
	for (uint32_t w = 0; w < n->n_workers && w < p->port->n_queues; w++) {
		c.index = (uint16_t)network_queue_index(n, w, port);
		p->link_told &= el_worker_command(n->workers[w], &c);
	}
}

static void link_changed(struct network *n, uint16_t port, bool up)
{
	struct net_port *p = &n->ports[port];

	el_log(EL_LOG_WARNING, "network", "port %s: the link is %s", p->port->name,
	       up ? "up again" : "down: nothing is sent there, and its probes are not counted");
	p->up = up;
	p->was_up |= up;
	p->link_told = false;
	if (up)
		neighbours_ask_again(n, port);
}

void network_read_links(struct network *n, uint64_t now_ns)
{
	for (uint16_t i = 0; i < n->n_ports; i++) {
		struct net_port *p = &n->ports[i];

		if (now_ns >= p->link_ns) {
			bool up = el_port_is_up(p->port);
			p->link_ns = now_ns + (p->port->ifindex ? INTERFACE_NS : DEVICE_NS);
			if (up != p->up)
				link_changed(n, i, up);
		}
		if (!p->link_told)
			tell_link(n, i);
	}
}

bool network_is_up(const struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].up)
			return true;
	}
	return false;
}

void network_read_clocks(struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		struct el_port *port = n->ports[i].port;
		struct el_command c = {.kind = EL_COMMAND_RX_CLOCK};

		if (!port->rx_stamp_flag)
			continue;
		el_port_read_clocks(port);
		for (uint32_t w = 0; w < n->n_workers && w < port->n_queues; w++) {
			c.index = (uint16_t)network_queue_index(n, w, i);
			c.rx_line = el_port_rx_line(port, (uint16_t)w);
			/* a full ring: the next reading will do */
			el_worker_command(n->workers[w], &c);
		}
	}
}

uint32_t network_n_ports(const struct network *n)
{
	return n->n_ports;
}

const struct el_port_view *network_port_views(const struct network *n)
{
	return n->views;
}
