/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Half-open connections, as a listener's kernel keeps them: a bounded table from a 4-tuple to the
 * sequence number of its SYN. Nothing expires: what is left at the end is what the other side left
 * behind. */
#include <stdbool.h>
#include <stdint.h>

struct simpeer_tuple {
	uint32_t src, dst;
	uint16_t src_port, dst_port;
};

struct simpeer_half_open {
	struct simpeer_half_open_entry {
		struct simpeer_tuple tuple;
		uint32_t seq; /* of the SYN */
		uint32_t used;
	} * slots;
	uint32_t mask, count, max;
};

enum simpeer_half_open_result {
	SIMPEER_HALF_OPEN_NEW,       /* remembered */
	SIMPEER_HALF_OPEN_REPEATED,  /* the same SYN again */
	SIMPEER_HALF_OPEN_OTHER_SEQ, /* the 4-tuple is taken; *ret_seq is the SYN's that took it */
	SIMPEER_HALF_OPEN_FULL       /* not remembered */
};

/* For at most `max` (1 to 2^22) connections; 0 or -ENOMEM. */
int simpeer_half_open_init(struct simpeer_half_open *t, uint32_t max);
void simpeer_half_open_fini(struct simpeer_half_open *t);

enum simpeer_half_open_result simpeer_half_open_syn(struct simpeer_half_open *t,
						    const struct simpeer_tuple *tuple, uint32_t seq,
						    uint32_t *ret_seq);

/* An RST whose sequence number is the SYN's plus one closes; true if it did. `ret_known`: whether
 * the 4-tuple was there at all. */
bool simpeer_half_open_rst(struct simpeer_half_open *t, const struct simpeer_tuple *tuple,
			   uint32_t seq, bool *ret_known);
