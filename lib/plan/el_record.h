/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A record is what is kept of one probe: 8 bytes. A block is the records of one round of one
 * worker. */
#include <stdbool.h>
#include <stdint.h>

#include "el_base.h"

/* bits 63..60 state | 59..58 duplicates, saturating | 57 ICMP error | 56 uncertain | 55..0 time or
 * RTT. While sent: the time of the send modulo 2^56. Once answered: the RTT modulo 2^56, in ns (a
 * "negative" one, from a receive stamp before the send, has bit 55 set). Zeroed memory is unsent.
 */
typedef uint64_t el_record;

enum el_record_state {
	EL_RECORD_UNSENT = 0,
	EL_RECORD_SENT = 1,
	EL_RECORD_ANSWERED = 2,
	EL_RECORD_LOCAL = 3, /* it never left this machine: neither answered nor lost */
};

#define EL_RECORD_STATE_SHIFT 60
#define EL_RECORD_DUP_SHIFT 58
#define EL_RECORD_DUP_MAX 3
#define EL_RECORD_ICMP_ERROR (1ULL << 57)
/* sent or answered, but when is known no better than el_plan_set.certain_below_ns */
#define EL_RECORD_UNCERTAIN (1ULL << 56)
#define EL_RECORD_TIME_MASK ((1ULL << 56) - 1)
#define EL_RECORD_TIME_SIGN (1ULL << 55)

_Static_assert(sizeof(el_record) == 8, "a record is 8 bytes");

static inline enum el_record_state el_record_state(el_record r)
{
	return (enum el_record_state)(r >> EL_RECORD_STATE_SHIFT);
}

static inline el_record el_record_sent(uint64_t ns)
{
	return ((uint64_t)EL_RECORD_SENT << EL_RECORD_STATE_SHIFT) | (ns & EL_RECORD_TIME_MASK);
}

static inline el_record el_record_local(void)
{
	return (uint64_t)EL_RECORD_LOCAL << EL_RECORD_STATE_SHIFT;
}

/* A sent record with its answer, received at `ns`; an ICMP error noted before stays noted, and so
 * does a send that is uncertain. `mark`: EL_RECORD_UNCERTAIN or 0. */
static inline el_record el_record_answered_as(el_record sent, uint64_t ns, el_record mark)
{
	return ((uint64_t)EL_RECORD_ANSWERED << EL_RECORD_STATE_SHIFT | mark) |
	       (sent & (EL_RECORD_ICMP_ERROR | EL_RECORD_UNCERTAIN)) |
	       ((ns - sent) & EL_RECORD_TIME_MASK);
}

/* The same where `ns` is certain. */
static inline el_record el_record_answered(el_record sent, uint64_t ns)
{
	return el_record_answered_as(sent, ns, 0);
}

/* An answered record with one more duplicate counted, up to 3. */
static inline el_record el_record_duplicate(el_record r)
{
	return ((r >> EL_RECORD_DUP_SHIFT) & EL_RECORD_DUP_MAX) == EL_RECORD_DUP_MAX
		   ? r
		   : r + (1ULL << EL_RECORD_DUP_SHIFT);
}

static inline unsigned el_record_duplicates(el_record r)
{
	return (unsigned)(r >> EL_RECORD_DUP_SHIFT) & EL_RECORD_DUP_MAX;
}

static inline uint64_t el_record_time(el_record r)
{
	return r & EL_RECORD_TIME_MASK;
}
