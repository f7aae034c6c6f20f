/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a script of the simulated peer: what is refused is refused with one line that says
 * where; what is accepted is sound in all that the peer relies on. */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

#include "script.h"

static void assert_one_line(const struct el_error *err)
{
	FUZZ_ASSERT(strncmp(err->text, "input:", 6) == 0 && err->text[6]);
	for (const char *c = err->text; *c; c++)
		FUZZ_ASSERT(!iscntrl((unsigned char)*c));
}

static void assert_prefixes(const struct simpeer_prefixes *p)
{
	FUZZ_ASSERT(p->n <= SIMPEER_PREFIXES_MAX);
	for (uint32_t i = 0; i < p->n; i++)
		FUZZ_ASSERT((p->v[i].net & ~p->v[i].mask) == 0);
}

/* Each rule answers all that it takes, and does to it only what can be done. */
static void assert_rule(const struct simpeer_rule *r)
{
	FUZZ_ASSERT(r->name[0] && memchr(r->name, '\0', sizeof(r->name)));
	FUZZ_ASSERT(r->types && r->types < 1U << SIMPEER_TYPES);
	FUZZ_ASSERT(r->src_port.first <= r->src_port.last && r->dst_port.first <= r->dst_port.last);
	FUZZ_ASSERT(r->reply <= SIMPEER_REPLY_NONE);
	for (int t = 0; t < SIMPEER_TYPES; t++)
		FUZZ_ASSERT(!(r->types & 1U << t) || r->reply == SIMPEER_REPLY_NONE ||
			    simpeer_rule_form(r, (enum simpeer_type)t) != SIMPEER_FORM_NONE);
	FUZZ_ASSERT(r->code >= -1 && r->code <= 15);
	FUZZ_ASSERT(r->quote_bytes >= 28 && r->quote_bytes <= 1472);
	FUZZ_ASSERT(r->copies >= 1 && r->copies <= SIMPEER_COPIES_MAX);
	FUZZ_ASSERT(r->delay_us <= SIMPEER_DELAY_US_MAX &&
		    r->delay_jitter_us <= SIMPEER_DELAY_US_MAX &&
		    r->duplicate_delay_us <= SIMPEER_DELAY_US_MAX);
	for (size_t i = 0; i < SIMPEER_IMPAIRMENTS; i++) {
		FUZZ_ASSERT(!(r->active & SIMPEER_BIT(i)) == !r->every[i].every);
		FUZZ_ASSERT(!r->every[i].every || r->every[i].offset < r->every[i].every);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct simpeer_script *s = NULL;
	struct el_error err = {0};

	if (simpeer_script_parse("input", (const char *)data, size, &err, &s) < 0) {
		FUZZ_ASSERT(!s);
		assert_one_line(&err);
		return 0;
	}
	FUZZ_ASSERT(s && s->n_rules <= SIMPEER_RULES_MAX && s->prefixes.n > 0);
	assert_prefixes(&s->prefixes);
	assert_prefixes(&s->except);
	assert_prefixes(&s->arp);
	FUZZ_ASSERT(!s->has_mac || !(s->mac[0] & 1));
	FUZZ_ASSERT(s->max_delayed >= 1 && s->max_half_open >= 1 && s->reorder_hold_us >= 1);
	for (uint32_t i = 0; i <= s->n_rules; i++)
		assert_rule(&s->rules[i]);
	simpeer_script_free(s);
	return 0;
}
