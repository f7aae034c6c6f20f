/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* Where packets go next: routes to a next hop (route.c), next hops to link-layer addresses
 * (neigh.c), and what the kernel knows of both (kernel.c). Everything here is for one thread,
 * control's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "el_base.h"
#include "el_conf.h"
#include "el_pkt.h"

/* ---- routes: pure ---- */

struct el_route {
	struct el_port_idx port;
	struct el_prefix to; /* a network; length 0 for the default route */
	struct el_ip via;    /* family 0: the destination is on the link */
	struct el_ip source; /* the own address to send from; family 0: none is known */
};

/* Zeroed memory: none. */
struct el_routes {
	struct el_route *items;
	size_t count;
	/* el_routes_index; NULL: it was not called since the last one came */
	struct el_routes_index *index;
};

/* What a destination comes to. */
struct el_route_hop {
	struct el_port_idx port;
	struct el_ip next_hop; /* the gateway, or the destination itself */
	struct el_ip source;   /* family 0: none is known */
	uint8_t len;           /* of the prefix that the destination is in */
	uint8_t zero;          /* so that equal ones are equal byte by byte, as digests take them */
};
_Static_assert(sizeof(struct el_route_hop) ==
		   sizeof(struct el_port_idx) + 2 * sizeof(struct el_ip) + 2,
	       "there is no padding");

/* The best of `routes` to `dst`: those of the longest prefix that contains it, and only by those of
 * the first 32 ports that have their bit in `ports`. Up to `max` of them, in order, into ret_hops;
 * how many. With an index it takes a hash for each length of a prefix that there is, without one as
 * long as there are routes (tests/bench: bench_routes). */
size_t el_routes_lookup(const struct el_routes *routes, const struct el_ip *dst, uint32_t ports,
			struct el_route_hop *ret_hops, size_t max);

/* Has look-ups be quick from now on. 0 or -ENOMEM, and then all is as it was. */
int el_routes_index(struct el_routes *routes);

/* Adds what a port's configuration says: a route to the network of each of its addresses, a default
 * route by each gateway, and its routes. A gateway has to be on one of the port's networks, unless
 * it is an IPv6 link-local address, or all its addresses of that family are host addresses (/32,
 * /128). 0, -EINVAL (with a sentence, and
 * `routes` as it was), or -ENOMEM. */
int el_routes_add_conf(struct el_routes *routes, struct el_port_idx port,
		       const struct el_conf_port *conf, struct el_error *err);

/* Appends a copy of `route`. 0 or -ENOMEM. */
int el_routes_add(struct el_routes *routes, const struct el_route *route);

/* The own address to send from to network `to`, over gateway `via` (family 0: none): the first of
 * `addresses` on the next hop's network, else the first of its family, else none. A link-local IPv6
 * address only for what is link-local too, or where there is no other. */
struct el_ip el_route_source(const struct el_prefix *addresses, size_t n, const struct el_ip *to,
			     const struct el_ip *via);

void el_routes_fini(struct el_routes *routes);

/* ---- neighbours: pure ---- */

enum el_neigh_state {
	EL_NEIGH_PENDING, /* asked for, not answered yet */
	EL_NEIGH_READY,   /* the MAC address is known */
	EL_NEIGH_FAILED,  /* it does not answer; it is still asked, ever more rarely */
};

/* An address, or addresses, of our own. */
struct el_neigh_address {
	/* an address with the length of its link's prefix, host bits set */
	struct el_prefix prefix;
	/* or, with host bits cleared, a source subnet: all its addresses but the first are ours */
	bool range;
	bool kernel; /* the kernel answers for it: we don't */
	/* It is asked for before it is used: another host may have it. Not of a range. */
	bool check;
};

struct el_neigh_port {
	uint8_t mac[6];
	el_vlan vlan;
	const struct el_neigh_address *addresses;
	size_t n_addresses;
};

/* An entry as others see it. */
struct el_neigh {
	struct el_port_idx port;
	struct el_ip ip;
	enum el_neigh_state state;
	uint8_t mac[6]; /* if READY */
};

/* What is worth telling somebody. */
enum el_neigh_event_kind {
	EL_NEIGH_OWN_CONFLICT, /* `other` uses `ip`, an address of ours */
	/* `other` claims to be neighbour `ip`, but `mac`, which is used, has been asked and still
	 * answers */
	EL_NEIGH_NEIGHBOUR_CONFLICT,
	EL_NEIGH_MOVED, /* neighbour `ip` answers at `other`; it was `mac`, which does not answer */
};

struct el_neigh_event {
	enum el_neigh_event_kind kind;
	struct el_port_idx port;
	struct el_ip ip;
	uint8_t mac[6], other[6];
};

struct el_neigh_callbacks {
	/* Sends a whole frame, of 60 to 94 bytes, by `port`; the memory is the caller's. False if
	 * it can't now: requests are then tried again 10 ms later. */
	bool (*send)(void *context, struct el_port_idx port, const uint8_t *frame, size_t len);
	/* Entry `index` has another state or MAC address than before. */
	void (*changed)(void *context, struct el_next_hop_idx index, const struct el_neigh *entry);
	/* An address of ours that was to be checked is ours to use (also again), or, the first time
	 * that it turns out, not: `other` has it. NULL: not wanted. */
	void (*own)(void *context, struct el_port_idx port, const struct el_ip *ip, bool is_ours,
		    const uint8_t other[6]);
	/* Called as often as it happens, which a flood of frames decides; NULL: not wanted. */
	void (*event)(void *context, const struct el_neigh_event *event);
	void *context;
};

struct el_neigh_config {
	const struct el_neigh_port *ports; /* copied, addresses included */
	size_t n_ports;
	uint32_t max_entries;                /* at most 65,536; memory is taken as they come */
	struct el_neigh_callbacks callbacks; /* called from within need, input and tick only */
};

/* Of a port. */
struct el_neigh_counters {
	uint64_t requests_sent, replies_sent;
	uint64_t send_refused;
	uint64_t malformed; /* ARP packets and NDP messages that can't be */
	/* Events, by their kind: frames that used an address of ours; claims that were refuted, at
	 * most one a second and neighbour; MAC addresses that were replaced. */
	uint64_t own_conflicts, neighbour_conflicts, moves;
};

/* What an incoming frame was. */
enum el_neigh_input {
	EL_NEIGH_IGNORED,  /* neither ARP nor NDP, another VLAN's, or nothing that concerns us */
	EL_NEIGH_LEARNT,   /* it came from a neighbour of ours */
	EL_NEIGH_DOUBTED,  /* it names a MAC address for a neighbour that is to be verified first */
	EL_NEIGH_ANSWERED, /* a request for an address of ours */
	EL_NEIGH_MALFORMED,
	EL_NEIGH_CONFLICT, /* somebody uses an address of ours, or one that was to be */
};

struct el_neigh_table;

/* All `now_ns` are of one monotonic clock. NULL with errno. */
struct el_neigh_table *el_neigh_create(const struct el_neigh_config *config);
void el_neigh_destroy(struct el_neigh_table *t);

/* The addresses of a port that are ours from now on; copied. 0 or -ENOMEM, and then they are as
 * before.
 *
 * One that is to be checked and was not there yet is asked for on the link for a second: three ARP
 * probes (RFC 5227 section 2.1, but faster), or a neighbour solicitation (RFC 4862 section 5.4).
 * Until then nothing is sent from it, nobody who asks is told, and next hops that would be asked
 * from it are PENDING. If somebody has it, or asks for it in the same way, it is not ours; it is
 * asked for again every minute. If nobody has, that is announced (RFC 5227 section 2.3). If
 * somebody seems to use it later, all are told that it is ours, and it is asked for again while it
 * is used; who then still answers to it has it. */
int el_neigh_set_addresses(struct el_neigh_table *t, struct el_port_idx port,
			   const struct el_neigh_address *addresses, size_t n);

/* Whether a port of these addresses can have a neighbour of address `ip`: 0; -EINVAL: it is of no
 * single host, or one of our own; -EADDRNOTAVAIL: an IPv6 address, and there is none to ask from.
 * Any thread. */
int el_neigh_check(const struct el_neigh_address *addresses, size_t n, const struct el_ip *ip);

/* Next hop `ip` has entry `index` from now on; if it had not, it is asked for, by ARP or, IPv6, by
 * neighbour discovery. By each port at most 1,000 multicast requests a second are sent, after the
 * first 64: those for many new next hops follow each other, and count as PENDING meanwhile. Who
 * does not answer within five requests is FAILED, and asked after 5, 10, 20 and 40 s and then every
 * minute, a quarter less by chance, as far as 200 requests a second suffice for them all; at once
 * when anything is heard of it. Whom el_neigh_check refuses is not asked for as long as it does.
 * 0; -EINVAL for an index or port that there is not, or an address of no single host; -EEXIST if
 * the entry is another's, or the next hop has another; -ENOMEM. */
int el_neigh_need(struct el_neigh_table *t, struct el_next_hop_idx index, struct el_port_idx port,
		  const struct el_ip *ip, uint64_t now_ns);

/* Another can stand in for this entry, a gateway for another: so that this is soon known to be
 * wanted, and not any more, it is asked every 5 s whether it answers or not, as long as it is
 * there. */
void el_neigh_watch(struct el_neigh_table *t, struct el_next_hop_idx index, uint64_t now_ns);

/* An entry whose MAC address is given and is never asked for. As el_neigh_need otherwise. */
int el_neigh_set_static(struct el_neigh_table *t, struct el_next_hop_idx index,
			struct el_port_idx port, const struct el_ip *ip, const uint8_t mac[6]);

/* The link of a port is up again: all are asked as if they were new, for what was asked meanwhile
 * is lost, and another may be in a neighbour's place; its MAC address is used until somebody
 * answers. Addresses of our own that are to be checked are checked again. Looks at all entries. */
void el_neigh_ask_again(struct el_neigh_table *t, struct el_port_idx port, uint64_t now_ns);

/* Whether an address of ours on a port is being checked: nothing may be sent from it yet. */
bool el_neigh_is_checking(const struct el_neigh_table *t, struct el_port_idx port);

/* Forgets an entry; another may have its index. */
void el_neigh_release(struct el_neigh_table *t, struct el_next_hop_idx index);

/* A frame that came in by `port`: ARP, a neighbour solicitation or advertisement, or something
 * else. A MAC address is only taken from an answer to what was asked, and never while the one that
 * is used still answers: whatever else names another has that one asked, three times within a
 * second, and then everybody. Solicitations for addresses of ours are answered, also those of hosts
 * that want to know whether an address is free (RFC 4862 section 5.4); our own are used without
 * asking so. Reads nothing past `len`. */
enum el_neigh_input el_neigh_input(struct el_neigh_table *t, struct el_port_idx port,
				   const uint8_t *frame, size_t len, uint64_t now_ns);

/* While it is deaf, because who is to send requests and hear answers is away, silence proves
 * nothing: nobody is given up and no address taken; they are asked again. */
void el_neigh_set_deaf(struct el_neigh_table *t, bool is_deaf);

/* Does what is due: repeated and refreshing requests, giving up. */
void el_neigh_tick(struct el_neigh_table *t, uint64_t now_ns);

/* When el_neigh_tick is to be called next; UINT64_MAX: not before something changes. */
uint64_t el_neigh_next_deadline(const struct el_neigh_table *t);

/* 0, or -ENOENT. */
int el_neigh_get(const struct el_neigh_table *t, struct el_next_hop_idx index,
		 struct el_neigh *ret_neigh);

/* How many entries are PENDING, and addresses of our own being checked. */
unsigned el_neigh_count_pending(const struct el_neigh_table *t);

/* The header that takes a packet of `ethertype` to entry `index`: destination, source, VLAN tags
 * where the port has any, type. Its length (14, 18 or 22); zeros for the destination while it is
 * not known. 0 if there is no entry. */
#define EL_NEIGH_HEADER_MAX (14 + EL_TAGS_LEN_MAX)
size_t el_neigh_header(const struct el_neigh_table *t, struct el_next_hop_idx index,
		       uint16_t ethertype, uint8_t ret_header[EL_NEIGH_HEADER_MAX]);

void el_neigh_counters_read(const struct el_neigh_table *t, struct el_port_idx port,
			    struct el_neigh_counters *ret_counters);

/* ---- the kernel's addresses in this thread's network namespace, by netlink ---- */

struct el_kernel_addresses {
	struct el_prefix *items; /* to be freed with free() */
	size_t count;
};

/* The addresses of an interface, of all interfaces for ifindex 0; those that may not be used yet
 * (tentative, duplicate) are left out. Waits, at most 2 s, for the kernel. 0, or -errno with a
 * sentence. */
int el_kernel_addresses(unsigned ifindex, struct el_kernel_addresses *ret_addresses,
			struct el_error *err);

/* True if `addresses` has `ip`: the kernel answers for it. */
bool el_kernel_owns(const struct el_kernel_addresses *addresses, const struct el_ip *ip);
