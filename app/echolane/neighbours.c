/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops and addresses of our own, as the link and the workers are told of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "network_private.h"

#define CONTROL_BUFFERS 511
#define LINES_MAX 8 /* of neighbours, at once */
#define LINE_NS (10 * EL_NS_PER_S)
#define MAC_STRLEN 18
#define ASKED_A_POLL 4096 /* next hops of new plans: less than a millisecond */

/* ---- towards the link ---- */

/* The link of a frame that came in by a DPDK port: what it is on there says its tags. */
static bool find_link(const struct network *n, const struct rte_mbuf *m, struct el_port_idx *ret)
{
	el_vlan vlan;

	if (!el_tags_read(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &vlan))
		return false;
	for (uint16_t i = 0; i < n->n_ports; i++) {
		const struct el_port *port = n->ports[i].port;

		for (uint16_t q = 0; q < port->n_queues; q++) {
			if (port->queues[q].port_id != m->port ||
			    el_conf_port_vlan(n->ports[i].conf) != vlan)
				continue;
			ret->v = i;
			return true;
		}
	}
	return false;
}

uint32_t network_queue_index(const struct network *n, uint32_t worker, uint32_t port)
{
	uint32_t index = 0;

	for (uint32_t i = 0; i < port; i++)
		index += n->ports[i].port->n_queues > worker;
	return index;
}

bool neighbours_send(struct network *n, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m;
	char *data;

	if (!n->workers)
		return false;
	m = rte_pktmbuf_alloc(n->pool);
	data = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;
	if (data)
		memcpy(data, frame, len);
	/* the first worker has a queue on every port */
	if (data && el_worker_inject(n->workers[0], m, network_queue_index(n, 0, port.v)))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static bool send_frame(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	return neighbours_send(context, port, frame, len);
}

static const char *mac_text(const uint8_t mac[6], char text[MAC_STRLEN])
{
	snprintf(text, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

bool neighbours_may_say(struct network *n)
{
	struct neigh_log *log = &n->log;
	uint64_t now_ns = n->now_ns;

	if (log->full_ns < now_ns)
		log->full_ns = now_ns;
	if (log->full_ns + LINE_NS > now_ns + LINES_MAX * LINE_NS) {
		log->left_out++;
		return false;
	}
	log->full_ns += LINE_NS;
	return true;
}

/* What is heard of neighbours is said at first each time, then, as whoever floods the link decides
 * how often that is, a line every so often with how many were left out. */
static void neighbour_event(void *context, const struct el_neigh_event *event)
{
	struct network *n = context;
	struct neigh_log *log = &n->log;
	const char *port = n->ports[event->port.v].conf->name;
	char ip[EL_IP_STRLEN], mac[MAC_STRLEN], other[MAC_STRLEN];

	if (!neighbours_may_say(n))
		return;
	if (log->left_out)
		el_log(EL_LOG_WARNING, "network", "%llu messages on neighbours were left out",
		       (unsigned long long)log->left_out);
	log->left_out = 0;
	el_ip_format(&event->ip, ip);
	mac_text(event->mac, mac);
	mac_text(event->other, other);
	switch (event->kind) {
	case EL_NEIGH_OWN_CONFLICT:
		el_log(EL_LOG_WARNING, "network",
		       "port %s: address conflict: %s, which is ours (%s), is used by %s", port, ip,
		       mac, other);
		break;
	case EL_NEIGH_NEIGHBOUR_CONFLICT:
		el_log(EL_LOG_WARNING, "network",
		       "port %s: address conflict: %s claims to be %s, but %s still answers and is "
		       "kept",
		       port, other, ip, mac);
		break;
	case EL_NEIGH_MOVED:
		el_log(EL_LOG_WARNING, "network", "port %s: %s answers at %s now, it was %s before",
		       port, ip, other, mac);
		break;
	}
}

static bool is_advertised(const struct net_port *p, const struct el_ip *ip)
{
	for (size_t i = 0; i < p->n_advertised; i++) {
		if (el_ip_equal(&p->advertised[i].ip, ip))
			return true;
	}
	return false;
}

/* Of an address of ours that was checked. Called while the table goes through them: the rest
 * follows with network_follow. */
static void own_checked(void *context, struct el_port_idx port, const struct el_ip *ip,
			bool is_ours, const uint8_t other[6])
{
	struct network *n = context;
	char text[EL_IP_STRLEN], mac[MAC_STRLEN];

	if (!net_port_refuse(&n->ports[port.v], ip, !is_ours))
		return;
	n->addresses_changed = true;
	/* one that was advertised is not waited for: who advertises may have every one refused */
	if (!is_ours && !is_advertised(&n->ports[port.v], ip)) {
		n->n_refusals++;
		n->ports[n->ports[port.v].first].link.is_held = true;
		n->ports[n->ports[port.v].first].link.told = false;
	}
	if (is_ours)
		el_log(EL_LOG_WARNING, "network",
		       "port %s: address %s is used again: no other host has it any more",
		       n->ports[port.v].conf->name, el_ip_format(ip, text));
	else
		el_log(EL_LOG_ERROR, "network",
		       "port %s: duplicate address: %s is not used, for %s has it",
		       n->ports[port.v].conf->name, el_ip_format(ip, text), mac_text(other, mac));
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

	n->n_changes++;
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

void neighbours_list_states(const struct network *n, uint8_t *ret)
{
	for (uint32_t i = 0; i < n->n_hops; i++) {
		struct el_neigh entry = {.state = EL_NEIGH_PENDING};

		el_neigh_get(n->neigh, (struct el_next_hop_idx){(uint16_t)i}, &entry);
		ret[i] = (uint8_t)entry.state;
	}
}

void neighbours_ask_again(struct network *n, uint16_t port)
{
	el_neigh_ask_again(n->neigh, (struct el_port_idx){port}, n->now_ns);
	if (n->ports[port].conf->accept_ra)
		el_ra_ask_again(&n->ports[port].ra, n->now_ns);
}

/* ---- next hops of plans ---- */

/* Which of the equally good ones the plan takes was decided by what was known when it was ordered:
 * it may be another now. */
static void compare_state(struct network *n, const struct network_plan *plan,
			  struct el_next_hop_idx index)
{
	struct el_neigh entry;

	n->is_one_of_several[index.v] = true;
	el_neigh_watch(n->neigh, index, n->now_ns);
	if (el_neigh_get(n->neigh, index, &entry) == 0 && entry.state != EL_NEIGH_PENDING &&
	    entry.state != network_view_hop(plan->view, index))
		n->hops_changed = true;
}

/* False: not now. */
static bool ask_for(struct network *n, const struct network_plan *plan, const struct plan_hop *hop)
{
	struct el_next_hop_idx index = hop->index;

	n->n_changes++;
	if (el_neigh_need(n->neigh, index, hop->port, &hop->ip, n->now_ns) < 0)
		return false;
	/* what the workers know of its number may be about another */
	if (n->users[index.v]++ == 0)
		must_tell(n, index);
	n->n_hops = RTE_MAX(n->n_hops, index.v + 1U);
	if (plan->is_one_of_several[index.v / 64] >> index.v % 64 & 1)
		compare_state(n, plan, index);
	return true;
}

/* A piece of it: a plan may have 65,536. */
static void ask_for_some(struct network *n)
{
	uint32_t left = ASKED_A_POLL;

	for (struct network_plan *plan = n->plans; plan; plan = plan->next) {
		for (; left && plan->n_asked < plan->n_hops; plan->n_asked++, left--) {
			if (!ask_for(n, plan, &plan->hops[plan->n_asked]))
				return;
		}
	}
}

static bool all_are_asked_for(const struct network *n)
{
	for (const struct network_plan *plan = n->plans; plan; plan = plan->next) {
		if (plan->n_asked < plan->n_hops)
			return false;
	}
	return true;
}

/* A plan that is short of room has it if something has been let go of since `n_released`. */
static void look_for_room(struct network *n, uint64_t n_released)
{
	if (!n->short_of_room || n->n_released == n_released)
		return;
	n->room = true;
	n->short_of_room = false;
}

void network_adopt(struct network *n, struct network_plan *plan)
{
	plan->adopted = true;
	plan->n_refusals = plan->view->n_refusals;
	plan->next = n->plans;
	n->plans = plan;
	n->short_of_room = plan->n_no_room && plan->n_hops < EL_NEXT_HOPS_MAX;
	look_for_room(n, plan->view->n_released);
	ask_for_some(n);
	neighbours_own_changed(n);
}

static void let_go(struct network *n, const struct network_plan *plan)
{
	uint64_t n_released = n->n_released;

	n->n_changes++;
	for (size_t i = 0; i < plan->n_asked; i++) {
		struct el_next_hop_idx index = plan->hops[i].index;

		if (--n->users[index.v])
			continue;
		el_neigh_release(n->neigh, index);
		n->is_one_of_several[index.v] = false;
		n->n_released++;
	}
	n->n_released += plan->n_hops - plan->n_asked;
	look_for_room(n, n_released);
}

void network_release(struct network *n, struct network_plan *plan)
{
	struct network_plan **link = &n->plans;

	if (!plan || !plan->adopted)
		return;
	while (*link != plan)
		link = &(*link)->next;
	*link = plan->next;
	plan->adopted = false;
	let_go(n, plan);
	neighbours_own_changed(n);
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
	net_port_forget_refused(p, own->addresses, own->n_addresses);
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
		c.n_home = n->ports[i].lists->n_home;
		c.silent = n->ports[i].lists->silent;
		c.n_silent = n->ports[i].lists->n_silent;
		c.n_pinged = n->ports[i].lists->n_pinged;
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

static int set_neighbour(struct network *n, uint16_t port, const struct el_conf_neighbour *conf)
{
	const struct net_port *p = &n->ports[port];
	struct el_port_idx port_index = {port};
	struct el_next_hop_idx index;
	int ret = el_neigh_check(p->addresses, p->n_addresses, &conf->address);

	if (ret < 0 && ret != -EADDRNOTAVAIL) /* it is never asked for */
		return ret;
	ret = hops_take(n->compile.hops, port_index, &conf->address, &index);
	if (ret == 0)
		ret = el_neigh_set_static(n->neigh, index, port_index, &conf->address, conf->mac);
	if (ret < 0)
		return ret;
	n->users[index.v]++; /* they stay */
	n->n_hops = RTE_MAX(n->n_hops, index.v + 1U);
	return 0;
}

/* The neighbours of a port that are configured. */
static int set_neighbours(struct network *n, uint16_t port, const struct el_conf_port *conf,
			  struct el_error *err)
{
	for (size_t i = 0; i < conf->n_neighbours; i++) {
		const struct el_conf_neighbour *c = &conf->neighbours[i];
		char text[EL_IP_STRLEN];
		int ret = set_neighbour(n, port, c);

		if (ret < 0)
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
						       .own = own_checked,
						       .context = n}};

	if (!ports)
		return el_error_set(err, -ENOMEM, "not enough memory");
	for (uint32_t i = 0; i < n->n_ports; i++) {
		memcpy(ports[i].mac, n->ports[i].port->mac, 6);
		ports[i].vlan = el_conf_port_vlan(n->ports[i].conf);
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
}

void network_attach(struct network *n, struct el_worker *const *workers, uint32_t n_workers)
{
	n->workers = workers;
	n->n_workers = n_workers;
	n->own_told = n_workers * n->n_ports;
	tell_next_hops(n);
}

static void read_frames(struct network *n, uint32_t worker)
{
	struct rte_mbuf *frames[32];
	unsigned count = el_worker_punted(n->workers[worker], frames, 32);

	for (unsigned i = 0; i < count; i++) {
		struct el_port_idx port;

		if (find_link(n, frames[i], &port)) {
			advertised_input(n, port.v, rte_pktmbuf_mtod(frames[i], const uint8_t *),
					 frames[i]->data_len);
			el_neigh_input(n->neigh, port, rte_pktmbuf_mtod(frames[i], const uint8_t *),
				       frames[i]->data_len, n->now_ns);
		}
		rte_pktmbuf_free(frames[i]);
	}
}

void network_poll(struct network *n, uint64_t now_ns)
{
	n->now_ns = now_ns;
	for (uint32_t w = 0; w < n->n_workers; w++)
		read_frames(n, w);
	el_neigh_set_deaf(n->neigh, network_was_away(n));
	if (now_ns >= el_neigh_next_deadline(n->neigh))
		el_neigh_tick(n->neigh, now_ns);
	advertised_poll(n);
	update_own(n);
	ask_for_some(n);
	tell_next_hops(n);
}

bool network_settled(const struct network *n)
{
	return el_neigh_count_pending(n->neigh) == 0 && all_are_asked_for(n);
}

bool network_told(const struct network *n)
{
	return all_are_asked_for(n) && !n->n_untold && !n->own_changed &&
	       n->own_told == n->n_workers * n->n_ports;
}
