/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims in ARP: frames by which a neighbour has another MAC address, or somebody has ours. */
#include "arp_fixture.h"

/* A frame that names another MAC address for 192.0.2.1, by the ways there are. */
struct claim {
	const char *what;
	uint8_t operation;
	const uint8_t *to, *from; /* Ethernet */
	const uint8_t *sender_mac;
	const uint8_t *target_mac;
	const char *target;
};

static const struct claim claims[] = {
    {"a request for somebody else", 1, BROADCAST_MAC, OTHER_MAC, OTHER_MAC, NO_MAC, "192.0.2.77"},
    {"a request for us", 1, BROADCAST_MAC, OTHER_MAC, OTHER_MAC, NO_MAC, "192.0.2.10"},
    {"a gratuitous request", 1, BROADCAST_MAC, OTHER_MAC, OTHER_MAC, NO_MAC, "192.0.2.1"},
    {"a gratuitous reply", 2, BROADCAST_MAC, OTHER_MAC, OTHER_MAC, OTHER_MAC, "192.0.2.1"},
    {"a reply to somebody else", 2, PEER_MAC, OTHER_MAC, OTHER_MAC, PEER_MAC, "192.0.2.77"},
    {"a reply to us", 2, OUR_MAC, OTHER_MAC, OTHER_MAC, OUR_MAC, "192.0.2.10"},
    {"a reply to us from elsewhere", 2, OUR_MAC, PEER_MAC, OTHER_MAC, OUR_MAC, "192.0.2.10"},
    {"a reply with our MAC address", 2, OUR_MAC, OUR_MAC, OUR_MAC, OUR_MAC, "192.0.2.10"},
};
#define N_CLAIMS (sizeof(claims) / sizeof(claims[0]))

static enum el_neigh_input claim(const struct claim *c, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, c->operation, c->to, c->sender_mac, "192.0.2.1", c->target_mac, c->target);
	memcpy(f + 6, c->from, 6);
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

/* A table anew, with 192.0.2.1 known at PEER_MAC. */
static uint16_t known_peer(void **state)
{
	uint16_t i;

	teardown(state);
	assert_int_equal(setup(state), 0);
	i = need("192.0.2.1", T0);
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0), EL_NEIGH_LEARNT);
	w.sent = w.changes = 0;
	return i;
}

/* Whoever is used and answers stays, whatever a frame says; that is counted and told. */
static void test_claim_refuted(void **state)
{
	struct el_neigh_counters c;

	for (size_t k = 0; k < N_CLAIMS; k++) {
		uint16_t i = known_peer(state);
		bool answered = claim(&claims[k], T0 + 100 * MS) == EL_NEIGH_ANSWERED;

		if (answered != (k == 1) || w.sent != 1U + answered)
			fail_msg("%s: %u sent", claims[k].what, w.sent);
		if (!answered)
			assert_request(PEER_MAC, "192.0.2.10", "192.0.2.1");
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		assert_int_equal(w.events, 0);
		assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 101 * MS), EL_NEIGH_LEARNT);
		el_neigh_counters_read(w.table, PORT0, &c);
		assert_int_equal(c.neighbour_conflicts, 1);
		assert_int_equal(c.moves, 0);
		assert_int_equal(w.events, 1);
		assert_int_equal(w.event.kind, EL_NEIGH_NEIGHBOUR_CONFLICT);
		assert_memory_equal(w.event.mac, PEER_MAC, 6);
		assert_memory_equal(w.event.other, claims[k].sender_mac, 6);
		assert_int_equal(w.changes, 0);
	}
}

/* Nobody is at the address that a frame names: it is never used, and what is used is asked anew. */
static void test_claim_of_nobody(void **state)
{
	for (size_t k = 0; k < N_CLAIMS; k++) {
		uint16_t i = known_peer(state);

		claim(&claims[k], T0 + 100 * MS);
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		/* the first two requests are lost */
		run_until(T0, T0 + 599 * MS, NULL, 0);
		for (unsigned ms = 600; ms < 60000; ms++) {
			unsigned before = w.sent;

			el_neigh_tick(w.table, T0 + ms * MS);
			if (w.sent > before)
				reply(PEER_MAC, "192.0.2.1", T0 + ms * MS);
		}
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		assert_int_equal(w.changes, 0);
		assert_int_equal(w.sent, k == 1 ? 6 : 5);
	}
}

/* A gateway that was replaced: the old one is silent, the new one is taken once it has answered
 * itself, a second after it was first heard of. */
static void test_claim_verified(void **state)
{
	struct el_neigh_counters c;

	for (size_t k = 0; k < N_CLAIMS; k++) {
		uint16_t i = known_peer(state);
		uint64_t times[16];
		unsigned n;

		claim(&claims[k], T0 + 100 * MS);
		n = run_until(T0, T0 + 1100 * MS, times, 16);
		assert_int_equal(n, 3); /* and one at the claim */
		assert_int_equal(times[0], 300);
		assert_int_equal(times[1], 600);
		assert_int_equal(times[2], 1100);
		assert_request(BROADCAST_MAC, "192.0.2.10", "192.0.2.1");
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		assert_int_equal(reply(OTHER_MAC, "192.0.2.1", T0 + 1101 * MS), EL_NEIGH_LEARNT);
		assert_state(i, EL_NEIGH_READY, OTHER_MAC);
		assert_int_equal(w.changes, 1);
		assert_int_equal(w.events, 1);
		assert_int_equal(w.event.kind, EL_NEIGH_MOVED);
		assert_memory_equal(w.event.mac, PEER_MAC, 6);
		assert_memory_equal(w.event.other, OTHER_MAC, 6);
		el_neigh_counters_read(w.table, PORT0, &c);
		assert_int_equal(c.moves, 1);
		assert_int_equal(c.neighbour_conflicts, 0);
	}
}

/* Before anybody has answered, only answers count; others have the one they name asked. */
static void test_claim_first(void **state)
{
	for (size_t k = 0; k < N_CLAIMS; k++) {
		bool is_answer = k == 5 || k == 7;
		uint16_t i;

		teardown(state);
		assert_int_equal(setup(state), 0);
		i = need("192.0.2.1", T0);
		claim(&claims[k], T0 + MS);
		if (is_answer) {
			assert_state(i, EL_NEIGH_READY, claims[k].sender_mac);
			continue;
		}
		assert_state(i, EL_NEIGH_PENDING, NULL);
		assert_int_equal(w.sent, k == 1 ? 3 : 2);
		if (k != 1)
			assert_request(OTHER_MAC, "192.0.2.10", "192.0.2.1");
		/* asked itself, it may answer from elsewhere */
		assert_int_equal(claim(&claims[6], T0 + 2 * MS), EL_NEIGH_LEARNT);
		assert_state(i, EL_NEIGH_READY, OTHER_MAC);
	}
}

/* Two answer the first request: the first stays. */
static void test_two_answers(void **state)
{
	uint16_t i = need("192.0.2.1", T0);
	struct el_neigh_counters c;

	(void)state;
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + MS), EL_NEIGH_LEARNT);
	assert_int_equal(reply(OTHER_MAC, "192.0.2.1", T0 + 2 * MS), EL_NEIGH_DOUBTED);
	assert_int_equal(reply(PEER_MAC, "192.0.2.1", T0 + 3 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.neighbour_conflicts, 1);
	assert_int_equal(w.changes, 1);
}

/* A flood of claims costs a request a second, and a real change is still followed. */
static void test_claims_flood(void **state)
{
	uint16_t i = known_peer(state);
	struct el_neigh_counters c;

	for (unsigned k = 0; k < 10000; k++) {
		uint64_t now = T0 + k * MS;
		unsigned before = w.sent;

		el_neigh_tick(w.table, now);
		claim(&claims[0], now);
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		if (w.sent > before)
			assert_int_equal(reply(PEER_MAC, "192.0.2.1", now), EL_NEIGH_LEARNT);
	}
	assert_int_equal(w.sent, 10);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.neighbour_conflicts, 10);
	run_until(T0, T0 + 12100 * MS, NULL, 0);
	assert_int_equal(reply(OTHER_MAC, "192.0.2.1", T0 + 12100 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, OTHER_MAC);
}

/* Claims of a neighbour that is not known have at most ten requests a second sent. */
static void test_claims_of_unknown(void **state)
{
	need("192.0.2.1", T0);
	(void)state;
	for (unsigned k = 0; k < 150; k++)
		claim(&claims[0], T0 + k * MS);
	assert_int_equal(w.sent, 1 + 2);
}

static void test_conflict(void **state)
{
	struct el_neigh_counters c;

	(void)state;
	assert_int_equal(receive(1, OUR_MAC, "192.0.2.10", "192.0.2.1", T0),
			 EL_NEIGH_IGNORED); /* our own */
	assert_int_equal(receive(1, PEER_MAC, "192.0.2.10", "192.0.2.10", T0), EL_NEIGH_CONFLICT);
	assert_int_equal(receive(2, PEER_MAC, "203.0.113.9", "192.0.2.1", T0), EL_NEIGH_CONFLICT);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.own_conflicts, 2);
	assert_int_equal(w.events, 2);
	assert_int_equal(w.event.kind, EL_NEIGH_OWN_CONFLICT);
	assert_memory_equal(w.event.other, PEER_MAC, 6);
	assert_int_equal(w.sent, 0);
}

/* A tap's other end has the port's MAC address: that is no reason to turn it down. */
static void test_neighbour_with_our_mac(void **state)
{
	uint16_t i = need("192.0.2.1", T0);

	(void)state;
	assert_int_equal(reply(OUR_MAC, "192.0.2.1", T0), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, OUR_MAC);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_claim_refuted),
	    TEST(test_claim_of_nobody),
	    TEST(test_claim_verified),
	    TEST(test_claim_first),
	    TEST(test_two_answers),
	    TEST(test_claims_flood),
	    TEST(test_claims_of_unknown),
	    TEST(test_conflict),
	    TEST(test_neighbour_with_our_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
