/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever a file holds: bounded, never a crash, always an explanation. */
#include "unit.h"

#include "el_conf.h"
#include "tree.h"

#define HEAD                                                                                       \
	"global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, prometheus_port: "  \
	"9000, "                                                                                   \
	"dns_update_interval: 0}\ngroups: {g: {}}\n"

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *in = fopen(path, "rb");
	char *text;

	assert_non_null(in);
	fseek(in, 0, SEEK_END);
	*ret_len = (size_t)ftell(in);
	rewind(in);
	text = malloc(*ret_len);
	assert_int_equal(fread(text, 1, *ret_len, in), *ret_len);
	fclose(in);
	return text;
}

/* Loads a copy of the exact size, so that a sanitizer sees what is read past it. Returns how many
 * errors there were. */
static size_t load_copy(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;
	size_t errors;
	int rc;

	memcpy(copy, text, len);
	rc = el_conf_load_buffer("f", copy, len, &conf, &diags);
	errors = diags.errors;
	assert_int_equal(rc<0, errors> 0);
	assert_int_equal(rc < 0, conf == NULL);
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
	free(copy);
	return errors;
}

static void every_truncation(void **state)
{
	static const char *const files[] = {"netprobify-example.yaml", "all-keys.yaml",
					    "scalars.yaml"};
	char path[512], *text;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), EL_TEST_DATA "/conf/%s", files[i]);
		text = read_file(path, &len);
		assert_int_equal(load_copy(text, len), 0);
		for (size_t n = 0; n < len; n++)
			load_copy(text, n);
		assert_true(load_copy(text, 64) > 0); /* within `global`: keys are missing */
		free(text);
	}
}

static void damaged_bytes(void **state)
{
	uint64_t seed = unit_seed();
	size_t len;
	char *text = read_file(EL_TEST_DATA "/conf/all-keys.yaml", &len);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t at = unit_random(&seed) % len;
		char was = text[at];

		text[at] = i % 2 ? (char)unit_random(&seed)
				 : "[]{}:,*&!#'\"\n -|>%@"[unit_random(&seed) % 19];
		load_copy(text, len);
		text[at] = was;
	}
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < 64; k++)
			text[k] = (char)unit_random(&seed);
		assert_true(load_copy(text, 64) > 0);
	}
	free(text);
}

struct document {
	char *text;
	size_t len;
	FILE *out;
};

static FILE *document_begin(struct document *d)
{
	d->out = open_memstream(&d->text, &d->len);
	assert_non_null(d->out);
	return d->out;
}

static struct el_conf *document_load(struct document *d, struct el_conf_diags *diags)
{
	struct el_conf *conf = NULL;

	fclose(d->out);
	el_conf_load_buffer("f", d->text, d->len, &conf, diags);
	free(d->text);
	return conf;
}

static void expect_one_error(struct document *d, const char *why)
{
	struct el_conf_diags diags;

	assert_null(document_load(d, &diags));
	assert_int_equal(diags.errors, 1);
	if (!strstr(diags.items[0].text, why))
		fail_msg("expected \"%s\" in: %s", why, diags.items[0].text);
	el_conf_diags_fini(&diags);
}

static void a_hundred_thousand_targets(void **state)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n", out);
	for (unsigned i = 0; i < 100000; i++)
		fprintf(out,
			"  rack-%u:\n    description: \"top of rack %u\"\n    type: TCPsyn\n    "
			"destination: 10.%u.%u.%u\n"
			"    dst_port: 443\n    nb_packets: 10\n    threshold: {latency: 0.1, "
			"loss: 0.01}\n"
			"    explicit_groups:\n      register_to: [g]\n",
			i, i, i >> 16, (i >> 8) & 255, i & 255);
	conf = document_load(&d, &diags);
	assert_non_null(conf);
	assert_int_equal(diags.count, 0);
	assert_int_equal(conf->n_targets, 100000);
	assert_string_equal(conf->targets[99999].name, "rack-99999");
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

/* Anchors must not be looked up one by one. */
static void a_hundred_thousand_anchors(void **state)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n", out);
	for (unsigned i = 0; i < 50000; i++)
		fprintf(out, "  a%u: &a%u {type: ICMPping, destination: 10.0.0.1}\n  b%u: *a%u\n",
			i, i, i, i);
	conf = document_load(&d, &diags);
	assert_non_null(conf);
	assert_int_equal(conf->n_targets, 100000);
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

static void many_warnings_of_a_kind(void **state)
{
	struct el_conf_diags diags;
	struct el_conf *conf;
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n", out);
	for (unsigned i = 0; i < 5000; i++)
		fprintf(out, "  t%u: {type: ICMPping, destination: 10.0.0.1, ip_payload_size: 1}\n",
			i);
	conf = document_load(&d, &diags);
	assert_non_null(conf);
	assert_int_equal(diags.count, 21);
	assert_string_equal(diags.items[20].text,
			    "f: ip_payload_size: 4980 more warnings like the ones above");
	el_conf_diags_fini(&diags);
	el_conf_put(conf);
}

static void many_errors(void **state)
{
	struct el_conf_diags diags;
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n", out);
	for (unsigned i = 0; i < 5000; i++)
		fprintf(out, "  t%u: {type: ICMPping, destination: 10.0.0.1, dst_port: x}\n", i);
	assert_null(document_load(&d, &diags));
	assert_int_equal(diags.count, 1001);
	assert_string_equal(diags.items[1000].text, "f: 4000 more errors are not shown");
	el_conf_diags_fini(&diags);
}

/* One list of many values, used many times: each use is small, all of them together are not. */
static void aliases_in_every_target(void **state)
{
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n  t: {type: ICMPping, destination: 10.0.0.1, explicit_groups: "
		   "{register_to: &l [",
	      out);
	for (unsigned i = 0; i < 5000; i++)
		fputs("g, ", out);
	fputs("]}}\n", out);
	for (unsigned i = 0; i < 5000; i++)
		fprintf(out,
			"  t%u: {type: ICMPping, destination: 10.0.0.1, explicit_groups: "
			"{register_to: *l}}\n",
			i);
	expect_one_error(&d, "more than 16000000 values (with aliases expanded)");
}

static void merges_of_merges(void **state)
{
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets:\n  t0: &t0 {type: ICMPping, destination: 10.0.0.1}\n", out);
	for (unsigned i = 1; i < 60; i++)
		fprintf(out, "  t%u: &t%u {<<: *t%u}\n", i, i, i - 1);
	fclose(d.out);
	assert_true(load_copy(d.text, d.len) > 0);
	free(d.text);
}

/* libyaml compares each tag directive with all before it: hours for a file of nothing else. */
static void many_directives(void **state)
{
	struct document d;
	FILE *out;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		static const char *const ends[] = {"\n", "\r", "\u2028"};

		out = document_begin(&d);
		for (unsigned k = 0; k < 300000; k++)
			fprintf(out, "%%TAG !a%u! x%s", k, ends[i]);
		fputs("---\n" HEAD, out);
		expect_one_error(&d, "more than 100 lines that begin with \"%\"");
	}
	out = document_begin(&d);
	fputs("%YAML 1.1\n%TAG !a! tag:example.org,2000:\n---\n" HEAD, out);
	fclose(d.out);
	assert_int_equal(load_copy(d.text, d.len), 0);
	free(d.text);
}

static void too_large(void **state)
{
	size_t len = (size_t)100 << 20;
	char *text = calloc(1, len);
	struct el_conf_diags diags;
	struct el_conf *conf = NULL;

	(void)state;
	assert_int_equal(el_conf_load_buffer("big", text, len, &conf, &diags), -EFBIG);
	assert_int_equal(diags.count, 1);
	assert_string_equal(diags.items[0].text, "big: larger than 64 MiB: not a configuration");
	el_conf_diags_fini(&diags);
	free(text);
}

static void long_things(void **state)
{
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "targets: {t: {type: ICMPping, destination: 10.0.0.1, description: ", out);
	for (unsigned i = 0; i < 5000; i++)
		fputc('x', out);
	fputs("}}\n", out);
	expect_one_error(&d, "targets.t.description: expected at most 4096 characters, got 5000");
	out = document_begin(&d);
	fputs(HEAD "targets: {? ", out);
	for (unsigned i = 0; i < 100000; i++)
		fputc('x', out);
	fputs(" : {type: ICMPping, destination: 10.0.0.1}}\n", out);
	expect_one_error(&d, "at most 255 characters");
	out = document_begin(&d);
	fputs(
	    HEAD
	    "targets: {t: {type: ICMPping, destination: 10.0.0.1, explicit_groups: {register_to: [",
	    out);
	for (unsigned i = 0; i < 10001; i++)
		fputs("g, ", out);
	fputs("]}}}\n", out);
	expect_one_error(&d, "register_to: expected at most 10000 items, got 10001");
}

/* What is shown of a file can't break a terminal or a log line. */
static void messages_are_escaped(void **state)
{
	struct document d;
	FILE *out = document_begin(&d);

	(void)state;
	fputs(HEAD "\"a\\e[2J\\nb\": 1\n", out);
	expect_one_error(&d, "unknown key \"a\\x1b[2J\\nb\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_truncation),
	    cmocka_unit_test(damaged_bytes),
	    cmocka_unit_test(a_hundred_thousand_targets),
	    cmocka_unit_test(a_hundred_thousand_anchors),
	    cmocka_unit_test(many_warnings_of_a_kind),
	    cmocka_unit_test(many_errors),
	    cmocka_unit_test(aliases_in_every_target),
	    cmocka_unit_test(merges_of_merges),
	    cmocka_unit_test(many_directives),
	    cmocka_unit_test(too_large),
	    cmocka_unit_test(long_things),
	    cmocka_unit_test(messages_are_escaped),
	};
	return cmocka_run_group_tests_name("conf_limits", tests, NULL, NULL);
}
