/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a configuration: no crash; errors exactly where it is refused; what is accepted
 * reads back from its own printing as the same, and becomes a model. */
#include "fuzz_print.h"

#include <string.h>

#include "el_conf.h"
#include "el_model.h"

#define PROBES_MAX 100000 /* what a model may take of time and memory here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el_conf *conf = NULL, *again = NULL;
	struct el_conf_diags diags;
	char *text, *text_again;
	size_t len, len_again;
	struct el_model *model;
	int rc = el_conf_load_buffer("input", (const char *)data, size, &conf, &diags);

	FUZZ_ASSERT((rc < 0) == (diags.errors > 0));
	FUZZ_ASSERT((rc < 0) == (conf == NULL));
	for (size_t i = 0; i < diags.count; i++)
		FUZZ_ASSERT(strncmp(diags.items[i].text, "input:", 6) == 0 &&
			    !strchr(diags.items[i].text, '\n'));
	el_conf_diags_fini(&diags);
	if (rc < 0)
		return 0;
	text = fuzz_print_conf(conf, &len);
	FUZZ_ASSERT(el_conf_load_buffer("printed", text, len, &again, &diags) == 0);
	el_conf_diags_fini(&diags);
	text_again = fuzz_print_conf(again, &len_again);
	FUZZ_ASSERT(len == len_again && memcmp(text, text_again, len) == 0);
	el_log_set_fd(-1);
	if (conf->dataplane.max_probes_per_round > PROBES_MAX)
		conf->dataplane.max_probes_per_round = PROBES_MAX;
	model = el_model_create(&(struct el_model_input){.conf = conf}, NULL);
	FUZZ_ASSERT(!model || model->n_targets == conf->n_targets);
	el_model_put(model);
	free(text);
	free(text_again);
	el_conf_put(conf);
	el_conf_put(again);
	return 0;
}
