/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as the value of --port: what is refused is refused with one line and changes nothing;
 * what is accepted is what a configuration file may say, and reads back from its printing as the
 * same. */
#include "fuzz_print.h"

#include <ctype.h>
#include <string.h>

#include "el_conf.h"

static const char base[] = "global: {probe_name: a, interval: 1, nb_proc: 1, logging_level: INFO, "
			   "prometheus_port: 9000, dns_update_interval: 0}\n"
			   "groups: {g: {}}\n";

static struct el_conf *load(const char *text, size_t len)
{
	struct el_conf *conf = NULL;
	struct el_conf_diags diags;
	int rc = el_conf_load_buffer("input", text, len, &conf, &diags);

	for (size_t i = 0; i < diags.count; i++)
		if (diags.items[i].is_error)
			fprintf(stderr, "%s\n", diags.items[i].text);
	el_conf_diags_fini(&diags);
	FUZZ_ASSERT(rc == 0 && conf);
	return conf;
}

static void assert_one_line(const struct el_error *err)
{
	FUZZ_ASSERT(err->text[0]);
	for (const char *c = err->text; *c; c++)
		FUZZ_ASSERT(!iscntrl((unsigned char)*c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *spec = fuzz_string(data, size), *text, *again;
	struct el_conf *conf = load(base, strlen(base)), *read_back;
	struct el_error err = {0};
	size_t len, len_again;
	int rc;

	rc = el_conf_add_port(conf, spec, &err);
	if (rc < 0) {
		FUZZ_ASSERT(conf->dataplane.n_ports == 0);
		assert_one_line(&err);
	} else {
		FUZZ_ASSERT(conf->dataplane.n_ports == 1);
		text = fuzz_print_conf(conf, &len);
		read_back = load(text, len);
		again = fuzz_print_conf(read_back, &len_again);
		FUZZ_ASSERT(len == len_again && memcmp(text, again, len) == 0);
		FUZZ_ASSERT(el_conf_add_port(conf, spec, &err) == 0);
		FUZZ_ASSERT(conf->dataplane.n_ports == 1); /* the same name: replaced */
		el_conf_put(read_back);
		free(again);
		free(text);
	}
	el_conf_put(conf);
	free(spec);
	return 0;
}
