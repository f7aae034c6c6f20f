/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops to MAC addresses. Each entry is in a phase, and the table `phases` is all there is to
 * know of one: what is sent on entering it and after each of its waits, and where an entry goes
 * when they are over without an answer. What an answer, or anything else that is heard of a
 * neighbour, does to it is in exchange.c. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ethernet.h"

#define NS_PER_MS UINT64_C(1000000)
#define RESEND_NS (10 * NS_PER_MS) /* after a frame that could not be sent */

/* Entries that became reachable together are refreshed one after the other. */
#define REFRESH_SPREAD 64
#define REFRESH_SPREAD_NS (100 * NS_PER_MS)

#define WAITS_MAX 6

static const struct phase_row {
	enum el_neigh_state state; /* as others see it */
	enum request request;
	uint16_t waits_ms[WAITS_MAX]; /* up to the first 0 */
	enum phase next;              /* when all waits are over */
} phases[] = {
    [FREE] = {EL_NEIGH_FAILED, NO_REQUEST, {0}, FREE},
    [INCOMPLETE] = {EL_NEIGH_PENDING, MULTICAST, {200, 300, 1000, 1000, 500}, UNREACHABLE},
    [REACHABLE] = {EL_NEIGH_READY, NO_REQUEST, {30000}, REFRESHING},
    [REFRESHING] = {EL_NEIGH_READY, UNICAST, {1000, 1000, 1000}, DOUBTFUL},
    [DOUBTFUL] = {EL_NEIGH_READY, MULTICAST, {200, 300, 500, 1000, 1000}, UNREACHABLE},
    [CHALLENGED] = {EL_NEIGH_READY, UNICAST, {200, 300, 500}, DOUBTFUL},
    [CONTESTED] = {EL_NEIGH_READY, NO_REQUEST, {1000}, CHALLENGED},
    [UNREACHABLE] = {EL_NEIGH_FAILED, MULTICAST, {5000}, UNREACHABLE},
    [FIXED] = {EL_NEIGH_READY, NO_REQUEST, {0}, FIXED},
};

static struct el_neigh view(const struct entry *e)
{
	struct el_neigh n = {.port = e->port, .ip = e->ip, .state = phases[e->phase].state};

	memcpy(n.mac, e->mac, sizeof(n.mac));
	return n;
}

bool table_is_ready(const struct entry *e)
{
	return phases[e->phase].state == EL_NEIGH_READY;
}

static uint16_t index_of(const struct el_neigh_table *t, const struct entry *e)
{
	return (uint16_t)(e - t->entries);
}

/* ---- phases ---- */

/* Begins the next wait of an entry's phase, or, if they are over, leads it to the next phase and
 * its first. */
static void advance(struct el_neigh_table *t, struct entry *e, uint64_t now_ns)
{
	const struct phase_row *row = &phases[e->phase];

	if (e->waits == WAITS_MAX || row->waits_ms[e->waits] == 0) {
		e->phase = row->next;
		e->waits = 0;
		row = &phases[e->phase];
	}
	if (row->request != NO_REQUEST && !exchange_ask(t, e, row->request)) {
		e->deadline_ns = now_ns + RESEND_NS;
		return;
	}
	e->deadline_ns = now_ns + row->waits_ms[e->waits] * NS_PER_MS;
	if (e->phase == REACHABLE)
		e->deadline_ns -= index_of(t, e) % REFRESH_SPREAD * REFRESH_SPREAD_NS;
	e->waits++;
}

void table_begin(struct el_neigh_table *t, struct entry *e, enum phase phase, uint64_t now_ns)
{
	e->phase = phase;
	e->waits = 0;
	if (phases[phase].waits_ms[0] == 0)
		e->deadline_ns = UINT64_MAX;
	else
		advance(t, e, now_ns);
}

static void tell(struct el_neigh_table *t, const struct entry *e, const struct el_neigh *before)
{
	struct el_neigh now = view(e);

	if (now.state != before->state ||
	    (now.state == EL_NEIGH_READY && memcmp(now.mac, before->mac, sizeof(now.mac)) != 0))
		t->callbacks.changed(t->callbacks.context, (struct el_next_hop_idx){index_of(t, e)},
				     &now);
}

/* ---- entries ---- */

struct entry *table_find(const struct el_neigh_table *t, struct el_port_idx port,
			 const struct el_ip *ip)
{
	for (uint16_t i = 0; i < t->n_entries; i++) {
		struct entry *e = &t->entries[i];

		if (e->phase != FREE && e->port.v == port.v && el_ip_equal(&e->ip, ip))
			return e;
	}
	return NULL;
}

static struct entry *make(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip)
{
	struct entry *e = t->entries;

	while (e < t->entries + t->n_entries && e->phase != FREE)
		e++;
	if (e == t->entries + t->max_entries)
		return NULL;
	if (e == t->entries + t->n_entries)
		t->n_entries++;
	*e = (struct entry){.port = port, .ip = *ip, .deadline_ns = UINT64_MAX};
	return e;
}

static int find_or_make(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
			struct entry **ret_entry)
{
	struct entry *e;

	if (port.v >= t->n_ports || !el_ip_is_host(ip) || table_find_own(&t->ports[port.v], ip))
		return -EINVAL;
	e = table_find(t, port, ip);
	if (!e)
		e = make(t, port, ip);
	if (!e)
		return -ENOSPC;
	*ret_entry = e;
	return 0;
}

int el_neigh_need(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
		  uint64_t now_ns, struct el_next_hop_idx *ret_index)
{
	struct entry *e;
	int r;

	if (ip->family == 6 && port.v < t->n_ports && !exchange_can_ask(&t->ports[port.v], ip))
		return -EADDRNOTAVAIL;
	r = find_or_make(t, port, ip, &e);
	if (r < 0)
		return r;
	if (e->phase == FREE)
		table_begin(t, e, INCOMPLETE, now_ns);
	*ret_index = (struct el_next_hop_idx){index_of(t, e)};
	return 0;
}

int el_neigh_set_static(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
			const uint8_t mac[6], struct el_next_hop_idx *ret_index)
{
	struct entry *e;
	int r = find_or_make(t, port, ip, &e);

	if (r < 0)
		return r;
	table_learn(t, e, mac, FIXED, 0);
	*ret_index = (struct el_next_hop_idx){index_of(t, e)};
	return 0;
}

void el_neigh_release(struct el_neigh_table *t, struct el_next_hop_idx index)
{
	if (index.v < t->n_entries)
		t->entries[index.v] = (struct entry){.phase = FREE, .deadline_ns = UINT64_MAX};
}

/* ---- events ---- */

void table_learn(struct el_neigh_table *t, struct entry *e, const uint8_t mac[6], enum phase phase,
		 uint64_t now_ns)
{
	struct el_neigh before = view(e);

	memcpy(e->mac, mac, sizeof(e->mac));
	e->claimed = false;
	table_begin(t, e, phase, now_ns);
	tell(t, e, &before);
}

void el_neigh_tick(struct el_neigh_table *t, uint64_t now_ns)
{
	for (uint16_t i = 0; i < t->n_entries; i++) {
		struct entry *e = &t->entries[i];
		struct el_neigh before;

		if (e->deadline_ns > now_ns)
			continue;
		before = view(e);
		advance(t, e, now_ns);
		tell(t, e, &before);
	}
}

uint64_t el_neigh_next_deadline(const struct el_neigh_table *t)
{
	uint64_t next = UINT64_MAX;

	for (uint16_t i = 0; i < t->n_entries; i++)
		if (t->entries[i].deadline_ns < next)
			next = t->entries[i].deadline_ns;
	return next;
}

/* ---- looking ---- */

int el_neigh_get(const struct el_neigh_table *t, struct el_next_hop_idx index,
		 struct el_neigh *ret_neigh)
{
	if (index.v >= t->n_entries || t->entries[index.v].phase == FREE)
		return -ENOENT;
	*ret_neigh = view(&t->entries[index.v]);
	return 0;
}

unsigned el_neigh_count_pending(const struct el_neigh_table *t)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < t->n_entries; i++)
		n += phases[t->entries[i].phase].state == EL_NEIGH_PENDING;
	return n;
}

size_t el_neigh_header(const struct el_neigh_table *t, struct el_next_hop_idx index,
		       uint16_t ethertype, uint8_t ret_header[EL_NEIGH_HEADER_MAX])
{
	const struct entry *e = &t->entries[index.v];

	if (index.v >= t->n_entries || e->phase == FREE)
		return 0;
	return ethernet_header(ret_header, e->mac, t->ports[e->port.v].mac,
			       t->ports[e->port.v].vlan, ethertype);
}

void el_neigh_counters_read(const struct el_neigh_table *t, struct el_port_idx port,
			    struct el_neigh_counters *ret_counters)
{
	*ret_counters = t->ports[port.v].counters;
}

/* ---- life ---- */

static int copy_port(struct port *p, const struct el_neigh_port *from)
{
	memcpy(p->mac, from->mac, sizeof(p->mac));
	p->vlan = from->vlan;
	if (from->n_addresses == 0)
		return 0;
	p->addresses = calloc(from->n_addresses, sizeof(*p->addresses));
	if (!p->addresses)
		return -ENOMEM;
	p->n_addresses = from->n_addresses;
	memcpy(p->addresses, from->addresses, from->n_addresses * sizeof(*p->addresses));
	return 0;
}

struct el_neigh_table *el_neigh_create(const struct el_neigh_config *config)
{
	struct el_neigh_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->callbacks = config->callbacks;
	t->max_entries = config->max_entries;
	t->ports = calloc(config->n_ports, sizeof(*t->ports));
	t->entries = calloc(config->max_entries, sizeof(*t->entries));
	if (!t->ports || !t->entries)
		goto fail;
	for (; t->n_ports < config->n_ports; t->n_ports++)
		if (copy_port(&t->ports[t->n_ports], &config->ports[t->n_ports]) < 0)
			goto fail;
	return t;

fail:
	el_neigh_destroy(t);
	errno = ENOMEM;
	return NULL;
}

void el_neigh_destroy(struct el_neigh_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_ports; i++)
		free(t->ports[i].addresses);
	free(t->ports);
	free(t->entries);
	free(t);
}
