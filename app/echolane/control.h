/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Control: the one thread that does everything but sending, receiving and statistics. */
#include <pthread.h>

#include "clocks.h"
#include "credentials.h"
#include "el_httpd.h"
#include "el_inventory.h"
#include "el_telemetry.h"
#include "events.h"
#include "names.h"
#include "network.h"
#include "options.h"
#include "placement.h"
#include "rounds.h"

/* A configuration and everything that is made from it. Zeroed memory: none. */
struct planning {
	struct shared_conf *shared;
	struct el_conf *conf; /* of shared */
	struct el_model *model;
	struct network_plan *net;
	struct names_list *names;
	struct el_plan_set *set;
	struct events *events;
	struct rounds *rounds; /* NULL until its turn comes */
};

struct planner_job;
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
	struct names *names;
	struct el_inventory *inventory;
	struct job_thread *planner;
	struct el_id_key key; /* of this process */
	uint8_t *payload;     /* EL_PLAN_PAYLOAD_BYTES */
	struct rte_mempool *tx_pools[EL_PLAN_WORKERS_MAX];
	struct el_worker *workers[EL_PLAN_WORKERS_MAX];
	uint32_t n_workers;
	uint32_t n_launched;
	uint64_t alive_ns[EL_PLAN_WORKERS_MAX]; /* when each had read all of its commands */
	char state_text[512];                   /* state.c: what was said last */
	struct stats_thread *stats;
	struct el_snapshot_store *snapshots;
	struct el_httpd *httpd;
	int epoll_fd, signal_fd, timer_fd; /* -1: not open */
	uint64_t tick_ns;                  /* of the timer */
	pthread_mutex_t ports_lock;
	struct el_port_view *ports; /* [network_n_ports]: for other threads, under ports_lock */

	/* The plan that is executed, the one before while rounds of it are open and, without its
	 * rounds, while answers to it may come late, and the one that waits for its next hops.
	 * While one waits, no other is made. */
	struct planning now, old, next;
	uint64_t next_since_ns;
	uint64_t old_ended_ns; /* when the last round of `old` was published */
	bool next_cuts;        /* the round under way ends when it is taken */
	/* How many orders there were to give back what workers have not begun, for the next plan to
	 * come in its place; 0: it is not under way. */
	uint32_t taking_back;
	uint64_t taken_back; /* how often workers were told so */
	bool told;      /* workers that gave all of `now` back know it, for others have begun it */
	bool forgotten; /* workers were told that no round of `old` is open */
	uint64_t generation;
	bool planning; /* the planner is making one */
	/* moved.c: addresses or routes have changed, and the plan that is executed does not know */
	struct {
		uint64_t quiet_ns; /* when nothing more had changed, last */
		bool wanted;       /* a plan is to be made, for what has changed since: */
		uint64_t from_ns;
		uint64_t first_ns, last_ns; /* when it was heard of */
		bool ordered;               /* one is being made, or waits to be taken, for: */
		uint64_t ordered_from_ns;
		uint64_t order_ns, next_ns; /* when, and when the next one may be */
	} moved;
	bool names_changed, inventory_changed; /* since the last plan was ordered */
	/* A plan of which too many answers had to be forwarded; one reference, or NULL. */
	struct el_plan_set *misplaced;
	struct placement_watch placement_watch;
	const struct shared_conf *watched; /* the configuration that it is about */

	/* the loop's own */
	struct el_snapshot *current; /* a reference to the snapshot published last */
	uint64_t now_ns, started_ns, slow_ns;
	uint64_t timed_out, skipped_before;
	bool started;  /* the first round has been ordered */
	bool stopping; /* no more rounds are begun, and what is being sent is cut */
	bool cut;      /* workers were told so */
	uint64_t stop_deadline_ns;
	int status; /* of the program, where it does not end as it was asked to */
	uint64_t longest_loop_ns, longest_loop_cpu_ns; /* of any iteration; not of the same one */

	/* reload.c */
	bool republish; /* as soon as statistics is idle */
	bool reload_wanted, reload_failed;
	uint64_t reload_next_ns;
	uint64_t file_digest; /* of the configuration as it was read last */
};

/* Descriptors, signals, snapshot store: what the loop needs. 0, or -errno with a sentence. */
int control_init(struct control *c, struct el_error *err);
void control_fini(struct control *c);

/* Runs until all rounds are done or a signal says stop, and everything that was sent has been
 * reported. */
void control_run(struct control *c);

/* A source of pages over this control, for the HTTP server and for the end of the program. */
struct el_httpd_source control_page_source(struct control *c);

/* What the telemetry thread asks. */
struct el_telemetry_source control_telemetry_source(struct control *c);

/* Writes the metrics page. */
void control_print_metrics(struct control *c, FILE *out);

/* reload.c: reloads the configuration if a signal or the interval asks for it. */
void reload_init(struct control *c);
void reload_poll(struct control *c);
void reload_take_result(struct control *c, struct planner_job *job);

/* Has the program end once the answers that are out are there; asked again: now. */
void control_stop(struct control *c);

/* moved.c: what changes of addresses and routes means for probes that are under way. To be called
 * at each tick. */
void moved_poll(struct control *c);
/* Whether a plan is to be made because of changes, now: some follow each other, as when an address
 * and a route are replaced, and are taken together. Where routes change all the time, planning
 * takes half of it at most. */
bool moved_is_due(const struct control *c);
/* A plan is being ordered, which will know of all changes up to now: true if there were any. */
bool moved_order(struct control *c);
/* What became of it: 0, and moved_end is to be called when it is taken; 1: all streams go as
 * before; a negative errno. */
void moved_take_result(struct control *c, int status);
/* Since when it is not known whether what has changed matters: rounds that end later wait for that.
 * 0: it is known. */
uint64_t moved_undecided_ns(const struct control *c);
/* Marks the rounds that are open, with what is known to matter. */
void moved_mark(struct control *c);
/* The plan that was ordered is the one that is executed from now on; the one before is over. */
void moved_end(struct control *c);

/* plans.c: which plan is executed, and that none is once `stopping` is set. */
void plans_poll(struct control *c);
/* The planner has finished something. */
void plans_take_results(struct control *c);
/* The old plan is gone once all its rounds are published, every worker has begun a round of the new
 * one, and what was late is not waited for any more: another plan comes, or a minute is over. */
void plans_release_old(struct control *c);
/* True if none is being made or waits: another may be ordered. */
bool plans_may_order(const struct control *c);
/* Has the planner do `job` (copied, its shared configuration taken over). 0 or -ENOMEM. */
int plans_order(struct control *c, struct planner_job *job);

/* Brings the blocks that workers have given back to the rounds they are of. */
void control_collect_blocks(struct control *c);

/* Publishes the figures there are once more, after something besides them has changed. */
void control_republish(struct control *c);
