/* SPDX-License-Identifier: BSD-3-Clause */
#include "rollout.h"

#include <string.h>

#include <rte_common.h>

/* A plan waits so long at most for its next hops. Each is asked three times, a second apart; where
 * there are very many, questions are paced. */
#define HOP_WAIT_NS (45 * EL_NS_PER_S / 10)
/* The plan before the newest stays in the schedule so long after its last round, so that answers to
 * it are counted as late rather than as unmatched. */
#define LATE_ANSWERS_NS (60 * EL_NS_PER_S)
/* From the order of a round to its start: time for all workers to see it. */
#define START_DELAY_NS (20 * EL_NS_PER_S / 1000)

static const struct el_schedule *schedule(const struct rollout *r)
{
	return &r->schedules[r->posted];
}

static const struct el_schedule *post(struct rollout *r, struct el_schedule next)
{
	r->posted = (r->posted + 1) % RTE_DIM(r->schedules);
	r->schedules[r->posted] = next;
	return schedule(r);
}

static bool is_scheduled(const struct rollout *r, const struct el_plan_set *set)
{
	return el_schedule_find_generation(schedule(r), set->generation) != NULL;
}

static void append(struct rollout *r, struct generation *generation)
{
	r->over_ns[r->n] = 0;
	r->generations[r->n++] = *generation;
	*generation = (struct generation){0};
}

static void take_out(struct rollout *r, uint32_t i, struct generation *ret)
{
	*ret = r->generations[i];
	r->n--;
	memmove(&r->generations[i], &r->generations[i + 1], (r->n - i) * sizeof(r->generations[0]));
	memmove(&r->over_ns[i], &r->over_ns[i + 1], (r->n - i) * sizeof(r->over_ns[0]));
}

void rollout_init(struct rollout *r, struct generation *first)
{
	*r = (struct rollout){.state = ROLLOUT_STARTING};
	append(r, first);
}

struct generation *rollout_find(struct rollout *r, const struct el_plan_set *set)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->generations[i].set == set)
			return &r->generations[i];
	}
	return NULL;
}

bool rollout_may_propose(const struct rollout *r)
{
	return (r->state == ROLLOUT_STARTING || r->state == ROLLOUT_RUNNING) &&
	       r->n < ROLLOUT_GENERATIONS_MAX;
}

void rollout_propose(struct rollout *r, struct generation *generation, bool cut, uint64_t now_ns)
{
	if (r->state == ROLLOUT_STARTING) {
		append(r, generation);
		return;
	}
	r->next = *generation;
	*generation = (struct generation){0};
	r->next_cuts = cut;
	if (r->state != ROLLOUT_RUNNING)
		return;
	r->state = ROLLOUT_WAITING;
	r->since_ns = now_ns;
}

void rollout_stop(struct rollout *r)
{
	if (r->state == ROLLOUT_STARTING)
		r->state = ROLLOUT_STOPPED;
	else if (r->state < ROLLOUT_STOPPING)
		r->state = ROLLOUT_STOPPING;
	rounds_retire(rollout_newest(r)->rounds);
}

void rollout_end(struct rollout *r)
{
	if (r->state < ROLLOUT_ENDING)
		r->state = ROLLOUT_ENDING;
}

/* The first round of a plan waits until its next hops are known, but not long; that of the first
 * plan until all names that will be known soon are in it, too. */
static bool is_ready(const struct rollout *r, const struct rollout_world *world)
{
	bool waited = world->now_ns - r->since_ns >= HOP_WAIT_NS;

	if (r->state == ROLLOUT_STARTING && (world->is_making || !world->names_known))
		return false;
	return (waited || world->hops_settled) && world->hops_told;
}

/* The first generation is executed. */
static const struct el_schedule *start(struct rollout *r, const struct rollout_world *world)
{
	struct generation *first = rollout_newest(r);

	rounds_start(first->rounds, 1,
		     rounds_in_phase(first->set, world->now_ns + START_DELAY_NS, world->epoch_ns));
	r->state = ROLLOUT_RUNNING;
	return post(r, el_schedule_open(schedule(r), 1, first->streams));
}

static bool newest_has_begun(struct rollout *r, const struct rollout_world *world)
{
	return world->begun_first >= rounds_first(rollout_newest(r)->rounds);
}

/* Whether closing the gate must wait: a round begins so soon that some workers might begin it and
 * others find the gate closed. A cut does not wait for that, but for the first round of the newest
 * plan: else plans that follow each other fast would probe nothing. */
static bool is_about_to_begin(struct rollout *r, const struct rollout_world *world)
{
	struct rounds *rounds = rollout_newest(r)->rounds;
	int64_t soon = (int64_t)RTE_MIN(START_DELAY_NS, rounds_set(rounds)->period_ns / 2);
	uint64_t begin;

	if (!newest_has_begun(r, world)) {
		begin = rounds_begin_of(rounds, rounds_first(rounds));
		return begin && (int64_t)(begin - world->now_ns) < (int64_t)START_DELAY_NS;
	}
	begin = rounds_begin_of(rounds, world->begun_first + 1);
	/* a cut leaves rounds incomplete anyway */
	return !r->next_cuts && (int64_t)(begin - world->now_ns) >= 0 &&
	       (int64_t)(begin - world->now_ns) < soon;
}

static const struct el_schedule *close_gate(struct rollout *r, const struct rollout_world *world)
{
	struct rounds *rounds = rollout_newest(r)->rounds;
	uint64_t gate = world->begun_first + 1;

	gate = RTE_MAX(gate, rounds_first(rounds));
	r->gate_begin_ns = rounds_begin_of(rounds, gate);
	rounds_retire(rounds);
	r->state = ROLLOUT_CLOSING;
	return post(r, el_schedule_close(schedule(r), gate, r->next_cuts));
}

/* When the first round of the generation that waits is to begin; 0: when what is being sent is
 * sent. */
static uint64_t next_begin_ns(struct rollout *r, const struct rollout_world *world, uint64_t first)
{
	const struct el_plan_set *before = rollout_newest(r)->set;
	uint64_t begin = r->gate_begin_ns + (first - schedule(r)->gate) * before->period_ns;

	if (!r->next_cuts && !r->next.set->period_ns)
		return 0;
	return r->next_cuts || (int64_t)(world->now_ns - begin) > 0 ? world->now_ns + START_DELAY_NS
								    : begin;
}

/* The oldest plan in the schedule whose rounds are all published, and that each worker has begun a
 * newer one after (so it has inherited its half-open connections). The one before the newest only
 * if that is for_ns ago: for its late answers. NULL: none. */
static const struct el_plan_set *oldest_over(const struct rollout *r,
					     const struct rollout_world *world, uint64_t for_ns)
{
	const struct el_schedule *s = schedule(r);

	for (uint32_t i = 0; i + 1 < r->n; i++) {
		const struct el_plan_set *set = r->generations[i].set;
		const struct el_schedule_span *span =
		    el_schedule_find_generation(s, set->generation);
		bool is_last = span && span + 2 == s->spans + s->n;

		if (span && r->over_ns[i] && world->begun_last >= span->end &&
		    (!is_last || world->now_ns - r->over_ns[i] >= for_ns))
			return set;
	}
	return NULL;
}

/* The schedule with room for a span from `first` on. Where it is full, the oldest plan without open
 * rounds leaves it, or else the oldest. */
static struct el_schedule make_room(const struct rollout *r, const struct rollout_world *world,
				    uint64_t first)
{
	const struct el_schedule *s = schedule(r);
	const struct el_plan_set *set;

	/* the last one has no rounds then, and makes room itself */
	if (s->n < EL_SCHEDULE_SPANS_MAX || s->spans[s->n - 1].first >= first)
		return *s;
	set = oldest_over(r, world, 0);
	return el_schedule_drop(s, set ? set : s->spans[0].set);
}

/* It is known which rounds have begun: the generation that waits follows the last of them. */
static const struct el_schedule *open_gate(struct rollout *r, const struct rollout_world *world)
{
	uint64_t first = RTE_MAX(world->begun_first + 1, schedule(r)->gate);
	uint64_t begin_ns = next_begin_ns(r, world, first);
	struct el_schedule s = make_room(r, world, first);

	r->skipped += rounds_skipped(rollout_newest(r)->rounds);
	append(r, &r->next);
	rounds_start(rollout_newest(r)->rounds, first, begin_ns);
	r->state = ROLLOUT_RUNNING;
	return post(r, el_schedule_open(&s, first, rollout_newest(r)->streams));
}

/* Without a plan whose late answers have been waited for that long; NULL: there is none. */
static const struct el_schedule *drop(struct rollout *r, const struct rollout_world *world,
				      uint64_t for_ns)
{
	const struct el_plan_set *set = oldest_over(r, world, for_ns);

	return set ? post(r, el_schedule_drop(schedule(r), set)) : NULL;
}

const struct el_schedule *rollout_poll(struct rollout *r, const struct rollout_world *world)
{
	const struct el_schedule *next;

	/* until then workers may use the schedule that the next one would be written over */
	if (!world->taken)
		return NULL;
	switch (r->state) {
	case ROLLOUT_STARTING:
		if (!r->since_ns)
			r->since_ns = world->now_ns;
		return is_ready(r, world) ? start(r, world) : NULL;
	case ROLLOUT_RUNNING:
		return drop(r, world, LATE_ANSWERS_NS);
	case ROLLOUT_WAITING:
		/* next hops and addresses of what is over are let go of before others take their
		 * place */
		next = drop(r, world, 0);
		if (next || !is_ready(r, world) || is_about_to_begin(r, world))
			return next;
		return close_gate(r, world);
	case ROLLOUT_CLOSING:
		return open_gate(r, world);
	case ROLLOUT_STOPPING:
		r->state = ROLLOUT_STOPPED;
		return post(r, el_schedule_close(schedule(r), 0, true));
	case ROLLOUT_ENDING:
		r->state = ROLLOUT_ENDED;
		return post(r, (struct el_schedule){.cut = EL_ROUND_NONE});
	case ROLLOUT_STOPPED:
	case ROLLOUT_ENDED:
		break;
	}
	return NULL;
}

static bool is_over(const struct rollout *r, uint32_t i)
{
	const struct generation *g = &r->generations[i];

	return i + 1 < r->n && !is_scheduled(r, g->set) && (!g->rounds || rounds_idle(g->rounds));
}

const struct generation *rollout_over(const struct rollout *r, const struct rollout_world *world)
{
	for (uint32_t i = 0; world->taken && i < r->n; i++) {
		if (is_over(r, i))
			return &r->generations[i];
	}
	/* what waited when all was stopped */
	return r->next.set && r->state >= ROLLOUT_STOPPING ? &r->next : NULL;
}

bool rollout_take_over(struct rollout *r, const struct rollout_world *world, struct generation *ret)
{
	const struct generation *over = rollout_over(r, world);

	if (!over)
		return false;
	if (over == &r->next) {
		*ret = r->next;
		r->next = (struct generation){0};
	} else {
		take_out(r, (uint32_t)(over - r->generations), ret);
	}
	return true;
}

struct rounds *rollout_take_rounds(struct rollout *r, uint64_t now_ns)
{
	for (uint32_t i = 0; i + 1 < r->n; i++) {
		struct rounds *rounds = r->generations[i].rounds;

		if (!rounds || !rounds_idle(rounds) || !is_scheduled(r, r->generations[i].set))
			continue;
		r->generations[i].rounds = NULL;
		r->over_ns[i] = now_ns;
		return rounds;
	}
	return NULL;
}

void rollout_note(const struct rollout *r, const struct rounds_note *note, uint64_t now_ns)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->generations[i].rounds)
			rounds_note(r->generations[i].rounds, note, now_ns);
	}
}

bool rollout_is_finished(const struct rollout *r)
{
	if (r->state == ROLLOUT_STARTING || r->state == ROLLOUT_CLOSING)
		return false;
	for (uint32_t i = 0; i + 1 < r->n; i++) {
		if (r->generations[i].rounds && !rounds_idle(r->generations[i].rounds))
			return false;
	}
	return rounds_finished(r->generations[r->n - 1].rounds);
}

uint64_t rollout_timeout_ns(const struct rollout *r)
{
	uint64_t timeout_ns = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		if (r->generations[i].rounds)
			timeout_ns = RTE_MAX(timeout_ns, r->generations[i].set->timeout_ns);
	}
	return timeout_ns;
}

uint64_t rollout_skipped(const struct rollout *r)
{
	return r->skipped + rounds_skipped(r->generations[r->n - 1].rounds);
}
