/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The board: one pointer, by which control posts the schedule to all workers and learns when they
 * have taken it (DPDK's read-copy-update, rte_rcu_qsbr). A worker looks at it once an iteration and
 * after each burst that it has received. */
#include <stdbool.h>
#include <stdint.h>

#include "el_schedule.h"

struct el_board;

/* For so many workers. NULL: no memory. */
struct el_board *el_board_create(uint32_t n_workers, int socket);
/* Its workers have ended. NULL is fine. */
void el_board_destroy(struct el_board *b);

/* Workers that look from now on take this schedule. They tell schedules apart by their address: it
 * must stay as it is, and its memory must not be used for another, until the next but one is taken.
 * Control's thread. */
void el_board_post(struct el_board *b, const struct el_schedule *schedule);

/* True once no worker uses a schedule that was posted before the last one, so that no round begins
 * any more that only those let begin. Control's thread. */
bool el_board_is_taken(const struct el_board *b);

/* Waits until each worker has ended the iteration, and the bursts, that it was in; for ten seconds
 * at most, if one is kept from going on. Whether they have. Any thread that is not a worker. */
bool el_board_wait(struct el_board *b);
