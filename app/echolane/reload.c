/* SPDX-License-Identifier: BSD-3-Clause */
/* Reload: all or nothing. A file that does not load leaves everything as it was. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "planning.h"

/* What the file holds, as one number; 0 if it can't be read. */
static uint64_t digest_file(const char *path)
{
	const struct el_siphash_key key = {1, 2};
	uint64_t digest = 1;
	char buf[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		digest = digest * 31 + el_siphash(&key, buf, (size_t)n);
	close(fd);
	return n < 0 ? 0 : digest;
}

static void plan_next(struct control *c)
{
	const struct el_conf *conf = c->next.conf ? c->next.conf : c->now.conf;
	uint32_t interval_s = conf->global.reload_conf_interval_s;

	c->reload_next_ns = interval_s ? c->now_ns + interval_s * EL_NS_PER_S : UINT64_MAX;
}

void reload_init(struct control *c)
{
	c->file_digest = digest_file(c->options->config);
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
		    x->n_gateways != y->n_gateways || x->n_routes != y->n_routes)
			return false;
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

static void reload(struct control *c)
{
	struct el_conf_diags diags = {0};
	struct el_conf *conf = NULL;
	struct el_error err = {{0}};
	struct shared_conf *shared;
	enum el_log_level level;
	int ret;

	c->file_digest = digest_file(c->options->config);
	ret = el_conf_load(c->options->config, &conf, &diags);
	for (size_t i = 0; i < diags.count; i++)
		el_log(diags.items[i].is_error ? EL_LOG_ERROR : EL_LOG_WARNING, "reload", "%s",
		       diags.items[i].text);
	el_conf_diags_fini(&diags);
	if (ret < 0) {
		fail(c, "it has errors");
		return;
	}
	for (uint32_t i = 0; i < c->options->n_ports && ret == 0; i++)
		ret = el_conf_add_port(conf, c->options->ports[i], &err);
	if (ret < 0) {
		el_conf_free(conf);
		fail(c, err.text);
		return;
	}
	ret = el_inventory_check(conf->dataplane.inventories_directory,
				 &conf->global.disable_dynamic_inventories, &err);
	if (ret < 0) {
		el_conf_free(conf);
		fail(c, err.text);
		return;
	}
	log_restart_only(c->now.conf, conf);
	level = conf->global.logging_level;
	shared = shared_conf_create(conf);
	if (!shared) {
		fail(c, "not enough memory");
		return;
	}
	if (control_replan(c, shared, true, &err) < 0) {
		fail(c, err.text);
		return;
	}
	if (el_inventory_rescan(c->inventory, conf->dataplane.inventories_directory,
				&conf->global.disable_dynamic_inventories, &err) < 0)
		el_log(EL_LOG_ERROR, "reload", "inventories stay as they were: %s", err.text);
	el_log(EL_LOG_INFO, "reload", "configuration reloaded: %u targets, %u series",
	       c->next.model->n_targets, c->next.model->n_series);
	el_log_set_level(level);
	if (c->reload_failed) {
		c->reload_failed = false;
		control_republish(c);
	}
}

void reload_poll(struct control *c)
{
	if (c->now_ns >= c->reload_next_ns) {
		plan_next(c);
		/* a file that is gone or unreadable is tried, too: that says why */
		c->reload_wanted |= digest_file(c->options->config) != c->file_digest;
	}
	/* one plan at a time: the last one has to have been taken first */
	if (!c->reload_wanted || !c->started || c->next.set || c->old.rounds)
		return;
	c->reload_wanted = false;
	reload(c);
	plan_next(c);
}
