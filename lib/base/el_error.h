/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* One clear sentence about what went wrong, for a person. The caller owns the memory; functions
 * that take one fill it when they return a negative errno and leave it alone otherwise. */
struct el_error {
	char text[512];
};

/* Formats into `err` (which may be NULL), control characters escaped so that it is one line
 * whatever is quoted in it, and returns `code` unchanged, so that a failing function
 * can end with `return el_error_set(err, -EINVAL, ...)`. */
int el_error_set(struct el_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
