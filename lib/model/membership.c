/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int membership_init(struct membership *m, const struct el_conf *conf)
{
	m->conf = conf;
	m->in = calloc(conf->n_groups ? conf->n_groups : 1, sizeof(*m->in));
	el_names_init(&m->groups);
	if (!m->in)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_groups; i++)
		if (!el_names_add(&m->groups, conf->groups[i].name, (uint32_t)i, NULL))
			return -ENOMEM;
	return 0;
}

void membership_fini(struct membership *m)
{
	el_names_fini(&m->groups);
	free(m->in);
	m->in = NULL;
}

bool membership_is_missing(const struct membership *m, const struct el_conf_target *target,
			   size_t i)
{
	const char *name = target->register_to.items[i];

	if (el_names_find(&m->groups, name))
		return false;
	for (size_t k = 0; k < target->exclude_from.count; k++)
		if (strcmp(target->exclude_from.items[k], name) == 0)
			return false;
	return true;
}

size_t membership_of(struct membership *m, const struct el_conf_target *target, bool quiet)
{
	size_t count = 0;

	m->n_missing = 0;
	for (size_t i = 0; i < m->conf->n_groups; i++)
		m->in[i] = target->auto_register_to_groups &&
			   m->conf->groups[i].permit_target_auto_register;
	for (size_t i = 0; i < target->register_to.count; i++) {
		const char *name = target->register_to.items[i];
		const struct el_names_entry *group = el_names_find(&m->groups, name);

		m->n_missing += membership_is_missing(m, target, i);
		if (group)
			m->in[group->value] = true;
		else if (!quiet)
			el_log(EL_LOG_WARNING, "model",
			       "target %s: there is no group %s to register to", target->name,
			       name);
	}
	for (size_t i = 0; i < target->exclude_from.count; i++) {
		const char *name = target->exclude_from.items[i];
		const struct el_names_entry *group = el_names_find(&m->groups, name);

		if (group && m->in[group->value])
			m->in[group->value] = false;
		else if (!quiet)
			el_log(EL_LOG_INFO, "model",
			       "target %s: not in group %s that it is excluded from", target->name,
			       name);
	}
	for (size_t i = 0; i < m->conf->n_groups; i++)
		count += m->in[i];
	return count;
}
