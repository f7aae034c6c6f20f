/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The table of all keys. The parser, the printer, the reference page, the freeing of a
 * configuration and a test are made from it: a key is added here, and where it needs one, a check
 * in check.c. */
#include <string.h>

#include "el_conf.h"
#include "el_conf_table.h"

#define CORES_MAX 1023

extern const struct conf_map conf_root_map, conf_target_map, conf_dataplane_map, conf_port_map,
    conf_stamp_map;
extern const struct conf_word conf_stamp_modes[], conf_stamp_timestamps[];
extern const struct conf_key conf_inventory_key; /* the whole of an inventory's document */

/* The row of a map that check.c asks for. */
const struct conf_key *conf_map_key(const struct conf_map *map, const char *name);

/* check.c */
void conf_check_root(struct conf_walk *w, const struct conf_map *map,
		     const struct conf_entry *entries, void *obj);
void conf_check_global(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj);
void conf_check_group(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj);
void conf_check_target(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj);
void conf_check_stamp(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj);
void conf_check_inventory_target(struct conf_walk *w, const struct conf_map *map,
				 const struct conf_entry *entries, void *obj);
void conf_check_port(struct conf_walk *w, const struct conf_map *map,
		     const struct conf_entry *entries, void *obj);
void conf_check_route(struct conf_walk *w, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj);
void conf_check_lcores(struct conf_walk *w, const struct conf_map *map,
		       const struct conf_entry *entries, void *obj);
void conf_check_inventories(struct conf_walk *w, const struct conf_map *map,
			    const struct conf_entry *entries, void *obj);
void conf_check_reflector(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj);
void conf_check_responder(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj);
void conf_check_dataplane(struct conf_walk *w, const struct conf_map *map,
			  const struct conf_entry *entries, void *obj);

/* Fields by their rows. */
static inline void *conf_field(const struct conf_key *key, void *obj)
{
	return (char *)obj + key->offset;
}

static inline const void *conf_const_field(const struct conf_key *key, const void *obj)
{
	return (const char *)obj + key->offset;
}

static inline struct conf_array conf_array_get(const void *field)
{
	struct conf_array a;

	memcpy(&a, field, sizeof(a));
	return a;
}

static inline void conf_array_set(void *field, void *items, size_t count)
{
	struct conf_array a = {items, count};

	memcpy(field, &a, sizeof(a));
}
