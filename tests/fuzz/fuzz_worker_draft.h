/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Frames as an input draws them up: a true answer to a probe, or any bytes, and then changes. */
#include "fuzz_worker_model.h"

#define FUZZ_FRAME_MAX 1800

/* What is left of an input, and the probes that it speaks of. */
struct fuzz_input {
	const uint8_t *at, *end;
	struct fuzz_probe *probes;
	size_t n_probes;
};

/* The next byte; 0 behind the end. */
uint8_t fuzz_next(struct fuzz_input *in);

/* A frame before it is given. */
struct fuzz_draft {
	uint8_t bytes[FUZZ_FRAME_MAX];
	size_t len, segment; /* segment: bytes in each buffer of its chain; 0: it is one buffer */
	uint32_t queue;
	uint64_t ol_flags;
	struct fuzz_answer meant; /* what it is while it is not changed; no probe: anything */
};

/* What its target, or a router, says to one of the probes. */
void fuzz_draft_answer(struct fuzz_input *in, struct fuzz_draft *d);

/* Any bytes. */
void fuzz_draft_raw(struct fuzz_input *in, struct fuzz_draft *d);

/* Changes it, as often as the input says. */
void fuzz_draft_change(struct fuzz_input *in, struct fuzz_draft *d);
