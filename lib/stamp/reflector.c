/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"

#define SIGNED_LEN (EL_STAMP_AUTH_LEN - EL_STAMP_HMAC_LEN) /* RFC 8762 section 4.4 */

/* What a reply repeats of its request. */
struct repeated {
	uint8_t sequence[4], timestamp[8], error_estimate[2], ssid[2];
};

/* Bytes that are not there are zero. */
static struct repeated take(const uint8_t *packet, size_t len, bool authenticated)
{
	struct repeated r;

	if (authenticated) {
		const struct el_stamp_auth_request_wire *wire = (const void *)packet;

		memcpy(r.sequence, wire->sequence, sizeof(r.sequence));
		memcpy(r.timestamp, wire->timestamp, sizeof(r.timestamp));
		memcpy(r.error_estimate, wire->error_estimate, sizeof(r.error_estimate));
		memcpy(r.ssid, wire->ssid, sizeof(r.ssid));
		return r;
	}
	_Static_assert(sizeof(r) == offsetof(struct el_stamp_request_wire, zero), "as on the wire");
	memset(&r, 0, sizeof(r));
	memcpy(&r, packet, len < sizeof(r) ? len : sizeof(r));
	return r;
}

/* Where the fields of a reply are. */
struct layout {
	uint8_t error_estimate, ssid, receive_timestamp, sender_sequence, sender_timestamp,
	    sender_error_estimate, sender_ttl;
};

#define LAYOUT(wire)                                                                               \
	{                                                                                          \
		offsetof(struct wire, error_estimate), offsetof(struct wire, ssid),                \
		    offsetof(struct wire, receive_timestamp),                                      \
		    offsetof(struct wire, sender_sequence),                                        \
		    offsetof(struct wire, sender_timestamp),                                       \
		    offsetof(struct wire, sender_error_estimate),                                  \
		    offsetof(struct wire, sender_ttl),                                             \
	}

/* The packet without T3, HMAC and TLVs. */
static void put(const struct el_stamp_reflector *r, const struct el_stamp_received *request,
		const struct repeated *repeated, uint32_t sequence, uint8_t *reply)
{
	static const struct layout open = LAYOUT(el_stamp_reply_wire),
				   authenticated = LAYOUT(el_stamp_auth_reply_wire);
	const struct layout *at = r->authenticated ? &authenticated : &open;
	uint64_t t2 = el_stamp_encode(r->format, request->t2_ns, r->tai_offset_s);

	memset(reply, 0, stamp_base_len(r->authenticated));
	el_put32(reply, sequence);
	el_put16(reply + at->error_estimate, r->error_estimate);
	memcpy(reply + at->ssid, repeated->ssid, sizeof(repeated->ssid));
	stamp_put64(reply + at->receive_timestamp, t2);
	memcpy(reply + at->sender_sequence, repeated->sequence, sizeof(repeated->sequence));
	memcpy(reply + at->sender_timestamp, repeated->timestamp, sizeof(repeated->timestamp));
	memcpy(reply + at->sender_error_estimate, repeated->error_estimate,
	       sizeof(repeated->error_estimate));
	reply[at->sender_ttl] = request->ttl;
}

static void flag_all(uint8_t *reply, const struct stamp_tlvs *tlvs, uint8_t flag)
{
	struct stamp_tlv t;

	for (size_t at = tlvs->begin; at < tlvs->end; at = stamp_tlv_end(&t)) {
		stamp_tlv_at(reply, at, tlvs->end, &t);
		reply[at] = flag;
	}
}

/* Follow-Up Telemetry of another length than it has: what there is of its fields is zeroed all the
 * same (RFC 8972 section 4.7, erratum 8339). */
static void zero_follow_up(uint8_t *reply, size_t at, size_t len)
{
	struct stamp_tlv t;

	if (stamp_tlv_at(reply, at, len, &t) == STAMP_WALK_TLV &&
	    t.type == EL_STAMP_TLV_FOLLOW_UP_TELEMETRY)
		memset(reply + t.value, 0, t.len < 12 ? t.len : 12);
}

/* Answers the TLVs of a reply, in which they are as they came. The HMAC that is asked for is
 * verified before anything of them is used; if it is wrong, or missing in an authenticated packet
 * that has more than Extra Padding, they go back as they are but for the flag (RFC 8972
 * section 4.8). */
static void answer_tlvs(struct stamp_answer *a, uint8_t *reply, size_t len, const uint8_t *sequence)
{
	const struct el_stamp_reflector *r = a->reflector;
	struct stamp_tlvs tlvs;
	uint8_t replied[4];
	bool right;

	stamp_tlvs_find(reply, stamp_base_len(r->authenticated), len, &tlvs);
	memcpy(replied, reply, sizeof(replied));
	memcpy(reply, sequence, sizeof(replied)); /* that the request's HMAC is over */
	right = tlvs.hmac ? stamp_tlvs_hmac_right(&tlvs, r->key, reply)
			  : !r->authenticated || tlvs.padding_only;
	memcpy(reply, replied, sizeof(replied));
	if (right)
		stamp_answer_tlvs(a, &tlvs, reply);
	else
		flag_all(reply, &tlvs, EL_STAMP_TLV_I);
	if (tlvs.malformed) {
		reply[tlvs.malformed] = (uint8_t)(EL_STAMP_TLV_M | (right ? 0 : EL_STAMP_TLV_I));
		zero_follow_up(reply, tlvs.malformed, len);
	}
	if (right && tlvs.hmac)
		stamp_tlvs_sign(&tlvs, r->key, reply);
}

static enum el_stamp_reflect verify(const struct el_stamp_reflector *r,
				    const struct el_stamp_received *request, size_t capacity)
{
	size_t base = stamp_base_len(r->authenticated);

	if (request->source_port == request->destination_port ||
	    request->source_port == EL_STAMP_PORT)
		return EL_STAMP_REFLECT_PORTS;
	if (request->len < base && (r->authenticated || !r->answer_short))
		return EL_STAMP_REFLECT_SHORT;
	if (request->len > capacity || base > capacity)
		return EL_STAMP_REFLECT_NO_ROOM;
	if (r->authenticated && !request->verified &&
	    !stamp_hmac_right(r->key, request->packet, SIGNED_LEN, NULL, 0,
			      request->packet + SIGNED_LEN))
		return EL_STAMP_REFLECT_WRONG_HMAC;
	return EL_STAMP_REFLECTED;
}

enum el_stamp_reflect el_stamp_reflect(const struct el_stamp_reflector *r,
				       const struct el_stamp_received *request,
				       struct el_stamp_session *session, uint8_t *reply,
				       size_t capacity, struct el_stamp_reflected *ret)
{
	size_t base = stamp_base_len(r->authenticated);
	size_t len = request->len < base ? base : request->len;
	struct el_stamp_session counted = session ? *session : (struct el_stamp_session){0};
	struct stamp_answer a = {.reflector = r,
				 .request = request,
				 .session = session ? &counted : NULL,
				 .dscp = request->tos >> 2};
	enum el_stamp_reflect verdict = verify(r, request, capacity);
	struct repeated repeated;
	uint32_t sequence;

	if (verdict != EL_STAMP_REFLECTED)
		return verdict;
	repeated = take(request->packet, request->len, r->authenticated);
	sequence = session ? counted.sequence : el_get32(repeated.sequence);
	counted.n_received++;
	counted.n_replied++;
	counted.sequence++;
	if (request->len > base) {
		if (reply != request->packet)
			memcpy(reply + base, request->packet + base, request->len - base);
		el_put32(reply, sequence);
		answer_tlvs(&a, reply, len, repeated.sequence);
	}
	if (a.unwanted) {
		if (session)
			session->n_received++;
		return EL_STAMP_REFLECT_UNWANTED;
	}
	put(r, request, &repeated, sequence, reply);
	if (session) {
		counted.last_sequence = session->last_sequence;
		*session = counted;
	}
	*ret = (struct el_stamp_reflected){.len = len, .dscp = a.dscp};
	return EL_STAMP_REFLECTED;
}

void el_stamp_verify(const struct el_stamp_reflector *r, const uint8_t *const *packets, size_t n,
		     bool *ret_right)
{
	uint8_t hmacs[EL_STAMP_AT_ONCE][EL_STAMP_HMAC_LEN];

	stamp_hmacs(r->key, packets, n, SIGNED_LEN, hmacs);
	for (size_t i = 0; i < n; i++)
		ret_right[i] = stamp_hmac_equal(hmacs[i], packets[i] + SIGNED_LEN);
}

void el_stamp_reflect_stamp_all(const struct el_stamp_reflector *r,
				struct el_stamp_session *const *sessions, uint8_t *const *replies,
				size_t n, int64_t t3_ns)
{
	size_t at = r->authenticated ? offsetof(struct el_stamp_auth_reply_wire, timestamp)
				     : offsetof(struct el_stamp_reply_wire, timestamp);
	uint64_t t3 = el_stamp_encode(r->format, t3_ns, r->tai_offset_s);
	uint8_t hmacs[EL_STAMP_AT_ONCE][EL_STAMP_HMAC_LEN];
	const uint8_t *packets[EL_STAMP_AT_ONCE] = {NULL};

	for (size_t i = 0; i < n; i++) {
		packets[i] = replies[i];
		stamp_put64(replies[i] + at, t3);
		if (sessions[i]) {
			sessions[i]->last_sequence = el_get32(replies[i]);
			sessions[i]->last_timestamp = t3;
		}
	}
	if (!r->authenticated)
		return;
	stamp_hmacs(r->key, packets, n, SIGNED_LEN, hmacs);
	for (size_t i = 0; i < n; i++)
		memcpy(replies[i] + SIGNED_LEN, hmacs[i], sizeof(hmacs[i]));
}

void el_stamp_reflect_stamp(const struct el_stamp_reflector *r, struct el_stamp_session *session,
			    uint8_t *reply, int64_t t3_ns)
{
	el_stamp_reflect_stamp_all(r, &session, &reply, 1, t3_ns);
}
