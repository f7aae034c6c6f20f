/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What a session keeps, as points of a corridor and back. */
#include "corridor.h"
#include "el_delay.h"

/* Its segments, relative to its base. */
void session_points(const struct el_delay_session *s, struct corridor_points *ret);

/* Keeps of the points what is within the window, in as many stretches as there is room for, and
 * makes their end the base. */
void session_keep(struct el_delay_session *s, const struct corridor_points *p,
		  const struct corridor *c);

/* Forgets all but the rate, and this, too, unless it is kept. */
void session_forget(struct el_delay_session *s, bool keep_rate);
