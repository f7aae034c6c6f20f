/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The state of a worker. All of it is the worker's own, but for what says who else uses it. */
#include <stdatomic.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "el_ticks.h"
#include "board.h"
#include "el_worker.h"
#include "el_worker_respond.h"
#include "pacing.h"
#include "rx_clock.h"

#define BURST 32
/* Where the payload lies in a TX buffer, from buf_addr; a cache line boundary. The header ends
 * there. */
#define PAYLOAD_OFFSET (RTE_PKTMBUF_HEADROOM + 128)
#define NO_RECORD UINT32_MAX
#define RING_COMMANDS 8192
/* Slots for waiting and for open rounds, a power of two: a round's is its number modulo this. */
#define ROUNDS_MAX EL_PLAN_BLOCKS_MAX

/* A round whose block the worker holds and has begun. */
struct live_round {
	struct el_block *block;
	const struct el_plan *plan;
	struct el_worker_streams *streams; /* of the plan, this worker's */
	uint32_t id_base, id_index_mask;   /* of the ids of its probes */
	uint64_t last_send_ns;
	uint64_t moved_ns;    /* when a probe of it last went out, or none was due */
	uint64_t over_ns;     /* when its time was first found to be over; 0: not yet */
	uint64_t gap_ns;      /* the longest between two RX polls so far */
	uint32_t outstanding; /* probes in TX lists, and the RSTs before them */
	/* once the next round is due: probes that were still to be built an iteration ago */
	uint32_t overdue;
	bool sending;
};

/* Probes whose records follow each other, side by side in a list. */
struct probe_run {
	struct live_round *live;
	uint32_t record; /* of the first; NO_RECORD: an RST that goes before its SYN */
	uint32_t end;    /* one past the last record; RECORD_END_NONE for an RST */
	uint16_t n;      /* packets */
};

/* Probes that are built and wait for their burst, and the runs of records that they are for. Bytes
 * are counted over all frames that ever were in the list, modulo 2^32. */
struct probe_list {
	struct rte_mbuf *mbufs[BURST];
	struct probe_run runs[BURST];
	uint32_t ends[BURST]; /* bytes up to the end of each */
	uint32_t sent;        /* bytes that have been sent */
	uint32_t n, n_runs;
	uint32_t stamps; /* a bit for each that is STAMP and is stamped when it is sent, */
	/* and its slice, and what is known of it; of others not set */
	const struct el_slice *slices[BURST];
	struct el_probe_stamp_made made[BURST];
};
_Static_assert(BURST <= 32, "a bit for each");

/* Bytes up to the end of the list. */
static inline uint32_t probe_list_end(const struct probe_list *p)
{
	return p->n ? p->ends[p->n - 1] : p->sent;
}

#define URGENT_MAX 64
#define RING_FRAMES 1024 /* of frames from and to control */
#define AWAITED_BITS (1U << 20)

/* What a queue's device took and gave; read by control. */
struct queue_counters {
	_Atomic uint64_t rx_packets, tx_packets;
} __attribute__((aligned(64)));

struct queue {
	struct el_worker_queue conf;
	struct el_tags tags; /* of conf.vlan */
	/* Of the queues that are links on one device the first, which receives for all, and by
	 * which their probes go; and how many it is the first of. Mostly itself, and 1. */
	struct queue *first;
	uint32_t n_links;
	bool rests; /* it is not polled: it is not the first, or its device is gone */
	bool mends; /* a link of its device is in a service VLAN, whose tags come as others */
	bool sorts; /* what it receives gets tags put on again, or is parted into links */
	struct probe_list probes;
	uint64_t moved_ns; /* when the device last took a probe, or there was none to take */
	bool stuck;        /* the device has taken none for 100 ms */
	bool down, gone;   /* EL_COMMAND_PORT */
	struct rte_mbuf *urgent[URGENT_MAX];
	uint32_t n_urgent;
	uint64_t empty_ns; /* just before the receive queue was last seen empty */
	struct rx_clock rx_clock;
	struct queue_counters counters;
};

/* A next hop as it is used for each frame: its L2 header ends where the array does, so that a copy
 * of the whole array, which is of constant size, puts it in front of an L3 header. */
#define HOP_L2_BYTES 22
struct hop {
	uint8_t l2[HOP_L2_BYTES];
	uint8_t l2_len;
	uint8_t state; /* enum el_next_hop_state */
	struct queue *queue;
};
_Static_assert(HOP_L2_BYTES >= EL_L2_HEADER_MAX, "the longest L2 header fits");

struct el_worker {
	struct el_worker_config conf;
	uint32_t n_queues, n_devices;
	struct queue queues[EL_WORKER_QUEUES_MAX];

	/* rounds */
	struct el_block *waiting[ROUNDS_MAX]; /* handed over and not begun, a queue */
	uint32_t waiting_head, waiting_tail;
	struct live_round live[ROUNDS_MAX]; /* by the low bits of their number */
	uint32_t n_live;
	struct live_round *newest;                    /* begun last; NULL: it is over */
	struct live_round *sending;                   /* NULL between rounds */
	struct el_pacing pacing[EL_PLAN_CLASSES_MAX]; /* of the sending round */
	/* of each class, the next probe of the sending round: its pass, its slice in the class */
	uint32_t pass[EL_PLAN_CLASSES_MAX], next[EL_PLAN_CLASSES_MAX];
	const struct el_schedule *schedule; /* taken last from the board; at first an empty one */
	struct el_id_key key;               /* the one that all plans have */
	/* Before a plan's first round, the half-open connections of older plans are copied into its
	 * streams, one plan after the other. The generations of both, 0: none, and how far that has
	 * come. */
	struct {
		uint64_t to, from;
		bool done;
		struct el_half_open_walk walk;
	} heir;
	/* The plans that have open rounds, oldest first, and the number of the oldest of each. */
	struct {
		const struct el_plan_set *set;
		uint64_t oldest;
	} open_plans[EL_SCHEDULE_SPANS_MAX];
	uint32_t n_open_plans;
	uint64_t oldest_round;  /* number of the oldest open one */
	uint64_t last_round;    /* of the one begun last */
	uint64_t ordered_round; /* of the newest ordered: another worker may have begun it */
	bool stopping;          /* EL_COMMAND_STOP has come */
	bool stopped;           /* and all blocks are handed back */

	/* clock */
	struct el_core_clock clock;
	struct el_wall_line wall_line;
	bool watched;          /* the clock is to be checked */
	uint64_t look_at_ns;   /* when it is to be checked next */
	uint64_t jump_ns;      /* an iteration that seems to take longer is a reason, too */
	uint64_t iteration_ns; /* when the current iteration began */
	/* the longest time between two polls that settle_gaps has not given to rounds yet */
	uint64_t recent_gap_ns;
	uint64_t debt_ns;    /* EL_PACING_DEBT_S */
	uint64_t held_up_ns; /* longer than any burst takes to receive */
	/* RSTs for unknown connections: when the token bucket was last drawn from */
	uint64_t reset_tokens_ns;

	struct rte_mbuf *spare[BURST]; /* fresh TX buffers */
	uint32_t n_spare;

	struct el_worker_responder *responder; /* NULL: nothing is answered */
	/* How often echo requests are answered that no responder takes. */
	struct {
		struct el_respond_limit *of_source, *of_all;
	} pings;

	struct hop *hops; /* [EL_NEXT_HOPS_MAX], memory of its own */

	struct rte_ring *commands, *reports, *events, *punted, *injected, *forwarded, *clock_notes;
	struct el_worker *peers[EL_PLAN_WORKERS_MAX];
	uint32_t n_peers;
	/* passed.c: up to `ns` all that others have passed on is taken; up to `next_ns` once so
	 * many elements more of the ring are */
	struct {
		uint64_t ns, next_ns;
		uint32_t left;
	} passed;

	/* Written by control when it asks for a neighbour, read by the worker: a bit by the keyed
	 * hash of the neighbour's address. */
	struct el_siphash_key awaited_key;
	_Atomic uint64_t awaited[AWAITED_BITS / 64];

	/* Read by control: the round begun last, EL_COMMAND_OWN, _PORT and _RESPOND carried out. */
	_Atomic uint64_t begun, own_taken, ports_taken, responders_taken;
	_Atomic bool ended; /* it has left its loop and touches nothing any more */
	/* Up to when it has looked at what came in, and passed on what is others'; read by them. */
	_Atomic uint64_t passed_ns __attribute__((aligned(64)));
	struct el_worker_counters counters;
};

/* The worker is the only one that writes its counters. */
static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

static inline void count(struct el_worker *w, enum el_worker_counter c, uint64_t n)
{
	add(&w->counters.v[c], n);
}

/* An event for control; a full ring is counted. */
void worker_event(struct el_worker *w, enum el_event_kind kind, uint64_t ns, uint32_t a,
		  uint32_t b);

/* Fills `spare` up, unless there are no buffers (counted). */
void worker_refill(struct el_worker *w);

/* A fresh TX buffer, NULL (counted) if there is none. */
static inline struct rte_mbuf *worker_buffer(struct el_worker *w)
{
	if (unlikely(!w->n_spare))
		worker_refill(w);
	return likely(w->n_spare) ? w->spare[--w->n_spare] : NULL;
}

/* The length of a frame to `hop` whose L3 packet of `l3_len` bytes, header_len of them in front of
 * the payload, is or will be in place. */
static inline uint32_t set_frame(struct rte_mbuf *m, const struct hop *hop, uint32_t header_len,
				 uint32_t l3_len)
{
	uint32_t len = hop->l2_len + l3_len;

	m->data_off = (uint16_t)(PAYLOAD_OFFSET - header_len - hop->l2_len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return len;
}

/* The L2 header in front of an L3 header of this IP version that begins at `l3`; HOP_L2_BYTES
 * before it are written. */
static inline void write_l2(uint8_t *l3, uint8_t version, const struct hop *hop)
{
	/* IPv4 may go by a next hop that is known by its IPv6 address */
	uint16_t type_be =
	    version == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);

	memcpy(l3 - HOP_L2_BYTES, hop->l2, HOP_L2_BYTES);
	memcpy(l3 - 2, &type_be, 2);
}

/* A frame without payload behind its L3 packet of `len` bytes, which ends where payloads begin. */
static inline void finish_frame(struct rte_mbuf *m, const struct hop *hop, uint32_t len)
{
	uint8_t *l3 = (uint8_t *)m->buf_addr + PAYLOAD_OFFSET - len;

	set_frame(m, hop, len, len);
	write_l2(l3, l3[0] >> 4, hop);
}

static inline uint8_t *frame_end(struct rte_mbuf *m)
{
	return (uint8_t *)m->buf_addr + PAYLOAD_OFFSET;
}

/* Whether a buffer may go back to its pool as it is: one segment, one reference, and its data its
 * own. */
static inline bool is_raw(const struct rte_mbuf *m)
{
	const uint64_t not_direct = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	const uint16_t one[2] = {1, 1};

	_Static_assert(offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + 2,
		       "both are compared at once");
	return likely(memcmp(&m->refcnt, one, sizeof(one)) == 0 &&
		      !(m->ol_flags >> 56 & not_direct >> 56));
}

/* The time now, in ticks. */
static inline uint64_t worker_now(const struct el_worker *w)
{
	return el_ticks_now(&w->clock);
}

/* CLOCK_REALTIME at a time of the worker's clock, not long ago. */
static inline int64_t worker_real_ns(const struct el_worker *w, uint64_t ns)
{
	return el_wall_real_ns(&w->wall_line, ns);
}

/* clock.c: checking it. */

/* Whether `now` gives a reason to check the clock before it is used: it is time to, or it is
 * further from the last look than iterations take. */
static inline bool clock_is_due(const struct el_worker *w, uint64_t now)
{
	return now - w->iteration_ns > w->jump_ns || (int64_t)(now - w->look_at_ns) >= 0;
}

/* Checks the clock; the time now. */
uint64_t clock_look(struct el_worker *w);
/* Control asks for a check, with a pair that it has just read. */
void clock_command(struct el_worker *w, const struct el_clock_pair *pair);
/* True once the clock has been seen to be right at `ns` or later: only then is it known how long
 * something has taken. */
bool clock_was_right_at(struct el_worker *w, uint64_t ns);

/* loop.c: carries out all commands there are. */
void worker_take_commands(struct el_worker *w);

/* round.c: the life of rounds. */
void rounds_begin_due(struct el_worker *w);
void rounds_end_sending(struct el_worker *w);
/* After an attempt to send what is due: ends a round of whose probes no device takes any. */
void rounds_end_stuck(struct el_worker *w);
void rounds_close_due(struct el_worker *w);
/* Ends the sending round, and hands back all blocks that wait. */
void rounds_cut(struct el_worker *w);
/* Takes the schedule that is on the board, if it is another one. */
void rounds_look_at_board(struct el_worker *w);
/* Hands back the blocks of all open rounds, although answers may be out. No round is being sent. */
void rounds_close_all(struct el_worker *w);

/* The number of the round that these low bits stand for: the newest such not after the last begun
 * one. */
static inline uint64_t round_number(uint64_t newest, uint32_t low, uint32_t round_bits)
{
	return newest - ((newest - low) & ((1ULL << round_bits) - 1));
}

/* The live round of this number, or NULL. */
static inline struct live_round *round_find(struct el_worker *w, uint64_t round)
{
	struct live_round *l = &w->live[round % ROUNDS_MAX];

	return l->block && l->block->round == round ? l : NULL;
}

/* The probe of this worker from `port` is answered: its 4-tuple is not half-open any more, unless a
 * later probe has used it. table: el_worker_streams.half_open. */
static inline void release_tuple(el_half_open *table, const struct el_slice *s, uint16_t port,
				 uint32_t id)
{
	el_half_open *last = &table[s->half_open_first + (uint32_t)(port - s->half_open_base)];

	if (el_half_open_get(last) == id)
		el_half_open_set(last, 0);
}

/* When packets came in, and by how much that may be off. */
struct stamp {
	uint64_t ns, bound_ns;
};

/* rx.c: when a packet of a burst came, by the NIC's stamp where that can be true. */
struct stamp rx_arrival(struct el_worker *w, const struct queue *q, const struct rte_mbuf *m,
			const struct stamp *burst);
/* rx_any.c: takes any frame, received `at`. True if the buffer is control's now. Hot: all
 * answers to probes of other workers come here. */
__rte_hot bool rx_any(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
		      const struct stamp *at);

/* Whether any plan has STAMP targets; if `port` is not 0, those that answer from it. */
bool rx_has_reflectors(const struct el_worker *w, uint16_t port);

/* tx_stamp.c: the STAMP probes of a list. */

/* Signing takes some hundred nanoseconds: so many are signed at once, and the others in the next
 * iteration, for neither is the receiving to wait. */
#define SIGNED_AT_ONCE 4

/* Stamps those that are about to be sent at `ns`, from the front of the list up to the first that
 * is signed, or asks, which is as much work; how many packets that are. */
uint32_t tx_stamp(struct el_worker *w, struct probe_list *p, uint64_t ns);
/* Signs those at the front, up to `most`, each at a time of its own; how many. */
uint32_t tx_sign(struct el_worker *w, struct probe_list *p, uint32_t most,
		 uint64_t ret_ns[SIGNED_AT_ONCE]);
/* The first `sent` of its packets, of those that are still counted, have gone; `stamped` were to.
 */
void tx_stamp_sent(struct probe_list *p, uint32_t sent, uint32_t stamped);
/* Of a list that is made anew from its own packets, in which `stamps` was what p->stamps is: the
 * one that was number `from` is appended next. */
void tx_stamp_keep(struct probe_list *p, uint32_t stamps, uint32_t from);

/* passed.c: answers to a worker's probes that come in at others. */

/* Publishes up to when all that came in at this worker has been passed on. */
void passed_publish(struct el_worker *w);
/* n more elements of the ring are taken. */
void passed_take(struct el_worker *w, uint32_t n);
/* Whether all that came in by `ns` at other workers is taken. If not, it is looked at what they
 * have published: true at a later iteration. */
bool passed_all(struct el_worker *w, uint64_t ns);
/* Takes what others have passed on; up to when that is all. With no others, `ns`. */
uint64_t passed_now(struct el_worker *w, uint64_t ns);

/* rx.c, rx_any.c, tx.c, urgent.c: the stages of an iteration. */
void rx_poll(struct el_worker *w);
void rx_forwarded(struct el_worker *w);
void tx_poll(struct el_worker *w);
void tx_drop_outstanding(struct el_worker *w, struct live_round *l);
void urgent_poll(struct el_worker *w);

/* The device of a queue is down or gone: probes that wait for it never leave, and are local. */
void tx_give_up(struct el_worker *w, struct queue *q);

/* Queues a packet that does not wait for pacing, and counts it as what it is. False: there are too
 * many, which is counted, or the device is gone, and it is freed. */
bool urgent_push(struct el_worker *w, struct queue *q, struct rte_mbuf *m,
		 enum el_worker_counter as);

/* neighbour.c: what the ARP and neighbour discovery in a frame is to us. */
enum neighbour_kind {
	NEIGHBOUR_NOT,     /* neither ARP nor neighbour discovery */
	NEIGHBOUR_NOBODYS, /* neither of the next two, or it can't be right */
	NEIGHBOUR_ASKS,    /* a question for an address of ours, or a router that is heard */
	NEIGHBOUR_TELLS,   /* of a neighbour that control has asked for, or that has our address */
};
enum neighbour_kind neighbour_sort(const struct el_worker *w, const struct queue *q,
				   const uint8_t *frame, size_t len);
/* Passes such a frame to control, or counts it; true if the buffer is no longer ours. */
bool neighbour_punt(struct el_worker *w, struct rte_mbuf *m, enum neighbour_kind kind);
/* Control's: from now on `w` passes up what comes from the neighbour that this frame asks for, if
 * it asks for one. */
void neighbour_await(struct el_worker *w, const uint8_t *frame, size_t len);

/* respond.c: while there is a responder. Requests of a burst, received at `burst`, not empty: those
 * that are plain are answered, or counted. How many others there are, in front and in their order;
 * behind them *ret_done buffers that are done with. Buffers that have become answers are in
 * neither. */
__rte_hot uint32_t respond_burst(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs,
				 uint32_t n, const struct stamp *burst, uint32_t *ret_done);
/* The same for any packet; false: it is not to us, or not of a kind that is answered. */
bool respond_any(struct el_worker *w, struct queue *q, const struct rte_mbuf *m,
		 const struct el_pkt *pkt, const struct stamp *at);
/* Whether there is room for answers to a burst on all links of a device, of which `first` is the
 * first, or has been none for so long that there is no waiting for it: else what comes in there is
 * better left where it is. */
bool respond_has_room(struct el_worker *w, const struct queue *first);
/* Whether answers to a whole burst, and no more, wait on a queue. */
bool respond_wants_more(const struct el_worker *w, uint32_t queue);
/* Whether an RST that answers nothing of ours ends what its sender has opened to us. */
bool respond_is_reset(const struct el_worker *w, const struct el_pkt *pkt);
/* respond_send.c: sends the answers. */
__rte_hot void respond_send(struct el_worker *w);
/* What waits for a queue whose device is gone is freed: some of it is the port's own buffers. */
void respond_give_up(struct el_worker *w, const struct queue *q);
/* respond_make.c: another responder, or none, takes over. */
void respond_take(struct el_worker *w, struct el_worker_responder *r);
/* respond_stamp.c: what is known of CLOCK_REALTIME has changed. */
void respond_clock(struct el_worker *w);

/* ping.c */

/* 0, or -1: no memory. */
int ping_init(struct el_worker *w);
void ping_fini(struct el_worker *w); /* also after ping_init has failed */
/* Whether a packet is an echo request to an address of the port that is answered. */
bool ping_is_one(const struct queue *q, const struct el_pkt *pkt);
/* Answers such a packet of the frame `m`, or counts it; true if the buffer is no longer ours. */
bool ping_take(struct el_worker *w, struct queue *q, struct rte_mbuf *m, const struct el_pkt *pkt);

/* reset.c: queues an RST for a SYN/ACK of this slice, its acknowledgement being `seq`. False: it
 * can't be sent now. */
bool reset_probe(struct el_worker *w, const struct el_slice *s, uint16_t src_port, uint32_t seq);
/* The same for one, or an ACK, that belongs to nothing of ours, where its sender may be reset (else
 * counted, unless its destination is a kernel's), rate-limited; it came in on `q`, to an address of
 * ours. */
void reset_unknown(struct el_worker *w, struct queue *q, const struct el_pkt *pkt);
