/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A path with queues, two clocks and the truth about them, for tests of lib/delay. All is random
 * from a seed, so that every run is the same. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "el_delay.h"
#include "unit.h"

#define SIM_EVENTS 8

/* Queues of one direction: how long they mostly are, and how often much longer. */
struct sim_queue {
	double mean_ns;             /* exponential */
	double tail_share, tail_ns; /* Pareto, without a mean: tail_ns / sqrt(uniform) */
	double busy_from_s, busy_to_s, busy_ns; /* never below busy_ns then */
};

/* Something that happens to a clock or a path. */
struct sim_event {
	enum {
		SIM_NOTHING,
		SIM_STEP,     /* the reflector's clock goes ahead by amount (ns) */
		SIM_OWN_STEP, /* ours */
		SIM_SLEW,     /* the reflector's rate is changed by amount (ppm) for for_s */
		SIM_FORWARD,  /* the forward path is longer by amount (ns) */
		SIM_BACKWARD,
	} what;
	double at_s, amount, for_s;
};

struct sim {
	double offset_ns, skew_ppm;
	double path_ns[EL_DELAY_DIRECTIONS];
	struct sim_queue queue[EL_DELAY_DIRECTIONS];
	struct sim_event events[SIM_EVENTS];
	double stamp_ns; /* each time is stamped too late by an exponential of this mean */
	double loss;
	double period_s; /* from probe to probe */
	uint32_t burst;  /* probes with the same T1; 0: 1 */
	uint32_t per_round;
	double round_s,
	    gap_s;       /* sending takes round_s at most; the next round begins gap_s later */
	double error_ns; /* of both clocks, as they say; 0: not synchronised */
	uint64_t random;
	/* where it stands */
	double now_s;
};

/* The truth of a sample. */
struct sim_truth {
	double at_s;
	double delay_ns[EL_DELAY_DIRECTIONS], queueing_ns[EL_DELAY_DIRECTIONS];
	double offset_ns;
};

struct sim_round {
	size_t n;
	struct el_delay_sample *samples;
	struct sim_truth *truth;
	uint64_t *arrays[7];
	uint8_t *status;
	struct el_delay_values values;
	struct el_delay_round round;
};

static inline double sim_uniform(struct sim *s)
{
	return ((double)(unit_random(&s->random) >> 11) + 0.5) * 0x1p-53;
}

static inline double sim_exponential(struct sim *s, double mean)
{
	return mean > 0 ? -mean * log(sim_uniform(s)) : 0;
}

static inline double sim_queueing(struct sim *s, const struct sim_queue *q, double t)
{
	double x = sim_exponential(s, q->mean_ns);

	if (q->tail_share > 0 && sim_uniform(s) < q->tail_share)
		x += q->tail_ns / sqrt(sim_uniform(s));
	if (t >= q->busy_from_s && t < q->busy_to_s)
		x += q->busy_ns;
	return x;
}

/* Of the reflector's clock, over time that passes evenly. */
static inline double sim_offset(const struct sim *s, double t)
{
	double ns = s->offset_ns + s->skew_ppm * 1e3 * t;

	for (int i = 0; i < SIM_EVENTS; i++) {
		const struct sim_event *e = &s->events[i];

		if (e->what == SIM_STEP && t >= e->at_s)
			ns += e->amount;
		if (e->what == SIM_SLEW && t >= e->at_s)
			ns += e->amount * 1e3 * fmin(t - e->at_s, e->for_s);
	}
	return ns;
}

static inline double sim_own(const struct sim *s, double t)
{
	double ns = 0;

	for (int i = 0; i < SIM_EVENTS; i++)
		if (s->events[i].what == SIM_OWN_STEP && t >= s->events[i].at_s)
			ns += s->events[i].amount;
	return ns;
}

static inline double sim_path(const struct sim *s, enum el_delay_direction d, double t)
{
	double ns = s->path_ns[d];

	for (int i = 0; i < SIM_EVENTS; i++)
		if (s->events[i].what == (d == EL_DELAY_FORWARD ? SIM_FORWARD : SIM_BACKWARD) &&
		    t >= s->events[i].at_s)
			ns += s->events[i].amount;
	return ns;
}

static inline struct sim_round sim_round_init(size_t n)
{
	struct sim_round r = {.samples = calloc(n, sizeof(*r.samples)),
			      .truth = calloc(n, sizeof(*r.truth)),
			      .status = calloc(n, 1)};

	assert_non_null(r.samples);
	assert_non_null(r.truth);
	assert_non_null(r.status);
	for (int i = 0; i < 7; i++) {
		r.arrays[i] = calloc(n, sizeof(uint64_t));
		assert_non_null(r.arrays[i]);
	}
	r.values = (struct el_delay_values){.queueing_ns = {r.arrays[0], r.arrays[1]},
					    .variation_ns = {r.arrays[2], r.arrays[3]},
					    .oneway_ns = {r.arrays[4], r.arrays[5]},
					    .bound_ns = r.arrays[6],
					    .status = r.status};
	return r;
}

static inline void sim_round_fini(struct sim_round *r)
{
	free(r->samples);
	free(r->truth);
	free(r->status);
	for (int i = 0; i < 7; i++)
		free(r->arrays[i]);
}

#define SIM_EPOCH INT64_C(1700000000000000000)

/* One probe, sent now. */
static inline void sim_probe(struct sim *s, struct el_delay_sample *x, struct sim_truth *truth)
{
	double t = s->now_s, f, b, residence = 100e3 + sim_exponential(s, 500), t3_s, t4_s;
	double late1 = sim_exponential(s, s->stamp_ns), late2 = sim_exponential(s, s->stamp_ns);
	double late4 = sim_exponential(s, s->stamp_ns);

	truth->queueing_ns[0] = sim_queueing(s, &s->queue[0], t);
	truth->queueing_ns[1] = sim_queueing(s, &s->queue[1], t);
	f = sim_path(s, EL_DELAY_FORWARD, t) + truth->queueing_ns[0];
	b = sim_path(s, EL_DELAY_BACKWARD, t) + truth->queueing_ns[1];
	truth->at_s = t;
	/* between the stamps: how far these are off is not what is tested */
	truth->delay_ns[0] = f + late1 + late2;
	truth->delay_ns[1] = b + late4;
	truth->queueing_ns[0] += late1 + late2;
	truth->queueing_ns[1] += late4;
	truth->offset_ns = sim_offset(s, t);
	t3_s = t + (f + residence) / 1e9;
	t4_s = t3_s + b / 1e9;
	x->t1_ns = SIM_EPOCH + llround(t * 1e9 - late1 + sim_own(s, t));
	x->t2_ns = SIM_EPOCH + llround(t * 1e9 + f + late2 + sim_offset(s, t + f / 1e9));
	/* T3 is stamped before it is sent, T4 after it came in, by the time that is not set */
	x->residence_ns =
	    llround(residence - late2 + sim_offset(s, t3_s) - sim_offset(s, t + f / 1e9));
	x->rtt_ns = llround((t4_s - t) * 1e9 + late1 + late4);
	x->error_ns = s->error_ns > 0 ? (uint32_t)s->error_ns : EL_DELAY_NOT_SYNCHRONISED;
	x->uncertain = false;
}

/* The next round: its samples, their values, the truth. */
static inline void sim_round(struct sim *s, struct el_delay_session *session, struct sim_round *r)
{
	double begin = s->now_s;
	uint32_t burst = s->burst ? s->burst : 1;

	r->n = 0;
	for (uint32_t i = 0; i < s->per_round; i++) {
		s->now_s = begin + i / burst * burst * s->period_s;
		if (sim_uniform(s) < s->loss)
			continue;
		sim_probe(s, &r->samples[r->n], &r->truth[r->n]);
		r->n++;
	}
	el_delay_round(session, r->samples, r->n, &r->values, &r->round);
	s->now_s = begin + s->round_s + s->gap_s;
}

static inline int sim_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Errors of values against the truth, over rounds. */
struct sim_errors {
	size_t n, room;
	double *ns;
};

static inline void sim_error(struct sim_errors *e, double ns)
{
	if (e->n == e->room) {
		e->room = e->room ? 2 * e->room : 1024;
		e->ns = realloc(e->ns, e->room * sizeof(*e->ns));
		assert_non_null(e->ns);
	}
	e->ns[e->n++] = ns;
}

/* The p-th percentile; sorts. */
static inline double sim_percentile(struct sim_errors *e, double p)
{
	assert_true(e->n > 0);
	qsort(e->ns, e->n, sizeof(*e->ns), sim_compare);
	return e->ns[(size_t)((double)(e->n - 1) * p / 100)];
}

/* What came of a number of rounds. */
struct sim_result {
	uint64_t samples, statuses[EL_DELAY_STATUSES];
	uint32_t steps, rate_changes, contradictions, by_clocks;
	int64_t step_ns;                                           /* the last one */
	double p50[EL_DELAY_DIRECTIONS], p99[EL_DELAY_DIRECTIONS]; /* errors of queueing, ns */
	double worst[EL_DELAY_DIRECTIONS];
	size_t outside;  /* one-way delays that are further from the truth than their bound */
	double bound_ns; /* the mean */
	double skew_ppm, skew_error_ppm; /* after the last round */
	double worst_skew_ppm;           /* the furthest from the truth of any round from 60 s on */
};

/* Values one round's samples against the truth. */
static inline void sim_judge(const struct sim_round *r, struct sim_errors *errors,
			     struct sim_result *ret)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct el_delay_sample *x = &r->samples[i];
		uint64_t both = (uint64_t)(x->rtt_ns - x->residence_ns),
			 bound = r->values.bound_ns[i];

		if (r->status[i] != EL_DELAY_VALUED) {
			for (int k = 0; k < 7; k++)
				assert_true(r->arrays[k][i] == EL_DELAY_NONE);
			continue;
		}
		assert_true(r->arrays[4][i] + r->arrays[5][i] == both && bound <= both);
		ret->bound_ns += (double)bound;
		for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
			double queueing = (double)r->values.queueing_ns[d][i];
			double oneway = (double)r->values.oneway_ns[d][i];

			assert_true(r->values.queueing_ns[d][i] <= both);
			sim_error(&errors[d], fabs(queueing - r->truth[i].queueing_ns[d]));
			/* times are whole ns */
			ret->outside +=
			    fabs(oneway - r->truth[i].delay_ns[d]) > (double)bound + 1.5;
		}
	}
}

/* n_rounds, the first `skip` of which are not judged. */
static inline struct sim_result sim_run(struct sim *s, uint32_t n_rounds, uint32_t skip)
{
	struct el_delay_session session = {.samples = 0};
	struct sim_round r = sim_round_init(s->per_round);
	struct sim_errors errors[EL_DELAY_DIRECTIONS] = {{.n = 0}, {.n = 0}};
	struct sim_result ret = {.samples = 0};

	s->random = s->random ? s->random : 7;
	for (uint32_t i = 0; i < n_rounds; i++) {
		sim_round(s, &session, &r);
		ret.samples += r.n;
		for (int k = 0; k < EL_DELAY_STATUSES; k++)
			ret.statuses[k] += r.round.statuses[k];
		ret.steps += r.round.steps;
		ret.rate_changes += r.round.rate_changes;
		ret.step_ns = r.round.steps ? r.round.step_ns : ret.step_ns;
		ret.contradictions += r.round.contradictions;
		ret.by_clocks += r.round.by_clocks;
		ret.skew_ppm = r.round.skew_ppm;
		ret.skew_error_ppm = r.round.skew_error_ppm;
		if (s->now_s >= 60)
			ret.worst_skew_ppm =
			    fmax(ret.worst_skew_ppm, fabs(ret.skew_ppm - s->skew_ppm));
		if (i >= skip)
			sim_judge(&r, errors, &ret);
	}
	ret.bound_ns /= (double)errors[0].n;
	for (int d = 0; d < EL_DELAY_DIRECTIONS; d++) {
		ret.p50[d] = sim_percentile(&errors[d], 50);
		ret.p99[d] = sim_percentile(&errors[d], 99);
		ret.worst[d] = sim_percentile(&errors[d], 100);
		free(errors[d].ns);
	}
	sim_round_fini(&r);
	return ret;
}

/* A quiet network: 5 ms each way, queues of 20 us, 100 probes a second, clocks an hour and 50 ppm
 * apart, stamps that are late by 1 us. */
static inline struct sim sim_usual(void)
{
	return (struct sim){.offset_ns = 3.6e12,
			    .skew_ppm = 50,
			    .path_ns = {5e6, 5e6},
			    .queue = {{.mean_ns = 20e3}, {.mean_ns = 20e3}},
			    .stamp_ns = 1000,
			    .period_s = 0.01,
			    .per_round = 100,
			    .round_s = 1};
}
