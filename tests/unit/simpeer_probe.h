/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Probes for the tests of the simulated peer, and a look at what came back, by means of their own:
 * nothing here is shared with the code under test but DPDK's headers. */
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "unit.h"

#include "core.h"

#define OWN_MAC "\x02\x00\x00\x00\x00\x01"
#define PROBER_MAC "\x02\x00\x00\x00\x00\x99"
#define PROBER 0xc000020a /* 192.0.2.10 */
#define TARGET 0xc6336401 /* 198.51.100.1 */

struct room {
	uint8_t bytes[2304];
	struct simpeer_buf b;
};

struct probe {
	uint8_t protocol;
	uint32_t dst; /* host order */
	uint16_t src_port, dst_port;
	uint32_t seq;
	uint8_t tcp_flags;
	uint16_t payload;
};

/* The sum of RFC 1071, a byte at a time. */
static inline uint16_t slow_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint16_t at16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t at32(const uint8_t *p)
{
	return (uint32_t)at16(p) << 16 | at16(p + 2);
}

static inline void set16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void set32(uint8_t *p, uint32_t v)
{
	set16(p, v >> 16);
	set16(p + 2, v & 0xffff);
}

static inline uint16_t slow_l4_sum(const uint8_t *l3, size_t len)
{
	uint32_t pseudo = slow_sum(l3 + 12, 8, 0) + l3[9] + (uint32_t)len;

	return slow_sum(l3 + 20, len, l3[9] == IPPROTO_ICMP ? 0 : pseudo);
}

/* An Ethernet frame with the probe at `room`, random payload. */
static inline void make_probe(struct room *room, const struct probe *p, uint64_t *seed)
{
	uint8_t *l2 = room->bytes + 128, *l3 = l2 + 14, *l4 = l3 + 20;
	size_t hdr = p->protocol == IPPROTO_TCP ? 20 : 8, len = hdr + p->payload;
	size_t check_at = p->protocol == IPPROTO_TCP ? 16 : p->protocol == IPPROTO_UDP ? 6 : 2;

	memset(room->bytes, 0xee, sizeof(room->bytes));
	memcpy(l2, OWN_MAC PROBER_MAC "\x08\x00", 14);
	memset(l3, 0, 20 + hdr);
	l3[0] = 0x45;
	l3[1] = 0x28; /* DSCP 10 */
	set16(l3 + 2, (uint32_t)(20 + len));
	set16(l3 + 4, (uint32_t)unit_random(seed) | 1);
	l3[8] = 64;
	l3[9] = p->protocol;
	set32(l3 + 12, PROBER);
	set32(l3 + 16, p->dst);
	set16(l3 + 10, (uint16_t)~slow_sum(l3, 20, 0));
	for (size_t i = hdr; i < len; i++)
		l4[i] = (uint8_t)unit_random(seed);
	if (p->protocol == IPPROTO_ICMP) {
		l4[0] = 8;
		set32(l4 + 4, p->seq);
	} else {
		set16(l4, p->src_port);
		set16(l4 + 2, p->dst_port);
	}
	if (p->protocol == IPPROTO_UDP)
		set16(l4 + 4, (uint32_t)len);
	if (p->protocol == IPPROTO_TCP) {
		set32(l4 + 4, p->seq);
		l4[12] = 5 << 4;
		l4[13] = p->tcp_flags ? p->tcp_flags : RTE_TCP_SYN_FLAG;
	}
	set16(l4 + check_at, (uint16_t)~slow_l4_sum(l3, len));
	if (p->protocol == IPPROTO_UDP && at16(l4 + check_at) == 0)
		set16(l4 + check_at, 0xffff);
	room->b = (struct simpeer_buf){l2, (uint32_t)(14 + 20 + len), 128};
}

static inline struct simpeer_script *script_of(const char *text)
{
	struct simpeer_script *script = NULL;
	struct el_error err = {""};

	if (simpeer_script_parse("t.yaml", text, strlen(text), &err, &script) < 0)
		fail_msg("%s", err.text);
	return script;
}
