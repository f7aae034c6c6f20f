/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* One sample of a page: labels, value. As the end of a line of text, behind the name; or as what is
 * in a metric of a message. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "messages.h"
#include "wire.h"

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

/* The lengths of most names are known when this is compiled, where it is inlined. */
static inline __attribute__((always_inline)) void line_label(struct line *l, const char *name,
							     const char *value)
{
	if (__builtin_expect(l->protobuf, 0)) {
		wire_pair(l, METRIC_FIELD_LABEL, name, strlen(name), value, strlen(value));
		return;
	}
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

/* Of a message: all values are floating point there. */
static inline void line_value(struct line *l, double v)
{
	wire_tag(l, l->value_field, WIRE_BYTES);
	wire_varint(l, 1 + sizeof(v));
	wire_double(l, VALUE_FIELD_VALUE, v);
}

static inline void line_u64(struct line *l, uint64_t v)
{
	char buf[24], *p = line_digits(buf, v);

	if (__builtin_expect(l->protobuf, 0)) {
		line_value(l, (double)v);
		return;
	}
	line_number(l, p, (size_t)(buf + 24 - p));
}

#define LINE_NUMBER_MAX 40

/* The shortest text that reads back as the same number; its length. */
static inline size_t line_double_text(char buf[LINE_NUMBER_MAX], double v)
{
	int n = 0;

	if (isnan(v) || isinf(v))
		return (size_t)snprintf(buf, LINE_NUMBER_MAX, "%s",
					isnan(v) ? "NaN"
					: v > 0  ? "+Inf"
						 : "-Inf");
	for (int precision = 15; precision <= 17; precision++) {
		n = snprintf(buf, LINE_NUMBER_MAX, "%.*g", precision, v);
		if (precision == 17 || strtod(buf, NULL) == v)
			break;
	}
	return (size_t)n;
}

static inline void line_double(struct line *l, double v)
{
	char buf[LINE_NUMBER_MAX];

	if (__builtin_expect(l->protobuf, 0))
		line_value(l, v);
	else if (v >= 0 && v < 1e15 && v == floor(v))
		line_u64(l, (uint64_t)v);
	else
		line_number(l, buf, line_double_text(buf, v));
}

/* Nanoseconds (not negative, below 2^53) as seconds, to the picosecond: finer than any counter's
 * cycle, and quick. */
static inline void line_seconds(struct line *l, double ns)
{
	uint64_t ps = (uint64_t)llround(ns * 1000), part = ps % 1000000000000ULL;
	char whole[24], buf[LINE_NUMBER_MAX], *p;
	size_t n;

	if (__builtin_expect(l->protobuf, 0)) { /* what the text below reads back as */
		line_value(l, (double)ps / 1e12);
		return;
	}
	p = line_digits(whole, ps / 1000000000000ULL);
	n = (size_t)(whole + 24 - p);
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
