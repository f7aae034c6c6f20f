/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Which worker sends what: the one whose queue the answers come in on. Where the device spreads
 * them by a hash that it tells, that is computed; where answers come in elsewhere all the same, it
 * is learnt from them, for the next plan. */
#include "el_streams.h"
#include "el_port.h"

struct steering;

/* NULL with errno. */
struct steering *steering_create(void);
void steering_destroy(struct steering *p); /* NULL is fine */

/* The next port; it must stay. */
void steering_add_port(struct steering *p, const struct el_port *port);

/* What follows is for the thread that makes plans, but for steering_source. */

/* The port that a next hop is reached by. */
void steering_set_hop(struct steering *p, struct el_next_hop_idx next_hop, struct el_port_idx port);

/* The worker for the slice: the same for all of one type between the same addresses. */
uint32_t steering_worker(const struct steering *p, const struct el_slice *slice);

/* Remembers where the answers of a plan came in that had to be forwarded, for the plans from now
 * on; of how many slices. Ports where that would leave most of the work to few workers are left
 * out. */
uint32_t steering_learn(struct steering *p, const struct el_streams *streams);

/* By what streams of a port are placed. Any thread. */
enum el_placement steering_source(const struct steering *p, struct el_port_idx port);

/* Whether any port could be learnt. */
bool steering_can_learn(const struct steering *p);

/* When to learn: not again and again where that does not help. Zeroed memory is its beginning. */
struct steering_watch {
	uint32_t tries;       /* how often it has been said, less what has been forgotten */
	uint32_t good_rounds; /* since it was said last */
};

/* True if a round with so many answers forwarded of so many probes sent asks for learning, and that
 * has not been in vain too often. */
bool steering_watch_round(struct steering_watch *w, uint64_t forwarded, uint64_t sent);
