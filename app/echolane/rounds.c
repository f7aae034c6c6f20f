/* SPDX-License-Identifier: BSD-3-Clause */
#include "rounds.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

/* Of a period: by how much a round may begin later or earlier than the last one asks for, and up to
 * where it is late rather than early. */
#define PHASE_LATER_PART 16
#define PHASE_EARLIER_PART 1024
#define PHASE_LATE_PART 64

/* Empty blocks of one worker, a stack. */
struct free_blocks {
	struct el_block **items;
	uint32_t n;
};

/* A round that has been handed out and not been passed to statistics. */
struct open_round {
	uint64_t round;
	uint64_t start_ns;
	struct rounds_note noted; /* meanwhile */
	struct stats_job *job;    /* collects the blocks */
};

struct rounds {
	struct rounds_config conf;
	struct free_blocks free[EL_PLAN_WORKERS_MAX];
	struct open_round *open; /* [n_blocks], a queue by round number */
	uint32_t head, tail;     /* tail - head rounds are open */
	uint64_t first, next_round;
	uint64_t next_start_ns;
	uint64_t last_start_ns; /* of the round handed out last */
	uint64_t skipped;
	uint32_t in_stats; /* rounds that statistics has */
	bool started, retired;
};

static struct open_round *open_at(const struct rounds *r, uint32_t i)
{
	return &r->open[i % r->conf.set->n_blocks];
}

struct rounds *rounds_create(const struct rounds_config *config)
{
	struct rounds *r = calloc(1, sizeof(*r));
	uint32_t n = config->set->n_blocks;

	if (!r)
		return NULL;
	r->conf = *config;
	el_plan_set_get(config->set);
	r->open = calloc(n, sizeof(*r->open));
	for (uint32_t w = 0; r->open && w < config->n_workers; w++) {
		r->free[w].items = calloc(n, sizeof(struct el_block *));
		for (uint32_t i = 0; r->free[w].items && i < n; i++) {
			struct el_block *b = el_block_create(config->set, w);
			if (!b)
				goto no_memory;
			r->free[w].items[r->free[w].n++] = b;
		}
		if (!r->free[w].items)
			goto no_memory;
	}
	if (r->open)
		return r;
no_memory:
	rounds_destroy(r);
	errno = ENOMEM;
	return NULL;
}

void rounds_destroy(struct rounds *r)
{
	if (!r)
		return;
	for (; r->head != r->tail; r->head++) {
		struct stats_job *job = open_at(r, r->head)->job;
		for (uint32_t i = 0; i < job->n_blocks; i++)
			el_block_free(job->blocks[i]);
		free(job);
	}
	for (uint32_t w = 0; w < r->conf.n_workers; w++) {
		for (uint32_t i = 0; i < r->free[w].n; i++)
			el_block_free(r->free[w].items[i]);
		free(r->free[w].items);
	}
	el_plan_set_put(r->conf.set);
	free(r->open);
	free(r);
}

void rounds_start(struct rounds *r, uint64_t first, uint64_t start_ns)
{
	r->first = r->next_round = first;
	r->started = true;
	r->next_start_ns = start_ns;
	r->last_start_ns = start_ns;
}

static bool have_blocks(const struct rounds *r)
{
	if (r->tail - r->head >= r->conf.set->n_blocks)
		return false;
	for (uint32_t w = 0; w < r->conf.n_workers; w++) {
		if (!r->free[w].n)
			return false;
	}
	return true;
}

uint64_t rounds_in_phase(const struct el_plan_set *set, uint64_t begin_ns, uint64_t epoch_ns)
{
	uint64_t late;

	if (!set->has_phase || !set->period_ns)
		return begin_ns;
	late = (begin_ns - epoch_ns - set->phase_ns) % set->period_ns;
	return late ? begin_ns + set->period_ns - late : begin_ns;
}

/* When the next round begins, a period after the last or somewhat beside it: where clocks run
 * apart, or a plan began between two rounds, rounds come back to their phase step by step. Probes
 * have 98 % of a period, so little can be taken off it, and more can be added. */
static uint64_t next_begin(const struct rounds *r, uint64_t epoch_ns)
{
	const struct el_plan_set *set = r->conf.set;
	uint64_t begin = r->next_start_ns + set->period_ns;
	uint64_t wait = rounds_in_phase(set, begin, epoch_ns) - begin;
	uint64_t late = wait ? set->period_ns - wait : 0;

	if (late <= set->period_ns / PHASE_LATE_PART)
		return begin - RTE_MIN(late, set->period_ns / PHASE_EARLIER_PART);
	return begin + RTE_MIN(wait, set->period_ns / PHASE_LATER_PART);
}

/* Orders the next round from all workers. False: from none, as there is no room or no memory. */
static bool hand_out(struct rounds *r, uint64_t epoch_ns)
{
	uint64_t period = r->conf.set->period_ns;
	struct el_block *blocks[EL_PLAN_WORKERS_MAX];
	struct stats_job *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	for (uint32_t w = 0; w < r->conf.n_workers; w++) {
		struct el_block *block = r->free[w].items[r->free[w].n - 1];
		block->round = r->next_round;
		block->cut = false;
		/* without a period, rounds follow each other and only the first has a start */
		block->start_ns = period || r->next_round == r->first ? r->next_start_ns : 0;
		blocks[w] = block;
	}
	if (!r->conf.order(r->conf.ctx, blocks)) {
		free(job);
		return false;
	}
	for (uint32_t w = 0; w < r->conf.n_workers; w++)
		r->free[w].n--;
	job->round = r->next_round;
	*open_at(r, r->tail++) =
	    (struct open_round){.round = r->next_round, .start_ns = r->next_start_ns, .job = job};
	r->last_start_ns = r->next_start_ns;
	r->next_start_ns = next_begin(r, epoch_ns);
	r->next_round++;
	return true;
}

static bool no_more(const struct rounds *r)
{
	return r->retired || (r->conf.last && r->next_round > r->conf.last);
}

/* Leaves out the rounds that should have begun more than late_ns ago, and counts them. */
static void skip_passed(struct rounds *r, uint64_t now, uint64_t late_ns)
{
	uint64_t period = r->conf.set->period_ns, last = r->next_start_ns + late_ns;
	uint64_t missed;

	if (!period || (int64_t)(now - last) <= 0)
		return;
	missed = (now - last) / period + 1;
	r->skipped += missed;
	r->next_start_ns += missed * period;
}

/* How late a round may begin and still send all; one that is longer than its period can't anyway.
 */
static uint64_t slack_ns(const struct el_plan_set *set)
{
	return set->period_ns > set->window_ns ? set->period_ns - set->window_ns : set->period_ns;
}

/* A round is handed out when the one before has begun: so the workers always have one ahead, and a
 * change never has to wait for longer than that. */
void rounds_hand_out(struct rounds *r, uint64_t now, uint64_t epoch_ns)
{
	while (r->started && !no_more(r)) {
		bool later = (int64_t)(now - r->last_start_ns) < 0;
		if (r->conf.set->period_ns && later && r->next_round > r->first)
			return;
		if (!have_blocks(r)) {
			skip_passed(r, now, 0);
			return;
		}
		skip_passed(r, now, slack_ns(r->conf.set));
		if (!hand_out(r, epoch_ns))
			return;
	}
}

/* True if some worker has begun the round; false if the schedule took it back before that. */
static bool is_begun(const struct stats_job *job)
{
	for (uint32_t i = 0; i < job->n_blocks; i++) {
		if (job->blocks[i]->began_ns)
			return true;
	}
	return false;
}

void rounds_report(struct rounds *r, struct el_block *block)
{
	for (uint32_t k = r->head; k != r->tail; k++) {
		const struct open_round *o = open_at(r, k);
		if (o->round != block->round)
			continue;
		o->job->blocks[o->job->n_blocks++] = block;
		return;
	}
	el_log(EL_LOG_ERROR, "control", "worker %u reported round %llu, which is not open",
	       block->worker, (unsigned long long)block->round);
	el_block_free(block);
}

static void give_back(struct rounds *r, struct stats_job *job)
{
	for (uint32_t i = 0; i < job->n_blocks; i++) {
		struct free_blocks *f = &r->free[job->blocks[i]->worker];
		f->items[f->n++] = job->blocks[i];
	}
	free(job);
}

/* Whether some worker has closed its part at that time or later. */
static bool ended_since(const struct stats_job *job, uint64_t ns)
{
	for (uint32_t i = 0; i < job->n_blocks; i++) {
		if ((int64_t)(job->blocks[i]->closed_ns - ns) >= 0)
			return true;
	}
	return false;
}

void rounds_submit(struct rounds *r, uint64_t before_ns)
{
	while (r->head != r->tail) {
		struct open_round *o = open_at(r, r->head);
		if (o->job->n_blocks < r->conf.n_workers)
			return;
		if (!is_begun(o->job)) {
			r->head++;
			give_back(r, o->job);
			continue;
		}
		if (before_ns && ended_since(o->job, before_ns))
			return;
		r->head++;
		o->job->local_drops = o->noted.drops;
		for (uint32_t w = 0; w < o->job->n_blocks; w++) {
			if (o->noted.step.to_ns)
				el_span_add(&o->job->blocks[w]->step, &o->noted.step);
			o->job->blocks[w]->moved = o->noted.moved;
		}
		o->job->owner = r;
		r->in_stats++;
		r->conf.submit(r->conf.ctx, o->job);
	}
}

bool rounds_are_whole(const struct rounds *r)
{
	return r->head != r->tail && open_at(r, r->head)->job->n_blocks == r->conf.n_workers;
}

void rounds_note(struct rounds *r, const struct rounds_note *note, uint64_t now_ns)
{
	for (uint32_t k = r->head; k != r->tail; k++) {
		struct open_round *o = open_at(r, k);

		if ((int64_t)(now_ns - o->start_ns) < 0)
			continue;
		o->noted.drops += note->drops;
		if (note->step.to_ns)
			el_span_add(&o->noted.step, &note->step);
		if (note->moved.to_ns)
			el_span_add(&o->noted.moved, &note->moved);
	}
}

void rounds_recycle(struct rounds *r, struct stats_job *job)
{
	r->in_stats--;
	give_back(r, job);
}

void rounds_retire(struct rounds *r)
{
	r->retired = true;
}

struct el_plan_set *rounds_set(const struct rounds *r)
{
	return r->conf.set;
}

uint64_t rounds_first(const struct rounds *r)
{
	return r->first;
}

uint64_t rounds_begin_of(const struct rounds *r, uint64_t round)
{
	if (!r->conf.set->period_ns && round != r->first)
		return 0;
	for (uint32_t k = r->head; k != r->tail; k++) {
		if (open_at(r, k)->round == round)
			return open_at(r, k)->start_ns;
	}
	return r->next_start_ns;
}

bool rounds_idle(const struct rounds *r)
{
	return r->head == r->tail && r->in_stats == 0;
}

bool rounds_finished(const struct rounds *r)
{
	return no_more(r) && rounds_idle(r);
}

uint64_t rounds_skipped(const struct rounds *r)
{
	return r->skipped;
}
