/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops and addresses of our own, as the link and the workers are told of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "network_private.h"

#define CONTROL_BUFFERS 511

/* ---- towards the link ---- */

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

uint32_t network_queue_index(const struct network *n, uint32_t worker, uint32_t port)
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
	if (data && el_worker_frame_down(n->workers[0], m, network_queue_index(n, 0, port.v)))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static void neighbour_event(void *context, const struct el_neigh_event *event)
{
	struct network *n = context;

	neigh_log_event(&n->log, event, n->ports[event->port.v].port->name, n->now_ns);
}

/* ---- next hops, towards the workers ---- */

static void must_tell(struct network *n, struct el_next_hop_idx index)
{
	if (n->is_untold[index.v])
		return;
	n->is_untold[index.v] = true;
	n->untold[(n->first_untold + n->n_untold++) % EL_NEXT_HOPS_MAX] = index.v;
}

static void next_hop_changed(void *context, struct el_next_hop_idx index,
			     const struct el_neigh *entry)
{
	struct network *n = context;

	n->hops_changed |= n->is_one_of_several[index.v] && entry->state != EL_NEIGH_PENDING;
	must_tell(n, index);
}

/* Tells all workers that have the port; false if a ring is full. */
static bool tell_workers(struct network *n, struct el_next_hop_idx index)
{
	static const uint8_t states[] = {[EL_NEIGH_PENDING] = EL_NEXT_HOP_PENDING,
					 [EL_NEIGH_READY] = EL_NEXT_HOP_READY,
					 [EL_NEIGH_FAILED] = EL_NEXT_HOP_FAILED};
	struct el_command c = {.kind = EL_COMMAND_NEXT_HOP, .index = index.v};
	struct el_neigh entry;

	if (el_neigh_get(n->neigh, index, &entry) < 0) /* released meanwhile */
		return true;
	c.next_hop.l2_len = (uint8_t)el_neigh_header(
	    n->neigh, index, entry.ip.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6,
	    c.next_hop.l2);
	c.next_hop.state = states[entry.state];
	for (uint32_t w = 0; w < n->n_workers; w++) {
		if (n->ports[entry.port.v].port->n_queues <= w)
			break;
		c.next_hop.queue = (uint8_t)network_queue_index(n, w, entry.port.v);
		if (!el_worker_command(n->workers[w], &c))
			return false;
	}
	return true;
}

static void tell_next_hops(struct network *n)
{
	while (n->n_untold) {
		uint16_t index = n->untold[n->first_untold];

		if (!tell_workers(n, (struct el_next_hop_idx){index}))
			return;
		n->is_untold[index] = false;
		n->first_untold = (n->first_untold + 1) % EL_NEXT_HOPS_MAX;
		n->n_untold--;
	}
}

/* The next hop of a way, from now on one that `plan` uses. Under the lock. */
static int use(struct network *n, struct network_plan *plan, const struct el_route_hop *hop,
	       struct el_next_hop_idx *ret_index)
{
	struct el_next_hop_idx index;
	int ret = el_neigh_need(n->neigh, hop->port, &hop->next_hop, n->now_ns, &index);
	uint64_t bit;

	if (ret < 0)
		return ret;
	bit = UINT64_C(1) << index.v % 64;
	if (!(plan->hops[index.v / 64] & bit)) {
		/* what the workers know of its number may be about another */
		if (n->users[index.v]++ == 0)
			must_tell(n, index);
		plan->hops[index.v / 64] |= bit;
	}
	*ret_index = index;
	return 0;
}

/* How good a next hop is: the more the better. */
static unsigned worth(const struct network *n, struct el_next_hop_idx index)
{
	static const uint8_t worths[] = {
	    [EL_NEIGH_FAILED] = 0, [EL_NEIGH_PENDING] = 1, [EL_NEIGH_READY] = 2};
	struct el_neigh entry;

	return el_neigh_get(n->neigh, index, &entry) < 0 ? 0 : worths[entry.state];
}

int neighbours_choose(struct network *n, struct network_plan *plan, const struct way *ways,
		      size_t n_ways, size_t *ret, struct el_next_hop_idx *ret_index)
{
	struct el_next_hop_idx index;
	unsigned best = 0;
	int ret_code = -EINVAL;

	pthread_mutex_lock(&n->lock);
	for (size_t i = 0; i < n_ways; i++) {
		int code = use(n, plan, &ways[i].hop, &index);

		if (code < 0) {
			ret_code = ret_code == 0 ? 0 : code;
			continue;
		}
		n->is_one_of_several[index.v] |= n_ways > 1;
		if (ret_code == 0 && worth(n, index) <= best)
			continue;
		ret_code = 0;
		best = worth(n, index);
		*ret = i;
		*ret_index = index;
	}
	pthread_mutex_unlock(&n->lock);
	return ret_code;
}

void neighbours_ask_again(struct network *n, uint16_t port)
{
	pthread_mutex_lock(&n->lock);
	el_neigh_ask_again(n->neigh, (struct el_port_idx){port}, n->now_ns);
	pthread_mutex_unlock(&n->lock);
}

void neighbours_release(struct network *n, const struct network_plan *plan)
{
	bool any = false;

	for (uint32_t i = 0; i < EL_NEXT_HOPS_MAX; i++) {
		if (!(plan->hops[i / 64] >> i % 64 & 1) || --n->users[i])
			continue;
		el_neigh_release(n->neigh, (struct el_next_hop_idx){(uint16_t)i});
		n->is_one_of_several[i] = false;
		any = true;
	}
	n->room |= any && n->short_of_room;
	n->short_of_room &= !n->room;
}

/* ---- addresses of our own ---- */

/* Makes the lists of all ports, into ret[n_ports]. -ENOMEM: none is to be used. */
static int list_own(struct network *n, struct net_own *ret)
{
	uint16_t i = 0;
	int code = 0;

	for (; code == 0 && i < n->n_ports; i++) {
		code = net_port_list_own(&n->ports[i], (struct el_port_idx){i}, n->plans,
					 &n->kernel, &ret[i]);
		if (code < 0)
			break;
		code = el_neigh_set_addresses(n->neigh, (struct el_port_idx){i}, ret[i].addresses,
					      ret[i].n_addresses);
	}
	for (uint16_t k = 0; code < 0 && k < i; k++) {
		free(ret[k].addresses);
		free(ret[k].lists);
	}
	return code;
}

/* The lists that workers have used so far stay until they have all taken these. */
static void use_own(struct net_port *p, struct net_own *own)
{
	struct el_error err;

	if (net_port_let_requests_in(p, own, &err) < 0)
		el_log(EL_LOG_ERROR, "network", "%s", err.text);
	free(own->addresses);
	p->old_lists = p->lists;
	p->lists = own->lists;
}

/* True once all workers know all lists. */
static bool tell_own(struct network *n)
{
	for (; n->own_told < n->n_workers * n->n_ports; n->own_told++) {
		uint32_t w = n->own_told / n->n_ports, i = n->own_told % n->n_ports;
		struct el_command c = {.kind = EL_COMMAND_OWN};

		if (n->ports[i].port->n_queues <= w)
			continue;
		c.index = (uint16_t)network_queue_index(n, w, i);
		c.own = n->ports[i].lists->own;
		c.n_own = n->ports[i].lists->n_own;
		c.silent = n->ports[i].lists->silent;
		c.n_silent = n->ports[i].lists->n_silent;
		if (!el_worker_command(n->workers[w], &c))
			return false;
		n->own_sent[w]++;
	}
	return true;
}

/* Lists that no worker looks at any more go. False: some may be looked at. */
static bool free_old_own(struct network *n)
{
	for (uint32_t w = 0; w < n->n_workers; w++) {
		if (el_worker_own_taken(n->workers[w]) != n->own_sent[w])
			return false;
	}
	for (uint32_t i = 0; i < n->n_ports; i++) {
		free(n->ports[i].old_lists);
		n->ports[i].old_lists = NULL;
	}
	return true;
}

static void update_own(struct network *n)
{
	struct net_own lists[EL_WORKER_QUEUES_MAX];

	if (!tell_own(n) || !free_old_own(n) || !n->own_changed || list_own(n, lists) < 0)
		return;
	for (uint32_t i = 0; i < n->n_ports; i++)
		use_own(&n->ports[i], &lists[i]);
	n->own_changed = false;
	n->own_told = 0;
	tell_own(n);
}

void neighbours_own_changed(struct network *n)
{
	n->own_changed = true;
	if (!n->workers) /* they are made with what there is then */
		update_own(n);
}

/* ---- life ---- */

/* The neighbours of a port that are configured. */
static int set_neighbours(struct network *n, uint16_t port, const struct el_conf_port *conf,
			  struct el_error *err)
{
	for (size_t i = 0; i < conf->n_neighbours; i++) {
		const struct el_conf_neighbour *c = &conf->neighbours[i];
		struct el_next_hop_idx index;
		char text[EL_IP_STRLEN];
		int ret = el_neigh_set_static(n->neigh, (struct el_port_idx){port}, &c->address,
					      c->mac, &index);
		if (ret == 0)
			n->users[index.v] = 1; /* they stay */
		else
			return el_error_set(
			    err, ret, "port %s: %s can't be a neighbour: %s", conf->name,
			    el_ip_format(&c->address, text),
			    ret == -ENOSPC ? "there is no room for more"
					   : "it is an address of our own, or of no single host");
	}
	return 0;
}

int neighbours_init(struct network *n, const struct el_conf *conf, struct el_error *err)
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

void neighbours_fini(struct network *n)
{
	el_neigh_destroy(n->neigh);
	rte_mempool_free(n->pool);
}

void network_attach(struct network *n, struct el_worker *const *workers, uint32_t n_workers)
{
	pthread_mutex_lock(&n->lock);
	n->workers = workers;
	n->n_workers = n_workers;
	n->own_told = n_workers * n->n_ports;
	tell_next_hops(n);
	pthread_mutex_unlock(&n->lock);
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
	update_own(n);
	tell_next_hops(n);
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

bool network_told(struct network *n)
{
	bool told;

	pthread_mutex_lock(&n->lock);
	told = !n->n_untold && !n->own_changed && n->own_told == n->n_workers * n->n_ports;
	pthread_mutex_unlock(&n->lock);
	return told;
}
