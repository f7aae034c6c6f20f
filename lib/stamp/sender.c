/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

/* ---- requests ---- */

static const struct {
	uint8_t type;
	uint16_t len;
} asks[] = {
    {EL_STAMP_TLV_LOCATION, STAMP_LOCATION_PORTS_LEN},
    {EL_STAMP_TLV_TIMESTAMP_INFORMATION, 4},
    {EL_STAMP_TLV_CLASS_OF_SERVICE, 4},
    {EL_STAMP_TLV_FOLLOW_UP_TELEMETRY, 16},
    /* last of them, so that its counter has the same place from the end of the TLVs, whatever is
       asked */
    {EL_STAMP_TLV_DIRECT_MEASUREMENT, 12},
};

#define N_ASKS (sizeof(asks) / sizeof(asks[0]))

/* Bytes of all that asks, and of the HMAC over it: not needed where there is nothing but Extra
 * Padding (RFC 8972 section 4.8). */
static size_t asks_len(const struct el_stamp_sender *s)
{
	size_t len = 0;

	for (size_t i = 0; i < N_ASKS; i++)
		if (s->asks & 1U << asks[i].type)
			len += EL_STAMP_TLV_LEN + asks[i].len;
	if (len && s->key)
		len += EL_STAMP_TLV_LEN + EL_STAMP_HMAC_LEN;
	return len;
}

size_t el_stamp_request_len(const struct el_stamp_sender *s)
{
	size_t least = stamp_base_len(s->authenticated) + asks_len(s);

	if (s->len <= least)
		return least;
	if (s->len < least + EL_STAMP_TLV_LEN)
		return least + EL_STAMP_TLV_LEN;
	return s->len;
}

/* Begins a TLV whose value is zero so far; returns what is behind it. */
static uint8_t *put_tlv(uint8_t *p, uint8_t type, size_t len)
{
	p[0] = EL_STAMP_TLV_U;
	p[1] = type;
	el_put16(p + 2, (uint16_t)len);
	return p + EL_STAMP_TLV_LEN + len;
}

size_t el_stamp_request_build(const struct el_stamp_sender *s, const uint8_t *padding,
			      uint8_t *packet, size_t capacity)
{
	size_t base = stamp_base_len(s->authenticated), len = el_stamp_request_len(s);
	uint8_t *p = packet + base, *end = packet + len;

	if (len > capacity)
		return 0;
	memset(packet, 0, len);
	if (s->authenticated) {
		struct el_stamp_auth_request_wire *wire = (void *)packet;

		el_put16(wire->error_estimate, s->error_estimate);
		el_put16(wire->ssid, s->ssid);
	} else {
		struct el_stamp_request_wire *wire = (void *)packet;

		el_put16(wire->error_estimate, s->error_estimate);
		el_put16(wire->ssid, s->ssid);
	}
	for (size_t i = 0; i < N_ASKS; i++) {
		if (!(s->asks & 1U << asks[i].type))
			continue;
		if (asks[i].type == EL_STAMP_TLV_CLASS_OF_SERVICE)
			p[EL_STAMP_TLV_LEN] = (uint8_t)(s->dscp << 2);
		p = put_tlv(p, asks[i].type, asks[i].len);
	}
	if (p > packet + base && s->key)
		p = put_tlv(p, EL_STAMP_TLV_HMAC, EL_STAMP_HMAC_LEN);
	if (p < end) {
		size_t n = (size_t)(end - p) - EL_STAMP_TLV_LEN;

		put_tlv(p, EL_STAMP_TLV_EXTRA_PADDING, n);
		if (padding)
			memcpy(p + EL_STAMP_TLV_LEN, padding, n);
	}
	return len;
}

void el_stamp_request_stamp(const struct el_stamp_sender *s, uint8_t *packet, size_t len,
			    uint32_t sequence, uint64_t t1, uint32_t n_sent)
{
	size_t base = stamp_base_len(s->authenticated), tlvs = asks_len(s);
	struct stamp_tlvs t = {.begin = base};

	if (len < base + tlvs)
		return;
	el_put32(packet, sequence);
	stamp_put64(packet + (s->authenticated
				  ? offsetof(struct el_stamp_auth_request_wire, timestamp)
				  : offsetof(struct el_stamp_request_wire, timestamp)),
		    t1);
	if (tlvs && s->key)
		t.hmac = base + tlvs - EL_STAMP_TLV_LEN - EL_STAMP_HMAC_LEN;
	if (s->asks & 1U << EL_STAMP_TLV_DIRECT_MEASUREMENT)
		el_put32(packet + (t.hmac ? t.hmac : base + tlvs) - 12, n_sent);
	if (t.hmac)
		stamp_tlvs_sign(&t, s->key, packet);
	if (s->authenticated)
		stamp_hmac(s->key, packet, EL_STAMP_AUTH_LEN - EL_STAMP_HMAC_LEN, NULL, 0,
			   packet + EL_STAMP_AUTH_LEN - EL_STAMP_HMAC_LEN);
}

/* ---- replies ---- */

/* Where the two kinds of reply have what both have. */
struct fields {
	const uint8_t *timestamp, *error_estimate, *ssid, *receive_timestamp;
	const uint8_t *sender_sequence, *sender_timestamp, *sender_ttl;
};

static struct fields fields_of(const uint8_t *packet, bool authenticated)
{
	if (authenticated) {
		const struct el_stamp_auth_reply_wire *wire = (const void *)packet;

		return (struct fields){
		    wire->timestamp,         wire->error_estimate,  wire->ssid,
		    wire->receive_timestamp, wire->sender_sequence, wire->sender_timestamp,
		    &wire->sender_ttl};
	}
	const struct el_stamp_reply_wire *wire = (const void *)packet;

	return (struct fields){
	    wire->timestamp,         wire->error_estimate,  wire->ssid,
	    wire->receive_timestamp, wire->sender_sequence, wire->sender_timestamp,
	    &wire->sender_ttl};
}

/* Takes what one TLV says, if the reflector has answered it. */
static void take_tlv(struct el_stamp_reply *r, const struct stamp_tlv *t, const uint8_t *v)
{
	switch (t->type) {
	case EL_STAMP_TLV_LOCATION:
		r->destination_port = el_get16(v);
		r->source_port = el_get16(v + 2);
		break;
	case EL_STAMP_TLV_TIMESTAMP_INFORMATION:
		r->sync_in = v[0];
		r->method_in = v[1];
		r->sync_out = v[2];
		r->method_out = v[3];
		break;
	case EL_STAMP_TLV_CLASS_OF_SERVICE:
		r->dscp = (uint8_t)((v[0] & 3) << 4 | v[1] >> 4);
		r->ecn = v[1] >> 2 & 3;
		r->dscp_refused = v[1] & 3;
		break;
	case EL_STAMP_TLV_DIRECT_MEASUREMENT:
		r->n_sent = el_get32(v);
		r->n_received = el_get32(v + 4);
		r->n_replied = el_get32(v + 8);
		break;
	case EL_STAMP_TLV_FOLLOW_UP_TELEMETRY:
		r->follow_up_sequence = el_get32(v);
		r->follow_up_bits = stamp_get64(v + 4);
		r->follow_up_method = v[12];
		break;
	default:
		return;
	}
	r->answered |= 1U << t->type;
}

/* RFC 8972 section 4: a TLV with U is passed over, one with M ends the walk, one with I means none
 * may be used; neither may any whose HMAC is wrong, or that lack one where the session has a key.
 */
static enum el_stamp_tlvs take_tlvs(const struct el_stamp_sender *s, const uint8_t *packet,
				    size_t len, struct el_stamp_reply *r)
{
	enum el_stamp_tlvs worst = EL_STAMP_TLVS_ANSWERED;
	struct stamp_tlvs all;
	struct stamp_tlv t;
	size_t at;

	if (!s->asks)
		return worst;
	stamp_tlvs_find(packet, stamp_base_len(s->authenticated), len, &all);
	if (all.end == all.begin)
		return all.malformed ? EL_STAMP_TLVS_MALFORMED : EL_STAMP_TLVS_MISSING;
	for (at = all.begin; at < all.end; at = stamp_tlv_end(&t)) {
		stamp_tlv_at(packet, at, all.end, &t);
		if (t.flags & EL_STAMP_TLV_I)
			return EL_STAMP_TLVS_HMAC;
	}
	if (s->key && (!all.hmac || !stamp_tlvs_hmac_right(&all, s->key, packet)))
		return EL_STAMP_TLVS_HMAC;
	for (at = all.begin; at < all.end; at = stamp_tlv_end(&t)) {
		stamp_tlv_at(packet, at, all.end, &t);
		if (t.flags & EL_STAMP_TLV_M)
			return EL_STAMP_TLVS_MALFORMED;
		/* only the first of a type, and only what was asked for */
		if (t.type >= 32 || !(s->asks & ~r->answered & 1U << t.type))
			continue;
		if (t.flags & EL_STAMP_TLV_U)
			worst = EL_STAMP_TLVS_UNKNOWN;
		else
			take_tlv(r, &t, packet + t.value);
	}
	if (all.malformed)
		return EL_STAMP_TLVS_MALFORMED;
	return worst || !(s->asks & ~r->answered) ? worst : EL_STAMP_TLVS_MISSING;
}

enum el_stamp_verdict el_stamp_reply_parse(const struct el_stamp_sender *s, const uint8_t *packet,
					   size_t len, uint32_t sequence, uint64_t t1,
					   int64_t near_ns, struct el_stamp_reply *ret_reply)
{
	struct el_stamp_reply r = {0};
	enum el_stamp_format format;
	uint16_t estimate;
	struct fields f;
	bool times;

	if (len < stamp_base_len(s->authenticated))
		return EL_STAMP_SHORT;
	f = fields_of(packet, s->authenticated);
	if (el_get32(f.sender_sequence) != sequence || stamp_get64(f.sender_timestamp) != t1)
		return EL_STAMP_OTHER_REQUEST;
	r.ssid = el_get16(f.ssid);
	if (s->ssid && r.ssid != s->ssid && (r.ssid || s->ssid_needed))
		return EL_STAMP_OTHER_SSID;
	if (s->authenticated &&
	    !stamp_hmac_right(s->key, packet, EL_STAMP_AUTH_LEN - EL_STAMP_HMAC_LEN, NULL, 0,
			      packet + EL_STAMP_AUTH_LEN - EL_STAMP_HMAC_LEN))
		return EL_STAMP_WRONG_HMAC;
	estimate = el_get16(f.error_estimate);
	format = el_stamp_error_format(estimate);
	r.error_ns = el_stamp_error_ns(estimate);
	r.synchronised = estimate & EL_STAMP_ERROR_S;
	r.sequence = el_get32(packet);
	r.sender_ttl = *f.sender_ttl;
	times =
	    el_stamp_decode(format, stamp_get64(f.receive_timestamp), near_ns, s->tai_offset_s,
			    &r.t2_ns) &&
	    el_stamp_decode(format, stamp_get64(f.timestamp), near_ns, s->tai_offset_s, &r.t3_ns);
	if (!times)
		r.t2_ns = r.t3_ns = 0;
	r.tlvs = take_tlvs(s, packet, len, &r);
	*ret_reply = r;
	return times ? EL_STAMP_ANSWER : EL_STAMP_NO_TIME;
}
