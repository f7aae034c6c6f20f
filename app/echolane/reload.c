/* SPDX-License-Identifier: BSD-3-Clause */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compile.h"
#include "control.h"
#include "el_ticks.h"
#include "shared_interface.h"

#define NAMES_WAIT_NS (3 * EL_NS_PER_S)

/* ---- ordering ---- */

static bool may_order(const struct control *c)
{
	return !c->reload.is_making && !c->stopping && rollout_may_propose(&c->rollout);
}

/* Has the compile thread do `job` (copied, its references taken over), which no other may be
 * before. 0 or -ENOMEM. */
static int order(struct control *c, struct compile_job *job)
{
	struct compile_job *copy = malloc(sizeof(*copy));

	if (!copy || compile_take_snapshot(c, &job->order) < 0) {
		el_conf_put(job->conf);
		compile_order_fini(&job->order);
		free(copy);
		return -ENOMEM;
	}
	*copy = *job;
	copy->order.generation = ++c->reload.generation;
	copy->n_refusals = network_refusals(c->network);
	/* what is sent by the old plan may leave the wrong way: it ends as soon as the new one is
	 * there */
	if (moved_order(&c->moved, el_raw_ns()))
		copy->cut = true;
	c->reload.is_making = true;
	job_thread_submit(c->compile_thread, &copy->base, 0);
	return 0;
}

bool reload_names_are_known(const struct control *c)
{
	return c->rollout.state != ROLLOUT_STARTING || names_settled(c->names) ||
	       c->now_ns - c->started_ns >= NAMES_WAIT_NS;
}

/* Orders a plan of the same configuration because something else has changed. It begins after the
 * round under way, unless the network has moved (see order). */
static void order_update(struct control *c)
{
	struct compile_job job = {.kind = COMPILE_MAKE, .order.is_update = true};
	struct reload *r = &c->reload;
	bool other;

	r->names_changed |= names_take_changed(c->names);
	r->names_changed |= network_take_room(c->network);
	other = r->names_changed || r->inventory_changed || r->misplaced;
	if ((!other && !moved_is_due(&c->moved, el_raw_ns())) || !may_order(c) ||
	    !reload_names_are_known(c))
		return;
	job.order.only_if_moved = !other;
	r->names_changed = r->inventory_changed = false;
	job.order.learn_from = r->misplaced;
	r->misplaced = NULL;
	job.conf = el_conf_get(rollout_newest(&c->rollout)->conf);
	if (order(c, &job) < 0)
		el_log(EL_LOG_ERROR, "control", "no new plan: not enough memory");
}

/* Notes how it went for those who look inside; why: it was refused, else NULL. */
static void note_result(struct control *c, const char *why)
{
	struct el_reload_facts *told = &c->reload.told;
	struct el_str s = EL_STR_INIT(told->error);

	told->result = why ? EL_RELOAD_REFUSED : EL_RELOAD_TAKEN;
	told->taken += !why;
	told->refused += why != NULL;
	told->time_s = time(NULL);
	told->error[0] = '\0';
	if (why)
		el_str_add(&s, why);
	facts_changed(c);
}

static void fail(struct control *c, const char *why)
{
	note_result(c, why);
	el_log(EL_LOG_ERROR, "reload", "the configuration is not reloaded, all stays as it was: %s",
	       why);
	c->reload.failed = true;
	publisher_again(c);
}

/* Sets when the file is to be looked at again, as `conf` says. */
static void set_next(struct control *c, const struct el_conf *conf)
{
	uint32_t interval_s = conf->global.reload_conf_interval_s;

	c->reload.next_ns = interval_s ? c->now_ns + interval_s * EL_NS_PER_S : UINT64_MAX;
}

/* Orders the configuration to be loaded again; its plan cuts the round under way short. */
static void order_load(struct control *c)
{
	struct reload *r = &c->reload;
	struct compile_job job = {.kind = COMPILE_LOAD, .cut = true, .digest = r->file_digest};
	bool due = c->now_ns >= r->next_ns;

	if ((!r->wanted && !due) || c->rollout.state == ROLLOUT_STARTING || !may_order(c))
		return;
	/* by its content: times, sizes and numbers of files may be the same though it is another */
	job.only_if_changed = !r->wanted;
	if (due)
		set_next(c, rollout_newest(&c->rollout)->conf);
	r->wanted = false;
	if (order(c, &job) < 0)
		fail(c, "not enough memory");
}

void reload_init(struct control *c)
{
	set_next(c, rollout_newest(&c->rollout)->conf);
}

void reload_poll(struct control *c)
{
	order_update(c);
	order_load(c);
}

/* ---- what comes back ---- */

static void say_needs_restart(void *ctx, const char *key)
{
	(void)ctx;
	el_log(EL_LOG_WARNING, "reload", "%s has changed: that needs a restart", key);
}

static void log_warning(const char *sentence)
{
	el_log(EL_LOG_WARNING, "reload", "%s", sentence);
}

/* Another configuration has been loaded, and a plan was made of it. */
static void loaded(struct control *c, const struct generation *p)
{
	const struct el_conf *conf = p->conf, *before = rollout_newest(&c->rollout)->conf;
	struct el_inventory_settings settings = el_inventory_settings_of(conf);
	struct el_error err;

	el_conf_compare_restarts(c->started_with, conf, say_needs_restart, NULL);
	shared_interface_check(conf, false, log_warning);
	if (el_inventory_rescan(c->inventory, &settings, &err) < 0)
		el_log(EL_LOG_ERROR, "reload", "inventories stay as they were: %s", err.text);
	responder_change(c, conf);
	/* the message is seen if either level lets it through */
	if (conf->global.logging_level < before->global.logging_level)
		el_log_set_level(conf->global.logging_level);
	el_log(EL_LOG_INFO, "reload", "configuration reloaded: %u targets, %u series",
	       p->model->n_targets, p->model->n_series);
	el_log_set_level(conf->global.logging_level);
	set_next(c, conf);
	note_result(c, NULL);
	if (c->reload.failed) {
		c->reload.failed = false;
		publisher_again(c);
	}
}

static void take_result(struct control *c, struct compile_job *job)
{
	bool is_load = job->kind == COMPILE_LOAD;

	c->reload.is_making = false;
	if (is_load)
		c->reload.file_digest = job->digest;
	moved_take_result(&c->moved, job->status, el_raw_ns());
	if (job->status < 0 && is_load)
		fail(c, job->err.text);
	else if (job->status < 0)
		el_log(EL_LOG_ERROR, "control", "no new plan: %s", job->err.text);
	if (job->status == PLAN_NOT_NEEDED)
		network_confirm(rollout_newest(&c->rollout)->net, job->n_refusals);
	if (job->status != PLAN_MADE)
		return;
	compile_adopt(c, &job->generation);
	if (is_load)
		loaded(c, &job->generation);
	rollout_propose(&c->rollout, &job->generation, job->cut, el_raw_ns());
	if (c->rollout.state == ROLLOUT_STARTING) /* then it is the first that will be executed */
		moved_end(&c->moved, &c->rollout, el_raw_ns());
}

void reload_take_results(struct control *c)
{
	struct compile_job *job;

	while ((job = compile_take(c->compile_thread)) != NULL) {
		take_result(c, job);
		free(job);
	}
}

void reload_watch_steering(struct control *c, struct el_plan_set *set, uint64_t forwarded,
			   uint64_t sent)
{
	const struct generation *newest = rollout_newest(&c->rollout);
	struct reload *r = &c->reload;

	/* only of the plan that is executed; and one that is being made may already be better */
	if (set != newest->set || !may_order(c) || r->misplaced || !network_can_learn(c->network))
		return;
	if (r->watched != newest->conf) {
		el_conf_put(r->watched);
		r->watched = el_conf_get(newest->conf);
		r->watch = (struct steering_watch){0};
	}
	if (steering_watch_round(&r->watch, forwarded, sent))
		r->misplaced = el_streams_get(newest->streams);
}
