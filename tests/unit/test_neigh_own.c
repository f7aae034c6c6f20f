/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of our own are asked for before they are used. */
#include "arp_fixture.h"

#define OWN "192.0.2.20"
#define OWN6 "2001:db8::20"

static struct {
	unsigned ours, refused;
	uint8_t other[6];
	char ip[EL_IP_STRLEN];
} told;

static void on_own(void *context, struct el_port_idx port, const struct el_ip *address,
		   bool is_ours, const uint8_t other[6])
{
	assert_ptr_equal(context, &w);
	assert_int_equal(port.v, 0);
	told.ours += is_ours;
	told.refused += !is_ours;
	memcpy(told.other, other, 6);
	el_ip_format(address, told.ip);
}

static int setup_own(void **state)
{
	const struct el_neigh_address own[] = {{.prefix = prefix(OWN "/24"), .check = true}};
	const struct el_neigh_port ports[] = {
	    {.addresses = own, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 1}},
	    {.mac = {2, 0, 0, 0, 0, 2}}, /* on the same network */
	};
	const struct el_neigh_config config = {.ports = ports,
					       .n_ports = 2,
					       .max_entries = MAX,
					       .callbacks = {.send = on_send,
							     .changed = on_changed,
							     .own = on_own,
							     .event = on_event,
							     .context = &w}};

	(void)state;
	memset(&w, 0, sizeof(w));
	memset(&told, 0, sizeof(told));
	w.longest = 90;
	w.table = el_neigh_create(&config);
	return w.table ? 0 : -1;
}

static void own_is(const char *text)
{
	const struct el_neigh_address own = {.prefix = prefix(text), .check = true};

	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, &own, 1), 0);
}

/* Three ARP probes, a verdict after a second, and two announcements. */
static void nobody_has_it(void **state)
{
	uint64_t times[8];

	(void)state;
	assert_int_equal(el_neigh_count_pending(w.table), 1);
	el_neigh_tick(w.table, T0);
	assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
	assert_int_equal(run_until(T0, T0 + 999 * MS, times, 8), 2);
	assert_int_equal(times[0], 300);
	assert_int_equal(times[1], 600);
	assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
	assert_int_equal(told.ours, 0);
	assert_int_equal(run_until(T0, T0 + 100 * S, times, 8), 2);
	assert_int_equal(times[0], 1000);
	assert_int_equal(times[1], 3000);
	assert_request(BROADCAST_MAC, OWN, OWN);
	assert_int_equal(told.ours, 1);
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	assert_int_equal(el_neigh_next_deadline(w.table), UINT64_MAX);
}

/* Nobody answers whom nobody could hear: it is asked again, and not taken. */
static void deaf(void **state)
{
	uint64_t times[32];

	(void)state;
	el_neigh_set_deaf(w.table, true);
	el_neigh_tick(w.table, T0);
	assert_in_range(run_until(T0, T0 + 5500 * MS, times, 32), 15, 18);
	assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
	assert_int_equal(told.ours, 0);
	assert_int_equal(el_neigh_count_pending(w.table), 1);
	el_neigh_set_deaf(w.table, false);
	run_until(T0 + 5500 * MS, T0 + 6500 * MS, times, 32);
	assert_int_equal(told.ours, 1);
}

/* Until then no next hop is asked for from it, and nobody who asks is told. */
static void it_is_not_used_before(void **state)
{
	uint16_t i = need("192.0.2.7", T0);
	unsigned sent;

	(void)state;
	assert_int_equal(w.sent, 0);
	el_neigh_tick(w.table, T0);
	for (uint64_t at = T0; at < T0 + S; at += 10 * MS) {
		sent = w.sent;
		assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, at), EL_NEIGH_IGNORED);
		assert_int_equal(w.sent, sent);
		el_neigh_tick(w.table, at);
		if (w.sent != sent)
			assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
		assert_state(i, EL_NEIGH_PENDING, NULL);
	}
	assert_int_equal(w.sent, 3);
	el_neigh_tick(w.table, T0 + S); /* the announcement, then the request */
	el_neigh_tick(w.table, T0 + S + 10 * MS);
	assert_request(BROADCAST_MAC, OWN, "192.0.2.7");
	assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + 2 * S), EL_NEIGH_ANSWERED);
}

enum how { REPLIES, USES_IT, ASKS_FOR_IT_TOO, HOWS };

/* Somebody has it; what is heard of that before the verdict. */
static enum el_neigh_input heard(enum how how, const uint8_t *mac, uint64_t now_ns)
{
	switch (how) {
	case REPLIES:
		return receive(2, mac, OWN, "0.0.0.0", now_ns);
	case USES_IT:
		return receive(1, mac, OWN, "192.0.2.1", now_ns);
	case ASKS_FOR_IT_TOO:
		return receive(1, mac, "0.0.0.0", OWN, now_ns);
	case HOWS:
		break;
	}
	return EL_NEIGH_IGNORED;
}

static void somebody_has_it(void **state)
{
	for (enum how how = 0; how < HOWS; how++) {
		uint64_t times[8];

		teardown(state);
		setup_own(state);
		el_neigh_tick(w.table, T0);
		/* what we send may come back, and what another port of ours sends comes in */
		assert_int_equal(heard(how, OUR_MAC, T0 + 1 * MS), EL_NEIGH_IGNORED);
		assert_int_equal(heard(how, (const uint8_t[]){2, 0, 0, 0, 0, 2}, T0 + 1 * MS),
				 EL_NEIGH_IGNORED);
		assert_int_equal(told.refused, 0);
		assert_int_equal(heard(how, PEER_MAC, T0 + 900 * MS), EL_NEIGH_CONFLICT);
		assert_int_equal(told.refused, 1);
		assert_memory_equal(told.other, PEER_MAC, 6);
		assert_string_equal(told.ip, OWN);
		assert_int_equal(el_neigh_count_pending(w.table), 0);
		/* it is another's now, and nothing is said again */
		heard(how, PEER_MAC, T0 + S);
		assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + S), EL_NEIGH_IGNORED);
		assert_int_equal(told.refused + told.ours, 1);
		/* asked for again after a minute, and refused again without a word */
		assert_int_equal(run_until(T0, T0 + 61 * S, times, 8), 1);
		assert_in_range(times[0], 60900, 60900);
		assert_int_equal(heard(how, PEER_MAC, T0 + 61 * S), EL_NEIGH_CONFLICT);
		assert_int_equal(told.refused + told.ours, 1);
		/* until nobody has it */
		assert_int_equal(run_until(T0, T0 + 130 * S, times, 8), 5);
		assert_int_equal(told.ours, 1);
		assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + 130 * S),
				 EL_NEIGH_ANSWERED);
	}
}

/* What a host that has it answers to who asks without an address. */
static enum el_neigh_input reply_to_us(const uint8_t *mac, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, 2, OUR_MAC, mac, OWN, OUR_MAC, "0.0.0.0");
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

static void use_it(uint64_t from_ns)
{
	el_neigh_tick(w.table, from_ns);
	run_until(from_ns, from_ns + 5 * S, NULL, 0);
	assert_int_equal(told.ours, 1);
}

/* Once it is used and somebody uses it too, all are told whose it is, and then it is asked whether
 * that one still has it. */
static void it_is_defended(void **state)
{
	for (enum how how = 0; how < ASKS_FOR_IT_TOO; how++) {
		uint64_t times[8];

		teardown(state);
		setup_own(state);
		use_it(T0);
		assert_int_equal(heard(how, PEER_MAC, T0 + 6 * S), EL_NEIGH_CONFLICT);
		assert_request(BROADCAST_MAC, OWN, OWN);
		/* it was gone then: nothing was lost meanwhile */
		assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + 6 * S),
				 EL_NEIGH_ANSWERED);
		assert_int_equal(run_until(T0 + 6 * S, T0 + 100 * S, times, 8), 3);
		assert_int_equal(times[0], 300);
		assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
		assert_int_equal(el_neigh_count_pending(w.table), 0);
		assert_int_equal(told.ours + told.refused, 1);
		/* it is there */
		assert_int_equal(heard(how, PEER_MAC, T0 + 100 * S), EL_NEIGH_CONFLICT);
		el_neigh_tick(w.table, T0 + 100 * S + 300 * MS);
		assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
		assert_int_equal(reply_to_us(PEER_MAC, T0 + 100 * S + 301 * MS), EL_NEIGH_CONFLICT);
		assert_int_equal(told.refused, 1);
		assert_memory_equal(told.other, PEER_MAC, 6);
		assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + 101 * S),
				 EL_NEIGH_IGNORED);
		/* until it is not */
		run_until(T0, T0 + 165 * S, NULL, 0);
		assert_int_equal(told.ours, 2);
	}
}

/* A flood of what answers nothing takes no address away, and has little sent. */
static void a_flood_takes_nothing(void **state)
{
	unsigned sent;

	(void)state;
	use_it(T0);
	sent = w.sent;
	for (uint64_t at = T0 + 6 * S; at < T0 + 26 * S; at += 5 * MS) {
		assert_int_equal(heard(USES_IT, PEER_MAC, at), EL_NEIGH_CONFLICT);
		el_neigh_tick(w.table, at);
	}
	assert_int_equal(told.refused, 0);
	assert_int_equal(w.sent, sent + 2 * (1 + 3));
}

/* Who has no address asks for neighbours without saying one, which hosts that probe for their own
 * addresses take for another that wants it: not where one was lost to another host. */
static void nobody_asks_for_neighbours(void **state)
{
	const struct el_neigh_address range[] = {
	    {.prefix = prefix(OWN "/24"), .check = true},
	    {.prefix = prefix("203.0.113.8/29"), .range = true},
	};
	unsigned sent;
	uint16_t i;

	(void)state;
	el_neigh_tick(w.table, T0);
	assert_int_equal(heard(REPLIES, PEER_MAC, T0), EL_NEIGH_CONFLICT);
	sent = w.sent;
	i = need("192.0.2.7", T0);
	run_until(T0, T0 + 50 * S, NULL, 0);
	assert_int_equal(w.sent, sent);
	/* nor is it said to be unreachable whom nobody asked */
	assert_state(i, EL_NEIGH_PENDING, NULL);
	/* but for those of a range that others route to us there is no other way */
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, range, 2), 0);
	need("192.0.2.8", T0 + 50 * S);
	assert_int_equal(w.sent, sent + 1);
	assert_request(BROADCAST_MAC, "0.0.0.0", "192.0.2.8");
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, NULL, 0), 0);
	need("192.0.2.9", T0 + 50 * S);
	assert_request(BROADCAST_MAC, "0.0.0.0", "192.0.2.9");
}

/* One that is not to be checked is whose it is by other means: nothing is done about it. */
static void unchecked_is_kept(void **state)
{
	const struct el_neigh_address own = {.prefix = prefix("192.0.2.30/24")};

	(void)state;
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, &own, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(receive(2, PEER_MAC, "192.0.2.30", "192.0.2.1", T0 + i),
				 EL_NEIGH_CONFLICT);
	assert_int_equal(w.sent + told.refused, 0);
	assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", "192.0.2.30", T0), EL_NEIGH_ANSWERED);
}

/* After the link was down others may have it: it is asked for again before it is used on. */
static void asked_for_after_the_link_was_down(void **state)
{
	uint64_t times[8];

	(void)state;
	assert_true(el_neigh_is_checking(w.table, PORT0));
	use_it(T0);
	assert_false(el_neigh_is_checking(w.table, PORT0));
	el_neigh_ask_again(w.table, PORT1, T0 + 50 * S);
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	el_neigh_ask_again(w.table, PORT0, T0 + 50 * S);
	assert_true(el_neigh_is_checking(w.table, PORT0));
	assert_false(el_neigh_is_checking(w.table, PORT1));
	assert_int_equal(run_until(T0 + 50 * S, T0 + 100 * S, times, 8), 5);
	assert_int_equal(times[2], 600);
	assert_int_equal(times[3], 1000);
	assert_int_equal(told.ours, 2);
	assert_false(el_neigh_is_checking(w.table, PORT0));
	el_neigh_ask_again(w.table, PORT0, T0 + 100 * S);
	el_neigh_tick(w.table, T0 + 100 * S);
	assert_request(BROADCAST_MAC, "0.0.0.0", OWN);
	assert_int_equal(heard(REPLIES, PEER_MAC, T0 + 100 * S), EL_NEIGH_CONFLICT);
	assert_int_equal(told.refused, 1);
	assert_false(el_neigh_is_checking(w.table, PORT0));
	/* and is not asked for earlier because of the link */
	el_neigh_ask_again(w.table, PORT0, T0 + 101 * S);
	assert_false(el_neigh_is_checking(w.table, PORT0));
}

/* What is known of an address stays as it is while others come and go. */
static void others_do_not_matter(void **state)
{
	const struct el_neigh_address two[] = {
	    {.prefix = prefix("192.0.2.30/24"), .check = true},
	    {.prefix = prefix(OWN "/24"), .check = true},
	};

	(void)state;
	el_neigh_tick(w.table, T0);
	run_until(T0, T0 + 5 * S, NULL, 0);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, two, 2), 0);
	assert_int_equal(el_neigh_count_pending(w.table), 1);
	el_neigh_tick(w.table, T0 + 6 * S);
	assert_request(BROADCAST_MAC, "0.0.0.0", "192.0.2.30");
	assert_int_equal(receive(1, PEER_MAC, "192.0.2.8", OWN, T0 + 6 * S), EL_NEIGH_ANSWERED);
	own_is(OWN "/24");
	assert_int_equal(el_neigh_count_pending(w.table), 0);
	run_until(T0, T0 + 20 * S, NULL, 0);
	assert_int_equal(told.ours, 1);
}

/* A frame that can't be sent is none. */
static void what_is_not_sent_does_not_count(void **state)
{
	uint64_t times[8];

	(void)state;
	w.refuse = true;
	for (uint64_t at = T0; at < T0 + 5 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_int_equal(told.ours, 0);
	w.refuse = false;
	assert_int_equal(run_until(T0 + 5 * S - 10 * MS, T0 + 6 * S - 20 * MS, times, 8), 3);
	assert_int_equal(told.ours, 0);
}

/* One solicitation, from nobody, without an option that says who that is. */
static void ipv6(void **state)
{
	const uint8_t *f = w.frame;
	uint64_t times[8];
	struct el_ip own = ip(OWN6);

	(void)state;
	own_is(OWN6 "/64");
	el_neigh_tick(w.table, T0);
	assert_int_equal(w.len, 14 + 40 + 24);
	assert_memory_equal(f, ((uint8_t[]){0x33, 0x33, 0xff, 0, 0, 0x20}), 6);
	assert_memory_equal(f + 14 + 8, ((uint8_t[16]){0}), 16);
	assert_int_equal(f[14 + 40], 135);
	assert_memory_equal(f + 14 + 40 + 8, own.bytes, 16);
	assert_int_equal(run_until(T0, T0 + 100 * S, times, 8), 0);
	assert_int_equal(told.ours, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_own, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nobody_has_it),
	    TEST(deaf),
	    TEST(it_is_not_used_before),
	    TEST(somebody_has_it),
	    TEST(it_is_defended),
	    TEST(a_flood_takes_nothing),
	    TEST(nobody_asks_for_neighbours),
	    TEST(unchecked_is_kept),
	    TEST(asked_for_after_the_link_was_down),
	    TEST(others_do_not_matter),
	    TEST(what_is_not_sent_does_not_count),
	    TEST(ipv6),
	};

	(void)setup;
	return cmocka_run_group_tests_name("neigh_own", tests, NULL, NULL);
}
