/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* A bounded string builder over the caller's memory. It never writes past `cap` bytes, keeps the
 * text NUL-terminated, and remembers in `truncated` that something did not fit. */
struct el_str {
	char *buf;
	size_t cap;
	size_t len; /* without the NUL */
	bool truncated;
};

#define EL_STR_INIT(array) ((struct el_str){.buf = (array), .cap = sizeof(array)})

void el_str_init(struct el_str *s, char *buf, size_t cap);
void el_str_add(struct el_str *s, const char *text);
void el_str_addn(struct el_str *s, const char *text, size_t n);
/* Adds n bytes of text, control characters written as \n, \t or \xNN so that it stays on its line;
 * quotes: a backslash before each double quote and backslash, too. */
void el_str_addn_escaped(struct el_str *s, const char *text, size_t n, bool quotes);
void el_str_addc(struct el_str *s, char c);
void el_str_addf(struct el_str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
