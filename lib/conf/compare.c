/* SPDX-License-Identifier: BSD-3-Clause */
/* What of two configurations differs, by the table. */
#include <math.h>
#include <string.h>

#include "value.h"

static bool equal(const struct conf_key *key, const void *a, const void *b);

static bool equal_maps(const struct conf_map *map, const void *a, const void *b)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		if (!equal(key, conf_const_field(key, a), conf_const_field(key, b)))
			return false;
	}
	return true;
}

static bool equal_texts(const void *a, const void *b)
{
	const char *x, *y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y || (x && y && strcmp(x, y) == 0);
}

static bool equal_numbers(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y || (isnan(x) && isnan(y));
}

static bool equal_prefixes(const struct el_prefix *a, const struct el_prefix *b)
{
	return a->len == b->len && el_ip_equal(&a->ip, &b->ip);
}

static bool equal_lists(const struct conf_key *item, const void *field_a, const void *field_b)
{
	struct conf_array a = conf_array_get(field_a), b = conf_array_get(field_b);
	size_t size = item->map ? item->map->size : item->size;
	const char *x = a.items, *y = b.items;

	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++, x += size, y += size) {
		if (!equal(item, x, y))
			return false;
	}
	return true;
}

static bool equal_named(const struct conf_map *map, const void *field_a, const void *field_b)
{
	struct conf_array a = conf_array_get(field_a), b = conf_array_get(field_b);
	const char *x = a.items, *y = b.items;

	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++, x += map->size, y += map->size) {
		if (!equal_texts(x, y) || !equal_maps(map, x, y)) /* they begin with the name */
			return false;
	}
	return true;
}

static bool equal(const struct conf_key *key, const void *a, const void *b)
{
	switch (key->kind) {
	case CONF_STR:
	case CONF_NAME:
		return equal_texts(a, b);
	case CONF_INT:
	case CONF_ENUM:
	case CONF_TIME:
	case CONF_DURATION:
		return conf_int_get(key, a) == conf_int_get(key, b);
	case CONF_FLOAT:
		return equal_numbers(a, b);
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONF_IP:
		return el_ip_equal(a, b);
	case CONF_PREFIX:
		return equal_prefixes(a, b);
	case CONF_MAC:
		return memcmp(a, b, 6) == 0;
	case CONF_MAP:
		return equal_maps(key->map, a, b);
	case CONF_NAMED:
		return equal_named(key->map, a, b);
	case CONF_LIST:
		return equal_lists(key->item, a, b);
	}
	return true;
}

/* What is asked of a comparison, and where in the configuration it is. */
struct comparison {
	void (*differs)(void *ctx, const char *path);
	void *ctx;
	char path[128];
};

static void compare_restarts(struct comparison *c, const struct conf_map *map, const void *a,
			     const void *b)
{
	size_t len = strlen(c->path);

	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		const void *x = conf_const_field(key, a), *y = conf_const_field(key, b);
		struct el_str path = EL_STR_INIT(c->path);

		path.len = len;
		el_str_addf(&path, "%s%s", len ? "." : "", key->name);
		if (key->restart && !equal(key, x, y))
			c->differs(c->ctx, c->path);
		else if (!key->restart && key->kind == CONF_MAP)
			compare_restarts(c, key->map, x, y);
		c->path[len] = '\0';
	}
}

void el_conf_compare_restarts(const struct el_conf *running, const struct el_conf *other,
			      void (*differs)(void *ctx, const char *path), void *ctx)
{
	struct comparison c = {.differs = differs, .ctx = ctx};

	compare_restarts(&c, &conf_root_map, running, other);
}
