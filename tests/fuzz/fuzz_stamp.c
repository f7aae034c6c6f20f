/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet to a session's sender and to a reflector, of all kinds of both, which the first byte
 * (enum kind) chooses; the rest is the packet. */
#include "fuzz.h"

#include "wire.h"

#define NOW INT64_C(1700000000000000000)

enum kind {
	AUTHENTICATED = 1,
	WITH_KEY = 2,
	STATEFUL = 4,
	IN_PLACE = 8,
	ANSWER_SHORT = 16,
	TELL = 32,
	IPV6 = 64,
	SIGN = 128, /* makes the packet's HMACs right */
};

/* Memory of exactly this length. */
static uint8_t *exact(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	FUZZ_ASSERT(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

static void sign(const struct el_stamp_key *key, uint8_t *packet, size_t len, bool authenticated)
{
	struct stamp_tlvs tlvs;

	if (len < stamp_base_len(authenticated))
		return;
	stamp_tlvs_find(packet, stamp_base_len(authenticated), len, &tlvs);
	if (tlvs.hmac)
		stamp_tlvs_sign(&tlvs, key, packet);
	if (authenticated)
		stamp_hmac(key, packet, 96, NULL, 0, packet + 96);
}

static void parse(const struct el_stamp_sender *s, const uint8_t *packet, size_t len)
{
	struct el_stamp_reply reply;
	enum el_stamp_verdict verdict;
	uint32_t sequence;
	uint64_t t1;

	if (!el_stamp_reply_request(packet, len, s->authenticated, &sequence)) {
		FUZZ_ASSERT(el_stamp_reply_parse(s, packet, len, 0, 0, NOW, &reply) ==
			    EL_STAMP_SHORT);
		return;
	}
	t1 = stamp_get64(packet + (s->authenticated ? 64 : 28));
	verdict = el_stamp_reply_parse(s, packet, len, sequence, t1, NOW, &reply);
	FUZZ_ASSERT(verdict != EL_STAMP_SHORT && verdict != EL_STAMP_OTHER_REQUEST);
	FUZZ_ASSERT(el_stamp_reply_parse(s, packet, len, sequence + 1, t1, NOW, &reply) ==
		    EL_STAMP_OTHER_REQUEST);
	FUZZ_ASSERT(el_stamp_reply_parse(s, packet, len, sequence, t1 ^ 1, NOW, &reply) ==
		    EL_STAMP_OTHER_REQUEST);
	if (verdict != EL_STAMP_ANSWER && verdict != EL_STAMP_NO_TIME)
		return;
	FUZZ_ASSERT(!(reply.answered & ~s->asks) && reply.dscp < 64 && reply.ecn < 4);
	FUZZ_ASSERT(verdict == EL_STAMP_ANSWER || (reply.t2_ns == 0 && reply.t3_ns == 0));
}

/* What is true of every reply; and its sender can read it. */
static void check_reply(const struct el_stamp_reflector *r, const struct el_stamp_sender *s,
			const uint8_t *request, size_t len, const uint8_t *reply, size_t reply_len)
{
	size_t base = stamp_base_len(r->authenticated);
	uint8_t whole[EL_STAMP_AUTH_LEN] = {0};
	struct el_stamp_reply parsed;
	struct el_stamp_sender any = *s;
	enum el_stamp_verdict verdict;

	FUZZ_ASSERT(reply_len == len || (r->answer_short && len < base && reply_len == base));
	memcpy(whole, request, len < base ? len : base);
	any.ssid = 0;
	verdict =
	    el_stamp_reply_parse(&any, reply, reply_len, el_get32(whole),
				 stamp_get64(whole + (r->authenticated ? 16 : 4)), NOW, &parsed);
	FUZZ_ASSERT(verdict == EL_STAMP_ANSWER);
	FUZZ_ASSERT(parsed.t2_ns == NOW && parsed.t3_ns == NOW + 5 && parsed.sender_ttl == 17);
	FUZZ_ASSERT(parsed.ssid == el_get16(whole + (r->authenticated ? 26 : 14)));
}

static void reflect(const struct el_stamp_reflector *r, const struct el_stamp_sender *s,
		    const uint8_t *packet, size_t len, uint8_t kind)
{
	static const uint8_t address[16] = {0x20, 1, 0xd, 0xb8}, mac[6] = {2};
	size_t capacity = len < EL_STAMP_LEN ? EL_STAMP_LEN : len;
	bool in_place = kind & IN_PLACE && len == capacity;
	uint8_t *request = exact(packet, len), *reply = in_place ? request : malloc(capacity);
	struct el_stamp_received q = {.packet = request,
				      .len = len,
				      .t2_ns = NOW,
				      .ttl = 17,
				      .tos = 0x55,
				      .family = kind & IPV6 ? 6 : 4,
				      .source_port = 1,
				      .destination_port = EL_STAMP_PORT,
				      .source = address,
				      .destination = address,
				      .source_mac = kind & TELL ? mac : NULL};
	struct el_stamp_session session = {.n_replied = 9, .sequence = 9, .last_timestamp = 1};
	struct el_stamp_session *counts = kind & STATEFUL ? &session : NULL;
	struct el_stamp_reflected ret = {0};
	enum el_stamp_reflect verdict;

	FUZZ_ASSERT(reply);
	verdict = el_stamp_reflect(r, &q, counts, reply, capacity, &ret);
	FUZZ_ASSERT(verdict < EL_STAMP_REFLECTS && verdict != EL_STAMP_REFLECT_PORTS);
	FUZZ_ASSERT(!in_place || verdict != EL_STAMP_REFLECT_NO_ROOM);
	if (verdict == EL_STAMP_REFLECTED) {
		FUZZ_ASSERT(ret.dscp < 64);
		el_stamp_reflect_stamp(r, counts, reply, NOW + 5);
		check_reply(r, s, packet, len, reply, ret.len);
		FUZZ_ASSERT(session.n_replied == (counts ? 10 : 9));
	} else {
		FUZZ_ASSERT(ret.len == 0 && session.n_replied == 9);
	}
	if (!in_place)
		free(reply);
	free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct el_stamp_key *key;
	uint8_t kind, *packet;
	struct el_stamp_sender s;
	struct el_stamp_reflector r;

	if (!key)
		key = el_stamp_key_create((const uint8_t *)"key", 3);
	FUZZ_ASSERT(key);
	if (size < 1 || size > 4096)
		return 0;
	kind = data[0];
	packet = exact(data + 1, size - 1);
	if (kind & SIGN)
		sign(key, packet, size - 1, kind & AUTHENTICATED);
	s = (struct el_stamp_sender){.key = kind & (AUTHENTICATED | WITH_KEY) ? key : NULL,
				     .authenticated = kind & AUTHENTICATED,
				     .ssid = kind & IPV6 ? 0x1234 : 0,
				     .ssid_needed = kind & TELL,
				     .asks = EL_STAMP_ASKS};
	r = (struct el_stamp_reflector){.key = s.key,
					.authenticated = s.authenticated,
					.answer_short = kind & ANSWER_SHORT,
					.tell_location = kind & TELL,
					.format = kind & IPV6 ? EL_STAMP_PTP : EL_STAMP_NTP,
					.error_estimate = kind & IPV6 ? EL_STAMP_ERROR_Z | 1 : 1,
					.dscp_allowed = 0xff};
	parse(&s, packet, size - 1);
	reflect(&r, &s, packet, size - 1, kind);
	free(packet);
	return 0;
}
