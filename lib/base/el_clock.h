/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

/* Ticks of what time is measured with and nanoseconds are different units: every name says which it
 * is (_tsc, _ns), and conversions go through the functions below. In the program ticks are those of
 * el_core_clock.h, nanoseconds; in tests and benchmarks they may be a counter's. */

#define EL_NS_PER_S 1000000000ULL

/* A frequency, and the multipliers made from it. Immutable once made: whoever wants a newer
 * calibration takes a newer copy. */
struct el_clock {
	uint64_t tsc_hz;
	uint64_t ns_per_tsc_q32; /* nanoseconds a tick, 32.32 */
};

/* tsc_hz must be from 1 MHz to 1 THz. */
struct el_clock el_clock_init(uint64_t tsc_hz);

static inline uint64_t el_clock_ns(const struct el_clock *c, uint64_t tsc)
{
	return (uint64_t)(((unsigned __int128)tsc * c->ns_per_tsc_q32) >> 32);
}

static inline uint64_t el_clock_tsc(const struct el_clock *c, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * c->tsc_hz / EL_NS_PER_S);
}

/* Seconds, as in configuration files, to ticks; negative counts as 0. */
uint64_t el_clock_tsc_from_s(const struct el_clock *c, double seconds);
double el_clock_s(const struct el_clock *c, uint64_t tsc);
