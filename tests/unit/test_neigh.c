/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP by scripted events. */
#include "unit.h"

#include <arpa/inet.h>

#include "neighbours.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define T0 (1000 * MS)
#define FRAME_LEN 60
#define ARP_END 42
#define MAX 8 /* entries */

static const uint8_t OUR_MAC[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t PEER_MAC[6] = {2, 0, 0, 0, 0, 0x10};
static const uint8_t OTHER_MAC[6] = {2, 0, 0, 0, 0, 0x20};
static const uint8_t BROADCAST_MAC[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t NO_MAC[6];
static const struct el_port_idx PORT0 = {0}, PORT1 = {1};

static struct el_ip ip(const char *text)
{
	struct el_ip i;

	assert_int_equal(el_ip_parse(text, &i), 0);
	return i;
}

static struct el_prefix prefix(const char *text)
{
	struct el_prefix p;

	assert_int_equal(el_prefix_parse(text, &p), 0);
	return p;
}

/* ---- a table and what it did ---- */

static struct {
	struct el_neigh_table *table;
	bool refuse;
	unsigned sent, changes;
	uint8_t frame[FRAME_LEN]; /* the last one */
	uint16_t port;
	uint16_t index;
	struct el_neigh neigh; /* as last told */
	unsigned events;
	struct el_neigh_event event; /* the last one */
} w;

static bool on_send(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	assert_ptr_equal(context, &w);
	if (w.refuse)
		return false;
	assert_int_equal(len, FRAME_LEN);
	memcpy(w.frame, frame, len);
	w.port = port.v;
	w.sent++;
	return true;
}

static void on_changed(void *context, struct el_next_hop_idx index, const struct el_neigh *neigh)
{
	assert_ptr_equal(context, &w);
	w.index = index.v;
	w.neigh = *neigh;
	w.changes++;
}

static void on_event(void *context, const struct el_neigh_event *event)
{
	assert_ptr_equal(context, &w);
	w.event = *event;
	w.events++;
}

static int setup(void **state)
{
	const struct el_neigh_address own0[] = {
	    {.prefix = prefix("192.0.2.10/24")},
	    {.prefix = prefix("198.51.100.10/24"), .kernel = true},
	    {.prefix = prefix("203.0.113.8/29"), .range = true},
	    {.prefix = prefix("203.0.113.99/32"), .range = true},
	    {.prefix = prefix("2001:db8::10/64")},
	};
	const struct el_neigh_address own1[] = {{.prefix = prefix("10.0.0.1/8")}};
	const struct el_neigh_port ports[] = {
	    {.addresses = own0, .n_addresses = 5, .mac = {2, 0, 0, 0, 0, 1}},
	    {.addresses = own1, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 2}, .vlan = 100},
	};
	const struct el_neigh_config config = {
	    .ports = ports,
	    .n_ports = 2,
	    .max_entries = MAX,
	    .callbacks = {.send = on_send, .changed = on_changed, .event = on_event, .context = &w},
	};

	(void)state;
	memset(&w, 0, sizeof(w));
	w.table = el_neigh_create(&config);
	return w.table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_neigh_destroy(w.table);
	return 0;
}

static uint16_t need(const char *text, uint64_t now_ns)
{
	struct el_ip address = ip(text);
	struct el_next_hop_idx index;

	assert_int_equal(need_any(w.table, MAX, PORT0, &address, now_ns, &index), 0);
	return index.v;
}

static void put_ip(uint8_t *p, const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	memcpy(p, &a, 4);
}

static void make_arp(uint8_t *f, uint8_t operation, const uint8_t *to, const uint8_t *sender_mac,
		     const char *sender, const uint8_t *target_mac, const char *target)
{
	static const uint8_t fixed[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0};

	memset(f, 0, FRAME_LEN);
	memcpy(f, to, 6);
	memcpy(f + 6, sender_mac, 6);
	memcpy(f + 12, fixed, sizeof(fixed));
	f[21] = operation;
	memcpy(f + 22, sender_mac, 6);
	put_ip(f + 28, sender);
	memcpy(f + 32, target_mac, 6);
	put_ip(f + 38, target);
}

static enum el_neigh_input receive(uint8_t operation, const uint8_t *sender_mac, const char *sender,
				   const char *target, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, operation, BROADCAST_MAC, sender_mac, sender, NO_MAC, target);
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

static enum el_neigh_input reply(const uint8_t *mac, const char *from, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, 2, OUR_MAC, mac, from, OUR_MAC, "192.0.2.10");
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

/* Lets time pass to `until`, ticking only when the table says so: how many requests went out, and
 * when. */
static unsigned run_until(uint64_t from_ns, uint64_t until_ns, uint64_t *times, unsigned max)
{
	unsigned n = 0;

	for (uint64_t now = el_neigh_next_deadline(w.table); now <= until_ns;
	     now = el_neigh_next_deadline(w.table)) {
		unsigned before = w.sent;

		assert_true(now >= from_ns);
		el_neigh_tick(w.table, now);
		assert_true(el_neigh_next_deadline(w.table) > now);
		if (w.sent > before && n < max)
			times[n++] = (now - from_ns) / MS;
	}
	return n;
}

static void assert_request(const uint8_t *to, const char *source, const char *target)
{
	uint8_t expected[FRAME_LEN];

	make_arp(expected, 1, to, OUR_MAC, source, NO_MAC, target);
	assert_memory_equal(w.frame, expected, FRAME_LEN);
}

static void assert_state(uint16_t index, enum el_neigh_state expected, const uint8_t *mac)
{
	struct el_neigh n;

	assert_int_equal(el_neigh_get(w.table, (struct el_next_hop_idx){index}, &n), 0);
	assert_int_equal(n.state, expected);
	if (mac)
		assert_memory_equal(n.mac, mac, 6);
}

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
	const struct el_neigh_address is_own[] = {{.prefix = prefix("192.0.2.1/24")}};
	const struct el_neigh_address before[] = {{.prefix = prefix("192.0.2.10/24")}};
	uint16_t i = need("192.0.2.1", T0);
	unsigned sent = w.sent;

	(void)state;
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, is_own, 1), 0);
	for (uint64_t at = T0; at < T0 + 4 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_int_equal(w.sent, sent);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, before, 1), 0);
	for (uint64_t at = T0 + 4 * S; at < T0 + 70 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_true(w.sent > sent);
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

/* ---- claims ---- */

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

/* ---- what comes from the wire ---- */

/* In a buffer of exactly `len` bytes, so that reading past it is seen. */
static enum el_neigh_input exact(struct el_port_idx port, const uint8_t *frame, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum el_neigh_input got;

	assert_non_null(copy);
	if (len)
		memcpy(copy, frame, len);
	got = el_neigh_input(w.table, port, len ? copy : copy + 1, len, T0);
	free(copy);
	return got;
}

static void test_truncated(void **state)
{
	uint8_t plain[FRAME_LEN], tagged[FRAME_LEN + 4];

	(void)state;
	make_arp(plain, 1, BROADCAST_MAC, PEER_MAC, "192.0.2.1", NO_MAC, "192.0.2.10");
	for (size_t len = 0; len <= FRAME_LEN; len++)
		assert_int_equal(exact(PORT0, plain, len),
				 len < ARP_END ? EL_NEIGH_MALFORMED : EL_NEIGH_ANSWERED);
	make_arp(plain, 1, BROADCAST_MAC, PEER_MAC, "10.0.0.9", NO_MAC, "10.0.0.1");
	memcpy(tagged, plain, 12);
	memcpy(tagged + 12, "\x81\x00\xe0\x64", 4); /* with a priority */
	memcpy(tagged + 16, plain + 12, FRAME_LEN - 12);
	for (size_t len = 0; len <= FRAME_LEN + 4; len++)
		assert_int_equal(exact(PORT1, tagged, len),
				 len < ARP_END + 4 ? EL_NEIGH_MALFORMED : EL_NEIGH_ANSWERED);
	/* on the wrong side of the VLAN */
	assert_int_equal(exact(PORT0, tagged, FRAME_LEN + 4), EL_NEIGH_IGNORED);
	assert_int_equal(exact(PORT1, plain, FRAME_LEN), EL_NEIGH_IGNORED);
	assert_int_equal(exact((struct el_port_idx){2}, plain, FRAME_LEN), EL_NEIGH_IGNORED);
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
		if (exact(PORT0, f, sizeof(f)) != cases[i].expected)
			fail_msg("byte %u = %u", cases[i].at, cases[i].value);
		malformed += cases[i].expected == EL_NEIGH_MALFORMED;
	}
	make_arp(f, 2, BROADCAST_MAC, NO_MAC, "192.0.2.1", NO_MAC, "192.0.2.10");
	assert_int_equal(exact(PORT0, f, sizeof(f)), EL_NEIGH_MALFORMED);
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_resolve),
	    TEST(test_request_source),
	    TEST(test_need_errors),
	    TEST(test_next_hop_becomes_our_own),
	    TEST(test_failure_and_late_answer),
	    TEST(test_ask_again),
	    TEST(test_ask_again_pending),
	    TEST(test_ask_again_ready),
	    TEST(test_refresh),
	    TEST(test_refresh_unanswered),
	    TEST(test_claim_refuted),
	    TEST(test_claim_of_nobody),
	    TEST(test_claim_verified),
	    TEST(test_claim_first),
	    TEST(test_two_answers),
	    TEST(test_claims_flood),
	    TEST(test_claims_of_unknown),
	    TEST(test_refresh_is_spread),
	    TEST(test_send_refused),
	    TEST(test_static),
	    TEST(test_header),
	    TEST(test_own_addresses),
	    TEST(test_learns_from_request_for_us),
	    TEST(test_conflict),
	    TEST(test_neighbour_with_our_mac),
	    TEST(test_truncated),
	    TEST(test_malformed),
	    TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
