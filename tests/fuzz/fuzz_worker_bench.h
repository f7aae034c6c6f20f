/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Two workers, each with a queue of one port, and a round of probes of all types over IPv4 and IPv6
 * that they send whenever it is asked for. */
#include "fuzz_worker_draft.h"
#include "worker_bench.h"

#define FUZZ_PACKETS 3 /* to each target */
#define FUZZ_TARGETS 9
#define FUZZ_PROBES (FUZZ_PACKETS * FUZZ_TARGETS)
/* What the NIC is believed of checksums. */
#define FUZZ_BELIEVED (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)

/* What is probed; target i is series i. */
extern const struct fuzz_target {
	enum el_probe_type type;
	const char *address;
	int32_t payload; /* ip_payload_size */
} fuzz_targets[FUZZ_TARGETS];

/* The bench, made once in a process, which ends it. */
struct bench *fuzz_bench(void);

/* Sends a round, the same each time, to which nothing is known of the one before. Its probes, with
 * where their records are. */
void fuzz_bench_send(struct bench *b, struct fuzz_probe probes[FUZZ_PROBES]);

/* A frame onto the wire: nothing but its bytes is to be read. */
void fuzz_bench_give(struct bench *b, const struct fuzz_draft *d);

/* The port as a frame's sender sees it; valid as long as the bench. */
struct fuzz_port fuzz_bench_port(const struct bench *b);
