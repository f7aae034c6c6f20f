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
	bool watched;      /* el_neigh_watch */
	bool has_turn;     /* its request may be sent at turn_ns, which is its deadline */
	uint64_t turn_ns;
};

/* Who may be asked when: requests of a kind follow each other at a distance. */
enum turn { TURN_UNICAST, TURN_MULTICAST, TURN_UNREACHABLE, TURNS };

/* An address of our own: OWN_ASKED, whether anybody has it; OWN_REFUSED, for somebody has.
 * OWN_DOUBTED: somebody seems to use it, too; it is used while that is asked. */
enum own_phase { OWN_USED, OWN_DOUBTED, OWN_ASKED, OWN_REFUSED };

struct own {
	enum own_phase phase;
	uint8_t sent;      /* probes or announcements, in this phase */
	bool was_refused;  /* and has not been used since */
	uint64_t due_ns;   /* UINT64_MAX: never */
	uint64_t doubt_ns; /* when it may be doubted again */
};

struct port {
	uint8_t mac[6];
	el_vlan vlan;
	struct el_neigh_address *addresses;
	struct own *own; /* of each of them */
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
	bool is_deaf; /* el_neigh_set_deaf */
	uint32_t n_pending;
	uint32_t n_asked;    /* own addresses that are OWN_ASKED */
	uint64_t own_due_ns; /* when the first of them all is due */
	uint32_t *buckets;   /* [n_entries]: index + 1 of the first entry by hash */
	struct due due;      /* what has a deadline */
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

/* ---- own.c ---- */

/* What of `p` covers `ip`, an address of our own that is not refused; else NULL. */
const struct el_neigh_address *table_find_own(const struct port *p, const struct el_ip *ip);

/* Whether it is used, and not still being checked. */
bool own_is_used(const struct port *p, const struct el_neigh_address *address);

/* Who asks for neighbour `ip`: the address on its network, else any of its family (a link-local one
 * only where there is no other), else none. False: that is not known yet, for it is being checked.
 */
bool own_source(const struct port *p, const struct el_ip *ip, struct el_ip *ret_source);

/* Whether a port without a source asks for neighbours without saying one. In IPv6 that would be
 * another's check for duplicates. In IPv4 hosts take it for one only while they check the same
 * address: where the port has none, or probes from a range that is routed to it, there is no other
 * way; where it has lost what it had to another host, nothing is sent. */
bool own_may_ask_as_nobody(const struct port *p, uint8_t family);

/* `other` has an address that is being checked. */
void own_refuse(struct el_neigh_table *t, struct el_port_idx port,
		const struct el_neigh_address *address, const uint8_t *other, uint64_t now_ns);

/* `other` uses an address that we use: all are told that it is ours, and then it is asked who has
 * it. is_answer: it answers that; then it is not used any more, for two that have an address take
 * each other's packets (RFC 5227 section 2.4, where the next packet of the other's decides; that
 * may be forged by anybody). One that is not to be checked stays in any case. */
void own_doubt(struct el_neigh_table *t, struct el_port_idx port,
	       const struct el_neigh_address *address, const uint8_t *other, bool is_answer,
	       uint64_t now_ns);

/* The link of a port was down: what is to be checked there is checked again, used or not, as others
 * may be on the link now (RFC 5227 section 2.1). */
void own_ask_again(struct el_neigh_table *t, struct el_port_idx port, uint64_t now_ns);

/* Does what is due, and says when the next is. */
void own_tick(struct el_neigh_table *t, uint64_t now_ns);

/* ---- exchange.c ---- */

/* Sends an ARP probe or a solicitation for an address that is to be ours, or, `announce`, tells all
 * that it is (RFC 5227 section 2.3, RFC 4861 section 7.2.6). False: not now. */
bool exchange_probe(struct el_neigh_table *t, struct el_port_idx port, const struct el_ip *ip,
		    bool announce);

/* Sends a request for an entry, if that is one to be asked for; false if it can't be sent now. */
bool exchange_ask(struct el_neigh_table *t, const struct entry *e, enum request how);
