/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Dynamic inventories: programs in a directory that feed targets while the prober runs.
 *
 * Each program is started once and may run for ever. Its standard output is a stream of documents
 * in YAML or JSON (el_conf_load_inventory says what is in them); each one replaces the whole list
 * of that inventory, which is called as its file is. A document ends
 * - at a line `---` (which begins the next) or `...`;
 * - for JSON, also where its outermost bracket closes;
 * - when the program exits with status 0. What a program that fails has begun to print is dropped.
 * A program that goes on running prints `---` or `...` after a YAML document, or echolane could not
 * know that it is complete.
 *
 * Nothing that a program does harms the prober: a malformed document is logged with line and column
 * and the last list stays; what it prints is read slowly if it is much, and a document past 16 MiB
 * is its end; a program that exits is started again after 1 s, then 2, 4, up to 300 (1 s again once
 * it ran for a minute). It gets no input, the directory as its working directory, and dies with the
 * prober. A script is called /dev/fd/3, whatever its file is called. Lines on its standard error
 * are logged, at most one a second after the first ten.
 *
 * Documents are parsed on a thread of their own. Everything here is for one thread, the one that
 * calls el_inventory_run and never ends before the program does; nothing but destroy waits. */
#include "el_base.h"
#include "el_conf.h"

struct el_inventory;

/* What a reload may change. What it points to need not stay. */
struct el_inventory_settings {
	const char *directory;                  /* NULL: none, no program is run */
	const char *user;                       /* who they run as; NULL: as we do */
	const struct el_conf_strings *disabled; /* names to leave out; may be NULL */
	uint32_t max_addresses;                 /* of a target */
};

struct el_inventory_config {
	struct el_inventory_settings settings;
	/* Called at the end of el_inventory_run if the targets of the lists are different now. */
	void (*changed)(void *ctx);
	void *ctx;
};

/* Those of a configuration, which they point to. */
struct el_inventory_settings el_inventory_settings_of(const struct el_conf *conf);

/* Looks the programs of a directory up and checks that nobody but root and the user that runs this
 * can change it or them, from / down (el_trust_open), and that there is the user that they are to
 * run as; for `check` and before a reload. Programs are regular files that may be executed; hidden
 * ones are left out, those whose name is not of netprobify's pattern too, with a warning in the
 * log. 0; -EPERM or another negative errno with a sentence. */
int el_inventory_check(const struct el_inventory_settings *settings, struct el_error *err);

/* Starts nothing yet: el_inventory_run does. NULL with errno and a sentence where
 * el_inventory_check would refuse. What `config` points to need not stay. */
struct el_inventory *el_inventory_create(const struct el_inventory_config *config,
					 struct el_error *err);

/* For a reload: looks the programs up again. New ones are started, those that are gone or disabled
 * are stopped and their targets go, those whose file is another one are started anew, all of them
 * if max_addresses or the user is another one; the rest run on. 0, or as el_inventory_check,
 * nothing having changed. */
int el_inventory_rescan(struct el_inventory *inv, const struct el_inventory_settings *settings,
			struct el_error *err);

/* A descriptor that is readable when there is something to do for el_inventory_run. */
int el_inventory_fd(const struct el_inventory *inv);

/* When el_inventory_run is to be called at the latest though nothing was readable, in ms from
 * `now_ns`, rounded up; -1: never. */
int el_inventory_timeout_ms(const struct el_inventory *inv, uint64_t now_ns);

/* Starts, reads, reaps: a bounded amount of work; call again while the descriptor is readable.
 * now_ns: a monotonic clock; unix_s: the time of day in seconds since 1970, which lifetimes end
 * by. */
void el_inventory_run(struct el_inventory *inv, uint64_t now_ns, int64_t unix_s);

/* The lists of all inventories as they were at one time. */
struct el_inventory_lists;

/* As they are now, to be used by any one thread while everything here goes on; to be freed. NULL:
 * no memory. */
struct el_inventory_lists *el_inventory_take_lists(const struct el_inventory *inv);
void el_inventory_lists_free(struct el_inventory_lists *lists); /* NULL is fine */

/* *ret_view is a copy of *conf with the targets of all lists after its own, those whose lifetime
 * was over at the last run before they were taken left out. Where a name occurs more than once the
 * last one counts, in the place of the first, and is among the duplicates. Everything in it belongs
 * to `conf` and `lists`: it is not to be freed, and good until the next call for these lists or
 * their end. 0 or -ENOMEM. */
int el_inventory_targets(struct el_inventory_lists *lists, const struct el_conf *conf,
			 struct el_conf *ret_view);

/* Asks all programs to end (SIGTERM, after 2 s SIGKILL in run), and starts none any more. Optional:
 * a destroy a little later has nothing to wait for. */
void el_inventory_stop(struct el_inventory *inv, uint64_t now_ns);

/* Ends all programs, the only call that waits: 2 s after SIGTERM, 1 s after SIGKILL at most. NULL
 * is fine. */
void el_inventory_destroy(struct el_inventory *inv);
