/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "el_respond.h"
#include "el_respond_plain.h"
#include "frames.h"

#define S UINT64_C(1000000000)

static const uint8_t peer4[4] = {192, 0, 2, 1}, own4[4] = {198, 51, 100, 2};
static const uint8_t peer6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, own6[16] = {0x20, 1, 0xd, 0xb8, 1};
static const uint16_t open_ports[] = {7, 443};
static struct el_prefix allowed[2];
static struct el_responder responder = {.allowed = allowed,
					.n_allowed = 2,
					.open = open_ports,
					.n_open = 2,
					.port_unreachable = true,
					.key = {1, 2}};

static int setup(void **state)
{
	(void)state;
	assert_int_equal(el_prefix_parse("192.0.2.0/24", &allowed[0]), 0);
	assert_int_equal(el_prefix_parse("2001:db8::/64", &allowed[1]), 0);
	return 0;
}

/* A frame from the peer with this L4 packet, whose checksum is put at `check`. */
static struct frame frame_of(int family, uint8_t protocol, const uint8_t *l4, size_t len,
			     size_t check)
{
	struct frame f = {.len = 0};
	uint8_t bytes[2000], addresses[32];
	size_t n = family == 4 ? 4 : 16;

	memcpy(bytes, l4, len);
	memcpy(addresses, family == 4 ? peer4 : peer6, n);
	memcpy(addresses + n, family == 4 ? own4 : own6, n);
	put16(bytes + check, 0);
	put16(bytes + check, protocol == IPPROTO_ICMP
				 ? naive_checksum(bytes, len, NULL, 0)
				 : naive_l4_checksum(addresses, n, protocol, bytes, len));
	frame_ether(&f, 0, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4) {
		frame_ipv4(&f, 0, protocol, peer4, own4, bytes, len);
		f.bytes[15] = 0xb9; /* DSCP 46, ECN 1 */
		put16(f.bytes + 24, 0);
		put16(f.bytes + 24, naive_checksum(f.bytes + 14, 20, NULL, 0));
	} else {
		frame_ipv6(&f, protocol, peer6, own6, bytes, len);
		f.bytes[14] = 0x6b;
		f.bytes[15] = 0x90;
	}
	return f;
}

/* An answer, and what a parser that knows nothing of the responder finds in it. */
struct answered {
	uint8_t frame[14 + EL_RESPOND_MAX];
	size_t len; /* from the IP header on */
	struct el_pkt pkt;
};

static enum el_respond respond(const struct el_responder *r, const struct frame *f,
			       struct answered *ret)
{
	struct el_pkt pkt;
	enum el_respond verdict;
	uint8_t *copy, *answer = malloc(EL_RESPOND_MAX);

	assert_non_null(answer);
	copy = malloc(f->len); /* exactly, so that the sanitiser sees whoever reads on */
	assert_non_null(copy);
	memcpy(copy, f->bytes, f->len);
	assert_int_equal(el_pkt_parse(copy, f->len, &pkt), EL_PKT_OK);
	ret->len = 0;
	verdict = el_respond(r, &pkt, 0, answer, EL_RESPOND_MAX, &ret->len);
	if (verdict == EL_RESPOND_ANSWER) {
		memcpy(ret->frame, f->bytes + 6, 6);
		memcpy(ret->frame + 6, f->bytes, 6);
		memcpy(ret->frame + 12, f->bytes + 12, 2);
		memcpy(ret->frame + 14, answer, ret->len);
		assert_int_equal(el_pkt_parse(ret->frame, 14 + ret->len, &ret->pkt), EL_PKT_OK);
		assert_true(el_pkt_checksums_right(&ret->pkt));
		assert_int_equal((size_t)(ret->pkt.l4 - ret->pkt.l3) + ret->pkt.l4_len, ret->len);
		assert_int_equal(ret->pkt.family, pkt.family);
		assert_memory_equal(ret->pkt.ip.src, pkt.ip.dst, pkt.family == 4 ? 4 : 16);
		assert_memory_equal(ret->pkt.ip.dst, pkt.ip.src, pkt.family == 4 ? 4 : 16);
		if (pkt.family == 4) /* identification 0, don't fragment (RFC 6864 section 4.1) */
			assert_int_equal(el_get32(ret->pkt.l3 + 4), 0x4000);
		assert_int_equal(ret->pkt.l3[pkt.family == 4 ? 8 : 7], 64);
		assert_true(pkt.protocol == IPPROTO_UDP || ret->len <= f->len - 14);
	} else {
		assert_int_equal(ret->len, 0);
	}
	free(answer);
	free(copy);
	return verdict;
}

static const int families[] = {4, 6};

static void echo_requests_are_echoed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		for (size_t len = 8; len <= 1008; len += 1 + len / 9) {
			int family = families[i];
			uint8_t protocol = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, l4[1008];
			struct frame f;
			struct answered a;

			for (size_t k = 0; k < len; k++)
				l4[k] = (uint8_t)(k * 7 + len);
			put16(l4, family == 4 ? 0x0800 : 0x8000);
			f = frame_of(family, protocol, l4, len, 2);
			assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
			assert_int_equal(a.pkt.protocol, protocol);
			assert_int_equal(a.pkt.l4_len, len);
			assert_int_equal(el_get16(a.pkt.l4), family == 4 ? 0 : 0x8100);
			assert_memory_equal(a.pkt.l4 + 4, l4 + 4, len - 4);
			/* its DSCP, without the ECN */
			if (family == 4)
				assert_int_equal(a.pkt.l3[1], 0xb8);
			else
				assert_int_equal(el_get16(a.pkt.l3), 0x6b80);
		}
}

/* A damaged request is not made right by its reply. */
static void damage_stays_damage(void **state)
{
	uint8_t l4[20] = {8, 0}, answer[64];
	struct frame f = frame_of(4, IPPROTO_ICMP, l4, sizeof(l4), 2);
	struct el_pkt pkt;
	size_t len;

	(void)state;
	f.bytes[f.len - 1] ^= 4;
	assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_OK);
	assert_int_equal(el_respond(&responder, &pkt, 0, answer, sizeof(answer), &len),
			 EL_RESPOND_ANSWER);
	assert_false(el_pkt_l4_checksum_right(answer, IPPROTO_ICMP, answer + 20, sizeof(l4)));
}

/* A segment from port 5000 to `port`. */
static struct frame segment(int family, uint16_t port, uint8_t flags, size_t payload)
{
	uint8_t l4[120] = {0};

	put16(l4, 5000);
	put16(l4 + 2, port);
	el_put32(l4 + 4, 0xfffffff0);
	el_put32(l4 + 8, 0x11223344);
	l4[12] = 0x60; /* 4 bytes of options */
	l4[13] = flags;
	return frame_of(family, IPPROTO_TCP, l4, 24 + payload, 16);
}

static void check_segment(const struct answered *a, uint8_t flags, uint32_t acknowledged)
{
	assert_int_equal(a->pkt.protocol, IPPROTO_TCP);
	assert_int_equal(a->pkt.l4_len, 20);
	assert_int_equal(el_get16(a->pkt.l4 + 2), 5000);
	assert_int_equal(a->pkt.l4[12], 0x50);
	assert_int_equal(a->pkt.l4[13], flags);
	assert_int_equal(el_get32(a->pkt.l4 + 8), acknowledged);
}

static void syn_to_an_open_port(void **state)
{
	struct el_responder other = responder;
	uint32_t first[2];

	(void)state;
	other.key.k0++;
	for (int i = 0; i < 2; i++) {
		struct frame f = segment(families[i], 443, 0x02, 10);
		struct answered a;

		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		check_segment(&a, 0x12, 0xfffffff1);
		assert_int_equal(el_get16(a.pkt.l4), 443);
		assert_true(el_get16(a.pkt.l4 + 14) > 0);
		first[i] = el_get32(a.pkt.l4 + 4);
		/* the same again, and another for another key and another port */
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		assert_int_equal(el_get32(a.pkt.l4 + 4), first[i]);
		assert_int_equal(respond(&other, &f, &a), EL_RESPOND_ANSWER);
		assert_int_not_equal(el_get32(a.pkt.l4 + 4), first[i]);
		f = segment(families[i], 7, 0x02, 10);
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		assert_int_not_equal(el_get32(a.pkt.l4 + 4), first[i]);
	}
	assert_int_not_equal(first[0], first[1]);
}

/* RFC 9293 section 3.10.7.1 */
static void the_rest_of_tcp_is_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct answered a;
		struct frame f = segment(families[i], 80, 0x02, 10); /* SYN */

		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		check_segment(&a, 0x14, 0xfffffff0 + 11U);
		assert_int_equal(el_get32(a.pkt.l4 + 4), 0);
		assert_int_equal(el_get16(a.pkt.l4 + 14), 0);
		f = segment(families[i], 443, 0x03, 32); /* SYN and FIN */
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		check_segment(&a, 0x14, 0xfffffff0 + 34U);
		f = segment(families[i], 443, 0x00, 0);
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		check_segment(&a, 0x14, 0xfffffff0);
		for (int open = 0; open < 2; open++)
			for (int k = 0; k < 3; k++) {
				static const uint8_t flags[] = {0x10, 0x12, 0x19};

				f = segment(families[i], open ? 443 : 80, flags[k], 5);
				assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
				check_segment(&a, 0x04, 0);
				assert_int_equal(el_get32(a.pkt.l4 + 4), 0x11223344);
			}
		f = segment(families[i], 80, 0x04, 0); /* never an RST */
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_NOTHING);
		f = segment(families[i], 80, 0x16, 0);
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_NOTHING);
	}
}

/* It quotes from the IP header on, up to what an error may have. */
static void closed_udp_ports_are_unreachable(void **state)
{
	uint8_t l4[1400];
	struct el_responder silent = responder;

	(void)state;
	silent.port_unreachable = false;
	for (size_t k = 0; k < sizeof(l4); k++)
		l4[k] = (uint8_t)(k * 13);
	for (int i = 0; i < 2; i++)
		for (size_t len = 8; len <= sizeof(l4); len += 1 + len / 9) {
			size_t header = i ? 40 : 20, most = (i ? 1280 : 576) - header - 8;
			size_t quoted = header + len < most ? header + len : most;
			struct answered a;
			struct frame f;

			put16(l4, 5000);
			put16(l4 + 2, 33434);
			put16(l4 + 4, (unsigned)len);
			f = frame_of(families[i], IPPROTO_UDP, l4, len, 6);
			assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
			assert_int_equal(el_get16(a.pkt.l4), i ? 0x0104 : 0x0303);
			assert_int_equal(el_get32(a.pkt.l4 + 4), 0);
			assert_int_equal(a.pkt.l4_len, 8 + quoted);
			assert_memory_equal(a.pkt.l4 + 8, f.bytes + 14, quoted);
			assert_non_null(a.pkt.quote.l3);
			if (!i)
				assert_int_equal(a.pkt.l3[1], 0xc0);
			assert_int_equal(respond(&silent, &f, &a), EL_RESPOND_NOTHING);
		}
}

/* Not even a port unreachable to what is between the ports of two reflectors. */
static void reflectors_are_left_alone(void **state)
{
	static const uint16_t ports[][2] = {{862, 862}, {862, 33434}, {5000, 862}};
	struct answered a;

	(void)state;
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 3; k++) {
			uint8_t l4[52] = {[5] = 52};
			struct frame f;

			put16(l4, ports[k][0]);
			put16(l4 + 2, ports[k][1]);
			f = frame_of(families[i], IPPROTO_UDP, l4, sizeof(l4), 6);
			assert_int_equal(respond(&responder, &f, &a),
					 k ? EL_RESPOND_ANSWER : EL_RESPOND_NOTHING);
		}
}

static void only_allowed_hosts_are_answered(void **state)
{
	static const uint8_t never[][4] = {
	    {224, 0, 0, 1}, {255, 255, 255, 255}, {127, 0, 0, 1}, {0}};
	struct el_responder everybody = responder;
	struct el_prefix all = {.ip = {.family = 4}};
	struct answered a;

	(void)state;
	everybody.allowed = &all;
	everybody.n_allowed = 1;
	for (int k = 0; k < 3; k++) {
		uint8_t l4[24] = {8, 0};
		struct frame f = k == 0 ? frame_of(4, IPPROTO_ICMP, l4, 24, 2)
					: segment(4, k == 1 ? 443 : 80, 2, 0);

		assert_int_equal(respond(&everybody, &f, &a), EL_RESPOND_ANSWER);
		f.bytes[26 + 2] = 3; /* 192.0.3.1 */
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_NOT_ALLOWED);
		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
			memcpy(f.bytes + 26, never[i], 4);
			assert_int_equal(respond(&everybody, &f, &a), EL_RESPOND_NOTHING);
		}
		memcpy(f.bytes + 26, own4, 4); /* from itself */
		assert_int_equal(respond(&everybody, &f, &a), EL_RESPOND_NOTHING);
		memcpy(f.bytes + 26, peer4, 4);
		everybody.n_allowed = 0;
		assert_int_equal(respond(&everybody, &f, &a), EL_RESPOND_NOT_ALLOWED);
		everybody.n_allowed = 1;
	}
}

static void answers_are_never_answered(void **state)
{
	static const struct {
		int family;
		uint8_t protocol, type, code;
	} cases[] = {{4, IPPROTO_ICMP, 0, 0},     {4, IPPROTO_ICMP, 13, 0},
		     {4, IPPROTO_ICMP, 8, 1},     {4, IPPROTO_ICMP, 5, 0},
		     {6, IPPROTO_ICMPV6, 129, 0}, {6, IPPROTO_ICMPV6, 135, 0}};
	struct answered a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t l4[64] = {cases[i].type, cases[i].code}, answer[100];
		struct frame f = frame_of(cases[i].family, cases[i].protocol, l4, sizeof(l4), 2);
		struct el_pkt pkt;

		assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_OK);
		assert_int_equal(el_respond(&responder, &pkt, 0, answer, sizeof(answer), &a.len),
				 EL_RESPOND_NOTHING);
	}
	/* an error that quotes something */
	struct frame f = segment(4, 80, 2, 0);
	uint8_t error[8 + 44] = {3, 3};

	memcpy(error + 8, f.bytes + 14, 44);
	f = frame_of(4, IPPROTO_ICMP, error, sizeof(error), 2);
	assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_NOTHING);
}

/* The packet of a frame whose IP header begins at `l3`, where it is copied. */
static struct el_pkt packet_at(const struct frame *f, uint8_t *l3)
{
	struct el_pkt pkt;

	memcpy(l3 - 14, f->bytes, f->len);
	assert_int_equal(el_pkt_parse(l3 - 14, f->len, &pkt), EL_PKT_OK);
	return pkt;
}

/* Who makes its parts where the packet is gets the same answer. */
static void parts_are_made_in_place(void **state)
{
	uint8_t memory[512] = {0}, *l3 = memory + 128;

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t udp[48] = {0, 99, 0, 7, 0, 48, 1, 2, 3, 4}, *moved;
		struct frame f = segment(families[i], 80, 0x02, 10);
		struct el_respond_segment s;
		struct answered a;
		struct el_pkt pkt;

		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		pkt = packet_at(&f, l3);
		s = el_respond_segment(&pkt, false);
		el_respond_tcp(&pkt, &s, l3);
		assert_memory_equal(l3, a.pkt.l3, a.len);

		f = frame_of(families[i], IPPROTO_UDP, udp, sizeof(udp), 6);
		assert_int_equal(respond(&responder, &f, &a), EL_RESPOND_ANSWER);
		pkt = packet_at(&f, l3);
		moved = l3 - (i ? 40 : 20) - EL_RESPOND_ERROR_LEN;
		el_respond_error(&pkt, i ? 1 : 3, i ? 4 : 3, f.len - 14, moved);
		assert_memory_equal(moved, a.pkt.l3, a.len);

		pkt = packet_at(&f, l3);
		moved = el_respond_udp(&pkt, l3, 0xb8, 255, sizeof(udp) - 8);
		el_respond_udp_set_checksum(moved, el_respond_udp_sum(l3, moved, sizeof(udp)));
		assert_int_equal(el_pkt_parse(l3 - 14, f.len, &pkt), EL_PKT_OK);
		assert_true(el_pkt_checksums_right(&pkt));
		assert_memory_equal(pkt.ip.src, i ? own6 : own4, i ? 16 : 4);
		assert_memory_equal(pkt.ip.dst, i ? peer6 : peer4, i ? 16 : 4);
		assert_int_equal(el_get32(pkt.l4), 7 << 16 | 99);
		assert_int_equal(pkt.l4_len, sizeof(udp));
		assert_memory_equal(pkt.l4 + 8, udp + 8, sizeof(udp) - 8);
		assert_int_equal(pkt.l3[i ? 7 : 8], 255);
	}
}

static void room_is_needed(void **state)
{
	struct frame f = segment(4, 443, 2, 0);
	struct el_siphash_key key = {3, 4};
	struct el_responder r = responder;
	struct el_pkt pkt;
	uint8_t answer[40];
	size_t len = 0;

	(void)state;
	r.limit = el_respond_limit_create(1, 1, 1, &key);
	assert_non_null(r.limit);
	assert_int_equal(el_pkt_parse(f.bytes, f.len, &pkt), EL_PKT_OK);
	assert_int_equal(el_respond(&r, &pkt, 0, answer, 39, &len), EL_RESPOND_NO_ROOM);
	assert_int_equal(el_respond(&r, &pkt, 0, answer, 40, &len), EL_RESPOND_ANSWER);
	assert_int_equal(len, 40);
	assert_int_equal(el_respond(&r, &pkt, 0, answer, 40, &len), EL_RESPOND_LIMITED);
	assert_int_equal(el_respond(&r, &pkt, S, answer, 40, &len), EL_RESPOND_ANSWER);
	el_respond_limit_destroy(r.limit);
}

/* ---- how much ---- */

static unsigned take(struct el_respond_limit *limit, uint32_t source, unsigned tries,
		     uint64_t now_ns)
{
	unsigned taken = 0;
	uint8_t address[4];

	el_put32(address, source);
	while (tries--)
		taken += el_respond_limit_take(limit, el_respond_limit_source(limit, address, 4),
					       now_ns);
	return taken;
}

static bool take6(struct el_respond_limit *limit, const uint8_t *source, uint64_t now_ns)
{
	return el_respond_limit_take(limit, el_respond_limit_source(limit, source, 6), now_ns);
}

static void sources_have_a_bucket_each(void **state)
{
	struct el_siphash_key key = {5, 6};
	struct el_respond_limit *limit = el_respond_limit_create(1024, 100, 20, &key);
	static const uint8_t one[16] = {0x20, 1, [15] = 1}, two[16] = {0x20, 1, [15] = 2};

	(void)state;
	assert_non_null(limit);
	assert_int_equal(take(limit, 1, 100, 5 * S), 20);
	assert_int_equal(take(limit, 2, 100, 5 * S), 20);
	assert_int_equal(take(limit, 1, 100, 5 * S + S / 100 - 1), 0);
	assert_int_equal(take(limit, 1, 100, 5 * S + S / 100), 1);
	assert_int_equal(take(limit, 1, 100, 5 * S + S / 10), 9);
	assert_int_equal(take(limit, 1, 100, 9 * S), 20); /* no more than full */
	/* a /64 is one source */
	for (int i = 0; i < 20; i++)
		assert_true(take6(limit, i % 2 ? one : two, 9 * S));
	assert_false(take6(limit, one, 9 * S));
	assert_false(take6(limit, two, 9 * S));
	el_respond_limit_destroy(limit);
}

/* Sources that come and go, as forged ones do, get no more than there are buckets for. */
static void many_sources_share(void **state)
{
	struct el_siphash_key key = {7, 8};
	struct el_respond_limit *limit = el_respond_limit_create(64, 10, 5, &key);
	unsigned taken = 0;

	(void)state;
	assert_non_null(limit);
	for (uint32_t source = 0; source < 100000; source++)
		taken += take(limit, source, 1, S);
	assert_int_equal(taken, 64 * 5);
	for (uint32_t source = 0; source < 100000; source++)
		taken += take(limit, source, 1, S + S / 10);
	assert_int_equal(taken, 64 * 6);
	el_respond_limit_destroy(limit);
}

static void limits_are_checked(void **state)
{
	struct el_siphash_key key = {0};
	static const struct {
		size_t sources;
		uint64_t per_second;
		uint32_t burst;
	} cases[] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, S + 1, 1}, {SIZE_MAX, 1, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		errno = 0;
		assert_null(el_respond_limit_create(cases[i].sources, cases[i].per_second,
						    cases[i].burst, &key));
		assert_int_equal(errno, EINVAL);
	}
	el_respond_limit_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(echo_requests_are_echoed),
	    cmocka_unit_test(damage_stays_damage),
	    cmocka_unit_test(syn_to_an_open_port),
	    cmocka_unit_test(the_rest_of_tcp_is_reset),
	    cmocka_unit_test(closed_udp_ports_are_unreachable),
	    cmocka_unit_test(reflectors_are_left_alone),
	    cmocka_unit_test(only_allowed_hosts_are_answered),
	    cmocka_unit_test(answers_are_never_answered),
	    cmocka_unit_test(parts_are_made_in_place),
	    cmocka_unit_test(room_is_needed),
	    cmocka_unit_test(sources_have_a_bucket_each),
	    cmocka_unit_test(many_sources_share),
	    cmocka_unit_test(limits_are_checked),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
