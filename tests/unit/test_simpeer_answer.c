/* SPDX-License-Identifier: BSD-3-Clause */
/* What the simulated peer answers, field by field, on plain buffers. */
#include "simpeer_probe.h"

static uint64_t seed;

#define PREFIXES "prefixes: [198.51.100.0/24]\n"
#define ALWAYS(impairment) PREFIXES "rules: [{" impairment "_every: 1}]\n"

static const struct probe tcp = {.protocol = IPPROTO_TCP,
				 .dst = TARGET,
				 .src_port = 65000,
				 .dst_port = 80,
				 .seq = 0xfffffff0,
				 .payload = 33};
static const struct probe udp = {
    .protocol = IPPROTO_UDP, .dst = TARGET, .src_port = 65001, .dst_port = 33434, .payload = 21};
static const struct probe icmp = {
    .protocol = IPPROTO_ICMP, .dst = TARGET, .seq = 0x12345678, .payload = 17};

/* A peer with its script, a probe put to it, and the answer. */
struct exchange {
	struct simpeer_script *script;
	struct simpeer_core core;
	struct simpeer_verdict verdict;
	struct room probe, answer;
	const uint8_t *l3, *l4;
	size_t l4_len;
};

static void begin(struct exchange *x, const char *text)
{
	x->script = script_of(text);
	assert_int_equal(simpeer_core_init(&x->core, x->script, (const uint8_t *)OWN_MAC), 0);
}

static void end(struct exchange *x)
{
	simpeer_core_fini(&x->core);
	simpeer_script_free(x->script);
}

/* Puts the probe; where it is answered, checks what is the same for all answers. True if it is. */
static bool put(struct exchange *x, const struct probe *p)
{
	make_probe(&x->probe, p, &seed);
	memcpy(x->answer.bytes, x->probe.bytes, sizeof(x->answer.bytes));
	x->answer.b = x->probe.b;
	x->answer.b.data = x->answer.bytes + (x->probe.b.data - x->probe.bytes);
	simpeer_core_handle(&x->core, &x->answer.b, &x->verdict);
	if (!x->verdict.answer)
		return false;
	assert_memory_equal(x->answer.b.data, PROBER_MAC OWN_MAC "\x08\x00", 14);
	x->l3 = x->answer.b.data + 14;
	x->l4 = x->l3 + 20;
	x->l4_len = x->answer.b.len - 34;
	assert_int_equal(x->l3[0], 0x45);
	assert_int_equal(at16(x->l3 + 2), 20 + x->l4_len);
	assert_int_equal(slow_sum(x->l3, 20, 0), 0xffff);
	assert_int_equal(at32(x->l3 + 16), PROBER);
	return true;
}

static void assert_l4_checksum(const struct exchange *x)
{
	struct rte_ipv4_hdr ip;

	assert_int_equal(slow_l4_sum(x->l3, x->l4_len), 0xffff);
	memcpy(&ip, x->l3, sizeof(ip));
	if (ip.next_proto_id == IPPROTO_ICMP)
		assert_int_equal(rte_raw_cksum(x->l4, x->l4_len), 0xffff);
	else
		assert_int_equal(rte_ipv4_udptcp_cksum_verify(&ip, x->l4), 0);
}

static void plain_echo(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, PREFIXES);
	for (uint16_t len = 0; len < 1400; len = (uint16_t)(len + 7)) {
		struct probe p = icmp;

		p.payload = len;
		p.seq = (uint32_t)unit_random(&seed);
		assert_true(put(&x, &p));
		assert_int_equal(at32(x.l3 + 12), TARGET);
		assert_int_equal(x.l4_len, 8 + len);
		assert_int_equal(at16(x.l4), 0);
		assert_int_equal(at32(x.l4 + 4), p.seq);
		assert_memory_equal(x.l4 + 8, x.probe.b.data + 42, len);
		assert_l4_checksum(&x);
	}
	assert_int_equal(x.core.rules[0].counters.answered, 200);
	end(&x);
}

static void echo_with_every_checksum(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, PREFIXES);
	for (uint32_t i = 0; i < 0x10000; i++) { /* the carry of the incremental sum, everywhere */
		struct probe p = icmp;

		p.payload = 0;
		p.seq = i;
		assert_true(put(&x, &p));
		assert_l4_checksum(&x);
	}
	end(&x);
}

static void tcp_replies(void **state)
{
	static const struct {
		const char *reply;
		uint8_t flags;
		uint32_t ack;
	} kinds[] = {
	    {"synack", RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 0xfffffff1},
	    {"rst", RTE_TCP_RST_FLAG, 0xfffffff1 + 33},
	    {"rstack", RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, 0xfffffff1 + 33},
	    {"rstack, rst_acks_payload: false", RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, 0xfffffff1},
	    {"bare_rst", RTE_TCP_RST_FLAG, 0},
	};
	struct exchange x;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(text, sizeof(text),
			 PREFIXES "rules: [{match: {protocol: tcp}, reply: %s}]\n", kinds[i].reply);
		begin(&x, text);
		assert_true(put(&x, &tcp));
		assert_int_equal(at32(x.l3 + 12), TARGET);
		assert_int_equal(at16(x.l4), 80);
		assert_int_equal(at16(x.l4 + 2), 65000);
		assert_int_equal(x.l4[13], kinds[i].flags);
		assert_int_equal(at32(x.l4 + 8), kinds[i].ack);
		assert_int_equal(at32(x.l4 + 4) == 0, i != 0);
		assert_int_equal(x.l4_len, x.l4[12] >> 4 << 2);
		assert_l4_checksum(&x);
		end(&x);
	}
	begin(&x, PREFIXES "rules: [{match: {protocol: tcp}, reply: challenge_ack}]\n");
	assert_true(put(&x, &tcp));
	assert_int_equal(x.l4[13], RTE_TCP_ACK_FLAG);
	assert_int_not_equal(at32(x.l4 + 8), 0xfffffff1);
	assert_l4_checksum(&x);
	end(&x);
}

static void random_synacks(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, PREFIXES);
	for (int i = 0; i < 20000; i++) {
		struct probe p = {.protocol = IPPROTO_TCP,
				  .dst = (TARGET & ~0xffU) | (unit_random(&seed) & 0xff),
				  .src_port = (uint16_t)unit_random(&seed),
				  .dst_port = (uint16_t)unit_random(&seed),
				  .seq = (uint32_t)unit_random(&seed)};

		assert_true(put(&x, &p));
		assert_int_equal(at32(x.l3 + 12), p.dst);
		assert_int_equal(at32(x.l4 + 8), (uint32_t)(p.seq + 1));
		assert_l4_checksum(&x);
	}
	end(&x);
}

static void half_open_listener(void **state)
{
	struct probe syn = tcp, rst = tcp;
	struct exchange x;
	uint32_t isn;

	(void)state;
	begin(&x, PREFIXES "rules: [{match: {protocol: tcp}, half_open: true}]\n");
	assert_true(put(&x, &syn));
	isn = at32(x.l4 + 4);
	assert_true(put(&x, &syn)); /* sent again: the same answer */
	assert_int_equal(at32(x.l4 + 4), isn);
	syn.seq += 1000;
	assert_true(put(&x, &syn));
	assert_int_equal(x.l4[13], RTE_TCP_ACK_FLAG);
	assert_int_equal(at32(x.l4 + 4), isn + 1);
	assert_int_equal(at32(x.l4 + 8), tcp.seq + 1);
	assert_l4_checksum(&x);
	rst.tcp_flags = RTE_TCP_RST_FLAG;
	rst.payload = 0;
	rst.seq = tcp.seq;
	assert_false(put(&x, &rst));
	assert_int_equal(x.core.half_open.count, 1);
	rst.seq = tcp.seq + 1;
	assert_false(put(&x, &rst));
	assert_int_equal(x.core.half_open.count, 0);
	assert_true(put(&x, &syn));
	assert_int_equal(x.l4[13], RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG);
	assert_int_equal(x.core.counters.half_open_opened, 2);
	assert_int_equal(x.core.counters.half_open_repeated, 1);
	assert_int_equal(x.core.counters.half_open_reused, 1);
	assert_int_equal(x.core.counters.half_open_closed, 1);
	assert_int_equal(x.core.counters.half_open_wrong_rst, 1);
	assert_int_equal(x.core.rules[0].counters.rst, 2);
	end(&x);
}

static void icmp_errors_quote(void **state)
{
	static const struct {
		uint16_t payload, quoted;
		const char *bytes;
	} sizes[] = {{0, 28, "548"},
		     {100, 128, "548"},
		     {1400, 548, "548"},
		     {100, 28, "28"},
		     {1400, 1428, "1472"}};
	struct exchange x;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct probe p = udp;

		snprintf(text, sizeof(text),
			 PREFIXES "rules: [{match: {protocol: udp}, quote_bytes: %s}]\n",
			 sizes[i].bytes);
		begin(&x, text);
		p.payload = sizes[i].payload;
		assert_true(put(&x, &p));
		assert_int_equal(at32(x.l3 + 12), TARGET);
		assert_int_equal(x.l4_len, 8 + sizes[i].quoted);
		assert_int_equal(at16(x.l4), 0x0303);
		assert_int_equal(at32(x.l4 + 4), 0);
		assert_memory_equal(x.l4 + 8, x.probe.b.data + 14, sizes[i].quoted);
		assert_l4_checksum(&x);
		end(&x);
	}
	begin(&x, PREFIXES "rules: [{reply: time_exceeded, from_router: 203.0.113.1}]\n");
	assert_true(put(&x, &tcp));
	assert_int_equal(at32(x.l3 + 12), 0xcb007101);
	assert_int_equal(at16(x.l4), 0x0b00);
	assert_memory_equal(x.l4 + 8, x.probe.b.data + 14, 73);
	assert_l4_checksum(&x);
	end(&x);
	begin(&x, PREFIXES "rules: [{reply: unreachable, code: 1}]\n");
	assert_true(put(&x, &icmp));
	assert_int_equal(at16(x.l4), 0x0301);
	end(&x);
}

static void quotes_are_damaged(void **state)
{
	/* Which bytes of the quote differ, besides its IP header's checksum. */
	static const struct {
		const char *how;
		size_t first, end;
	} kinds[] = {{"zero_ip_id", 4, 6},     {"zero_checksum", 26, 28}, {"wrong_port", 20, 22},
		     {"flip_payload", 28, 49}, {"wrong_address", 16, 20}, {"truncate", 24, 24}};
	struct exchange x;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const uint8_t *quote, *sent = x.probe.bytes + 128 + 14;
		size_t len;

		snprintf(text, sizeof(text),
			 PREFIXES "rules: [{corrupt_quote: {how: %s, every: 2}}]\n", kinds[i].how);
		begin(&x, text);
		assert_true(put(&x, &udp));
		assert_memory_equal(x.l4 + 8, sent, 49);
		assert_true(put(&x, &udp));
		assert_l4_checksum(&x);
		quote = x.l4 + 8;
		len = x.l4_len - 8;
		assert_int_equal(len, kinds[i].first == 24 ? 24 : 49);
		assert_int_equal(slow_sum(quote, 20, 0), 0xffff);
		for (size_t at = 0; at < len; at++) {
			if (at != 10 && at != 11 && (at < kinds[i].first || at >= kinds[i].end))
				assert_int_equal(quote[at], sent[at]);
		}
		if (kinds[i].end > kinds[i].first)
			assert_memory_not_equal(quote + kinds[i].first, sent + kinds[i].first,
						kinds[i].end - kinds[i].first);
		assert_int_equal(x.core.rules[0].counters.done[SIMPEER_CORRUPT_QUOTE], 1);
		end(&x);
	}
}

/* Puts all three probes to a rule that does this to each; checks how often it could. */
static void put_all(struct exchange *x, const char *text, enum simpeer_impairment what,
		    uint64_t expected,
		    void (*check)(const struct exchange *x, const struct probe *p))
{
	static const struct probe *const all[] = {&tcp, &udp, &icmp};

	begin(x, text);
	for (size_t i = 0; i < 3; i++) {
		assert_true(put(x, all[i]));
		check(x, all[i]);
	}
	assert_int_equal(x->core.rules[0].counters.done[what], expected);
	for (int i = 0; i < SIMPEER_IMPAIRMENTS; i++)
		assert_true(i == (int)what || x->core.rules[0].counters.done[i] == 0);
	end(x);
}

static void check_port(const struct exchange *x, const struct probe *p)
{
	assert_l4_checksum(x);
	if (p->protocol == IPPROTO_TCP) {
		assert_int_not_equal(at16(x->l4), p->dst_port);
		assert_int_equal(at16(x->l4 + 2), p->src_port);
	} else if (p->protocol == IPPROTO_UDP) {
		assert_int_equal(at16(x->l4 + 28), p->src_port);
		assert_int_not_equal(at16(x->l4 + 30), p->dst_port);
	}
}

static void check_ack(const struct exchange *x, const struct probe *p)
{
	assert_l4_checksum(x);
	if (p->protocol == IPPROTO_TCP)
		assert_int_not_equal(at32(x->l4 + 8), p->seq + 1);
}

static void check_address(const struct exchange *x, const struct probe *p)
{
	assert_l4_checksum(x);
	assert_int_equal(at32(x->l3 + 12), p->dst ^ 1);
}

static void check_payload(const struct exchange *x, const struct probe *p)
{
	assert_l4_checksum(x);
	if (p->protocol == IPPROTO_ICMP)
		for (size_t i = 0; i < p->payload; i++)
			assert_int_equal(x->l4[8 + i], (uint8_t)~x->probe.b.data[42 + i]);
}

static void check_bad_checksum(const struct exchange *x, const struct probe *p)
{
	(void)p;
	assert_int_not_equal(slow_l4_sum(x->l3, x->l4_len), 0xffff);
}

static void impairments(void **state)
{
	struct exchange x;

	(void)state;
	put_all(&x, ALWAYS("wrong_port"), SIMPEER_WRONG_PORT, 2, check_port);
	put_all(&x, ALWAYS("wrong_ack"), SIMPEER_WRONG_ACK, 1, check_ack);
	put_all(&x, ALWAYS("wrong_address"), SIMPEER_WRONG_ADDRESS, 3, check_address);
	put_all(&x, ALWAYS("corrupt_payload"), SIMPEER_CORRUPT_PAYLOAD, 1, check_payload);
	put_all(&x, ALWAYS("bad_checksum"), SIMPEER_BAD_CHECKSUM, 3, check_bad_checksum);

	begin(&x, PREFIXES
	      "rules: [{match: {protocol: udp}, reply: echo, corrupt_payload_every: 2}]\n");
	assert_true(put(&x, &udp));
	assert_memory_equal(x.l4 + 8, x.probe.b.data + 42, udp.payload);
	assert_l4_checksum(&x);
	assert_true(put(&x, &udp));
	assert_int_equal(at16(x.l4), udp.dst_port);
	assert_int_equal(at16(x.l4 + 2), udp.src_port);
	assert_memory_not_equal(x.l4 + 8, x.probe.b.data + 42, udp.payload);
	assert_l4_checksum(&x);
	end(&x);
}

static void each_destination_counts_on_its_own(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, PREFIXES
	      "rules: [{match: {dst: 198.51.100.0/25}, per_destination: true, drop_every: 4,"
	      " drop_offset: 1}]\n");
	for (uint32_t i = 0; i < 3 * 128 * 4; i++) {
		struct probe p = icmp;

		p.dst = (TARGET & ~0xffU) + i % 128;
		assert_int_equal(put(&x, &p), i / 128 % 4 != 1);
	}
	assert_int_equal(x.core.rules[0].counters.done[SIMPEER_DROP], 3 * 128);
	end(&x);
}

static void first_match_wins_and_all_is_counted(void **state)
{
	struct exchange x;
	struct probe p = udp;
	char json[4096];
	struct el_str s = EL_STR_INIT(json);

	(void)state;
	begin(&x, PREFIXES "rules:\n"
			   "  - {name: port, match: {protocol: udp, dst_port: 7}, reply: none}\n"
			   "  - {name: any, match: {protocol: udp}, drop_every: 2}\n");
	for (int i = 0; i < 10; i++) {
		p.dst_port = i < 4 ? 7 : 8;
		assert_int_equal(put(&x, &p), i >= 4 && i % 2 == 0);
	}
	assert_true(put(&x, &icmp));
	assert_int_equal(x.core.rules[0].counters.silent, 4);
	assert_int_equal(x.core.rules[1].counters.answered, 3);
	assert_int_equal(x.core.rules[1].counters.done[SIMPEER_DROP], 3);
	assert_int_equal(x.core.rules[2].counters.received[SIMPEER_ICMP], 1);
	simpeer_core_json(&x.core, &s);
	assert_false(s.truncated);
	assert_non_null(strstr(
	    json, "{\"name\": \"any\", \"tcp\": 0, \"icmp\": 0, \"udp\": 6, \"received\": 6, "
		  "\"answered\": 3, \"silent\": 0, \"dropped\": 3, "));
	assert_non_null(strstr(json, "\"frames\": 11, "));
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_echo),
	    cmocka_unit_test(echo_with_every_checksum),
	    cmocka_unit_test(tcp_replies),
	    cmocka_unit_test(random_synacks),
	    cmocka_unit_test(half_open_listener),
	    cmocka_unit_test(icmp_errors_quote),
	    cmocka_unit_test(quotes_are_damaged),
	    cmocka_unit_test(impairments),
	    cmocka_unit_test(each_destination_counts_on_its_own),
	    cmocka_unit_test(first_match_wins_and_all_is_counted),
	};

	seed = unit_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
