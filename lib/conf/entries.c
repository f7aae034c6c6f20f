/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of a map, with those of merged maps (https://yaml.org/type/merge.html): netprobify's
 * users may write `<<: *defaults`, for PyYAML reads it. */
#include <string.h>

#include "walk.h"

static void each_entry(struct conf_entries *e, uint32_t map_node, size_t depth);

static bool is_merge(const struct conf_walk *w, uint32_t key)
{
	struct conf_scalar s;

	if (conf_walk_kind(w, key) != CONF_NODE_SCALAR)
		return false;
	s = conf_walk_scalar(w, key);
	return s.plain && strcmp(s.text, "<<") == 0;
}

/* The value of `<<`: a map or a list of maps. */
static void each_merged(struct conf_entries *e, uint32_t value, size_t depth)
{
	const struct conf_node *n = conf_tree_node(e->w->tree, value);

	if (depth >= CONF_TREE_DEPTH_MAX) {
		conf_walk_error(e->w, n->pos, NULL, "maps merged with \"<<\" more than %d deep",
				CONF_TREE_DEPTH_MAX);
		return;
	}
	if (n->kind == CONF_NODE_MAP) {
		each_entry(e, value, depth + 1);
		return;
	}
	if (n->kind != CONF_NODE_LIST) {
		conf_walk_wrong_kind(e->w, "a map or a list of maps after \"<<\"", value);
		return;
	}
	for (uint32_t i = n->first; i; i = e->w->tree->nodes[i].next) {
		if (conf_walk_kind(e->w, i) == CONF_NODE_MAP)
			each_entry(e, i, depth + 1);
		else
			conf_walk_wrong_kind(e->w, "a map to merge", i);
	}
}

static void each_entry(struct conf_entries *e, uint32_t map_node, size_t depth)
{
	const struct conf_tree *tree = e->w->tree;
	uint32_t first = conf_tree_node(tree, map_node)->first, value;
	bool merges = false;

	for (uint32_t key = first; key; key = tree->nodes[value].next) {
		value = tree->nodes[key].next;
		if (is_merge(e->w, key))
			merges = true;
		else if (conf_walk_kind(e->w, key) != CONF_NODE_SCALAR)
			conf_walk_wrong_kind(e->w, "a name as key", key);
		else
			e->add(e, key, value, depth > 0);
	}
	if (!merges)
		return;
	for (uint32_t key = first; key; key = tree->nodes[value].next) {
		value = tree->nodes[key].next;
		if (is_merge(e->w, key))
			each_merged(e, value, depth);
	}
}

void conf_each_entry(struct conf_entries *e, uint32_t map_node)
{
	each_entry(e, map_node, 0);
}
