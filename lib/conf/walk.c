/* SPDX-License-Identifier: BSD-3-Clause */
#include "walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "el_names.h"
#include "el_str.h"
#include "value.h"

/* Maps of up to so many keys have them listed where none is near to one that is unknown. */
#define KEYS_SHOWN_MAX 15

static char *path_text(const struct conf_walk *w, const char *last, char *buf, size_t cap)
{
	struct el_str out;
	char part[160];

	el_str_init(&out, buf, cap);
	for (size_t i = 0; i < w->depth && i < CONF_PATH_MAX; i++) {
		if (!w->path[i].name) {
			el_str_addf(&out, "[%zu]", w->path[i].index);
			continue;
		}
		conf_escape(w->path[i].name, strlen(w->path[i].name), 100, part, sizeof(part));
		el_str_addf(&out, "%s%s", i ? "." : "", part);
	}
	if (last)
		el_str_addf(&out, "%s%s", w->depth ? "." : "", last);
	return buf;
}

void conf_walk_error(struct conf_walk *w, struct conf_pos pos, const char *name, const char *fmt,
		     ...)
{
	char path[512];
	va_list args;

	if (w->diags->errors >= CONF_DIAG_ERRORS_MAX) {
		w->diags->errors++;
		return;
	}
	va_start(args, fmt);
	conf_diag_add(w->diags, true, pos, path_text(w, name, path, sizeof(path)), fmt, args);
	va_end(args);
}

void conf_walk_warn(struct conf_walk *w, struct conf_pos pos, const char *name, const char *topic,
		    const char *fmt, ...)
{
	char path[512];
	va_list args;

	if (!conf_diag_repeat(w->diags, topic))
		return;
	va_start(args, fmt);
	conf_diag_add(w->diags, false, pos, path_text(w, name, path, sizeof(path)), fmt, args);
	va_end(args);
}

bool conf_walk_given(const struct conf_map *map, const struct conf_entry *entries, const char *name)
{
	return entries[conf_map_index(map, name)].value != 0;
}

bool conf_walk_valid(const struct conf_map *map, const struct conf_entry *entries, const char *name)
{
	const struct conf_entry *e = &entries[conf_map_index(map, name)];

	return e->value && !e->is_wrong;
}

struct conf_pos conf_walk_pos(const struct conf_walk *w, const struct conf_map *map,
			      const struct conf_entry *entries, const char *name)
{
	uint32_t value = entries[conf_map_index(map, name)].value;

	return value ? w->tree->nodes[value].pos : w->place;
}

struct conf_pos conf_walk_item_pos(const struct conf_walk *w, const struct conf_map *map,
				   const struct conf_entry *entries, const char *name, size_t index)
{
	const struct conf_tree *tree = w->tree;
	uint32_t i = conf_tree_node(tree, entries[conf_map_index(map, name)].value)->first;

	while (index--)
		i = tree->nodes[i].next;
	return tree->nodes[i].pos;
}

/* Null is as good as absent, as it is to netprobify's validation. */
static bool is_null(const struct conf_walk *w, uint32_t node)
{
	struct conf_scalar s;

	if (conf_walk_kind(w, node) != CONF_NODE_SCALAR)
		return false;
	s = conf_walk_scalar(w, node);
	return conf_scalar_resolve(&s).type == CONF_SCALAR_NULL;
}

void conf_walk_wrong_kind(struct conf_walk *w, const char *expected, uint32_t node)
{
	char got[192] = "a list";
	struct conf_scalar s;

	if (conf_walk_kind(w, node) == CONF_NODE_SCALAR) {
		s = conf_walk_scalar(w, node);
		conf_scalar_show(&s, got, sizeof(got));
	} else if (conf_walk_kind(w, node) == CONF_NODE_MAP) {
		snprintf(got, sizeof(got), "a map");
	}
	conf_walk_error(w, w->tree->nodes[node].pos, NULL, "expected %s, got %s", expected, got);
}

void conf_walk_enter(struct conf_walk *w, const char *name, size_t index)
{
	/* the table is not that deep; were it, the path of a message would be short of its end */
	if (w->depth < CONF_PATH_MAX) {
		w->path[w->depth].name = name;
		w->path[w->depth].index = index;
	}
	w->depth++;
}

void conf_walk_leave(struct conf_walk *w)
{
	w->depth--;
}

/* The keys of a map, with those of the maps it merges in (https://yaml.org/type/merge.html):
 * netprobify's users may write `<<: *defaults`, for PyYAML reads it. add() is called for the map's
 * own keys, then for those that are `merged` in, which lose to these. */
struct entries {
	struct conf_walk *w;
	void (*add)(struct entries *e, uint32_t key, uint32_t value, bool merged);
	const struct conf_map *map;
	struct conf_entry *slots;
	size_t count, n_own, capacity;
};

static void each_entry(struct entries *e, uint32_t map_node, size_t depth);

static bool is_merge(const struct conf_walk *w, uint32_t key)
{
	struct conf_scalar s;

	if (conf_walk_kind(w, key) != CONF_NODE_SCALAR)
		return false;
	s = conf_walk_scalar(w, key);
	return s.plain && strcmp(s.text, "<<") == 0;
}

/* The value of `<<`: a map or a list of maps. */
static void each_merged(struct entries *e, uint32_t value, size_t depth)
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

static void each_entry(struct entries *e, uint32_t map_node, size_t depth)
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

static void unknown_key(struct conf_walk *w, const struct conf_map *map, uint32_t key)
{
	const char *names[CONF_KEYS_MAX], *nearest;
	struct conf_scalar s = conf_walk_scalar(w, key);
	char shown[192], list[256] = "";
	struct el_str known = EL_STR_INIT(list);

	if (w->diags->errors >= CONF_DIAG_ERRORS_MAX) {
		w->diags->errors++; /* not shown, so not worth the search */
		return;
	}
	for (size_t i = 0; i < map->count; i++)
		names[i] = map->keys[i].name;
	nearest = el_nearest(s.text, names, map->count);
	conf_escape(s.text, s.len, 60, shown, sizeof(shown));
	for (size_t i = 0; i < map->count && map->count <= KEYS_SHOWN_MAX; i++)
		el_str_addf(&known, "%s%s",
			    i == 0               ? "; expected "
			    : i + 1 < map->count ? ", "
						 : " or ",
			    names[i]);
	if (nearest)
		conf_walk_error(w, w->tree->nodes[key].pos, NULL,
				"unknown key \"%s\"; did you mean \"%s\"?", shown, nearest);
	else
		conf_walk_error(w, w->tree->nodes[key].pos, NULL, "unknown key \"%s\"%s", shown,
				list);
}

static void add_known(struct entries *e, uint32_t key, uint32_t value, bool merged)
{
	struct conf_walk *w = e->w;
	struct conf_scalar s = conf_walk_scalar(w, key);
	size_t i = conf_map_index(e->map, s.text);

	if (i == e->map->count || strlen(s.text) != s.len) {
		unknown_key(w, e->map, key);
		return;
	}
	if (!e->slots[i].key) {
		e->slots[i] = (struct conf_entry){.key = key, .value = value};
		return;
	}
	if (!merged)
		conf_walk_error(w, w->tree->nodes[key].pos, s.text, "set twice, first in line %u",
				w->tree->nodes[e->slots[i].key].pos.line);
}

static void set_scalar(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field)
{
	struct conf_scalar s;
	struct el_error err;
	char expected[192];
	int rc;

	if (conf_walk_kind(w, node) != CONF_NODE_SCALAR) {
		conf_walk_wrong_kind(w, conf_value_expected(key, expected, sizeof(expected)), node);
		return;
	}
	s = conf_walk_scalar(w, node);
	rc = conf_value_set(key, &s, field, &err);
	if (rc == -EINVAL)
		conf_walk_error(w, w->tree->nodes[node].pos, NULL, "%s", err.text);
	else if (rc < 0)
		w->rc = rc;
}

/* A map in a list. */
static void walk_item(struct conf_walk *w, const struct conf_map *map, uint32_t node, void *obj)
{
	struct conf_pos outer = w->place;

	w->place = w->tree->nodes[node].pos;
	conf_walk_map(w, map, node, obj);
	w->place = outer;
}

static void walk_list(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field)
{
	const struct conf_node *n = conf_tree_node(w->tree, node);
	const struct conf_key *item = key->item;
	size_t size = item->size, i = 0;
	char *items;

	if (n->kind != CONF_NODE_LIST) {
		conf_walk_wrong_kind(w, "a list", node);
		return;
	}
	if (n->count > key->max) {
		conf_walk_error(w, w->tree->nodes[node].pos, NULL,
				"expected at most %.0f item%s, got %u", key->max,
				key->max > 1 ? "s" : "", n->count);
		return;
	}
	if (!n->count)
		return;
	items = key->fixed ? field : calloc(n->count, size);
	if (!items) {
		w->rc = -ENOMEM;
		return;
	}
	if (!key->fixed)
		conf_array_set(field, items, n->count);
	else if (size)
		memcpy(items + (size_t)key->max * size, &n->count, sizeof(n->count));
	for (uint32_t child = n->first; child && w->rc == 0;
	     child = w->tree->nodes[child].next, i++) {
		conf_walk_enter(w, NULL, i);
		if (item->map)
			walk_item(w, item->map, child, items + i * size);
		else
			set_scalar(w, item, child, items + i * size);
		conf_walk_leave(w);
	}
}

/* Maps of free names to maps: groups and targets. */

static void add_any(struct entries *e, uint32_t key, uint32_t value, bool merged)
{
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? 2 * e->capacity : 64;
		void *slots = realloc(e->slots, capacity * sizeof(*e->slots));

		if (!slots) {
			e->w->rc = -ENOMEM;
			return;
		}
		e->slots = slots;
		e->capacity = capacity;
	}
	e->slots[e->count++] = (struct conf_entry){.key = key, .value = value};
	e->n_own += !merged;
}

static void check_name(struct conf_walk *w, uint32_t key)
{
	static const struct conf_key name = {.kind = CONF_NAME, .size = sizeof(char *)};
	struct conf_scalar s = conf_walk_scalar(w, key);
	struct el_error err;
	char *copy = NULL;

	s.plain = false; /* a name may look like a number */
	if (conf_value_set(&name, &s, &copy, &err) == -EINVAL)
		conf_walk_error(w, w->tree->nodes[key].pos, NULL, "%s", err.text);
	free(copy);
}

/* One entry into `item`, which is all zero. */
static void walk_named_item(struct conf_walk *w, const struct conf_key *key,
			    const struct conf_entry *entry, void *item)
{
	struct conf_scalar s = conf_walk_scalar(w, entry->key);
	struct conf_pos outer = w->place;
	char *name;

	check_name(w, entry->key);
	name = strdup(s.text);
	if (!name) {
		w->rc = -ENOMEM;
		return;
	}
	memcpy(item, &name, sizeof(name));
	conf_walk_enter(w, s.text, 0);
	w->place = w->tree->nodes[entry->key].pos;
	conf_walk_map(w, key->map, entry->value, item);
	w->place = outer;
	conf_walk_leave(w);
}

static void release_item(const struct conf_map *map, void *item)
{
	char *name;

	conf_map_release(map, item);
	memcpy(&name, item, sizeof(name));
	free(name);
	memset(item, 0, map->size);
}

void conf_named_fini(struct conf_named *named)
{
	for (size_t i = 0; i < named->count; i++)
		release_item(named->map, named->items + i * named->map->size);
	free(named->items);
	*named = (struct conf_named){0};
}

/* Takes an item, which is all zero then, to the duplicates. */
static void keep_duplicate(struct conf_walk *w, const struct conf_map *map, void *item)
{
	struct conf_named *d = w->duplicates;

	if ((d->count & (d->count - 1)) == 0) {
		size_t capacity = d->count ? 2 * d->count : 1;
		char *items = realloc(d->items, capacity * map->size);

		if (!items) {
			w->rc = -ENOMEM;
			return;
		}
		d->items = items;
		d->map = map;
	}
	memcpy(d->items + d->count++ * map->size, item, map->size);
	memset(item, 0, map->size);
}

/* A name for the second time: an error, or for targets a warning, and the newer one counts: `item`,
 * the older one, gives its place. */
static void repeated_name(struct conf_walk *w, const struct conf_key *key, uint32_t node,
			  uint32_t first, void *item)
{
	const char *name = conf_walk_scalar(w, node).text;
	struct conf_pos pos = w->tree->nodes[node].pos;
	uint32_t line = w->tree->nodes[first].pos.line;

	conf_walk_enter(w, name, 0);
	if (key->last_wins)
		conf_walk_warn(w, pos, NULL, "repeated names",
			       "this name was used in line %u already; the last one counts", line);
	else
		conf_walk_error(w, pos, NULL, "this name was used in line %u already", line);
	conf_walk_leave(w);
	if (key->last_wins)
		keep_duplicate(w, key->map, item);
	release_item(key->map, item); /* if it is still there */
}

/* Reads the entries into `items`, which has room for all; returns how many different ones there
 * are. */
static size_t walk_entries(struct conf_walk *w, const struct conf_key *key, const struct entries *e,
			   char *items, uint32_t *key_nodes)
{
	struct el_names names;
	size_t count = 0;

	el_names_init(&names);
	for (size_t i = 0; i < e->count && w->rc == 0; i++) {
		const char *name = conf_walk_scalar(w, e->slots[i].key).text;
		struct el_names_entry *known;
		int added;

		known = el_names_add(&names, name, (uint32_t)count, &added);
		if (!known) {
			w->rc = -ENOMEM;
			break;
		}
		if (!added && i >= e->n_own)
			continue; /* from a merged map: loses */
		if (!added)
			repeated_name(w, key, e->slots[i].key, key_nodes[known->value],
				      items + known->value * key->map->size);
		key_nodes[known->value] = e->slots[i].key;
		walk_named_item(w, key, &e->slots[i], items + known->value * key->map->size);
		count += (size_t)added;
	}
	el_names_fini(&names);
	return count;
}

static void walk_named(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field)
{
	struct entries e = {.w = w, .add = add_any};
	uint32_t *key_nodes = NULL;
	char *items = NULL;

	if (conf_walk_kind(w, node) != CONF_NODE_MAP) {
		conf_walk_wrong_kind(w, "a map", node);
		return;
	}
	each_entry(&e, node, 0);
	if (e.count > key->max) {
		conf_walk_error(w, w->tree->nodes[node].pos, NULL, "%zu %s: expected at most %.0f",
				e.count, key->name, key->max);
	} else if (e.count && w->rc == 0) {
		items = calloc(e.count, key->map->size);
		key_nodes = calloc(e.count, sizeof(*key_nodes));
		if (items && key_nodes)
			conf_array_set(field, items, walk_entries(w, key, &e, items, key_nodes));
		else
			w->rc = -ENOMEM;
		if (!key_nodes)
			free(items);
	}
	free(key_nodes);
	free(e.slots);
}

void conf_walk_value(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field)
{
	switch (key->kind) {
	case CONF_MAP:
		conf_walk_map(w, key->map, node, field);
		break;
	case CONF_NAMED:
		walk_named(w, key, node, field);
		break;
	case CONF_LIST:
		walk_list(w, key, node, field);
		break;
	default:
		set_scalar(w, key, node, field);
	}
}

/* A key whose effect comes later is said to have none where it is used: set to something else than
 * "off". */
static void warn_of_later(struct conf_walk *w, const struct conf_key *key, uint32_t node,
			  const void *field)
{
	bool is_off = false;

	if (!key->later)
		return;
	if (key->kind == CONF_LIST)
		is_off = conf_array_get(field).count == 0;
	else if (key->kind == CONF_BOOL || (key->kind == CONF_INT && !key->unset))
		is_off = conf_int_get(key, field) == 0;
	if (!is_off)
		conf_walk_warn(w, w->tree->nodes[node].pos, NULL, key->name, "%s", key->later);
}

static void walk_key(struct conf_walk *w, const struct conf_key *key, struct conf_entry *entry,
		     void *obj)
{
	size_t errors = w->diags->errors;

	if (entry->value && is_null(w, entry->value)) {
		if (key->required)
			conf_walk_error(w, w->tree->nodes[entry->key].pos, key->name,
					"required, but it has no value");
		entry->value = 0;
	} else if (!entry->key && key->required) {
		conf_walk_error(w, w->place, NULL, "missing required key \"%s\"", key->name);
	}
	if (!entry->value) {
		if (conf_default_set(key, obj) < 0)
			w->rc = -ENOMEM;
		return;
	}
	conf_walk_enter(w, key->name, 0);
	conf_walk_value(w, key, entry->value, conf_field(key, obj));
	entry->is_wrong = w->diags->errors != errors;
	if (!entry->is_wrong)
		warn_of_later(w, key, entry->value, conf_field(key, obj));
	conf_walk_leave(w);
}

void conf_walk_map(struct conf_walk *w, const struct conf_map *map, uint32_t node, void *obj)
{
	struct conf_entry slots[CONF_KEYS_MAX] = {{0}};
	struct entries e = {.w = w, .add = add_known, .map = map, .slots = slots};

	if (conf_walk_kind(w, node) != CONF_NODE_MAP) {
		conf_walk_wrong_kind(w, "a map", node);
		return;
	}
	each_entry(&e, node, 0);
	for (size_t i = 0; i < map->count && w->rc == 0; i++)
		walk_key(w, &map->keys[i], &slots[i], obj);
	if (map->check && w->rc == 0)
		map->check(w, map, slots, obj);
}
