/* SPDX-License-Identifier: BSD-3-Clause */
#include "core.h"

#include <inttypes.h>

/* In the order of enum simpeer_impairment. */
static const char *const done_names[SIMPEER_IMPAIRMENTS] = {
    "dropped",     "lost",      "delayed",       "duplicated",      "reordered",
    "wrong_port",  "wrong_ack", "wrong_address", "corrupted_quote", "corrupted_payload",
    "bad_checksum"};

static void add(struct el_str *s, const char *name, uint64_t value)
{
	el_str_addf(s, "\"%s\": %" PRIu64 ", ", name, value);
}

static void add_rule(struct el_str *s, const struct simpeer_rule *rule,
		     const struct simpeer_rule_counters *n)
{
	el_str_addf(s, "    {\"name\": \"%s\", ", rule->name);
	add(s, "tcp", n->received[SIMPEER_TCP]);
	add(s, "icmp", n->received[SIMPEER_ICMP]);
	add(s, "udp", n->received[SIMPEER_UDP]);
	add(s, "received",
	    n->received[SIMPEER_TCP] + n->received[SIMPEER_ICMP] + n->received[SIMPEER_UDP]);
	add(s, "answered", n->answered);
	add(s, "silent", n->silent);
	for (int i = 0; i < SIMPEER_IMPAIRMENTS; i++)
		add(s, done_names[i], n->done[i]);
	add(s, "copies", n->copies);
	add(s, "delay_overflow", n->delay_overflow);
	add(s, "reorder_timeout", n->reorder_timeout);
	el_str_addf(s, "\"rst\": %" PRIu64 "}", n->rst);
}

/* Nanoseconds that a part of all delayed answers were late at most; 0 if there were none. */
static uint64_t late_ns(const struct simpeer_late *late, double part)
{
	uint64_t left = (uint64_t)(part * (double)late->n);
	uint32_t i = 0;

	if (!late->n)
		return 0;
	while (i + 1 < SIMPEER_LATE_BINS && late->bins[i] <= left)
		left -= late->bins[i++];
	return (uint64_t)((i + 0.5) * SIMPEER_LATE_NS);
}

void simpeer_core_json(const struct simpeer_core *c, struct el_str *s)
{
	const struct simpeer_counters *n = &c->counters;

	el_str_add(s, "{\n  ");
	add(s, "frames", n->frames);
	add(s, "arp_requests", n->arp_requests);
	add(s, "arp_answered", n->arp_answered);
	add(s, "other_mac", n->other_mac);
	add(s, "other_address", n->other_address);
	add(s, "other_kind", n->other_kind);
	add(s, "bad_checksum", n->bad_checksum);
	add(s, "malformed", n->malformed);
	add(s, "fragments", n->fragments);
	add(s, "sent", n->sent);
	add(s, "unsent", n->unsent);
	add(s, "no_mbuf", n->no_mbuf);
	add(s, "late_dropped", n->late_dropped);
	add(s, "late_sent", n->late_sent);
	add(s, "late_p50_ns", late_ns(&c->late, 0.5));
	add(s, "late_p99_ns", late_ns(&c->late, 0.99));
	el_str_add(s, "\n  ");
	add(s, "half_open_opened", n->half_open_opened);
	add(s, "half_open_repeated", n->half_open_repeated);
	add(s, "half_open_reused", n->half_open_reused);
	add(s, "half_open_full", n->half_open_full);
	add(s, "half_open_closed", n->half_open_closed);
	add(s, "half_open_wrong_rst", n->half_open_wrong_rst);
	add(s, "half_open_left", c->half_open.count);
	el_str_add(s, "\n  \"rules\": [\n");
	for (uint32_t i = 0; i <= c->script->n_rules; i++) {
		if (i > 0)
			el_str_add(s, ",\n");
		add_rule(s, &c->script->rules[i], &c->rules[i].counters);
	}
	el_str_add(s, "\n  ]\n}\n");
}
