/* SPDX-License-Identifier: BSD-3-Clause */
/* STAMP's probes and replies; lib/stamp, which builds the same in one piece, is the measure. */
#include "unit.h"

#include <netinet/in.h>

#include "el_probe_make.h"
#include "frames.h"

#define L3_LEN (family == 4 ? 20U : 40U)

static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
static struct el_id_key key;
static struct el_stamp_key *hmac_key;
static uint64_t seed;
static uint8_t family = 4;

static int setup(void **state)
{
	uint8_t random[32];

	(void)state;
	seed = unit_seed();
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)unit_random(&seed);
	key = el_id_key_init(random);
	hmac_key = el_stamp_key_create(random, sizeof(random));
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)unit_random(&seed);
	return hmac_key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_stamp_key_destroy(hmac_key);
	return 0;
}

static struct el_ip random_ip(void)
{
	struct el_ip ip = {.family = family};

	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		ip.bytes[i] = (uint8_t)unit_random(&seed);
	return ip;
}

/* Any sender. */
static struct el_stamp_sender random_sender(void)
{
	struct el_stamp_sender s = {.format = unit_random(&seed) % 2 ? EL_STAMP_PTP : EL_STAMP_NTP,
				    .tai_offset_s = 37,
				    .len = (uint16_t)(unit_random(&seed) % 300)};

	if (unit_random(&seed) % 2)
		s.asks = (uint32_t)unit_random(&seed) & EL_STAMP_ASKS;
	if (unit_random(&seed) % 2) {
		s.key = hmac_key;
		s.authenticated = unit_random(&seed) % 2;
	}
	s.dscp = unit_random(&seed) & 63;
	return s;
}

/* A probe in its place. */
struct probe {
	uint8_t room[EL_PROBE_STAMP_ROOM + EL_PROBE_PAYLOAD_BYTES];
	struct el_probe_stamp_kind kind;
	struct el_slice slice;
	uint8_t *end, *l3, *packet;
	size_t len; /* of the packet */
	uint32_t id;
	uint16_t ssid, port;
	struct el_probe_stamp_made made;
};

static void make(struct probe *p, const struct el_stamp_sender *sender)
{
	struct el_slice_spec spec = {.type = EL_PROBE_STAMP,
				     .source = random_ip(),
				     .destination = random_ip(),
				     .dst_port = 862,
				     .dscp = unit_random(&seed) & 63,
				     .dont_fragment = unit_random(&seed) & 1,
				     .stamp = &p->kind,
				     .payload = payload,
				     .key = &key};
	struct el_probe_job job = {.slice = &p->slice,
				   .end = p->room + EL_PROBE_STAMP_ROOM,
				   .stamp = &p->kind,
				   .id = (uint32_t)unit_random(&seed),
				   .src_port = (uint16_t)unit_random(&seed)};

	assert_int_equal(el_probe_stamp_kind_init(&p->kind, sender), 0);
	memset(&p->slice, 0xa5, sizeof(p->slice));
	assert_int_equal(el_slice_build(&p->slice, &spec), 0);
	p->ssid = (uint16_t)(1 + unit_random(&seed) % 65535);
	el_probe_stamp_set_ssid(&p->slice, &p->kind, p->ssid);
	memset(p->room, 0xa5, EL_PROBE_STAMP_ROOM);
	memcpy(p->room + EL_PROBE_STAMP_ROOM, payload, sizeof(payload));
	p->made = el_make_stamp(&key, &job, job.slice->family);
	assert_memory_equal(job.end, payload, sizeof(payload));
	p->end = job.end;
	p->id = job.id;
	p->port = job.src_port;
	p->l3 = p->end - p->slice.header_len;
	p->packet = p->l3 + L3_LEN + 8;
	p->len = p->slice.header_len + (size_t)p->slice.payload_len - L3_LEN - 8;
}

static void check_sum(const struct probe *p)
{
	const uint8_t *l4 = p->l3 + L3_LEN;

	assert_int_equal(el_get16(l4 + 4), p->len + 8);
	assert_int_not_equal(el_get16(l4 + 6), 0);
	assert_int_equal(naive_l4_checksum(p->l3 + (family == 4 ? 12 : 8), family == 4 ? 4 : 16,
					   IPPROTO_UDP, l4, p->len + 8),
			 0);
}

static void stamp(struct probe *p, const struct el_probe_stamp_time *time, uint32_t n_sent)
{
	if (p->kind.sender.authenticated || p->kind.sender.asks)
		el_probe_stamp_sign(&p->kind, p->end, time, p->ssid, n_sent);
	else
		el_probe_stamp_set(p->end, &p->made, time);
}

/* Made in parts and stamped, even twice, it is what lib/stamp builds at once. */
static void parts_make_the_whole(void **state)
{
	static struct probe p;
	static uint8_t whole[EL_PROBE_PAYLOAD_BYTES];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct el_stamp_sender sender = random_sender();

		make(&p, &sender);
		check_sum(&p);
		assert_int_equal(p.len, el_stamp_request_len(&sender));
		for (int again = 0; again < 3; again++) {
			struct el_probe_stamp_time time = el_probe_stamp_time_of(
			    unit_random(&seed), (uint16_t)unit_random(&seed));
			uint32_t n_sent = (uint32_t)unit_random(&seed);

			stamp(&p, &time, n_sent);
			check_sum(&p);
			sender.ssid = p.ssid;
			sender.error_estimate = time.error_estimate;
			assert_int_equal(
			    el_stamp_request_build(&sender, payload, whole, sizeof(whole)), p.len);
			el_stamp_request_stamp(&sender, whole, p.len, el_id_permute(&key, p.id),
					       time.t1, n_sent);
			assert_memory_equal(p.packet, whole, p.len);
		}
	}
}

/* All that the times may be: sums of every kind come up, zero too, which is none in UDP. */
static void sums_of_all_times(void **state)
{
	static struct probe p;
	struct el_stamp_sender sender = {0};

	(void)state;
	make(&p, &sender);
	for (uint32_t i = 0; i < 0x20000; i++) {
		struct el_probe_stamp_time time = el_probe_stamp_time_of(i, (uint16_t)(i >> 16));

		stamp(&p, &time, 0);
		check_sum(&p);
	}
}

/* And of all ids: a checksum that was 0xffff, which stands for zero, before the first time is set.
 */
static void sums_of_all_ids(void **state)
{
	static struct probe p;

	(void)state;
	for (int authenticated = 0; authenticated < 2; authenticated++) {
		struct el_stamp_sender sender = {.key = authenticated ? hmac_key : NULL,
						 .authenticated = authenticated};

		make(&p, &sender);
		for (uint32_t i = 0; i < 0x20000; i++) {
			struct el_probe_job job = {.slice = &p.slice,
						   .end = p.end,
						   .stamp = &p.kind,
						   .id = i,
						   .src_port = p.port};
			struct el_probe_stamp_time time = el_probe_stamp_time_of(
			    unit_random(&seed), (uint16_t)unit_random(&seed));

			p.made = el_make_stamp(&key, &job, family);
			stamp(&p, &time, 0);
			check_sum(&p);
		}
	}
}

static void the_template_has_the_addresses(void **state)
{
	static struct probe p;
	const uint8_t *target, *own;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct el_stamp_sender sender = random_sender();
		uint8_t at = family == 4 ? 12 : 8, n = family == 4 ? 4 : 16;

		make(&p, &sender);
		el_slice_addresses(&p.slice, &target, &own);
		assert_memory_equal(own, p.l3 + at, n);
		assert_memory_equal(target, p.l3 + at + n, n);
	}
}

static void kinds_have_limits(void **state)
{
	struct el_stamp_sender sender = {.len = EL_PROBE_PAYLOAD_BYTES - 8};
	struct el_probe_stamp_kind kind;

	(void)state;
	assert_int_equal(el_probe_stamp_kind_init(&kind, &sender), 0);
	assert_int_equal(kind.payload_len, EL_PROBE_PAYLOAD_BYTES - 8 - 48);
	sender.len++;
	assert_int_equal(el_probe_stamp_kind_init(&kind, &sender), -EMSGSIZE);
	/* the longest tail */
	sender = (struct el_stamp_sender){
	    .key = hmac_key, .authenticated = true, .asks = EL_STAMP_ASKS, .len = 1000};
	assert_int_equal(el_probe_stamp_kind_init(&kind, &sender), 0);
	assert_int_equal(kind.tail_len + kind.payload_len + EL_PROBE_STAMP_HEAD, 1000);
}

/* What a reflector of lib/stamp answers is read; what is wrong with other replies is told. */
static void replies_are_read(void **state)
{
	static struct probe p;
	static uint8_t reply[EL_PROBE_PAYLOAD_BYTES];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct el_stamp_sender sender = random_sender();
		struct el_probe_stamp_time time = el_probe_stamp_time_of(unit_random(&seed), 0);
		struct el_stamp_reflector reflector = {.key = sender.key,
						       .authenticated = sender.authenticated,
						       .format = sender.format,
						       .tai_offset_s = 37,
						       .error_estimate = 0x8510};
		struct el_stamp_session session = {.sequence = (uint32_t)unit_random(&seed)};
		uint32_t sequence = session.sequence;
		struct el_stamp_received request = {.t2_ns = 1000000000,
						    .ttl = 61,
						    .tos = 46 << 2,
						    .source_port = 65000,
						    .destination_port = 862};
		struct el_stamp_reflected reflected;
		struct el_stamp_told told = {.tlvs = EL_STAMP_TLVS};
		struct el_stamp_note note;

		make(&p, &sender);
		stamp(&p, &time, 1);
		request.packet = p.packet;
		request.len = p.len;
		request.family = family;
		request.source = p.l3 + (family == 4 ? 12 : 8);
		request.destination = p.l3 + (family == 4 ? 16 : 24);
		assert_int_equal(el_stamp_reflect(&reflector, &request, &session, reply,
						  sizeof(reply), &reflected),
				 EL_STAMP_REFLECTED);
		el_stamp_reflect_stamp(&reflector, &session, reply, 1000005000);
		assert_int_equal(
		    el_probe_stamp_read(&p.kind, p.ssid, reply, reflected.len, &note, &told),
		    EL_STAMP_ANSWER);
		assert_int_equal(note.t1, time.t1);
		if (!p.kind.plain)
			assert_int_equal(told.tlvs, EL_STAMP_TLVS_ANSWERED);
		assert_int_equal(told.has_counts,
				 sender.asks >> EL_STAMP_TLV_DIRECT_MEASUREMENT & 1);
		assert_int_equal(told.n_sent, told.has_counts ? 1 : 0);
		assert_int_equal(told.n_received, told.has_counts ? session.n_received : 0);
		assert_int_equal(told.n_replied, told.has_counts ? session.n_replied : 0);
		assert_int_equal(note.t2, el_stamp_encode(sender.format, 1000000000, 37));
		assert_int_equal(note.t3, el_stamp_encode(sender.format, 1000005000, 37));
		assert_int_equal(note.sequence, sequence);
		assert_int_equal(note.error_estimate, 0x8510);
		assert_int_equal(note.ttl, 61);
		if (sender.asks & 1U << EL_STAMP_TLV_CLASS_OF_SERVICE)
			assert_int_equal(note.dscp & ~EL_STAMP_NOTE_DSCP_REFUSED,
					 EL_STAMP_NOTE_DSCP | 46);
		else
			assert_int_equal(note.dscp, 0);
		assert_int_equal(
		    el_probe_stamp_read(&p.kind, p.ssid ^ 1, reply, reflected.len, &note, &told),
		    p.ssid == 1 ? EL_STAMP_ANSWER : EL_STAMP_OTHER_SSID);
		assert_int_equal(el_probe_stamp_read(&p.kind, p.ssid, reply,
						     sender.authenticated ? 111 : 43, &note, &told),
				 EL_STAMP_SHORT);
		if (sender.authenticated) {
			reply[unit_random(&seed) % 96] ^= 1;
			assert_true(el_probe_stamp_read(&p.kind, p.ssid, reply, reflected.len,
							&note, &told) != EL_STAMP_ANSWER);
		}
	}
}

static int setup_v6(void **state)
{
	family = 6;
	return setup(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_make_the_whole),
	    cmocka_unit_test(sums_of_all_times),
	    cmocka_unit_test(sums_of_all_ids),
	    cmocka_unit_test(the_template_has_the_addresses),
	    cmocka_unit_test(kinds_have_limits),
	    cmocka_unit_test(replies_are_read),
	};

	return cmocka_run_group_tests_name("STAMP over IPv4", tests, setup, teardown) +
	       cmocka_run_group_tests_name("STAMP over IPv6", tests, setup_v6, teardown);
}
