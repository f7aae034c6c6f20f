/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents of inventories: what is read from them, what is said about wrong ones. */
#include "unit.h"

#include "el_conf.h"

#define T "type: ICMPping, destination: 192.0.2.1"

static struct el_conf_inventory load_good(const char *text, size_t warnings)
{
	struct el_conf_inventory inventory = {0};
	struct el_conf_diags diags;
	int rc = el_conf_load_inventory("rack7", text, strlen(text), 65536, &inventory, &diags);

	for (size_t i = 0; i < diags.count && (rc < 0 || diags.count != warnings); i++)
		print_error("%s\n", diags.items[i].text);
	assert_int_equal(rc, 0);
	assert_int_equal(diags.count, warnings);
	el_conf_diags_fini(&diags);
	return inventory;
}

static void refuses(const char *text, const char *message)
{
	struct el_conf_inventory inventory = {0};
	struct el_conf_diags diags;
	int rc = el_conf_load_inventory("rack7", text, strlen(text), 65536, &inventory, &diags);

	if (rc != -EINVAL || diags.errors != 1)
		fail_msg("%s: returns %d, %zu errors", text, rc, diags.errors);
	if (strncmp(diags.items[0].text, message, strlen(message)) != 0)
		fail_msg("expected: %s\n     got: %s", message, diags.items[0].text);
	assert_null(inventory.items);
	el_conf_diags_fini(&diags);
}

static void keys_of_inventories(void **state)
{
	struct el_conf_inventory inv =
	    load_good("- hostname: tor-1\n  type: TCPsyn\n  destination: 192.0.2.1\n"
		      "  dst_port: 443\n  nb_packets: 7\n  groups: [a, b]\n"
		      "  explicit_groups: {register_to: [c]}\n  description: mine\n"
		      "  creation_date: 2024-05-01T12:00:00+02:00\n  lifetime: 1d 3h 2m\n"
		      "- {hostname: tor-2, " T "}\n"
		      "- {hostname: tor-3, " T ", groups: [a], auto_register_to_groups: true}\n",
		      0);
	const struct el_conf_inventory_target *t = inv.items;

	(void)state;
	assert_int_equal(inv.count, 3);
	assert_string_equal(t->target.name, "rack7_tor-1");
	assert_string_equal(t->target.description, "from_rack7");
	assert_int_equal(t->target.type, EL_PROBE_TCPSYN);
	assert_int_equal(t->target.address.family, 4);
	assert_int_equal(t->target.nb_packets, 7);
	assert_false(t->target.auto_register_to_groups);
	assert_int_equal(t->target.register_to.count, 3);
	assert_string_equal(t->target.register_to.items[0], "c");
	assert_string_equal(t->target.register_to.items[2], "b");
	assert_int_equal(t->creation_s, 1714557600);
	assert_int_equal(t->lifetime_s, 86400 + 3 * 3600 + 120);
	assert_int_equal(el_conf_inventory_expiry_s(t), 1714557600 + 97320);
	assert_true(t[1].target.auto_register_to_groups);
	assert_int_equal(el_conf_inventory_expiry_s(&t[1]), INT64_MAX);
	assert_int_equal(t[1].target.nb_packets, 1);
	assert_true(t[2].target.auto_register_to_groups);
	assert_int_equal(t[2].target.register_to.count, 1);
	el_conf_inventory_fini(&inv);
}

static void json(void **state)
{
	struct el_conf_inventory inv = load_good(
	    "[\n\t{\t\"hostname\": \"a\",\"type\":\"ICMPping\",\r\n\t\"destination\": "
	    "\"192.0.2.1\",\n\t\"threshold\":{\"latency\":1e-2,\"loss\":0.5},\"state\":null,"
	    "\"dont_fragment\":false,\"lifetime\":60,\"creation_date\":\"1970-01-01T00:00:01Z\",\n"
	    "\t\"description\":\"\\ud83d\\ude00\\/\\\\ud83d \\u00e9\"}\n]\n",
	    0);

	(void)state;
	assert_int_equal(inv.count, 1);
	assert_false(inv.items[0].target.dont_fragment);
	assert_true(inv.items[0].target.threshold_latency_s == 0.01);
	assert_int_equal(el_conf_inventory_expiry_s(inv.items), 61);
	el_conf_inventory_fini(&inv);
	inv = load_good("--- []\n", 0);
	assert_int_equal(inv.count, 0);
	el_conf_inventory_fini(&inv);
	refuses("[{\"hostname\":\"\\ud83d\"}]", "rack7:1:");
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {{"2024-02-29T00:00:00Z", 1709164800},
		    {"2024-02-29t00:00:00.999z", 1709164800},
		    {"\"2024-02-29 01:30:00+01:30\"", 1709164800},
		    {"1969-12-31T23:00:00-01:00", 0}};
	static const char *const bad[] = {"2023-02-29T00:00:00Z",
					  "2024-02-29T00:00:00",
					  "2024-02-29",
					  "2024-13-01T00:00:00Z",
					  "2024-00-01T00:00:00Z",
					  "2024-01-01T24:00:00Z",
					  "1960-01-01T00:00:00Z",
					  "2024-01-01T00:00:00.Z",
					  "2024-01-01T00:00:00Zx",
					  "24-01-01T00:00:00Z",
					  "2024-01-01T00:00:00+1:00",
					  "1714557600",
					  "word"};
	static const struct {
		const char *text;
		int64_t s;
	} durations[] = {{"0", 0},         {"90", 90},          {"\"90\"", 90}, {"1d", 86400},
			 {"2m 1d", 86520}, {"1d3h2m1s", 97321}, {"\" 5s \"", 5}};
	static const char *const wrong[] = {"-1",          "1.5", "\"\"",    "1w",
					    "1d 1d",       "d",   "1d 5",    "5 1d",
					    "9999999999d", "yes", "1h 5s 3", "99999999999"};
	char text[256], message[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "- {hostname: a, " T ", creation_date: %s}",
			 good[i].text);
		struct el_conf_inventory inv = load_good(text, 0);

		assert_int_equal(inv.items[0].creation_s, good[i].s);
		el_conf_inventory_fini(&inv);
	}
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		snprintf(text, sizeof(text),
			 "- {hostname: a, " T
			 ", creation_date: 2024-02-29T00:00:00Z, lifetime: %s}",
			 durations[i].text);
		struct el_conf_inventory inv = load_good(text, 0);

		assert_int_equal(inv.items[0].lifetime_s, durations[i].s);
		el_conf_inventory_fini(&inv);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "- hostname: a\n  creation_date: %s\n  type: ICMPping\n"
			 "  destination: 192.0.2.1",
			 bad[i]);
		refuses(text, "rack7:2:18: [0].creation_date: expected an RFC 3339 time");
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text),
			 "- hostname: a\n  lifetime: %s\n  type: ICMPping\n"
			 "  creation_date: 2024-02-29T00:00:00Z\n  destination: 192.0.2.1",
			 wrong[i]);
		snprintf(message, sizeof(message),
			 "rack7:2:13: [0].lifetime: expected seconds from 0");
		refuses(text, message);
	}
}

static void wrong_documents(void **state)
{
	(void)state;
	refuses("", "rack7: empty: an inventory without targets is []");
	refuses("# nothing\n", "rack7: empty: an inventory without targets is []");
	refuses("~", "rack7:1:1: expected a list, got nothing");
	refuses("hello", "rack7:1:1: expected a list, got \"hello\"");
	refuses("{a: b}", "rack7:1:1: expected a list, got a map");
	refuses("---\n- hello", "rack7:2:3: [0]: expected a map, got \"hello\"");
	refuses("- {" T "}", "rack7:1:3: [0]: missing required key \"hostname\"");
	refuses("- {hostname: a, " T "}\n- {hostname: b, typ: x, " T "}",
		"rack7:2:17: [1]: unknown key \"typ\"; did you mean \"type\"?");
	refuses("- {hostname: A B, " T "}",
		"rack7:1:14: [0].hostname: expected a name of a-z, 0-9, \"_\", \"-\" and \".\"");
	refuses("- {hostname: a, type: TCPsyn, destination: 192.0.2.1}",
		"rack7:1:3: [0]: missing required key \"dst_port\" (TCPsyn needs it)");
	refuses("- {hostname: a, type: ICMPping, destination: 192.0.2.0/24}",
		"rack7:1:46: [0].destination: \"192.0.2.0/24\" is many addresses");
	refuses("- {hostname: a, groups: x, " T "}", "rack7:1:25: [0].groups: expected a list");
	refuses("[{hostname: a", "rack7:2:1: not valid YAML");
	refuses("\x01", "rack7:1:1: byte 0x01: not a text file");
}

static void repeated_hostnames(void **state)
{
	struct el_conf_inventory inv = load_good(
	    "- {hostname: a, nb_packets: 1, " T "}\n- {hostname: b, " T "}\n"
	    "- {hostname: a, nb_packets: 2, " T "}\n- {hostname: a, nb_packets: 3, " T "}\n",
	    2);

	(void)state;
	assert_int_equal(inv.count, 2);
	assert_string_equal(inv.items[0].hostname, "a");
	assert_int_equal(inv.items[0].target.nb_packets, 3);
	assert_string_equal(inv.items[1].hostname, "b");
	assert_int_equal(inv.n_duplicates, 2);
	assert_string_equal(inv.duplicates[1].target.name, "rack7_a");
	assert_int_equal(inv.duplicates[0].target.nb_packets, 1);
	assert_int_equal(inv.duplicates[1].target.nb_packets, 2);
	el_conf_inventory_fini(&inv);
}

static void lifetime_needs_a_date(void **state)
{
	struct el_conf_inventory inv = load_good("- {hostname: a, lifetime: 5, " T "}", 1);

	(void)state;
	assert_int_equal(el_conf_inventory_expiry_s(inv.items), INT64_MAX);
	el_conf_inventory_fini(&inv);
}

static void keys_stay_out_of_static_targets(void **state)
{
	static const char text[] =
	    "{global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, "
	    "prometheus_port: 1, dns_update_interval: 0}, groups: {g: {}},\n"
	    "targets: {t: {" T ", hostname: x}}}";
	struct el_conf_diags diags;
	struct el_conf *conf;

	(void)state;
	assert_int_equal(el_conf_load_buffer("f", text, strlen(text), &conf, &diags), -EINVAL);
	assert_non_null(strstr(diags.items[0].text, "f:2:55: targets.t: unknown key \"hostname\""));
	el_conf_diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_of_inventories),
	    cmocka_unit_test(json),
	    cmocka_unit_test(times),
	    cmocka_unit_test(wrong_documents),
	    cmocka_unit_test(repeated_hostnames),
	    cmocka_unit_test(lifetime_needs_a_date),
	    cmocka_unit_test(keys_stay_out_of_static_targets),
	};
	return cmocka_run_group_tests_name("inventory_conf", tests, NULL, NULL);
}
