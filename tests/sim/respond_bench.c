/* SPDX-License-Identifier: BSD-3-Clause */
#include "respond_bench.h"

#include "frames.h"

struct rte_mempool *answer_pool;
struct el_ip_set *allowed, *peers;
static const uint16_t ports[] = {443};

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

struct el_worker_responder_config everything(void)
{
	return (struct el_worker_responder_config){.socket = SOCKET_ID_ANY,
						   .pool = answer_pool,
						   .allowed = allowed,
						   .key = {++n_made, 2},
						   .echo = true,
						   .port_unreachable = true,
						   .tcp_ports = ports,
						   .n_tcp_ports = 1,
						   .stamp = {.port = 862, .sessions = 64}};
}

struct el_worker_responder *make(const struct el_worker_responder_config *conf,
				 struct el_worker_responder *before)
{
	struct el_error err;
	struct el_worker_responder *r = el_worker_responder_create(conf, before, &err);

	if (!r)
		fail_msg("%s", err.text);
	return r;
}

void hand_over(struct bench *b, struct el_worker_responder *r)
{
	struct el_command c = {.kind = EL_COMMAND_RESPOND, .responder = r};
	uint64_t taken = el_worker_responders_taken(b->workers[0]);

	assert_true(el_worker_command(b->workers[0], &c));
	poll_all(b);
	assert_int_equal(el_worker_responders_taken(b->workers[0]), taken + 1);
}

struct bench *responding(struct el_worker_responder *r)
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

void end(struct bench *b, struct el_worker_responder *r)
{
	bench_free(b);
	el_worker_responder_destroy(r);
	assert_int_equal(rte_mempool_in_use_count(answer_pool), 0);
}

/* ---- requests ---- */

struct request request_of(const char *from, uint8_t protocol, const uint8_t *l4, size_t len)
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

struct request echo(const char *from, size_t payload)
{
	uint8_t l4[1500] = {family == 6 ? 128 : 8};

	for (size_t i = 4; i < 8 + payload; i++)
		l4[i] = (uint8_t)(i * 7);
	return request_of(from, family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, l4, 8 + payload);
}

struct request segment(const char *from, uint16_t port, uint8_t flags)
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

struct request datagram(const char *from, uint16_t from_port, uint16_t port, const uint8_t *payload,
			size_t len)
{
	uint8_t l4[1500] = {0};

	el_put16(l4, from_port);
	el_put16(l4 + 2, port);
	el_put16(l4 + 4, (uint16_t)(8 + len));
	memcpy(l4 + 8, payload, len);
	return request_of(from, IPPROTO_UDP, l4, 8 + len);
}

struct request stamp(const char *from, uint16_t from_port, uint32_t sequence, uint16_t ssid)
{
	uint8_t payload[EL_STAMP_LEN] = {0};

	el_put32(payload, sequence);
	el_put32(payload + 4, 0xe0000000);
	el_put16(payload + 12, 0x8001);
	el_put16(payload + 14, ssid);
	return datagram(from, from_port, 862, payload, sizeof(payload));
}

void put_tags(struct request *q, el_vlan on)
{
	const struct el_tags tags = el_tags_of(on);

	memmove(q->frame + 12 + tags.len, q->frame + 12, q->len - 12);
	memcpy(q->frame + 12, &tags.bytes, tags.len);
	q->len += tags.len;
}

/* ---- answers ---- */

bool next_reply(struct bench *b, const struct request *to, struct answered *ret)
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

void ask(struct bench *b, const struct request *r, struct answered *ret)
{
	give(b, 0, r->frame, r->len);
	poll_all(b);
	assert_true(next_reply(b, r, ret));
	assert_null(take(b, 0));
}

void refused(struct bench *b, const struct request *r, enum el_worker_counter reason)
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

static int setup(void)
{
	answer_pool = el_worker_respond_pool_create("test_answers", 511, 1500, SOCKET_ID_ANY);
	allowed = set_of("203.0.113.0/24", "2001:db8:77::/48");
	peers = set_of("203.0.113.1", "2001:db8:77::1");
	return answer_pool ? 0 : -1;
}

static int setup_once(void **state)
{
	(void)state;
	return answer_pool ? 0 : setup();
}

/* The EAL is there when the first test begins. */
int respond_bench_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest *copies = calloc(n, sizeof(*copies));
	int status;

	memcpy(copies, tests, n * sizeof(*copies));
	copies[0].setup_func = setup_once;
	status = worker_bench_main(name, copies, n, copies, n);
	free(copies);
	el_ip_set_destroy(allowed);
	el_ip_set_destroy(peers);
	return status;
}
