/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The peer as a STAMP reflector with a clock of its own, which is as wrong as its script says. */
#include "el_stamp.h"
#include "el_wall_clock.h"
#include "frame.h"

#define SIMPEER_SESSIONS 4096 /* a power of two; more than half of them are not counted */

struct simpeer_stamp {
	struct el_wall_line wall; /* CLOCK_REALTIME; zero: the time itself */
	uint64_t began_ns;        /* when its clock was right but for its offset; 0: not yet */
	struct el_stamp_reflector reflector;
	struct simpeer_session {
		uint64_t which; /* 0: none */
		uint32_t src, dst;
		struct el_stamp_session counts;
	} * sessions;
	uint32_t n_sessions;
};

/* 0 or -ENOMEM. */
int simpeer_stamp_init(struct simpeer_stamp *s, const struct simpeer_clock *clock);
void simpeer_stamp_fini(struct simpeer_stamp *s);

/* What the peer's clock shows at `ns`. */
int64_t simpeer_stamp_clock(const struct simpeer_stamp *s, const struct simpeer_clock *clock,
			    uint64_t ns);

/* Turns the request in `b`, which came at `now_ns`, into its reply, as simpeer_answer_udp: T2 is
 * when it has been under way for the rule's forward_us, T3 its residence_us later. False: it is
 * none, or asks for none. */
bool simpeer_stamp_reflect(struct simpeer_stamp *s, const struct simpeer_script *script,
			   const struct simpeer_rule *rule, uint64_t now_ns, struct simpeer_buf *b,
			   const struct simpeer_frame *f);
