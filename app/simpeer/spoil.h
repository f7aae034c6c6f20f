/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* What is done to an answer that was right. */
#include "frame.h"

/* The impairments that are. */
#define SIMPEER_SPOILS                                                                             \
	(SIMPEER_BIT(SIMPEER_WRONG_PORT) | SIMPEER_BIT(SIMPEER_WRONG_ACK) |                        \
	 SIMPEER_BIT(SIMPEER_WRONG_ADDRESS) | SIMPEER_BIT(SIMPEER_CORRUPT_QUOTE) |                 \
	 SIMPEER_BIT(SIMPEER_CORRUPT_PAYLOAD) | SIMPEER_BIT(SIMPEER_BAD_CHECKSUM))

/* Does those of `bits` to the answer of this form in `b`, as the rule says; `f`: the probe, of
 * which nothing is read but lengths and type. Checksums are right afterwards, but for the one that
 * is to be wrong. Returns those that could not be done, for want of something to do it to. */
uint32_t simpeer_spoil(struct simpeer_buf *b, const struct simpeer_frame *f,
		       const struct simpeer_rule *rule, enum simpeer_form form, uint32_t bits);
