/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

/* Division and remainder by a divisor known in advance, without a division: exact for every 32-bit
 * dividend and every divisor from 1 to 2^32 - 1 (Lemire, Kaser, Kurz: "Faster remainder by direct
 * computation", 2019). */
struct el_fastdiv {
	uint64_t recip; /* ceil(2^64 / divisor); 0 stands for 2^64, that is for divisor 1 */
	uint32_t divisor;
};

static inline uint64_t el_fastdiv_recip(uint32_t divisor)
{
	return UINT64_MAX / divisor + 1;
}

static inline struct el_fastdiv el_fastdiv_init(uint32_t divisor)
{
	return (struct el_fastdiv){.recip = el_fastdiv_recip(divisor), .divisor = divisor};
}

/* a / divisor */
static inline uint32_t el_fastdiv(uint32_t a, const struct el_fastdiv *d)
{
	if (d->recip == 0)
		return a;
	return (uint32_t)(((unsigned __int128)d->recip * a) >> 64);
}

/* a % divisor, `recip` being el_fastdiv_recip(divisor) */
static inline uint32_t el_fastmod(uint32_t a, uint64_t recip, uint32_t divisor)
{
	uint64_t low = recip * a;
	return (uint32_t)(((unsigned __int128)low * divisor) >> 64);
}
