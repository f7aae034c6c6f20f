/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A worker's responder. Once the worker has it, all of it is the worker's own. */
#include "el_respond.h"
#include "el_worker_respond.h"
#include "worker_internal.h"

/* Answers that wait for their burst: those of a burst received, and as many that a device has not
 * taken yet. */
#define ANSWERS_MAX (2 * BURST)

/* What an answer is to; each is counted. */
enum answer_type { ANSWER_ICMP, ANSWER_TCP, ANSWER_UDP, ANSWER_STAMP, ANSWER_TYPES };

/* An answer beside its buffer. */
struct answer {
	uint64_t sum; /* STAMP: of all that its checksum is over, but for T3 */
	struct el_stamp_session *session;
	uint16_t len; /* of the frame */
	/* offsets: of the IP header in the frame, of what is behind it from there */
	uint8_t l3, l4;
	uint8_t type; /* enum answer_type */
	bool plain;   /* STAMP: of el_stamp_plain_reflect */
};

struct answers {
	struct rte_mbuf *mbufs[ANSWERS_MAX];
	struct answer items[ANSWERS_MAX];
	uint32_t n;
};

/* Whether a source is answered on an address, found once and kept: what is asked for that, lists
 * and a keyed hash, takes longer than all the rest. */
enum pair_verdict {
	PAIR_NOT_OURS, /* or a kernel's */
	PAIR_NO_HOST,  /* the source is no host's address, or the same */
	PAIR_NOT_ALLOWED,
	PAIR_ANSWERED,
};

struct pair {
	uint8_t addresses[32]; /* source, destination: as they lie in the IP header */
	uint64_t source;       /* el_respond_source */
	uint32_t lists;        /* which lists of own addresses that was by */
	uint8_t family, queue;
	uint8_t verdict; /* enum pair_verdict */
	bool limited;
};

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

struct el_worker_responder {
	struct el_worker_responder_config conf;
	struct el_responder answers;
	struct el_stamp_reflector reflector;
	struct sessions *sessions; /* NULL: stateless */
	/* T2 of the burst that came at t2_ns, for all of its requests */
	uint64_t t2_ns, t2;
	uint64_t pair_key; /* odd */
	struct rte_mbuf *spare[BURST];
	uint32_t n_spare;
	struct answers waiting[EL_WORKER_QUEUES_MAX];
	struct pair pairs[1 << PAIRS_BITS];
};

/* Where the pair of a packet's addresses is, or is to be. */
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

/* respond_stamp.c */

/* The reflector's answer, from L3 on, to a request that came `at`; its IP packet's length, 0
 * (counted): there is none. */
uint32_t respond_reflect(struct el_worker *w, const struct el_pkt *pkt, uint64_t at_ns,
			 uint64_t hash, uint8_t *l3, uint32_t capacity, struct answer *ret);
/* Sets T3, which is t3 as its packets have it, and what follows from it. */
void respond_set_t3(const struct el_worker_responder *r, struct answer *a, uint8_t *frame,
		    int64_t t3_ns, uint64_t t3);
struct sessions *respond_sessions_create(uint32_t n, int socket);
