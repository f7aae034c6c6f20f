/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Answers held back until their time: a bounded priority queue, stable, so that answers due at the
 * same time leave in the order in which they came. Plain memory. */
#include <stdbool.h>
#include <stdint.h>

struct simpeer_delay_queue {
	struct simpeer_delay_entry {
		uint64_t due_ns;
		uint64_t order;
		void *item;
	} * heap;
	uint32_t count, max;
	uint64_t order;
};

/* 0 or -ENOMEM. */
int simpeer_delay_init(struct simpeer_delay_queue *q, uint32_t max);
void simpeer_delay_fini(struct simpeer_delay_queue *q);

/* False if it is full. */
bool simpeer_delay_push(struct simpeer_delay_queue *q, uint64_t due_ns, void *item);

/* The next item that is due at `now_ns`, or NULL. UINT64_MAX takes all. */
void *simpeer_delay_pop(struct simpeer_delay_queue *q, uint64_t now_ns);
