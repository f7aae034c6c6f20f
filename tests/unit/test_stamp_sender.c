/* SPDX-License-Identifier: BSD-3-Clause */
#include "stamp_key.h"

static void request_is_that_of_the_rfc(void **state)
{
	static const uint8_t expected[EL_STAMP_LEN] = {1,    2,    3, 4, 0xe8, 0xfe, 0x12, 0x34,
						       0xab, 0xcd, 0, 1, 0x81, 0x23, 0xbe, 0xef};
	struct el_stamp_sender s = {.error_estimate = 0x8123, .ssid = 0xbeef};
	struct packet p = request_of(&s);

	(void)state;
	assert_int_equal(p.len, EL_STAMP_LEN);
	assert_memory_equal(p.bytes, expected, EL_STAMP_LEN);
	free(p.bytes);
}

static void authenticated_request_is_that_of_the_rfc(void **state)
{
	uint8_t expected[96] = {1, 2, 3, 4};
	struct el_stamp_sender s = {
	    .key = key, .authenticated = true, .error_estimate = 0x8123, .ssid = 0xbeef};
	struct packet p = request_of(&s);

	(void)state;
	memcpy(expected + 16, "\xe8\xfe\x12\x34\xab\xcd\x00\x01\x81\x23\xbe\xef", 12);
	assert_int_equal(p.len, EL_STAMP_AUTH_LEN);
	assert_memory_equal(p.bytes, expected, 96);
	free(p.bytes);
}

/* Extra Padding fills up to the length that is wanted, if it is one that there can be. */
static void size_is_reached_by_padding(void **state)
{
	uint8_t random[1500], bytes[1500];

	(void)state;
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(i * 7 + 1);
	for (uint16_t wanted = 0; wanted <= 1472; wanted++) {
		struct el_stamp_sender s = {.len = wanted};
		size_t expected = wanted <= 44 ? 44 : wanted < 48 ? 48 : wanted;

		assert_int_equal(el_stamp_request_len(&s), expected);
		assert_int_equal(el_stamp_request_build(&s, random, bytes, expected - 1), 0);
		assert_int_equal(el_stamp_request_build(&s, random, bytes, expected), expected);
		if (expected == 44)
			continue;
		assert_int_equal(bytes[44], EL_STAMP_TLV_U);
		assert_int_equal(bytes[45], EL_STAMP_TLV_EXTRA_PADDING);
		assert_int_equal(el_get16(bytes + 46), expected - 48);
		assert_memory_equal(bytes + 48, random, expected - 48);
	}
}

/* Every TLV that asks is zero but for its header, has U alone, and what a sender says; HMAC follows
 * all but padding. */
static void requests_ask_by_tlvs(void **state)
{
	static const uint8_t tlvs[] = {
	    0x80, 2, 0,    4,  0, 0,  0, 0,  0x80, 3, 0, 4, 0, 0, 0, 0, 0x80, 4, 0, 4, 34 << 2, 0,
	    0,    0, 0x80, 7,  0, 16, 0, 0,  0,    0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,       0,
	    0x80, 5, 0,    12, 0, 0,  0, 77, 0,    0, 0, 0, 0, 0, 0, 0, 0x80, 8, 0, 16};
	struct el_stamp_sender s = {.asks = EL_STAMP_ASKS, .dscp = 34};
	struct packet p = request_of(&s);

	(void)state;
	assert_int_equal(p.len, EL_STAMP_LEN + 60);
	assert_memory_equal(p.bytes + EL_STAMP_LEN, tlvs, 60);
	free(p.bytes);
	s.key = key;
	s.len = 44 + 80 + 10;
	p = request_of(&s);
	assert_int_equal(p.len, 44 + 80 + 10);
	assert_memory_equal(p.bytes + EL_STAMP_LEN, tlvs, 64);
	assert_int_equal(p.bytes[44 + 81], EL_STAMP_TLV_EXTRA_PADDING);
	free(p.bytes);
}

/* RFC 8972 section 4.8: no HMAC TLV where there is nothing but padding. */
static void padding_alone_is_not_signed(void **state)
{
	struct el_stamp_sender s = {.key = key, .authenticated = true, .len = 130};
	struct packet p = request_of(&s);

	(void)state;
	assert_int_equal(p.len, 130);
	assert_int_equal(p.bytes[112 + 1], EL_STAMP_TLV_EXTRA_PADDING);
	assert_int_equal(el_get16(p.bytes + 114), 14);
	free(p.bytes);
}

/* ---- replies ---- */

static struct packet reply_to(const struct el_stamp_sender *s, const struct el_stamp_reflector *r,
			      struct el_stamp_session *session)
{
	struct packet request = request_of(s), reply;
	struct el_stamp_received q = received(&request);
	struct el_stamp_reflected ret;

	reply = reflect_packet(r, &q, session, EL_STAMP_REFLECTED, &ret);
	free(request.bytes);
	return reply;
}

static enum el_stamp_verdict parse(const struct el_stamp_sender *s, const struct packet *p,
				   struct el_stamp_reply *ret)
{
	return el_stamp_reply_parse(s, p->bytes, p->len, SAMPLE_SEQUENCE, SAMPLE_T1, SAMPLE_NS + S,
				    ret);
}

static void replies_are_matched_and_read(void **state)
{
	struct el_stamp_sender s = {.ssid = 9};
	struct el_stamp_reflector r = {.error_estimate = EL_STAMP_ERROR_S | 25 << 8 | 128};
	struct el_stamp_session session = {.n_replied = 500, .sequence = 500};
	struct packet p = reply_to(&s, &r, &session);
	struct el_stamp_reply reply;
	uint32_t sequence;

	(void)state;
	assert_true(el_stamp_reply_request(p.bytes, p.len, false, &sequence));
	assert_int_equal(sequence, SAMPLE_SEQUENCE);
	assert_false(el_stamp_reply_request(p.bytes, p.len - 1, false, &sequence));
	assert_false(el_stamp_reply_request(p.bytes, p.len, true, &sequence));
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.t2_ns, SAMPLE_NS);
	assert_int_equal(reply.t3_ns, SAMPLE_NS + 1000000);
	assert_int_equal(reply.error_ns, 1000000000);
	assert_true(reply.synchronised);
	assert_int_equal(reply.sender_ttl, 61);
	assert_int_equal(reply.ssid, 9);
	assert_int_equal(reply.sequence, 500);
	assert_int_equal(reply.answered, 0);
	free(p.bytes);
}

/* The reflector's Z says how T2 and T3 are to be read, whatever the sender's own format is. */
static void reflectors_format_is_its_own(void **state)
{
	(void)state;
	for (int mine = EL_STAMP_NTP; mine <= EL_STAMP_PTP; mine++)
		for (int its = EL_STAMP_NTP; its <= EL_STAMP_PTP; its++) {
			struct el_stamp_clock clock = {.synchronised = true, .maxerror_us = 50};
			struct el_stamp_sender s = {.tai_offset_s = 37,
						    .error_estimate =
							el_stamp_error_estimate(&clock, mine)};
			struct el_stamp_reflector r = {.format = its,
						       .tai_offset_s = 37,
						       .error_estimate =
							   el_stamp_error_estimate(&clock, its)};
			struct packet p = reply_to(&s, &r, NULL);
			struct el_stamp_reply reply;

			assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
			assert_int_equal(reply.t2_ns, SAMPLE_NS);
			assert_int_equal(reply.t3_ns, SAMPLE_NS + 1000000);
			free(p.bytes);
		}
}

static void replies_to_others_are_told_apart(void **state)
{
	struct el_stamp_sender s = {.ssid = 0x1234};
	struct el_stamp_reflector r = {0};
	struct packet p = reply_to(&s, &r, NULL);
	struct el_stamp_reply reply;

	(void)state;
	for (size_t len = 0; len < p.len; len++) {
		struct packet cut = packet_of(p.bytes, len);

		assert_int_equal(parse(&s, &cut, &reply), EL_STAMP_SHORT);
		free(cut.bytes);
	}
	for (size_t i = 24; i < 36; i++) { /* what it repeats of the request */
		p.bytes[i] ^= 1;
		assert_int_equal(parse(&s, &p, &reply), EL_STAMP_OTHER_REQUEST);
		p.bytes[i] ^= 1;
	}
	p.bytes[15] ^= 1;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_OTHER_SSID);
	p.bytes[14] = p.bytes[15] = 0; /* a reflector that knows no SSIDs */
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.ssid, 0);
	s.ssid_needed = true;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_OTHER_SSID);
	s.ssid = 0; /* none is used: the field is to be ignored */
	p.bytes[14] = 7;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	free(p.bytes);
}

/* All bytes that must be zero may be anything, and nothing of the request's own need come back. */
static void zeros_and_padding_are_ignored(void **state)
{
	static const uint8_t zeros[] = {38, 39, 41, 42, 43};
	struct el_stamp_sender s = {.len = 200};
	struct el_stamp_reflector r = {0};
	struct packet p = reply_to(&s, &r, NULL);
	struct el_stamp_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(zeros); i++)
		p.bytes[zeros[i]] = 0xff;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	memset(p.bytes + 44, 0, p.len - 44);
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	memset(p.bytes + 44, 0xff, p.len - 44);
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	p.len = 44;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	free(p.bytes);
}

/* A reply whose timestamps are none is a reply all the same: it was not lost. */
static void replies_without_times_are_replies(void **state)
{
	struct el_stamp_sender s = {0};
	struct el_stamp_reflector r = {0};
	struct packet p = reply_to(&s, &r, NULL);
	struct el_stamp_reply reply;

	(void)state;
	memset(p.bytes + 16, 0, 8);
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_NO_TIME);
	assert_int_equal(reply.t2_ns, 0);
	assert_int_equal(reply.t3_ns, 0);
	assert_int_equal(reply.sender_ttl, 61);
	assert_int_equal(reply.error_ns, UINT64_MAX); /* the reflector's multiplier was zero */
	free(p.bytes);
	p = reply_to(&s, &r, NULL);
	p.bytes[12] = 0x40; /* Z: the fraction of T3 is no number of nanoseconds */
	el_put32(p.bytes + 8, 1000000000);
	el_put32(p.bytes + 20, 0);
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_NO_TIME);
	assert_int_equal(reply.t2_ns, 0);
	free(p.bytes);
}

static void answers_of_tlvs_are_read(void **state)
{
	struct el_stamp_sender s = {.asks = EL_STAMP_ASKS, .dscp = 10};
	struct el_stamp_reflector r = {.tell_location = true,
				       .sync = EL_STAMP_SYNC_PTP,
				       .method_in = EL_STAMP_METHOD_HARDWARE,
				       .method_out = EL_STAMP_METHOD_SOFTWARE};
	struct el_stamp_session session = {.n_received = 30,
					   .n_replied = 20,
					   .sequence = 20,
					   .last_sequence = 19,
					   .last_timestamp = 0x1122334455667788};
	struct packet p = reply_to(&s, &r, &session);
	struct el_stamp_reply reply;

	(void)state;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered, EL_STAMP_ASKS);
	assert_int_equal(reply.source_port, 40000);
	assert_int_equal(reply.destination_port, EL_STAMP_PORT);
	assert_int_equal(reply.sync_in, EL_STAMP_SYNC_PTP);
	assert_int_equal(reply.method_in, EL_STAMP_METHOD_HARDWARE);
	assert_int_equal(reply.sync_out, EL_STAMP_SYNC_PTP);
	assert_int_equal(reply.method_out, EL_STAMP_METHOD_SOFTWARE);
	assert_int_equal(reply.dscp, 46);
	assert_int_equal(reply.ecn, 1);
	assert_true(reply.dscp_refused);
	assert_int_equal(reply.n_sent, 77);
	assert_int_equal(reply.n_received, 31);
	assert_int_equal(reply.n_replied, 21);
	assert_int_equal(reply.follow_up_sequence, 19);
	assert_int_equal(reply.follow_up_bits, 0x1122334455667788);
	assert_int_equal(reply.follow_up_method, EL_STAMP_METHOD_SOFTWARE);

	/* a reflector of the first RFC gives them back as they are: nothing is answered */
	for (size_t at = 44; at < p.len; at += 4U + el_get16(p.bytes + at + 2))
		p.bytes[at] = EL_STAMP_TLV_U;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered, 0);
	assert_int_equal(reply.dscp, 0);
	free(p.bytes);
	/* what was not asked for is not taken */
	s.asks = 1U << EL_STAMP_TLV_CLASS_OF_SERVICE;
	p = reply_to(&s, &r, &session);
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered, 1U << EL_STAMP_TLV_CLASS_OF_SERVICE);
	s.asks = 1U << EL_STAMP_TLV_LOCATION;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered, 0);
	free(p.bytes);
}

/* RFC 8972 section 4: M ends the walk, I voids all, wherever it is. */
static void flags_of_tlvs_are_heeded(void **state)
{
	struct el_stamp_sender s = {.asks = EL_STAMP_ASKS};
	struct el_stamp_reflector r = {.tell_location = true};
	struct el_stamp_session session = {0};
	struct packet p = reply_to(&s, &r, &session);
	struct el_stamp_reply reply;

	(void)state;
	p.bytes[44 + 8 + 8] |= EL_STAMP_TLV_M; /* the third, Class of Service */
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered,
			 1U << EL_STAMP_TLV_LOCATION | 1U << EL_STAMP_TLV_TIMESTAMP_INFORMATION);
	p.bytes[44 + 8 + 8] = EL_STAMP_TLV_I;
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered, 0);
	p.bytes[44 + 8 + 8] = 0;
	el_put16(p.bytes + 44 + 8 + 8 + 2, 5); /* a length that it can't have */
	assert_int_equal(parse(&s, &p, &reply), EL_STAMP_ANSWER);
	assert_int_equal(reply.answered,
			 1U << EL_STAMP_TLV_LOCATION | 1U << EL_STAMP_TLV_TIMESTAMP_INFORMATION);
	free(p.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_is_that_of_the_rfc),
	    cmocka_unit_test(authenticated_request_is_that_of_the_rfc),
	    cmocka_unit_test(size_is_reached_by_padding),
	    cmocka_unit_test(requests_ask_by_tlvs),
	    cmocka_unit_test(padding_alone_is_not_signed),
	    cmocka_unit_test(replies_are_matched_and_read),
	    cmocka_unit_test(reflectors_format_is_its_own),
	    cmocka_unit_test(replies_to_others_are_told_apart),
	    cmocka_unit_test(zeros_and_padding_are_ignored),
	    cmocka_unit_test(replies_without_times_are_replies),
	    cmocka_unit_test(answers_of_tlvs_are_read),
	    cmocka_unit_test(flags_of_tlvs_are_heeded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
