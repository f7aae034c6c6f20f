/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations from files: what is read, what is said about wrong ones, what is printed. */
#include "unit.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "el_conf.h"
#include "el_names.h"

#define DATA EL_TEST_DATA "/conf/"

static struct el_conf *load_good(const char *name, size_t warnings)
{
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	int rc = el_conf_load(name, &conf, &diags);

	for (size_t i = 0; i < diags.count && (rc < 0 || diags.count != warnings); i++)
		print_error("%s\n", diags.items[i].text);
	assert_int_equal(rc, 0);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.count, warnings);
	el_conf_diags_fini(&diags);
	return conf;
}

static char *print(const struct el_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	el_conf_print(conf, out);
	fclose(out);
	return text;
}

static void example_of_netprobify(void **state)
{
	struct el_conf *c = load_good(DATA "netprobify-example.yaml", 0);
	const struct el_conf_target *t = c->targets;

	(void)state;
	assert_string_equal(c->global.probe_name, "lab");
	assert_int_equal(c->global.interval_s, 30);
	assert_true(c->global.interval_packets_s == 0.01);
	assert_int_equal(c->global.logging_level, EL_LOG_INFO);
	assert_int_equal(c->global.percentiles.count, 3);
	assert_int_equal(c->global.percentiles.items[2], 99);
	assert_string_equal(c->global.prometheus_address, "0.0.0.0");
	assert_int_equal(c->n_groups, 3);
	assert_string_equal(c->groups[1].name, "transit2");
	assert_int_equal(c->groups[1].dscp, 11);
	assert_false(c->groups[1].permit_target_auto_register);
	assert_int_equal(c->groups[2].src_port_a, 65100);
	assert_int_equal(c->groups[2].src_ipv4.family, 4);
	assert_int_equal(c->groups[0].src_ipv4.family, 0);
	assert_int_equal(c->n_targets, 4);
	assert_string_equal(t[0].description, "search, front");
	assert_int_equal(t[0].type, EL_PROBE_TCPSYN);
	assert_int_equal(t[0].dst_port, 443);
	assert_int_equal(t[0].alert_level, EL_ALERT_PAGING);
	assert_int_equal(t[0].state, EL_STATE_PRODUCTION);
	assert_true(t[0].threshold_latency_s == 0.1 && t[0].threshold_loss == 0.01);
	assert_string_equal(t[0].register_to.items[0], "transit2");
	assert_true(isnan(t[1].threshold_loss));
	assert_string_equal(t[2].description, "search_icmp");
	assert_int_equal(t[2].ip_payload_size, 64);
	assert_false(t[2].dont_fragment);
	assert_int_equal(t[2].address.family, 4);
	assert_int_equal(t[3].ip_payload_size, EL_CONF_UNSET);
	assert_int_equal(t[3].dns_update_interval_s, EL_CONF_UNSET);
	assert_false(t[3].auto_register_to_groups);
	assert_int_equal(t[3].address_family, 4);
	el_conf_put(c);
}

static void every_key_is_read(void **state)
{
	struct el_conf *c = load_good(DATA "all-keys.yaml", 3);
	const struct el_conf_responder *r = &c->dataplane.responder;
	const struct el_conf_port *p = c->dataplane.ports;
	const struct el_conf_stamp *s = &c->targets[1].stamp;
	char buf[EL_IP_STRLEN];

	(void)state;
	assert_true(c->global.l3_raw_socket && c->global.verbose);
	assert_string_equal(c->global.disable_dynamic_inventories.items[1], "external links");
	assert_string_equal(c->dataplane.inventories_directory, "/etc/echolane/inventories");
	assert_string_equal(c->dataplane.inventories_user, "nobody");
	/* src_ipv4 wins over src_ip; host bits of a source subnet are masked */
	assert_string_equal(el_ip_format(&c->groups[0].src_ipv4, buf), "192.0.2.2");
	assert_string_equal(el_prefix_format(&c->groups[0].src_subnet_ipv4, buf),
			    "198.51.100.0/24");
	assert_string_equal(c->groups[0].port, "wan0");
	assert_int_equal(c->groups[0].port_line, 24);
	assert_int_equal(c->groups[0].port_col, 11);
	assert_string_equal(c->targets[0].description, "café \"x\"\n\u2028\U0001F600 é");
	assert_int_equal(c->targets[0].address.family, 0);
	assert_int_equal(s->mode, EL_CONF_STAMP_AUTHENTICATED);
	assert_string_equal(s->key_file, "/etc/echolane/peers.key");
	assert_int_equal(s->key_line, 54);
	assert_int_equal(s->key_col, 44);
	assert_int_equal(s->timestamps, EL_CONF_STAMP_PTP);
	assert_int_equal(s->class_of_service, 46);
	assert_true(s->direct_measurement);
	assert_int_equal(c->targets[0].stamp.class_of_service, EL_CONF_UNSET);
	assert_int_equal(c->dataplane.control_core, 1);
	assert_int_equal(c->dataplane.worker_cores.items[1], 3);
	assert_int_equal(c->dataplane.huge_pages, EL_CONF_HUGE_YES);
	assert_int_equal(c->dataplane.pacing, EL_CONF_PACING_ASAP);
	assert_true(c->dataplane.phase == 0.25);
	assert_int_equal(c->dataplane.max_rate_pps, 1000000);
	assert_int_equal(c->dataplane.max_probes_per_round, 5000);
	assert_true(c->dataplane.certain_below_s == 0.0005);
	assert_true(c->dataplane.certain_percentiles);
	assert_int_equal(c->dataplane.histograms, EL_CONF_HISTOGRAMS_BOTH);
	assert_int_equal(c->dataplane.max_addresses_per_target, 70000);
	assert_string_equal(c->dataplane.eal_args.items[1], "8");
	assert_true(r->icmp && r->udp && !r->stamp.stateful && r->stamp.short_requests);
	assert_int_equal(r->tcp_ports.count, 2);
	assert_int_equal(r->tcp_ports.items[1], 443);
	assert_int_equal(r->stamp.port, 862);
	assert_int_equal(r->stamp.mode, EL_CONF_STAMP_AUTHENTICATED);
	assert_string_equal(r->stamp.key_file, "/etc/echolane/stamp.key");
	assert_int_equal(r->stamp.sessions, 100);
	assert_int_equal(r->stamp.timestamps, EL_CONF_STAMP_PTP);
	assert_int_equal(r->n_allow, 2);
	assert_string_equal(el_prefix_format(&r->allow[0], buf), "192.0.2.0/24");
	assert_int_equal(r->max_pps, 20);
	assert_int_equal(c->dataplane.n_ports, 2);
	assert_string_equal(p[0].device, "0000:3b:00.0");
	assert_string_equal(el_prefix_format(&p[0].addresses[0], buf), "192.0.2.10/24");
	assert_string_equal(el_prefix_format(&p[0].routes[0].to, buf), "198.51.100.0/24");
	assert_string_equal(el_ip_format(&p[0].neighbours[0].address, buf), "192.0.2.7");
	assert_memory_equal(p[0].neighbours[0].mac, "\x10\x20\x30\x40\x50\x06", 6);
	assert_int_equal(p[0].vlan, 100);
	assert_false(p[0].dad);
	assert_false(p[0].ping);
	assert_true(p[0].accept_ra);
	assert_false(p[1].accept_ra);
	assert_true(p[1].ping);
	assert_int_equal(p[0].mtu, 1500);
	assert_int_equal(p[0].checksum, EL_CONF_CHECKSUM_STRICT);
	assert_int_equal(p[1].checksum, EL_CONF_CHECKSUM_AUTO);
	assert_string_equal(p[1].name, "eth1");
	assert_null(p[1].profile);
	el_conf_put(c);
}

static void scalars_as_pyyaml_reads_them(void **state)
{
	struct el_conf *c = load_good(DATA "scalars.yaml", 0);

	(void)state;
	assert_string_equal(c->global.probe_name, "123");
	assert_int_equal(c->global.interval_s, 30);
	assert_true(c->global.interval_packets_s == 1e-3);
	assert_int_equal(c->global.nb_proc, 8);
	assert_int_equal(c->global.prometheus_port, 8000);
	assert_int_equal(c->global.dns_update_interval_s, 90);
	assert_false(c->global.l3_raw_socket);
	assert_true(c->global.timeout_s == 3600);
	assert_int_equal(c->global.percentiles.items[0], 95);
	assert_int_equal(c->global.percentiles.items[1], 50);
	assert_string_equal(c->groups[0].name, "123");
	/* merged maps: own keys win, then the earlier of a list */
	assert_int_equal(c->groups[1].src_port_a, 1000);
	assert_int_equal(c->groups[1].dscp, 5);
	assert_int_equal(c->groups[2].dscp, 6);
	assert_int_equal(c->groups[2].src_port_z, 1500);
	assert_int_equal(c->groups[2].src_port_a, 1000);
	assert_string_equal(c->targets[0].name, "yes");
	assert_string_equal(c->targets[0].description, "5");
	assert_false(c->targets[0].dont_fragment);
	assert_string_equal(c->targets[1].name, "copy");
	assert_string_equal(c->targets[1].destination, "192.0.2.1");
	assert_true(c->targets[2].dont_fragment);
	assert_string_equal(c->targets[2].description, "folded text\n");
	el_conf_put(c);
}

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *in = fopen(path, "rb"), *out;
	char *text = NULL, buf[4096];
	size_t n;

	if (!in)
		fail_msg("%s can't be read", path);
	out = open_memstream(&text, ret_len);
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	fclose(in);
	fclose(out);
	return text;
}

/* Loads a document as a configuration or, where `path` says so, as one of an inventory, and nothing
 * comes of it if there is an error. */
static void load(const char *path, const char *text, size_t len, struct el_conf_diags *diags)
{
	struct el_conf_inventory inventory = {0};
	struct el_conf *conf = NULL;
	int rc;

	if (strstr(path, "/inventory."))
		rc = el_conf_load_inventory("f", text, len, 65536, &inventory, diags);
	else
		rc = el_conf_load_buffer("f", text, len, &conf, diags);
	assert_int_equal(rc, diags->errors ? -EINVAL : 0);
	assert_true(rc == 0 || (!conf && !inventory.items));
	el_conf_put(conf);
	el_conf_inventory_fini(&inventory);
}

/* A document begins with what is to be said about it: "--- # WAY: line:column: sentence", and a
 * line
 * "#: line:column: sentence" for each further error; a warning has "warning: " before the place;
 * what is about the document as a whole has no place. */
static void compare_messages(const char *path, char *text, size_t len)
{
	struct el_conf_diags diags;
	char *line = strstr(text, ": "), got[1024];
	size_t i = 0;

	/* line 1 is a comment: where an explicit document begins is told otherwise */
	load(path, text + strlen("--- "), len - strlen("--- "), &diags);
	do {
		char *end = strchr(line, '\n');

		assert_non_null(end);
		*end = '\0';
		line += strlen(i ? "#: " : ": ");
		if (i >= diags.count)
			fail_msg("%s: %s\nnot reported: %s", path, text, line);
		snprintf(got, sizeof(got), "%s%s", diags.items[i].is_error ? "" : "warning: ",
			 diags.items[i].text + strlen("f:") + (diags.items[i].text[2] == ' '));
		if (strcmp(got, line) != 0)
			fail_msg("%s: %s\nexpected: %s\n     got: %s", path, text, line, got);
		line = end + 1;
		i++;
	} while (strncmp(line, "#: ", 3) == 0);
	if (i < diags.count)
		fail_msg("%s: %s\nnot expected: %s", path, text, diags.items[i].text);
	el_conf_diags_fini(&diags);
}

static size_t compare_documents(const char *path)
{
	size_t len, count = 0;
	char *text = read_file(path, &len), *document = text, *next;

	assert_memory_equal(text, "--- # ", strlen("--- # "));
	for (; document; document = next, count++) {
		next = strstr(document, "\n--- # ");
		if (next)
			next++;
		compare_messages(path, document,
				 next ? (size_t)(next - document) : strlen(document));
	}
	free(text);
	return count;
}

static void wrong_documents_are_explained(void **state)
{
	DIR *dir = opendir(DATA "bad");
	struct dirent *entry;
	char path[512];
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), DATA "bad/%s", entry->d_name);
		count += compare_documents(path);
	}
	closedir(dir);
	assert_true(count > 0);
}

/* What can't begin with a comment. */
static void files_without_text(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *message;
	} files[] = {
	    {"", 0, "f: empty: there is no configuration in it"},
	    {"\xef\xbb\xbf", 3, "f: empty: there is no configuration in it"},
	    {"\xff\xfeg\0l\0", 6, "f: UTF-16 text: expected UTF-8; save the file in that encoding"},
	    {"\xfe\xff\0g\0l", 6, "f: UTF-16 text: expected UTF-8; save the file in that encoding"},
	    {"\0g\0l", 4, "f: UTF-16 text: expected UTF-8; save the file in that encoding"},
	    {"\xff\xfe\0\0g\0\0\0", 8,
	     "f: UTF-32 text: expected UTF-8; save the file in that encoding"},
	    {"\xef\xbb\xbf[", 4,
	     "f:2:1: not valid YAML: did not find expected node content (while parsing a "
	     "flow node, line 2)"},
	    {"a:\n\tb: c\n", 9, "f:2:1: not valid YAML: a tab, where only spaces may indent"},
	    {"a: \0", 4, "f:1:4: byte 0x00: not a text file"},
	    {"a: \xff\n", 5, "f:1:4: byte 0xff is not UTF-8 text"}};
	struct el_conf_diags diags;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		load("", files[i].text, files[i].len, &diags);
		assert_int_equal(diags.count, 1);
		assert_string_equal(diags.items[0].text, files[i].message);
		el_conf_diags_fini(&diags);
	}
}

static void warnings(void **state)
{
	(void)state;
	compare_documents(DATA "warnings.yaml");
}

static void repeated_targets(void **state)
{
	struct el_conf *c = load_good(DATA "warnings.yaml", 13);

	(void)state;
	assert_int_equal(c->n_duplicates, 2);
	assert_string_equal(c->duplicates[0].name, "tcp");
	assert_string_equal(c->duplicates[1].name, "tcp");
	assert_int_equal(c->duplicates[0].dst_port, 80);
	assert_int_equal(c->duplicates[1].dst_port, 81);
	assert_int_equal(c->n_targets, 13);
	assert_string_equal(c->targets[0].name, "tcp");
	assert_int_equal(c->targets[0].dst_port, 82);
	/* sizes below what a probe needs */
	assert_int_equal(c->groups[0].ip_payload_size, 8);
	assert_int_equal(c->targets[1].ip_payload_size, 20);
	assert_int_equal(c->targets[2].ip_payload_size, 12);
	assert_int_equal(c->targets[4].ip_payload_size, EL_CONF_UNSET);
	/* signed, with TLVs of 8 and 20 bytes */
	assert_int_equal(c->targets[11].ip_payload_size, 8 + 112 + 8 + 20);
	/* families */
	assert_int_equal(c->targets[6].address_family, 6);
	assert_int_equal(c->targets[9].address_family, 6);
	assert_int_equal(c->targets[10].address_family, 4);
	el_conf_put(c);
}

static void printing_reads_back(void **state)
{
	static const char *const files[] = {"netprobify-example.yaml", "all-keys.yaml",
					    "scalars.yaml", "warnings.yaml"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct el_conf *first = NULL, *second = NULL;
		struct el_conf_diags diags;
		char path[512], *text, *again;

		snprintf(path, sizeof(path), DATA "%s", files[i]);
		assert_int_equal(el_conf_load(path, &first, &diags), 0);
		el_conf_diags_fini(&diags);
		text = print(first);
		assert_int_equal(
		    el_conf_load_buffer("printed", text, strlen(text), &second, &diags), 0);
		el_conf_diags_fini(&diags);
		again = print(second);
		assert_string_equal(text, again);
		/* the printer leaving something out would not show in its own text */
		assert_int_equal(first->n_targets, second->n_targets);
		for (size_t t = 0; t < first->n_targets; t++) {
			assert_string_equal(first->targets[t].description,
					    second->targets[t].description);
			assert_memory_equal(&first->targets[t].address, &second->targets[t].address,
					    sizeof(struct el_ip));
			assert_int_equal(first->targets[t].ip_payload_size,
					 second->targets[t].ip_payload_size);
			assert_int_equal(first->targets[t].state, second->targets[t].state);
			assert_int_equal(first->targets[t].stamp.mode,
					 second->targets[t].stamp.mode);
			assert_int_equal(first->targets[t].stamp.class_of_service,
					 second->targets[t].stamp.class_of_service);
			assert_int_equal(first->targets[t].register_to.count,
					 second->targets[t].register_to.count);
		}
		assert_int_equal(first->dataplane.n_ports, second->dataplane.n_ports);
		assert_int_equal(first->dataplane.control_core, second->dataplane.control_core);
		assert_memory_equal(&first->groups[0].src_ipv4, &second->groups[0].src_ipv4,
				    sizeof(struct el_ip));
		free(text);
		free(again);
		el_conf_put(first);
		el_conf_put(second);
	}
}

static void files_that_cannot_be_read(void **state)
{
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;

	(void)state;
	assert_int_equal(el_conf_load("/nonexistent/echolane.yaml", &conf, &diags), -ENOENT);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.items[0].text,
			    "/nonexistent/echolane.yaml: can't be read: No such file or directory");
	el_conf_diags_fini(&diags);
	assert_int_equal(el_conf_load("/", &conf, &diags), -EISDIR);
	assert_string_equal(diags.items[0].text, "/: can't be read: Is a directory");
	el_conf_diags_fini(&diags);
	assert_int_equal(el_conf_load("/dev/zero", &conf, &diags), -EFBIG);
	assert_string_equal(diags.items[0].text,
			    "/dev/zero: larger than 64 MiB: not a configuration");
	el_conf_diags_fini(&diags);
	assert_null(conf);
}

static void names_map_to_numbers(void **state)
{
	struct el_names names;
	char text[2000][16];
	int added;

	(void)state;
	el_names_init(&names);
	assert_null(el_names_find(&names, "a"));
	for (uint32_t i = 0; i < 2000; i++) {
		snprintf(text[i], sizeof(text[i]), "name%u", i);
		assert_non_null(el_names_add(&names, text[i], i, &added));
		assert_true(added);
	}
	assert_int_equal(el_names_add(&names, "name77", 5, &added)->value, 77);
	assert_false(added);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(el_names_find(&names, text[i])->value, i);
	assert_null(el_names_find(&names, "name2000"));
	el_names_fini(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(example_of_netprobify),
	    cmocka_unit_test(every_key_is_read),
	    cmocka_unit_test(scalars_as_pyyaml_reads_them),
	    cmocka_unit_test(wrong_documents_are_explained),
	    cmocka_unit_test(files_without_text),
	    cmocka_unit_test(warnings),
	    cmocka_unit_test(repeated_targets),
	    cmocka_unit_test(printing_reads_back),
	    cmocka_unit_test(files_that_cannot_be_read),
	    cmocka_unit_test(names_map_to_numbers),
	};
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
