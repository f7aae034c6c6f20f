/* SPDX-License-Identifier: BSD-3-Clause */
#include "core.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>

#include "answer.h"
#include "el_respond_plain.h"
#include "spoil.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_u64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* In (0, 1]. */
static double random_unit(uint64_t *state)
{
	return ((double)(random_u64(state) >> 11) + 1) * 0x1p-53;
}

uint64_t simpeer_rule_delay_ns(const struct simpeer_rule *rule, uint64_t *random)
{
	double mean = rule->delay_us * 1e3, jitter = rule->delay_jitter_us * 1e3, ns = mean;

	switch ((enum simpeer_delay_kind)rule->delay_kind) {
	case SIMPEER_DELAY_FIXED:
		break;
	case SIMPEER_DELAY_UNIFORM:
		ns = mean + jitter * (2 * random_unit(random) - 1);
		break;
	case SIMPEER_DELAY_EXPONENTIAL:
		ns = -mean * log(random_unit(random));
		break;
	case SIMPEER_DELAY_NORMAL: { /* Box and Muller 1958 */
		double r = sqrt(-2 * log(random_unit(random)));

		ns = mean + jitter * r * cos(2 * M_PI * random_unit(random));
		break;
	}
	}
	return ns <= 0                            ? 0
	       : ns >= SIMPEER_DELAY_US_MAX * 1e3 ? SIMPEER_DELAY_US_MAX * 1000ULL
						  : (uint64_t)ns;
}

int simpeer_core_init(struct simpeer_core *c, const struct simpeer_script *script,
		      const uint8_t mac[6])
{
	bool half_open = false;

	*c = (struct simpeer_core){.script = script, .random = script->seed};
	memcpy(c->mac, script->has_mac ? script->mac : mac, 6);
	c->rules = calloc(script->n_rules + 1, sizeof(*c->rules));
	if (!c->rules)
		goto fail;
	for (uint32_t i = 0; i <= script->n_rules; i++) {
		const struct simpeer_rule *rule = &script->rules[i];

		half_open |= rule->half_open;
		if (!rule->per_destination)
			continue;
		c->rules[i].per_destination =
		    calloc((size_t)~ntohl(rule->dst.mask) + 1, sizeof(uint32_t));
		if (!c->rules[i].per_destination)
			goto fail;
	}
	if (simpeer_stamp_init(&c->stamp, &script->clock) < 0)
		goto fail;
	if (half_open && simpeer_half_open_init(&c->half_open, script->max_half_open) < 0)
		goto fail;
	return 0;
fail:
	simpeer_core_fini(c);
	return -ENOMEM;
}

void simpeer_core_fini(struct simpeer_core *c)
{
	for (uint32_t i = 0; c->rules && i <= c->script->n_rules; i++)
		free(c->rules[i].per_destination);
	free(c->rules);
	c->rules = NULL;
	simpeer_half_open_fini(&c->half_open);
	simpeer_stamp_fini(&c->stamp);
}

static uint16_t match(const struct simpeer_script *s, const struct simpeer_frame *f)
{
	uint32_t i;

	for (i = 0; i < s->n_rules; i++) {
		const struct simpeer_rule *r = &s->rules[i];

		if (!(r->types & 1U << f->type) || (f->dst & r->dst.mask) != r->dst.net ||
		    (f->src & r->src.mask) != r->src.net)
			continue;
		if (f->type == SIMPEER_ICMP ||
		    (f->dst_port >= r->dst_port.first && f->dst_port <= r->dst_port.last &&
		     f->src_port >= r->src_port.first && f->src_port <= r->src_port.last))
			break;
	}
	return (uint16_t)i; /* the last one takes all */
}

static bool own_address(const struct simpeer_script *s, uint32_t addr)
{
	return simpeer_prefixes_contain(&s->prefixes, addr) &&
	       !simpeer_prefixes_contain(&s->except, addr);
}

static void handle_arp(struct simpeer_core *c, struct simpeer_buf *b, const struct simpeer_frame *f,
		       struct simpeer_verdict *v)
{
	/* a host that asks whether it may have an address (RFC 5227) may */
	if (!f->src || (!own_address(c->script, f->dst) &&
			!simpeer_prefixes_contain(&c->script->arp, f->dst))) {
		c->counters.other_address++;
		return;
	}
	if (c->counters.arp_requests++ < c->script->arp_drop_first)
		return;
	simpeer_answer_arp(b, f, c->mac);
	simpeer_answer_ethernet(b, c->mac);
	c->counters.arp_answered++;
	v->answer = true;
}

static struct simpeer_tuple tuple_of(const struct simpeer_frame *f)
{
	return (struct simpeer_tuple){f->src, f->dst, f->src_port, f->dst_port};
}

static void handle_rst(struct simpeer_core *c, const struct simpeer_frame *f)
{
	uint16_t i = match(c->script, f);
	struct simpeer_tuple tuple = tuple_of(f);
	bool known;

	c->rules[i].counters.rst++;
	if (!c->script->rules[i].half_open)
		return;
	if (simpeer_half_open_rst(&c->half_open, &tuple, el_get32(f->pkt.l4 + 4), &known))
		c->counters.half_open_closed++;
	else if (known)
		c->counters.half_open_wrong_rst++;
}

/* Our initial sequence number: the same for the same SYN, so that a repeated one gets the same
 * answer. */
static uint32_t isn(const struct simpeer_core *c, const struct simpeer_frame *f, uint32_t seq)
{
	uint64_t state = c->script->seed ^ (uint64_t)f->src << 32 ^ f->dst;

	state =
	    random_u64(&state) ^ (uint64_t)f->src_port << 48 ^ (uint64_t)f->dst_port << 32 ^ seq;
	return (uint32_t)random_u64(&state);
}

/* What a SYN is answered with. False: nothing. */
static bool tcp_answer(struct simpeer_core *c, const struct simpeer_rule *rule,
		       const struct simpeer_frame *f, struct el_respond_segment *ret)
{
	const uint32_t seq = el_get32(f->pkt.l4 + 4);
	enum simpeer_reply reply = (enum simpeer_reply)rule->reply;
	bool open = reply == SIMPEER_REPLY_PLAIN || reply == SIMPEER_REPLY_SYNACK;
	struct simpeer_tuple tuple;
	uint32_t old_seq = 0;

	*ret = el_respond_segment(&f->pkt, open);
	if (!open && !rule->rst_acks_payload)
		ret->acknowledged = seq + 1;
	switch (reply) {
	case SIMPEER_REPLY_RST:
		ret->flags = TH_RST;
		return true;
	case SIMPEER_REPLY_RSTACK:
		return true;
	case SIMPEER_REPLY_BARE_RST:
		*ret = (struct el_respond_segment){.flags = TH_RST};
		return true;
	case SIMPEER_REPLY_CHALLENGE_ACK:
		*ret = (struct el_respond_segment){isn(c, f, 0) + 1, isn(c, f, 1) + 1, TH_ACK};
		return true;
	default:
		break;
	}
	ret->sequence = isn(c, f, seq);
	if (!rule->half_open)
		return true;
	tuple = tuple_of(f);
	switch (simpeer_half_open_syn(&c->half_open, &tuple, seq, &old_seq)) {
	case SIMPEER_HALF_OPEN_NEW:
		c->counters.half_open_opened++;
		break;
	case SIMPEER_HALF_OPEN_REPEATED:
		c->counters.half_open_repeated++;
		break;
	case SIMPEER_HALF_OPEN_OTHER_SEQ:
		c->counters.half_open_reused++;
		*ret = (struct el_respond_segment){isn(c, f, old_seq) + 1, old_seq + 1, TH_ACK};
		return rule->challenge_reuse;
	case SIMPEER_HALF_OPEN_FULL:
		c->counters.half_open_full++;
		break;
	}
	return true;
}

static void answer_icmp_error(const struct simpeer_rule *rule, struct simpeer_buf *b,
			      const struct simpeer_frame *f)
{
	bool time_exceeded = rule->reply == SIMPEER_REPLY_TIME_EXCEEDED;
	int usual = time_exceeded ? ICMP_EXC_TTL : ICMP_PORT_UNREACH;

	simpeer_answer_icmp_error(b, f, time_exceeded ? ICMP_TIME_EXCEEDED : ICMP_DEST_UNREACH,
				  (uint8_t)(rule->code >= 0 ? rule->code : usual),
				  rule->quote_bytes);
	if (rule->from_router)
		simpeer_answer_set_source(b->data + f->l2_len, rule->from_router);
}

/* Makes the answer; false if the rule gives none. *bits: what of it could be done. */
static bool make_answer(struct simpeer_core *c, const struct simpeer_rule *rule,
			struct simpeer_buf *b, const struct simpeer_frame *f, uint32_t *bits)
{
	enum simpeer_form form = simpeer_rule_form(rule, f->type);
	struct el_respond_segment segment;

	switch (form) {
	case SIMPEER_FORM_ECHO:
		simpeer_answer_echo(b, f);
		break;
	case SIMPEER_FORM_TCP:
		if (!tcp_answer(c, rule, f, &segment))
			return false;
		simpeer_answer_tcp(b, f, &segment);
		break;
	case SIMPEER_FORM_UDP:
		simpeer_answer_udp(b, f, el_respond_tos(&f->pkt) & EL_RESPOND_DSCP, EL_RESPOND_TTL,
				   f->pkt.l4_len - SIMPEER_UDP_LEN);
		break;
	case SIMPEER_FORM_STAMP:
		if (!simpeer_stamp_reflect(&c->stamp, c->script, rule, c->now_ns, b, f))
			return false;
		break;
	case SIMPEER_FORM_ICMP_ERROR:
		answer_icmp_error(rule, b, f);
		break;
	default:
		return false;
	}
	simpeer_answer_ethernet(b, c->mac);
	if (*bits & SIMPEER_SPOILS)
		*bits &= ~simpeer_spoil(b, f, rule, form, *bits);
	return true;
}

static void handle_probe(struct simpeer_core *c, struct simpeer_buf *b,
			 const struct simpeer_frame *f, struct simpeer_verdict *v)
{
	uint16_t i = match(c->script, f);
	const struct simpeer_rule *rule = &c->script->rules[i];
	struct simpeer_rule_state *state = &c->rules[i];
	uint64_t k = state->probes++;
	uint32_t bits;

	state->counters.received[f->type]++;
	if (state->per_destination)
		k = state->per_destination[ntohl(f->dst & ~rule->dst.mask)]++;
	bits = simpeer_rule_decide(rule, k);
	if (bits & SIMPEER_BIT(SIMPEER_DROP)) {
		state->counters.done[SIMPEER_DROP]++;
		return;
	}
	if (!make_answer(c, rule, b, f, &bits)) {
		state->counters.silent++;
		return;
	}
	if (bits & SIMPEER_BIT(SIMPEER_LOSE)) {
		state->counters.done[SIMPEER_LOSE]++;
		return;
	}
	state->counters.answered++;
	v->answer = true;
	v->rule = i;
	if (rule->reply == SIMPEER_REPLY_STAMP)
		v->delay_ns = (rule->stamp_forward_us + (uint64_t)rule->stamp_residence_us) * 1000;
	if (bits == 0)
		return;
	for (uint32_t left = bits; left; left &= left - 1)
		state->counters.done[__builtin_ctz(left)]++;
	v->reorder = bits & SIMPEER_BIT(SIMPEER_REORDER);
	if (bits & SIMPEER_BIT(SIMPEER_DELAY))
		v->delay_ns += simpeer_rule_delay_ns(rule, &c->random);
	if (bits & SIMPEER_BIT(SIMPEER_DUPLICATE)) {
		v->copies = rule->copies;
		v->duplicate_delay_ns = rule->duplicate_delay_us * 1000ULL;
		state->counters.copies += rule->copies;
	}
}

void simpeer_core_handle(struct simpeer_core *c, struct simpeer_buf *b,
			 struct simpeer_verdict *ret_verdict)
{
	struct simpeer_frame f;

	*ret_verdict = (struct simpeer_verdict){.rule = SIMPEER_NO_RULE};
	c->counters.frames++;
	simpeer_frame_parse(b, c->mac, c->script->verify_checksums, &f);
	if (!f.dst_mac_own && !c->script->promiscuous) {
		c->counters.other_mac++;
		return;
	}
	switch (f.kind) {
	case SIMPEER_FRAME_PROBE:
	case SIMPEER_FRAME_RST:
		if (!own_address(c->script, f.dst))
			c->counters.other_address++;
		else if (f.kind == SIMPEER_FRAME_RST)
			handle_rst(c, &f);
		else if (b->headroom < SIMPEER_HEADROOM)
			c->counters.malformed++;
		else
			handle_probe(c, b, &f, ret_verdict);
		break;
	case SIMPEER_FRAME_ARP_REQUEST:
		handle_arp(c, b, &f, ret_verdict);
		break;
	case SIMPEER_FRAME_BAD_CHECKSUM:
		c->counters.bad_checksum++;
		break;
	case SIMPEER_FRAME_MALFORMED:
		c->counters.malformed++;
		break;
	case SIMPEER_FRAME_FRAGMENT:
		c->counters.fragments++;
		break;
	case SIMPEER_FRAME_OTHER:
		c->counters.other_kind++;
		break;
	}
}
