/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP by scripted events: asking for neighbours, being asked, and what comes from the wire. */
#include "arp_fixture.h"

/* ---- resolving ---- */

static void test_resolve(void **state)
{
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	assert_int_equal(w.sent, 1);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(el_neigh_count_pending(w.table), 1);
	assert_int_equal(need("192.0.2.1", T0 + MS), i);
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.changes, 0);

	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 5 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.index, i);
	assert_int_equal(w.neigh.state, EL_NEIGH_READY);
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	assert_int_equal(el_neigh_next_deadline(w.table), T0 + 30005 * MS);
	/* the same again says nothing new */
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 6 * MS), EL_NEIGH_LEARNT);
	assert_int_equal(w.changes, 1);
	/* nor does an answer that nobody waits for */
	assert_int_equal(reply(PEER_MAC, "192.0.2.2", T0 + 6 * MS), EL_NEIGH_IGNORED);
}

static void test_request_source(void **state)
{
	struct el_ip far = ip("172.16.0.1"), tagged = ip("10.2.3.4");
	struct el_next_hop_idx index;

	(void)state;
	need("198.51.100.1", T0);
	assert_request(BROADCAST_MAC, "198.51.100.10", "198.51.100.1");
	need("203.0.113.8", T0); /* a source subnet is no network to be on */
	assert_request(BROADCAST_MAC, "192.0.2.10", "203.0.113.8");
	assert_int_equal(need_any(w.table, MAX, PORT0, &far, T0, &index), 0);
	assert_request(BROADCAST_MAC, "192.0.2.10", "172.16.0.1");

	assert_int_equal(need_any(w.table, MAX, PORT1, &tagged, T0, &index), 0);
	assert_int_equal(w.port, 1);
	assert_memory_equal(w.frame + 12, "\x81\x00\x00\x64\x08\x06", 6);
	assert_memory_equal(w.frame + 42, "\x0a\x02\x03\x04", 4);
}

static void test_need_errors(void **state)
{
	static const char *const bad[] = {"0.0.0.1",         "127.0.0.1",  "224.0.0.1",
					  "255.255.255.255", "192.0.2.10", "203.0.113.9"};
	const struct el_neigh_address own[] = {
	    {.prefix = prefix("192.0.2.10/24")},
	    {.prefix = prefix("203.0.113.8/29"), .range = true},
	};
	const struct el_next_hop_idx first = {0}, second = {1}, none_such = {MAX};
	struct el_ip six = ip("2001:db8::1"), four = ip("192.0.2.1"), other = ip("192.0.2.2");
	struct el_ip none = {0}, group = ip("224.0.0.1");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct el_ip b = ip(bad[i]);

		assert_int_equal(el_neigh_check(own, 2, &b), -EINVAL);
	}
	assert_int_equal(el_neigh_check(own, 2, &none), -EINVAL);
	assert_int_equal(el_neigh_check(own, 2, &four), 0);
	assert_int_equal(el_neigh_check(NULL, 0, &four), 0);
	/* there is no address to ask from */
	assert_int_equal(el_neigh_check(own, 2, &six), -EADDRNOTAVAIL);

	assert_int_equal(el_neigh_need(w.table, first, PORT0, &none, T0), -EINVAL);
	assert_int_equal(el_neigh_need(w.table, first, PORT0, &group, T0), -EINVAL);
	assert_int_equal(el_neigh_need(w.table, first, (struct el_port_idx){2}, &four, T0),
			 -EINVAL);
	assert_int_equal(el_neigh_need(w.table, none_such, PORT0, &four, T0), -EINVAL);
	assert_int_equal(el_neigh_next_deadline(w.table), UINT64_MAX);

	assert_int_equal(el_neigh_need(w.table, first, PORT0, &four, T0), 0);
	assert_int_equal(el_neigh_need(w.table, first, PORT0, &four, T0), 0);
	assert_int_equal(w.sent, 1);
	assert_int_equal(el_neigh_need(w.table, first, PORT0, &other, T0), -EEXIST);
	assert_int_equal(el_neigh_need(w.table, second, PORT0, &four, T0), -EEXIST);
	assert_int_equal(el_neigh_need(w.table, second, PORT1, &four, T0), 0);
	el_neigh_release(w.table, first);
	assert_int_equal(el_neigh_need(w.table, first, PORT0, &other, T0), 0);
}

/* A next hop that has become an address of our own is not asked for as long as it is. */
static void test_next_hop_becomes_our_own(void **state)
{
	(void)state;
	asks_only_with("192.0.2.1", "192.0.2.1/24", "192.0.2.10/24");
}

static void test_failure_and_late_answer(void **state)
{
	const uint64_t expected[] = {200, 500, 1500, 2500, 3000};
	const uint64_t longest[] = {5000, 10000, 20000, 40000, 60000, 60000, 60000};
	uint64_t times[16];
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	assert_int_equal(run_until(T0, T0 + 2999 * MS, times, 16), 4);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(run_until(T0, T0 + 3000 * MS, times + 4, 12), 1);
	for (unsigned k = 0; k < 5; k++)
		assert_int_equal(times[k], expected[k]);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	/* ever more rarely */
	assert_in_range(run_until(T0, T0 + 260000 * MS, times + 5, 11), 7, 8);
	for (unsigned k = 0; k < 7; k++)
		assert_in_range(times[5 + k] - times[4 + k], longest[k] * 3 / 4 - 1, longest[k]);
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.neigh.state, EL_NEIGH_FAILED);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");

	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 261000 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(w.changes, 2);
}

/* Whoever can't be heard is asked on and on, and not given up, nor taken for anything else. */
static void test_deaf(void **state)
{
	uint16_t i = need("192.0.2.1", T0);
	uint64_t times[128];

	(void)state;
	el_neigh_set_deaf(w.table, true);
	assert_in_range(run_until(T0, T0 + 10 * S, times, 128), 10, 20);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
	el_neigh_set_deaf(w.table, false);
	run_until(T0 + 10 * S, T0 + 11 * S, times, 128);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 12 * S), EL_NEIGH_LEARNT);
	/* the same with one that was known: refreshed, doubted, kept */
	el_neigh_set_deaf(w.table, true);
	run_until(T0 + 12 * S, T0 + 80 * S, times, 128);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	el_neigh_set_deaf(w.table, false);
	run_until(T0 + 80 * S, T0 + 82 * S, times, 128);
	assert_state(i, EL_NEIGH_FAILED, NULL);
}

/* The link was down: whoever did not answer then may be there again. */
static void test_ask_again(void **state)
{
	uint16_t i = need("192.0.2.1", T0);
	uint64_t times[16];

	(void)state;
	run_until(T0, T0 + 100000 * MS, times, 16);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	w.sent = w.changes = 0;
	el_neigh_ask_again(w.table, PORT1, T0 + 101000 * MS);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	el_neigh_ask_again(w.table, PORT0, T0 + 101000 * MS);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.sent, 1);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
}

/* Whoever is asked for the first time is asked at once, not when the wait that was begun is over.
 */
static void test_ask_again_pending(void **state)
{
	uint16_t i = need("192.0.2.1", T0);
	uint64_t times[16];

	(void)state;
	assert_int_equal(run_until(T0, T0 + 600 * MS, times, 16), 2);
	w.sent = 0;
	el_neigh_ask_again(w.table, PORT0, T0 + 600 * MS);
	assert_int_equal(w.sent, 1);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
	assert_int_equal(run_until(T0, T0 + 1100 * MS, times, 16), 2);
	assert_int_equal(times[0], 800);
	assert_int_equal(times[1], 1100);
	assert_state(i, EL_NEIGH_PENDING, NULL);
}

/* Another may have taken the place of a neighbour meanwhile: it is used until somebody answers. */
static void test_ask_again_ready(void **state)
{
	uint16_t i = need("192.0.2.1", T0), other = need("192.0.2.2", T0);

	(void)state;
	reply(PEER_MAC, "192.0.2.1", T0);
	reply(PEER_MAC, "192.0.2.2", T0);
	w.sent = w.changes = 0;
	el_neigh_ask_again(w.table, PORT0, T0 + 1000 * MS);
	assert_int_equal(w.sent, 2);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.2");
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	reply(OTHER_MAC, "192.0.2.1", T0 + 1001 * MS);
	assert_state(i, EL_NEIGH_READY, OTHER_MAC);
	reply(PEER_MAC, "192.0.2.2", T0 + 1001 * MS);
	assert_state(other, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(w.changes, 1);
}

static void test_refresh(void **state)
{
	uint64_t times[16];
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	reply(PEER_MAC, "192.0.2.1", T0);
	assert_int_equal(run_until(T0, T0 + 30000 * MS, times, 16), 1);
	assert_int_equal(times[0], 30000);
	assert_request(PEER_MAC, "192.0.2.10", "192.0.2.1");
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	reply(PEER_MAC, "192.0.2.1", T0 + 30001 * MS);
	assert_int_equal(w.changes, 1);
	assert_int_equal(run_until(T0, T0 + 60001 * MS, times, 16), 1);
	assert_int_equal(times[0], 60001);
}

static void test_refresh_unanswered(void **state)
{
	const uint64_t expected[] = {30000, 31000, 32000, 33000, 33200, 33500, 34000, 35000, 36000};
	uint64_t times[16];
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	reply(PEER_MAC, "192.0.2.1", T0);
	assert_int_equal(run_until(T0, T0 + 32000 * MS, times, 16), 3);
	assert_request(PEER_MAC, "192.0.2.10", "192.0.2.1");
	assert_int_equal(run_until(T0, T0 + 35999 * MS, times + 3, 13), 5);
	assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
	assert_state(i, EL_NEIGH_READY, PEER_MAC); /* until it is known better */
	assert_int_equal(w.changes, 1);
	assert_int_equal(run_until(T0, T0 + 36000 * MS, times + 8, 8), 1);
	for (unsigned k = 0; k < 9; k++)
		assert_int_equal(times[k], expected[k]);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(w.changes, 2);

	/* a request of its own, not for us, has it asked at once */
	assert_int_equal(receive(1, OTHER_MAC, "192.0.2.1", "192.0.2.77", T0 + 42000 * MS),
			 EL_NEIGH_DOUBTED);
	assert_request(OTHER_MAC, "192.0.2.10", "192.0.2.1");
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(reply(OTHER_MAC, "192.0.2.1", T0 + 42001 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, OTHER_MAC);
	assert_int_equal(w.changes, 3);
}

/* ---- sending ---- */

/* Many that became reachable at once are not refreshed at once. */
static void test_refresh_is_spread(void **state)
{
	uint64_t times[16];
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		need(text, T0);
		reply(PEER_MAC, text, T0);
	}
	assert_int_equal(run_until(T0, T0 + 30000 * MS, times, 16), 8);
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(times[i] - times[i - 1], 100);
	assert_int_equal(times[7], 30000);
}

static void test_send_refused(void **state)
{
	struct el_neigh_counters c;
	uint16_t i;

	(void)state;
	w.refuse = true;
	i = need("192.0.2.1", T0);
	assert_int_equal(el_neigh_next_deadline(w.table), T0 + 10 * MS);
	el_neigh_tick(w.table, T0 + 10 * MS);
	assert_int_equal(el_neigh_next_deadline(w.table), T0 + 20 * MS);
	w.refuse = false;
	el_neigh_tick(w.table, T0 + 20 * MS);
	assert_int_equal(w.sent, 1);
	assert_int_equal(el_neigh_next_deadline(w.table), T0 + 220 * MS);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.send_refused, 2);
	assert_int_equal(c.requests_sent, 1);
}

static void test_static(void **state)
{
	struct el_ip gw = ip("192.0.2.1");
	struct el_next_hop_idx index = {3};

	(void)state;
	assert_int_equal(el_neigh_set_static(w.table, index, PORT0, &gw, PEER_MAC), 0);
	assert_int_equal(w.changes, 1);
	assert_state(index.v, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(el_neigh_next_deadline(w.table), UINT64_MAX);
	assert_int_equal(reply(OTHER_MAC, "192.0.2.1", T0), EL_NEIGH_IGNORED);
	assert_state(index.v, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(need("192.0.2.1", T0), index.v);
	assert_int_equal(w.sent, 0);
}

static void test_header(void **state)
{
	uint8_t h[EL_NEIGH_HEADER_MAX];
	struct el_ip tagged = ip("10.2.3.4");
	struct el_next_hop_idx index = {need("192.0.2.1", T0)};

	(void)state;
	assert_int_equal(el_neigh_header(w.table, index, 0x0800, h), 14);
	assert_memory_equal(h, NO_MAC, 6);
	reply(PEER_MAC, "192.0.2.1", T0);
	assert_int_equal(el_neigh_header(w.table, index, 0x86dd, h), 14);
	assert_memory_equal(h, "\x02\0\0\0\0\x10\x02\0\0\0\0\x01\x86\xdd", 14);
	index.v = 1;
	assert_int_equal(el_neigh_set_static(w.table, index, PORT1, &tagged, OTHER_MAC), 0);
	assert_int_equal(el_neigh_header(w.table, index, 0x0800, h), 18);
	assert_memory_equal(h, "\x02\0\0\0\0\x20\x02\0\0\0\0\x02\x81\0\0\x64\x08\0", 18);
	assert_int_equal(el_neigh_header(w.table, (struct el_next_hop_idx){2}, 0x0800, h), 0);
	assert_int_equal(el_neigh_header(w.table, (struct el_next_hop_idx){60000}, 0x0800, h), 0);
}

/* Two links on one device, with the same address and neighbours, one on the other's VLAN inside a
 * service VLAN: neither hears of the other's, and none is the other's conflict. */
static void test_links(void **state)
{
	static const char qinq[] = "\x88\xa8\x00\x07\x81\x00\x00\x64";
	const struct el_neigh_address own = {.prefix = prefix("10.0.0.1/8")};
	const struct el_neigh_port ports[] = {
	    {.addresses = &own, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 1}, .vlan = 100},
	    {.addresses = &own, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 1}, .vlan = 7 << 16 | 100},
	};
	const struct el_neigh_config config = {
	    .ports = ports, .n_ports = 2, .max_entries = MAX, .callbacks = w_callbacks()};
	struct el_ip peer = ip("10.2.3.4");
	uint8_t plain[FRAME_LEN], f[FRAME_LEN + 8], h[EL_NEIGH_HEADER_MAX];

	(void)state;
	el_neigh_destroy(w.table);
	w.table = el_neigh_create(&config);
	w.longest = 94;
	for (uint16_t i = 0; i < 2; i++)
		assert_int_equal(el_neigh_need(w.table, (struct el_next_hop_idx){i},
					       (struct el_port_idx){i}, &peer, T0),
				 0);
	/* what was asked last, on the second one */
	assert_int_equal(w.port, 1);
	assert_memory_equal(w.frame + 12, qinq, 8);
	assert_memory_equal(w.frame + 20, "\x08\x06\0\1", 4);
	make_arp(plain, 2, OUR_MAC, PEER_MAC, "10.2.3.4", OUR_MAC, "10.0.0.1");
	memcpy(f, plain, 12);
	memcpy(f + 12, qinq, 8);
	memcpy(f + 20, plain + 12, FRAME_LEN - 12);
	for (size_t len = 0; len < 20 + 2 + 28; len++)
		assert_int_not_equal(exact(PORT1, f, len, T0), EL_NEIGH_LEARNT);
	assert_int_equal(exact(PORT0, f, sizeof(f), T0), EL_NEIGH_IGNORED);
	assert_int_equal(exact(PORT1, f, sizeof(f), T0), EL_NEIGH_LEARNT);
	assert_state(0, EL_NEIGH_PENDING, NO_MAC);
	assert_state(1, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(el_neigh_header(w.table, (struct el_next_hop_idx){1}, 0x0800, h), 22);
	assert_memory_equal(h, "\x02\0\0\0\0\x10\x02\0\0\0\0\x01", 12);
	assert_memory_equal(h + 12, qinq, 8);
	assert_memory_equal(h + 20, "\x08\0", 2);
	/* the same without the service tag is the first one's */
	memmove(f + 12, f + 16, sizeof(f) - 16);
	assert_int_equal(exact(PORT1, f, sizeof(f) - 4, T0), EL_NEIGH_IGNORED);
	assert_int_equal(exact(PORT0, f, sizeof(f) - 4, T0), EL_NEIGH_LEARNT);
	assert_int_equal(w.events, 0);
}

/* ---- being asked ---- */

static void test_own_addresses(void **state)
{
	static const struct {
		const char *target;
		bool answered;
	} cases[] = {
	    {"192.0.2.10", true},
	    {"192.0.2.11", false},
	    {"198.51.100.10", false /* the kernel's */},
	    {"203.0.113.8", false /* the first */},
	    {"203.0.113.9", true},
	    {"203.0.113.15", true},
	    {"203.0.113.16", false},
	    {"203.0.113.99", true},
	    {"10.0.0.1", false /* the other port's */},
	};
	uint8_t expected[FRAME_LEN];
	unsigned answered = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum el_neigh_input got = receive(1, PEER_MAC, "192.0.2.1", cases[i].target, T0);

		if (got != (cases[i].answered ? EL_NEIGH_ANSWERED : EL_NEIGH_IGNORED))
			fail_msg("%s: %d", cases[i].target, got);
		answered += cases[i].answered;
		assert_int_equal(w.sent, answered);
		if (!cases[i].answered)
			continue;
		make_arp(expected, 2, PEER_MAC, OUR_MAC, cases[i].target, PEER_MAC, "192.0.2.1");
		assert_memory_equal(w.frame, expected, FRAME_LEN);
	}
	/* a reply is no request */
	assert_int_equal(receive(2, PEER_MAC, "192.0.2.1", "192.0.2.10", T0), EL_NEIGH_IGNORED);
	/* an ARP probe (RFC 5227) is answered, and nothing is learnt from it */
	assert_int_equal(receive(1, PEER_MAC, "0.0.0.0", "192.0.2.10", T0), EL_NEIGH_ANSWERED);
	make_arp(expected, 2, PEER_MAC, OUR_MAC, "192.0.2.10", PEER_MAC, "0.0.0.0");
	assert_memory_equal(w.frame, expected, FRAME_LEN);
}

static void test_learns_from_request_for_us(void **state)
{
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	assert_int_equal(receive(1, PEER_MAC, "192.0.2.1", "192.0.2.10", T0), EL_NEIGH_ANSWERED);
	assert_int_equal(w.sent, 3); /* the first request, one to who asked, and the answer */
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
}

/* ---- what comes from the wire ---- */

static void test_truncated(void **state)
{
	uint8_t plain[FRAME_LEN], tagged[FRAME_LEN + 4];

	(void)state;
	make_arp(plain, 1, BROADCAST_MAC, PEER_MAC, "192.0.2.1", NO_MAC, "192.0.2.10");
	for (size_t len = 0; len <= FRAME_LEN; len++)
		assert_int_equal(exact(PORT0, plain, len, T0),
				 len < ARP_END ? EL_NEIGH_MALFORMED : EL_NEIGH_ANSWERED);
	make_arp(plain, 1, BROADCAST_MAC, PEER_MAC, "10.0.0.9", NO_MAC, "10.0.0.1");
	memcpy(tagged, plain, 12);
	memcpy(tagged + 12, "\x81\x00\xe0\x64", 4); /* with a priority */
	memcpy(tagged + 16, plain + 12, FRAME_LEN - 12);
	for (size_t len = 0; len <= FRAME_LEN + 4; len++)
		assert_int_equal(exact(PORT1, tagged, len, T0),
				 len < ARP_END + 4 ? EL_NEIGH_MALFORMED : EL_NEIGH_ANSWERED);
	/* on the wrong side of the VLAN */
	assert_int_equal(exact(PORT0, tagged, FRAME_LEN + 4, T0), EL_NEIGH_IGNORED);
	assert_int_equal(exact(PORT1, plain, FRAME_LEN, T0), EL_NEIGH_IGNORED);
	assert_int_equal(exact((struct el_port_idx){2}, plain, FRAME_LEN, T0), EL_NEIGH_IGNORED);
}

static void test_malformed(void **state)
{
	static const struct {
		uint8_t at, value;
		enum el_neigh_input expected;
	} cases[] = {
	    {13, 0x00, EL_NEIGH_IGNORED}, /* IPv4 */
	    {15, 6, EL_NEIGH_IGNORED},    /* another hardware */
	    {16, 0x86, EL_NEIGH_IGNORED}, /* another protocol */
	    {18, 8, EL_NEIGH_MALFORMED},  /* hardware address length */
	    {19, 16, EL_NEIGH_MALFORMED}, /* protocol address length */
	    {20, 1, EL_NEIGH_MALFORMED},  /* operation */
	    {21, 0, EL_NEIGH_MALFORMED},    {21, 3, EL_NEIGH_MALFORMED},
	    {22, 0x03, EL_NEIGH_MALFORMED}, /* a group's sender address */
	    {6, 0x03, EL_NEIGH_MALFORMED},  /* from a group */
	    {28, 224, EL_NEIGH_MALFORMED},  /* sender IP multicast, loopback */
	    {28, 255, EL_NEIGH_MALFORMED},  {28, 127, EL_NEIGH_MALFORMED},
	    {38, 239, EL_NEIGH_MALFORMED},
	};
	struct el_neigh_counters c;
	uint8_t f[FRAME_LEN];
	unsigned malformed = 0;

	(void)state;
	need("192.0.2.1", T0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_arp(f, 2, BROADCAST_MAC, PEER_MAC, "192.0.2.1", NO_MAC, "192.0.2.10");
		f[cases[i].at] = cases[i].value;
		if (exact(PORT0, f, sizeof(f), T0) != cases[i].expected)
			fail_msg("byte %u = %u", cases[i].at, cases[i].value);
		malformed += cases[i].expected == EL_NEIGH_MALFORMED;
	}
	make_arp(f, 2, BROADCAST_MAC, NO_MAC, "192.0.2.1", NO_MAC, "192.0.2.10");
	assert_int_equal(exact(PORT0, f, sizeof(f), T0), EL_NEIGH_MALFORMED);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.malformed, malformed + 1);
	assert_int_equal(w.changes, 0);
	assert_int_equal(w.sent, 1);
}

/* Random packets, random time: an answer always leads to an address that was named, no tick sends
 * more than one request a neighbour, and there is always a next time to look. */
static void test_random(void **state)
{
	uint64_t seed = unit_seed(), now = T0;
	unsigned pending_seen = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		need(text, now);
	}
	for (unsigned step = 0; step < 20000; step++) {
		uint8_t mac[6] = {2, 0, 0, 0, 1, (uint8_t)(unit_random(&seed) % 3)};
		unsigned before = w.sent;
		char text[32];

		now += unit_random(&seed) % (8000 * MS);
		w.refuse = unit_random(&seed) % 8 == 0;
		el_neigh_tick(w.table, now);
		assert_true(w.sent - before <= 8);
		assert_true(el_neigh_next_deadline(w.table) > now);
		pending_seen += el_neigh_count_pending(w.table);
		snprintf(text, sizeof(text), "192.0.2.%u",
			 100 + (unsigned)(unit_random(&seed) % 8));
		if (unit_random(&seed) % 2) {
			uint16_t i = need(text, now);
			bool learnt = reply(mac, text, now) == EL_NEIGH_LEARNT;

			assert_state(i, EL_NEIGH_READY, learnt ? mac : NULL);
		}
	}
	assert_true(pending_seen > 0);
}

/* One that another can stand in for: within 11 s it is known that it is gone, within 5 s that it is
 * there again. */
static void who_is_watched_is_asked_often(void **state)
{
	uint16_t i = need("192.0.2.1", T0);
	const struct el_next_hop_idx index = {i};
	uint64_t times[128];
	unsigned n;

	(void)state;
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0), EL_NEIGH_LEARNT);
	el_neigh_watch(w.table, index, T0);
	el_neigh_watch(w.table, index, T0 + 4 * S); /* as before */
	n = run_until(T0, T0 + 5 * S, times, 128);
	assert_int_equal(n, 1);
	assert_int_equal(times[0], 5000);
	assert_request(PEER_MAC, "192.0.2.10", "192.0.2.1");
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 5 * S), EL_NEIGH_LEARNT);
	n = run_until(T0, T0 + 15990 * MS, times, 128);
	assert_int_equal(times[0], 10000);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	run_until(T0, T0 + 16010 * MS, times, 128);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	n = run_until(T0, T0 + 60 * S, times, 128);
	assert_int_equal(n, 8);
	assert_int_equal(times[7], 56000);
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 60 * S), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_resolve),
	    TEST(test_request_source),
	    TEST(test_need_errors),
	    TEST(test_next_hop_becomes_our_own),
	    TEST(test_failure_and_late_answer),
	    TEST(test_deaf),
	    TEST(test_ask_again),
	    TEST(test_ask_again_pending),
	    TEST(test_ask_again_ready),
	    TEST(test_refresh),
	    TEST(test_refresh_unanswered),
	    TEST(test_refresh_is_spread),
	    TEST(who_is_watched_is_asked_often),
	    TEST(test_send_refused),
	    TEST(test_static),
	    TEST(test_header),
	    TEST(test_links),
	    TEST(test_own_addresses),
	    TEST(test_learns_from_request_for_us),
	    TEST(test_truncated),
	    TEST(test_malformed),
	    TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
