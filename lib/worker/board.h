/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The board as workers see it. */
#include <stdatomic.h>

#include <rte_rcu_qsbr.h>

#include "el_board.h"

struct el_board {
	_Atomic(const struct el_schedule *) schedule; /* written by control, read by workers */
	uint64_t token; /* control's: qsbr's number of the last one posted; 0: none was */
	struct rte_rcu_qsbr *qsbr;
};

/* A worker begins its life: from now on a schedule is taken only once this worker has reported
 * quiescence (rte_rcu_qsbr_quiescent). Returns an empty schedule to begin with. */
const struct el_schedule *board_join(struct el_board *b, uint32_t worker);
/* The worker does not look again: nobody waits for it any more. */
void board_leave(struct el_board *b, uint32_t worker);
