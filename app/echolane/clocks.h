/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The clocks of all cores: measured at the start, followed while it runs. Control's own time is
 * asked for of the kernel, el_raw_ns. */
#include "el_facts.h"
#include "el_conf.h"
#include "el_stats.h"
#include "el_worker.h"

struct clocks;

/* Measures the counters of control's core and of those of n_workers workers, whose lcores must be
 * idle, against the kernel's time, for some 100 ms (not where the configuration asks for no
 * counter); decides what time is read from, and says so in the log. 0, or -errno with a sentence.
 */
int clocks_create(enum el_conf_clock wanted, uint32_t n_workers, struct clocks **ret_clocks,
		  struct el_error *err);
void clocks_destroy(struct clocks *c); /* NULL is fine */

/* What a worker begins with: el_worker_config.clock and .reads_time. */
void clocks_worker(const struct clocks *c, uint32_t worker, struct el_worker_config *ret_config);

/* To be called ten times a second: checks control's own core, has the workers check theirs, and
 * tells them where CLOCK_REALTIME is. */
void clocks_poll(struct clocks *c, struct el_worker *const *workers);
/* Takes what workers have told; what has changed for the worse is logged. When their clocks have
 * stepped; to_ns 0: they have not. To be called after their reports have been collected: what they
 * knew when they made them is among it. */
struct el_span clocks_take_notes(struct clocks *c, struct el_worker *const *workers);

/* What is published of them. */
struct el_clock_state clocks_state(const struct clocks *c);
/* The same, and of each worker. */
void clocks_facts(const struct clocks *c, struct el_clock_facts *ret);
