/* SPDX-License-Identifier: BSD-3-Clause */
/* What the blocks of a round say of STAMP: how its sessions stand (by which the direction of loss
 * is known, stamp_state.c), what reflectors say of themselves, and round-trip times without the
 * time that probes were with them. A walk of its own, over the records of STAMP slices alone. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fate.h"
#include "stats_internal.h"

/* A slice under way. */
struct walked {
	struct el_session_figures *session;
	const struct el_probe_stamp_kind *kind;
	uint64_t limit_ns;
	uint8_t dscp; /* of its probes */
};

struct stamp_work {
	struct el_stamp_round *r;
	const struct el_block *block;
	struct walked *walked; /* [the most slices of a class] */
	uint64_t *values;      /* RTTs without the reflector's time, by series */
	uint64_t *next;        /* [n_series]: where the next one goes */
};

static bool is_stamp(const struct el_slice *s)
{
	return s->type == EL_PROBE_STAMP;
}

/* Who a session is, whatever the plan: a SipHash of what it is known by. Exact for all that IPv4
 * has; addresses of IPv6 come in as a keyed hash. */
static uint64_t session_key(const struct el_slice *s)
{
	static const struct el_siphash_key key = {0x7374616d70, 0x73657373696f6e};
	const uint64_t what[2] = {s->addr_key, (uint64_t)s->dst_port << 24 |
						   (uint64_t)s->family << 16 | s->cookie};

	return el_siphash(&key, what, sizeof(what));
}

static uint8_t dscp_of(const struct el_slice *s)
{
	const uint8_t *target, *own, *l3;

	el_slice_addresses(s, &target, &own);
	l3 = own - (s->family == 4 ? 12 : 8);
	return s->family == 4 ? l3[1] >> 2 : (uint8_t)(el_get16(l3) >> 6 & 63);
}

/* ---- first walk: sessions, what is to be counted ---- */

/* An answer: what was tail so far is head, or middle, and it is middle itself. */
static void add_answer(struct el_session_figures *f, const struct el_stamp_note *note,
		       uint32_t wire, bool late)
{
	enum el_session_part part = f->answered ? EL_SESSION_MIDDLE : EL_SESSION_HEAD;

	f->sent[part] += f->sent[EL_SESSION_TAIL];
	f->lost[part] += f->lost[EL_SESSION_TAIL];
	f->unclear[part] |= f->unclear[EL_SESSION_TAIL];
	f->sent[EL_SESSION_TAIL] = f->lost[EL_SESSION_TAIL] = 0;
	f->unclear[EL_SESSION_TAIL] = false;
	if (!f->answered) {
		f->lowest = f->highest = note->sequence;
		f->stateless = true;
	}
	f->stateless &= note->sequence == wire;
	if ((int32_t)(note->sequence - f->lowest) < 0)
		f->lowest = note->sequence;
	if ((int32_t)(note->sequence - f->highest) > 0)
		f->highest = note->sequence;
	f->sent[EL_SESSION_MIDDLE]++;
	f->lost[EL_SESSION_MIDDLE] += late;
	f->late += late;
	f->answered++;
}

/* Sent and not answered. */
static void add_sent(const struct el_block *b, struct walked *w, uint64_t time)
{
	struct el_session_figures *f = w->session;
	bool unclear = fate_of_sent(b, time, w->limit_ns) != FATE_LOST;

	f->sent[EL_SESSION_TAIL]++;
	f->unclear[EL_SESSION_TAIL] |= unclear;
	f->lost[EL_SESSION_TAIL] += !unclear;
}

static void add_reply(struct stamp_work *w, const struct walked *of, const struct el_stamp_note *n)
{
	struct el_stamp_figures *f = &w->r->series[of->session->series];

	f->replies++;
	f->synchronised += (n->error_estimate & EL_STAMP_ERROR_S) != 0;
	f->told += (n->dscp & EL_STAMP_NOTE_DSCP) != 0;
	f->remarked += (n->dscp & EL_STAMP_NOTE_DSCP) && (n->dscp & 63) != of->dscp;
	f->class_refused += (n->dscp & EL_STAMP_NOTE_DSCP_REFUSED) != 0;
}

/* The number that a probe had on the wire. */
static uint32_t wire_of(const struct el_block *b, uint32_t index)
{
	const struct el_plan_set *set = b->set;

	return el_id_permute(&set->key, el_id_pack(&set->ids, b->worker, b->round, index));
}

static void count_record(struct stamp_work *w, struct walked *of, uint32_t index)
{
	const struct el_block *b = w->block;
	el_record r = b->records[index];
	uint64_t time = el_record_time(r);
	bool late;

	switch (el_record_state(r)) {
	case EL_RECORD_UNSENT:
	case EL_RECORD_LOCAL:
		return;
	case EL_RECORD_SENT:
		add_sent(b, of, time);
		return;
	case EL_RECORD_ANSWERED:
		late = fate_of_answered(b, time, of->limit_ns) == FATE_LATE;
		add_answer(of->session, &b->stamps[index], wire_of(b, index), late);
		/* the reflector may have had it twice: then it is one more in its numbers */
		if (el_record_duplicates(r))
			of->session->unclear[EL_SESSION_MIDDLE] =
			    of->session->unclear[EL_SESSION_TAIL] = true;
		add_reply(w, of, &b->stamps[index]);
		return;
	}
}

/* ---- what TLVs said, by slice ---- */

static void take_tally(struct el_stamp_round *r, uint32_t number, uint32_t asks,
		       const struct el_stamp_tally *t)
{
	struct el_session_figures *session = &r->sessions[number];
	struct el_stamp_figures *f = &r->series[session->series];

	f->asks |= asks;
	for (int i = 0; i < EL_STAMP_TLVS; i++)
		f->tlvs[i] += t->tlvs[i];
	session->has_counts = t->has_counts;
	session->counts[EL_COUNTED_SENT] = t->n_sent;
	session->counts[EL_COUNTED_RECEIVED] = t->n_received;
	session->counts[EL_COUNTED_REPLIED] = t->n_replied;
}

/* After the sessions have been walked, in their order. */
static void take_tallies(struct el_stamp_round *r, const struct el_block *b, uint32_t *number)
{
	const struct el_plan *plan = b->set->plans[b->worker];

	for (uint32_t k = 0; k < plan->n_classes; k++) {
		const struct el_plan_class *c = &plan->classes[k];

		for (uint32_t i = c->first_slice; i < c->first_slice + c->n_slices; i++) {
			const struct el_slice *s = &plan->slices[i];
			uint32_t asks;

			if (!is_stamp(s))
				continue;
			asks = plan->set->stamp_kinds[s->stamp_kind].sender.asks;
			if (asks && b->tallies)
				take_tally(r, *number, asks, &b->tallies[i]);
			++*number;
		}
	}
}

/* ---- second walk: times ---- */

/* The round-trip time of an answered probe without the time that it was with the reflector. False:
 * there is none, or what the reflector says of itself can't be. */
static bool network_ns(const struct el_block *b, const struct walked *of, uint32_t index,
		       uint64_t *ret_ns)
{
	uint64_t rtt = el_record_time(b->records[index]);
	struct el_stamp_times times;
	int64_t inside;

	if (el_record_state(b->records[index]) != EL_RECORD_ANSWERED || rtt > of->limit_ns ||
	    b->step.to_ns ||
	    !el_probe_stamp_times(of->kind, &b->stamps[index], STATS_NEAR_NS, b->tai_offset_s,
				  &times))
		return false;
	inside = times.t3_ns - times.t2_ns;
	if (inside < 0 || (uint64_t)inside > rtt)
		return false;
	*ret_ns = rtt - (uint64_t)inside;
	return true;
}

static void count_time(struct stamp_work *w, struct walked *of, uint32_t index)
{
	uint64_t ns;

	w->next[of->session->series] += network_ns(w->block, of, index, &ns);
}

static void scatter_time(struct stamp_work *w, struct walked *of, uint32_t index)
{
	uint64_t ns;

	if (network_ns(w->block, of, index, &ns))
		w->values[w->next[of->session->series]++] = ns;
}

/* ---- both ---- */

/* The slices of a class that are STAMP, from session *number on. */
static void begin_class(struct stamp_work *w, const struct el_plan *plan,
			const struct el_plan_class *c, uint32_t *number)
{
	for (uint32_t i = 0; i < c->n_slices; i++) {
		const struct el_slice *s = &plan->slices[c->first_slice + i];
		struct walked *of = &w->walked[i];

		*of = (struct walked){0};
		if (!is_stamp(s))
			continue;
		of->session = &w->r->sessions[(*number)++];
		of->session->key = session_key(s);
		of->session->series = s->series;
		of->kind = &plan->set->stamp_kinds[s->stamp_kind];
		of->limit_ns = fate_limit_ns(s);
		of->dscp = dscp_of(s);
	}
}

static void walk(struct stamp_work *w, struct el_block *const *blocks, uint32_t n_blocks,
		 void (*visit)(struct stamp_work *w, struct walked *of, uint32_t index))
{
	uint32_t number = 0;

	for (uint32_t b = 0; b < n_blocks; b++) {
		const struct el_plan *plan = blocks[b]->set->plans[blocks[b]->worker];

		w->block = blocks[b];
		for (uint32_t k = 0; k < plan->n_classes; k++) {
			const struct el_plan_class *c = &plan->classes[k];
			uint32_t index = c->base;

			begin_class(w, plan, c, &number);
			for (uint32_t pass = 0; pass < c->n_packets; pass++) {
				for (uint32_t i = 0; i < c->n_slices; i++, index++) {
					if (w->walked[i].session)
						visit(w, &w->walked[i], index);
				}
			}
		}
	}
}

static int work_init(struct stamp_work *w, uint32_t n_series, uint32_t n_percentiles,
		     struct el_block *const *blocks, uint32_t n_blocks)
{
	uint32_t most = 0;

	w->r = calloc(1, sizeof(*w->r));
	if (!w->r)
		return -ENOMEM;
	for (uint32_t b = 0; b < n_blocks; b++) {
		const struct el_plan *plan = blocks[b]->set->plans[blocks[b]->worker];

		for (uint32_t i = 0; i < plan->n_slices; i++)
			w->r->n_sessions += is_stamp(&plan->slices[i]);
		most = plan->n_slices > most ? plan->n_slices : most;
	}
	w->r->series = calloc(n_series + 1, sizeof(*w->r->series));
	w->r->sessions = calloc(w->r->n_sessions + 1, sizeof(*w->r->sessions));
	for (uint32_t i = 0; w->r->series && i < n_series; i++)
		w->r->series[i].skew_ppm = w->r->series[i].skew_error_ppm = NAN;
	if (stats_measures_create(w->r->percentile_ns, (size_t)n_series * n_percentiles) < 0)
		return -ENOMEM;
	w->walked = calloc(most + 1, sizeof(*w->walked));
	w->next = calloc(n_series + 1, sizeof(*w->next));
	return w->r->series && w->r->sessions && w->walked && w->next ? 0 : -ENOMEM;
}

/* Percentiles of the times, of which there are w->next[s] in each series. */
static int make_percentiles(struct stamp_work *w, struct el_round_figures *f,
			    struct el_block *const *blocks, uint32_t n_blocks)
{
	const struct el_model *model = blocks[0]->set->model;
	int percents[EL_PERCENTILES_MAX];
	size_t n_percents = stats_percents_init(model, percents), n = 0, begin = 0;

	for (uint32_t s = 0; s < f->n_series; s++) {
		size_t of_series = w->next[s];

		w->next[s] = n;
		n += of_series;
	}
	w->values = malloc((n + 1) * sizeof(*w->values));
	if (!w->values)
		return -ENOMEM;
	walk(w, blocks, n_blocks, scatter_time);
	for (uint32_t s = 0; s < f->n_series; s++) {
		stats_percentiles_of(
		    model, percents, n_percents, w->values + begin, w->next[s] - begin, NAN,
		    w->r->percentile_ns[EL_STAMP_NETWORK] + (size_t)s * f->n_percentiles);
		begin = w->next[s];
	}
	return 0;
}

int stats_measures_create(double *measures[EL_STAMP_MEASURES], size_t n)
{
	for (int m = 0; m < EL_STAMP_MEASURES; m++) {
		measures[m] = malloc((n + 1) * sizeof(double));
		if (!measures[m])
			return -ENOMEM;
		for (size_t i = 0; i < n; i++)
			measures[m][i] = NAN;
	}
	return 0;
}

void stats_measures_free(double *measures[EL_STAMP_MEASURES])
{
	for (int m = 0; m < EL_STAMP_MEASURES; m++)
		free(measures[m]);
}

int stats_stamp_round(struct el_round_figures *f, struct el_block *const *blocks, uint32_t n_blocks,
		      struct el_delays *delays)
{
	struct stamp_work w = {0};
	int ret;

	if (!blocks[0]->set->n_stamp_kinds)
		return 0;
	ret = work_init(&w, f->n_series, f->n_percentiles, blocks, n_blocks);
	if (ret == 0) {
		uint32_t number = 0;

		w.r->generation = blocks[0]->set->generation;
		walk(&w, blocks, n_blocks, count_record);
		for (uint32_t b = 0; b < n_blocks && blocks[0]->set->has_asks; b++)
			take_tallies(w.r, blocks[b], &number);
		walk(&w, blocks, n_blocks, count_time);
		ret = make_percentiles(&w, f, blocks, n_blocks);
	}
	if (ret == 0 && delays)
		ret = stats_delays_round(delays, f, w.r, blocks, n_blocks);
	free(w.walked);
	free(w.next);
	free(w.values);
	if (ret < 0)
		stats_stamp_round_free(w.r);
	else
		f->stamp = w.r;
	return ret;
}

void stats_stamp_round_free(struct el_stamp_round *r)
{
	if (!r)
		return;
	free(r->series);
	stats_measures_free(r->percentile_ns);
	free(r->sessions);
	free(r);
}
