/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Control: the one thread that does everything but sending, receiving and statistics. What it has
 * is brought up by cmd_run.c; its loop is here. When a new plan is made is in reload.h, how it
 * takes the place of the one before in rollout.h, what is published in publisher.h. */
#include "clocks.h"
#include "credentials.h"
#include "el_board.h"
#include "el_httpd.h"
#include "el_inventory.h"
#include "moved.h"
#include "names.h"
#include "network.h"
#include "options.h"
#include "publisher.h"
#include "reload.h"
#include "rollout.h"

struct job_thread;
struct stats_thread;
struct writer;

struct control {
	/* made by the steps of cmd_run.c, in this order */
	const struct options *options;
	struct credentials credentials;   /* that /metrics asks for */
	struct shared_conf *started_with; /* what can't change while running is as in this one */
	struct writer *tables;            /* NULL: they are not wanted */
	int tables_error;                 /* a table could not be written: a negative errno */
	char ports_told[768]; /* what was said last of too few source ports; whoever makes plans */
	struct el_lcores lcores;
	struct network *network;
	struct clocks *clocks;
	struct stats_thread *stats;
	struct names *names;
	struct el_inventory *inventory;
	struct el_id_key key; /* of this process */
	uint8_t *payload;     /* EL_PLAN_PAYLOAD_BYTES */
	struct rte_mempool *tx_pools[EL_PLAN_WORKERS_MAX];
	struct el_board *board; /* where the workers find the schedule */
	struct el_worker *workers[EL_PLAN_WORKERS_MAX];
	uint32_t n_workers;
	uint32_t n_launched;
	struct job_thread *compile_thread;
	struct el_httpd *httpd;

	struct rollout rollout;
	struct reload reload;
	struct moved moved;
	struct publisher publisher;
	uint64_t alive_ns[EL_PLAN_WORKERS_MAX]; /* when each had read all of its commands */
	char state_text[512];                   /* what /-/ready or /-/healthy said last */

	/* the loop's own */
	int epoll_fd, signal_fd, timer_fd; /* -1: not open */
	uint64_t tick_ns;                  /* of the timer */
	uint64_t now_ns, started_ns, slow_ns;
	bool stopping; /* no more rounds are begun, and what is being sent ends */
	uint64_t stop_deadline_ns;
	int status; /* of the program, where it does not end as it was asked to */
	uint64_t longest_loop_ns, longest_loop_cpu_ns; /* of any iteration; not of the same one */
};

/* Descriptors, signals: what the loop needs. 0, or -errno with a sentence. */
int control_init(struct control *c, struct el_error *err);
void control_fini(struct control *c);

/* Runs until all rounds are done or a signal says stop, and everything that was sent has been
 * reported. */
void control_run(struct control *c);

/* Has the program end once the answers that are out are there; asked again: now. */
void control_stop(struct control *c);

/* Brings the blocks that workers have given back to the rounds they are of. */
void control_collect_blocks(struct control *c);
