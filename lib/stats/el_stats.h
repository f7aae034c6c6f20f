/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Statistics: the blocks of a round to figures per series; and the snapshot, the immutable state
 * that all readers (HTTP, telemetry, the terminal table) print from. */
#include <stdbool.h>
#include <stdint.h>

#include "el_base.h"
#include "el_histogram.h"
#include "el_model.h"
#include "el_plan.h"

/* What one round says of one series. sent == answered + lost, always. */
struct el_figures {
	uint64_t sent, answered, lost;
	uint64_t late;         /* of the lost: answered after the target's timeout */
	uint64_t duplicates;   /* further answers, up to 3 a probe */
	uint64_t icmp_errors;  /* probes with an ICMP error from elsewhere than the target */
	uint64_t out_of_order; /* answered, with a receive stamp before the send: no RTT */
	/* Probes that never left this machine, or were not answered and had left the wrong way, for
	 * its routes had just changed (el_block.moved): not in sent. */
	uint64_t local;
	/* Of the answered: the clock stepped while their round was open, so there is no RTT. */
	uint64_t untimed;
	/* Of the answered: when is known no better than the plan's certain_below_ns. Those without
	 * an RTT are uncertain, too. */
	uint64_t uncertain;
	/* Sent and not answered, but the clock stepped meanwhile: whether the network lost them
	 * can't be told. Not in sent. */
	uint64_t unknown;
	/* Sent and not answered by the time when their round was closed, which was before their
	 * timeout. Not in sent. */
	uint64_t abandoned;
	uint64_t rtt_min_ns, rtt_max_ns; /* 0 if there is no RTT */
	double rtt_mean_ns;
};

/* Which of the answers a round's stamp_bound_ns are of, in percent, and as quantiles. */
#define EL_BOUND_PERCENTS                                                                          \
	{                                                                                          \
		50, 90, 99, 100                                                                    \
	}
#define EL_BOUND_QUANTILES                                                                         \
	{                                                                                          \
		"0.5", "0.9", "0.99", "1"                                                          \
	}
#define EL_BOUND_SHARES 4

/* What Direct Measurement counts of a session. */
enum el_counted { EL_COUNTED_SENT, EL_COUNTED_RECEIVED, EL_COUNTED_REPLIED, EL_COUNTED };
#define EL_COUNTED_NAMES                                                                           \
	{                                                                                          \
		"sent", "received", "replied"                                                      \
	}
#define EL_STAMP_TLVS_NAMES                                                                        \
	{                                                                                          \
		"answered", "missing", "unknown", "malformed", "hmac"                              \
	}

/* What a round says of a STAMP session (a slice), by which the direction of its loss is known. The
 * probes of a round, in the order in which they were sent, are those before the first that was
 * answered (the head), those from there to the last that was (the middle), and the tail; without
 * any answer all are tail. */
enum el_session_part { EL_SESSION_HEAD, EL_SESSION_MIDDLE, EL_SESSION_TAIL, EL_SESSION_PARTS };

struct el_session_figures {
	uint64_t key; /* the same in each round and plan, and of one session */
	uint32_t series;
	uint32_t sent[EL_SESSION_PARTS];
	uint32_t lost[EL_SESSION_PARTS]; /* of these; the middle's may have been answered late */
	uint32_t answered;               /* of the middle, the late ones included */
	uint32_t late;                   /* of them */
	/* The reflector's own sequence numbers: the lowest and the highest. */
	uint32_t lowest, highest;
	/* Of each part: there are probes in it of which is not known whether they got lost. */
	bool unclear[EL_SESSION_PARTS];
	/* the reflector repeats the probe's own number: it does not count */
	bool stateless;
	/* Direct Measurement, where has_counts: the packets that we had sent, and that the
	 * reflector had received and sent, as of one of its last replies; modulo 2^32. */
	bool has_counts;
	uint32_t counts[EL_COUNTED];
};

/* Times of a STAMP series that there are percentiles of. Delays of directions (el_delay.h): the
 * forward one, behind it the backward one. */
enum el_stamp_measure {
	EL_STAMP_NETWORK, /* round trips less the time that the reflector says it had the probe */
	EL_STAMP_QUEUEING,
	EL_STAMP_VARIATION = EL_STAMP_QUEUEING + 2,
	EL_STAMP_ONEWAY = EL_STAMP_VARIATION + 2,
	EL_STAMP_BOUND = EL_STAMP_ONEWAY + 2, /* of both one-way delays */
	EL_STAMP_MEASURES
};

/* What a round says of a STAMP series. */
struct el_stamp_figures {
	uint64_t replies;
	uint64_t synchronised;  /* of reflectors whose clock was, as they say */
	uint64_t told;          /* that say which DSCP the probe came with, */
	uint64_t remarked;      /* another than it was sent with, */
	uint64_t class_refused; /* and that did not use the DSCP wanted of the reply */
	uint32_t asks;          /* 1 << enum el_stamp_tlv_type: what its probes asked for */
	uint64_t
	    tlvs[EL_STAMP_TLVS]; /* replies, by what became of that; where anything was asked */
	/* Of the delays of each direction: replies in time that have them, and that have not (the
	 * clocks may have stepped, or it can't be told yet); by el_delay_round. */
	uint64_t valued, not_valued, steps, rate_changes, contradictions;
	double skew_ppm, skew_error_ppm; /* NaN: not known */
};

/* Of a plan that has STAMP targets. */
struct el_stamp_round {
	struct el_stamp_figures *series;          /* [n_series] */
	double *percentile_ns[EL_STAMP_MEASURES]; /* [n_series][n_percentiles]; NaN: none */
	struct el_session_figures *sessions;      /* in the order of the plan */
	uint32_t n_sessions;
	uint64_t generation; /* of the plan: with each one we count from zero */
};

/* The figures of a round for all series of a model. Immutable once made, reference-counted. */
struct el_round_figures {
	_Atomic uint32_t refs;
	uint64_t round;
	uint32_t n_series, n_percentiles;
	struct el_figures *series; /* [n_series] */
	/* [n_series][n_percentiles]; 0 where nothing was answered, NaN where no answer has an RTT
	 * because of the clock */
	double *percentile_ns;
	/* The same of certain answers alone, NaN where there is none; NULL: not asked for. */
	double *certain_percentile_ns;
	struct el_stamp_round *stamp; /* NULL: its plan had no STAMP targets */
	/* Of the answers that have an RTT, or delays of directions. NULL: not asked for, no answer
	 * can have one, or in a snapshot's already. */
	struct el_histograms *histograms[EL_MEASURES];
	/* Over all workers: first, last (began_ns if nothing was sent), last. */
	uint64_t began_ns, sent_ns, closed_ns;
	uint64_t poll_gap_ns, skipped_ns;                        /* the worst worker's */
	uint64_t sent, uncertain, tx_refused, unsent, forwarded; /* sums */
	uint64_t answered, uncertain_answers;                    /* likewise, of the series */
	/* So far the stamps of this share of the answers (late ones, too) may be off at most, up to
	 * the next power of two; 0: nothing was answered. */
	uint64_t stamp_bound_ns[EL_BOUND_SHARES];
	/* answers that were late by less than the poll gap; whoever has the figures made adds what
	 * ports and rings have dropped */
	uint64_t local_drops;
	bool cut;
};

/* Linear interpolation between closest ranks, k = (n - 1) * p / 100 (netprobify's rule), over
 * values[0..n-1] in any order; they are reordered (selection, linear time). 0 for n == 0. */
double el_stats_percentile(uint64_t *values, size_t n, double p);

#define EL_PERCENTILES_MAX 100 /* distinct ones: 1 to 100 */

/* The same for several at once: percents[count] from 1 to 100, ascending and distinct, so at most
 * EL_PERCENTILES_MAX; one result each, in that order. */
void el_stats_percentiles(uint64_t *values, size_t n, const int *percents, size_t count,
			  double *ret);

/* Turns the blocks of one round (one a worker of the set that sent, all of the same set and round;
 * at least one) into figures, one reference. Reads the blocks only. The
 * percentiles are those of the set's model. An RTT above its slice's timeout is late, thus lost.
 * Records that stayed unsent are counted, unless their block was cut short. A block without a
 * closed_ns is taken for one that was closed after all timeouts. Scratch memory: 8 bytes
 * an RTT and 16 a series. NULL with errno ENOMEM. Any thread; some 10 to 15 ns a record. */
struct el_round_figures *el_stats_round(struct el_block *const *blocks, uint32_t n_blocks);
struct el_round_figures *el_round_figures_get(struct el_round_figures *f);
void el_round_figures_free(struct el_round_figures *f); /* drops a reference; NULL is fine */

/* Counters that go on over rounds, one a series. */
struct el_series_totals {
	uint64_t sent, lost, late, duplicates, icmp_errors, out_of_order, local, unknown, abandoned,
	    uncertain;
};

/* Counters that go on over rounds, one a target. */
struct el_target_totals {
	uint64_t match_ack_fail, port_mismatch;
	uint64_t resolution_changes;
};

struct el_app_totals {
	uint64_t rounds_completed, rounds_skipped, rounds_timed_out;
};

/* Counters of a STAMP series that go on over rounds. Those lost on either way, and those of which
 * it can't be told, are all that were lost but for what comes last in a session, of which the next
 * reply will tell. */
enum el_lost { EL_LOST_FORWARD, EL_LOST_BACKWARD, EL_LOST_UNKNOWN, EL_LOST_DIRECTIONS };
#define EL_LOST_NAMES                                                                              \
	{                                                                                          \
		"forward", "backward", "unknown"                                                   \
	}
struct el_stamp_totals {
	uint64_t lost[EL_LOST_DIRECTIONS];
	uint64_t remarked, class_refused;
	uint64_t not_valued, steps, rate_changes, contradictions; /* as in el_stamp_figures */
	uint64_t tlvs[EL_STAMP_TLVS];
	uint64_t counted[EL_COUNTED]; /* by Direct Measurement, from reply to reply */
};

/* Where a STAMP session stands between two rounds. */
struct el_session_mark {
	uint64_t key;
	uint32_t series;
	uint32_t sequence;   /* the reflector's, of the last reply */
	uint32_t sent, lost; /* since */
	uint32_t silent;     /* rounds without any reply since then */
	uint32_t doubt;      /* rounds until its numbers are believed again */
	bool known;          /* there was a reply of a reflector that counts */
	bool unclear;        /* since then, as el_session_figures.unclear */
	bool has_counts;     /* as in el_session_figures, by a plan of this generation */
	uint32_t counts[EL_COUNTED];
	uint64_t generation;
};

/* A snapshot's part that is of STAMP. */
struct el_stamp_state {
	struct el_stamp_totals *totals;  /* [n_series] */
	struct el_stamp_figures *gauges; /* [n_series]: of the last round in which it sent */
	double *percentile_ns[EL_STAMP_MEASURES]; /* [n_series][n_percentiles]: likewise */
	struct el_session_mark *sessions;
	uint32_t n_sessions;
	uint64_t round; /* that was added last */
};

/* What times are read from. */
enum el_clock_source { EL_CLOCK_TSC, EL_CLOCK_MONOTONIC };
#define EL_CLOCK_SOURCE_NAMES                                                                      \
	{                                                                                          \
		"tsc", "monotonic"                                                                 \
	}

struct el_clock_state {
	enum el_clock_source source;
	const char *reason; /* one word; a constant */
	double error_ppm;   /* bound of the error of the rate, that of the worst core */
	double skew_s;      /* between the counters of two cores */
	uint64_t steps;     /* of any core's counter, since the start */
};

/* Immutable once published; reference-counted. Everything in it is of one round. */
struct el_snapshot {
	struct el_model *model; /* one reference held */
	uint64_t generation;    /* of the plan set that it is of */
	uint64_t number;        /* of those that were published, from 1; 0: it is not yet */
	/* The last complete round, NULL before the first; one reference held. For what is said of
	 * the round as a whole: its series are those of the model it was sent for, so per series
	 * read the gauges below. */
	struct el_round_figures *last;
	struct el_series_totals *series; /* [model->n_series]; owned */
	bool *measured; /* [model->n_series]: has gauges (it sent in some round); owned */
	/* [model->n_series]: of the last round in which it sent; owned */
	struct el_figures *gauges;
	/* [model->n_series][model->n_percentiles]: likewise; NaN where a percentile was not asked
	 * for in that round; owned */
	double *percentile_ns;
	double *certain_percentile_ns; /* likewise, of certain answers; NULL: not asked for */
	struct el_stamp_state *stamp;  /* NULL: the model has no STAMP targets; owned */
	/* Go on over rounds as totals do: no bucket ever has less than before, but where a series
	 * begins anew. NULL: not asked for, or one-way without STAMP targets; one reference held
	 */
	struct el_histograms *histograms[EL_MEASURES];
	struct el_target_totals *targets; /* [model->n_targets]; owned */
	struct el_app_totals app;
	double iteration_s; /* app_iteration_time_seconds */
	struct el_clock_state clock;
	double requested_pps, achieved_pps; /* of the last round */
	double worker_skew;                 /* likewise; el_plan_set.skew */
	/* Of the control loop since the start: its longest iteration, and the most processor time
	 * that one used (both differ where it shares its core). */
	double control_loop_s, control_loop_cpu_s;
	bool reload_failed;
	/* Where the model is another one than before's: which series there each one is, UINT32_MAX:
	 * none [model->n_series]; else NULL. For whoever publishes it, who may take it. */
	uint32_t *series_before;
	_Atomic uint32_t refs;
};

/* The snapshot that follows `before` (NULL: none, all zero) when `figures` (of a round sent for
 * `model`; taken over; NULL for none) come in. One reference, of a snapshot that nobody else sees
 * yet: control sets the plain numbers (app but rounds_completed, iteration_s and what follows) and
 * adds to the totals what came in as events, then publishes it. Those numbers begin as they were in
 * `before`.
 *
 * Under another model than before's, a series goes on if target name, group name, probe type and
 * address family are the same, a target if its name is; a changed probe name begins anew. A
 * target's resolution_changes counts each address that it is probed at and was not probed at in
 * `before` (the prober's own is none, as in netprobify). NULL with errno ENOMEM, or EINVAL if the
 * figures are not of this model; the figures' reference is dropped then, too. Any thread. */
struct el_snapshot *el_snapshot_next(const struct el_snapshot *before, struct el_model *model,
				     struct el_round_figures *figures);
/* Which series of `before` each series of `now` goes on with, UINT32_MAX: none [now->n_series]; the
 * caller's to free. NULL: no memory. */
uint32_t *el_snapshot_match(const struct el_model *now, const struct el_model *before);
/* The snapshot that follows `before` when the figures (taken over) of a round come in that was sent
 * for `model`, the one of an older plan, whose rounds take longer than those of the newer one. They
 * go into the totals of the series that there still are under this probe name; gauges, and what is
 * said of the last round, stay as they are. Else as el_snapshot_next. */
struct el_snapshot *el_snapshot_add_older(const struct el_snapshot *before, struct el_model *model,
					  struct el_round_figures *figures);
struct el_snapshot *el_snapshot_get(struct el_snapshot *s);
void el_snapshot_put(struct el_snapshot *s); /* NULL is fine; the last reference frees */

/* Where the current snapshot lives: control publishes, readers of any thread take counted pointers.
 */
struct el_snapshot_store;
struct el_snapshot_store *el_snapshot_store_create(void); /* NULL with errno ENOMEM */
/* Drops the published snapshot; references that readers took stay valid. */
void el_snapshot_store_destroy(struct el_snapshot_store *store);
/* Takes over the caller's reference. */
void el_snapshot_store_publish(struct el_snapshot_store *store, struct el_snapshot *s);
/* A new reference, or NULL while nothing is published. */
struct el_snapshot *el_snapshot_store_take(struct el_snapshot_store *store);
