/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void el_str_init(struct el_str *s, char *buf, size_t cap)
{
	*s = (struct el_str){.buf = buf, .cap = cap};
	if (cap)
		buf[0] = '\0';
}

void el_str_addn(struct el_str *s, const char *text, size_t n)
{
	size_t room = s->cap ? s->cap - 1 - s->len : 0;

	if (n > room) {
		s->truncated = true;
		n = room;
	}
	if (n) {
		memcpy(s->buf + s->len, text, n);
		s->len += n;
		s->buf[s->len] = '\0';
	}
}

void el_str_add(struct el_str *s, const char *text)
{
	el_str_addn(s, text, strlen(text));
}

void el_str_addn_escaped(struct el_str *s, const char *text, size_t n, bool quotes)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (quotes && (c == '"' || c == '\\'))
			el_str_addf(s, "\\%c", c);
		else if (c == '\n')
			el_str_add(s, "\\n");
		else if (c == '\t')
			el_str_add(s, "\\t");
		else if (c < 0x20 || c == 0x7f)
			el_str_addf(s, "\\x%02x", c);
		else
			el_str_addc(s, (char)c);
	}
}

void el_str_addc(struct el_str *s, char c)
{
	el_str_addn(s, &c, 1);
}

void el_str_addf(struct el_str *s, const char *fmt, ...)
{
	size_t room = s->cap - s->len;
	va_list ap;
	int n;

	if (!s->cap)
		return;
	va_start(ap, fmt);
	n = vsnprintf(s->buf + s->len, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		s->truncated = true;
		n = (int)room - 1;
	}
	s->len += (size_t)n;
}
