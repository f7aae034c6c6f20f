/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_port.h"

#include <errno.h>

static bool allowed_core(const cpu_set_t *allowed, int core)
{
	return core >= 0 && core < CPU_SETSIZE && CPU_ISSET((size_t)core, allowed);
}

static int first_core(const cpu_set_t *allowed)
{
	for (int core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET((size_t)core, allowed))
			return core;
	return -1;
}

/* The cores of a list, at most `max` and each once. */
static int take_configured(const struct el_conf_ints *conf, const char *what, uint32_t max,
			   const cpu_set_t *allowed, int *cores, uint32_t *n, struct el_error *err)
{
	if (conf->count > max)
		return el_error_set(err, -EINVAL, "dataplane.lcores.%s: %zu cores are more than %u",
				    what, conf->count, max);
	*n = 0;
	for (size_t i = 0; i < conf->count; i++) {
		if (!allowed_core(allowed, conf->items[i]))
			return el_error_set(
			    err, -EINVAL,
			    "dataplane.lcores.%s: core %d is not one that this process may use",
			    what, conf->items[i]);
		for (uint32_t j = 0; j < *n; j++)
			if (cores[j] == conf->items[i])
				return el_error_set(err, -EINVAL,
						    "dataplane.lcores.%s: core %d is named twice",
						    what, conf->items[i]);
		cores[(*n)++] = conf->items[i];
	}
	return 0;
}

int el_lcores_choose(const struct el_conf_dataplane *conf, uint32_t max_workers,
		     const cpu_set_t *allowed, struct el_lcores *ret_lcores, struct el_error *err)
{
	struct el_lcores l = {.control = conf->control_core};
	uint32_t n_stats;
	int r;

	if (l.control == EL_CONF_UNSET)
		l.control = first_core(allowed);
	if (!allowed_core(allowed, l.control))
		return el_error_set(
		    err, -EINVAL,
		    "dataplane.lcores.control: core %d is not one that this process may use",
		    l.control);
	r = take_configured(&conf->worker_cores, "workers", EL_LCORES_MAX, allowed, l.workers,
			    &l.n_workers, err);
	if (r == 0)
		r = take_configured(&conf->stats_cores, "stats", 1, allowed, &l.stats, &n_stats,
				    err);
	if (r < 0)
		return r;

	if (n_stats == 0)
		l.stats = l.control;
	if (max_workers == 0)
		max_workers = 1;
	if (conf->worker_cores.count == 0) {
		for (int core = 0; core < CPU_SETSIZE && l.n_workers < EL_LCORES_MAX; core++)
			if (core != l.control && CPU_ISSET((size_t)core, allowed))
				l.workers[l.n_workers++] = core;
		if (l.n_workers == 0)
			l.workers[l.n_workers++] = l.control;
	}
	if (l.n_workers > max_workers)
		l.n_workers = max_workers;
	*ret_lcores = l;
	return 0;
}

bool el_lcores_worker_is_alone(const struct el_lcores *lcores, uint32_t worker)
{
	int core = lcores->workers[worker];

	if (core == lcores->control || core == lcores->stats)
		return false;
	for (uint32_t i = 0; i < lcores->n_workers; i++)
		if (i != worker && core == lcores->workers[i])
			return false;
	return true;
}
