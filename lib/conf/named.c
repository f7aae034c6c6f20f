/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps of free names to maps: groups and targets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "el_names.h"
#include "value.h"
#include "walk.h"

static void add_one(struct conf_entries *e, uint32_t key, uint32_t value, bool merged)
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
static void walk_item(struct conf_walk *w, const struct conf_key *key,
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
static size_t walk_entries(struct conf_walk *w, const struct conf_key *key,
			   const struct conf_entries *e, char *items, uint32_t *key_nodes)
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
		walk_item(w, key, &e->slots[i], items + known->value * key->map->size);
		count += (size_t)added;
	}
	el_names_fini(&names);
	return count;
}

void conf_walk_named(struct conf_walk *w, const struct conf_key *key, uint32_t node, void *field)
{
	struct conf_entries e = {.w = w, .add = add_one};
	uint32_t *key_nodes = NULL;
	char *items = NULL;

	if (conf_walk_kind(w, node) != CONF_NODE_MAP) {
		conf_walk_wrong_kind(w, "a map", node);
		return;
	}
	conf_each_entry(&e, node);
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
