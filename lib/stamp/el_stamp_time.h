/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Times as STAMP packets carry them (RFC 8762 section 4.2.1), and how good they are said to be.
 * Times of the machine are nanoseconds of CLOCK_REALTIME, which is UTC since 1970 without leap
 * seconds. */
#include <stdbool.h>
#include <stdint.h>

enum el_stamp_format {
	EL_STAMP_NTP, /* seconds since 1900 and their 2^-32ths (RFC 5905 section 6): Z is 0 */
	EL_STAMP_PTP, /* seconds since 1970 of TAI and nanoseconds (RFC 8186 section 2.3): Z is 1 */
};

/* What TAI has been ahead of UTC since 2017. */
#define EL_STAMP_TAI_OFFSET_S 37

/* The 64 bits for a time from 1970 on, in host order. tai_offset_s: for EL_STAMP_PTP, what is added
 * to have TAI; there are peers that add nothing. NTP's resolution is 0.23 ns: the nearest is taken,
 * so that el_stamp_decode gives back every nanosecond. */
uint64_t el_stamp_encode(enum el_stamp_format format, int64_t realtime_ns, int32_t tai_offset_s);

/* The time that 64 bits in host order stand for, to the nearest nanosecond. Their seconds begin
 * again every 136 years (NTP's in 2036, PTP's in 2106): it is the one that is nearest to near_ns.
 * False: they are no time (NTP: zero, RFC 5905 section 6; PTP: a second or more of nanoseconds);
 * *ret_ns is then untouched. */
bool el_stamp_decode(enum el_stamp_format format, uint64_t bits, int64_t near_ns,
		     int32_t tai_offset_s, int64_t *ret_ns);

/* ---- error estimates (RFC 4656 section 4.1.2) ---- */

#define EL_STAMP_ERROR_S 0x8000 /* the clock is synchronised to UTC by an external source */
#define EL_STAMP_ERROR_Z 0x4000 /* the timestamps are EL_STAMP_PTP */

/* What the kernel says of its clock: adjtimex(2). */
struct el_stamp_clock {
	bool synchronised;    /* neither TIME_ERROR was returned nor STA_UNSYNC is set */
	uint32_t maxerror_us; /* timex.maxerror */
};

/* The field for timestamps of this clock. The bound that it gives is the clock's or the next that
 * can be said, at most one part in 128 above it and never below; the multiplier is never zero. */
uint16_t el_stamp_error_estimate(const struct el_stamp_clock *clock, enum el_stamp_format format);

/* The bound that a field gives in nanoseconds, rounded up. UINT64_MAX: it gives none, because its
 * multiplier is zero, which must not be, or it is beyond 64 bits. */
uint64_t el_stamp_error_ns(uint16_t error_estimate);

/* The format of the timestamps that a field is about. */
static inline enum el_stamp_format el_stamp_error_format(uint16_t error_estimate)
{
	return error_estimate & EL_STAMP_ERROR_Z ? EL_STAMP_PTP : EL_STAMP_NTP;
}
