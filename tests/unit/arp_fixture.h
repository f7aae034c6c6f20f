/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* ARP on the first of two ports, 192.0.2.10/24, frame by frame. */
#include "neigh_fixture.h"

#include <arpa/inet.h>

#define FRAME_LEN 60
#define ARP_END 42

static const uint8_t BROADCAST_MAC[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

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

	(void)state;
	return make_table(own0, 5, own1, FRAME_LEN);
}

static inline void put_ip(uint8_t *p, const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	memcpy(p, &a, 4);
}

static inline void make_arp(uint8_t *f, uint8_t operation, const uint8_t *to,
			    const uint8_t *sender_mac, const char *sender,
			    const uint8_t *target_mac, const char *target)
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

static inline enum el_neigh_input receive(uint8_t operation, const uint8_t *sender_mac,
					  const char *sender, const char *target, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, operation, BROADCAST_MAC, sender_mac, sender, NO_MAC, target);
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

static inline enum el_neigh_input reply(const uint8_t *mac, const char *from, uint64_t now_ns)
{
	uint8_t f[FRAME_LEN];

	make_arp(f, 2, OUR_MAC, mac, from, OUR_MAC, "192.0.2.10");
	return el_neigh_input(w.table, PORT0, f, sizeof(f), now_ns);
}

/* Lets time pass to `until`, ticking only when the table says so: how many requests went out, and
 * when. */
static inline unsigned run_until(uint64_t from_ns, uint64_t until_ns, uint64_t *times, unsigned max)
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

static inline void assert_request(const uint8_t *to, const char *source, const char *target)
{
	uint8_t expected[FRAME_LEN];

	make_arp(expected, 1, to, OUR_MAC, source, NO_MAC, target);
	assert_int_equal(w.len, FRAME_LEN);
	assert_memory_equal(w.frame, expected, FRAME_LEN);
}
