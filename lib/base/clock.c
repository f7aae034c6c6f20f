/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_clock.h"

uint64_t el_ns_from_s(double seconds)
{
	return seconds <= 0 ? 0 : (uint64_t)((long double)seconds * (long double)EL_NS_PER_S);
}
