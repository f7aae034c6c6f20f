/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The worker's loop, driven an iteration at a time over ports made of rings: what it sends is taken
 * from one ring, what it is to receive is put into another. */
#include "plan_fixture.h"

#include "el_stamp.h"
#include "el_stats.h"
#include "el_worker.h"

#define ETH 14
#define L3 (family == 6 ? 40 : 20) /* length of an IP header */
#define WIRE 64 /* frames that a wire holds: what tx_burst takes until they are taken out */
#define WORKERS 2

/* A port of rings with a queue for each worker, and its workers. */
struct bench {
	struct rte_ring *out[WORKERS], *in[WORKERS];
	struct rte_mempool *rx_pool, *tx_pool[WORKERS];
	struct el_worker *workers[WORKERS];
	uint32_t n_workers;
	struct el_board *board;
	struct el_schedule schedules[64]; /* posted, one after the other */
	uint32_t n_schedules;
	struct el_streams *made[64]; /* of all sets */
	uint32_t n_made;
	struct el_prefix own[2];
	struct fixture *f;
	struct el_plan_set *set;
	struct el_streams *streams;        /* of the set, once a round of it was ordered */
	struct el_block *ordered[WORKERS]; /* of the latest round; the workers', to look at */
};

extern uint32_t sim_core; /* the worker whose turn it is */
/* Of workers that are made from now on; zeroed: their ticks are the bare counter's. */
extern struct el_core_clock worker_clocks[WORKERS];
extern bool reads_time;
extern uint16_t port_id;
extern uint8_t family; /* of what is probed; some tests run for each */
extern uint32_t queues_a_worker;
extern uint64_t rx_stamp_flag; /* of workers that are made from now on; 0: the NIC does not stamp */
extern int rx_stamp_offset;
extern const uint8_t mac_a[6], mac_b[6], mac_own[6]; /* of next hops, of the port */
/* Of workers that are made from now on: addresses that are not reset (el_worker_queue). */
extern struct el_prefix silent[2];
extern uint32_t n_silent;
/* How many of its two addresses are answered for to echo requests. */
extern uint32_t n_pinged;
extern bool accepts_ra;

/* Of workers that are made from now on (el_worker_queue), and their next hops. */
extern el_vlan vlan;
extern bool strips_tags, loses_tpid;
extern uint32_t n_home; /* of their two own addresses */
/* More links on the device of their first queue, behind the others. */
#define MORE_LINKS_MAX 2
extern el_vlan more_links[MORE_LINKS_MAX];
extern uint32_t n_more_links;
extern enum el_checksums checksums;
extern uint64_t rx_checksum_flags;
extern bool one_pool; /* the next bench's workers send by the buffers that they receive into */

enum reply {
	REPLY_ECHO,
	REPLY_SYNACK,
	REPLY_RST,
	REPLY_UNREACHABLE,
	REPLY_ROUTER,
	REPLY_REFLECTED, /* STAMP's */
};

/* Of the reflector: what it is, its session (NULL: it keeps none), and CLOCK_REALTIME there. */
extern struct el_stamp_reflector reflector;
extern struct el_stamp_session *reflector_session;
extern int64_t reflector_ns;

struct el_next_hop next_hop(const uint8_t *mac, enum el_next_hop_state state);
void set_next_hop(struct bench *b, struct el_next_hop nh);
struct bench *bench(struct fixture *f, uint32_t n_workers);
void bench_free(struct bench *b);
/* Posts a schedule for the workers. */
void post(struct bench *b, struct el_schedule schedule);
/* That follows the one posted last: no round from `gate` on is begun. */
void close_gate(struct bench *b, uint64_t gate, bool cut);
/* A plan set before the bench's own is over, and freed. */
void retire(struct bench *b, struct el_plan_set *set);
/* Has a worker begin a round of the bench's plan set, at a time (0: after the one before); from
 * this round on they are all of that. Its block. */
struct el_block *order_block(struct bench *b, uint32_t worker, uint64_t round, uint64_t start_ns);
/* All workers. */
void order_round(struct bench *b, uint64_t round);
uint64_t counter(const struct bench *b, enum el_worker_counter c);
void poll_all(struct bench *b);
/* A frame off the wire; NULL if there is none. */
struct rte_mbuf *take(struct bench *b, uint32_t queue);
void give(struct bench *b, uint32_t queue, const uint8_t *frame, size_t len);
/* The answer of a target to a probe frame, checksums and all, into buf; its length. */
size_t answer(const uint8_t *probe, size_t len, enum reply kind, uint8_t *buf);
/* Puts the right checksums into an untagged frame without options or extension headers. */
void fix_checksums(uint8_t *frame);
bool is_reset(const struct rte_mbuf *m);
/* An iteration of all workers; what is on the wire is taken, and answered as `kind`, unless < 0;
 * resets are dropped. Returns how many probes. */
uint32_t exchange(struct bench *b, int kind);
/* The same until `n` probes were taken or it takes too long. */
uint32_t serve(struct bench *b, uint32_t n, int kind);
struct el_block *report(struct bench *b, uint32_t worker);
/* The figures of a round over all workers; its blocks are freed. */
struct el_figures figures(struct bench *b, uint32_t series);
/* A fixture whose rounds go out at once, with a short timeout. */
struct fixture *quick(uint32_t groups, uint16_t ports, enum el_probe_type type, uint32_t packets);

/* Frees all that is in a ring of frames. */
void drain(struct rte_ring *r);

/* Starts the EAL and makes the ports, once; el_eal_fini ends it. 0, or -1 with a line on stderr. */
int worker_bench_start(void);

/* Does that; runs the tests, then those of `v6` (n_v6 may be 0) with IPv6.
 * The exit status. */
int worker_bench_main(const char *name, const struct CMUnitTest *tests, size_t n,
		      const struct CMUnitTest *v6, size_t n_v6);
