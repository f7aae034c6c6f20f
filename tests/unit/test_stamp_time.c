/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_stamp_time.h"

#define S INT64_C(1000000000)
#define ERA_1 INT64_C(2085978496) /* 2036-02-07 06:28:16 UTC, where NTP's seconds begin again */
#define PTP_WRAP INT64_C(4294967296)

static uint64_t seed;

static int setup(void **state)
{
	(void)state;
	seed = unit_seed();
	return 0;
}

static int64_t decoded(enum el_stamp_format format, uint64_t bits, int64_t near_ns, int32_t tai)
{
	int64_t ns = -1;

	assert_true(el_stamp_decode(format, bits, near_ns, tai, &ns));
	return ns;
}

/* RFC 5905 figure 4 and section 6 give these. */
static void ntp_bits_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, 0, 0), UINT64_C(2208988800) << 32);
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, S / 2, 99),
			 UINT64_C(2208988800) << 32 | 0x80000000);
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, 63072000 * S, 0), UINT64_C(2272060800)
									     << 32);
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, ERA_1 * S, 0), 0);
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, ERA_1 * S - 1, 0), UINT64_MAX - 3);
	assert_int_equal(el_stamp_encode(EL_STAMP_NTP, ERA_1 * S + 1, 0), 4);
}

/* RFC 8186 section 2.1: TAI, of which the nanoseconds are whole. */
static void ptp_bits_are_seconds_of_tai_and_nanoseconds(void **state)
{
	(void)state;
	assert_int_equal(
	    el_stamp_encode(EL_STAMP_PTP, 1500000000 * S + 999999999, EL_STAMP_TAI_OFFSET_S),
	    UINT64_C(1500000037) << 32 | 999999999);
	assert_int_equal(el_stamp_encode(EL_STAMP_PTP, 7 * S, 0), UINT64_C(7) << 32);
	assert_int_equal(el_stamp_encode(EL_STAMP_PTP, (PTP_WRAP - 37) * S + 5, 37), 5);
	assert_int_equal(el_stamp_encode(EL_STAMP_PTP, (PTP_WRAP - 37) * S - 1, 37),
			 UINT64_C(0xffffffff) << 32 | 999999999);
}

static void check_round_trip(int64_t ns, int64_t near_ns)
{
	static const int32_t tai[] = {0, 37, -5};

	for (int i = 0; i < 3; i++)
		for (int format = EL_STAMP_NTP; format <= EL_STAMP_PTP; format++) {
			uint64_t bits = el_stamp_encode(format, ns, tai[i]);

			if (bits == 0)
				continue; /* the one NTP time that is none */
			assert_int_equal(decoded(format, bits, near_ns, tai[i]), ns);
		}
}

/* Every nanosecond comes back, around borders of seconds and of eras, from up to 68 years away. */
static void round_trips_are_exact(void **state)
{
	static const int64_t borders[] = {100,           1700000000, ERA_1,           PTP_WRAP,
					  PTP_WRAP - 37, 1483228800, ERA_1 + PTP_WRAP};
	const int64_t far = INT64_C(2147483000) * S;

	(void)state;
	for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
		for (int64_t d = -2000; d <= 2000; d++) {
			int64_t ns = borders[i] * S + d;

			check_round_trip(ns, ns);
			check_round_trip(ns, ns + 3 * S);
			check_round_trip(ns, ns > 3 * S ? ns - 3 * S : 0);
			check_round_trip(ns, ns + far);
			check_round_trip(ns, ns > far ? ns - far : 0);
		}
	for (int i = 0; i < 200000; i++) {
		int64_t ns = (int64_t)(unit_random(&seed) % (uint64_t)(8000000000 * S));

		check_round_trip(ns, ns + (int64_t)(unit_random(&seed) % (1000 * S)));
	}
}

/* From bits: the nearest nanosecond is within half of one, and order is kept. */
static void ntp_fractions_round_to_the_nearest(void **state)
{
	const uint64_t second = UINT64_C(0xe0000000) << 32;
	const int64_t near_ns = (INT64_C(0xe0000000) - 2208988800) * S;

	(void)state;
	assert_int_equal(decoded(EL_STAMP_NTP, second | 0xffffffff, near_ns, 0), near_ns + S);
	assert_int_equal(decoded(EL_STAMP_NTP, second | 2, near_ns, 0), near_ns);
	assert_int_equal(decoded(EL_STAMP_NTP, second | 3, near_ns, 0), near_ns + 1);
	for (int i = 0; i < 100000; i++) {
		uint32_t fraction = (uint32_t)unit_random(&seed);
		int64_t ns = decoded(EL_STAMP_NTP, second | fraction, near_ns, 0) - near_ns;
		__int128 error = ((__int128)ns << 32) - (__int128)fraction * S;

		assert_true(error <= (INT64_C(1) << 31) && error >= -(INT64_C(1) << 31));
	}
}

static void what_is_no_time_is_told(void **state)
{
	int64_t ns = 42;

	(void)state;
	assert_false(el_stamp_decode(EL_STAMP_NTP, 0, S, 0, &ns));
	assert_false(el_stamp_decode(EL_STAMP_PTP, UINT64_C(5) << 32 | 1000000000, S, 0, &ns));
	assert_false(el_stamp_decode(EL_STAMP_PTP, UINT64_MAX, S, 0, &ns));
	assert_int_equal(ns, 42);
	assert_true(el_stamp_decode(EL_STAMP_PTP, 0, S, 0, &ns));
	assert_int_equal(ns, 0);
}

/* ---- error estimates ---- */

static uint16_t estimate(bool synchronised, uint32_t maxerror_us, enum el_stamp_format format)
{
	struct el_stamp_clock clock = {.synchronised = synchronised, .maxerror_us = maxerror_us};

	return el_stamp_error_estimate(&clock, format);
}

static void error_flags_say_clock_and_format(void **state)
{
	(void)state;
	assert_int_equal(estimate(false, 100, EL_STAMP_NTP) & 0xc000, 0);
	assert_int_equal(estimate(true, 100, EL_STAMP_NTP) & 0xc000, EL_STAMP_ERROR_S);
	assert_int_equal(estimate(false, 100, EL_STAMP_PTP) & 0xc000, EL_STAMP_ERROR_Z);
	assert_int_equal(el_stamp_error_format(estimate(true, 1, EL_STAMP_PTP)), EL_STAMP_PTP);
	assert_int_equal(el_stamp_error_format(estimate(true, 1, EL_STAMP_NTP)), EL_STAMP_NTP);
}

/* RFC 4656 section 4.1.2: multiplier * 2^(scale - 32) seconds, and the multiplier not zero. */
static void error_bound_is_never_below_the_clocks(void **state)
{
	(void)state;
	assert_int_equal(estimate(false, 0, EL_STAMP_NTP), 1);
	/* 1 us is 4294.97 units: 4295 = 134.2 * 2^5 */
	assert_int_equal(estimate(false, 1, EL_STAMP_NTP), 5 << 8 | 135);
	/* 1 s is 2^32 units: 128 * 2^25 */
	assert_int_equal(estimate(false, 1000000, EL_STAMP_NTP), 25 << 8 | 128);
	for (int i = 0; i < 300000; i++) {
		uint32_t us =
		    i < 70000 ? (uint32_t)i
			      : (uint32_t)(unit_random(&seed) >> (32 + unit_random(&seed) % 32));
		uint16_t e = estimate(true, us, EL_STAMP_NTP);
		uint64_t exact_ns = (uint64_t)us * 1000, ns = el_stamp_error_ns(e);

		assert_true(e & 0xff);
		/* in units of 2^-32 s, exactly */
		assert_true((unsigned __int128)(e & 0xff) * 1000000 << (e >> 8 & 0x3f) >=
			    (unsigned __int128)us << 32);
		assert_true(ns >= exact_ns);
		assert_true(ns <= exact_ns + exact_ns / 128 + 1);
	}
	assert_true(el_stamp_error_ns(estimate(true, UINT32_MAX, EL_STAMP_NTP)) >=
		    UINT64_C(4294967295000));
}

static void error_bound_is_decoded(void **state)
{
	(void)state;
	assert_int_equal(el_stamp_error_ns(0x0001), 1); /* 0.23 ns */
	assert_int_equal(el_stamp_error_ns(25 << 8 | 128), 1000000000);
	assert_int_equal(el_stamp_error_ns(0xc000 | 25 << 8 | 128), 1000000000);
	assert_int_equal(el_stamp_error_ns(32 << 8 | 1), 1000000000);
	assert_int_equal(el_stamp_error_ns(0x3f00), UINT64_MAX); /* multiplier zero */
	assert_int_equal(el_stamp_error_ns(0x8000), UINT64_MAX);
	assert_int_equal(el_stamp_error_ns(0x3fff), UINT64_MAX); /* 17,000 years */
	assert_int_equal(el_stamp_error_ns(63 << 8 | 8), UINT64_C(17179869184000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ntp_bits_are_those_of_the_rfc),
	    cmocka_unit_test(ptp_bits_are_seconds_of_tai_and_nanoseconds),
	    cmocka_unit_test(round_trips_are_exact),
	    cmocka_unit_test(ntp_fractions_round_to_the_nearest),
	    cmocka_unit_test(what_is_no_time_is_told),
	    cmocka_unit_test(error_flags_say_clock_and_format),
	    cmocka_unit_test(error_bound_is_never_below_the_clocks),
	    cmocka_unit_test(error_bound_is_decoded),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
