/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a fuzz target defines; libFuzzer, or replay.c in ordinary builds, calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant that does not depend on NDEBUG. */
#define FUZZ_ASSERT(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__,           \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The bytes as a string, which ends at the first NUL, if there is one; to be freed. strndup would
 * be reported for what it may not read under strict_string_checks. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	FUZZ_ASSERT(text);
	if (size)
		memcpy(text, data, size);
	return text;
}
