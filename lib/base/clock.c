/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_clock.h"

struct el_clock el_clock_init(uint64_t tsc_hz)
{
	return (struct el_clock){
	    .tsc_hz = tsc_hz,
	    .ns_per_tsc_q32 = (uint64_t)(((unsigned __int128)EL_NS_PER_S << 32) / tsc_hz),
	};
}

uint64_t el_clock_tsc_from_s(const struct el_clock *c, double seconds)
{
	return seconds <= 0 ? 0 : (uint64_t)((long double)seconds * (long double)c->tsc_hz);
}

double el_clock_s(const struct el_clock *c, uint64_t tsc)
{
	return (double)((long double)tsc / (long double)c->tsc_hz);
}
