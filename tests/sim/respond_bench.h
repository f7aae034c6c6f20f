/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A worker that answers, what it is asked, and what it says. */
#include "worker_bench.h"

#include "el_worker_respond.h"

#define OWN (family == 6 ? "2001:db8::10" : "192.0.2.10")
#define PEER (family == 6 ? "2001:db8:77::1" : "203.0.113.1")
#define STRANGER (family == 6 ? "2001:db9::1" : "203.0.112.1")
#define REAL_NS INT64_C(1800000000000000000) /* CLOCK_REALTIME at the start */

extern struct rte_mempool *answer_pool;
extern struct el_ip_set *allowed, *peers; /* PEER is in both, and others in the first */

/* All that there is, to whom is allowed, without a limit. */
struct el_worker_responder_config everything(void);
struct el_worker_responder *make(const struct el_worker_responder_config *conf,
				 struct el_worker_responder *before);
void hand_over(struct bench *b, struct el_worker_responder *r);
/* A worker without a plan, and CLOCK_REALTIME a fixed time ahead. */
struct bench *responding(struct el_worker_responder *r);
/* Frees both; all buffers have come back. */
void end(struct bench *b, struct el_worker_responder *r);

struct request {
	uint8_t frame[1600];
	size_t len;
};

/* An IP packet from `from` to OWN with this L4 packet, checksums and all. */
struct request request_of(const char *from, uint8_t protocol, const uint8_t *l4, size_t len);
struct request echo(const char *from, size_t payload);
struct request segment(const char *from, uint16_t port, uint8_t flags);
struct request datagram(const char *from, uint16_t from_port, uint16_t port, const uint8_t *payload,
			size_t len);
struct request stamp(const char *from, uint16_t from_port, uint32_t sequence, uint16_t ssid);

/* Puts it on a VLAN. */
void put_tags(struct request *q, el_vlan on);

struct answered {
	uint8_t frame[1600];
	size_t len;
	struct el_pkt pkt;
};

/* The next frame on the wire, which is right and goes back; false: there is none. */
bool next_reply(struct bench *b, const struct request *to, struct answered *ret);
/* Asks, and is answered at once. */
void ask(struct bench *b, const struct request *r, struct answered *ret);
/* What is asked is not answered, which `reason` counts. */
void refused(struct bench *b, const struct request *r, enum el_worker_counter reason);

/* Of all tests; runs them as worker_bench_main does, with both families. */
int respond_bench_main(const char *name, const struct CMUnitTest *tests, size_t n);
