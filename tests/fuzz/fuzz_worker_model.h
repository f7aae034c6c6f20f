/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a frame is to the probes that were sent, and to control, told from the bytes of both and
 * nothing else: no ids, plans or keys. What a worker makes of the frame is compared with that. */
#include "el_pkt.h"
#include "el_probe.h"

/* A probe as it was sent, and what its record is to say. */
struct fuzz_probe {
	uint8_t frame[256];
	size_t len;
	uint8_t family;
	enum el_probe_type type;
	const uint8_t *l3, *l4, *src, *dst; /* in `frame` */
	size_t l4_len;
	const uint64_t *record;
	uint64_t sent_ns;
	uint32_t answers;
	uint64_t rtt_min_ns, rtt_max_ns; /* what the first answer's may be; if there are answers */
	bool icmp_error;
};

/* The port that frames come in by: untagged. */
struct fuzz_port {
	const uint8_t *mac, *own4, *own6; /* its addresses */
	const uint8_t *silent4;           /* an address of a host that is to be left alone */
};

/* What a frame is to the probes. */
struct fuzz_answer {
	struct fuzz_probe *probe; /* NULL: no answer to any */
	bool is_error;            /* an ICMP error, which is no answer but noted */
};

/* A probe from its frame, an untagged one; the rest is zero. */
void fuzz_probe_init(struct fuzz_probe *p, const uint8_t *frame, size_t len);

/* Whether two addresses of an IP version are the same. */
bool fuzz_same(const uint8_t *a, const uint8_t *b, uint8_t version);

bool fuzz_is_syn_ack(const struct el_pkt *pkt);

/* By a sum of our own, word by word, but for those that are said to be right by
 * RTE_MBUF_F_RX_IP_CKSUM_GOOD and, of TCP, RTE_MBUF_F_RX_L4_CKSUM_GOOD. */
bool fuzz_checksums_right(const struct el_pkt *pkt, uint64_t said_good);

/* What a parsed frame is to n probes, its checksums aside. */
struct fuzz_answer fuzz_answer_of(const struct el_pkt *pkt, struct fuzz_probe *probes, size_t n);

/* Whether a frame asks for an address of the port, or claims one: ARP (RFC 826) and neighbour
 * discovery (RFC 4861 section 7.1) that came to the port's MAC address or to a group, untagged. */
bool fuzz_is_for_control(const uint8_t *frame, size_t len, const struct fuzz_port *port);

/* Whether a frame is on no VLAN, as the port is: a tag may still have a priority. */
bool fuzz_is_untagged(const struct el_pkt *pkt);

/* Whether a SYN/ACK that answers no probe is to be reset: what is sent then can do no harm. It came
 * undamaged, from one station to the port alone, untagged, and from a host that is not to be left
 * alone to the port's address. */
bool fuzz_is_resettable(const struct el_pkt *pkt, const struct fuzz_port *port);
