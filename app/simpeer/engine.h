/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The peer behind an ethdev port: takes bursts, holds answers back until their time, sends bursts.
 * A test or a benchmark may drive it in its own process, over a ring port and with a clock of its
 * own. */
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "core.h"

struct simpeer;

struct simpeer_config {
	const struct simpeer_script *script; /* must outlive the peer */
	uint16_t port_id, queue_id;          /* configured and started by the caller */
	struct rte_mempool *pool;            /* for copies; must outlive the peer */
	/* Answers are made in mbufs of `pool` instead of those received: for links that hand over
	 * the other side's own mbufs (net_ring), whose headroom and payload must not change. */
	bool copy;
	/* The clock that `now_ns` below is of. Called with `clock`. */
	uint64_t (*read_clock)(void *clock);
	void *clock;
};

/* NULL with errno set: ENOMEM, ENODEV; EINVAL: no clock. */
struct simpeer *simpeer_create(const struct simpeer_config *config);

/* Frees all answers that are still held. NULL is fine. */
void simpeer_destroy(struct simpeer *peer);

/* A turn's two halves: sends what is due; takes one burst and handles it. `now_ns`: read just
 * before, for delays count from it, unless the peer is held up while it receives: then from after
 * that. Never block. Return how many frames were received or sent. One
 * thread at a time. */
unsigned int simpeer_send(struct simpeer *peer, uint64_t now_ns);
unsigned int simpeer_receive(struct simpeer *peer, uint64_t now_ns);

/* Both, at the same time. */
unsigned int simpeer_poll(struct simpeer *peer, uint64_t now_ns);

/* Where CLOCK_REALTIME is from now on, which the times of STAMP are of; of the same clock as
 * now_ns.
 */
void simpeer_set_wall(struct simpeer *peer, const struct el_wall_line *line);

/* The counters; live, for the polling thread. `unsent` counts what is still held. */
const struct simpeer_core *simpeer_state(struct simpeer *peer);
