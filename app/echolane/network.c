/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_ticks.h"
#include "network_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ether.h>

/* ---- opening ---- */

/* The MTU to open a device with whose first link is `first`: the largest of its links. Where one
 * takes the device's own, only what is more than that of Ethernet is asked for, of a NIC. */
static uint16_t device_mtu(const struct el_conf_dataplane *d, uint16_t first)
{
	char interface[IFNAMSIZ];
	struct el_device device;
	uint16_t most = 0;
	bool any = false;

	for (size_t i = first; i < d->n_ports; i++) {
		if (el_conf_port_first(d->ports, i) != first)
			continue;
		most = RTE_MAX(most, d->ports[i].mtu);
		any |= !d->ports[i].mtu;
	}
	if (any && (most <= RTE_ETHER_MTU ||
		    (el_device_parse(d->ports[first].device, &device, NULL) == 0 &&
		     el_device_interface(&device, interface))))
		return 0;
	return most;
}

/* A VLAN of the links on the device whose first one is `first`; 0: none has one. */
static uint16_t any_vlan(const struct el_conf_dataplane *d, uint16_t first)
{
	uint16_t vlan = 0;

	for (size_t i = first; i < d->n_ports; i++) {
		if (el_conf_port_first(d->ports, i) == first)
			vlan = RTE_MAX(vlan, d->ports[i].vlan);
	}
	return vlan;
}

/* A device is opened for its first link, and the others have it with that. */
static int open_link(struct network *n, const struct el_conf_dataplane *d, uint16_t i,
		     uint32_t n_workers, const char *profile_dir, struct el_error *err)
{
	struct el_conf_port device = d->ports[i];
	uint16_t first = (uint16_t)el_conf_port_first(d->ports, i);
	struct el_port *port = n->ports[first].port;
	int ret = 0;

	if (first == i) {
		device.mtu = device_mtu(d, i);
		device.vlan = any_vlan(d, i);
		ret = el_port_open(&device, (uint16_t)n_workers, profile_dir, &port, err);
	}
	if (ret < 0)
		return ret;
	n->n_ports++;
	steering_add_port(n->compile.steering, port);
	net_port_init(&n->ports[i], port, &d->ports[i], first,
		      el_conf_port_follows(d->ports, d->n_ports, i), n->now_ns);
	ret = el_port_pass_vlan(port, &d->ports[i], err);
	if (ret < 0)
		return ret;
	return el_routes_add_conf(&n->compile.routes, (struct el_port_idx){i}, &d->ports[i], err);
}

static int open_ports(struct network *n, const struct el_conf *conf, uint32_t n_workers,
		      const char *profile_dir, struct el_error *err)
{
	int ret = 0;

	for (uint16_t i = 0; ret == 0 && i < conf->dataplane.n_ports; i++)
		ret = open_link(n, &conf->dataplane, i, n_workers, profile_dir, err);
	if (ret == 0 && el_routes_index(&n->compile.routes) < 0)
		ret = el_error_set(err, -ENOMEM, "not enough memory");
	return ret;
}

/* ---- what the kernel says ---- */

static void say_addresses(const struct net_port *p, bool first)
{
	char text[512];

	if (!first)
		el_log(EL_LOG_INFO, "network", "port %s: addresses %s, MTU %u", p->conf->name,
		       net_port_addresses_text(p, text, sizeof(text)), p->mtu);
	else if (!p->n_addresses && p->follows)
		el_log(EL_LOG_WARNING, "network",
		       "port %s: %s has no address yet; nothing is sent there until it has one",
		       p->conf->name, p->port->interface);
}

/* 0, or a negative errno: some of it is as before. */
static int refresh(struct network *n, bool first)
{
	int ret = net_kernel_read(&n->kernel);
	bool changed;

	for (uint32_t i = 0; ret == 0 && i < n->n_ports; i++) {
		ret = net_port_refresh(&n->ports[i], &n->kernel, n->now_ns, &changed);
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
		ret = el_rtnl_open(&n->compile.rtnl, err);
	if (ret < 0)
		return ret;
	ret = refresh(n, true);
	if (ret < 0)
		return el_error_set(err, ret, "the kernel's addresses can't be read: %s",
				    strerror(-ret));
	for (uint32_t i = 0; i < n->n_ports; i++) {
		const struct net_port *p = &n->ports[i];

		if (!p->follows && !p->n_addresses && !p->conf->accept_ra)
			return el_error_set(err, -EADDRNOTAVAIL,
					    "port %s: it has no address; give it one with "
					    "address=A/LEN",
					    p->conf->name);
	}
	return 0;
}

unsigned network_follow(struct network *n)
{
	unsigned what = n->missed;

	what |= el_rtnl_watch_read(n->watch);
	if (n->addresses_changed)
		what |= EL_RTNL_ADDRESSES;
	n->addresses_changed = false;
	n->missed = 0;
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
	    !(n->compile.steering = steering_create()) ||
	    !(n->compile.hops = hops_create(EL_NEXT_HOPS_MAX))) {
		network_close(n);
		return el_error_set(err, -ENOMEM, "not enough memory");
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	n->now_ns = (uint64_t)now.tv_sec * EL_NS_PER_S + (uint64_t)now.tv_nsec;
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
	el_routes_fini(&n->compile.routes);
	el_rtnl_watch_close(n->watch);
	el_rtnl_close(n->compile.rtnl);
	el_rtnl_close(n->kernel.rtnl);
	free(n->kernel.addresses);
	steering_destroy(n->compile.steering);
	hops_destroy(n->compile.hops);
	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].first == i)
			el_port_close(n->ports[i].port);
		net_port_fini(&n->ports[i]);
	}
	rte_mempool_free(n->pool); /* what it asked neighbours with may be in the devices' queues
				      until they are closed */
	free(n->views);
	free(n->ports);
	free(n);
}

const struct el_port *network_find_replaced(const struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		if (n->ports[i].replaced || n->ports[i].link.is_back)
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
		    .pool = p->port->queues[worker].pool,
		    .own = p->lists->own,
		    .n_own = p->lists->n_own,
		    .n_home = p->lists->n_home,
		    .silent = p->lists->silent,
		    .n_silent = p->lists->n_silent,
		    .n_pinged = p->lists->n_pinged,
		    .accepts_ra = p->conf->accept_ra,
		    .vlan = el_conf_port_vlan(p->conf),
		    .strips_tags = p->port->strips_tags,
		    .loses_tpid = p->port->loses_tpid,
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

bool network_has_driver(const struct network *n, const char *driver)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		const struct el_profile *p = &n->ports[i].port->profile;

		for (uint32_t k = 0; k < p->n_drivers; k++) {
			if (strcmp(p->drivers[k], driver) == 0)
				return true;
		}
	}
	return false;
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
		if (n->ports[i].first == i)
			sum += n->ports[i].port->default_max_pps;
	}
	return sum;
}

/* ---- plans ---- */

static int copy_port(const struct net_port *p, struct way_port *ret)
{
	struct el_neigh_address *copy = calloc(p->n_addresses + 1, sizeof(*copy));
	struct el_ip *refused = calloc(p->n_refused + 1, sizeof(*refused));

	if (!copy || !refused) {
		free(copy);
		free(refused);
		return -ENOMEM;
	}
	if (p->n_addresses)
		memcpy(copy, p->addresses, p->n_addresses * sizeof(*copy));
	if (p->n_refused)
		memcpy(refused, p->refused, p->n_refused * sizeof(*refused));
	*ret = (struct way_port){.name = p->conf->name,
				 .ifindex = p->follows ? p->port->ifindex : 0,
				 .mtu = p->mtu,
				 .mtu_v6 = p->ra.mtu,
				 .addresses = copy,
				 .n_addresses = p->n_addresses,
				 .refused = refused,
				 .n_refused = p->n_refused};
	return 0;
}

struct network_view *network_take_view(const struct network *n)
{
	struct network_view *view = calloc(1, sizeof(*view) + n->n_hops);

	if (!view)
		return NULL;
	for (; view->n_ports < n->n_ports; view->n_ports++) {
		if (copy_port(&n->ports[view->n_ports], &view->ports[view->n_ports]) < 0) {
			network_view_free(view);
			return NULL;
		}
	}
	if (advertised_routes(n, &view->advertised) < 0) {
		network_view_free(view);
		return NULL;
	}
	view->n_released = n->n_released;
	view->n_refusals = n->n_refusals;
	view->n_hops = n->n_hops;
	neighbours_list_states(n, view->hops);
	return view;
}

bool network_take_room(struct network *n)
{
	bool room = n->room;

	n->room = false;
	return room;
}

bool network_can_learn(const struct network *n)
{
	return steering_can_learn(n->compile.steering);
}

/* ---- running ---- */

void network_read_clocks(struct network *n)
{
	for (uint32_t i = 0; i < n->n_ports; i++) {
		struct el_port *port = n->ports[i].port;
		struct el_command c = {.kind = EL_COMMAND_RX_CLOCK};

		if (!port->rx_stamp_flag || n->ports[i].first != i)
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
