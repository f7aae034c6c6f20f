/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "el_worker.h"

/* An entry of the table: 56 bits of the key's hash and the worker + 1; 0: empty. Two keys that have
 * these bits in common cost one of them a forwarded answer, no more. */
#define ENTRY_WORKER 0xffULL
#define TABLE_MIN 1024U
#define TABLE_MAX (1U << 21) /* 16 MiB; half of it is used */

/* Learning takes place where more than one in so many probes sent had its answer forwarded ... */
#define FORWARDED_SHARE 100
/* ... at most so often in a row, once more for so many rounds without need. */
#define TRIES_MAX 3
#define GOOD_ROUNDS 64

struct steering_port {
	const struct el_port *port;
	atomic_bool learnt;
};

struct steering {
	struct steering_port ports[EL_WORKER_QUEUES_MAX];
	uint32_t n_ports;
	uint8_t hop_ports[EL_NEXT_HOPS_MAX]; /* port by next hop */
	uint64_t *table;                     /* open addressing; NULL: nothing learnt yet */
	uint32_t size, used;                 /* size: a power of two */
};

struct steering *steering_create(void)
{
	return calloc(1, sizeof(struct steering));
}

void steering_destroy(struct steering *p)
{
	if (!p)
		return;
	free(p->table);
	free(p);
}

void steering_add_port(struct steering *p, const struct el_port *port)
{
	p->ports[p->n_ports++].port = port;
}

void steering_set_hop(struct steering *p, struct el_next_hop_idx next_hop, struct el_port_idx port)
{
	p->hop_ports[next_hop.v] = (uint8_t)port.v;
}

/* Of type and addresses: what decides where answers come in, and what keeps those together that may
 * share a port cursor. */
static uint64_t hash_of(const struct el_slice *s)
{
	const struct el_siphash_key key = {1, 2};
	const uint64_t data[] = {s->addr_key, s->type};

	return el_siphash(&key, data, sizeof(data));
}

/* ---- the table ---- */

/* The entry of `hash`, or the empty one where it belongs. */
static uint64_t *find(uint64_t *table, uint32_t size, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 32) & (size - 1);

	while (table[i] && ((table[i] ^ hash) & ~ENTRY_WORKER))
		i = (i + 1) & (size - 1);
	return &table[i];
}

static bool grow(struct steering *p)
{
	uint32_t size = p->table ? 2 * p->size : TABLE_MIN;
	uint64_t *table = calloc(size, sizeof(*table));

	if (!table)
		return false;
	for (uint32_t i = 0; i < p->size; i++) {
		if (p->table[i])
			*find(table, size, p->table[i]) = p->table[i];
	}
	free(p->table);
	p->table = table;
	p->size = size;
	return true;
}

/* False where there is no room. */
static bool put(struct steering *p, uint64_t hash, uint32_t worker)
{
	uint64_t *entry;

	if (2 * p->used >= p->size && (p->size == TABLE_MAX || !grow(p)))
		return false;
	entry = find(p->table, p->size, hash);
	p->used += !*entry;
	*entry = (hash & ~ENTRY_WORKER) | (worker + 1);
	return true;
}

/* What was learnt for targets that are gone takes room: once it is short, all is learnt anew. */
static void make_room(struct steering *p, uint32_t n)
{
	if (!p->table || p->used + n <= TABLE_MAX / 2)
		return;
	free(p->table);
	p->table = NULL;
	p->size = p->used = 0;
}

/* ---- placing ---- */

static const struct steering_port *port_of(const struct steering *p, const struct el_slice *s)
{
	return &p->ports[p->hop_ports[s->next_hop.v]];
}

uint32_t steering_worker(const struct steering *p, const struct el_slice *slice)
{
	const struct el_port *port = port_of(p, slice)->port;
	const uint8_t *target, *own;
	uint64_t hash, learnt;

	if (port->n_queues < 2)
		return 0;
	hash = hash_of(slice);
	learnt = p->table ? *find(p->table, p->size, hash) & ENTRY_WORKER : 0;
	if (learnt && learnt <= port->n_queues)
		return (uint32_t)learnt - 1;
	if (!el_port_rss_tells(&port->rss, (enum el_probe_type)slice->type, slice->family))
		return (uint32_t)(hash % port->n_queues);
	el_slice_addresses(slice, &target, &own);
	return el_port_rss_queue(&port->rss, slice->family, target, own);
}

enum el_placement steering_source(const struct steering *p, struct el_port_idx port)
{
	const struct steering_port *pp = &p->ports[port.v];

	if (atomic_load_explicit(&pp->learnt, memory_order_relaxed))
		return EL_PLACEMENT_LEARNT;
	if (el_port_rss_tells(&pp->port->rss, EL_PROBE_ICMPPING, 4) ||
	    el_port_rss_tells(&pp->port->rss, EL_PROBE_ICMPPING, 6))
		return EL_PLACEMENT_COMPUTED;
	return EL_PLACEMENT_NONE;
}

/* ---- learning ---- */

/* A device that does not spread what comes in puts it all into one queue: following it there would
 * leave the work to one worker. */
static bool spreads(const struct steering_port *pp)
{
	return pp->port->rss.on;
}

bool steering_can_learn(const struct steering *p)
{
	for (uint32_t i = 0; i < p->n_ports; i++) {
		if (spreads(&p->ports[i]))
			return true;
	}
	return false;
}

/* The worker on whose queue the answers to a slice of worker `w` come in. */
static uint32_t rx_worker(const struct steering *p, const struct el_streams *streams, uint32_t w,
			  uint32_t slice)
{
	const struct el_slice *s = &streams->set->plans[w]->slices[slice];
	uint32_t rx = atomic_load_explicit(&streams->of[w].rx_worker[slice], memory_order_relaxed);

	/* not a worker without a queue of the port: they came back by another */
	return rx && rx <= port_of(p, s)->port->n_queues ? rx - 1 : w;
}

/* Whether a port's probes would still be spread, each being sent where its answers come in: no
 * worker with more than twice its part, nor with most of what is another's. Drivers that hash only
 * some packets leave the others to one queue. */
static bool stays_spread(const uint64_t *load, uint32_t n)
{
	uint64_t most = 0, sum = 0;

	for (uint32_t w = 0; w < n; w++) {
		sum += load[w];
		if (load[w] > most)
			most = load[w];
	}
	return 2 * n * most <= RTE_MIN(n + 1, 4U) * sum;
}

/* Probes by port and worker, if all were sent where their answers come in. */
typedef uint64_t loads[EL_WORKER_QUEUES_MAX][EL_PORT_QUEUES_MAX];

/* How many slices would move. */
static uint32_t add_up(const struct steering *p, const struct el_streams *streams, loads ret_load)
{
	const struct el_plan_set *set = streams->set;
	uint32_t moved = 0;

	for (uint32_t w = 0; w < set->n_workers; w++) {
		const struct el_plan *plan = set->plans[w];
		for (uint32_t i = 0; i < plan->n_slices; i++) {
			const struct el_slice *s = &plan->slices[i];
			uint32_t to = rx_worker(p, streams, w, i);
			ret_load[p->hop_ports[s->next_hop.v]][to] += s->n_packets;
			moved += to != w;
		}
	}
	return moved;
}

static uint32_t learn_plan(struct steering *p, const struct el_streams *streams, uint32_t w,
			   const bool *learn)
{
	const struct el_plan *plan = streams->set->plans[w];
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n_slices; i++) {
		const struct el_slice *s = &plan->slices[i];
		uint32_t port = p->hop_ports[s->next_hop.v], to = rx_worker(p, streams, w, i);
		if (!learn[port] || to == w)
			continue;
		if (!put(p, hash_of(s), to))
			break;
		atomic_store_explicit(&p->ports[port].learnt, true, memory_order_relaxed);
		n++;
	}
	return n;
}

uint32_t steering_learn(struct steering *p, const struct el_streams *streams)
{
	bool learn[EL_WORKER_QUEUES_MAX] = {false};
	loads load = {{0}};
	uint32_t n = 0;

	make_room(p, add_up(p, streams, load));
	for (uint32_t i = 0; i < p->n_ports; i++)
		learn[i] =
		    spreads(&p->ports[i]) && stays_spread(load[i], p->ports[i].port->n_queues);
	for (uint32_t w = 0; w < streams->set->n_workers; w++)
		n += learn_plan(p, streams, w, learn);
	return n;
}

bool steering_watch_round(struct steering_watch *w, uint64_t forwarded, uint64_t sent)
{
	if (forwarded * FORWARDED_SHARE <= sent) {
		if (w->tries && ++w->good_rounds % GOOD_ROUNDS == 0)
			w->tries--;
		return false;
	}
	w->good_rounds = 0;
	if (w->tries == TRIES_MAX)
		return false;
	w->tries++;
	return true;
}
