/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reflector makes of TLVs (RFC 8972 section 4). Each test gives the bytes behind a bare
 * request, and those that are to come back in their place. */
#include "stamp_key.h"

#include "wire.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void check(const struct el_stamp_reflector *r, struct el_stamp_session *session,
		  const uint8_t *tlvs, size_t n, const uint8_t *expected, size_t n_expected)
{
	uint8_t got[256];

	assert_int_equal(n, n_expected);
	assert_true(n <= sizeof(got));
	reflect_tlvs(r, session, tlvs, n, got);
	assert_memory_equal(got, expected, n);
}

static void assert_bytes(const uint8_t *got, const uint8_t *expected, size_t n)
{
	assert_memory_equal(got, expected, n);
}

static const struct el_stamp_reflector plain;

static void unknown_tlvs_come_back_with_u(void **state)
{
	(void)state;
	/* an Access Report, a Destination Node Address, a control of replies, a private one, the
	 * reserved */
	check(&plain, NULL, BYTES(0x80, 6, 0, 4, 0x10, 1, 0, 0),
	      BYTES(0x80, 6, 0, 4, 0x10, 1, 0, 0));
	check(&plain, NULL, BYTES(0, 6, 0, 4, 0x10, 1, 0, 0), BYTES(0x80, 6, 0, 4, 0x10, 1, 0, 0));
	check(&plain, NULL, BYTES(0, 9, 0, 4, 1, 2, 3, 4), BYTES(0x80, 9, 0, 4, 1, 2, 3, 4));
	check(&plain, NULL, BYTES(0, 12, 0, 4, 1, 2, 3, 4), BYTES(0x80, 12, 0, 4, 1, 2, 3, 4));
	check(&plain, NULL, BYTES(0xff, 253, 0, 1, 9), BYTES(0x80, 253, 0, 1, 9));
	check(&plain, NULL, BYTES(0x80, 0, 0, 0, 0x7f, 255, 0, 0),
	      BYTES(0x80, 0, 0, 0, 0x80, 255, 0, 0));
	/* what is behind one is answered */
	check(&plain, NULL, BYTES(0, 99, 0, 0, 0x80, 1, 0, 2, 5, 6),
	      BYTES(0x80, 99, 0, 0, 0, 1, 0, 2, 5, 6));
}

static void padding_comes_back(void **state)
{
	(void)state;
	check(&plain, NULL, BYTES(0xff, 1, 0, 3, 7, 8, 9, 0x80, 1, 0, 0),
	      BYTES(0, 1, 0, 3, 7, 8, 9, 0, 1, 0, 0));
	/* padding of TWAMP Light is no TLV: as it was, with what follows */
	check(&plain, NULL, BYTES(0, 0, 0, 0, 0, 0), BYTES(0, 0, 0, 0, 0, 0));
	check(&plain, NULL, BYTES(0), BYTES(0));
	check(&plain, NULL, BYTES(0x80, 99, 0, 0, 0, 0, 0, 0, 3, 99, 0, 0),
	      BYTES(0x80, 99, 0, 0, 0, 0, 0, 0, 3, 99, 0, 0));
}

static void malformed_tlvs_end_the_walk(void **state)
{
	(void)state;
	/* longer than what is there; less than a header; lengths that a type can't have */
	check(&plain, NULL, BYTES(0x80, 1, 0, 3, 7, 8), BYTES(0x40, 1, 0, 3, 7, 8));
	check(&plain, NULL, BYTES(0x80, 99, 0xff, 0xff), BYTES(0x40, 99, 0xff, 0xff));
	check(&plain, NULL, BYTES(0x80, 1, 0), BYTES(0x40, 1, 0));
	check(&plain, NULL, BYTES(0x80, 4, 0, 5, 1, 2, 3, 4, 5),
	      BYTES(0x40, 4, 0, 5, 1, 2, 3, 4, 5));
	check(&plain, NULL, BYTES(0x80, 3, 0, 0), BYTES(0x40, 3, 0, 0));
	check(&plain, NULL, BYTES(0x80, 5, 0, 4, 1, 2, 3, 4), BYTES(0x40, 5, 0, 4, 1, 2, 3, 4));
	check(&plain, NULL, BYTES(0x80, 8, 0, 4, 1, 2, 3, 4), BYTES(0x40, 8, 0, 4, 1, 2, 3, 4));
	check(&plain, NULL, BYTES(0x80, 2, 0, 3, 1, 2, 3), BYTES(0x40, 2, 0, 3, 1, 2, 3));
	/* its fields are zeroed (section 4.7, erratum 8339) */
	check(&plain, NULL, BYTES(0x80, 7, 0, 4, 1, 2, 3, 4), BYTES(0x40, 7, 0, 4, 0, 0, 0, 0));
	check(&plain, NULL, BYTES(0x80, 7, 0, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14),
	      BYTES(0x40, 7, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 14));
	/* what is before is answered, what follows is as it was */
	check(&plain, NULL, BYTES(0x80, 99, 0, 0, 0x80, 4, 0, 0, 0x80, 1, 0, 0),
	      BYTES(0x80, 99, 0, 0, 0x40, 4, 0, 0, 0x80, 1, 0, 0));
}

static void class_of_service_as_it_came(void **state)
{
	struct el_stamp_reflector r = {.dscp_allowed = 1ULL << 10};
	uint8_t got[8];
	struct el_stamp_reflected ret;

	(void)state;
	/* sent with DSCP 46, ECN 1; the reply is wanted with DSCP 34, which is not allowed: RP is 1
	 */
	ret = reflect_tlvs(&r, NULL, BYTES(0x80, 4, 0, 4, 34 << 2, 0, 0xff, 0xff), got);
	assert_memory_equal(got, ((uint8_t[]){0, 4, 0, 4, 34 << 2 | 2, 0xe5, 0, 0}), 8);
	assert_int_equal(ret.dscp, 46);
	/* with DSCP 10, which is; bits that the sender left in the answer's place go */
	ret = reflect_tlvs(&r, NULL, BYTES(0x80, 4, 0, 4, 10 << 2 | 1, 0xff, 0, 0), got);
	assert_memory_equal(got, ((uint8_t[]){0, 4, 0, 4, 10 << 2 | 2, 0xe4, 0, 0}), 8);
	assert_int_equal(ret.dscp, 10);
}

static void location_is_told(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9}, v6[2][16] = {{0x20, 1, 1}, {0x20, 1, 2}};
	static const uint8_t tlv[] = {0x80, 2, 0, 56, 0, 0,    0, 0, 0x80, 1, 0,    8, 0, 0,  0,
				      0,    0, 0, 0,  0, 0x80, 4, 0, 16,   0, 0,    0, 0, 0,  0,
				      0,    0, 0, 0,  0, 0,    0, 0, 0,    0, 0x80, 7, 0, 16, 9,
				      9,    9, 9, 9,  9, 9,    9, 9, 9,    9, 9,    9, 9, 9,  9};
	struct el_stamp_reflector r = {.tell_location = true};
	struct packet p = request_with(tlv, sizeof(tlv)), reply;
	struct el_stamp_received q = received(&p);
	struct el_stamp_reflected ret;
	const uint8_t *t;

	(void)state;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	t = reply.bytes + 44;
	assert_bytes(t, BYTES(0, 2, 0, 56, 862 >> 8, 862 & 255, 40000 >> 8, 40000 & 255));
	/* the MAC is not known: an EUI-64 of zeros */
	assert_bytes(t + 8, BYTES(0, 3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_bytes(t + 20,
		     BYTES(0, 5, 0, 16, 198, 51, 100, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_bytes(t + 40, BYTES(0, 8, 0, 16, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	free(reply.bytes);
	q.family = 6;
	q.source = v6[0];
	q.destination = v6[1];
	q.source_mac = mac;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	t = reply.bytes + 44;
	assert_bytes(t + 8, BYTES(0, 2, 0, 8, 2, 0, 0, 0, 0, 9, 0, 0));
	assert_bytes(t + 20, BYTES(0, 6, 0, 16));
	assert_memory_equal(t + 24, v6[1], 16);
	assert_bytes(t + 40, BYTES(0, 9, 0, 16));
	assert_memory_equal(t + 44, v6[0], 16);
	free(reply.bytes);
	/* by its policy a reflector tells nothing, in the same form */
	r.tell_location = false;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	t = reply.bytes + 44;
	assert_bytes(t, BYTES(0, 2, 0, 56, 0, 0, 0, 0, 0, 3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_bytes(t + 20, BYTES(0, 6, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_bytes(t + 40, BYTES(0, 9, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	free(reply.bytes);
	free(p.bytes);
	/* sub-TLVs that ask nothing have U; one that is cut or of a wrong length spoils the TLV */
	check(&plain, NULL, BYTES(0x80, 2, 0, 9, 0, 0, 0, 0, 0, 77, 0, 1, 5),
	      BYTES(0, 2, 0, 9, 0, 0, 0, 0, 0x80, 77, 0, 1, 5));
	check(&plain, NULL, BYTES(0x80, 2, 0, 9, 1, 1, 0, 0, 0, 77, 0, 2, 5),
	      BYTES(0x40, 2, 0, 9, 1, 1, 0, 0, 0, 77, 0, 2, 5));
	check(&plain, NULL, BYTES(0x80, 2, 0, 9, 1, 1, 0, 0, 0, 4, 0, 1, 5),
	      BYTES(0x40, 2, 0, 9, 1, 1, 0, 0, 0, 4, 0, 1, 5));
	check(&plain, NULL, BYTES(0x80, 2, 0, 6, 1, 1, 0, 0, 0x80, 4),
	      BYTES(0x40, 2, 0, 6, 1, 1, 0, 0, 0x80, 4));
}

static void timestamps_are_described(void **state)
{
	struct el_stamp_reflector r = {.sync = EL_STAMP_SYNC_NTP,
				       .method_in = EL_STAMP_METHOD_HARDWARE,
				       .method_out = EL_STAMP_METHOD_SOFTWARE};

	(void)state;
	check(&r, NULL, BYTES(0x80, 3, 0, 4, 9, 9, 9, 9), BYTES(0, 3, 0, 4, 1, 1, 1, 2));
}

static void direct_measurement_counts(void **state)
{
	struct el_stamp_session session = {
	    .n_received = 0x1ff, .n_replied = 0x00ffffff, .sequence = 0x00ffffff};

	(void)state;
	check(&plain, &session, BYTES(0x80, 5, 0, 12, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9),
	      BYTES(0, 5, 0, 12, 1, 2, 3, 4, 0, 0, 2, 0, 1, 0, 0, 0));
	/* who keeps no session has no counts to give */
	check(&plain, NULL, BYTES(0x80, 5, 0, 12, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9),
	      BYTES(0x80, 5, 0, 12, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0));
}

static void follow_up_is_of_the_last_reply(void **state)
{
	static const uint8_t tlv[] = {0x80, 7, 0, 16, 9, 9, 9, 9, 9, 9,
				      9,    9, 9, 9,  9, 9, 9, 9, 9, 9};
	static const uint8_t none[20] = {0, 7, 0, 16};
	struct el_stamp_reflector r = {.method_out = EL_STAMP_METHOD_SOFTWARE,
				       .format = EL_STAMP_PTP};
	struct el_stamp_session session = {.n_replied = 5, .sequence = 5};
	uint8_t second[20] = {0, 7, 0, 16, 0, 0, 0, 5, [16] = 2};

	(void)state;
	check(&r, NULL, tlv, 20, none, 20); /* stateless */
	check(&r, &session, tlv, 20, none, 20);
	el_put32(second + 8, 1700000000);
	el_put32(second + 12, 124456789);
	check(&r, &session, tlv, 20, second, 20);
}

static void no_reply_where_none_is_wanted(void **state)
{
	struct packet p = request_with(BYTES(0x80, 10, 0, 8, 0x80, 1, 0, 4, 0, 0, 0, 2));
	struct el_stamp_received q = received(&p);
	struct el_stamp_session session = {0};
	struct el_stamp_reflected ret;

	(void)state;
	free(reflect_packet(&plain, &q, &session, EL_STAMP_REFLECT_UNWANTED, &ret).bytes);
	assert_int_equal(session.n_received, 1);
	assert_int_equal(session.n_replied, 0);
	free(p.bytes);
	/* on the link that it came by: as ever */
	check(&plain, NULL, BYTES(0x80, 10, 0, 8, 0x80, 1, 0, 4, 0, 0, 0, 1),
	      BYTES(0, 10, 0, 8, 0, 1, 0, 4, 0, 0, 0, 1));
	/* another address or a list of segments is never used; nor a second Return Path */
	check(&plain, NULL, BYTES(0x80, 10, 0, 8, 0x80, 2, 0, 4, 192, 0, 2, 99),
	      BYTES(0x80, 10, 0, 8, 0x80, 2, 0, 4, 192, 0, 2, 99));
	check(&plain, NULL, BYTES(0, 10, 0, 0, 0x80, 10, 0, 8, 0x80, 1, 0, 4, 0, 0, 0, 0),
	      BYTES(0x80, 10, 0, 0, 0x80, 10, 0, 8, 0x80, 1, 0, 4, 0, 0, 0, 0));
	check(&plain, NULL, BYTES(0x80, 10, 0, 7, 0x80, 1, 0, 3, 0, 0, 0),
	      BYTES(0x40, 10, 0, 7, 0x80, 1, 0, 3, 0, 0, 0));
}

/* ---- integrity ---- */

/* A request with Class of Service and an HMAC, reflected after `change` of its bytes from the TLVs
 * on. */
static struct packet reflect_signed(bool authenticated, struct el_stamp_key *with, size_t change,
				    uint8_t by, struct el_stamp_reply *ret_reply)
{
	struct el_stamp_sender s = {.key = key,
				    .authenticated = authenticated,
				    .asks = 1U << EL_STAMP_TLV_CLASS_OF_SERVICE,
				    .len = authenticated ? 150 : 80};
	struct el_stamp_reflector r = {.key = with, .authenticated = authenticated};
	struct packet p = request_of(&s), reply;
	struct el_stamp_received q = received(&p);
	struct el_stamp_reflected ret;
	size_t base = authenticated ? EL_STAMP_AUTH_LEN : EL_STAMP_LEN;

	p.bytes[base + change] ^= by;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(el_stamp_reply_parse(&s, reply.bytes, reply.len, SAMPLE_SEQUENCE,
					      SAMPLE_T1, SAMPLE_NS, ret_reply),
			 EL_STAMP_ANSWER);
	free(p.bytes);
	memmove(reply.bytes, reply.bytes + base, reply.len - base);
	return reply;
}

static void signed_tlvs_are_verified_and_signed_again(void **state)
{
	struct el_stamp_reply reply;
	struct packet p;

	(void)state;
	for (int authenticated = 0; authenticated < 2; authenticated++) {
		p = reflect_signed(authenticated, key, 0, 0, &reply);
		assert_int_equal(p.bytes[0], 0);
		assert_int_equal(p.bytes[8], 0);
		assert_int_equal(reply.answered, 1U << EL_STAMP_TLV_CLASS_OF_SERVICE);
		assert_int_equal(reply.dscp, 46);
		free(p.bytes);
		/* its value and the HMAC; not what the padding behind it has */
		for (size_t i = 4; i < 28; i++) {
			if (i >= 8 && i < 12)
				continue;
			p = reflect_signed(authenticated, key, i, 1, &reply);
			assert_int_equal(p.bytes[0], EL_STAMP_TLV_I);
			assert_int_equal(p.bytes[8], EL_STAMP_TLV_I);
			assert_int_equal(p.bytes[28], EL_STAMP_TLV_I);
			assert_int_equal(p.bytes[5], i == 5 ? 1 : 0); /* no answer */
			assert_int_equal(reply.answered, 0);
			free(p.bytes);
		}
		p = reflect_signed(authenticated, key, 33, 1, &reply);
		assert_int_equal(p.bytes[0], 0);
		assert_int_equal(p.bytes[28], 0);
		free(p.bytes);
	}
	/* who has no key can't verify */
	p = reflect_signed(false, NULL, 0, 0, &reply);
	assert_int_equal(p.bytes[0], EL_STAMP_TLV_I);
	free(p.bytes);
}

/* A sender with a key takes nothing of TLVs whose HMAC is not right, or not there. */
static void sender_verifies_tlvs(void **state)
{
	struct el_stamp_sender s = {.key = key, .asks = 1U << EL_STAMP_TLV_CLASS_OF_SERVICE};
	struct el_stamp_reflector r = {.key = key};
	struct packet p = request_of(&s), reply;
	struct el_stamp_received q = received(&p);
	struct el_stamp_reflected ret;
	struct el_stamp_reply parsed;

	(void)state;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	for (size_t i = 0; i < 28; i++) {
		reply.bytes[44 + i] ^= 2;
		assert_int_equal(el_stamp_reply_parse(&s, reply.bytes, reply.len, SAMPLE_SEQUENCE,
						      SAMPLE_T1, SAMPLE_NS, &parsed),
				 EL_STAMP_ANSWER);
		/* the flags and header of the HMAC TLV itself are not under it */
		if (i != 8)
			assert_int_equal(parsed.answered, 0);
		reply.bytes[44 + i] ^= 2;
	}
	assert_int_equal(el_stamp_reply_parse(&s, reply.bytes, 44 + 8, SAMPLE_SEQUENCE, SAMPLE_T1,
					      SAMPLE_NS, &parsed),
			 EL_STAMP_ANSWER);
	assert_int_equal(parsed.answered, 0);
	free(reply.bytes);
	free(p.bytes);
}

/* Section 4.8: in authenticated mode all but padding alone must be signed; an HMAC that more than
 * padding follows counts as wrong. */
static void unsigned_and_misplaced(void **state)
{
	struct el_stamp_sender s = {.key = key, .authenticated = true, .len = 140};
	struct el_stamp_reflector r = {.key = key, .authenticated = true};
	struct packet p = request_of(&s), reply;
	struct el_stamp_received q = received(&p);
	struct el_stamp_reflected ret;
	uint8_t got[64], tlvs[64] = {0x80, 99, 0, 0, 0x80, 8, 0, 16};

	(void)state;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.bytes[112], 0); /* padding alone */
	free(reply.bytes);
	p.bytes[113] = 99;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.bytes[112], EL_STAMP_TLV_I);
	free(reply.bytes);
	el_put16(p.bytes + 114, 99); /* malformed besides */
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.bytes[112], EL_STAMP_TLV_I | EL_STAMP_TLV_M);
	free(reply.bytes);
	free(p.bytes);

	s = (struct el_stamp_sender){0};
	p = request_of(&s);
	r.authenticated = false;
	/* the HMAC of what is before it is right, whatever follows */
	memcpy(got, p.bytes, 4);
	memcpy(got + 4, tlvs, 4);
	stamp_hmac(key, got, 8, NULL, 0, tlvs + 8);
	free(p.bytes);
	memcpy(tlvs + 24, ((uint8_t[]){0x80, 1, 0, 0}), 4);
	reflect_tlvs(&r, NULL, tlvs, 28, got);
	assert_int_equal(got[0], EL_STAMP_TLV_U);
	assert_int_equal(got[4], 0);
	tlvs[25] = 98;
	reflect_tlvs(&r, NULL, tlvs, 28, got);
	assert_int_equal(got[0], EL_STAMP_TLV_I);
	assert_int_equal(got[4], EL_STAMP_TLV_I);
	assert_int_equal(got[24], EL_STAMP_TLV_I);
	tlvs[27] = 9;
	reflect_tlvs(&r, NULL, tlvs, 28, got);
	assert_int_equal(got[0], EL_STAMP_TLV_I);
	assert_int_equal(got[24], EL_STAMP_TLV_I | EL_STAMP_TLV_M);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unknown_tlvs_come_back_with_u),
	    cmocka_unit_test(padding_comes_back),
	    cmocka_unit_test(malformed_tlvs_end_the_walk),
	    cmocka_unit_test(class_of_service_as_it_came),
	    cmocka_unit_test(location_is_told),
	    cmocka_unit_test(timestamps_are_described),
	    cmocka_unit_test(direct_measurement_counts),
	    cmocka_unit_test(follow_up_is_of_the_last_reply),
	    cmocka_unit_test(no_reply_where_none_is_wanted),
	    cmocka_unit_test(signed_tlvs_are_verified_and_signed_again),
	    cmocka_unit_test(sender_verifies_tlvs),
	    cmocka_unit_test(unsigned_and_misplaced),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
