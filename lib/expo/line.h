/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* One line of a page, put together in the caller's buffer: name, labels, value. A line that does
 * not fit is marked, and worth nothing. Inline, because a page has millions of them. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	char *pos, *end;
	bool has_labels, overflow;
};

static inline void line_add(struct line *l, const char *text, size_t n)
{
	if (n > (size_t)(l->end - l->pos)) {
		l->overflow = true;
		return;
	}
	memcpy(l->pos, text, n);
	l->pos += n;
}

static inline void line_text(struct line *l, const char *text)
{
	line_add(l, text, strlen(text));
}

/* Backslash, quote and line feed escaped, as the format wants label values to be; in help texts the
 * quote stays. */
static inline void line_escaped(struct line *l, const char *text, bool quotes)
{
	const char *special = quotes ? "\\\n\"" : "\\\n";

	for (;;) {
		size_t plain = strcspn(text, special);

		line_add(l, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		line_text(l, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
		text++;
	}
}

static inline void line_label(struct line *l, const char *name, const char *value)
{
	line_text(l, l->has_labels ? "," : "{");
	line_text(l, name);
	line_text(l, "=\"");
	line_escaped(l, value, true);
	line_text(l, "\"");
	l->has_labels = true;
}

/* Decimal digits into the end of `buf`; where they begin. */
static inline char *line_digits(char buf[24], uint64_t v)
{
	char *p = buf + 24;

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	return p;
}

static inline void line_label_u64(struct line *l, const char *name, uint64_t value)
{
	char buf[25] = {0};

	line_label(l, name, line_digits(buf, value));
}

static inline void line_number(struct line *l, const char *text, size_t n)
{
	line_text(l, l->has_labels ? "} " : " ");
	line_add(l, text, n);
	line_text(l, "\n");
}

static inline void line_u64(struct line *l, uint64_t v)
{
	char buf[24], *p = line_digits(buf, v);

	line_number(l, p, (size_t)(buf + 24 - p));
}

/* The shortest text that reads back as the same number. */
static inline void line_double(struct line *l, double v)
{
	char buf[40];
	int n = 0;

	if (v >= 0 && v < 1e15 && v == floor(v)) {
		line_u64(l, (uint64_t)v);
		return;
	}
	if (isnan(v) || isinf(v)) {
		line_number(l, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf", isnan(v) ? 3 : 4);
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		n = snprintf(buf, sizeof(buf), "%.*g", precision, v);
		if (precision == 17 || strtod(buf, NULL) == v)
			break;
	}
	line_number(l, buf, (size_t)n);
}

/* Nanoseconds (not negative, below 2^53) as seconds, to the picosecond: finer than any counter's
 * cycle, and quick. */
static inline void line_seconds(struct line *l, double ns)
{
	uint64_t ps = (uint64_t)llround(ns * 1000), part = ps % 1000000000000ULL;
	char whole[24], buf[40], *p = line_digits(whole, ps / 1000000000000ULL);
	size_t n = (size_t)(whole + 24 - p);

	memcpy(buf, p, n);
	if (part != 0) {
		buf[n] = '.';
		for (size_t i = 12; i > 0; i--, part /= 10)
			buf[n + i] = (char)('0' + part % 10);
		for (n += 13; buf[n - 1] == '0'; n--)
			;
	}
	line_number(l, buf, n);
}
