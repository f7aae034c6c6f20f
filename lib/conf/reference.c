/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of all keys as a page for people. */
#include "value.h"

#include "el_str.h"

static const char *type_name(const struct conf_key *key)
{
	static const char *const names[] = {
	    [CONF_STR] = "string",        [CONF_NAME] = "name",      [CONF_INT] = "integer",
	    [CONF_FLOAT] = "number",      [CONF_BOOL] = "boolean",   [CONF_ENUM] = "word",
	    [CONF_IP] = "address",        [CONF_PREFIX] = "prefix",  [CONF_MAP] = "map",
	    [CONF_NAMED] = "map",         [CONF_LIST] = "list",      [CONF_TIME] = "time",
	    [CONF_DURATION] = "duration", [CONF_MAC] = "MAC address"};

	return names[key->kind];
}

static void add_type(const struct conf_key *key, struct el_str *out)
{
	el_str_add(out, type_name(key));
	if (key->kind == CONF_LIST)
		el_str_addf(out, " of %s",
			    key->item->kind == CONF_MAP ? "maps" : type_name(key->item));
}

static void add_range(const struct conf_key *key, struct el_str *out)
{
	char expected[192];

	if (key->kind == CONF_ENUM)
		el_str_add(out, conf_value_expected(key, expected, sizeof(expected)));
	else if (key->kind == CONF_INT)
		el_str_addf(out, "%.0f to %.0f", key->min, key->max);
	else if (key->kind == CONF_FLOAT)
		el_str_addf(out, "%.10g to %.10g", key->min, key->max);
	else if (key->family)
		el_str_addf(out, "IPv%u", key->family);
}

static void add_default(const struct conf_key *key, struct el_str *out)
{
	if (key->kind == CONF_LIST && key->def)
		el_str_addf(out, "[%s]", key->def);
	else if (key->def || key->def_text)
		el_str_add(out, key->def ? key->def : key->def_text);
}

/* `restart`: a map that the key is in needs one. */
static void tell_key(const struct conf_key *key, const char *path, bool restart,
		     const struct el_conf_reference *to)
{
	char type[64], range[192], def[128], meaning[512];
	struct el_str t = EL_STR_INIT(type), r = EL_STR_INIT(range), d = EL_STR_INIT(def),
		      m = EL_STR_INIT(meaning);

	type[0] = range[0] = def[0] = '\0';
	add_type(key, &t);
	add_range(key->kind == CONF_LIST ? key->item : key, &r);
	add_default(key, &d);
	el_str_add(&m, key->help ? key->help : "");
	if (key->later)
		el_str_addf(&m, " (%s)", key->later);
	if (key->restart || restart)
		el_str_add(&m, "; needs a restart");
	to->key(to->ctx, &(struct el_conf_reference_key){.path = path,
							 .type = type,
							 .range = range,
							 .def = def,
							 .required = key->required,
							 .unit = key->unit ? key->unit : "",
							 .meaning = meaning});
}

static void tell_section(const struct conf_map *map, const char *title,
			 const struct el_conf_reference *to);

/* Keys of a map, and of the maps within it under dotted names. */
static void tell_keys(const struct conf_map *map, const char *prefix, bool restart,
		      const struct el_conf_reference *to)
{
	char path[128];

	for (size_t i = 0; i < map->count; i++) {
		struct el_str s = EL_STR_INIT(path);

		el_str_addf(&s, "%s%s%s", prefix, *prefix ? "." : "", map->keys[i].name);
		if (map->keys[i].kind == CONF_MAP)
			tell_keys(map->keys[i].map, path, map->keys[i].restart, to);
		else
			tell_key(&map->keys[i], path, restart, to);
	}
}

static void tell_sections_below(const struct conf_map *map, const char *title,
				const struct el_conf_reference *to)
{
	char path[128];

	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		struct el_str s = EL_STR_INIT(path);

		el_str_addf(&s, "%s.%s[]", title, key->name);
		if (key->kind == CONF_LIST && key->item->map)
			tell_section(key->item->map, path, to);
	}
}

static void tell_section(const struct conf_map *map, const char *title,
			 const struct el_conf_reference *to)
{
	to->section(to->ctx, title);
	tell_keys(map, "", false, to);
	tell_sections_below(map, title, to);
}

void el_conf_tell_reference(const struct el_conf_reference *to)
{
	char title[64];

	for (size_t i = 0; i < conf_root_map.count; i++) {
		const struct conf_key *key = &conf_root_map.keys[i];
		struct el_str s = EL_STR_INIT(title);

		el_str_addf(&s, "%s%s%s", key->name, key->kind == CONF_NAMED ? ".NAME" : "",
			    key->required ? " (required)" : "");
		tell_section(key->map, title, to);
	}
	tell_section(conf_inventory_key.item->map, "targets of a dynamic inventory", to);
}

/* ---- in Markdown ---- */

static void print_section(void *ctx, const char *title)
{
	fprintf(ctx,
		"\n## %s\n\n| key | type | range | default | unit | meaning |\n| --- | --- | --- | "
		"--- | --- | --- |\n",
		title);
}

static void print_key(void *ctx, const struct el_conf_reference_key *key)
{
	fprintf(ctx, "| `%s` | %s | %s | %s | %s | %s |\n", key->path, key->type, key->range,
		key->required ? "required" : key->def, key->unit, key->meaning);
}

void el_conf_print_reference(FILE *out)
{
	fputs("# Configuration\n\nOne YAML document. An unknown key anywhere is an error; names "
	      "are of a-z, 0-9, `_`, `-` "
	      "and `.`.\n",
	      out);
	el_conf_tell_reference(
	    &(struct el_conf_reference){.section = print_section, .key = print_key, .ctx = out});
}
