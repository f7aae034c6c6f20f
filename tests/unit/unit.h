/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What every unit test needs: cmocka with its prerequisites, and reproducible random numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t unit_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* EL_TEST_SEED from the environment, else the time; printed, so that a failure can be repeated. */
static inline uint64_t unit_seed(void)
{
	const char *text = getenv("EL_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("EL_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}
