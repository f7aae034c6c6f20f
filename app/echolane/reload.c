/* SPDX-License-Identifier: BSD-3-Clause */
/* Reload: all or nothing. A file that does not load leaves everything as it was. */
#include "local_ports.h"
#include "planner.h"

static void plan_next(struct control *c)
{
	const struct el_conf *conf = c->next.conf ? c->next.conf : c->now.conf;
	uint32_t interval_s = conf->global.reload_conf_interval_s;

	c->reload_next_ns = interval_s ? c->now_ns + interval_s * EL_NS_PER_S : UINT64_MAX;
}

void reload_init(struct control *c)
{
	plan_next(c);
}

static void say_needs_restart(void *ctx, const char *key)
{
	(void)ctx;
	el_log(EL_LOG_WARNING, "reload", "%s has changed: that needs a restart", key);
}

static void log_warning(const char *sentence)
{
	el_log(EL_LOG_WARNING, "reload", "%s", sentence);
}

static void fail(struct control *c, const char *why)
{
	el_log(EL_LOG_ERROR, "reload", "the configuration is not reloaded, all stays as it was: %s",
	       why);
	c->reload_failed = true;
	control_republish(c);
}

void reload_take_result(struct control *c, struct planner_job *job)
{
	const struct el_conf *conf = c->next.conf;
	struct el_inventory_settings settings;
	struct el_error err;

	c->file_digest = job->digest;
	if (job->status > 0)
		return;
	if (job->status < 0) {
		fail(c, job->err.text);
		return;
	}
	el_conf_compare_restarts(c->started_with->conf, conf, say_needs_restart, NULL);
	local_ports_check(conf, log_warning);
	settings = el_inventory_settings_of(conf);
	if (el_inventory_rescan(c->inventory, &settings, &err) < 0)
		el_log(EL_LOG_ERROR, "reload", "inventories stay as they were: %s", err.text);
	/* the message is seen if either level lets it through */
	if (conf->global.logging_level < c->now.conf->global.logging_level)
		el_log_set_level(conf->global.logging_level);
	el_log(EL_LOG_INFO, "reload", "configuration reloaded: %u targets, %u series",
	       c->next.model->n_targets, c->next.model->n_series);
	el_log_set_level(conf->global.logging_level);
	plan_next(c);
	if (c->reload_failed) {
		c->reload_failed = false;
		control_republish(c);
	}
}

void reload_poll(struct control *c)
{
	struct planner_job job = {.kind = PLANNER_LOAD, .cut = true, .digest = c->file_digest};
	bool due = c->now_ns >= c->reload_next_ns;

	/* one plan at a time: the last one has to have been taken first */
	if ((!c->reload_wanted && !due) || !c->started || !plans_may_order(c))
		return;
	/* by its content: times, sizes and numbers of files may be the same though it is another */
	job.only_if_changed = !c->reload_wanted;
	if (due)
		plan_next(c);
	c->reload_wanted = false;
	if (plans_order(c, &job) < 0)
		fail(c, "not enough memory");
}
