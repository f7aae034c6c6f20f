/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* A TLV that is sent has U set, and type 0 is reserved: four zeros are the padding of TWAMP Light
 * (RFC 8762 section 4.6). */
enum stamp_walk stamp_tlv_at(const uint8_t *packet, size_t at, size_t end,
			     struct stamp_tlv *ret_tlv)
{
	const uint8_t *p = packet + at;
	size_t left = end - at;

	if (all_zero(p, left < EL_STAMP_TLV_LEN ? left : EL_STAMP_TLV_LEN))
		return STAMP_WALK_END;
	if (left < EL_STAMP_TLV_LEN)
		return STAMP_WALK_CUT;
	*ret_tlv = (struct stamp_tlv){.at = at,
				      .value = at + EL_STAMP_TLV_LEN,
				      .len = el_get16(p + 2),
				      .flags = p[0],
				      .type = p[1]};
	return stamp_tlv_end(ret_tlv) > end ? STAMP_WALK_CUT : STAMP_WALK_TLV;
}

static bool is_location_sub_len(uint8_t type, uint16_t len)
{
	if (type >= STAMP_SOURCE_MAC && type <= STAMP_SOURCE_EUI64)
		return len == 8;
	return type == 0 || type > STAMP_SOURCE_IPV6 || len == 16;
}

/* Whether [at, end) is sub-TLVs of lengths that they can have. */
static bool are_subs(const uint8_t *packet, size_t at, size_t end,
		     bool (*is_len)(uint8_t type, uint16_t len))
{
	struct stamp_tlv sub;
	enum stamp_walk walk;

	for (; (walk = stamp_tlv_at(packet, at, end, &sub)) == STAMP_WALK_TLV;
	     at = stamp_tlv_end(&sub))
		if (!is_len(sub.type, sub.len))
			return false;
	return walk == STAMP_WALK_END;
}

/* RFC 9503 section 4.1.1 */
static bool is_return_path_sub_len(uint8_t type, uint16_t len)
{
	return type != STAMP_CONTROL_CODE || len == 4;
}

static bool is_well_formed(const uint8_t *packet, const struct stamp_tlv *t)
{
	switch (t->type) {
	case EL_STAMP_TLV_LOCATION:
		return t->len >= STAMP_LOCATION_PORTS_LEN &&
		       are_subs(packet, t->value + STAMP_LOCATION_PORTS_LEN, stamp_tlv_end(t),
				is_location_sub_len);
	case EL_STAMP_TLV_TIMESTAMP_INFORMATION:
	case EL_STAMP_TLV_CLASS_OF_SERVICE:
		return t->len == 4;
	case EL_STAMP_TLV_DIRECT_MEASUREMENT:
		return t->len == 12;
	case EL_STAMP_TLV_FOLLOW_UP_TELEMETRY:
		return t->len == 16;
	case EL_STAMP_TLV_HMAC:
		return t->len == EL_STAMP_HMAC_LEN;
	case EL_STAMP_TLV_RETURN_PATH:
		return are_subs(packet, t->value, stamp_tlv_end(t), is_return_path_sub_len);
	default:
		return true;
	}
}

void stamp_tlvs_find(const uint8_t *packet, size_t begin, size_t end, struct stamp_tlvs *ret_tlvs)
{
	struct stamp_tlvs *f = ret_tlvs;
	struct stamp_tlv t;
	enum stamp_walk walk;

	*f = (struct stamp_tlvs){.begin = begin, .end = begin, .padding_only = true};
	for (; (walk = stamp_tlv_at(packet, f->end, end, &t)) == STAMP_WALK_TLV;
	     f->end = stamp_tlv_end(&t)) {
		bool padding = t.type == EL_STAMP_TLV_EXTRA_PADDING;

		f->padding_only = f->padding_only && padding;
		if (!is_well_formed(packet, &t))
			break;
		if (f->hmac && !padding)
			f->misplaced = true;
		else if (t.type == EL_STAMP_TLV_HMAC)
			f->hmac = t.at;
	}
	if (walk != STAMP_WALK_END) {
		f->malformed = f->end;
		f->padding_only = false;
		f->misplaced = f->misplaced || f->hmac;
	}
}

bool stamp_tlvs_hmac_right(const struct stamp_tlvs *t, const struct el_stamp_key *key,
			   const uint8_t *packet)
{
	return key && !t->misplaced &&
	       stamp_hmac_right(key, packet, 4, packet + t->begin, t->hmac - t->begin,
				packet + t->hmac + EL_STAMP_TLV_LEN);
}

void stamp_tlvs_sign(const struct stamp_tlvs *t, const struct el_stamp_key *key, uint8_t *packet)
{
	stamp_hmac(key, packet, 4, packet + t->begin, t->hmac - t->begin,
		   packet + t->hmac + EL_STAMP_TLV_LEN);
}
