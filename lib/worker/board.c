/* SPDX-License-Identifier: BSD-3-Clause */
#include "board.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#define WAIT_US 10000000
#define WAIT_STEP_US 50

/* No round may be begun. */
static const struct el_schedule nothing;

struct el_board *el_board_create(uint32_t n_workers, int socket)
{
	struct el_board *b =
	    rte_zmalloc_socket("el_board", sizeof(*b), RTE_CACHE_LINE_SIZE, socket);

	if (!b)
		return NULL;
	b->qsbr = rte_zmalloc_socket("el_board", rte_rcu_qsbr_get_memsize(n_workers),
				     RTE_CACHE_LINE_SIZE, socket);
	atomic_init(&b->schedule, &nothing);
	if (b->qsbr && rte_rcu_qsbr_init(b->qsbr, n_workers) == 0)
		return b;
	el_board_destroy(b);
	return NULL;
}

void el_board_destroy(struct el_board *b)
{
	if (!b)
		return;
	rte_free(b->qsbr);
	rte_free(b);
}

void el_board_post(struct el_board *b, const struct el_schedule *schedule)
{
	atomic_store_explicit(&b->schedule, schedule, memory_order_release);
	b->token = rte_rcu_qsbr_start(b->qsbr);
}

bool el_board_is_taken(const struct el_board *b)
{
	return !b->token || rte_rcu_qsbr_check(b->qsbr, b->token, false) == 1;
}

bool el_board_wait(struct el_board *b)
{
	uint64_t token = rte_rcu_qsbr_start(b->qsbr);

	for (int i = 0; i < WAIT_US / WAIT_STEP_US; i++) {
		if (rte_rcu_qsbr_check(b->qsbr, token, false) == 1)
			return true;
		rte_delay_us_sleep(WAIT_STEP_US);
	}
	return false;
}

const struct el_schedule *board_join(struct el_board *b, uint32_t worker)
{
	rte_rcu_qsbr_thread_register(b->qsbr, worker);
	rte_rcu_qsbr_thread_online(b->qsbr, worker);
	return &nothing;
}

void board_leave(struct el_board *b, uint32_t worker)
{
	rte_rcu_qsbr_thread_offline(b->qsbr, worker);
}
