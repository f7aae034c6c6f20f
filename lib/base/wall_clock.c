/* SPDX-License-Identifier: BSD-3-Clause */
#include "el_wall_clock.h"

#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

#include "el_clock.h"
#include "el_core_clock.h"

#define SLEW_PPM_MAX 500
#define STEP_NS 2000 /* besides what slewing and reading can make */
/* What TAI has been ahead of UTC since 2017 (IERS bulletin C 52), where the kernel was not told. */
#define TAI_OFFSET_S 37
#define READS 16
#define DISTURBED_NS 1000

static uint64_t distance(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)(a - b) : (uint64_t)(b - a);
}

static const struct el_wall_pair *pair_before(const struct el_wall_clock *c, uint32_t back)
{
	return &c->pairs[(c->n_pairs - 1 - back) % EL_WALL_PAIRS];
}

/* What CLOCK_REALTIME gained on the other from the oldest pair to the newest. No pairs: as before.
 */
static int32_t slope_q32(const struct el_wall_clock *c)
{
	uint32_t back = c->n_pairs < EL_WALL_PAIRS ? c->n_pairs - 1 : EL_WALL_PAIRS - 1;
	const struct el_wall_pair *from = pair_before(c, back), *to = pair_before(c, 0);
	int64_t span = (int64_t)(to->ns - from->ns), gained = to->real_ns - from->real_ns - span;

	return span > 0 ? (int32_t)((__int128)gained * (INT64_C(1) << 32) / span)
			: c->line.rate_q32;
}

/* By how much the line missed the pair. True: that is too much for a clock that was not set. */
static bool has_stepped(const struct el_wall_clock *c, const struct el_wall_pair *pair,
			uint64_t *ret_missed_ns)
{
	int64_t since = (int64_t)(pair->ns - c->line.ns);
	uint64_t slewed = (uint64_t)llabs(since) / 1000000 * SLEW_PPM_MAX;

	*ret_missed_ns = distance(pair->real_ns, el_wall_real_ns(&c->line, pair->ns));
	return *ret_missed_ns > STEP_NS + slewed + pair->read_ns + pair_before(c, 0)->read_ns;
}

/* What is not known of the line, until the next pair: what the latest were missed by, what the
 * newest took to read; and what a worker's clock may be off by. */
static uint64_t own_error_ns(const struct el_wall_clock *c)
{
	uint64_t worst = 0;

	for (int i = 0; i < EL_WALL_PAIRS; i++)
		worst = c->missed_ns[i] > worst ? c->missed_ns[i] : worst;
	return worst + pair_before(c, 0)->read_ns + EL_CLOCK_STEP_NS;
}

void el_wall_clock_add(struct el_wall_clock *c, const struct el_wall_pair *pair,
		       const struct el_wall_kernel *kernel)
{
	struct el_wall_line *line = &c->line;
	uint64_t missed_ns = 0;

	if (line->steps == 0 || has_stepped(c, pair, &missed_ns)) {
		line->steps++;
		c->n_pairs = 0;
		missed_ns = 0; /* of the clock's setting, not of the line */
	}
	c->missed_ns[c->n_pairs % EL_WALL_PAIRS] = missed_ns;
	c->pairs[c->n_pairs++ % EL_WALL_PAIRS] = *pair;
	if (c->n_pairs > 2 * EL_WALL_PAIRS)
		c->n_pairs -= EL_WALL_PAIRS;
	line->rate_q32 = slope_q32(c);
	line->ns = pair->ns;
	line->real_ns = pair->real_ns;
	line->synchronised = kernel->known && kernel->synchronised;
	line->error_ns = kernel->known ? kernel->maxerror_ns + own_error_ns(c) : UINT64_MAX;
	line->tai_offset_s =
	    kernel->known && kernel->tai_offset_s ? kernel->tai_offset_s : TAI_OFFSET_S;
}

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * EL_NS_PER_S + (uint64_t)t->tv_nsec;
}

/* The one of several that took least: whatever comes between the readings makes it worse. */
static struct el_wall_pair read_pair(void)
{
	struct el_wall_pair best = {.read_ns = UINT64_MAX};

	for (int i = 0; i < READS; i++) {
		struct timespec before, real, after;
		uint64_t took;

		clock_gettime(CLOCK_MONOTONIC_RAW, &before);
		clock_gettime(CLOCK_REALTIME, &real);
		clock_gettime(CLOCK_MONOTONIC_RAW, &after);
		took = to_ns(&after) - to_ns(&before);
		if (took < best.read_ns)
			best = (struct el_wall_pair){.ns = to_ns(&before) + took / 2,
						     .real_ns = (int64_t)to_ns(&real),
						     .read_ns = took};
	}
	return best;
}

static struct el_wall_kernel ask_kernel(void)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);

	if (state < 0) /* a filter of system calls, as systemd's ProtectClock is */
		return (struct el_wall_kernel){.known = false};
	return (struct el_wall_kernel){
	    .known = true,
	    .synchronised = state != TIME_ERROR && !(t.status & STA_UNSYNC),
	    .maxerror_ns = t.maxerror < 0 ? 0 : (uint64_t)t.maxerror * 1000,
	    .tai_offset_s = t.tai};
}

void el_wall_clock_read(struct el_wall_clock *c)
{
	struct el_wall_pair pair = read_pair();
	struct el_wall_kernel kernel = ask_kernel();

	for (int i = 0; i < 8 && pair.read_ns > DISTURBED_NS; i++) {
		struct el_wall_pair again = read_pair();

		if (again.read_ns < pair.read_ns)
			pair = again;
	}
	el_wall_clock_add(c, &pair, &kernel);
}
