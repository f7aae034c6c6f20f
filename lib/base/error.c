/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_error.h"

#include <stdarg.h>
#include <stdio.h>

int el_error_set(struct el_error *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return code;
}
