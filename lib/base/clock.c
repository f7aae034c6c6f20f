/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_clock.h"

#include <math.h>

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

void el_calibration_begin(struct el_calibration *c, uint64_t tsc, uint64_t ref_ns, uint64_t read_ns)
{
	*c = (struct el_calibration){.first_tsc = tsc,
				     .first_ns = ref_ns,
				     .last_tsc = tsc,
				     .last_ns = ref_ns,
				     .read_error_ns = read_ns ? read_ns : 1};
}

void el_calibration_add(struct el_calibration *c, uint64_t tsc, uint64_t ref_ns, uint64_t read_ns)
{
	if (ref_ns <= c->last_ns || tsc <= c->last_tsc || read_ns > 10 * c->read_error_ns)
		return;
	if (read_ns > c->read_error_ns)
		c->read_error_ns = read_ns;
	c->last_tsc = tsc;
	c->last_ns = ref_ns;
}

uint64_t el_calibration_hz(const struct el_calibration *c)
{
	uint64_t span_ns = c->last_ns - c->first_ns;

	if (span_ns < 1000000)
		return 0;
	return (uint64_t)((unsigned __int128)(c->last_tsc - c->first_tsc) * EL_NS_PER_S / span_ns);
}

double el_calibration_error_ppm(const struct el_calibration *c)
{
	uint64_t span_ns = c->last_ns - c->first_ns;

	return span_ns ? 1e6 * 2.0 * (double)c->read_error_ns / (double)span_ns : INFINITY;
}
