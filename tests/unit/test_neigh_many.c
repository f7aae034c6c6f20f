/* SPDX-License-Identifier: BSD-3-Clause */
/* Very many next hops: the table grows, gives back what is released, and asks at a pace. */
#include "unit.h"

#include <arpa/inet.h>

#include "el_neigh.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define T0 (1000 * S)
#define MAX 65536U

static const struct el_port_idx PORT0 = {0};
static const uint8_t OUR_MAC[6] = {2, 0, 0, 0, 0, 1};

static struct {
	struct el_neigh_table *table;
	unsigned sent, changes;
	uint8_t frame[64]; /* the last one */
} w;

static bool on_send(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	(void)context;
	(void)port;
	memcpy(w.frame, frame, len < sizeof(w.frame) ? len : sizeof(w.frame));
	w.sent++;
	return true;
}

static void on_changed(void *context, struct el_next_hop_idx index, const struct el_neigh *neigh)
{
	(void)context;
	(void)index;
	(void)neigh;
	w.changes++;
}

static int setup(void **state)
{
	struct el_neigh_address own = {0};
	const struct el_neigh_port port = {
	    .addresses = &own, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 1}};
	const struct el_neigh_config config = {
	    .ports = &port,
	    .n_ports = 1,
	    .max_entries = MAX,
	    .callbacks = {.send = on_send, .changed = on_changed},
	};

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_int_equal(el_prefix_parse("10.255.0.1/8", &own.prefix), 0);
	w.table = el_neigh_create(&config);
	return w.table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_neigh_destroy(w.table);
	return 0;
}

static struct el_ip address(uint32_t net, uint32_t i)
{
	return el_ip_from_v4(htonl(10U << 24 | net << 16 | i));
}

static struct el_next_hop_idx idx(uint32_t i)
{
	return (struct el_next_hop_idx){(uint16_t)i};
}

static int need(uint32_t index, uint32_t net, uint32_t i, uint64_t now)
{
	struct el_ip ip = address(net, i);

	return el_neigh_need(w.table, idx(index), PORT0, &ip, now);
}

static void answer(const uint8_t *request, uint64_t now)
{
	uint8_t f[60] = {0};

	memcpy(f, request, 42);
	memcpy(f, OUR_MAC, 6);
	memcpy(f + 6, "\2\1\1\1\1\1", 6);
	f[21] = 2;
	memcpy(f + 22, "\2\1\1\1\1\1", 6);
	memcpy(f + 28, request + 38, 4);
	memcpy(f + 32, OUR_MAC, 6);
	memcpy(f + 38, request + 28, 4);
	assert_int_equal(el_neigh_input(w.table, PORT0, f, sizeof(f), now), EL_NEIGH_LEARNT);
}

/* Ticks each millisecond, each request being answered if `answered`; how many were sent. */
static unsigned run(uint64_t from, uint64_t to, bool answered)
{
	unsigned before = w.sent;

	for (uint64_t now = from; now < to; now += MS) {
		while (el_neigh_next_deadline(w.table) <= now) {
			unsigned sent = w.sent;
			/* one at a time, so that each is seen */
			uint64_t next = el_neigh_next_deadline(w.table);
			el_neigh_tick(w.table, next);
			if (answered && w.sent == sent + 1)
				answer(w.frame, now);
		}
	}
	return w.sent - before;
}

/* Who was away, and comes back when many requests were due, does not send them all at once, but two
 * bursts at most; no second has more of them. All are asked in the end. */
static void being_away_makes_no_burst(void **state)
{
	unsigned burst = 0, sent_in[4] = {0};

	(void)state;
	for (uint32_t i = 1; i <= 2000; i++)
		assert_int_equal(need(i, 1, i, T0), 0);
	for (uint64_t at = T0; at < T0 + 4000 * MS; at += 2 * MS) {
		unsigned before = w.sent;

		if (at >= T0 + 100 * MS && at < T0 + 900 * MS)
			continue; /* away */
		while (el_neigh_next_deadline(w.table) <= at)
			el_neigh_tick(w.table, at);
		if (at > T0 && w.sent - before > burst)
			burst = w.sent - before;
		sent_in[(at - T0) / (1000 * MS)] += w.sent - before;
	}
	assert_in_range(burst, 2, 2 * 64);
	for (int s = 0; s < 4; s++)
		assert_in_range(sent_in[s], 0, 1000 + 2 * 64);
	assert_true(w.sent >= 2000);
}

static void grows_to_its_limit(void **state)
{
	const uint32_t index = (1 << 15) + 77;
	struct el_neigh n;

	(void)state;
	/* in an order in which they never come */
	for (uint32_t i = 0; i < MAX; i++)
		assert_int_equal(need((i + 1000) % MAX, 1 + (i >> 15), 1 + (i & 0x7fff), T0), 0);
	assert_int_equal(el_neigh_count_pending(w.table), MAX);
	assert_int_equal(need(index, 3, 1, T0), -EEXIST);
	assert_int_equal(el_neigh_get(w.table, idx(index), &n), 0);
	/* what is released makes room, and is not asked for any more */
	el_neigh_release(w.table, idx(index));
	el_neigh_release(w.table, idx(index)); /* nothing */
	assert_int_equal(el_neigh_count_pending(w.table), MAX - 1);
	assert_int_equal(el_neigh_get(w.table, idx(index), &n), -ENOENT);
	assert_int_equal(need(index, 3, 1, T0), 0);
}

/* Networks come and go, as reloads make them: nothing is left of those that went. */
static void releases_all(void **state)
{
	(void)state;
	for (uint32_t net = 0; net < 100; net++) {
		for (uint32_t i = 0; i < 2000; i++)
			assert_int_equal(need(i, net, i + 1, T0 + net * S), 0);
		for (uint32_t i = 0; i < 2000; i++)
			el_neigh_release(w.table, idx(i));
	}
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	assert_int_equal(el_neigh_next_deadline(w.table), UINT64_MAX);
	assert_int_equal(run(T0 + 100 * S, T0 + 101 * S, false), 0);
}

/* At most a thousand requests a second, but for the first 64; all of a /21 that answers are known
 * after two seconds. */
static void asks_at_a_pace(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2046; i++)
		assert_int_equal(need(i, 0, i + 1, T0), 0);
	assert_in_range(w.sent, 64, 65);
	assert_in_range(run(T0, T0 + S, true), 999, 1001);
	assert_in_range(el_neigh_count_pending(w.table), 2046 - 1065, 2046 - 935);
	run(T0 + S, T0 + 2200 * MS, true);
	/* the first 64 were asked before anybody answered here, and then again */
	assert_int_equal(el_neigh_count_pending(w.table), 0);
}

/* 20,000 that nobody answers for: 200 requests a second once that is known; who is new does not
 * wait for them. */
static void the_dead_are_asked_rarely(void **state)
{
	uint64_t now = T0 + 150 * S;
	struct el_neigh n;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(need(i, i >> 15, i + 1, T0), 0);
	run(T0, now, false);
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	assert_int_equal(w.changes, 20000);
	assert_in_range(run(now, now + 10 * S, false), 1900, 2016);
	assert_int_equal(need(20000, 7, 1, now + 10 * S), 0);
	answer(w.frame, now + 10 * S);
	assert_int_equal(el_neigh_get(w.table, idx(20000), &n), 0);
	assert_int_equal(n.state, EL_NEIGH_READY);
}

/* Addresses of our own come and go. */
static void own_addresses_change(void **state)
{
	const struct el_neigh_address none = {.prefix = {.ip = {.family = 4}}};
	struct el_neigh_address own[2] = {0};
	struct el_ip ip = address(255, 2);
	uint8_t f[60] = {0};

	(void)state;
	assert_int_equal(el_prefix_parse("10.255.0.1/8", &own[0].prefix), 0);
	assert_int_equal(el_prefix_parse("10.255.0.2/32", &own[1].prefix), 0);
	memcpy(
	    f,
	    "\xff\xff\xff\xff\xff\xff\2\1\1\1\1\1\x08\x06\0\1\x08\0\6\4\0\1\2\1\1\1\1\1\x0a\0\0\1",
	    32);
	memcpy(f + 38, ip.bytes, 4);
	assert_int_equal(el_neigh_input(w.table, PORT0, f, sizeof(f), T0), EL_NEIGH_IGNORED);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, own, 2), 0);
	assert_int_equal(el_neigh_input(w.table, PORT0, f, sizeof(f), T0), EL_NEIGH_ANSWERED);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, own, 1), 0);
	assert_int_equal(el_neigh_input(w.table, PORT0, f, sizeof(f), T0), EL_NEIGH_IGNORED);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, &none, 0), 0);
	assert_int_equal(w.sent, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(being_away_makes_no_burst),
	    TEST(grows_to_its_limit),
	    TEST(releases_all),
	    TEST(asks_at_a_pace),
	    TEST(the_dead_are_asked_rarely),
	    TEST(own_addresses_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
