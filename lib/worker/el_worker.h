/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The worker: an lcore that owns (port, RX queue, TX queue) triples and executes rounds. Control
 * posts schedules to it (el_board.h), sends it commands and frames, and takes reports, events,
 * frames and clock notes from it: rings, of which the functions below are control's ends. */
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "el_base.h"
#include "el_board.h"
#include "el_core_clock.h"
#include "el_counters.h"
#include "el_device_clock.h"
#include "el_pkt.h"
#include "el_plan.h"
#include "el_wall_clock.h"

#define EL_WORKER_QUEUES_MAX 32 /* links: as many ports as a configuration may have */
#define EL_NEXT_HOPS_MAX 65536  /* what an el_next_hop_idx tells apart */
#define EL_L2_HEADER_MAX (14 + EL_TAGS_LEN_MAX)

enum el_next_hop_state {
	EL_NEXT_HOP_PENDING, /* resolution is under way: probes to it are local */
	EL_NEXT_HOP_READY,
	EL_NEXT_HOP_FAILED, /* known not to answer: probes to it count as sent, and will be lost */
};

/* An entry of a worker's next-hop table. */
struct el_next_hop {
	/* destination, source, VLAN tags where there are any, and two bytes for the ethertype,
	 * which the packet's replaces */
	uint8_t l2[EL_L2_HEADER_MAX];
	uint8_t l2_len;
	uint8_t state; /* enum el_next_hop_state */
	uint8_t queue; /* which of the worker's queues it leaves by */
	uint8_t zero;
};

/* What is done about answers with a wrong checksum. */
enum el_checksums {
	/* checksums are not looked at */
	EL_CHECKSUMS_IGNORED,
	/* accepted and counted: a kernel may have left it to an offload that never came */
	EL_CHECKSUMS_COUNTED,
	/* counted, and no answers */
	EL_CHECKSUMS_REFUSED,
};

/* A queue pair of a worker; or, where several have the same one, each of them a link on its device:
 * what comes in is parted by their VLANs, and an answer that comes by another link than its probe
 * left by is none. */
struct el_worker_queue {
	uint16_t port_id;
	uint16_t rx_queue, tx_queue;
	/* What it receives into, where its driver copies what is sent in other buffers; or NULL. */
	struct rte_mempool *pool;
	/* Networks whose addresses are all ours. The caller's, constant until EL_COMMAND_OWN has
	 * replaced them. */
	const struct el_prefix *own;
	uint32_t n_own;
	/* The first so many of `own` are on networks of the link itself. Others may be routed here
	 * by any link: answers to them may come by another on the device. */
	uint32_t n_home;
	/* Addresses that no RST for an unknown connection is sent from or to: those of a kernel,
	 * which answers for itself, and the broadcast addresses of the port's links. Likewise the
	 * caller's. */
	const struct el_prefix *silent;
	uint32_t n_silent;
	/* The first so many of `own` are the port's, and echo requests to them are answered,
	 * whoever asks, though not often: at most 100 a second of each source, and 1,000 in all. */
	uint32_t n_pinged;
	bool accepts_ra; /* what routers advertise is control's to read */
	uint8_t mac[6];
	el_vlan vlan; /* of its frames */
	/* The NIC takes tags off frames, whatever it is told: they are put on again. */
	bool strips_tags;
	/* Outer tags come as 802.1Q, whatever they were: on a device with links in a service VLAN
	 * they are taken for 802.1ad. Where the NIC strips tags it is so, too. */
	bool loses_tpid;
	enum el_checksums checksums;
	/* The mbuf flags by which the NIC says that it has found checksums right:
	 * RTE_MBUF_F_RX_IP_CKSUM_GOOD (IPv4's headers), RTE_MBUF_F_RX_L4_CKSUM_GOOD (TCP), or 0. */
	uint64_t rx_checksum_flags;
	/* Where the NIC stamps what it receives: the mbuf flag that says so, and where in the mbuf
	 * the stamp is (rte_mbuf_dyn_rx_timestamp_register). 0: it does not. */
	uint64_t rx_stamp_flag;
	int rx_stamp_offset;
};

struct el_worker_responder; /* el_worker_respond.h */

enum el_command_kind {
	/* Run the round of `block`, which is empty, when the schedule lets it begin. If a schedule
	 * does not, the block comes back unbegun (block->cut). A schedule with the block's plan has
	 * been posted before. */
	EL_COMMAND_ROUND,
	/* Entry `index` of the next-hop table is next_hop from now on. */
	EL_COMMAND_NEXT_HOP,
	/* rx_line: what the NIC's stamps mean from now on that come by the device of queue `index`.
	 */
	EL_COMMAND_RX_CLOCK,
	/* Check the clock, by `pair` where the worker can't read one itself; some ten times a
	 * second. */
	EL_COMMAND_CLOCK,
	/* wall_line: CLOCK_REALTIME from now on; some ten times a second. */
	EL_COMMAND_WALL_CLOCK,
	/* own, silent, n_pinged: those of queue `index` (el_worker_queue) from now on. */
	EL_COMMAND_OWN,
	/* responder: the worker's from now on, NULL: nothing is answered. The one before is
	 * control's again once el_worker_responders_taken says so. */
	EL_COMMAND_RESPOND,
	/* down: whether the device of queue `index` takes packets and sends none, so that probes
	 * by it, on whichever link, are local. gone: it is not to be touched any more, from
	 * el_worker_ports_taken on, and stays so; with down. */
	EL_COMMAND_PORT,
	/* Leave the loop now. Open blocks come back first, as they are: to have answers waited for,
	 * post a schedule that cuts, and stop later. */
	EL_COMMAND_STOP,
};

struct el_command {
	uint32_t kind;
	uint16_t index;
	uint16_t zero;
	union {
		struct el_block *block;
		struct {
			const struct el_prefix *own, *silent;
			uint32_t n_own, n_home, n_silent, n_pinged;
		};
		struct {
			bool down, gone;
		};
		struct el_next_hop next_hop;
		struct el_device_line rx_line;
		struct el_clock_pair pair;
		struct el_wall_line wall_line;
		struct el_worker_responder *responder;
	};
};

enum el_event_kind {
	/* The first three: a = series, b = low 32 bits of its plan set's generation. */
	EL_EVENT_LATE,          /* an answer to a probe of a round that is over */
	EL_EVENT_ICMP_ERROR,    /* an ICMP error for a probe of a round that is over */
	EL_EVENT_PORT_MISMATCH, /* an answer whose ports are not the probe's */
	/* An acknowledgement of nothing: a = remote address (el_ip_fold), b = remote port << 16 |
	 * own port. */
	EL_EVENT_TCP_UNMATCHED,
};

/* A 16-byte note on what has no record (any more). */
struct el_event {
	uint64_t ns_kind; /* time modulo 2^56 << 8 | kind */
	uint32_t a, b;
};
_Static_assert(sizeof(struct el_event) == 16, "an event is 16 bytes");

/* What a worker tells of its clock, about once a second and when something is wrong with it. */
struct el_clock_note {
	struct el_clock_pair pair; /* the latest */
	struct el_span step;       /* that was just found; to_ns 0: none */
	uint64_t steps;            /* since the start */
	uint64_t error_ppb;
	bool monotonic;
};

struct el_worker;

/* Vector instructions that a worker uses. What it does is the same with all of them. */
enum el_worker_vectors { EL_WORKER_SCALAR, EL_WORKER_AVX512 };

/* The best that this CPU has; a worker must not be told to use others. */
enum el_worker_vectors el_worker_vectors_best(void);
/* For people. */
const char *el_worker_vectors_name(enum el_worker_vectors vectors);

struct el_worker_config {
	struct el_worker_idx index;
	int socket; /* NUMA */
	/* The one of all workers; the caller's. */
	struct el_board *board;
	/* Of the worker's core; copied. Zeroed: the bare counter is taken for nanoseconds, and
	 * nobody checks it. */
	struct el_core_clock clock;
	/* The kernel's time costs no system call, so the worker checks the clock itself; else
	 * control sends it pairs (EL_COMMAND_CLOCK), several a second. */
	bool reads_time;
	/* CLOCK_REALTIME, until EL_COMMAND_WALL_CLOCK tells more of it. */
	struct el_wall_line wall_line;
	const struct el_worker_queue *queues;
	uint32_t n_queues;
	/* Made by el_worker_tx_pool_create, for this worker alone; owned by the caller. */
	struct rte_mempool *tx_pool;
	/* The payload of probes, where tx_pool is its only queue's `pool` (el_worker_can_share):
	 * what is received there overwrites it, so each probe is given it anew. Else NULL. */
	const uint8_t *payload;
	bool yield; /* control shares this core: give it up after each iteration */
	enum el_worker_vectors vectors;
};

/* A pool of TX buffers for one worker, with the random payload in place behind the header. */
struct rte_mempool *el_worker_tx_pool_create(const char *name, uint32_t n, uint16_t mtu, int socket,
					     const uint8_t *payload);

/* Whether a worker with these queues may send by the buffers that it receives into, which saves its
 * driver a copy of each frame: it has one queue, and frames of up to `mtu` bytes of IP fit. */
bool el_worker_can_share(const struct el_worker_queue *queues, uint32_t n_queues, uint16_t mtu);

/* NULL with errno. */
struct el_worker *el_worker_create(const struct el_worker_config *config, struct el_error *err);
void el_worker_destroy(struct el_worker *w);

/* Tells the workers of each other, before any runs: answers are forwarded between them. */
void el_worker_connect(struct el_worker *const *workers, uint32_t n);

/* The loop; a lcore_function_t. Returns 0 after EL_COMMAND_STOP. */
int el_worker_run(void *worker);

/* Whether el_worker_run has returned; all that the worker has written can be seen then. Any thread.
 */
bool el_worker_has_ended(const struct el_worker *w);

/* One iteration of the loop: schedule, commands, receive, forwarded answers, rounds, send. False
 * after EL_COMMAND_STOP, once all blocks have been handed back. */
bool el_worker_poll(struct el_worker *w);

/* Control's ends of the rings; one thread. */

/* A command to one worker. False: no room, send it again later. Next hops and clocks, of which
 * there may be any number, leave room for all that the other kinds can need. */
bool el_worker_command(struct el_worker *w, const struct el_command *command);
/* commands[i] to workers[i], i < n. False: one of them has no room, and none was sent; send them
 * all again later. */
bool el_workers_command(struct el_worker *const *workers, uint32_t n,
			const struct el_command *commands);
unsigned el_worker_reports(struct el_worker *w, struct el_block **ret_blocks, unsigned max);
unsigned el_worker_events(struct el_worker *w, struct el_event *ret_events, unsigned max);
/* Frames that came in for control (ARP, ...); the mbufs become the caller's, mbuf->port is the DPDK
 * port. */
unsigned el_worker_punted(struct el_worker *w, struct rte_mbuf **ret_frames, unsigned max);
/* A frame to send; the mbuf is the worker's if true is returned. `queue`: index among its queues.
 */
bool el_worker_inject(struct el_worker *w, struct rte_mbuf *frame, uint32_t queue);

/* The number of the round that it has begun last, 0: none. Any thread. */
uint64_t el_worker_begun(const struct el_worker *w);
/* How many EL_COMMAND_OWN it has carried out: lists that these have replaced may be freed. Any
 * thread. */
uint64_t el_worker_own_taken(const struct el_worker *w);

/* How many EL_COMMAND_PORT it has carried out. Any thread. */
uint64_t el_worker_ports_taken(const struct el_worker *w);

/* How many EL_COMMAND_RESPOND it has carried out. Any thread. */
uint64_t el_worker_responders_taken(const struct el_worker *w);

/* Whether it has read all commands that it was sent: by that control tells that it is alive. */
bool el_worker_has_read_all(const struct el_worker *w);
/* Whether it has taken all frames that it was given to send. Any thread. */
bool el_worker_has_taken_all(const struct el_worker *w);

/* What it told of its clock since the last call, oldest first. Control's thread. */
unsigned el_worker_clock_notes(struct el_worker *w, struct el_clock_note *ret_notes, unsigned max);

/* Packets that the device of a queue (index among the worker's) gave and took; of those on one
 * device, what is counted of which is not told, but in sum they are right. Any thread. */
uint64_t el_worker_queue_rx(const struct el_worker *w, uint32_t queue);
uint64_t el_worker_queue_tx(const struct el_worker *w, uint32_t queue);

/* A live counter; any thread. */
uint64_t el_worker_counter(const struct el_worker *w, enum el_worker_counter counter);
/* A copy of them all; any thread. */
void el_worker_view(const struct el_worker *w, struct el_worker_view *ret);
