/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A key, for the tests of one file. */
#include "stamp_sample.h"

static const uint8_t key_bytes[16] = "0123456789abcde";
static struct el_stamp_key *key;

static int setup(void **state)
{
	(void)state;
	key = el_stamp_key_create(key_bytes, sizeof(key_bytes));
	return key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_stamp_key_destroy(key);
	el_stamp_key_destroy(NULL);
	return 0;
}
