/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The table of all keys. The parser, the printer, the reference page, the freeing of a
 * configuration and a test are made from it: a key is added here, and where it needs one, a check
 * in check.c. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "el_conf.h"

enum conf_kind {
	CONF_STR,    /* char *, owned */
	CONF_NAME,   /* the same, of netprobify's name pattern */
	CONF_INT,    /* an integer of `size` bytes */
	CONF_FLOAT,  /* double */
	CONF_BOOL,   /* bool */
	CONF_ENUM,   /* an integer of `size` bytes: the value of a word */
	CONF_IP,     /* struct el_ip; family 0: not set */
	CONF_PREFIX, /* struct el_prefix; the same */
	CONF_MAC,    /* uint8_t[6], of one host; all zero: not set */
	CONF_TIME,   /* int64_t, seconds since 1970, of an RFC 3339 time; EL_CONF_UNSET: not set */
	CONF_DURATION, /* int64_t, seconds, of an integer or "1d 3h 2m"; the same */
	CONF_MAP,      /* a map whose fields are at `offset` of the struct around it */
	CONF_NAMED, /* a map of free names to maps: struct conf_array of structs that begin with the
		       name */
	CONF_LIST   /* struct conf_array of `item`s */
};

struct conf_word {
	const char *text;
	int value;
};

/* How lists stand in struct el_conf: a pointer, then a count. */
struct conf_array {
	void *items;
	size_t count;
};

struct conf_map;

struct conf_key {
	const char *name;
	enum conf_kind kind;
	bool required;
	bool unset;      /* INT, FLOAT: without a default the field is EL_CONF_UNSET or NaN */
	bool deprecated; /* read, but never printed: another key has the same field */
	bool restart;    /* it takes effect when the program starts, and not by a reload */
	bool last_wins;  /* NAMED: a name that is repeated is a warning and the last one counts */
	uint8_t family;  /* IP, PREFIX: 4 or 6; 0: either */
	size_t offset, size;
	double min, max; /* INT, FLOAT: inclusive; LIST: of the number of items; all below 2^53 */
	const char *def; /* YAML text; of a list its items, separated by ", " */
	const char *def_text; /* for the reference, where the default is no constant */
	const char *what;     /* STR: what it is, "a device": it may not be empty then */
	const char *unit;
	const char *help;
	const char *later; /* what happens where the key is used, while it has no effect */
	const struct conf_word *words; /* ENUM; ends with a NULL text */
	const struct conf_map *map;    /* MAP, NAMED, items of a LIST that are maps */
	const struct conf_key *item;   /* LIST */
};

/* Where a key of a map stands in the file; `value` 0: not given (or null, which is the same). */
struct conf_entry {
	uint32_t key, value;
	bool is_wrong; /* an error was found in the value */
};

struct conf_walk;

struct conf_map {
	const struct conf_key *keys;
	size_t count;
	size_t size; /* of the struct that a NAMED or LIST holds of it */
	/* What one key's row can't say; called once all keys of a map have been read, with the
	 * struct and an entry for each row. May be NULL. */
	void (*check)(struct conf_walk *walk, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj);
};

#define CONF_KEYS_MAX 24

extern const struct conf_map conf_root_map, conf_target_map, conf_dataplane_map, conf_port_map;
extern const struct conf_key conf_inventory_key; /* the whole of an inventory's document */

/* The rows of a map that check.c asks for. */
size_t conf_map_index(const struct conf_map *map, const char *name);
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
