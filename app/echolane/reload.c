/* SPDX-License-Identifier: BSD-3-Clause */
/* Reload: all or nothing. A file that does not load leaves everything as it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "planner.h"

static void plan_next(struct control *c)
{
	const struct el_conf *conf = c->next.conf ? c->next.conf : c->now.conf;
	uint32_t interval_s = conf->global.reload_conf_interval_s;

	c->reload_next_ns = interval_s ? c->now_ns + interval_s * EL_NS_PER_S : UINT64_MAX;
}

/* When the file was changed last, as far as the file system tells; zeros if it is gone. */
static struct timespec changed_at(const struct control *c)
{
	struct stat st;

	return stat(c->options->config, &st) < 0 ? (struct timespec){0} : st.st_mtim;
}

void reload_init(struct control *c)
{
	c->file_changed = changed_at(c);
	c->file_digest = planning_file_digest(c->options->config);
	plan_next(c);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_ports(const struct el_conf_dataplane *a, const struct el_conf_dataplane *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++) {
		const struct el_conf_port *x = &a->ports[i], *y = &b->ports[i];
		if (!same_text(x->device, y->device) || !same_text(x->profile, y->profile) ||
		    x->vlan != y->vlan || x->mtu != y->mtu || x->n_addresses != y->n_addresses ||
		    x->n_gateways != y->n_gateways || x->n_routes != y->n_routes ||
		    x->n_neighbours != y->n_neighbours)
			return false;
		for (size_t k = 0; k < x->n_neighbours; k++) {
			if (!el_ip_equal(&x->neighbours[k].address, &y->neighbours[k].address) ||
			    memcmp(x->neighbours[k].mac, y->neighbours[k].mac, 6) != 0)
				return false;
		}
		for (size_t k = 0; k < x->n_addresses; k++) {
			if (!el_ip_equal(&x->addresses[k].ip, &y->addresses[k].ip) ||
			    x->addresses[k].len != y->addresses[k].len)
				return false;
		}
		for (size_t k = 0; k < x->n_gateways; k++) {
			if (!el_ip_equal(&x->gateways[k], &y->gateways[k]))
				return false;
		}
		for (size_t k = 0; k < x->n_routes; k++) {
			if (!el_ip_equal(&x->routes[k].to.ip, &y->routes[k].to.ip) ||
			    x->routes[k].to.len != y->routes[k].to.len ||
			    !el_ip_equal(&x->routes[k].via, &y->routes[k].via))
				return false;
		}
	}
	return true;
}

/* Says what of a new configuration is not taken over while running. */
static void log_restart_only(const struct el_conf *before, const struct el_conf *after)
{
	const struct el_conf_dataplane *a = &before->dataplane, *b = &after->dataplane;
	const struct {
		bool same;
		const char *key;
	} keys[] = {
	    {before->global.nb_proc == after->global.nb_proc, "global.nb_proc"},
	    {before->global.prometheus_port == after->global.prometheus_port,
	     "global.prometheus_port"},
	    {same_text(before->global.prometheus_address, after->global.prometheus_address),
	     "global.prometheus_address"},
	    {a->huge_pages == b->huge_pages, "dataplane.huge_pages"},
	    {a->control_core == b->control_core && a->worker_cores.count == b->worker_cores.count &&
		 a->stats_cores.count == b->stats_cores.count,
	     "dataplane.lcores"},
	    {a->eal_args.count == b->eal_args.count, "dataplane.eal_args"},
	    {same_ports(a, b), "dataplane.ports"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].same)
			el_log(EL_LOG_WARNING, "reload", "%s has changed: that needs a restart",
			       keys[i].key);
	}
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
	struct el_error err;

	c->file_digest = job->digest;
	if (job->status > 0)
		return;
	if (job->status < 0) {
		fail(c, job->err.text);
		return;
	}
	log_restart_only(c->now.conf, conf);
	if (el_inventory_rescan(c->inventory, conf->dataplane.inventories_directory,
				&conf->global.disable_dynamic_inventories,
				conf->dataplane.max_addresses_per_target, &err) < 0)
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
	if (due) {
		struct timespec changed = changed_at(c);
		bool same = changed.tv_sec == c->file_changed.tv_sec &&
			    changed.tv_nsec == c->file_changed.tv_nsec;
		plan_next(c);
		c->file_changed = changed;
		if (same && !c->reload_wanted)
			return;
		job.only_if_changed = !c->reload_wanted;
	}
	c->reload_wanted = false;
	if (plans_order(c, &job) < 0)
		fail(c, "not enough memory");
}
