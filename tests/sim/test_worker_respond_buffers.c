/* SPDX-License-Identifier: BSD-3-Clause */
/* The buffers of answers: whose they are, and what there is where there are none. */
#include "respond_bench.h"

#include <rte_ring.h>

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

/* A request of a kind, and the number that its answer gives back. */
static struct request numbered(bool is_echo, uint32_t number)
{
	struct request q = is_echo ? echo(PEER, 56) : stamp(PEER, 5000, number, 0);

	if (is_echo) {
		el_put32(q.frame + ETH + L3 + 8, number);
		fix_checksums(q.frame);
	}
	return q;
}

static uint32_t number_in(const struct answered *a)
{
	return el_get32(a->pkt.l4 + 8 + (a->pkt.protocol == IPPROTO_UDP ? 24 : 0));
}

/* A burst is answered in the same iteration, in its order, and what the device does not take is
 * sent later; other requests wait where they are, but not for ever. */
static void a_device_that_takes_little(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct request q;
	struct answered a;

	(void)state;
	for (int is_echo = 0; is_echo < 2; is_echo++) {
		struct el_worker_responder *r = make(&conf, NULL);
		struct bench *b = responding(r);
		uint32_t given = 0, got = 0;

		/* the wire takes 63, 33 wait, and the last 32 have not been received */
		for (int burst = 0; burst < 4; burst++) {
			for (int i = 0; i < 32; i++, given++) {
				q = numbered(is_echo, given);
				give(b, 0, q.frame, q.len);
			}
			poll_all(b);
		}
		assert_int_equal(
		    counter(b, is_echo ? EL_COUNTER_RESPONDED_ICMP : EL_COUNTER_RESPONDED_STAMP),
		    WIRE - 1);
		assert_int_equal(el_worker_queue_rx(b->workers[0], 0), given - 32);
		while (got < given) {
			while (next_reply(b, &q, &a))
				assert_int_equal(number_in(&a), got++);
			poll_all(b);
		}
		assert_null(take(b, 0));
		assert_int_equal(counter(b, EL_COUNTER_REFUSED_TX_FULL), 0);
		/* when the device has taken nothing for a tenth of a second: 64 are all that wait
		 */
		for (int burst = 0; burst < 5; burst++) {
			for (int i = 0; i < 32; i++, given++) {
				q = numbered(is_echo, given);
				give(b, 0, q.frame, q.len);
			}
			poll_all(b);
			if (burst == 3)
				sim_ns += EL_NS_PER_S / 10;
			poll_all(b);
		}
		assert_int_equal(counter(b, EL_COUNTER_REFUSED_TX_FULL), 160 - (WIRE - 1) - 64);
		while (got < given - (160 - (WIRE - 1) - 64)) {
			while (next_reply(b, &q, &a))
				got++;
			poll_all(b);
		}
		assert_null(take(b, 0));
		assert_int_equal(counter(b, EL_COUNTER_TX_BYTES), got * q.len);
		assert_int_equal(rte_mempool_in_use_count(b->rx_pool), 0);
		end(b, r);
	}
}

/* Three links on one device: untagged and on two VLANs. */
static const el_vlan links[] = {0, 100, 7 << 16 | 100};

static struct bench *with_links(struct el_worker_responder *r)
{
	struct bench *b;

	memcpy(more_links, links + 1, sizeof(more_links));
	n_more_links = 2;
	b = responding(r);
	n_more_links = 0;
	return b;
}

static void give_tagged(struct bench *b, uint32_t n, el_vlan on)
{
	struct request q = echo(PEER, 56);

	put_tags(&q, on);
	for (uint32_t i = 0; i < n; i++)
		give(b, 0, q.frame, q.len);
}

/* All links of a device have one queue to receive by: while it takes no answers of one of them, the
 * requests of all wait, and none is lost. */
static void requests_wait_on_all_links(void **state)
{
	struct el_worker_responder_config conf = everything();

	(void)state;
	for (size_t link = 0; link < RTE_DIM(links); link++) {
		struct el_worker_responder *r = make(&conf, NULL);
		struct bench *b = with_links(r);
		struct request to = echo(PEER, 56);
		struct answered a;
		uint32_t got = 0;

		put_tags(&to, links[link]);
		for (int burst = 0; burst < 8; burst++) {
			give_tagged(b, 32, links[link]);
			poll_all(b);
		}
		for (int i = 0; i < 32; i++) {
			while (next_reply(b, &to, &a))
				got++;
			poll_all(b);
		}
		assert_int_equal(got, 8 * 32);
		assert_int_equal(counter(b, EL_COUNTER_REFUSED_TX_FULL), 0);
		end(b, r);
	}
}

/* A tenth of a second in all, however many links there are and in whatever order answers of theirs
 * find no room: those to our own probes wait with them. */
static void links_wait_together(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = with_links(r);

	(void)state;
	for (size_t link = 0; link < RTE_DIM(links); link++) {
		for (int burst = 0; burst < 4; burst++) {
			give_tagged(b, 32, links[link]);
			poll_all(b);
		}
		if (link == 0)
			sim_ns += EL_NS_PER_S / 10;
		poll_all(b);
	}
	poll_all(b);
	assert_int_equal(rte_ring_count(b->in[0]), 0);
	assert_true(counter(b, EL_COUNTER_REFUSED_TX_FULL) > 0);
	end(b, r);
}

/* Nor does it begin anew each time that a device which never catches up takes some. */
static void a_device_that_never_catches_up(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);

	(void)state;
	give_tagged(b, 3 * 32, 0);
	for (int ms = 0; ms < 150; ms++) {
		give_tagged(b, 8, 0);
		for (int i = 0; i < 4; i++)
			rte_pktmbuf_free(take(b, 0));
		sim_ns += EL_NS_PER_S / 1000;
		for (int i = 0; i < 4; i++)
			poll_all(b);
		if (ms >= 120)
			assert_int_equal(rte_ring_count(b->in[0]), 0);
	}
	assert_true(counter(b, EL_COUNTER_REFUSED_TX_FULL) > 0);
	end(b, r);
}

/* Twice as many as a burst may wait at once, of several kinds. */
static void kinds_go_out_together(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q[2];
	struct answered a;
	uint32_t got = 0;
	uint64_t bytes = 0;

	(void)state;
	for (uint32_t i = 0; i < 63; i++) {
		q[i % 2] = numbered(i % 2, i);
		give(b, 0, q[i % 2].frame, q[i % 2].len);
	}
	poll_all(b);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_STAMP), 32);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_ICMP), 31);
	while (next_reply(b, &q[0], &a)) {
		bytes += a.len;
		got++;
	}
	assert_int_equal(got, 63);
	assert_int_equal(counter(b, EL_COUNTER_TX_BYTES), bytes);
	end(b, r);
}

/* The buffer of the answer to a request that was given, which goes back. */
static struct rte_mbuf *answer_to(struct bench *b)
{
	struct rte_mbuf *m;

	poll_all(b);
	m = take(b, 0);
	assert_non_null(m);
	assert_null(take(b, 0));
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[ETH + L3], family == 6 ? 129 : 0);
	return m;
}

/* A request that is plain is turned round in its own buffer, of which nothing else is kept. */
static void echoes_are_turned_round(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 16), padded = q;
	struct rte_mbuf *m;
	struct answered a;

	(void)state;
	ask(b, &q, &a); /* the pair of addresses is known now */
	padded.len += 7;
	m = rte_pktmbuf_alloc(b->rx_pool);
	memcpy(rte_pktmbuf_append(m, (uint16_t)padded.len), padded.frame, padded.len);
	m->ol_flags = RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
	assert_ptr_equal(answer_to(b), m);
	assert_int_equal(m->data_len, q.len);
	assert_int_equal(m->pkt_len, q.len);
	assert_int_equal(m->ol_flags, 0);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), a.frame, q.len);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_in_use_count(b->rx_pool), 0);
	end(b, r);
}

/* A frame in a buffer with this much room in front. */
static struct rte_mbuf *buffer_of(struct bench *b, const struct request *q, size_t headroom,
				  size_t padding)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	assert_non_null(m);
	m->data_off = (uint16_t)headroom;
	memcpy(rte_pktmbuf_append(m, (uint16_t)(q->len + padding)), q->frame, q->len);
	return m;
}

/* The answer to the request in a buffer, which is sound; whether it is in that buffer. */
static bool is_turned(struct bench *b, const struct request *q, struct rte_mbuf *m,
		      struct answered *ret)
{
	struct rte_mbuf *answer;
	bool turned;

	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
	poll_all(b);
	answer = take(b, 0);
	assert_non_null(answer);
	turned = answer == m;
	assert_ptr_equal(answer->pool, turned ? b->rx_pool : answer_pool);
	assert_int_equal(answer->ol_flags, 0);
	assert_int_equal(rte_ring_enqueue(b->out[0], answer), 0);
	assert_true(next_reply(b, q, ret));
	return turned;
}

/* A SYN with options and data. */
static struct request long_syn(void)
{
	uint8_t l4[41];
	struct request q = segment(PEER, 443, 0x02);

	memset(l4, 1, sizeof(l4));
	memcpy(l4, q.frame + ETH + L3, 20);
	l4[12] = 0x70;
	return request_of(PEER, IPPROTO_TCP, l4, sizeof(l4));
}

/* A datagram behind which the IP packet goes on, or that has no checksum. */
static struct request odd_datagram(bool summed)
{
	struct request q = datagram(PEER, 5000, 33434, (const uint8_t[9]){7, 7, 7}, 9);

	el_put16(q.frame + ETH + L3 + 4, 12);
	fix_checksums(q.frame);
	if (!summed)
		memset(q.frame + ETH + L3 + 6, 0, 2);
	return q;
}

/* So is a SYN, to an open port or another, and a datagram, in front of which its answer begins: it
 * is as what is made in another buffer. */
static void others_are_turned_round(void **state)
{
	static const uint8_t payload[480] = {1, 2, 3, 4, 5};
	const struct request requests[] = {
	    segment(PEER, 443, 0x02),
	    segment(PEER, 80, 0xc2), /* with ECN */
	    segment(PEER, 80, 0x03), /* with FIN */
	    long_syn(),
	    datagram(PEER, 5000, 33434, payload, 4),
	    datagram(PEER, 5000, 33434, payload, 0),
	    datagram(PEER, 5000, 33434, payload, 23),
	    datagram(PEER, 862, 863, payload, 44),
	    datagram(PEER, 5000, 33434, payload, 480),
	    odd_datagram(true),
	};
	enum { SYNS = 4 };
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct answered in_own, in_other;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(requests); i++) {
		const struct request *q = &requests[i];

		for (size_t padding = 0; padding < 40; padding += 13) {
			struct rte_mbuf *m = buffer_of(b, q, RTE_PKTMBUF_HEADROOM, padding);

			assert_true(is_turned(b, q, m, &in_own));
			m = buffer_of(b, q, RTE_PKTMBUF_HEADROOM, padding);
			rte_mbuf_refcnt_update(m, 1);
			assert_false(is_turned(b, q, m, &in_other));
			rte_pktmbuf_free(m);
			assert_int_equal(in_own.len, in_other.len);
			assert_memory_equal(in_own.frame, in_other.frame, in_own.len);
		}
	}
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_TCP), 8 * SYNS);
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_UDP), 8 * (RTE_DIM(requests) - SYNS));
	assert_int_equal(rte_mempool_in_use_count(b->rx_pool), 0);
	end(b, r);
}

/* Without room in front of it, longer than what is quoted whole, or without a checksum, a datagram
 * is answered from another buffer. */
static void datagrams_that_stay(void **state)
{
	static const uint8_t payload[1400] = {1, 2, 3, 4, 5};
	const size_t most = 548U - L3 - 8;
	const struct {
		struct request q;
		size_t headroom;
		bool turned;
	} cases[] = {
	    {datagram(PEER, 5000, 33434, payload, 4), L3 + 8U, true},
	    {datagram(PEER, 5000, 33434, payload, 4), L3 + 7U, false},
	    {datagram(PEER, 5000, 33434, payload, most), RTE_PKTMBUF_HEADROOM, true},
	    {datagram(PEER, 5000, 33434, payload, most + 1), RTE_PKTMBUF_HEADROOM, false},
	    {datagram(PEER, 5000, 33434, payload, sizeof(payload)), RTE_PKTMBUF_HEADROOM, false},
	};
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = odd_datagram(false);
	struct answered a;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		size_t quoted;

		assert_int_equal(
		    is_turned(b, &cases[i].q, buffer_of(b, &cases[i].q, cases[i].headroom, 0), &a),
		    cases[i].turned);
		quoted = a.pkt.l4_len - 8U;
		assert_true(quoted <= cases[i].q.len - ETH);
		assert_memory_equal(a.pkt.l4 + 8, cases[i].q.frame + ETH, quoted);
	}
	if (family == 4)
		assert_false(is_turned(b, &q, buffer_of(b, &q, RTE_PKTMBUF_HEADROOM, 0), &a));
	end(b, r);
}

/* No answer is longer than the port's MTU. */
static void answers_fit_the_port(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct rte_mempool *pool =
	    el_worker_respond_pool_create("test_small", 511, 200, SOCKET_ID_ANY);
	static const uint8_t payload[200];
	struct el_worker_responder *r;
	struct answered a;
	struct request q;
	struct bench *b;

	(void)state;
	assert_non_null(pool);
	conf.pool = pool;
	r = make(&conf, NULL);
	b = responding(r);
	q = datagram(PEER, 5000, 33434, payload, 200U - 2U * L3 - 16U);
	ask(b, &q, &a);
	assert_int_equal(a.len, ETH + 200);
	q = datagram(PEER, 5000, 33434, payload, 200U - 2U * L3 - 15U);
	refused(b, &q, EL_COUNTER_REFUSED_NO_ROOM);
	end(b, r);
	rte_mempool_free(pool);
}

/* A buffer that somebody else has, too, or that is not all of the frame, stays as it is. */
static void shared_buffers_stay(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 56);
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool), *reply;

	(void)state;
	memcpy(rte_pktmbuf_append(m, (uint16_t)q.len), q.frame, q.len);
	rte_mbuf_refcnt_update(m, 1);
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
	reply = answer_to(b);
	assert_ptr_equal(reply->pool, answer_pool);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), q.frame, q.len);
	rte_pktmbuf_free(reply);
	/* the last ten bytes in another one */
	rte_pktmbuf_trim(m, 10);
	m->next = rte_pktmbuf_alloc(b->rx_pool);
	memcpy(rte_pktmbuf_append(m->next, 10), q.frame + q.len - 10, 10);
	m->nb_segs = 2;
	m->pkt_len = (uint32_t)q.len;
	assert_int_equal(rte_ring_enqueue(b->in[0], m), 0);
	reply = answer_to(b);
	assert_ptr_equal(reply->pool, answer_pool);
	assert_int_equal(reply->pkt_len, q.len);
	rte_pktmbuf_free(reply);
	assert_int_equal(rte_mempool_in_use_count(b->rx_pool), 0);
	end(b, r);
}

/* While there are few buffers to receive into, none of them becomes an answer; all is answered. */
static void few_receive_buffers(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = echo(PEER, 56);
	struct rte_mbuf *held[2048], *m;
	unsigned n = 0;

	(void)state;
	while (rte_mempool_avail_count(b->rx_pool) > 512)
		held[n++] = rte_pktmbuf_alloc(b->rx_pool);
	for (int few = 1; few >= 0; few--) {
		give(b, 0, q.frame, q.len);
		m = answer_to(b);
		assert_ptr_equal(m->pool, few ? answer_pool : b->rx_pool);
		rte_pktmbuf_free(m);
		if (few)
			rte_pktmbuf_free_bulk(held, n);
	}
	end(b, r);
}

/* Without buffers of the responder's own only what is turned round is answered, and others' buffers
 * are left alone. */
static void no_buffers(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct rte_mbuf *held[2048];
	struct request q = stamp(PEER, 5000, 1, 0), ping = echo(PEER, 56);
	struct answered a;
	struct bench *b;
	unsigned n = 0;

	(void)state;
	r = make(&conf, NULL);
	b = responding(r);
	while (n < RTE_DIM(held) && (held[n] = rte_pktmbuf_alloc(answer_pool)) != NULL)
		n++;
	refused(b, &q, EL_COUNTER_REFUSED_NO_MBUF);
	ask(b, &ping, &a);
	rte_pktmbuf_free_bulk(held, n);
	ask(b, &q, &a);
	end(b, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_device_that_takes_little),
	    cmocka_unit_test(kinds_go_out_together),
	    cmocka_unit_test(echoes_are_turned_round),
	    cmocka_unit_test(others_are_turned_round),
	    cmocka_unit_test(datagrams_that_stay),
	    cmocka_unit_test(answers_fit_the_port),
	    cmocka_unit_test(shared_buffers_stay),
	    cmocka_unit_test(few_receive_buffers),
	    cmocka_unit_test(no_buffers),
	    cmocka_unit_test(requests_wait_on_all_links),
	    cmocka_unit_test(links_wait_together),
	    cmocka_unit_test(a_device_that_never_catches_up),
	};

	return respond_bench_main("worker_respond_buffers", tests, RTE_DIM(tests));
}
