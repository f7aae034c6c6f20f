/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames as plain bytes: what came in, and the answer made from it in place. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "script.h"

/* A frame in memory that its owner lets us change. An answer may be longer than the probe at either
 * end. */
struct simpeer_buf {
	uint8_t *data;
	uint32_t len;
	/* bytes in front of data that may be taken: SIMPEER_HEADROOM for ICMP errors */
	uint32_t headroom;
	uint32_t tailroom; /* bytes behind it: SIMPEER_TAILROOM for TCP */
};

#define SIMPEER_HEADROOM 28 /* IPv4 and ICMP header in front of a quote */
#define SIMPEER_TAILROOM 4  /* TCP option of a SYN/ACK */

enum simpeer_frame_kind {
	SIMPEER_FRAME_PROBE,
	SIMPEER_FRAME_RST, /* TCP with RST */
	SIMPEER_FRAME_ARP_REQUEST,
	SIMPEER_FRAME_BAD_CHECKSUM, /* IPv4 header, TCP, UDP or ICMP */
	SIMPEER_FRAME_MALFORMED,    /* lengths that can't be */
	SIMPEER_FRAME_FRAGMENT,
	SIMPEER_FRAME_OTHER /* no probe: another protocol, IP options, TCP that is no SYN, ... */
};

/* A view into a frame. Addresses and `seq` as they lie in memory or in host order as named. */
struct simpeer_frame {
	enum simpeer_frame_kind kind;
	enum simpeer_type type;      /* of probes; SIMPEER_TCP for RSTs */
	uint16_t l2_len;             /* 14, 18 or 22 */
	uint16_t ip_len;             /* the IP header's total length */
	uint16_t payload_len;        /* of TCP, UDP or the ICMP echo */
	uint32_t src, dst;           /* network order; ARP: sender and target */
	uint16_t src_port, dst_port; /* host order; 0 for ICMP */
	uint32_t seq;                /* TCP, host order */
	bool dst_mac_own;            /* unicast to `mac`, or broadcast */
};

/* The checksum of a sum of words in network order, as they lie in memory; at most 2^32 of them.
 * Sums are taken of values at hand where possible: bytes just written would have to come out of the
 * store buffer first. */
static inline uint16_t simpeer_checksum(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return (uint16_t)~__rte_raw_cksum_reduce((uint32_t)sum);
}

/* Parses the frame; never reads past b->len. `mac`: the peer's own. */
void simpeer_frame_parse(const struct simpeer_buf *b, const uint8_t mac[6], bool verify_checksums,
			 struct simpeer_frame *ret_frame);

/* How an answer differs from the plain one. Addresses in network order, ports in host order. */
struct simpeer_answer {
	const uint8_t *mac;          /* the peer's own */
	uint32_t from;               /* source address */
	uint16_t ip_id;              /* host order */
	uint8_t ttl;                 /* 0: the usual one */
	uint16_t from_port, to_port; /* TCP, UDP; for ICMP errors the ports that are quoted */
	bool corrupt_payload;
	bool bad_checksum;
	/* TCP, host order */
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	/* ICMP errors */
	uint8_t icmp_type, icmp_code;
	uint16_t quote_bytes;
	bool corrupt_quote;
	enum simpeer_quote_fault quote_fault;
};

/* Each turns the probe in `b` (parsed into `f`) into the answer, in place; b->data and b->len
 * become those of the answer. Headroom and tailroom must suffice. They return the SIMPEER_BIT()s of
 * what was asked for and could not be done (a corrupted payload where there is none); the answer is
 * right otherwise. */
uint32_t simpeer_answer_echo(struct simpeer_buf *b, const struct simpeer_frame *f,
			     const struct simpeer_answer *a);
uint32_t simpeer_answer_tcp(struct simpeer_buf *b, const struct simpeer_frame *f,
			    const struct simpeer_answer *a);
uint32_t simpeer_answer_udp(struct simpeer_buf *b, const struct simpeer_frame *f,
			    const struct simpeer_answer *a);
uint32_t simpeer_answer_icmp_error(struct simpeer_buf *b, const struct simpeer_frame *f,
				   const struct simpeer_answer *a);
void simpeer_answer_arp(struct simpeer_buf *b, const struct simpeer_frame *f, const uint8_t mac[6]);
