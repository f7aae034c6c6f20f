/* SPDX-License-Identifier: BSD-3-Clause */
/* When a round's probes are due: window, period, blocks, rates. */
#include "plan_internal.h"

#include <math.h>

/* A round that has no rate cap lasts at least its probes at this rate, for the number of blocks
 * only. */
#define FASTEST_PPS 20e6
/* Probes are spread over this part of the time from one round to the next at most: what a stall has
 * put off goes out in the rest. */
#define SPREAD 0.98

static uint32_t blocks_for(double timeout_s, double period_s)
{
	return (uint32_t)fmin(ceil(timeout_s / period_s) + 2, UINT32_MAX);
}

struct timing el_plan_timing(const struct el_plan_input *in, uint64_t probes, uint64_t packets,
			     uint32_t max_packets, double timeout_s)
{
	double at_cap_s = in->rate_pps ? (double)packets / (double)in->rate_pps : 0;
	struct timing t = {.timeout_s = timeout_s};
	double needed_s = at_cap_s, sending_s;

	if (in->asap || (in->interval_s == 0 && in->interval_packets_s == 0)) {
		t.window_s = at_cap_s;
	} else if (in->interval_packets_s > 0) {
		/* pass p starts at p times interval_packets; stretched evenly where the cap asks
		 * for it */
		t.window_s = fmax(max_packets * in->interval_packets_s, at_cap_s);
		t.pass_s = t.window_s / max_packets;
		needed_s = t.window_s;
	} else {
		t.window_s = fmax(SPREAD * in->interval_s, at_cap_s);
	}
	/* without an interval, a round begins when the one before is sent, however long the port
	 * took for that */
	t.period_s = in->interval_s > 0 ? fmax(in->interval_s, t.window_s / SPREAD) : 0;
	/* a round that may not take longer is followed by the next then; what is spread over the
	 * interval may take that, only what exceeds it is bounded */
	sending_s = fmax(t.window_s, (double)probes / FASTEST_PPS);
	if (in->round_timeout_s > 0) {
		t.period_s = fmin(t.period_s, fmax(in->interval_s, in->round_timeout_s));
		t.limit_s = fmax(in->interval_s, in->round_timeout_s - timeout_s);
	}
	if (t.limit_s > 0) {
		needed_s = fmin(needed_s, t.limit_s);
		sending_s = fmin(sending_s, t.limit_s);
	}
	t.iteration_s = needed_s + timeout_s;
	t.requested_pps = t.window_s > 0 ? (double)probes / t.window_s : INFINITY;
	t.apart_s = fmax(fmax(t.period_s, sending_s), 1e-6);
	t.n_blocks = blocks_for(timeout_s, t.apart_s);
	/* without an interval a round may wait for the oldest to close */
	if (in->interval_s == 0 && t.n_blocks > EL_PLAN_BLOCKS_MAX)
		t.n_blocks = EL_PLAN_BLOCKS_MAX;
	return t;
}

uint64_t el_plan_rate_q64(uint64_t records, uint64_t window_ns)
{
	if (window_ns <= records)
		return UINT64_MAX;
	return (uint64_t)((((unsigned __int128)records << 64) + window_ns - 1) / window_ns);
}
