/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_bench.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "el_port.h"
#include "frames.h"

uint64_t (*sim_counter)(uint64_t now), (*sim_raw)(uint64_t now);
uint32_t sim_core;
struct el_core_clock worker_clocks[WORKERS];
bool reads_time;
uint16_t port_id;
static struct bench shared; /* the rings, the port and the pools are made once */
uint8_t family = 4;
uint32_t queues_a_worker = 1;
uint64_t rx_stamp_flag;
int rx_stamp_offset;

el_vlan vlan;
bool strips_tags, loses_tpid;
uint32_t n_home = 2;
el_vlan more_links[MORE_LINKS_MAX];
uint32_t n_more_links;
enum el_checksums checksums = EL_CHECKSUMS_REFUSED;
bool one_pool;
uint64_t rx_checksum_flags;
struct el_prefix silent[2];
uint32_t n_silent, n_pinged;
bool accepts_ra;

const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2},
	      mac_own[6] = {2, 0, 0, 0, 0, 9};

struct el_next_hop next_hop(const uint8_t *mac, enum el_next_hop_state state)
{
	const struct el_tags tags = el_tags_of(vlan);
	struct el_next_hop nh = {.l2_len = (uint8_t)(ETH + tags.len), .state = (uint8_t)state};

	memcpy(nh.l2, mac, 6);
	memcpy(nh.l2 + 6, mac_own, 6);
	el_tags_write(nh.l2, &tags);
	el_put16(nh.l2 + 12 + tags.len, family == 6 ? 0x86dd : 0x0800);
	return nh;
}

void set_next_hop(struct bench *b, struct el_next_hop nh)
{
	struct el_command c = {.kind = EL_COMMAND_NEXT_HOP, .index = 3, .next_hop = nh};

	for (uint32_t w = 0; w < b->n_workers; w++)
		assert_true(el_worker_command(b->workers[w], &c));
}

/* As echolane itself chooses them. */
static enum el_worker_vectors vectors(void)
{
	return getenv("ECHOLANE_VECTORS") ? EL_WORKER_SCALAR : el_worker_vectors_best();
}

struct bench *bench(struct fixture *f, uint32_t n_workers)
{
	struct bench *b = calloc(1, sizeof(*b));

	*b = shared;
	b->f = f;
	b->n_workers = f->workers = n_workers;
	el_prefix_parse("192.0.2.10", &b->own[0]);
	el_prefix_parse("2001:db8::10", &b->own[1]);
	b->set = compile(f);
	b->board = el_board_create(n_workers, SOCKET_ID_ANY);
	assert_non_null(b->board);
	for (uint32_t w = 0; w < n_workers; w++) {
		struct el_worker_queue q[2 + MORE_LINKS_MAX] = {
		    {.port_id = port_id,
		     .rx_queue = (uint16_t)w,
		     .tx_queue = (uint16_t)w,
		     .own = b->own,
		     .n_own = 2,
		     .n_home = n_home,
		     .silent = silent,
		     .n_silent = n_silent,
		     .n_pinged = n_pinged,
		     .accepts_ra = accepts_ra,
		     .vlan = vlan,
		     .strips_tags = strips_tags,
		     .loses_tpid = loses_tpid,
		     .checksums = checksums,
		     .rx_checksum_flags = rx_checksum_flags,
		     .rx_stamp_flag = rx_stamp_flag,
		     .rx_stamp_offset = rx_stamp_offset}};
		struct el_worker_config conf = {.index = {(uint16_t)w},
						.socket = SOCKET_ID_ANY,
						.board = b->board,
						.clock = worker_clocks[w],
						.reads_time = reads_time,
						.queues = q,
						.n_queues = queues_a_worker + n_more_links,
						.tx_pool = one_pool ? b->rx_pool : b->tx_pool[w],
						.payload = one_pool ? f->payload : NULL,
						.vectors = vectors()};
		struct el_error err;
		memcpy(q[0].mac, mac_own, 6);
		sim_core = w;
		q[1] = q[0];
		q[1].rx_queue = q[1].tx_queue = (uint16_t)(w + 1);
		for (uint32_t i = 0; i < n_more_links; i++) {
			q[queues_a_worker + i] = q[0];
			q[queues_a_worker + i].vlan = more_links[i];
		}
		b->workers[w] = el_worker_create(&conf, &err);
		if (!b->workers[w])
			fail_msg("%s", err.text);
	}
	el_worker_connect(b->workers, n_workers);
	set_next_hop(b, next_hop(mac_a, EL_NEXT_HOP_READY));
	return b;
}

void drain(struct rte_ring *r)
{
	void *m;

	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

void bench_free(struct bench *b)
{
	const struct el_command stop = {.kind = EL_COMMAND_STOP};
	struct el_block *block;

	for (uint32_t w = 0; w < b->n_workers; w++) {
		el_worker_command(b->workers[w], &stop);
		el_worker_poll(b->workers[w]);
		while (el_worker_reports(b->workers[w], &block, 1))
			el_block_free(block);
		el_worker_destroy(b->workers[w]);
		drain(b->in[w]);
		drain(b->out[w]);
	}
	el_board_destroy(b->board);
	while (b->n_made)
		el_streams_put(b->made[--b->n_made]);
	el_plan_set_put(b->set);
	free(b->f);
	free(b);
}

/* An empty one, before any is posted. */
static const struct el_schedule *posted(const struct bench *b)
{
	static const struct el_schedule none;

	return b->n_schedules ? &b->schedules[b->n_schedules - 1] : &none;
}

void post(struct bench *b, struct el_schedule schedule)
{
	assert_true(b->n_schedules < RTE_DIM(b->schedules));
	b->schedules[b->n_schedules] = schedule;
	el_board_post(b->board, &b->schedules[b->n_schedules++]);
}

void close_gate(struct bench *b, uint64_t gate, bool cut)
{
	post(b, el_schedule_close(posted(b), gate, cut));
}

void retire(struct bench *b, struct el_plan_set *set)
{
	post(b, el_schedule_drop(posted(b), set));
	poll_all(b);
	assert_true(el_board_is_taken(b->board));
	el_plan_set_put(set);
}

struct el_block *order_block(struct bench *b, uint32_t worker, uint64_t round, uint64_t start_ns)
{
	const struct el_schedule *s = posted(b);
	struct el_command c = {.kind = EL_COMMAND_ROUND, .block = el_block_create(b->set, worker)};

	assert_non_null(c.block);
	c.block->round = round;
	c.block->start_ns = start_ns;
	if (!b->streams || b->streams->set != b->set) {
		b->streams = b->made[b->n_made++] = el_streams_create(b->set);
		assert_non_null(b->streams);
	}
	if (!s->n || s->spans[s->n - 1].set != b->set || s->gate <= round)
		post(b, el_schedule_open(s, round, b->streams));
	assert_true(el_worker_command(b->workers[worker], &c));
	return c.block;
}

void order_round(struct bench *b, uint64_t round)
{
	for (uint32_t w = 0; w < b->n_workers; w++)
		b->ordered[w] = order_block(b, w, round, 0);
}

uint64_t counter(const struct bench *b, enum el_worker_counter c)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < b->n_workers; w++) {
		struct el_worker_view v;
		el_worker_view(b->workers[w], &v);
		sum += v.v[c];
	}
	return sum;
}

void poll_all(struct bench *b)
{
	for (sim_core = 0; sim_core < b->n_workers; sim_core++)
		el_worker_poll(b->workers[sim_core]);
}

struct rte_mbuf *take(struct bench *b, uint32_t queue)
{
	void *m;

	return rte_ring_dequeue(b->out[queue], &m) == 0 ? m : NULL;
}

void give(struct bench *b, uint32_t queue, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->rx_pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	assert_int_equal(rte_ring_enqueue(b->in[queue], m), 0);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

void fix_checksums(uint8_t *frame)
{
	uint8_t *ip = frame + ETH, *l4 = ip + L3;
	bool v6 = family == 6;
	uint8_t protocol = ip[v6 ? 6 : 9];
	size_t at = protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
	size_t l4_len = el_get16(ip + (v6 ? 4 : 2)) - (v6 ? 0U : 20U);

	if (!v6) {
		put16(ip + 10, 0);
		put16(ip + 10, naive_checksum(ip, 20, NULL, 0));
	}
	put16(l4 + at, 0);
	put16(l4 + at, protocol == IPPROTO_ICMP ? naive_checksum(l4, l4_len, NULL, 0)
						: naive_l4_checksum(ip + (v6 ? 8 : 12), v6 ? 16 : 4,
								    protocol, l4, l4_len));
	if (protocol == IPPROTO_UDP && el_get16(l4 + at) == 0)
		put16(l4 + at, UINT16_MAX); /* 0 is none (RFC 768) */
}

struct el_stamp_reflector reflector = {.error_estimate = 0x8510};
struct el_stamp_session *reflector_session;
int64_t reflector_ns;

/* A reply in the place of the request. */
static size_t reflect(const uint8_t *l4, uint8_t *ret)
{
	struct el_stamp_received request = {.packet = l4 + 8,
					    .len = el_get16(l4 + 4) - 8U,
					    .t2_ns = reflector_ns,
					    .ttl = 64,
					    .family = family,
					    .source_port = el_get16(l4),
					    .destination_port = el_get16(l4 + 2)};
	struct el_stamp_reflected reply;

	assert_int_equal(
	    el_stamp_reflect(&reflector, &request, reflector_session, ret, 2000, &reply),
	    EL_STAMP_REFLECTED);
	el_stamp_reflect_stamp(&reflector, reflector_session, ret, reflector_ns + 1000);
	return reply.len;
}

/* As `answer`, but for checksums. */
static size_t turn_round(const uint8_t *probe, size_t len, enum reply kind, uint8_t *buf)
{
	uint8_t *ip = buf + ETH, *l4 = ip + L3;
	uint16_t quoted = (uint16_t)(L3 + 12), error = (uint16_t)(8 + quoted);
	bool v6 = family == 6;

	memcpy(buf, probe, len);
	swap(buf, buf + 6, 6);
	if (v6)
		swap(ip + 8, ip + 24, 16);
	else
		swap(ip + 12, ip + 16, 4);
	switch (kind) {
	case REPLY_ECHO:
		l4[0] = v6 ? 129 : 0;
		return len;
	case REPLY_SYNACK:
	case REPLY_RST:
		swap(l4, l4 + 2, 2);
		el_put32(l4 + 8, el_get32(l4 + 4) + 1);
		el_put32(l4 + 4, 0x12345678);
		l4[13] = kind == REPLY_SYNACK ? 0x12 : 0x14;
		return len;
	case REPLY_REFLECTED:
		swap(l4, l4 + 2, 2);
		assert_int_equal(reflect(probe + ETH + L3, l4 + 8), el_get16(l4 + 4) - 8);
		return len;
	case REPLY_UNREACHABLE:
	case REPLY_ROUTER:
		memmove(l4 + 8, probe + ETH, quoted);
		memset(l4, 0, 8);
		l4[0] = v6 ? 1 : 3;
		l4[1] = v6 ? 4 : 3;
		ip[v6 ? 6 : 9] = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		el_put16(ip + (v6 ? 4 : 2), v6 ? error : (uint16_t)(L3 + error));
		if (kind == REPLY_ROUTER)
			ip[15] ^= 0x55;
		return (size_t)(ETH + L3 + error);
	}
	return 0;
}

size_t answer(const uint8_t *probe, size_t len, enum reply kind, uint8_t *buf)
{
	len = turn_round(probe, len, kind, buf);
	fix_checksums(buf);
	return len;
}

bool is_reset(const struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);

	return f[ETH + (family == 6 ? 6 : 9)] == IPPROTO_TCP && (f[ETH + L3 + 13] & 0x04);
}

uint32_t exchange(struct bench *b, int kind)
{
	uint32_t got = 0;

	poll_all(b);
	for (uint32_t w = 0; w < b->n_workers; w++) {
		struct rte_mbuf *m;
		while ((m = take(b, w)) != NULL) {
			uint8_t buf[2048];
			if (!is_reset(m)) {
				got++;
				if (kind >= 0)
					give(b, w, buf,
					     answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
						    kind, buf));
			}
			rte_pktmbuf_free(m);
		}
	}
	return got;
}

uint32_t serve(struct bench *b, uint32_t n, int kind)
{
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	uint32_t got = 0;

	while (got < n && rte_rdtsc() < end)
		got += exchange(b, kind);
	return got;
}

struct el_block *report(struct bench *b, uint32_t worker)
{
	uint64_t end = rte_rdtsc() + 5 * EL_NS_PER_S;
	struct el_block *block = NULL;

	while (rte_rdtsc() < end && el_worker_reports(b->workers[worker], &block, 1) == 0)
		poll_all(b);
	assert_non_null(block);
	return block;
}

struct el_figures figures(struct bench *b, uint32_t series)
{
	struct el_block *blocks[WORKERS];
	struct el_round_figures *r;
	struct el_figures f;

	for (uint32_t w = 0; w < b->n_workers; w++)
		blocks[w] = report(b, w);
	r = el_stats_round(blocks, b->n_workers);
	assert_non_null(r);
	f = r->series[series];
	assert_int_equal(f.sent, f.answered + f.lost);
	el_round_figures_free(r);
	for (uint32_t w = 0; w < b->n_workers; w++)
		el_block_free(blocks[w]);
	return f;
}

struct fixture *quick(uint32_t groups, uint16_t ports, enum el_probe_type type, uint32_t packets)
{
	struct fixture *f = fixture(groups, ports);

	f->in.asap = true;
	add_target(f, type, family == 6 ? "2001:db8:100::1" : "198.51.100.1", packets);
	f->targets[0].timeout_s = 0.05;
	return f;
}

static void make_port(void)
{
	struct rte_eth_conf conf = {0};

	for (int i = 0; i < WORKERS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "test_out%d", i);
		shared.out[i] = rte_ring_create(name, WIRE, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "test_in%d", i);
		shared.in[i] = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "test_tx%d", i);
		shared.tx_pool[i] = el_worker_tx_pool_create(
		    name, 1023, 1500, SOCKET_ID_ANY, (const uint8_t[EL_PLAN_PAYLOAD_BYTES]){0});
		assert_true(shared.out[i] && shared.in[i] && shared.tx_pool[i]);
	}
	shared.rx_pool = rte_pktmbuf_pool_create("test_rx", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						 SOCKET_ID_ANY);
	assert_non_null(shared.rx_pool);
	port_id =
	    (uint16_t)rte_eth_from_rings("el_test", shared.in, WORKERS, shared.out, WORKERS, 0);
	assert_int_equal(rte_eth_dev_configure(port_id, WORKERS, WORKERS, &conf), 0);
	for (uint16_t q = 0; q < WORKERS; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port_id, q, 64, 0, NULL, shared.rx_pool),
				 0);
		assert_int_equal(rte_eth_tx_queue_setup(port_id, q, 64, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(port_id), 0);
}

int worker_bench_start(void)
{
	const struct el_conf_dataplane conf = {.control_core = EL_CONF_UNSET};
	struct el_lcores lcores;
	struct el_eal_config eal = {
	    .huge_pages = EL_CONF_HUGE_NO, .lcores = &lcores, .memory_mib = 128};
	struct el_error err;
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	if (el_lcores_choose(&conf, 1, &allowed, &lcores, &err) < 0 ||
	    el_eal_init(&eal, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	el_log_set_level(EL_LOG_ERROR);
	make_port();
	return 0;
}

int worker_bench_main(const char *name, const struct CMUnitTest *tests, size_t n,
		      const struct CMUnitTest *v6, size_t n_v6)
{
	int failed;

	if (worker_bench_start() < 0)
		return 99;
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	family = 6;
	if (n_v6)
		failed += _cmocka_run_group_tests(name, v6, n_v6, NULL, NULL);
	el_eal_fini();
	return failed;
}
