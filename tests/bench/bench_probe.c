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

static void build(enum el_probe_type type, int32_t size, bool dont_fragment)
{
	for (uint32_t i = 0; i < SLICES; i++) {
		struct el_slice_spec spec = {
		    .type = type,
		    .source = el_ip_from_v4(htonl(0x0a000001)),
		    .destination = el_ip_from_v4(htonl(0x0a010000 + i)),
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
	struct el_probe_job jobs[BURST];

	for (uint32_t i = 0; i < BURST; i++)
		jobs[i] = (struct el_probe_job){.slice = &slices[first + i],
						.end = buffers[first + i % BURST] + END,
						.id = first + i + 1,
						.src_port = (uint16_t)(65000 + i % 2),
						.sequence = (uint16_t)i};
	el_probe_ops[slices[0].type]->make(&key, jobs, BURST);
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
	uint8_t *end = buffers[i] + END, *l3 = end - s->header_len, *l4 = l3 + 20;
	uint32_t addr;
	uint8_t *frame;

	switch (s->type) {
	case EL_PROBE_TCPSYN:
		el_put32(l4 + 8, el_get32(l4 + 4) + 1);
		l4[13] = 0x12;
		break;
	case EL_PROBE_ICMPPING:
		l4[0] = 0;
		break;
	case EL_PROBE_UDPUNREACHABLE:
		memmove(l3 - 28, l3, s->header_len);
		memcpy(l3, "\3\3\0\0\0\0\0\0", 8);
		memmove(l3 + 8, l3 - 28, s->header_len);
		memmove(l3 - 20, l3 + 8, 20);
		l3 -= 20;
		l3[9] = IPPROTO_ICMP;
		el_put16(l3 + 2, (uint16_t)(28 + s->header_len));
	}
	memcpy(&addr, l3 + 12, 4);
	memcpy(l3 + 12, l3 + 16, 4);
	memcpy(l3 + 16, &addr, 4);
	frame = l3 - 14;
	el_put16(frame + 12, 0x0800);
	lens[i] = 14 + (size_t)el_get16(l3 + 2);
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
		el_probe_ops[slices[i].type]->make(&key, &job, 1);
		answer(i);
	}
	for (int pass = 0; pass < PASSES; pass++) {
		uint64_t began = rte_rdtsc();
		for (uint32_t i = 0; i < SLICES; i++) {
			struct el_answer a;
			struct el_pkt pkt;

			if (el_pkt_parse(buffers[i], lens[i], &pkt) != EL_PKT_OK ||
			    el_probe_recognise(&pkt, &a) != EL_NO_ANSWER_NONE)
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
		int32_t size;
		bool dont_fragment;
	} cases[] = {
	    {"TCPsyn", EL_PROBE_TCPSYN, -1, true},
	    {"TCPsyn, no DF", EL_PROBE_TCPSYN, -1, false},
	    {"ICMPping", EL_PROBE_ICMPPING, -1, true},
	    {"ICMPping, id in header", EL_PROBE_ICMPPING, 8, true},
	    {"UDPunreachable", EL_PROBE_UDPUNREACHABLE, -1, true},
	};
	uint8_t random[32];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(37 * i + 11);
	key = el_id_key_init(random);
	printf("%-24s %8s %24s\n", "cycles a packet", "make", "parse, recognise, id");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build(cases[i].type, cases[i].size, cases[i].dont_fragment);
		printf("%-24s %8.1f", cases[i].name, bench_make());
		printf(" %24.1f\n", bench_recognise());
	}
	return 0;
}
