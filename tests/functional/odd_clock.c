/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel's clock that is not what it should be, to be preloaded (LD_PRELOAD): what a machine
 * looks like from inside that was suspended or moved, for its time stamp counter then differs from
 * the kernel's time. ODD_CLOCK in the environment: "SECONDS NANOSECONDS", from so long after the
 * first look on CLOCK_MONOTONIC_RAW is so far ahead; "cores", it is the number of the core in
 * milliseconds ahead, so that counters seem to differ. */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

int clock_gettime(clockid_t id, struct timespec *ret);

static int64_t ahead_ns(int64_t now)
{
	static int64_t step_at, step_ns;
	static int kind; /* 0: not known yet, 1: a step, 2: cores, 3: nothing */
	const char *what = kind ? NULL : getenv("ODD_CLOCK");
	double at_s;

	if (!kind) {
		kind = 3;
		if (what && strcmp(what, "cores") == 0)
			kind = 2;
		else if (what && sscanf(what, "%lf %ld", &at_s, &step_ns) == 2)
			kind = 1;
		step_at = now + (int64_t)(kind == 1 ? at_s * NS_PER_S : 0);
	}
	if (kind == 2)
		return sched_getcpu() * NS_PER_S / 1000;
	return kind == 1 && now >= step_at ? step_ns : 0;
}

/* By a system call: whoever measures what it costs finds that there is no vDSO. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
	int status = (int)syscall(SYS_clock_gettime, id, ret);
	int64_t now;

	if (status == 0 && id == CLOCK_MONOTONIC_RAW) {
		now = ret->tv_sec * NS_PER_S + ret->tv_nsec;
		now += ahead_ns(now);
		ret->tv_sec = now / NS_PER_S;
		ret->tv_nsec = now % NS_PER_S;
	}
	return status;
}
