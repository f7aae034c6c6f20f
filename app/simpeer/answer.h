/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Answers, in the memory of the probe, so that they cost no copy: an echo reply is the request with
 * addresses exchanged, and an ICMP error is 28 bytes put in front of the packet that it quotes.
 * What a host says is lib/respond's, as of the prober's own responder. */
#include "el_respond.h"
#include "frame.h"

#define SIMPEER_IPV4_LEN 20
#define SIMPEER_UDP_LEN 8
#define SIMPEER_ARP_LEN 28
#define SIMPEER_ARP_SENDER 8 /* MAC and IP address */
#define SIMPEER_ARP_TARGET 18

/* Each turns what is in `b`, parsed into `f`, into its answer; b->data and b->len become those of
 * the answer. The views of `f` are of no use then. */
void simpeer_answer_echo(struct simpeer_buf *b, const struct simpeer_frame *f);
void simpeer_answer_tcp(struct simpeer_buf *b, const struct simpeer_frame *f,
			const struct el_respond_segment *segment);
/* A datagram with `len` bytes of payload, which are there already. */
void simpeer_answer_udp(struct simpeer_buf *b, const struct simpeer_frame *f, uint8_t tos,
			uint8_t ttl, size_t len);
/* Takes SIMPEER_HEADROOM. Quotes `quote_bytes` at most. */
void simpeer_answer_icmp_error(struct simpeer_buf *b, const struct simpeer_frame *f, uint8_t type,
			       uint8_t code, uint16_t quote_bytes);
/* All but the Ethernet header. */
void simpeer_answer_arp(struct simpeer_buf *b, const struct simpeer_frame *f, const uint8_t mac[6]);

/* ---- an answer's IPv4 header ---- */

static inline uint32_t simpeer_answer_source(const uint8_t *l3)
{
	uint32_t source;

	memcpy(&source, l3 + 12, 4);
	return source;
}

/* Sets its checksum. */
void simpeer_answer_sum_ipv4(uint8_t *l3);
/* Has it come from another address. A checksum of TCP or UDP is not right then any more. */
void simpeer_answer_set_source(uint8_t *l3, uint32_t source);

/* ---- Ethernet ---- */

/* Addresses the Ethernet header of an answer, in which are those of its probe, from `mac`. */
void simpeer_answer_ethernet(struct simpeer_buf *b, const uint8_t mac[6]);
