/* SPDX-License-Identifier: BSD-3-Clause */
/* A client's Accept, and behind a line feed its Accept-Encoding. Only who names what is not the
 * default gets it, and saying it twice changes nothing. */
#include "fuzz.h"

#include "accept.h"

static bool has(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), *encoding;
	struct accept once, twice;

	encoding = strchr(text, '\n');
	if (encoding)
		*encoding++ = '\0';
	else
		encoding = text + strlen(text);
	accept_init(&once);
	accept_add(&once, text);
	accept_add_encoding(&once, encoding);
	twice = once;
	accept_add(&twice, text);
	accept_add_encoding(&twice, encoding);
	FUZZ_ASSERT(memcmp(&once, &twice, sizeof(once)) == 0);
	if (accept_format(&once) == EL_EXPO_PROTOBUF)
		FUZZ_ASSERT(has(text, "vnd.google.protobuf") && has(text, "delimited"));
	if (accept_gzip(&once))
		FUZZ_ASSERT(has(encoding, "gzip") || has(encoding, "*"));
	FUZZ_ASSERT(once.protobuf <= 1000 && once.text <= 1000 && once.gzip <= 1000);
	free(text);
	return 0;
}
