/* SPDX-License-Identifier: BSD-3-Clause */
#include "absent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct el_model *m, const struct el_conf_target *t, const char *group,
	       enum el_model_status status)
{
	struct el_model_absent *to;

	if ((m->n_absent & (m->n_absent - 1)) == 0) {
		size_t capacity = m->n_absent ? 2 * (size_t)m->n_absent : 1;
		void *items = realloc(m->absent, capacity * sizeof(*m->absent));

		if (!items)
			return -ENOMEM;
		m->absent = items;
	}
	to = &m->absent[m->n_absent++];
	*to = (struct el_model_absent){.target = strdup(t->name),
				       .group = strdup(group),
				       .family = t->address_family,
				       .state = t->state,
				       .status = status};
	return to->target && to->group ? 0 : -ENOMEM;
}

/* Of a target in no group that there is: one for each that it registers to, else one without. */
static int add_groupless(struct el_model *m, struct membership *membership,
			 const struct el_conf_target *t, size_t n_groups,
			 enum el_model_status status)
{
	int rc = 0;

	if (n_groups + membership->n_missing == 0)
		return add(m, t, "", status);
	for (size_t i = 0; i < t->register_to.count && membership->n_missing && rc == 0; i++)
		if (membership_is_missing(membership, t, i))
			rc = add(m, t, t->register_to.items[i], status);
	return rc;
}

static bool has_series(const struct el_model *m, const struct el_model_target *t, uint8_t family,
		       uint32_t group)
{
	for (uint32_t i = 0; t->family == family && i < t->n_series; i++)
		if (m->series[t->first_series + i].group == group)
			return true;
	return false;
}

/* Of a target whose name another one has, which is probed in its place. */
static int add_duplicate(struct el_model *m, struct membership *membership,
			 const struct el_conf_target *t, const struct el_model_target *other)
{
	size_t n_groups = membership_of(membership, t, true);
	int rc = add_groupless(m, membership, t, n_groups, EL_MODEL_REPEATED_NAME);

	for (uint32_t g = 0; g < m->n_groups && n_groups && rc == 0; g++)
		if (membership->in[g] && !(other && has_series(m, other, t->address_family, g)))
			rc = add(m, t, m->groups[g].name, EL_MODEL_REPEATED_NAME);
	return rc;
}

static int add_duplicates(struct el_model *m, struct membership *membership,
			  const struct el_conf *conf)
{
	struct el_names names;
	int rc = 0;

	el_names_init(&names);
	for (uint32_t i = 0; i < m->n_targets && conf->n_duplicates && rc == 0; i++)
		rc = el_names_add(&names, m->targets[i].name, i, NULL) ? 0 : -ENOMEM;
	for (size_t i = 0; i < conf->n_duplicates && rc == 0; i++) {
		const struct el_names_entry *e = el_names_find(&names, conf->duplicates[i].name);

		rc = add_duplicate(m, membership, &conf->duplicates[i],
				   e ? &m->targets[e->value] : NULL);
	}
	el_names_fini(&names);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct el_model_absent *x = a, *y = b;
	int order = strcmp(x->target, y->target);

	if (order == 0)
		order = strcmp(x->group, y->group);
	return order ? order : x->family - y->family;
}

/* Of the same series, that of a target which is not itself a duplicate first. */
static int compare_all(const void *a, const void *b)
{
	const struct el_model_absent *x = a, *y = b;
	int order = compare(a, b);

	return order ? order : (int)x->status - (int)y->status;
}

static void drop_repeated(struct el_model *m)
{
	uint32_t kept = 0;

	if (m->n_absent)
		qsort(m->absent, m->n_absent, sizeof(*m->absent), compare_all);
	for (uint32_t i = 0; i < m->n_absent; i++) {
		if (kept && compare(&m->absent[kept - 1], &m->absent[i]) == 0) {
			free(m->absent[i].target);
			free(m->absent[i].group);
		} else {
			m->absent[kept++] = m->absent[i];
		}
	}
	m->n_absent = kept;
}

int absent_list(struct el_model *m, struct membership *membership, const struct el_conf *conf)
{
	int rc = 0;

	for (size_t i = 0; i < conf->n_targets && rc == 0; i++) {
		const struct el_conf_target *t = &conf->targets[i];

		rc = add_groupless(m, membership, t, membership_of(membership, t, true),
				   EL_MODEL_NO_GROUP);
	}
	if (rc == 0)
		rc = add_duplicates(m, membership, conf);
	if (rc == 0)
		drop_repeated(m);
	return rc;
}

void absent_fini(struct el_model *m)
{
	for (uint32_t i = 0; i < m->n_absent; i++) {
		free(m->absent[i].target);
		free(m->absent[i].group);
	}
	free(m->absent);
}
