/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is published: snapshots with the figures of rounds, and the pages and tables that are made
 * from them. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "el_error.h"
#include "el_httpd.h"
#include "el_stats.h"
#include "el_telemetry.h"
#include "packs.h"

struct control;

struct publisher {
	struct el_snapshot_store *store;
	struct el_snapshot *current; /* a reference to the snapshot published last */
	bool again;                  /* publish its figures once more when statistics is idle */
	uint64_t timed_out;          /* rounds that took longer than they may */
	struct packs packs;
	pthread_mutex_t ports_lock;
	struct el_port_view *ports; /* [network_n_ports]: for other threads, under ports_lock */
};

/* Publishes a snapshot in which nothing has happened yet. 0, or -errno with a sentence. */
int publisher_init(struct control *c, struct el_error *err);
void publisher_fini(struct control *c);

/* Publishes the current figures once more, because something besides them has changed. */
void publisher_again(struct control *c);
/* Publishes the snapshots that statistics has finished, and gives it the next round. */
void publisher_take_results(struct control *c);
/* Reads the ports' counters: what was dropped belongs to the rounds that are open. */
void publisher_read_ports(struct control *c);

/* A source of pages over this control, for the HTTP server and for the end of the program. */
struct el_httpd_source publisher_page_source(struct control *c);
/* What the telemetry thread asks. */
struct el_telemetry_source publisher_telemetry_source(struct control *c);
/* Writes the metrics page. */
void publisher_print_metrics(struct control *c, FILE *out);
