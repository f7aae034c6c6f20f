/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "el_conf.h"
#include "fuzz.h"

/* The configuration as --print-config prints it, to be freed. */
static inline char *fuzz_print_conf(const struct el_conf *conf, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	FUZZ_ASSERT(out);
	el_conf_print(conf, out);
	fclose(out);
	return text;
}
