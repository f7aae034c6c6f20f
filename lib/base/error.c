/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "el_str.h"

int el_error_set(struct el_error *err, int code, const char *fmt, ...)
{
	if (err) {
		char text[sizeof(err->text)];
		struct el_str line;
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		el_str_init(&line, err->text, sizeof(err->text));
		el_str_addn_escaped(&line, text, strlen(text), false);
	}
	return code;
}
