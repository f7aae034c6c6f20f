/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds table, parser, printer and reference page together: for each row of the table a document is
 * made that sets just this key. */
#include "unit.h"

#include "conf_rows.h"
#include "el_conf.h"
#include "el_str.h"

static const char *sample(const struct conf_key *key)
{
	static char text[64];

	if (key->name && strcmp(key->name, "destination") == 0)
		return "192.0.2.1";
	if (key->name && strcmp(key->name, "prometheus_address") == 0)
		return "192.0.2.1";
	if (key->name && strcmp(key->name, "user") == 0)
		return "root";
	switch (key->kind) {
	case CONF_INT:
		snprintf(text, sizeof(text), "%.0f", key->min > 0 ? key->min : 1);
		return text;
	case CONF_FLOAT:
		return "1.5";
	case CONF_BOOL:
		return key->def && strcmp(key->def, "true") == 0 ? "false" : "true";
	case CONF_ENUM:
		return strcmp(key->name, "type") == 0 ? "ICMPping" : key->words[0].text;
	case CONF_IP:
		return key->family == 6 ? "\"2001:db8::1\"" : "192.0.2.1";
	case CONF_PREFIX:
		return key->family == 6 ? "\"2001:db8::/64\"" : "192.0.2.0/24";
	case CONF_MAC:
		return "02:00:00:00:00:01";
	case CONF_LIST:
		return key->item->kind == CONF_INT      ? "[5]"
		       : key->item->kind == CONF_IP     ? "[192.0.2.1]"
		       : key->item->kind == CONF_PREFIX ? "[192.0.2.1/24]"
		       : key->item->kind == CONF_MAP    ? "[]"
							: "[a]";
	default:
		return "a";
	}
}

static void write_map(struct el_str *out, const struct conf_map *map, const struct path *path,
		      size_t depth, const char *value);

static void write_value(struct el_str *out, const struct conf_key *key, const struct path *path,
			size_t depth, const char *value)
{
	if (path && depth == path->count) {
		el_str_add(out, value);
	} else if (key->kind == CONF_MAP) {
		write_map(out, key->map, path, depth, value);
	} else if (key->kind == CONF_NAMED) {
		el_str_add(out, "{x: ");
		write_map(out, key->map, path, depth, value);
		el_str_addc(out, '}');
	} else if (key->kind == CONF_LIST && path) {
		el_str_addc(out, '[');
		write_map(out, key->item->map, path, depth, value);
		el_str_addc(out, ']');
	} else {
		el_str_add(out, sample(key));
	}
}

/* What has to be there besides the key on the path. */
static void write_needed(struct el_str *out, const char *name)
{
	static const struct {
		const char *key, *needs;
	} all[] = {
	    /* next hops are on a port's link */
	    {"gateways", "addresses: [192.0.2.254/24, '2001:db8::fffe/64'], "},
	    {"routes", "addresses: [192.0.2.254/24, '2001:db8::fffe/64'], "},
	    /* the kernel does not have them */
	    {"accept_ra", "addresses: ['fe80::10/64'], "},
	    {"outer_vlan", "vlan: 1, "},
	    /* who is answered is said */
	    {"icmp", "allow: [192.0.2.0/24], "},
	    {"tcp_ports", "allow: [192.0.2.0/24], "},
	    {"udp", "allow: [192.0.2.0/24], "},
	    {"mode", "key_file: /etc/key, "},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].key, name) == 0)
			el_str_add(out, all[i].needs);
	}
}

/* What is needed by a key of a name that occurs twice. */
static void write_needed_in(struct el_str *out, const struct conf_map *map, const char *name)
{
	if (strcmp(name, "stamp") == 0 && map != &conf_target_map)
		el_str_add(out, "allow: [192.0.2.0/24], ");
}

/* A map with its required keys and the one that the path leads to; NULL for no path. */
static void write_map(struct el_str *out, const struct conf_map *map, const struct path *path,
		      size_t depth, const char *value)
{
	const struct conf_key *on_path = path && depth < path->count ? path->rows[depth] : NULL;

	el_str_addc(out, '{');
	if (on_path) {
		write_needed(out, on_path->name);
		write_needed_in(out, map, on_path->name);
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_key *key = &map->keys[i];
		bool is_port_range = strncmp(key->name, "src_port_", 9) == 0;

		if (key != on_path && !key->required && !is_port_range)
			continue;
		if (key == on_path && !value && depth + 1 == path->count)
			continue;
		el_str_addf(out, "%s: ", key->name);
		if (key == on_path)
			write_value(out, key, path, depth + 1, value);
		else if (is_port_range)
			el_str_add(out, key->name[9] == 'a' ? "1" : "65535");
		else if (on_path && on_path->map == &conf_stamp_map &&
			 strcmp(key->name, "type") == 0)
			el_str_add(out, "STAMP");
		else
			write_value(out, key, NULL, 0, NULL);
		el_str_add(out, ", ");
	}
	el_str_addc(out, '}');
}

/* "targets.x.threshold.latency" */
static void path_text(const struct path *path, struct el_str *out)
{
	for (size_t i = 0; i < path->count; i++) {
		const struct conf_key *key = path->rows[i];

		el_str_addf(out, "%s%s", i ? "." : "", key->name);
		if (i + 1 == path->count)
			break;
		if (key->kind == CONF_NAMED)
			el_str_add(out, ".x");
		else if (key->kind == CONF_LIST)
			el_str_add(out, "[0]");
	}
}

static int load(const struct path *path, const char *value, struct el_conf **ret_conf,
		struct el_conf_diags *diags)
{
	static char text[2 << 20];
	struct el_str out = EL_STR_INIT(text);
	int rc;

	*ret_conf = NULL;
	write_map(&out, &conf_root_map, path, 0, value);
	assert_false(out.truncated);
	rc = el_conf_load_buffer("f", text, out.len, ret_conf, diags);
	if (diags->count && getenv("EL_TEST_VERBOSE"))
		print_message("%s\n  %s\n", text, diags->items[0].text);
	return rc;
}

static void accepts(const struct path *path, const char *value)
{
	struct el_conf_diags diags;
	struct el_conf *conf;

	if (load(path, value, &conf, &diags) < 0)
		fail_msg("%s: refused: %s", value ? value : "(absent)", diags.items[0].text);
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

static char *print_with(const struct path *path, const char *value)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (load(path, value, &conf, &diags) < 0)
		fail_msg("%s", diags.items[0].text);
	el_conf_print(conf, out);
	fclose(out);
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
	return text;
}

static void check_default(const struct path *path, const struct conf_key *key)
{
	char list[128], *absent, *given;

	if (!key->def)
		return;
	snprintf(list, sizeof(list), key->kind == CONF_LIST ? "[%s]" : "%s", key->def);
	absent = print_with(path, NULL);
	given = print_with(path, list);
	assert_string_equal(absent, given);
	free(absent);
	free(given);
}

static void check_row(const struct path *path, const struct conf_key *key)
{
	char text[64];

	if (!key->required)
		accepts(path, "~");
	check_default(path, key);
	switch (key->kind) {
	case CONF_INT:
	case CONF_FLOAT:
		snprintf(text, sizeof(text), "%.17g", key->min);
		accepts(path, text);
		snprintf(text, sizeof(text), "%.17g", key->max);
		accepts(path, text);
		break;
	case CONF_BOOL:
		accepts(path, "Off");
		accepts(path, "yes");
		break;
	case CONF_MAC:
		accepts(path, sample(key));
		accepts(path, "10:20:30:40:50:06"); /* a number of base 60 in YAML 1.1 */
		break;
	case CONF_LIST:
		accepts(path, "[]");
		accepts(path, sample(key));
		break;
	case CONF_MAP:
	case CONF_NAMED:
		break;
	default:
		accepts(path, sample(key));
	}
}

/* Exactly one error, on this key, that says `why`. */
static void refuses(const struct path *path, const char *value, const char *why)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	char text[256];
	struct el_str key = EL_STR_INIT(text);

	path_text(path, &key);
	if (load(path, value, &conf, &diags) != -EINVAL)
		fail_msg("%s: \"%.40s...\" is accepted", text, value);
	if (diags.errors != 1 || !strstr(diags.items[0].text, text) ||
	    !strstr(diags.items[0].text, why))
		fail_msg("%s: expected \"%s\" in: %s", text, why, diags.items[0].text);
	el_conf_diags_fini(&diags);
}

/* What is too long for a file that shows it. */
static void check_size(const struct path *path, const struct conf_key *key)
{
	static char value[1 << 20];
	struct el_str out = EL_STR_INIT(value);

	if (key->kind == CONF_STR) {
		for (size_t i = 0; i < 4097; i++)
			el_str_addc(&out, 'a');
		refuses(path, value, "expected at most 4096 characters, got 4097");
	} else if (key->kind == CONF_LIST) {
		char why[64];

		for (double i = 0; i <= key->max; i++)
			el_str_add(&out, i == 0 ? "[1" : ", 1");
		el_str_addc(&out, ']');
		snprintf(why, sizeof(why), "expected at most %.0f item%s, got %.0f", key->max,
			 key->max > 1 ? "s" : "", key->max + 1);
		refuses(path, value, why);
	}
	assert_false(out.truncated);
}

static void sizes_are_bounded(void **state)
{
	struct path path = {0};

	(void)state;
	each_row(&conf_root_map, &path, check_size);
}

static void check_later(const struct path *path, const struct conf_key *key)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	bool found = false;

	if (!key->later)
		return;
	assert_int_equal(load(path, sample(key), &conf, &diags), 0);
	for (size_t i = 0; i < diags.count; i++)
		found |= strstr(diags.items[i].text, key->later) != NULL;
	if (!found)
		fail_msg("%s: no warning that it has no effect yet", key->name);
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

static void rows_and_parser_agree(void **state)
{
	struct path path = {0};

	(void)state;
	each_row(&conf_root_map, &path, check_row);
}

static void rows_without_effect_say_so(void **state)
{
	struct path path = {0};

	(void)state;
	each_row(&conf_root_map, &path, check_later);
}

/* Two values of a key that are not the same, of a list as long as each other. */
static const char *value_of(const struct conf_key *key, bool second)
{
	static char text[64];

	switch (key->kind) {
	case CONF_INT:
		snprintf(text, sizeof(text), "%.0f", second ? key->max : key->min);
		return text;
	case CONF_FLOAT:
		return second ? "0.5" : "0.25";
	case CONF_BOOL:
		/* the second is not the default */
		return second == (key->def && strcmp(key->def, "true") == 0) ? "false" : "true";
	case CONF_ENUM:
		return second ? key->words[1].text : sample(key);
	case CONF_IP:
		return second ? key->family == 6 ? "\"2001:db8::2\"" : "192.0.2.2" : sample(key);
	case CONF_PREFIX:
		return second ? key->family == 6 ? "\"2001:db9::/64\"" : "198.51.100.0/24"
			      : sample(key);
	case CONF_MAC:
		return second ? "02:00:00:00:00:02" : sample(key);
	case CONF_LIST:
		return !second                          ? sample(key)
		       : key->item->kind == CONF_INT    ? "[6]"
		       : key->item->kind == CONF_IP     ? "[192.0.2.2]"
		       : key->item->kind == CONF_PREFIX ? "[192.0.2.2/24]"
							: "[b]";
	default:
		return !second ? sample(key) : strchr(sample(key), '.') ? "192.0.2.2" : "b";
	}
}

struct differences {
	size_t n;
	char last[128];
};

static void note_difference(void *ctx, const char *path)
{
	struct differences *d = ctx;

	d->n++;
	snprintf(d->last, sizeof(d->last), "%s", path);
}

/* Compares the configurations with two values of a key (NULL: without it): the key that needs a
 * restart where they differ (empty: none), which is one at most. False if they can't be had: the
 * rest of the file does not go with a value. */
static bool compare(const struct path *path, const char *a, const char *b, char ret_path[128])
{
	struct differences d = {0}, same = {0};
	struct el_conf_diags diags;
	struct el_conf *conf[2] = {0};
	const char *values[2] = {a, b};
	bool loaded = true;

	for (int i = 0; i < 2; i++) {
		loaded = load(path, values[i], &conf[i], &diags) == 0 && loaded;
		el_conf_diags_fini(&diags);
	}
	if (loaded) {
		el_conf_compare_restarts(conf[0], conf[1], note_difference, &d);
		el_conf_compare_restarts(conf[0], conf[0], note_difference, &same);
	}
	assert_int_equal(same.n, 0);
	assert_true(d.n <= 1);
	memcpy(ret_path, d.last, sizeof(d.last));
	el_conf_put(conf[0]);
	el_conf_put(conf[1]);
	return loaded;
}

/* Another value anywhere at or below a key that needs a restart is found, and no other is. */
static void check_restart(const struct path *path, const struct conf_key *key)
{
	char text[256], second[64], found[128];
	struct el_str at = EL_STR_INIT(text);
	const struct conf_key *restart = NULL;

	if (key->map || (key->kind == CONF_LIST && key->item->map))
		return; /* by what they hold */
	for (size_t i = 0; i < path->count && !restart; i++) {
		el_str_addf(&at, "%s%s", i ? "." : "", path->rows[i]->name);
		if (path->rows[i]->restart)
			restart = path->rows[i];
	}
	snprintf(second, sizeof(second), "%s", value_of(key, true));
	if (!compare(path, value_of(key, false), second, found))
		assert_null(restart);
	assert_string_equal(found, restart ? text : "");
	if (!key->required && !compare(path, second, NULL, found))
		assert_null(restart);
	assert_string_equal(found, restart ? text : "");
}

static void what_needs_a_restart_is_found(void **state)
{
	static const char *const keys[] = {
	    "global.nb_proc",       "global.prometheus_port", "global.prometheus_address",
	    "dataplane.huge_pages", "dataplane.eal_args",     "dataplane.lcores",
	    "dataplane.ports"};
	struct path path = {0};
	size_t n = 0;

	(void)state;
	each_row(&conf_root_map, &path, check_restart);
	for (size_t i = 0; i < conf_root_map.count; i++) {
		const struct conf_map *map = conf_root_map.keys[i].map;
		for (size_t k = 0; k < map->count; k++) {
			char text[128];

			snprintf(text, sizeof(text), "%s.%s", conf_root_map.keys[i].name,
				 map->keys[k].name);
			for (size_t e = 0; e < sizeof(keys) / sizeof(keys[0]); e++)
				n += map->keys[k].restart && strcmp(text, keys[e]) == 0;
		}
	}
	assert_int_equal(n, sizeof(keys) / sizeof(keys[0]));
}

static char *reference;

static void check_reference(const struct path *path, const struct conf_key *key)
{
	char row[128], section[160];
	struct el_str s = EL_STR_INIT(section);
	const char *at;

	if (key->kind == CONF_MAP || key->kind == CONF_NAMED)
		return;
	/* the section of the innermost map that has one, then the row in it */
	el_str_addf(&s, "\n## %s", path->rows[0]->name);
	at = strstr(reference, section);
	assert_non_null(at);
	snprintf(row, sizeof(row), "%s` | ", key->name);
	at = strstr(at, row);
	if (!at)
		fail_msg("%s is not in the reference", key->name);
	assert_true(key->help && *key->help);
	if (!strstr(at, key->help))
		fail_msg("%s: its help is not in the reference", key->name);
	for (size_t i = 0; i < path->count; i++) {
		bool listed = path->rows[i]->kind == CONF_LIST && i + 1 < path->count;
		const char *said = strstr(at, "needs a restart");
		/* the items of a list have a table of their own */
		if (path->rows[i]->restart && !listed && (!said || said > strchr(at, '\n')))
			fail_msg("%s: the reference does not say that it needs a restart",
				 key->name);
	}
}

static void reference_has_every_row(void **state)
{
	struct path path = {0};
	size_t len;
	FILE *out = open_memstream(&reference, &len);

	(void)state;
	el_conf_print_reference(out);
	fclose(out);
	each_row(&conf_root_map, &path, check_reference);
	/* each line of a table has as many cells as its head */
	for (char *line = strtok(reference, "\n"); line; line = strtok(NULL, "\n")) {
		int bars = 0;

		for (const char *p = line; *p; p++)
			bars += *p == '|';
		assert_true(bars == 0 || bars == 7);
	}
	free(reference);
}

/* netprobify's schema: nothing of it may be missing. */
static void netprobify_keys_are_known(void **state)
{
	static const char *const keys[][20] = {
	    {"global", "probe_name", "interval", "interval_packets", "nb_proc", "verbose",
	     "logging_level", "prometheus_port", "prometheus_address", "dns_update_interval",
	     "reload_conf_interval", "l3_raw_socket", "timeout", "percentile",
	     "disable_dynamic_inventories", NULL},
	    {"groups", "src_ip", "src_ipv4", "src_ipv6", "src_subnet_ipv4", "src_subnet_ipv6",
	     "src_port_a", "src_port_z", "ip_payload_size", "dscp", "permit_target_auto_register",
	     NULL},
	    {"targets", "type", "destination", "description", "address_family", "dont_fragment",
	     "is_subnet", "dst_port", "nb_packets", "ip_payload_size", "threshold", "alert_level",
	     "state", "timeout", "dns_update_interval", "auto_register_to_groups",
	     "explicit_groups", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct conf_key *section = conf_map_key(&conf_root_map, keys[i][0]);

		assert_non_null(section);
		for (size_t k = 1; keys[i][k]; k++)
			if (!conf_map_key(section->map, keys[i][k]))
				fail_msg("%s.%s is not in the table", keys[i][0], keys[i][k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_and_parser_agree),
	    cmocka_unit_test(sizes_are_bounded),
	    cmocka_unit_test(rows_without_effect_say_so),
	    cmocka_unit_test(reference_has_every_row),
	    cmocka_unit_test(netprobify_keys_are_known),
	    cmocka_unit_test(what_needs_a_restart_is_found),
	};
	return cmocka_run_group_tests_name("conf_table", tests, NULL, NULL);
}
