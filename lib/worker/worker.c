/* SPDX-License-Identifier: BSD-3-Clause */
/* Making and unmaking workers, and control's ends of their rings. */
#include "worker_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_malloc.h>

/* What a worker that looks away may be sent at most before control waits for it: the blocks of two
 * plans, and what goes with a change of plans and a stop. */
#define RESERVED_COMMANDS (2 * EL_PLAN_BLOCKS_MAX + 16)
_Static_assert(RESERVED_COMMANDS < RING_COMMANDS / 2, "more is left for next hops");
#define RING_EVENTS 8192
#define MAX_VID 0xfff /* an el_vlan above has two tags */
#define RING_FORWARDED 8192
#define RING_CLOCK_NOTES 16

/* Iterations do not take longer, unless the worker was away; the second, where it waits for
 * control to tell whether it was. */
#define JUMP_S 1e-3
#define JUMP_TOLD_S 0.1

static void write_payload(struct rte_mempool *pool, void *arg, void *obj, unsigned index)
{
	struct rte_mbuf *m = obj;
	const uint8_t *payload = arg;
	size_t room = m->buf_len - PAYLOAD_OFFSET;

	(void)pool;
	(void)index;
	memcpy((uint8_t *)m->buf_addr + PAYLOAD_OFFSET, payload,
	       room < EL_PLAN_PAYLOAD_BYTES ? room : EL_PLAN_PAYLOAD_BYTES);
}

struct rte_mempool *el_worker_tx_pool_create(const char *name, uint32_t n, uint16_t mtu, int socket,
					     const uint8_t *payload)
{
	struct rte_mempool *pool;
	uint8_t *writable;

	if (mtu > EL_PLAN_PAYLOAD_BYTES) {
		rte_errno = EINVAL;
		return NULL;
	}
	pool = rte_pktmbuf_pool_create(name, n, 256, 0, (uint16_t)(PAYLOAD_OFFSET + mtu), socket);
	if (pool) {
		memcpy(&writable, &payload, sizeof(writable)); /* the callback only reads it */
		rte_mempool_obj_iter(pool, write_payload, writable);
	}
	return pool;
}

bool el_worker_can_share(const struct el_worker_queue *queues, uint32_t n_queues, uint16_t mtu)
{
	return n_queues == 1 && queues[0].pool && mtu <= EL_PLAN_PAYLOAD_BYTES &&
	       rte_pktmbuf_data_room_size(queues[0].pool) >= PAYLOAD_OFFSET + mtu;
}

static struct rte_ring *ring(const char *what, struct el_worker_idx index, uint32_t elem_size,
			     uint32_t count_, int socket, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "el_%s_%u", what, index.v);
	return rte_ring_create_elem(name, elem_size, count_, socket, flags);
}

static int make_rings(struct el_worker *w)
{
	const unsigned spsc = RING_F_SP_ENQ | RING_F_SC_DEQ;
	struct el_worker_idx i = w->conf.index;
	int socket = w->conf.socket;

	w->commands = ring("cmd", i, sizeof(struct el_command), RING_COMMANDS, socket, spsc);
	w->reports = ring("report", i, sizeof(void *), ROUNDS_MAX * 4, socket, spsc);
	w->events = ring("event", i, sizeof(struct el_event), RING_EVENTS, socket, spsc);
	w->punted = ring("punt", i, sizeof(void *), RING_FRAMES, socket, spsc);
	w->injected = ring("inject", i, sizeof(void *), RING_FRAMES, socket, spsc);
	w->forwarded =
	    ring("fwd", i, sizeof(struct el_answer), RING_FORWARDED, socket, RING_F_SC_DEQ);
	w->clock_notes =
	    ring("clock", i, sizeof(struct el_clock_note), RING_CLOCK_NOTES, socket, spsc);
	return w->commands && w->reports && w->events && w->punted && w->injected && w->forwarded &&
		       w->clock_notes
		   ? 0
		   : -ENOMEM;
}

/* Two megabytes that are read all over, so in one page where that can be had. */
static struct hop *make_hops(struct el_worker *w)
{
	const size_t bytes = EL_NEXT_HOPS_MAX * sizeof(struct hop);
	struct hop *hops = aligned_alloc(bytes, bytes);

	if (!hops)
		return NULL;
	(void)madvise(hops, bytes, MADV_HUGEPAGE); /* it works without */
	for (uint32_t i = 0; i < EL_NEXT_HOPS_MAX; i++)
		hops[i] = (struct hop){.queue = &w->queues[0]};
	return hops;
}

enum el_worker_vectors el_worker_vectors_best(void)
{
#ifdef __x86_64__
	/* VBMI2 is not used. But CPUs that have AVX-512 without it may clock lower while registers
	 * of 512 bits are used, for all that runs on the core. */
	if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return EL_WORKER_AVX512;
#endif
	return EL_WORKER_SCALAR;
}

const char *el_worker_vectors_name(enum el_worker_vectors vectors)
{
	return vectors == EL_WORKER_AVX512 ? "AVX-512" : "none";
}

/* The first queue with the same queue pair as queue i, itself at last. */
static struct queue *first_of(struct el_worker *w, uint32_t i)
{
	const struct el_worker_queue *conf = w->conf.queues;
	uint32_t k = 0;

	while (conf[k].port_id != conf[i].port_id || conf[k].rx_queue != conf[i].rx_queue ||
	       conf[k].tx_queue != conf[i].tx_queue)
		k++;
	return &w->queues[k];
}

static void make_queue(struct el_worker *w, uint32_t i)
{
	const struct el_worker_queue *conf = &w->conf.queues[i];
	struct queue *q = &w->queues[i];

	*q = (struct queue){.conf = *conf,
			    .tags = el_tags_of(conf->vlan),
			    .first = first_of(w, i),
			    .empty_ns = w->iteration_ns,
			    .rx_clock.late_ns = (uint64_t)((double)EL_NS_PER_S * RX_CLOCK_LATE_S)};
	q->rests = q->first != q;
	w->n_devices += !q->rests;
	q->first->n_links++;
	q->first->mends |= conf->vlan > MAX_VID && (conf->strips_tags || conf->loses_tpid);
	q->first->sorts = q->first->n_links > 1 || q->first->conf.strips_tags || q->first->mends;
}

struct el_worker *el_worker_create(const struct el_worker_config *config, struct el_error *err)
{
	struct el_worker *w;

	if (config->n_queues == 0 || config->n_queues > EL_WORKER_QUEUES_MAX) {
		el_error_set(err, -EINVAL, "worker %u: 1 to %d queues, not %u", config->index.v,
			     EL_WORKER_QUEUES_MAX, config->n_queues);
		errno = EINVAL;
		return NULL;
	}
	w = rte_zmalloc_socket("el_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, config->socket);
	if (!w)
		goto no_memory;
	w->conf = *config;
	w->n_queues = config->n_queues;
	w->debt_ns = (uint64_t)((double)EL_NS_PER_S * EL_PACING_DEBT_S);
	w->held_up_ns = EL_NS_PER_S / 500000; /* 2 us */
	w->clock = config->clock;
	w->wall_line = config->wall_line;
	w->watched = w->clock.monotonic || w->clock.ns_per_tsc_q32;
	if (!w->watched)
		w->clock.ns_per_tsc_q32 = 1ULL << 32;
	w->jump_ns = (uint64_t)((double)EL_NS_PER_S * (config->reads_time ? JUMP_S : JUMP_TOLD_S));
	w->iteration_ns = worker_now(w);
	w->peers[config->index.v] = w;
	w->n_peers = config->index.v + 1U;
	for (uint32_t i = 0; i < w->n_queues; i++)
		make_queue(w, i);
	w->hops = make_hops(w);
	if (w->hops &&
	    getrandom(&w->awaited_key, sizeof(w->awaited_key), 0) == sizeof(w->awaited_key) &&
	    make_rings(w) == 0 && ping_init(w) == 0) {
		w->schedule = board_join(w->conf.board, config->index.v);
		return w;
	}
	el_worker_destroy(w);
no_memory:
	el_error_set(err, -ENOMEM, "worker %u: not enough memory", config->index.v);
	errno = ENOMEM;
	return NULL;
}

static void free_frames(struct rte_ring *r)
{
	void *m;

	while (r && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

void el_worker_destroy(struct el_worker *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i < w->n_queues; i++) {
		struct queue *q = &w->queues[i];
		rte_pktmbuf_free_bulk(q->probes.mbufs, q->probes.n);
		rte_pktmbuf_free_bulk(q->urgent, q->n_urgent);
	}
	rte_pktmbuf_free_bulk(w->spare, w->n_spare);
	free_frames(w->punted);
	free_frames(w->injected);
	rte_ring_free(w->commands);
	rte_ring_free(w->reports);
	rte_ring_free(w->events);
	rte_ring_free(w->punted);
	rte_ring_free(w->injected);
	rte_ring_free(w->forwarded);
	rte_ring_free(w->clock_notes);
	ping_fini(w);
	free(w->hops);
	rte_free(w);
}

void el_worker_connect(struct el_worker *const *workers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		memcpy(workers[i]->peers, workers, n * sizeof(workers[0]));
		workers[i]->n_peers = n;
	}
}

void worker_event(struct el_worker *w, enum el_event_kind kind, uint64_t ns, uint32_t a, uint32_t b)
{
	struct el_event e = {.ns_kind = ns << 8 | kind, .a = a, .b = b};

	if (rte_ring_sp_enqueue_elem(w->events, &e, sizeof(e)) != 0)
		count(w, EL_COUNTER_DROP_EVENTS_FULL, 1);
}

/* Buffers come back from the driver as they were: unchained, with one reference, and with all that
 * is not set for each frame as the pool was made. So they are taken without being reset. */
void worker_refill(struct el_worker *w)
{
	unsigned missing = BURST - w->n_spare;

	if (rte_mempool_get_bulk(w->conf.tx_pool, (void **)w->spare + w->n_spare, missing) != 0)
		count(w, EL_COUNTER_DROP_NO_MBUF, 1);
	else
		w->n_spare = BURST;
}

/* Control alone puts commands in, so room that it has seen stays. */
static bool has_room(const struct el_worker *w, const struct el_command *command)
{
	bool is_any_number = command->kind == EL_COMMAND_NEXT_HOP ||
			     command->kind == EL_COMMAND_RX_CLOCK ||
			     command->kind == EL_COMMAND_WALL_CLOCK;

	return rte_ring_free_count(w->commands) > (is_any_number ? RESERVED_COMMANDS : 0);
}

bool el_worker_command(struct el_worker *w, const struct el_command *command)
{
	return el_workers_command(&w, 1, command);
}

bool el_workers_command(struct el_worker *const *workers, uint32_t n,
			const struct el_command *commands)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!has_room(workers[i], &commands[i]))
			return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct el_command copy = commands[i];
		rte_ring_sp_enqueue_elem(workers[i]->commands, &copy, sizeof(copy));
	}
	return true;
}

unsigned el_worker_reports(struct el_worker *w, struct el_block **ret_blocks, unsigned max)
{
	return rte_ring_sc_dequeue_burst(w->reports, (void **)ret_blocks, max, NULL);
}

unsigned el_worker_events(struct el_worker *w, struct el_event *ret_events, unsigned max)
{
	return rte_ring_sc_dequeue_burst_elem(w->events, ret_events, sizeof(*ret_events), max,
					      NULL);
}

unsigned el_worker_punted(struct el_worker *w, struct rte_mbuf **ret_frames, unsigned max)
{
	return rte_ring_sc_dequeue_burst(w->punted, (void **)ret_frames, max, NULL);
}

bool el_worker_inject(struct el_worker *w, struct rte_mbuf *frame, uint32_t queue)
{
	/* the answer may come in on any of the port's queues */
	for (uint32_t i = 0; i < w->n_peers; i++) {
		if (w->peers[i])
			neighbour_await(w->peers[i], rte_pktmbuf_mtod(frame, const uint8_t *),
					frame->data_len);
	}
	frame->port = (uint16_t)queue;
	return rte_ring_sp_enqueue(w->injected, frame) == 0;
}

bool el_worker_has_ended(const struct el_worker *w)
{
	return atomic_load_explicit(&w->ended, memory_order_acquire);
}

bool el_worker_has_read_all(const struct el_worker *w)
{
	return rte_ring_empty(w->commands);
}

bool el_worker_has_taken_all(const struct el_worker *w)
{
	return rte_ring_empty(w->injected);
}

unsigned el_worker_clock_notes(struct el_worker *w, struct el_clock_note *ret_notes, unsigned max)
{
	return rte_ring_sc_dequeue_burst_elem(w->clock_notes, ret_notes, sizeof(*ret_notes), max,
					      NULL);
}

uint64_t el_worker_queue_rx(const struct el_worker *w, uint32_t queue)
{
	return atomic_load_explicit(&w->queues[queue].counters.rx_packets, memory_order_relaxed);
}

uint64_t el_worker_queue_tx(const struct el_worker *w, uint32_t queue)
{
	return atomic_load_explicit(&w->queues[queue].counters.tx_packets, memory_order_relaxed);
}

uint64_t el_worker_counter(const struct el_worker *w, enum el_worker_counter counter)
{
	uint64_t sum = 0;

	if (counter != EL_COUNTER_RX_PACKETS && counter != EL_COUNTER_TX_PACKETS)
		return atomic_load_explicit(&w->counters.v[counter], memory_order_relaxed);
	/* these are counted by queue */
	for (uint32_t q = 0; q < w->n_queues; q++)
		sum += counter == EL_COUNTER_RX_PACKETS ? el_worker_queue_rx(w, q)
							: el_worker_queue_tx(w, q);
	return sum;
}

uint64_t el_worker_begun(const struct el_worker *w)
{
	return atomic_load_explicit(&w->begun, memory_order_acquire);
}

uint64_t el_worker_own_taken(const struct el_worker *w)
{
	return atomic_load_explicit(&w->own_taken, memory_order_acquire);
}

uint64_t el_worker_ports_taken(const struct el_worker *w)
{
	return atomic_load_explicit(&w->ports_taken, memory_order_acquire);
}

uint64_t el_worker_responders_taken(const struct el_worker *w)
{
	return atomic_load_explicit(&w->responders_taken, memory_order_acquire);
}

void el_worker_view(const struct el_worker *w, struct el_worker_view *ret)
{
	for (int i = 0; i < EL_COUNTERS; i++)
		ret->v[i] = el_worker_counter(w, (enum el_worker_counter)i);
	ret->poll_gap_max_s =
	    el_s_from_ns(atomic_load_explicit(&w->counters.poll_gap_max_ns, memory_order_relaxed));
	ret->poll_gap_last_s =
	    el_s_from_ns(atomic_load_explicit(&w->counters.poll_gap_last_ns, memory_order_relaxed));
}
