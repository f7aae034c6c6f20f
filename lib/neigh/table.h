/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* The neighbour table, as its two halves see it: neigh.c has the entries and their phases,
 * exchange.c what is asked and answered. Private to lib/neigh. */
#include "due.h"
#include "el_neigh.h"

/* INCOMPLETE and UNREACHABLE have no MAC address that counts. CHALLENGED: somebody claims to be it,
 * and whom we know is asked. CONTESTED: it has just answered that. */
enum phase {
	FREE,
	INCOMPLETE,
	REACHABLE,
	REFRESHING,
	DOUBTFUL,
	CHALLENGED,
	CONTESTED,
	UNREACHABLE,
	FIXED
};
enum request { NO_REQUEST, MULTICAST, UNICAST }; /* ARP's multicast is a broadcast */

struct entry {
	struct el_ip ip;
	struct el_port_idx port;
	uint8_t mac[6];
	enum phase phase;
	uint8_t waits; /* begun in this phase */
	bool claimed;  /* by another MAC address, which nobody has verified: `claim` */
	uint8_t claim[6];
	uint64_t check_ns; /* when a claim may be checked again */
	uint32_t next;     /* index + 1 of the next with the same hash */
	uint8_t failures;  /* requests in a row that nobody has answered, since it is UNREACHABLE */
	bool has_turn;     /* its request may be sent at turn_ns, which is its deadline */
	uint64_t turn_ns;
};

/* Who may be asked when: requests of a kind follow each other at a distance. */
enum turn { TURN_UNICAST, TURN_MULTICAST, TURN_UNREACHABLE, TURNS };

struct port {
	uint8_t mac[6];
	uint16_t vlan;
	struct el_neigh_address *addresses;
	size_t n_addresses;
	uint64_t turn_ns[TURNS]; /* when as many may go out at once again as ever may */
	struct el_neigh_counters counters;
};

struct el_neigh_table {
	struct el_neigh_callbacks callbacks;
	struct port *ports;
	size_t n_ports;
	struct entry *entries; /* by index; the memory moves when there are more */
	uint32_t n_entries;    /* there is room for, a power of two */
	uint32_t max_entries;
	uint32_t n_pending;
	uint32_t *buckets; /* [n_entries]: index + 1 of the first entry by hash */
	struct due due;    /* what has a deadline */
};

/* ---- neigh.c ---- */

/* The entry of a neighbour, or NULL. */
struct entry *table_find(const struct el_neigh_table *t, struct el_port_idx port,
			 const struct el_ip *ip);

/* An entry has this MAC address and is in this phase from now on; others are told. */
void table_learn(struct el_neigh_table *t, struct entry *e, const uint8_t mac[6], enum phase phase,
		 uint64_t now_ns);

/* An entry goes into another phase, with its MAC address as it is. */
void table_begin(struct el_neigh_table *t, struct entry *e, enum phase phase, uint64_t now_ns);

/* True if an entry of this phase has a MAC address that is used. */
bool table_is_ready(const struct entry *e);

/* ---- exchange.c ---- */

/* What of `p` covers `ip`, an address of our own; else NULL. */
const struct el_neigh_address *table_find_own(const struct port *p, const struct el_ip *ip);

/* Sends a request for an entry, if that is one to be asked for; false if it can't be sent now. */
bool exchange_ask(struct el_neigh_table *t, const struct entry *e, enum request how);
