/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A probe is made, a peer's answer to it is written from its bytes, and that must lead back to the
 * id, and to no other slice. */
#include "unit.h"

#include <netinet/in.h>

#include "el_probe_plain.h"
#include "frames.h"

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
static uint8_t family = 4; /* of all probes; the tests run for each */
static uint8_t payload[EL_PROBE_PAYLOAD_BYTES];
static struct el_id_key key;
static uint64_t seed;

static inline int setup(void **state)
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

static inline struct el_ip random_ip(void)
{
	struct el_ip ip = {.family = family};

	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		ip.bytes[i] = (uint8_t)unit_random(&seed);
	return ip;
}

static inline void make_id(struct probe *p, enum el_probe_type type, int32_t size, uint32_t id)
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

static inline void make(struct probe *p, enum el_probe_type type, int32_t size)
{
	uint32_t id = (uint32_t)unit_random(&seed);

	make_id(p, type, size, id & 0xffff ? id : 1);
}

/* ---- what a peer sends back ---- */

static inline const uint8_t *source_of(const struct probe *p)
{
	return p->l3 + (family == 4 ? 12 : 8);
}

static inline const uint8_t *target_of(const struct probe *p)
{
	return p->l3 + (family == 4 ? 16 : 24);
}

/* A frame from `from` to the prober. */
static inline void frame_back(struct frame *f, const struct probe *p, uint8_t protocol,
			      const uint8_t *from, const uint8_t *l4, size_t len)
{
	frame_ether(f, 0, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		frame_ipv4(f, 0, protocol, from, source_of(p), l4, len);
	else
		frame_ipv6(f, protocol, from, source_of(p), l4, len);
}

static inline void answer_tcp(struct frame *f, const struct probe *p, uint8_t flags, uint32_t acked)
{
	uint8_t tcp[20] = {0};

	memcpy(tcp, p->l4 + 2, 2);
	memcpy(tcp + 2, p->l4, 2);
	el_put32(tcp + 8, el_get32(p->l4 + 4) + acked);
	tcp[12] = 0x50;
	tcp[13] = flags;
	frame_back(f, p, IPPROTO_TCP, target_of(p), tcp, sizeof(tcp));
}

static inline void answer_echo(struct frame *f, const struct probe *p)
{
	static uint8_t icmp[EL_PROBE_PAYLOAD_BYTES];

	memcpy(icmp, p->l4, p->len - L3_LEN);
	icmp[0] = ECHO_REPLY;
	frame_back(f, p, p->l3[family == 4 ? 9 : 6], target_of(p), icmp, p->len - L3_LEN);
}

/* From `from`, with `cut` bytes of what the probe is behind its IP header. */
static inline void answer_error(struct frame *f, const struct probe *p, uint8_t type,
				const uint8_t *from, size_t cut)
{
	uint8_t icmp[8 + 40 + 1500] = {type, 3};

	if (cut > p->len - L3_LEN)
		cut = p->len - L3_LEN;
	memcpy(icmp + 8, p->l3, L3_LEN + cut);
	icmp[8 + (family == 4 ? 8 : 7)] = 1; /* TTL at the end of its way */
	frame_back(f, p, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, from, icmp, 8 + L3_LEN + cut);
}

static inline enum el_verdict recognise(const struct frame *f, struct el_answer *ret_answer)
{
	struct el_pkt pkt;

	assert_int_equal(el_pkt_parse(f->bytes, f->len, &pkt), EL_PKT_OK);
	return el_probe_recognise(&key, &pkt, ret_answer);
}

/* The quick check of a plain answer, for the first candidate, says just what the whole one does. */
static inline void check_quick(const struct el_answer *a, const struct probe *p,
			       enum el_match match)
{
	const struct el_plain plain = {.addr_key = a->addr_key,
				       .ports = el_plain_ports(a->own_port, a->remote_port),
				       .type = a->type};

	if (a->type == EL_PROBE_ICMPPING && !(a->flags & EL_ANSWER_COOKIE))
		return; /* its frame is not plain */
	assert_int_equal(el_plain_is_of(&plain, &p->slice, p->port), match == EL_MATCH_OK);
}

/* The verdict on the candidate that has the probe's id; that there is one is checked. */
static inline enum el_match verify(struct el_answer *a, const struct probe *p)
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

static inline void check_answer(const struct frame *f, const struct probe *p,
				enum el_answer_kind kind, uint8_t from_target, uint8_t candidate)
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

static inline int setup_v6(void **state)
{
	family = 6;
	return setup(state);
}
