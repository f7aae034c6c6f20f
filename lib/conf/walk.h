/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Reads a tree into structs by the table. */
#include "schema.h"
#include "tree.h"

#define CONF_PATH_MAX 12

/* Items of a map of names, each of which begins with its name. */
struct conf_named {
	const struct conf_map *map;
	char *items; /* [count], map->size each */
	size_t count;
};

struct conf_walk {
	const struct conf_tree *tree;
	struct conf_diag_list *diags;
	/* the keys that lead to the value being read; a NULL name is a list's item number `index`
	 */
	struct {
		const char *name;
		size_t index;
	} path[CONF_PATH_MAX];
	size_t depth;
	struct conf_pos place;         /* of the map being read: of its name, where it has one */
	struct conf_named *duplicates; /* of names where the last one counts: all but that */
	struct conf_pos group_payload; /* the first `ip_payload_size` of a group, and which group */
	const char *group_payload_name;
	const uint32_t *max_addresses; /* of a target; 0: it is wrong, which has been said */
	const char *inventory;         /* whose document is read; NULL: a configuration */
	int rc;                        /* -ENOMEM once memory ran out; nothing is read after that */
};

/* Reads one map into a struct that is all zero but for its name. */
void conf_walk_map(struct conf_walk *w, const struct conf_map *map, uint32_t node, void *obj);

/* Reads what stands for a key into its field. */
void conf_walk_value(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field);

/* Frees them; empty ones are fine. */
void conf_named_fini(struct conf_named *named);

/* `topic` (compared as a pointer) names warnings that say the same of many places, of which only
 * the first are shown. */
void conf_walk_warn(struct conf_walk *w, struct conf_pos pos, const char *name, const char *topic,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* "expected ..., got a list" */
void conf_walk_wrong_kind(struct conf_walk *w, const char *expected, uint32_t node);

/* The path grows by a name (which stays the caller's), or for NULL by a list's item, and shrinks.
 */
void conf_walk_enter(struct conf_walk *w, const char *name, size_t index);
void conf_walk_leave(struct conf_walk *w);

/* Where item number `index` of a list is, which the map has at `name`. */
struct conf_pos conf_walk_item_pos(const struct conf_walk *w, const struct conf_map *map,
				   const struct conf_entry *entries, const char *name,
				   size_t index);

static inline struct conf_scalar conf_walk_scalar(const struct conf_walk *w, uint32_t node)
{
	return conf_tree_scalar(w->tree, conf_tree_node(w->tree, node));
}

static inline enum conf_node_kind conf_walk_kind(const struct conf_walk *w, uint32_t node)
{
	return conf_tree_node(w->tree, node)->kind;
}
