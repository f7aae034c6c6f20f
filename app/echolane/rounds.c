/* SPDX-License-Identifier: BSD-3-Clause */
#include "rounds.h"

#include <errno.h>
#include <stdlib.h>

/* Blocks that wait for use, a stack. */
struct free_blocks {
	struct el_block **items;
	uint32_t n;
};

/* A round that workers have and statistics has not. */
struct open_round {
	uint64_t round;
	uint64_t start_tsc;
	uint64_t drops;
	struct stats_job *job; /* collects the blocks */
};

struct rounds {
	struct rounds_config conf;
	struct free_blocks free[EL_PLAN_WORKERS_MAX];
	struct open_round *open; /* [n_blocks], a queue by round number */
	uint32_t head, tail;     /* tail - head rounds are open */
	uint64_t next_round;
	uint64_t next_start_tsc;
	uint64_t last_start_tsc; /* of the round handed out last */
	uint64_t skipped;
	uint32_t in_stats;
	bool started, cut;
};

static struct open_round *open_at(struct rounds *r, uint32_t i)
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
	r->next_round = 1;
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

void rounds_start(struct rounds *r, uint64_t start_tsc)
{
	r->started = true;
	r->next_start_tsc = start_tsc;
	r->last_start_tsc = start_tsc;
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

static int hand_out(struct rounds *r)
{
	uint64_t period = r->conf.set->period_tsc;
	struct stats_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->round = r->next_round;
	*open_at(r, r->tail++) =
	    (struct open_round){.round = r->next_round, .start_tsc = r->next_start_tsc, .job = job};
	for (uint32_t w = 0; w < r->conf.n_workers; w++) {
		struct el_command c = {.kind = EL_COMMAND_ROUND,
				       .block = r->free[w].items[--r->free[w].n]};
		c.block->round = r->next_round;
		/* without a period, rounds follow each other and only the first has a start */
		c.block->start_tsc = period || r->next_round == 1 ? r->next_start_tsc : 0;
		/* Never full: it holds many more commands than there are blocks. */
		el_worker_command(r->conf.workers[w], &c);
	}
	r->last_start_tsc = r->next_start_tsc;
	r->next_start_tsc += period;
	r->next_round++;
	return 0;
}

/* Leaves out the rounds that should have begun more than late_tsc ago, and counts them. */
static void skip_passed(struct rounds *r, uint64_t now, uint64_t late_tsc)
{
	uint64_t period = r->conf.set->period_tsc, last = r->next_start_tsc + late_tsc;
	uint64_t missed;

	if (!period || (int64_t)(now - last) <= 0)
		return;
	missed = (now - last) / period + 1;
	r->skipped += missed;
	r->next_start_tsc += missed * period;
}

/* A round is handed out when the one before has begun: so the workers always have one ahead, and a
 * change never has to wait for longer than that. */
static void hand_out_due(struct rounds *r, uint64_t now)
{
	uint64_t period = r->conf.set->period_tsc;

	while (r->started && !r->cut && (!r->conf.limit || r->next_round <= r->conf.limit)) {
		if (period && (int64_t)(now - r->last_start_tsc) < 0 && r->next_round > 1)
			return;
		if (!have_blocks(r)) {
			skip_passed(r, now, 0);
			return;
		}
		/* one that begins later than its slack could not send all */
		skip_passed(r, now, period - r->conf.set->window_tsc);
		if (hand_out(r) < 0)
			return;
	}
}

static void collect(struct rounds *r, uint32_t worker)
{
	struct el_block *blocks[16];
	unsigned n;

	while ((n = el_worker_reports(r->conf.workers[worker], blocks, 16)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			uint32_t k = r->head;
			while (k != r->tail && open_at(r, k)->round != blocks[i]->round)
				k++;
			if (k == r->tail) {
				el_log(EL_LOG_ERROR, "control",
				       "worker %u reported round %llu, which is not open", worker,
				       (unsigned long long)blocks[i]->round);
				el_block_free(blocks[i]);
				continue;
			}
			struct stats_job *job = open_at(r, k)->job;
			job->blocks[job->n_blocks++] = blocks[i];
		}
	}
}

/* True if no worker has begun the round: it was cut before. */
static bool never_began(const struct stats_job *job)
{
	for (uint32_t i = 0; i < job->n_blocks; i++) {
		if (job->blocks[i]->began_tsc)
			return false;
	}
	return true;
}

static void give_back(struct rounds *r, struct stats_job *job)
{
	for (uint32_t i = 0; i < job->n_blocks; i++) {
		struct free_blocks *f = &r->free[job->blocks[i]->worker];
		f->items[f->n++] = job->blocks[i];
	}
	free(job);
}

/* Whole rounds go to statistics in order. */
static void submit(struct rounds *r)
{
	while (r->head != r->tail) {
		struct open_round *o = open_at(r, r->head);
		if (o->job->n_blocks < r->conf.n_workers)
			return;
		r->head++;
		if (never_began(o->job)) {
			give_back(r, o->job);
			continue;
		}
		o->job->local_drops = o->drops;
		o->job->clock = r->conf.set->clock;
		r->in_stats++;
		stats_pool_submit(r->conf.stats, o->job);
	}
}

void rounds_poll(struct rounds *r, uint64_t now_tsc)
{
	for (uint32_t w = 0; w < r->conf.n_workers; w++)
		collect(r, w);
	submit(r);
	hand_out_due(r, now_tsc);
}

void rounds_add_drops(struct rounds *r, uint64_t drops)
{
	for (uint32_t k = r->head; k != r->tail; k++)
		open_at(r, k)->drops += drops;
}

void rounds_recycle(struct rounds *r, struct stats_job *job)
{
	r->in_stats--;
	give_back(r, job);
}

void rounds_cut_all(struct rounds *r)
{
	const struct el_command c = {.kind = EL_COMMAND_CUT};

	if (r->cut)
		return;
	r->cut = true;
	for (uint32_t w = 0; w < r->conf.n_workers; w++)
		el_worker_command(r->conf.workers[w], &c);
}

bool rounds_finished(const struct rounds *r)
{
	bool no_more = r->cut || (r->conf.limit && r->next_round > r->conf.limit);

	return no_more && r->head == r->tail && r->in_stats == 0;
}

uint64_t rounds_skipped(const struct rounds *r)
{
	return r->skipped;
}
