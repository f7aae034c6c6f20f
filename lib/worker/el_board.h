/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Where control posts the schedule for all workers, and learns that they have taken it: read-copy-
 * update, by DPDK's quiescent states (rte_rcu_qsbr). A worker looks once an iteration, and for each
 * burst that it has received. */
#include <stdbool.h>
#include <stdint.h>

#include "el_schedule.h"

struct el_board;

/* For so many workers. NULL: no memory. */
struct el_board *el_board_create(uint32_t n_workers, int socket);
/* NULL is fine; its workers have ended. */
void el_board_destroy(struct el_board *b);

/* Workers that look from now on take this one, which is told from those before by its address: it
 * must stay as it is, and no other may be posted in its place, until all have taken the next but
 * one. Control's thread. */
void el_board_post(struct el_board *b, const struct el_schedule *schedule);

/* True once no worker uses a schedule any more that was posted before the last one, nor begins what
 * only those would let it. Control's thread. */
bool el_board_is_taken(const struct el_board *b);
