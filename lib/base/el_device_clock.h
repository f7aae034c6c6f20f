/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The clock of a device (a NIC that stamps what it receives) in terms of ours: a
 * line through the latest pairs of readings, fitted by least squares, so that the jitter of a
 * single reading over the bus averages out. Plain arithmetic; the caller reads the clocks. */
#include <stdbool.h>
#include <stdint.h>

#define EL_DEVICE_CLOCK_PAIRS 32
#define EL_DEVICE_CLOCK_PAIRS_MIN 8 /* before there is a line */

/* Time = ns_base + (device - device_base) * ns_per_tick_q32 / 2^32, good for some
 * seconds on either side of the base. */
struct el_device_line {
	uint64_t device_base, ns_base;
	uint64_t ns_per_tick_q32; /* 0: the clock is not known */
	uint64_t error_ns;        /* the furthest pair from the line, and half a reading's time */
};

struct el_device_clock {
	struct el_device_pair {
		uint64_t device, ns, read_ns;
	} pairs[EL_DEVICE_CLOCK_PAIRS]; /* a ring */
	uint32_t n;                     /* pairs ever taken, since the clock was last set */
	uint32_t refused;               /* in a row, for they took too long to read */
	struct el_device_line line;
};

/* A pair of readings, the device's between the two of ours; for calling some times a second with
 * the quickest of several readings. Zeroed memory is a clock without pairs.
 *
 * A pair that took over four times as long to read as the best of the latest is left out. A device
 * clock that was set, stood still or went back (a pair far off the line) starts anew: until there
 * are enough pairs again, the line is unknown. */
void el_device_clock_add(struct el_device_clock *c, uint64_t ns_before, uint64_t device,
			 uint64_t ns_after);

/* No division, and right across a wrap of either counter. The line must be known. */
static inline uint64_t el_device_line_ns(const struct el_device_line *l, uint64_t device)
{
	int64_t ticks = (int64_t)(device - l->device_base);

	return l->ns_base + (uint64_t)(((__int128)ticks * (__int128)l->ns_per_tick_q32) >> 32);
}
