/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Where a straight line does not do: steps of a clock and changes of its rate. */
#include <stdbool.h>

#include "corridor.h"

/* A step is at least so many times as large as minima scatter. */
#define SCATTERS 4

/* A break after point before - 1 and before point after; at most one, which it goes through, is
 * between them. That may be the last one, so that nothing is behind. */
struct corridor_break {
	uint32_t before, after;
	struct corridor old, new;
	double tolerance; /* what delays may be below a wall without this saying anything */
	bool same_rate;
	double step; /* of the offset */
};

/* The break that explains the points better than one corridor does, if there is one.
 *
 * A step makes the corridor that has to hold what is before and what is after it narrower than
 * either of the two has to be, by the size of the step. Queueing can do that as well, when the
 * minima of one direction lie before and those of the other one behind, but not so that both parts
 * are of equal width, unless by chance; and what is no more than minima scatter by is taken for
 * chance. few: there are too few samples to know that but by the worst of them. */
bool corridor_find_break(const struct corridor_points *p, struct corridor_slopes within, bool few,
			 struct corridor_break *ret);
