/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* A table of neighbours on two ports, and what it did. */
#include "unit.h"

#include "addresses.h"
#include "neighbours.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define T0 (1000 * MS)
#define MAX 8 /* entries */

static const uint8_t OUR_MAC[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t PEER_MAC[6] = {2, 0, 0, 0, 0, 0x10};
static const uint8_t OTHER_MAC[6] = {2, 0, 0, 0, 0, 0x20};
static const uint8_t NO_MAC[6];
static const struct el_port_idx PORT0 = {0}, PORT1 = {1};

static struct {
	struct el_neigh_table *table;
	size_t longest; /* frame that it may send */
	bool refuse;
	unsigned sent, changes;
	uint8_t frame[128]; /* the last one */
	size_t len;
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
	assert_true(len >= 60 && len <= w.longest);
	memcpy(w.frame, frame, len);
	w.len = len;
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

static inline struct el_neigh_callbacks w_callbacks(void)
{
	return (struct el_neigh_callbacks){
	    .send = on_send, .changed = on_changed, .event = on_event, .context = &w};
}

/* The second port has one address, and a VLAN. */
static inline int make_table(const struct el_neigh_address *own0, size_t n_own0,
			     const struct el_neigh_address *own1, size_t longest)
{
	const struct el_neigh_port ports[] = {
	    {.addresses = own0, .n_addresses = n_own0, .mac = {2, 0, 0, 0, 0, 1}},
	    {.addresses = own1, .n_addresses = 1, .mac = {2, 0, 0, 0, 0, 2}, .vlan = 100},
	};
	const struct el_neigh_config config = {
	    .ports = ports,
	    .n_ports = 2,
	    .max_entries = MAX,
	    .callbacks = w_callbacks(),
	};

	memset(&w, 0, sizeof(w));
	w.longest = longest;
	w.table = el_neigh_create(&config);
	return w.table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	el_neigh_destroy(w.table);
	return 0;
}

static inline uint16_t need(const char *text, uint64_t now_ns)
{
	struct el_ip address = ip(text);
	struct el_next_hop_idx index = {UINT16_MAX};

	assert_int_equal(need_any(w.table, MAX, PORT0, &address, now_ns, &index), 0);
	return index.v;
}

static inline void assert_state(uint16_t index, enum el_neigh_state expected, const uint8_t *mac)
{
	struct el_neigh n;

	assert_int_equal(el_neigh_get(w.table, (struct el_next_hop_idx){index}, &n), 0);
	assert_int_equal(n.state, expected);
	if (mac)
		assert_memory_equal(n.mac, mac, 6);
}

/* While the port's address is `without`, the next hop is not asked for; with the other it is. */
static inline void asks_only_with(const char *next_hop, const char *without, const char *with)
{
	const struct el_neigh_address none[] = {{.prefix = prefix(without)}};
	const struct el_neigh_address one[] = {{.prefix = prefix(with)}};
	uint16_t i = need(next_hop, T0);
	unsigned sent = w.sent;

	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, none, 1), 0);
	for (uint64_t at = T0; at < T0 + 4 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_int_equal(w.sent, sent);
	assert_state(i, EL_NEIGH_FAILED, NULL);
	assert_int_equal(el_neigh_set_addresses(w.table, PORT0, one, 1), 0);
	for (uint64_t at = T0 + 4 * S; at < T0 + 70 * S; at += 10 * MS)
		el_neigh_tick(w.table, at);
	assert_true(w.sent > sent);
}

/* In memory of exactly the frame's size, so that reading past it is seen. */
static inline enum el_neigh_input exact(struct el_port_idx port, const uint8_t *frame, size_t len,
					uint64_t now_ns)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum el_neigh_input got;

	assert_non_null(copy);
	if (len)
		memcpy(copy, frame, len);
	got = el_neigh_input(w.table, port, len ? copy : copy + 1, len, now_ns);
	free(copy);
	return got;
}
