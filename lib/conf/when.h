/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Points in time and lengths of time as text. */
#include <stdint.h>

/* Seconds since 1970 of a time such as 2024-05-01T12:00:00+02:00 (RFC 3339, section 5.6; a space
 * may stand for the T); fractions of a second are dropped. 0, or -EINVAL, also before 1970. */
int conf_time_parse(const char *text, int64_t *ret_s);

/* Seconds of a text such as "1d 3h 2m 5s" (each unit once, in any order) or "90". 0, or -EINVAL. */
int conf_duration_parse(const char *text, int64_t *ret_s);
