/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The delay of each direction, from four times a probe: when it was sent (T1) and its answer came
 * back by our clock, when it came in (T2) and was answered (T3) by the reflector's. Plain memory
 * in, plain memory out; no clock is read and none is believed.
 *
 * Raw delays, T2 - T1 forward and T4 - T3 backward, hold the difference between the clocks, with
 * opposite signs. What can be said all the same, of a session (one source and one destination
 * address):
 *
 * - Queueing delay: how much longer than the shortest of the last four minutes a delay was, less
 *   what the clocks went apart meanwhile. This is PDV of RFC 5481 section 4.2, over a sliding
 *   window. It needs no clock that is right, only one that goes steadily, which is checked.
 * - Variation: how much longer or shorter than that of the sample before, which is IPDV of RFC 3393
 *   and of RFC 5481 section 4.1, without its sign.
 * - One-way delay, with a bound beside it: the true delay is not further away. No delay is below
 *   zero, so the two shortest ones, of which only the sum is known, tell the offset between the
 *   clocks up to this sum, about the smallest round-trip time. Where both ends say that their clock
 *   is synchronised, and by how much it may be off, this may be narrower; then the raw delay is
 *   taken, unless it is impossible, which is counted: at least one of them is not right.
 *
 * A clock that is set shows in delays which jump by the same amount, one up, one down, while their
 * sum stays. The samples that may lie on either side are not valued, and all begins anew behind
 * them. So it does where a clock changes its rate, as one that is slewed does. A jump that is
 * smaller than what minima scatter by, and at least EL_DELAY_STEP_NS, can't be told from queueing;
 * delays are off by no more than that. Behind a step nothing is valued while both delays together
 * are longer than they were before: a queue would be taken for the path. A path that becomes longer
 * in one direction looks like queueing until the window has gone on; one that becomes shorter is
 * there at once.
 *
 * Where every sample waits in a queue, a clock that changes looks as if one queue became longer and
 * the other shorter, and nobody can tell. So a bound is made from the samples around alone, of
 * which the shortest round-trip time counts: only a change within these few may be unnoticed. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum el_delay_direction { EL_DELAY_FORWARD, EL_DELAY_BACKWARD, EL_DELAY_DIRECTIONS };

/* How far back minima are looked for. Shorter, and queues that don't drain for minutes become part
 * of the path; longer, and so does what quartz wanders by between them, some 1e-10 a second
 * (3 us in this time). */
#define EL_DELAY_WINDOW_NS INT64_C(240000000000)
/* The smallest step of a clock that is looked for. */
#define EL_DELAY_STEP_NS 2000
/* So many samples there must be before one of them has a value, and on either side of a step. */
#define EL_DELAY_SAMPLES_MIN 8

/* No value. */
#define EL_DELAY_NONE UINT64_MAX
/* An error_ns: an end does not say that its clock is synchronised, or not by how much it may be
 * off. */
#define EL_DELAY_NOT_SYNCHRONISED UINT32_MAX

/* An answered probe; any values are survived. */
struct el_delay_sample {
	int64_t t1_ns, t2_ns;         /* since 1970, or any other time that both have */
	int64_t rtt_ns, residence_ns; /* T4 - T1, T3 - T2 */
	uint32_t error_ns;            /* the error estimates of both ends together */
	/* Its stamps may be further off than others': it has values, but no part in minima. */
	bool uncertain;
};

enum el_delay_status {
	EL_DELAY_VALUED,
	EL_DELAY_IMPOSSIBLE, /* the times contradict each other: such as T3 before T2 */
	EL_DELAY_EARLY,      /* there are too few samples yet */
	EL_DELAY_STEPPED,    /* at a step, or a change of the rate, of a clock */
	/* A clock may have stepped, or has, and too few samples are there since, or the queues are
	 * too long, to know by how much. */
	EL_DELAY_DOUBTFUL,
	EL_DELAY_STATUSES
};

/* Where values go: arrays of one element a sample, or NULL: not wanted. */
struct el_delay_values {
	uint64_t *queueing_ns[EL_DELAY_DIRECTIONS];
	uint64_t *variation_ns[EL_DELAY_DIRECTIONS];
	uint64_t *oneway_ns[EL_DELAY_DIRECTIONS];
	uint64_t *bound_ns; /* of both directions' one-way delay */
	uint8_t *status;    /* enum el_delay_status */
};

/* What a round was like as a whole. */
struct el_delay_round {
	uint32_t statuses[EL_DELAY_STATUSES]; /* samples */
	uint32_t by_clocks;                   /* whose one-way delay is the clocks' word */
	uint32_t contradictions;              /* whose clocks' word is impossible */
	uint32_t steps;                       /* of a clock */
	uint32_t rate_changes;
	/* The last of the steps: by how much the reflector's clock went ahead, or ours back. */
	int64_t step_ns;
	/* By how much the reflector's clock is faster than ours, and by how much more or less this
	 * may be; NaN: not known yet. */
	double skew_ppm, skew_error_ppm;
	/* The smallest delays of both directions together; NaN: as above. */
	double width_ns;
};

#define EL_DELAY_SEGMENTS 16

/* What is kept of a session from round to round; zero to begin with. The smallest delay of either
 * direction in each of up to 16 stretches of the window: enough to tell a line from a bend and to
 * forget the oldest sixteenth at a time. */
struct el_delay_session {
	int64_t time_ns, forward_ns, backward_ns; /* what the segments are relative to */
	struct el_delay_segment {
		int32_t forward_us, backward_us; /* when */
		int32_t forward_ns, backward_ns;
	} segments[EL_DELAY_SEGMENTS]; /* by time */
	double slope;                  /* of the reflector's clock over ours, less 1 */
	double slope_min, slope_max;   /* what it is sought within; 0, 0: anything */
	/* The shortest both delays together were, since least_since_ns and in the window before:
	 * what a step does not change. */
	int64_t least_ns[2], least_since_ns;
	uint32_t samples; /* since all began anew */
	uint8_t n_segments;
	uint8_t unsettled;        /* a clock has stepped, and delays were not as short since */
	uint8_t held;             /* samples that were doubtful, in a row */
	uint8_t doubts;           /* rounds that were, in a row */
	uint8_t patience, waited; /* rounds until a break is looked for again, and since then */
};

/* Values the n samples of a round, in the order they were sent in, and carries the session on.
 * A session's rounds come in their order, one at a time; different sessions are independent, for
 * any threads. Some tens of ns a sample; no memory is allocated. */
void el_delay_round(struct el_delay_session *s, const struct el_delay_sample *samples, size_t n,
		    const struct el_delay_values *values, struct el_delay_round *ret_round);
