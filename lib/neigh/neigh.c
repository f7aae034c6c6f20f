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
/* A turn that is not taken by then is forfeited: what is due by less is one more burst at most. */
#define TURN_NS (64 * NS_PER_MS)
#define TICK_MAX 1024 /* entries, in one call of el_neigh_tick */

/* Between two requests of a kind by one port, and how many may go out at once before that holds. A
 * thousand broadcasts a second is what scanners of networks allow themselves, and far below where
 * switches begin to drop them; whoever does not answer must not keep out who is new. */
static const struct {
	uint32_t ns, burst;
} turns[TURNS] = {
    [TURN_UNICAST] = {250000, 256},
    [TURN_MULTICAST] = {1000000, 64},
    [TURN_UNREACHABLE] = {5000000, 16},
};

/* Who does not answer is asked after 5 s, 10 s, and so on, up to every minute; a quarter less by
 * chance, lest those that went away together are asked together. */
#define RETRY_NS (5000 * NS_PER_MS)
#define RETRY_MAX_NS (60000 * NS_PER_MS)

/* Whom another can stand in for is asked so often. */
#define WATCH_NS (5000 * NS_PER_MS)

/* Entries that became reachable together are refreshed one after the other. */
#define REFRESH_SPREAD 64
#define REFRESH_SPREAD_NS (100 * NS_PER_MS)

#define WAITS_MAX 6
#define ENTRIES_MIN 64 /* memory for so many is had from the start; a power of two */

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
    [UNREACHABLE] = {EL_NEIGH_FAILED, MULTICAST, {5000 /* and longer: retry_ns */}, UNREACHABLE},
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

static uint32_t index_of(const struct el_neigh_table *t, const struct entry *e)
{
	return (uint32_t)(e - t->entries);
}

/* ---- phases ---- */

static void set_phase(struct el_neigh_table *t, struct entry *e, enum phase phase)
{
	t->n_pending -= phases[e->phase].state == EL_NEIGH_PENDING;
	t->n_pending += phases[phase].state == EL_NEIGH_PENDING;
	e->phase = phase;
	e->waits = 0;
	e->failures = 0;
	e->has_turn = false;
}

/* The time at which a request of its kind may be sent: now, or when those before it are. */
static uint64_t take_turn(struct el_neigh_table *t, const struct entry *e, enum request request,
			  uint64_t now_ns)
{
	enum turn turn = request == UNICAST        ? TURN_UNICAST
			 : e->phase == UNREACHABLE ? TURN_UNREACHABLE
						   : TURN_MULTICAST;
	uint64_t *full = &t->ports[e->port.v].turn_ns[turn], granted;
	uint64_t burst_ns = (uint64_t)turns[turn].burst * turns[turn].ns;

	if (*full < now_ns)
		*full = now_ns;
	*full += turns[turn].ns;
	granted = *full > burst_ns ? *full - burst_ns : 0;
	return granted > now_ns ? granted : now_ns;
}

/* How long a request to somebody that is unreachable is waited for. */
static uint64_t retry_ns(const struct el_neigh_table *t, struct entry *e, uint64_t now_ns)
{
	static const struct el_siphash_key key = {1, 2};
	const uint64_t what[] = {index_of(t, e), now_ns};
	uint64_t ns = RETRY_NS << (e->failures < 4 ? e->failures : 4);

	if (ns > RETRY_MAX_NS)
		ns = RETRY_MAX_NS;
	e->failures += e->failures < 4;
	return ns - el_siphash(&key, what, sizeof(what)) % (ns / 4);
}

/* Begins the next wait of an entry's phase, or, if they are over, leads it to the next phase and
 * its first. */
static void advance(struct el_neigh_table *t, struct entry *e, uint64_t now_ns)
{
	const struct phase_row *row = &phases[e->phase];
	uint32_t index = index_of(t, e);
	uint64_t at, wait_ns;

	if (!e->has_turn && (e->waits == WAITS_MAX || row->waits_ms[e->waits] == 0)) {
		if (e->phase == UNREACHABLE)
			e->waits = 0;
		else if (row->next == UNREACHABLE && t->is_deaf)
			e->waits--; /* asked once more, and waited for */
		else
			set_phase(t, e, row->next);
		row = &phases[e->phase];
	}
	if (row->request != NO_REQUEST) {
		/* who was away does not send at once all that was due */
		if (!e->has_turn || now_ns - e->turn_ns > TURN_NS)
			e->turn_ns = take_turn(t, e, row->request, now_ns);
		e->has_turn = true;
		if (e->turn_ns > now_ns || !exchange_ask(t, e, row->request)) {
			at = e->turn_ns > now_ns ? e->turn_ns : now_ns + RESEND_NS;
			due_set(&t->due, index, at);
			return;
		}
		e->has_turn = false;
	}
	wait_ns = row->waits_ms[e->waits] * NS_PER_MS;
	if (e->watched && (e->phase == REACHABLE || e->phase == UNREACHABLE))
		wait_ns = WATCH_NS;
	else if (e->phase == REACHABLE)
		wait_ns -= index % REFRESH_SPREAD * REFRESH_SPREAD_NS;
	else if (e->phase == UNREACHABLE)
		wait_ns = retry_ns(t, e, now_ns);
	due_set(&t->due, index, now_ns + wait_ns);
	e->waits++;
}

void table_begin(struct el_neigh_table *t, struct entry *e, enum phase phase, uint64_t now_ns)
{
	set_phase(t, e, phase);
	if (phases[phase].waits_ms[0] == 0)
		due_set(&t->due, index_of(t, e), UINT64_MAX);
	else
		advance(t, e, now_ns);
}

static void tell(struct el_neigh_table *t, const struct entry *e, const struct el_neigh *before)
{
	struct el_neigh now = view(e);

	if (now.state != before->state ||
	    (now.state == EL_NEIGH_READY && memcmp(now.mac, before->mac, sizeof(now.mac)) != 0))
		t->callbacks.changed(t->callbacks.context,
				     (struct el_next_hop_idx){(uint16_t)index_of(t, e)}, &now);
}

/* ---- entries ---- */

static uint32_t *bucket_of(const struct el_neigh_table *t, struct el_port_idx port,
			   const struct el_ip *ip)
{
	static const struct el_siphash_key key = {1, 2};

	return &t->buckets[(el_siphash(&key, ip->bytes, sizeof(ip->bytes)) + port.v) &
			   (t->n_entries - 1)];
}

struct entry *table_find(const struct el_neigh_table *t, struct el_port_idx port,
			 const struct el_ip *ip)
{
	for (uint32_t i = *bucket_of(t, port, ip); i; i = t->entries[i - 1].next) {
		struct entry *e = &t->entries[i - 1];

		if (e->port.v == port.v && el_ip_equal(&e->ip, ip))
			return e;
	}
	return NULL;
}

static void link_entry(struct el_neigh_table *t, struct entry *e)
{
	uint32_t *bucket = bucket_of(t, e->port, &e->ip);

	e->next = *bucket;
	*bucket = index_of(t, e) + 1;
}

static void unlink_entry(struct el_neigh_table *t, const struct entry *e)
{
	uint32_t *link = bucket_of(t, e->port, &e->ip);

	while (*link != index_of(t, e) + 1)
		link = &t->entries[*link - 1].next;
	*link = e->next;
}

/* Room for entry `index`. False: there is no memory, and all is as it was. */
static bool reserve(struct el_neigh_table *t, uint32_t index)
{
	uint32_t n = t->n_entries ? t->n_entries : ENTRIES_MIN;
	struct entry *entries;
	uint32_t *buckets;

	while (n <= index)
		n *= 2;
	if (n == t->n_entries)
		return true;
	buckets = calloc(n, sizeof(*buckets));
	entries = realloc(t->entries, n * sizeof(*entries));
	if (entries)
		t->entries = entries;
	if (!buckets || !entries || due_reserve(&t->due, n, t->n_entries) < 0) {
		free(buckets);
		return false;
	}
	memset(&entries[t->n_entries], 0, (n - t->n_entries) * sizeof(*entries));
	free(t->buckets);
	t->buckets = buckets;
	t->n_entries = n;
	for (uint32_t i = 0; i < n; i++) {
		if (entries[i].phase != FREE)
			link_entry(t, &entries[i]);
	}
	return true;
}

static int find_or_make(struct el_neigh_table *t, struct el_next_hop_idx index,
			struct el_port_idx port, const struct el_ip *ip, struct entry **ret_entry)
{
	struct entry *e;

	if (index.v >= t->max_entries || port.v >= t->n_ports || !el_ip_is_host(ip))
		return -EINVAL;
	if (!reserve(t, index.v))
		return -ENOMEM;
	e = table_find(t, port, ip);
	if (e ? index_of(t, e) != index.v : t->entries[index.v].phase != FREE)
		return -EEXIST;
	if (!e) {
		e = &t->entries[index.v];
		*e = (struct entry){.port = port, .ip = *ip};
		link_entry(t, e);
	}
	*ret_entry = e;
	return 0;
}

int el_neigh_need(struct el_neigh_table *t, struct el_next_hop_idx index, struct el_port_idx port,
		  const struct el_ip *ip, uint64_t now_ns)
{
	struct entry *e;
	int r = find_or_make(t, index, port, ip, &e);

	if (r == 0 && e->phase == FREE)
		table_begin(t, e, INCOMPLETE, now_ns);
	return r;
}

int el_neigh_set_static(struct el_neigh_table *t, struct el_next_hop_idx index,
			struct el_port_idx port, const struct el_ip *ip, const uint8_t mac[6])
{
	struct entry *e;
	int r = find_or_make(t, index, port, ip, &e);

	if (r == 0)
		table_learn(t, e, mac, FIXED, 0);
	return r;
}

void el_neigh_watch(struct el_neigh_table *t, struct el_next_hop_idx index, uint64_t now_ns)
{
	struct entry *e = &t->entries[index.v];

	if (index.v >= t->n_entries || e->phase == FREE || e->phase == FIXED || e->watched)
		return;
	e->watched = true;
	if (e->phase == REACHABLE || e->phase == UNREACHABLE)
		due_set(&t->due, index_of(t, e), now_ns + WATCH_NS);
}

void el_neigh_release(struct el_neigh_table *t, struct el_next_hop_idx index)
{
	struct entry *e = &t->entries[index.v];

	if (index.v >= t->n_entries || e->phase == FREE)
		return;
	unlink_entry(t, e);
	table_begin(t, e, FREE, 0);
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

void el_neigh_ask_again(struct el_neigh_table *t, struct el_port_idx port, uint64_t now_ns)
{
	own_ask_again(t, port, now_ns);
	for (uint32_t i = 0; i < t->n_entries; i++) {
		struct entry *e = &t->entries[i];
		struct el_neigh before = view(e);

		if (e->phase == FREE || e->phase == FIXED || e->port.v != port.v)
			continue;
		table_begin(t, e, table_is_ready(e) ? DOUBTFUL : INCOMPLETE, now_ns);
		tell(t, e, &before);
	}
}

void el_neigh_set_deaf(struct el_neigh_table *t, bool is_deaf)
{
	t->is_deaf = is_deaf;
}

void el_neigh_tick(struct el_neigh_table *t, uint64_t now_ns)
{
	own_tick(t, now_ns);
	for (uint32_t i = 0; i < TICK_MAX && due_next_ns(&t->due) <= now_ns; i++) {
		struct entry *e = &t->entries[t->due.items[0].id];
		struct el_neigh before = view(e);

		advance(t, e, now_ns);
		tell(t, e, &before);
	}
}

uint64_t el_neigh_next_deadline(const struct el_neigh_table *t)
{
	uint64_t ns = due_next_ns(&t->due);

	return ns < t->own_due_ns ? ns : t->own_due_ns;
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
	return t->n_pending + t->n_asked;
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

struct el_neigh_table *el_neigh_create(const struct el_neigh_config *config)
{
	struct el_neigh_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->callbacks = config->callbacks;
	t->max_entries = config->max_entries;
	t->own_due_ns = UINT64_MAX;
	t->ports = calloc(config->n_ports, sizeof(*t->ports));
	if (!t->ports || !reserve(t, 0))
		goto fail;
	for (; t->n_ports < config->n_ports; t->n_ports++) {
		const struct el_neigh_port *from = &config->ports[t->n_ports];

		memcpy(t->ports[t->n_ports].mac, from->mac, 6);
		t->ports[t->n_ports].vlan = from->vlan;
		if (el_neigh_set_addresses(t, (struct el_port_idx){(uint16_t)t->n_ports},
					   from->addresses, from->n_addresses) < 0)
			goto fail;
	}
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
	for (size_t i = 0; i < t->n_ports; i++) {
		free(t->ports[i].addresses);
		free(t->ports[i].own);
	}
	free(t->ports);
	free(t->entries);
	free(t->buckets);
	due_fini(&t->due);
	free(t);
}
