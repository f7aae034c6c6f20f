/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* When a new plan is made, and of what: because a signal or the interval asks for the configuration
 * to be loaded again, or because names, inventories, addresses, routes, or where answers come in,
 * have changed. One at a time: it is ordered from the compile thread, and what comes back is
 * proposed to the rollout, which has it executed. */
#include <stdbool.h>
#include <stdint.h>

#include "el_facts.h"
#include "steering.h"

struct control;
struct el_conf;

struct reload {
	uint64_t generation; /* of the plan set ordered last */
	bool is_making;      /* the compile thread has not finished it */

	bool wanted; /* a signal has asked for the configuration to be loaded again */
	bool failed; /* the last time, it could not be loaded */
	struct el_reload_facts told; /* how it went the last time */
	uint64_t next_ns;     /* CLOCK_MONOTONIC: when it is looked at again; UINT64_MAX: never */
	uint64_t file_digest; /* of the file as it was read last */

	bool names_changed, inventory_changed; /* since a plan was ordered last */
	/* Of a plan of which too many answers had to be forwarded: the next plan learns from them
	 * which worker is to send what. One reference, or NULL. */
	struct el_streams *misplaced;
	struct steering_watch watch;
	struct el_conf *watched; /* the configuration that it is about: one reference, or NULL */
};

void reload_init(struct control *c);
/* False while names are waited for: before the first round all that will be known soon go into one
 * plan. */
bool reload_names_are_known(const struct control *c);
/* Orders a plan if it is time. To be called at each tick. */
void reload_poll(struct control *c);
/* The compile thread has finished something. */
void reload_take_results(struct control *c);
/* So many answers of a round were forwarded, of so many probes sent. */
void reload_watch_steering(struct control *c, struct el_plan_set *set, uint64_t forwarded,
			   uint64_t sent);
