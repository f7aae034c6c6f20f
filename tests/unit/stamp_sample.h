/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Requests and what reflects them, for the tests of STAMP. */
#include "unit.h"

#include "el_stamp.h"

#define S INT64_C(1000000000)
#define SAMPLE_NS (INT64_C(1700000000) * S + 123456789)
#define SAMPLE_T1 UINT64_C(0xe8fe1234abcd0001)
#define SAMPLE_SEQUENCE 0x01020304U

/* A packet in memory of exactly its length, so that the sanitiser sees whoever reads on. */
struct packet {
	uint8_t *bytes;
	size_t len;
};

static inline struct packet packet_of(const uint8_t *bytes, size_t len)
{
	struct packet p = {malloc(len ? len : 1), len};

	assert_non_null(p.bytes);
	if (len)
		memcpy(p.bytes, bytes, len);
	return p;
}

static inline struct el_stamp_received received(const struct packet *p)
{
	static const uint8_t source[4] = {192, 0, 2, 1}, destination[4] = {198, 51, 100, 2};

	return (struct el_stamp_received){.packet = p->bytes,
					  .len = p->len,
					  .t2_ns = SAMPLE_NS,
					  .ttl = 61,
					  .tos = 46 << 2 | 1,
					  .family = 4,
					  .source_port = 40000,
					  .destination_port = EL_STAMP_PORT,
					  .source = source,
					  .destination = destination};
}

/* A request of the session, as it is sent. */
static inline struct packet request_of(const struct el_stamp_sender *s)
{
	uint8_t bytes[2048];
	size_t len = el_stamp_request_build(s, NULL, bytes, sizeof(bytes));

	assert_true(len > 0);
	el_stamp_request_stamp(s, bytes, len, SAMPLE_SEQUENCE, SAMPLE_T1, 77);
	return packet_of(bytes, len);
}

/* The bare request with these bytes behind it. */
static inline struct packet request_with(const uint8_t *tlvs, size_t n)
{
	struct el_stamp_sender s = {.error_estimate = 0x8123, .ssid = 0xbeef};
	struct packet bare = request_of(&s);
	uint8_t bytes[2048];
	struct packet p;

	memcpy(bytes, bare.bytes, bare.len);
	memcpy(bytes + bare.len, tlvs, n);
	p = packet_of(bytes, bare.len + n);
	free(bare.bytes);
	return p;
}

/* Reflects a request 1 ms later; the reply, in memory of its length. */
static inline struct packet reflect_packet(const struct el_stamp_reflector *r,
					   const struct el_stamp_received *q,
					   struct el_stamp_session *session,
					   enum el_stamp_reflect expected,
					   struct el_stamp_reflected *ret)
{
	size_t capacity = q->len < EL_STAMP_LEN ? EL_STAMP_LEN : q->len;
	struct packet p = {malloc(capacity), 0};

	assert_non_null(p.bytes);
	memset(p.bytes, 0xa5, capacity);
	assert_int_equal(el_stamp_reflect(r, q, session, p.bytes, capacity, ret), expected);
	if (expected == EL_STAMP_REFLECTED) {
		assert_true(ret->len <= capacity);
		el_stamp_reflect_stamp(r, session, p.bytes, q->t2_ns + 1000000);
		p.len = ret->len;
	}
	return p;
}

/* Reflects bytes behind the bare request; the bytes in their place, copied to `ret_tlvs`. */
static inline struct el_stamp_reflected reflect_tlvs(const struct el_stamp_reflector *r,
						     struct el_stamp_session *session,
						     const uint8_t *tlvs, size_t n,
						     uint8_t *ret_tlvs)
{
	struct packet request = request_with(tlvs, n), reply;
	struct el_stamp_received q = received(&request);
	struct el_stamp_reflected ret;

	reply = reflect_packet(r, &q, session, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.len, request.len);
	memcpy(ret_tlvs, reply.bytes + EL_STAMP_LEN, n);
	free(reply.bytes);
	free(request.bytes);
	return ret;
}
