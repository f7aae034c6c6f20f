/* SPDX-License-Identifier: BSD-3-Clause */
#include "stamp_sample.h"

#include "el_stamp_plain.h"
#include "wire.h"

static const uint8_t key_bytes[20] = "0123456789abcdefghi";
static struct el_stamp_key *key, *other_key;

static int setup(void **state)
{
	(void)state;
	key = el_stamp_key_create(key_bytes, sizeof(key_bytes));
	other_key = el_stamp_key_create(key_bytes + 1, sizeof(key_bytes) - 1);
	return key && other_key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_stamp_key_destroy(key);
	el_stamp_key_destroy(other_key);
	return 0;
}

static void reply_is_that_of_the_rfc(void **state)
{
	struct el_stamp_sender s = {.error_estimate = 0x8123, .ssid = 0xbeef};
	struct el_stamp_reflector r = {.error_estimate = 0x0456};
	struct packet request = request_of(&s), reply;
	struct el_stamp_received q = received(&request);
	struct el_stamp_reflected ret;
	uint8_t expected[EL_STAMP_LEN] = {1, 2, 3, 4, [12] = 4, 0x56, 0xbe, 0xef};
	uint64_t t2 = el_stamp_encode(EL_STAMP_NTP, SAMPLE_NS, 0);
	uint64_t t3 = el_stamp_encode(EL_STAMP_NTP, SAMPLE_NS + 1000000, 0);

	(void)state;
	el_put32(expected + 4, (uint32_t)(t3 >> 32));
	el_put32(expected + 8, (uint32_t)t3);
	el_put32(expected + 16, (uint32_t)(t2 >> 32));
	el_put32(expected + 20, (uint32_t)t2);
	memcpy(expected + 24, request.bytes, 14);
	expected[40] = 61;
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.len, EL_STAMP_LEN);
	assert_memory_equal(reply.bytes, expected, EL_STAMP_LEN);
	assert_int_equal(ret.dscp, 46);
	free(reply.bytes);
	/* what must be zero is ignored, and not given back */
	memset(request.bytes + 16, 0xff, 28);
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_memory_equal(reply.bytes, expected, EL_STAMP_LEN);
	free(reply.bytes);
	free(request.bytes);
}

static void authenticated_reply_is_that_of_the_rfc(void **state)
{
	struct el_stamp_sender s = {
	    .key = key, .authenticated = true, .error_estimate = 0x8123, .ssid = 0xbeef};
	struct el_stamp_reflector r = {
	    .key = key, .authenticated = true, .error_estimate = 0x0456, .format = EL_STAMP_PTP};
	struct packet request = request_of(&s), reply;
	struct el_stamp_received q = received(&request);
	struct el_stamp_reflected ret;
	struct el_stamp_reply parsed;
	uint8_t expected[96] = {1, 2, 3, 4, [24] = 4, 0x56, 0xbe, 0xef, [80] = 61};

	(void)state;
	el_put32(expected + 16, 1700000000);
	el_put32(expected + 20, 124456789);
	el_put32(expected + 32, 1700000000);
	el_put32(expected + 36, 123456789);
	memcpy(expected + 48, request.bytes, 4);
	memcpy(expected + 64, request.bytes + 16, 10);
	reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
	assert_int_equal(reply.len, EL_STAMP_AUTH_LEN);
	assert_memory_equal(reply.bytes, expected, 96);
	assert_int_equal(el_stamp_reply_parse(&s, reply.bytes, reply.len, SAMPLE_SEQUENCE,
					      SAMPLE_T1, SAMPLE_NS, &parsed),
			 EL_STAMP_ANSWER);
	/* any byte that changes is found out, on either way */
	for (size_t i = 0; i < EL_STAMP_AUTH_LEN; i++) {
		uint8_t scratch[EL_STAMP_AUTH_LEN];
		enum el_stamp_verdict verdict;

		reply.bytes[i] ^= 0x10;
		verdict = el_stamp_reply_parse(&s, reply.bytes, reply.len, SAMPLE_SEQUENCE,
					       SAMPLE_T1, SAMPLE_NS, &parsed);
		reply.bytes[i] ^= 0x10;
		assert_int_not_equal(verdict, EL_STAMP_ANSWER);
		request.bytes[i] ^= 0x10;
		assert_int_equal(el_stamp_reflect(&r, &q, NULL, scratch, sizeof(scratch), &ret),
				 EL_STAMP_REFLECT_WRONG_HMAC);
		request.bytes[i] ^= 0x10;
	}
	r.key = other_key;
	free(reflect_packet(&r, &q, NULL, EL_STAMP_REFLECT_WRONG_HMAC, &ret).bytes);
	s.key = other_key;
	assert_int_equal(el_stamp_reply_parse(&s, reply.bytes, reply.len, SAMPLE_SEQUENCE,
					      SAMPLE_T1, SAMPLE_NS, &parsed),
			 EL_STAMP_WRONG_HMAC);
	free(reply.bytes);
	free(request.bytes);
}

/* RFC 4231 section 4: test cases 1, 2, 5 and 6, of which the last key is longer than a block. */
static void hmac_is_that_of_its_rfc(void **state)
{
	static const struct {
		const char *text;
		uint8_t key_byte;
		size_t key_len;
		const char *hmac;
	} cases[] = {
	    {"Hi There", 0x0b, 20,
	     "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b"},
	    {"what do ya want for nothing?", 0, 4,
	     "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"},
	    {"Test With Truncation", 0x0c, 20,
	     "\xa3\xb6\x16\x74\x73\x10\x0e\xe0\x6e\x0c\x79\x6c\x29\x55\x55\x2b"},
	    {"Test Using Larger Than Block-Size Key - Hash Key First", 0xaa, 131,
	     "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *text = (const uint8_t *)cases[i].text;
		const uint8_t *right = (const uint8_t *)cases[i].hmac;
		size_t len = strlen(cases[i].text);
		uint8_t bytes[131], hmac[EL_STAMP_HMAC_LEN];
		struct el_stamp_key *k;

		memset(bytes, cases[i].key_byte, sizeof(bytes));
		if (!cases[i].key_byte)
			memcpy(bytes, "Jefe", 4);
		k = el_stamp_key_create(bytes, cases[i].key_len);
		assert_non_null(k);
		for (size_t cut = 0; cut <= len; cut++) {
			stamp_hmac(k, text, cut, text + cut, len - cut, hmac);
			assert_memory_equal(hmac, right, sizeof(hmac));
			assert_true(stamp_hmac_right(k, text, cut, text + cut, len - cut, right));
		}
		for (size_t j = 0; j < sizeof(hmac); j++) {
			hmac[j] ^= 0x80;
			assert_false(stamp_hmac_right(k, text, len, NULL, 0, hmac));
			hmac[j] ^= 0x80;
		}
		el_stamp_key_destroy(k);
	}
	errno = 0;
	assert_null(el_stamp_key_create(key_bytes, 0));
	assert_int_equal(errno, EINVAL);
}

static void symmetric_at_every_length(void **state)
{
	uint8_t bytes[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + 7);
	for (int authenticated = 0; authenticated < 2; authenticated++)
		for (size_t len = 0; len <= sizeof(bytes); len++) {
			size_t base = authenticated ? EL_STAMP_AUTH_LEN : EL_STAMP_LEN;
			struct el_stamp_reflector r = {.key = key, .authenticated = authenticated};
			struct el_stamp_sender s = {.key = key, .authenticated = authenticated};
			struct packet p;
			struct el_stamp_received q;
			struct el_stamp_reflected ret;

			if (len >= base)
				el_stamp_request_stamp(&s, bytes, base, 5, 6, 0);
			p = packet_of(bytes, len);
			q = received(&p);
			free(reflect_packet(
				 &r, &q, NULL,
				 len < base ? EL_STAMP_REFLECT_SHORT : EL_STAMP_REFLECTED, &ret)
				 .bytes);
			if (len >= base)
				assert_int_equal(ret.len, len);
			free(p.bytes);
		}
}

/* RFC 8762 section 4.6: only where it is allowed, and then as if zeros followed. */
static void short_requests_of_twamp_light(void **state)
{
	struct el_stamp_sender s = {.error_estimate = 0x8123, .ssid = 0xbeef};
	struct el_stamp_reflector r = {.answer_short = true};
	struct packet full = request_of(&s);

	(void)state;
	for (size_t len = 0; len < EL_STAMP_LEN; len++) {
		struct packet p = packet_of(full.bytes, len), reply;
		struct el_stamp_received q = received(&p);
		struct el_stamp_reflected ret;
		uint8_t taken[16] = {0};

		memcpy(taken, full.bytes, len < 16 ? len : 16);
		reply = reflect_packet(&r, &q, NULL, EL_STAMP_REFLECTED, &ret);
		assert_int_equal(reply.len, EL_STAMP_LEN);
		assert_memory_equal(reply.bytes, taken, 4);
		assert_memory_equal(reply.bytes + 14, taken + 14, 2);
		assert_memory_equal(reply.bytes + 24, taken, 14);
		assert_int_equal(
		    el_stamp_reflect(&r, &q, NULL, reply.bytes, EL_STAMP_LEN - 1, &ret),
		    EL_STAMP_REFLECT_NO_ROOM);
		free(reply.bytes);
		r.authenticated = true;
		r.key = key;
		free(reflect_packet(&r, &q, NULL, EL_STAMP_REFLECT_SHORT, &ret).bytes);
		r.authenticated = false;
		free(p.bytes);
	}
	free(full.bytes);
}

static void reflectors_never_answer_each_other(void **state)
{
	static const uint16_t ports[] = {EL_STAMP_PORT, 5000};
	struct el_stamp_sender s = {0};
	struct el_stamp_reflector r = {0};
	struct packet p = request_of(&s);
	struct el_stamp_received q = received(&p);
	struct el_stamp_session session = {0};
	struct el_stamp_reflected ret;

	(void)state;
	for (int i = 0; i < 2; i++) {
		q.source_port = q.destination_port = ports[i];
		free(reflect_packet(&r, &q, &session, EL_STAMP_REFLECT_PORTS, &ret).bytes);
	}
	assert_int_equal(session.n_received, 0);
	q.source_port++;
	free(reflect_packet(&r, &q, &session, EL_STAMP_REFLECTED, &ret).bytes);
	free(p.bytes);
}

/* RFC 8762 section 4.3.1: own numbers from zero on, whatever the requests' are. */
static void sessions_count(void **state)
{
	struct el_stamp_sender s = {0};
	struct el_stamp_reflector r = {0};
	struct packet p = request_of(&s);
	struct el_stamp_received q = received(&p);
	struct el_stamp_session session = {0};
	struct el_stamp_reflected ret;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct packet reply = reflect_packet(&r, &q, &session, EL_STAMP_REFLECTED, &ret);

		assert_int_equal(el_get32(reply.bytes), i);
		assert_int_equal(el_get32(reply.bytes + 24), SAMPLE_SEQUENCE);
		assert_int_equal(session.n_received, i + 1);
		assert_int_equal(session.n_replied, i + 1);
		assert_int_equal(session.last_sequence, i);
		assert_int_equal(session.last_timestamp,
				 el_stamp_encode(EL_STAMP_NTP, SAMPLE_NS + 1000000, 0));
		free(reply.bytes);
	}
	free(p.bytes);
}

/* In the request's own memory as in another's. */
static void in_place_is_the_same(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		bool authenticated = kind & 1;
		struct el_stamp_sender s = {.key = kind & 2        ? key
						   : authenticated ? key
								   : NULL,
					    .authenticated = authenticated,
					    .asks = EL_STAMP_ASKS,
					    .ssid = 3,
					    .len = 300};
		struct el_stamp_reflector r = {
		    .key = key, .authenticated = authenticated, .tell_location = true};
		struct el_stamp_session one = {.n_replied = 8, .sequence = 8}, two = one;
		struct packet p = request_of(&s), reply;
		struct el_stamp_received q = received(&p);
		struct el_stamp_reflected ret;

		reply = reflect_packet(&r, &q, &one, EL_STAMP_REFLECTED, &ret);
		assert_int_equal(el_stamp_reflect(&r, &q, &two, p.bytes, p.len, &ret),
				 EL_STAMP_REFLECTED);
		el_stamp_reflect_stamp(&r, &two, p.bytes, q.t2_ns + 1000000);
		assert_int_equal(reply.len, p.len);
		assert_memory_equal(reply.bytes, p.bytes, p.len);
		assert_memory_equal(&one, &two, sizeof(one));
		free(reply.bytes);
		free(p.bytes);
	}
}

/* The short way is the long one, byte for byte, and its sum theirs. */
static void plain_replies_are_the_same(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct el_stamp_reflector r = {.error_estimate = (uint16_t)unit_random(&random),
					       .format = run % 2 ? EL_STAMP_PTP : EL_STAMP_NTP,
					       .tai_offset_s = 37};
		struct el_stamp_session session = {.sequence = (uint32_t)unit_random(&random)};
		uint32_t sequence = session.sequence;
		int64_t t3_ns = SAMPLE_NS + (int64_t)(unit_random(&random) % 1000000000);
		uint64_t t3 = el_stamp_encode(r.format, t3_ns, 37), sum;
		uint8_t bytes[EL_STAMP_LEN], plain[EL_STAMP_LEN];
		struct packet request, reply;
		struct el_stamp_received q;
		struct el_stamp_reflected ret;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)unit_random(&random);
		memset(plain, 0xff, sizeof(plain));
		request = packet_of(bytes, sizeof(bytes));
		q = received(&request);
		q.ttl = (uint8_t)run;
		reply = reflect_packet(&r, &q, &session, EL_STAMP_REFLECTED, &ret);
		el_stamp_reflect_stamp(&r, &session, reply.bytes, t3_ns);
		sum = el_stamp_plain_reflect(&r, request.bytes, sequence,
					     el_stamp_encode(r.format, q.t2_ns, 37), q.ttl, plain);
		assert_int_equal(el_sum_fold(sum), el_sum_fold(el_sum(plain, sizeof(plain), 0)));
		sum = el_stamp_plain_set_t3(t3, plain, sum);
		assert_int_equal(el_sum_fold(sum), el_sum_fold(el_sum(plain, sizeof(plain), 0)));
		assert_memory_equal(plain, reply.bytes, sizeof(plain));
		free(request.bytes);
		free(reply.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reply_is_that_of_the_rfc),
	    cmocka_unit_test(authenticated_reply_is_that_of_the_rfc),
	    cmocka_unit_test(plain_replies_are_the_same),
	    cmocka_unit_test(hmac_is_that_of_its_rfc),
	    cmocka_unit_test(symmetric_at_every_length),
	    cmocka_unit_test(short_requests_of_twamp_light),
	    cmocka_unit_test(reflectors_never_answer_each_other),
	    cmocka_unit_test(sessions_count),
	    cmocka_unit_test(in_place_is_the_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
