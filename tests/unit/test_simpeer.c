/* SPDX-License-Identifier: BSD-3-Clause */
#include "simpeer_probe.h"

#include <math.h>

#include "delay.h"

static uint64_t seed;

#define PREFIXES "prefixes: [198.51.100.0/24]\n"

/* ---- scripts ---- */

static void reads_a_script(void **state)
{
	struct simpeer_script *s =
	    script_of("seed: 9\n"
		      "mac: 02:00:00:00:00:ab\n" PREFIXES "except: [198.51.100.77]\n"
		      "arp: [192.0.2.1/32, 10.0.0.0/8]\n"
		      "rules:\n"
		      "  - name: web\n"
		      "    match: {protocol: tcp, dst: 198.51.100.1/32, dst_port: 80-90}\n"
		      "    reply: synack\n"
		      "    delay: {kind: normal, us: 500, jitter_us: 100}\n"
		      "    drop_every: 10\n"
		      "    drop_offset: 3\n"
		      "    duplicate_every: 5\n"
		      "    copies: 2\n"
		      "  - match: {protocol: udp}\n"
		      "    corrupt_quote: {every: 4, how: truncate}\n"
		      "    from_router: 203.0.113.1\n");
	const struct simpeer_rule *web = &s->rules[0], *udp = &s->rules[1];

	(void)state;
	assert_int_equal(s->seed, 9);
	assert_memory_equal(s->mac, "\x02\x00\x00\x00\x00\xab", 6);
	assert_int_equal(s->arp.n, 2);
	assert_int_equal(s->arp.v[1].mask, htonl(0xff000000));
	assert_true(simpeer_prefixes_contain(&s->except, htonl(0xc633644d)));
	assert_int_equal(s->n_rules, 2);
	assert_string_equal(web->name, "web");
	assert_int_equal(web->dst_port.first, 80);
	assert_int_equal(web->dst_port.last, 90);
	assert_int_equal(web->delay_kind, SIMPEER_DELAY_NORMAL);
	assert_int_equal(web->every[SIMPEER_DELAY].every, 1);
	assert_int_equal(web->every[SIMPEER_DROP].offset, 3);
	assert_int_equal(web->every[SIMPEER_DUPLICATE].offset, 4);
	assert_int_equal(web->copies, 2);
	assert_string_equal(udp->name, "rule1");
	assert_int_equal(udp->quote_fault, SIMPEER_QUOTE_TRUNCATE);
	assert_int_equal(udp->active, SIMPEER_BIT(SIMPEER_CORRUPT_QUOTE));
	assert_int_equal(ntohl(udp->from_router), 0xcb007101);
	assert_string_equal(s->rules[2].name, "plain");
	simpeer_script_free(s);
}

static void reads_the_scripts_of_the_tests(void **state)
{
	static const char *const files[] = {"smoke.yaml", "plain.yaml", "misbehaviour.yaml"};
	char path[512];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct simpeer_script *s = NULL;
		struct el_error err = {""};

		snprintf(path, sizeof(path), "%s/%s", EL_TEST_DATA "/simpeer", files[i]);
		if (simpeer_script_load(path, &err, &s) < 0)
			fail_msg("%s", err.text);
		simpeer_script_free(s);
	}
}

static void refuses_files_that_are_none(void **state)
{
	static const struct {
		const char *path;
		int code;
	} bad[] = {{"/", -EINVAL}, {EL_TEST_DATA "/simpeer/none", -ENOENT}, {"/dev/zero", -EINVAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct simpeer_script *s = NULL;
		struct el_error err = {""};

		assert_int_equal(simpeer_script_load(bad[i].path, &err, &s), bad[i].code);
		assert_int_equal(strncmp(err.text, bad[i].path, strlen(bad[i].path)), 0);
	}
}

#define MAC "expected a unicast MAC address (02:00:00:00:00:01), got "

static void refuses_bad_scripts(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
	    {"", "t.yaml: empty: there is no configuration in it"},
	    {"[1]", "t.yaml:1:1: expected a map, got a list"},
	    {"seed: 1\n", "t.yaml:1:1: missing required key \"prefixes\""},
	    {"prefixes: []\n", "t.yaml:1:11: prefixes: expected at least one"},
	    {PREFIXES "\"a\\n\": 1\n",
	     "t.yaml:2:1: unknown key \"a\\n\"; expected seed, mac, promiscuous, verify_checksums, "
	     "prefixes, except, arp, arp_drop_first, max_delayed, max_half_open, reorder_hold_us, "
	     "drop_late_ns, clock or rules"},
	    {PREFIXES "sede: 1\n", "t.yaml:2:1: unknown key \"sede\"; did you mean \"seed\"?"},
	    {PREFIXES "seed: 1\nseed: 2\n", "t.yaml:3:1: seed: set twice, first in line 2"},
	    {PREFIXES "seed: -1\n",
	     "t.yaml:2:7: seed: expected an integer from 0 to 9007199254740991, got -1"},
	    {PREFIXES "arp_drop_first: 4294967296\n",
	     "t.yaml:2:17: arp_drop_first: expected an integer from 0 to 4294967295, got "
	     "4294967296"},
	    {PREFIXES "drop_late_ns: 1000000001\n",
	     "t.yaml:2:15: drop_late_ns: expected an integer from 0 to 1000000000, got 1000000001"},
	    {PREFIXES "mac: 01:00:00:00:00:01\n", "t.yaml:2:6: mac: " MAC "\"01:00:00:00:00:01\""},
	    {PREFIXES "mac: \"02:-1:00:00:00:01\"\n",
	     "t.yaml:2:6: mac: " MAC "\"02:-1:00:00:00:01\""},
	    {PREFIXES "mac: \"02: 1:00:00:00:01\"\n",
	     "t.yaml:2:6: mac: " MAC "\"02: 1:00:00:00:01\""},
	    {PREFIXES "mac: \"02:0x:00:00:00:01\"\n",
	     "t.yaml:2:6: mac: " MAC "\"02:0x:00:00:00:01\""},
	    {"prefixes: [2001:db8::/32]\n", "t.yaml:1:12: prefixes[0]: expected an IPv4 address or "
					    "prefix, got \"2001:db8::/32\""},
	    {"prefixes: [a: b\n", "t.yaml:2:1: not valid YAML: did not find expected ',' or ']' "
				  "(while parsing a flow sequence, line 1)"},
	    {PREFIXES "---\nseed: 1\n",
	     "t.yaml:2:1: a second document begins here: a configuration "
	     "is one document"},
	    {PREFIXES "rules: {}\n", "t.yaml:2:8: rules: expected a list, got a map"},
	    {PREFIXES "rules:\n  - drop_offset: 3\n",
	     "t.yaml:3:5: rules[0].drop_every: missing, but there is an offset"},
	    {PREFIXES "rules:\n  - drop_every: 0\n",
	     "t.yaml:3:17: rules[0].drop_every: expected an integer from 1 to 4294967294, got 0"},
	    {PREFIXES "rules: [{drop_every: 3, drop_offset: 3}]\n",
	     "t.yaml:2:22: rules[0].drop_every: offset 3 is not below every 3"},
	    {PREFIXES "rules: [{reply: synack}]\n",
	     "t.yaml:2:17: rules[0].reply: synack is no answer to icmp; give match a protocol"},
	    {PREFIXES "rules: [{match: {protocol: icmp}, wrong_ack_every: 2}]\n",
	     "t.yaml:2:52: rules[0].wrong_ack_every: can't be done to any answer of this rule"},
	    {PREFIXES "rules: [{match: {dst_port: 90-80}}]\n",
	     "t.yaml:2:28: rules[0].match.dst_port: expected a port or a range as 80-90, got "
	     "\"90-80\""},
	    {PREFIXES "rules: [{delay: {us: 5, jitter_us: 1}}]\n",
	     "t.yaml:2:36: rules[0].delay.jitter_us: only for uniform and normal"},
	    {PREFIXES "rules: [{per_destination: true, match: {dst: 10.0.0.0/11}}]\n",
	     "t.yaml:2:27: rules[0].per_destination: match needs a dst of /12 or longer"},
	    {PREFIXES "rules: [{match: {protocol: udp}, quote_bytes: 8}]\n",
	     "t.yaml:2:47: rules[0].quote_bytes: expected an integer from 28 to 1472, got 8"},
	    {PREFIXES "rules: [{match: {protocol: sctp}}]\n",
	     "t.yaml:2:28: rules[0].match.protocol: expected tcp, icmp or udp, got \"sctp\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct simpeer_script *s = NULL;
		struct el_error err = {""};

		assert_int_equal(
		    simpeer_script_parse("t.yaml", bad[i].text, strlen(bad[i].text), &err, &s),
		    -EINVAL);
		assert_string_equal(err.text, bad[i].error);
		assert_null(s);
	}
}

/* ---- decisions ---- */

static void every_nth_is_exact(void **state)
{
	struct simpeer_script *s =
	    script_of(PREFIXES "rules: [{drop_every: 10, drop_offset: 3, duplicate_every: 4,"
			       " reorder_every: 1}]\n");
	uint32_t dropped = 0, duplicated = 0;

	(void)state;
	for (uint64_t k = 0; k < 1000; k++) {
		uint32_t bits = simpeer_rule_decide(&s->rules[0], k);

		assert_int_equal(!!(bits & SIMPEER_BIT(SIMPEER_DROP)), k % 10 == 3);
		if (bits & SIMPEER_BIT(SIMPEER_DROP)) {
			assert_int_equal(bits, SIMPEER_BIT(SIMPEER_DROP));
			dropped++;
			continue;
		}
		assert_true(bits & SIMPEER_BIT(SIMPEER_REORDER));
		assert_int_equal(!!(bits & SIMPEER_BIT(SIMPEER_DUPLICATE)), k % 4 == 3);
		duplicated += !!(bits & SIMPEER_BIT(SIMPEER_DUPLICATE));
	}
	assert_int_equal(dropped, 100);
	assert_int_equal(duplicated, 200); /* 50 of the 250 were dropped */
	assert_int_equal(simpeer_rule_decide(&s->rules[1], 3), 0);
	simpeer_script_free(s);
}

static void delays_follow_their_distribution(void **state)
{
	struct simpeer_rule rule = {.delay_us = 1000, .delay_jitter_us = 100};
	static const double deviation_us[] = {0, 100 / 1.7320508, 1000, 100};

	(void)state;
	for (uint8_t kind = SIMPEER_DELAY_FIXED; kind <= SIMPEER_DELAY_NORMAL; kind++) {
		double sum = 0, squares = 0, n = 200000;

		rule.delay_kind = kind;
		for (int i = 0; i < n; i++) {
			double us = (double)simpeer_rule_delay_ns(&rule, &seed) / 1e3;

			if (kind == SIMPEER_DELAY_UNIFORM)
				assert_true(us >= 899.999 && us <= 1100);
			sum += us;
			squares += us * us;
		}
		assert_true(fabs(sum / n - 1000) <= 6 * deviation_us[kind] / sqrt(n) + 0.01);
		assert_true(fabs(sqrt(fabs(squares / n - sum / n * (sum / n))) -
				 deviation_us[kind]) <= 0.02 * deviation_us[kind] + 0.01);
	}
}

static void delay_queue_is_stable_and_bounded(void **state)
{
	struct simpeer_delay_queue q;
	uint64_t due[512], last = 0;
	char items[512];
	char *item, *last_item = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(simpeer_delay_init(&q, 512), 0);
	for (size_t i = 0; i < 512; i++) {
		due[i] = unit_random(&seed) % 40;
		assert_true(simpeer_delay_push(&q, due[i], &items[i]));
	}
	assert_false(simpeer_delay_push(&q, 0, items));
	for (uint64_t now = 0; now < 40; now++) {
		while ((item = simpeer_delay_pop(&q, now))) {
			uint64_t d = due[item - items];

			assert_int_equal(d, now); /* neither early nor late */
			if (d == last && last_item)
				assert_true(item > last_item);
			last = d;
			last_item = item;
			n++;
		}
	}
	assert_int_equal(n, 512);
	simpeer_delay_fini(&q);
}

static void half_open_agrees_with_a_plain_list(void **state)
{
	enum { TUPLES = 64, MAX = 40 };
	uint32_t open_seq[TUPLES] = {0}, count = 0, old;
	bool open[TUPLES] = {false}, known;
	struct simpeer_half_open t;

	(void)state;
	assert_int_equal(simpeer_half_open_init(&t, MAX), 0);
	for (int step = 0; step < 200000; step++) {
		uint32_t i = (uint32_t)unit_random(&seed) % TUPLES,
			 seq = (uint32_t)unit_random(&seed) % 3 - 1;
		struct simpeer_tuple tuple = {PROBER, TARGET + i / 8, (uint16_t)(i % 8), 80};

		if (unit_random(&seed) % 2) {
			int rc = simpeer_half_open_syn(&t, &tuple, seq, &old);

			if (open[i] && open_seq[i] == seq)
				assert_int_equal(rc, SIMPEER_HALF_OPEN_REPEATED);
			else if (open[i])
				assert_true(rc == SIMPEER_HALF_OPEN_OTHER_SEQ &&
					    old == open_seq[i]);
			else
				assert_int_equal(rc, count < MAX ? SIMPEER_HALF_OPEN_NEW
								 : SIMPEER_HALF_OPEN_FULL);
			if (rc == SIMPEER_HALF_OPEN_NEW) {
				open[i] = true;
				open_seq[i] = seq;
				count++;
			}
		} else {
			bool closes = open[i] && open_seq[i] + 1 == seq;

			assert_int_equal(simpeer_half_open_rst(&t, &tuple, seq, &known), closes);
			assert_int_equal(known, open[i]);
			if (closes) {
				open[i] = false;
				count--;
			}
		}
		assert_int_equal(t.count, count);
	}
	simpeer_half_open_fini(&t);
}

/* ---- frames ---- */

/* Every sample cut at every length, in memory of just that length: nothing is read behind it. */
static void parses_every_truncation(void **state)
{
	static const struct probe samples[] = {
	    {.protocol = IPPROTO_TCP, .dst = TARGET, .payload = 5},
	    {.protocol = IPPROTO_UDP, .dst = TARGET, .payload = 9},
	    {.protocol = IPPROTO_ICMP, .dst = TARGET, .payload = 16}};
	struct simpeer_frame f;
	struct room room;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make_probe(&room, &samples[i], &seed);
		for (uint32_t len = 0; len <= room.b.len; len++) {
			uint8_t *cut = malloc(len + 1);
			struct simpeer_buf b = {cut + 1, len, 0};

			memcpy(cut + 1, room.b.data, len);
			simpeer_frame_parse(&b, (const uint8_t *)OWN_MAC, true, &f);
			assert_int_equal(f.kind, len == room.b.len ? SIMPEER_FRAME_PROBE
								   : SIMPEER_FRAME_MALFORMED);
			free(cut);
		}
		for (int n = 0; n < 20000; n++) { /* and damaged in any way */
			uint32_t at = (uint32_t)unit_random(&seed) % room.b.len;
			uint8_t old = room.b.data[at];

			room.b.data[at] = (uint8_t)unit_random(&seed);
			simpeer_frame_parse(&room.b, (const uint8_t *)OWN_MAC, true, &f);
			room.b.data[at] = old;
		}
	}
}

static void set_fragment_bits(struct room *room, uint16_t bits)
{
	uint8_t *l3 = room->b.data + 14;

	set16(l3 + 6, bits);
	set16(l3 + 10, 0);
	set16(l3 + 10, (uint16_t)~slow_sum(l3, 20, 0));
}

static void counts_what_is_no_probe(void **state)
{
	struct simpeer_script *s = script_of(PREFIXES "except: [198.51.100.77]\n");
	struct probe p = {.protocol = IPPROTO_UDP, .dst = TARGET, .payload = 16};
	struct simpeer_verdict v;
	struct simpeer_core c;
	struct room room;

	(void)state;
	assert_int_equal(simpeer_core_init(&c, s, (const uint8_t *)OWN_MAC), 0);
#define REFUSED(damage, counter)                                                                   \
	make_probe(&room, &p, &seed);                                                              \
	damage;                                                                                    \
	simpeer_core_handle(&c, &room.b, &v);                                                      \
	assert_false(v.answer);                                                                    \
	assert_int_equal(c.counters.counter, 1);                                                   \
	c.counters.counter = 0
	REFUSED(room.b.data[5] ^= 1, other_mac);
	REFUSED(room.b.data[room.b.len - 1] ^= 1, bad_checksum);
	REFUSED(room.b.data[14 + 10] ^= 1, bad_checksum);
	REFUSED(set_fragment_bits(&room, 0x2000), fragments); /* more to come */
	REFUSED(set_fragment_bits(&room, 0x0001), fragments);
	REFUSED(room.b.data[13] = 0x86, other_kind);
	REFUSED(room.b.headroom = SIMPEER_HEADROOM - 1, malformed);
	p.dst = 0xc633644d;
	REFUSED((void)0, other_address);
	p.dst = 0xc6336501;
	REFUSED((void)0, other_address);
	p = (struct probe){.protocol = IPPROTO_TCP, .dst = TARGET, .tcp_flags = RTE_TCP_ACK_FLAG};
	REFUSED((void)0, other_kind);
	p = (struct probe){.protocol = IPPROTO_TCP, .dst = TARGET};
	REFUSED(room.b.data[14 + 20 + 12] = 6 << 4, malformed); /* options that are not there */
	REFUSED(room.b.data[14 + 20 + 12] = 4 << 4, malformed);
	assert_int_equal(c.counters.frames, 12);
	simpeer_core_fini(&c);
	simpeer_script_free(s);
}

static void arp(void **state)
{
	struct simpeer_script *s = script_of(PREFIXES "arp: [192.0.2.1]\narp_drop_first: 2\n");
	static const uint8_t request[42] = "\xff\xff\xff\xff\xff\xff" PROBER_MAC
					   "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" PROBER_MAC
					   "\xc0\x00\x02\x0a\0\0\0\0\0\0\xc0\x00\x02\x01";
	static const uint8_t reply[42] =
	    PROBER_MAC OWN_MAC "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" OWN_MAC
			       "\xc0\x00\x02\x01" PROBER_MAC "\xc0\x00\x02\x0a";
	struct simpeer_verdict v;
	struct simpeer_core c;
	uint8_t frame[60];

	(void)state;
	assert_int_equal(simpeer_core_init(&c, s, (const uint8_t *)OWN_MAC), 0);
	for (int i = 0; i < 4; i++) {
		struct simpeer_buf b = {frame, sizeof(frame), 0};

		memcpy(frame, request, sizeof(request));
		if (i == 3)
			frame[41] = 2; /* nobody's address */
		simpeer_core_handle(&c, &b, &v);
		assert_int_equal(v.answer, i == 2);
		if (i == 2) {
			assert_int_equal(b.len, sizeof(reply));
			assert_memory_equal(frame, reply, sizeof(reply));
		}
	}
	assert_int_equal(c.counters.arp_requests, 3);
	assert_int_equal(c.counters.arp_answered, 1);
	assert_int_equal(c.counters.other_address, 1);
	simpeer_core_fini(&c);
	simpeer_script_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_a_script),
	    cmocka_unit_test(reads_the_scripts_of_the_tests),
	    cmocka_unit_test(refuses_files_that_are_none),
	    cmocka_unit_test(refuses_bad_scripts),
	    cmocka_unit_test(every_nth_is_exact),
	    cmocka_unit_test(delays_follow_their_distribution),
	    cmocka_unit_test(delay_queue_is_stable_and_bounded),
	    cmocka_unit_test(half_open_agrees_with_a_plain_list),
	    cmocka_unit_test(parses_every_truncation),
	    cmocka_unit_test(counts_what_is_no_probe),
	    cmocka_unit_test(arp),
	};

	seed = unit_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
