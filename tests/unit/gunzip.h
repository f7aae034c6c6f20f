/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A gzip member, read by zlib: one alone, to its end. */
#include "unit.h"

#include <zlib.h>

/* What is in it, with a NUL; to be freed. */
static inline char *gunzip(const char *bytes, size_t n, size_t *ret_n)
{
	z_stream z = {0};
	size_t cap = 1 << 16;
	char *text = malloc(cap);
	int ret;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)n;
	do {
		if (cap - z.total_out < 2)
			text = realloc(text, cap *= 2);
		z.next_out = (Bytef *)text + z.total_out;
		z.avail_out = (uInt)(cap - z.total_out - 1);
		ret = inflate(&z, Z_NO_FLUSH);
	} while (ret == Z_OK);
	/* sum and length are right, and nothing follows */
	assert_int_equal(ret, Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	*ret_n = z.total_out;
	text[z.total_out] = '\0';
	inflateEnd(&z);
	return text;
}
