/* SPDX-License-Identifier: BSD-3-Clause */
#include "facts.h"

#include <errno.h>

#include "control.h"
#include "el_ticks.h"

#define EVERY_NS EL_NS_PER_S

static void list_plan(struct control *c, struct el_plan_facts *ret)
{
	const struct el_plan_set *set = rollout_newest(&c->rollout)->set;

	*ret = (struct el_plan_facts){.generation = set->generation,
				      .n_probes = set->n_probes,
				      .window_ns = set->window_ns,
				      .period_ns = set->period_ns,
				      .timeout_ns = set->timeout_ns,
				      .limit_ns = set->limit_ns,
				      .iteration_s = set->iteration_s,
				      .requested_pps = set->requested_pps,
				      .skew = set->skew,
				      .n_blocks = set->n_blocks,
				      .n_workers = set->n_workers,
				      .ids = set->ids};
	for (uint32_t w = 0; w < set->n_workers; w++) {
		ret->workers[w].n_probes = set->plans[w]->n_probes;
		ret->workers[w].n_slices = set->plans[w]->n_slices;
		ret->workers[w].n_classes = set->plans[w]->n_classes;
		ret->workers[w].n_half_open = set->plans[w]->n_half_open;
	}
}

static void list_rounds(struct control *c, struct el_rounds_facts *ret)
{
	static const char *const states[] = {
	    [ROLLOUT_STARTING] = "starting", [ROLLOUT_RUNNING] = "running",
	    [ROLLOUT_WAITING] = "waiting",   [ROLLOUT_CLOSING] = "closing",
	    [ROLLOUT_STOPPING] = "stopping", [ROLLOUT_STOPPED] = "stopped",
	    [ROLLOUT_ENDING] = "ending",     [ROLLOUT_ENDED] = "ended"};

	ret->state = states[c->rollout.state];
	ret->skipped = rollout_skipped(&c->rollout);
	ret->is_making = c->reload.is_making;
	for (uint32_t i = 0; i < c->rollout.n && i < EL_FACTS_PLANS_MAX; i++) {
		const struct generation *g = &c->rollout.generations[i];

		ret->plans[i].generation = g->set->generation;
		ret->plans[i].is_open = g->rounds != NULL;
		ret->plans[i].first_round = g->rounds ? rounds_first(g->rounds) : 0;
		ret->n_plans++;
	}
	for (uint32_t w = 0; w < c->n_workers; w++)
		ret->begun[w] = el_worker_begun(c->workers[w]);
}

/* As it was published last, unless it has changed; an old one where there is no memory. */
static struct el_network_facts *take_network(struct control *c)
{
	struct facts *f = &c->facts;
	uint64_t changes = network_changes(c->network);
	struct el_network_facts *now;

	if (!f->network || changes != f->network_changes) {
		now = network_facts(c->network);
		if (now) {
			el_network_facts_put(f->network);
			f->network = now;
			f->network_changes = changes;
		}
	}
	return f->network ? el_network_facts_get(f->network) : NULL;
}

static int publish(struct control *c)
{
	struct el_facts *f = el_facts_create();

	if (!f)
		return -ENOMEM;
	f->n_workers = c->n_workers;
	f->network = take_network(c);
	list_plan(c, &f->plan);
	list_rounds(c, &f->rounds);
	clocks_facts(c->clocks, &f->clock);
	f->reload = c->reload.told;
	f->reload.is_wanted = c->reload.wanted;
	el_facts_store_publish(c->facts.store, f);
	c->facts.published_ns = c->now_ns;
	return 0;
}

int facts_init(struct control *c, struct el_error *err)
{
	c->facts.store = el_facts_store_create();
	if (!c->facts.store || publish(c) < 0)
		return el_error_set(err, -ENOMEM, "not enough memory");
	return 0;
}

void facts_fini(struct control *c)
{
	el_facts_store_destroy(c->facts.store);
	el_network_facts_put(c->facts.network);
}

void facts_poll(struct control *c)
{
	/* one that can't be had now is tried again at the next tick */
	if (!c->facts.published_ns || c->now_ns - c->facts.published_ns >= EVERY_NS)
		publish(c);
}

void facts_changed(struct control *c)
{
	c->facts.published_ns = 0;
}
