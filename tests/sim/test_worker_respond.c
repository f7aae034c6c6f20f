/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker answers, whom, and what is counted where it does not. */
#include "worker_bench.h"

#include "el_worker_respond.h"
#include "frames.h"

uint64_t sim_ns = UINT64_C(1) << 40, sim_step = 200; /* ns a look at the clock takes */

#define OWN (family == 6 ? "2001:db8::10" : "192.0.2.10")
#define PEER (family == 6 ? "2001:db8:77::1" : "203.0.113.1")
#define STRANGER (family == 6 ? "2001:db9::1" : "203.0.112.1")
#define REAL_NS INT64_C(1800000000000000000)

static struct rte_mempool *pool;
static struct el_ip_set *allowed, *peers;
static const uint16_t ports[] = {443};
static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};

static struct el_ip_set *set_of(const char *a, const char *b)
{
	struct el_prefix p[2];
	struct el_ip_set *set;

	assert_int_equal(el_prefix_parse(a, &p[0]), 0);
	assert_int_equal(el_prefix_parse(b, &p[1]), 0);
	set = el_ip_set_of_prefixes(p, 2);
	assert_non_null(set);
	return set;
}

static uint64_t n_made; /* each has a key of its own, as after a reload */

static struct el_worker_responder_config everything(void)
{
	return (struct el_worker_responder_config){.socket = SOCKET_ID_ANY,
						   .pool = pool,
						   .allowed = allowed,
						   .key = {++n_made, 2},
						   .echo = true,
						   .port_unreachable = true,
						   .tcp_ports = ports,
						   .n_tcp_ports = 1,
						   .stamp = {.port = 862, .sessions = 64}};
}

static struct el_worker_responder *make(const struct el_worker_responder_config *conf,
					struct el_worker_responder *before)
{
	struct el_error err;
	struct el_worker_responder *r = el_worker_responder_create(conf, before, &err);

	if (!r)
		fail_msg("%s", err.text);
	return r;
}

static void hand_over(struct bench *b, struct el_worker_responder *r)
{
	struct el_command c = {.kind = EL_COMMAND_RESPOND, .responder = r};
	uint64_t taken = el_worker_responders_taken(b->workers[0]);

	assert_true(el_worker_command(b->workers[0], &c));
	poll_all(b);
	assert_int_equal(el_worker_responders_taken(b->workers[0]), taken + 1);
}

/* A worker without a plan, and CLOCK_REALTIME a fixed time ahead. */
static struct bench *responding(struct el_worker_responder *r)
{
	struct bench *b = bench(quick(1, 1, EL_PROBE_ICMPPING, 1), 1);
	struct el_command c = {.kind = EL_COMMAND_WALL_CLOCK,
			       .wall_line = {.ns = sim_ns,
					     .real_ns = REAL_NS,
					     .error_ns = 1000000,
					     .steps = 1,
					     .tai_offset_s = 37,
					     .synchronised = true}};

	assert_true(el_worker_command(b->workers[0], &c));
	hand_over(b, r);
	return b;
}

static void end(struct bench *b, struct el_worker_responder *r)
{
	bench_free(b);
	el_worker_responder_destroy(r);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* ---- requests ---- */

struct request {
	uint8_t frame[1600];
	size_t len;
};

/* An IP packet from `from` to OWN with this L4 packet, checksums and all. */
static struct request request_of(const char *from, uint8_t protocol, const uint8_t *l4, size_t len)
{
	struct request r = {.len = (size_t)(ETH + L3) + len};
	struct el_ip src, dst;
	uint8_t *ip = r.frame + ETH;
	bool v6 = family == 6;

	assert_int_equal(el_ip_parse(from, &src), 0);
	assert_int_equal(el_ip_parse(OWN, &dst), 0);
	memcpy(r.frame, mac_own, 6);
	memcpy(r.frame + 6, mac_b, 6);
	el_put16(r.frame + 12, v6 ? 0x86dd : 0x0800);
	ip[0] = v6 ? 0x60 : 0x45;
	el_put16(ip + (v6 ? 4 : 2), (uint16_t)(v6 ? len : 20 + len));
	ip[v6 ? 7 : 8] = 61;
	ip[v6 ? 6 : 9] = protocol;
	memcpy(ip + (v6 ? 8 : 12), src.bytes, v6 ? 16 : 4);
	memcpy(ip + (v6 ? 24 : 16), dst.bytes, v6 ? 16 : 4);
	memcpy(ip + L3, l4, len);
	fix_checksums(r.frame);
	return r;
}

static struct request echo(const char *from, size_t payload)
{
	uint8_t l4[1500] = {family == 6 ? 128 : 8};

	for (size_t i = 4; i < 8 + payload; i++)
		l4[i] = (uint8_t)(i * 7);
	return request_of(from, family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, l4, 8 + payload);
}

static struct request segment(const char *from, uint16_t port, uint8_t flags)
{
	uint8_t l4[20] = {0};

	el_put16(l4, 5000);
	el_put16(l4 + 2, port);
	el_put32(l4 + 4, 0x01020304);
	el_put32(l4 + 8, 0x11223344);
	l4[12] = 0x50;
	l4[13] = flags;
	return request_of(from, IPPROTO_TCP, l4, sizeof(l4));
}

static struct request datagram(const char *from, uint16_t from_port, uint16_t port,
			       const uint8_t *payload, size_t len)
{
	uint8_t l4[1500] = {0};

	el_put16(l4, from_port);
	el_put16(l4 + 2, port);
	el_put16(l4 + 4, (uint16_t)(8 + len));
	memcpy(l4 + 8, payload, len);
	return request_of(from, IPPROTO_UDP, l4, 8 + len);
}

static struct request stamp(const char *from, uint16_t from_port, uint32_t sequence, uint16_t ssid)
{
	uint8_t payload[EL_STAMP_LEN] = {0};

	el_put32(payload, sequence);
	el_put32(payload + 4, 0xe0000000);
	el_put16(payload + 12, 0x8001);
	el_put16(payload + 14, ssid);
	return datagram(from, from_port, 862, payload, sizeof(payload));
}

/* ---- answers ---- */

struct answered {
	uint8_t frame[1600];
	size_t len;
	struct el_pkt pkt;
};

/* The next frame on the wire, which is right and goes back; false: there is none. */
static bool next_reply(struct bench *b, const struct request *to, struct answered *ret)
{
	struct rte_mbuf *m = take(b, 0);
	size_t n = family == 6 ? 16 : 4;
	struct el_pkt asked;

	if (!m)
		return false;
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->data_len, m->pkt_len);
	ret->len = m->data_len;
	memcpy(ret->frame, rte_pktmbuf_mtod(m, uint8_t *), ret->len);
	rte_pktmbuf_free(m);
	assert_int_equal(el_pkt_parse(ret->frame, ret->len, &ret->pkt), EL_PKT_OK);
	assert_true(el_pkt_checksums_right(&ret->pkt));
	assert_int_equal((size_t)(ret->pkt.l4 - ret->frame) + ret->pkt.l4_len, ret->len);
	assert_int_equal(el_pkt_parse(to->frame, to->len, &asked), EL_PKT_OK);
	assert_memory_equal(ret->frame, to->frame + 6, 6);
	assert_memory_equal(ret->frame + 6, mac_own, 6);
	assert_memory_equal(ret->frame + 12, to->frame + 12, (size_t)(asked.l3 - asked.l2) - 12);
	assert_memory_equal(ret->pkt.ip.src, asked.ip.dst, n);
	assert_memory_equal(ret->pkt.ip.dst, asked.ip.src, n);
	return true;
}

static void ask(struct bench *b, const struct request *r, struct answered *ret)
{
	give(b, 0, r->frame, r->len);
	poll_all(b);
	assert_true(next_reply(b, r, ret));
	assert_null(take(b, 0));
}

/* What is asked is not answered, which `reason` counts. */
static void refused(struct bench *b, const struct request *r, enum el_worker_counter reason)
{
	uint64_t before = counter(b, reason);
	struct rte_mbuf *m;

	give(b, 0, r->frame, r->len);
	poll_all(b);
	m = take(b, 0);
	if (m || counter(b, reason) != before + 1)
		fail_msg("%s; counter %d went from %lu to %lu", m ? "answered" : "not answered",
			 reason, before, counter(b, reason));
}

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
	refused(b, &q, EL_COUNTER_REFUSED_LINK);
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
	n_silent = 0;
	end(b, r);
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
static void sources_are_limited(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct request q = echo(PEER, 56);
	struct bench *b;
	uint64_t before;

	(void)state;
	conf.max_pps = 1000;
	r = make(&conf, NULL);
	b = responding(r);
	for (int peer = 0; peer < 2; peer++) {
		before = counter(b, EL_COUNTER_RESPONDED_ICMP);
		for (int i = 0; i < 300; i++) {
			struct answered a;

			give(b, 0, q.frame, q.len);
			poll_all(b);
			next_reply(b, &q, &a);
		}
		/* a tenth of a second's worth, and what comes while that goes on */
		assert_in_range(counter(b, EL_COUNTER_RESPONDED_ICMP) - before, peer ? 300 : 100,
				peer ? 300 : 102);
		if (!peer) {
			struct el_worker_responder *limited = r;

			assert_int_equal(counter(b, EL_COUNTER_REFUSED_LIMITED) + 100 +
					     (counter(b, EL_COUNTER_RESPONDED_ICMP) - before - 100),
					 300);
			conf.unlimited = peers;
			r = make(&conf, limited);
			hand_over(b, r);
			el_worker_responder_destroy(limited);
		}
	}
	end(b, r);
}

/* A burst is answered in the same iteration, in its order, and what the device does not take is
 * sent later; then others have to wait. */
static void a_device_that_takes_little(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q;
	struct answered a;
	uint32_t given = 0, got = 0;

	(void)state;
	/* the wire takes 63 */
	for (int burst = 0; burst < 6; burst++) {
		for (int i = 0; i < 32; i++, given++) {
			q = stamp(PEER, 5000, given, 0);
			give(b, 0, q.frame, q.len);
		}
		poll_all(b);
	}
	/* 63 are on the wire, 64 wait, and all others were refused */
	assert_int_equal(counter(b, EL_COUNTER_RESPONDED_STAMP), WIRE - 1);
	assert_int_equal(counter(b, EL_COUNTER_REFUSED_TX_FULL), given - (WIRE - 1) - 64);
	while (got < WIRE - 1 + 64) {
		while (next_reply(b, &q, &a))
			assert_int_equal(el_get32(a.pkt.l4 + 8 + 24), got++);
		poll_all(b);
	}
	assert_null(take(b, 0));
	end(b, r);
}

/* Without buffers nothing is answered, and others' buffers are left alone. */
static void no_buffers(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r;
	struct rte_mbuf *held[2048];
	struct request q = echo(PEER, 56);
	struct answered a;
	struct bench *b;
	unsigned n = 0;

	(void)state;
	r = make(&conf, NULL);
	b = responding(r);
	while (n < RTE_DIM(held) && (held[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	refused(b, &q, EL_COUNTER_REFUSED_NO_MBUF);
	rte_pktmbuf_free_bulk(held, n);
	ask(b, &q, &a);
	end(b, r);
}

/* ---- STAMP ---- */

static int64_t time_at(const uint8_t *p)
{
	int64_t ns;

	assert_true(el_stamp_decode(EL_STAMP_NTP, (uint64_t)el_get32(p) << 32 | el_get32(p + 4),
				    REAL_NS, 0, &ns));
	return ns;
}

/* T2 is when the burst came, T3 when the answer goes, by CLOCK_REALTIME. */
static void times_are_true(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	uint64_t begin = sim_ns;
	struct bench *b = responding(r);
	struct request q = stamp(PEER, 5000, 7, 0);
	struct answered a;
	int64_t t2, t3, before, after;

	(void)state;
	sim_ns += 5 * EL_NS_PER_S;
	before = REAL_NS + (int64_t)(sim_ns - begin);
	ask(b, &q, &a);
	after = REAL_NS + (int64_t)(sim_ns - begin);
	t3 = time_at(a.pkt.l4 + 8 + 4);
	t2 = time_at(a.pkt.l4 + 8 + 16);
	/* the line's base is a few looks at the clock older than `begin` */
	assert_in_range(t2 - before, 0, 5000);
	assert_in_range(t3 - t2, 200, 2000);
	assert_in_range(after - t3 + 5000, 0, 10000);
	/* synchronised, and off by 1 ms, or little more */
	assert_true(el_get16(a.pkt.l4 + 8 + 12) & EL_STAMP_ERROR_S);
	assert_in_range(el_stamp_error_ns(el_get16(a.pkt.l4 + 8 + 12)), 1000000, 1020000);
	assert_int_equal(a.pkt.l4[8 + 40], 61);
	assert_int_equal(a.pkt.l3[family == 6 ? 7 : 8], 255);
	end(b, r);
}

static uint32_t sequence_of(struct bench *b, const struct request *q)
{
	struct answered a;

	ask(b, q, &a);
	return el_get32(a.pkt.l4 + 8);
}

static void sessions_are_counted(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r, *after;
	struct request q;
	struct bench *b;

	(void)state;
	r = make(&conf, NULL);
	b = responding(r);
	q = stamp(PEER, 5000, 1000, 0);
	assert_int_equal(sequence_of(b, &q), 1000); /* stateless */
	conf.stamp.stateful = true;
	after = make(&conf, r);
	hand_over(b, after);
	el_worker_responder_destroy(r);
	for (uint32_t i = 0; i < 10; i++) {
		q = stamp(PEER, 5000, 1000, 0); /* by ports */
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, 5001, 1000, 0);
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, (uint16_t)(6000 + i), 1000, 7); /* by its SSID */
		assert_int_equal(sequence_of(b, &q), i);
		q = stamp(PEER, (uint16_t)(6000 + i), 1000, 8);
		assert_int_equal(sequence_of(b, &q), i);
	}
	/* they go on in another responder */
	r = after;
	conf.max_pps = 100000;
	after = make(&conf, r);
	hand_over(b, after);
	el_worker_responder_destroy(r);
	assert_int_equal(sequence_of(b, &q), 10);
	assert_int_equal(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 0);
	/* more than there is room for */
	for (uint16_t port = 7000; port < 7100; port++) {
		q = stamp(PEER, port, 1, 0);
		assert_int_equal(sequence_of(b, &q), 0);
	}
	assert_in_range(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 40, 60);
	/* what nobody uses any more is lost to nobody */
	sim_ns += 901 * EL_NS_PER_S;
	poll_all(b);
	r = after;
	assert_in_range(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 40, 60);
	end(b, r);
}

static void stamp_refusals(void **state)
{
	static const uint8_t secret[] = "0123456789abcdef";
	struct el_stamp_key *key = el_stamp_key_create(secret, 16);
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL), *before;
	struct bench *b = responding(r);
	uint8_t payload[EL_STAMP_AUTH_LEN] = {0};
	struct el_stamp_sender sender = {.key = key, .authenticated = true, .ssid = 9};
	struct el_stamp_reply said;
	struct request q;
	struct answered a;

	(void)state;
	q = datagram(PEER, 5000, 862, payload, EL_STAMP_LEN - 1);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	el_put16(q.frame + ETH + L3 + 4, 7); /* UDP's length can't be */
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	el_put16(q.frame + ETH + L3 + 4, 1000);
	fix_checksums(q.frame);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_SHORT);
	q = stamp(PEER, 862, 1, 0);
	refused(b, &q, EL_COUNTER_REFUSED_STAMP_PORTS);
	/* authenticated */
	before = r;
	conf.stamp.key = key;
	conf.stamp.authenticated = conf.stamp.stateful = true;
	r = make(&conf, before);
	hand_over(b, r);
	el_worker_responder_destroy(before);
	q = datagram(PEER, 5000, 862, payload, sizeof(payload));
	for (int i = 0; i < 100; i++) /* forged ones are no session */
		refused(b, &q, EL_COUNTER_REFUSED_STAMP_HMAC);
	assert_int_equal(el_stamp_request_build(&sender, NULL, payload, sizeof(payload)),
			 sizeof(payload));
	for (uint32_t i = 0; i < 50; i++) {
		el_stamp_request_stamp(&sender, payload, sizeof(payload), i, i + 1, i);
		q = datagram(PEER, 5000, 862, payload, sizeof(payload));
		ask(b, &q, &a);
		assert_int_equal(el_stamp_reply_parse(&sender, a.pkt.l4 + 8,
						      (size_t)(a.pkt.l4_len - 8), i, i + 1, REAL_NS,
						      &said),
				 EL_STAMP_ANSWER);
		assert_int_equal(said.sequence, i);
		assert_int_equal(said.ssid, 9);
	}
	/* a burst of them, which goes out in several */
	for (uint32_t i = 0; i < 20; i++)
		give(b, 0, q.frame, q.len);
	poll_all(b);
	for (uint32_t i = 0; i < 20; i++) {
		assert_true(next_reply(b, &q, &a));
		assert_int_equal(el_stamp_reply_parse(&sender, a.pkt.l4 + 8,
						      (size_t)(a.pkt.l4_len - 8), 49, 50, REAL_NS,
						      &said),
				 EL_STAMP_ANSWER);
	}
	assert_int_equal(counter(b, EL_COUNTER_STAMP_SESSIONS_REPLACED), 0);
	end(b, r);
	el_stamp_key_destroy(key);
}

/* A UDP checksum of zero is none over IPv4 and can't be over IPv6. */
static void no_udp_checksum(void **state)
{
	struct el_worker_responder_config conf = everything();
	struct el_worker_responder *r = make(&conf, NULL);
	struct bench *b = responding(r);
	struct request q = stamp(PEER, 5000, 1, 0);
	struct answered a;

	(void)state;
	memset(q.frame + ETH + L3 + 6, 0, 2);
	if (family == 4) {
		give(b, 0, q.frame, q.len);
		poll_all(b);
		assert_true(next_reply(b, &q, &a));
	} else {
		refused(b, &q, EL_COUNTER_REFUSED_CHECKSUM);
	}
	end(b, r);
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

static int setup(void)
{
	pool = el_worker_respond_pool_create("test_answers", 511, 1500, SOCKET_ID_ANY);
	allowed = set_of("203.0.113.0/24", "2001:db8:77::/48");
	peers = set_of("203.0.113.1", "2001:db8:77::1");
	return pool ? 0 : -1;
}

static int setup_once(void **state)
{
	(void)state;
	return pool ? 0 : setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(all_kinds_are_answered, setup_once),
	    cmocka_unit_test(tags_come_back),
	    cmocka_unit_test(what_is_off_is_not_answered),
	    cmocka_unit_test(refusals_are_counted),
	    cmocka_unit_test(a_kernel_is_left_alone),
	    cmocka_unit_test(addresses_change),
	    cmocka_unit_test(sources_are_limited),
	    cmocka_unit_test(a_device_that_takes_little),
	    cmocka_unit_test(no_buffers),
	    cmocka_unit_test(times_are_true),
	    cmocka_unit_test(sessions_are_counted),
	    cmocka_unit_test(stamp_refusals),
	    cmocka_unit_test(no_udp_checksum),
	    cmocka_unit_test(probes_go_on),
	};
	const size_t n = RTE_DIM(tests);
	int status = worker_bench_main("worker_respond", tests, n, tests, n);

	el_ip_set_destroy(allowed);
	el_ip_set_destroy(peers);
	return status;
}
