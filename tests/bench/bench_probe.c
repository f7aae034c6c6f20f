/* SPDX-License-Identifier: BSD-3-Clause */
/* Cycles a packet to make probes, and to parse and recognise answers, in bursts of 32 over 4096
 * slices; the median of many passes. Buffers are as far apart as mbufs. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "el_probe.h"

#define SLICES 4096
#define BURST 32
#define STRIDE 2304 /* of a buffer */
#define END 256     /* where the template ends in it */
#define PASSES 301

static struct el_slice slices[SLICES];
static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
static uint8_t buffers[SLICES][STRIDE] __attribute__((aligned(64)));
static size_t lens[SLICES];
static struct el_id_key key;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t *cycles)
{
	qsort(cycles, PASSES, sizeof(*cycles), by_value);
	return (double)cycles[PASSES / 2] / SLICES;
}

/* An IPv4 address, or an IPv6 one that ends so. */
static struct el_ip address(uint8_t family, uint32_t number)
{
	struct el_ip ip = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};

	if (family == 4)
		return el_ip_from_v4(htonl(number));
	el_put32(ip.bytes + 12, number);
	return ip;
}

static void build(enum el_probe_type type, uint8_t family, int32_t size, bool dont_fragment)
{
	for (uint32_t i = 0; i < SLICES; i++) {
		struct el_slice_spec spec = {
		    .type = type,
		    .source = address(family, 0x0a000001),
		    .destination = address(family, 0x0a010000 + i),
		    .dst_port = 443,
		    .ip_payload_size = size,
		    .dont_fragment = dont_fragment,
		    .payload = payload,
		    .key = &key,
		};
		if (el_slice_build(&slices[i], &spec) < 0)
			abort();
	}
}

static void make_burst(uint32_t first)
{
	for (uint32_t i = 0; i < BURST; i++) {
		const struct el_probe_job job = {.slice = &slices[first + i],
						 .end = buffers[first + i % BURST] + END,
						 .id = first + i + 1,
						 .src_port = (uint16_t)(65000 + i % 2),
						 .sequence = (uint16_t)i};

		el_probe_ops[slices[0].type]->make(&key, &job);
	}
}

static double bench_make(void)
{
	uint64_t cycles[PASSES];

	for (int pass = 0; pass < PASSES; pass++) {
		uint64_t began = rte_rdtsc();
		for (uint32_t i = 0; i < SLICES; i += BURST)
			make_burst(i);
		cycles[pass] = rte_rdtsc() - began;
	}
	return median(cycles);
}

/* Makes of every probe in its buffer the frame that answers it. */
static void answer(uint32_t i)
{
	const struct el_slice *s = &slices[i];
	bool v4 = s->family == 4;
	unsigned l3_len = v4 ? 20 : 40, len = s->header_len; /* the payload is left out */
	uint8_t *end = buffers[i] + END, *l3 = end - len, *l4 = l3 + l3_len;
	size_t addr_len = v4 ? 4 : 16, addr_at = v4 ? 12 : 8;
	uint8_t quoted[EL_SLICE_TEMPLATE_BYTES], addr[16], *frame;

	switch (s->type) {
	case EL_PROBE_TCPSYN:
		el_put32(l4 + 8, el_get32(l4 + 4) + 1);
		l4[13] = 0x12;
		break;
	case EL_PROBE_ICMPPING:
		l4[0] = v4 ? 0 : 129;
		break;
	case EL_PROBE_UDPUNREACHABLE:
		memcpy(quoted, l3, len);
		memcpy(end, quoted, len);
		l4 = end - 8;
		memcpy(l4, v4 ? "\3\3\0\0\0\0\0\0" : "\1\4\0\0\0\0\0\0", 8);
		l3 = l4 - l3_len;
		memcpy(l3, quoted, l3_len);
		l3[v4 ? 9 : 6] = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		len += l3_len + 8;
	}
	el_put16(l3 + (v4 ? 2 : 4), (uint16_t)(v4 ? len : len - 40));
	memcpy(addr, l3 + addr_at, addr_len);
	memcpy(l3 + addr_at, l3 + addr_at + addr_len, addr_len);
	memcpy(l3 + addr_at + addr_len, addr, addr_len);
	frame = l3 - 14;
	el_put16(frame + 12, v4 ? 0x0800 : 0x86dd);
	lens[i] = 14 + (size_t)len;
	memmove(buffers[i], frame, lens[i]);
}

static double bench_recognise(void)
{
	uint64_t cycles[PASSES];
	uint32_t ids[EL_PROBE_TCP_LENS_MAX + 1];
	uint32_t matched = 0;

	for (uint32_t i = 0; i < SLICES; i++) {
		struct el_probe_job job = {
		    .slice = &slices[i], .end = buffers[i] + END, .id = i + 1};
		el_probe_ops[slices[i].type]->make(&key, &job);
		answer(i);
	}
	for (int pass = 0; pass < PASSES; pass++) {
		uint64_t began = rte_rdtsc();
		for (uint32_t i = 0; i < SLICES; i++) {
			struct el_answer a;
			struct el_pkt pkt;

			if (el_pkt_parse(buffers[i], lens[i], &pkt) != EL_PKT_OK ||
			    el_probe_recognise(&key, &pkt, &a) != EL_VERDICT_ANSWER)
				continue;
			el_probe_ops[a.type]->ids(&key, &a, NULL, 0, ids);
			matched += ids[0] == i + 1;
		}
		cycles[pass] = rte_rdtsc() - began;
	}
	if (matched != (uint32_t)SLICES * PASSES) {
		fprintf(stderr, "only %u of %u answers recognised\n", matched, SLICES * PASSES);
		exit(1);
	}
	return median(cycles);
}

int main(void)
{
	static const struct {
		const char *name;
		enum el_probe_type type;
		uint8_t family;
		int32_t size;
		bool dont_fragment;
	} cases[] = {
	    {"TCPsyn", EL_PROBE_TCPSYN, 4, -1, true},
	    {"TCPsyn, no DF", EL_PROBE_TCPSYN, 4, -1, false},
	    {"ICMPping", EL_PROBE_ICMPPING, 4, -1, true},
	    {"ICMPping, id in header", EL_PROBE_ICMPPING, 4, 8, true},
	    {"UDPunreachable", EL_PROBE_UDPUNREACHABLE, 4, -1, true},
	    {"TCPsyn, IPv6", EL_PROBE_TCPSYN, 6, -1, true},
	    {"ICMPping, IPv6", EL_PROBE_ICMPPING, 6, -1, true},
	    {"UDPunreachable, IPv6", EL_PROBE_UDPUNREACHABLE, 6, -1, true},
	};
	uint8_t random[32];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(37 * i + 11);
	key = el_id_key_init(random);
	printf("%-24s %8s %24s\n", "cycles a packet", "make", "parse, recognise, id");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build(cases[i].type, cases[i].family, cases[i].size, cases[i].dont_fragment);
		printf("%-24s %8.1f", cases[i].name, bench_make());
		printf(" %24.1f\n", bench_recognise());
	}
	return 0;
}
