/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Addresses and networks from text, for tables of cases. */
#include "unit.h"

#include "el_ip.h"

/* NULL: no address, family 0. */
static inline struct el_ip ip(const char *text)
{
	struct el_ip i = {0};

	if (text)
		assert_int_equal(el_ip_parse(text, &i), 0);
	return i;
}

static inline struct el_prefix prefix(const char *text)
{
	struct el_prefix p;

	assert_int_equal(el_prefix_parse(text, &p), 0);
	return p;
}
