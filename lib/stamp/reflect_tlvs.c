/* SPDX-License-Identifier: BSD-3-Clause */
/* A reflector's answers in TLVs, each in the place of the question (RFC 8972 section 4). A value
 * keeps its length, whatever it is. */
#include "wire.h"

/* The sub-TLV becomes one of another type with `n` bytes of value, the rest of it zero. */
static void answer_sub(uint8_t *reply, const struct stamp_tlv *sub, uint8_t type,
		       const uint8_t *bytes, size_t n)
{
	reply[sub->at] = 0;
	reply[sub->at + 1] = type;
	memset(reply + sub->value, 0, sub->len);
	if (bytes)
		memcpy(reply + sub->value, bytes, n);
}

/* Section 4.2.2. A source MAC that is not known is an EUI-64 of zeros. */
static void answer_location_sub(const struct stamp_answer *a, const struct stamp_tlv *sub,
				uint8_t *reply)
{
	const struct el_stamp_received *q = a->request;
	bool tell = a->reflector->tell_location, v4 = q->family == 4;
	size_t address_len = v4 ? 4 : 16;

	switch (sub->type) {
	case STAMP_SOURCE_MAC:
		if (tell && q->source_mac)
			answer_sub(reply, sub, STAMP_SOURCE_EUI48, q->source_mac, 6);
		else
			answer_sub(reply, sub, STAMP_SOURCE_EUI64, NULL, 0);
		break;
	case STAMP_DESTINATION_IP:
		answer_sub(reply, sub, v4 ? STAMP_DESTINATION_IPV4 : STAMP_DESTINATION_IPV6,
			   tell ? q->destination : NULL, address_len);
		break;
	case STAMP_SOURCE_IP:
		answer_sub(reply, sub, v4 ? STAMP_SOURCE_IPV4 : STAMP_SOURCE_IPV6,
			   tell ? q->source : NULL, address_len);
		break;
	default: /* none that asks */
		reply[sub->at] = EL_STAMP_TLV_U;
	}
}

static void answer_location(const struct stamp_answer *a, const struct stamp_tlv *t, uint8_t *reply)
{
	bool tell = a->reflector->tell_location;
	struct stamp_tlv sub;

	el_put16(reply + t->value, tell ? a->request->destination_port : 0);
	el_put16(reply + t->value + 2, tell ? a->request->source_port : 0);
	for (size_t at = t->value + STAMP_LOCATION_PORTS_LEN;
	     stamp_tlv_at(reply, at, stamp_tlv_end(t), &sub) == STAMP_WALK_TLV;
	     at = stamp_tlv_end(&sub))
		answer_location_sub(a, &sub, reply);
}

/* Section 4.4 with erratum 8199: DSCP1 (6 bits) | DSCP2 (6) | ECN (2) | RP (2) | 16 reserved. */
static void answer_class_of_service(struct stamp_answer *a, uint8_t *v)
{
	uint8_t wanted = v[0] >> 2, dscp = a->request->tos >> 2, ecn = a->request->tos & 3;
	bool allowed = a->reflector->dscp_allowed >> wanted & 1;

	v[0] = (uint8_t)(wanted << 2 | dscp >> 4);
	v[1] = (uint8_t)(dscp << 4 | ecn << 2 | !allowed);
	v[2] = v[3] = 0;
	a->dscp = allowed ? wanted : dscp;
}

/* Section 4.5. Who counts nothing can't answer: false. */
static bool answer_direct_measurement(const struct stamp_answer *a, uint8_t *v)
{
	el_put32(v + 4, a->session ? a->session->n_received : 0);
	el_put32(v + 8, a->session ? a->session->n_replied : 0);
	return a->session;
}

/* Section 4.7: the last reply before this one. */
static void answer_follow_up(const struct stamp_answer *a, uint8_t *v)
{
	memset(v, 0, 16);
	if (a->session && a->session->last_timestamp) {
		el_put32(v, a->session->last_sequence);
		stamp_put64(v + 4, a->session->last_timestamp);
		v[12] = a->reflector->method_out;
	}
}

/* RFC 9503 section 4: of the first Return Path its control code alone. What is not on the way that
 * the request came can't be used: false. */
static bool answer_return_path(struct stamp_answer *a, const struct stamp_tlv *t, uint8_t *reply)
{
	struct stamp_tlv sub;

	if (a->path_seen)
		return false;
	a->path_seen = true;
	for (size_t at = t->value;
	     stamp_tlv_at(reply, at, stamp_tlv_end(t), &sub) == STAMP_WALK_TLV;
	     at = stamp_tlv_end(&sub))
		if (sub.type == STAMP_CONTROL_CODE) {
			a->unwanted = !(el_get32(reply + sub.value) & 1);
			reply[sub.at] = 0;
			return true;
		}
	return false;
}

/* Whether the TLV is understood. */
static bool answer_tlv(struct stamp_answer *a, const struct stamp_tlv *t, uint8_t *reply)
{
	const struct el_stamp_reflector *r = a->reflector;
	uint8_t *v = reply + t->value;

	switch (t->type) {
	case EL_STAMP_TLV_EXTRA_PADDING:
	case EL_STAMP_TLV_HMAC:
		return true;
	case EL_STAMP_TLV_LOCATION:
		answer_location(a, t, reply);
		return true;
	case EL_STAMP_TLV_TIMESTAMP_INFORMATION:
		v[0] = v[2] = r->sync;
		v[1] = r->method_in;
		v[3] = r->method_out;
		return true;
	case EL_STAMP_TLV_CLASS_OF_SERVICE:
		answer_class_of_service(a, v);
		return true;
	case EL_STAMP_TLV_DIRECT_MEASUREMENT:
		return answer_direct_measurement(a, v);
	case EL_STAMP_TLV_FOLLOW_UP_TELEMETRY:
		answer_follow_up(a, v);
		return true;
	case EL_STAMP_TLV_RETURN_PATH:
		return answer_return_path(a, t, reply);
	default:
		return false;
	}
}

void stamp_answer_tlvs(struct stamp_answer *a, const struct stamp_tlvs *tlvs, uint8_t *reply)
{
	struct stamp_tlv t;

	for (size_t at = tlvs->begin; at < tlvs->end; at = stamp_tlv_end(&t)) {
		stamp_tlv_at(reply, at, tlvs->end, &t);
		reply[at] = answer_tlv(a, &t, reply) ? 0 : EL_STAMP_TLV_U;
	}
}
