/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_base.h"
#include "shared_interface.h"

static void ranges_overlap(void **state)
{
	static const struct {
		uint16_t first, last, a, z;
		const char *reserved;
		bool overlap;
	} cases[] = {
	    {65000, 65001, 32768, 60999, "\n", false},
	    {40000, 40099, 32768, 60999, "\n", true},
	    {40000, 40099, 32768, 60999, "", true},
	    {1000, 32767, 32768, 60999, "\n", false},
	    {1000, 32768, 32768, 60999, "\n", true},
	    {60999, 65535, 32768, 60999, "\n", true},
	    {61000, 65535, 32768, 60999, "\n", false},
	    {1, 65535, 40000, 40000, "\n", true},
	    {40000, 40099, 32768, 60999, "40000-40099\n", false},
	    {40000, 40099, 32768, 60999, "8080,39990-50000,65000\n", false},
	    {40000, 40099, 32768, 60999, "40000-40098\n", true},
	    {40000, 40099, 32768, 60999, "40001-40099\n", true},
	    {40000, 40099, 32768, 60999, "40000-40050,40052-40099\n", true},
	    {40000, 40099, 32768, 60999, "40000-40050,40051,40052-40099\n", false},
	    {60998, 61010, 32768, 60999, "60998-60999\n", false},
	    {65534, 65535, 1024, 65535, "65534-65535\n", false},
	    {65534, 65535, 1024, 65535, "65534\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (shared_interface_ports_overlap(cases[i].first, cases[i].last, cases[i].a,
						   cases[i].z,
						   cases[i].reserved) != cases[i].overlap)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_overlap)};

	return cmocka_run_group_tests_name("shared_interface", tests, NULL, NULL);
}
