/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_stamp_time.h"

#define NS_PER_S 1000000000
#define NTP_1970 2208988800U /* seconds from 1900 to 1970 (RFC 5905 section 6) */

uint64_t el_stamp_encode(enum el_stamp_format format, int64_t realtime_ns, int32_t tai_offset_s)
{
	uint64_t seconds = (uint64_t)realtime_ns / NS_PER_S, ns = (uint64_t)realtime_ns % NS_PER_S;

	if (format == EL_STAMP_PTP)
		return (uint64_t)(uint32_t)(seconds + (uint64_t)tai_offset_s) << 32 | ns;
	/* the largest, of 999,999,999 ns, rounds to less than a second */
	return (uint64_t)(uint32_t)(seconds + NTP_1970) << 32 |
	       ((ns << 32) + NS_PER_S / 2) / NS_PER_S;
}

bool el_stamp_decode(enum el_stamp_format format, uint64_t bits, int64_t near_ns,
		     int32_t tai_offset_s, int64_t *ret_ns)
{
	uint32_t seconds = (uint32_t)(bits >> 32), fraction = (uint32_t)bits;
	int64_t near_s = near_ns / NS_PER_S, ns = fraction;

	if (format == EL_STAMP_PTP) {
		if (fraction >= NS_PER_S)
			return false;
		seconds -= (uint32_t)tai_offset_s;
	} else {
		if (bits == 0)
			return false;
		seconds -= NTP_1970;
		ns = (int64_t)(((uint64_t)fraction * NS_PER_S + (1U << 31)) >> 32);
	}
	/* the difference of seconds, modulo 2^32, as a signed number says which way and how far */
	near_s += (int32_t)(seconds - (uint32_t)near_s);
	*ret_ns = near_s * NS_PER_S + ns;
	return true;
}

uint16_t el_stamp_error_estimate(const struct el_stamp_clock *clock, enum el_stamp_format format)
{
	/* of 2^-32 s, rounded up; the sum is below 2^64 */
	uint64_t units = (((uint64_t)clock->maxerror_us << 32) + 999999) / 1000000;
	unsigned scale = 0;

	for (; units > UINT8_MAX; scale++)
		units = (units + 1) / 2;
	if (units == 0)
		units = 1;
	return (uint16_t)((clock->synchronised ? EL_STAMP_ERROR_S : 0) |
			  (format == EL_STAMP_PTP ? EL_STAMP_ERROR_Z : 0) | scale << 8 | units);
}

uint64_t el_stamp_error_ns(uint16_t error_estimate)
{
	unsigned scale = error_estimate >> 8 & 0x3f, multiplier = error_estimate & 0xff;
	unsigned __int128 ns =
	    (((unsigned __int128)multiplier * NS_PER_S << scale) + UINT32_MAX) >> 32;

	return multiplier == 0 || ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}
