/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The board as workers see it. */
#include <stdatomic.h>

#include <rte_rcu_qsbr.h>

#include "el_board.h"

struct el_board {
	_Atomic(const struct el_schedule *) schedule; /* written by control, read by workers */
	uint64_t token;                               /* control's: of the last one posted */
	struct rte_rcu_qsbr *qsbr;
};

/* A worker is there, and will say when it has nothing of the board's in its hands; the schedule
 * that it has until it looks. */
const struct el_schedule *board_join(struct el_board *b, uint32_t worker);
/* It never will again have. */
void board_leave(struct el_board *b, uint32_t worker);
