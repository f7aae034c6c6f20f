/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Scalars of YAML 1.1 as PyYAML reads them: netprobify's files were written for it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A scalar as it stands in a file. The text ends with a NUL that `len` doesn't count. */
struct conf_scalar {
	const char *text;
	size_t len;
	bool plain; /* its type follows from its text; false: a string (quoted, or tagged as one) */
};

enum conf_scalar_type {
	CONF_SCALAR_NULL,
	CONF_SCALAR_BOOL,
	CONF_SCALAR_INT,
	CONF_SCALAR_FLOAT,
	CONF_SCALAR_STRING
};

/* What a scalar means. */
struct conf_scalar_value {
	enum conf_scalar_type type;
	bool boolean;
	int64_t integer; /* saturates at the ends of its range */
	double number;   /* of an integer too; of a string that Python's float() reads; else NaN */
};

struct conf_scalar_value conf_scalar_resolve(const struct conf_scalar *s);

/* The scalar for a message: `"text"`, a bare number, "nothing"; escaped and shortened. Returns buf.
 */
char *conf_scalar_show(const struct conf_scalar *s, char *buf, size_t cap);

/* Adds nothing but printable ASCII and UTF-8 to buf: control characters are escaped, quotes and
 * backslashes too; what is longer than `max` bytes is shortened. Returns buf. */
char *conf_escape(const char *text, size_t len, size_t max, char *buf, size_t cap);

/* The UTF-8 character at p, of which `left` (at least 1) bytes are there (RFC 3629, section 4): its
 * length and code point; 0 if it is none. */
size_t conf_utf8_decode(const unsigned char *p, size_t left, uint32_t *ret_code);
