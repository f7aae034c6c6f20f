/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame to a table of neighbours that waits for one of each family: ARP, neighbour discovery and
 * whatever else. */
#include <string.h>

#include "el_neigh.h"
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
	el_neigh_destroy(table);
	return 0;
}
