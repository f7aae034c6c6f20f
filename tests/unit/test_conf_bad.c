/* SPDX-License-Identifier: BSD-3-Clause */
/* For each key there is a file in tests/data/conf/bad, KEY.yaml, with a document for each way to
 * get it wrong, which begins with "--- # WAY: ". What must exist follows from the table;
 * test_conf.c compares what is said. */
#include "unit.h"

#include "conf_rows.h"
#include "el_str.h"

/* A way to get a key wrong, and a part of what is said then. */
struct way {
	const char *name, *says;
};

static const struct way scalar_ways[] = {
    {"list", "got a list"}, {"map", "got a map"}, {NULL, NULL}};
static const struct way number_ways[] = {
    {"word", "got \""}, {"quoted", "quotes"}, {"below", "got "}, {"above", "got "}, {NULL, NULL}};
static const struct way int_ways[] = {{"fraction", "got 1.5"}, {NULL, NULL}};
static const struct way float_ways[] = {{"nan", "got .nan"}, {NULL, NULL}};
static const struct way string_ways[] = {
    {"number", "(write it in quotes)"}, {"bool", "(write it in quotes)"}, {NULL, NULL}};
static const struct way empty_ways[] = {{"empty", "got \"\""}, {NULL, NULL}};
static const struct way name_ways[] = {
    {"pattern", "got \""}, {"long", "at most 255 characters"}, {NULL, NULL}};
static const struct way bool_ways[] = {
    {"word", "got \""}, {"number", "got 1"}, {"quoted", "without quotes"}, {NULL, NULL}};
static const struct way word_ways[] = {{"word", "got \""}, {"number", "got 1"}, {NULL, NULL}};
static const struct way address_ways[] = {
    {"word", "got \""}, {"number", "got 10"}, {"malformed", "got \""}, {NULL, NULL}};
static const struct way ip_ways[] = {{"prefix", "/"}, {NULL, NULL}};
static const struct way prefix_ways[] = {{"length", "/"}, {NULL, NULL}};
static const struct way family_ways[] = {{"family", "got \""}, {NULL, NULL}};
static const struct way mac_ways[] = {
    {"word", "got \""}, {"number", "got 10"},  {"short", "got "}, {"long", "got \""},
    {"zero", "00:00"},  {"multicast", "got "}, {NULL, NULL}};
static const struct way time_ways[] = {
    {"word", "got \""}, {"number", "got "}, {"malformed", "got \""}, {NULL, NULL}};
static const struct way duration_ways[] = {{"word", "got \""},
					   {"below", "got -1"},
					   {"above", "got "},
					   {"malformed", "got \""},
					   {NULL, NULL}};
static const struct way map_ways[] = {
    {"scalar", "expected a map, got "}, {"list", "expected a map, got a list"}, {NULL, NULL}};
static const struct way list_ways[] = {
    {"scalar", "expected a list, got "}, {"map", "expected a list, got a map"}, {NULL, NULL}};
static const struct way short_list_ways[] = {{"long", "at most 1 item, got 2"}, {NULL, NULL}};
static const struct way unknown_ways[] = {{"unknown", "unknown key"}, {NULL, NULL}};
static const struct way named_ways[] = {{"name-pattern", "expected a name"},
					{"name-empty", "got \"\""},
					{"name-long", "at most 255 characters"},
					{"name-list", "got a list"},
					{"entry-null", "got nothing"},
					{"entry-list", "got a list"},
					{"entry-scalar", "expected a map, got \""},
					{NULL, NULL}};
static const struct way named_twice_ways[] = {{"name-twice", "used in line"}, {NULL, NULL}};
static const struct way item_ways[] = {{"null", "got nothing"}, {NULL, NULL}};
static const struct way key_ways[] = {
    {"twice", "set twice, first in line"}, {"misspelt", "did you mean"}, {NULL, NULL}};
static const struct way required_ways[] = {
    {"missing", "missing required key"}, {"null", "required, but it has no value"}, {NULL, NULL}};

#define WAYS_MAX 8

/* The ways of a value; returns how many lists of them there are. */
static size_t ways_of_value(const struct conf_key *key, const struct way *ret[WAYS_MAX])
{
	bool is_number = key->kind == CONF_INT || key->kind == CONF_FLOAT;
	bool is_address = key->kind == CONF_IP || key->kind == CONF_PREFIX;
	bool is_list = key->kind == CONF_LIST, is_named = key->kind == CONF_NAMED;
	bool is_map = key->kind == CONF_MAP || is_named;
	const struct {
		bool applies;
		const struct way *ways;
	} all[] = {{!is_list && !is_map, scalar_ways},
		   {is_number, number_ways},
		   {key->kind == CONF_INT, int_ways},
		   {key->kind == CONF_FLOAT, float_ways},
		   {key->kind == CONF_STR || key->kind == CONF_NAME, string_ways},
		   {key->kind == CONF_NAME || key->what, empty_ways},
		   {key->kind == CONF_NAME, name_ways},
		   {key->kind == CONF_BOOL, bool_ways},
		   {key->kind == CONF_ENUM, word_ways},
		   {is_address, address_ways},
		   {key->kind == CONF_IP, ip_ways},
		   {key->kind == CONF_PREFIX, prefix_ways},
		   {key->family, family_ways},
		   {key->kind == CONF_MAC, mac_ways},
		   {key->kind == CONF_TIME, time_ways},
		   {key->kind == CONF_DURATION, duration_ways},
		   {is_map, map_ways},
		   {is_list, list_ways},
		   {is_list && key->max == 1, short_list_ways},
		   {is_map || (is_list && key->item->map), unknown_ways},
		   {is_named, named_ways},
		   {is_named && !key->last_wins, named_twice_ways}};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_true(n < WAYS_MAX);
		if (all[i].applies)
			ret[n++] = all[i].ways;
	}
	return n;
}

static size_t n_documents, n_missing;

/* There is a document of this way, and one of the lines that it begins with tells of it and the
 * key.
 */
static void check_wrong_document(const char *path, const char *prefix, const struct way *way,
				 const char *name)
{
	char file[512], begin[64], line[1024];
	bool here = false, there = false, found = false;
	FILE *in;

	snprintf(file, sizeof(file), "%s/conf/bad/%s.yaml", EL_TEST_DATA, path);
	snprintf(begin, sizeof(begin), "--- # %s%s: ", prefix, way->name);
	n_documents++;
	in = fopen(file, "r");
	while (in && !found && fgets(line, sizeof(line), in)) {
		bool begins = strncmp(line, begin, strlen(begin)) == 0;
		const char *said = line + (begins ? strlen(begin) : 0);

		there |= begins;
		here = begins || (here && strncmp(line, "#: ", 3) == 0);
		found = here && strstr(said, name) && strstr(said, way->says);
	}
	if (in)
		fclose(in);
	if (found)
		return;
	print_error("%s: %s%s: %s\n", file, prefix, way->name,
		    there ? "doesn't begin with what is said about it" : "missing");
	n_missing++;
}

static void check_wrong_documents(const char *path, const char *prefix, const struct way *ways,
				  const char *name)
{
	for (; ways->name; ways++)
		check_wrong_document(path, prefix, ways, name);
}

/* The documents of a row: `path` is its place without names and numbers, `name` what messages on it
 * hold. */
static void check_wrong_value(const char *path, const char *prefix, const struct conf_key *key,
			      const char *name)
{
	const struct way *ways[WAYS_MAX];
	size_t n = ways_of_value(key, ways);

	for (size_t i = 0; i < n; i++)
		check_wrong_documents(path, prefix, ways[i], name);
}

static void check_wrong_row(const char *path, const struct conf_key *key, const char *name)
{
	check_wrong_value(path, "", key, name);
	if (key->kind != CONF_LIST)
		return;
	check_wrong_documents(path, "item-", item_ways, name);
	if (key->item->map)
		check_wrong_documents(path, "item-", map_ways, name);
	else
		check_wrong_value(path, "item-", key->item, name);
}

static void check_wrong_key(const char *parent, const struct conf_key *key)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "." : "", key->name);
	check_wrong_row(path, key, key->name);
	check_wrong_documents(path, "", key_ways, key->name);
	if (key->required)
		check_wrong_documents(path, "", required_ways, key->name);
}

static void check_wrong_path(const struct path *path, const struct conf_key *key)
{
	char text[256];
	struct el_str parent = EL_STR_INIT(text);

	text[0] = '\0';
	for (size_t i = 0; i + 1 < path->count; i++)
		el_str_addf(&parent, "%s%s", i ? "." : "", path->rows[i]->name);
	check_wrong_key(text, key);
}

/* One for each key and each way to get it wrong; test_conf.c reads them. */
static void every_key_has_its_wrong_documents(void **state)
{
	const struct conf_map *inventory = conf_inventory_key.item->map;
	struct path path = {0};

	(void)state;
	each_row(&conf_root_map, &path, check_wrong_path);
	check_wrong_row("inventory", &conf_inventory_key, "");
	/* the keys before are those of targets */
	for (size_t i = conf_target_map.count; i < inventory->count; i++)
		check_wrong_key("inventory", &inventory->keys[i]);
	if (n_missing)
		fail_msg("%zu of %zu documents are missing or wrong", n_missing, n_documents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_has_its_wrong_documents),
	};
	return cmocka_run_group_tests_name("conf_bad", tests, NULL, NULL);
}
