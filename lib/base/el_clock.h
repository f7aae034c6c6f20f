/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

/* All times are nanoseconds of one time, that of el_core_clock.h; their names say so (_ns). */

#define EL_NS_PER_S 1000000000ULL

/* Seconds, as in configuration files, to nanoseconds; negative counts as 0. At most 2^63 of them.
 */
uint64_t el_ns_from_s(double seconds);

static inline double el_s_from_ns(uint64_t ns)
{
	return (double)((long double)ns / (long double)EL_NS_PER_S);
}

/* The earlier of two times less than half of all apart. */
static inline uint64_t el_ns_earlier(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0 ? a : b;
}

/* A time in which something is not certain. Zeroed: none. */
struct el_span {
	uint64_t from_ns, to_ns;
};

/* `span` grows so that it holds `more`, too. */
static inline void el_span_add(struct el_span *span, const struct el_span *more)
{
	if (!span->to_ns || (int64_t)(more->from_ns - span->from_ns) < 0)
		span->from_ns = more->from_ns;
	if (!span->to_ns || (int64_t)(more->to_ns - span->to_ns) > 0)
		span->to_ns = more->to_ns;
}
