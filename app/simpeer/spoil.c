/* SPDX-License-Identifier: BSD-3-Clause */
#include "spoil.h"

#include "answer.h"
#include "el_respond_plain.h"

#define IP_ID 4 /* in an IPv4 header */
#define DESTINATION 16
#define TCP_ACK 8

/* An answer, from its IPv4 header on. */
struct answer {
	uint8_t *l3, *l4;
	uint32_t l4_len;
	enum simpeer_form form;
	const struct simpeer_frame *probe;
	const struct simpeer_rule *rule;
};

static bool invert(uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)~p[i];
	return len > 0;
}

/* Where the checksum is in an L4 header. */
static uint32_t checksum_at(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
}

static void sum_l4(const struct answer *a)
{
	uint8_t protocol = a->l3[9], *at = a->l4 + checksum_at(protocol);
	uint64_t sum =
	    protocol == IPPROTO_ICMP ? 0 : el_sum_pseudo(a->l3, protocol, (uint16_t)a->l4_len);
	uint16_t checksum;

	el_put16(at, 0);
	sum = el_sum(a->l4, a->l4_len, sum);
	if (protocol == IPPROTO_UDP) {
		el_respond_udp_set_checksum(a->l4, sum);
		return;
	}
	checksum = (uint16_t)~el_sum_fold(sum);
	memcpy(at, &checksum, sizeof(checksum));
}

/* Makes it wrong, and not "none" where there is that. */
static void spoil_checksum(const struct answer *a)
{
	uint8_t *p = a->l4 + checksum_at(a->l3[9]);

	p[0] ^= 0x55;
	if (p[0] == 0 && p[1] == 0)
		p[0] = 0x33;
}

/* ---- the quote of an ICMP error ---- */

static uint8_t *quote_of(const struct answer *a)
{
	return a->l4 + EL_RESPOND_ERROR_LEN;
}

/* Sets two bytes of the quote to zero; false if they are not in it or are zero already. */
static bool zero16(const struct answer *a, uint32_t at)
{
	uint8_t *p = quote_of(a) + at;

	if (EL_RESPOND_ERROR_LEN + at + 2 > a->l4_len || el_get16(p) == 0)
		return false;
	el_put16(p, 0);
	return true;
}

/* Damages the quoted packet, whose IP header keeps a right checksum. False if there was nothing to
 * damage. Behind the quote lies the rest of the packet. */
static bool damage_quote(struct answer *a)
{
	const struct el_pkt *pkt = &a->probe->pkt;
	uint8_t *quote = quote_of(a), *l4 = quote + SIMPEER_IPV4_LEN;
	bool done = true;

	switch ((enum simpeer_quote_fault)a->rule->quote_fault) {
	case SIMPEER_QUOTE_ZERO_IP_ID:
		done = zero16(a, IP_ID);
		break;
	case SIMPEER_QUOTE_ZERO_CHECKSUM:
		done = zero16(a, SIMPEER_IPV4_LEN + checksum_at(pkt->protocol));
		break;
	case SIMPEER_QUOTE_TRUNCATE:
		a->l4_len = EL_RESPOND_ERROR_LEN + SIMPEER_IPV4_LEN + 4;
		el_put16(a->l3 + 2, (uint16_t)(SIMPEER_IPV4_LEN + a->l4_len));
		break;
	case SIMPEER_QUOTE_WRONG_PORT:
		done = a->probe->type != SIMPEER_ICMP;
		if (done)
			l4[1] ^= 1;
		break;
	case SIMPEER_QUOTE_FLIP_PAYLOAD: {
		uint32_t header = pkt->protocol == IPPROTO_TCP ? (l4[12] >> 4) * 4U : 8U,
			 quoted = a->l4_len - EL_RESPOND_ERROR_LEN - SIMPEER_IPV4_LEN;

		done = quoted > header && invert(l4 + header, quoted - header);
		break;
	}
	case SIMPEER_QUOTE_WRONG_ADDRESS:
		quote[DESTINATION + 3] ^= 1;
		break;
	}
	simpeer_answer_sum_ipv4(quote);
	return done;
}

/* ---- all of it ---- */

/* The low byte of the port that is to be wrong, of an ICMP error that of its quote; NULL: there is
 * none. */
static uint8_t *port_of(const struct answer *a)
{
	bool from = a->rule->wrong_port_side == SIMPEER_PORT_FROM;

	switch (a->form) {
	case SIMPEER_FORM_TCP:
	case SIMPEER_FORM_UDP:
	case SIMPEER_FORM_STAMP:
		return a->l4 + (from ? 1 : 3);
	case SIMPEER_FORM_ICMP_ERROR:
		if (a->probe->type == SIMPEER_ICMP)
			return NULL;
		return quote_of(a) + SIMPEER_IPV4_LEN + (from ? 3 : 1);
	default:
		return NULL;
	}
}

/* False: there is nothing to do it to. */
static bool spoil_one(struct answer *a, enum simpeer_impairment what)
{
	uint32_t from = a->rule->wrong_address;
	uint8_t *port;

	switch (what) {
	case SIMPEER_WRONG_PORT:
		port = port_of(a);
		if (port)
			*port ^= 1;
		return port;
	case SIMPEER_WRONG_ACK:
		if (a->form != SIMPEER_FORM_TCP)
			return false;
		el_put32(a->l4 + TCP_ACK, el_get32(a->l4 + TCP_ACK) ^ 0x5bd1e995);
		return true;
	case SIMPEER_WRONG_ADDRESS:
		if (!from)
			from = simpeer_answer_source(a->l3) ^ htonl(1);
		simpeer_answer_set_source(a->l3, from);
		return true;
	case SIMPEER_CORRUPT_QUOTE:
		return a->form == SIMPEER_FORM_ICMP_ERROR && damage_quote(a);
	case SIMPEER_CORRUPT_PAYLOAD: /* both headers have 8 bytes */
		return (a->form == SIMPEER_FORM_ECHO || a->form == SIMPEER_FORM_UDP) &&
		       invert(a->l4 + SIMPEER_UDP_LEN, a->l4_len - SIMPEER_UDP_LEN);
	default:
		return true;
	}
}

uint32_t simpeer_spoil(struct simpeer_buf *b, const struct simpeer_frame *f,
		       const struct simpeer_rule *rule, enum simpeer_form form, uint32_t bits)
{
	const uint32_t bad_checksum = bits & SIMPEER_BIT(SIMPEER_BAD_CHECKSUM);
	uint8_t *l3 = b->data + f->l2_len;
	uint32_t headers = f->l2_len + SIMPEER_IPV4_LEN, undone = 0;
	struct answer a = {l3, l3 + SIMPEER_IPV4_LEN, b->len - headers, form, f, rule};

	bits &= SIMPEER_SPOILS & ~bad_checksum;
	for (uint32_t left = bits; left; left &= left - 1) {
		int what = __builtin_ctz(left);

		if (!spoil_one(&a, (enum simpeer_impairment)what))
			undone |= SIMPEER_BIT(what);
	}
	b->len = headers + a.l4_len;
	if (bits & ~undone) {
		simpeer_answer_sum_ipv4(l3);
		sum_l4(&a);
	}
	if (bad_checksum)
		spoil_checksum(&a);
	return undone;
}
