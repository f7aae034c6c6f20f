/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Control: the one thread that does everything but sending, receiving and statistics. */
#include "el_httpd.h"
#include "network.h"
#include "options.h"
#include "rounds.h"

struct control {
	/* made by the steps of cmd_run.c, in this order */
	const struct options *options;
	struct el_conf *conf;
	struct el_calibration calibration;
	struct el_lcores lcores;
	struct network *network;
	struct el_model *model;
	uint8_t *payload; /* EL_PLAN_PAYLOAD_BYTES */
	struct el_plan_set *set;
	struct rte_mempool *tx_pools[EL_PLAN_WORKERS_MAX];
	struct el_worker *workers[EL_PLAN_WORKERS_MAX];
	uint32_t n_workers;
	uint32_t n_launched;
	struct stats_pool *stats;
	struct rounds *rounds;
	struct el_snapshot_store *snapshots;
	struct el_httpd *httpd;
	int epoll_fd, signal_fd, timer_fd; /* -1: not open */

	/* the loop's own */
	struct el_snapshot *current;  /* a reference to the snapshot published last */
	uint64_t *late, *icmp_errors; /* [n_series] since the last snapshot, from events */
	struct el_target_totals *target_events; /* [n_targets] likewise */
	struct address_index *addresses;
	uint64_t now_ns, started_ns, slow_ns, second_ns;
	uint64_t timed_out;
	bool started; /* the first round has been ordered */
	bool stopping;
	uint64_t stop_deadline_ns;
	double longest_loop_s;
};

/* Descriptors, signals, snapshot store: what the loop needs. 0, or -errno with a sentence. */
int control_init(struct control *c, struct el_error *err);
void control_fini(struct control *c);

/* Runs until all rounds are done or a signal says stop, and everything that was sent has been
 * reported. */
void control_run(struct control *c);

/* A source of pages over this control, for the HTTP server and for the end of the program. */
struct el_httpd_source control_page_source(struct control *c);

/* Writes the metrics page. */
void control_print_metrics(struct control *c, FILE *out);

/* control_events.c: finds targets by address; takes what workers noted and adds it to the next
 * snapshot. */
struct address_index *address_index_create(const struct el_model *model);
void address_index_free(struct address_index *index);
void control_take_events(struct control *c);
void control_apply_events(struct control *c, struct el_snapshot *s);
