/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The peer without its port: one frame in, what to send and when out. Plain memory, no clock, no
 * EAL; one thread. */
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "halfopen.h"
#include "script.h"
#include "stamp.h"

#define SIMPEER_NO_RULE UINT16_MAX

/* Of one rule. received = answered + dropped + lost + silent + delay_overflow. */
struct simpeer_rule_counters {
	uint64_t received[SIMPEER_TYPES];
	uint64_t answered;                  /* each probe once, copies apart */
	uint64_t silent;                    /* the rule says so, or a reused 4-tuple is ignored */
	uint64_t done[SIMPEER_IMPAIRMENTS]; /* SIMPEER_DUPLICATE: answers, not copies */
	uint64_t copies;
	uint64_t delay_overflow;  /* not answered, because too many answers were held back */
	uint64_t reorder_timeout; /* held for the next answer, which did not come */
	uint64_t rst;             /* RSTs to addresses and ports of the rule */
};

struct simpeer_counters {
	uint64_t frames;
	uint64_t arp_requests, arp_answered;
	uint64_t other_mac, other_address, other_kind;
	uint64_t bad_checksum, malformed, fragments;
	uint64_t half_open_opened, half_open_repeated, half_open_reused, half_open_full;
	uint64_t half_open_closed, half_open_wrong_rst;
	/* Whoever drives the port counts these: answers and copies handed to it, not yet taken by
	 * it at the end, and probes or copies lost because the mbuf pool was empty. */
	uint64_t sent, unsent, no_mbuf;
	/* Of the answers and copies, with the script's drop_late_ns: not sent, because they were
	 * later than that; and of those sent, the ones whose call to the port lasted beyond it. */
	uint64_t late_dropped, late_sent;
};

/* How late delayed answers were when they were taken up to be sent: the peer's own part in an error
 * of round-trip times. Bins of SIMPEER_LATE_NS; whoever drives the port counts. */
#define SIMPEER_LATE_NS 16
#define SIMPEER_LATE_BINS 16384
struct simpeer_late {
	uint64_t n, bins[SIMPEER_LATE_BINS]; /* the last is of all that are later */
};

struct simpeer_core {
	const struct simpeer_script *script;
	uint8_t mac[6];
	uint64_t random;
	uint64_t now_ns; /* of what is handled, by whoever drives the port */
	struct simpeer_stamp stamp;
	struct simpeer_half_open half_open;
	struct simpeer_counters counters;
	struct simpeer_rule_state {
		uint64_t probes; /* so far, of all destinations */
		/* the same of each address of the rule's prefix; or NULL */
		uint32_t *per_destination;
		struct simpeer_rule_counters counters;
	} * rules; /* n_rules + 1 */
	struct simpeer_late late;
};

/* What to do with the buffer. */
struct simpeer_verdict {
	bool answer;     /* it holds an answer, to be sent; else free it */
	uint16_t rule;   /* SIMPEER_NO_RULE for ARP */
	bool reorder;    /* hold it until the rule's next answer has gone out */
	uint32_t copies; /* to send besides, duplicate_delay_ns after it */
	uint64_t delay_ns;
	uint64_t duplicate_delay_ns;
};

/* The script must outlive the core. `mac`: the port's, taken where the script names none. 0 or
 * -ENOMEM. */
int simpeer_core_init(struct simpeer_core *c, const struct simpeer_script *script,
		      const uint8_t mac[6]);
void simpeer_core_fini(struct simpeer_core *c);

/* Handles one received frame; turns it into its answer in place where there is one. The buffer
 * needs SIMPEER_HEADROOM, else the frame counts as malformed. */
void simpeer_core_handle(struct simpeer_core *c, struct simpeer_buf *b,
			 struct simpeer_verdict *ret_verdict);

/* Which impairments come to probe k (from 0) of the rule: SIMPEER_BIT()s. A dropped probe has no
 * other. */
static inline uint32_t simpeer_rule_decide(const struct simpeer_rule *rule, uint64_t k)
{
	uint32_t bits = 0;

	for (uint32_t left = rule->active; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (k % rule->every[i].every == rule->every[i].offset)
			bits |= SIMPEER_BIT(i);
	}
	return bits & SIMPEER_BIT(SIMPEER_DROP) ? SIMPEER_BIT(SIMPEER_DROP) : bits;
}

/* One draw of the rule's delay. `random`: the generator's state. */
uint64_t simpeer_rule_delay_ns(const struct simpeer_rule *rule, uint64_t *random);

/* All counters as a JSON object, into `s`. */
void simpeer_core_json(const struct simpeer_core *c, struct el_str *s);
