/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A worker's responder. Once the worker has it, all of it is the worker's own. */
#include <netinet/tcp.h>

#include "el_respond_plain.h"
#include "el_worker_respond.h"
#include "worker_internal.h"

/* Answers that wait for their burst: those of a burst received, and as many that a device has not
 * taken yet. */
#define ANSWERS_MAX (2 * BURST)

/* What an answer is to; each is counted. */
enum answer_type { ANSWER_ICMP, ANSWER_TCP, ANSWER_UDP, ANSWER_STAMP, ANSWER_TYPES };

/* STAMP: an answer beside its buffer. */
struct answer {
	uint64_t sum; /* of all that its checksum is over, but for T3 */
	struct el_stamp_session *session;
	uint16_t len; /* of the frame */
	/* offsets: of the IP header in the frame, of what is behind it from there */
	uint8_t l3, l4;
	bool plain; /* of el_stamp_plain_reflect */
};

/* What answers are in sum. */
struct answer_totals {
	uint64_t bytes;
	uint32_t of_type[ANSWER_TYPES];
};

struct answers {
	struct rte_mbuf *mbufs[ANSWERS_MAX];
	struct answer items[ANSWERS_MAX]; /* of those that are STAMP */
	uint8_t types[ANSWERS_MAX];       /* enum answer_type */
	uint32_t n;
	/* When a burst's answers first found no room on a link of this device; 0 once none waits.
	 * Kept at the device's first link. */
	uint64_t full_ns;
	struct answer_totals totals;
};

/* Whether a source is answered on an address, found once and kept: what is asked for that, lists
 * and a keyed hash, takes longer than all the rest. */
enum pair_verdict {
	PAIR_NOT_OURS, /* or a kernel's */
	PAIR_NO_HOST,  /* the source is no host's address, or the same */
	PAIR_NOT_ALLOWED,
	PAIR_ANSWERED,
};

/* By what a pair was judged, and how. */
struct judged {
	uint32_t lists;  /* of own addresses */
	uint8_t family;  /* of another, the addresses are others */
	uint8_t queue;   /* they may be another port's */
	uint8_t verdict; /* enum pair_verdict */
	uint8_t zero;    /* so that all of it can be compared at once */
};
_Static_assert(sizeof(struct judged) == 8, "no gaps");

struct pair {
	uint8_t addresses[32]; /* source, destination: as they lie in the IP header */
	uint64_t source;       /* el_respond_source */
	struct judged judged;
	bool limited;
} __attribute__((aligned(64)));

#define PAIRS_BITS 12

/* A session of the reflector: the two addresses, and the SSID, or the ports where that is zero. */
struct session {
	uint8_t addresses[32];
	uint64_t which; /* 0: none */
	uint64_t last_ns;
	struct el_stamp_session counts;
};
#define SESSION_WAYS 4
/* One that had a packet within this time is alive (RFC 4656 section 3.1's default for idle
 * sessions). */
#define SESSION_ALIVE_NS (900 * EL_NS_PER_S)

struct sessions {
	uint32_t refs; /* responders that have it: control's to count */
	uint32_t mask; /* of sets */
	struct session sets[][SESSION_WAYS];
};

/* An authenticated STAMP request to be answered if its HMAC is right. */
struct unverified {
	struct el_pkt pkt;
	uint64_t at_ns, hash;
};

struct el_worker_responder {
	struct el_worker_responder_config conf;
	struct el_responder answers;
	struct el_stamp_reflector reflector;
	struct sessions *sessions; /* NULL: stateless */
	/* T2 of the burst that came at t2_ns, for all of its requests */
	uint64_t t2_ns, t2;
	uint64_t pair_key; /* odd */
	uint32_t longest;  /* an answer, from its IP header on: the pool's MTU */
	struct rte_mbuf *spare[BURST];
	uint32_t n_spare;
	struct answers waiting[EL_WORKER_QUEUES_MAX];
	struct unverified unverified[EL_STAMP_AT_ONCE]; /* of the burst that is being taken */
	uint32_t n_unverified;
	struct pair pairs[1 << PAIRS_BITS];
};

/* By what the pairs of a queue are judged, but for the verdict. */
static inline struct judged judged_by(const struct el_worker *w, const struct queue *q,
				      uint8_t family)
{
	return (struct judged){
	    .lists = (uint32_t)atomic_load_explicit(&w->own_taken, memory_order_relaxed),
	    .family = family,
	    .queue = (uint8_t)(q - w->queues)};
}

/* By what a packet's pair is found. */
static inline uint64_t pair_hash(uint64_t key, const struct el_pkt *pkt)
{
	const uint8_t *p = pkt->ip.src; /* the destination follows it */
	uint64_t h;

	if (pkt->family == 4)
		return (el_load64(p) ^ key >> 32) * key;
	h = (el_load64(p) ^ key >> 32) * key;
	h = ((h >> 29) ^ el_load64(p + 8)) * key;
	h = ((h >> 29) ^ el_load64(p + 16)) * key;
	return ((h >> 29) ^ el_load64(p + 24)) * key;
}

static inline struct pair *pair_at(struct el_worker_responder *r, uint64_t hash)
{
	return &r->pairs[hash >> (64 - PAIRS_BITS)];
}

/* Whether a pair is that of a packet's addresses, if it is of its family. */
static __rte_always_inline bool pair_is_of(const struct pair *p, const struct el_pkt *pkt)
{
	return pkt->family == 4 ? el_load64(p->addresses) == el_load64(pkt->ip.src)
				: memcmp(p->addresses, pkt->ip.src, 32) == 0;
}

/* respond.c: the pair of a packet's addresses, which is judged if it has not been before. */
const struct pair *respond_pair(struct el_worker *w, const struct queue *q,
				const struct el_pkt *pkt, uint64_t hash);

/* What a packet asks for; false: nothing that is answered. What is from the port of a reflector
 * that we probe is a reply, whichever port of ours it is to. */
static __rte_always_inline bool respond_find_type(const struct el_worker *w,
						  const struct el_pkt *pkt, enum answer_type *ret)
{
	const struct el_worker_responder *r = w->responder;

	switch (pkt->protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*ret = ANSWER_ICMP;
		return (pkt->family == 4) == (pkt->protocol == IPPROTO_ICMP) && r->conf.echo &&
		       el_respond_is_echo(pkt);
	case IPPROTO_TCP:
		*ret = ANSWER_TCP;
		return r->conf.n_tcp_ports && !(pkt->l4[13] & TH_RST);
	case IPPROTO_UDP:
		*ret = ANSWER_STAMP;
		if (r->conf.stamp.port && el_get16(pkt->l4 + 2) == r->conf.stamp.port)
			return !rx_has_reflectors(w, el_get16(pkt->l4));
		*ret = ANSWER_UDP;
		return r->conf.port_unreachable;
	default:
		return false;
	}
}

/* Whether a packet of TCP begins a connection, and is sound as el_pkt_parse has it. */
static __rte_always_inline bool respond_is_syn(const struct el_pkt *pkt)
{
	uint32_t header;

	if (pkt->l4_len < EL_RESPOND_TCP_LEN)
		return false;
	header = pkt->l4[12] >> 2 & 60;
	return (pkt->l4[13] & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN &&
	       header >= EL_RESPOND_TCP_LEN && header <= pkt->l4_len;
}

/* respond_turn.c: turns round what it can of a burst, not empty; how many others there are, in
 * front and in their order. */
__rte_hot uint32_t respond_turn(struct el_worker *w, struct queue *q, struct rte_mbuf **mbufs,
				uint32_t n);

/* respond_stamp.c */

/* The reflector's answer, from L3 on, to a request that came `at`; its IP packet's length, 0
 * (counted): there is none. verified: as el_stamp_received has it. */
uint32_t respond_reflect(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			 uint64_t hash, bool verified, uint8_t *l3, uint32_t capacity,
			 struct answer *ret);
/* A request that is refused is of a session, perhaps: its numbers tell. */
void respond_refused(struct el_worker *w, const struct el_pkt *pkt, uint64_t hash);
/* Sets T3 of n answers from `first` on, which are about to be sent, and what follows from it, where
 * they are STAMP. */
void respond_set_times(struct el_worker *w, struct answers *list, uint32_t first, uint32_t n);
struct sessions *respond_sessions_create(uint32_t n, int socket);
