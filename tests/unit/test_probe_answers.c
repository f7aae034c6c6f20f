/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <netinet/in.h>

#include "el_probe_plain.h"
#include "frames.h"

/* A probe is made, a peer's answer to it is written from its bytes, and that must lead back to the
 * id, and to no other slice. */

#define N_LENS 2
#define TYPES EL_PROBE_STAMP /* those before it: STAMP has a test of its own */
#define ROOM 64
#define L3_LEN (family == 4 ? 20U : 40U)
/* By family: what an ICMP message is called. */
#define ECHO_REPLY (family == 4 ? 0 : 129)
#define UNREACHABLE (family == 4 ? 3 : 1)
#define EXCEEDED (family == 4 ? 11 : 3)
#define PARAMETER (family == 4 ? 12 : 4)

static const uint16_t lens[N_LENS] = {100, 1400};
static const uint8_t router[16] = {203, 0, 113, 1};
static uint8_t family = 4; /* of all probes; the tests run for each */
static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
static struct el_id_key key;
static uint64_t seed;

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

struct probe {
	struct el_slice slice;
	uint8_t bytes[ROOM + EL_PROBE_PAYLOAD_BYTES];
	uint8_t *l3, *l4;
	size_t len; /* from l3 on */
	uint32_t id;
	uint16_t port;
};

static struct el_ip random_ip(void)
{
	struct el_ip ip = {.family = family};

	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		ip.bytes[i] = (uint8_t)unit_random(&seed);
	return ip;
}

static void make_id(struct probe *p, enum el_probe_type type, int32_t size, uint32_t id)
{
	struct el_slice_spec spec = {
	    .type = type,
	    .source = random_ip(),
	    .destination = random_ip(),
	    .dst_port = (uint16_t)unit_random(&seed),
	    .ip_payload_size = size,
	    .group_ip_payload_size = -1,
	    .dont_fragment = true,
	    .payload = payload,
	    .key = &key,
	};
	struct el_probe_job job = {.slice = &p->slice,
				   .end = p->bytes + ROOM,
				   .id = id,
				   .src_port = (uint16_t)unit_random(&seed),
				   .sequence = (uint16_t)unit_random(&seed)};

	memset(&p->slice, 0, sizeof(p->slice));
	assert_int_equal(el_slice_build(&p->slice, &spec), 0);
	memcpy(p->bytes + ROOM, payload, sizeof(payload));
	el_probe_ops[type]->make(&key, &job);
	p->l3 = job.end - p->slice.header_len;
	p->l4 = p->l3 + L3_LEN;
	p->len = (size_t)p->slice.header_len + p->slice.payload_len;
	p->id = job.id;
	p->port = job.src_port;
}

static void make(struct probe *p, enum el_probe_type type, int32_t size)
{
	uint32_t id = (uint32_t)unit_random(&seed);

	make_id(p, type, size, id & 0xffff ? id : 1);
}

/* ---- what a peer sends back ---- */

static const uint8_t *source_of(const struct probe *p)
{
	return p->l3 + (family == 4 ? 12 : 8);
}

static const uint8_t *target_of(const struct probe *p)
{
	return p->l3 + (family == 4 ? 16 : 24);
}

/* A frame from `from` to the prober. */
static void frame_back(struct frame *f, const struct probe *p, uint8_t protocol,
		       const uint8_t *from, const uint8_t *l4, size_t len)
{
	frame_ether(f, 0, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		frame_ipv4(f, 0, protocol, from, source_of(p), l4, len);
	else
		frame_ipv6(f, protocol, from, source_of(p), l4, len);
}

static void answer_tcp(struct frame *f, const struct probe *p, uint8_t flags, uint32_t acked)
{
	uint8_t tcp[20] = {0};

	memcpy(tcp, p->l4 + 2, 2);
	memcpy(tcp + 2, p->l4, 2);
	el_put32(tcp + 8, el_get32(p->l4 + 4) + acked);
	tcp[12] = 0x50;
	tcp[13] = flags;
	frame_back(f, p, IPPROTO_TCP, target_of(p), tcp, sizeof(tcp));
}

static void answer_echo(struct frame *f, const struct probe *p)
{
	static uint8_t icmp[EL_PROBE_PAYLOAD_BYTES];

	memcpy(icmp, p->l4, p->len - L3_LEN);
	icmp[0] = ECHO_REPLY;
	frame_back(f, p, p->l3[family == 4 ? 9 : 6], target_of(p), icmp, p->len - L3_LEN);
}

/* From `from`, with `cut` bytes of what the probe is behind its IP header. */
static void answer_error(struct frame *f, const struct probe *p, uint8_t type, const uint8_t *from,
			 size_t cut)
{
	uint8_t icmp[8 + 40 + 1500] = {type, 3};

	if (cut > p->len - L3_LEN)
		cut = p->len - L3_LEN;
	memcpy(icmp + 8, p->l3, L3_LEN + cut);
	icmp[8 + (family == 4 ? 8 : 7)] = 1; /* TTL at the end of its way */
	frame_back(f, p, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, from, icmp, 8 + L3_LEN + cut);
}

static enum el_verdict recognise(const struct frame *f, struct el_answer *ret_answer)
{
	struct el_pkt pkt;

	assert_int_equal(el_pkt_parse(f->bytes, f->len, &pkt), EL_PKT_OK);
	return el_probe_recognise(&key, &pkt, ret_answer);
}

/* The quick check of a plain answer, for the first candidate, says just what the whole one does. */
static void check_quick(const struct el_answer *a, const struct probe *p, enum el_match match)
{
	const struct el_plain plain = {.addr_key = a->addr_key,
				       .ports = el_plain_ports(a->own_port, a->remote_port),
				       .type = a->type};

	if (a->type == EL_PROBE_ICMPPING && !(a->flags & EL_ANSWER_COOKIE))
		return; /* its frame is not plain */
	assert_int_equal(el_plain_is_of(&plain, &p->slice, p->port), match == EL_MATCH_OK);
}

/* The verdict on the candidate that has the probe's id; that there is one is checked. */
static enum el_match verify(struct el_answer *a, const struct probe *p)
{
	uint32_t ids[EL_PROBE_TCP_LENS_MAX + 1];
	unsigned n = el_probe_ops[a->type]->ids(&key, a, lens, N_LENS, ids);
	enum el_match match;

	if (n > 0)
		assert_int_equal(a->id, ids[0]);
	for (unsigned i = 0; i < n; i++)
		if (ids[i] == p->id) {
			a->candidate = (uint8_t)i;
			match = el_probe_ops[a->type]->verify(a, &p->slice, p->port);
			if (i == 0)
				check_quick(a, p, match);
			return match;
		}
	fail_msg("none of the %u ids is the probe's", n);
	return EL_MATCH_ID;
}

static void check_answer(const struct frame *f, const struct probe *p, enum el_answer_kind kind,
			 uint8_t from_target, uint8_t candidate)
{
	struct el_answer a, changed;
	struct probe other = *p;

	assert_int_equal(recognise(f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(a.type, p->slice.type);
	assert_int_equal(a.kind, kind);
	assert_int_equal(a.flags & EL_ANSWER_FROM_TARGET, from_target);
	assert_int_equal(verify(&a, p), EL_MATCH_OK);
	assert_int_equal(a.candidate, candidate);

	changed = a;
	changed.addr_key ^= 1ULL << (unit_random(&seed) & 63);
	assert_int_equal(verify(&changed, p), EL_MATCH_ADDRESS);
	other.slice.type = (uint8_t)((p->slice.type + 1) % EL_PROBE_TYPES);
	assert_int_equal(verify(&a, &other), EL_MATCH_ID);
	if (p->slice.type == EL_PROBE_ICMPPING)
		return;
	changed = a;
	changed.own_port ^= 1;
	assert_int_equal(verify(&changed, p), EL_MATCH_PORT);
	changed = a;
	changed.remote_port ^= 0x8000;
	assert_int_equal(verify(&changed, p), EL_MATCH_PORT);
}

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static void tcp_answers(void **state)
{
	static const int32_t sizes[] = {-1, 120, 1420};
	static struct probe p;
	struct frame f;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint32_t len;

		make(&p, EL_PROBE_TCPSYN, sizes[i % 3]);
		len = p.slice.payload_len;
		answer_tcp(&f, &p, SYN | ACK, 1);
		check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
		answer_tcp(&f, &p, SYN | ACK | 0xc0, 1); /* ECN */
		check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
		answer_tcp(&f, &p, RST | ACK, 1);
		check_answer(&f, &p, EL_ANSWER_RST, 0, 0);
		answer_tcp(&f, &p, RST, 1);
		check_answer(&f, &p, EL_ANSWER_RST, 0, 0);
		answer_tcp(&f, &p, RST | ACK, 1 + len);
		check_answer(&f, &p, EL_ANSWER_RST, 0, (uint8_t)(i % 3));
	}
}

static void tcp_candidates(void **state)
{
	static struct probe p;
	uint32_t ids[EL_PROBE_TCP_LENS_MAX + 1], many = 0;
	uint16_t too_many[20] = {0};
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, 120);
	answer_tcp(&f, &p, SYN | ACK, 101); /* a SYN/ACK does not acknowledge data */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, N_LENS, ids), 1);
	assert_int_not_equal(ids[0], p.id);
	answer_tcp(&f, &p, RST | ACK, 101);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	many = el_probe_ops[a.type]->ids(&key, &a, too_many, 20, ids);
	assert_int_equal(many, EL_PROBE_TCP_LENS_MAX + 1);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, 0, ids), 1);

	/* A payload is acknowledged that this slice does not send. */
	make(&p, EL_PROBE_TCPSYN, -1);
	answer_tcp(&f, &p, RST | ACK, 101);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &p), EL_MATCH_ID);
}

static void tcp_flags(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, -1);
	for (unsigned flags = 0; flags < 256; flags++) {
		unsigned core = flags & 0x17;
		bool is = core == (SYN | ACK) || core == RST || core == (RST | ACK);

		answer_tcp(&f, &p, (uint8_t)flags, 1);
		assert_int_equal(recognise(&f, &a), is ? EL_VERDICT_ANSWER : EL_VERDICT_TCP_FLAGS);
	}
}

static void icmp_answers(void **state)
{
	static const int32_t sizes[] = {-1, 8, 12, 23, 24, 25, 1000};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 7000; i++) {
		make(&p, EL_PROBE_ICMPPING, sizes[i % 7]);
		answer_echo(&f, &p);
		check_answer(&f, &p, EL_ANSWER_ECHO_REPLY, 0, 0);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(a.flags, sizes[i % 7] >= 24 || i % 7 == 0
					      ? EL_ANSWER_COOKIE
					      : EL_ANSWER_ID_IN_HEADER);
	}
}

static void icmp_damage(void **state)
{
	static struct probe p, other;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t payload_at = 14 + L3_LEN + 8, bit = unit_random(&seed) % 64;

		make(&p, EL_PROBE_ICMPPING, 100);
		answer_echo(&f, &p);
		f.bytes[payload_at + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_COOKIE);

		answer_echo(&f, &p);
		f.bytes[payload_at + 8 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);

		/* What follows the cookie is not looked at. */
		answer_echo(&f, &p);
		f.bytes[payload_at + 16 + bit] ^= 1;
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_OK);

		/* The cookie of another path, with these addresses. */
		make_id(&other, EL_PROBE_ICMPPING, 100, p.id);
		answer_echo(&f, &other);
		memcpy(f.bytes + (family == 4 ? 26 : 22), target_of(&p), family == 4 ? 4 : 16);
		memcpy(f.bytes + (family == 4 ? 30 : 38), source_of(&p), family == 4 ? 4 : 16);
		assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
		assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);
	}
}

/* An id where the slice doesn't put it. */
static void icmp_wrong_place(void **state)
{
	static struct probe in_payload, in_header;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&in_payload, EL_PROBE_ICMPPING, 24);
	make_id(&in_header, EL_PROBE_ICMPPING, 8, in_payload.id);
	in_header.slice.addr_key = in_payload.slice.addr_key;
	answer_echo(&f, &in_payload);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &in_payload), EL_MATCH_OK);
	assert_int_equal(verify(&a, &in_header), EL_MATCH_COOKIE);
	answer_echo(&f, &in_header);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	a.addr_key = in_payload.slice.addr_key;
	assert_int_equal(verify(&a, &in_payload), EL_MATCH_COOKIE);
	assert_int_equal(verify(&a, &in_header), EL_MATCH_OK);
}

static void icmp_no_answers(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, -1);
	for (int type = 0; type < 256; type++) {
		bool error =
		    family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;

		answer_echo(&f, &p);
		f.bytes[14 + L3_LEN] = (uint8_t)type;
		if (type != ECHO_REPLY)
			assert_int_equal(recognise(&f, &a),
					 error ? EL_VERDICT_QUOTE_SHORT : EL_VERDICT_OTHER);
	}
	answer_echo(&f, &p);
	f.bytes[14 + L3_LEN + 1] = 1;
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
}

/* Fewest bytes of L4 that a quote must have. */
static size_t quote_min(const struct probe *p)
{
	bool in_payload = p->slice.type == EL_PROBE_ICMPPING
			      ? !(p->slice.flags & EL_SLICE_ID_IN_HEADER)
			      : p->slice.type == EL_PROBE_UDPUNREACHABLE && family == 6;

	return in_payload ? 12 : 8;
}

static void quotes(void **state)
{
	static const int32_t sizes[] = {-1, 8, 120, 1420};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int i = 0; i < 4 * TYPES * 20; i++) {
		make(&p, (enum el_probe_type)(i / 4 % TYPES), sizes[i % 4]);
		for (size_t cut = 0; cut <= 40 && cut <= p.len - L3_LEN; cut++) {
			answer_error(&f, &p, UNREACHABLE, target_of(&p), cut);
			if (cut < quote_min(&p)) {
				assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_SHORT);
				continue;
			}
			check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
			answer_error(&f, &p, UNREACHABLE, router, cut);
			check_answer(&f, &p, EL_ANSWER_UNREACHABLE, 0, 0);
			answer_error(&f, &p, EXCEEDED, router, cut);
			check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, 0, 0);
			answer_error(&f, &p, PARAMETER, target_of(&p), cut);
			check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, EL_ANSWER_FROM_TARGET, 0);
		}
	}
}

#define QUOTE_L3 (14 + L3_LEN + 8)
#define QUOTE_L4 (QUOTE_L3 + L3_LEN)

static void quotes_of_echo(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, 40);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4 + 13] ^= 1; /* the complement */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_DAMAGED);
	assert_int_equal(a.addr_key, p.slice.addr_key);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4 + 16] ^= 1; /* the cookie */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_int_equal(verify(&a, &p), EL_MATCH_COOKIE);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L4] = ECHO_REPLY; /* somebody's */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 40);
	f.bytes[QUOTE_L3 + (family == 4 ? 9 : 6)] = 47; /* another protocol */
	assert_int_equal(recognise(&f, &a), EL_VERDICT_OTHER);
}

static void quotes_of_udp_that_are_damaged(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_UDPUNREACHABLE, -1);
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
	put16(f.bytes + QUOTE_L4 + (family == 4 ? 6 : 10), 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_QUOTE_DAMAGED);
	assert_int_equal(a.addr_key, p.slice.addr_key);
	assert_int_equal(a.own_port, p.port);
	assert_int_equal(a.remote_port, p.slice.dst_port);
	assert_int_equal(a.flags, EL_ANSWER_FROM_TARGET);
	assert_int_equal(el_probe_ops[a.type]->ids(&key, &a, lens, N_LENS, &(uint32_t){0}), 0);

	if (family == 6)
		return;
	/* An identification of zero is sent once in 65,536 probes, or damage: the id tells. */
	answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
	put16(f.bytes + QUOTE_L3 + 4, 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_true(a.flags & EL_ANSWER_ID_ZERO);
	for (uint32_t low = 1; low < 0x10000; low += 0x1111) {
		make_id(&p, EL_PROBE_UDPUNREACHABLE, -1, el_id_unpermute_nonzero(&key, low));
		assert_int_equal(el_get16(p.l3 + 4), 0);
		answer_error(&f, &p, UNREACHABLE, target_of(&p), 12);
		check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	}
}

static void udp_is_no_answer(void **state)
{
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_UDPUNREACHABLE, -1);
	frame_back(&f, &p, IPPROTO_UDP, target_of(&p), p.l4, p.len - L3_LEN);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_STAMP_SHORT);
}

/* An IPv6 error quotes as much as fits into 1280 bytes (RFC 4443 section 2.4), and the quoted
 * packet may have extension headers in front of what was sent: those that a router put there. */
static void long_quotes(void **state)
{
	static const uint8_t routing[8] = {IPPROTO_UDP, 0, 0, 0};
	static struct probe p;
	struct el_answer a;
	struct frame f;

	(void)state;
	for (int type = 0; type < TYPES; type++) {
		make(&p, (enum el_probe_type)type, 1420);
		answer_error(&f, &p, 1, target_of(&p), 1280 - 88);
		check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
		answer_error(&f, &p, 2, router, 1280 - 88); /* packet too big */
		check_answer(&f, &p, EL_ANSWER_ICMP_ERROR, 0, 0);
	}
	make(&p, EL_PROBE_UDPUNREACHABLE, 100);
	answer_error(&f, &p, 1, target_of(&p), 100);
	memmove(f.bytes + QUOTE_L4 + 8, f.bytes + QUOTE_L4, 100);
	memcpy(f.bytes + QUOTE_L4, routing, 8);
	f.bytes[QUOTE_L3 + 6] = IPPROTO_ROUTING;
	put16(f.bytes + QUOTE_L3 + 4, 108);
	put16(f.bytes + 14 + 4, 8 + 40 + 108);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	make(&p, EL_PROBE_ICMPPING, 8);
	answer_error(&f, &p, 1, target_of(&p), 8);
	memmove(f.bytes + QUOTE_L4 + 8, f.bytes + QUOTE_L4, 8);
	memcpy(f.bytes + QUOTE_L4, routing, 8);
	f.bytes[QUOTE_L4] = IPPROTO_ICMPV6;
	f.bytes[QUOTE_L3 + 6] = IPPROTO_ROUTING;
	put16(f.bytes + QUOTE_L3 + 4, 16);
	put16(f.bytes + 14 + 4, 8 + 40 + 16);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_UNREACHABLE, EL_ANSWER_FROM_TARGET, 0);
	assert_int_equal(recognise(&f, &a), EL_VERDICT_ANSWER);
	assert_true(a.flags & EL_ANSWER_ID_IN_HEADER);
}

/* Extension headers in front of an answer. */
static void answers_with_extension_headers(void **state)
{
	static const uint8_t hop_by_hop[8] = {IPPROTO_TCP, 0, 1, 4};
	static struct probe p;
	struct frame f;

	(void)state;
	make(&p, EL_PROBE_TCPSYN, -1);
	answer_tcp(&f, &p, SYN | ACK, 1);
	memmove(f.bytes + 14 + 40 + 8, f.bytes + 14 + 40, 20);
	memcpy(f.bytes + 14 + 40, hop_by_hop, 8);
	f.bytes[14 + 6] = IPPROTO_HOPOPTS;
	put16(f.bytes + 14 + 4, 28);
	f.len += 8;
	check_answer(&f, &p, EL_ANSWER_SYNACK, 0, 0);
}

/* ICMP of one family in a packet of the other. */
static void crossed_families(void **state)
{
	static struct probe p;
	struct frame f;
	struct el_pkt pkt;

	(void)state;
	make(&p, EL_PROBE_ICMPPING, -1);
	answer_echo(&f, &p);
	f.bytes[14 + (family == 4 ? 9 : 6)] = family == 4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_UNSUPPORTED);
}

static int setup_v6(void **state)
{
	family = 6;
	return setup(state);
}

#define COMMON_TESTS                                                                               \
	cmocka_unit_test(tcp_answers), cmocka_unit_test(tcp_candidates),                           \
	    cmocka_unit_test(tcp_flags), cmocka_unit_test(icmp_answers),                           \
	    cmocka_unit_test(icmp_damage), cmocka_unit_test(icmp_wrong_place),                     \
	    cmocka_unit_test(icmp_no_answers), cmocka_unit_test(quotes),                           \
	    cmocka_unit_test(quotes_of_echo), cmocka_unit_test(quotes_of_udp_that_are_damaged),    \
	    cmocka_unit_test(udp_is_no_answer), cmocka_unit_test(crossed_families)

int main(void)
{
	static const struct CMUnitTest v4[] = {COMMON_TESTS};
	static const struct CMUnitTest v6[] = {
	    COMMON_TESTS,
	    cmocka_unit_test(long_quotes),
	    cmocka_unit_test(answers_with_extension_headers),
	};

	return cmocka_run_group_tests_name("answers over IPv4", v4, setup, NULL) +
	       cmocka_run_group_tests_name("answers over IPv6", v6, setup_v6, NULL);
}
