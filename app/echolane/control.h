/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Control: the thread that drives all others, and the state that is its own. cmd_run.c makes and
 * ends what is in here; control.c is the loop. reload.h says when a new plan is made, rollout.h how
 * it takes the place of the one before, publisher.h what readers see. */
#include "clocks.h"
#include "credentials.h"
#include "el_board.h"
#include "el_httpd.h"
#include "el_inventory.h"
#include "facts.h"
#include "moved.h"
#include "names.h"
#include "network.h"
#include "options.h"
#include "publisher.h"
#include "reload.h"
#include "responder.h"
#include "rollout.h"
#include "service.h"

struct job_thread;
struct stats_thread;
struct writer;

struct control {
	/* made by the steps of cmd_run.c, in this order */
	const struct options *options;
	struct credentials credentials;     /* that /metrics asks for */
	struct el_conf *started_with;       /* what can't change while running is as in this one */
	struct el_stamp_keys *started_keys; /* of its targets, for the first plan */
	struct writer *tables;              /* NULL: they are not wanted */
	int tables_error;                   /* a table could not be written: a negative errno */
	/* the compile thread's: what it said last of too few source ports, not to repeat it */
	char ports_told[768];
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
	enum el_worker_vectors vectors; /* that they use */
	uint32_t n_launched;            /* of the workers, those whose loop was started */
	struct responders responders;
	struct job_thread *compile_thread;
	struct el_httpd *httpd;

	struct rollout rollout;
	struct reload reload;
	struct moved moved;
	struct publisher publisher;
	struct facts facts;
	struct service service;
	/* When each worker was last seen to have read all of its commands; what
	 * /-/ready or /-/healthy said last */
	uint64_t alive_ns[EL_PLAN_WORKERS_MAX];
	char state_text[512];

	/* the loop's own; its times, and alive_ns, are CLOCK_MONOTONIC, not the workers' clock */
	int epoll_fd, signal_fd, timer_fd; /* -1: not open */
	uint64_t tick_ns;                  /* the timer's period */
	uint64_t now_ns;                   /* when this iteration began */
	uint64_t started_ns;
	uint64_t slow_ns; /* when the ports' counters and clocks were read last */
	bool stopping;    /* no more rounds are begun, and what is being sent ends */
	uint64_t stop_deadline_ns;
	bool stop_at_once; /* without the figures that are being made */
	int status;        /* of the program, where it does not end as it was asked to */
	uint64_t longest_loop_ns, longest_loop_cpu_ns; /* of any iteration; not of the same one */
};

/* Descriptors, signals: what the loop needs. 0, or -errno with a sentence. */
int control_init(struct control *c, struct el_error *err);
void control_fini(struct control *c);

/* Runs until all rounds are done or a signal says stop, and everything that was sent has been
 * reported. */
void control_run(struct control *c);

/* Takes the blocks that workers have finished, and notes them in the rounds that they are of. */
void control_collect_blocks(struct control *c);
