/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define CLOCKSOURCES "/sys/devices/system/clocksource/clocksource0/available_clocksource"

/* How many times a pair is read, to keep the one with the least time in between. */
#define PAIR_READS 16

static uint64_t raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * EL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct pair {
	uint64_t tsc, ns, read_ns;
};

static struct pair read_pair(void)
{
	struct pair best = {.read_ns = UINT64_MAX};

	for (int i = 0; i < PAIR_READS; i++) {
		uint64_t before = raw_ns();
		uint64_t tsc = rte_rdtsc_precise();
		uint64_t after = raw_ns();

		if (after - before < best.read_ns)
			best = (struct pair){.tsc = tsc,
					     .ns = before + (after - before) / 2,
					     .read_ns = after - before};
	}
	return best;
}

void el_tsc_calibrate(struct el_calibration *ret_calibration, uint32_t span_ms)
{
	struct timespec span = {.tv_sec = span_ms / 1000,
				.tv_nsec = (long)(span_ms % 1000) * 1000000};
	struct pair p = read_pair();

	el_calibration_begin(ret_calibration, p.tsc, p.ns, p.read_ns);
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &span) == EINTR)
		;
	/* A pair that was disturbed is left out: take another. */
	for (int i = 0; i < 10 && el_calibration_hz(ret_calibration) == 0; i++)
		el_tsc_recalibrate(ret_calibration);
}

void el_tsc_recalibrate(struct el_calibration *calibration)
{
	struct pair p = read_pair();

	el_calibration_add(calibration, p.tsc, p.ns, p.read_ns);
}

#if defined(__x86_64__) || defined(__i386__)
static bool tsc_is_invariant(void)
{
	unsigned a, b, c, d = 0;

	/* Advanced power management information: bit 8 of EDX. */
	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

/* The kernel takes a counter that it sees drift, or differ between cores, off its list of clock
 * sources. A list that can't be read says nothing. */
static bool kernel_trusts_tsc(void)
{
	char line[256] = "";
	FILE *f = fopen(CLOCKSOURCES, "re");
	char *got = f ? fgets(line, sizeof(line), f) : NULL;

	if (f)
		fclose(f);
	if (!got)
		return true;
	for (char *save = NULL, *word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save))
		if (strcmp(word, "tsc") == 0)
			return true;
	return false;
}

int el_tsc_check(struct el_error *err)
{
	if (!tsc_is_invariant())
		return el_error_set(err, -ENOTSUP,
				    "the processor's time stamp counter is not invariant: "
				    "round-trip times would be wrong");
	if (!kernel_trusts_tsc())
		return el_error_set(err, -ENOTSUP,
				    "the kernel has found the time stamp counter unstable: "
				    "round-trip times would be wrong");
	return 0;
}
#else
int el_tsc_check(struct el_error *err)
{
	(void)
	    err; /* the generic timer of other architectures is constant and global by definition */
	return 0;
}
#endif
