/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <netinet/in.h>

#include "el_probe_stamp.h"
#include "frames.h"

#define L3_LEN (family == 4 ? 20U : 40U)
#define ROOM 384 /* in front of and behind the template, to see what else is written */

static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
static struct el_id_key key;
static uint64_t seed;
static uint8_t family = 4; /* of all probes; the tests run for each */

static int setup(void **state)
{
	uint8_t random[32];

	(void)state;
	seed = unit_seed();
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)unit_random(&seed);
	key = el_id_key_init(random);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)unit_random(&seed);
	return 0;
}

static struct el_ip random_ip(void)
{
	struct el_ip ip = {.family = family};

	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		ip.bytes[i] = (uint8_t)unit_random(&seed);
	return ip;
}

/* The kind of the STAMP probes made last. */
static struct el_probe_stamp_kind kind;

static struct el_slice_spec random_spec(enum el_probe_type type, int32_t size)
{
	struct el_stamp_sender sender = {.len = size > 8 ? (uint16_t)(size - 8) : 0};

	el_probe_stamp_kind_init(&kind, &sender);
	return (struct el_slice_spec){
	    .type = type,
	    .source = random_ip(),
	    .destination = random_ip(),
	    .dst_port = (uint16_t)unit_random(&seed),
	    .ip_payload_size = size,
	    .group_ip_payload_size = -1,
	    .dscp = unit_random(&seed) & 63,
	    .dont_fragment = unit_random(&seed) & 1,
	    .stamp = &kind,
	    .payload = payload,
	    .key = &key,
	};
}

static struct el_slice slice_of(const struct el_slice_spec *spec)
{
	struct el_slice s;

	memset(&s, 0xa5, sizeof(s));
	assert_int_equal(el_slice_build(&s, spec), 0);
	return s;
}

/* A probe as it lies in an mbuf, and where its IP header is. */
struct probe {
	uint8_t room[ROOM + EL_PROBE_PAYLOAD_BYTES];
	const uint8_t *l3;
	size_t len;
	uint32_t id;
	uint16_t port, sequence;
};

static uint32_t random_id(void)
{
	uint32_t id = (uint32_t)unit_random(&seed);

	return id & 0xffff ? id : id + 1;
}

static void make(struct probe *p, const struct el_slice *s)
{
	struct el_probe_job job = {
	    .slice = s,
	    .end = p->room + ROOM,
	    .stamp = &kind,
	    .id = random_id(),
	    .src_port = (uint16_t)unit_random(&seed),
	    .sequence = (uint16_t)unit_random(&seed),
	};

	memset(p->room, 0xa5, ROOM);
	memcpy(p->room + ROOM, payload, sizeof(payload));
	el_probe_ops[s->type]->make(&key, &job);
	for (size_t i = 0;
	     i < ROOM - (s->type == EL_PROBE_STAMP ? EL_PROBE_STAMP_ROOM : EL_SLICE_TEMPLATE_BYTES);
	     i++)
		assert_int_equal(p->room[i], 0xa5);
	assert_memory_equal(p->room + ROOM, payload, sizeof(payload));
	p->l3 = job.end - s->header_len;
	p->len = (size_t)s->header_len + s->payload_len;
	p->id = job.id;
	p->port = job.src_port;
	p->sequence = job.sequence;
}

/* Everything that RFC 8200 asks for. The flow label is looked at elsewhere. */
static void check_ipv6(const uint8_t *l3, size_t len, const struct el_slice_spec *spec, size_t size)
{
	const struct el_probe_ops *ops = el_probe_ops[spec->type];

	assert_int_equal(el_get32(l3) >> 20, 0x600 | spec->dscp << 2);
	assert_int_equal(el_get16(l3 + 4), size);
	assert_int_equal(len, 40 + size);
	assert_int_equal(l3[6], ops->protocol_v6);
	assert_int_equal(l3[7], 64);
	assert_memory_equal(l3 + 8, spec->source.bytes, 16);
	assert_memory_equal(l3 + 24, spec->destination.bytes, 16);
	assert_int_equal(naive_l4_checksum(l3 + 8, 16, ops->protocol_v6, l3 + 40, size), 0);
	if (ops->protocol == IPPROTO_UDP) /* that would mean that there is none */
		assert_int_not_equal(el_get16(l3 + 46), 0);
}

/* Everything that RFC 791 and the L4 protocol ask for, computed anew. */
static void check_packet(const uint8_t *l3, size_t len, const struct el_slice_spec *spec,
			 size_t size)
{
	const uint8_t *l4 = l3 + 20;
	uint8_t protocol = el_probe_ops[spec->type]->protocol;

	if (family == 6) {
		check_ipv6(l3, len, spec, size);
		return;
	}
	assert_int_equal(l3[0], 0x45);
	assert_int_equal(l3[1], spec->dscp << 2);
	assert_int_equal(el_get16(l3 + 2), len);
	assert_int_equal(len, 20 + size);
	assert_int_equal(el_get16(l3 + 6), spec->dont_fragment ? 0x4000 : 0);
	assert_int_equal(l3[8], 64);
	assert_int_equal(l3[9], protocol);
	assert_memory_equal(l3 + 12, spec->source.bytes, 4);
	assert_memory_equal(l3 + 16, spec->destination.bytes, 4);
	assert_int_equal(naive_checksum(l3, 20, NULL, 0), 0);
	if (protocol == IPPROTO_ICMP)
		assert_int_equal(naive_checksum(l4, len - 20, NULL, 0), 0);
	else
		assert_int_equal(naive_l4_checksum(l3 + 12, 4, protocol, l4, len - 20), 0);
}

static const int32_t sizes[] = {-1, 0,  1,  8,  9,  10, 11,  12,  13,   15,   16,   20,   21,
				22, 23, 24, 25, 40, 41, 120, 999, 1000, 1420, 1480, 8999, 9216};

static size_t expected_size(enum el_probe_type type, int32_t size)
{
	static const int32_t min[] = {20, 8, 12, 52}, none[] = {20, 24, 24, 52};

	if (type == EL_PROBE_STAMP && size > 52 && size < 56)
		return 56;
	return (size_t)(size <= 0 ? none[type] : size < min[type] ? min[type] : size);
}

static void makes_correct_packets(void **state)
{
	static struct probe p;

	(void)state;
	for (int type = 0; type < EL_PROBE_TYPES; type++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) * 40; i++) {
			int32_t size = sizes[i / 40];
			struct el_slice_spec spec = random_spec((enum el_probe_type)type, size);
			struct el_slice s = slice_of(&spec);
			size_t expected = expected_size(spec.type, size);

			assert_int_equal(s.type, type);
			assert_int_equal(s.family, family);
			make(&p, &s);
			check_packet(p.l3, p.len, &spec, expected);
		}
}

static void writes_tcp_fields(void **state)
{
	static struct probe p;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct el_slice_spec spec = random_spec(EL_PROBE_TCPSYN, i % 3 ? 20 : 120);
		struct el_slice s = slice_of(&spec);
		uint32_t wire;
		const uint8_t *l4;

		make(&p, &s);
		wire = el_id_permute(&key, p.id);
		l4 = p.l3 + L3_LEN;
		if (family == 4)
			assert_int_equal(el_get16(p.l3 + 4),
					 spec.dont_fragment ? 0 : wire & 0xffff);
		assert_int_equal(el_get16(l4), p.port);
		assert_int_equal(el_get16(l4 + 2), spec.dst_port);
		assert_int_equal(el_get32(l4 + 4), wire);
		assert_int_equal(el_get32(l4 + 8), 0);
		assert_int_equal(el_get16(l4 + 12), 0x5002);
		assert_int_equal(el_get16(l4 + 14), 8192);
		assert_int_equal(el_get16(l4 + 18), 0);
	}
}

static void writes_icmp_fields(void **state)
{
	static struct probe p;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct el_slice_spec spec = random_spec(EL_PROBE_ICMPPING, i % 2 ? 23 : 40);
		struct el_slice s = slice_of(&spec);
		const uint8_t *l4;
		uint32_t wire;
		uint16_t ident;

		make(&p, &s);
		wire = el_id_permute(&key, p.id);
		l4 = p.l3 + L3_LEN;
		assert_int_equal(el_get16(l4), family == 4 ? 0x0800 : 0x8000);
		if (family == 4)
			assert_int_equal(el_get16(p.l3 + 4),
					 spec.dont_fragment ? 0 : wire & 0xffff);
		if (i % 2) {
			assert_true(s.flags & EL_SLICE_ID_IN_HEADER);
			assert_int_equal(el_get32(l4 + 4), wire);
			continue;
		}
		assert_false(s.flags & EL_SLICE_ID_IN_HEADER);
		ident = el_get16(l4 + 4);
		assert_int_equal(el_get16(l4 + 6), p.sequence);
		assert_int_equal(el_get32(l4 + 8), wire);
		assert_int_equal(el_get32(l4 + 12), ~wire);
		make(&p, &s);
		assert_int_equal(el_get16(p.l3 + L3_LEN + 4), ident); /* that of the path */
	}
}

static void writes_udp_fields(void **state)
{
	static struct probe p;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct el_slice_spec spec = random_spec(EL_PROBE_UDPUNREACHABLE, -1);
		struct el_slice s = slice_of(&spec);
		const uint8_t *l4;
		uint32_t wire;

		make(&p, &s);
		l4 = p.l3 + L3_LEN;
		wire = el_id_permute_nonzero(&key, p.id);
		assert_int_equal(el_get16(l4), p.port);
		assert_int_equal(el_get16(l4 + 2), spec.dst_port);
		assert_int_equal(el_get16(l4 + 4), 24);
		assert_int_not_equal(wire & 0xffff, 0);
		if (family == 6) {
			assert_int_equal(el_get32(l4 + 8), wire);
			continue;
		}
		assert_int_equal(el_get16(p.l3 + 4), wire >> 16);
		assert_int_equal(el_get16(l4 + 6), wire & 0xffff);
	}
}

/* The checksums that the tuning bytes must bring about, all of them, the zero that one's complement
 * has twice included. */
static void tunes_every_checksum(void **state)
{
	static struct probe p;
	struct el_slice_spec spec = random_spec(EL_PROBE_UDPUNREACHABLE, 13);
	struct el_slice s = slice_of(&spec);

	(void)state;
	memcpy(p.room + ROOM, payload, sizeof(payload));
	for (uint32_t low = 1; low <= 0xffff; low++) {
		uint32_t wire = (uint32_t)unit_random(&seed) << 16 | low;
		struct el_probe_job job = {.slice = &s,
					   .end = p.room + ROOM,
					   .id = el_id_unpermute_nonzero(&key, wire),
					   .src_port = (uint16_t)unit_random(&seed)};
		const uint8_t *l3 = job.end - s.header_len;

		el_probe_ops[s.type]->make(&key, &job);
		assert_int_equal(el_get16(l3 + 26), low);
		check_packet(l3, 33, &spec, 13);
	}
}

/* Ids whose permutation would need a checksum of zero. */
static void walks_past_checksum_zero(void **state)
{
	static struct probe p;
	struct el_slice_spec spec = random_spec(EL_PROBE_UDPUNREACHABLE, -1);
	struct el_slice s = slice_of(&spec);
	int found = 0;

	(void)state;
	for (uint32_t high = 0; high < 1000; high++) {
		struct el_probe_job job = {
		    .slice = &s, .end = p.room + ROOM, .id = el_id_unpermute(&key, high << 16)};
		uint32_t wire;

		if ((job.id & 0xffff) == 0)
			continue;
		found++;
		el_probe_ops[s.type]->make(&key, &job);
		wire = el_id_permute_nonzero(&key, job.id);
		assert_int_not_equal(wire & 0xffff, 0);
		if (family == 6) {
			assert_int_equal(el_get32(job.end - 4), wire);
			continue;
		}
		assert_int_equal(el_get16(job.end - 6), wire & 0xffff);
		assert_int_equal(el_get16(job.end - 28), wire >> 16);
	}
	assert_true(found > 900);
}

/* All source ports, so that sums of every kind come up: also those that carry twice when folded. */
static void checksums_for_every_port(void **state)
{
	static struct probe p;
	static const enum el_probe_type types[] = {EL_PROBE_TCPSYN, EL_PROBE_UDPUNREACHABLE};

	(void)state;
	memcpy(p.room + ROOM, payload, sizeof(payload));
	for (int i = 0; i < 12; i++) {
		struct el_slice_spec spec = random_spec(types[i % 2], 20);
		struct el_slice s = slice_of(&spec);
		struct el_probe_job job = {.slice = &s, .end = p.room + ROOM, .id = random_id()};
		const uint8_t *l3 = job.end - s.header_len;

		for (uint32_t port = 0; port <= 0xffff; port++) {
			job.src_port = (uint16_t)port;
			el_probe_ops[s.type]->make(&key, &job);
			if (family == 4 ? naive_l4_checksum(l3 + 12, 4, l3[9], l3 + 20, 20)
					: naive_l4_checksum(l3 + 8, 16, l3[6], l3 + 40, 20) != 0)
				fail_msg("%s, port %u", el_probe_ops[s.type]->name, port);
			if (family == 6 && s.type == EL_PROBE_UDPUNREACHABLE)
				assert_int_not_equal(el_get16(l3 + 46), 0);
		}
	}
}

static void group_size_is_for_icmp_only(void **state)
{
	(void)state;
	for (int type = 0; type < EL_PROBE_TYPES; type++) {
		struct el_slice_spec spec = random_spec((enum el_probe_type)type, -1);
		struct el_slice s;

		spec.group_ip_payload_size = 500;
		s = slice_of(&spec);
		assert_int_equal(
		    s.header_len + s.payload_len,
		    L3_LEN + (type == EL_PROBE_ICMPPING ? 500 : expected_size(spec.type, -1)));
		if (type == EL_PROBE_STAMP) /* its sizes are its kind's */
			continue;
		spec.ip_payload_size = 600;
		s = slice_of(&spec);
		assert_int_equal(s.header_len + s.payload_len, L3_LEN + 600);
	}
}

static void refuses_what_it_cannot_send(void **state)
{
	struct el_slice_spec spec = random_spec(EL_PROBE_TCPSYN, EL_PROBE_PAYLOAD_BYTES + 1);
	struct el_slice s, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	s = before;
	assert_int_equal(el_slice_build(&s, &spec), -EMSGSIZE);
	assert_memory_equal(&s, &before, sizeof(s));
	spec.ip_payload_size = INT32_MAX;
	assert_int_equal(el_slice_build(&s, &spec), -EMSGSIZE);
	spec.ip_payload_size = -1;
	spec.source.family = 10 - family;
	assert_int_equal(el_slice_build(&s, &spec), -EAFNOSUPPORT);
	spec.source.family = spec.destination.family = 0;
	assert_int_equal(el_slice_build(&s, &spec), -EAFNOSUPPORT);
	assert_memory_equal(&s, &before, sizeof(s));
}

/* The label of a path never changes, and paths differ in it. */
static void flow_labels(void **state)
{
	static struct probe p;
	uint32_t last = 0, equal = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct el_slice_spec spec =
		    random_spec((enum el_probe_type)(i % EL_PROBE_TYPES), -1);
		struct el_slice s = slice_of(&spec);
		struct el_probe_job job = {.slice = &s,
					   .end = p.room + ROOM,
					   .stamp = &kind,
					   .id = random_id(),
					   .src_port = 65000};
		const uint8_t *l3 = job.end - s.header_len;
		uint32_t word;

		el_probe_ops[s.type]->make(&key, &job);
		word = el_get32(l3);
		job.id = random_id();
		job.sequence++;
		el_probe_ops[s.type]->make(&key, &job);
		assert_int_equal(el_get32(l3), word);
		job.src_port++;
		el_probe_ops[s.type]->make(&key, &job);
		if (s.type != EL_PROBE_ICMPPING)
			assert_int_not_equal(el_get32(l3), word);
		if (s.type == EL_PROBE_TCPSYN) {
			word = el_get32(l3);
			el_probe_reset(&s, job.end, job.src_port, 1);
			assert_int_equal(el_get32(l3), word);
		}
		equal += (word & 0xfffff) == last;
		last = word & 0xfffff;
	}
	assert_true(equal < 5);
}

static void check_reset(const uint8_t *end, uint16_t src_port, uint16_t dst_port, uint32_t seq)
{
	const uint8_t *l4 = end - 20, *l3 = l4 - L3_LEN;

	if (family == 4) {
		assert_int_equal(el_get16(l3 + 2), 40);
		assert_int_equal(naive_checksum(l3, 20, NULL, 0), 0);
		assert_int_equal(naive_l4_checksum(l3 + 12, 4, IPPROTO_TCP, l4, 20), 0);
	} else {
		assert_int_equal(el_get16(l3 + 4), 20);
		assert_int_equal(naive_l4_checksum(l3 + 8, 16, IPPROTO_TCP, l4, 20), 0);
	}
	assert_int_equal(el_get16(l4), src_port);
	assert_int_equal(el_get16(l4 + 2), dst_port);
	assert_int_equal(el_get32(l4 + 4), seq);
	assert_int_equal(el_get32(l4 + 8), 0);
	assert_int_equal(el_get16(l4 + 12), 0x5004);
	assert_int_equal(el_get32(l4 + 16) & 0xffff, 0);
}

static void frame_synack(struct frame *f, const struct el_slice_spec *spec, const uint8_t tcp[20])
{
	frame_ether(f, 0, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		frame_ipv4(f, 0, IPPROTO_TCP, spec->destination.bytes, spec->source.bytes, tcp, 20);
	else
		frame_ipv6(f, IPPROTO_TCP, spec->destination.bytes, spec->source.bytes, tcp, 20);
}

static void resets(void **state)
{
	unsigned len = L3_LEN + 20;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct el_slice_spec spec = random_spec(EL_PROBE_TCPSYN, i % 2 ? 120 : -1);
		struct el_slice s = slice_of(&spec);
		uint8_t buf[64], *end = buf + sizeof(buf), *l3 = end - len, synack[20] = {0};
		uint16_t port = (uint16_t)unit_random(&seed);
		uint32_t seq = (uint32_t)unit_random(&seed);
		struct frame f;
		struct el_pkt pkt;

		assert_int_equal(el_probe_reset(&s, end, port, seq), len);
		check_reset(end, port, spec.dst_port, seq);
		check_packet(l3, len, &spec, 20);
		if (family == 4)
			assert_int_equal(el_get16(l3 + 4), spec.dont_fragment ? 0 : seq & 0xffff);

		el_put16(synack, spec.dst_port);
		el_put16(synack + 2, port);
		el_put32(synack + 8, seq);
		synack[12] = 0x50;
		synack[13] = 0x12;
		frame_synack(&f, &spec, synack);
		assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_OK);
		memset(buf, 0xa5, sizeof(buf));
		assert_int_equal(el_probe_reset_reply(&pkt, end), len);
		check_reset(end, port, spec.dst_port, seq);
		spec.dscp = 0;
		spec.dont_fragment = true;
		check_packet(l3, len, &spec, 20);
		pkt.protocol = IPPROTO_UDP;
		assert_int_equal(el_probe_reset_reply(&pkt, end), 0);
	}
}

/* Different addresses, different keys; the same in both directions only by name. */
static void address_keys_of_ipv6(void **state)
{
	struct el_id_key other = key;

	(void)state;
	other.address[3]++;
	for (int i = 0; i < 10000; i++) {
		struct el_ip a = random_ip(), b = random_ip(), c = a;
		uint64_t k = el_addr_key_v6(&key, a.bytes, b.bytes);

		c.bytes[unit_random(&seed) % 16] ^= (uint8_t)(1U << unit_random(&seed) % 8);
		assert_int_equal(el_addr_key_v6(&key, a.bytes, b.bytes), k);
		assert_int_not_equal(el_addr_key_v6(&key, c.bytes, b.bytes), k);
		assert_int_not_equal(el_addr_key_v6(&key, b.bytes, a.bytes), k);
		assert_int_not_equal(el_addr_key_v6(&other, a.bytes, b.bytes), k);
		k = el_addr_key_v6(&key, b.bytes, a.bytes);
		assert_int_not_equal(el_addr_key_v6(&key, b.bytes, c.bytes), k);
	}
}

static int setup_v6(void **state)
{
	family = 6;
	return setup(state);
}

int main(void)
{
	static const struct CMUnitTest v4[] = {
	    cmocka_unit_test(makes_correct_packets),
	    cmocka_unit_test(writes_tcp_fields),
	    cmocka_unit_test(writes_icmp_fields),
	    cmocka_unit_test(writes_udp_fields),
	    cmocka_unit_test(tunes_every_checksum),
	    cmocka_unit_test(walks_past_checksum_zero),
	    cmocka_unit_test(checksums_for_every_port),
	    cmocka_unit_test(group_size_is_for_icmp_only),
	    cmocka_unit_test(refuses_what_it_cannot_send),
	    cmocka_unit_test(resets),
	};
	static const struct CMUnitTest v6[] = {
	    cmocka_unit_test(makes_correct_packets),
	    cmocka_unit_test(writes_tcp_fields),
	    cmocka_unit_test(writes_icmp_fields),
	    cmocka_unit_test(writes_udp_fields),
	    cmocka_unit_test(walks_past_checksum_zero),
	    cmocka_unit_test(checksums_for_every_port),
	    cmocka_unit_test(group_size_is_for_icmp_only),
	    cmocka_unit_test(refuses_what_it_cannot_send),
	    cmocka_unit_test(resets),
	    cmocka_unit_test(flow_labels),
	    cmocka_unit_test(address_keys_of_ipv6),
	};

	return cmocka_run_group_tests_name("probe over IPv4", v4, setup, NULL) +
	       cmocka_run_group_tests_name("probe over IPv6", v6, setup_v6, NULL);
}
