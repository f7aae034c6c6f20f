/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as what the program of an inventory prints: how it is cut into pieces changes nothing;
 * errors exactly where a document is refused. */
#include "fuzz.h"

#include <string.h>

#include "document.h"
#include "el_conf.h"

struct summary {
	size_t documents, bytes, targets, errors;
};

static void load(const char *text, size_t len, struct summary *s)
{
	struct el_conf_inventory inventory;
	struct el_conf_diags diags;
	int rc = el_conf_load_inventory("input", text, len, 65536, &inventory, &diags);

	s->documents++;
	s->bytes += len;
	FUZZ_ASSERT((rc < 0) == (diags.errors > 0));
	for (size_t i = 0; i < diags.count; i++)
		FUZZ_ASSERT(strncmp(diags.items[i].text, "input:", 6) == 0 &&
			    !strchr(diags.items[i].text, '\n'));
	s->errors += diags.errors;
	el_conf_diags_fini(&diags);
	if (rc < 0)
		return;
	for (size_t i = 0; i < inventory.count; i++) {
		FUZZ_ASSERT(strncmp(inventory.items[i].target.name, "input_", 6) == 0);
		FUZZ_ASSERT(el_conf_inventory_expiry_s(&inventory.items[i]) >= 0);
	}
	s->targets += inventory.count;
	el_conf_inventory_fini(&inventory);
}

static struct summary read_stream(const char *data, size_t size, size_t piece)
{
	struct summary s = {0};
	struct document d = {0};
	size_t len;
	char *text;

	for (size_t used = 0; size > 0; data += used, size -= used) {
		int rc = document_feed(&d, data, size < piece ? size : piece, &used);

		FUZZ_ASSERT(rc == 0 || rc == 1);
		if (rc == 0)
			continue;
		text = document_take(&d, &len);
		load(text, len, &s);
		free(text);
	}
	if (document_finish(&d)) {
		text = document_take(&d, &len);
		load(text, len, &s);
		free(text);
	}
	document_fini(&d);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct summary whole = read_stream((const char *)data, size, size);
	struct summary pieces = read_stream((const char *)data, size, 7);

	FUZZ_ASSERT(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
