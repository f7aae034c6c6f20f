/* SPDX-License-Identifier: BSD-3-Clause */
/* The direction of loss, exactly. A stateful reflector numbers its replies, so between two replies
 * to probes of a session as many probes have got to it as its number has moved on: those sent
 * besides were lost on the way there (forward), those that it had and that are not answered on the
 * way back (backward). What was sent after the last reply of a round is told by the first of the
 * next; until then it is kept in the session's mark, for a few rounds.
 *
 * Nothing is guessed. Where the numbers can't be those of one reflector that counts these probes
 * and no others (it was started anew, it does not count, replies were reordered between two
 * rounds), or where it is not known of a probe whether it was lost, the direction is unknown: for
 * that stretch, no further. Reordering changes nothing but where it is across the end of a round:
 * that is made up for by the next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats_internal.h"

#define NONE UINT32_MAX
/* After so many rounds without a reply what is lost is not kept back any longer. */
#define SILENT_ROUNDS_MAX 2
/* So many rounds in a row must have numbers that can be before they are believed again. */
#define DOUBT_ROUNDS 8

static bool has_stamp(const struct el_model *m)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		if (m->targets[i].type == EL_PROBE_STAMP)
			return true;
	}
	return false;
}

int stats_stamp_state_create(const struct el_model *model, struct el_stamp_state **ret)
{
	size_t n = model->n_series, n_times = n * model->n_percentiles;
	struct el_stamp_state *s;

	*ret = NULL;
	if (!has_stamp(model))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->totals = calloc(n + 1, sizeof(*s->totals));
	s->gauges = calloc(n + 1, sizeof(*s->gauges));
	if (stats_measures_create(s->percentile_ns, n_times) < 0 || !s->totals || !s->gauges) {
		stats_stamp_state_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void stats_stamp_state_free(struct el_stamp_state *s)
{
	if (!s)
		return;
	free(s->totals);
	free(s->gauges);
	stats_measures_free(s->percentile_ns);
	free(s->sessions);
	free(s);
}

/* ---- under another model ---- */

/* The sessions of series that there still are, by their numbers there. */
static int carry_sessions(struct el_stamp_state *s, const struct el_model *model,
			  const struct el_stamp_state *before, const struct el_model *model_before,
			  const uint32_t *series)
{
	uint32_t *now_of = NULL;

	s->round = before->round;
	s->sessions = malloc((before->n_sessions + 1U) * sizeof(*s->sessions));
	if (series)
		now_of = malloc((model_before->n_series + 1U) * sizeof(*now_of));
	if (!s->sessions || (series && !now_of)) {
		free(now_of);
		return -ENOMEM;
	}
	for (uint32_t i = 0; series && i < model_before->n_series; i++)
		now_of[i] = NONE;
	for (uint32_t i = 0; series && i < model->n_series; i++) {
		if (series[i] != NONE)
			now_of[series[i]] = i;
	}
	for (uint32_t i = 0; i < before->n_sessions; i++) {
		struct el_session_mark mark = before->sessions[i];

		if (now_of)
			mark.series = now_of[mark.series];
		if (mark.series != NONE)
			s->sessions[s->n_sessions++] = mark;
	}
	free(now_of);
	return 0;
}

int stats_stamp_state_carry(struct el_stamp_state *s, const struct el_model *model,
			    const struct el_stamp_state *before,
			    const struct el_model *model_before, const uint32_t *series,
			    const uint32_t *percentiles)
{
	uint32_t n = model->n_percentiles, n_before = model_before->n_percentiles;

	if (!s || !before)
		return 0;
	for (uint32_t i = 0; i < model->n_series; i++) {
		uint32_t old = series ? series[i] : i;

		if (old == NONE)
			continue;
		s->totals[i] = before->totals[old];
		s->gauges[i] = before->gauges[old];
		for (uint32_t p = 0; p < n; p++) {
			uint32_t old_p = percentiles ? percentiles[p] : p;

			for (int m = 0; old_p != NONE && m < EL_STAMP_MEASURES; m++)
				s->percentile_ns[m][(size_t)i * n + p] =
				    before->percentile_ns[m][(size_t)old * n_before + old_p];
		}
	}
	return carry_sessions(s, model, before, model_before, series);
}

/* ---- a round ---- */

/* Probes that were sent one after the other, the last of them answered. */
struct stretch {
	uint32_t n, answered, lost; /* `lost` has not what was answered late */
	uint32_t moved;             /* by how much the reflector's number moved on */
	bool unclear;
};

/* Whether a reflector that counts these probes and no others can have moved on by so many. */
static bool is_counted(const struct stretch *s)
{
	return s->moved >= s->answered && s->moved <= s->n;
}

static void take_stretch(uint64_t *to, const struct stretch *s, bool counted)
{
	if (s->unclear || !counted) {
		to[EL_LOST_UNKNOWN] += s->lost;
		return;
	}
	to[EL_LOST_FORWARD] += s->n - s->moved;
	to[EL_LOST_BACKWARD] += s->moved - s->answered;
}

/* The stretches of a round with replies: up to the first of them (the gap), from there to the last,
 * and both in one. */
struct stretches {
	struct stretch gap, middle, whole;
};

static struct stretches stretches_of(const struct el_session_mark *m,
				     const struct el_session_figures *f)
{
	struct stretches s = {
	    .gap = {.n = m->sent + f->sent[EL_SESSION_HEAD] + 1,
		    .answered = 1,
		    .lost = m->lost + f->lost[EL_SESSION_HEAD],
		    .moved = f->lowest - m->sequence,
		    .unclear = m->unclear || f->unclear[EL_SESSION_HEAD]},
	    .middle = {.n = f->sent[EL_SESSION_MIDDLE],
		       .answered = f->answered,
		       .lost = f->lost[EL_SESSION_MIDDLE] - f->late,
		       .moved = f->highest - f->lowest + 1,
		       .unclear = f->unclear[EL_SESSION_MIDDLE]},
	};

	s.whole = (struct stretch){.n = s.gap.n - 1 + s.middle.n,
				   .answered = s.middle.answered,
				   .lost = s.gap.lost + s.middle.lost,
				   .moved = f->highest - m->sequence,
				   .unclear = s.gap.unclear || s.middle.unclear};
	return s;
}

/* A round of a session with replies. Numbers that can't be make it be doubted for a while: that
 * they seem right now and then may be chance, where a reflector counts by ports, of which we use
 * one after the other. */
static void take_replies(uint64_t *to, struct el_session_mark *m,
			 const struct el_session_figures *f)
{
	struct stretches s = stretches_of(m, f);
	bool whole = m->known && is_counted(&s.whole);
	bool gap = m->known && is_counted(&s.gap), middle = is_counted(&s.middle);

	if (!f->stateless && (whole || (middle && (gap || !m->known))))
		m->doubt -= m->doubt > 0;
	else
		m->doubt = DOUBT_ROUNDS;
	if (m->doubt) {
		take_stretch(to, &s.whole, false);
	} else if (whole && !s.whole.unclear) {
		take_stretch(to, &s.whole, true);
	} else {
		take_stretch(to, &s.gap, gap);
		take_stretch(to, &s.middle, middle);
	}
	to[EL_LOST_UNKNOWN] += f->late;
	*m = (struct el_session_mark){.key = f->key,
				      .has_counts = m->has_counts,
				      .counts = {m->counts[0], m->counts[1], m->counts[2]},
				      .generation = m->generation,
				      .sequence = f->highest,
				      .sent = f->sent[EL_SESSION_TAIL],
				      .lost = f->lost[EL_SESSION_TAIL],
				      .doubt = m->doubt,
				      .known = !f->stateless,
				      .unclear = f->unclear[EL_SESSION_TAIL]};
}

/* A round of a session, `m` being its mark from the rounds before. */
static void take_session(uint64_t *to, struct el_session_mark *m,
			 const struct el_session_figures *f)
{
	if (f->answered) {
		take_replies(to, m, f);
	} else {
		m->sent += f->sent[EL_SESSION_TAIL];
		m->lost += f->lost[EL_SESSION_TAIL];
		m->unclear |= f->unclear[EL_SESSION_TAIL];
		m->known &= ++m->silent <= SILENT_ROUNDS_MAX;
	}
	/* without a number to begin with, nothing will tell of what was sent since */
	if (!m->known) {
		to[EL_LOST_UNKNOWN] += m->lost;
		m->sent = m->lost = 0;
		m->unclear = false;
	}
}

/* How far Direct Measurement's counts have moved on since the last round that told them. Where one
 * of them went back (the reflector was started anew), or ours began anew with another plan, nothing
 * is known of the packets between. */
static void take_counts(uint64_t *to, struct el_session_mark *m, const struct el_session_figures *f,
			uint64_t generation)
{
	bool goes_on = m->has_counts && m->generation == generation;

	if (!f->has_counts)
		return;
	for (int i = 0; i < EL_COUNTED; i++)
		goes_on = goes_on && f->counts[i] - m->counts[i] <= INT32_MAX;
	for (int i = 0; i < EL_COUNTED; i++) {
		to[i] += goes_on ? f->counts[i] - m->counts[i] : 0;
		m->counts[i] = f->counts[i];
	}
	m->has_counts = true;
	m->generation = generation;
}

/* Marks by key: a hash table, open addressing, of their numbers + 1. */
struct marks {
	const struct el_session_mark *marks;
	bool *taken;
	uint32_t *slots;
	uint32_t mask, n;
};

static int marks_init(struct marks *t, const struct el_session_mark *marks, uint32_t n)
{
	uint32_t size = 2;

	while (size < 2 * n)
		size *= 2;
	*t = (struct marks){.marks = marks, .mask = size - 1, .n = n};
	t->slots = calloc(size, sizeof(*t->slots));
	t->taken = calloc(n + 1U, sizeof(*t->taken));
	if (!t->slots || !t->taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)marks[i].key & t->mask;

		while (t->slots[slot])
			slot = (slot + 1) & t->mask;
		t->slots[slot] = i + 1;
	}
	return 0;
}

static void marks_fini(struct marks *t)
{
	free(t->slots);
	free(t->taken);
}

/* The mark of a session, which is taken; `guess`: where it is as long as the plan is the same. A
 * new one if there is none. */
static struct el_session_mark marks_take(struct marks *t, const struct el_session_figures *f,
					 uint32_t guess)
{
	uint32_t slot = (uint32_t)f->key & t->mask, at = guess;

	if (guess >= t->n || t->marks[guess].key != f->key) {
		while (t->slots[slot] && t->marks[t->slots[slot] - 1].key != f->key)
			slot = (slot + 1) & t->mask;
		at = t->slots[slot] - 1;
	}
	if (at >= t->n || t->taken[at])
		return (struct el_session_mark){.key = f->key, .series = f->series};
	t->taken[at] = true;
	return t->marks[at];
}

/* Their reflectors have had probes that are not known of. */
static void forget_numbers(struct el_stamp_state *s)
{
	for (uint32_t i = 0; i < s->n_sessions; i++) {
		struct el_session_mark *m = &s->sessions[i];

		s->totals[m->series].lost[EL_LOST_UNKNOWN] += m->lost;
		m->sent = m->lost = 0;
		m->known = m->unclear = false;
	}
}

static void add_told(struct el_stamp_totals *t, const struct el_stamp_figures *f)
{
	t->remarked += f->remarked;
	t->class_refused += f->class_refused;
	for (int i = 0; i < EL_STAMP_TLVS; i++)
		t->tlvs[i] += f->tlvs[i];
}

int stats_stamp_state_add(struct el_stamp_state *s, const struct el_model *model, uint64_t round,
			  const struct el_stamp_round *r)
{
	struct el_session_mark *marks = malloc((r->n_sessions + 1U) * sizeof(*marks));
	size_t n = model->n_percentiles;
	struct marks before;

	if (marks_init(&before, s->sessions, s->n_sessions) < 0 || !marks) {
		marks_fini(&before);
		free(marks);
		return -ENOMEM;
	}
	if (round != s->round + 1)
		forget_numbers(s);
	s->round = round;
	for (uint32_t i = 0; i < r->n_sessions; i++) {
		const struct el_session_figures *f = &r->sessions[i];

		marks[i] = marks_take(&before, f, i);
		take_session(s->totals[f->series].lost, &marks[i], f);
		take_counts(s->totals[f->series].counted, &marks[i], f, r->generation);
		marks[i].series = f->series;
	}
	/* nothing will tell of those that there are no more */
	for (uint32_t i = 0; i < s->n_sessions; i++) {
		const struct el_session_mark *m = &s->sessions[i];

		if (!before.taken[i])
			s->totals[m->series].lost[EL_LOST_UNKNOWN] += m->lost;
	}
	marks_fini(&before);
	free(s->sessions);
	s->sessions = marks;
	s->n_sessions = r->n_sessions;
	for (uint32_t i = 0; i < model->n_series; i++) {
		struct el_stamp_totals *t = &s->totals[i];

		add_told(t, &r->series[i]);
		t->not_valued += r->series[i].not_valued;
		t->steps += r->series[i].steps;
		t->rate_changes += r->series[i].rate_changes;
		t->contradictions += r->series[i].contradictions;
		if (!r->series[i].replies)
			continue;
		s->gauges[i] = r->series[i];
		for (int m = 0; m < EL_STAMP_MEASURES; m++)
			memcpy(s->percentile_ns[m] + i * n, r->percentile_ns[m] + i * n,
			       n * sizeof(double));
	}
	return 0;
}

/* Its sessions have gone on meanwhile: what their numbers say is not known any more. */
void stats_stamp_state_add_older(struct el_stamp_state *s, const struct el_model *model,
				 const struct el_round_figures *figures, const uint32_t *of)
{
	for (uint32_t i = 0; i < model->n_series; i++) {
		if (of[i] == NONE || model->targets[model->series[i].target].type != EL_PROBE_STAMP)
			continue;
		s->totals[i].lost[EL_LOST_UNKNOWN] += figures->series[of[i]].lost;
		add_told(&s->totals[i], &figures->stamp->series[of[i]]);
	}
}
