/* SPDX-License-Identifier: BSD-3-Clause */
#include "lists.h"

#include <errno.h>
#include <stdlib.h>

#include "el_names.h"

struct el_inventory_lists {
	int64_t unix_s;
	struct el_conf_target *targets, *duplicates; /* what the last view points to */
	size_t count;
	struct list *items[];
};

struct el_inventory_lists *lists_create(size_t max, int64_t unix_s)
{
	struct el_inventory_lists *l = calloc(1, sizeof(*l) + max * sizeof(struct list *));

	if (l)
		l->unix_s = unix_s;
	return l;
}

void lists_add(struct el_inventory_lists *lists, struct list *list)
{
	lists->items[lists->count++] = list_get(list);
}

void el_inventory_lists_free(struct el_inventory_lists *lists)
{
	if (!lists)
		return;
	for (size_t i = 0; i < lists->count; i++)
		list_put(lists->items[i]);
	free(lists->targets);
	free(lists->duplicates);
	free(lists);
}

/* ---- the view ---- */

struct view {
	struct el_names names;
	struct el_conf_target *targets, *duplicates;
	size_t n_targets, n_duplicates;
	int rc;
};

static void view_add(struct view *v, const struct el_conf_target *t)
{
	int added;
	struct el_names_entry *e = el_names_add(&v->names, t->name, (uint32_t)v->n_targets, &added);

	if (!e) {
		v->rc = -ENOMEM;
		return;
	}
	if (added)
		v->n_targets++;
	else
		v->duplicates[v->n_duplicates++] = v->targets[e->value];
	v->targets[e->value] = *t;
	e->name = t->name;
}

static void view_fill(struct view *v, const struct el_inventory_lists *lists,
		      const struct el_conf *conf)
{
	for (size_t i = 0; i < conf->n_duplicates; i++)
		v->duplicates[v->n_duplicates++] = conf->duplicates[i];
	for (size_t i = 0; i < conf->n_targets && v->rc == 0; i++)
		view_add(v, &conf->targets[i]);
	for (size_t i = 0; i < lists->count; i++) {
		const struct el_conf_inventory *list = &lists->items[i]->inventory;

		for (size_t k = 0; k < list->n_duplicates; k++)
			if (el_conf_inventory_expiry_s(&list->duplicates[k]) > lists->unix_s)
				v->duplicates[v->n_duplicates++] = list->duplicates[k].target;
		for (size_t k = 0; k < list->count && v->rc == 0; k++)
			if (el_conf_inventory_expiry_s(&list->items[k]) > lists->unix_s)
				view_add(v, &list->items[k].target);
	}
}

int el_inventory_targets(struct el_inventory_lists *lists, const struct el_conf *conf,
			 struct el_conf *ret_view)
{
	size_t n_targets = conf->n_targets, n_duplicates = conf->n_duplicates;
	struct view v = {.rc = 0};

	for (size_t i = 0; i < lists->count; i++) {
		n_targets += lists->items[i]->inventory.count;
		n_duplicates += lists->items[i]->inventory.n_duplicates;
	}
	v.targets = calloc(n_targets + 1, sizeof(*v.targets));
	v.duplicates = calloc(n_duplicates + n_targets + 1, sizeof(*v.duplicates));
	el_names_init(&v.names);
	if (v.targets && v.duplicates)
		view_fill(&v, lists, conf);
	else
		v.rc = -ENOMEM;
	el_names_fini(&v.names);
	if (v.rc < 0) {
		free(v.targets);
		free(v.duplicates);
		return v.rc;
	}
	free(lists->targets);
	free(lists->duplicates);
	lists->targets = v.targets;
	lists->duplicates = v.duplicates;
	*ret_view = *conf;
	ret_view->targets = v.targets;
	ret_view->n_targets = v.n_targets;
	ret_view->duplicates = v.duplicates;
	ret_view->n_duplicates = v.n_duplicates;
	return 0;
}
