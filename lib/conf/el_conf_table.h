/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Tables of keys by which YAML files are read into structs: the configuration's, which is printed,
 * explained and tested by its table, too (schema.h); a driver profile's; a script's of the
 * simulated peer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_error.h"

enum conf_kind {
	CONF_STR,    /* char *, owned; with `parse` what that makes of it */
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
	/* a map of free names to maps: struct conf_array of structs that begin with the name */
	CONF_NAMED,
	CONF_LIST /* struct conf_array of `item`s */
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
	bool bits;       /* ENUM: the value of a word is or-ed into a uint64_t */
	/* LIST: `max` items are in the struct itself, and behind them a uint32_t with their number.
	 * Items of size 0, which are bits of one field, are not counted. */
	bool fixed;
	uint8_t family; /* IP, PREFIX: 4 or 6; 0: either */
	size_t offset, size;
	double min, max; /* INT, FLOAT: inclusive; LIST: of the number of items; all below 2^53 */
	const char *def; /* YAML text; of a list its items, separated by ", " */
	const char *def_text; /* for the reference, where the default is no constant */
	const char *what;     /* STR: what it is, "a device": it may not be empty then */
	const char *unit;
	const char *help;
	const char *later; /* what happens where the key is used, while it has no effect */
	/* STR: stores what the text says; false: that is not `what` is expected. NULL: the text */
	bool (*parse)(const struct conf_key *key, const char *text, void *field);
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

#define CONF_KEYS_MAX 40

struct conf_map {
	const struct conf_key *keys;
	size_t count;
	size_t size; /* of the struct that a NAMED or LIST holds of it */
	/* Whether a MAP with these keys is in the struct and printed; NULL: if any of them is set.
	 */
	bool (*is_there)(const void *obj);
	/* What one key's row can't say; called once all keys of a map have been read, with the
	 * struct and an entry for each row. May be NULL. */
	void (*check)(struct conf_walk *walk, const struct conf_map *map,
		      const struct conf_entry *entries, void *obj);
};

/* A place in the file, both from 1; line 0: the file as a whole. */
struct conf_pos {
	uint32_t line, col;
};

/* For what a row can't say. */
size_t conf_map_index(const struct conf_map *map, const char *name);
/* Whether a key was given; whether besides nothing was wrong with it. */
bool conf_walk_given(const struct conf_map *map, const struct conf_entry *entries,
		     const char *name);
bool conf_walk_valid(const struct conf_map *map, const struct conf_entry *entries,
		     const char *name);
/* Where the value of a map's key is; if it is not given, where the map is. */
struct conf_pos conf_walk_pos(const struct conf_walk *w, const struct conf_map *map,
			      const struct conf_entry *entries, const char *name);
/* Messages on the key `name` of the map being read (NULL: on the map itself). */
void conf_walk_error(struct conf_walk *w, struct conf_pos pos, const char *name, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));

/* Fills the fields of a map with their defaults. Fields must be zero before. 0 or -ENOMEM. */
int conf_defaults_set(const struct conf_map *map, void *obj);

/* Reads the document `text` (`file` in messages) into a struct that is all zero. 0; or -EINVAL or
 * -ENOMEM, the first error in `err` ("file:line:column: key: ..."), and what the fields own freed.
 */
int el_conf_read(const char *file, const char *text, size_t len, const struct conf_map *map,
		 void *obj, struct el_error *err);

/* A row's field; a member of a list's item is the whole item. */
#define FIELD(type, member)                                                                        \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define ITEM(type) .offset = 0, .size = sizeof(type)
#define MAP(rows) .keys = (rows), .count = sizeof(rows) / sizeof((rows)[0])

#define U32_MAX 4294967295.0

/* What conf_array_get relies on. */
#define IS_ARRAY(type, pointer, number)                                                            \
	_Static_assert(offsetof(struct type, number) ==                                            \
			   offsetof(struct type, pointer) + sizeof(void *),                        \
		       "a list is a pointer and a count")
