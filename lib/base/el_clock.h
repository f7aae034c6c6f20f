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
