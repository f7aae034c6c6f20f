/* SPDX-License-Identifier: BSD-3-Clause */
#include "network.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "neigh_log.h"
#include "net_port.h"
#include "placement.h"

#define CONTROL_BUFFERS 511

struct network {
	struct net_port *ports;
	uint32_t n_ports;
	struct el_ip *addresses; /* of all ports, for targets that are the prober itself */
	size_t n_addresses;
	struct el_routes routes;
	pthread_mutex_t
	    lock; /* protects neigh, dirty and now_ns: plans are made on another thread */
	struct el_neigh_table *neigh;
	struct neigh_log log;
	struct placement *placement; /* of streams on workers; for the thread that makes plans */
	struct el_worker *const *workers; /* NULL until attached */
	uint32_t n_workers;
	struct rte_mempool *pool;     /* of the frames that control sends */
	bool dirty[EL_NEXT_HOPS_MAX]; /* next hops that workers have yet to be told of */
	bool any_dirty;
	struct el_port_view *views;
	uint64_t drops;
	uint64_t now_ns;
};

/* ---- opening ---- */

/* The single addresses among what is a port's own. */
static int list_addresses(struct network *n, const struct net_port *p)
{
	void *grown =
	    realloc(n->addresses, (n->n_addresses + p->n_own + 1) * sizeof(*n->addresses));

	if (!grown)
		return -ENOMEM;
	n->addresses = grown;
	for (size_t i = 0; i < p->n_own; i++) {
		if (!net_port_is_range(&p->own[i]))
			n->addresses[n->n_addresses++] = p->own[i].ip;
	}
	return 0;
}

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
		ret = net_port_find_addresses(&n->ports[i], (struct el_port_idx){i}, conf,
					      &n->routes, err);
		if (ret == 0 && list_addresses(n, &n->ports[i]) < 0)
			ret = el_error_set(err, -ENOMEM, "not enough memory");
	}
	return ret;
}

/* ---- neighbours ---- */

static struct net_port *port_of_dpdk(struct network *n, uint16_t port_id, uint16_t *ret_index)
{
	for (uint16_t i = 0; i < n->n_ports; i++) {
		for (uint16_t q = 0; q < n->ports[i].port->n_queues; q++) {
			if (n->ports[i].port->queues[q].port_id == port_id) {
				*ret_index = i;
				return &n->ports[i];
			}
		}
	}
	return NULL;
}

/* The place of a port in a worker's list of queues: the ports before it that have a queue for the
 * worker. */
static uint32_t queue_index(const struct network *n, uint32_t worker, uint32_t port)
{
	uint32_t index = 0;

	for (uint32_t i = 0; i < port; i++)
		index += n->ports[i].port->n_queues > worker;
	return index;
}

static bool send_frame(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	struct network *n = context;
	struct rte_mbuf *m;
	char *data;

	if (!n->workers)
		return false;
	m = rte_pktmbuf_alloc(n->pool);
	data = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;
	if (data)
		memcpy(data, frame, len);
	/* the first worker has a queue on every port */
	if (data && el_worker_frame_down(n->workers[0], m, queue_index(n, 0, port.v)))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static void next_hop_changed(void *context, struct el_next_hop_idx index,
			     const struct el_neigh *entry)
{
	struct network *n = context;

	(void)entry;
	n->dirty[index.v] = true;
	n->any_dirty = true;
}

static void neighbour_event(void *context, const struct el_neigh_event *event)
{
	struct network *n = context;

	neigh_log_event(&n->log, event, n->ports[event->port.v].port->name, n->now_ns);
}

/* Tells all workers that have the port; false if a ring is full. */
static bool tell_workers(struct network *n, struct el_next_hop_idx index)
{
	static const uint8_t states[] = {[EL_NEIGH_PENDING] = EL_NEXT_HOP_PENDING,
					 [EL_NEIGH_READY] = EL_NEXT_HOP_READY,
					 [EL_NEIGH_FAILED] = EL_NEXT_HOP_FAILED};
	struct el_command c = {.kind = EL_COMMAND_NEXT_HOP, .index = index.v};
	struct el_neigh entry;

	if (el_neigh_get(n->neigh, index, &entry) < 0)
		return true;
	c.next_hop.l2_len = (uint8_t)el_neigh_header(
	    n->neigh, index, entry.ip.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6,
	    c.next_hop.l2);
	c.next_hop.state = states[entry.state];
	for (uint32_t w = 0; w < n->n_workers; w++) {
		if (n->ports[entry.port.v].port->n_queues <= w)
			break;
		c.next_hop.queue = (uint8_t)queue_index(n, w, entry.port.v);
		if (!el_worker_command(n->workers[w], &c))
			return false;
	}
	return true;
}

static void tell_dirty(struct network *n)
{
	if (!n->any_dirty || !n->workers)
		return;
	n->any_dirty = false;
	for (uint16_t i = 0; i < EL_NEXT_HOPS_MAX; i++) {
		if (!n->dirty[i])
			continue;
		n->dirty[i] = !tell_workers(n, (struct el_next_hop_idx){i});
		n->any_dirty |= n->dirty[i];
	}
}

/* The neighbours of a port that are configured. */
static int set_neighbours(struct network *n, uint16_t index, const struct el_conf_port *conf,
			  struct el_error *err)
{
	for (size_t i = 0; i < conf->n_neighbours; i++) {
		const struct el_conf_neighbour *c = &conf->neighbours[i];
		struct el_next_hop_idx unused;
		char text[EL_IP_STRLEN];
		int ret = el_neigh_set_static(n->neigh, (struct el_port_idx){index}, &c->address,
					      c->mac, &unused);
		if (ret < 0)
			return el_error_set(
			    err, ret, "port %s: %s can't be a neighbour: %s", conf->name,
			    el_ip_format(&c->address, text),
			    ret == -ENOSPC ? "there is no room for more"
					   : "it is an address of our own, or of no single host");
	}
	return 0;
}

static int make_neighbours(struct network *n, const struct el_conf *conf, struct el_error *err)
{
	struct el_neigh_port *ports = calloc(n->n_ports, sizeof(*ports));
	struct el_neigh_config config = {.ports = ports,
					 .n_ports = n->n_ports,
					 .max_entries = EL_NEXT_HOPS_MAX,
					 .callbacks = {.send = send_frame,
						       .changed = next_hop_changed,
						       .event = neighbour_event,
						       .context = n}};

	if (!ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (uint32_t i = 0; i < n->n_ports; i++) {
		memcpy(ports[i].mac, n->ports[i].port->mac, 6);
		ports[i].vlan = n->ports[i].port->vlan;
		ports[i].addresses = n->ports[i].addresses;
		ports[i].n_addresses = n->ports[i].n_addresses;
	}
	n->neigh = el_neigh_create(&config);
	free(ports);
	n->pool = rte_pktmbuf_pool_create("el_control", CONTROL_BUFFERS, 0, 0,
					  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	n->views = calloc(n->n_ports, sizeof(*n->views));
	if (!n->neigh || !n->pool || !n->views)
		return el_error_set(err, -ENOMEM, "not enough memory for the ports' neighbours");
	for (uint16_t i = 0; i < n->n_ports; i++) {
		int ret = set_neighbours(n, i, &conf->dataplane.ports[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
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
		ret = make_neighbours(n, conf, err);
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
	el_neigh_destroy(n->neigh);
	el_routes_fini(&n->routes);
	placement_destroy(n->placement);
	for (uint32_t i = 0; i < n->n_ports; i++)
		net_port_fini(&n->ports[i]);
	rte_mempool_free(n->pool);
	pthread_mutex_destroy(&n->lock);
	free(n->views);
	free(n->addresses);
	free(n->ports);
	free(n);
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
		    .own = p->own,
		    .n_own = p->n_own,
		    .silent = p->silent,
		    .n_silent = p->n_silent,
		    .vlan = p->port->vlan,
		    .rx_stamp_flag = p->port->rx_stamp_flag,
		    .rx_stamp_offset = p->port->rx_stamp_offset,
		};
		memcpy(ret[count++].mac, p->port->mac, 6);
	}
	return count;
}

const struct el_ip *network_addresses(const struct network *n, size_t *ret_count)
{
	*ret_count = n->n_addresses;
	return n->addresses;
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

struct el_plan_route network_route(void *network, const struct el_model_target *target,
				   const struct el_model_group *group,
				   const struct el_ip *destination)
{
	struct network *n = network;
	struct el_plan_route route = {.mtu = 0}, none = {.status = EL_MODEL_NO_ROUTE};
	const struct el_ip *source = destination->family == 4 ? &group->src_ipv4 : &group->src_ipv6;
	const struct el_prefix *subnet =
	    destination->family == 4 ? &group->src_subnet_ipv4 : &group->src_subnet_ipv6;
	struct el_route_hop hop;
	int ret;

	(void)target;
	if (el_route_lookup(n->routes.items, n->routes.count, destination, &hop) < 0)
		return none;
	route.source = source->family ? *source : hop.source;
	if (route.source.family == 0)
		route.source = subnet->ip;
	if (route.source.family == 0) {
		none.status = EL_MODEL_NO_SOURCE;
		return none;
	}
	pthread_mutex_lock(&n->lock);
	ret = el_neigh_need(n->neigh, hop.port, &hop.next_hop, n->now_ns, &route.next_hop);
	pthread_mutex_unlock(&n->lock);
	if (ret < 0) {
		none.status = EL_MODEL_NO_NEXT_HOP;
		return none;
	}
	placement_set_hop(n->placement, route.next_hop, hop.port);
	route.mtu = n->ports[hop.port.v].port->mtu;
	return route;
}

uint32_t network_place(void *network, const struct el_slice *slice)
{
	const struct network *n = network;

	return placement_worker(n->placement, slice);
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

void network_attach(struct network *n, struct el_worker *const *workers, uint32_t n_workers)
{
	n->workers = workers;
	n->n_workers = n_workers;
	memset(n->dirty, true, sizeof(n->dirty));
	n->any_dirty = true;
	tell_dirty(n);
}

static void read_frames(struct network *n, uint32_t worker)
{
	struct rte_mbuf *frames[32];
	unsigned count = el_worker_frames_up(n->workers[worker], frames, 32);

	for (unsigned i = 0; i < count; i++) {
		uint16_t port;
		if (port_of_dpdk(n, frames[i]->port, &port))
			el_neigh_input(n->neigh, (struct el_port_idx){port},
				       rte_pktmbuf_mtod(frames[i], const uint8_t *),
				       frames[i]->data_len, n->now_ns);
		rte_pktmbuf_free(frames[i]);
	}
}

void network_poll(struct network *n, uint64_t now_ns)
{
	pthread_mutex_lock(&n->lock);
	n->now_ns = now_ns;
	for (uint32_t w = 0; w < n->n_workers; w++)
		read_frames(n, w);
	if (now_ns >= el_neigh_next_deadline(n->neigh))
		el_neigh_tick(n->neigh, now_ns);
	tell_dirty(n);
	pthread_mutex_unlock(&n->lock);
}

bool network_settled(struct network *n)
{
	bool settled;

	pthread_mutex_lock(&n->lock);
	settled = el_neigh_count_pending(n->neigh) == 0;
	pthread_mutex_unlock(&n->lock);
	return settled;
}

static void read_neighbours(struct network *n, uint16_t port, struct el_port_view *view)
{
	struct el_neigh_counters c;

	pthread_mutex_lock(&n->lock);
	el_neigh_counters_read(n->neigh, (struct el_port_idx){port}, &c);
	pthread_mutex_unlock(&n->lock);
	view->address_conflicts = c.own_conflicts;
	view->neighbour_conflicts = c.neighbour_conflicts;
	view->neighbour_moves = c.moves;
}

uint64_t network_read_drops(struct network *n)
{
	uint64_t sum = 0, before = n->drops;

	for (uint16_t i = 0; i < n->n_ports; i++) {
		struct el_port_view *v = &n->views[i];
		el_port_view_read(n->ports[i].port, v);
		read_neighbours(n, i, v);
		v->placement = (uint8_t)placement_source(n->placement, (struct el_port_idx){i});
		/* some drivers' misses are in the interface's count too */
		sum += RTE_MAX(v->imissed, v->interface_drops) + v->ierrors + v->rx_nombuf +
		       v->oerrors + v->socket_drops;
	}
	for (uint32_t w = 0; w < n->n_workers; w++)
		sum += el_worker_counter(n->workers[w], EL_COUNTER_DROP_FORWARD_FULL) +
		       el_worker_counter(n->workers[w], EL_COUNTER_DROP_UP_FULL);
	n->drops = sum;
	return sum - before;
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
			c.index = (uint16_t)queue_index(n, w, i);
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
