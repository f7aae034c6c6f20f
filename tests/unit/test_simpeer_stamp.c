/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated peer as a reflector whose clock is as wrong as its script says. */
#include "simpeer_probe.h"

#include <math.h>

#define PREFIXES "prefixes: [198.51.100.0/24]\n"
#define START UINT64_C(1000000000000)
#define S UINT64_C(1000000000)

struct reply {
	bool answered;
	uint64_t sent_ns; /* on the true clock */
	struct el_stamp_reply said;
};

static uint64_t seed = 1;

/* A request that comes at `ns`, and what is said to it. */
static struct reply ask(struct simpeer_core *c, uint16_t port, uint32_t sequence, uint64_t ns)
{
	struct el_stamp_sender sender = {.error_estimate = 0x8001};
	struct probe p = {.protocol = IPPROTO_UDP,
			  .dst = TARGET,
			  .src_port = port,
			  .dst_port = 862,
			  .payload = EL_STAMP_LEN};
	struct reply ret = {.answered = false};
	struct simpeer_verdict v;
	struct room room;
	uint8_t *l4;

	make_probe(&room, &p, &seed);
	l4 = room.b.data + 34;
	assert_int_equal(el_stamp_request_build(&sender, NULL, l4 + 8, EL_STAMP_LEN), EL_STAMP_LEN);
	el_stamp_request_stamp(&sender, l4 + 8, EL_STAMP_LEN, sequence, 42, 0);
	set16(l4 + 6, 0);
	set16(l4 + 6, (uint16_t)~slow_l4_sum(l4 - 20, 8 + EL_STAMP_LEN));
	c->now_ns = ns;
	simpeer_core_handle(c, &room.b, &v);
	if (!v.answer)
		return ret;
	ret.answered = true;
	ret.sent_ns = ns + v.delay_ns;
	l4 = room.b.data + 34;
	assert_int_equal(room.b.len, 14 + 20 + 8 + EL_STAMP_LEN);
	assert_int_equal(at16(l4), 862);
	assert_int_equal(at16(l4 + 2), port);
	assert_int_equal(l4[-12], 255); /* TTL */
	assert_int_equal(slow_l4_sum(l4 - 20, 8 + EL_STAMP_LEN), 0xffff);
	assert_int_equal(slow_sum(l4 - 20, 20, 0), 0xffff);
	assert_int_equal(el_stamp_reply_parse(&sender, l4 + 8, EL_STAMP_LEN, sequence, 42,
					      (int64_t)ns, &ret.said),
			 EL_STAMP_ANSWER);
	return ret;
}

static struct simpeer_script *script;

static struct simpeer_core begin(const char *text)
{
	struct simpeer_core c;

	script = script_of(text);
	assert_int_equal(simpeer_core_init(&c, script, (const uint8_t *)OWN_MAC), 0);
	return c;
}

static void end(struct simpeer_core *c)
{
	simpeer_core_fini(c);
	simpeer_script_free(script);
}

/* Forward 300 us, backward 100 us, 20 us in between. */
static void delays_of_each_direction(void **state)
{
	struct simpeer_core c = begin(PREFIXES "rules:\n"
					       "  - match: {protocol: udp, dst_port: 862}\n"
					       "    reply: stamp\n"
					       "    stamp: {forward_us: 300, residence_us: 20}\n"
					       "    delay: {us: 100}\n");
	struct reply r = ask(&c, 5000, 7, START);

	(void)state;
	assert_true(r.answered);
	assert_int_equal(r.said.t2_ns, START + 300000);
	assert_int_equal(r.said.t3_ns, START + 320000);
	assert_int_equal(r.sent_ns, START + 420000);
	assert_false(r.said.synchronised);
	end(&c);
}

/* The clock: an hour ahead, 50 ppm fast, and set back by a second after ten. */
static void clocks_are_wrong(void **state)
{
	struct simpeer_core c =
	    begin(PREFIXES "clock: {offset_us: 3600000000, skew_ppm: 50, step_us: -1000000, "
			   "step_at_s: 10, error_us: 500}\n"
			   "rules: [{match: {protocol: udp}, reply: stamp}]\n");

	(void)state;
	for (uint64_t s = 0; s < 20; s++) {
		struct reply r = ask(&c, 5000, (uint32_t)s, START + s * S);
		int64_t off = r.said.t2_ns - (int64_t)(START + s * S);
		int64_t expected = INT64_C(3600000000000) + (int64_t)s * 50000 -
				   (s >= 10 ? INT64_C(1000000000) : 0);

		assert_true(r.answered);
		assert_in_range(off - expected + 2, 0, 4);
		assert_int_equal(r.said.t3_ns, r.said.t2_ns);
		assert_true(r.said.synchronised);
		assert_in_range(r.said.error_ns, 500000, 505000);
	}
	end(&c);
}

/* What is dropped was never counted, what is lost was; each session has counts of its own. */
static void loss_of_each_direction(void **state)
{
	struct simpeer_core c = begin(PREFIXES "rules:\n"
					       "  - match: {protocol: udp}\n"
					       "    reply: stamp\n"
					       "    drop_every: 10\n"
					       "    lose_every: 4\n");
	uint32_t counted = 0, answered = 0;

	(void)state;
	for (uint32_t k = 0; k < 100; k++) {
		struct reply r = ask(&c, 5000, k, START + k);

		if (k % 10 == 9) {
			assert_false(r.answered);
			continue;
		}
		if (k % 4 == 3) {
			assert_false(r.answered);
		} else {
			assert_true(r.answered);
			assert_int_equal(r.said.sequence, counted);
			answered++;
		}
		counted++;
	}
	assert_int_equal(c.rules[0].counters.done[SIMPEER_DROP], 10);
	assert_int_equal(c.rules[0].counters.done[SIMPEER_LOSE], 100 - 10 - answered);
	assert_int_equal(c.rules[0].counters.answered, answered);
	end(&c);
	c = begin(PREFIXES "rules: [{match: {protocol: udp}, reply: stamp}]\n");
	for (uint32_t k = 0; k < 20; k++)
		assert_int_equal(ask(&c, (uint16_t)(5000 + k % 2), 99, START + k).said.sequence,
				 k / 2);
	end(&c);
	c = begin(PREFIXES
		  "rules: [{match: {protocol: udp}, reply: stamp, stamp: {stateless: true}}]\n");
	assert_int_equal(ask(&c, 5000, 99, START).said.sequence, 99);
	/* between two reflectors there is nothing */
	assert_false(ask(&c, 862, 99, START).answered);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(delays_of_each_direction),
	    cmocka_unit_test(clocks_are_wrong),
	    cmocka_unit_test(loss_of_each_direction),
	};

	return cmocka_run_group_tests_name("simpeer_stamp", tests, NULL, NULL);
}
