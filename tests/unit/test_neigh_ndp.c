/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery by scripted events. */
#include "neigh_fixture.h"

#include "frames.h"

#define SOLICITATION 135
#define ADVERTISEMENT 136
#define SOLICITED 0x40
#define OVERRIDE 0x20
#define FRAME_LEN (14 + 40 + 24 + 8)

static int setup(void **state)
{
	const struct el_neigh_address own0[] = {
	    {.prefix = prefix("192.0.2.10/24")},
	    {.prefix = prefix("fe80::10/64")},
	    {.prefix = prefix("2001:db8::10/64")},
	    {.prefix = prefix("2001:db8:1::10/64"), .kernel = true},
	    {.prefix = prefix("2001:db8:2::100/120"), .range = true},
	};
	const struct el_neigh_address own1[] = {{.prefix = prefix("2001:db8:7::10/64")}};

	(void)state;
	return make_table(own0, 5, own1, FRAME_LEN + 4);
}

/* ---- messages, byte by byte ---- */

struct message {
	uint8_t type, flags;
	const char *source, *destination, *target;
	const uint8_t *option; /* a link-layer address; NULL: none */
	const uint8_t *to, *from;
	unsigned vlan;
};

static void finish(struct frame *f, size_t l3)
{
	uint8_t *icmp = f->bytes + l3 + 40;

	put16(icmp + 2, 0);
	put16(icmp + 2, naive_l4_checksum(f->bytes + l3 + 8, 16, 58, icmp, f->len - l3 - 40));
}

static struct frame make(const struct message *m)
{
	struct el_ip source = ip(m->source), destination = ip(m->destination),
		     target = ip(m->target);
	uint8_t body[32] = {m->type, 0, 0, 0, m->flags};
	struct frame f;
	size_t l3;

	memcpy(body + 8, target.bytes, 16);
	if (m->option) {
		body[24] = m->type == SOLICITATION ? 1 : 2;
		body[25] = 1;
		memcpy(body + 26, m->option, 6);
	}
	frame_ether(&f, 0, 0x86dd);
	if (m->vlan) {
		put16(f.bytes + 12, 0x8100);
		put16(f.bytes + 14, m->vlan);
		put16(f.bytes + 16, 0x86dd);
		f.len += 4;
	}
	memcpy(f.bytes, m->to, 6);
	memcpy(f.bytes + 6, m->from, 6);
	l3 = f.len;
	frame_ipv6(&f, 58, source.bytes, destination.bytes, body, m->option ? 32 : 24);
	f.bytes[l3 + 7] = 255;
	finish(&f, l3);
	return f;
}

static enum el_neigh_input receive(const struct message *m, uint64_t now_ns)
{
	struct frame f = make(m);

	return exact(PORT0, f.bytes, f.len, now_ns);
}

static enum el_neigh_input advertise(const char *target, const uint8_t *mac, uint8_t flags,
				     uint64_t now_ns)
{
	const struct message m = {.type = ADVERTISEMENT,
				  .flags = flags,
				  .source = target,
				  .destination = "2001:db8::10",
				  .target = target,
				  .option = mac,
				  .to = OUR_MAC,
				  .from = mac ? mac : PEER_MAC};

	return receive(&m, now_ns);
}

static enum el_neigh_input solicit(const char *source, const char *target, const uint8_t *mac)
{
	const struct message m = {.type = SOLICITATION,
				  .source = source,
				  .destination = target,
				  .target = target,
				  .option = mac,
				  .to = OUR_MAC,
				  .from = mac ? mac : PEER_MAC};

	return receive(&m, T0);
}

static void assert_sent(const struct message *m)
{
	struct frame expected = make(m);

	assert_int_equal(w.len, expected.len);
	/* their hop limit is 255, too: all is compared */
	assert_memory_equal(w.frame, expected.bytes, expected.len);
}

/* Lets time pass to `until`: how many requests went out. */
static unsigned run_until(uint64_t until_ns)
{
	unsigned before = w.sent;

	for (uint64_t now = el_neigh_next_deadline(w.table); now <= until_ns;
	     now = el_neigh_next_deadline(w.table))
		el_neigh_tick(w.table, now);
	return w.sent - before;
}

/* ---- asking ---- */

static void resolves(void **state)
{
	uint16_t i = need("2001:db8::1:2:3", T0);
	static const uint8_t group_mac[6] = {0x33, 0x33, 0xff, 2, 0, 3};
	const struct message multicast = {.type = SOLICITATION,
					  .source = "2001:db8::10",
					  .destination = "ff02::1:ff02:3",
					  .target = "2001:db8::1:2:3",
					  .option = OUR_MAC,
					  .to = group_mac,
					  .from = OUR_MAC};
	const struct message unicast = {.type = SOLICITATION,
					.source = "2001:db8::10",
					.destination = "2001:db8::1:2:3",
					.target = "2001:db8::1:2:3",
					.option = OUR_MAC,
					.to = PEER_MAC,
					.from = OUR_MAC};

	(void)state;
	assert_int_equal(w.sent, 1);
	assert_sent(&multicast);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(run_until(T0 + 500 * MS), 2);
	assert_int_equal(
	    advertise("2001:db8::1:2:3", PEER_MAC, SOLICITED | OVERRIDE, T0 + 600 * MS),
	    EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(w.changes, 1);
	/* refreshed by unicast after half a minute, then by multicast, then given up */
	assert_int_equal(run_until(T0 + 30600 * MS), 1);
	assert_sent(&unicast);
	assert_int_equal(run_until(T0 + 33600 * MS), 3);
	assert_sent(&multicast);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	run_until(T0 + 36600 * MS);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(w.changes, 2);
}

static void asks_from(const char *target, const char *source)
{
	struct el_ip s = ip(source);

	need(target, T0);
	assert_memory_equal(w.frame + 14 + 8, s.bytes, 16);
}

static void source_of_requests(void **state)
{
	struct el_ip tagged = ip("2001:db8:7::1");
	struct el_next_hop_idx index;

	(void)state;
	asks_from("2001:db8:1::7", "2001:db8:1::10");
	asks_from("fe80::1", "fe80::10");
	asks_from("2001:db8:9::1", "2001:db8::10"); /* on none of our networks */
	asks_from("2001:db8:2::100", "2001:db8::10");
	assert_int_equal(need_any(w.table, MAX, PORT1, &tagged, T0, &index), 0);
	assert_int_equal(w.port, 1);
	assert_int_equal(w.len, FRAME_LEN + 4);
	assert_memory_equal(w.frame + 12, "\x81\x00\x00\x64\x86\xdd", 6);
}

static void refuses_what_is_no_neighbour(void **state)
{
	static const char *const bad[] = {"::", "::1", "ff02::1", "2001:db8::10",
					  "2001:db8:2::1ff"};
	const struct el_neigh_address own[] = {
	    {.prefix = prefix("2001:db8::10/64")},
	    {.prefix = prefix("2001:db8:2::100/120"), .range = true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct el_ip b = ip(bad[i]);

		assert_int_equal(el_neigh_check(own, 2, &b), -EINVAL);
	}
}

/* Without an address to ask from there are no requests, which would look as if they were to find
 * out whether ours is free. */
static void asks_from_nowhere(void **state)
{
	(void)state;
	asks_only_with("2001:db8::1", "192.0.2.10/24", "2001:db8::10/64");
}

/* ---- advertisements: RFC 4861 section 7.2.5 ---- */

static void advertisements_without_address(void **state)
{
	uint16_t i = need("2001:db8::1", T0);

	(void)state;
	assert_int_equal(advertise("2001:db8::1", NULL, SOLICITED, T0), EL_NEIGH_IGNORED);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	advertise("2001:db8::1", PEER_MAC, SOLICITED, T0);
	assert_int_equal(run_until(T0 + 30000 * MS), 1);
	/* confirms what is known */
	assert_int_equal(advertise("2001:db8::1", NULL, SOLICITED, T0 + 30001 * MS),
			 EL_NEIGH_LEARNT);
	assert_int_equal(run_until(T0 + 60000 * MS), 0);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(w.changes, 1);
}

/* Nobody asked for them: who they name is asked before it is used. */
static void unsolicited_advertisements(void **state)
{
	uint16_t i = need("2001:db8::1", T0);

	(void)state;
	assert_int_equal(w.sent, 1);
	assert_int_equal(advertise("2001:db8::1", PEER_MAC, OVERRIDE, T0), EL_NEIGH_DOUBTED);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(w.sent, 2);
	assert_memory_equal(w.frame, PEER_MAC, 6);
	assert_int_equal(advertise("2001:db8::1", PEER_MAC, SOLICITED, T0), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	/* nothing new */
	assert_int_equal(advertise("2001:db8::1", PEER_MAC, OVERRIDE, T0 + MS), EL_NEIGH_LEARNT);
	assert_int_equal(w.sent, 2);
	assert_int_equal(w.changes, 1);
}

/* Another MAC address than the one that is used, whatever the flags say and whoever sends it: the
 * one that is used is asked; while it answers, it stays. */
static void claims(void **state)
{
	static const uint8_t flags[] = {0, OVERRIDE, SOLICITED, SOLICITED | OVERRIDE};
	struct el_neigh_counters c;

	for (size_t k = 0; k < 6; k++) {
		uint16_t i;

		teardown(state);
		assert_int_equal(setup(state), 0);
		i = need("2001:db8::1", T0);
		advertise("2001:db8::1", PEER_MAC, SOLICITED | OVERRIDE, T0);
		if (k < 4)
			assert_int_equal(
			    advertise("2001:db8::1", OTHER_MAC, flags[k], T0 + 100 * MS),
			    EL_NEIGH_DOUBTED);
		else
			solicit("2001:db8::1", k == 4 ? "2001:db8::10" : "2001:db8:1::10",
				OTHER_MAC);
		assert_state(i, EL_NEIGH_READY, PEER_MAC);
		if (k != 4) /* which was answered, too */
			assert_memory_equal(w.frame, PEER_MAC, 6);
		if (k % 2) {
			advertise("2001:db8::1", PEER_MAC, SOLICITED, T0 + 101 * MS);
			el_neigh_counters_read(w.table, PORT0, &c);
			assert_int_equal(c.neighbour_conflicts, 1);
			assert_int_equal(w.changes, 1);
			continue;
		}
		/* it is silent */
		run_until(T0 + 1100 * MS);
		assert_int_equal(w.frame[0], 0x33);
		assert_int_equal(advertise("2001:db8::1", OTHER_MAC, SOLICITED, T0 + 1101 * MS),
				 EL_NEIGH_LEARNT);
		assert_state(i, EL_NEIGH_READY, OTHER_MAC);
		el_neigh_counters_read(w.table, PORT0, &c);
		assert_int_equal(c.moves, 1);
	}
}

/* An answer to somebody else, or to all, is none. */
static void answers_to_others(void **state)
{
	uint16_t i = need("2001:db8::1", T0);
	struct message m = {.type = ADVERTISEMENT,
			    .flags = SOLICITED,
			    .source = "2001:db8::1",
			    .destination = "2001:db8::99",
			    .target = "2001:db8::1",
			    .option = OTHER_MAC,
			    .to = OUR_MAC,
			    .from = OTHER_MAC};

	(void)state;
	assert_int_equal(receive(&m, T0 + MS), EL_NEIGH_DOUBTED);
	m.destination = "2001:db8::10";
	m.to = PEER_MAC;
	assert_int_equal(receive(&m, T0 + 2 * MS), EL_NEIGH_DOUBTED);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	m.to = OUR_MAC;
	assert_int_equal(receive(&m, T0 + 3 * MS), EL_NEIGH_LEARNT);
	assert_state(i, EL_NEIGH_READY, OTHER_MAC);
}

static void static_entries_stay(void **state)
{
	struct el_ip address = ip("2001:db8::1");
	struct el_next_hop_idx index = {3};

	(void)state;
	assert_int_equal(el_neigh_set_static(w.table, index, PORT0, &address, PEER_MAC), 0);
	assert_int_equal(advertise("2001:db8::1", OTHER_MAC, SOLICITED | OVERRIDE, T0),
			 EL_NEIGH_IGNORED);
	assert_state(index.v, EL_NEIGH_READY, PEER_MAC);
}

static void strangers(void **state)
{
	(void)state;
	need("2001:db8::1", T0);
	assert_int_equal(advertise("2001:db8::2", PEER_MAC, SOLICITED, T0), EL_NEIGH_IGNORED);
	assert_int_equal(w.changes, 0);
}

/* ---- solicitations ---- */

static void answers_for_own_addresses(void **state)
{
	static const char *const targets[] = {"2001:db8::10", "fe80::10", "2001:db8:2::101",
					      "2001:db8:2::1ff"};
	static const char *const others[] = {"2001:db8:1::10", "2001:db8:2::100", "2001:db8::11"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct message answer = {.type = ADVERTISEMENT,
					       .flags = SOLICITED | OVERRIDE,
					       .source = targets[i],
					       .destination = "fe80::1",
					       .target = targets[i],
					       .option = OUR_MAC,
					       .to = PEER_MAC,
					       .from = OUR_MAC};

		assert_int_equal(solicit("fe80::1", targets[i], PEER_MAC), EL_NEIGH_ANSWERED);
		assert_int_equal(w.sent, i + 1);
		assert_sent(&answer);
		/* without the option the answer goes where the frame came from */
		assert_int_equal(solicit("fe80::1", targets[i], NULL), EL_NEIGH_ANSWERED);
		assert_memory_equal(w.frame, PEER_MAC, 6);
		w.sent--;
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(solicit("fe80::1", others[i], PEER_MAC), EL_NEIGH_IGNORED);
	assert_int_equal(w.sent, 4);
}

/* Somebody is about to take an address of ours. */
static void defends_own_addresses(void **state)
{
	static const uint8_t group_mac[6] = {0x33, 0x33, 0xff, 0, 0, 0x10};
	static const uint8_t all_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct message dad = {.type = SOLICITATION,
			      .source = "::",
			      .destination = "ff02::1:ff00:10",
			      .target = "2001:db8::10",
			      .to = group_mac,
			      .from = PEER_MAC};
	const struct message answer = {.type = ADVERTISEMENT,
				       .flags = OVERRIDE,
				       .source = "2001:db8::10",
				       .destination = "ff02::1",
				       .target = "2001:db8::10",
				       .option = OUR_MAC,
				       .to = all_mac,
				       .from = OUR_MAC};

	(void)state;
	assert_int_equal(receive(&dad, T0), EL_NEIGH_ANSWERED);
	assert_sent(&answer);
	dad.target = "2001:db8:1::10"; /* the kernel's business */
	assert_int_equal(receive(&dad, T0), EL_NEIGH_IGNORED);
	dad.option = PEER_MAC; /* what must not be there */
	assert_int_equal(receive(&dad, T0), EL_NEIGH_MALFORMED);
	dad.option = NULL;
	dad.destination = "ff02::1";
	assert_int_equal(receive(&dad, T0), EL_NEIGH_MALFORMED);
	assert_int_equal(w.sent, 1);
}

static void learns_from_solicitations(void **state)
{
	uint16_t i = need("fe80::1", T0);

	(void)state;
	assert_int_equal(solicit("fe80::1", "2001:db8:1::10", NULL), EL_NEIGH_IGNORED);
	assert_int_equal(w.sent, 1);
	assert_int_equal(solicit("fe80::1", "2001:db8:1::10", PEER_MAC), EL_NEIGH_DOUBTED);
	assert_state(i, EL_NEIGH_PENDING, NULL);
	assert_int_equal(w.sent, 2); /* asked back */
	assert_memory_equal(w.frame, PEER_MAC, 6);
	advertise("fe80::1", PEER_MAC, SOLICITED, T0);
	assert_state(i, EL_NEIGH_READY, PEER_MAC);
	assert_int_equal(solicit("fe80::1", "2001:db8:1::10", PEER_MAC), EL_NEIGH_LEARNT);
	assert_int_equal(w.sent, 2); /* nothing new */
	/* not for us: nobody's business */
	assert_int_equal(solicit("fe80::1", "2001:db8::77", OTHER_MAC), EL_NEIGH_IGNORED);
	assert_int_equal(w.sent, 2);
}

static void conflicts(void **state)
{
	struct el_neigh_counters c;

	(void)state;
	assert_int_equal(advertise("2001:db8::10", PEER_MAC, OVERRIDE, T0), EL_NEIGH_CONFLICT);
	assert_int_equal(solicit("2001:db8::10", "fe80::10", PEER_MAC), EL_NEIGH_CONFLICT);
	/* our own, come back */
	assert_int_equal(advertise("2001:db8::10", OUR_MAC, OVERRIDE, T0), EL_NEIGH_IGNORED);
	assert_int_equal(solicit("2001:db8::10", "fe80::10", OUR_MAC), EL_NEIGH_IGNORED);
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.own_conflicts, 2);
	assert_int_equal(w.sent, 0);
}

/* ---- what comes from the wire ---- */

static void truncated(void **state)
{
	const struct message m = {.type = SOLICITATION,
				  .source = "2001:db8:7::1",
				  .destination = "2001:db8:7::10",
				  .target = "2001:db8:7::10",
				  .option = PEER_MAC,
				  .to = OUR_MAC,
				  .from = PEER_MAC,
				  .vlan = 100};
	struct frame f = make(&m);

	(void)state;
	for (size_t len = 18; len <= f.len; len++)
		assert_int_equal(exact(PORT1, f.bytes, len, T0), len == f.len ? EL_NEIGH_ANSWERED
								 : len <= 18 + 40
								     ? EL_NEIGH_IGNORED
								     : EL_NEIGH_MALFORMED);
	/* padding is no option */
	f.len += 10;
	assert_int_equal(exact(PORT1, f.bytes, f.len, T0), EL_NEIGH_ANSWERED);
	assert_int_equal(exact(PORT0, f.bytes, f.len, T0), EL_NEIGH_IGNORED);
	assert_int_equal(exact((struct el_port_idx){2}, f.bytes, f.len, T0), EL_NEIGH_IGNORED);
}

static void malformed(void **state)
{
	static const struct {
		uint8_t type, at, value;
		enum el_neigh_input expected;
	} cases[] = {
	    {SOLICITATION, 14, 0x40, EL_NEIGH_IGNORED},       /* version */
	    {SOLICITATION, 14 + 6, 0, EL_NEIGH_IGNORED},      /* an extension header */
	    {SOLICITATION, 14 + 7, 254, EL_NEIGH_MALFORMED},  /* routed */
	    {SOLICITATION, 14 + 8, 0xff, EL_NEIGH_MALFORMED}, /* from a group */
	    {SOLICITATION, 54, 133, EL_NEIGH_IGNORED},        /* a router solicitation */
	    {SOLICITATION, 55, 1, EL_NEIGH_MALFORMED},        /* code */
	    {SOLICITATION, 62, 0xff, EL_NEIGH_MALFORMED},     /* a group is asked for */
	    {SOLICITATION, 79, 0, EL_NEIGH_MALFORMED},        /* an option without length */
	    {SOLICITATION, 79, 2, EL_NEIGH_MALFORMED},        /* one that is too long */
	    {SOLICITATION, 80, 3, EL_NEIGH_MALFORMED},        /* a group's MAC address */
	    {SOLICITATION, 6, 3, EL_NEIGH_MALFORMED},
	    {SOLICITATION, 78, 14, EL_NEIGH_ANSWERED},          /* an option that we don't know */
	    {ADVERTISEMENT, 14 + 24, 0xff, EL_NEIGH_MALFORMED}, /* solicited, to a group */
	    {ADVERTISEMENT, 14 + 7, 64, EL_NEIGH_MALFORMED},
	};
	struct el_neigh_counters c;
	unsigned n = 0;

	(void)state;
	need("2001:db8::1", T0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ns = cases[i].type == SOLICITATION;
		const struct message m = {.type = cases[i].type,
					  .flags = ns ? 0 : SOLICITED,
					  .source = "2001:db8::1",
					  .destination = "2001:db8::10",
					  .target = ns ? "2001:db8::10" : "2001:db8::1",
					  .option = PEER_MAC,
					  .to = OUR_MAC,
					  .from = PEER_MAC};
		struct frame f = make(&m);

		f.bytes[cases[i].at] = cases[i].value;
		finish(&f, 14);
		if (exact(PORT0, f.bytes, f.len, T0) != cases[i].expected)
			fail_msg("case %zu", i);
		n += cases[i].expected == EL_NEIGH_MALFORMED;
		/* each bit counts in the checksum */
		f = make(&m);
		f.bytes[14 + 40 + 2 + i * 2] ^= 4;
		assert_int_equal(exact(PORT0, f.bytes, f.len, T0), EL_NEIGH_MALFORMED);
		n++;
	}
	el_neigh_counters_read(w.table, PORT0, &c);
	assert_int_equal(c.malformed, n);
	assert_int_equal(advertise("2001:db8::1", NO_MAC, SOLICITED, T0), EL_NEIGH_MALFORMED);
}

/* Who uses an address of ours that was checked is told, as all nodes are, whose it is. */
static void defended(void **state)
{
	const struct el_neigh_address own = {.prefix = prefix("2001:db8::10/64"), .check = true};
	const struct message m = {.type = ADVERTISEMENT,
				  .flags = OVERRIDE,
				  .source = "2001:db8::10",
				  .destination = "ff02::1",
				  .target = "2001:db8::10",
				  .option = OUR_MAC,
				  .to = (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1},
				  .from = OUR_MAC};

	(void)state;
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, &own, 1), 0);
	el_neigh_tick(w.table, T0);
	run_until(T0 + 5 * S);
	assert_int_equal(advertise("2001:db8::10", PEER_MAC, OVERRIDE, T0 + 6 * S),
			 EL_NEIGH_CONFLICT);
	assert_sent(&m);
	assert_int_equal(solicit("2001:db8::1", "2001:db8::10", OTHER_MAC), EL_NEIGH_ANSWERED);
	assert_int_equal(run_until(T0 + 6 * S + 300 * MS), 1);
	assert_int_equal(advertise("2001:db8::10", PEER_MAC, OVERRIDE, T0 + 7 * S),
			 EL_NEIGH_CONFLICT);
	assert_int_equal(solicit("2001:db8::1", "2001:db8::10", OTHER_MAC), EL_NEIGH_IGNORED);
}

/* Who has lost the only address to another host asks for nobody: a solicitation from nobody says
 * that its sender is about to take the address it asks for. */
static void nobody_asks_for_neighbours(void **state)
{
	const struct el_neigh_address own = {.prefix = prefix("2001:db8::20/64"), .check = true};
	const struct el_ip there = ip("2001:db8::7");
	uint16_t i;

	(void)state;
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, &own, 1), 0);
	assert_int_equal(advertise("2001:db8::20", PEER_MAC, OVERRIDE, T0), EL_NEIGH_CONFLICT);
	i = need("2001:db8::7", T0);
	for (uint64_t at = T0; at < T0 + 50 * S; at += 10 * MS) {
		el_neigh_tick(w.table, at);
		assert_false(w.len && memcmp(w.frame + 14 + 40 + 8, there.bytes, 16) == 0);
	}
	/* nor is it said to be unreachable whom nobody asked */
	assert_state(i, EL_NEIGH_PENDING, NULL);
	/* it is asked for once more whether it is another's, and it is not */
	for (uint64_t at = T0 + 50 * S; at < T0 + 70 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_memory_equal(w.frame + 14 + 8, own.prefix.ip.bytes, 16);
	assert_memory_equal(w.frame + 14 + 40 + 8, there.bytes, 16);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(resolves),
	    TEST(source_of_requests),
	    TEST(refuses_what_is_no_neighbour),
	    TEST(asks_from_nowhere),
	    TEST(advertisements_without_address),
	    TEST(unsolicited_advertisements),
	    TEST(claims),
	    TEST(answers_to_others),
	    TEST(static_entries_stay),
	    TEST(strangers),
	    TEST(answers_for_own_addresses),
	    TEST(defends_own_addresses),
	    TEST(learns_from_solicitations),
	    TEST(defended),
	    TEST(conflicts),
	    TEST(truncated),
	    TEST(malformed),
	    TEST(nobody_asks_for_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
