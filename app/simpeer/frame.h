/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames as plain bytes: what came in. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_pkt.h"
#include "script.h"

/* A frame in memory that its owner lets us change. */
struct simpeer_buf {
	uint8_t *data;
	uint32_t len;
	/* bytes in front of data that may be taken: SIMPEER_HEADROOM for ICMP errors */
	uint32_t headroom;
};

#define SIMPEER_HEADROOM 28 /* IPv4 and ICMP header in front of a quote */

enum simpeer_frame_kind {
	SIMPEER_FRAME_PROBE,
	SIMPEER_FRAME_RST, /* TCP with RST */
	SIMPEER_FRAME_ARP_REQUEST,
	SIMPEER_FRAME_BAD_CHECKSUM, /* IPv4 header, TCP, UDP or ICMP */
	SIMPEER_FRAME_MALFORMED,    /* lengths that can't be */
	SIMPEER_FRAME_FRAGMENT,
	SIMPEER_FRAME_OTHER /* no probe: another protocol, IP options, TCP that is no SYN, ... */
};

/* A view into a frame. */
struct simpeer_frame {
	enum simpeer_frame_kind kind;
	bool dst_mac_own; /* unicast to `mac`, or broadcast */
	/* Of probes, RSTs and ARP requests: */
	uint16_t l2_len;   /* 14, 18 or 22 */
	uint32_t src, dst; /* network order; ARP: sender and target */
	/* Of probes and RSTs: */
	enum simpeer_type type;      /* SIMPEER_TCP for RSTs */
	uint16_t src_port, dst_port; /* host order; 0 for ICMP */
	struct el_pkt pkt;           /* IPv4 without options */
};

/* Parses the frame; never reads past b->len. `mac`: the peer's own. */
void simpeer_frame_parse(const struct simpeer_buf *b, const uint8_t mac[6], bool verify_checksums,
			 struct simpeer_frame *ret_frame);
