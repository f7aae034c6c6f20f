/* SPDX-License-Identifier: BSD-3-Clause */
#include "scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "el_str.h"

/* Numbers longer than this are not numbers that a configuration holds. */
#define NUMBER_MAX 64

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static int64_t saturating_add(int64_t sum, int64_t factor, int64_t digit)
{
	if (__builtin_mul_overflow(sum, factor, &sum) || __builtin_add_overflow(sum, digit, &sum))
		return INT64_MAX;
	return sum;
}

/* Digits of `base` and underscores up to the end or to `stop`; returns where it ended, NULL if
 * there was no digit. */
static const char *read_digits(const char *p, int base, int64_t *ret_value)
{
	int64_t value = 0;
	bool any = false;

	for (; *p == '_' || digit_value(*p) < base; p++) {
		if (*p == '_')
			continue;
		value = saturating_add(value, base, digit_value(*p));
		any = true;
	}
	if (!any)
		return NULL;
	*ret_value = value;
	return p;
}

/* The rest of a number in base 60, such as 1:30 (90), `p` at its first colon. */
static bool read_sexagesimal(const char *p, int64_t *value)
{
	while (*p == ':') {
		int v;

		p++;
		if (!is_digit(*p))
			return false;
		v = *p++ - '0';
		if (is_digit(*p)) {
			if (v > 5)
				return false;
			v = v * 10 + (*p++ - '0');
		}
		*value = saturating_add(*value, 60, v);
	}
	return *p == '\0';
}

static bool read_int(const char *text, int64_t *ret_value)
{
	const char *p = text, *end;
	bool negative = *p == '-';
	int64_t value;

	if (*p == '-' || *p == '+')
		p++;
	if (!is_digit(*p))
		return false;
	if (p[0] == '0' && p[1] == 'x') {
		end = read_digits(p + 2, 16, &value);
	} else if (p[0] == '0' && p[1] == 'b') {
		end = read_digits(p + 2, 2, &value);
	} else if (p[0] == '0' && p[1]) {
		end = read_digits(p + 1, 8, &value);
	} else {
		end = read_digits(p, 10, &value);
		if (end && *end == ':' && *p != '0') {
			if (!read_sexagesimal(end, &value))
				return false;
			end = "";
		}
	}
	if (!end || *end)
		return false;
	*ret_value = negative ? -value : value;
	return true;
}

/* Copies a number without its underscores, so that strtod reads it. */
static bool strip_underscores(const char *text, char out[NUMBER_MAX])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '_')
			continue;
		if (n + 1 >= NUMBER_MAX)
			return false;
		out[n++] = *text;
	}
	out[n] = '\0';
	return true;
}

/* Python's float(), which netprobify's validation lets a number pass with: digits, point, exponent.
 */
static bool read_number(const char *text, double *ret_number)
{
	static const char *const infinite[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
	const char *unsigned_part = text + (*text == '-' || *text == '+');
	char buf[NUMBER_MAX], *end;

	if (is_one_of(unsigned_part, infinite)) {
		*ret_number = *text == '-' ? -INFINITY : INFINITY;
		return true;
	}
	if (is_one_of(text, nans)) {
		*ret_number = NAN;
		return true;
	}
	if (!is_digit(*unsigned_part) && !(*unsigned_part == '.' && is_digit(unsigned_part[1])))
		return false;
	if (strspn(unsigned_part, "0123456789._eE+-") != strlen(unsigned_part))
		return false;
	if (!strip_underscores(text, buf))
		return false;
	*ret_number = strtod(buf, &end);
	return *end == '\0';
}

/* PyYAML's rule for floats: a point, and a sign in the exponent. */
static bool looks_like_float(const char *text)
{
	const char *e = strpbrk(text, "eE");

	if (!strchr(text, '.'))
		return false;
	return !e || e[1] == '+' || e[1] == '-';
}

struct conf_scalar_value conf_scalar_resolve(const struct conf_scalar *s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"yes",  "Yes", "YES", "true", "True",
					  "TRUE", "on",  "On",  "ON",   NULL};
	static const char *const no[] = {"no",    "No",  "NO",  "false", "False",
					 "FALSE", "off", "Off", "OFF",   NULL};
	struct conf_scalar_value v = {.type = CONF_SCALAR_STRING, .number = NAN};

	if (!s->plain || strlen(s->text) != s->len)
		return v;
	if (is_one_of(s->text, nulls)) {
		v.type = CONF_SCALAR_NULL;
	} else if (is_one_of(s->text, yes) || is_one_of(s->text, no)) {
		v.type = CONF_SCALAR_BOOL;
		v.boolean = is_one_of(s->text, yes);
	} else if (read_int(s->text, &v.integer)) {
		v.type = CONF_SCALAR_INT;
		v.number = (double)v.integer;
	} else if (read_number(s->text, &v.number) && looks_like_float(s->text)) {
		v.type = CONF_SCALAR_FLOAT;
	}
	return v;
}

char *conf_escape(const char *text, size_t len, size_t max, char *buf, size_t cap)
{
	size_t shown = len < max ? len : max;
	struct el_str out;

	/* not in the middle of a character */
	while (shown < len && shown && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--;
	el_str_init(&out, buf, cap);
	el_str_addn_escaped(&out, text, shown, true);
	if (shown < len)
		el_str_add(&out, "...");
	return buf;
}

char *conf_scalar_show(const struct conf_scalar *s, char *buf, size_t cap)
{
	struct conf_scalar_value v = conf_scalar_resolve(s);
	char text[256];
	struct el_str out;

	el_str_init(&out, buf, cap);
	conf_escape(s->text, s->len, 48, text, sizeof(text));
	if (v.type == CONF_SCALAR_NULL)
		el_str_add(&out, "nothing");
	else
		el_str_addf(&out, v.type == CONF_SCALAR_STRING ? "\"%s\"" : "%s", text);
	return buf;
}

size_t conf_utf8_decode(const unsigned char *p, size_t left, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	uint32_t code = n <= 1 ? p[0] : p[0] & (0xffU >> (n + 1));

	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (n && (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)))
		return 0;
	*ret_code = code;
	return n;
}
