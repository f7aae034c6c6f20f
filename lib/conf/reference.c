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

static void print_range(const struct conf_key *key, FILE *out)
{
	char expected[192];

	if (key->kind == CONF_ENUM)
		fputs(conf_value_expected(key, expected, sizeof(expected)), out);
	else if (key->kind == CONF_INT)
		fprintf(out, "%.0f to %.0f", key->min, key->max);
	else if (key->kind == CONF_FLOAT)
		fprintf(out, "%.10g to %.10g", key->min, key->max);
	else if (key->family)
		fprintf(out, "IPv%u", key->family);
}

/* `restart`: a map that the key is in needs one. */
static void print_row(const struct conf_key *key, const char *path, bool restart, FILE *out)
{
	fprintf(out, "| `%s` | %s", path, type_name(key));
	if (key->kind == CONF_LIST)
		fprintf(out, " of %s", key->item->kind == CONF_MAP ? "maps" : type_name(key->item));
	fputs(" | ", out);
	print_range(key->kind == CONF_LIST ? key->item : key, out);
	if (key->kind == CONF_LIST && key->def)
		fprintf(out, " | [%s]", key->def);
	else
		fprintf(out, " | %s",
			key->required   ? "required"
			: key->def      ? key->def
			: key->def_text ? key->def_text
					: "");
	fprintf(out, " | %s | %s%s%s%s%s |\n", key->unit ? key->unit : "",
		key->help ? key->help : "", key->later ? " (" : "", key->later ? key->later : "",
		key->later ? ")" : "", key->restart || restart ? "; needs a restart" : "");
}

static void print_section(const struct conf_map *map, const char *title, FILE *out);

/* Rows of a map, and of the maps within it under dotted names. */
static void print_rows(const struct conf_map *map, const char *prefix, bool restart, FILE *out)
{
	char path[128];

	for (size_t i = 0; i < map->count; i++) {
		struct el_str s = EL_STR_INIT(path);

		el_str_addf(&s, "%s%s%s", prefix, *prefix ? "." : "", map->keys[i].name);
		if (map->keys[i].kind == CONF_MAP)
			print_rows(map->keys[i].map, path, map->keys[i].restart, out);
		else
			print_row(&map->keys[i], path, restart, out);
	}
}

static void print_sections_below(const struct conf_map *map, const char *title, FILE *out)
{
	char path[128];

	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		struct el_str s = EL_STR_INIT(path);

		el_str_addf(&s, "%s.%s[]", title, key->name);
		if (key->kind == CONF_LIST && key->item->map)
			print_section(key->item->map, path, out);
	}
}

static void print_section(const struct conf_map *map, const char *title, FILE *out)
{
	fprintf(out,
		"\n## %s\n\n| key | type | range | default | unit | meaning |\n| --- | --- | --- | "
		"--- | --- | --- |\n",
		title);
	print_rows(map, "", false, out);
	print_sections_below(map, title, out);
}

void el_conf_print_reference(FILE *out)
{
	char title[64];

	fputs("# Configuration\n\nOne YAML document. An unknown key anywhere is an error; names "
	      "are of a-z, 0-9, `_`, `-` "
	      "and `.`.\n",
	      out);
	for (size_t i = 0; i < conf_root_map.count; i++) {
		const struct conf_key *key = &conf_root_map.keys[i];
		struct el_str s = EL_STR_INIT(title);

		el_str_addf(&s, "%s%s%s", key->name, key->kind == CONF_NAMED ? ".NAME" : "",
			    key->required ? " (required)" : "");
		print_section(key->map, title, out);
	}
	print_section(conf_inventory_key.item->map, "targets of a dynamic inventory", out);
}
