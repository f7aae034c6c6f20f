/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What the steps of the compiler hand to each other. */
#include "el_plan.h"

/* A slice on its way into a plan. */
struct draft {
	const struct el_model_target *target;
	const struct el_model_group *group;
	uint32_t series;
	uint32_t worker;
	/* Where in a pass it belongs, 0 to 1, so that the slices of one stream lie evenly between
	 * those of the others. */
	double phase;
	/* the packets of its stream where these are interval_packets apart, else 0 */
	uint32_t span;
	struct el_slice slice;
};

/* How a round lies in time. */
struct timing {
	double window_s;  /* over which the probes are sent; 0: as fast as possible */
	double pass_s;    /* interval_packets, or 0 */
	double period_s;  /* start to start; 0: when all is sent */
	double timeout_s; /* the longest */
	double limit_s;   /* start to the end of sending at the latest; 0: no limit */
	double iteration_s;
	double requested_pps;
	double apart_s;    /* at least that lies between two starts: what n_blocks follows from */
	uint32_t n_blocks; /* may be more than there can be */
};

/* Everything that is found out while streams become drafts; zeroed at first. */
struct survey {
	struct draft *drafts;
	uint32_t n;
	/* of the drafts */
	uint64_t probes, packets;
	uint32_t max_packets;
	double timeout_s;                      /* the longest, */
	const struct el_model_target *slowest; /* and whose that is */
};

/* survey.c: makes the drafts (the caller's to free, also on failure) and finds out how the round
 * lies in time, leaving out what can't be probed, which the series in the model are told of. 0, or
 * what el_plan_compile returns with a sentence. */
int el_plan_survey(const struct el_plan_input *in, struct el_plan_set *set, struct survey *sv,
		   struct timing *ret_timing, struct el_error *err);

/* rate.c: for `probes` probes a round of which `packets` packets may leave (an open port costs an
 * RST too), the largest packet count of a target being max_packets. */
struct timing el_plan_timing(const struct el_plan_input *in, uint64_t probes, uint64_t packets,
			     uint32_t max_packets, double timeout_s);

/* rate.c: records due per ns for `records` over `window_ns`, 0.64, rounded up so that all are
 * due at its end; UINT64_MAX where the window is 0 or too short. */
uint64_t el_plan_rate_q64(uint64_t records, uint64_t window_ns);

/* classes.c: sorts one worker's drafts by packet count (and span), forms its classes, gives each
 * slice its part and each class its rate. 0, -ENOMEM, -E2BIG (more records than a plan holds). */
int el_plan_make_classes(struct el_plan *plan, struct draft **order, uint32_t n,
			 const struct timing *t, struct el_error *err);

/* cursor.c: lets the TCP slices of one worker that have addresses and destination port in common
 * share a port cursor, and gives them their part of the table of half-open connections. Where
 * 4-tuples come again while a probe may be open, adds to `tight`, which is for all workers. 0,
 * -ENOMEM. */
int el_plan_share_cursors(struct el_plan *plan, struct draft *const *drafts, uint32_t n,
			  const struct timing *t, struct el_plan_tight *tight);

/* stamp.c: the kind that a STAMP target's sessions are of, in `set`. 0, -EMSGSIZE (too long),
 * -ENOSPC (one kind too many), -ENOKEY (its key is not there), -ENOMEM; the last three with half a
 * sentence. */
int el_plan_stamp_kind(struct el_plan_set *set, const struct el_model_target *t,
		       const struct el_probe_stamp_kind **ret, struct el_error *why);

/* stamp.c: gives each STAMP session its SSID: that between the same two addresses there are no two
 * with the same, if there are 65,535 at most. 0, -ENOMEM. */
int el_plan_number_stamp_sessions(struct el_plan_set *set, struct survey *sv);
