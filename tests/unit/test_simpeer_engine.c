/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated peer behind a ring port, driven with a clock of the test's own (1 GHz: a cycle is a
 * nanosecond): when each answer goes out, and in which order. */
#include "simpeer_probe.h"

#include <errno.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "engine.h"

#define PREFIXES "prefixes: [198.51.100.0/24]\n"
#define MS 1000000ULL

static uint64_t seed;
static struct rte_mempool *pool;
static struct rte_ring *to_peer, *from_peer;
static uint16_t port_id;
/* What the peer's own clock says, and what it goes on by each time it is asked. */
static uint64_t clock_ns, clock_step_ns;

static uint64_t read_clock(void *clock)
{
	assert_ptr_equal(clock, &clock_ns);
	return clock_ns += clock_step_ns;
}

struct bench {
	struct simpeer_script *script;
	struct simpeer *peer;
};

static void begin(struct bench *x, const char *text, bool copy)
{
	struct simpeer_config config = {.port_id = port_id,
					.pool = pool,
					.copy = copy,
					.read_clock = read_clock,
					.clock = &clock_ns};
	char all[512];

	clock_ns = clock_step_ns = 0;
	snprintf(all, sizeof(all), "mac: 02:00:00:00:00:01\n" PREFIXES "%s", text);
	config.script = x->script = script_of(all);
	x->peer = simpeer_create(&config);
	assert_non_null(x->peer);
}

/* Nothing may be lost: all mbufs are back in the pool. */
static void end(struct bench *x)
{
	simpeer_destroy(x->peer);
	simpeer_script_free(x->script);
	assert_int_equal(rte_ring_count(to_peer), 0);
	assert_int_equal(rte_ring_count(from_peer), 0);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void send_ping(uint32_t seq)
{
	struct probe p = {.protocol = IPPROTO_ICMP, .dst = TARGET, .seq = seq, .payload = 16};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct room room;

	assert_non_null(m);
	make_probe(&room, &p, &seed);
	memcpy(rte_pktmbuf_append(m, (uint16_t)room.b.len), room.b.data, room.b.len);
	assert_int_equal(rte_ring_enqueue(to_peer, m), 0);
}

static void send_arp(void)
{
	static const uint8_t request[42] = "\xff\xff\xff\xff\xff\xff" PROBER_MAC
					   "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" PROBER_MAC
					   "\xc0\x00\x02\x0a\0\0\0\0\0\0\xc0\x00\x02\x01";
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, sizeof(request)), request, sizeof(request));
	assert_int_equal(rte_ring_enqueue(to_peer, m), 0);
}

/* Whether the next answer is one to an ARP request. */
static bool receive_arp(void)
{
	void *item = NULL;
	bool is_arp;

	if (rte_ring_dequeue(from_peer, &item) < 0)
		return false;
	is_arp = at16(rte_pktmbuf_mtod((struct rte_mbuf *)item, const uint8_t *) + 12) == 0x0806;
	rte_pktmbuf_free(item);
	return is_arp;
}

/* The sequence number of the next answer, or -1. */
static int64_t receive(void)
{
	const uint8_t *data;
	struct rte_mbuf *m;
	void *item;
	int64_t seq;

	if (rte_ring_dequeue(from_peer, &item) < 0)
		return -1;
	m = item;
	data = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_int_equal(m->pkt_len, m->data_len);
	assert_int_equal(slow_l4_sum(data + 14, m->data_len - 34U), 0xffff);
	assert_int_equal(data[34], 0);
	seq = at32(data + 38);
	rte_pktmbuf_free(m);
	return seq;
}

#define ASSERT_RECEIVED(...)                                                                       \
	do {                                                                                       \
		const int64_t wanted_[] = {__VA_ARGS__, -1};                                       \
		for (size_t i_ = 0; i_ < sizeof(wanted_) / sizeof(wanted_[0]); i_++)               \
			assert_int_equal(receive(), wanted_[i_]);                                  \
	} while (0)

static void answers_at_once(void **state)
{
	struct bench x;

	(void)state;
	for (int copy = 0; copy < 2; copy++) {
		begin(&x, "", copy);
		for (uint32_t i = 0; i < 3; i++)
			send_ping(i);
		simpeer_poll(x.peer, 5);
		ASSERT_RECEIVED(0, 1, 2);
		assert_int_equal(simpeer_state(x.peer)->counters.sent, 3);
		end(&x);
	}
}

static void delays_exactly(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "rules: [{delay: {us: 1000, every: 2, offset: 0}}]\n", false);
	for (uint32_t i = 0; i < 4; i++)
		send_ping(i);
	simpeer_poll(x.peer, 10);
	ASSERT_RECEIVED(1, 3);
	assert_int_equal(simpeer_state(x.peer)->counters.unsent, 2);
	simpeer_poll(x.peer, 10 + MS - 2);
	assert_int_equal(receive(), -1);
	simpeer_poll(x.peer, 10 + MS);
	ASSERT_RECEIVED(0, 2);
	send_ping(9); /* held to the end: freed by destroy */
	simpeer_poll(x.peer, 20 + MS);
	end(&x);
}

static void duplicates(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "rules: [{duplicate_every: 2, copies: 2, duplicate_delay_us: 1000}]\n", false);
	for (uint32_t i = 0; i < 4; i++)
		send_ping(i);
	simpeer_poll(x.peer, 0);
	ASSERT_RECEIVED(0, 1, 2, 3);
	simpeer_poll(x.peer, MS);
	ASSERT_RECEIVED(1, 1, 3, 3);
	assert_int_equal(simpeer_state(x.peer)->rules[0].counters.copies, 4);
	end(&x);
}

static void reorders(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "reorder_hold_us: 5000\nrules: [{reorder_every: 3, reorder_offset: 1}]\n", false);
	for (uint32_t i = 0; i < 6; i++)
		send_ping(i);
	simpeer_poll(x.peer, 0);
	ASSERT_RECEIVED(0, 2, 1, 3, 5, 4);
	send_ping(6);
	send_ping(7); /* nothing comes after it */
	simpeer_poll(x.peer, MS);
	ASSERT_RECEIVED(6);
	simpeer_poll(x.peer, 6 * MS - 1);
	assert_int_equal(receive(), -1);
	simpeer_poll(x.peer, 6 * MS);
	ASSERT_RECEIVED(7);
	assert_int_equal(simpeer_state(x.peer)->rules[0].counters.reorder_timeout, 1);
	assert_int_equal(simpeer_state(x.peer)->rules[0].counters.done[SIMPEER_REORDER], 3);
	end(&x);
}

static void reorders_delayed_answers(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "rules: [{reorder_every: 2, reorder_offset: 0, delay: {us: 1000}}]\n", false);
	send_ping(0);
	send_ping(1);
	simpeer_poll(x.peer, 0);
	assert_int_equal(receive(), -1);
	simpeer_poll(x.peer, MS);
	ASSERT_RECEIVED(1, 0);
	end(&x);
}

static void too_many_delayed(void **state)
{
	const struct simpeer_rule_counters *n;
	struct bench x;

	(void)state;
	begin(&x, "max_delayed: 3\nrules: [{delay: {us: 1000}}]\n", false);
	for (uint32_t i = 0; i < 5; i++)
		send_ping(i);
	simpeer_poll(x.peer, 0);
	simpeer_poll(x.peer, MS);
	ASSERT_RECEIVED(0, 1, 2);
	n = &simpeer_state(x.peer)->rules[0].counters;
	assert_int_equal(n->answered, 3);
	assert_int_equal(n->delay_overflow, 2);
	end(&x);
}

/* How late they were is told, by which a benchmark corrects the round-trip times it sees. */
static void says_how_late(void **state)
{
	const struct simpeer_core *core;
	struct el_str json;
	struct bench x;
	char text[8192];

	(void)state;
	begin(&x, "rules: [{delay: {us: 1000}}]\n", false);
	core = simpeer_state(x.peer);
	for (uint32_t i = 0; i < 3; i++) {
		send_ping(i);
		simpeer_poll(x.peer, 10 + i * MS);
		simpeer_poll(x.peer, 10 + (i + 1) * MS + (i == 2 ? 100 : 0));
		ASSERT_RECEIVED(i);
	}
	assert_int_equal(core->late.n, 3);
	assert_int_equal(core->late.bins[0], 2);
	assert_int_equal(core->late.bins[100 / SIMPEER_LATE_NS], 1);
	el_str_init(&json, text, sizeof(text));
	simpeer_core_json(core, &json);
	assert_non_null(strstr(text, "\"late_p50_ns\": 8,"));
	assert_non_null(strstr(text, "\"late_p99_ns\": 104,"));
	end(&x);
}

/* One turn at `now_ns`. The clock stands still in it, but for `step_ns` at each look: one after the
 * port was called to receive, one before each call to send, one after that. */
static void turn(struct bench *x, uint64_t now_ns, uint64_t step_ns)
{
	clock_ns = now_ns;
	clock_step_ns = step_ns;
	simpeer_poll(x->peer, now_ns);
}

#define ASSERT_LATE(x, dropped, sent)                                                              \
	do {                                                                                       \
		const struct simpeer_counters *n_ = &simpeer_state((x)->peer)->counters;           \
		assert_int_equal(n_->late_dropped, dropped);                                       \
		assert_int_equal(n_->late_sent, sent);                                             \
	} while (0)

/* To the nanosecond: what is later than the limit, past the answer's time, is not sent. */
static void drops_what_is_sent_late(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "drop_late_ns: 100\nrules: [{delay: {us: 1000, every: 2, offset: 0}}]\n", false);
	turn(&x, 1000, 0);
	for (uint32_t i = 0; i < 4; i++) {
		send_ping(i); /* 0 and 2 are delayed */
		turn(&x, 1000 + i * 50, 0);
	}
	ASSERT_RECEIVED(1, 3);
	turn(&x, 1200 + MS, 0); /* 0 is 200 late, 2 is 100 */
	ASSERT_RECEIVED(2);
	ASSERT_LATE(&x, 1, 0);
	assert_int_equal(simpeer_state(x.peer)->counters.sent, 3);
	assert_int_equal(simpeer_state(x.peer)->rules[0].counters.answered, 4);
	end(&x);
}

/* One that becomes late in the call to the port has gone; it is told. */
static void tells_what_was_sent_late(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "drop_late_ns: 100\n", false);
	turn(&x, 1000, 0);
	send_ping(0);
	turn(&x, 1001, 33); /* received by 1034, sent from 1067 to 1100 */
	send_ping(1);
	turn(&x, 1002, 34); /* from 1070 to 1104 */
	ASSERT_RECEIVED(0, 1);
	ASSERT_LATE(&x, 0, 1);
	send_ping(2);
	turn(&x, 1003, 51); /* received by 1054, sent from 1105 */
	assert_int_equal(receive(), -1);
	ASSERT_LATE(&x, 1, 1);
	end(&x);
}

/* A request may have come just after the port was last seen empty. */
static void drops_what_may_have_waited(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "drop_late_ns: 100\nrules: [{duplicate_every: 1, copies: 2}]\n", false);
	send_ping(0);
	turn(&x, 1000, 0); /* nobody had looked before */
	ASSERT_LATE(&x, 3, 0);
	send_ping(1);
	turn(&x, 1100, 0);
	ASSERT_RECEIVED(1, 1, 1);
	send_ping(2);
	turn(&x, 1201, 0);
	assert_int_equal(receive(), -1);
	ASSERT_LATE(&x, 6, 0);
	for (uint32_t i = 0; i < 100; i++)
		send_ping(i);
	turn(&x, 1301, 0); /* takes 64 of them, so that others may have waited since */
	turn(&x, 1402, 0);
	ASSERT_LATE(&x, 6 + 3 * 36, 0);
	for (uint32_t i = 0; i < 3 * 64; i++)
		assert_int_equal(receive(), i / 3);
	end(&x);
}

/* Else a prober would look for a neighbour in vain. */
static void answers_arp_however_late(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "drop_late_ns: 100\narp: [192.0.2.1]\n", false);
	turn(&x, 1000, 0);
	send_arp();
	send_ping(0);
	turn(&x, 1001, 51); /* sent from 1103 */
	assert_true(receive_arp());
	assert_int_equal(receive(), -1);
	ASSERT_LATE(&x, 1, 0);
	send_ping(1);
	send_arp();
	turn(&x, 1102, 0); /* they may have waited since 1001 */
	assert_true(receive_arp());
	assert_int_equal(receive(), -1);
	ASSERT_LATE(&x, 2, 0);
	end(&x);
}

/* While the port takes nothing it is the other end that is late. */
static void waits_for_the_other_end(void **state)
{
	void *filler[1024];
	unsigned int n = rte_ring_free_count(from_peer);
	struct bench x;

	(void)state;
	begin(&x, "drop_late_ns: 100\n", false);
	for (unsigned int i = 0; i < n; i++) {
		filler[i] = rte_pktmbuf_alloc(pool);
		assert_int_equal(rte_ring_enqueue(from_peer, filler[i]), 0);
	}
	turn(&x, 1000, 0);
	send_ping(0);
	turn(&x, 1001, 0);
	turn(&x, 5000, 0); /* here it was late itself: dropped */
	ASSERT_LATE(&x, 1, 0);
	send_ping(1);
	turn(&x, 5001, 0);
	for (uint64_t now_ns = 5100; now_ns < 7000; now_ns += 99)
		turn(&x, now_ns, 0);
	assert_int_equal(simpeer_state(x.peer)->counters.unsent, 1);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(rte_ring_dequeue(from_peer, &filler[i]), 0);
		rte_pktmbuf_free(filler[i]);
	}
	turn(&x, 7010, 0);
	ASSERT_RECEIVED(1);
	ASSERT_LATE(&x, 1, 0);
	end(&x);
}

static void it_needs_a_clock(void **state)
{
	struct simpeer_config config = {.port_id = port_id, .pool = pool};
	struct simpeer_script *script = script_of(PREFIXES);

	(void)state;
	config.script = script;
	errno = 0;
	assert_null(simpeer_create(&config));
	assert_int_equal(errno, EINVAL);
	simpeer_script_free(script);
}

/* Held up between reading its clock and receiving: a delay counts from when it has received. */
static void no_answer_is_early(void **state)
{
	struct bench x;

	(void)state;
	begin(&x, "rules: [{delay: {us: 1000}}]\n", false);
	send_ping(0);
	clock_ns = 1000 + 50000; /* once it has received */
	simpeer_poll(x.peer, 1000);
	simpeer_poll(x.peer, 1000 + 50000 + MS - 1);
	assert_int_equal(receive(), -1);
	simpeer_poll(x.peer, 1000 + 50000 + MS);
	ASSERT_RECEIVED(0);
	end(&x);
}

/* A port that takes nothing more: what it refuses is kept, and sent in order later. */
static void keeps_what_the_port_refuses(void **state)
{
	void *filler[1024];
	unsigned int n = rte_ring_free_count(from_peer);
	struct bench x;

	(void)state;
	begin(&x, "", false);
	for (unsigned int i = 0; i < n - 1; i++) {
		filler[i] = rte_pktmbuf_alloc(pool);
		assert_int_equal(rte_ring_enqueue(from_peer, filler[i]), 0);
	}
	for (uint32_t i = 0; i < 3; i++)
		send_ping(i);
	simpeer_poll(x.peer, 0);
	assert_int_equal(simpeer_state(x.peer)->counters.unsent, 2);
	for (unsigned int i = 0; i < n - 1; i++) {
		assert_int_equal(rte_ring_dequeue(from_peer, &filler[i]), 0);
		rte_pktmbuf_free(filler[i]);
	}
	simpeer_poll(x.peer, 1);
	ASSERT_RECEIVED(0, 1, 2);
	assert_int_equal(simpeer_state(x.peer)->counters.unsent, 0);
	end(&x);
}

/* The EAL without huge pages and with one ring port, all in this process. */
static int setup(void **state)
{
	char prefix[64];
	char arg0[] = "test", huge[] = "--no-huge", memory_flag[] = "-m", memory[] = "64",
	     pci[] = "--no-pci", telemetry[] = "--no-telemetry", shconf[] = "--no-shconf",
	     level[] = "--log-level=3";
	char *argv[] = {arg0,      huge,   memory_flag, memory, pci,
			telemetry, shconf, level,       prefix, NULL};
	struct rte_eth_conf conf = {0};
	int id;

	(void)state;
	snprintf(prefix, sizeof(prefix), "--file-prefix=simpeer%d", (int)getpid());
	if (rte_eal_init(9, argv) < 0)
		return -1;
	pool =
	    rte_pktmbuf_pool_create("test", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	to_peer = rte_ring_create("to_peer", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	from_peer =
	    rte_ring_create("from_peer", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!pool || !to_peer || !from_peer)
		return -1;
	id = rte_eth_from_rings("peer", &to_peer, 1, &from_peer, 1, 0);
	if (id < 0)
		return -1;
	port_id = (uint16_t)id;
	return rte_eth_dev_configure(port_id, 1, 1, &conf) ||
	       rte_eth_rx_queue_setup(port_id, 0, 512, 0, NULL, pool) ||
	       rte_eth_tx_queue_setup(port_id, 0, 512, 0, NULL) || rte_eth_dev_start(port_id);
}

static int teardown(void **state)
{
	char *runtime_dir = strdup(rte_eal_get_runtime_dir());
	int rc;

	(void)state;
	rte_eth_dev_stop(port_id);
	rte_eth_dev_close(port_id);
	rte_ring_free(to_peer);
	rte_ring_free(from_peer);
	rte_mempool_free(pool);
	rc = rte_eal_cleanup();
	if (runtime_dir && rmdir(runtime_dir) < 0) /* left behind by the EAL */
		rc = -1;
	free(runtime_dir);
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_at_once),
	    cmocka_unit_test(delays_exactly),
	    cmocka_unit_test(duplicates),
	    cmocka_unit_test(reorders),
	    cmocka_unit_test(reorders_delayed_answers),
	    cmocka_unit_test(too_many_delayed),
	    cmocka_unit_test(says_how_late),
	    cmocka_unit_test(drops_what_is_sent_late),
	    cmocka_unit_test(tells_what_was_sent_late),
	    cmocka_unit_test(drops_what_may_have_waited),
	    cmocka_unit_test(answers_arp_however_late),
	    cmocka_unit_test(waits_for_the_other_end),
	    cmocka_unit_test(it_needs_a_clock),
	    cmocka_unit_test(no_answer_is_early),
	    cmocka_unit_test(keeps_what_the_port_refuses),
	};

	seed = unit_seed();
	return cmocka_run_group_tests(tests, setup, teardown);
}
