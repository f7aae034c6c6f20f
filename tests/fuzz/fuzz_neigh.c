/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame to a table of neighbours that waits for one of each family: ARP, neighbour discovery and
 * whatever else. */
#include <string.h>

#include "el_neigh.h"
#include "el_ra.h"
#include "fuzz.h"

static bool on_send(void *context, struct el_port_idx port, const uint8_t *frame, size_t len)
{
	(void)frame;
	FUZZ_ASSERT(port.v == 0 && len >= 60 && len <= 90);
	++*(unsigned *)context;
	return true;
}

static void on_changed(void *context, struct el_next_hop_idx index, const struct el_neigh *entry)
{
	(void)context;
	FUZZ_ASSERT(index.v < 2);
	FUZZ_ASSERT(entry->state != EL_NEIGH_READY || !(entry->mac[0] & 1));
}

/* Whatever a router advertises, it is bounded, and all of it ends. */
static void hear_router(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct el_prefix addresses[EL_RA_PREFIXES_MAX];
	uint64_t now_ns = 2, next_ns;
	struct el_ra ra;

	el_ra_init(&ra, mac, 0, 1);
	ra.solicitations = 0;
	for (int i = 0; i < 3; i++)
		el_ra_input(&ra, data, size, now_ns);
	FUZZ_ASSERT(ra.n_routers <= 1 && ra.n_prefixes <= EL_RA_PREFIXES_MAX);
	FUZZ_ASSERT(!ra.mtu || ra.mtu >= 1280);
	FUZZ_ASSERT(!ra.n_read || !ra.n_malformed);
	while ((next_ns = el_ra_next_ns(&ra)) != UINT64_MAX) {
		FUZZ_ASSERT(next_ns > now_ns || now_ns == 2);
		FUZZ_ASSERT(el_ra_addresses(&ra, now_ns, addresses) <= ra.n_prefixes);
		now_ns = next_ns;
		FUZZ_ASSERT(el_ra_tick(&ra, now_ns));
	}
	FUZZ_ASSERT(ra.n_routers == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el_neigh_address own[2] = {0};
	const struct el_neigh_port port = {
	    .addresses = own, .n_addresses = 2, .mac = {2, 0, 0, 0, 0, 1}};
	struct el_ip peers[2];
	unsigned sent = 0;
	const struct el_neigh_config config = {
	    .ports = &port,
	    .n_ports = 1,
	    .max_entries = 2,
	    .callbacks = {.send = on_send, .changed = on_changed, .context = &sent},
	};
	struct el_neigh_table *table;
	enum el_neigh_input what;

	FUZZ_ASSERT(el_prefix_parse("192.0.2.10/24", &own[0].prefix) == 0);
	FUZZ_ASSERT(el_prefix_parse("2001:db8::10/64", &own[1].prefix) == 0);
	FUZZ_ASSERT(el_ip_parse("192.0.2.1", &peers[0]) == 0);
	FUZZ_ASSERT(el_ip_parse("2001:db8::1", &peers[1]) == 0);
	table = el_neigh_create(&config);
	FUZZ_ASSERT(table);
	for (int i = 0; i < 2; i++)
		FUZZ_ASSERT(el_neigh_need(table, (struct el_next_hop_idx){(uint16_t)i},
					  (struct el_port_idx){0}, &peers[i], 1) == 0);
	what = el_neigh_input(table, (struct el_port_idx){0}, data, size, 2);
	/* two requests, and at most an answer and one more request */
	FUZZ_ASSERT(sent >= 2 && sent <= 4);
	FUZZ_ASSERT(what != EL_NEIGH_MALFORMED || sent == 2);
	hear_router(data, size);
	el_neigh_destroy(table);
	return 0;
}
