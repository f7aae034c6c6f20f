/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What became of a probe, by its record, its timeout, and what happened while its block was open.
 */
#include "el_plan.h"

/* Whether the time between a send, stamped `time`, and its timeout touches that of the clock's step
 * (times modulo 2^56). */
static inline bool fate_may_be_wrong(const struct el_span *step, uint64_t time, uint64_t timeout)
{
	uint64_t step_long = step->to_ns - step->from_ns;
	uint64_t after_begin = (time + timeout - step->from_ns) & EL_RECORD_TIME_MASK;

	return after_begin <= step_long + timeout;
}

/* Whether a send, stamped `time`, lies in the span. */
static inline bool fate_is_within(const struct el_span *span, uint64_t time)
{
	return span->to_ns &&
	       ((time - span->from_ns) & EL_RECORD_TIME_MASK) <= span->to_ns - span->from_ns;
}

/* Whether the block was closed, at closed_ns, before the timeout of a send, stamped `time`, was
 * over. */
static inline bool fate_was_abandoned(uint64_t closed_ns, uint64_t time, uint64_t timeout)
{
	uint64_t left = (time + timeout - closed_ns) & EL_RECORD_TIME_MASK;

	return closed_ns && left && left < EL_RECORD_TIME_SIGN;
}

/* Of what is sent and not answered, and of what is answered. */
enum fate {
	FATE_LOST,
	FATE_UNKNOWN, /* the clock has stepped before its timeout was over */
	FATE_LOCAL,   /* it was sent the wrong way */
	FATE_ABANDONED,
	FATE_IN_TIME,
	FATE_LATE,
	FATE_OUT_OF_ORDER, /* an RTT below zero */
	FATE_UNTIMED,      /* the clock has stepped, so no RTT of the block is right */
};

static inline enum fate fate_of_sent(const struct el_block *b, uint64_t time, uint64_t timeout)
{
	if (b->step.to_ns && fate_may_be_wrong(&b->step, time, timeout))
		return FATE_UNKNOWN;
	if (fate_is_within(&b->moved, time))
		return FATE_LOCAL;
	return fate_was_abandoned(b->closed_ns, time, timeout) ? FATE_ABANDONED : FATE_LOST;
}

static inline enum fate fate_of_answered(const struct el_block *b, uint64_t rtt_ns,
					 uint64_t limit_ns)
{
	if (b->step.to_ns)
		return FATE_UNTIMED;
	if (rtt_ns & EL_RECORD_TIME_SIGN)
		return FATE_OUT_OF_ORDER;
	return rtt_ns > limit_ns ? FATE_LATE : FATE_IN_TIME;
}

/* The timeout of a slice, above which an RTT is late; less than any "negative" RTT. */
static inline uint64_t fate_limit_ns(const struct el_slice *s)
{
	uint64_t limit_ns = s->timeout_us * 1000ULL;

	return limit_ns < EL_RECORD_TIME_SIGN ? limit_ns : EL_RECORD_TIME_SIGN - 1;
}
