/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Goes through the rows of the table of all keys. */
#include "schema.h"

#define DEPTH 6

/* The rows that lead to a key. */
struct path {
	const struct conf_key *rows[DEPTH];
	size_t count;
};

static inline void each_row(const struct conf_map *map, struct path *path,
			    void (*visit)(const struct path *, const struct conf_key *))
{
	assert_true(map->count <= CONF_KEYS_MAX && path->count < DEPTH);
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];

		path->rows[path->count++] = key;
		visit(path, key);
		if (key->map)
			each_row(key->map, path, visit);
		else if (key->item && key->item->map)
			each_row(key->item->map, path, visit);
		path->count--;
	}
}
