/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker answers, whom, and what is counted where it does not. */
#include "respond_bench.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};

static void all_kinds_are_answered(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	uint8_t payload[30] = {1};
	struct request q;
	struct answered a;

	(void)state;
	for (size_t len = 0; len <= 1400; len += 1 + len / 3) {
		q = echo(PEER, len);
		ask(b, &q, &a);
		assert_int_equal(a.pkt.l4[0], family == 6 ? 129 : 0);
		assert_int_equal(a.pkt.l4_len, 8 + len);
		assert_memory_equal(a.pkt.l4 + 4, q.frame + ETH + L3 + 4, 4 + len);
	}
	q = segment(PEER, 443, 0x02);
	ask(b, &q, &a);
	assert_int_equal(a.pkt.l4[13], 0x12);
	assert_int_equal(el_get32(a.pkt.l4 + 8), 0x01020305);
	q = segment(PEER, 80, 0x02);
	ask(b, &q, &a);
	assert_int_equal(a.pkt.l4[13], 0x14);
	q = segment(PEER, 80, 0x10); /* which is no answer of anybody's */
	ask(b, &q, &a);
	assert_int_equal(a.pkt.l4[13], 0x04);
	q = datagram(PEER, 5000, 33434, payload, sizeof(payload));
	ask(b, &q, &a);
	assert_int_equal(el_get16(a.pkt.l4), family == 6 ? 0x0104 : 0x0303);
	q = stamp(PEER, 5000, 7, 0);
	ask(b, &q, &a);
	assert_int_equal(el_get16(a.pkt.l4), 862);
	assert_int_equal(el_get16(a.pkt.l4 + 2), 5000);
	assert_true(counter(b, EL_COUNTER_RESPONDED_ICMP) > 10);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_TCP), 3);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_UDP), 1);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_STAMP), 1);
	end(b, r);
}

/* An answer to a tagged frame has its tag, and a frame on another VLAN is none for this port. */
static void tags_come_back(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 20);

	(void)state;
	memmove(q.frame + 16, q.frame + 12, q.len - 12);
	el_put16(q.frame + 12, 0x8100);
	el_put16(q.frame + 14, 0xa000); /* priority 5, VLAN 0: none, but for the priority */
	q.len += 4;
	ask(b, &q, &(struct answered){.len = 0});
	el_put16(q.frame + 14, 7);
	refused(b, &q, EL_COUNTER_DROP_RX_VLAN);
	end(b, r);
}

/* On each link of a device, also within one burst, with its tags; and on no other VLAN. */
static void links_answer_with_their_tags(void **state)
{
	static const el_vlan on[] = {0, 100, 7 << 16 | 100};
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct request q[9], other = echo(PEER, 20);
	struct answered a;
	struct bench *b;

	(void)state;
	memcpy(more_links, on + 1, sizeof(more_links));
	n_more_links = 2;
	b = responding(r);
	n_more_links = 0;
	for (size_t i = 0; i < RTE_DIM(q); i++) {
		q[i] = i % 3 == 0 ? echo(PEER, 20) : segment(PEER, i % 3 == 1 ? 443 : 80, 0x02);
		put_tags(&q[i], on[i / 3]);
		ask(b, &q[i], &a);
	}
	for (size_t i = 0; i < RTE_DIM(q); i++)
		give(b, 0, q[i].frame, q[i].len);
	poll_all(b);
	/* those of a link go out together, and the tags of each are its request's */
	for (size_t link = 0; link < RTE_DIM(on); link++) {
		for (size_t i = 0; i < 3; i++)
			assert_true(next_reply(b, &q[3 * link], &a));
	}
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_ICMP), 6);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_TCP), 12);
	put_tags(&other, 200);
	refused(b, &other, EL_COUNTER_DROP_RX_VLAN);
	end(b, r);
}

static void what_is_off_is_not_answered(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct bench *b;
	struct request q;

	(void)state;
	conf.echo = conf.port_unreachable = false;
	conf.n_tcp_ports = 0;
	conf.stamp.port = 0;
	r = make(&conf, NULL);
	b = responding(r);
	q = echo(PEER, 20);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	q = segment(PEER, 443, 0x02);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	q = stamp(PEER, 5000, 1, 0);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	hand_over(b, NULL);
	q = echo(PEER, 20);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	end(b, r);
}

static void refusals_are_counted(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b;
	struct request kinds[4], q;

	(void)state;
	assert_int_equal(el_prefix_parse(family == 6 ? "2001:db8::99" : "192.0.2.99", &silent[0]),
			 0);
	n_silent = 1;
	b = responding(r);
	kinds[0] = echo(PEER, 56);
	kinds[1] = segment(PEER, 443, 0x02);
	kinds[2] = stamp(PEER, 5000, 1, 0);
	kinds[3] = datagram(PEER, 5000, 33434, (const uint8_t[30]){0}, 30);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct el_ip stranger, own;

		assert_int_equal(el_ip_parse(STRANGER, &stranger), 0);
		assert_int_equal(el_ip_parse(OWN, &own), 0);
		q = kinds[i];
		memcpy(q.frame + ETH + (family == 6 ? 8 : 12), stranger.bytes,
		       family == 6 ? 16 : 4);
		fix_checksums(q.frame);
		refused(b, &q, EL_COUNTER_REFUSED_NOT_ALLOWED);
		memcpy(q.frame + ETH + (family == 6 ? 8 : 12), own.bytes, family == 6 ? 16 : 4);
		fix_checksums(q.frame);
		refused(b, &q, EL_COUNTER_REFUSED_NO_HOST);
		q = kinds[i];
		q.frame[q.len - 1] ^= 1;
		refused(b, &q, EL_COUNTER_REFUSED_CHECKSUM);
		q = kinds[i];
		memcpy(q.frame, group, 6);
		refused(b, &q, EL_COUNTER_REFUSED_LINK);
		q = kinds[i];
		memset(q.frame, 0xff, 6);
		refused(b, &q, EL_COUNTER_REFUSED_LINK);
		q = kinds[i];
		memcpy(q.frame + 6, group, 6); /* from no station */
		refused(b, &q, EL_COUNTER_REFUSED_LINK);
		q = kinds[i];
		q.frame[ETH + L3 - 1] ^= 0x40; /* to another address */
		fix_checksums(q.frame);
		refused(b, &q, EL_COUNTER_DROP_RX_NOT_OURS);
	}
	/* IPv4 headers have a checksum of their own */
	q = kinds[0];
	q.frame[ETH + 8]--;
	if (family == 4)
		refused(b, &q, EL_COUNTER_REFUSED_CHECKSUM);
	/* neither too short a header of TCP nor one that is longer than its segment is any */
	q = kinds[1];
	q.frame[ETH + L3 + 12] = 0x40;
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_MALFORMED);
	q.frame[ETH + L3 + 12] = 0x60;
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_TRUNCATED);
	/* nor is ICMP of the other family */
	q = kinds[0];
	q.frame[ETH + L3] = family == 6 ? 8 : 128;
	q.frame[ETH + (family == 6 ? 6 : 9)] = family == 6 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_UNSUPPORTED);
	q.frame[ETH + L3] = family == 6 ? 128 : 8;
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_DROP_RX_UNSUPPORTED);
	n_silent = 0;
	end(b, r);
}

/* Where checksums are not looked at, or a kernel may have left them open, datagrams and SYNs with
 * wrong ones are answered, with right ones of ours. */
static void open_checksums(void **state)
{
	static const enum el_checksums all[] = {EL_CHECKSUMS_IGNORED, EL_CHECKSUMS_COUNTED};
	struct el_worker_responder_config conf = everything();
	struct request q[2];
	struct answered a;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(all); i++) {
		struct el_worker_responder *r = make(&conf, NULL);
		struct bench *b;

		checksums = all[i];
		b = responding(r);
		q[0] = datagram(PEER, 5000, 33434, (const uint8_t[30]){3}, 30);
		q[1] = segment(PEER, 443, 0x02);
		for (size_t k = 0; k < RTE_DIM(q); k++) {
			q[k].frame[ETH + L3 + (k ? 16 : 6)] ^= 0x55;
			ask(b, &q[k], &a);
		}
		assert_int_equal(counter(b, EL_COUNTER_WRONG_CHECKSUMS),
				 all[i] == EL_CHECKSUMS_COUNTED ? 2 : 0);
		end(b, r);
	}
	checksums = EL_CHECKSUMS_REFUSED;
}

/* A kernel answers for its own addresses. */
static void a_kernel_is_left_alone(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct request q = echo(PEER, 20);
	struct bench *b;

	(void)state;
	assert_int_equal(el_prefix_parse(OWN, &silent[0]), 0);
	n_silent = 1;
	b = responding(r);
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_ANSWER);
	n_silent = 0;
	end(b, r);
}

/* Other lists of addresses hold at once. */
static void addresses_change(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 20);
	struct el_command c = {.kind = EL_COMMAND_OWN, .own = b->own, .n_own = 0};
	struct answered a;

	(void)state;
	ask(b, &q, &a);
	assert_true(el_worker_command(b->workers[0], &c));
	refused(b, &q, EL_COUNTER_DROP_RX_NOT_OURS);
	c.n_own = 2;
	assert_true(el_worker_command(b->workers[0], &c));
	ask(b, &q, &a);
	end(b, r);
}

/* max_pps, and that peers have none. */
static void is_limited(struct request q, enum el_worker_counter responded)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct bench *b;
	uint64_t before;

	conf.max_pps = 1000;
	r = make(&conf, NULL);
	b = responding(r);
	for (int peer = 0; peer < 2; peer++) {
		before = counter(b, responded);
		for (int i = 0; i < 300; i++) {
			struct answered a;

			give(b, 0, q.frame, q.len);
			poll_all(b);
			next_reply(b, &q, &a);
		}
		/* a tenth of a second's worth, and what comes while that goes on */
		assert_in_range(counter(b, responded) - before, peer ? 300 : 100, peer ? 300 : 102);
		if (!peer) {
			struct el_worker_responder *limited = r;

			assert_int_equal(counter(b, EL_COUNTER_REFUSED_LIMITED) + 100 +
					     (counter(b, responded) - before - 100),
					 300);
			conf.unlimited = peers;
			r = make(&conf, limited);
			hand_over(b, r);
			el_worker_responder_destroy(limited);
		}
	}
	end(b, r);
}

static void sources_are_limited(void **state)
{
	(void)state;
	is_limited(echo(PEER, 56), EL_COUNTER_RESPONDED_ICMP);
	is_limited(segment(PEER, 443, 0x02), EL_COUNTER_RESPONDED_TCP);
	is_limited(datagram(PEER, 5000, 33434, (const uint8_t[4]){0}, 4), EL_COUNTER_RESPONDED_UDP);
}

/* While a round of its own goes on, answers to its probes are found as ever. */
static void probes_go_on(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 56);
	struct el_figures f;
	uint32_t answered = 0, probes = 0;

	(void)state;
	order_round(b, 1);
	for (int i = 0; i < 20000 && !probes; i++) {
		struct rte_mbuf *m;

		give(b, 0, q.frame, q.len);
		poll_all(b);
		while ((m = take(b, 0)) != NULL) {
			uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), buf[2048];

			if (frame[ETH + L3] == (family == 6 ? 128 : 8)) {
				probes++;
				give(b, 0, buf, answer(frame, m->data_len, REPLY_ECHO, buf));
			} else {
				answered++;
			}
			rte_pktmbuf_free(m);
		}
	}
	/* the reset of a connection that somebody has opened to us is nobody's answer */
	q = segment(PEER, 443, 0x04);
	give(b, 0, q.frame, q.len);
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDER_RESETS), 1);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_ID), 0);
	q = segment(PEER, 444, 0x04);
	give(b, 0, q.frame, q.len);
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDER_RESETS), 2);
	q = segment(PEER, 444, 0x14);
	give(b, 0, q.frame, q.len);
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_UNMATCHED_ID), 1);
	f = figures(b, 0);
	assert_int_equal(f.sent, probes);
	assert_int_equal(f.answered, probes);
	assert_true(answered > 0);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_ICMP), answered);
	end(b, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_kinds_are_answered),
	    cmocka_unit_test(tags_come_back),
	    cmocka_unit_test(links_answer_with_their_tags),
	    cmocka_unit_test(what_is_off_is_not_answered),
	    cmocka_unit_test(refusals_are_counted),
	    cmocka_unit_test(open_checksums),
	    cmocka_unit_test(a_kernel_is_left_alone),
	    cmocka_unit_test(addresses_change),
	    cmocka_unit_test(sources_are_limited),
	    cmocka_unit_test(probes_go_on),
	};

	return respond_bench_main("worker_respond", tests, RTE_DIM(tests));
}
