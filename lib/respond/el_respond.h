/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Answers of a host to echo requests, TCP and UDP, so that probers can probe each other. Nothing is
 * kept of a connection, and nothing is longer than what it answers but ICMP's "port unreachable".
 * Plain memory in, plain memory out. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_ip.h"
#include "el_pkt.h"
#include "el_siphash.h"

/* ---- how much ---- */

/* How often sources are answered: a token bucket each. For IPv6 a source is a /64, which one host
 * may have whole. One thread. */
struct el_respond_limit;

/* For about `sources` at a time, at least one, each answered `per_second` (1 to a billion) times,
 * and `burst` (at least 1) at once. More sources than there is room for share buckets, four of them
 * at most: what all of them get is bounded, whoever forges addresses. NULL and errno (EINVAL,
 * ENOMEM). */
struct el_respond_limit *el_respond_limit_create(size_t sources, uint64_t per_second,
						 uint32_t burst, const struct el_siphash_key *key);
/* Takes NULL. */
void el_respond_limit_destroy(struct el_respond_limit *limit);

/* What a source, an address of 4 or 16 bytes, is known by: a keyed hash, which takes longer than
 * all the rest and never changes. */
uint64_t el_respond_limit_source(const struct el_respond_limit *limit, const uint8_t *source,
				 uint8_t family);
/* Takes a token of a source; false if it has none left. now_ns: a clock that goes back has it wait
 * for as long. */
bool el_respond_limit_take(struct el_respond_limit *limit, uint64_t source, uint64_t now_ns);

/* ---- what ---- */

struct el_responder {
	const struct el_prefix *allowed; /* sources that are answered; none: nobody is */
	size_t n_allowed;
	const uint16_t *open; /* TCP ports */
	size_t n_open;
	bool port_unreachable;          /* for UDP */
	struct el_siphash_key key;      /* of the sequence numbers of SYN/ACKs */
	struct el_respond_limit *limit; /* NULL: none */
};

enum el_respond {
	EL_RESPOND_ANSWER,
	/* nothing that is answered: another protocol or type, an RST, a source that is no host's,
	   ... */
	EL_RESPOND_NOTHING,
	EL_RESPOND_NOT_ALLOWED, /* the source */
	EL_RESPOND_NO_ROOM,
	EL_RESPOND_LIMITED, /* the source would be answered too often */
	EL_RESPONDS
};

/* The most that an answer may have: of a port unreachable (RFC 4443 section 2.4 c). Any other is at
 * most as long as what it answers. */
#define EL_RESPOND_MAX 1280

/* The length of the answer to a packet, from its IP header on, by what it is alone; 0: there is
 * none. */
size_t el_respond_len(const struct el_responder *r, const struct el_pkt *pkt);
/* Writes it, of that length. Who asks, and how often, was the caller's to look at. */
void el_respond_write(const struct el_responder *r, const struct el_pkt *pkt, size_t len,
		      uint8_t *answer);

/* ---- parts of it, for who knows what to answer ----
 * As el_respond_plain.h: an answer may be made in the memory of the packet. */

/* A TCP segment that answers another: el_respond_segment tells which a host's is. */
struct el_respond_segment {
	uint32_t sequence, acknowledged;
	uint8_t flags; /* TH_SYN, ... */
};

/* Writes it, of EL_RESPOND_TCP_LEN bytes behind its IP header, to `l3`. */
#define EL_RESPOND_TCP_LEN 20
void el_respond_tcp(const struct el_pkt *pkt, const struct el_respond_segment *segment,
		    uint8_t *l3);

/* Writes the one that a host says to a segment which is no RST. */
void el_respond_to_segment(const struct el_responder *r, const struct el_pkt *pkt, uint8_t *l3);

/* Writes an error of ICMP or ICMPv6 about a packet, which quotes its first `quoted` bytes from the
 * IP header on, to `l3`: there they are already, behind an IP header and EL_RESPOND_ERROR_LEN. */
#define EL_RESPOND_ERROR_LEN 8
void el_respond_error(const struct el_pkt *pkt, uint8_t type, uint8_t code, size_t quoted,
		      uint8_t *l3);

/* ---- all of it ---- */

/* Whether a packet is from an address that one host can have, and not from where it is to: an
 * answer to any other would go to many or never end. */
bool el_respond_is_from_host(const struct el_pkt *pkt);

/* Writes the answer to a packet that el_pkt_parse has parsed, from its IP header on, to
 * `answer`, other memory than the packet's.
 *
 * An echo request is answered by its reply; a TCP SYN to an open port by a SYN/ACK; all else of TCP
 * by an RST (RFC 9293 section 3.10.7.1), but an RST, by nothing; UDP by ICMP's port unreachable
 * that quotes it, unless both its ports are STAMP's: two reflectors would go on for ever.
 *
 * That the packet is to an address of one's own, by unicast, that its checksums are right and that
 * its UDP port is closed, is the caller's to see to. *ret_len is set, and a token taken, for
 * EL_RESPOND_ANSWER alone. */
enum el_respond el_respond(const struct el_responder *r, const struct el_pkt *pkt, uint64_t now_ns,
			   uint8_t *answer, size_t capacity, size_t *ret_len);
