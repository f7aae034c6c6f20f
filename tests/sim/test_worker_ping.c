/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo requests to the port's own addresses that no responder takes. */
#include "respond_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};

/* Both of the port's addresses. */
static struct bench *pinged(struct el_worker_responder *r)
{
	n_pinged = 2;
	return responding(r);
}

static void finish(struct bench *b, struct el_worker_responder *r)
{
	end(b, r);
	n_pinged = 0;
	n_silent = 0;
	vlan = 0;
}

static void put_source(struct request *q, const char *from)
{
	struct el_ip ip;

	assert_int_equal(el_ip_parse(from, &ip), 0);
	memcpy(q->frame + ETH + (family == 6 ? 8 : 12), ip.bytes, family == 6 ? 16 : 4);
	fix_checksums(q->frame);
}

/* Of any length, padded ones without their padding, and as they came. */
static void anybody_is_answered(void **state)
{
	struct bench *b = pinged(NULL);
	struct request q;
	struct answered a;
	uint64_t n = 0;

	(void)state;
	for (size_t len = 0; len <= 1400; len += 1 + len / 3, n++) {
		q = echo(n % 2 ? PEER : STRANGER, len);
		if (n % 3 == 0)
			q.len += 5;
		ask(b, &q, &a);
		assert_int_equal(a.pkt.l4[0], family == 6 ? 129 : 0);
		assert_int_equal(a.pkt.l4_len, 8 + len);
		assert_memory_equal(a.pkt.l4 + 4, q.frame + ETH + L3 + 4, 4 + len);
	}
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_PING), n);
	assert_int_equal(counter(b, EL_COUNTER_TX_PACKETS), n);
	finish(b, NULL);
}

/* On the port's VLAN, and on no other. */
static void tags_come_back(void **state)
{
	struct request q = echo(PEER, 20);
	struct answered a;
	struct bench *b;

	(void)state;
	vlan = 7;
	b = pinged(NULL);
	refused(b, &q, EL_COUNTER_DROP_RX_VLAN);
	memmove(q.frame + 16, q.frame + 12, q.len - 12);
	el_put16(q.frame + 12, 0x8100);
	el_put16(q.frame + 14, 0xa007); /* priority 5 */
	q.len += 4;
	ask(b, &q, &a);
	el_put16(q.frame + 14, 8);
	refused(b, &q, EL_COUNTER_DROP_RX_VLAN);
	finish(b, NULL);
}

static void refusals_are_counted(void **state)
{
	static const char *const none[2][3] = {{"224.0.0.1", "255.255.255.255", "0.0.0.0"},
					       {"ff02::1", "::", "::1"}};
	struct request q;
	struct bench *b;

	(void)state;
	assert_int_equal(el_prefix_parse(family == 6 ? "2001:db8::99" : "192.0.2.255", &silent[0]),
			 0);
	n_silent = 1;
	b = pinged(NULL);
	for (int i = 0; i < 3; i++) {
		q = echo(PEER, 56);
		put_source(&q, none[family == 6][i]);
		refused(b, &q, EL_COUNTER_REFUSED_NO_HOST);
	}
	put_source(&q, OWN);
	refused(b, &q, EL_COUNTER_REFUSED_NO_HOST);
	put_source(&q, family == 6 ? "2001:db8::99" : "192.0.2.255");
	refused(b, &q, EL_COUNTER_REFUSED_NO_HOST);
	q = echo(PEER, 56);
	memcpy(q.frame, group, 6);
	refused(b, &q, EL_COUNTER_REFUSED_LINK);
	memset(q.frame, 0xff, 6);
	refused(b, &q, EL_COUNTER_REFUSED_LINK);
	q = echo(PEER, 56);
	q.frame[5] ^= 1; /* another station's */
	refused(b, &q, EL_COUNTER_REFUSED_LINK);
	q = echo(PEER, 56);
	memcpy(q.frame + 6, group, 6);
	refused(b, &q, EL_COUNTER_REFUSED_LINK);
	q = echo(PEER, 56);
	q.frame[q.len - 1] ^= 1;
	refused(b, &q, EL_COUNTER_REFUSED_CHECKSUM);
	q = echo(PEER, 56);
	q.frame[ETH + L3 - 1] ^= 0x40; /* to another address */
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_OURS);
	q = echo(PEER, 56);
	q.frame[ETH + L3] = family == 6 ? 130 : 13; /* asks for something else */
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_PING), 0);
	finish(b, NULL);
}

/* An answer would have to be another packet. */
static void options_are_not_answered(void **state)
{
	struct request q = echo(PEER, 20);
	struct bench *b = pinged(NULL);
	uint8_t *ip = q.frame + ETH;
	size_t more = family == 6 ? 8 : 4;

	(void)state;
	memmove(ip + L3 + more, ip + L3, q.len - (size_t)(ETH + L3));
	memset(ip + L3, family == 6 ? 0 : 1, more);
	q.len += more;
	if (family == 6) {
		ip[L3] = IPPROTO_ICMPV6;
		ip[6] = IPPROTO_DSTOPTS;
		el_put16(ip + 4, (uint16_t)(el_get16(ip + 4) + more));
	} else {
		ip[0]++;
		el_put16(ip + 2, (uint16_t)(el_get16(ip + 2) + more));
		el_put16(ip + 10, 0);
		el_put16(ip + 10, (uint16_t)~be16toh(el_sum_fold(el_sum(ip, 24, 0))));
	}
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	finish(b, NULL);
}

/* A kernel answers for its own addresses, and of those of groups nobody does. */
static void others_addresses_are_left_alone(void **state)
{
	struct el_command c = {.kind = EL_COMMAND_OWN, .n_own = 2};
	struct request q = echo(PEER, 20);
	struct answered a;
	struct bench *b;

	(void)state;
	assert_int_equal(el_prefix_parse(OWN, &silent[0]), 0);
	n_silent = 1;
	b = pinged(NULL);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	c.own = b->own;
	c.n_pinged = 2;
	assert_true(el_worker_command(b->workers[0], &c));
	ask(b, &q, &a);
	c.n_pinged = 0;
	assert_true(el_worker_command(b->workers[0], &c));
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	finish(b, NULL);
}

static uint64_t ask_often(struct bench *b, int n, int sources)
{
	uint64_t before = counter(b, EL_COUNTER_RESPONDED_PING);

	for (int i = 0; i < n; i++) {
		char from[64];
		struct request q;
		struct answered a;

		snprintf(from, sizeof(from), family == 6 ? "2001:db8:%x:1::1" : "198.51.%d.1",
			 i % sources + 1);
		q = echo(from, 56);
		give(b, 0, q.frame, q.len);
		poll_all(b);
		next_reply(b, &q, &a);
	}
	return counter(b, EL_COUNTER_RESPONDED_PING) - before;
}

/* Each source, and all of them. */
static void rates_are_bounded(void **state)
{
	struct bench *b = pinged(NULL);

	(void)state;
	/* some come back while that goes on */
	assert_in_range(ask_often(b, 300, 1), 100, 101);
	assert_int_equal(
	    counter(b, EL_COUNTER_REFUSED_LIMITED) + counter(b, EL_COUNTER_RESPONDED_PING), 300);
	sim_ns += EL_NS_PER_S / 2;
	assert_in_range(ask_often(b, 300, 1), 50, 51);
	sim_ns += 10 * EL_NS_PER_S;
	assert_in_range(ask_often(b, 2000, 100), 200, 205);
	sim_ns += EL_NS_PER_S / 10;
	assert_in_range(ask_often(b, 2000, 100), 100, 105);
	finish(b, NULL);
}

/* Whom it allows has the responder's limits, all others have these; but only with `ping`. */
static void beside_a_responder(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct el_command c = {.kind = EL_COMMAND_OWN, .n_own = 2};
	struct bench *b = pinged(r);
	struct request q = echo(PEER, 20);
	struct answered a;

	(void)state;
	for (int i = 0; i < 300; i++)
		ask(b, &q, &a);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_ICMP), 300);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_PING), 0);
	q = echo(STRANGER, 20);
	ask(b, &q, &a);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_PING), 1);
	assert_int_equal(counter(b, EL_COUNTER_REFUSED_NOT_ALLOWED), 0);
	c.own = b->own;
	assert_true(el_worker_command(b->workers[0], &c));
	refused(b, &q, EL_COUNTER_REFUSED_NOT_ALLOWED);
	finish(b, r);
}

/* One that answers all but echo requests. */
static void beside_another_responder(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct request q = echo(PEER, 20);
	struct answered a;
	struct bench *b;

	(void)state;
	conf.echo = false;
	r = make(&conf, NULL);
	b = pinged(r);
	ask(b, &q, &a);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_PING), 1);
	finish(b, r);
}

/* To a device that is down nothing is given, and one that is gone has none of its buffers left. */
static void ports_go(void **state)
{
	struct el_command c = {.kind = EL_COMMAND_PORT, .down = true};
	struct request q = echo(PEER, 20);
	struct bench *b = pinged(NULL);

	(void)state;
	assert_true(el_worker_command(b->workers[0], &c));
	refused(b, &q, EL_COUNTER_REFUSED_TX_FULL);
	finish(b, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(anybody_is_answered),
	    cmocka_unit_test(tags_come_back),
	    cmocka_unit_test(refusals_are_counted),
	    cmocka_unit_test(options_are_not_answered),
	    cmocka_unit_test(others_addresses_are_left_alone),
	    cmocka_unit_test(rates_are_bounded),
	    cmocka_unit_test(beside_a_responder),
	    cmocka_unit_test(beside_another_responder),
	    cmocka_unit_test(ports_go),
	};

	return respond_bench_main("worker_ping", tests, RTE_DIM(tests));
}
